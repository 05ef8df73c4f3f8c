"""The bucket stack: the log bucket and its policy, and the bucket for its access logs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from troposphere import GetAtt, Ref, s3

from trailkey.output.manifest import Step
from trailkey.statements.bucket import log_bucket_policy, only_tls, s3_writes_access_logs
from trailkey.statements.builders import document

if TYPE_CHECKING:
    from trailkey.config.deployment import Deployment
    from trailkey.config.model import Lifecycle
    from trailkey.templates.stack import Stack

BUCKET = "LogBucket"
BUCKET_POLICY = "LogBucketPolicy"
ACCESS_LOGS = "AccessLogBucket"


def add_bucket(stack: Stack, deployment: Deployment, key_arn: Any) -> None:
    """Add the log bucket: private, versioned, encrypted with the key, retained like the key.

    See: https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-s3-bucket.html
    """
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
    encryption = s3.ServerSideEncryptionByDefault(SSEAlgorithm="aws:kms", KMSMasterKeyID=key_arn)
    rule = s3.ServerSideEncryptionRule(
        ServerSideEncryptionByDefault=encryption, BucketKeyEnabled=settings.bucket_key_enabled
    )
    bucket = s3.Bucket(
        BUCKET,
        BucketName=settings.name,
        BucketEncryption=s3.BucketEncryption(ServerSideEncryptionConfiguration=[rule]),
        LifecycleConfiguration=s3.LifecycleConfiguration(Rules=_lifecycle(settings.lifecycle)),
        **_private(),
        **optional,
        **stack.tags(),
    )
    stack.add(bucket, ("bucket",))
    policy = document(log_bucket_policy(deployment))
    stack.add(s3.BucketPolicy(BUCKET_POLICY, Bucket=Ref(bucket), PolicyDocument=policy), ("bucket",))
    stack.output("LogBucketName", Ref(bucket), "Name of the log bucket.")
    stack.output("LogBucketArn", GetAtt(bucket, "Arn"), "ARN of the log bucket.")


def _private() -> dict[str, Any]:
    """Return what every bucket made here has: no public access, no ACLs, versions, retained.

    See: https://docs.aws.amazon.com/AmazonS3/latest/userguide/security-best-practices.html
    """
    return {
        "PublicAccessBlockConfiguration": s3.PublicAccessBlockConfiguration(
            BlockPublicAcls=True, BlockPublicPolicy=True, IgnorePublicAcls=True, RestrictPublicBuckets=True
        ),
        "OwnershipControls": s3.OwnershipControls(
            Rules=[s3.OwnershipControlsRule(ObjectOwnership="BucketOwnerEnforced")]
        ),
        "VersioningConfiguration": s3.VersioningConfiguration(Status="Enabled"),
        "DeletionPolicy": "RetainExceptOnCreate",
        "UpdateReplacePolicy": "Retain",
    }


def _lifecycle(settings: Lifecycle) -> list[s3.LifecycleRule]:
    """Return the lifecycle rules; parts of an upload that never ended always go, after a week."""
    optional: dict[str, Any] = {}
    if settings.transition_days is not None:
        optional["Transitions"] = [
            s3.LifecycleRuleTransition(
                StorageClass=settings.transition_storage_class, TransitionInDays=settings.transition_days
            )
        ]
    if settings.expiration_days is not None:
        optional["ExpirationInDays"] = settings.expiration_days
    if settings.noncurrent_version_expiration_days is not None:
        optional["NoncurrentVersionExpiration"] = s3.NoncurrentVersionExpiration(
            NoncurrentDays=settings.noncurrent_version_expiration_days
        )
    abort = s3.AbortIncompleteMultipartUpload(DaysAfterInitiation=7)
    return [s3.LifecycleRule(Id="Logs", Status="Enabled", AbortIncompleteMultipartUpload=abort, **optional)]


def _access_logs(stack: Stack, deployment: Deployment, name: str) -> Any:
    """Add the bucket for access logs where it is to be made, and return its name.

    SSE-S3: server access logging cannot write to a bucket with SSE-KMS as default.
    See: https://docs.aws.amazon.com/AmazonS3/latest/userguide/enable-server-access-logging.html
    """
    settings = deployment.config.bucket.access_logs
    if settings is None or settings.existing:
        stack.before.append(
            Step(
                kind="bucket-exists",
                account=deployment.bucket_account.id,
                text=f"Bucket {name} exists in account {deployment.bucket_account.id}, {deployment.region}, and its policy lets logging.s3.amazonaws.com write.",
                arn=f"arn:{deployment.partition}:s3:::{name}",
            )
        )
        return name
    encryption = s3.ServerSideEncryptionByDefault(SSEAlgorithm="AES256")
    expiry = s3.LifecycleRule(
        Id="AccessLogs",
        Status="Enabled",
        ExpirationInDays=settings.expiration_days,
        NoncurrentVersionExpiration=s3.NoncurrentVersionExpiration(NoncurrentDays=30),
        AbortIncompleteMultipartUpload=s3.AbortIncompleteMultipartUpload(DaysAfterInitiation=7),
    )
    bucket = s3.Bucket(
        ACCESS_LOGS,
        BucketName=name,
        BucketEncryption=s3.BucketEncryption(
            ServerSideEncryptionConfiguration=[s3.ServerSideEncryptionRule(ServerSideEncryptionByDefault=encryption)]
        ),
        LifecycleConfiguration=s3.LifecycleConfiguration(Rules=[expiry]),
        **_private(),
        **stack.tags(),
    )
    origin = ("bucket", "access_logs")
    stack.add(bucket, origin)
    policy = document([s3_writes_access_logs(deployment, name), only_tls("OnlyTls", name)])
    stack.add(s3.BucketPolicy(f"{ACCESS_LOGS}Policy", Bucket=Ref(bucket), PolicyDocument=policy), origin)
    stack.output("AccessLogBucketName", Ref(bucket), "Name of the bucket for access logs of the log bucket.")
    return Ref(bucket)
