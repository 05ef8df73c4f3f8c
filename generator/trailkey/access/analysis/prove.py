"""Questions about everything a policy grants: is any of it in a region, is all of the region in it, what is new.

Each answer is proven, refuted by a concrete request, or unknown with the reason; unknown never counts as proven.

A region is a set of requests. Every question is asked within the requests that exist at all (``universe``): AWS sends some keys
only for some callers and actions, and a counterexample that no one can send would be a false alarm.
"""

from __future__ import annotations

from functools import lru_cache
from itertools import islice
from string import ascii_lowercase, digits
from typing import TYPE_CHECKING, Any, Final

from trailkey.access.algebra.boxes import Box, Constraint, Many, Single, box, coalesce, meetings, subtract
from trailkey.access.algebra.languages import EMPTY, Language, language, texts, union
from trailkey.access.algebra.patterns import ANY, Chars, Run, row
from trailkey.access.algebra.request_sets import EVERY_REQUEST, PROVEN, REFUTED, UNKNOWN, Answer, RequestSet, exactly
from trailkey.access.analysis.caller_sets import SERVICES, people, sessions_in
from trailkey.access.analysis.constraints import PRINCIPAL
from trailkey.access.analysis.effective import ACTION, IDENTITY, RESOURCE, allowed
from trailkey.access.analysis.witnesses import request
from trailkey.access.language.catalog import CONTEXT_PREFIX, context_actions, has_several_values, is_boolean
from trailkey.access.language.sent import BY_PEOPLE, BY_SERVICES, ONLY_WITH, THROUGH_SERVICES, VIA_SERVICE, via_suffixes
from trailkey.errors import UndecidedError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from trailkey.access.analysis.effective import EffectivePermissions
    from trailkey.access.analysis.resource import Scope
    from trailkey.access.language.policy import Policy

    _Bounds = tuple[tuple[Box, ...], tuple[Box, ...]]
    _Search = Callable[[tuple[Box, ...], tuple[Box, ...], tuple[Box, ...]], Iterator[Box]]

_LETTER: Final = Chars(frozenset(ascii_lowercase))
_IN_REGION: Final = Chars(frozenset(f"{ascii_lowercase}{digits}-"))
_CANDIDATES: Final = 6
"""How many counterexamples are written out to show the simplest."""


def region(
    *,
    principals: Language | None = None,
    actions: Iterable[str] | None = None,
    resources: Language | None = None,
    identity: bool | None = None,
    context: Mapping[str, Constraint] | None = None,
) -> RequestSet:
    """Return the requests that meet all of these; what is left out is free.

    Args:
        principals: the callers (``caller_sets`` builds languages of them).
        actions: names in the catalog's spelling, such as ``kms:Decrypt``.
        resources: ARNs.
        identity: whether the caller's own IAM policies allow the request.
        context: constraints on condition keys.
    """
    given = {
        PRINCIPAL: principals,
        ACTION: None if actions is None else texts(*actions),
        RESOURCE: resources,
        IDENTITY: None if identity is None else texts("yes" if identity else "no"),
    }
    keys = {key.casefold(): side for key, side in (context or {}).items()}
    return exactly([box({**keys, **{name: values for name, values in given.items() if values is not None}})])


def universe(scope: Scope, keys: Iterable[str], sessions: Iterable[str] = ()) -> RequestSet:
    """Return the requests that exist, as far as it matters for these condition keys (in lower case)."""
    return _universe(scope, tuple(sorted(set(keys))), tuple(sorted(set(sessions))))


@lru_cache(maxsize=256)
def _universe(scope: Scope, named: tuple[str, ...], sessions: tuple[str, ...]) -> RequestSet:
    there = [part for part in (box({RESOURCE: scope.resources}),) if part is not None]
    found = tuple(meetings(_anywhere(scope.partition, scope.universe, named, sessions), there))
    return RequestSet(found, found)


@lru_cache(maxsize=256)
def _anywhere(
    partition: str, actions: tuple[str, ...], named: tuple[str, ...], sessions: tuple[str, ...]
) -> tuple[Box, ...]:
    """Return the requests that exist, on whatever resource: the same for all keys of a partition, and so made once."""
    base: dict[str, Constraint | Language] = {IDENTITY: texts("no", "yes")}
    base |= {key: Single(texts("false", "true"), absent=True) for key in named if is_boolean(key)}
    everybody = union([people(partition), texts(*sessions)])
    callers: list[tuple[Language, list[str], dict[str, Constraint]]] = [
        (SERVICES, BY_SERVICES.among(named), {}),
        (everybody, BY_PEOPLE.among(named), {}),
    ]
    if VIA_SERVICE in named:
        through = Single(via_services(partition))
        callers = [
            (SERVICES, BY_SERVICES.among(named), {VIA_SERVICE: Single(through.values, absent=True)}),
            (everybody, BY_PEOPLE.among(named), {VIA_SERVICE: _absent(VIA_SERVICE)}),
            (everybody, [*BY_PEOPLE.among(named), *THROUGH_SERVICES.among(named)], {VIA_SERVICE: through}),
        ]
    contexts = [key for key in named if key.startswith(CONTEXT_PREFIX.casefold()) or key == "kms:encryptioncontextkeys"]
    with_context = frozenset(context_actions() if contexts else ())
    by_keys: dict[tuple[str, ...], list[str]] = {}
    of_few = [(key, ONLY_WITH[key]) for key in named if key in ONLY_WITH]
    for action in actions:
        rare = [key for key, carrying in of_few if action.casefold() not in carrying]
        by_keys.setdefault((*([] if action in with_context else contexts), *rare), []).append(action)
    acts = [(texts(*names), list(lacking)) for lacking, names in by_keys.items()]
    return coalesce(
        box({**base, **way, PRINCIPAL: who, ACTION: what, **{key: _absent(key) for key in (*missing, *lacking)}})
        for who, missing, way in callers
        for what, lacking in acts
    )


