"""Guards that another statement cancels. Policies are unions: what one statement holds back, a careless one gives away."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from trailkey.access import UNKNOWN, region, texts
from trailkey.access.language.actions import GRAVE
from trailkey.access.language.catalog import spelling
from trailkey.audit.rule import Match, PolicyRule, Undecided, some, spoken
from trailkey.audit.statement_facts import (
    SOURCE_KEYS,
    TRAIL_CONTEXT_KEY,
    accounts,
    admits_cloudtrail,
    breadth,
    guarded_as_well,
    is_about_callers,
    keys,
    listed_actions,
    named,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from trailkey.access import Answer, RequestSet, Statement
    from trailkey.access.analysis.effective import Part
    from trailkey.audit.subject import Subject


def _cancelled(subject: Subject) -> Iterator[Match | Undecided]:
    # What hands the key to IAM as a whole cancels every guard, and is a finding of its own.
    parts = [
        (part, listed_actions(part.statement, subject.scope.universe) & set(GRAVE)) for part in subject.not_delegated
    ]
    for other, theirs in parts:
        found = []
        for guarded in (part for part, actions in parts if actions & theirs):
            for key in sorted(_left_free(guarded.statement, other.statement)):
                answer = _kept_out(subject, guarded, other, key)
                if answer.verdict == UNKNOWN:
                    yield Undecided(reason=answer.reason, statement=guarded.statement.name)
                elif answer.witness:
                    found.append((key, guarded.statement, answer.witness))
        if found:
            yield _said(other.statement, found)


def _said(other: Statement, found: Sequence[tuple[str, Statement, Mapping[str, Any]]]) -> Match:
    """Return the finding on a statement: the keys it leaves out, the statements that have them, and requests that show it."""
    left_out = dict.fromkeys(spelling(key) for key, _, _ in found)
    guarded = list(dict.fromkeys(spoken(one.name) for _, one, _ in found))
    # What hands something to IAM of a whole account is mostly meant, and delegated-to-iam tells of it.
    by_iam = bool(accounts(other)) and breadth(other) > 0
    # A statement with guards of its own, that none of the others has, is meant for something else.
    otherwise = all(any(not is_about_callers(own) for own in keys(other) - keys(one)) for _, one, _ in found)
    witness = found[0][2]
    return Match(
        statement=other.name,
        witness=witness,
        severity="warning" if by_iam or otherwise else None,
        message=f"statement {other.name} allows {witness['action']} without the guard on {' and '.join(left_out)} "
        f"that {some(guarded)} {'has' if len(guarded) == 1 else 'have'}, so the guard holds nothing back there",
    )


def _left_free(guarded: Statement, other: Statement) -> frozenset[str]:
    """Return the keys that one statement has conditions on and the other leaves free, itself no narrower about people.

    A statement about single principals is an exception made on purpose, where the guarded one is about a whole account; so is
    one about an account where the guarded one is about everyone.
    """
    theirs = keys(other)
    if admits_cloudtrail(other) and theirs & SOURCE_KEYS:
        theirs |= {TRAIL_CONTEXT_KEY}  # its source still holds CloudTrail; context-missing says what is left out
    free = [key for key in keys(guarded) if not guarded_as_well(key, theirs)]
    return frozenset(key for key in free if breadth(other) >= breadth(guarded, conditions=not is_about_callers(key)))


def _kept_out(subject: Subject, guarded: Part, other: Part, key: str) -> Answer:
    """Answer the claim that the other statement allows nothing of what one key keeps out of the guarded one."""
    rest = tuple(condition for condition in guarded.statement.conditions if condition.key.casefold() != key)
    without = subject.requests(replace(guarded.statement, conditions=rest))
    given_away = (without - guarded.requests) & other.requests
    # The root user goes by its account whatever a statement says; a role shows it better.
    anyone = region(principals=~subject.roots, actions=GRAVE)
    return subject.grants_nothing(given_away - _deliberate(subject, guarded, other, key), anyone)


def _deliberate(subject: Subject, guarded: Part, other: Part, key: str) -> RequestSet:
    """Return what the other statement gives on purpose: to principals that it alone names, and to expected readers."""
    names = texts(*(set(named(other.statement)) - set(named(guarded.statement))))
    found = region(principals=names)
    if is_about_callers(key) and subject.intent.readers:
        found |= region(principals=subject.callers(subject.intent.readers), actions=("kms:Decrypt",))
    return found


RULES: Final = (
    PolicyRule(
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
