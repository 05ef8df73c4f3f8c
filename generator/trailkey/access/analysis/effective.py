"""A policy as sets of requests: what its Allow statements add, and what its Deny statements take away.

The dimensions of a request: ``principal`` (``identities`` says of what texts), ``action``, ``resource``, ``identity`` (``yes``
where the caller's own IAM policies allow the request, so that delegation to IAM is a plain constraint), and each condition
key by its name in lower case. How the sides are put together is AWS's policy evaluation logic, as ``decide`` has it:
https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic.html
https://docs.aws.amazon.com/kms/latest/developerguide/policy-evaluation.html
"""

from __future__ import annotations

import itertools
import re
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Final

from trailkey.access.algebra.boxes import Box, Constraint, Single, box, coalesce, meetings
from trailkey.access.algebra.languages import ALL, EMPTY, Language, language, texts, union
from trailkey.access.algebra.patterns import ACCOUNT_ID, glob
from trailkey.access.algebra.request_sets import EVERY_REQUEST, NO_REQUEST, RequestSet, exactly, joined
from trailkey.access.algebra.work import step
from trailkey.access.analysis.caller_sets import SERVICES, Reached, in_account, of_kind, people, reached, sessions_in
from trailkey.access.analysis.constraints import PRINCIPAL, constants, needed, term
from trailkey.access.language.conditions import Condition, resolve, variables_in
from trailkey.access.language.evaluate import SERVICES as RULES
from trailkey.access.language.matching import matcher
from trailkey.errors import UndecidedError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from trailkey.access.analysis.resource import Scope
    from trailkey.access.language.policy import Policy, Statement

ACTION: Final = "action"
RESOURCE: Final = "resource"
IDENTITY: Final = "identity"
YES: Final = texts("yes")

_ACCOUNT = re.compile(r"\b\d{12}\b")
_EXPANSIONS: Final = 256
"""How many combinations of values of policy variables a statement is written out for."""


@dataclass(frozen=True, slots=True)
class Part:
    """A statement with the requests it speaks about."""

    statement: Statement
    requests: RequestSet


@dataclass(frozen=True, slots=True)
class EffectivePermissions:
    """What a policy grants: the requests in ``allow`` that are not in ``deny``.

    ``sessions`` are callers of their own, ``parts`` the statements that it was put together from.
    """

    scope: Scope
    allow: RequestSet
    deny: RequestSet
    sessions: tuple[str, ...] = ()
    parts: tuple[Part, ...] = ()

    @property
    def requests(self) -> RequestSet:
        """All of it as one set; questions about a part of it are cheaper asked through ``prove``."""
        return self.allow - self.deny


def allowed(
    policy: Policy,
    scope: Scope,
    *,
    sessions: Sequence[str] = (),
    accounts: Sequence[str] = (),
    resource_based: bool | None = None,
) -> EffectivePermissions:
    """Return what a policy grants on a resource.

    A resource policy grants as its service evaluates it: a caller reached only through its account, or from another account,
    needs an IAM policy of its own too (``identity``). An identity policy or SCP has no principals: it grants to whoever has it.

    Args:
        policy: a key policy, a bucket policy, or an identity policy.
        scope: the resource.
        sessions: role sessions to tell apart from their role, besides those the policy names.
        accounts: accounts for whose callers ``${aws:PrincipalAccount}`` is filled in, so that what it says of them is known.
        resource_based: whether it is a resource policy; left out, its statements tell, which one without statements cannot.

    Raises:
        KeyError: a resource policy of a service whose rules are not modelled.
    """
    named = tuple(sorted({*sessions, *sessions_in([policy], scope.partition)}))
    return _allowed(policy, scope, named, tuple(accounts), resource_based=resource_based)


@lru_cache(maxsize=64)
def _allowed(
    policy: Policy, scope: Scope, named: tuple[str, ...], accounts: tuple[str, ...], *, resource_based: bool | None
) -> EffectivePermissions:
    parts = tuple(
        Part(one, statement_requests(one, scope, named, variables=policy.variables, accounts=accounts))
        for one in policy.statements
    )
    allow, deny = ([one.requests for one in parts if one.statement.effect == effect] for effect in ("Allow", "Deny"))
    attached = any(one.principals for one in policy.statements) if resource_based is None else resource_based
    if attached and RULES[scope.service].identity_suffices:
        allow.append(_by_identity(scope, named))
    found = EffectivePermissions(scope, joined(allow), joined(deny), named, parts)
    step(0)  # what is read with no steps left is not known exactly for that alone: it is not remembered
    return found


def anything(scope: Scope, reason: str) -> EffectivePermissions:
    """Return what a policy grants that took too long to read: nothing for certain, and perhaps everything; ``reason`` says why."""
    unknown = RequestSet((), EVERY_REQUEST.outer, (reason,))
    return EffectivePermissions(scope, unknown, unknown, (), ())


