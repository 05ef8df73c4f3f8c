"""Policies of keys, log buckets and topics of the forms that AWS documents: the audit says nothing that AWS's page contradicts, and still says what is a risk.

Each has the page that it is from. The accounts, names and Sids are the tests' own.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Final

import pytest

from helpers import Document, document
from trailkey import api

OWNER, MANAGER, ORGANIZATION = "210987654321", "333333333333", "o-q1w2e3r4t5"
TRAIL = f"arn:aws:cloudtrail:eu-west-1:{OWNER}:trail/ledger"
ORGANIZATION_TRAIL = f"arn:aws:cloudtrail:eu-west-1:{MANAGER}:trail/everyone"
CONTEXT = "kms:EncryptionContext:aws:cloudtrail:arn"
CLOUDTRAIL: Document = {"Service": "cloudtrail.amazonaws.com"}
_CT: Final = "https://docs.aws.amazon.com/awscloudtrail/latest/userguide"


def statement(sid: str, who: Any, action: Any, condition: Document | None = None) -> Document:
    found = {"Sid": sid, "Effect": "Allow", "Principal": who, "Action": action, "Resource": "*"}
    return {**found, "Condition": condition} if condition else found


def root(account: str = OWNER) -> Document:
    return {"AWS": f"arn:aws:iam::{account}:root"}


def encrypts(trail: str = TRAIL, *, source: bool = True, account: str = OWNER) -> Document:
    context = {"StringLike": {CONTEXT: f"arn:aws:cloudtrail:*:{account}:trail/*"}}
    held = {"StringEquals": {"aws:SourceArn": trail}, **context} if source else context
    return statement("Encrypts", CLOUDTRAIL, "kms:GenerateDataKey*", held)


def describes(trail: str = "") -> Document:
    held = {"StringEquals": {"aws:SourceArn": trail}} if trail else None
    return statement("Describes", CLOUDTRAIL, "kms:DescribeKey", held)


IAM = statement("Iam", root(), "kms:*")
BY_ACCOUNT = {
    "StringEquals": {"kms:CallerAccount": OWNER},
    "StringLike": {CONTEXT: f"arn:aws:cloudtrail:*:{OWNER}:trail/*"},
}
IN_ACCOUNT = statement("Decrypts", {"AWS": "*"}, ["kms:Decrypt", "kms:ReEncryptFrom"], BY_ACCOUNT)
ALIAS = statement(
    "Alias",
    {"AWS": "*"},
    "kms:CreateAlias",
    {"StringEquals": {"kms:ViaService": "ec2.eu-west-1.amazonaws.com", "kms:CallerAccount": OWNER}},
)


@dataclass(frozen=True)
class Published:
    """A policy as a page has it: ``says`` are the ids of what the audit says of it besides what it says of every default policy."""

    page: str
    statements: tuple[Document, ...]
    options: Document = field(default_factory=dict)
    says: str = ""


PUBLISHED: dict[str, Published] = {
    "the console's default, with aws:SourceArn": Published(
        f"{_CT}/default-kms-key-policy.html",
        (IAM, encrypts(), describes(), IN_ACCOUNT, ALIAS),
        {"trails": [TRAIL]},
        "everyone-in-account",
    ),
    "the console's default of before, by the context alone": Published(
        f"{_CT}/default-kms-key-policy.html",
        (IAM, encrypts(source=False), describes(), IN_ACCOUNT, ALIAS),
        {"trails": [TRAIL]},
        "cloudtrail-unconfined everyone-in-account",
    ),
    "a trail": Published(
        f"{_CT}/create-kms-key-policy-for-cloudtrail.html",
        (
            statement(
                "Keeps", root(), ["kms:Create*", "kms:Describe*", "kms:Enable*", "kms:List*", "kms:Put*", "kms:Update*"]
            ),
            encrypts(),
            statement(
                "Decrypts", {"AWS": f"arn:aws:iam::{OWNER}:user/ann"}, "kms:Decrypt", {"Null": {CONTEXT: "false"}}
            ),
            describes(TRAIL),
        ),
        {"trails": [TRAIL], "readers": [f"arn:aws:iam::{OWNER}:user/ann"]},
        "reader-can-do-more",
    ),
    "a trail whose bucket has S3 Bucket Keys": Published(
        f"{_CT}/create-kms-key-policy-for-cloudtrail.html",
        (
            IAM,
            encrypts(),
            describes(TRAIL),
            statement("Unseals", CLOUDTRAIL, "kms:Decrypt", {"StringEquals": {"aws:SourceArn": TRAIL}}),
        ),
        {"trails": [TRAIL]},
    ),
    "a trail of the whole organization": Published(
        f"{_CT}/creating-an-organizational-trail-prepare.html",
        (IAM, encrypts(ORGANIZATION_TRAIL, account=MANAGER), describes(ORGANIZATION_TRAIL)),
        {"trails": [ORGANIZATION_TRAIL], "organization": ORGANIZATION},
    ),
    "an event data store": Published(
        f"{_CT}/default-kms-key-policy.html",
        (
            statement("Store", CLOUDTRAIL, ["kms:GenerateDataKey", "kms:Decrypt"]),
            IAM,
            statement("Queries", {"AWS": f"arn:aws:iam::{OWNER}:role/Analyst"}, ["kms:GenerateDataKey", "kms:Decrypt"]),
        ),
        {"readers": [f"arn:aws:iam::{OWNER}:role/Analyst"]},
        "lake-assumed reader-context-missing",
    ),
    "Control Tower's": Published(
        "https://docs.aws.amazon.com/controltower/latest/userguide/configure-kms-keys.html",
        (
            IAM,
            statement("Config", {"Service": "config.amazonaws.com"}, ["kms:Decrypt", "kms:GenerateDataKey"]),
            encrypts(TRAIL.replace("ledger", "aws-controltower-BaselineCloudTrail")),
        ),
        {"trails": [TRAIL.replace("ledger", "aws-controltower-BaselineCloudTrail")]},
        "service-unconfined trail-cannot-describe",
    ),
    "Control Tower's, with no trail named": Published(
        "https://docs.aws.amazon.com/controltower/latest/userguide/configure-kms-keys.html",
        (
            IAM,
            statement("Config", {"Service": "config.amazonaws.com"}, ["kms:Decrypt", "kms:GenerateDataKey"]),
            encrypts(TRAIL.replace("ledger", "aws-controltower-BaselineCloudTrail")),
        ),
        {},
        "service-unconfined trail-cannot-describe",
    ),
    "Access Analyzer's policy generation": Published(
        "https://docs.aws.amazon.com/IAM/latest/UserGuide/access-analyzer-policy-generation.html",
        (
            IAM,
            encrypts(ORGANIZATION_TRAIL, account=MANAGER),
            describes(ORGANIZATION_TRAIL),
            statement(
                "Generates",
                {"AWS": "*"},
                "kms:Decrypt",
                {
                    "StringEquals": {CONTEXT: ORGANIZATION_TRAIL, "aws:PrincipalOrgID": ORGANIZATION},
                    "StringLike": {
                        "kms:ViaService": "s3.*.amazonaws.com",
                        "aws:PrincipalArn": "arn:aws:iam::${aws:PrincipalAccount}:role/service-role/AccessAnalyzerMonitorServiceRole*",
                    },
                },
            ),
        ),
        {"trails": [ORGANIZATION_TRAIL], "organization": ORGANIZATION},
    ),
    "Security Lake's": Published(
        "https://docs.aws.amazon.com/security-lake/latest/userguide/custom-sources-best-practices.html",
        (
            IAM,
            statement(
                "Lake",
                {"AWS": f"arn:aws:iam::{OWNER}:role/AmazonSecurityLakeMetaStoreManager"},
                ["kms:CreateGrant", "kms:DescribeKey", "kms:GenerateDataKey"],
            ),
        ),
    ),
    "AWS Config beside a trail": Published(
        "https://docs.aws.amazon.com/config/latest/developerguide/s3-kms-key-policy.html",
        (
            IAM,
            encrypts(),
            describes(TRAIL),
            statement(
                "Config",
                {"Service": "config.amazonaws.com"},
                ["kms:Decrypt", "kms:GenerateDataKey"],
                {"StringEquals": {"aws:SourceAccount": OWNER}},
            ),
        ),
        {"trails": [TRAIL]},
    ),
    "an encrypted topic for notices": Published(
        f"{_CT}/cloudtrail-permissions-for-sns-notifications.html",
        (
            IAM,
            encrypts(),
            describes(TRAIL),
            statement(
                "Publishes",
                CLOUDTRAIL,
                ["kms:GenerateDataKey*", "kms:Decrypt"],
                {"StringEquals": {"aws:SourceArn": TRAIL}},
            ),
        ),
        {"trails": [TRAIL]},
        "context-missing",
    ),
    "the default policy of a key": Published(
        "https://docs.aws.amazon.com/kms/latest/developerguide/key-policy-default.html", (IAM,)
    ),
}
ALWAYS = {"delegated-to-iam", "deletion-unrestricted"}
"""What the audit says wherever the account's IAM has the key."""


