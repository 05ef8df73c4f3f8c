"""The statements of the bucket policies, each with the sentence of AWS that asks for it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from trailkey.config.deployment import identifier
from trailkey.statements import actions
from trailkey.statements.builders import BY_CLOUDTRAIL, EVERYONE, Guard, allow, deny, merged, service_principal, text
from trailkey.statements.grantees import reader_grantee
from trailkey.statements.trails import trail_groups

if TYPE_CHECKING:
    from awacs.aws import Statement

    from trailkey.config.deployment import Deployment, Reader
    from trailkey.statements.trails import TrailGroup

OWNER_CONTROLS: Guard = {"StringEquals": {"s3:x-amz-acl": "bucket-owner-full-control"}}


def bucket_arn(name: str) -> str:
    """Return the ARN of a bucket."""
    return f"arn:aws:s3:::{name}"


def cloudtrail_checks_acl(group: TrailGroup, deployment: Deployment) -> Statement:
    """CloudTrail reads the bucket's ACL before it delivers.

    See: https://docs.aws.amazon.com/awscloudtrail/latest/userguide/create-s3-bucket-policy-for-cloudtrail.html
    """
    bucket, sid = text(bucket_arn(deployment.config.bucket.name)), f"CloudTrailChecksAcl{group.suffix}"
    return allow(sid, actions.READ_BUCKET_ACL, to=BY_CLOUDTRAIL, on=bucket, guard=group.source)


def cloudtrail_writes(group: TrailGroup, deployment: Deployment) -> Statement:
    """CloudTrail writes below the path of each trail owner, an organization trail below the organization's too.

    A trail in several accounts writes below the path of each, which is not listed: the policy would grow with them.
    See: the same page, and https://docs.aws.amazon.com/awscloudtrail/latest/userguide/creating-an-organizational-trail-prepare.html
    """
    bucket = bucket_arn(deployment.config.bucket.name)
    paths: list[str] = []
    for trail in group.trails:
        prefix = f"{trail.settings.s3_key_prefix}/" if trail.settings.s3_key_prefix else ""
        owner = "*" if trail.in_set or trail.account is None else f"{trail.account.id}/*"
        paths.append(f"{bucket}/{prefix}AWSLogs/{owner}")
        if trail.settings.is_organization_trail and deployment.config.organization:
            paths.append(f"{bucket}/{prefix}AWSLogs/{deployment.config.organization.id}/*")
    guard = merged(group.source, OWNER_CONTROLS)
    on = [text(path) for path in dict.fromkeys(paths)]
    return allow(f"CloudTrailWritesLogs{group.suffix}", actions.WRITE_OBJECTS, to=BY_CLOUDTRAIL, on=on, guard=guard)


def reader_finds_and_gets_logs(reader: Reader, deployment: Deployment) -> list[Statement]:
    """A reader gets log and digest files, some kinds those of their own account only, and finds them.

    The console and Athena ask for the bucket's Region too.
    See: https://docs.aws.amazon.com/AmazonS3/latest/userguide/UsingKMSEncryption.html,
    https://docs.aws.amazon.com/IAM/latest/UserGuide/access-analyzer-policy-generation.html
    """
    bucket, below = bucket_arn(deployment.config.bucket.name), "AWSLogs/*"
    if reader.kind.own_logs_only and reader.account is None and deployment.config.organization:
        below = f"AWSLogs/{deployment.config.organization.id}/${{aws:PrincipalAccount}}/*"
    grantee = reader_grantee(reader, deployment, deployment.bucket_account.id)
    objects = [text(f"{bucket}/{prefix}{below}") for prefix in deployment.log_prefixes]
    sid, versions = f"Reader{identifier(reader.name)}", reader.settings.versions
    return [
        allow(f"{sid}GetsLogs", actions.READ_OBJECTS[versions], to=grantee, on=objects),
        allow(f"{sid}ListsLogs", actions.LIST_BUCKET[versions], to=grantee, on=text(bucket)),
    ]


def only_tls(sid: str, bucket: str) -> Statement:
    """Nobody speaks to the bucket without TLS.

    See: https://docs.aws.amazon.com/AmazonS3/latest/userguide/security-best-practices.html (Security Hub S3.5)
    """
    on = [text(bucket_arn(bucket)), text(f"{bucket_arn(bucket)}/*")]
    return deny(sid, actions.EVERYTHING_S3, to=EVERYONE, on=on, guard={"Bool": {"aws:SecureTransport": "false"}})


def nobody_deletes_logs(deployment: Deployment) -> list[Statement]:
    """Nobody deletes objects, and nobody but the deployer changes what keeps them. Config key ``bucket.deny_deletion``.

    The root user can still delete the policy itself, which S3 denies it never.
    See: https://docs.aws.amazon.com/AmazonS3/latest/userguide/security-best-practices.html,
    https://docs.aws.amazon.com/AmazonS3/latest/API/API_DeleteBucketPolicy.html
    """
    bucket, deployer = bucket_arn(deployment.config.bucket.name), deployment.bucket_account.deployer
    whole = [text(bucket), text(f"{bucket}/*")]
    guard: Guard = {"ArnNotLike": {"aws:PrincipalArn": text(deployer)}} if deployer else {}
    return [
        deny("NobodyDeletesLogs", actions.DELETE_LOGS, to=EVERYONE, on=text(f"{bucket}/*")),
        deny("OnlyDeployerChangesBucket", actions.ALTER_BUCKET, to=EVERYONE, on=whole, guard=guard),
    ]


def s3_writes_access_logs(deployment: Deployment, bucket: str) -> Statement:
    """S3 delivers access logs of the log bucket.

    See: https://docs.aws.amazon.com/AmazonS3/latest/userguide/enable-server-access-logging.html
    """
    guard = {
        "ArnLike": {"aws:SourceArn": text(bucket_arn(deployment.config.bucket.name))},
        "StringEquals": {"aws:SourceAccount": deployment.bucket_account.id},
    }
    on = text(f"{bucket_arn(bucket)}/*")
    service = service_principal("logging.s3.amazonaws.com")
    return allow("S3WritesAccessLogs", actions.WRITE_OBJECTS, to=service, on=on, guard=guard)


def log_bucket_policy(deployment: Deployment) -> list[Statement]:
    """Return the statements of the log bucket. Some readers bring rights of their own to S3."""
    statements = []
    for group in trail_groups(deployment):
        statements += [cloudtrail_checks_acl(group, deployment), cloudtrail_writes(group, deployment)]
    for reader in deployment.readers:
        if reader.kind.bucket_statements:
            statements += reader_finds_and_gets_logs(reader, deployment)
    if deployment.config.bucket.deny_deletion:
        statements += nobody_deletes_logs(deployment)
    return [*statements, only_tls("OnlyTls", deployment.config.bucket.name)]
