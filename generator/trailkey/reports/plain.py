"""Texts from outside, such as a policy's, as part of what is printed: they never begin a line, move a cursor or make markup."""

from __future__ import annotations

import re
from typing import Final

_MARKUP: Final = re.compile(r"[\\`*\[\]<~]|&(?=#?\w+;)|(?<![^\W_])_|_(?![^\W_])")
"""What Markdown takes for emphasis, links, images, code, tags and entities; an underscore within a word is none of them."""
_ENTITIES: Final = {"<": "&lt;", "&": "&amp;"}
_TICKS: Final = re.compile("`+")


def one_line(text: str) -> str:
    """Return a text as one line of a terminal or log: what is not printable is written as Python escapes it."""
    if text.isprintable():
        return text
    return "".join(one if one.isprintable() else one.encode("unicode_escape").decode() for one in text)


def markdown(text: str) -> str:
    """Return a text on one line that Markdown shows as it is: no link, image, tag, code or emphasis of its own.

    It is not for the beginning of a line, where more is markup; a ``|`` in it is for the table to escape.
    """
    line = one_line(" ".join(text.split()))
    return _MARKUP.sub(lambda found: _ENTITIES.get(found[0], f"\\{found[0]}"), line)


def code(text: str) -> str:
    """Return a text on one line as Markdown's code, whatever back ticks it holds.

    See: https://spec.commonmark.org/0.31.2/#code-spans
    """
    line = one_line(text)
    if "\\" in line and "|" in line:  # no code in a table holds both
        return markdown(line)
    fence = "`" * (max(map(len, _TICKS.findall(line)), default=0) + 1)
    space = " " if line[:1] == "`" or line[-1:] == "`" else ""
    return f"{fence}{space}{line}{space}{fence}"
