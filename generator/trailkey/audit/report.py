"""The findings on every key policy of a text, each once, whatever branches of a template it stands in."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from trailkey.audit.registry import audit
from trailkey.findings import Finding, by_severity
from trailkey.intent.from_options import assumed

if TYPE_CHECKING:
    from collections.abc import Sequence

    from trailkey.intent.model import KeyIntent
    from trailkey.inventory import ResourcePolicy


@dataclass(frozen=True, slots=True)
class Report:
    """What an audit has to say: findings, errors first, and what was assumed where the text says nothing."""

    findings: tuple[Finding, ...]
    assumptions: tuple[str, ...]


def audit_all(policies: Sequence[ResourcePolicy], intent: KeyIntent) -> Report:
    """Return the findings on key policies that were found in one text.

    Raises:
        PolicyError: one of them is not a key policy.
    """
    seen: dict[tuple[object, ...], list[Finding]] = {}
    for policy in policies:
        for one in audit(policy, intent):
            same = (policy.name, one.id, one.severity, one.statement, one.message, one.remedy)
            seen.setdefault(same, []).append(one)
    found = [_located(same, policies) for same in seen.values()]
    sentences = [sentence for policy in policies for sentence in policy.assumptions]
    return Report(tuple(by_severity(found)), tuple(dict.fromkeys((*sentences, *assumed(intent)))))


def _located(same: Sequence[Finding], policies: Sequence[ResourcePolicy]) -> Finding:
    """Return one finding of several: on the key where it is in all its branches, else in the first branch."""
    location = same[0].location
    branches = {one.location.branch for one in policies if one.name == location.logical_id}
    if {one.location.branch for one in same} == branches:
        return replace(same[0], location=replace(location, branch=()))
    return same[0]
