"""Explanations as text and as JSON: the one place where they become sentences."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from trailkey.explain.explained import elsewhere
from trailkey.reports.findings import request_text

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from trailkey.explain.deployed import Judged
    from trailkey.explain.explained import Explanation


def explanations_json(found: Sequence[Explanation]) -> dict[str, Any]:
    """Return explanations in the shape that outside tools read, the innermost message first."""
    return {"explanations": [_json(one) for one in found]}


def _json(one: Explanation) -> dict[str, Any]:
    cause, facts = one.message.cause, one.message.facts
    document: dict[str, Any] = {
        "cause": cause.id,
        "message": one.message.text,
        "meaning": one.meaning,
        "look": [*one.look],
        "remedy": one.remedy,
        "source": cause.source,
        "facts": facts.as_json(),
    }
    if one.statement is not None:
        document["statement"] = one.statement
    if one.config:
        document["config_line"] = str(one.config)
    request = next((call.request for call in one.judged), one.message.request)
    if request:
        document["request"] = request
    if one.judged:
        document["calls"] = [_call_json(call) for call in one.judged]
    if one.judged and _all_allowed(one.judged):
        document["elsewhere"] = [*elsewhere(one.judged, facts)]
    if one.proposal:
        from trailkey.reports.diff import row_json

        rows = [row_json(row) for row in one.proposal.opens.rows]
        document["change"] = {"text": one.proposal.text, "opens": rows, "unknown": [*one.proposal.opens.unknown]}
    return document


def _call_json(call: Judged) -> dict[str, Any]:
    document: dict[str, Any] = {"request": call.request, "decision": _decision(call)}
    if call.foreign:
        return document | {"reason": call.foreign}
    if call.statement is not None:
        document["statement"] = call.statement
    document["location"] = call.location.as_json()
    if call.not_met:
        document["not_met"] = [*call.not_met]
    return document


def _all_allowed(calls: Sequence[Judged]) -> bool:
    return all(call.allows for call in calls)


def _decision(call: Judged) -> str:
    return "not asked" if call.foreign else "allowed" if call.allows else "denied"


def explanation_lines(found: Sequence[Explanation]) -> Iterator[str]:
    """Yield the first explanation in full, and of the others what they are."""
    first, *others = found
    yield from _lines(first)
    if others:
        yield ""
        yield f"{len(others)} other message{'' if len(others) == 1 else 's'}:"
        for one in others:
            yield f"  {one.message.cause.id}: {one.message.text}"


def _lines(one: Explanation) -> Iterator[str]:
    cause, facts = one.message.cause, one.message.facts
    yield f"{cause.id}: {one.meaning}" if one.message.is_known else f"not known: {one.meaning}"
    yield f"  message: {one.message.text or 'nothing was given'}"
    told = ", ".join(
        f"{name.replace('_', ' ')} {value}" for name, value in facts.as_json().items() if value is not True
    )
    if told:
        yield f"  it names: {told}"
    for call in one.judged:
        yield from _call_lines(call)
    if one.asked and not one.judged:
        yield "  not decided here: the message names no call that these policies are asked about; its CloudTrail event may"
        if one.line:
            yield f"  in the config: {one.line}"
    if one.judged and _all_allowed(one.judged):
        yield "  so the denial comes from one of these:"
        yield from (f"    - {line}" for line in elsewhere(one.judged, facts))
    if one.proposal:
        from trailkey.reports.diff import actions_text, consequence_lines, principal_text

        yield f"  change in {one.proposal.config.file}:{one.proposal.config.line}: {one.proposal.text}"
        opens = one.proposal.opens
        yield from (f"    {line}" for line in consequence_lines(opens))
        yield from (f"    {row.change} {principal_text(row)}: {actions_text(row)}" for row in opens.rows)
        yield from (f"    unknown: {reason}" for reason in opens.unknown)
    yield "  look, in this order:"
    yield from (f"    {number}. {line}" for number, line in enumerate(one.look, 1))
    yield f"  what to do: {one.remedy}"
    yield f"  {cause.source}"


def _call_lines(call: Judged) -> Iterator[str]:
    asked = request_text(call.request)
    on = f" on {call.request['resource']}" if "resource" in call.request else ""
    if call.foreign:
        yield f"  not asked here: {asked}{on}: {call.foreign}"
        return
    if call.allows:
        by = f" by {', '.join(map(_name, call.allowing))}" if call.allowing else ""
        also = ", where an IAM policy of the caller allows it too" if call.needs_iam else ""
        yield f"  allowed here: {asked}{on}"
        yield f"    {call.location} allows it{by}{also}"
    elif call.denies:
        yield f"  denied here: {asked}{on}"
        yield f"    {call.location}: {_name(call.statement)} denies it"
    elif call.statement is None:
        yield f"  denied here: {asked}{on}"
        yield f"    {call.location}: no statement is meant for this caller and action"
    else:
        yield f"  denied here: {asked}{on}"
        yield f"    {call.location}: {_name(call.statement)} does not allow it: {'; '.join(call.not_met)}"
    if not call.allows:
        yield f"    {'config' if call.meant else 'config, which does not name this caller'}: {call.config}"


def _name(statement: str | int | None) -> str:
    return statement if isinstance(statement, str) else f"statement {statement}"
