"""What a check has to say: one value type for lint, limits and the proofs about policies. Never prints."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from collections.abc import Mapping

Severity = Literal["error", "warning", "note"]
SEVERITIES: tuple[Severity, ...] = ("error", "warning", "note")


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One observation about a policy or a template.

    ``id`` is a stable word (``cloudtrail-unconfined``) or a rule of cfn-lint (``E3002``). ``place`` is where the reader
    should look: the config line where there is one, else the template and the logical id. ``statement`` is the Sid or index
    of the statement at fault; ``witness`` a concrete request (the shape ``trailkey decide`` reads) that shows the flaw, by being
    allowed, or where it is ``refused`` by not being allowed.
    """

    id: str
    severity: Severity
    message: str
    place: str = ""
    statement: str | int | None = None
    witness: Mapping[str, Any] | None = None
    refused: bool = False

    def __str__(self) -> str:
        """``error cloudtrail-unconfined: config/a.yaml:12: trails[0]: message``."""
        return ": ".join(part for part in (f"{self.severity} {self.id}", self.place, self.message) if part)


def by_severity(findings: list[Finding]) -> list[Finding]:
    """Return the findings, errors first, otherwise in the order they were found."""
    return sorted(findings, key=lambda finding: SEVERITIES.index(finding.severity))
