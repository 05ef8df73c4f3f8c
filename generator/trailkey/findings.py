"""What a check looks for and what it found: one rule and one finding for lint, limits, proofs and the audit. Never prints.

A finding is parts, never a sentence: ``reports.findings`` makes the sentence, once. Messages say ``str(location)`` where to look.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Literal

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

Severity = Literal["error", "warning", "note"]
SEVERITIES: Final[tuple[Severity, ...]] = ("error", "warning", "note")

Branch = tuple[tuple[str, bool], ...]
"""The conditions of a template under which something is so, each with its truth; empty where it is so under all."""


def branch_text(branch: Branch) -> str:
    """Return the conditions of a branch as one reads them: ``IsProd is true and HasReader is false``."""
    return " and ".join(f"{name} is {str(truth).lower()}" for name, truth in branch)


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """What a check looks for.

    ``id`` is a stable word that ``accepted_risks`` and pipelines refer to (``cloudtrail-unconfined``), or a rule of cfn-lint
    (``E3002``). ``reason`` says what breaking it leads to, ``source`` is the page that settles it, ``remedy`` says what to do.
    """

    id: str
    severity: Severity = "error"
    title: str
    reason: str
    source: str
    remedy: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Location:
    """Where to look. Whatever is empty is not known, or does not apply.

    ``file`` is a config with the ``line`` and the ``config_path`` there, or a template or policy file. ``template`` is the
    template, where ``file`` is the config that it comes from. ``logical_id`` is the resource in the template, ``branch`` the
    conditions of the template under which it is so.
    """

    file: str = ""
    line: int | None = None
    config_path: str = ""
    template: str = ""
    logical_id: str = ""
    branch: Branch = ()

    def __str__(self) -> str:
        """``config/a.yaml:12: trails[0]: a-key.yaml: Resources/Key where IsProd is true``."""
        file = f"{self.file}:{self.line}" if self.line else self.file
        resource = f"Resources/{self.logical_id}" if self.logical_id else ""
        place = ": ".join(filter(None, (file, self.config_path, self.template, resource)))
        return f"{place} where {branch_text(self.branch)}" if self.branch else place

    def as_json(self) -> dict[str, Any]:
        """Return the location as JSON: ``file``, and of the other fields those that are known."""
        known: dict[str, Any] = {
            "line": self.line,
            "config_path": self.config_path,
            "template": self.template,
            "logical_id": self.logical_id,
            "branch": dict(self.branch),
        }
        return {"file": self.file, **{name: value for name, value in known.items() if value}}


NOWHERE: Final = Location()
"""The location of what has none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One observation about a policy, a template or a rollout.

    ``statements`` are the Sids or indexes of the statements at fault. ``witness`` is a concrete request (the shape ``trailkey
    decide`` reads) that shows it, ``witness_decision`` how the policy answers that request. ``severity`` and ``remedy`` are given
    where they differ from the rule's.
    """

    rule: Rule
    location: Location
    message: str
    remedy: str = ""
    severity: Severity = "error"
    statements: tuple[str | int, ...] = ()
    witness: Mapping[str, Any] | None = None
    witness_decision: Literal["allowed", "denied"] | None = None

    @property
    def id(self) -> str:
        """The id of the rule."""
        return self.rule.id

    @property
    def statement(self) -> str | int | None:
        """The first statement at fault, where there is one."""
        return self.statements[0] if self.statements else None

    def as_json(self) -> dict[str, Any]:
        """Return the finding as JSON, in the shape that outside tools read."""
        return {
            "id": self.id,
            "severity": self.severity,
            "statement": self.statement,
            "message": self.message,
            "remedy": self.remedy,
            "witness": self.witness,
            "witness_decision": self.witness_decision,
            "location": self.location.as_json(),
        }


def by_severity(findings: Iterable[Finding]) -> list[Finding]:
    """Return the findings, errors first, otherwise in the order they were found."""
    return sorted(findings, key=lambda finding: SEVERITIES.index(finding.severity))
