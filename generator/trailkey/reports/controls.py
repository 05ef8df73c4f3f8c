"""Controls of Security Hub and CIS, and whether a deployment passes them, as its templates have it.

A control speaks of one type of resource. Its check is asked of each such resource; the page names those that do not pass.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from trailkey.cloudformation.intrinsics import resolve

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from trailkey.inventory.folder import Folder

_HUB: Final = "https://docs.aws.amazon.com/securityhub/latest/userguide/"
_TRAIL, _STORE, _KEY = "AWS::CloudTrail::Trail", "AWS::CloudTrail::EventDataStore", "AWS::KMS::Key"
_BUCKET, _TOPIC, _GROUP = "AWS::S3::Bucket", "AWS::SNS::Topic", "AWS::Logs::LogGroup"
_STACK: Final = "stack"
"""Stands for a stack itself among the types of resources."""


@dataclass(frozen=True, slots=True)
class Made:
    """A resource of a deployment, its functions resolved, and all resources beside it."""

    logical_id: str
    kind: str
    properties: Mapping[str, Any]
    beside: tuple[Made, ...] = ()

    def policies(self) -> Iterator[Mapping[str, Any]]:
        """Yield the statements of the bucket policies that are this bucket's."""
        for one in self.beside:
            if one.kind == "AWS::S3::BucketPolicy" and one.properties["Bucket"] == self.properties.get("BucketName"):
                yield from one.properties["PolicyDocument"]["Statement"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Control:
    """A control: its id, CIS AWS Foundations numbers, what it asks of each resource of a type, and what makes it pass."""

    id: str
    title: str
    kind: str
    check: Callable[[Made], bool]
    remedy: str = ""
    cis: str = ""
    page: str = ""


def _has(*path: str) -> Callable[[Made], bool]:
    """Return the check that a property is there and not false."""

    def check(made: Made) -> bool:
        value: Any = made.properties
        for name in path:
            value = value.get(name) if isinstance(value, dict) else None
        return bool(value)

    return check


def _all_management_events(trail: Made) -> bool:
    fields = [
        {field["Field"] for field in selector["FieldSelectors"]}
        for selector in trail.properties.get("AdvancedEventSelectors", ())
        if {"Field": "eventCategory", "Equals": ["Management"]} in selector["FieldSelectors"]
    ]
    return {"eventCategory"} in fields and trail.properties.get("IsMultiRegionTrail") is True


def _blocks_public_access(bucket: Made) -> bool:
    blocked = bucket.properties.get("PublicAccessBlockConfiguration", {})
    names = ("BlockPublicAcls", "BlockPublicPolicy", "IgnorePublicAcls", "RestrictPublicBuckets")
    return all(blocked.get(name) is True for name in names)


def _denies_without_tls(bucket: Made) -> bool:
    guard = {"Bool": {"aws:SecureTransport": "false"}}
    return any(
        one["Effect"] == "Deny" and one["Action"] == ["s3:*"] and one.get("Condition") == guard
        for one in bucket.policies()
    )


def _encrypts(algorithm: str) -> Callable[[Made], bool]:
    def check(bucket: Made) -> bool:
        rules = bucket.properties.get("BucketEncryption", {}).get("ServerSideEncryptionConfiguration", ())
        return any(rule["ServerSideEncryptionByDefault"]["SSEAlgorithm"] == algorithm for rule in rules)

    return check


def _not_public(made: Made) -> bool:
    """Tell whether every Allow for everyone is held to one organization, as a fixed value."""
    return all(
        one["Effect"] == "Deny"
        or one["Principal"] not in ("*", {"AWS": "*"})
        or "aws:PrincipalOrgID" in one.get("Condition", {}).get("StringEquals", {})
        for one in made.properties["KeyPolicy"]["Statement"]
    )


def _decrypts_with_named_keys(policy: Made) -> bool:
    return not any(
        "*" in one["Resource"] and {"kms:Decrypt", "kms:ReEncryptFrom", "kms:*"} & set(one["Action"])
        for one in policy.properties["PolicyDocument"]["Statement"]
    )


def _is_log_bucket(made: Made) -> bool:
    return any(
        one.properties.get("S3BucketName") == made.properties.get("BucketName")
        for one in made.beside
        if one.kind == _TRAIL
    )


def _if_log_bucket(check: Callable[[Made], bool]) -> Callable[[Made], bool]:
    return lambda made: not _is_log_bucket(made) or check(made)


def _long_enough(group: Made) -> bool:
    return int(group.properties.get("RetentionInDays", 0)) >= 365


def _never(_made: Made) -> bool:
    return False


_TARGET: Final = "AWS says to suppress it for the bucket that access logs go to, which would log itself"
_SSE_S3: Final = "S3 writes access logs to buckets with SSE-S3 only"
_NO_FILTER: Final = "no metric filter is made: `key.alarm` tells of the same calls through EventBridge"

CONTROLS: Final = (
    Control(id="CloudTrail.1", cis="3.0: 3.1", title="a multi-Region trail logs all management events", kind=_TRAIL, check=_all_management_events, remedy="`is_multi_region_trail`, and `management_events` without exclusions"),
    Control(id="CloudTrail.2", cis="3.0: 3.5", title="the trail encrypts with a KMS key", kind=_TRAIL, check=_has("KMSKeyId")),
    Control(id="CloudTrail.3", title="the trail logs", kind=_TRAIL, check=_has("IsLogging"), remedy="`is_logging`"),
    Control(id="CloudTrail.4", cis="3.0: 3.2", title="log file validation is on", kind=_TRAIL, check=_has("EnableLogFileValidation"), remedy="`enable_log_file_validation`"),
    Control(id="CloudTrail.5", cis="1.4: 3.4", title="the trail delivers to CloudWatch Logs", kind=_TRAIL, check=_has("CloudWatchLogsLogGroupArn"), remedy="`cloudwatch_logs: {}`"),
    Control(id="CloudTrail.6", cis="1.4: 3.3", title="the bucket of the logs is not public", kind=_BUCKET, check=_if_log_bucket(_blocks_public_access)),
    Control(id="CloudTrail.7", cis="3.0: 3.4", title="the bucket of the logs has access logging", kind=_BUCKET, check=_if_log_bucket(_has("LoggingConfiguration")), remedy="`bucket.access_logs`"),
    Control(id="CloudTrail.9", title="the trail has tags", kind=_TRAIL, check=_has("Tags"), remedy="`tags`"),
    Control(id="CloudTrail.10", title="an event data store encrypts with a key of the customer", kind=_STORE, check=_has("KmsKeyId")),
    Control(id="KMS.1", title="no customer managed policy decrypts with all keys", kind="AWS::IAM::ManagedPolicy", check=_decrypts_with_named_keys, page="kms-controls.html"),
    Control(id="KMS.2", title="no inline policy decrypts with all keys", kind="AWS::IAM::Policy", check=_decrypts_with_named_keys, page="kms-controls.html"),
    Control(id="KMS.4", cis="3.0: 3.6", title="keys rotate", kind=_KEY, check=_has("EnableKeyRotation")),
    Control(id="KMS.5", title="keys are not public", kind=_KEY, check=_not_public),
    Control(id="S3.2, S3.3, S3.8", cis="3.0: 2.1.4", title="buckets block public access", kind=_BUCKET, check=_blocks_public_access),
    Control(id="S3.5", cis="3.0: 2.1.1", title="buckets ask for TLS", kind=_BUCKET, check=_denies_without_tls),
    Control(id="S3.7", title="buckets replicate to another Region", kind=_BUCKET, check=_has("ReplicationConfiguration"), remedy="not offered"),
    Control(id="S3.9", title="buckets have access logging", kind=_BUCKET, check=_has("LoggingConfiguration"), remedy=_TARGET),
    Control(id="S3.12", title="buckets have no ACLs", kind=_BUCKET, check=_has("OwnershipControls")),
    Control(id="S3.13", title="buckets have a lifecycle", kind=_BUCKET, check=_has("LifecycleConfiguration"), remedy="`bucket.lifecycle`"),
    Control(id="S3.14", title="buckets keep versions", kind=_BUCKET, check=_has("VersioningConfiguration")),
    Control(id="S3.15", title="buckets have Object Lock", kind=_BUCKET, check=_has("ObjectLockEnabled"), remedy="`bucket.object_lock`, which cannot be turned off again; the bucket of access logs has none"),
    Control(id="S3.17", title="buckets encrypt with KMS keys", kind=_BUCKET, check=_encrypts("aws:kms"), remedy=_SSE_S3),
    Control(id="S3.20", cis="3.0: 2.1.2", title="buckets ask for MFA to delete", kind=_BUCKET, check=_never, remedy="CloudFormation cannot set it; only the root user can"),
    Control(id="SNS.1", title="topics are encrypted with a KMS key", kind=_TOPIC, check=_has("KmsMasterKeyId"), remedy="`key.alarm.kms_key`, `sns_topic.kms_key`"),
    Control(id="CloudWatch.16", title="log groups keep events 365 days or longer", kind=_GROUP, check=_long_enough, remedy="`cloudwatch_logs.retention_days`"),
    Control(id="CloudWatch.5", cis="1.4: 4.5", title="a metric filter and alarm for changes of trails", kind=_TRAIL, check=_never, remedy=_NO_FILTER),
    Control(id="CloudWatch.7", cis="1.4: 4.7", title="a metric filter and alarm for disabling and deleting keys", kind=_TRAIL, check=_never, remedy=_NO_FILTER),
    Control(id="CloudWatch.8", cis="1.4: 4.8", title="a metric filter and alarm for changes of bucket policies", kind=_TRAIL, check=_never, remedy=_NO_FILTER),
    Control(id="cloudformation-termination-protection-check", title="stacks are protected against deletion (AWS Config)", kind=_STACK, check=_has("termination_protection"), remedy="on for the stacks that rollout.json says; those of IAM policies and of the alarm can be made again", page="https://docs.aws.amazon.com/config/latest/developerguide/cloudformation-termination-protection-check.html"),
)  # fmt: skip
"""What reviewers ask first. The CIS column says the version of the benchmark and the number there."""


def page_of(control: Control) -> str:
    """Return AWS's page about a control."""
    service = control.id.partition(".")[0].lower()
    own = control.page or f"{service}-controls.html"
    return own if own.startswith("https://") else _HUB + own


def failing(control: Control, folder: Folder) -> list[str] | None:
    """Return the logical ids of the resources that do not pass a control; None where it has no resource to speak of."""
    about = [one for one in resources_of(folder) if one.kind == control.kind]
    return [one.logical_id for one in about if not control.check(one)] if about else None


def resources_of(folder: Folder) -> list[Made]:
    """Return the resources of all stacks of a folder, and the stacks themselves."""
    made = [
        Made(logical_id, resource["Type"], resolve(resource["Properties"], one.template, one.place))
        for one in folder.stacks
        for logical_id, resource in one.template["Resources"].items()
    ]
    made += [
        Made(one.stack.stack, _STACK, {"termination_protection": one.stack.termination_protection})
        for one in folder.stacks
        if one.stack.stack_set is None
    ]
    return [Made(one.logical_id, one.kind, one.properties, tuple(made)) for one in made]
