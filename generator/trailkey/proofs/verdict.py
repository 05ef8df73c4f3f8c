"""What the proofs of a deployment come to: what is proven, what fails, and what of that the config accepts with a reason."""

from __future__ import annotations

import difflib
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

from trailkey.access import REFUTED, UNKNOWN
from trailkey.access.analysis.witnesses import sentence
from trailkey.audit.invariants import BROKEN
from trailkey.audit.registry import RULES, audit, held_to
from trailkey.config.source import written
from trailkey.findings import NOWHERE, Finding, Rule
from trailkey.intent.from_config import key_intents
from trailkey.proofs.judge import PROPERTIES, prove
from trailkey.proofs.properties.rollout import OF_THE_ROLLOUT, rollout_results

if TYPE_CHECKING:
    from collections.abc import Iterator

    from trailkey.config.deployment import Deployment
    from trailkey.config.source import ConfigPath
    from trailkey.findings import Location
    from trailkey.inventory.folder import Folder
    from trailkey.proofs.properties.property import Result

Reads = Literal["yes", "no", "unknown", "own"]
"""``own``: the reader is an AWS service that brings the permission itself, so there is nothing of ours to judge."""

UNNEEDED = Rule(
    id="accepted-risk-unneeded",
    title="a risk is accepted only while it is there",
    reason="What is accepted and does not occur would hide it on the day it does.",
    source="https://docs.aws.amazon.com/wellarchitected/latest/security-pillar/sec_securely_operate_threat_model.html",
    remedy="remove the entry",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Accepted:
    """A risk that the config accepts, its reason, and what fails because of it."""

    id: str
    reason: str
    failing: tuple[Finding, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """Every property with its result, the risks accepted, and the findings that stop the run."""

    results: tuple[Result, ...]
    accepted: tuple[Accepted, ...]
    findings: tuple[Finding, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """A reader, and whether each of the policies lets it read all that it should.

    A log file is read only where all three allow: https://docs.aws.amazon.com/AmazonS3/latest/userguide/UsingKMSEncryption.html
    """

    name: str
    key_policy: Reads
    bucket_policy: Reads
    iam_policy: Reads
    once_attached: bool
    """Others attach the IAM policy, which has a fixed name: until then the reader reads nothing."""

    @property
    def reads(self) -> Reads:
        """Whether it reads: ``no`` if any policy keeps it from it, ``unknown`` if that is not known of one."""
        parts = (self.key_policy, self.bucket_policy, self.iam_policy)
        return "no" if "no" in parts else "unknown" if "unknown" in parts else "yes"


def verdict(deployment: Deployment, folder: Folder) -> Verdict:
    """Return what the proofs of a folder come to, against the config of its deployment."""
    results = prove(deployment, folder)
    broken = [one for one in results if not one.holds]
    if any(one.rule in OF_THE_ROLLOUT for one in broken):
        return Verdict(results=tuple(results), accepted=(), findings=tuple(_failed(deployment, one) for one in broken))
    failing = [*(_failed(deployment, one) for one in broken), *_flawed(deployment, folder)]
    # A statement that is wrong on the key is often wrong on the bucket as well: it is one thing to mend.
    failing = list({(one.id, one.location, one.statements): one for one in reversed(failing)}.values())[::-1]
    risks = deployment.config.accepted_risks
    accepted = tuple(
        Accepted(id=risk.id, reason=risk.reason, failing=tuple(one for one in failing if one.id == risk.id))
        for risk in risks
    )
    ids = {risk.id for risk in risks}
    findings = [_unless_accepted(one) for one in failing if one.id not in ids]
    for index, one in enumerate(accepted):
        if not one.failing:
            location = _location(deployment, ("accepted_risks", index), NOWHERE)
            message = f"{one.id!r} holds, so there is nothing to accept; a risk is accepted only while it is there"
            findings.append(Finding(rule=UNNEEDED, location=location, message=message, remedy=UNNEEDED.remedy))
    return Verdict(results=tuple(results), accepted=accepted, findings=tuple(findings))


def _unless_accepted(one: Finding) -> Finding:
    """Return a finding with the way to accept it; an invariant that is not so is a sentence to correct, and not a risk."""
    if one.id == BROKEN.id:
        return one
    return replace(one, remedy=f"{one.remedy}, or accept it under accepted_risks with id {one.id} and a reason")


def rollout_findings(deployment: Deployment, folder: Folder) -> list[Finding]:
    """Return what is wrong with how a folder is rolled out, before anything is asked of its policies."""
    return [_failed(deployment, one) for one in rollout_results(deployment, folder) if not one.holds]


def readings(deployment: Deployment, verdict: Verdict) -> list[Reading]:
    """Return whether each reader of a deployment can read, by what is proven of the policies."""

    def part(name: str, path: ConfigPath) -> Reads:
        verdicts = {one.answer.verdict for one in verdict.results if one.id == name and one.path == path}
        return "own" if not verdicts else "no" if REFUTED in verdicts else "unknown" if UNKNOWN in verdicts else "yes"

    return [
        Reading(
            name=reader.name,
            key_policy=part("readers-decrypt", reader.path),
            bucket_policy=part("readers-get-logs", reader.path),
            iam_policy=part("policies-sufficient", reader.path),
            once_attached=reader.kind.iam_policy == "named",
        )
        for reader in deployment.readers
    ]


def _failed(deployment: Deployment, result: Result) -> Finding:
    answer = result.answer
    what = f"cannot be decided ({answer.reason})" if answer.verdict == UNKNOWN else "does not hold"
    shown = answer.reason if answer.verdict == REFUTED else ""
    if answer.witness:
        shown = sentence(answer.witness, refused=result.refused) + _by(result)
    return Finding(
        rule=result.rule,
        location=_location(deployment, result.path, result.location),
        message=f"{result.rule.title!r} {what}{shown and f': {shown}'}",
        remedy=result.rule.remedy,
        statements=result.statements,
        witness=answer.witness,
        witness_decision=("denied" if result.refused else "allowed") if answer.witness else None,
    )


def _by(result: Result) -> str:
    statements = f"statement {', '.join(map(str, result.statements))}"
    if result.refused:
        return f": {statements} denies it" if result.statements else ": no statement allows it"
    return f" by {statements}" if result.statements else ""


def _flawed(deployment: Deployment, folder: Folder) -> Iterator[Finding]:
    """Yield the flaws of the rendered key policies: what no property is about, such as a guard that a second reader cancels."""
    for roles, intent in key_intents(deployment):
        key = folder.policies.key_of_alias(roles.account, roles.region, roles.alias)
        for one in audit(key, intent) if key else ():
            if one.severity != "note":
                location = _location(deployment, roles.path, one.location)
                yield replace(one, severity="error", location=location)
        for index, invariant in enumerate(deployment.invariants):
            for one in held_to(key, intent, invariant) if key and invariant.key in ("", roles.alias) else ():
                location = _location(deployment, ("invariants", index), one.location)
                yield replace(one, severity="error", location=location)


def _location(deployment: Deployment, path: ConfigPath, found: Location) -> Location:
    """Return where the config asks for something, with the resource of a template that it is about."""
    if not path:
        return found
    mark = deployment.mark(path)
    return replace(found, file=mark.file, line=mark.line, config_path=written(path), template=found.file)


def unknown_risks(deployment: Deployment) -> list[str]:
    """Return a problem for each accepted risk that is the id of no property of policies, and of no rule of the audit."""
    ids = [one.id for one in (*PROPERTIES, *RULES) if one not in OF_THE_ROLLOUT]
    problems = []
    for index, risk in enumerate(deployment.config.accepted_risks):
        if risk.id not in ids:
            near = difflib.get_close_matches(risk.id, ids, n=1)
            advice = f"did you mean {near[0]!r}?" if near else "docs/findings.md lists them"
            text = f"{risk.id!r} is not a valid id; the id of a property or of a rule of the audit is allowed; {advice}"
            problems.append(deployment.source.problem(("accepted_risks", index, "id"), text))
    return problems
