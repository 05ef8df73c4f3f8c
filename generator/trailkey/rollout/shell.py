"""Words of a shell script, quoted where they must be."""

from __future__ import annotations

import shlex


def words(*texts: str) -> str:
    """Return texts as words of a command, each on one line whatever it holds."""
    return " ".join(shlex.quote(" ".join(text.splitlines())) for text in texts)
