"""Every rule there is, in the order of the documentation, and the audit: all of them looked for in one policy, or in all of a text."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from trailkey.access import decide, parse_request
from trailkey.audit.rule import Match, PolicyRule, Undecided, some, spoken
from trailkey.audit.rules import (
    cloudtrail,
    guards,
    lockout,
    malformed,
    misleading_sid,
    never_matches,
    permission_sets,
    principals,
    separation_of_duties,
    services,
    trails,
    unknown_names,
    unknown_values,
)
from trailkey.audit.setting import assumed, said_of, setting
from trailkey.audit.statement_facts import admits_cloudtrail
from trailkey.audit.subject import Subject, read_subject
from trailkey.errors import UndecidedError
from trailkey.findings import Finding, branch_text, by_severity
from trailkey.intent.from_options import assumed as assumed_of_people
from trailkey.intent.model import KeyIntent

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from trailkey.inventory import ResourcePolicy

UNDECIDED: Final = PolicyRule(
    id="undecided",
    severity="warning",
    title="A question that could not be decided",
    reason="Where a policy variable can have many values, or patterns are too entangled, the answer is neither yes nor no; it is never "
    "counted as fine.",
    source="https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_variables.html",
    remedy="write the statement without the variable, or judge it by hand",
    find=lambda _: (),
)

_MODULES: Final = (
    cloudtrail,
    trails,
    services,
    guards,
    principals,
    permission_sets,
    separation_of_duties,
    lockout,
    never_matches,
    unknown_names,
    unknown_values,
    malformed,
    misleading_sid,
)
RULES: Final[list[PolicyRule]] = [*(rule for module in _MODULES for rule in module.RULES), UNDECIDED]
"""Every rule. A new one is a module, or an entry of one, in ``audit/rules``; all who ask for rules ask this list."""


@dataclass(frozen=True, slots=True)
class Report:
    """What an audit has to say: findings, errors first, and what was assumed where the text says nothing."""

    findings: tuple[Finding, ...]
    assumptions: tuple[str, ...]


def audit(policy: ResourcePolicy, intent: KeyIntent | None = None) -> list[Finding]:
    """Return what is wrong with a key policy, errors first; nothing is said about its key where ``intent`` is left out.

    Raises:
        PolicyError: the document is not a key policy.
    """
    subject = read_subject(policy, setting(policy, intent or KeyIntent()))
    found: list[Finding] = []
    consequences: list[Finding] = []
    open_questions: dict[tuple[str, str | int | None], list[str]] = {}
    for rule in RULES:
        for one in _looked_for(rule, subject):
            if isinstance(one, Undecided):
                open_questions.setdefault((one.reason, one.statement), []).append(rule.id)
            else:
                (consequences if one.consequence else found).append(_finding(rule, one, subject))
    about = {part.statement.name for part in subject.parts if admits_cloudtrail(part.statement)}
    short = (one for one in found if one.severity == "error" and one.witness_decision != "allowed")
    if not any(about & set(one.statements) for one in short):
        found += consequences
    for (reason, statement), ids in open_questions.items():
        message = f"cannot tell whether there is {', '.join(dict.fromkeys(ids))}: {reason}"
        found.append(_finding(UNDECIDED, Match(statement=statement, message=message), subject))
    return by_severity(found)


def audit_all(policies: Sequence[ResourcePolicy], intent: KeyIntent) -> Report:
    """Return the findings on key policies that were found in one text, each once, whatever branches of a template it stands in.

    Raises:
        PolicyError: one of them is not a key policy.
    """
    seen: dict[tuple[object, ...], list[Finding]] = {}
    audited = [(policy, audit(policy, said_of(policy, intent, policies))) for policy in policies]
    for policy, findings in audited:
        for one in findings:
            same = (policy.name, one.id, one.severity, one.statement, one.message, one.remedy)
            seen.setdefault(same, []).append(one)
    found = [_located(same, policies) for same in seen.values()]
    sentences = [
        sentence
        for policy in policies
        for sentence in (*policy.assumptions, *assumed(policy, said_of(policy, intent, policies)))
    ]
    return Report(tuple(by_severity(found)), tuple(dict.fromkeys((*sentences, *assumed_of_people(intent)))))


def _looked_for(rule: PolicyRule, subject: Subject) -> Iterator[Match | Undecided]:
    try:
        yield from rule.find(subject)
    except UndecidedError as error:
        yield Undecided(reason=str(error))


def _finding(rule: PolicyRule, found: Match, subject: Subject) -> Finding:
    """Return a match as a finding, once the evaluator has answered its witness the way it is shown."""
    if found.witness is not None:
        decision = decide(parse_request(found.witness), resource_policy=subject.policy).decision
        if decision != found.shows:
            raise AssertionError(
                f"{subject.location}: {rule.id}: the prover and the evaluator disagree: {found.witness} is {decision}, not {found.shows}"
            )
    statements = () if found.statement is None else (found.statement, *subject.same_as(found.statement))
    same = [spoken(one) for one in statements[1:]]
    also = f", and so {'do' if len(same) > 1 else 'does'} {some(same)}, which is alike" if same else ""
    return Finding(
        rule=rule,
        severity=found.severity or rule.severity,
        location=subject.location,
        statements=statements,
        witness=found.witness,
        witness_decision=None if found.witness is None else found.shows,
        message=f"{found.message}{also}",
        remedy=found.remedy or rule.remedy,
    )


def _located(same: Sequence[Finding], policies: Sequence[ResourcePolicy]) -> Finding:
    """Return one finding of several: on the key where it is in all its branches, else in the first branch.

    Where a text holds several keys, or one that differs by branch, the message says of which it speaks.
    """
    location = same[0].location
    branches = {one.location.branch for one in policies if one.name == location.logical_id}
    if {one.location.branch for one in same} == branches:
        location = replace(location, branch=())
    several = len({one.name for one in policies}) > 1
    where = f"where {branch_text(location.branch)}" if location.branch else ""
    place = " ".join(filter(None, (f"in {location.logical_id}" if several else "", where)))
    message = f"{same[0].message} ({place})" if place else same[0].message
    return replace(same[0], location=location, message=message)
