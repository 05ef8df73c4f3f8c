"""What can be done to logs that are there, and to what keeps them, by S3 actions.

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
