"""Who is granted what: one mechanism for every person and role, used in key, bucket and IAM policies alike.

The account is the Principal and ``ArnLike aws:PrincipalArn`` names the role. A role so named need not exist yet, keeps its
access when it is re-created, and patterns are the same mechanism. It needs an IAM policy on the other side.
See: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-keys.html#condition-keys-principalarn
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from awacs.aws import AWSPrincipal

from trailkey.aws import TRAIL_CONTEXT, parse_arn, partition_of
from trailkey.config.resolve.principals import is_pattern
from trailkey.statements.builders import EVERYONE, Grantee, Guard, account_principal, merged, text, texts

if TYPE_CHECKING:
    from collections.abc import Sequence

    from trailkey.config.deployment import Deployment, Reader


def grantee_of(arns: Sequence[str], *, directly: bool = False) -> Grantee:
    """Return the grantee for roles or users of one account; ``directly`` names exact ones as Principal."""
    if directly and not any(is_pattern(arn) for arn in arns):
        return Grantee(AWSPrincipal(texts(arns)), {})
    arn = parse_arn(arns[0])
    if arn is None:
        raise ValueError(f"{arns[0]!r} is not an ARN")
    return Grantee(account_principal(arn.account), {"ArnLike": {"aws:PrincipalArn": texts(arns)}})


def reader_grantee(reader: Reader, deployment: Deployment, own_account: str) -> Grantee:
    """Return the grantee for a reader in a policy of ``own_account``.

    Readers of an organization never cover the account of the resource: there ``Principal: "*"`` needs no IAM policy.
    """
    if reader.kind.named_directly:
        return Grantee(AWSPrincipal(texts(reader.principal_arns)), {})
    if reader.account is not None and not reader.principal_arns:
        return Grantee(account_principal(reader.account.id), {})
    if reader.account is not None:
        return grantee_of(reader.principal_arns, directly=deployment.config.key.name_roles)
    if deployment.config.organization is None:
        raise ValueError(f"reader {reader.name!r} is in neither an account nor an organization")
    # The organization's id beside a path: S3 calls a policy public unless such a condition holds a fixed value.
    # https://docs.aws.amazon.com/AmazonS3/latest/userguide/access-control-block-public-access.html
    guard: Guard = {
        "StringEquals": {"aws:PrincipalOrgID": deployment.config.organization.id},
        "StringNotEquals": {"aws:PrincipalAccount": own_account},
    }
    if reader.organization_path:
        guard = merged(guard, {"ForAnyValue:StringLike": {"aws:PrincipalOrgPaths": reader.organization_path}})
    if reader.kind.member_role:
        role = text(f"arn:aws:iam::${{aws:PrincipalAccount}}:role/{reader.kind.member_role}")
        guard = merged(guard, {"StringLike": {"aws:PrincipalArn": role}})
    return Grantee(EVERYONE, guard)


def trail_context(deployment: Deployment) -> Guard:
    """Return the guard that a trail of a trail owner encrypted the object.

    See: https://docs.aws.amazon.com/awscloudtrail/latest/userguide/create-kms-key-policy-for-cloudtrail.html
    """
    trails = [f"arn:aws:cloudtrail:*:{owner.id}:trail/*" for owner in deployment.trail_owners]
    return {"StringLike": {TRAIL_CONTEXT: texts(trails)}}


def through_s3(reader: Reader, region: str) -> Guard:
    """Return the guard that S3 asks KMS for the reader in a Region; empty where the reader calls KMS itself.

    KMS's page has the suffix ``.amazonaws.com`` alone. What is sent in China is documented nowhere: both are allowed there.
    https://docs.aws.amazon.com/kms/latest/developerguide/conditions-kms.html#conditions-kms-via-service
    """
    if not reader.settings.via_service:
        return {}
    services = [f"s3.{region}.amazonaws.com"]
    if partition_of(region) == "aws-cn":
        services.append(f"s3.{region}.amazonaws.com.cn")
    return {"StringEquals": {"kms:ViaService": texts(services)}}


def source_trails(deployment: Deployment) -> Guard:
    """Return the guard that CloudTrail acts for a trail of this config, as its confused deputy page asks.

    See: https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cross-service-confused-deputy-prevention.html
    """
    return {"StringEquals": {"aws:SourceArn": texts([trail.arn for trail in deployment.trails])}}
