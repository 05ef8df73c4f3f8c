"""Templates as people have them: with transforms, loops, tags of tools, answers of the AWS CLI, and users of the key beside it."""

from __future__ import annotations

import json
from typing import Any

import pytest

from helpers import allow
from helpers import document as policy
from trailkey.errors import PolicyError, UsageError
from trailkey.inventory import find_policies
from trailkey.inventory.users import has_bucket_keys

ACCOUNT = "210987654321"
ROOT = allow({"AWS": f"arn:aws:iam::{ACCOUNT}:root"}, "kms:*", sid="Root")
POLICY = policy(ROOT)
KEY = {"Type": "AWS::KMS::Key", "Properties": {"KeyPolicy": POLICY}}


def template(*, key: Any = KEY, sections: dict[str, Any] | None = None, **resources: Any) -> str:
    return json.dumps({**(sections or {}), "Resources": {"Key": key, **resources}})


def trail(key: Any, **properties: Any) -> dict[str, Any]:
    return {"Type": "AWS::CloudTrail::Trail", "Properties": {"KMSKeyId": key, **properties}}


def users(text: str, **options: Any) -> list[tuple[str, str]]:
    (found,) = find_policies(text, "t", **options)
    return [(one.location.logical_id, one.arn) for one in found.users]


LEDGER = f"arn:aws:cloudtrail:us-east-1:{ACCOUNT}:trail/ledger"
ALIAS = {"Type": "AWS::KMS::Alias", "Properties": {"AliasName": "alias/logs", "TargetKeyId": {"Ref": "Key"}}}


@pytest.mark.parametrize(
    "key",
    [
        {"Ref": "Key"},
        {"Fn::GetAtt": ["Key", "Arn"]},
        {"Fn::Sub": "${Key.Arn}"},
        {"Ref": "Alias"},
        "alias/logs",
        {"Fn::Sub": "arn:${AWS::Partition}:kms:${AWS::Region}:${AWS::AccountId}:alias/logs"},
    ],
    ids=str,
)
def test_a_trail_uses_the_key_however_it_names_it(key: Any) -> None:
    assert users(template(Alias=ALIAS, Trail=trail(key, TrailName="ledger"))) == [("Trail", LEDGER)]


@pytest.mark.parametrize(
    "key", ["alias/other", {"Fn::ImportValue": "Key"}, {"Ref": "Given"}, {"Ref": "Second"}], ids=str
)
def test_a_trail_of_another_key_does_not(key: Any) -> None:
    text = template(
        Alias=ALIAS, Trail=trail(key, TrailName="ledger"), sections={"Parameters": {"Given": {"Type": "String"}}}
    ).replace('"Resources": {', '"Resources": {"Second": {"Type": "AWS::S3::Bucket"}, ')

    assert users(text) == []


def test_a_name_that_nobody_gives_is_not_made_up() -> None:
    parameters = {"Parameters": {"Name": {"Type": "String"}}}
    text = template(Trail=trail({"Ref": "Key"}, TrailName={"Ref": "Name"}), sections=parameters)

    (unknown,), (given,) = (find_policies(text, "t", parameters=one) for one in ({}, {"Name": "ledger"}))
    assert "TrailName" not in unknown.users[0].properties
    assert not any("parameter Name" in one for one in unknown.assumptions)
    assert given.users[0].arn == LEDGER


def test_a_trail_of_one_branch_uses_the_key_there() -> None:
    conditions = {
        "Parameters": {"Stage": {"Type": "String"}},
        "Conditions": {"IsProd": {"Fn::Equals": [{"Ref": "Stage"}, "prod"]}},
    }
    text = template(Trail={**trail({"Ref": "Key"}, TrailName="ledger"), "Condition": "IsProd"}, sections=conditions)

    found = {one.location.branch: [user.arn for user in one.users] for one in find_policies(text, "t")}
    assert found == {(("IsProd", True),): [LEDGER], (("IsProd", False),): []}


def bucket(*, keys: Any, key: Any = None) -> dict[str, Any]:
    default = {"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": key or {"Fn::GetAtt": ["Key", "Arn"]}}
    rules = [{"BucketKeyEnabled": keys, "ServerSideEncryptionByDefault": default}]
    return {
        "Type": "AWS::S3::Bucket",
        "Properties": {"BucketEncryption": {"ServerSideEncryptionConfiguration": rules}},
    }


