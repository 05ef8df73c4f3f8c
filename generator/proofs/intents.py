"""The actions of a key by what they are for, as the claims speak of them.

Written down a second time on purpose: what judges a policy must not take its lists from what built it.
https://docs.aws.amazon.com/kms/latest/developerguide/kms-api-permissions-reference.html
"""

from __future__ import annotations

from typing import Final

DATA_KEYS: Final = (
    "kms:GenerateDataKey",
    "kms:GenerateDataKeyPair",
    "kms:GenerateDataKeyPairWithoutPlaintext",
    "kms:GenerateDataKeyWithoutPlaintext",
)
ENCRYPT: Final = (*DATA_KEYS, "kms:Encrypt", "kms:ReEncryptTo")
DECRYPT: Final = ("kms:Decrypt", "kms:ReEncryptFrom")
OTHER_USE: Final = ("kms:DeriveSharedSecret", "kms:GenerateMac", "kms:Sign", "kms:Verify", "kms:VerifyMac")
USE: Final = (*ENCRYPT, *DECRYPT, *OTHER_USE)
GRANT: Final = ("kms:CreateGrant", "kms:ReplicateKey")
REPLACE_POLICY: Final = ("kms:PutKeyPolicy",)
TAKE_OVER: Final = (*GRANT, *REPLACE_POLICY)
"""How whoever does not hold a key's use can come to hold it."""
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