@pytest.mark.parametrize("name", PUBLISHED)
def test_what_aws_publishes_has_no_error_and_what_is_a_risk_is_said(name: str) -> None:
    published = PUBLISHED[name]
    report = api.audit(document(*published.statements), key_account=OWNER, region="eu-west-1", **published.options)

    assert [f"{one.id}: {one.message}" for one in report.findings if one.severity == "error"] == [], published.page
    assert {one.id for one in report.findings} - ALWAYS == set(published.says.split()), [
        f"{one.severity} {one.id}: {one.message}" for one in report.findings
    ]


@pytest.mark.parametrize("name", [name for name, one in PUBLISHED.items() if "trails" in one.options])
def test_the_same_without_its_encrypting_statement_has_an_error(name: str) -> None:
    """The neighbour: what the page asks for is taken out."""
    published = PUBLISHED[name]
    less = [one for one in published.statements if one["Sid"] not in ("Encrypts", "Publishes")]
    report = api.audit(document(*less), key_account=OWNER, region="eu-west-1", **published.options)

    assert "trail-cannot-encrypt" in {one.id for one in report.findings if one.severity == "error"}


BUCKET = "arn:aws:s3:::ledger-logs"
TOPIC = f"arn:aws:sns:eu-west-1:{OWNER}:notices"
CONTROL: Final = "bucket-owner-full-control"