@lru_cache(maxsize=8)
def via_services(partition: str) -> Language:
    """Return the names that kms:ViaService can have: a service's, in what may be a Region.

    Not in one of the Regions there are: forty patterns in place of one would make every question about the key forty.
    """
    name = (_LETTER, Run(ANY), ".", _LETTER, Run(_IN_REGION), ".")
    return language(row([*name, suffix]) for suffix in via_suffixes(partition))


def excludes(granted: EffectivePermissions, within: RequestSet = EVERY_REQUEST) -> Answer:
    """Answer the claim that nothing in a region is allowed; the witness of a refutation is allowed."""
    allow, deny = granted.allow, granted.deny
    try:
        if next(meetings(allow.outer, within.outer), None) is None:
            return Answer(PROVEN)  # whatever exists, and whatever is denied
    except UndecidedError:  # which is met again, or never
        pass
    return _answer(granted, within, _allowed, (allow.inner, deny.outer), (allow.outer, deny.inner))


def reaches(granted: EffectivePermissions, within: RequestSet = EVERY_REQUEST) -> Answer:
    """Answer the claim that something in a region is allowed; the witness of a proof is an allowed request."""
    found = excludes(granted, within)
    opposite = {PROVEN: REFUTED, REFUTED: PROVEN, UNKNOWN: UNKNOWN}
    return Answer(opposite[found.verdict], found.witness, found.reason)


def covers(granted: EffectivePermissions, within: RequestSet) -> Answer:
    """Answer the claim that everything in a region is allowed; the witness of a refutation is not allowed."""
    allow, deny = granted.allow, granted.deny
    return _answer(granted, within, _refused, (allow.outer, deny.inner), (allow.inner, deny.outer))


def _answer(
    granted: EffectivePermissions, within: RequestSet, counterexamples: _Search, certain: _Bounds, possible: _Bounds
) -> Answer:
    """Answer a claim: refuted by what certainly is a counterexample, proven where nothing possibly is one."""
    try:
        asked = _asked(within, granted)
        found = list(islice(counterexamples(*certain, asked.inner), _CANDIDATES))
        if found:
            return Answer(REFUTED, _simplest(found, granted.scope, _trails(granted)))
        exact = granted.allow.exact and granted.deny.exact and asked.exact
        if exact or not next(counterexamples(*possible, asked.outer), None):
            return Answer(PROVEN)
    except UndecidedError as error:
        return Answer(UNKNOWN, reason=str(error))
    reasons = dict.fromkeys((*granted.allow.reasons, *granted.deny.reasons, *within.reasons))
    return Answer(UNKNOWN, reason="; ".join(reasons))


def difference(old: Policy, new: Policy, scope: Scope, within: RequestSet = EVERY_REQUEST) -> RequestSet:
    """Return the requests in a region that ``new`` allows and ``old`` does not.

    It takes the policies and not what they grant: a role session that only one of the two names has to be distinguished
    from its role in both.

    Raises:
        UndecidedError: a comparison takes too long.
    """
    sessions = sessions_in([old, new], scope.partition)
    before, after = (allowed(policy, scope, sessions=sessions) for policy in (old, new))
    asked = _asked(within, before, after)
    gained = (after.allow & asked) - after.deny
    return (gained - before.allow) | (gained & before.deny)


def example(requests: RequestSet, scope: Scope) -> dict[str, Any] | None:
    """Return a readable request that is certainly in the set, or None where none is.

    Raises:
        UndecidedError: finding one takes too long.
    """
    return _simplest(requests.inner[:_CANDIDATES], scope)


def _asked(within: RequestSet, *granted: EffectivePermissions) -> RequestSet:
    sets = [within, *(one.allow for one in granted), *(one.deny for one in granted)]
    keys = {name for one in sets for each in one.outer for name, _ in each.items if ":" in name}
    sessions = sorted({session for one in granted for session in one.sessions})
    return within & universe(granted[0].scope, keys, sessions)


def _allowed(allow: tuple[Box, ...], deny: tuple[Box, ...], asked: tuple[Box, ...]) -> Iterator[Box]:
    for both in meetings(allow, asked):
        yield from subtract(both, deny)


def _refused(allow: tuple[Box, ...], deny: tuple[Box, ...], asked: tuple[Box, ...]) -> Iterator[Box]:
    for part in asked:
        yield from subtract(part, allow)
    yield from meetings(deny, asked)


def _simplest(boxes: Iterable[Box], scope: Scope, trails: tuple[str, ...] = ()) -> dict[str, Any] | None:
    return min((request(one, scope, trails) for one in boxes), key=_length, default=None)


def _trails(granted: EffectivePermissions) -> tuple[str, ...]:
    """Return the trails that the policy names one by one: a witness speaks of them where it can."""
    sides = (one.sides.get("aws:sourcearn") for one in granted.allow.outer)
    found = (side.values.texts for side in sides if isinstance(side, Single) and isinstance(side.values, Language))
    return tuple(sorted({text for texts in found for text in texts or () if ":cloudtrail:" in text}))


def _length(witness: Mapping[str, Any]) -> tuple[bool, bool, int, int]:
    """Order witnesses: a caller people know the meaning of, no IAM policy involved, few keys, short."""
    unusual = witness["principal"].endswith(":root")
    return (unusual, "identity_policies" in witness, len(witness.get("context", ())), len(str(witness)))


def _absent(key: str) -> Constraint:
    return Many(every=EMPTY) if has_several_values(key) else Single(EMPTY, absent=True)
