"""Service limits that cfn-lint does not count: policies by their size as AWS counts it, templates by bytes and resources."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

from trailkey.aws import (
    BUCKET_POLICY_BYTES,
    KEY_POLICY_BYTES,
    MANAGED_POLICIES_PER_ROLE,
    MANAGED_POLICY_CHARACTERS,
    TEMPLATE_RESOURCES,
    TEMPLATE_URL_BYTES,
    policy_size,
)
from trailkey.cloudformation.intrinsics import Place, resolve
from trailkey.cloudformation.shapes import within
from trailkey.findings import Finding, Location, Rule

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

_MANAGED_POLICY: Final = "AWS::IAM::ManagedPolicy"
_TEMPLATE_PAGE: Final = "https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/cloudformation-limits.html"
_IAM_PAGE: Final = "https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html"
_GATHER: Final = "put roles together with principal_arn_like, or name a whole account or organization path as reader"
_OF_TRAILS: Final = re.compile(":cloudtrail:|/AWSLogs/")
_OF_PEOPLE: Final = re.compile(":iam:")
_FEWER_TRAILS: Final = "put an organization trail in place of trails of single accounts, or one trail with organizational_unit_ids, or give some of the trails a key and a bucket of their own in another config"


@dataclass(frozen=True, slots=True, kw_only=True)
class Limit(Rule):
    """A service limit: how many of a ``unit`` are allowed, and ``allowance``, which says so in a message.

    A limit on policies has the ``resource_type`` and its ``policy_property`` that holds them.
    """

    maximum: int
    unit: str
    allowance: str
    resource_type: str = ""
    policy_property: str = "PolicyDocument"

    def check(self, subject: str, count: int, location: Location) -> Iterator[Finding]:
        """Yield a finding where ``subject``, such as "the template has", has more than is allowed."""
        if count > self.maximum:
            message = f"{subject} {count:,} {self.unit}; {self.allowance}"
            yield Finding(rule=self, location=location, message=message, remedy=self.remedy)

    def check_policy(self, policy: Any, location: Location) -> Iterator[Finding]:
        """Yield a finding where a resolved policy is too large, with what fills it most."""
        size = policy_size(policy, characters=self.unit == "characters")
        for finding in self.check("the policy has", size, location):
            of_readers = sum(str(one.get("Sid")).startswith("Reader") for one in policy["Statement"])
            trails, people = _named(policy, _OF_TRAILS), _named(policy, _OF_PEOPLE)
            filled = f"statements: {len(policy['Statement'])}, of readers {of_readers}; named: {len(set(trails))} ARNs of trails and their folders ({_size(trails):,} {self.unit}), {len(set(people))} roles, users and accounts ({_size(people):,})"
            # A reader names every trail once more: only where there are more trails than readers do fewer of them help.
            of_trails = len(set(trails)) > of_readers and _size(trails) > _size(people)
            remedy = _FEWER_TRAILS if of_trails and self.resource_type != _MANAGED_POLICY else finding.remedy
            yield replace(finding, message=f"{finding.message}; {filled}", remedy=remedy)


_TEMPLATE_SIZE: Final = Limit(
    id="template-size",
    title="A template has at most 1 MB",
    reason="CloudFormation refuses a larger template, wherever it is uploaded from.",
    source=_TEMPLATE_PAGE,
    remedy="set layout: by_purpose, or split the deployment",
    maximum=TEMPLATE_URL_BYTES,
    unit="bytes",
    allowance=f"CloudFormation takes {TEMPLATE_URL_BYTES:,}",
)
_RESOURCES: Final = Limit(
    id="template-resources",
    title=f"A template has at most {TEMPLATE_RESOURCES} resources",
    reason="CloudFormation refuses a template that declares more resources.",
    source=_TEMPLATE_PAGE,
    remedy="split the deployment",
    maximum=TEMPLATE_RESOURCES,
    unit="resources",
    allowance=f"CloudFormation takes {TEMPLATE_RESOURCES}",
)
_KEY_POLICY: Final = Limit(
    id="key-policy-size",
    title=f"A key policy has at most {KEY_POLICY_BYTES:,} bytes",
    reason="KMS refuses a larger key policy, and the stack with the key fails. White space between its parts is not counted.",
    source="https://docs.aws.amazon.com/kms/latest/developerguide/resource-limits.html",
    remedy=_GATHER,
    maximum=KEY_POLICY_BYTES,
    unit="bytes",
    allowance=f"KMS takes {KEY_POLICY_BYTES:,}",
    resource_type="AWS::KMS::Key",
    policy_property="KeyPolicy",
)
_BUCKET_POLICY: Final = Limit(
    id="bucket-policy-size",
    title=f"A bucket policy has at most {BUCKET_POLICY_BYTES:,} bytes",
    reason="S3 refuses a larger bucket policy: the stack with the bucket fails, or the statements cannot be added to an existing bucket.",
    source="https://docs.aws.amazon.com/AmazonS3/latest/userguide/add-bucket-policy.html",
    remedy=_GATHER,
    maximum=BUCKET_POLICY_BYTES,
    unit="bytes",
    allowance=f"S3 takes {BUCKET_POLICY_BYTES:,}",
    resource_type="AWS::S3::BucketPolicy",
)
_MANAGED_POLICY_SIZE: Final = Limit(
    id="managed-policy-size",
    title=f"A managed policy has at most {MANAGED_POLICY_CHARACTERS:,} characters",
    reason="IAM refuses a larger managed policy, and the stack that holds it fails. White space is not counted.",
    source=_IAM_PAGE,
    remedy="use fewer trail owners and prefixes for one reader",
    maximum=MANAGED_POLICY_CHARACTERS,
    unit="characters",
    allowance=f"IAM takes {MANAGED_POLICY_CHARACTERS:,}",
    resource_type=_MANAGED_POLICY,
)
_POLICIES_OF_A_ROLE: Final = Limit(
    id="policies-per-role",
    title=f"A role has at most {MANAGED_POLICIES_PER_ROLE} managed policies",
    reason="IAM refuses to attach more managed policies to a role than the quota of its account, which is this one until AWS raises the quota.",
    source=_IAM_PAGE,
    remedy="ask for a higher quota, or use another role for some",
    maximum=MANAGED_POLICIES_PER_ROLE,
    unit="managed policies",
    allowance=f"IAM attaches {MANAGED_POLICIES_PER_ROLE} by default",
)

LIMITS: Final = (_TEMPLATE_SIZE, _RESOURCES, _KEY_POLICY, _BUCKET_POLICY, _MANAGED_POLICY_SIZE, _POLICIES_OF_A_ROLE)
_OF_POLICIES: Final = {limit.resource_type: limit for limit in LIMITS if limit.resource_type}


def check_limits(file: str, text: str, template: Mapping[str, Any], place: Place) -> Iterator[Finding]:
    """Yield an error for each limit that a rendered template exceeds; ``place`` is where it is deployed."""
    resources = template.get("Resources", {})
    yield from _TEMPLATE_SIZE.check("the template has", len(text.encode()), Location(file=file))
    yield from _RESOURCES.check("the template has", len(resources), Location(file=file))
    for logical_id, resource in resources.items():
        limit = _OF_POLICIES.get(resource["Type"])
        if limit:
            policy = resolve(resource["Properties"][limit.policy_property], template, place)
            yield from limit.check_policy(policy, Location(file=file, logical_id=logical_id))
    managed = (one["Properties"] for one in resources.values() if one["Type"] == _MANAGED_POLICY)
    for role, number in Counter(role for properties in managed for role in properties.get("Roles", ())).items():
        yield from _POLICIES_OF_A_ROLE.check(f"role {role!r} gets", number, Location(file=file))


def _named(policy: Any, what: re.Pattern[str]) -> list[str]:
    """Return the texts of a policy, its keys left out, in which something is found."""
    return [text for text in within(policy) if isinstance(text, str) and what.search(text)]


def _size(texts: Sequence[str]) -> int:
    """Return what texts count in a policy, with their quotes and commas."""
    return sum(len(text) + len('"",') for text in texts)


def check_bucket_policy(file: str, policy: Mapping[str, Any]) -> Iterator[Finding]:
    """Yield an error where the statements for an existing bucket, in a file of their own, are too large for any bucket."""
    return _BUCKET_POLICY.check_policy(policy, Location(file=file))
