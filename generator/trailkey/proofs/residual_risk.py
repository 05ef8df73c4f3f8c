"""What the proofs rest on, what no key policy can close, and the SCP that narrows it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from trailkey.access.language.actions import REPLACE_POLICY
from trailkey.intent.from_config import key_intents

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from trailkey.config.deployment import Deployment
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
    statements = [
        {
            "Sid": f"KeepKey{number or ''}",
            "Effect": "Deny",
            "Action": list(_GUARDED),
            "Resource": f"arn:{key.partition}:kms:{key.region}:{key.account}:key/{KEY_ID}",
            "Condition": {
                "ArnNotLike": {"aws:PrincipalArn": [*filter(None, [key.deployer]), *key.break_glass, key.root]}
            },
        }
        for number, (key, _) in enumerate(key_intents(deployment))
        if _is_bound(key, deployment)
    ]
    return {"Version": "2012-10-17", "Statement": statements} if statements else None


def beyond_scps(deployment: Deployment) -> list[str]:
    """Return the aliases of the keys that no SCP binds."""
    return [key.alias for key, _ in key_intents(deployment) if not _is_bound(key, deployment)]


def _is_bound(key: KeyRoles, deployment: Deployment) -> bool:
    return deployment.management is not None and key.account != deployment.management.id
