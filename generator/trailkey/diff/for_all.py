"""Rows about accounts and keys that stand for others: for whom each holds too, and each thing said once."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from trailkey.access.algebra.unions import AnyOf
from trailkey.diff.callers import language_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from trailkey.access import Constraint
    from trailkey.access.analysis.alike import Alike
    from trailkey.diff.rows import Row


def for_all(rows: Sequence[Row], few: Alike) -> list[Row]:
    """Return the rows of policies in which a few accounts or keys stand for all, each with those that it holds for as well."""
    return [_for_all(row, few) for row in _without_repeated(rows, few)]


def _for_all(row: Row, few: Alike) -> Row:
    """Return a row that says for which accounts and keys it holds too, since nothing tells them from those that it names."""
    said = _said(row)
    found = ((one, (*few.beside[one], *others)) for one, others in few.members.items() if one in said)
    return replace(
        row, alike=tuple((one, tuple(other for other in others if other not in said)) for one, others in found)
    )


def _without_repeated(rows: Sequence[Row], few: Alike) -> Iterator[Row]:
    """Yield the rows but for those that say of an account or key what another row says of the one that stands for it."""
    known = {_said(row) for row in rows}
    stand_ins = [(first, other) for first, others in few.beside.items() for other in others]
    for row in rows:
        said = _said(row)
        if not any(
            other in said and first not in said and said.replace(other, first) in known for first, other in stand_ins
        ):
            yield row


def _said(row: Row) -> str:
    """Return what a row says, as one text in which the accounts and keys stand as they are written."""
    conditions = [(key, _written(side)) for key, side in row.conditions]
    return f"{row.change} {row.actions} {row.who} {conditions} {row.witness}".casefold()


def _written(side: Constraint) -> str:
    values = language_of(side)
    if isinstance(values.expression, AnyOf):
        return f"{sorted(one.text for one in values.expression.patterns)} {sorted(values.exceptions)}"
    return str(side)
