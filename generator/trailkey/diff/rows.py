"""Rows of a comparison: what they hold, and how many become few."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal

from trailkey.findings import branch_text

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from trailkey.findings import Branch

Change = Literal["gained", "lost"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """Access that one side has and the other has not: some request of what the row says is allowed on one side only.

    ``partly`` says that the other side allows a part of it. ``every`` says that ``actions`` are all there are. Rows of one
    kind of ``joins``, unless it is empty, may be told as one where they differ in the principal only.
    """

    change: Change
    principal: str
    actions: tuple[str, ...]
    condition: str
    witness: dict[str, Any]
    partly: bool = False
    every: bool = False
    joins: str = ""

    def as_json(self) -> dict[str, Any]:
        """Return the row as JSON: change, principal, actions, condition, witness."""
        return {
            "change": self.change,
            "principal": self.principal,
            "actions": list(self.actions),
            "condition": self.condition_text,
            "witness": self.witness,
        }

    @property
    def condition_text(self) -> str:
        """The condition for a reader, with a word on what the other side allows of it."""
        part = "a part of it was allowed before" if self.change == "gained" else "a part of it is still allowed"
        return "; ".join(filter(None, (self.condition, part if self.partly else "")))

    @property
    def actions_text(self) -> str:
        """The actions for a reader."""
        return "every action" if self.every else ", ".join(self.actions)

    @property
    def witness_text(self) -> str:
        """The witness as one line of JSON."""
        return json.dumps(self.witness, ensure_ascii=False)


@dataclass(frozen=True, slots=True)
class Where:
    """Where a row was found: on which of several keys, and under which truths of a template's conditions."""

    key: str = ""
    branch: Branch = ()

    def __str__(self) -> str:
        """``on key LakeKey where IsProd is true``."""
        where = f"where {branch_text(self.branch)}" if self.branch else ""
        return " ".join(filter(None, (self.key and f"on key {self.key}", where)))


def merged(rows: Sequence[tuple[Where, Row]], wheres: Sequence[Where]) -> list[Row]:
    """Return the rows, those of one principal and condition as one, and of named principals with one condition too.

    What is found under all truths of a condition does not name the condition.

    Args:
        rows: the rows, each with where it was found.
        wheres: all places that were asked.
    """
    found: dict[tuple[Any, ...], Row] = {}
    for row in _everywhere(rows, wheres):
        group = (row.change, row.condition, row.actions, row.partly, row.joins, "" if row.joins else row.principal)
        first = found.get(group)
        found[group] = row if first is None else replace(first, principal=f"{first.principal}, {row.principal}")
    return list(found.values())


def _everywhere(rows: Sequence[tuple[Where, Row]], wheres: Sequence[Where]) -> Iterator[Row]:
    """Yield the rows with where they hold: only the truths that tell those places from all others."""
    groups: dict[tuple[Any, ...], dict[Where, Row]] = {}
    for where, row in _joined(rows):
        groups.setdefault((where.key, row.change, row.principal, row.condition, row.actions), {})[where] = row
    for found in groups.values():
        common = set.intersection(*(set(where.branch) for where in found))
        same = {where for where in wheres if where.key == next(iter(found)).key and common <= set(where.branch)}
        told = found
        if same == set(found):
            where, row = next(iter(found.items()))
            told = {Where(where.key, tuple(truth for truth in where.branch if truth in common)): row}
        for where, row in told.items():
            yield replace(row, condition=": ".join(filter(None, (str(where), row.condition))))


def _joined(rows: Sequence[tuple[Where, Row]]) -> Iterator[tuple[Where, Row]]:
    """Yield the rows of one place, principal and condition with their actions together."""
    groups: dict[tuple[Where, str, str, str], list[Row]] = {}
    for where, row in rows:
        groups.setdefault((where, row.change, row.principal, row.condition), []).append(row)
    for (where, *_), found in groups.items():
        actions = sorted({action for row in found for action in row.actions})
        witness = min((row.witness for row in found), key=lambda one: (len(one), len(str(one))))
        yield (
            where,
            replace(
                found[0],
                actions=tuple(actions),
                witness=witness,
                partly=any(row.partly for row in found),
                every=any(row.every for row in found),
            ),
        )
