"""Findings and answers as people read them: the one place where a finding becomes a sentence."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from trailkey.findings import branch_text

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from trailkey.audit.registry import Report
    from trailkey.decide import RequestAnswer
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


def audit_lines(report: Report) -> Iterator[str]:
    """Yield what an audit found, each finding with its request, and then what was assumed."""
    for finding in report.findings:
        yield f"{finding.severity} {finding.id}"
        yield f"  {_place(finding)}: {message_text(finding)}"
        if finding.witness:
            yield f"  {finding.witness_decision}: {request_text(finding.witness)}"
    if not report.findings:
        yield "no findings"
    for finding, accepted in report.accepted:
        yield f"accepted: {finding.severity} {finding.id}: {_place(finding)}: {finding.message}: {accepted.reason}"
    if report.passed_over:
        number = len(report.passed_over)
        yield f"passed over, without a policy to judge: {number} file{'' if number == 1 else 's'}"
    yield from (f"assumed: {sentence}" for sentence in report.assumptions)


def _place(finding: Finding) -> str:
    """Return where a finding is; its branch only where the message does not say it."""
    location = finding.location
    told = location.branch and branch_text(location.branch) in finding.message
    return str(replace(location, branch=()) if told else location)


def answer_lines(answer: RequestAnswer) -> Iterator[str]:
    """Yield an answer, ``allowed  the trail encrypts: allowed (CloudTrailEncryptsLogs)``, and what came nearest to allowing it."""
    by = ", ".join(map(str, answer.statements))
    yield f"{answer.decision:8} {answer.name}: {answer.reason}{f' ({by})' if by else ''}"
    for one in answer.nearest:
        name = one.statement if isinstance(one.statement, str) else f"statement {one.statement}"
        yield f"         nearest is {name}, but {'; '.join(one.not_met)}"


def unexpected_line(answer: RequestAnswer) -> str:
    """Return what a request expects and what it gets."""
    return f"error: {answer.name}: expected {answer.expected}, is {answer.decision} ({answer.reason})"


def request_text(request: Mapping[str, Any]) -> str:
    """Return a request in one line: who calls what, with which context."""
    context = ", ".join(
        f"{key}={','.join(value) if isinstance(value, list) else value}"
        for key, value in request.get("context", {}).items()
    )
    with_policy = ", whose own IAM policy allows it," if "identity_policies" in request else ""
    return f"{request['principal']}{with_policy} {request['action']}{f' with {context}' if context else ''}"
