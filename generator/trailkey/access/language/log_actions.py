"""What can be done to logs that are there, to what keeps them, and to the topic that tells of them, by actions of S3 and SNS.

https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazons3.html
"""

from __future__ import annotations

from typing import Final

OVERWRITE: Final = ("s3:PutObject",)
ERASE: Final = ("s3:DeleteObject", "s3:DeleteObjectVersion")
UNLOCK: Final = ("s3:BypassGovernanceRetention", "s3:PutObjectRetention", "s3:PutObjectLegalHold")
"""Of locked objects: earlier deletion in mode GOVERNANCE, for whoever may bypass it; else only longer retention."""
SET_LIFECYCLE: Final = ("s3:PutLifecycleConfiguration",)
SET_VERSIONING: Final = ("s3:PutBucketVersioning",)
SET_LOCK: Final = ("s3:PutBucketObjectLockConfiguration",)
REPLACE_BUCKET_POLICY: Final = ("s3:DeleteBucketPolicy", "s3:PutBucketPolicy")
DELETE_BUCKET: Final = ("s3:DeleteBucket",)

DELETE_LOGS: Final = (*ERASE, "s3:BypassGovernanceRetention")
"""On objects."""
ALTER_BUCKET: Final = (*REPLACE_BUCKET_POLICY, *SET_LIFECYCLE, *SET_VERSIONING, *SET_LOCK, *DELETE_BUCKET)
"""On the bucket: each makes logs disappear, or lets somebody make them disappear."""

READ_LOGS: Final = ("s3:GetObject", "s3:GetObjectVersion")
GRAVE_ON_LOGS: Final = (
    *(*READ_LOGS, *OVERWRITE, *ERASE, *UNLOCK, *ALTER_BUCKET),
    *("s3:PutBucketAcl", "s3:PutBucketOwnershipControls", "s3:PutBucketPublicAccessBlock", "s3:PutObjectAcl"),
    *("s3:PutEncryptionConfiguration", "s3:PutReplicationConfiguration"),
)
"""Everything that reads logs, forges them, makes them disappear, or lets somebody do that."""
PUBLISH: Final = ("sns:Publish",)
GRAVE_ON_TOPIC: Final = (*PUBLISH, "sns:AddPermission", "sns:DeleteTopic", "sns:SetTopicAttributes", "sns:Subscribe")
"""Everything that forges the notices of a topic, tells them to others, or ends them.
https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonsns.html"""
