"""What a report on access says, whatever its format: the matrices, what is proven, what that rests on, and what remains."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from trailkey.proofs.matrix import matrices
from trailkey.proofs.residual_risk import beyond_scps, policy_writers, scp
from trailkey.proofs.verdict import readings

if TYPE_CHECKING:
    from collections.abc import Iterator

    from trailkey.config.deployment import Account, Deployment
    from trailkey.findings import Finding
    from trailkey.inventory.policies import PolicySet
    from trailkey.proofs.matrix import Line, Matrix
    from trailkey.proofs.properties.property import Result
    from trailkey.proofs.residual_risk import PolicyWriter
    from trailkey.proofs.verdict import Accepted, Reading, Verdict


@dataclass(frozen=True, slots=True, kw_only=True)
class Proven:
    """A property: how often it was asked (once for each policy or person it is about), and how often it is proven."""

    id: str
    title: str
    asked: int
    proven: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Access:
    """A report. ``scp`` is None where no key is in an account that SCPs bind; ``unbound`` are the aliases of keys in others."""

    name: str
    accepted: tuple[Accepted, ...]
    findings: tuple[Finding, ...]
    matrices: tuple[Matrix, ...]
    readings: tuple[Reading, ...]
    properties: tuple[Proven, ...]
    policy_writers: tuple[PolicyWriter, ...]
    scp: dict[str, Any] | None
    unbound: tuple[str, ...]
    bucket_account: Account


def access_of(deployment: Deployment, policies: PolicySet, verdict: Verdict) -> Access:
    """Return what there is to report on a deployment, its policies, and what the proofs come to."""
    found = matrices(deployment, policies)
    return Access(
        name=deployment.name,
        accepted=verdict.accepted,
        findings=verdict.findings,
        matrices=found,
        readings=tuple(readings(deployment, verdict)),
        properties=tuple(_properties(verdict)),
        policy_writers=tuple(policy_writers(found)),
        scp=scp(deployment),
        unbound=tuple(beyond_scps(deployment)),
        bucket_account=deployment.bucket_account,
    )


def deciding(line: Line, matrix: Matrix) -> list[tuple[str | int, list[str]]]:
    """Return the statements that decide the cells of a row, each with the headings of those cells."""
    found: dict[str | int, list[str]] = {}
    for cell, column in zip(line.cells, matrix.columns, strict=True):
        for statement in cell.statements:
            found.setdefault(statement, []).append(column.label)
    return list(found.items())


def bounds(line: Line, matrix: Matrix) -> Iterator[tuple[str, str]]:
    """Yield what a row's cells leave unsaid: the heading, and under which keys only something is allowed, or why it is unknown."""
    for cell, column in zip(line.cells, matrix.columns, strict=True):
        if cell.only_with:
            yield column.label, f"only with {' and '.join(cell.only_with)}"
        if cell.reason:
            yield column.label, f"unknown: {cell.reason}"


def _properties(verdict: Verdict) -> Iterator[Proven]:
    by_id: dict[str, list[Result]] = {}
    for one in verdict.results:
        by_id.setdefault(one.id, []).append(one)
    for name, asked in by_id.items():
        proven = sum(one.holds for one in asked)
        yield Proven(id=name, title=asked[0].rule.title, asked=len(asked), proven=proven)
