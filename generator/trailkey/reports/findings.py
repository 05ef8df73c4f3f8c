"""Findings as people read them: the one place where a finding becomes a sentence."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from trailkey.findings import Finding


def message_text(finding: Finding) -> str:
    """Return what is wrong and what to do: ``message; remedy``."""
    return "; ".join(filter(None, (finding.message, finding.remedy)))


def finding_text(finding: Finding) -> str:
    """Return a finding as one line: ``error cloudtrail-unconfined: config/a.yaml:12: trails[0]: message; remedy``."""
    head = f"{finding.severity} {finding.id}"
    return ": ".join(filter(None, (head, str(finding.location), message_text(finding))))


def where_text(finding: Finding) -> str:
    """Return where a finding is, without the file of the config: config path, resource, statements."""
    location = finding.location
    resource = f"Resources/{location.logical_id}" if location.logical_id else ""
    place = ": ".join(filter(None, (location.template, resource)))
    by = f"statement {', '.join(map(str, finding.statements))}" if finding.statements else ""
    return ", ".join(filter(None, (location.config_path, place, by)))
