"""What the proofs about policies rest on: that the resources are the ones the policies are about.

A key policy that is right is of no use where the trail encrypts with another key. Each resource is compared with the config,
property by property, as the rendered templates have it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from trailkey.access import PROVEN, REFUTED, Answer
from trailkey.findings import NOWHERE, Rule
from trailkey.intent.from_config import store_key_intent, trail_key_intent
from trailkey.inventory.policies import ANY_ACCOUNT
from trailkey.proofs.properties.property import Result

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator, Mapping

    from trailkey.config.deployment import Deployment
    from trailkey.config.source import ConfigPath
    from trailkey.intent.model import KeyRoles
    from trailkey.inventory.policies import PolicySet, Resource

CONSISTENT: Final = Rule(
    id="resources-consistent",
    title="trails, stores, bucket and alias use the key and the bucket that the policies are about",
    reason="What a policy allows is of no use on a key or a bucket that nobody writes to, and no guard of another one.",
    source="https://docs.aws.amazon.com/awscloudtrail/latest/userguide/encrypting-cloudtrail-log-files-with-aws-kms.html",
    remedy="give the resource the key, the bucket, the name and the place that the config says",
)

_DEFAULTS: Final = {
    "BypassPolicyLockoutSafetyCheck": False,
    "Enabled": True,
    "IsOrganizationTrail": False,
    "KeySpec": "SYMMETRIC_DEFAULT",
    "KeyUsage": "ENCRYPT_DECRYPT",
    "MultiRegion": False,
    "Origin": "AWS_KMS",
    "S3KeyPrefix": None,
}
"""What CloudFormation takes where a template says nothing.
https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-kms-key.html"""

_BLOCKED: Final = {"EncryptionType": ["SSE-C"]}
"""No object with a key of whoever writes it, which no reader has.
https://docs.aws.amazon.com/AmazonS3/latest/userguide/blocking-unblocking-s3-c-encryption-gpb.html"""


def consistent(deployment: Deployment, policies: PolicySet) -> Iterator[Result]:
    """Yield for each resource that has to do with a key or the bucket whether it is the one that the policies are about."""
    wanted = list(wanted_resources(deployment, policies))
    for one in wanted:
        is_it = (one.kind, one.name, one.place)
        found = [each for each in policies.resources if (each.kind, each.name, (each.account, each.region)) == is_it]
        count = f"{len(found)} resources are" if found else "no template has"
        wrong = f"{count} the {one.kind} {one.name} of {', '.join(one.place)}"
        if len(found) == 1:
            wrong = "; ".join(_differences(found[0], one.properties))
        answer = Answer(REFUTED, reason=wrong) if wrong else Answer(PROVEN)
        location = found[0].location if found else NOWHERE
        yield Result(rule=CONSISTENT, answer=answer, path=one.path, location=location)
    for key in policies.keys:
        if key.arn not in {one.name for one in wanted}:
            answer = Answer(REFUTED, reason="the config asks for no such key, or no alias leads to it")
            yield Result(rule=CONSISTENT, answer=answer, path=("key",), location=key.location)


@dataclass(frozen=True, slots=True)
class WantedResource:
    """A resource that the config asks for: its type and name, its account and Region, and the properties it must have."""

    kind: str
    name: str
    place: tuple[str, str]
    path: ConfigPath
    properties: Mapping[str, Any]


def _differences(resource: Resource, wanted: Mapping[str, Any]) -> Iterator[str]:
    has = {**_DEFAULTS, **resource.properties, **_encryption(resource.properties)}
    for name, value in wanted.items():
        if has.get(name) != value:
            yield f"{name} is {_said(has.get(name))}, not {_said(value)}"


def _said(value: Any) -> str:
    return "absent" if value is None else str(value).lower() if isinstance(value, bool) else str(value)