@pytest.mark.parametrize(
    ("logs", "found"),
    [(bucket(keys=True), [True]), (bucket(keys=False), [False]), (bucket(keys=True, key="alias/other"), [])],
)
def test_the_bucket_of_the_trail_uses_it_with_or_without_bucket_keys(logs: Any, found: list[bool]) -> None:
    text = template(Logs=logs, Trail=trail({"Ref": "Key"}, TrailName="a-trail", S3BucketName={"Ref": "Logs"}))

    (one,) = find_policies(text, "t")
    assert [has_bucket_keys(user) for user in one.users if user.kind == "AWS::S3::Bucket"] == found


def test_resources_beside_the_resources_are_taken_for_resources_and_that_is_said() -> None:
    text = json.dumps({"Resources": {"Key": KEY}, "Trail": trail({"Ref": "Key"}, TrailName="ledger")})

    (found,) = find_policies(text, "t")
    assert [one.arn for one in found.users] == [LEDGER]
    assert (
        "Trail stand beside Resources, where CloudFormation refuses them; they are taken for resources"
        in found.assumptions
    )


@pytest.mark.parametrize(
    "text", [template(), f"AWSTemplateFormatVersion: '2010-09-09'\nResources:\n  Key: {json.dumps(KEY)}"]
)
def test_an_answer_of_get_template_is_read(text: str) -> None:
    bodies = [text, json.loads(text)] if text.startswith("{") else [text]

    for body in bodies:
        (found,) = find_policies(json.dumps({"TemplateBody": body, "StagesAvailable": ["Original"]}), "t")
        assert found.document == POLICY


@pytest.mark.parametrize(
    ("document", "advice"),
    [
        ({"Effect": "Allow", "Principal": "*", "Action": "kms:*", "Resource": "*"}, "put the statement into a policy"),
        ({"planned_values": {}, "format_version": "1.2"}, "of a Terraform plan take the text of the policy out"),
        (
            {"eventSource": "kms.amazonaws.com", "requestParameters": {}},
            "of a CloudTrail event take the text of the policy out",
        ),
        ({"supplementaryConfiguration": {}}, "of an item of AWS Config take the text of the policy out"),
    ],
    ids=lambda one: str(one)[:30],
)
def test_what_people_have_at_hand_is_refused_with_what_to_do(document: dict[str, Any], advice: str) -> None:
    with pytest.raises(PolicyError, match=advice):
        find_policies(json.dumps(document), "t")


# Parameters -------------------------------------------------------------------------------------------------------------

STAGE = {"Parameters": {"Stage": {"Type": "String"}}}


@pytest.mark.parametrize(
    ("text", "name", "message"),
    [
        (template(sections=STAGE), "Stgae", "--parameter Stgae: t has the parameters Stage.*; did you mean Stage?"),
        (template(), "Stage", "--parameter Stage: t has no parameters.*; correct the name, or leave it out"),
        (json.dumps(policy(ROOT)), "Stage", "--parameter Stage: t has no parameters"),
        (
            template(sections=STAGE),
            "AWS::StackName",
            "--parameter AWS::StackName: t has the parameters Stage, beside AWS::AccountId",
        ),
    ],
)
def test_a_parameter_that_is_not_there_is_refused(text: str, name: str, message: str) -> None:
    with pytest.raises(UsageError, match=message.replace("?", r"\?")):
        find_policies(text, "t", parameters={name: "dev"})


def test_pseudo_parameters_tell_the_account_and_the_partition() -> None:
    role = allow({"AWS": {"Fn::Sub": "arn:${AWS::Partition}:iam::${AWS::AccountId}:role/Ship"}}, "kms:PutKeyPolicy")
    text = template(key={"Type": "AWS::KMS::Key", "Properties": {"KeyPolicy": policy(role)}})
    given = {"AWS::AccountId": "444455556666", "AWS::Partition": "aws-cn"}

    (found,) = find_policies(text, "t", parameters=given)
    assert found.document["Statement"][0]["Principal"] == {"AWS": "arn:aws-cn:iam::444455556666:role/Ship"}
    assert (found.account, found.account_known) == ("444455556666", True)
    assert found.arn.startswith("arn:aws-cn:kms:cn-north-1:444455556666:key/")
    with pytest.raises(UsageError, match="a key is in one account"):
        find_policies(text, "t", key_account=ACCOUNT, parameters=given)
    with pytest.raises(UsageError, match="not a valid account id"):
        find_policies(text, "t", parameters={"AWS::AccountId": "4444"})


# Transforms, loops and tags ---------------------------------------------------------------------------------------------


def test_a_role_that_a_transform_makes_is_assumed_and_said() -> None:
    reads = allow({"AWS": {"Fn::GetAtt": ["AlertsRole", "Arn"]}}, "kms:Decrypt")
    key = {"Type": "AWS::KMS::Key", "Properties": {"KeyPolicy": policy(ROOT, reads)}}

    (found,) = find_policies(template(key=key, sections={"Transform": "AWS::Serverless-2016-10-31"}), "t")
    assert found.document["Statement"][1]["Principal"]["AWS"].startswith(f"arn:aws:iam::{ACCOUNT}:role/")
    assert any(one.startswith("Fn::GetAtt AlertsRole.Arn is ") for one in found.assumptions)


