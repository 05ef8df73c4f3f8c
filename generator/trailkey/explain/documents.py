"""What AWS answers as JSON: CloudTrail events, events of stacks, the status of a trail, decoded messages; each as a text with facts.

A failed call in a document becomes the sentence that the AWS CLI prints for it, so that one set of causes knows both.
"""

from __future__ import annotations

import json
import re
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final

from trailkey.explain.facts import Facts
from trailkey.explain.messages import Said
from trailkey.explain.requests import facts_of_event, request_of_event, request_of_message

if TYPE_CHECKING:
    from collections.abc import Iterator

_BEGINS: Final = re.compile(r"^[^\S\n]*(?:\S+[^\S\n]+){0,3}?([\[{])", re.MULTILINE)
"""Where a document may begin in a text: at a line's first word, or after a time and a level of a log."""
_TRIES: Final = 12
"""Places that may turn out not to begin one."""
_REASONS: Final = frozenset(
    ("ResourceStatusReason", "ValidationStatusReason", "HookStatusReason", "StackStatusReason", "StatusReason")
)
"""Where the events and summaries of stacks, change sets and stack sets say why."""
_FORMS: Final = frozenset(("eventSource", "explicitDeny", "IsLogging", "LatestDeliveryError"))
"""Keys of the other forms that are known."""
_READ: Final = frozenset(
    (
        "userIdentity",
        "requestParameters",
        "responseElements",
        "resources",
        "additionalEventData",
        "context",
        "matchedStatements",
        "failures",
    )
)
"""Parts of forms that are known, in which no messages are."""
_CODES: Final = ("Code", "code", "__type", "errorCode", "errorType", "name")
_WORDS: Final = ("Message", "message", "errorMessage")
_STATUS: Final = re.compile(r"Latest\w*Error")
_NOTHING: Final = "an answer of AWS in which no error is told"
_CANCELLED: Final = re.compile(r"(?i)^resource (creation|update|deletion) cancelled$")


def said_in(text: str) -> list[Said]:
    """Return the texts that hold messages: of a document what is in it, in the order of time, and whatever stands around it."""
    whole = _document(text.strip())
    if whole is not None:
        return _said(whole) or [Said(text=_NOTHING)]
    found: list[Said] = []
    rest: list[str] = []
    done = tries = 0
    decoder = json.JSONDecoder()
    for match in _BEGINS.finditer(text):
        start = match.start(1)
        if start < done:
            continue
        if tries == _TRIES:
            break
        try:
            document, end = decoder.raw_decode(text, start)
        except (ValueError, RecursionError):
            tries += 1
            continue
        if isinstance(document, (dict, list)) and document:
            rest.append(text[done:start])
            done = end
            found += _said(document)
    around = "".join([*rest, text[done:]])
    return [*found, *([Said(text=around)] if around.strip() or not found else [])]


def _document(text: str) -> Any:
    """Return the JSON document that a text is, or None."""
    if not text.startswith(("{", "[", '"')):
        return None
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


def _said(document: Any) -> list[Said]:
    """Return what a document says; what is of no form that is known is one text, last."""
    found: list[Said] = []
    plain: list[str] = []
    with suppress(RecursionError):  # no answer of AWS is as deep as that
        _read(document, found, plain)
    return [*found, *([Said(text="\n".join(plain))] if plain else [])]


def _read(document: Any, found: list[Said], plain: list[str]) -> None:
    """Add what a document says to what is found, and the texts of other forms to the plain ones."""
    if isinstance(document, str):
        inner = _document(document)
        if isinstance(inner, (dict, list)):
            _read(inner, found, plain)
        else:
            plain.append(document)
    elif isinstance(document, dict):
        if not _FORMS.isdisjoint(document):
            found += _known(document)
        _read_values(document, found, plain)
    elif isinstance(document, list):
        events = [one for one in document if isinstance(one, dict) and not _REASONS.isdisjoint(one)]
        found += _of_stack_events(events)
        for one in document:
            if isinstance(one, (dict, list, str)):
                _read(one, found, plain)


