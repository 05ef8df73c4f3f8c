"""The report on access for the terminal: the same as access.md, in tables that fit 80 columns, and in blocks below that."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from rich import box
from rich.cells import cell_len
from rich.table import Table
from rich.text import Text

from trailkey.proofs.residual_risk import ASSUMPTIONS
from trailkey.reports.access import (
    HELD,
    LEGEND,
    PROVEN,
    READERS,
    lock,
    organization_policies,
    place,
    reader_rows,
    remaining,
    title,
    title_of_bucket,
    word,
)
from trailkey.reports.findings import where_text
from trailkey.reports.plain import one_line
from trailkey.reports.view import bounds, deciding

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from rich.console import Console, ConsoleOptions, RenderableType, RenderResult

    from trailkey.proofs.matrix import Cell, Matrix
    from trailkey.reports.view import Access, PolicyAccess

_STYLES: Final = {"yes": "bold", "IAM": "bold cyan", "no": "dim", "denied": "green", "unknown": "bold magenta"}
_BROKEN: Final = {
    " ": "\n",
    "encrypt": "en-\ncrypt",
    "decrypt": "de-\ncrypt",
    "administer": "admi-\nnister",
    "disable": "dis-\nable",
}
"""Where headings break, which stand above narrow columns."""


def as_table(access: Access) -> Iterator[RenderableType]:
    """Yield what to print, part by part. Nothing in it is taken for markup."""
    yield Text(f"Access: {access.deployment.name}", style="bold")
    if access.deployment.notices:
        yield _heading("Notices")
        yield from _list(access.deployment.notices)
    if access.verdict.accepted:
        yield _heading("Accepted risks")
        for risk in access.verdict.accepted:
            yield from _list([f"{risk.id}: {risk.reason}"])
            yield from _list(f"{one.message} ({where_text(one)})" for one in risk.failing)
    for matrix in (*access.matrices, *filter(None, [access.bucket])):
        said = title_of_bucket(matrix) if matrix is access.bucket else title(matrix)
        yield _heading(f"{said}, in {place(matrix)}")
        if matrix is access.bucket:
            yield Text(lock(access))
        yield from _whole(matrix)
    yield _heading("A cell says")
    yield from _list(f"{answer}: {meaning}" for answer, meaning in LEGEND)
    if access.deployment.readers:
        yield _heading("Readers, end to end")
        yield _plain(READERS, reader_rows(access))
    if held := list(access.invariants()):
        yield _heading("Invariants")
        yield from _list(f"{one.says}: {HELD[one.proven]}" for one in held)
    yield _heading("Proven")
    yield _plain(PROVEN, ((one.id, one.title, f"{one.proven} of {one.asked}") for one in access.properties()))
    yield _heading("Assumed")
    yield from _list(ASSUMPTIONS)
    yield _heading("What remains")
    yield from _list(remaining(access))
    for lines, policy in organization_policies(access):
        yield Text(" ".join(lines))
        yield Text(json.dumps(policy, indent=2))


def policy_table(access: PolicyAccess) -> Iterator[RenderableType]:
    """Yield what to print of policies that no config describes."""
    for matrix in access.matrices:
        yield _heading(f"{matrix.name}, in {matrix.account.id}, {matrix.region}")
        yield from _whole(matrix)
    yield _heading("A cell says")
    yield from _list(f"{answer}: {meaning}" for answer, meaning in LEGEND)
    if access.assumptions:
        yield _heading("Assumed")
        yield from _list(access.assumptions)


def _whole(matrix: Matrix) -> Iterator[RenderableType]:
    """Yield a matrix, and what its cells leave unsaid."""
    yield _matrix(matrix)
    if parts := list(bounds(matrix)):
        yield _heading("Only in part")
        yield from _list(parts)
    yield _heading("Decided by")
    decided = ((line.row.label, *one) for line in matrix.lines for one in deciding(line, matrix))
    yield _plain(("who", "statement", "cells"), ((who, str(by), ", ".join(cells)) for who, by, cells in decided))


def _matrix(matrix: Matrix) -> _Table:
    columns = [column.label for column in matrix.columns]
    rows = [(_text(line.row.label), *map(_answer, line.cells)) for line in matrix.lines]
    return _Table(("who", *columns), rows, padding=0)


def _answer(cell: Cell) -> Text:
    said = word(cell)
    return Text(said, style=_STYLES[said])


def _plain(head: Sequence[str], rows: Iterable[Sequence[str]]) -> _Table:
    return _Table(head, [[_text(cell) for cell in row] for row in rows], padding=1)


@dataclass(frozen=True, slots=True)
class _Table:
    """A table where every word of it fits the width, and otherwise a block of lines for each row: no cell is ever cut or left out."""

    head: Sequence[str]
    rows: Sequence[Sequence[Text]]
    padding: int
    """Columns of space to the right of each cell, beside the one between two cells."""

    def __rich_console__(self, _console: Console, options: ConsoleOptions) -> RenderResult:
        """Yield the table or the blocks."""
        room = options.max_width - len(self.head) + 1 - self.padding * len(self.head)
        headings = [_broken(one) for one in self.head] if self.padding == 0 else self.head
        texts = [[heading, *(row[index].plain for row in self.rows)] for index, heading in enumerate(headings)]
        widths = _widths(texts, room)
        if not widths:
            yield from self._blocks()
            return
        table = Table(box=box.SIMPLE_HEAD, padding=(0, self.padding, 0, 0), show_edge=False)
        for heading, width in zip(headings, widths, strict=True):
            table.add_column(heading, width=width)
        for row in self.rows:
            table.add_row(*row)
        yield table

    def _blocks(self) -> Iterator[Text]:
        for first, *others in self.rows:
            yield Text(first.plain, style="bold")
            for heading, cell in zip(self.head[1:], others, strict=True):
                yield Text.assemble(f"  {heading}: ", cell)


def _broken(heading: str) -> str:
    """Return a heading with line breaks for a narrow column."""
    for whole, broken in _BROKEN.items():
        heading = heading.replace(whole, broken)
    return heading


def _widths(columns: Sequence[Sequence[str]], room: int) -> list[int]:
    """Return how wide each column of texts is in so much room: no less than its longest word; nothing where these do not fit."""
    found = [max(cell_len(word) for text in texts for word in (*text.split(), "")) for texts in columns]
    wanted = [max(cell_len(line) for text in texts for line in (*text.splitlines(), "")) for texts in columns]
    spare = room - sum(found)
    if spare < 0:
        return []
    # What little some columns lack is given to them first; the others share the rest evenly.
    order = sorted(range(len(columns)), key=lambda index: wanted[index] - found[index])
    for given, index in enumerate(order):
        more = min(wanted[index] - found[index], spare // (len(order) - given))
        found[index] += more
        spare -= more
    return found


def _heading(text: str) -> Text:
    return Text(f"\n{one_line(text)}\n", style="bold")


def _list(texts: Iterable[str]) -> Iterator[Text]:
    return (_text(f"- {text}") for text in texts)


def _text(text: str) -> Text:
    return Text(one_line(text))
