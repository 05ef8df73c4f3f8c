"""Every rule there is, in the order of the documentation, and the audit: all of them looked for in one policy, or in all of a text."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from trailkey.access import decide, parse_request
from trailkey.access.algebra.work import bounded
from trailkey.audit.accepted import UNNEEDED, Accepted, accepted_of, split, unneeded
from trailkey.audit.invariants import BROKEN, held
from trailkey.audit.rule import EVERYWHERE, Match, PolicyRule, Undecided, some, spoken
from trailkey.audit.rules import (
    cloudtrail,
    delivery,
    guards,
    lockout,
    log_bucket,
    malformed,
    misleading_sid,
    never_matches,
    permission_sets,
    principals,
    separation_of_duties,
    services,
    stores,
    trails,
    unknown_names,
    unknown_values,
)
from trailkey.audit.setting import assumed, said_of, setting
from trailkey.audit.statement_facts import admits_cloudtrail
from trailkey.audit.subject import Subject, read_subject
from trailkey.errors import UndecidedError
from trailkey.findings import Finding, Location, Rule, branch_text, by_severity
from trailkey.intent.from_options import assumed as assumed_of_people
from trailkey.intent.model import KeyIntent

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from trailkey.access.language.invariants import Invariant
    from trailkey.findings import Severity
    from trailkey.inventory import ResourcePolicy

STEPS: Final = 1_200_000
"""The most work that one policy is: seconds, where a policy made to be slow would take hours. No rule gets more than a quarter."""

UNDECIDED: Final = PolicyRule(
    id="undecided",
    severity="warning",
    title="A question that could not be decided",
    reason="Where a policy variable can have many values, or patterns are too entangled, the answer is neither yes nor no; it is never "
    "counted as fine. What takes too much work is an error: a policy made to be slow must not pass for one without findings.",
    source="https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_variables.html",
    remedy="write the statement without the variable, or judge it by hand",
    find=lambda _: (),
    of=EVERYWHERE,
)

_MODULES: Final = (
    cloudtrail,
    trails,
    stores,
    delivery,
    services,
    guards,
    principals,
    log_bucket,
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


UNREADABLE: Final = Rule(
    id="unreadable-policy",
    title="A policy that cannot be read",
    reason="Of several files one that cannot be read is not judged, and hides nothing of the others: it must not pass for one without "
    "findings.",
    source="https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_grammar.html",
    remedy="correct it as the message says, or leave the file out",
)
OTHERS: Final[tuple[Rule, ...]] = (BROKEN, UNNEEDED, UNREADABLE)
"""What an audit has to say beside what its rules find."""


def ids() -> list[str]:
    """Return the ids of all findings."""
    return [rule.id for rule in (*RULES, *OTHERS)]


@dataclass(frozen=True, slots=True)
class Report:
    """What an audit has to say: findings, errors first, and what was assumed where the text says nothing.

    ``accepted`` are the findings that somebody accepted, with what they said. ``passed_over`` are files that hold no key policy.
    """

    findings: tuple[Finding, ...]
    assumptions: tuple[str, ...]
    accepted: tuple[tuple[Finding, Accepted], ...] = ()
    passed_over: tuple[str, ...] = ()


def audit(
    policy: ResourcePolicy, intent: KeyIntent | None = None, invariants: Sequence[Invariant] = ()
) -> list[Finding]:
    """Return what is wrong with a key policy, errors first; nothing is said about its key where ``intent`` is left out.

    ``invariants`` are what has to be so beside the rules.

    Raises:
        PolicyError: the document is not a key policy.
    """
    with bounded(STEPS):
        return _audited(policy, intent or KeyIntent(), invariants)


def _audited(policy: ResourcePolicy, intent: KeyIntent, invariants: Sequence[Invariant]) -> list[Finding]:
    subject = read_subject(policy, setting(policy, intent))
    found: list[Finding] = []
    consequences: list[Finding] = []
    open_questions: dict[Undecided, list[str]] = {}
    own = [one for one in invariants if one.key in ("", subject.location.logical_id)]
    rules = (*RULES, *(replace(BROKEN, find=partial(held, one)) for one in own))
    for rule in (rule for rule in rules if subject.service in rule.of):
        for one in _looked_for(rule, subject):
            if isinstance(one, Undecided):
                open_questions.setdefault(one, []).append(rule.id)
            else:
                (consequences if one.consequence else found).append(_finding(rule, one, subject))
    about = {part.statement.name for part in subject.parts if admits_cloudtrail(part.statement)}
    short = (one for one in found if one.severity == "error" and one.witness_decision != "allowed")
    if not any(about & set(one.statements) for one in short):
        found += consequences
    for one, ids in open_questions.items():
        message = f"cannot tell whether there is {', '.join(dict.fromkeys(ids))}: {one.reason}"
        severity: Severity | None = "error" if one.too_long else None
        found.append(_finding(UNDECIDED, Match(statement=one.statement, severity=severity, message=message), subject))
    return by_severity(found)


def held_to(policy: ResourcePolicy, intent: KeyIntent, invariant: Invariant) -> list[Finding]:
    """Return what shows that an invariant is not so of a key, or that it could not be decided; nothing where it is proven.

    Raises:
        PolicyError: the document is not a key policy.
    """
    with bounded(STEPS):
        subject = read_subject(policy, setting(policy, intent))
        found = _looked_for(replace(BROKEN, find=partial(held, invariant)), subject)
    return [
        _finding(UNDECIDED, Match(message=one.reason), subject)
        if isinstance(one, Undecided)
        else _finding(BROKEN, one, subject)
        for one in found
    ]


def audit_all(policies: Sequence[ResourcePolicy], intent: KeyIntent, invariants: Sequence[Invariant] = ()) -> Report:
    """Return the findings on key policies that were found in one text, each once, whatever branches of a template it stands in.

    Raises:
        PolicyError: one of them is not a key policy.
    """
    seen: dict[tuple[object, ...], list[Finding]] = {}
    audited = list(_each(policies, intent, invariants))
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
    stay, taken, unused = split(found, _in_metadata(policies))
    return Report(
        tuple(by_severity([*stay, *map(unneeded, unused)])),
        tuple(dict.fromkeys((*sentences, *assumed_of_people(intent)))),
        tuple(taken),
    )


def together(reports: Sequence[Report], accepted: Sequence[Accepted]) -> Report:
    """Return the reports on several texts as one, without the findings that a baseline accepts."""
    stay, taken, unused = split((one for report in reports for one in report.findings), accepted)
    return Report(
        tuple(by_severity([*stay, *map(unneeded, unused)])),
        tuple(dict.fromkeys(sentence for report in reports for sentence in report.assumptions)),
        (*(pair for report in reports for pair in report.accepted), *taken),
        tuple(name for report in reports for name in report.passed_over),
    )


def unreadable(file: str, reason: str) -> Finding:
    """Return the finding on a file, one of several, that cannot be read."""
    return Finding(rule=UNREADABLE, location=Location(file=file), message=reason.removeprefix(f"{file}: "))


def _in_metadata(policies: Sequence[ResourcePolicy]) -> list[Accepted]:
    """Return what the template accepts at its keys."""
    found: dict[Accepted, None] = {}
    for policy in policies:
        if policy.accepted is not None:
            origin = replace(policy.location, branch=())
            found |= dict.fromkeys(accepted_of(policy.accepted, origin, ids(), key=policy.name))
    return list(found)


def _each(
    policies: Sequence[ResourcePolicy], intent: KeyIntent, invariants: Sequence[Invariant]
) -> Iterator[tuple[ResourcePolicy, list[Finding]]]:
    """Yield each policy with what is wrong with it; keys of one policy are judged once, as a template has hundreds of them."""
    known: dict[str, tuple[ResourcePolicy, list[Finding]]] = {}
    for policy in policies:
        said = said_of(policy, intent, policies)
        asked = json.dumps(
            [policy.document, policy.account, policy.account_known, str(said), str(setting(policy, said))]
        )
        if asked in known and not (policy.users or invariants):
            like, findings = known[asked]
            other = [replace(one, location=policy.location, witness=_on(one.witness, like, policy)) for one in findings]
            yield policy, other
        else:
            known[asked] = policy, audit(policy, said, invariants)
            yield policy, known[asked][1]


def _on(witness: Mapping[str, Any] | None, like: ResourcePolicy, policy: ResourcePolicy) -> Mapping[str, Any] | None:
    """Return a request to one key as one to another."""
    return None if witness is None else {**witness, "resource": witness["resource"].replace(like.arn, policy.arn)}


def _looked_for(rule: PolicyRule, subject: Subject) -> list[Match | Undecided]:
    """Return what a rule finds, whatever it costs the others."""
    with bounded(STEPS // 4) as work:
        try:
            found = list(rule.find(subject))
        except UndecidedError as error:
            found = [Undecided(reason=str(error))]
    return [replace(one, too_long=work.exhausted) if isinstance(one, Undecided) else one for one in found]


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
