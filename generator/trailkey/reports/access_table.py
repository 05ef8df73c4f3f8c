"""The report on access for the terminal: the same as access.md, in tables that fit 80 columns."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Final

from rich import box
from rich.table import Table
from rich.text import Text

from trailkey.proofs.residual_risk import ASSUMPTIONS
from trailkey.reports.access import LEGEND, PARTS, place, remaining, scp_sentences, title, word
from trailkey.reports.findings import where_text
from trailkey.reports.view import bounds, deciding

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from rich.console import RenderableType

    from trailkey.proofs.matrix import Matrix
    from trailkey.reports.view import Access

_STYLES: Final = {"yes": "bold", "IAM": "bold cyan", "no": "dim", "denied": "green", "unknown": "bold magenta"}
_BROKEN: Final = {
    "encrypt": "en-\ncrypt",
    "decrypt": "de-\ncrypt",
    "administer": "admi-\nnister",
    "disable": "dis-\nable",
}
"""Headings that stand above narrow columns."""


def as_table(access: Access) -> Iterator[RenderableType]:
    """Yield what to print, part by part. Nothing in it is taken for markup."""
    yield Text(f"Access: {access.name}", style="bold")
    yield from _accepted(access)
    for matrix in access.matrices:
        yield _heading(f"{title(matrix)}, in {place(matrix)}")
        yield _matrix(matrix)
        parts = [f"{line.row.label}, {label}: {text}" for line in matrix.lines for label, text in bounds(line, matrix)]
        if parts:
            yield _heading("Only in part")
            yield from _list(parts)
        yield _heading("Decided by")
        yield _statements(matrix)
    yield _heading("A cell says")
    yield from _list(f"{answer}: {meaning}" for answer, meaning in LEGEND)
    if access.readings:
        yield _heading("Readers, end to end")
        yield _plain(
            ("reader", "key policy", "bucket policy", "IAM policy", "reads"),
            (
                (one.name, *(PARTS[part] for part in (one.key_policy, one.bucket_policy, one.iam_policy, one.reads)))
                for one in access.readings
            ),
        )
    yield _heading("Proven")
    yield _plain(
        ("property", "what holds", "proven"),
        ((one.id, one.title, f"{one.proven} of {one.asked}") for one in access.properties),
    )
    yield _heading("Assumed")
    yield from _list(ASSUMPTIONS)
    yield _heading("What remains")
    yield from _list(remaining(access))
    if access.scp:
        yield Text(" ".join(scp_sentences()))
        yield Text(json.dumps(access.scp, indent=2))


def _accepted(access: Access) -> Iterator[RenderableType]:
    if access.accepted:
        yield _heading("Accepted risks")
        for risk in access.accepted:
            yield from _list(
                [f"{risk.id}: {risk.reason}", *(f"{one.message} ({where_text(one)})" for one in risk.failing)]
            )


def _matrix(matrix: Matrix) -> Table:
    table = Table(box=box.SIMPLE_HEAD, padding=0, show_edge=False)
    table.add_column("who", min_width=len("administrators"))
    for column in matrix.columns:
        table.add_column(" ".join(_BROKEN.get(one, one) for one in column.label.split()).replace(" ", "\n"))
    for line in matrix.lines:
        words = map(word, line.cells)
        table.add_row(Text(line.row.label), *(Text(one, style=_STYLES[one]) for one in words))
    return table


def _statements(matrix: Matrix) -> Table:
    return _plain(
        ("who", "statement", "cells"),
        (
            (line.row.label, str(statement), ", ".join(cells))
            for line in matrix.lines
            for statement, cells in deciding(line, matrix)
        ),
    )


def _plain(head: Sequence[str], rows: Iterable[Sequence[str]]) -> Table:
    table = Table(box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0), show_edge=False)
    for one in head:
        table.add_column(one, overflow="fold")
    for row in rows:
        table.add_row(*map(Text, row))
    return table


def _heading(text: str) -> Text:
    return Text(f"\n{text}\n", style="bold")


def _list(texts: Iterable[str]) -> Iterator[Text]:
    return (Text(f"- {text}") for text in texts)
