"""One cell of an access matrix: whether any request of a row and a column is allowed, and what decides it.

A cell is about whether *something* in it is allowed, over all requests, not about all of it: ``yes`` says that there is a request
that needs no IAM policy, ``no`` that there is none at all. A root user has no IAM policy and every permission of its account, so
in a row of many it counts as one whose IAM policy allows.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final, Literal

from trailkey.access import NO_REQUEST, EffectivePermissions, Language, Single, decide, parse_request, region
from trailkey.access.algebra.boxes import meetings, subtract
from trailkey.access.analysis.caller_sets import of_kind
from trailkey.access.analysis.effective import ACTION
from trailkey.access.analysis.prove import example, universe
from trailkey.access.language.catalog import spelling
from trailkey.access.language.evaluate import RESOURCE_POLICY
from trailkey.errors import UndecidedError
from trailkey.proofs.matrix.rows import ROOT_USER

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from trailkey.access import Policy, RequestSet
    from trailkey.access.algebra.boxes import Box
    from trailkey.proofs.matrix.columns import Column
    from trailkey.proofs.matrix.rows import Row

Verdict = Literal["yes", "iam", "no", "unknown"]
YES: Final[Verdict] = "yes"
IAM: Final[Verdict] = "iam"
NO: Final[Verdict] = "no"
UNDECIDED: Final[Verdict] = "unknown"


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """The answer for a row and a column.

    ``iam``: allowed if the caller's own IAM policy allows. ``statements`` are those that decide: the Allow for ``yes`` and
    ``iam``; the Deny for ``no``, where one takes away what is allowed, or forbids the whole cell whatever comes to allow it.
    ``actions`` are those of the column of which something is allowed. ``only_with`` are the condition keys that row and column
    leave open and the policy does not: only a part of the cell is allowed, the part where these keys are as an Allow has them.
    ``witness`` is an allowed request. ``reason`` says why the answer is ``unknown``.
    """

    answer: Verdict
    statements: tuple[str | int, ...] = ()
    actions: tuple[str, ...] = ()
    only_with: tuple[str, ...] = ()
    witness: Mapping[str, Any] | None = None
    reason: str = ""

    @property
    def denied(self) -> bool:
        """Whether an explicit Deny is what makes it ``no``."""
        return self.answer == NO and bool(self.statements)


def cells_of(
    rows: Sequence[Row], columns: Sequence[Column], granted: EffectivePermissions, policy: Policy
) -> Iterator[tuple[Cell, ...]]:
    """Yield the cells of each row.

    Args:
        rows: who.
        columns: the operations.
        granted: what ``policy`` grants.
        policy: the key policy, asked for the statements that decide.
    """
    spoken = (granted.allow, granted.deny, *(row.requests for row in rows), *(one.requests for one in columns))
    existing = universe(granted.scope, {key for one in spoken for key in _keys(one.outer)}, granted.sessions)
    for row in rows:
        try:
            requests = row.requests & existing
            mine = EffectivePermissions(
                granted.scope, granted.allow & requests, granted.deny & requests, granted.sessions
            )
        except UndecidedError as error:
            yield tuple(Cell(answer=UNDECIDED, reason=str(error)) for _ in columns)
        else:
            asked = _Asked(row, requests, granted, mine, policy)
            yield tuple(asked.cell(column) for column in columns)


@dataclass(frozen=True, slots=True)
class _Asked:
    """A row: its requests that exist, what is granted at all, and what of it to this row."""

    row: Row
    requests: RequestSet
    granted: EffectivePermissions
    mine: EffectivePermissions
    policy: Policy

    def cell(self, column: Column) -> Cell:
        try:
            return self._cell(column)
        except UndecidedError as error:
            return Cell(answer=UNDECIDED, reason=str(error))

    def _cell(self, column: Column) -> Cell:
        allow, deny = self.mine.allow & column.requests, self.mine.deny & column.requests
        left = allow - deny
        for answer, part in _ways(self.mine.scope.partition, roots=self.row.id == ROOT_USER) if left.outer else ():
            found = left & part
            if found.inner:
                witness = example(found, self.mine.scope) or {}
                return Cell(
                    answer=answer,
                    statements=self._deciding(witness),
                    actions=_actions(left.inner),
                    only_with=self._bounds(column),
                    witness=witness,
                )
            if found.outer:
                return Cell(answer=UNDECIDED, reason="; ".join(found.reasons))
        return Cell(answer=NO, statements=self._forbidding(column, allow, deny))

    def _bounds(self, column: Column) -> tuple[str, ...]:
        """Return the keys that every Allow of the cell constrains, without those that row and column constrain."""
        whole = (self.row.requests & column.requests).outer
        allowing = [one for one in self.granted.allow.outer if any(one.meet(other) for other in whole)]
        return tuple(sorted(map(spelling, _held(allowing) - _held(whole))))

    def _forbidding(self, column: Column, allow: RequestSet, deny: RequestSet) -> tuple[str | int, ...]:
        """Return the Deny statements that make it ``no``: they take away all that is allowed, or forbid all there is."""
        if not deny.inner:
            return ()
        taken = allow
        if not allow.inner:
            there = meetings(self.requests.outer, column.requests.outer)
            spared = next((left for one in there for left in subtract(one, deny.inner)), None)
            taken = NO_REQUEST if spared else self.requests & column.requests
        witness = example(taken, self.mine.scope)
        return () if witness is None else self._deciding(witness)

    def _deciding(self, witness: Mapping[str, Any]) -> tuple[str | int, ...]:
        """Return the statements of the policy that decide a request; none where IAM of the resource's account does alone."""
        asked = parse_request(dict(witness), key_account=self.mine.scope.account)
        deciding = decide(asked, resource_policy=self.policy).deciding
        return tuple(one.statement.name for one in deciding if one.policy == RESOURCE_POLICY)


@lru_cache(maxsize=16)
def _ways(partition: str, *, roots: bool) -> tuple[tuple[Verdict, RequestSet], ...]:
    """Return the answers with what shows them, the first that is met counts: in a row of ``roots``, and in any other."""
    root_users = of_kind("root", partition)
    others = None if roots else ~root_users
    return (
        (YES, region(principals=others, identity=False)),
        (IAM, region(principals=others, identity=True)),
        (IAM, region(principals=root_users, identity=True)),
    )


def _actions(boxes: Iterable[Box]) -> tuple[str, ...]:
    """Return the actions of boxes; a column lists its actions, so each box of a cell does."""
    values = (side.values for one in boxes if isinstance(side := one.sides[ACTION], Single))
    return tuple(sorted({text for one in values if isinstance(one, Language) for text in one.texts or ()}))


def _keys(boxes: Iterable[Box]) -> set[str]:
    """Return the condition keys that boxes speak of."""
    return {name for one in boxes for name, _ in one.items if ":" in name}


def _held(boxes: Sequence[Box]) -> set[str]:
    """Return the condition keys that every one of these boxes constrains."""
    return set.intersection(*(_keys([one]) for one in boxes)) if boxes else set()
