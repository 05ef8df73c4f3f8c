"""What the proofs of a deployment come to: what is proven, what fails, and what of that the config accepts with a reason."""

from __future__ import annotations

import difflib
from dataclasses import dataclass
from typing import TYPE_CHECKING

from generator.access.sets import UNKNOWN
from generator.access.witnesses import sentence
from generator.config.text import written
from generator.findings import Finding
from generator.proofs.judge import PROPERTIES, prove

if TYPE_CHECKING:
    from generator.config.deployment import Deployment
    from generator.proofs.documents import Documents
    from generator.proofs.property import Judged


@dataclass(frozen=True, slots=True, kw_only=True)
class Accepted:
    """A risk that the config accepts, its reason, and what fails because of it."""

    id: str
    reason: str
    failing: tuple[Judged, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """Every property with its answer, the risks accepted, and the findings that stop the run."""

    judged: tuple[Judged, ...]
    accepted: tuple[Accepted, ...]
    findings: tuple[Finding, ...]


def verdict(deployment: Deployment, documents: Documents) -> Verdict:
    """Return what the proofs of a deployment come to."""
    risks = deployment.config.accepted_risks
    judged = prove(deployment, documents)
    failing = [one for one in judged if not one.holds]
    accepted = tuple(
        Accepted(id=risk.id, reason=risk.reason, failing=tuple(one for one in failing if one.id == risk.id))
        for risk in risks
    )
    ids = {risk.id for risk in risks}
    findings = [finding(one, deployment) for one in failing if one.id not in ids]
    findings += [
        _unneeded(one, deployment, ("accepted_risks", index)) for index, one in enumerate(accepted) if not one.failing
    ]
    return Verdict(judged=tuple(judged), accepted=accepted, findings=tuple(findings))


def finding(judged: Judged, deployment: Deployment) -> Finding:
    """Return a property that is not proven as what the user reads: config line, statement, witness, what to do."""
    answer = judged.answer
    what = f"cannot be decided ({answer.reason})" if answer.verdict == UNKNOWN else "does not hold"
    shown = f": {sentence(answer.witness)}" if answer.witness else ""
    by = f" by statement {', '.join(map(str, judged.statements))}" if judged.statements else ""
    advice = f"{judged.remedy}, or accept it under accepted_risks with id {judged.id} and a reason"
    return Finding(
        id=judged.id,
        severity="error",
        message=f"{judged.title!r} {what}{shown}{by}; {advice}",
        place=_place(deployment, judged.path, judged.place),
        statement=judged.statements[0] if judged.statements else None,
        witness=answer.witness,
    )


def _place(deployment: Deployment, path: tuple[str | int, ...], place: str = "") -> str:
    mark = deployment.mark(path)
    return ": ".join(part for part in (f"{mark.file}:{mark.line}", written(path), place) if part)


def _unneeded(accepted: Accepted, deployment: Deployment, path: tuple[str | int, ...]) -> Finding:
    """What is accepted and does not occur would hide it on the day it does."""
    return Finding(
        id="accepted-risk-unneeded",
        severity="error",
        message=f"{accepted.id!r} holds, so there is nothing to accept; a risk is accepted only while it is there; remove the entry",
        place=_place(deployment, path),
    )


def unknown_risks(deployment: Deployment) -> list[str]:
    """Return a problem for each accepted risk that is the id of no property."""
    ids = [one.id for one in PROPERTIES]
    problems = []
    for index, risk in enumerate(deployment.config.accepted_risks):
        if risk.id not in ids:
            near = difflib.get_close_matches(risk.id, ids, n=1)
            advice = f"did you mean {near[0]!r}?" if near else "docs/findings.md lists them"
            text = f"{risk.id!r} is no property; the id of a property that fails is allowed; {advice}"
            problems.append(deployment.source.problem(("accepted_risks", index, "id"), text))
    return problems
