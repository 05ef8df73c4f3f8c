"""Matching a text against a pattern with ``*`` (any run of characters) and ``?`` (exactly one), as IAM does.

https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_condition_operators.html
"""

from __future__ import annotations

import re
from functools import lru_cache, partial
from operator import eq
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable

# What stands for a literal * or ? inside a pattern once a policy variable is filled in. Unicode sets these two code points
# aside for a program's own use, so no policy and no request carries them.
_MARK: Final = str.maketrans("*?", "\ufdd0\ufdd1")
UNMARK: Final = str.maketrans("\ufdd0\ufdd1", "*?")


def literal(text: str) -> str:
    """Return a pattern that matches exactly ``text``, whatever wildcards it holds."""
    return text.translate(_MARK)


@lru_cache(maxsize=8192)
def matcher(pattern: str) -> Callable[[str], bool]:
    """Return the test whether a whole text matches ``pattern``; case counts."""
    if "*" not in pattern and "?" not in pattern:
        return partial(eq, pattern.translate(UNMARK))
    fullmatch = re.compile(_regex(pattern, "."), re.DOTALL).fullmatch
    return lambda text: fullmatch(text) is not None


@lru_cache(maxsize=8192)
def arn_matcher(pattern: str) -> Callable[[str], bool]:
    """Return the test of the ARN operators: each of the six parts for itself, so that ``*`` stays within its part.

    A text that is not an ARN matches no pattern, and a pattern that is not one matches no text.
    """
    *front, last = pattern.split(":", 5)
    if len(front) < 5:
        return lambda _: False
    if "*" not in pattern and "?" not in pattern:
        return partial(eq, pattern.translate(UNMARK))
    # The sixth part, the resource, may hold colons itself.
    parts = [*(_regex(part, "[^:]") for part in front), _regex(last, ".")]
    fullmatch = re.compile(":".join(parts), re.DOTALL).fullmatch
    return lambda text: fullmatch(text) is not None


def _regex(pattern: str, one: str) -> str:
    """Translate a pattern; ``one`` matches a single character of those that wildcards may match.

    Each run between two stars is taken at its first place and never tried again (an atomic group): the match cannot need
    another one, and so a pattern with many stars stays fast on every text.
    """
    runs = [
        "".join(one if char == "?" else re.escape(char.translate(UNMARK)) for char in run) for run in pattern.split("*")
    ]
    if len(runs) == 1:
        return runs[0]
    head, *middle, tail = runs
    return head + "".join(f"(?>{one}*?{run})" for run in middle if run) + f"{one}*{tail}"
