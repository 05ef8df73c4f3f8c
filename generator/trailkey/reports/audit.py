"""What an audit found, as lines for a terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from trailkey.reports.findings import message_text

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from trailkey.audit.registry import Report


def audit_lines(report: Report) -> Iterator[str]:
    """Yield each finding with its request, and then what was assumed."""
    for finding in report.findings:
        yield f"{finding.severity} {finding.id}"
        yield f"  {finding.location}: {message_text(finding)}"
        if finding.witness:
            yield f"  {finding.witness_decision}: {request_text(finding.witness)}"
    if not report.findings:
        yield "no findings"
    yield from (f"assumed: {sentence}" for sentence in report.assumptions)


def request_text(request: Mapping[str, Any]) -> str:
    """Return a request in one line: who calls what, with which context."""
    context = ", ".join(
        f"{key}={','.join(value) if isinstance(value, list) else value}"
        for key, value in request.get("context", {}).items()
    )
    with_policy = ", whose own IAM policy allows it," if "identity_policies" in request else ""
    return f"{request['principal']}{with_policy} {request['action']}{f' with {context}' if context else ''}"
