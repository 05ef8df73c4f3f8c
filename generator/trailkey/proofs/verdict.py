"""What the proofs of a deployment come to: what is proven, what fails, and what of that the config accepts with a reason."""

from __future__ import annotations

import difflib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from trailkey.access.algebra.request_sets import REFUTED, UNKNOWN
from trailkey.access.analysis.witnesses import sentence
from trailkey.audit.registry import RULES, audit
from trailkey.config.source import written
from trailkey.findings import Finding
from trailkey.intent.from_config import expectations
from trailkey.proofs.judge import PROPERTIES, prove

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from trailkey.config.deployment import Deployment
    from trailkey.config.source import ConfigPath
    from trailkey.inventory.policies import Documents
    from trailkey.proofs.properties.property import Judged


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """A property that is not proven, or a flaw: what is wrong, what to do, the config path it belongs to, and what shows it."""

    id: str
    text: str
    remedy: str
    path: ConfigPath
    place: str
    statements: tuple[str | int, ...]
    witness: Mapping[str, Any] | None

    @property
    def where(self) -> str:
        """The config path, the place in the templates, and the statements that show it."""
        by = f"statement {', '.join(map(str, self.statements))}" if self.statements else ""
        return ", ".join(part for part in (written(self.path), self.place, by) if part)


@dataclass(frozen=True, slots=True, kw_only=True)
class Accepted:
    """A risk that the config accepts, its reason, and what fails because of it."""

    id: str
    reason: str
    failing: tuple[Failure, ...]


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
    failing = [*(_failed(one) for one in judged if not one.holds), *_flawed(deployment, documents)]
    # A statement that is wrong on the key is often wrong on the bucket as well: it is one thing to mend.
    failures = list({(one.id, one.path, one.place, one.statements): one for one in reversed(failing)}.values())[::-1]
    accepted = tuple(
        Accepted(id=risk.id, reason=risk.reason, failing=tuple(one for one in failures if one.id == risk.id))
        for risk in risks
    )
    ids = {risk.id for risk in risks}
    findings = [_finding(one, deployment) for one in failures if one.id not in ids]
    findings += [
        _unneeded(one, deployment, ("accepted_risks", index)) for index, one in enumerate(accepted) if not one.failing
    ]
    return Verdict(judged=tuple(judged), accepted=accepted, findings=tuple(findings))


def _failed(judged: Judged) -> Failure:
    answer = judged.answer
    what = f"cannot be decided ({answer.reason})" if answer.verdict == UNKNOWN else "does not hold"
    shown = answer.reason if answer.verdict == REFUTED else ""
    if answer.witness:
        shown = sentence(answer.witness, refused=judged.refused) + _by(judged)
    return Failure(
        id=judged.id,
        text=f"{judged.title!r} {what}{shown and f': {shown}'}",
        remedy=judged.remedy,
        path=judged.path,
        place=judged.place,
        statements=judged.statements,
        witness=answer.witness,
    )


def _by(judged: Judged) -> str:
    statements = f"statement {', '.join(map(str, judged.statements))}"
    if judged.refused:
        return f": {statements} denies it" if judged.statements else ": no statement allows it"
    return f" by {statements}" if judged.statements else ""


def _flawed(deployment: Deployment, documents: Documents) -> Iterator[Failure]:
    """Yield the flaws of the rendered key policies: what no property is about, such as a guard that a second reader cancels."""
    for key, expected in zip(documents.keys, expectations(deployment), strict=True):
        for one in audit(key.document, place=key.place, key_arn=key.arn, expected=expected):
            text, _, remedy = one.message.partition("; ")
            if one.severity != "note":
                yield Failure(
                    id=one.id,
                    text=text,
                    remedy=remedy,
                    path=key.path,
                    place=key.place,
                    statements=() if one.statement is None else (one.statement,),
                    witness=one.witness,
                )


def _finding(failure: Failure, deployment: Deployment) -> Finding:
    """Return what fails as the user reads it: config line, what is wrong, what to do."""
    return Finding(
        id=failure.id,
        severity="error",
        message=f"{failure.text}; {failure.remedy}, or accept it under accepted_risks with id {failure.id} and a reason",
        place=_place(deployment, failure.path, failure.place),
        statement=failure.statements[0] if failure.statements else None,
        witness=failure.witness,
    )


def _place(deployment: Deployment, path: ConfigPath, place: str = "") -> str:
    mark = deployment.mark(path)
    return ": ".join(part for part in (f"{mark.file}:{mark.line}", written(path), place) if part)


def _unneeded(accepted: Accepted, deployment: Deployment, path: ConfigPath) -> Finding:
    """What is accepted and does not occur would hide it on the day it does."""
    return Finding(
        id="accepted-risk-unneeded",
        severity="error",
        message=f"{accepted.id!r} holds, so there is nothing to accept; a risk is accepted only while it is there; remove the entry",
        place=_place(deployment, path),
    )


def unknown_risks(deployment: Deployment) -> list[str]:
    """Return a problem for each accepted risk that is the id of no property."""
    ids = [*(one.id for one in PROPERTIES), *(one.id for one in RULES)]
    problems = []
    for index, risk in enumerate(deployment.config.accepted_risks):
        if risk.id not in ids:
            near = difflib.get_close_matches(risk.id, ids, n=1)
            advice = f"did you mean {near[0]!r}?" if near else "docs/findings.md lists them"
            text = f"{risk.id!r} is no property and no flaw; the id of what fails is allowed; {advice}"
            problems.append(deployment.source.problem(("accepted_risks", index, "id"), text))
    return problems
