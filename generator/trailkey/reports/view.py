"""What a report on access says, whatever its format: the matrices, what is proven, what that rests on, and what remains.

``Access.as_json`` is what ``trailkey access --format json`` prints. The shape is stable: keys are added, never changed.

A cell is ``{"answer", "statements": [Sid or index…], "actions": [action…], "only_with": [condition key…], "witness": request or
null, "reason": text}``. ``answer`` is ``yes`` (something in the cell is allowed, with no IAM policy), ``iam`` (something is, if the
caller's own IAM policy allows it too), ``no`` (nothing is) or ``unknown`` (not decided, ``reason`` says why). ``statements`` are the
Allow statements that the witness is allowed by; with ``no`` the Deny that decides, where one does. ``actions`` are those of which
something is allowed; ``only_with`` the keys that row and column leave open and the policy does not. A witness is a request as
``trailkey decide`` reads it; a key's id is made up, as it is known after deployment only.

The parts of ``readers`` are ``yes``, ``no``, ``unknown`` and ``own`` (the service brings the permission itself); ``once_attached``
says that others attach the IAM policy, so that the reader reads only then. ``invariants`` are the sentences of the config, each with
whether it is ``proven``. A finding is ``{"id",
"severity", "statement", "message", "remedy", "witness", "witness_decision", "location"}``, as ``trailkey audit`` has it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

from trailkey.proofs.matrix import bucket_matrix, matrices, policy_matrix
from trailkey.proofs.organization_policies import rcp, scps
from trailkey.proofs.residual_risk import ASSUMPTIONS, beyond_scps, policy_writers
from trailkey.proofs.verdict import readings

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from trailkey.config.deployment import Deployment
    from trailkey.findings import Finding
    from trailkey.inventory.policies import PolicySet, ResourcePolicy
    from trailkey.proofs.matrix import Line, Matrix
    from trailkey.proofs.properties.property import Result
    from trailkey.proofs.verdict import Verdict


class Proven(NamedTuple):
    """A property: how often it was asked (once for each policy or person it is about), and how often it is proven."""

    id: str
    title: str
    asked: int
    proven: int


class Held(NamedTuple):
    """An invariant of the config: its sentence, and whether it is proven of every key that it is about."""

    says: str
    proven: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Access:
    """A report: what the config says, what the proofs come to, and who can do what with each key and with logs in the bucket."""

    deployment: Deployment
    verdict: Verdict
    matrices: tuple[Matrix, ...]
    bucket: Matrix | None

    @property
    def findings(self) -> tuple[Finding, ...]:
        """What fails and is not accepted."""
        return self.verdict.findings

    def invariants(self) -> Iterator[Held]:
        """Yield each invariant of the config, and whether it is proven."""
        broken = {one.location.config_path for one in self.findings}
        for index, one in enumerate(self.deployment.invariants):
            yield Held(one.says, f"invariants[{index}]" not in broken)

    def properties(self) -> Iterator[Proven]:
        """Yield each property that was asked."""
        by_id: dict[str, list[Result]] = {}
        for one in self.verdict.results:
            by_id.setdefault(one.id, []).append(one)
        for name, asked in by_id.items():
            yield Proven(name, asked[0].rule.title, len(asked), sum(one.holds for one in asked))

    def as_json(self) -> dict[str, Any]:
        """Return the report as a document."""
        return {
            "name": self.deployment.name,
            "notices": list(self.deployment.notices),
            "accepted_risks": [
                {"id": risk.id, "reason": risk.reason, "failing": [one.as_json() for one in risk.failing]}
                for risk in self.verdict.accepted
            ],
            "findings": [one.as_json() for one in self.findings],
            "keys": [_key(matrix) for matrix in self.matrices],
            "bucket": {"name": self.bucket.name, **_body(self.bucket)} if self.bucket else None,
            "readers": [
                _fields(one, "name", "key_policy", "bucket_policy", "iam_policy", "reads", "once_attached")
                for one in readings(self.deployment, self.verdict)
            ],
            "invariants": [one._asdict() for one in self.invariants()],
            "properties": [one._asdict() for one in self.properties()],
            "assumptions": list(ASSUMPTIONS),
            "remains": {
                "replace_policy": [
                    _fields(one, "alias", "label", "principals") for one in policy_writers(self.matrices)
                ],
                "scps": scps(self.deployment),
                "rcp": rcp(self.deployment),
                "unbound": beyond_scps(self.deployment),
            },
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class PolicyAccess:
    """Who can do what by key policies that no config describes, one matrix for each form of each, and what was assumed."""

    matrices: tuple[Matrix, ...]
    assumptions: tuple[str, ...]

    def as_json(self) -> dict[str, Any]:
        """Return the report as a document: ``keys`` as `Access.as_json` has them, and the sentences of what was assumed."""
        keys = [{"policy": one.name, **_body(one)} for one in self.matrices]
        return {"keys": keys, "assumptions": list(self.assumptions)}


def policy_access(policies: Sequence[ResourcePolicy]) -> PolicyAccess:
    """Return what there is to report on key policies.

    Raises:
        PolicyError: a statement of one of them cannot be read.
    """
    return PolicyAccess(
        matrices=tuple(map(policy_matrix, policies)),
        assumptions=tuple(dict.fromkeys(sentence for one in policies for sentence in one.assumptions)),
    )


def access_of(deployment: Deployment, policies: PolicySet, verdict: Verdict) -> Access:
    """Return what there is to report on a deployment, its policies, and what the proofs come to."""
    return Access(
        deployment=deployment,
        verdict=verdict,
        matrices=matrices(deployment, policies),
        bucket=bucket_matrix(deployment, policies),
    )


def deciding(line: Line, matrix: Matrix) -> list[tuple[str | int, list[str]]]:
    """Return the statements that decide the cells of a row, each with the headings of those cells."""
    found: dict[str | int, list[str]] = {}
    for cell, column in zip(line.cells, matrix.columns, strict=True):
        for statement in cell.statements:
            found.setdefault(statement, []).append(column.label)
    return list(found.items())


def bounds(matrix: Matrix) -> Iterator[str]:
    """Yield what the cells leave unsaid: under which keys only something is allowed, or why it is unknown."""
    for line in matrix.lines:
        for cell, column in zip(line.cells, matrix.columns, strict=True):
            if cell.only_with:
                yield f"{line.row.label}, {column.label}: only with {' and '.join(cell.only_with)}"
            if cell.reason:
                yield f"{line.row.label}, {column.label}: unknown: {cell.reason}"


def _fields(one: object, *names: str) -> dict[str, Any]:
    """Return attributes as JSON has them, by their names."""
    values = ((name, getattr(one, name)) for name in names)
    return {name: list(value) if isinstance(value, tuple) else value for name, value in values}


def _key(matrix: Matrix) -> dict[str, Any]:
    return {"alias": matrix.name, "event_data_store": matrix.store or None, **_body(matrix)}


def _body(matrix: Matrix) -> dict[str, Any]:
    return {
        "account": _fields(matrix.account, "name", "id"),
        "region": matrix.region,
        "columns": [_fields(one, "id", "label", "meaning") for one in matrix.columns],
        "rows": [
            {
                **_fields(line.row, "id", "label", "principals"),
                "cells": {
                    column.id: _fields(cell, "answer", "statements", "actions", "only_with", "witness", "reason")
                    for column, cell in zip(matrix.columns, line.cells, strict=True)
                },
            }
            for line in matrix.lines
        ],
    }
