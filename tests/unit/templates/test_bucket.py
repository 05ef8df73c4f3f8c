"""The log bucket and the bucket for its access logs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from helpers import SINGLE, Document, deploy, rendered_templates, resources

if TYPE_CHECKING:
    from pathlib import Path

PRIVATE = {
    "PublicAccessBlockConfiguration": {
        "BlockPublicAcls": True,
        "BlockPublicPolicy": True,
        "IgnorePublicAcls": True,
        "RestrictPublicBuckets": True,
    },
    "OwnershipControls": {"Rules": [{"ObjectOwnership": "BucketOwnerEnforced"}]},
    "VersioningConfiguration": {"Status": "Enabled"},
}
BLOCKED = {"BlockedEncryptionTypes": {"EncryptionType": ["SSE-C"]}}
ABORT = {"AbortIncompleteMultipartUpload": {"DaysAfterInitiation": 7}}


def buckets(folder: Path, **settings: Any) -> dict[str, Document]:
    return resources(deploy(folder, SINGLE, bucket=settings), "AWS::S3::Bucket")


@pytest.mark.parametrize("bucket_key_enabled", [False, True])
def test_both_buckets(tmp_path: Path, bucket_key_enabled: bool) -> None:  # noqa: FBT001 # a parameter of the test
    assert buckets(tmp_path, bucket_key_enabled=bucket_key_enabled) == {
        "LogBucket": {
            **PRIVATE,
            "BucketName": "logs-of-one",
            "BucketEncryption": {
                "ServerSideEncryptionConfiguration": [
                    {
                        **BLOCKED,
                        "BucketKeyEnabled": bucket_key_enabled,
                        "ServerSideEncryptionByDefault": {
                            "SSEAlgorithm": "aws:kms",
                            "KMSMasterKeyID": "arn:aws:kms:eu-central-1:777777777777:key/b5900000-0000-0000-0000-000000000000",
                        },
                    }
                ]
            },
            "LifecycleConfiguration": {"Rules": [{"Id": "Logs", "Status": "Enabled", **ABORT}]},
            "LoggingConfiguration": {"DestinationBucketName": "logs-of-one-access-logs"},
        },
        "AccessLogBucket": {
            **PRIVATE,
            "BucketName": "logs-of-one-access-logs",
            "BucketEncryption": {
                "ServerSideEncryptionConfiguration": [
                    {**BLOCKED, "ServerSideEncryptionByDefault": {"SSEAlgorithm": "AES256"}}
                ]
            },
            "LifecycleConfiguration": {
                "Rules": [
                    {
                        "Id": "AccessLogs",
                        "Status": "Enabled",
                        "ExpirationInDays": 365,
                        "NoncurrentVersionExpiration": {"NoncurrentDays": 30},
                        **ABORT,
                    }
                ]
            },
        },
    }


def test_buckets_outlive_the_stack_but_not_a_failed_creation(tmp_path: Path) -> None:
    template = rendered_templates(deploy(tmp_path, SINGLE))["one"]["Resources"]
    for name in ("LogBucket", "AccessLogBucket", "Key"):
        assert template[name]["DeletionPolicy"] == "RetainExceptOnCreate"
        assert template[name]["UpdateReplacePolicy"] == "Retain"


def test_object_lock_is_a_default_retention(tmp_path: Path) -> None:
    made = buckets(tmp_path, object_lock={"mode": "COMPLIANCE", "retention_days": 400})
    assert made["LogBucket"]["ObjectLockEnabled"] is True
    assert made["LogBucket"]["ObjectLockConfiguration"] == {
        "ObjectLockEnabled": "Enabled",
        "Rule": {"DefaultRetention": {"Mode": "COMPLIANCE", "Days": 400}},
    }
    assert not [name for name in made["AccessLogBucket"] if "Lock" in name]
    assert not [name for name in buckets(tmp_path)["LogBucket"] if "Lock" in name]


def test_lifecycle(tmp_path: Path) -> None:
    lifecycle = {
        "transition_days": 90,
        "transition_storage_class": "DEEP_ARCHIVE",
        "expiration_days": 2557,
        "noncurrent_version_expiration_days": 10,
    }
    assert buckets(tmp_path, lifecycle=lifecycle)["LogBucket"]["LifecycleConfiguration"]["Rules"] == [
        {
            "Id": "Logs",
            "Status": "Enabled",
            "Transitions": [{"StorageClass": "DEEP_ARCHIVE", "TransitionInDays": 90}],
            "ExpirationInDays": 2557,
            "NoncurrentVersionExpiration": {"NoncurrentDays": 10},
            **ABORT,
        }
    ]


def test_small_files_move_where_that_is_asked_for(tmp_path: Path) -> None:
    lifecycle = {"transition_days": 90, "transition_storage_class": "GLACIER"}
    asked = {**lifecycle, "transition_default_minimum_object_size": "varies_by_storage_class"}
    size = "TransitionDefaultMinimumObjectSize"

    assert (
        buckets(tmp_path, lifecycle=lifecycle)["LogBucket"]["LifecycleConfiguration"][size]
        == "all_storage_classes_128K"
    )
    assert buckets(tmp_path, lifecycle=asked)["LogBucket"]["LifecycleConfiguration"][size] == "varies_by_storage_class"
    assert size not in buckets(tmp_path)["LogBucket"]["LifecycleConfiguration"]


def test_no_lifecycle_at_all(tmp_path: Path) -> None:
    assert "LifecycleConfiguration" not in buckets(tmp_path, lifecycle=None)["LogBucket"]


def test_access_logs_to_an_existing_bucket(tmp_path: Path) -> None:
    deployment = deploy(tmp_path, SINGLE, bucket={"access_logs": {"bucket": "central-logs", "existing": True}})
    template = rendered_templates(deployment)["one"]["Resources"]
    assert not [name for name in template if name.startswith("AccessLogBucket")]
    assert template["LogBucket"]["Properties"]["LoggingConfiguration"] == {"DestinationBucketName": "central-logs"}
    assert "DependsOn" not in template["LogBucket"]


def test_access_logs_to_a_bucket_of_another_name(tmp_path: Path) -> None:
    made = buckets(tmp_path, access_logs={"bucket": "access-logs-here", "expiration_days": 5})
    assert made["AccessLogBucket"]["BucketName"] == "access-logs-here"
    assert made["AccessLogBucket"]["LifecycleConfiguration"]["Rules"][0]["ExpirationInDays"] == 5
    assert made["LogBucket"]["LoggingConfiguration"] == {"DestinationBucketName": "access-logs-here"}


def test_no_access_logs(tmp_path: Path) -> None:
    made = buckets(tmp_path, access_logs=None)
    assert set(made) == {"LogBucket"}
    assert "LoggingConfiguration" not in made["LogBucket"]
