"""Placeholders of shells, pipelines and template engines in a config, which has no variables: nothing would fill them in."""

from __future__ import annotations

import re
from typing import Final

_PLACEHOLDER: Final = re.compile(r"\$\{[^}\n]*\}|\$\([^)\n]*\)|\{\{(?!\s*(?i:resolve)\s*:)[^}\n]*\}\}")
_FREE_TEXT: Final = ("description", "reason")
"""Keys whose text is for people: it may speak of ``${aws:username}``."""
_ADVICE: Final = "a config has no variables; write the value, and for a second world a file that extends this one"


def unfilled(text: str, key: str | int = "") -> str:
    """Return how the text of a key is refused that holds a placeholder; empty where it holds none, or is for people."""
    found = None if key in _FREE_TEXT else _PLACEHOLDER.search(text)
    return f"{found[0]!r} is not filled in; {_ADVICE}" if found else ""


def unfilled_line(line: str) -> str:
    """Return how a line is refused that is not valid YAML and holds a placeholder outside of a comment; empty where it holds none."""
    found = _PLACEHOLDER.search(re.sub(r"(?:^|\s)#.*", "", line))
    return f"not valid YAML at {found[0]!r}; {_ADVICE}" if found else ""
