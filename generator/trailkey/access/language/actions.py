"""KMS's actions by what they let a principal do, as everything that judges speaks of them.

The builder has lists of its own: what judges a policy must not take its lists from what built it.

https://docs.aws.amazon.com/service-authorization/latest/reference/list_awskeymanagementservice.html
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
ENCAPSULATION: Final = ("kms:Decapsulate", "kms:Encapsulate")
"""Use of keys for key encapsulation: a symmetric key refuses it whatever its policy says."""
USE: Final = (*ENCRYPT, *DECRYPT, *OTHER_USE)

GRANT: Final = ("kms:CreateGrant",)
REPLACE_POLICY: Final = ("kms:PutKeyPolicy",)
REPLICATE: Final = ("kms:ReplicateKey",)
TAKE_OVER: Final = (*GRANT, *REPLACE_POLICY, *REPLICATE)
"""What lets a principal give itself the key's use.
https://docs.aws.amazon.com/kms/latest/developerguide/key-policy-default.html#key-policy-default-allow-administrators"""

DELETION: Final = ("kms:DeleteImportedKeyMaterial", "kms:ScheduleKeyDeletion")
DISABLE: Final = ("kms:DisableKey",)
GRAVE: Final = (*USE, *ENCAPSULATION, *TAKE_OVER, *DELETION, *DISABLE)
"""Everything that reads events, lets someone read them, or makes them unreadable."""

UPKEEP: Final = (
    *("kms:CreateAlias", "kms:DeleteAlias", "kms:UpdateAlias", "kms:UpdateKeyDescription", "kms:UpdatePrimaryRegion"),
    *("kms:DisableKeyRotation", "kms:EnableKeyRotation", "kms:RotateKeyOnDemand"),
    *("kms:TagResource", "kms:UntagResource", "kms:RevokeGrant"),
)
"""Daily administration: it changes the key, and gives nobody its use."""

_GRAVEST_FIRST: Final = (
    *(*REPLACE_POLICY, *GRANT, *REPLICATE, *DECRYPT, *DELETION, *DISABLE, "kms:GenerateDataKey", *ENCRYPT),
    *("s3:GetObject", "s3:PutObject", "s3:DeleteObject"),
)


def gravity(action: str) -> int:
    """Return where an action stands among all, the gravest first: of several the example shows that one."""
    return _GRAVEST_FIRST.index(action) if action in _GRAVEST_FIRST else len(_GRAVEST_FIRST)
