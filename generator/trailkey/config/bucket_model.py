"""The part of a config that describes the log bucket: how long logs are kept, and what else is written about it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field

from trailkey.config import names
from trailkey.config.section import Section

if TYPE_CHECKING:
    from collections.abc import Iterator


class Lifecycle(Section):
    """When log files move and go."""

    transition_days: Annotated[int, Field(ge=1, le=36_500)] | None = None
    """Days until log files move to ``transition_storage_class``."""
    transition_storage_class: Literal["GLACIER_IR", "GLACIER", "DEEP_ARCHIVE", "STANDARD_IA", "INTELLIGENT_TIERING"] = (
        "GLACIER_IR"
    )
    """The storage class they move to; Athena cannot read GLACIER and DEEP_ARCHIVE."""
    expiration_days: Annotated[int, Field(ge=1, le=36_500)] | None = None
    """Days until log files are deleted; kept forever without it."""
    noncurrent_version_expiration_days: Annotated[int, Field(ge=1, le=36_500)] | None = None
    """Days until a replaced or deleted version goes for good."""

    def contradictions(self) -> Iterator[str]:
        """Yield what its values say against each other."""
        if self.transition_storage_class == "STANDARD_IA" and 0 < (self.transition_days or 0) < 30:
            yield f"transition_days is {self.transition_days}; S3 moves objects to STANDARD_IA after 30 days or more; raise it or choose GLACIER_IR"
        if self.transition_days and self.expiration_days and self.expiration_days <= self.transition_days:
            yield f"expiration_days is {self.expiration_days}, transition_days {self.transition_days}; objects must move before they go; raise expiration_days"


class ObjectLock(Section):
    """S3 Object Lock: versions cannot be deleted before their time. Cannot be turned off again."""

    mode: Literal["GOVERNANCE", "COMPLIANCE"]
    """COMPLIANCE binds everyone, the root user too; GOVERNANCE can be lifted with s3:BypassGovernanceRetention."""
    retention_days: Annotated[int, Field(ge=1, le=36_500)]
    """Days each version is kept."""


class AccessLogs(Section):
    """Server access logging of the log bucket, to a bucket of its own: SSE-S3, the service cannot write to SSE-KMS."""

    bucket: names.BucketName | None = None
    """Name of the bucket for access logs; ``<log bucket>-access-logs`` without it."""
    existing: bool = False
    """The bucket exists and its policy lets logging.s3.amazonaws.com write; else it is made."""
    expiration_days: Annotated[int, Field(ge=1, le=36_500)] = 365
    """Days access logs are kept, in a bucket made here."""


class Bucket(Section):
    """The bucket the trails deliver to."""

    account: str
    """Name of the account that owns the bucket."""
    region: names.Region
    """Region of the bucket and of the key: CloudTrail wants both in one."""
    name: names.BucketName
    """Name of the bucket."""
    existing: bool = False
    """The bucket exists: no stack is made for it, the statements its policy needs are written to a file."""
    bucket_key_enabled: bool = False
    """S3 Bucket Keys. Off, since AWS does not document CloudTrail's encryption context under Bucket Keys; CloudTrail needs kms:Decrypt when on."""
    access_logs: AccessLogs | None = AccessLogs()
    """Server access logging; ``null`` turns it off."""
    lifecycle: Lifecycle = Lifecycle()
    """When log files move and go; kept forever by default."""
    object_lock: ObjectLock | None = None
    """S3 Object Lock with a default retention."""
