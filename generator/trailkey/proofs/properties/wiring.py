"""What the proofs about policies rest on: that the resources are the ones the policies are about.

A key policy that is right is of no use where the trail encrypts with another key. Each resource is compared with the config,
property by property, as the rendered templates have it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from trailkey.access.algebra.request_sets import PROVEN, REFUTED, Answer
from trailkey.proofs.properties.property import Claim, Judged

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from trailkey.config.deployment import Deployment
    from trailkey.config.source import ConfigPath
    from trailkey.inventory.policies import Documents, Fixture, KeyDocument

WIRED: Final = Claim(
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
    "S3KeyPrefix": None,
}
"""What CloudFormation takes where a template says nothing.
https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-kms-key.html"""


def wired(deployment: Deployment, documents: Documents) -> Iterator[Judged]:
    """Yield for each resource that has to do with a key or the bucket whether it is the one that the policies are about."""
    for kind, path, wanted in _wanted(deployment, documents):
        found = documents.fixtures_of(kind, path)
        wrong = (
            f"no template has the {kind}, or several do"
            if len(found) != 1
            else "; ".join(_differences(found[0], wanted))
        )
        yield Judged(
            id=WIRED.id,
            title=WIRED.title,
            remedy=WIRED.remedy,
            answer=Answer(REFUTED, reason=wrong) if wrong else Answer(PROVEN),
            path=path,
            place=found[0].place if found else "",
        )


def _differences(fixture: Fixture, wanted: Mapping[str, Any]) -> Iterator[str]:
    has = {**_DEFAULTS, **fixture.properties, "account": fixture.account, "Region": fixture.region}
    has |= _encryption(fixture.properties)
    for name, value in wanted.items():
        if has.get(name) != value:
            yield f"{name} is {_said(has.get(name))}, not {_said(value)}"


def _said(value: Any) -> str:
    return "absent" if value is None else str(value).lower() if isinstance(value, bool) else str(value)


def _encryption(properties: Mapping[str, Any]) -> dict[str, Any]:
    """Return how a bucket encrypts what comes without a key of its own, as flat properties."""
    rules = properties.get("BucketEncryption", {}).get("ServerSideEncryptionConfiguration", [])
    if len(rules) != 1:
        return {}
    by_default = rules[0].get("ServerSideEncryptionByDefault", {})
    return {"BucketKeyEnabled": rules[0].get("BucketKeyEnabled", False), **by_default}


def _wanted(deployment: Deployment, documents: Documents) -> Iterator[tuple[str, ConfigPath, dict[str, Any]]]:
    """Yield the type and config path of each resource, with the properties it must have."""
    key, bucket = documents.trail_key, deployment.config.bucket
    yield from _key(
        key, deployment.key_account.id, deployment.region, (*key.path, "alias"), deployment.config.key.alias
    )
    if not bucket.existing:
        here = {"account": deployment.bucket_account.id, "Region": deployment.region}
        yield "AWS::S3::BucketPolicy", ("bucket",), {"Bucket": bucket.name, **here}
        encryption = {
            "SSEAlgorithm": "aws:kms",
            "KMSMasterKeyID": key.arn,
            "BucketKeyEnabled": bucket.bucket_key_enabled,
        }
        yield "AWS::S3::Bucket", ("bucket",), {"BucketName": bucket.name, **encryption, **here}
    for trail in deployment.trails:
        wanted = {
            "TrailName": trail.settings.name,
            "IsOrganizationTrail": trail.settings.is_organization_trail,
            "KMSKeyId": key.arn,
            "S3BucketName": bucket.name,
            "S3KeyPrefix": trail.settings.s3_key_prefix or None,
            "account": trail.account.id,
            "Region": trail.settings.home_region,
        }
        yield "AWS::CloudTrail::Trail", trail.path, wanted
    for store in deployment.stores:
        mine, region = documents.key_at(store.path), store.settings.region
        yield from _key(mine, store.account.id, region, (*store.path, "alias"), store.settings.alias)
        wanted = {
            "Name": store.settings.name,
            "KmsKeyId": mine.arn,
            "OrganizationEnabled": store.settings.organization_enabled,
            "account": store.account.id,
            "Region": region,
        }
        yield "AWS::CloudTrail::EventDataStore", store.path, wanted


def _key(
    key: KeyDocument, account: str, region: str, alias_path: ConfigPath, alias: str
) -> Iterator[tuple[str, ConfigPath, dict[str, Any]]]:
    """Yield what a key must be, a symmetric one whose creation asks for the lockout check, and its alias."""
    here = {"account": account, "Region": region}
    names = ("BypassPolicyLockoutSafetyCheck", "Enabled", "KeySpec", "KeyUsage")
    yield "AWS::KMS::Key", key.path, {**{name: _DEFAULTS[name] for name in names}, **here}
    yield "AWS::KMS::Alias", alias_path, {"AliasName": alias, "TargetKeyId": key.arn.rpartition("/")[2], **here}
