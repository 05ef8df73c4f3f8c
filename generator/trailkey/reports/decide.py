"""Answers to requests as lines for a terminal and as JSON."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from trailkey.decide import RequestAnswer


def answer_json(answer: RequestAnswer) -> dict[str, Any]:
    """Return an answer in the shape that outside tools read: name, decision, reason, statements."""
    return {
        "name": answer.name,
        "decision": answer.decision,
        "reason": answer.reason,
        "statements": list(answer.statements),
    }


def answer_line(answer: RequestAnswer) -> str:
    """Return an answer as one line: ``allowed  the trail encrypts: allowed (CloudTrailEncryptsLogs)``."""
    by = ", ".join(map(str, answer.statements))
    return f"{answer.decision:8} {answer.name}: {answer.reason}{f' ({by})' if by else ''}"


def unexpected_line(answer: RequestAnswer) -> str:
    """Return what a request expects and what it gets."""
    return f"error: {answer.name}: expected {answer.expected}, is {answer.decision} ({answer.reason})"