def statement_requests(
    statement: Statement, scope: Scope, sessions: Sequence[str], *, variables: bool, accounts: Sequence[str] = ()
) -> RequestSet:
    """Return the requests one statement speaks about, on the terms it has for them (an Allow may ask for ``identity`` too)."""
    try:
        return _expanded(statement, scope, tuple(sessions), tuple(accounts), variables=variables)
    except UndecidedError as error:
        # Between nothing and everything that the statement's principals and actions leave possible.
        whole = coalesce([box({ACTION: _actions(statement, scope.universe)})])
        outer = tuple(_split(statement, scope, sessions, whole))
        return RequestSet((), outer, (f"statement {statement.name}: {error}",))


@lru_cache(maxsize=512)
def _expanded(
    statement: Statement, scope: Scope, sessions: tuple[str, ...], accounts: tuple[str, ...], *, variables: bool
) -> RequestSet:
    return joined(
        [
            _requests(statement, scope, sessions, known) & among
            for known, among in _expansions(statement, scope, accounts, variables=variables)
        ]
    )


def _requests(
    statement: Statement, scope: Scope, sessions: Sequence[str], known: Mapping[str, tuple[str, ...]] | None
) -> RequestSet:
    """Return the requests of a statement with its policy variables at known values."""
    sure, perhaps, reasons = _base(statement, scope, known)
    if not perhaps:
        return NO_REQUEST
    for condition in statement.conditions:
        try:
            name, sides = term(condition, scope, sessions, known)
            sure, perhaps = _with(sure, name, sides), _with(perhaps, name, sides)
        except UndecidedError as error:
            # Nothing matches for certain, and all that the other conditions admit may match, if it has the key at all.
            reasons.append(f"statement {statement.name}: {error}")
            sure = ()
            presence = needed(condition, scope, sessions)
            perhaps = perhaps if presence is None else _with(perhaps, presence[0], (presence[1],))
    for key, values in (known or {}).items():
        if key not in constants(scope):
            name, sides = term(Condition("StringEquals", "", False, key, values), scope, sessions, None)
            sure, perhaps = _with(sure, name, sides), _with(perhaps, name, sides)
    outer = coalesce(_split(statement, scope, sessions, perhaps))
    inner = coalesce(_split(statement, scope, sessions, sure)) if reasons else outer
    return RequestSet(inner, outer, tuple(reasons))


def _base(
    statement: Statement, scope: Scope, known: Mapping[str, tuple[str, ...]] | None
) -> tuple[tuple[Box, ...], tuple[Box, ...], list[str]]:
    """Return the actions and resources that match for certain, those that may match, and why they differ."""
    wanted = _actions(statement, scope.universe)
    if wanted == EMPTY:
        return (), (), []
    sides = {ACTION: wanted} if len(wanted.exceptions) < len(scope.universe) else {}
    sure, perhaps = _resources(statement, known)
    inner, outer = (
        coalesce([box(sides if scope.resources.subset(one) else {**sides, RESOURCE: one & scope.resources})])
        for one in (sure, perhaps)
    )
    reason = f"statement {statement.name}: its Resource holds ${{aws:PrincipalAccount}}, which can have many values"
    return inner, outer, [] if sure == perhaps else [reason]


@lru_cache(maxsize=4096)
def _matching_actions(patterns: tuple[str, ...], universe: tuple[str, ...]) -> frozenset[str]:
    tests = [matcher(pattern.casefold()) for pattern in patterns]
    return frozenset(action for action in universe if any(test(action.casefold()) for test in tests))


def _actions(statement: Statement, universe: tuple[str, ...]) -> Language:
    found = _matching_actions(statement.actions, universe)
    return texts(*(frozenset(universe) - found if statement.not_actions else found))


def _resources(statement: Statement, known: Mapping[str, tuple[str, ...]] | None) -> tuple[Language, Language]:
    """Return the resources that match for certain, and those that may: the caller's account, where unknown, is any account."""
    sure, perhaps = [], []
    for resource in statement.resources:
        values, missing = dict(known or {}), list[str]()
        if known is not None:
            missing = [key for key in variables_in(resource) if key not in known]
            if missing not in ([], ["aws:principalaccount"]):
                raise UndecidedError(
                    f"its Resource holds the policy variable ${{{missing[0]}}}, which can have many values"
                )
            values |= dict.fromkeys(missing, (ACCOUNT_ID,))
        filled = resource if known is None else resolve(resource, values, pattern=True)
        if filled is not None:
            perhaps.append(glob(filled))
            sure += [] if missing else [glob(filled)]
    inner, outer = language(sure), language(perhaps)
    return (~outer, ~inner) if statement.not_resources else (inner, outer)


def _with(boxes: Iterable[Box], name: str, sides: Iterable[Constraint]) -> tuple[Box, ...]:
    parts = [part for side in sides if (part := box({name: side})) is not None]
    return tuple(meetings(boxes, parts))


