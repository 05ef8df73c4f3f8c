"""Text from a file or from standard input."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from trailkey.errors import UsageError

if TYPE_CHECKING:
    from pathlib import Path


def read_text(path: Path) -> tuple[str, str]:
    """Return the text of a file, and what errors call it; ``-`` is standard input.

    Raises:
        UsageError: no such file, not readable, or not UTF-8.
    """
    try:
        if str(path) == "-":
            return sys.stdin.buffer.read().decode("utf-8-sig"), "standard input"
        return path.read_text(encoding="utf-8-sig"), str(path)
    except FileNotFoundError as error:
        raise UsageError(f"{path}: no such file; name a file that is there") from error
    except UnicodeDecodeError as error:
        raise UsageError(f"{path}: not UTF-8 text; save it as UTF-8") from error
    except OSError as error:
        raise UsageError(f"{path}: cannot be read ({error.strerror}); name a readable file") from error
