"""Rows of a comparison: who may do what on one side only, and how many rows become few. ``reports.diff`` puts them in words."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal

from trailkey.access.language.actions import gravity

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping, Sequence

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
    condition keys (in lower case) and of ``resource``. ``partly`` says that the other side allows a part of it, for which ``other`` is an example, ``every`` that
    ``actions`` are all there are. ``alike`` are accounts and keys that the row holds for as well, each in the place of the one that
    it names. Rows of one kind of ``joins`` (named services, or other named
    callers), unless it is empty, are merged where they differ in their grantees only.
    """

    change: Change
    who: tuple[Grantee, ...]
    actions: tuple[str, ...]
    witness: dict[str, Any]
    where: Where = Where()
    conditions: tuple[tuple[str, Constraint], ...] = ()
    needs_iam: bool = False
    partly: bool = False
    other: Mapping[str, Any] | None = None
    every: bool = False
    joins: str = ""
    alike: tuple[tuple[str, tuple[str, ...]], ...] = ()

    @property
    def terms(self) -> Hashable:
        """What is gained or lost under which conditions, whoever gains it and whatever the actions."""
        return self.change, self.conditions, self.needs_iam, self.alike


def merged(rows: Iterable[Row], asked: Sequence[Where]) -> list[Row]:
    """Return the rows, those of one grantee on the same terms as one, and of named grantees on the same terms too.

    What is found under all truths of a template's condition, of everywhere that was ``asked``, does not name the condition.
    """
    groups = _grouped(
        _everywhere(_joined(rows), asked),
        lambda row: (row.terms, row.where, row.actions, row.partly, row.joins, () if row.joins else row.who),
    )
    return [replace(same[0], who=tuple(dict.fromkeys(one for row in same for one in row.who))) for same in groups]


def _everywhere(rows: Iterable[Row], asked: Sequence[Where]) -> Iterator[Row]:
    """Yield the rows with only those conditions of the template on which they depend."""
    for same in _grouped(rows, lambda row: (row.where.key, row.who, row.terms, row.actions)):
        first = same[0].where
        common = set.intersection(*(set(row.where.branch) for row in same))
        alike = {where for where in asked if where.key == first.key and common <= set(where.branch)}
        if alike == {row.where for row in same}:
            where = Where(first.key, tuple(truth for truth in first.branch if truth in common))
            yield replace(same[0], where=where)
        else:
            yield from same


def _joined(rows: Iterable[Row]) -> Iterator[Row]:
    """Yield the rows of one grantee on the same terms with their actions together."""
    for same in _grouped(rows, lambda row: (row.where, row.who, row.terms)):
        yield replace(
            same[0],
            actions=tuple(sorted({action for row in same for action in row.actions})),
            witness=min(
                (row.witness for row in same), key=lambda one: (gravity(one["action"]), len(one), len(str(one)))
            ),
            partly=any(row.partly for row in same),
            other=next((row.other for row in same if row.other), None),
            every=any(row.every for row in same),
        )


def _grouped(rows: Iterable[Row], key: Callable[[Row], Hashable]) -> Iterable[list[Row]]:
    groups: dict[Hashable, list[Row]] = {}
    for row in rows:
        groups.setdefault(key(row), []).append(row)
    return groups.values()