def _split(statement: Statement, scope: Scope, sessions: Sequence[str], boxes: Iterable[Box]) -> Iterable[Box]:
    """Return the boxes with the statement's principals, and for an Allow with what else each caller needs."""
    if statement.principals is None:
        return boxes
    who = reached(statement.principals, scope.partition, tuple(sessions))
    if statement.effect == "Allow":
        return (part for one in boxes for part in _allowing(one, who, scope, sessions))
    return boxes if who.all == ALL else _with(boxes, PRINCIPAL, [Single(who.all)])


def _allowing(one: Box, who: Reached, scope: Scope, sessions: Sequence[str]) -> Iterator[Box]:
    """Return the parts of an Allow: who needs no IAM policy, and who needs one; who may do anything, and who may not.

    An AWS service and a root user have no IAM policy, so what reaches them is enough. In the resource's own account whoever is
    reached by name or with everyone needs none. From another account only some actions can be allowed at all.
    """
    side = one.sides.get(PRINCIPAL)
    callers = who.all
    if isinstance(side, Single) and isinstance(side.values, Language):
        callers = side.values & callers
    return meetings([one], _ways_in(callers, who, scope, tuple(sessions)))


@lru_cache(maxsize=1024)
def _ways_in(callers: Language, who: Reached, scope: Scope, sessions: tuple[str, ...]) -> list[Box]:
    inside = in_account(scope.account)
    persons = callers & union([people(scope.partition), texts(*sessions)])
    roots = of_kind("root", scope.partition)
    crossing = RULES[scope.service].cross_account
    at_home, away = persons & inside, persons - inside
    elsewhere = {}
    if crossing is not None:
        elsewhere[ACTION] = texts(*(action for action in scope.universe if action.casefold() in crossing))
    pieces: tuple[dict[str, Language], ...] = (
        {PRINCIPAL: callers & SERVICES},
        {PRINCIPAL: at_home & (who.direct | roots)},
        {PRINCIPAL: at_home, IDENTITY: YES},
        {PRINCIPAL: away & roots, **elsewhere},
        {PRINCIPAL: away, **elsewhere, IDENTITY: YES},
    )
    return [part for piece in pieces if (part := box(piece)) is not None]


def _by_identity(scope: Scope, sessions: Sequence[str]) -> RequestSet:
    """Return what IAM policies of the resource's own account allow by themselves, where the service has it so."""
    inside = union([people(scope.partition, scope.account), texts(*sessions) & in_account(scope.account)])
    roots = of_kind("root", scope.partition, scope.account)
    return exactly([box({PRINCIPAL: roots}), box({PRINCIPAL: inside, IDENTITY: YES})])


def _expansions(
    statement: Statement, scope: Scope, accounts: Sequence[str], *, variables: bool
) -> Iterator[tuple[Mapping[str, tuple[str, ...]] | None, RequestSet]]:
    """Yield the values of policy variables under which a statement is read, and for which requests.

    The values are None where ``${`` is plain text. A variable whose key the statement itself holds to a few texts (StringEquals,
    or the accounts it names as principals) is written out for each of them; all others stay unknown.
    """
    if not variables:
        yield None, EVERY_REQUEST
        return
    fixed = {key: (value,) for key, value in constants(scope).items()}
    written = (*statement.resources, *(value for condition in statement.conditions for value in condition.values))
    asked = sorted({key for text in written for key in variables_in(text)} - set(fixed))
    held = {key: values for key in asked if (values := _held(statement, key))}
    combinations = list(itertools.islice(itertools.product(*held.values()), _EXPANSIONS + 1))
    if len(combinations) > _EXPANSIONS:
        yield fixed, EVERY_REQUEST
        return
    for values in combinations:
        filled = {**fixed, **{key: (value,) for key, value in zip(held, values, strict=True)}}
        one_by_one = accounts if "aws:principalaccount" in asked and "aws:principalaccount" not in held else ()
        # A caller whose own variable is filled in is not left open as well.
        others = {PRINCIPAL: ~union([in_account(account) for account in one_by_one])}
        yield filled, exactly([box(others)]) if one_by_one else EVERY_REQUEST
        yield from (({**filled, "aws:principalaccount": (account,)}, EVERY_REQUEST) for account in one_by_one)


def _held(statement: Statement, key: str) -> tuple[str, ...]:
    """Return the texts that a statement holds a key to, or none where it leaves it open."""
    who = statement.principals
    if key == "aws:principalaccount" and who and who.aws and not (who.excluded or who.everyone or who.services):
        accounts = tuple(dict.fromkeys(_ACCOUNT.findall(" ".join(who.aws))))
        if accounts:
            return accounts
    same = ("aws:principalaccount", "kms:calleraccount") if key == "aws:principalaccount" else (key,)
    for condition in statement.conditions:
        if condition.key.casefold() in same and condition.operator == "StringEquals":
            plain = not condition.quantifier and not condition.if_exists
            if plain and not any("${" in value for value in condition.values):
                return tuple(dict.fromkeys(condition.values))
    return ()
