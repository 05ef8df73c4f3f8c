"""The lines of a file that a finding is about: of the statement, as it is written, or of the key."""

from __future__ import annotations

from typing import TYPE_CHECKING

from trailkey.cloudformation.lines import entries, line_of
from trailkey.inventory.kinds import BUCKET, KEY

if TYPE_CHECKING:
    from trailkey.findings import Finding


def line_of_finding(finding: Finding, text: str) -> int:
    """Return the line, counted from 1, of the statement that a finding is about, else of its key, else the first one.

    A statement is found by its Sid, and one without by its position, where the text has it as a list.
    """
    key = finding.location.logical_id
    holder = ("Resources", key, "Properties")
    paths = [(*holder, kind.element) for kind in (KEY, BUCKET)] if key else [()]
    statement = finding.statement
    if isinstance(statement, str):
        found = (line for path in paths for line, sid in entries(text, *path) if sid == statement)
        line = next(found, None)
        if line is not None:
            return line
    at = [statement] if isinstance(statement, int) else []
    return max(line_of(text, *path, "Statement", *at) or 1 for path in paths)
