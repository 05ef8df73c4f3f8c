"""Who is granted what: one mechanism for every person and role, used in key, bucket and IAM policies alike.

The account is the Principal and ``ArnLike aws:PrincipalArn`` names the role. A role so named need not exist yet, keeps its
access when it is re-created, and patterns are the same mechanism. It needs an IAM policy on the other side.
See: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-keys.html#condition-keys-principalarn
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from awacs.aws import AWSPrincipal

from trailkey.aws import parse_arn, partition_of
from trailkey.config.resolve.principals import is_pattern
from trailkey.statements.builders import EVERYONE, Grantee, Guard, account_principal, merged, text, texts

if TYPE_CHECKING:
    from collections.abc import Sequence

    from trailkey.config.deployment import Deployment, Reader, Trail

STACK_SET_ROLES: Final = ("stacksets-exec-*", "AWSControlTowerExecution")
"""The roles that make the stacks of a stack set: of service-managed ones, and where a landing zone makes them."""


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


def stack_set_roles(trail: Trail, accounts: Sequence[str], deployment: Deployment) -> Grantee:
    """Return the grantee for the roles with which stack sets make a trail: in its accounts, or in its units.

    In the key's own account, where such a statement alone would allow, IAM decides who sees the key.
    See: https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/stacksets-prereqs-self-managed.html,
    https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/stacksets-orgs-enable-trusted-access.html
    """
    roles = [f"arn:aws:iam::*:role/{name}" for name in STACK_SET_ROLES]
    guard: Guard = {"ArnLike": {"aws:PrincipalArn": texts(roles)}}
    if accounts:
        return Grantee(EVERYONE, merged(guard, {"StringEquals": {"aws:PrincipalAccount": texts(accounts)}}))
    organization = deployment.config.organization.id if deployment.config.organization else ""
    paths = [f"{organization}/*/{unit}/*" for unit in trail.settings.organizational_unit_ids or ()]
    members: Guard = {
        "StringEquals": {"aws:PrincipalOrgID": organization},
        "StringNotEquals": {"aws:PrincipalAccount": deployment.key_account.id},
        "ForAnyValue:StringLike": {"aws:PrincipalOrgPaths": texts(paths)},
    }
    return Grantee(EVERYONE, merged(guard, members))