def on(resource: Any, one: Document) -> Document:
    return {**one, "Resource": resource}


def reads_acl(trail: str = "", sid: str = "ReadsAcl") -> Document:
    return on(BUCKET, {**describes(trail), "Sid": sid, "Action": "s3:GetBucketAcl"})


def writes(path: str, trail: str = "", sid: str = "Writes") -> Document:
    held = {"s3:x-amz-acl": CONTROL, **({"aws:SourceArn": trail} if trail else {})}
    return on(f"{BUCKET}/{path}", statement(sid, CLOUDTRAIL, "s3:PutObject", {"StringEquals": held}))


_SNS: Final = (
    "Publish",
    "RemovePermission",
    "SetTopicAttributes",
    "DeleteTopic",
    "ListSubscriptionsByTopic",
    "Receive",
)
OWNERS = on(
    TOPIC,
    statement("Owner", {"AWS": "*"}, [f"SNS:{one}" for one in _SNS], {"StringEquals": {"AWS:SourceOwner": OWNER}}),
)
DELIVERY: dict[str, Published] = {
    "a trail's bucket": Published(
        f"{_CT}/create-s3-bucket-policy-for-cloudtrail.html",
        (reads_acl(TRAIL), writes(f"AWSLogs/{OWNER}/*", TRAIL)),
        {"trails": [TRAIL]},
    ),
    "a trail's bucket with a prefix, and no trail named": Published(
        f"{_CT}/create-s3-bucket-policy-for-cloudtrail.html",
        (reads_acl(TRAIL), writes(f"audit/AWSLogs/{OWNER}/*", TRAIL)),
    ),
    "an organization trail's bucket": Published(
        f"{_CT}/create-s3-bucket-policy-for-cloudtrail.html",
        (
            reads_acl(ORGANIZATION_TRAIL),
            writes(f"AWSLogs/{MANAGER}/*", ORGANIZATION_TRAIL),
            writes(f"AWSLogs/{ORGANIZATION}/*", ORGANIZATION_TRAIL, "WritesOfMembers"),
        ),
        {"trails": [ORGANIZATION_TRAIL], "organization": ORGANIZATION},
    ),
    "a trail's bucket of before aws:SourceArn": Published(
        f"{_CT}/create-s3-bucket-policy-for-cloudtrail.html",
        (reads_acl(), writes(f"AWSLogs/{OWNER}/*")),
        {"trails": [TRAIL]},
        "delivery-unconfined",
    ),
    "a bucket for the results of queries": Published(
        f"{_CT}/s3-bucket-policy-lake-query-results.html",
        (
            on(
                [BUCKET, f"{BUCKET}/*"],
                statement(
                    "Results",
                    CLOUDTRAIL,
                    ["s3:PutObject*", "s3:Abort*"],
                    {
                        "StringLike": {
                            "aws:sourceAccount": OWNER,
                            "aws:sourceArn": f"arn:aws:cloudtrail:eu-west-1:{OWNER}:eventdatastore/*",
                        }
                    },
                ),
            ),
        ),
    ),
    "a topic for notices": Published(
        f"{_CT}/cloudtrail-permissions-for-sns-notifications.html",
        (
            OWNERS,
            on(TOPIC, statement("Publishes", CLOUDTRAIL, "SNS:Publish", {"StringEquals": {"aws:SourceArn": TRAIL}})),
        ),
        {"trails": [TRAIL]},
    ),
    "a topic for notices of before aws:SourceArn": Published(
        f"{_CT}/cloudtrail-permissions-for-sns-notifications.html",
        (OWNERS, on(TOPIC, statement("Publishes", CLOUDTRAIL, "SNS:Publish"))),
        {"trails": [TRAIL]},
        "delivery-unconfined",
    ),
}


