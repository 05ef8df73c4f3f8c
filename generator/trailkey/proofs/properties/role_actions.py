"""The rows of those who look after a key, as the claims speak of them.

https://docs.aws.amazon.com/kms/latest/developerguide/kms-api-permissions-reference.html
"""

from __future__ import annotations

from typing import Final

from trailkey.access.language.actions import GRANT, REPLACE_POLICY, REPLICATE

ALIAS: Final = ("kms:CreateAlias", "kms:DeleteAlias", "kms:UpdateAlias")
"""What needs the alias beside the key. https://docs.aws.amazon.com/kms/latest/developerguide/alias-access.html"""
HAND_OUT: Final = (*GRANT, *REPLICATE)
"""How whoever holds no more than that lets others use the key."""
DELETE: Final = ("kms:CancelKeyDeletion", "kms:ScheduleKeyDeletion")
DISABLE: Final = ("kms:DisableKey", "kms:EnableKey")
METADATA: Final = (
    "kms:DescribeKey",
    "kms:GetKeyLastUsage",
    "kms:GetKeyPolicy",
    "kms:GetKeyRotationStatus",
    "kms:ListGrants",
    "kms:ListResourceTags",
)
UPDATE: Final = (
    *ALIAS,
    "kms:DescribeKey",
    "kms:EnableKeyRotation",
    "kms:GetKeyPolicy",
    "kms:GetKeyRotationStatus",
    "kms:ListResourceTags",
    "kms:TagResource",
    "kms:UntagResource",
    "kms:UpdateKeyDescription",
)
"""What creating, reading and updating a key and its alias through CloudFormation calls, beside the key policy: a key that is
enabled and rotated, and stays so.
https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-kms-key.html"""
DEPLOY: Final = (*UPDATE, *REPLACE_POLICY)
REPAIR: Final = (*DELETE, *DISABLE, *REPLACE_POLICY)
ADMINISTER: Final = (
    *UPDATE,
    "kms:DisableKeyRotation",
    "kms:GetKeyLastUsage",
    "kms:ListGrants",
    "kms:ListKeyPolicies",
    "kms:ListKeyRotations",
    "kms:RotateKeyOnDemand",
)
FIND_ALIAS: Final = ("kms:ListAliases",)
FIND_KEY: Final = (*FIND_ALIAS, "kms:ListKeys")
"""What the KMS console lists before it shows a key; both know no resource.
https://docs.aws.amazon.com/kms/latest/developerguide/kms-api-permissions-reference.html"""
VALIDATE: Final = ("cloudtrail:DescribeTrails", "cloudtrail:ListPublicKeys")
VALIDATE_OF_ORGANIZATION: Final = ("organizations:DescribeOrganization",)
"""What validating log files calls beside getting them, those of an organization trail too.
https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-log-file-validation-cli.html"""
QUERY: Final = (
    "cloudtrail:CancelQuery",
    "cloudtrail:DescribeQuery",
    "cloudtrail:GetEventDataStore",
    "cloudtrail:GetQueryResults",
    "cloudtrail:ListQueries",
    "cloudtrail:StartQuery",
)
"""What querying an event data store calls.
https://docs.aws.amazon.com/awscloudtrail/latest/userguide/query-run-query.html"""