def _read_values(document: dict[str, Any], found: list[Said], plain: list[str]) -> None:
    """Add what the values of an object say; of forms that are known, their own texts are told already."""
    told = not _FORMS.isdisjoint(document) or not _REASONS.isdisjoint(document)
    if not told and (words := next((document[name] for name in _WORDS if isinstance(document.get(name), str)), "")):
        code = next((document[name] for name in _CODES if isinstance(document.get(name), str)), "").rpartition("#")[2]
        plain.append(f"{code}: {words}" if code and code not in words else words)
        told = True
    for name, one in document.items():
        if isinstance(one, (dict, list)):
            if name not in _READ:
                _read(one, found, plain)
        elif isinstance(one, str):
            if one.startswith(("{", "[")) and name not in _READ:
                _read(one, found, plain)
            elif not told:
                plain.append(f"{name}: {one}")


def _known(document: dict[str, Any]) -> Iterator[Said]:
    """Yield what an object of a form that is known says, if it has all of that form."""
    if isinstance(document.get("eventSource"), str) and isinstance(document.get("eventName"), str):
        yield from _of_event(document)
    elif "explicitDeny" in document and isinstance(document.get("context"), dict):
        yield _of_decoded(document)
    elif "IsLogging" in document or "LatestDeliveryError" in document:
        yield _of_status(document)


def _of_stack_events(events: list[dict[str, Any]]) -> Iterator[Said]:
    """Yield the reasons of failures, the earliest first: what failed later, or was cancelled, came of it.

    See: https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_StackEvent.html
    """
    for event in sorted(events, key=lambda one: str(one.get("Timestamp") or one.get("StartTime") or "")):
        for name in sorted(_REASONS & event.keys()):
            reason = event[name]
            if isinstance(reason, str) and reason and not _CANCELLED.match(reason):
                head = " ".join(
                    str(event[one]) for one in ("LogicalResourceId", "ResourceType", "ResourceStatus") if event.get(one)
                )
                account = event.get("Account")
                yield Said(text=f"{head} {reason}", facts=Facts(account=account if isinstance(account, str) else ""))


def _of_event(event: dict[str, Any]) -> Iterator[Said]:
    """Yield what a CloudTrail event of a failed call says; one of a call that succeeded says nothing.

    See: https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-event-reference-record-contents.html
    """
    code, words = (
        event.get(name) if isinstance(event.get(name), str) else "" for name in ("errorCode", "errorMessage")
    )
    if code or words:
        text = f"An error occurred ({code}) when calling the {event['eventName']} operation: {words or code}"
        yield Said(text=text, facts=facts_of_event(event), request=request_of_event(event))


def _of_status(status: dict[str, Any]) -> Said:
    """Return the errors of a trail's status; an empty one is none.

    See: https://docs.aws.amazon.com/awscloudtrail/latest/APIReference/API_GetTrailStatus.html
    """
    errors = [f"{name}: {one}" for name, one in status.items() if _STATUS.fullmatch(name) and one]
    return Said(text="\n".join(errors) or _NOTHING)


def _of_decoded(document: dict[str, Any]) -> Said:
    """Return what a decoded authorization message says.

    See: https://docs.aws.amazon.com/STS/latest/APIReference/API_DecodeAuthorizationMessage.html
    """
    request = request_of_message(document)
    statements = document.get("matchedStatements")
    items = statements.get("items", []) if isinstance(statements, dict) else []
    sids = ", ".join(str(one.get("statementId")) for one in items if isinstance(one, dict) and one.get("statementId"))
    who = request.get("principal", "") if request else ""
    what = document["context"].get("action", "")
    on = document["context"].get("resource", "")
    denies = f", denied by statement {sids}" if document.get("explicitDeny") and sids else ""
    return Said(
        text=f"{who} may not {what} {on}{denies}",
        facts=Facts(principal=who, action=str(what), resource=str(on), explicit=bool(document.get("explicitDeny"))),
        request=request,
    )
