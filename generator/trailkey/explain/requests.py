"""The request that failed, as ``decide`` takes it: from a CloudTrail event, from a decoded message, or from what a message says."""

from __future__ import annotations

import ipaddress
import re
from typing import TYPE_CHECKING, Any, Final

from trailkey.aws import CLOUDTRAIL, TRAIL_CONTEXT, parse_arn
from trailkey.explain.facts import Facts

if TYPE_CHECKING:
    from collections.abc import Mapping

Request = dict[str, Any]

_SERVICE: Final = re.compile(r"[a-z0-9-]+(?:\.[a-z0-9-]+)*\.amazonaws\.com(?:\.cn)?")
_NOT_VIA: Final = frozenset(("cloudformation.amazonaws.com", "cloudtrail.amazonaws.com"))
"""Services that call KMS for somebody and are not among those that kms:ViaService names.
https://docs.aws.amazon.com/kms/latest/developerguide/conditions-kms.html#conditions-kms-via-service"""
_INTERNAL: Final = "AWS Internal"
"""What CloudTrail has in place of an address or a service, where a service of AWS calls for somebody."""
_ACTIONS: Final = {
    "s3": {
        "HeadObject": "GetObject",
        "ListObjects": "ListBucket",
        "ListObjectsV2": "ListBucket",
        "HeadBucket": "ListBucket",
        "ListObjectVersions": "ListBucketVersions",
        "CopyObject": "PutObject",
        "CreateMultipartUpload": "PutObject",
        "UploadPart": "PutObject",
        "CompleteMultipartUpload": "PutObject",
    },
    "kms": {"ReEncrypt": "ReEncryptFrom"},
}
"""Actions that are called otherwise than the operation that needs them.
https://docs.aws.amazon.com/AmazonS3/latest/userguide/using-with-s3-policy-actions.html"""


def action_of(service: str, operation: str) -> str:
    """Return the action that an operation needs: ``s3:GetObject`` for HeadObject."""
    return f"{service}:{_ACTIONS.get(service, {}).get(operation, operation)}"


def facts_of_event(event: Mapping[str, Any]) -> Facts:
    """Return what a CloudTrail event says of a failed call."""
    identity = _mapping(event.get("userIdentity"))
    request = request_of_event(event)
    return Facts(
        principal=_text(identity.get("arn")),
        account=_text(identity.get("accountId")) or _text(event.get("recipientAccountId")),
        region=_text(event.get("awsRegion")),
        service=_text(event.get("eventSource")).partition(".")[0],
        operation=_text(event.get("eventName")),
        code=_text(event.get("errorCode")),
        request_id=_text(event.get("requestID")),
        key=_resource(event) if _text(event.get("eventSource")).startswith("kms.") else "",
        bucket=_text(_mapping(event.get("requestParameters")).get("bucketName")),
        trail=_text((request or {}).get("context", {}).get(TRAIL_CONTEXT)),
    )


def request_of_event(event: Mapping[str, Any]) -> Request | None:
    """Return the request that a CloudTrail event tells of, or None where it is of a service whose policies are not modelled.

    Who calls is the role behind a session (with its path, as aws:PrincipalArn has it), a user, an account where the event is the
    copy of the key's owner, or a service that calls as itself. A service that calls for somebody is kms:ViaService.
    See: https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-event-reference-user-identity.html
    """
    service = _text(event.get("eventSource")).partition(".")[0]
    identity = _mapping(event.get("userIdentity"))
    principal = _caller(event, identity)
    if service not in ("kms", "s3") or not principal:
        return None
    request: Request = {"principal": principal, "action": action_of(service, _text(event.get("eventName")))}
    if resource := _resource(event):
        request["resource"] = resource
    context = _context(event, identity, service, principal)
    return request | ({"context": context} if context else {})


def _caller(event: Mapping[str, Any], identity: Mapping[str, Any]) -> str:
    """Return who calls, as a principal; an event without an ARN may name it in its message."""
    arn = _text(identity.get("arn"))
    if arn:
        return arn
    invoked = _text(identity.get("invokedBy"))
    if identity.get("type") == "AWSService" and _SERVICE.fullmatch(invoked):
        return invoked
    said = re.search(r"User: (arn:\S+) is not authorized", _text(event.get("errorMessage")))
    if said:
        return said[1]
    account = _text(identity.get("accountId"))
    partition = _partition(event)
    return f"arn:{partition}:iam::{account}:root" if re.fullmatch(r"\d{12}", account) else ""


def _partition(event: Mapping[str, Any]) -> str:
    parts = parse_arn(_resource(event))
    return parts.partition if parts else "aws"


