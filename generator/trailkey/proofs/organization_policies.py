"""The SCPs and the RCP that hold what no policy of key, bucket or role can: those who may change these policies.

They are shown, not deployed. SCPs bind neither the management account nor AWS services and service-linked roles, RCPs no resource
of the management account.
https://docs.aws.amazon.com/organizations/latest/userguide/orgs_manage_policies_scps.html
https://docs.aws.amazon.com/organizations/latest/userguide/orgs_manage_policies_rcps.html
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

from trailkey.access.language.actions import REPLACE_POLICY
from trailkey.access.language.log_actions import ALTER_BUCKET, DELETE_LOGS
from trailkey.aws import ORGANIZATION_POLICY_CHARACTERS, parse_arn
from trailkey.config.resolve.principals import account_of
from trailkey.intent.from_config import key_intents

if TYPE_CHECKING:
    from collections.abc import Iterator

    from trailkey.config.deployment import Deployment
    from trailkey.intent.model import KeyRoles

KEY_ID: Final = "KEY-ID"
"""Stands for the id of a key, which is known after deployment only."""
_STOP: Final = ("kms:DisableKey", "kms:ScheduleKeyDeletion")
_CHANGE_ROLE: Final = (
    "iam:AttachRolePolicy",
    "iam:CreateRole",
    "iam:DeleteRole",
    "iam:DeleteRolePolicy",
    "iam:DetachRolePolicy",
    "iam:PutRolePolicy",
    "iam:UpdateAssumeRolePolicy",
)
"""What lets somebody become a role, be it one that does not exist yet, or take its rights from it."""

Statement = dict[str, Any]


def scps(deployment: Deployment) -> list[dict[str, Any]]:
    """Return the SCPs, each within the size that AWS allows; none without an organization.

    Keys: their policies are for deployer, break glass and root user to replace, and only break glass disables and deletes. The
    bucket: nobody deletes logs, and only deployer and root user change what keeps them. Named roles: only the deployers, which
    attach policies to them, change them; whoever else makes these roles is to be added.
    """
    policies: list[list[Statement]] = []
    for statement in _statements(deployment):
        if policies and _size([*policies[-1], statement]) <= ORGANIZATION_POLICY_CHARACTERS:
            policies[-1].append(statement)
        else:
            policies.append([statement])
    return [_document(statements) for statements in policies]


def rcp(deployment: Deployment) -> dict[str, Any] | None:
    """Return the RCP that keeps keys and bucket to the organization, AWS services and the accounts of others that read.

    It holds also where a replaced policy lets others in. None where there is no organization, or nothing that an RCP binds.
    https://docs.aws.amazon.com/IAM/latest/UserGuide/access_policies_data-perimeters.html
    """
    organization, bucket = deployment.config.organization, f"arn:{deployment.partition}:s3:::"
    resources = [_key_arn(key) for key, _ in key_intents(deployment) if is_bound(key.account, deployment)]
    if is_bound(deployment.bucket_account.id, deployment):
        bucket += deployment.config.bucket.name
        resources += [bucket, f"{bucket}/*"]
    if organization is None or not resources:
        return None
    others = sorted({reader.account.id for reader in deployment.readers if reader.account and not reader.account.ours})
    ours: dict[str, Any] = {"aws:PrincipalOrgID": organization.id}
    statement = {
        "Sid": "OnlyOurOrganization",
        "Effect": "Deny",
        "Principal": "*",
        "Action": ["kms:*", "s3:*"],
        "Resource": resources,
        "Condition": {
            "StringNotEqualsIfExists": {**ours, **({"aws:PrincipalAccount": others} if others else {})},
            "BoolIfExists": {"aws:PrincipalIsAWSService": "false"},
        },
    }
    return _document([statement])


def _statements(deployment: Deployment) -> Iterator[Statement]:
    for number, (key, _) in enumerate(key_intents(deployment)):
        if is_bound(key.account, deployment):
            suffix, arn = str(number or ""), _key_arn(key)
            yield _deny(f"KeepKeyPolicy{suffix}", REPLACE_POLICY, arn, [key.deployer, *key.break_glass, key.root])
            yield _deny(f"KeepKey{suffix}", _STOP, arn, key.break_glass)
    home, bucket = deployment.bucket_account, f"arn:{deployment.partition}:s3:::{deployment.config.bucket.name}"
    if is_bound(home.id, deployment):
        yield _deny("KeepLogs", DELETE_LOGS, f"{bucket}/*", [])
        root = f"arn:{deployment.partition}:iam::{home.id}:root"
        yield _deny("KeepBucket", ALTER_BUCKET, bucket, [home.deployer or "", root])
    yield from _roles(deployment)


def _roles(deployment: Deployment) -> Iterator[Statement]:
    """Yield the statement about the roles that the policies name, of accounts that SCPs bind; those of permission sets AWS keeps."""
    named = {
        arn
        for key, _ in key_intents(deployment)
        for arn in (*key.administrators, *key.break_glass, key.deployer)
        if arn
    }
    named |= {arn for reader in deployment.readers for arn in reader.principal_arns}
    ours = {account.id for account in deployment.accounts.values() if account.ours}
    roles = [arn for arn in sorted(named) if account_of(arn) in ours and is_bound(account_of(arn), deployment)]
    roles = [arn for arn in roles if (parsed := parse_arn(arn)) and _is_role_of_ours(parsed.resource)]
    deployers = {one.deployer for one in deployment.accounts.values() if one.deployer and is_bound(one.id, deployment)}
    if roles:
        yield _deny("KeepRoles", _CHANGE_ROLE, roles, sorted(deployers))


def _is_role_of_ours(resource: str) -> bool:
    return resource.startswith("role/") and not resource.startswith(("role/aws-reserved/", "role/aws-service-role/"))


def _deny(
    sid: str, actions: tuple[str, ...], resources: str | list[str], but: list[str] | tuple[str, ...]
) -> Statement:
    exempt = [arn for arn in but if arn]
    condition = {"Condition": {"ArnNotLike": {"aws:PrincipalArn": exempt}}} if exempt else {}
    return {"Sid": sid, "Effect": "Deny", "Action": list(actions), "Resource": resources, **condition}


def _document(statements: list[Statement]) -> dict[str, Any]:
    return {"Version": "2012-10-17", "Statement": statements}


def _size(statements: list[Statement]) -> int:
    """Return what an SCP counts: every character, as it is shown; without white space it has fewer."""
    return len(json.dumps(_document(statements), separators=(",", ":")))


def _key_arn(key: KeyRoles) -> str:
    return f"arn:{key.partition}:kms:{key.region}:{key.account}:key/{KEY_ID}"


def is_bound(account: str, deployment: Deployment) -> bool:
    """Tell whether the organization's policies hold in an account: in all of its accounts but the management account."""
    return deployment.management is not None and account != deployment.management.id
