"""What a template makes around a log bucket, a topic and a key: whose policies are found, who uses them, and who is made first."""

from __future__ import annotations

import json
from typing import Any

import pytest

from helpers import HOME, allow
from helpers import document as policy
from trailkey.errors import NoKeyPolicyError, PolicyError
from trailkey.inventory import ResourcePolicy, find_policies
from trailkey.inventory.kinds import BUCKET, DELIVERY, KEY, TOPIC
from trailkey.inventory.users import waits_for

CLOUDTRAIL = {"Service": "cloudtrail.amazonaws.com"}
WRITES = {**allow(CLOUDTRAIL, "s3:PutObject", sid="Writes"), "Resource": "arn:aws:s3:::logs/AWSLogs/*"}
NOTIFIES = allow(CLOUDTRAIL, "sns:Publish", sid="Notifies")


def template(**resources: Any) -> str:
    return json.dumps({"Parameters": {"Name": {"Type": "String"}}, "Resources": resources})


def found(text: str, **options: Any) -> list[ResourcePolicy]:
    return find_policies(text, "t", kinds=(KEY, *DELIVERY), **options)


def trail(**properties: Any) -> dict[str, Any]:
    return {"Type": "AWS::CloudTrail::Trail", "Properties": {"TrailName": "ledger", **properties}}


def bucket_policy(bucket: Any, *statements: Any) -> dict[str, Any]:
    document = policy(*(statements or (WRITES,)))
    return {"Type": "AWS::S3::BucketPolicy", "Properties": {"Bucket": bucket, "PolicyDocument": document}}


BARE = {"Type": "AWS::S3::Bucket"}
NAMED = {"Type": "AWS::S3::Bucket", "Properties": {"BucketName": {"Ref": "Name"}}}


@pytest.mark.parametrize(
    ("bucket", "named", "written", "arn"),
    [
        (BARE, {"Ref": "Logs"}, {"Ref": "Logs"}, "arn:aws:s3:::logs"),
        (NAMED, {"Ref": "Logs"}, {"Ref": "Logs"}, "arn:aws:s3:::given"),
        (NAMED, {"Ref": "Name"}, {"Ref": "Logs"}, "arn:aws:s3:::given"),
        (NAMED, "given", {"Ref": "Name"}, "arn:aws:s3:::given"),
    ],
)
def test_the_trail_that_writes_to_a_bucket_uses_its_policy(bucket: Any, named: Any, written: Any, arn: str) -> None:
    text = template(Logs=bucket, LogsPolicy=bucket_policy(named), Trail=trail(S3BucketName=written))
    (one,) = found(text, parameters={"Name": "given"})

    assert (one.name, one.arn, one.is_bucket) == ("LogsPolicy", arn, True)
    assert [user.location.logical_id for user in one.users] == ["Trail"]


def test_a_name_that_nobody_gives_still_tells_what_belongs_together() -> None:
    text = template(LogsPolicy=bucket_policy({"Ref": "Name"}), Trail=trail(S3BucketName={"Ref": "Name"}))
    (one,) = found(text)

    assert [user.location.logical_id for user in one.users] == ["Trail"]
    assert any(sentence.startswith('parameter Name is "Name", made up') for sentence in one.assumptions)


def test_a_bucket_that_no_trail_writes_to_is_judged_where_its_policy_lets_cloudtrail_in_and_not_otherwise() -> None:
    other = {**allow({"AWS": HOME}, "s3:GetObject"), "Resource": "arn:aws:s3:::web/*"}
    logs, web = bucket_policy("logs"), bucket_policy("web", other)

    assert [one.name for one in found(template(A=logs, B=web))] == ["A"]
    with pytest.raises(NoKeyPolicyError, match="no policy of a bucket or topic that CloudTrail writes to"):
        found(template(B=web))


@pytest.mark.parametrize(
    ("kind", "properties", "more"),
    [
        (BUCKET, {"S3BucketName": {"Ref": "There"}}, {}),
        (TOPIC, {"S3BucketName": "logs", "SnsTopicName": {"Fn::GetAtt": ["There", "TopicName"]}}, {}),
        (TOPIC, {"S3BucketName": "logs", "SnsTopicName": {"Ref": "There"}}, {}),
        (TOPIC, {"S3BucketName": "logs", "SnsTopicName": "told"}, {"Properties": {"TopicName": "told"}}),
    ],
)
def test_what_a_trail_delivers_to_and_has_no_policy_is_found_as_such(kind: Any, properties: Any, more: Any) -> None:
    there = {"Type": kind.bare, **more}
    (one,) = found(template(There=there, Trail=trail(**properties)))
    assert (one.name, one.document, one.unordered) == ("There", None, ())

    with pytest.raises(NoKeyPolicyError):  # the neighbour: nothing delivers there
        found(template(There=there, Trail=trail(S3BucketName="elsewhere")))


