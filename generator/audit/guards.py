"""Guards that another statement cancels. Policies are unions: what one statement holds back, a careless one gives away."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from generator.access.prove import region
from generator.access.sets import REFUTED, UNKNOWN
from generator.access.wildcards import texts
from generator.audit.actions import GRAVE
from generator.audit.flaw import Flaw, Found, Undecided
from generator.audit.reading import (
    breadth,
    delegates_everything,
    is_about_callers,
    keys,
    kin,
    listed_actions,
    named,
)
from generator.access.catalog import spelling

if TYPE_CHECKING:
    from collections.abc import Iterator

    from generator.access.policy import Statement
    from generator.access.sets import Answer
    from generator.audit.subject import Part, Subject


def _cancelled(subject: Subject) -> Iterator[Found | Undecided]:
    grave = region(actions=GRAVE)
    acts = {part.statement.index: listed_actions(part.statement, subject.scope.universe) & set(GRAVE) for part in subject.allows}
    wide = [
        part
        for part in subject.allows
        if acts[part.statement.index] and not delegates_everything(part.statement, subject.scope.account)
    ]
    for guarded in wide:
        if not guarded.statement.conditions:
            continue
        for other in wide:
            if other is guarded or not acts[guarded.statement.index] & acts[other.statement.index]:
                continue
            yield from _by(subject, guarded, other)


def _by(subject: Subject, guarded: Part, other: Part) -> Iterator[Found | Undecided]:
    """Yield the guards of one statement that another leaves out, as one finding."""
    shown: dict[str, Answer] = {}
    for key in sorted(_left_free(guarded.statement, other.statement)):
        answer = _kept_out(subject, guarded, other, key)
        if answer.verdict == UNKNOWN:
            yield Undecided(reason=answer.reason, statement=guarded.statement.name)
        elif answer.verdict == REFUTED:
            shown[spelling(key)] = answer
    if shown:
        witness = next(iter(shown.values())).witness or {}
        yield Found(
            statement=other.statement.name,
            witness=witness,
            message=f"statement {other.statement.name} allows {witness['action']} without the guard of statement "
            f"{guarded.statement.name} on {' and '.join(shown)}, so that guard holds nothing back",
        )


def _left_free(guarded: Statement, other: Statement) -> frozenset[str]:
    """Return the keys that one statement has conditions on and the other leaves free, itself no narrower about people.

    A statement about single principals is an exception made on purpose, where the guarded one is about a whole account; so is
    one about an account where the guarded one is about everyone.
    """
    theirs = {kin(key) for key in keys(other)}
    free = {key for key in keys(guarded) if kin(key) not in theirs}
    return frozenset(
        key
        for key in free
        if breadth(other, conditions=True) >= breadth(guarded, conditions=not is_about_callers(key))
    )


def _kept_out(subject: Subject, guarded: Part, other: Part, key: str) -> Answer:
    """Answer the claim that the other statement allows nothing of what one key keeps out of the guarded one."""
    rest = tuple(condition for condition in guarded.statement.conditions if condition.key.casefold() != key)
    without = subject.requests(replace(guarded.statement, conditions=rest))
    given_away = (without - guarded.requests) & other.requests
    return subject.grants_nothing(given_away - _deliberate(subject, guarded, other, key), region(actions=GRAVE))


def _deliberate(subject: Subject, guarded: Part, other: Part, key: str) -> RequestSet:
    """Return what the other statement gives on purpose: to principals that it alone names, and to expected readers."""
    names = texts(*(set(named(other.statement)) - set(named(guarded.statement))))
    found = region(principals=names)
    if is_about_callers(key) and subject.expected.readers:
        found |= region(principals=subject.callers(subject.expected.readers), actions=("kms:Decrypt",))
    return found


FLAWS: Final = (
    Flaw(
        id="guard-cancelled",
        severity="error",
        title="A guard that another statement cancels",
        reason="A request needs one statement that allows it. Where two statements allow the same and one of them has no guard, the "
        "guard of the other does nothing, however carefully it is written.",
        source="https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic_policy-eval-denyallow.html",
        remedy="give the statement the same guard, or move what cannot have it (an encrypted topic, an event data store) to a key "
        "of its own",
        find=_cancelled,
    ),
)
