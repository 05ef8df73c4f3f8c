"""The bucket stack: the log bucket and its policy, and the bucket for its access logs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from troposphere import GetAtt, Ref, s3

from trailkey.statements.bucket import log_bucket_policy, only_tls, s3_writes_access_logs
from trailkey.statements.builders import document

if TYPE_CHECKING:
    from collections.abc import Sequence

    from awacs.aws import Statement

    from trailkey.config.account import Account
    from trailkey.config.bucket_model import Lifecycle
    from trailkey.config.deployment import Deployment
    from trailkey.config.source import ConfigPath
    from trailkey.templates.stack import Stack

BUCKET = "LogBucket"
BUCKET_POLICY = f"{BUCKET}Policy"
ACCESS_LOGS = "AccessLogBucket"


def add_bucket(stack: Stack, deployment: Deployment, key_arn: Any) -> None:
    """Add the log bucket, encrypted with the key."""
    settings = deployment.config.bucket
    optional: dict[str, Any] = {}
    if settings.object_lock is not None:
        optional["ObjectLockEnabled"] = True
        retention = s3.DefaultRetention(Mode=settings.object_lock.mode, Days=settings.object_lock.retention_days)
        optional["ObjectLockConfiguration"] = s3.ObjectLockConfiguration(
            ObjectLockEnabled="Enabled", Rule=s3.ObjectLockRule(DefaultRetention=retention)
        )
    if deployment.access_log_bucket is not None:
        optional["LoggingConfiguration"] = s3.LoggingConfiguration(
            DestinationBucketName=_access_logs(stack, deployment, deployment.access_log_bucket)
        )
        if settings.access_logs and not settings.access_logs.existing:
            # S3 checks that it may write there when logging is turned on.
            optional["DependsOn"] = [f"{ACCESS_LOGS}Policy"]
    encryption = _encryption(
        s3.ServerSideEncryptionByDefault(SSEAlgorithm="aws:kms", KMSMasterKeyID=key_arn),
        BucketKeyEnabled=settings.bucket_key_enabled,
    )
    lifecycle = None
    if settings.lifecycle is not None:
        rule = _rule("Logs", **_lifecycle(settings.lifecycle))
        smallest = settings.lifecycle.transition_default_minimum_object_size
        moving = {"TransitionDefaultMinimumObjectSize": smallest} if settings.lifecycle.transition_days else {}
        lifecycle = s3.LifecycleConfiguration(Rules=[rule], **moving)
    statements = log_bucket_policy(deployment)
    bucket = _add_private(stack, BUCKET, settings.name, encryption, lifecycle, statements, ("bucket",), **optional)
    stack.output("LogBucketName", Ref(bucket), "Name of the log bucket.")
    stack.output("LogBucketArn", GetAtt(bucket, "Arn"), "ARN of the log bucket.")


def ask_for_no_scp(stack: Stack, owner: Account) -> None:
    """Ask that no service control policy keeps the deployer from making the bucket, as elective controls of Control Tower do.

    See: https://docs.aws.amazon.com/controltower/latest/controlreference/elective-preventive-controls.html
    """
    management = stack.deployment.management
    stack.asks(
        "no-scp",
        management.id if management else owner.id,
        f"No service control policy denies {owner.deployer} s3:PutEncryptionConfiguration, s3:PutBucketLogging, s3:PutBucketPolicy or s3:PutLifecycleConfiguration in account {owner.id}. "
        "Elective controls of Control Tower do, for all buckets: AWS-GR_AUDIT_BUCKET_ENCRYPTION_ENABLED, AWS-GR_AUDIT_BUCKET_LOGGING_ENABLED, AWS-GR_AUDIT_BUCKET_POLICY_CHANGES_PROHIBITED and AWS-GR_AUDIT_BUCKET_RETENTION_POLICY. "
        "Where one is on for the account's unit, turn it off, or name the deployer among its ExemptedPrincipalArns.",
        command=f"aws organizations list-policies-for-target --target-id {owner.id} --filter SERVICE_CONTROL_POLICY"
        if management
        else "",
    )


def ask_for_settings(stack: Stack) -> None:
    """Ask that a bucket that exists is what the config says of it, and takes CloudTrail's files.

    See: https://docs.aws.amazon.com/awscloudtrail/latest/userguide/create-kms-key-policy-for-cloudtrail.html,
    https://docs.aws.amazon.com/awscloudtrail/latest/userguide/create-s3-bucket-policy-for-cloudtrail.html
    """
    deployment, settings = stack.deployment, stack.deployment.config.bucket
    stack.asks(
        "bucket-exists",
        deployment.bucket_account.id,
        f"Bucket {settings.name} exists in account {deployment.bucket_account.id}, {deployment.region}; S3 Bucket Keys are {'on' if settings.bucket_key_enabled else 'off'}; Requester Pays is off; its policy denies no s3:PutObject without headers that name an encryption.",
        command=f"aws s3api get-bucket-encryption --bucket {settings.name}",
        arn=f"arn:{deployment.partition}:s3:::{settings.name}",
    )


def _add_private(
    stack: Stack,
    logical_id: str,
    name: str,
    encryption: s3.ServerSideEncryptionRule,
    lifecycle: s3.LifecycleConfiguration | None,
    statements: Sequence[Statement],
    origin: ConfigPath,
    **optional: Any,
) -> s3.Bucket:
    """Add a bucket and its policy: no public access, no ACLs, versions, no objects encrypted with keys of customers.

    See: https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-s3-bucket.html,
    https://docs.aws.amazon.com/AmazonS3/latest/userguide/security-best-practices.html
    """
    if lifecycle is not None:
        optional["LifecycleConfiguration"] = lifecycle
    bucket = s3.Bucket(
        logical_id,
        BucketName=name,
        BucketEncryption=s3.BucketEncryption(ServerSideEncryptionConfiguration=[encryption]),
        PublicAccessBlockConfiguration=s3.PublicAccessBlockConfiguration(
            BlockPublicAcls=True, BlockPublicPolicy=True, IgnorePublicAcls=True, RestrictPublicBuckets=True
        ),
        OwnershipControls=s3.OwnershipControls(Rules=[s3.OwnershipControlsRule(ObjectOwnership="BucketOwnerEnforced")]),
        VersioningConfiguration=s3.VersioningConfiguration(Status="Enabled"),
        **optional,
        **stack.tags(),
    )
    stack.add(bucket, origin)
    stack.add(s3.BucketPolicy(f"{logical_id}Policy", Bucket=Ref(bucket), PolicyDocument=document(statements)), origin)
    return bucket


def _encryption(by_default: s3.ServerSideEncryptionByDefault, **optional: Any) -> s3.ServerSideEncryptionRule:
    """Return how a bucket encrypts. Objects with a key of whoever writes them (SSE-C), which no reader has, are refused.

    See: https://docs.aws.amazon.com/AmazonS3/latest/userguide/blocking-unblocking-s3-c-encryption-gpb.html
    """
    return s3.ServerSideEncryptionRule(
        ServerSideEncryptionByDefault=by_default,
        BlockedEncryptionTypes=s3.BlockedEncryptionTypes(EncryptionType=["SSE-C"]),
        **optional,
    )


def _rule(rule_id: str, **settings: Any) -> s3.LifecycleRule:
    """Return a rule of a lifecycle; parts of an upload that never ended go after a week."""
    abort = s3.AbortIncompleteMultipartUpload(DaysAfterInitiation=7)
    return s3.LifecycleRule(Id=rule_id, Status="Enabled", AbortIncompleteMultipartUpload=abort, **settings)


def _lifecycle(settings: Lifecycle) -> dict[str, Any]:
    rule: dict[str, Any] = {}
    if settings.transition_days is not None:
        rule["Transitions"] = [
            s3.LifecycleRuleTransition(
                StorageClass=settings.transition_storage_class, TransitionInDays=settings.transition_days
            )
        ]
    if settings.expiration_days is not None:
        rule["ExpirationInDays"] = settings.expiration_days
    if settings.noncurrent_version_expiration_days is not None:
        rule["NoncurrentVersionExpiration"] = s3.NoncurrentVersionExpiration(
            NoncurrentDays=settings.noncurrent_version_expiration_days
        )
    return rule


def _access_logs(stack: Stack, deployment: Deployment, name: str) -> Any:
    """Add the bucket for access logs where it is to be made, and return its name.

    SSE-S3: server access logging cannot write to a bucket with SSE-KMS as default.
    See: https://docs.aws.amazon.com/AmazonS3/latest/userguide/enable-server-access-logging.html
    """
    settings = deployment.config.bucket.access_logs
    if settings is None or settings.existing:
        stack.asks(
            "bucket-exists",
            deployment.bucket_account.id,
            f"Bucket {name} exists in account {deployment.bucket_account.id}, {deployment.region}, and its policy lets logging.s3.amazonaws.com write.",
            arn=f"arn:{deployment.partition}:s3:::{name}",
        )
        return name
    encryption = _encryption(s3.ServerSideEncryptionByDefault(SSEAlgorithm="AES256"))
    rule = _rule(
        "AccessLogs",
        ExpirationInDays=settings.expiration_days,
        NoncurrentVersionExpiration=s3.NoncurrentVersionExpiration(NoncurrentDays=30),
    )
    lifecycle = s3.LifecycleConfiguration(Rules=[rule])
    statements = [s3_writes_access_logs(deployment, name), only_tls("OnlyTls", name)]
    bucket = _add_private(stack, ACCESS_LOGS, name, encryption, lifecycle, statements, ("bucket", "access_logs"))
    stack.output("AccessLogBucketName", Ref(bucket), "Name of the bucket for access logs of the log bucket.")
    return Ref(bucket)
