"""The findings on every key policy of a text, each once, whatever branches of a template it stands in."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from trailkey.audit.registry import audit
from trailkey.findings import Finding, by_severity
from trailkey.intent.from_options import assumed

if TYPE_CHECKING:
    from collections.abc import Sequence

    from trailkey.intent.model import KeyIntent
    from trailkey.inventory import FoundPolicy


@dataclass(frozen=True, slots=True)
class Report:
    """What an audit has to say: findings, errors first, and what was assumed where the text says nothing."""

    findings: tuple[Finding, ...]
    assumptions: tuple[str, ...]

    def as_json(self) -> list[dict[str, Any]]:
        """Return the findings as JSON; where there are several policies the message begins with the place."""
        places = {finding.place for finding in self.findings}
        return [
            {
                "id": finding.id,
                "severity": finding.severity,
                "statement": finding.statement,
                "message": f"{finding.place}: {finding.message}" if len(places) > 1 else finding.message,
                "witness": finding.witness,
            }
            for finding in self.findings
        ]


def audit_all(policies: Sequence[FoundPolicy], expected: KeyIntent) -> Report:
    """Return the findings on key policies that were found in one text.

    Raises:
        PolicyError: one of them is no key policy.
    """
    seen: dict[tuple[object, ...], list[tuple[FoundPolicy, Finding]]] = {}
    for policy in policies:
        findings = audit(
            policy.document,
            place=policy.place,
            key_arn=policy.key_arn,
            expected=expected,
            account_known=policy.account_known,
        )
        for one in findings:
            same = (policy.logical_id, one.id, one.severity, one.statement, one.message)
            seen.setdefault(same, []).append((policy, one))
    found = [_placed(places, policies) for places in seen.values()]
    sentences = [sentence for policy in policies for sentence in policy.assumptions]
    return Report(tuple(by_severity(found)), tuple(dict.fromkeys((*sentences, *assumed(expected)))))


def _placed(places: Sequence[tuple[FoundPolicy, Finding]], policies: Sequence[FoundPolicy]) -> Finding:
    """Return a finding with the place it is in: the key where it is in all its branches, else the first branch."""
    policy, finding = places[0]
    branches = [one for one in policies if one.logical_id == policy.logical_id]
    if len({id(one) for one, _ in places}) == len(branches):
        return replace(finding, place=policy.place.removesuffix(f" where {policy.variant}"))
    return finding
