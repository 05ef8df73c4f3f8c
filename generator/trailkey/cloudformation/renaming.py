"""Names put in place of other names throughout a document: accounts, organizations, buckets of one world as those of another."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

_ACCOUNT = re.compile(r"\d{12}")


def rename(value: Any, names: Mapping[str, str]) -> Any:
    """Return a plain document with names replaced, in its values and its keys.

    Only whole names count: an account id is not found inside a longer number, a bucket's name not inside another's. All are
    replaced at once, so two worlds may swap names; of two that begin alike the longer one is taken.
    """
    if not names:
        return value
    longest_first = sorted(names, key=lambda name: (-len(name), name))
    pattern = re.compile("|".join(map(_whole, longest_first)))
    return _renamed(value, pattern, names)


def _whole(name: str) -> str:
    # Account ids also stand between hyphens (logs-222222222222); in other names a hyphen or a dot goes on.
    inside = "A-Za-z0-9" if _ACCOUNT.fullmatch(name) else r"\w.-"
    return rf"(?<![{inside}]){re.escape(name)}(?![{inside}])"


def _renamed(value: Any, pattern: re.Pattern[str], names: Mapping[str, str]) -> Any:
    if isinstance(value, str):
        return pattern.sub(lambda match: names[match[0]], value)
    if isinstance(value, dict):
        return {_renamed(key, pattern, names): _renamed(item, pattern, names) for key, item in value.items()}
    return [_renamed(item, pattern, names) for item in value] if isinstance(value, list) else value
