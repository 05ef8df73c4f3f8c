"""The report on access for the terminal: the same as access.md, in tables that fit 80 columns."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Final

from rich import box
from rich.table import Table
from rich.text import Text

from trailkey.proofs.residual_risk import ASSUMPTIONS, scp
from trailkey.reports.access import LEGEND, PROVEN, READERS, SCP, place, reader_rows, remaining, title, word
from trailkey.reports.findings import where_text
from trailkey.reports.plain import one_line
from trailkey.reports.view import bounds, deciding

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from rich.console import RenderableType

    from trailkey.proofs.matrix import Matrix
    from trailkey.reports.view import Access

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
    if access.verdict.accepted:
        yield _heading("Accepted risks")
        for risk in access.verdict.accepted:
            yield from _list([f"{risk.id}: {risk.reason}"])
            yield from _list(f"{one.message} ({where_text(one)})" for one in risk.failing)
    for matrix in access.matrices:
        yield _heading(f"{title(matrix)}, in {place(matrix)}")
        yield _matrix(matrix)
        if parts := list(bounds(matrix)):
            yield _heading("Only in part")
            yield from _list(parts)
        yield _heading("Decided by")
        decided = ((line.row.label, *one) for line in matrix.lines for one in deciding(line, matrix))
        yield _plain(("who", "statement", "cells"), ((who, str(by), ", ".join(cells)) for who, by, cells in decided))
    yield _heading("A cell says")
    yield from _list(f"{answer}: {meaning}" for answer, meaning in LEGEND)
    if access.deployment.readers:
        yield _heading("Readers, end to end")
        yield _plain(READERS, reader_rows(access))
    yield _heading("Proven")
    yield _plain(PROVEN, ((one.id, one.title, f"{one.proven} of {one.asked}") for one in access.properties()))
    yield _heading("Assumed")
    yield from _list(ASSUMPTIONS)
    yield _heading("What remains")
    yield from _list(remaining(access))
    if policy := scp(access.deployment):
        yield Text(" ".join(SCP))
        yield Text(json.dumps(policy, indent=2))


def _matrix(matrix: Matrix) -> Table:
    table = Table(box=box.SIMPLE_HEAD, padding=0, show_edge=False)
    table.add_column("who", min_width=len("administrators"))
    for column in matrix.columns:
        heading = column.label
        for whole, broken in _BROKEN.items():
            heading = heading.replace(whole, broken)
        table.add_column(heading)
    for line in matrix.lines:
        words = map(word, line.cells)
        table.add_row(_text(line.row.label), *(Text(one, style=_STYLES[one]) for one in words))
    return table


def _plain(head: Sequence[str], rows: Iterable[Sequence[str]]) -> Table:
    table = Table(box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0), show_edge=False)
    for one in head:
        table.add_column(one, overflow="fold")
    for row in rows:
        table.add_row(*map(_text, row))
    return table


def _heading(text: str) -> Text:
    return Text(f"\n{one_line(text)}\n", style="bold")


def _list(texts: Iterable[str]) -> Iterator[Text]:
    return (_text(f"- {text}") for text in texts)


def _text(text: str) -> Text:
    return Text(one_line(text))
