"""Service limits that cfn-lint does not count: policies by their size as AWS counts it, templates by bytes and resources."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from trailkey.aws import (
    BUCKET_POLICY_BYTES,
    KEY_POLICY_BYTES,
    MANAGED_POLICIES_PER_ROLE,
    MANAGED_POLICY_CHARACTERS,
    TEMPLATE_RESOURCES,
    TEMPLATE_URL_BYTES,
)
from trailkey.cloudformation.resolve import Place, resolve
from trailkey.findings import Finding, Location, Rule

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_POLICIES = {
    "AWS::KMS::Key": (
        "key-policy-size",
        "KeyPolicy",
        KEY_POLICY_BYTES,
        "bytes",
        "KMS",
        "put roles together with principal_arn_like, or name a whole account or organization path as reader",
    ),
    "AWS::S3::BucketPolicy": (
        "bucket-policy-size",
        "PolicyDocument",
        BUCKET_POLICY_BYTES,
        "bytes",
        "S3",
        "put roles together with principal_arn_like, or name a whole account or organization path as reader",
    ),
    "AWS::IAM::ManagedPolicy": (
        "managed-policy-size",
        "PolicyDocument",
        MANAGED_POLICY_CHARACTERS,
        "characters",
        "IAM",
        "use fewer trail owners and prefixes for one reader",
    ),
}


def compact(policy: Any) -> str:
    """Return a policy as the services count it: JSON without white space between its parts."""
    return json.dumps(policy, separators=(",", ":"), ensure_ascii=False)


def check_limits(file: str, text: str, template: Mapping[str, Any], place: Place) -> Iterator[Finding]:
    """Yield an error for each limit that a rendered template exceeds; ``place`` is where it is deployed."""
    size = len(text.encode())
    if size > TEMPLATE_URL_BYTES:
        yield _finding(
            "template-size",
            Location(file=file),
            f"the template has {size:,} bytes; CloudFormation takes {TEMPLATE_URL_BYTES:,}; set layout: by_purpose, or split the deployment",
        )
    resources = template.get("Resources", {})
    if len(resources) > TEMPLATE_RESOURCES:
        yield _finding(
            "template-resources",
            Location(file=file),
            f"the template has {len(resources)} resources; CloudFormation takes {TEMPLATE_RESOURCES}; split the deployment",
        )
    attached: dict[str, int] = {}
    for logical_id, resource in resources.items():
        for role in resource["Properties"].get("Roles", []) if resource["Type"] == "AWS::IAM::ManagedPolicy" else []:
            attached[role] = attached.get(role, 0) + 1
        if resource["Type"] not in _POLICIES:
            continue
        policy = resolve(resource["Properties"][_POLICIES[resource["Type"]][1]], template, place)
        yield from _check_size(Location(file=file, logical_id=logical_id), resource["Type"], policy)
    for role, number in attached.items():
        if number > MANAGED_POLICIES_PER_ROLE:
            yield _finding(
                "policies-per-role",
                Location(file=file),
                f"role {role!r} gets {number} managed policies; IAM attaches {MANAGED_POLICIES_PER_ROLE} by default; ask for a higher quota, or use another role for some",
            )


def check_bucket_policy(file: str, policy: Mapping[str, Any]) -> Iterator[Finding]:
    """Yield an error where the statements for an existing bucket, in a file of their own, are too large for any bucket."""
    yield from _check_size(Location(file=file), "AWS::S3::BucketPolicy", policy)


def _check_size(where: Location, kind: str, policy: Any) -> Iterator[Finding]:
    identity, _, limit, unit, service, advice = _POLICIES[kind]
    text = compact(policy)
    count = len(text) if unit == "characters" else len(text.encode())
    if count > limit:
        yield _finding(identity, where, f"the policy has {count:,} {unit}; {service} takes {limit:,}; {advice}")


def _finding(identity: str, place: Location, message: str) -> Finding:
    rule = Rule(id=identity, title=identity, reason="", source="", remedy="")
    return Finding(rule=rule, message=message, location=place)
