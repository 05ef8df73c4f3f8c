"""The part of a config that describes the log bucket: how long logs are kept, and what else is written about it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Final, Literal

from pydantic import Field

from trailkey.config import names
from trailkey.config.section import NOT_NULL, Section

if TYPE_CHECKING:
    from collections.abc import Iterator

_OF_AN_EXISTING_BUCKET: Final = {"account", "region", "name", "existing", "bucket_key_enabled"}
"""The keys that say something of a bucket that exists; all others describe one made here."""


class Lifecycle(Section):
    """When log files move and go."""

    transition_days: Annotated[int, Field(ge=1, le=36_500)] | None = None
    """Days until log files move to ``transition_storage_class``. Objects under 128 KB do not move by default; most log and digest files are smaller."""
    transition_storage_class: Literal["GLACIER_IR", "GLACIER", "DEEP_ARCHIVE", "STANDARD_IA", "INTELLIGENT_TIERING"] = (
        "GLACIER_IR"
    )
    """The storage class they move to; Athena cannot read GLACIER and DEEP_ARCHIVE."""
    transition_default_minimum_object_size: Literal["all_storage_classes_128K", "varies_by_storage_class"] = (
        "all_storage_classes_128K"
    )
    """``varies_by_storage_class`` moves small files to GLACIER and DEEP_ARCHIVE too. Each move is a request that is paid for, and each object there holds 40 KB more: https://docs.aws.amazon.com/AmazonS3/latest/userguide/lifecycle-transition-general-considerations.html"""
    expiration_days: Annotated[int, Field(ge=1, le=36_500)] | None = None
    """Days until log files are deleted; kept forever without it."""
    noncurrent_version_expiration_days: Annotated[int, Field(ge=1, le=36_500)] | None = None
    """Days until a replaced or deleted version goes for good."""

    def contradictions(self) -> Iterator[str]:
        """Yield what its values say against each other."""
        for key in ("transition_storage_class", "transition_default_minimum_object_size"):
            if self.transition_days is None and key in self.model_fields_set:
                yield f"{key} is {getattr(self, key)} without transition_days, so nothing moves; both are needed; add transition_days, or remove it"
        if (
            self.transition_default_minimum_object_size == "varies_by_storage_class"
            and self.transition_storage_class not in ("GLACIER", "DEEP_ARCHIVE")
        ):
            yield f"transition_default_minimum_object_size is varies_by_storage_class, and {self.transition_storage_class} takes no smaller objects for it; it is allowed with GLACIER and DEEP_ARCHIVE; remove it or choose one of them"
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

    bucket: Annotated[names.BucketName | None, NOT_NULL] = None
    """Name of the bucket for access logs; ``<log bucket>-access-logs`` without it."""
    existing: bool = False
    """The bucket exists and its policy lets logging.s3.amazonaws.com write; else it is made."""
    expiration_days: Annotated[int, Field(ge=1, le=36_500)] = 365
    """Days access logs are kept, in a bucket made here."""

    def contradictions(self) -> Iterator[str]:
        """Yield what its values say against each other."""
        if self.existing and "expiration_days" in self.model_fields_set:
            yield f"expiration_days is {self.expiration_days} for a bucket that exists, whose lifecycle is not written here; it is allowed for a bucket made here only; remove it, and set the lifecycle where that bucket is made"


class Bucket(Section):
    """The bucket the trails deliver to."""

    account: str
    """Name of the account that owns the bucket."""
    region: names.Region
    """Region of the bucket and of the key: CloudTrail wants both in one."""
    name: names.BucketName
    """Name of the bucket."""
    existing: bool = False
    """The bucket exists: no stack is made for it, the statements its policy needs are written to a file. Keys that describe a bucket made here are refused beside it."""
    bucket_key_enabled: bool = False
    """S3 Bucket Keys. Off, since AWS does not document CloudTrail's encryption context under Bucket Keys; CloudTrail needs kms:Decrypt when on. Off costs readers one KMS request for each file they open, and shares the account's KMS quota; CloudTrail's own use is free: https://docs.aws.amazon.com/kms/latest/developerguide/services-cloudtrail.html. Of an existing bucket it says what is set there, and has no default."""
    access_logs: AccessLogs | None = AccessLogs()
    """Server access logging; ``null`` turns it off."""
    lifecycle: Lifecycle | None = Lifecycle()
    """When log files move and go; kept forever by default. ``null`` for no lifecycle at all: parts of an upload that never ended stay too."""
    object_lock: ObjectLock | None = None
    """S3 Object Lock with a default retention."""
    deny_deletion: bool = False
    """A Deny in the bucket policy: nobody deletes objects, and nobody but the deployer changes the policy, lifecycle, versioning or Object Lock. A lifecycle deletes all the same: https://docs.aws.amazon.com/AmazonS3/latest/userguide/lifecycle-and-other-bucket-config.html"""

    def contradictions(self) -> Iterator[str]:
        """Yield what its values say against each other.

        CloudTrail cannot create a trail where an existing bucket has Bucket Keys and the key policy gives it no kms:Decrypt:
        https://docs.aws.amazon.com/awscloudtrail/latest/userguide/create-kms-key-policy-for-cloudtrail.html
        A locked version stays where its lifecycle puts a delete marker on it, out of the sight of readers:
        https://docs.aws.amazon.com/AmazonS3/latest/userguide/object-lock-managing.html (lifecycle)
        """
        if self.existing:
            dropped = [key for key in type(self).model_fields if key in self.model_fields_set - _OF_AN_EXISTING_BUCKET]
            if dropped:
                one = len(dropped) == 1
                yield f"{' and '.join(dropped)} {'describes' if one else 'describe'} a bucket made here, and the bucket exists, so {'it has' if one else 'they have'} no effect; account, region, name and bucket_key_enabled are allowed beside existing: true; set the rest where the bucket is made, and remove {'it' if one else 'them'} here"
            if not self.bucket_key_enabled and "bucket_key_enabled" not in self.model_fields_set:
                yield f"bucket_key_enabled is not given for a bucket that exists; where it has S3 Bucket Keys, CloudTrail cannot create a trail without kms:Decrypt; true or false is needed, as BucketKeyEnabled of aws s3api get-bucket-encryption --bucket {self.name} shows it; add it"
        if self.object_lock and self.lifecycle and self.lifecycle.expiration_days:
            kept, gone = self.object_lock.retention_days, self.lifecycle.expiration_days
            if gone <= kept:
                yield f"lifecycle.expiration_days is {gone}, object_lock.retention_days {kept}; S3 would put delete markers on log files whose versions it keeps; more than {kept} days are allowed; raise expiration_days, or remove it"
