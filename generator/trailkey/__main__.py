"""``python -m trailkey``: the same as ``trailkey``."""

from trailkey.cli import main

if __name__ == "__main__":
    main()
