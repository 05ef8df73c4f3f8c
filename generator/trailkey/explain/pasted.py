"""Text as it is pasted: from terminals, logs, consoles and documents, with colours, boxes, time stamps and lines broken anywhere.

Two views of one text: its lines without what surrounds them, for people, and folded, without white space, quotes and bars, in which words
are found wherever a terminal broke them.
"""

from __future__ import annotations

import html
import re
from bisect import bisect_right
from dataclasses import dataclass
from functools import cached_property
from itertools import accumulate
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

LONGEST_LINE: Final = 2_000
"""Characters of one line; what is longer, as logs of one line are, is taken as several."""

_NEARBY: Final = 6
"""Lines on both sides of some that show how wide the terminal was."""
_COLOURS: Final = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)|[@-Z\\-_])")
_BOXES: Final = re.compile("[\u2500-\u259f]+")
"""What tables and frames are drawn with."""
_ESCAPES: Final = (("\\r", ""), ("\\n", "\n"), ("\\t", " "), ('\\"', '"'))
"""White space and quotes as a text in JSON has them, for what holds such a text and is not JSON."""
_CODED: Final = re.compile(r"\\u([0-9a-fA-F]{4})")
QUOTES: Final = "\"'`\u2018\u2019\u201c\u201d\\|"
"""Quotes of all kinds, the backslash before some, and the bars of tables."""
_LINE_STARTS: Final = re.compile(
    r"^(?=[>|* \t\[\d])[>|* \t]*(?:\[?\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d[\d.,]*(?:Z|[+-]\d\d:?\d\d)?\]?\s+[>|* \t]*)?",
    re.MULTILINE,
)
"""Marks of a quotation or a table, and the time at which a log took the line."""
_NOT_TEXT: Final = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]+")


def squashed(text: str) -> str:
    """Return a text folded, without white space, quotes and bars of tables."""
    return "".join(_folded(text).split())


@dataclass(frozen=True)
class Pasted:
    """A text by its lines; ``words`` are all of them squashed, and ``starts`` where each line begins there.

    ``shown`` is the text as it was shown, with what its lines begin with.
    """

    lines: Sequence[str]
    words: str
    starts: Sequence[int]
    shown: str

    @cached_property
    def _rows(self) -> Sequence[str]:
        rows = list(_lines(self.shown))
        return rows if len(rows) == len(self.lines) else [""] * len(self.lines)

    def line_at(self, position: int) -> int:
        """Return the line that a position of ``words`` is in."""
        return bisect_right(self.starts, position) - 1

    def within(self, line: int, characters: int) -> int:
        """Return the last line, or before zero the first, that is within so many characters of a line."""
        step = 1 if characters > 0 else -1
        left = abs(characters)
        while 0 <= line + step < len(self.lines) and left > 0:
            line += step
            left -= len(self.lines[line]) + 1
        return line

    def between(self, first: int, last: int) -> str:
        """Return the lines from first to last as one, with single spaces, and none where a terminal broke a line.

        Lines that a terminal broke are as wide as it is, so that several of them are equally wide and none nearby is wider.
        """
        first, last = max(first, 0), min(last, len(self.lines) - 1)
        widths = [len(row) for row in self._rows[max(first - _NEARBY, 0) : last + _NEARBY]] if last > first else []
        full = max(widths, default=0)
        broken = full if widths.count(full) > 1 else 0
        parts: list[str] = []
        for line, row, after in zip(
            self.lines[first : last + 1], self._rows[first:], [*self._rows[first + 1 : last + 1], ""], strict=False
        ):
            whole = not broken or len(row) < broken or after.startswith(" ")
            parts += (line, " " if whole else "")
        return " ".join("".join(parts).split())


def pasted(text: str) -> Pasted:
    """Return a text as it was before it was shown and copied."""
    if "\x1b" in text:
        text = _COLOURS.sub("", text)
    if "\\" in text:
        for escape, meant in _ESCAPES:
            text = text.replace(escape, meant)
        text = _CODED.sub(lambda found: chr(int(found[1], 16)), text)
    if not text.isascii():
        text = _BOXES.sub(" ", text)
    if "&" in text:
        text = html.unescape(text)
    shown = _NOT_TEXT.sub(" ", text.replace("\r\n", "\n").replace("\r", "\n"))
    lines = list(_lines(_LINE_STARTS.sub("", shown)))
    # As squashed() does with each, but folded at once: a log may have millions of lines.
    parts = ["".join(line.split()) for line in _folded("\n".join(lines)).split("\n")]
    return Pasted(lines, "".join(parts), [0, *accumulate(map(len, parts))][: max(len(parts), 1)], shown)


def _folded(text: str) -> str:
    text = text.casefold()
    for quote in QUOTES:
        text = text.replace(quote, "")
    return text


def _lines(text: str) -> Iterator[str]:
    for line in text.split("\n"):
        if len(line) <= LONGEST_LINE:
            yield line
            continue
        for start in range(0, len(line), LONGEST_LINE):
            yield line[start : start + LONGEST_LINE]