def test_a_policy_of_two_topics_is_found_for_each() -> None:
    topics = {name: {"Type": "AWS::SNS::Topic"} for name in ("One", "Two")}
    shared = {
        "Type": "AWS::SNS::TopicPolicy",
        "Properties": {"Topics": [{"Ref": "One"}, {"Ref": "Two"}], "PolicyDocument": policy(NOTIFIES)},
    }

    assert [one.arn.rpartition(":")[2] for one in found(template(**topics, Shared=shared))] == ["One", "Two"]


@pytest.mark.parametrize(
    ("more", "waits"),
    [
        ({}, False),
        ({"DependsOn": "LogsPolicy"}, True),
        ({"DependsOn": ["Other"]}, True),
        ({"Metadata": {"after": {"Ref": "LogsPolicy"}}}, True),
        ({"Metadata": {"after": {"Fn::Sub": "x${LogsPolicy}"}}}, True),
        ({"DependsOn": "Logs"}, False),
    ],
    ids=str,
)
def test_a_trail_waits_for_what_it_names_and_for_what_that_waits_for(*, more: dict[str, Any], waits: bool) -> None:
    resources = {
        "Logs": BARE,
        "LogsPolicy": bucket_policy({"Ref": "Logs"}),
        "Other": {"Type": "AWS::SNS::Topic", "DependsOn": "LogsPolicy"},
        "Trail": {**trail(S3BucketName={"Ref": "Logs"}), **more},
    }
    (one,) = found(template(**resources))

    assert one.unordered == (() if waits else ("Trail",))
    assert ("LogsPolicy" in waits_for({"Resources": resources}, "Trail")) is waits


