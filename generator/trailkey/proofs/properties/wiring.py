"""What the proofs about policies rest on: that the resources are the ones the policies are about.

A key policy that is right is of no use where the trail encrypts with another key. Each resource is compared with the config,
property by property, as the rendered templates have it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from trailkey.access import PROVEN, REFUTED, Answer
from trailkey.findings import Location, Rule
from trailkey.intent.from_config import store_key_intent, trail_key_intent
from trailkey.proofs.properties.property import Result

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

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
    "S3KeyPrefix": None,
}
"""What CloudFormation takes where a template says nothing.
https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-kms-key.html"""


def consistent(deployment: Deployment, policies: PolicySet) -> Iterator[Result]:
    """Yield for each resource that has to do with a key or the bucket whether it is the one that the policies are about."""
    for one in _wanted(deployment, policies):
        found = [each for each in policies.resources if one.is_it(each)]
        where = f"{one.account}, {one.region}"
        wrong = (
            f"{'no template has' if not found else f'{len(found)} resources are'} the {one.kind} {one.name} of {where}"
            if len(found) != 1
            else "; ".join(_differences(found[0], one.properties))
        )
        yield Result(
            rule=CONSISTENT,
            answer=Answer(REFUTED, reason=wrong) if wrong else Answer(PROVEN),
            path=one.path,
            location=found[0].location if found else Location(),
        )
    for key in policies.keys:
        if key.arn not in {_key_arn(intent, policies) for intent in _intents(deployment)}:
            answer = Answer(REFUTED, reason="the config asks for no such key, or no alias leads to it")
            yield Result(rule=CONSISTENT, answer=answer, path=("key",), location=key.location)


def _intents(deployment: Deployment) -> tuple[KeyRoles, ...]:
    """Return what each key of the config is meant for."""
    return (trail_key_intent(deployment), *(store_key_intent(store, deployment) for store in deployment.stores))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Wanted:
    """A resource that the config asks for: what it is found by, and the properties it must have."""

    kind: str
    path: ConfigPath
    account: str
    region: str
    identity: str
    """The property that names it; of a key, which has no name, its ARN."""
    name: str
    properties: Mapping[str, Any]

    def is_it(self, resource: Resource) -> bool:
        """Return whether a resource is the one that is meant."""
        name = resource.arn if self.identity == "Arn" else resource.properties.get(self.identity)
        here = (resource.kind, resource.account, resource.region, name)
        return here == (self.kind, self.account, self.region, self.name)


def _differences(resource: Resource, wanted: Mapping[str, Any]) -> Iterator[str]:
    has = {**_DEFAULTS, **resource.properties, **_encryption(resource.properties)}
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


def _wanted(deployment: Deployment, policies: PolicySet) -> Iterator[_Wanted]:
    """Yield each resource that the config asks for."""
    intent, bucket = trail_key_intent(deployment), deployment.config.bucket
    key = _key_arn(intent, policies)
    yield from _key(intent, policies)
    if not bucket.existing:
        account = deployment.bucket_account.id
        encryption = {"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": key, "BucketKeyEnabled": bucket.bucket_key_enabled}
        for kind, identity, properties in (
            ("AWS::S3::BucketPolicy", "Bucket", {}),
            ("AWS::S3::Bucket", "BucketName", encryption),
        ):
            yield _Wanted(
                kind=kind,
                path=("bucket",),
                account=account,
                region=deployment.region,
                identity=identity,
                name=bucket.name,
                properties=properties,
            )
    for trail in deployment.trails:
        yield _Wanted(
            kind="AWS::CloudTrail::Trail",
            path=trail.path,
            account=trail.account.id,
            region=trail.settings.home_region,
            identity="TrailName",
            name=trail.settings.name,
            properties={
                "IsOrganizationTrail": trail.settings.is_organization_trail,
                "KMSKeyId": key,
                "S3BucketName": bucket.name,
                "S3KeyPrefix": trail.settings.s3_key_prefix or None,
            },
        )
    for store in deployment.stores:
        store_intent = store_key_intent(store, deployment)
        yield from _key(store_intent, policies)
        yield _Wanted(
            kind="AWS::CloudTrail::EventDataStore",
            path=store.path,
            account=store.account.id,
            region=store.settings.region,
            identity="Name",
            name=store.settings.name,
            properties={
                "KmsKeyId": _key_arn(store_intent, policies),
                "OrganizationEnabled": store.settings.organization_enabled,
            },
        )


def _key_arn(intent: KeyRoles, policies: PolicySet) -> str:
    key = policies.key_of_alias(intent.account, intent.region, intent.alias)
    return key.arn if key else f"the key of {intent.alias}"


def _key(intent: KeyRoles, policies: PolicySet) -> Iterator[_Wanted]:
    """Yield what a key must be, a symmetric one whose creation asks for the lockout check, and its alias.

    The alias is what the key is found by: it leads to a key of its account and Region, or to none.
    """
    names = ("BypassPolicyLockoutSafetyCheck", "Enabled", "KeySpec", "KeyUsage")
    arn = _key_arn(intent, policies)
    here = {"account": intent.account, "region": intent.region}
    properties = {name: _DEFAULTS[name] for name in names}
    yield _Wanted(kind="AWS::KMS::Key", path=intent.path, identity="Arn", name=arn, properties=properties, **here)
    yield _Wanted(
        kind="AWS::KMS::Alias",
        path=(*intent.path, "alias"),
        identity="AliasName",
        name=intent.alias,
        properties={"TargetKeyId": arn.rpartition("/")[2]},
        **here,
    )
