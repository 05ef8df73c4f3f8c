"""The key stack: the KMS key, its policy and its alias."""

from __future__ import annotations

from typing import TYPE_CHECKING

from troposphere import GetAtt, Ref, kms

from trailkey.statements.builders import document
from trailkey.statements.key import trail_key_policy

if TYPE_CHECKING:
    from typing import Any

    from trailkey.config.deployment import Deployment
    from trailkey.config.key_model import KeySettings
    from trailkey.config.source import ConfigPath
    from trailkey.templates.stack import Stack

KEY = "Key"
NAMED_TRAILS = 5
"""How many names of trails a description holds; of more it says the number."""


def build_key(
    stack: Stack, logical_id: str, settings: KeySettings, policy: Any, alias: str, description: str, origin: ConfigPath
) -> None:
    """Add a key with its policy and alias.

    When a first creation fails CloudFormation wants to delete the key, which the deployer is not allowed to: break glass does.
    Limits: rotation period 90 to 2,560 days, pending window 7 to 30 days.
    See: https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-kms-key.html
    """
    key = kms.Key(
        logical_id,
        Description=settings.description or description,
        KeySpec="SYMMETRIC_DEFAULT",
        KeyUsage="ENCRYPT_DECRYPT",
        EnableKeyRotation=True,
        RotationPeriodInDays=settings.rotation_period_days,
        PendingWindowInDays=settings.pending_window_days,
        KeyPolicy=policy,
        **stack.tags(),
    )
    stack.add(key, origin)
    stack.add(kms.Alias(f"{logical_id}Alias", AliasName=alias, TargetKeyId=Ref(key)), (*origin, "alias"))
    stack.output(f"{logical_id}Arn", GetAtt(key, "Arn"), f"ARN of the key behind {alias}.")


def add_key(stack: Stack, deployment: Deployment) -> None:
    """Add the trails' key."""
    policy = document(trail_key_policy(deployment))
    names = sorted({trail.settings.name for trail in deployment.trails})
    of = ", ".join(names) if len(deployment.trails) <= NAMED_TRAILS else f"{len(deployment.trails)} trails"
    description = f"Encrypts the CloudTrail logs of {of}"
    build_key(stack, KEY, deployment.config.key, policy, deployment.config.key.alias, description, ("key",))
