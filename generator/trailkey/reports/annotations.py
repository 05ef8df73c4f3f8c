"""Findings of an audit where people review: SARIF for code scanning, and annotations of a GitHub workflow."""

from __future__ import annotations

from pathlib import Path, PurePath
from typing import TYPE_CHECKING, Any, Final

from trailkey.audit.registry import OTHERS, RULES
from trailkey.inventory import read_text
from trailkey.inventory.lines import line_of_finding
from trailkey.reports.findings import message_text, request_text
from trailkey.reports.plain import one_line
from trailkey.version import VERSION

if TYPE_CHECKING:
    from collections.abc import Iterator

    from trailkey.audit.registry import Report
    from trailkey.findings import Finding, Rule

_COMMANDS: Final = {"error": "error", "warning": "warning", "note": "notice"}
_SCHEMA: Final = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"


def sarif(report: Report) -> dict[str, Any]:
    """Return a report as SARIF 2.1.0: every rule with its help, every finding with its line, accepted ones as suppressed.

    See: https://docs.oasis-open.org/sarif/sarif/v2.1.0/sarif-v2.1.0.html
    """
    rules: list[Rule] = [*RULES, *OTHERS]
    at = {rule.id: number for number, rule in enumerate(rules)}
    lines = _Lines()
    results = [_result(one, at[one.id], lines) for one in report.findings]
    for finding, accepted in report.accepted:
        kind = "inSource" if accepted.key and accepted.origin.logical_id else "external"
        suppressed = {"suppressions": [{"kind": kind, "justification": one_line(accepted.reason)}]}
        results.append({**_result(finding, at[finding.id], lines), **suppressed})
    driver = {
        "name": "trailkey",
        "version": VERSION,
        "rules": [_rule(rule) for rule in rules],
    }
    return {"$schema": _SCHEMA, "version": "2.1.0", "runs": [{"tool": {"driver": driver}, "results": results}]}


def _rule(rule: Rule) -> dict[str, Any]:
    return {
        "id": rule.id,
        "shortDescription": {"text": f"{rule.title}."},
        "fullDescription": {"text": rule.reason},
        "help": {"text": f"{rule.reason} What to do: {rule.remedy}. AWS's page: {rule.source}"},
        "helpUri": rule.source,
        "defaultConfiguration": {"level": rule.severity},
    }


def _result(finding: Finding, rule: int, lines: _Lines) -> dict[str, Any]:
    shown = f" ({finding.witness_decision}: {request_text(finding.witness)})" if finding.witness else ""
    place = {
        "artifactLocation": {"uri": _uri(finding.location.file)},
        "region": {"startLine": lines.of(finding)},
    }
    return {
        "ruleId": finding.id,
        "ruleIndex": rule,
        "level": finding.severity,
        "message": {"text": one_line(f"{message_text(finding)}{shown}")},
        "locations": [{"physicalLocation": place}],
    }


def _uri(file: str) -> str:
    """Return a file as SARIF names it: a URI, relative where the path is."""
    path = PurePath(file)
    if path.is_absolute():
        return path.as_uri()
    return PurePath("/", file).as_uri().removeprefix("file:///")


def github_lines(report: Report) -> Iterator[str]:
    """Yield each finding as an annotation of a workflow, and a line that counts them.

    https://docs.github.com/en/actions/reference/workflows-and-actions/workflow-commands
    """
    lines = _Lines()
    for finding in report.findings:
        place = f"file={_property(finding.location.file)},line={lines.of(finding)},title={_property(finding.id)}"
        yield f"::{_COMMANDS[finding.severity]} {place}::{_data(message_text(finding))}"
    number = len(report.findings)
    yield f"{number} finding{'' if number == 1 else 's'}, {len(report.accepted)} accepted"


def _data(text: str) -> str:
    """Return a text as one line of a workflow command, in which nothing ends the line or begins another command."""
    return one_line(text.replace("%", "%25"))


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")


class _Lines:
    """The lines of findings; each file is read once more, as it is now."""

    def __init__(self) -> None:
        self._texts: dict[str, str] = {}

    def of(self, finding: Finding) -> int:
        file = finding.location.file
        if finding.location.line:
            return finding.location.line
        if file not in self._texts:
            path = Path(file)
            self._texts[file] = read_text(path)[0] if path.is_file() else ""
        return line_of_finding(finding, self._texts[file])