@pytest.mark.parametrize("name", DELIVERY)
def test_what_aws_publishes_for_buckets_and_topics_has_no_error(name: str) -> None:
    published = DELIVERY[name]
    report = api.audit(document(*published.statements), key_account=OWNER, region="eu-west-1", **published.options)

    assert [f"{one.id}: {one.message}" for one in report.findings if one.severity == "error"] == [], published.page
    assert {one.id for one in report.findings} - {"tls-not-required"} == set(published.says.split()), [
        f"{one.severity} {one.id}: {one.message}" for one in report.findings
    ]


@pytest.mark.parametrize("name", [name for name, one in DELIVERY.items() if "trails" in one.options])
def test_the_same_for_another_trail_has_an_error(name: str) -> None:
    """The neighbour: nothing lets CloudTrail deliver, or only for a trail of another account."""
    published = DELIVERY[name]
    other = {"trails": [f"arn:aws:cloudtrail:eu-west-1:{'5' * 12}:trail/ledger"]}
    statements = [one for one in published.statements if one["Sid"] not in ("Publishes", "Writes")]
    for options, left in ((published.options, statements), (other, published.statements)):
        report = api.audit(document(*left), key_account=OWNER, region="eu-west-1", **options)
        found = {one.id for one in report.findings if one.severity == "error"}
        may_be = {"trail-cannot-write", "trail-cannot-publish"}
        # A topic of before lets CloudTrail notify it for every trail: that is its finding.
        assert found & may_be or (options is other and "delivery-unconfined" in published.says.split()), found
