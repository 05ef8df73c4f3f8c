"""What one policy allows and another does not, in few rows: each holds who may do what, under which conditions, with a witness.

The difference of two policies is exact, but cut into pieces wherever the older policy applies. So each piece is widened for as
long as the policy that allows it still allows all of it: a row shows a grant as it is written, and that a part of it is not new.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

from trailkey.access import (
    Language,
    Policy,
    RequestSet,
    Single,
    allowed,
    held_to,
    in_account,
    parse_policy,
    people,
    region,
    texts,
    union,
)
from trailkey.access.algebra.boxes import Box, box, subtract
from trailkey.access.algebra.languages import ALL
from trailkey.access.analysis.caller_sets import SERVICES, of_kind, sessions_in
from trailkey.access.analysis.constraints import PRINCIPAL
from trailkey.access.analysis.effective import ACTION, IDENTITY, RESOURCE
from trailkey.access.analysis.prove import difference, example, universe
from trailkey.diff.callers import Callers, Known, grantee_of, language_of, within
from trailkey.diff.question import added
from trailkey.diff.rows import Row
from trailkey.errors import UndecidedError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from trailkey.access import Constraint, Scope
    from trailkey.diff.question import Question
    from trailkey.diff.rows import Change, Grantee

_EVERYTHING: Final = parse_policy(
    {
        "Version": "2012-10-17",
        "Statement": [{"Effect": "Allow", "Principal": "*", "Action": "*", "Resource": "*"}],
    },
    resource_based=True,
)

_SET: Final = re.compile(r"\{[^}]*\}")
"""A set in the representation of a box. The order of its elements differs between processes."""


def changes(question: Question) -> tuple[list[Row], list[str]]:
    """Return the rows of what is gained and lost, and the reasons where that is not known.

    Raises:
        RuntimeError: a witness that the two policies do not disagree on: a defect of the prover or of the evaluator.
    """
    rows: list[Row] = []
    unknown: list[str] = []
    for change, before, after in (
        ("gained", question.old, question.new),
        ("lost", question.new, question.old),
    ):
        more = added(before, after)
        if more is None:
            continue
        try:
            found = difference(before, more, question.scope, question.within)
            if not found.exact and _beyond(found):
                unknown += [f"whether access is {change}: {reason}" for reason in found.reasons]
            rows += _Rows(question, "gained" if change == "gained" else "lost", before, after, found.inner).rows()
        except UndecidedError as error:
            unknown.append(f"whether access is {change}: {error}")
    return rows, list(dict.fromkeys(unknown))


def _beyond(found: RequestSet) -> bool:
    """Return whether a request may be in the set that is not certainly in it."""
    return any(next(subtract(one, found.inner), None) is not None for one in found.outer)


class _Rows:
    """The difference of two policies, as grants of the policy that has more."""

    def __init__(self, question: Question, change: Change, before: Policy, after: Policy, found: Sequence[Box]) -> None:
        self._question, self._change, self._found = question, change, found
        self._before, self._after = before, after
        scope = question.scope
        sessions = sessions_in([before, after], scope.partition)
        self._had, self._has = (allowed(policy, scope, sessions=sessions) for policy in (before, after))
        self._callers = Callers(before, after, scope, question.callers)
        sets = [one for granted in (self._had, self._has) for one in (granted.allow, granted.deny)]
        keys = {name for one in sets for each in one.outer for name, _ in each.items if ":" in name}
        self._asked = question.within & universe(scope, keys, sessions)
        if question.callers is None:
            self._asked &= _allowable(scope, sessions)

    def rows(self) -> list[Row]:
        left = _meeting(self._found, self._asked.inner)
        found: list[Row] = []
        # The widest grants first: they cover most of what the narrower ones would repeat.
        for grant in sorted(self._has.requests.inner, key=_width):
            for part in _by_caller(_meeting([grant], self._asked.inner)):
                if not _meeting(left, [part]):
                    continue
                wide, grantee = self._widened(part, left)
                found.append(self._row(wide, grantee, _meeting(left, [wide])))
                left = [piece for one in left for piece in subtract(one, [wide])]
        if left:
            raise RuntimeError(f"a difference that no grant explains: {left[0]}")
        return found

    def _widened(self, part: Box, left: Sequence[Box]) -> tuple[Box, Grantee]:
        """Return a part of a grant as wide as its policy allows, and what its callers are called.

        Its actions are those of which something is in no row yet.
        """
        sides = dict(part.items)
        sides[ACTION] = _actions(_meeting(left, [part]))
        for name in [name for name in sides if ":" in name or name == RESOURCE]:
            sides = self._without(name, sides)
        more = {**sides, ACTION: _actions(_meeting(left, _boxes({key: sides[key] for key in sides if key != ACTION})))}
        if self._allows(more):
            sides = more
        callers, grantee = self._called(sides, left)
        return _boxes(self._without(IDENTITY, _for_callers(sides, callers)))[0], grantee

    def _without(self, name: str, sides: dict[str, Constraint]) -> dict[str, Constraint]:
        """Return the sides without one that the policy does not ask for."""
        fewer = {key: side for key, side in sides.items() if key != name}
        return fewer if name in sides and self._allows(fewer) else sides

    def _called(self, sides: Mapping[str, Constraint], left: Sequence[Box]) -> Known:
        """Return the callers of a box, and what they are called: the widest set of which all is new.

        Where no set is, the callers of the box are listed by name; only where that list has no end, a set that also holds
        callers whose access is in another row.
        """
        mine = language_of(sides[PRINCIPAL])
        new = union(
            [language_of(one.sides.get(PRINCIPAL)) for one in _meeting(left, _boxes(_for_callers(sides, None)))]
        )
        if (mine & new).texts is not None:
            mine = mine & new
        found: Known | None = None
        for callers, grantee in self._callers.around(mine):
            if found is None:
                fits = callers is None or within(callers, new) or mine.texts is None
                if fits and self._allows(_for_callers(sides, callers)):
                    found = callers, grantee
            elif self._as_wide(sides, callers, ALL if found[0] is None else found[0]):
                found = callers, grantee
        return found or (mine, grantee_of(mine))

    def _as_wide(self, sides: Mapping[str, Constraint], callers: Language | None, wider: Language) -> bool:
        """Return whether nobody else of a wider set of callers can be allowed a box: then the narrower name is as true."""
        if callers is None or not within(callers, wider):
            return False
        return not _meeting(_boxes(_for_callers(sides, wider - callers)), self._asked.outer)

    def _allows(self, sides: Mapping[str, Constraint]) -> bool:
        """Return whether the policy allows all requests of a box that are in question."""
        asked = _meeting(_boxes(sides), self._asked.outer)
        try:
            return not _meeting(asked, self._has.deny.outer) and all(
                next(subtract(one, self._has.allow.inner), None) is None for one in asked
            )
        except UndecidedError:
            return False

    def _row(self, wide: Box, grantee: Grantee, new: Sequence[Box]) -> Row:
        actions = _actions(new).values
        listed = sorted((actions.texts or ()) if isinstance(actions, Language) else ())
        had = _meeting(_meeting([wide], self._asked.inner), self._had.allow.outer)
        return Row(
            change=self._change,
            who=(grantee,),
            actions=tuple(listed),
            conditions=tuple((key, side) for key, side in wide.items if key not in (PRINCIPAL, ACTION, IDENTITY)),
            needs_iam=self._needs_iam(wide),
            witness=self._witness(wide),
            partly=any(next(subtract(one, self._had.deny.inner), None) is not None for one in had),
            every=set(listed) == set(self._question.scope.universe),
            joins=_joins(wide),
        )

    def _witness(self, wide: Box) -> dict[str, Any]:
        """Return a readable request of the difference, which the evaluator answers as the prover does."""
        new = tuple(_meeting(self._found, [wide]))
        for caller in self._callers.examples:
            plain = _boxes({PRINCIPAL: held_to(caller)})
            if some := _meeting(new, plain):
                new = tuple(some)
                break
        witness = example(RequestSet(new, new), self._question.scope)
        if witness is None:
            raise RuntimeError(f"a difference without a request in it: {wide}")
        before, after = (self._question.ask(witness, policy) for policy in (self._before, self._after))
        if before or not after:
            raise RuntimeError(
                f"prover and evaluator disagree on {witness}: allowed without the change {before}, with it {after}"
            )
        return witness

    def _needs_iam(self, wide: Box) -> bool:
        """Return whether the callers need IAM policies of their own: asked for, or because all are of other accounts."""
        side = wide.sides.get(IDENTITY)
        if isinstance(side, Single):
            return not side.admits(["no"])
        who = wide.sides.get(PRINCIPAL)
        if self._question.callers is not None or not isinstance(who, Single) or not isinstance(who.values, Language):
            return False
        scope = self._question.scope
        persons = who.values & (people(scope.partition) - of_kind("root", scope.partition))
        return not persons.is_empty() and persons.disjoint(in_account(scope.account))


def _allowable(scope: Scope, sessions: Sequence[str]) -> RequestSet:
    """Return the requests that some resource policy can allow.

    A root user and an AWS service have no IAM policies; they count as if theirs allowed everything.
    """
    exempt = union([SERVICES, of_kind("root", scope.partition)])
    vacuous = region(principals=exempt, identity=False)
    return allowed(_EVERYTHING, scope, sessions=sessions).allow - vacuous


def _by_caller(parts: Iterable[Box]) -> Iterator[Box]:
    """Yield parts of which each is of one caller, where they are of callers by their names; others as they are."""
    for part in parts:
        named = language_of(part.sides.get(PRINCIPAL)).texts
        if named is None:
            yield part
        else:
            yield from _meeting(
                [part], [one for name in sorted(named) for one in _boxes(_for_callers({}, texts(name)))]
            )


def _joins(wide: Box) -> str:
    """Return with which other rows a row may be merged: those of named services, or of other named callers."""
    named = language_of(wide.sides.get(PRINCIPAL)).texts
    return "" if named is None else "services" if all(map(SERVICES.contains, named)) else "iam"


def _for_callers(sides: Mapping[str, Constraint], callers: Language | None) -> dict[str, Constraint]:
    others = {key: side for key, side in sides.items() if key != PRINCIPAL}
    return others if callers is None else {**others, PRINCIPAL: Single(callers)}


def _width(grant: Box) -> tuple[int, int, str]:
    side = grant.sides.get(ACTION)
    number = len(side.values.texts or ()) if isinstance(side, Single) and isinstance(side.values, Language) else 1000
    return len(grant.items), -number, _SET.sub(lambda found: "".join(sorted(found[0])), str(grant.items))


def _boxes(sides: Mapping[str, Constraint]) -> list[Box]:
    whole = box(sides)
    return [] if whole is None else [whole]


def _meeting(some: Iterable[Box], others: Sequence[Box]) -> list[Box]:
    return [both for one in some for other in others if (both := one.meet(other)) is not None]


def _actions(boxes: Iterable[Box]) -> Single:
    sides = (one.sides[ACTION] for one in boxes)
    values = [side.values for side in sides if isinstance(side, Single) and isinstance(side.values, Language)]
    return Single(union(values))