def test_a_list_without_a_value_is_one_entry_that_is_made_up_and_said() -> None:
    joined = {"Fn::Split": [",", {"Fn::Join": [",", {"Ref": "AccountIds"}]}]}
    key = {"Type": "AWS::KMS::Key", "Properties": {"KeyPolicy": policy(ROOT, allow({"AWS": joined}, "kms:Decrypt"))}}
    text = template(key=key, sections={"Parameters": {"AccountIds": {"Type": "CommaDelimitedList"}}})

    (found,) = find_policies(text, "t")
    (account,) = found.document["Statement"][1]["Principal"]["AWS"]
    assert len(account) == 12
    assert account.isdigit()
    assert any("give it with --parameter AccountIds=VALUE" in one for one in found.assumptions)


@pytest.mark.parametrize("tag", ["!Rain::Embed words.txt", "!Unknown [a, b]", "!Include {a: b}"])
def test_a_tag_of_a_tool_matters_where_its_value_is_asked_for(tag: str) -> None:
    head = "Resources:\n"
    away = f"  Other: {{Type: 'AWS::S3::Bucket', Metadata: {tag}}}\n"
    key = f"  Key: {json.dumps(KEY)}\n"
    inside = key.replace('"kms:*"', tag)

    assert len(find_policies(head + away + key, "t")) == 1
    (found,) = find_policies(head + inside, "t")
    with pytest.raises(PolicyError, match="is not an intrinsic function of CloudFormation"):
        _ = found.policy


LOOP = {"Fn::ForEach::Keys": ["Name", {"Ref": "Names"}, {"Key${Name}": KEY, "Also&{Name}": KEY}]}


def test_a_loop_makes_its_keys() -> None:
    text = json.dumps({"Parameters": {"Names": {"Type": "CommaDelimitedList", "Default": "A, b-c"}}, "Resources": LOOP})

    assert [one.name for one in find_policies(text, "t")] == ["KeyA", "AlsoA", "Keyb-c", "Alsobc"]
    assert [one.name for one in find_policies(text, "t", parameters={"Names": "Z"})] == ["KeyZ", "AlsoZ"]


def test_loops_within_loops_put_both_names_in_place() -> None:
    role = allow({"AWS": {"Fn::Sub": "arn:aws:iam::${Account}:role/${Name}"}}, "kms:Decrypt", sid="${Name}")
    key = {"Type": "AWS::KMS::Key", "Properties": {"KeyPolicy": policy(ROOT, role)}}
    inner = {"Fn::ForEach::Names": ["Name", ["Audit", {"Ref": "Account"}], {"K${Account}${Name}": key}]}
    text = json.dumps({"Resources": {"Fn::ForEach::Accounts": ["Account", [ACCOUNT], inner]}})

    found = [(one.name, one.document["Statement"][1]["Principal"]["AWS"]) for one in find_policies(text, "t")]
    assert found == [
        (f"K{ACCOUNT}Audit", f"arn:aws:iam::{ACCOUNT}:role/Audit"),
        (f"K{ACCOUNT}{ACCOUNT}", f"arn:aws:iam::{ACCOUNT}:role/{ACCOUNT}"),
    ]


@pytest.mark.parametrize(
    ("resources", "message"),
    [
        (
            LOOP,
            "Fn::ForEach::Keys: Names: its value is not known, so neither is what the loop makes; give it with --parameter Names=VALUE",
        ),
        ({"Fn::ForEach::Keys": ["Name", ["A"]]}, "not an identifier, a collection and a mapping"),
        ({"Fn::ForEach::Keys": ["Name", {"Fn::ImportValue": "x"}, {"K": KEY}]}, "goes through what is neither a list"),
        (
            {"Fn::ForEach::A": ["A", ["1"] * 60, {"Fn::ForEach::B": ["B", ["1"] * 60, {"K${A}${B}": KEY}]}]},
            "its loops go round more than 2000 times",
        ),
    ],
    ids=["no value", "no mapping", "import", "too often"],
)
def test_a_loop_that_cannot_be_written_out_is_refused(resources: dict[str, Any], message: str) -> None:
    text = json.dumps({"Parameters": {"Names": {"Type": "CommaDelimitedList"}}, "Resources": resources})

    with pytest.raises(PolicyError, match=message):
        find_policies(text, "t")
