"""Invariants in the user's own words: who alone may do what with a key, and who can, answered over all requests."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from trailkey.access import UNKNOWN, Constraint, Single, excludes, region, texts, union
from trailkey.access.algebra.boxes import FILLED, Many
from trailkey.access.algebra.languages import ALL, EMPTY, language
from trailkey.access.algebra.patterns import glob
from trailkey.access.analysis.prove import reaches
from trailkey.access.language.catalog import has_several_values
from trailkey.access.language.invariants import callers_written, invariant_of, is_service, problems, wrong_caller
from trailkey.audit.rule import Match, PolicyRule, Undecided
from trailkey.errors import PolicyError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from trailkey.access import Language, RequestSet
    from trailkey.access.language.invariants import Invariant
    from trailkey.audit.subject import Subject


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
    refused: list[str] = []
    found: list[Invariant] = []
    for at, one in enumerate(written["invariants"]):
        own = [f"{what}: invariants[{at}]: {problem}" for problem in (*problems(one), *_callers_problems(one))]
        refused += own
        if not own:
            found.append(invariant_of(one))
    if refused:
        raise PolicyError("\n".join(refused))
    return found


def _callers_problems(one: Any) -> Iterator[str]:
    element, callers = callers_written(one) if isinstance(one, dict) else ("", [])
    yield from (f"{element}: {problem}" for caller in callers if (problem := wrong_caller(caller)))


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
    services = texts(*(name for name in names if is_service(name)))
    roots = language(glob(name) for name in names if name.endswith(":root")) & subject.roots
    others = [name for name in names if not is_service(name) and not name.endswith(":root")]
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
    reason="--invariants, or invariants in a config, names sentences that have to be so of the key: nobody but some may do something, "
    "or somebody can. This one is refuted by a request.",
    source="https://docs.aws.amazon.com/kms/latest/developerguide/key-policies.html",
    remedy="change the policy, or the sentence where the policy is right",
    find=lambda _: (),
)
"""Looked for where invariants are given: its ``find`` has nothing to say."""
