"""Rows of a comparison: who may do what on one side only, and how many rows become few. ``reports.diff`` puts them in words."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from collections.abc import Hashable, Iterable, Iterator, Sequence

    from trailkey.access import Constraint
    from trailkey.findings import Branch

Change = Literal["gained", "lost"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Grantee:
    """Callers by what they are called, less those whom ``exceptions`` name.

    ``is_class`` says that ``name`` is a whole class of callers (``any principal of account 333333333333``), not names.
    """

    name: str
    exceptions: tuple[str, ...] = ()
    is_class: bool = False


@dataclass(frozen=True, slots=True)
class Where:
    """Where a row was found: on which of several keys, and under which conditions of a template."""

    key: str = ""
    branch: Branch = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """Access that one side has and the other does not: some request that the row covers is allowed on one side only.

    ``who`` are its grantees, whose own IAM policies must allow it too where it ``needs_iam``. ``conditions`` are what is asked of
    condition keys (in lower case) and of ``resource``. ``partly`` says that the other side allows a part of it, ``every`` that
    ``actions`` are all there are. Rows of one kind of ``joins``, unless it is empty, are merged where they differ in
    their grantees only.
    """

    change: Change
    who: tuple[Grantee, ...]
    actions: tuple[str, ...]
    witness: dict[str, Any]
    where: Where = Where()
    conditions: tuple[tuple[str, Constraint], ...] = ()
    needs_iam: bool = False
    partly: bool = False
    every: bool = False
    joins: str = ""

    @property
    def terms(self) -> Hashable:
        """What is gained or lost under which conditions, whoever gains it and whatever the actions."""
        return self.change, self.conditions, self.needs_iam


def merged(rows: Iterable[Row], asked: Sequence[Where]) -> list[Row]:
    """Return the rows, those of one grantee on the same terms as one, and of named grantees on the same terms too.

    What is found under all truths of a template's condition does not name the condition.

    Args:
        rows: the rows.
        asked: everywhere that was asked.
    """
    found: dict[Hashable, Row] = {}
    for row in _everywhere(_joined(rows), asked):
        who = () if row.joins else row.who
        same = (row.terms, row.where, row.actions, row.partly, row.joins, who)
        first = found.get(same)
        found[same] = row if first is None else replace(first, who=(*first.who, *row.who))
    return list(found.values())


def _everywhere(rows: Iterable[Row], asked: Sequence[Where]) -> Iterator[Row]:
    """Yield the rows with only those conditions of the template on which they depend."""
    groups: dict[Hashable, dict[Where, Row]] = {}
    for row in rows:
        groups.setdefault((row.where.key, row.who, row.terms, row.actions), {})[row.where] = row
    for found in groups.values():
        first, row = next(iter(found.items()))
        common = set.intersection(*(set(where.branch) for where in found))
        alike = {where for where in asked if where.key == first.key and common <= set(where.branch)}
        if alike == set(found):
            yield replace(row, where=Where(first.key, tuple(truth for truth in first.branch if truth in common)))
        else:
            yield from found.values()


def _joined(rows: Iterable[Row]) -> Iterator[Row]:
    """Yield the rows of one grantee on the same terms with their actions together."""
    groups: dict[Hashable, list[Row]] = {}
    for row in rows:
        groups.setdefault((row.where, row.who, row.terms), []).append(row)
    for found in groups.values():
        yield replace(
            found[0],
            actions=tuple(sorted({action for row in found for action in row.actions})),
            witness=min((row.witness for row in found), key=lambda one: (len(one), len(str(one)))),
            partly=any(row.partly for row in found),
            every=any(row.every for row in found),
        )
