"""What the proofs rest on, what no key policy can close, and the SCP that narrows it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from trailkey.access.language.actions import REPLACE_POLICY
from trailkey.intent.from_config import store_key_intent, trail_key_intent

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from trailkey.config.deployment import Account, Deployment
    from trailkey.intent.model import KeyRoles
    from trailkey.proofs.matrix import Matrix

KEY_ID: Final = "KEY-ID"
"""Stands for the id of a key, which is known after deployment only."""

ASSUMPTIONS: Final = (
    "SCPs and RCPs allow everything: they can only take away.",
    "Grants made at run time are not counted: the column `grant` says who may make one.",
    "VPC endpoint policies, permissions boundaries and session policies are not counted: they can only take away.",
    "Names of roles and permission sets mean the people and programs behind them: who may assume or change a role is the matter of its account.",
    "IAM policies that trailkey did not write are not known: `IAM` means that one which allows is enough, whoever writes it.",
    "Copies of the same events are out of scope: CloudWatch log group, SNS notice, EventBridge, event data stores, and logs copied elsewhere.",
)
"""What every answer takes as given."""

_GUARDED: Final = ("kms:DisableKey", *REPLACE_POLICY, "kms:ScheduleKeyDeletion")


@dataclass(frozen=True, slots=True, kw_only=True)
class PolicyWriter:
    """Someone who may replace the policy of a key: the label of the row, the ARNs or patterns, and the key's alias."""

    alias: str
    label: str
    principals: tuple[str, ...]


def policy_writers(matrices: Sequence[Matrix]) -> Iterator[PolicyWriter]:
    """Yield who may replace a key policy, or may for all that is known, as the matrices have it."""
    for matrix in matrices:
        at = next(number for number, column in enumerate(matrix.columns) if column.id == "change-policy")
        for line in matrix.lines:
            if line.cells[at].answer != "no":
                yield PolicyWriter(alias=matrix.alias, label=line.row.label, principals=line.row.principals)


def scp(deployment: Deployment) -> dict[str, Any] | None:
    """Return the SCP that leaves a key's policy, its disabling and its deletion to deployer, break glass and root user.

    It has one statement for each key whose account it can bind: SCPs bind neither the management account nor AWS services, and
    a deployment without an organization has none. Where no statement is left, the answer is None.
    https://docs.aws.amazon.com/organizations/latest/userguide/orgs_manage_policies_scps.html
    """
    management = deployment.management
    statements = [
        _statement(f"KeepKey{number or ''}", account, region, keepers)
        for number, (account, region, keepers) in enumerate(_keys(deployment))
        if management and account.id != management.id
    ]
    return {"Version": "2012-10-17", "Statement": statements} if statements else None


def beyond_scps(deployment: Deployment) -> list[str]:
    """Return the aliases of the keys that no SCP binds."""
    aliases = [deployment.config.key.alias, *(store.settings.alias for store in deployment.stores)]
    management = deployment.management
    return [
        alias
        for alias, (account, _, _) in zip(aliases, _keys(deployment), strict=True)
        if management is None or account.id == management.id
    ]


def _keys(deployment: Deployment) -> Iterator[tuple[Account, str, KeyRoles]]:
    yield deployment.key_account, deployment.region, trail_key_intent(deployment)
    for store in deployment.stores:
        yield store.account, store.settings.region, store_key_intent(store, deployment)


def _statement(sid: str, account: Account, region: str, keepers: KeyRoles) -> dict[str, Any]:
    root = f"arn:{keepers.partition}:iam::{keepers.account}:root"
    spared = [*([keepers.deployer] if keepers.deployer else []), *keepers.break_glass, root]
    return {
        "Sid": sid,
        "Effect": "Deny",
        "Action": list(_GUARDED),
        "Resource": f"arn:{keepers.partition}:kms:{region}:{account.id}:key/{KEY_ID}",
        "Condition": {"ArnNotLike": {"aws:PrincipalArn": spared}},
    }
