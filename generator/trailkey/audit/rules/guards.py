"""Guards that another statement cancels. Policies are unions: what one statement holds back, a careless one gives away."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Final

from trailkey.access import REFUTED, UNKNOWN, region, texts
from trailkey.access.analysis.caller_sets import of_kind
from trailkey.access.language.actions import GRAVE
from trailkey.access.language.catalog import spelling
from trailkey.audit.rule import Match, PolicyRule, Undecided, some, spoken
from trailkey.audit.statement_facts import (
    accounts,
    breadth,
    delegates_everything,
    guarded_as_well,
    is_about_callers,
    keys,
    listed_actions,
    named,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from trailkey.access import Answer, RequestSet, Statement
    from trailkey.access.analysis.effective import Part
    from trailkey.audit.subject import Subject


@dataclass(slots=True)
class _Cancelling:
    """A statement that cancels guards: the keys left out, the statements that have them, and requests that show it."""

    keys: list[str] = field(default_factory=list)
    guarded: list[str] = field(default_factory=list)
    witnesses: list[Mapping[str, Any]] = field(default_factory=list)
    otherwise: bool = True
    """Whether the statement has guards of its own, that none of the others has: then it is meant for something else."""

    def add(self, key: str, guarded: Statement, other: Statement, witness: Mapping[str, Any]) -> None:
        """Add one guard."""
        self.otherwise &= any(not is_about_callers(own) for own in keys(other) - keys(guarded))
        self.keys += [key] if key not in self.keys else []
        self.guarded += [spoken(guarded.name)] if spoken(guarded.name) not in self.guarded else []
        self.witnesses.append(witness)


def _cancelled(subject: Subject) -> Iterator[Match | Undecided]:
    acts = {
        part.statement.index: listed_actions(part.statement, subject.scope.universe) & set(GRAVE)
        for part in subject.allows
    }
    # What hands the key to IAM as a whole cancels every guard, and is a finding of its own.
    parts = [part for part in subject.allows if not delegates_everything(part.statement, subject.scope.account)]
    held = {part.statement.index: keys(part.statement) for part in parts}
    for other in parts:
        found = _Cancelling()
        for guarded in parts:
            mine, theirs = guarded.statement.index, other.statement.index
            if guarded is other or held[mine] == held[theirs] or not acts[mine] & acts[theirs]:
                continue
            for key in sorted(_left_free(guarded.statement, other.statement)):
                answer = _kept_out(subject, guarded, other, key)
                if answer.verdict == UNKNOWN:
                    yield Undecided(reason=answer.reason, statement=guarded.statement.name)
                elif answer.verdict == REFUTED and answer.witness:
                    found.add(key, guarded.statement, other.statement, answer.witness)
        if found.witnesses:
            yield _said(other.statement, found)


def _said(other: Statement, found: _Cancelling) -> Match:
    witness = found.witnesses[0]
    # What hands something to IAM of a whole account is mostly meant, and delegated-to-iam tells of it.
    by_iam = bool(accounts(other)) and breadth(other) > 0
    return Match(
        statement=other.name,
        witness=witness,
        severity="warning" if by_iam or found.otherwise else None,
        message=f"statement {other.name} allows {witness['action']} without the guard on {' and '.join(map(spelling, found.keys))} "
        f"that {some(found.guarded)} {'has' if len(found.guarded) == 1 else 'have'}, so the guard holds nothing back there",
    )


def _left_free(guarded: Statement, other: Statement) -> frozenset[str]:
    """Return the keys that one statement has conditions on and the other leaves free, itself no narrower about people.

    A statement about single principals is an exception made on purpose, where the guarded one is about a whole account; so is
    one about an account where the guarded one is about everyone.
    """
    theirs = keys(other)
    free = [key for key in keys(guarded) if not guarded_as_well(key, theirs)]
    return frozenset(key for key in free if breadth(other) >= breadth(guarded, conditions=not is_about_callers(key)))


def _kept_out(subject: Subject, guarded: Part, other: Part, key: str) -> Answer:
    """Answer the claim that the other statement allows nothing of what one key keeps out of the guarded one."""
    rest = tuple(condition for condition in guarded.statement.conditions if condition.key.casefold() != key)
    without = subject.requests(replace(guarded.statement, conditions=rest))
    given_away = (without - guarded.requests) & other.requests
    # The root user goes by its account whatever a statement says; a role shows it better.
    anyone = region(principals=~of_kind("root", subject.scope.partition), actions=GRAVE)
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
