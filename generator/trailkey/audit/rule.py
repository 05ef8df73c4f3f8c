"""What a flaw is: a name and a reason, a way to look for it, and what it has to show for itself."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final, Literal

from trailkey.access.algebra.request_sets import PROVEN, REFUTED, UNKNOWN
from trailkey.access.analysis.effective import ACTION
from trailkey.access.analysis.prove import covers, reaches
from trailkey.audit.statement_facts import listed_actions
from trailkey.findings import Rule

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from trailkey.access.algebra.request_sets import RequestSet
    from trailkey.access.analysis.effective import Part
    from trailkey.access.language.policy import Statement
    from trailkey.audit.subject import Subject
    from trailkey.findings import Severity


_NAMED: Final = 3
"""How many of a list a message names."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Match:
    """One place where a policy has a flaw.

    ``witness`` is a request that shows it; ``shows`` says how the policy answers that request. ``severity`` and ``remedy``
    are given where they differ from the flaw's.
    """

    message: str
    statement: str | int | None = None
    witness: Mapping[str, Any] | None = None
    shows: Literal["allowed", "denied"] = "allowed"
    severity: Severity | None = None
    remedy: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Undecided:
    """A question about a policy that has no answer, with the reason: shown as such, never counted as fine."""

    reason: str
    statement: str | int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PolicyRule(Rule):
    """A flaw that a key policy can have, and the way to look for it."""

    find: Callable[[Subject], Iterable[Match | Undecided]]


def spoken(name: str | int | None) -> str:
    """Return how a list in a sentence names a statement: by its Sid, or by its position."""
    return name if isinstance(name, str) else f"statement {name}"


def some(names: Sequence[str]) -> str:
    """Return a list of names as a sentence has it: all of few, the first of many and how many more there are."""
    shown = names if len(names) <= _NAMED else [*names[:_NAMED], f"{len(names) - _NAMED} more"]
    return " and ".join(filter(None, (", ".join(shown[:-1]), *shown[-1:])))


def together(found: Iterable[Match | Undecided]) -> Iterator[Match | Undecided]:
    """Yield findings that differ in the statement only as the first of them, the other statements named in its message."""
    first: Match | None = None
    others: list[str] = []
    for one in found:
        if isinstance(one, Undecided):
            yield one
        elif first is None:
            first = one
        else:
            others.append(spoken(one.statement))
    if first:
        more = f", and so {'do' if len(others) > 1 else 'does'} {', '.join(others)}" if others else ""
        yield replace(first, message=first.message + more)


def granting(
    subject: Subject,
    within: RequestSet,
    say: Callable[[Statement, Mapping[str, Any]], Match | None],
    parts: Iterable[Part] | None = None,
) -> Iterator[Match | Undecided]:
    """Yield what ``say`` makes of each Allow statement that grants something in a region, the policy's denials taken out.

    Args:
        subject: the policy.
        within: the region.
        say: the statement and a request it allows, to what was found.
        parts: the statements to look at, where not all that allow.
    """
    asked = _actions(within, subject)
    for part in subject.allows if parts is None else parts:
        if not asked & listed_actions(part.statement, subject.scope.universe):
            continue
        answer = subject.grants_nothing(part.requests, within)
        if answer.verdict == REFUTED and answer.witness:
            found = say(part.statement, answer.witness)
            if found:
                yield found
        elif answer.verdict == UNKNOWN:
            yield Undecided(reason=answer.reason, statement=part.statement.name)


def refused(
    subject: Subject,
    within: RequestSet,
    message: str,
    *,
    statement: str | int | None = None,
    severity: Severity | None = None,
) -> Iterator[Match | Undecided]:
    """Yield a finding where a policy allows nothing at all of a region that it ought to allow something of.

    Args:
        subject: the policy.
        within: the region.
        message: what is not allowed.
        statement: the statement that is short of it, where there is one; a statement that denies it is named instead.
        severity: where it differs from the flaw's.
    """
    answer = reaches(subject.granted, within)
    if answer.verdict == UNKNOWN:
        yield Undecided(reason=answer.reason)
    elif answer.verdict != PROVEN:
        witness = covers(subject.granted, within).witness
        denier = subject.denier(witness)
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
    found: set[str] = set()
    for box in within.outer:
        side = box.sides.get(ACTION)
        found.update(action for action in subject.scope.universe if side is None or side.admits([action]))
    return frozenset(found)
