"""What one policy allows and another does not, in few rows: each holds who may do what, under which conditions, with a witness.

The difference of two policies is exact, but cut into pieces wherever the older policy applies. So each piece is widened for as
long as the policy that allows it still allows all of it: a row shows a grant as it is written, and that a part of it is not new.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

from trailkey.access import (
    Language,
    Policy,
    RequestSet,
    Single,
    allowed,
    decide,
    in_account,
    parse_policy,
    parse_request,
    people,
    region,
    texts,
    union,
)
from trailkey.access.algebra.boxes import Box, box, subtract
from trailkey.access.algebra.languages import ALL
from trailkey.access.algebra.work import bounded
from trailkey.access.analysis.alike import alike
from trailkey.access.analysis.caller_sets import SERVICES, of_kind, sessions_in
from trailkey.access.analysis.constraints import PRINCIPAL
from trailkey.access.analysis.effective import ACTION, IDENTITY, RESOURCE
from trailkey.access.analysis.prove import difference, example, universe
from trailkey.access.language.actions import gravity
from trailkey.diff.added import added
from trailkey.diff.callers import Callers, Known, grantee_of, language_of, within
from trailkey.diff.for_all import for_all
from trailkey.diff.rows import Row
from trailkey.errors import UndecidedError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from trailkey.access import Constraint, Scope
    from trailkey.diff.rows import Change, Grantee


def blanket(**elements: Any) -> Policy:
    """Return the resource policy of one statement that allows everyone everything, but for the elements that are given."""
    statement = {"Effect": "Allow", "Principal": "*", "Action": "*", "Resource": "*", **elements}
    return parse_policy({"Version": "2012-10-17", "Statement": [statement]}, resource_based=True)


NOBODY: Final = Policy("2012-10-17", ())
"""The policy that allows nothing."""

STEPS: Final = 400_000
"""The most work that comparing two policies is: seconds, where policies made to be slow would take hours."""

_FEW: Final = 8
"""In how many parts of what the other side allows an example is looked for."""

_SET: Final = re.compile(r"\{[^}]*\}")
"""A set in the representation of a box. The order of its elements differs between processes."""


@dataclass(frozen=True, slots=True)
class Question:
    """What ``old`` and ``new`` allow on the resource of ``scope``.

    They are policies of the resource, or the IAM policies of ``holder``, where the resource's policy leaves it to them.
    """

    old: Policy
    new: Policy
    scope: Scope
    holder: Known | None = None

    @property
    def within(self) -> RequestSet:
        """The requests in question."""
        return region(principals=self.holder[0] if self.holder else None)

    def allows(self, witness: dict[str, Any], policy: Policy) -> bool:
        """Return whether one of the two policies allows a request."""
        request = parse_request(witness, key_account=self.scope.account)
        if self.holder:
            request = replace(request, identity_policies=(policy,))
            policy = blanket(Principal={"AWS": request.caller.account})
        return decide(request, resource_policy=policy).decision == "allowed"


def changes(question: Question) -> tuple[list[Row], list[str]]:
    """Return the rows of what is gained and lost, and the reasons where that is not known.

    Raises:
        RuntimeError: a witness that the two policies do not disagree on: a defect of the prover or of the evaluator.
    """
    few = alike(
        [question.old, question.new], (question.scope.account, question.scope.home, *_named_in(question.holder))
    )
    with bounded(STEPS):
        rows, unknown = _changes(replace(question, old=few.policies[0], new=few.policies[1]))
    return for_all(rows, few), unknown


def _named_in(holder: Known | None) -> tuple[str, ...]:
    return (holder[1].name, *sorted(holder[0].texts or ())) if holder else ()


def _changes(question: Question) -> tuple[list[Row], list[str]]:
    rows: list[Row] = []
    unknown: list[str] = []
    back = replace(question, old=question.new, new=question.old)
    ways: tuple[tuple[Change, Question], ...] = (("gained", question), ("lost", back))
    for change, asked in ways:
        more = added(asked.old, asked.new)
        if more is None:
            continue
        try:
            found = difference(asked.old, more, asked.scope, asked.within)
            # Some request may be in the set that is not certainly in it.
            if not found.exact and any(_left(one, found.inner) for one in found.outer):
                unknown += [f"whether access is {change}: {reason}" for reason in found.reasons]
            rows += _Rows(asked, change, found.inner).rows()
        except UndecidedError as error:
            unknown.append(f"whether access is {change}: {error}")
    return rows, list(dict.fromkeys(unknown))


class _Rows:
    """What the new policy of a question allows and the old one does not, as grants of the new one."""

    def __init__(self, question: Question, change: Change, found: Sequence[Box]) -> None:
        self._question, self._change, self._found = question, change, found
        scope, policies = question.scope, (question.old, question.new)
        sessions = sessions_in(policies, scope.partition)
        self._had, self._has = (allowed(policy, scope, sessions=sessions) for policy in policies)
        self._callers = Callers(*policies, scope, question.holder)
        sets = [one for granted in (self._had, self._has) for one in (granted.allow, granted.deny)]
        keys = {name for one in sets for each in one.outer for name, _ in each.items if ":" in name}
        self._asked = question.within & universe(scope, keys, sessions)
        if question.holder is None:
            # A root user and an AWS service have no IAM policies; they count as if theirs allowed everything.
            vacuous = region(principals=union([SERVICES, of_kind("root", scope.partition)]), identity=False)
            self._asked &= allowed(blanket(), scope, sessions=sessions).allow - vacuous

    def rows(self) -> list[Row]:
        left = _meeting(self._found, self._asked.inner)
        found: list[Row] = []
        # The widest grants first: they cover most of what the narrower ones would repeat.
        for grant in sorted(self._has.requests.inner, key=_width):
            for part in _by_caller(_meeting([grant], self._asked.inner)):
                while _meeting(left, [part]):
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
        more = {**sides, ACTION: _actions(_meeting(left, _boxes(_less(sides, ACTION))))}
        if self._allows(more):
            sides = more
        callers, grantee = self._called(sides, left)
        return _boxes(self._without(IDENTITY, _for_callers(sides, callers)))[0], grantee

    def _without(self, name: str, sides: dict[str, Constraint]) -> dict[str, Constraint]:
        """Return the sides without one that the policy does not ask for."""
        fewer = _less(sides, name)
        return fewer if name in sides and self._allows(fewer) else sides

    def _called(self, sides: Mapping[str, Constraint], left: Sequence[Box]) -> Known:
        """Return the callers of a box, and what they are called: the widest set of which all is new.

        Where no set is, the callers of the box are listed by name; only where that list has no end, a set that also holds
        callers whose access is in another row.
        """
        mine = language_of(sides[PRINCIPAL])
        new = union([_callers_of(one) for one in _meeting(left, _boxes(_less(sides, PRINCIPAL)))])
        if (mine & new).texts is not None:
            mine = mine & new
        # Where only some are new, each by name, no class of callers is; most of the work is to ask each of them.
        some = new.texts is not None and mine.texts is not None
        if some and not self._allows(_less(sides, PRINCIPAL)):
            known = self._callers.around(mine, countable=True)
        else:
            known = self._callers.around(mine)
        found: Known | None = None
        for callers, grantee in known:
            if found is None:
                fits = callers == ALL or within(callers, new) or mine.texts is None
                if fits and self._allows(_for_callers(sides, callers)):
                    found = callers, grantee
            elif within(callers, found[0]) and not self._in_question(_for_callers(sides, found[0] - callers)):
                # Nobody else of the wider set can be allowed this: the narrower name is as true.
                found = callers, grantee
        return found or self._new_among(new, sides) or (mine, grantee_of(mine))

    def _new_among(self, new: Language, sides: Mapping[str, Constraint]) -> Known | None:
        """Return known callers of whom all are new, though others of the box are not; what is left goes to another row."""
        mine = language_of(sides[PRINCIPAL])
        for callers, grantee in self._callers.named_within(new):
            if within(callers, mine) and not callers.is_empty() and self._allows(_for_callers(sides, callers)):
                return callers, grantee
        return None

    def _in_question(self, sides: Mapping[str, Constraint]) -> list[Box]:
        return _meeting(_boxes(sides), self._asked.outer)

    def _allows(self, sides: Mapping[str, Constraint]) -> bool:
        """Return whether the policy allows all requests of a box that are in question."""
        asked = self._in_question(sides)
        try:
            return not _meeting(asked, self._has.deny.outer) and all(
                not _left(one, self._has.allow.inner) for one in asked
            )
        except UndecidedError:
            return False

    def _row(self, wide: Box, grantee: Grantee, new: Sequence[Box]) -> Row:
        listed = sorted(language_of(_actions(new)).texts or ())
        had = _meeting(_meeting([wide], self._asked.inner), self._had.allow.outer)
        partly = [one for one in had if _left(one, self._had.deny.inner)]
        names = _callers_of(wide).texts
        return Row(
            change=self._change,
            who=(grantee,),
            actions=tuple(listed),
            conditions=tuple((key, side) for key, side in wide.items if key not in (PRINCIPAL, ACTION, IDENTITY)),
            needs_iam=self._needs_iam(wide),
            witness=self._witness(wide),
            partly=bool(partly),
            other=self._example([left for one in partly for left in subtract(one, self._had.deny.outer)][:_FEW])
            if partly
            else None,
            every=set(listed) == set(self._question.scope.universe),
            joins="" if names is None else "services" if all(map(SERVICES.contains, names)) else "iam",
        )

    def _witness(self, wide: Box) -> dict[str, Any]:
        """Return a readable request of the difference, which the evaluator answers as the prover does."""
        witness = self._example(_meeting(self._found, [wide]))
        if witness is None:
            raise RuntimeError(f"a difference without a request in it: {wide}")
        before, after = (self._question.allows(witness, one) for one in (self._question.old, self._question.new))
        if before or not after:
            raise RuntimeError(
                f"prover and evaluator disagree on {witness}: allowed without the change {before}, with it {after}"
            )
        return witness

    def _example(self, boxes: Sequence[Box]) -> dict[str, Any] | None:
        """Return a request that tells most: by whom nobody named, and of what such callers can do the gravest."""
        plain = (_meeting(boxes, _boxes(_for_callers({}, texts(one)))) for one in self._callers.examples)
        readable = next(filter(None, plain), list(boxes))
        gravest = min(language_of(_actions(readable)).texts or (), key=gravity, default=None)
        if gravest is not None:
            readable = _meeting(readable, _boxes({ACTION: Single(texts(gravest))}))
        return example(RequestSet(tuple(readable), tuple(readable)), self._question.scope)

    def _needs_iam(self, wide: Box) -> bool:
        """Return whether the callers need IAM policies of their own: asked for, or because all are of other accounts."""
        side = wide.sides.get(IDENTITY)
        if isinstance(side, Single):
            return not side.admits(["no"])
        if self._question.holder:
            return False
        scope = self._question.scope
        persons = _callers_of(wide) & (people(scope.partition) - of_kind("root", scope.partition))
        return not persons.is_empty() and persons.disjoint(in_account(scope.account))


def _by_caller(parts: Iterable[Box]) -> Iterator[Box]:
    """Yield parts of which each is of one caller, where they are of callers by their names; others as they are."""
    for part in parts:
        named = _callers_of(part).texts
        for callers in [ALL] if named is None else map(texts, sorted(named)):
            yield from _meeting([part], _boxes(_for_callers({}, callers)))


def _callers_of(one: Box) -> Language:
    return language_of(one.sides.get(PRINCIPAL))


def _for_callers(sides: Mapping[str, Constraint], callers: Language) -> dict[str, Constraint]:
    others = _less(sides, PRINCIPAL)
    return others if callers == ALL else {**others, PRINCIPAL: Single(callers)}


def _less(sides: Mapping[str, Constraint], name: str) -> dict[str, Constraint]:
    return {key: side for key, side in sides.items() if key != name}


def _left(one: Box, others: Sequence[Box]) -> bool:
    """Return whether some request of a box is in none of the others."""
    return next(subtract(one, others), None) is not None


def _width(grant: Box) -> tuple[int, int, str]:
    number = len(language_of(grant.sides[ACTION]).texts or ()) if ACTION in grant.sides else 1000
    return len(grant.items), -number, _SET.sub(lambda found: "".join(sorted(found[0])), str(grant.items))


def _boxes(sides: Mapping[str, Constraint]) -> list[Box]:
    whole = box(sides)
    return [] if whole is None else [whole]


def _meeting(some: Iterable[Box], others: Sequence[Box]) -> list[Box]:
    return [both for one in some for other in others if (both := one.meet(other)) is not None]


def _actions(boxes: Iterable[Box]) -> Single:
    return Single(union([language_of(one.sides[ACTION]) for one in boxes]))
