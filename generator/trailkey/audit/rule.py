"""What a rule of the audit is: how a policy breaks it, how that is looked for, and what shows it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final, Literal

from trailkey.access import PROVEN, UNKNOWN, covers, decide, parse_request
from trailkey.access.analysis.effective import ACTION
from trailkey.access.analysis.prove import reaches
from trailkey.audit.statement_facts import listed_actions
from trailkey.findings import Rule

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from trailkey.access import RequestSet
    from trailkey.access.analysis.effective import Part
    from trailkey.audit.subject import Subject
    from trailkey.findings import Severity


KEYS: Final = frozenset(("kms",))
BUCKETS: Final = frozenset(("s3",))
TOPICS: Final = frozenset(("sns",))
EVERYWHERE: Final = KEYS | BUCKETS | TOPICS
_NAMED: Final = 3
"""How many of a list a message names."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Match:
    """One place where a policy breaks a rule.

    ``witness`` is a request that shows it; ``shows`` says how the policy answers that request. ``severity`` and ``remedy``
    are given where they differ from the rule's. ``consequence`` says that it is told only where no error says that one of CloudTrail's
    statements falls short: one hole is one error.
    """

    message: str
    statement: str | int | None = None
    witness: Mapping[str, Any] | None = None
    shows: Literal["allowed", "denied"] = "allowed"
    severity: Severity | None = None
    remedy: str = ""
    consequence: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Undecided:
    """A question about a policy that has no answer, with the reason: shown as such, never counted as fine.

    ``too_long`` says that the answer would have taken too much work.
    """

    reason: str
    statement: str | int | None = None
    too_long: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class PolicyRule(Rule):
    """A rule that a policy can break, and the way to look for that; ``of`` are the services whose policies it is asked of."""

    find: Callable[[Subject], Iterable[Match | Undecided]]
    of: frozenset[str] = KEYS


def spoken(name: str | int | None) -> str:
    """Return how a list in a sentence names a statement: by its Sid, or by its position."""
    return name if isinstance(name, str) else f"statement {name}"


def some(names: Sequence[str]) -> str:
    """Return a list of names as a sentence has it: all of few, the first of many and how many more there are."""
    shown = names if len(names) <= _NAMED else [*names[:_NAMED], f"{len(names) - _NAMED} more"]
    return " and ".join(filter(None, (", ".join(shown[:-1]), *shown[-1:])))


def together(found: Iterable[Match | Undecided]) -> Iterator[Match | Undecided]:
    """Yield matches of one severity as the first of them, the other statements named in its message."""
    groups: dict[Severity | None, list[Match]] = {}
    for one in found:
        if isinstance(one, Undecided):
            yield one
        else:
            groups.setdefault(one.severity, []).append(one)
    for first, *others in groups.values():
        names = ", ".join(spoken(one.statement) for one in others)
        more = f", and so {'do' if len(others) > 1 else 'does'} {names}" if others else ""
        yield replace(first, message=first.message + more)


@dataclass(frozen=True, slots=True, kw_only=True)
class Search:
    """Requests that no statement ought to grant, and what is said of one that does.

    ``says`` makes the rest of a sentence that begins with the statement out of a request that the statement allows.
    ``severity`` and ``remedy`` are given where they differ from the rule's.
    """

    within: RequestSet
    says: Callable[[Mapping[str, Any]], str]
    severity: Severity | None = None
    remedy: str = ""


def granting(
    subject: Subject, searches: Iterable[Search], parts: Iterable[Part] | None = None
) -> Iterator[Match | Undecided]:
    """Yield what statements (``parts``, or all that allow) grant of what is searched for, the policy's denials taken out.

    A statement is found by the first of the searches that applies, and by no other.
    """
    left = tuple(subject.allows if parts is None else parts)
    found: set[int] = set()
    for search in searches:
        asked = _actions(search.within, subject)
        for part in left:
            statement = part.statement
            if statement.index in found or not asked & listed_actions(statement, subject.scope.universe):
                continue
            answer = subject.grants_nothing(part.requests, search.within)
            if answer.verdict == UNKNOWN:
                yield Undecided(reason=answer.reason, statement=statement.name)
            elif answer.witness:
                found.add(statement.index)
                yield Match(
                    statement=statement.name,
                    witness=answer.witness,
                    severity=search.severity,
                    message=f"statement {statement.name} {search.says(answer.witness)}",
                    remedy=search.remedy,
                )


def refused(
    subject: Subject,
    within: RequestSet,
    message: str,
    *,
    statement: str | int | None = None,
    severity: Severity | None = None,
) -> Iterator[Match | Undecided]:
    """Yield a finding where a policy allows nothing at all of a region that it ought to allow something of.

    ``statement`` is the one that is short of it, where there is one; a statement that denies it is named instead.
    """
    answer = reaches(subject.granted, within)
    if answer.verdict == UNKNOWN:
        yield Undecided(reason=answer.reason)
    elif answer.verdict != PROVEN:
        witness = covers(subject.granted, within).witness
        decision = decide(parse_request(witness), resource_policy=subject.policy) if witness else None
        denier = decision.statements[0] if decision and decision.reason == "explicit_deny" else None
        because = "" if denier is None else f": statement {denier} denies it"
        yield Match(
            statement=statement if denier is None else denier,
            witness=witness,
            shows="denied",
            severity=severity,
            message=message + because,
        )


def _actions(within: RequestSet, subject: Subject) -> frozenset[str]:
    """Return the actions that a region holds."""
    sides = [box.sides.get(ACTION) for box in within.outer]
    return frozenset(
        action for action in subject.scope.universe if any(side is None or side.admits([action]) for side in sides)
    )
