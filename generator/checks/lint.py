"""cfn-lint, in process: the only importer of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from generator.findings import Finding

if TYPE_CHECKING:
    from collections.abc import Sequence

    from generator.findings import Severity

_SEVERITY: dict[str, Severity] = {"E": "error", "W": "warning", "I": "note"}


@dataclass(frozen=True, slots=True)
class Template:
    """A rendered template and the Region it is for."""

    file: str
    text: str
    region: str


def lint(templates: Sequence[Template]) -> list[tuple[Template, Finding]]:
    """Return what cfn-lint says of each template, informational rules included."""
    from cfnlint.config import ConfigMixIn, ManualArgs  # noqa: PLC0415 # 0.4 s: loaded when there is something to lint
    from cfnlint.decode.decode import decode_str  # noqa: PLC0415 # the same
    from cfnlint.runner import Runner, run_template_by_data  # noqa: PLC0415 # the same

    settings = ManualArgs(include_checks=["I"], mandatory_checks=["E", "W", "I"], ignore_checks=[])
    rules: Any = None
    findings = []
    for template in templates:
        config = ConfigMixIn([], **{**settings, "regions": [template.region]})
        if rules is None:
            rules = Runner(config).rules
        decoded, problems = decode_str(template.text)
        for match in problems or run_template_by_data(decoded, config, rules):
            path = "/".join(str(step) for step in getattr(match, "path", None) or ())
            place = f"{template.file}: {path}" if path else f"{template.file}:{match.linenumber}"
            findings.append(
                (
                    template,
                    Finding(id=match.rule.id, severity=_SEVERITY[match.rule.id[0]], message=match.message, place=place),
                )
            )
    return findings
