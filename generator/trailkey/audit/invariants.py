"""Invariants in the user's own words: who alone may do what with a key, and who can, answered over all requests."""

from __future__ import annotations

import difflib
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Literal

from trailkey.access import UNKNOWN, Constraint, Single, excludes, region, texts, union
from trailkey.access.algebra.boxes import FILLED, Many
from trailkey.access.algebra.languages import ALL, EMPTY, language
from trailkey.access.algebra.patterns import glob
from trailkey.access.analysis.prove import reaches
from trailkey.access.language.catalog import has_several_values, is_known, key_actions
from trailkey.access.language.matching import matcher
from trailkey.audit.rule import Match, PolicyRule, Undecided
from trailkey.aws import ACCOUNT_ID, parse_arn
from trailkey.errors import PolicyError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from trailkey.access import Language, RequestSet
    from trailkey.audit.subject import Subject

_ELEMENTS: Final = ("says", "nobody_but", "may", "who", "can", "where", "key")
_SERVICE: Final = re.compile(r"[a-z0-9.-]+\.amazonaws\.com")
_CALLERS: Final = "the ARN of a role or user (* and ? allowed), an account id, a service principal, or *"


@dataclass(frozen=True, slots=True, kw_only=True)
class Invariant:
    """What has to be so: ``kind`` nobody: nobody but the callers may do any of the actions; can: each caller can do each of them.

    ``where`` holds condition keys to values; what it does not name is free. ``key`` is the logical id of the one key it is about.
    """

    says: str
    kind: Literal["nobody", "can"]
    callers: tuple[str, ...]
    actions: tuple[str, ...]
    where: tuple[tuple[str, tuple[str, ...]], ...] = ()
    key: str = ""


def parse_invariants(written: Any, what: str) -> list[Invariant]:
    """Return the invariants that a document states: a mapping with the list ``invariants``.

    Args:
        written: the document.
        what: names it in errors.

    Raises:
        PolicyError: another form, an action that KMS does not have, a caller of no known form; all problems at once.
    """
    if not isinstance(written, dict) or written.keys() != {"invariants"} or not isinstance(written["invariants"], list):
        raise PolicyError(f"{what}: not a mapping with invariants alone; invariants with a list; correct it")
    problems: list[str] = []
    found: list[Invariant] = []
    for at, one in enumerate(written["invariants"]):
        own = [f"{what}: invariants[{at}]: {problem}" for problem in _problems(one)]
        problems += own
        if not own:
            found.append(_invariant(one))
    if problems:
        raise PolicyError("\n".join(problems))
    return found


def _problems(one: Any) -> Iterator[str]:
    if not isinstance(one, dict):
        yield f"{one!r}: not a mapping; {', '.join(_ELEMENTS)}; correct it"
        return
    for name in one:
        if name not in _ELEMENTS:
            close = difflib.get_close_matches(str(name), _ELEMENTS, n=1)
            yield f"{name}: unknown; {', '.join(_ELEMENTS)} are allowed; {f'did you mean {close[0]}?' if close else 'correct it'}"
    if not isinstance(one.get("says"), str) or not one["says"].strip():
        yield "says: missing; the sentence that has to be so; add it"
    pair = {"nobody_but", "may"} <= one.keys(), {"who", "can"} <= one.keys()
    if sum(pair) != 1 or len(one.keys() & {"nobody_but", "may", "who", "can"}) != 2:
        yield "neither nobody_but with may, nor who with can; one of the two; correct it"
        return
    callers, actions = (one["nobody_but"], one["may"]) if pair[0] else (one["who"], one["can"])
    if pair[1] and not _listed(callers):
        yield "who: empty; at least one caller; name one"
    for caller in _listed(callers):
        if not _is_caller(caller):
            yield f"{'nobody_but' if pair[0] else 'who'}: {caller!r} is not allowed here; {_CALLERS}; correct it"
    for action in _listed(actions) or [""]:
        if not _matching([str(action)]):
            close = difflib.get_close_matches(str(action), key_actions(), n=1)
            advice = f"did you mean {close[0]}?" if close else "correct it"
            yield f"{'may' if pair[0] else 'can'}: {action!r} matches no action on a key of KMS; {advice}"
    where = one.get("where", {})
    if not isinstance(where, dict):
        yield "where: not a mapping; condition keys with values; correct it"
        return
    for key, value in where.items():
        if str(key).partition(":")[0] in ("aws", "kms") and not is_known(str(key)):
            yield f"where: {key} is not a condition key; correct it"
        if not all(isinstance(entry, str) for entry in _listed(value) if value is not None):
            yield f"where: {key}: {value!r} is not allowed here; a text, a list of texts, or null for a key that is not there; quote it"


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _is_caller(text: Any) -> bool:
    if not isinstance(text, str):
        return False
    arn = parse_arn(text)
    named = arn is not None and arn.service in ("iam", "sts", "*")
    return text == "*" or named or bool(ACCOUNT_ID.fullmatch(text) or _SERVICE.fullmatch(text))


