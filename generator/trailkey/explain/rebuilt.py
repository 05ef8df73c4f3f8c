"""The requests behind a message, for a deployment: what its caller asked for, or what CloudTrail asks when it sets up a trail.

What a message leaves out is filled in with what AWS sends in such a call: reading a log goes through S3 under the trail's encryption
context, and CloudTrail acts for a trail by its ARN.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from trailkey.access.language.matching import matcher
from trailkey.aws import CLOUDTRAIL, TRAIL_CONTEXT, parse_arn
from trailkey.config.resolve.principals import is_pattern

if TYPE_CHECKING:
    from collections.abc import Iterator

    from trailkey.config.deployment import Deployment, Trail
    from trailkey.explain.facts import Facts
    from trailkey.explain.messages import Message
    from trailkey.explain.requests import Request

_OF_CLOUDTRAIL: Final = {
    "encryption_policy_insufficient": ("kms", "s3"),
    "bucket_policy_insufficient": ("s3",),
    "delivery_denied": ("s3", "kms"),
}
"""Causes that are about CloudTrail's own calls, with the services that it calls, the likelier one first."""
_OF_LAKE: Final = "EventDataStore"
"""In the name of an operation of CloudTrail Lake, whose keys know no trail."""
_READING: Final = frozenset(("s3_denied_without_reason", "key_missing_or_denied"))
"""Causes in which S3 and KMS have to allow the same reader, and the message does not say which of them does not."""
OF_NO_RESOURCE: Final = frozenset(("kms:CreateKey", "kms:ListAliases", "kms:ListKeys", "s3:ListAllMyBuckets"))
"""Actions that no policy of a key or bucket is asked about.
https://docs.aws.amazon.com/kms/latest/developerguide/kms-api-permissions-reference.html"""
_DATA: Final = ("kms:decrypt", "kms:generatedatakey", "kms:encrypt", "kms:reencrypt")
_SSO: Final = "AWSReservedSSO_"
_SSO_PATH: Final = "aws-reserved/sso.amazonaws.com/"


def requests_behind(message: Message, deployment: Deployment) -> list[Request]:
    """Return the requests that may have failed, in the form that ``decide`` takes; none where the message does not tell who asked."""
    cause, facts = message.cause.id, message.facts
    if cause in _OF_CLOUDTRAIL:
        made = {"kms": _encrypting, "s3": _writing}
        services = () if _OF_LAKE in facts.operation else _OF_CLOUDTRAIL[cause]
        trails = _trails(facts, deployment)
        return [one for service in services for trail in trails for one in made[service](trail, facts, deployment)]
    if cause == "key_policy_lockout":
        return list(_replacing(facts, deployment))
    request = _completed(dict(message.request), deployment) if message.request else _denied(facts, deployment)
    if request is None:
        return []
    if cause in _READING and request["action"] == "s3:GetObject":
        return [request, _decrypting(request, deployment)]
    return [request]


def _trails(facts: Facts, deployment: Deployment) -> list[Trail]:
    """Return the trails that a message may be about: those with one ARN, or the one that it names."""
    named = [trail for trail in deployment.trails if facts.trail and matcher(trail.arn)(facts.trail)]
    return named or [trail for trail in deployment.trails if not is_pattern(trail.arn)]


def _source(trail: Trail) -> dict[str, str]:
    parts = parse_arn(trail.arn)
    return {"aws:SourceArn": trail.arn, "aws:SourceAccount": parts.account if parts else ""}


def _encrypting(trail: Trail, facts: Facts, deployment: Deployment) -> Iterator[Request]:
    """Yield what CloudTrail asks of the key, of the one that the message names.

    See: https://docs.aws.amazon.com/awscloudtrail/latest/userguide/create-kms-key-policy-for-cloudtrail.html
    """
    source, context = _source(trail), {TRAIL_CONTEXT: trail.arn}
    asked = {"principal": CLOUDTRAIL} | ({"resource": facts.key} if facts.key else {})
    yield {**asked, "action": "kms:GenerateDataKey", "context": source | context}
    yield {**asked, "action": "kms:DescribeKey", "context": source}
    if deployment.config.bucket.bucket_key_enabled:
        yield {**asked, "action": "kms:Decrypt", "context": source | context}


def _writing(trail: Trail, facts: Facts, deployment: Deployment) -> Iterator[Request]:
    """Yield what CloudTrail asks of the bucket, of the one that the message names: to write below each path of the trail, and its ACL.

    See: https://docs.aws.amazon.com/awscloudtrail/latest/userguide/create-s3-bucket-policy-for-cloudtrail.html
    """
    bucket = _bucket(deployment, facts.bucket)
    context = _source(trail) | {"aws:SecureTransport": "true"}
    owner = context["aws:SourceAccount"]
    organization = deployment.config.organization
    folders = [owner]
    if trail.settings.is_organization_trail and organization:
        folders.append(f"{organization.id}/{owner}")
    prefix = f"{trail.settings.s3_key_prefix}/" if trail.settings.s3_key_prefix else ""
    owned = context | {"s3:x-amz-acl": "bucket-owner-full-control"}
    for folder in folders:
        file = f"{bucket}/{prefix}AWSLogs/{folder}/CloudTrail/{deployment.region}/log.json.gz"
        yield {"principal": CLOUDTRAIL, "action": "s3:PutObject", "resource": file, "context": owned}
    yield {"principal": CLOUDTRAIL, "action": "s3:GetBucketAcl", "resource": bucket, "context": context}


