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
LITERAL_ANY: Final = "\ufdd0"
LITERAL_ONE: Final = "\ufdd1"
_UNMARK = str.maketrans({LITERAL_ANY: "*", LITERAL_ONE: "?"})
_MARK = str.maketrans({"*": LITERAL_ANY, "?": LITERAL_ONE})


def literal(text: str) -> str:
    """Return a pattern that matches exactly ``text``, whatever wildcards it holds."""
    return text.translate(_MARK)


@lru_cache(maxsize=8192)
def matcher(pattern: str) -> Callable[[str], bool]:
    """Return the test whether a whole text matches ``pattern``; case counts."""
    if "*" not in pattern and "?" not in pattern:
        return partial(eq, pattern.translate(_UNMARK))
    # Each run between two stars is taken at its first place and never tried again (an atomic group): the match cannot need
    # another one, and so a pattern with many stars stays fast on every text.
    head, *middle = (_pieces(part) for part in pattern.split("*"))
    if not middle:
        regex = head
    else:
        *middle, tail = middle
        regex = head + "".join(f"(?>.*?{part})" for part in middle if part) + f".*{tail}"
    fullmatch = re.compile(regex, re.DOTALL).fullmatch
    return lambda text: fullmatch(text) is not None


@lru_cache(maxsize=8192)
def arn_matcher(pattern: str) -> Callable[[str], bool]:
    """Return the test of the ARN operators: each of the six parts for itself, so that ``*`` stays within its part.

    A text that is no ARN matches no pattern, and a pattern that is none matches no text.
    """
    parts = pattern.split(":", 5)
    tests = [matcher(part) for part in parts]

    def test(text: str) -> bool:
        given = text.split(":", 5)
        return len(given) == 6 and all(test(part) for test, part in zip(tests, given, strict=True))

    return test if len(parts) == 6 else lambda _: False


def _pieces(part: str) -> str:
    return "".join("." if char == "?" else re.escape(char.translate(_UNMARK)) for char in part)