def _encryption(properties: Mapping[str, Any]) -> dict[str, Any]:
    """Return how a bucket encrypts what comes without a key of its own, as flat properties."""
    match properties.get("BucketEncryption"):
        case {"ServerSideEncryptionConfiguration": [{"ServerSideEncryptionByDefault": {**by_default}, **rule}]}:
            flat = {"BucketKeyEnabled": False, **rule, **by_default}
            return {str(key): value for key, value in flat.items()}
    return {}


def wanted_resources(deployment: Deployment, policies: PolicySet) -> Iterator[WantedResource]:
    """Yield each resource that the config asks for; the policies say nothing but which key has an alias."""
    config = deployment.config
    key = yield from _key(trail_key_intent(deployment), policies)
    if not config.bucket.existing:
        here, name = (deployment.bucket_account.id, deployment.region), config.bucket.name
        encryption = {
            "SSEAlgorithm": "aws:kms",
            "KMSMasterKeyID": key,
            "BucketKeyEnabled": config.bucket.bucket_key_enabled,
            "BlockedEncryptionTypes": _BLOCKED,
        }
        # Without ACLs, which would allow beside the bucket policy:
        # https://docs.aws.amazon.com/AmazonS3/latest/userguide/about-object-ownership.html
        owned = {"AccessControl": None, "OwnershipControls": {"Rules": [{"ObjectOwnership": "BucketOwnerEnforced"}]}}
        yield WantedResource("AWS::S3::BucketPolicy", name, here, ("bucket",), {})
        yield WantedResource("AWS::S3::Bucket", name, here, ("bucket",), encryption | owned)
        if config.bucket.access_logs and not config.bucket.access_logs.existing:
            # Server access logging cannot write to a bucket with SSE-KMS as default:
            # https://docs.aws.amazon.com/AmazonS3/latest/userguide/enable-server-access-logging.html
            encryption = {"SSEAlgorithm": "AES256", "BlockedEncryptionTypes": _BLOCKED}
            path, name = ("bucket", "access_logs"), deployment.access_log_bucket or ""
            yield WantedResource("AWS::S3::Bucket", name, here, path, encryption | owned)
    for trail in deployment.trails:
        here = trail.account.id if trail.account else ANY_ACCOUNT, trail.settings.home_region
        writes = {
            "IsLogging": trail.settings.is_logging,
            "IsOrganizationTrail": trail.settings.is_organization_trail,
            "KMSKeyId": key,
            "S3BucketName": config.bucket.name,
            "S3KeyPrefix": trail.settings.s3_key_prefix or None,
        }
        yield WantedResource("AWS::CloudTrail::Trail", trail.settings.name, here, trail.path, writes)
    for store in deployment.stores:
        key = yield from _key(store_key_intent(store, deployment), policies)
        here = store.account.id, store.settings.region
        collects = {"KmsKeyId": key, "OrganizationEnabled": store.settings.organization_enabled}
        yield WantedResource("AWS::CloudTrail::EventDataStore", store.settings.name, here, store.path, collects)


def _key(intent: KeyRoles, policies: PolicySet) -> Generator[WantedResource, None, str]:
    """Yield what a key must be, a symmetric one whose creation asks for the lockout check, and its alias; return its ARN.

    The alias is what the key is found by: it leads to a key of its account and Region, or to none.
    """
    key = policies.key_of_alias(intent.account, intent.region, intent.alias)
    arn = key.arn if key else f"the key of {intent.alias}"
    here = intent.account, intent.region
    properties = {
        name: _DEFAULTS[name]
        for name in ("BypassPolicyLockoutSafetyCheck", "Enabled", "KeySpec", "KeyUsage", "MultiRegion", "Origin")
    }
    yield WantedResource("AWS::KMS::Key", arn, here, intent.path, properties)
    target = {"TargetKeyId": arn.rpartition("/")[2]}
    yield WantedResource("AWS::KMS::Alias", intent.alias, here, (*intent.path, "alias"), target)
    return arn
