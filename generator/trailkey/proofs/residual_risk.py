"""What the proofs rest on, and what no key policy can close."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from trailkey.intent.from_config import key_intents
from trailkey.proofs.organization_policies import is_bound

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from trailkey.config.deployment import Deployment
    from trailkey.proofs.matrix import Matrix

ASSUMPTIONS: Final = (
    "SCPs and RCPs allow everything: they can only take away.",
    "Grants made at run time are not counted: the column `grant` says who may make one.",
    "VPC endpoint policies, permissions boundaries and session policies are not counted: they can only take away.",
    "Names of roles and permission sets mean the people and programs behind them: who may assume or change a role is the matter of its account.",
    "IAM policies that trailkey did not write are not known: `IAM` means that one which allows is enough, whoever writes it.",
    "Copies of the same events are out of scope: CloudWatch log group, SNS notice, EventBridge, event data stores, and logs copied elsewhere.",
)
"""What every answer takes as given."""


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
                yield PolicyWriter(alias=matrix.name, label=line.row.label, principals=line.row.principals)


def beyond_scps(deployment: Deployment) -> list[str]:
    """Return the aliases of the keys that no SCP binds."""
    return [key.alias for key, _ in key_intents(deployment) if not is_bound(key.account, deployment)]