def _replacing(facts: Facts, deployment: Deployment) -> Iterator[Request]:
    """Yield that whoever wrote the key policy replaces it: who the message names, or else the deployer of the key's account."""
    deployer = deployment.key_account.deployer or ""
    principal = facts.principal or ("" if is_pattern(deployer) else deployer)
    if principal:
        bypass = {"kms:BypassPolicyLockoutSafetyCheck": "false"}
        yield _completed({"principal": principal, "action": "kms:PutKeyPolicy", "context": bypass}, deployment)


def _denied(facts: Facts, deployment: Deployment) -> Request | None:
    """Return the request of a denial, or None where it does not say who asked for what."""
    parts = parse_arn(facts.principal)
    if not facts.action or "*" in facts.action or not parts or parts.service not in ("iam", "sts"):
        return None
    request: Request = {"principal": facts.principal, "action": facts.action}
    resource = parse_arn(facts.resource)
    if resource and resource.service == facts.action.partition(":")[0] and "*" not in facts.resource:
        request["resource"] = facts.resource
    elif facts.action == "s3:ListBucket":
        request["resource"] = _bucket(deployment, facts.bucket)
    elif facts.action.startswith("s3:") and facts.action not in OF_NO_RESOURCE:
        request["resource"] = f"{_bucket(deployment, facts.bucket)}/{_log(deployment)}"
    request["context"] = _reading(deployment) if _through_s3(facts) else {}
    return _completed(request, deployment)


def _through_s3(facts: Facts) -> bool:
    """Return whether a call of KMS was S3's, for somebody: one that was made of KMS itself has the action's name."""
    action = facts.action.casefold()
    return action.startswith(_DATA) and facts.operation.casefold() != action.partition(":")[2]


def _decrypting(request: Request, deployment: Deployment) -> Request:
    """Return the request that S3 makes of KMS for who gets a log."""
    own = {name: value for name, value in request.get("context", {}).items() if name.startswith("aws:Principal")}
    return {"principal": request["principal"], "action": "kms:Decrypt", "context": own | _reading(deployment)}


def _reading(deployment: Deployment) -> dict[str, str]:
    trail = next((one.arn for one in deployment.trails if not is_pattern(one.arn)), "")
    context = {TRAIL_CONTEXT: trail} if trail else {}
    return {"kms:ViaService": f"s3.{deployment.region}.amazonaws.com", **context}


def _completed(request: Request, deployment: Deployment) -> Request:
    """Return a request with what the deployment knows of its caller and its channel."""
    context: dict[str, Any] = dict(request.get("context", {}))
    if request["action"].startswith("s3:"):
        context.setdefault("aws:SecureTransport", "true")
    if request["action"] == "kms:ScheduleKeyDeletion":
        context.setdefault("kms:ScheduleKeyDeletionPendingWindowInDays", str(deployment.config.key.pending_window_days))
    role = _role(request["principal"], deployment)
    if role:
        context.setdefault("aws:PrincipalArn", role)
    organization = deployment.config.organization
    parts = parse_arn(request["principal"])
    if organization and parts and any(one.id == parts.account and one.ours for one in deployment.accounts.values()):
        context.setdefault("aws:PrincipalOrgID", organization.id)
    rest = {name: value for name, value in request.items() if name != "context"}
    return rest | ({"context": context} if context else {})


def as_members(request: Request, deployment: Deployment) -> Iterator[Request]:
    """Yield a request as somebody of the organization makes it, in each part of it that reads: no message tells where an account is."""
    organization = deployment.config.organization
    for reader in deployment.readers:
        if organization and reader.account is None and request["principal"].startswith("arn:"):
            paths = [reader.organization_path.rstrip("*")] if reader.organization_path else []
            member = {"aws:PrincipalOrgID": organization.id} | ({"aws:PrincipalOrgPaths": paths} if paths else {})
            yield {**request, "context": {**request.get("context", {}), **member}}


def _role(principal: str, deployment: Deployment) -> str:
    """Return the ARN of the role behind a session, with the path that the config gives it, or an empty text where it gives none.

    A session's ARN shows no path: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_identifiers.html#identifiers-arns
    """
    parts = parse_arn(principal)
    if not parts or not parts.resource.startswith("assumed-role/"):
        return ""
    name = parts.resource.split("/")[1]
    start = f"arn:{parts.partition}:iam::{parts.account}:role/"
    for pattern in _people(deployment):
        path, _, last = pattern.rpartition("/")
        if path.startswith(start.rstrip("/")) and not is_pattern(path) and matcher(last)(name):
            return f"{path}/{name}"
    return f"{start}{_SSO_PATH}{name}" if name.startswith(_SSO) else ""


def _people(deployment: Deployment) -> Iterator[str]:
    for reader in deployment.readers:
        yield from reader.principal_arns
    yield from (*deployment.administrators, *deployment.break_glass)
    yield from (account.deployer for account in deployment.accounts.values() if account.deployer)


def _bucket(deployment: Deployment, name: str = "") -> str:
    return f"arn:{deployment.partition}:s3:::{name or deployment.config.bucket.name}"


def _log(deployment: Deployment) -> str:
    owner = next((one.account.id for one in deployment.trails if one.account), deployment.bucket_account.id)
    return f"{deployment.log_prefixes[0]}AWSLogs/{owner}/CloudTrail/{deployment.region}/log.json.gz"
