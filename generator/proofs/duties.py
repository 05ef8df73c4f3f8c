"""The rows of those who look after a key, as the claims speak of them.

https://docs.aws.amazon.com/kms/latest/developerguide/kms-api-permissions-reference.html
"""

from __future__ import annotations

from typing import Final

from generator.access.intents import GRANT, REPLICATE

HAND_OUT: Final = (*GRANT, *REPLICATE)
"""How whoever holds no more than that lets others use the key."""
DELETE: Final = ("kms:CancelKeyDeletion", "kms:ScheduleKeyDeletion")
DISABLE: Final = ("kms:DisableKey", "kms:EnableKey")
METADATA: Final = (
    "kms:DescribeKey",
    "kms:GetKeyPolicy",
    "kms:GetKeyRotationStatus",
    "kms:ListGrants",
    "kms:ListResourceTags",
)
UPDATE: Final = (
    "kms:CreateAlias",
    "kms:DeleteAlias",
    "kms:DescribeKey",
    "kms:DisableKeyRotation",
    "kms:EnableKeyRotation",
    "kms:GetKeyPolicy",
    "kms:GetKeyRotationStatus",
    "kms:ListResourceTags",
    "kms:TagResource",
    "kms:UntagResource",
    "kms:UpdateAlias",
    "kms:UpdateKeyDescription",
)
"""What creating, reading and updating a key and its alias through CloudFormation calls, beside the key policy and the state.
https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-kms-key.html"""
ADMINISTER: Final = (
    *UPDATE,
    "kms:ListGrants",
    "kms:ListKeyPolicies",
    "kms:ListKeyRotations",
    "kms:RotateKeyOnDemand",
)
