"""The bucket policies and what readers hold beside them, statement by statement, against what a person wrote down."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from helpers import (
    ORGANIZATION,
    SINGLE,
    Document,
    bucket_policy,
    by_sid,
    deploy,
    managed_policy,
    output_of,
    rendered_templates,
)

if TYPE_CHECKING:
    from pathlib import Path

    from trailkey.config.deployment import Deployment

BUCKET = "arn:aws:s3:::logs-of-org"
CLOUDTRAIL = {"Service": "cloudtrail.amazonaws.com"}
ORGANIZATION_TRAIL = "arn:aws:cloudtrail:us-east-1:111111111111:trail/everyone"
WHOLE_ORGANIZATION = {
    "StringEquals": {"aws:PrincipalOrgID": "o-a1b2c3d4e5"},
    "StringNotEquals": {"aws:PrincipalAccount": "222222222222"},
}
PATH = "o-a1b2c3d4e5/r-ab12/ou-ab12-11111111/*"


def of(account: str) -> Document:
    return {"AWS": f"arn:aws:iam::{account}:root"}


def like(*arns: str) -> Document:
    return {"ArnLike": {"aws:PrincipalArn": arns[0] if len(arns) == 1 else list(arns)}}


def organization(folder: Path, reader: Document) -> Deployment:
    root = {"root_id": "r-ab12"}
    return deploy(folder, ORGANIZATION, readers=[{"name": "those", **reader}], organization=root)


def test_the_smallest_policy(tmp_path: Path) -> None:
    trail = {"aws:SourceArn": "arn:aws:cloudtrail:eu-central-1:777777777777:trail/audit"}
    assert bucket_policy(deploy(tmp_path, SINGLE)) == {
        "CloudTrailChecksAcl": {
            "Effect": "Allow",
            "Principal": CLOUDTRAIL,
            "Action": ["s3:GetBucketAcl"],
            "Resource": ["arn:aws:s3:::logs-of-one"],
            "Condition": {"StringEquals": trail},
        },
        "CloudTrailWritesLogs": {
            "Effect": "Allow",
            "Principal": CLOUDTRAIL,
            "Action": ["s3:PutObject"],
            "Resource": ["arn:aws:s3:::logs-of-one/AWSLogs/777777777777/*"],
            "Condition": {"StringEquals": {**trail, "s3:x-amz-acl": "bucket-owner-full-control"}},
        },
        "OnlyTls": {
            "Effect": "Deny",
            "Principal": {"AWS": "*"},
            "Action": ["s3:*"],
            "Resource": ["arn:aws:s3:::logs-of-one", "arn:aws:s3:::logs-of-one/*"],
            "Condition": {"Bool": {"aws:SecureTransport": "false"}},
        },
    }


def test_organization_trail_writes_under_account_and_organization(tmp_path: Path) -> None:
    policy = bucket_policy(deploy(tmp_path, ORGANIZATION))
    assert policy["CloudTrailWritesLogs"]["Resource"] == [
        f"{BUCKET}/AWSLogs/111111111111/*",
        f"{BUCKET}/AWSLogs/o-a1b2c3d4e5/*",
    ]
    assert policy["CloudTrailWritesLogs"]["Condition"] == {
        "StringEquals": {"aws:SourceArn": ORGANIZATION_TRAIL, "s3:x-amz-acl": "bucket-owner-full-control"}
    }
    assert policy["CloudTrailChecksAcl"]["Condition"] == {"StringEquals": {"aws:SourceArn": ORGANIZATION_TRAIL}}


def test_several_trails_write_under_their_prefixes_and_readers_read_there(tmp_path: Path) -> None:
    trails = [
        {"name": "everyone", "home_region": "us-east-1", "is_organization_trail": True, "s3_key_prefix": "org"},
        {"name": "own", "home_region": "eu-west-1", "account": "security"},
        {"name": "more", "home_region": "us-east-1", "account": "security"},
    ]
    readers = [{"name": "r", "role": "security:role/R"}]
    deployment = deploy(tmp_path, ORGANIZATION, trails=trails, readers=readers)
    policy = bucket_policy(deployment)
    assert policy["CloudTrailWritesLogs"]["Resource"] == [
        f"{BUCKET}/org/AWSLogs/111111111111/*",
        f"{BUCKET}/org/AWSLogs/o-a1b2c3d4e5/*",
        f"{BUCKET}/AWSLogs/333333333333/*",
    ]
    source = [
        ORGANIZATION_TRAIL,
        "arn:aws:cloudtrail:eu-west-1:333333333333:trail/own",
        "arn:aws:cloudtrail:us-east-1:333333333333:trail/more",
    ]
    for sid in ("CloudTrailWritesLogs", "CloudTrailChecksAcl"):
        assert policy[sid]["Condition"]["StringEquals"]["aws:SourceArn"] == source
    both = [f"{BUCKET}/org/AWSLogs/*", f"{BUCKET}/AWSLogs/*"]
    assert policy["ReaderRGetsLogs"]["Resource"] == both
    assert managed_policy(deployment, "ReaderRPolicy", "security-iam")["GetLogs"]["Resource"] == both


READERS: list[tuple[str, Document, Document, Document]] = [
    ("role", {"role": "security:role/A/B"}, of("333333333333"), like("arn:aws:iam::333333333333:role/A/B")),
    (
        "permission_set",
        {"permission_set": "Analyst", "account": "security"},
        of("333333333333"),
        like(
            "arn:aws:iam::333333333333:role/aws-reserved/sso.amazonaws.com/AWSReservedSSO_Analyst_????????????????",
            "arn:aws:iam::333333333333:role/aws-reserved/sso.amazonaws.com/*/AWSReservedSSO_Analyst_????????????????",
        ),
    ),
    (
        "principal_arn_like",
        {"principal_arn_like": "security:role/siem-*"},
        of("333333333333"),
        like("arn:aws:iam::333333333333:role/siem-*"),
    ),
    ("account_principal", {"account_principal": "security"}, of("333333333333"), {}),
    (
        "principal_org_path",
        {"principal_org_path": PATH},
        {"AWS": "*"},
        {**WHOLE_ORGANIZATION, "ForAnyValue:StringLike": {"aws:PrincipalOrgPaths": PATH}},
    ),
    ("principal_org_id", {"principal_org_id": "o-a1b2c3d4e5"}, {"AWS": "*"}, WHOLE_ORGANIZATION),
]


@pytest.mark.parametrize(("reader", "to", "guard"), [row[1:] for row in READERS], ids=[row[0] for row in READERS])
def test_each_kind_of_reader_gets_and_lists_and_no_more(
    tmp_path: Path, reader: Document, to: Document, guard: Document
) -> None:
    policy = bucket_policy(organization(tmp_path, reader))
    held = {"Effect": "Allow", "Principal": to, **({"Condition": guard} if guard else {})}
    assert policy["ReaderThoseGetsLogs"] == {
        **held,
        "Action": ["s3:GetObject"],
        "Resource": [f"{BUCKET}/AWSLogs/*"],
    }
    assert policy["ReaderThoseListsLogs"] == {
        **held,
        "Action": ["s3:GetBucketLocation", "s3:ListBucket"],
        "Resource": [BUCKET],
    }
    assert set(policy) == {
        "CloudTrailChecksAcl",
        "CloudTrailWritesLogs",
        "ReaderThoseGetsLogs",
        "ReaderThoseListsLogs",
        "OnlyTls",
    }


def test_organization_analyzer_gets_logs_of_its_own_account_only(tmp_path: Path) -> None:
    policy = bucket_policy(organization(tmp_path, {"service": "access-analyzer"}))
    role = "arn:aws:iam::${aws:PrincipalAccount}:role/service-role/AccessAnalyzerMonitorServiceRole*"
    held = {
        "Effect": "Allow",
        "Principal": {"AWS": "*"},
        "Condition": {**WHOLE_ORGANIZATION, "StringLike": {"aws:PrincipalArn": role}},
    }
    assert policy["ReaderThoseGetsLogs"] == {
        **held,
        "Action": ["s3:GetObject"],
        "Resource": [f"{BUCKET}/AWSLogs/o-a1b2c3d4e5/${{aws:PrincipalAccount}}/*"],
    }
    assert policy["ReaderThoseListsLogs"] == {
        **held,
        "Action": ["s3:GetBucketLocation", "s3:ListBucket"],
        "Resource": [BUCKET],
    }


def test_access_analyzer_without_an_organization(tmp_path: Path) -> None:
    policy = bucket_policy(deploy(tmp_path, SINGLE, readers=[{"name": "those", "service": "access-analyzer"}]))
    assert policy["ReaderThoseGetsLogs"] == {
        "Effect": "Allow",
        "Principal": of("777777777777"),
        "Action": ["s3:GetObject"],
        "Resource": ["arn:aws:s3:::logs-of-one/AWSLogs/*"],
        "Condition": like("arn:aws:iam::777777777777:role/service-role/AccessAnalyzerMonitorServiceRole*"),
    }


def test_macie_brings_its_own_rights_to_the_bucket(tmp_path: Path) -> None:
    policy = bucket_policy(organization(tmp_path, {"service": "macie"}))
    assert set(policy) == {"CloudTrailChecksAcl", "CloudTrailWritesLogs", "OnlyTls"}


def test_organization_readers_never_take_in_the_account_of_the_bucket(tmp_path: Path) -> None:
    deployment = deploy(
        tmp_path,
        ORGANIZATION,
        bucket={"account": "security"},
        readers=[{"name": "those", "principal_org_path": PATH}],
    )
    assert bucket_policy(deployment)["ReaderThoseGetsLogs"]["Condition"]["StringNotEquals"] == {
        "aws:PrincipalAccount": "333333333333"
    }


def test_name_roles_is_the_same_mechanism_here(tmp_path: Path) -> None:
    readers = [{"name": "those", "role": "main:role/Reader"}]
    policy = bucket_policy(deploy(tmp_path, SINGLE, key={"name_roles": True}, readers=readers))
    assert policy["ReaderThoseGetsLogs"]["Principal"] == {"AWS": "arn:aws:iam::777777777777:role/Reader"}
    assert "Condition" not in policy["ReaderThoseGetsLogs"]


def test_who_may_what_over_all_statements(tmp_path: Path) -> None:
    readers = [{"name": f"r{number}", **row[1]} for number, row in enumerate(READERS)]
    policy = bucket_policy(deploy(tmp_path, ORGANIZATION, readers=readers, organization={"root_id": "r-ab12"}))
    allowed: dict[str, set[str]] = {}
    for sid, statement in policy.items():
        assert not {"NotAction", "NotPrincipal", "NotResource"} & set(statement)
        if statement["Effect"] == "Allow":
            assert not any("*" in action for action in statement["Action"])
            assert statement["Principal"] != {"AWS": "*"} or "aws:PrincipalOrgID" in str(statement["Condition"])
            for action in statement["Action"]:
                allowed.setdefault(action, set()).add(sid)
    assert allowed == {
        "s3:GetBucketAcl": {"CloudTrailChecksAcl"},
        "s3:PutObject": {"CloudTrailWritesLogs"},
        "s3:GetObject": {f"ReaderR{number}GetsLogs" for number in range(len(READERS))},
        "s3:ListBucket": {f"ReaderR{number}ListsLogs" for number in range(len(READERS))},
        "s3:GetBucketLocation": {f"ReaderR{number}ListsLogs" for number in range(len(READERS))},
    }


def test_the_iam_policy_of_a_reader(tmp_path: Path) -> None:
    deployment = organization(tmp_path, {"role": "security:role/Reader"})
    policy = managed_policy(deployment, "ReaderThosePolicy")
    assert set(policy) == {"DecryptLogs", "GetLogs", "ListLogs", "ValidateLogs"}
    assert policy["GetLogs"] == {
        "Effect": "Allow",
        "Action": ["s3:GetObject"],
        "Resource": [f"{BUCKET}/AWSLogs/*"],
    }
    assert policy["ListLogs"] == {
        "Effect": "Allow",
        "Action": ["s3:GetBucketLocation", "s3:ListBucket"],
        "Resource": [BUCKET],
    }
    assert policy["ValidateLogs"] == {
        "Effect": "Allow",
        "Action": ["cloudtrail:DescribeTrails", "cloudtrail:ListPublicKeys", "organizations:DescribeOrganization"],
        "Resource": ["*"],
    }


def test_s3_writes_access_logs_for_the_log_bucket_only(tmp_path: Path) -> None:
    assert bucket_policy(deploy(tmp_path, SINGLE), "AccessLogBucketPolicy") == {
        "S3WritesAccessLogs": {
            "Effect": "Allow",
            "Principal": {"Service": "logging.s3.amazonaws.com"},
            "Action": ["s3:PutObject"],
            "Resource": ["arn:aws:s3:::logs-of-one-access-logs/*"],
            "Condition": {
                "ArnLike": {"aws:SourceArn": "arn:aws:s3:::logs-of-one"},
                "StringEquals": {"aws:SourceAccount": "777777777777"},
            },
        },
        "OnlyTls": {
            "Effect": "Deny",
            "Principal": {"AWS": "*"},
            "Action": ["s3:*"],
            "Resource": ["arn:aws:s3:::logs-of-one-access-logs", "arn:aws:s3:::logs-of-one-access-logs/*"],
            "Condition": {"Bool": {"aws:SecureTransport": "false"}},
        },
    }


@pytest.mark.parametrize(("partition", "region"), [("aws", "eu-central-1"), ("aws-cn", "cn-north-1")])
def test_existing_bucket_gets_its_statements_as_a_file(tmp_path: Path, partition: str, region: str) -> None:
    where = {
        "partition": partition,
        "trails": [{"name": "audit", "home_region": region}],
        "readers": [{"name": "those", "role": "main:role/Reader"}],
    }
    made = bucket_policy(deploy(tmp_path, SINGLE, bucket={"region": region}, **where))
    deployment = deploy(
        tmp_path, SINGLE, bucket={"region": region, "existing": True, "bucket_key_enabled": False}, **where
    )
    files = output_of(deployment)
    policy = json.loads(files["bucket-policy.json"])
    assert "Fn::" not in str(policy)
    assert by_sid(policy) == made
    for template in rendered_templates(deployment).values():
        assert not [name for name, resource in template["Resources"].items() if "S3" in resource["Type"]]
    rollout = json.loads(files["rollout.json"])
    assert (
        "The policy of bucket logs-of-one (account 777777777777) holds the statements of bucket-policy.json before a "
        "trail is deployed; add them, replace none that others need."
    ) in [step["text"] for step in rollout["before"]]
    assert "bucket-policy.json" in rollout["files"]


def test_a_new_bucket_writes_no_policy_file(tmp_path: Path) -> None:
    assert "bucket-policy.json" not in output_of(deploy(tmp_path, SINGLE))


def test_deletion_is_denied_to_all_and_changes_to_all_but_the_deployer(tmp_path: Path) -> None:
    bucket = "arn:aws:s3:::logs-of-one"
    policy = bucket_policy(deploy(tmp_path, SINGLE, bucket={"deny_deletion": True}))
    everyone = {"Effect": "Deny", "Principal": {"AWS": "*"}}

    assert policy["NobodyDeletesLogs"] == {
        **everyone,
        "Action": ["s3:BypassGovernanceRetention", "s3:DeleteObject", "s3:DeleteObjectVersion"],
        "Resource": [f"{bucket}/*"],
    }
    assert policy["OnlyDeployerChangesBucket"] == {
        **everyone,
        "Action": [
            *("s3:DeleteBucket", "s3:DeleteBucketPolicy", "s3:PutBucketObjectLockConfiguration"),
            *("s3:PutBucketPolicy", "s3:PutBucketVersioning", "s3:PutLifecycleConfiguration"),
        ],
        "Resource": [bucket, f"{bucket}/*"],
        "Condition": {"ArnNotLike": {"aws:PrincipalArn": "arn:aws:iam::777777777777:role/Deploy"}},
    }
    assert not {"NobodyDeletesLogs", "OnlyDeployerChangesBucket"} & set(bucket_policy(deploy(tmp_path, SINGLE)))