def _matching(actions: Iterable[str]) -> tuple[str, ...]:
    tests = [matcher(action.casefold()) for action in actions]
    return tuple(name for name in key_actions() if any(test(name.casefold()) for test in tests))


def _invariant(one: dict[str, Any]) -> Invariant:
    nobody = "may" in one
    return Invariant(
        says=one["says"].strip(),
        kind="nobody" if nobody else "can",
        callers=tuple(_listed(one["nobody_but"] if nobody else one["who"])),
        actions=_matching(map(str, _listed(one["may"] if nobody else one["can"]))),
        where=tuple(
            (str(key), () if value is None else tuple(_listed(value))) for key, value in one.get("where", {}).items()
        ),
        key=str(one.get("key", "")),
    )


def held(invariant: Invariant, subject: Subject) -> Iterator[Match | Undecided]:
    """Yield what shows that an invariant is not so of a key, or why that could not be decided; nothing where it is proven."""
    context = {key: _side(key, values) for key, values in invariant.where}
    if invariant.kind == "nobody":
        others = ~_callers(subject, invariant.callers)
        yield from _nobody(invariant, subject, region(principals=others, actions=invariant.actions, context=context))
        return
    for caller in invariant.callers:
        for action in invariant.actions:
            who = _callers(subject, [caller])
            yield from _can(
                invariant,
                subject,
                region(principals=who, actions=(action,), identity=True, context=context),
                f"{caller} cannot call {action}",
            )


def _nobody(invariant: Invariant, subject: Subject, within: RequestSet) -> Iterator[Match | Undecided]:
    answer = excludes(subject.granted, within)
    if answer.verdict == UNKNOWN or (not subject.whole and answer):
        reason = answer.reason or "a statement could not be read"
        yield Undecided(reason=f'"{invariant.says}": {reason}')
    elif answer.witness:
        said = f"{answer.witness['principal']} may call {answer.witness['action']}"
        yield Match(message=f'"{invariant.says}" is not so: {said}', witness=answer.witness)


def _can(invariant: Invariant, subject: Subject, within: RequestSet, said: str) -> Iterator[Match | Undecided]:
    answer = reaches(subject.granted, within)
    if answer.verdict == UNKNOWN or (not subject.whole and not answer):
        reason = answer.reason or "a statement could not be read"
        yield Undecided(reason=f'"{invariant.says}": {reason}')
    elif not answer:
        yield Match(message=f'"{invariant.says}" is not so: {said}', witness=subject.denied_in(within), shows="denied")


def _callers(subject: Subject, names: Sequence[str]) -> Language:
    """Return the callers that are meant: an account by its id is all of it, and by its root the root user alone."""
    if "*" in names:
        return ALL
    services = texts(*(name for name in names if _SERVICE.fullmatch(name)))
    roots = language(glob(name) for name in names if name.endswith(":root")) & subject.roots
    others = [name for name in names if not _SERVICE.fullmatch(name) and not name.endswith(":root")]
    return union([services, roots, subject.callers(others)])


def _side(key: str, values: tuple[str, ...]) -> Constraint:
    wanted = language(glob(value) for value in values)
    if has_several_values(key.casefold()):
        return Many(every=wanted & FILLED, some=(wanted,)) if values else Many(every=EMPTY)
    return Single(wanted) if values else Single(absent=True, values=EMPTY)


BROKEN: Final = PolicyRule(
    id="invariant-broken",
    severity="error",
    title="A sentence of yours that is not so",
    reason="--invariants names sentences that have to be so of the key: nobody but some may do something, or somebody can. This one "
    "is refuted by a request.",
    source="https://docs.aws.amazon.com/kms/latest/developerguide/key-policies.html",
    remedy="change the policy, or the sentence where the policy is right",
    find=lambda _: (),
)
"""Looked for where invariants are given: its ``find`` has nothing to say."""
