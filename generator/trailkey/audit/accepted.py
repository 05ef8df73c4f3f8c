"""Findings that people have looked at and accepted, each with a reason: in a baseline file, or in the Metadata of the key."""

from __future__ import annotations

import difflib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from trailkey.errors import PolicyError
from trailkey.findings import Finding, Location, Rule

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

UNNEEDED: Final = Rule(
    id="accepted-finding-unneeded",
    severity="warning",
    title="An accepted finding that is not there",
    reason="What is accepted and does not occur would hide it on the day it does.",
    source="https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/metadata-section-structure.html",
    remedy="take it out of what is accepted",
)
_ELEMENTS: Final = ("id", "file", "key", "statement", "reason")


@dataclass(frozen=True, slots=True, kw_only=True)
class Accepted:
    """A finding that is accepted: its id, and where it is; what is empty is not asked for. ``origin`` is where that is written."""

    id: str
    reason: str
    origin: Location
    file: str = ""
    key: str = ""
    statement: str = ""

    def covers(self, finding: Finding) -> bool:
        """Return whether a finding is the one that is accepted."""
        place = finding.location
        return (
            finding.id == self.id
            and (not self.file or place.file == self.file or place.file.endswith(f"/{self.file}"))
            and (not self.key or place.logical_id == self.key)
            and (not self.statement or self.statement in map(str, finding.statements))
        )


def accepted_of(written: Any, origin: Location, ids: Sequence[str], *, key: str = "") -> list[Accepted]:
    """Return what a list of accepted findings says.

    Args:
        written: a list of mappings with ``id`` and ``reason``, and where needed ``file``, ``key`` and ``statement``.
        origin: where it is written.
        ids: the ids of all rules.
        key: the logical id of the key, where it is written at one.

    Raises:
        PolicyError: another form, an id that no rule has, or no reason; all problems at once.
    """
    if not isinstance(written, list):
        raise PolicyError(f"{origin}: not a list; a list of mappings with id and reason; correct it")
    problems = [
        f"{origin}: [{at}]: {problem}" for at, one in enumerate(written) for problem in _problems(one, ids, key)
    ]
    if problems:
        raise PolicyError("\n".join(problems))
    texts = [{name: str(value) for name, value in one.items()} for one in written]
    return [
        Accepted(
            id=one["id"],
            reason=one["reason"],
            origin=origin,
            file=one.get("file", ""),
            key=one.get("key", key),
            statement=one.get("statement", ""),
        )
        for one in texts
    ]


def _problems(one: Any, ids: Sequence[str], key: str) -> Iterable[str]:
    if not isinstance(one, dict):
        yield f"{one!r}: not a mapping; id and reason; correct it"
        return
    allowed = [name for name in _ELEMENTS if not (key and name in ("file", "key"))]
    for name in one:
        if name not in allowed:
            yield f"{name}: unknown; {', '.join(allowed)} are allowed; correct it"
    found = str(one.get("id", ""))
    if found not in ids:
        close = difflib.get_close_matches(found, ids, n=1)
        advice = f"did you mean {close[0]}?" if close else "docs/findings.md has them all"
        yield f"id: {found!r} is the id of no finding; {advice}"
    if not str(one.get("reason") or "").strip():
        yield "reason: missing; why the finding is accepted; add it"


def split(
    findings: Iterable[Finding], accepted: Sequence[Accepted]
) -> tuple[list[Finding], list[tuple[Finding, Accepted]], list[Accepted]]:
    """Return the findings that stay, those that are accepted, and what is accepted and was not found."""
    stay: list[Finding] = []
    taken: list[tuple[Finding, Accepted]] = []
    used: set[Accepted] = set()
    for finding in findings:
        one = next((each for each in accepted if each.covers(finding)), None)
        if one is None:
            stay.append(finding)
        else:
            taken.append((finding, one))
            used.add(one)
    return stay, taken, [one for one in accepted if one not in used]


def unneeded(one: Accepted) -> Finding:
    """Return the finding on what is accepted and is not there."""
    of = f" of statement {one.statement}" if one.statement else ""
    return Finding(
        rule=UNNEEDED,
        severity=UNNEEDED.severity,
        location=one.origin,
        message=f"{one.id}{of} is accepted and was not found",
        remedy=UNNEEDED.remedy,
    )