def _resource(event: Mapping[str, Any]) -> str:
    """Return the key, bucket or object that an event is about."""
    parameters = _mapping(event.get("requestParameters"))
    service = _text(event.get("eventSource")).partition(".")[0]
    named = [_mapping(one) for one in event.get("resources") or () if isinstance(one, dict)]
    arns = [_text(one.get("ARN") or one.get("arn")) for one in named]
    if service == "kms":
        keys = [*arns, _text(parameters.get("keyId"))]
        said = re.search(r"arn:aws[a-z-]*:kms:[a-z0-9-]+:\d{12}:key/[\w-]+", _text(event.get("errorMessage")))
        keys += [said[0]] if said else []
        return next((one for one in keys if ":key/" in one and parse_arn(one)), "")
    bucket, key = _text(parameters.get("bucketName")), _text(parameters.get("key"))
    if bucket:
        objects = [one for one in arns if one.startswith("arn:") and "/" in one]
        return next(iter(objects), f"arn:{_of_bucket(arns)}:s3:::{bucket}{f'/{key}' if key else ''}")
    return next((one for one in arns if parse_arn(one)), "")


def _of_bucket(arns: list[str]) -> str:
    return next((parts.partition for one in arns if (parts := parse_arn(one))), "aws")


def _context(event: Mapping[str, Any], identity: Mapping[str, Any], service: str, principal: str) -> dict[str, str]:
    parameters = _mapping(event.get("requestParameters"))
    session = _mapping(identity.get("sessionContext"))
    issuer = _mapping(session.get("sessionIssuer"))
    context: dict[str, str] = {}
    if issuer.get("type") == "Role" and ":role/" in _text(issuer.get("arn")):
        context["aws:PrincipalArn"] = _text(issuer.get("arn"))
    for name, value in _mapping(parameters.get("encryptionContext")).items():
        context[f"kms:EncryptionContext:{name}"] = _text(value)
    if principal == CLOUDTRAIL and (trail := context.get(TRAIL_CONTEXT)):
        parts = parse_arn(trail)
        context["aws:SourceArn"] = trail
        context |= {"aws:SourceAccount": parts.account} if parts else {}
    via = _via(event, identity, context) if service == "kms" and not _SERVICE.fullmatch(principal) else ""
    if via:
        context["kms:ViaService"] = via
    elif not _SERVICE.fullmatch(principal):
        context |= _network(event)
    return context


def _via(event: Mapping[str, Any], identity: Mapping[str, Any], context: Mapping[str, str]) -> str:
    """Return kms:ViaService of a call that a service makes for somebody, or an empty text.

    See: https://docs.aws.amazon.com/kms/latest/developerguide/conditions-kms.html#conditions-kms-via-service
    """
    invoked, region = _text(identity.get("invokedBy")), _text(event.get("awsRegion"))
    name = invoked if _SERVICE.fullmatch(invoked) and invoked not in _NOT_VIA else ""
    internal = _INTERNAL in (invoked, _text(event.get("sourceIPAddress")))
    if not name and internal and "kms:EncryptionContext:aws:s3:arn" in context:
        name = "s3.amazonaws.com"
    if not name or not region:
        return ""
    short, _, suffix = name.partition(".amazonaws.com")
    return f"{short.partition('.')[0]}.{region}.amazonaws.com{suffix}"


def _network(event: Mapping[str, Any]) -> dict[str, str]:
    """Return what tells from where a call came."""
    found: dict[str, str] = {}
    if endpoint := _text(event.get("vpcEndpointId")):
        found["aws:SourceVpce"] = endpoint
        return found
    address = _text(event.get("sourceIPAddress"))
    try:
        ipaddress.ip_address(address)
    except ValueError:
        return found
    return {"aws:SourceIp": address}


def request_of_message(document: Mapping[str, Any]) -> Request | None:
    """Return the request that a decoded authorization message tells of, or None where it names no caller or no action."""
    context = _mapping(document.get("context"))
    principal, action = _text(_mapping(context.get("principal")).get("arn")), _text(context.get("action"))
    if not principal or not re.fullmatch(r"[A-Za-z0-9-]+:[A-Za-z0-9]+", action):
        return None
    request: Request = {"principal": principal, "action": action}
    if parse_arn(_text(context.get("resource"))):
        request["resource"] = _text(context.get("resource"))
    items = _mapping(context.get("conditions")).get("items")
    keys: dict[str, Any] = {}
    for item in items if isinstance(items, list) else []:
        values = _mapping(_mapping(item).get("values")).get("items")
        given = [_text(_mapping(one).get("value")) for one in values] if isinstance(values, list) else []
        name = _text(_mapping(item).get("key"))
        if ":" in name and given:
            keys[name] = given[0] if len(given) == 1 else given
    return request | ({"context": keys} if keys else {})


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""