GETS = {"Effect": "Allow", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::logs/*"}
IAM = policy(GETS)
ROLE = {"Type": "AWS::IAM::Role", "Properties": {"RoleName": "Auditor", "Path": "/log/"}}
INLINE = {
    "Type": "AWS::IAM::Role",
    "Properties": {
        "RoleName": "Auditor",
        "Path": "/log/",
        "Policies": [{"PolicyName": "a", "PolicyDocument": IAM}],
    },
}


@pytest.mark.parametrize(
    ("resources", "name"),
    [
        ({"Auditor": INLINE}, "Auditor/Policies/0"),
        (
            {
                "Auditor": ROLE,
                "P": {"Type": "AWS::IAM::Policy", "Properties": {"Roles": [{"Ref": "Auditor"}], "PolicyDocument": IAM}},
            },
            "P",
        ),
        (
            {
                "Auditor": ROLE,
                "P": {
                    "Type": "AWS::IAM::RolePolicy",
                    "Properties": {"RoleName": {"Ref": "Auditor"}, "PolicyDocument": IAM},
                },
            },
            "P",
        ),
        (
            {
                "Auditor": ROLE,
                "P": {
                    "Type": "AWS::IAM::ManagedPolicy",
                    "Properties": {"Roles": ["Auditor"], "PolicyDocument": IAM},
                },
            },
            "P",
        ),
        (
            {
                "Auditor": {
                    **ROLE,
                    "Properties": {**ROLE["Properties"], "ManagedPolicyArns": [{"Ref": "P"}]},  # type: ignore[dict-item]
                },
                "P": {"Type": "AWS::IAM::ManagedPolicy", "Properties": {"PolicyDocument": IAM}},
            },
            "P",
        ),
    ],
    ids=["inline", "policy", "role policy", "managed policy", "managed policy by its ARN"],
)
def test_iam_policies_on_logs_come_with_those_who_have_them(resources: dict[str, Any], name: str) -> None:
    text = template(LogsPolicy=bucket_policy("logs"), Trail=trail(S3BucketName="logs"), **resources)
    (one,) = found(text, key_account=HOME)

    (identity,) = one.identities
    (role,) = (user for user in one.users if user.kind == "AWS::IAM::Role")
    assert (identity.name, identity.document) == (name, IAM)
    assert role.arn == f"arn:aws:iam::{HOME}:role/log/Auditor"
    assert identity.attachment(role.arn) == "role/Auditor"
    assert identity.attachment(role.arn.replace("Auditor", "Other")) == ""


@pytest.mark.parametrize("holder", [{}, {"Attributes": None}])
def test_an_answer_of_the_cli_and_a_policy_document_are_read(holder: dict[str, Any]) -> None:
    text = json.dumps(policy(WRITES))
    answer = {"Attributes": {"Policy": text}} if holder else {"Policy": text}

    for one in (json.dumps(answer), text):
        (only,) = found(one)
        assert (only.arn, only.account_known) == ("arn:aws:s3:::logs", False)
        assert "the bucket's account is 111122223333, made up: nothing says whose it is" in only.assumptions


def test_a_policy_that_names_no_bucket_or_two_is_refused_and_one_that_is_too_large() -> None:
    two = {**WRITES, "Resource": ["arn:aws:s3:::logs/*", "arn:aws:s3:::other/*"]}
    for statement in (two, {**WRITES, "Resource": "*"}):
        with pytest.raises(PolicyError, match="whose statements name none as Resource, or several as often"):
            found(json.dumps(policy(statement)))
    large = [{**WRITES, "Sid": f"Writes{number}", "Resource": f"arn:aws:s3:::logs/{'x' * 900}"} for number in range(21)]
    with pytest.raises(PolicyError, match="S3 does not take it; a bucket policy has at most 20,480"):
        found(json.dumps(policy(*large)))
    assert found(json.dumps(policy(*large[:18])))


@pytest.mark.parametrize("region", ["eu-west-1", "${AWS::Region}"])
@pytest.mark.parametrize("account", ["515253545556", "${AWS::AccountId}"])
def test_a_trail_that_is_written_out_tells_account_and_region_where_the_template_makes_one(
    region: str, account: str
) -> None:
    arn = {"Fn::Sub": f"arn:aws:cloudtrail:{region}:{account}:trail/ledger"}
    held = {**WRITES, "Condition": {"StringEquals": {"aws:SourceArn": arn}}}
    text = template(LogsPolicy=bucket_policy("logs", held), Trail=trail(S3BucketName="logs"))
    (one,) = found(text)

    expected = (
        f"arn:aws:cloudtrail:{'us-east-1' if '$' in region else region}:{'111122223333' if '$' in account else account}"
    )
    assert one.users[0].arn == f"{expected}:trail/ledger"
    assert one.document["Statement"][0]["Condition"]["StringEquals"]["aws:SourceArn"] == one.users[0].arn
    (given,) = found(text, key_account=HOME, parameters={"AWS::Region": "eu-north-1"})
    assert given.users[0].arn == f"arn:aws:cloudtrail:eu-north-1:{HOME}:trail/ledger"
    assert len([said for said in one.assumptions if said.startswith("AWS::")]) == 2
    assert not any(said.startswith("AWS::") for said in given.assumptions)


@pytest.mark.parametrize("wrong", [["logs"], {"a": 1}, None, 5, True, [{"Ref": "Logs"}]], ids=str)
@pytest.mark.parametrize("element", ["S3BucketName", "KMSKeyId", "SnsTopicName", "TrailName", "S3KeyPrefix"])
def test_a_name_that_is_something_else_than_a_text_names_nothing(element: str, wrong: Any) -> None:
    key = {"Type": "AWS::KMS::Key", "Properties": {"KeyPolicy": policy(allow({"AWS": f"arn:aws:iam::{HOME}:root"}))}}
    whole = {"S3BucketName": {"Ref": "Logs"}, "KMSKeyId": {"Ref": "Key"}, element: wrong}
    resources = {"Key": key, "Logs": BARE, "LogsPolicy": bucket_policy({"Ref": "Logs"}), "Trail": trail(**whole)}

    by_name = {one.name: one for one in found(template(**resources))}
    users = {name: [user.kind for user in one.users] for name, one in by_name.items()}
    assert users["LogsPolicy"] == ([] if element == "S3BucketName" else ["AWS::CloudTrail::Trail"])
    assert users["Key"] == ([] if element == "KMSKeyId" else ["AWS::CloudTrail::Trail"])
