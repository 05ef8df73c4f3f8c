"""Who gains and who loses access, as a table, as Markdown and as JSON: the one place where a row becomes a sentence."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

from trailkey.access.analysis.witnesses import sentence
from trailkey.findings import branch_text
from trailkey.reports.describe import constraint_text
from trailkey.reports.plain import code, markdown

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from trailkey.diff.compare import Comparison
    from trailkey.diff.rows import Row, Where


_SHOWN: Final = 3
"""How many accounts that are alike a row names; JSON has them all."""


def row_json(row: Row) -> dict[str, Any]:
    """Return a row in the shape that outside tools read: change, principal, actions, condition, witness."""
    alike = {"alike": {one: list(others) for one, others in row.alike}} if row.alike else {}
    return {
        "change": row.change,
        "principal": principal_text(row),
        "actions": list(row.actions),
        "condition": condition_text(row),
        "witness": row.witness,
        **alike,
    }


def table_lines(found: Comparison) -> Iterator[str]:
    """Yield what comes first, the rows as lines for a terminal, and their number."""
    yield from consequence_lines(found)
    for row in found.rows:
        yield f"{row.change:7} {principal_text(row)}"
        yield f"        {actions_text(row)}"
        if text := condition_text(row):
            yield f"        {'if ' if not _where(row) and _terms(row) else ''}{text}"
        yield f"        such as {json.dumps(row.witness, ensure_ascii=False)}"
    yield _summary(found)


def markdown_lines(found: Comparison) -> Iterator[str]:
    """Yield what comes first, the rows as a table in Markdown, their number, and what is unknown."""
    for line in consequence_lines(found):
        yield from (f"**{markdown(line)}**", "")
    if found.rows:
        yield from ("| | who | what | under which condition | for example |", "| --- | --- | --- | --- | --- |")
        for row in found.rows:
            texts = map(markdown, (principal_text(row), actions_text(row), condition_text(row)))
            cells = (row.change, *texts, code(json.dumps(row.witness, ensure_ascii=False)))
            yield "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"
        yield ""
    yield _summary(found)
    for reason in found.unknown:
        yield from ("", f"unknown: {markdown(reason)}")


def consequence_lines(found: Comparison) -> Iterator[str]:
    """Yield what a reviewer has to know before any row: ``first: nobody in account … may replace the key policy any more``."""
    for where, one in found.consequences:
        on = f" ({place})" if (place := _place(where)) else ""
        if one.kind == "locked-out":
            yield f"first: nobody in account {one.subject} may replace the key policy any more (kms:PutKeyPolicy){on}"
        else:
            yield f"first: CloudTrail can no longer encrypt for the trail {one.subject} (kms:GenerateDataKey){on}"


def principal_text(row: Row) -> str:
    """Return who gains or loses: ``any principal of account 333333333333 whose IAM policies allow it, except role arn:…``."""
    whose = " whose IAM policies allow it" if row.needs_iam else ""
    names = ((f"{one.name}{whose if one.is_class else ''}", *one.exceptions) for one in row.who)
    likewise = "".join(f", and likewise for {_some(others)} in place of {one}" for one, others in row.alike)
    return ", ".join(map(", except ".join, names)) + likewise


def _some(names: Sequence[str]) -> str:
    shown = names if len(names) <= _SHOWN else [*names[:_SHOWN], f"{len(names) - _SHOWN} more"]
    return " and ".join(filter(None, (", ".join(shown[:-1]), *shown[-1:])))


def actions_text(row: Row) -> str:
    """Return the actions: ``kms:Decrypt, kms:DescribeKey``."""
    return "every action" if row.every else ", ".join(row.actions)


def condition_text(row: Row) -> str:
    """Return on which key and under which conditions, and whether the other side allows a part of it."""
    part = "a part of it was allowed before" if row.change == "gained" else "a part of it is still allowed"
    if row.other:
        part += f", such as: {sentence(row.other)}"
    condition = ": ".join(filter(None, (_where(row), _terms(row))))
    return "; ".join(filter(None, (condition, part if row.partly else "")))


def _where(row: Row) -> str:
    return _place(row.where)


def _place(where: Where) -> str:
    """Return ``on key LakeKey where IsProd is true``."""
    branch = f"where {branch_text(where.branch)}" if where.branch else ""
    return " ".join(filter(None, (where.key and f"on key {where.key}", branch)))


def _terms(row: Row) -> str:
    parts = [constraint_text(key, side) for key, side in row.conditions]
    if row.needs_iam and not any(one.is_class for one in row.who):
        parts.append("their IAM policy allows it")
    return " and ".join(filter(None, parts))


def _summary(found: Comparison) -> str:
    gained = sum(row.change == "gained" for row in found.rows)
    counts = ((gained, "gained"), (len(found.rows) - gained, "lost"), (len(found.unknown), "unknown"))
    return ", ".join(f"{number} {word}" for number, word in counts if number) or "no difference in access"
