"""Key policies in files: what is found, in each way it can be, what is assumed, and what is refused with which words."""

from __future__ import annotations

import io
import json
import re
import sys
import time
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest

from helpers import Document, allow
from helpers import document as policy
from trailkey import cloudformation
from trailkey.access.language.policy import parse_policy
from trailkey.aws import TEMPLATE_URL_BYTES
from trailkey.errors import UNRESOLVED, PolicyError, UsageError
from trailkey.findings import Location, branch_text
from trailkey.inventory import ResourcePolicy, find_policies, read_text

if TYPE_CHECKING:
    from pathlib import Path

ROOT: Document = {
    "Sid": "Root",
    "Effect": "Allow",
    "Principal": {"AWS": "arn:aws:iam::222222222222:root"},
    "Action": "kms:*",
    "Resource": "*",
}
NOTHING: Document = {"Ref": "AWS::NoValue"}
HOLDS = (
    "the key's account is 222222222222: only its principals may replace the key policy, which no other account can be "
    "allowed to"
)
REGION = "the key's Region is us-east-1: nothing says another"
STACK = "AWS::AccountId, which is the key's account, is 111122223333, made up"


def reader(principal: Any, **condition: Any) -> Document:
    return allow({"AWS": principal}, sid="Reader", **({"StringEquals": condition} if condition else {}))


def template(key_policy: Any, **sections: Any) -> str:
    key = {"Type": "AWS::KMS::Key", "Properties": {"KeyPolicy": key_policy}}
    resources = {"Key": key, **sections.pop("Resources", {})}
    return json.dumps({**sections, "Resources": resources})


def one(text: str, **options: Any) -> ResourcePolicy:
    (found,) = find_policies(text, "t", **options)
    return found


def value(written: Any, key: str = "aws:PrincipalTag/x", **sections: Any) -> Any:
    """What a value of a condition becomes."""
    found = one(template(policy(ROOT, reader("*", **{key: written})), **sections), key_account="222222222222")
    return found.document["Statement"][1]["Condition"]["StringEquals"][key]


# Where a policy lies


@pytest.mark.parametrize(
    "text",
    [
        json.dumps(policy(ROOT)),
        cloudformation.dump_yaml(policy(ROOT)),
        json.dumps({"Policy": json.dumps(policy(ROOT)), "PolicyName": "default"}),
        json.dumps(json.dumps(policy(ROOT))),
        "\ufeff" + json.dumps(policy(ROOT)),
    ],
    ids=["json", "yaml", "answer of the CLI", "its Policy alone", "with a byte order mark"],
)
def test_policy_document_is_found_however_it_is_wrapped(text: str) -> None:
    assert one(text) == ResourcePolicy(
        location=Location(file="t"),
        document=policy(ROOT),
        arn="arn:aws:kms:us-east-1:222222222222:key/b5900000-0000-0000-0000-000000000000",
        account="222222222222",
        assumptions=(HOLDS, REGION),
    )


@pytest.mark.parametrize("written", [policy(ROOT), json.dumps(policy(ROOT)), {"Fn::ToJsonString": policy(ROOT)}])
def test_policy_of_a_template_is_found_as_mapping_and_as_text(written: Any) -> None:
    found = one(template(written), key_account="222222222222", parameters={"AWS::Region": "eu-west-1"})

    assert found == ResourcePolicy(
        location=Location(file="t", logical_id="Key"),
        document=policy(ROOT),
        arn="arn:aws:kms:eu-west-1:222222222222:key/b5900000-0000-0000-0000-000000000000",
        account="222222222222",
    )


def test_text_of_a_policy_may_hold_variables_of_the_template() -> None:
    text = json.dumps(policy(reader("arn:aws:iam::${AWS::AccountId}:root", **{"aws:PrincipalAccount": "${Who}"})))
    found = one(
        template({"Fn::Sub": text}, Parameters={"Who": {"Type": "String"}}),
        key_account="222222222222",
        parameters={"Who": "333333333333"},
    )

    assert found.document == policy(
        reader("arn:aws:iam::222222222222:root", **{"aws:PrincipalAccount": "333333333333"})
    )


def test_all_keys_of_a_template_are_found_replicas_too() -> None:
    replica = {
        "Type": "AWS::KMS::ReplicaKey",
        "Properties": {"PrimaryKeyArn": "arn:aws:kms:us-east-1:222222222222:key/mrk-1", "KeyPolicy": policy(ROOT)},
    }
    found = find_policies(
        template(policy(ROOT), Resources={"Copy": replica, "Topic": {"Type": "AWS::SNS::Topic"}}), "t"
    )

    assert [(str(each.location), each.name) for each in found] == [
        ("t: Resources/Key", "Key"),
        ("t: Resources/Copy", "Copy"),
    ]


def test_key_without_policy_has_the_one_kms_gives_it() -> None:
    found = one('{"Resources": {"Key": {"Type": "AWS::KMS::Key"}}}')

    assert found.document == policy(
        {
            "Sid": "Enable IAM User Permissions",
            "Effect": "Allow",
            "Principal": {"AWS": "arn:aws:iam::111122223333:root"},
            "Action": "kms:*",
            "Resource": "*",
        }
    )
    assert found.assumptions == (
        STACK,
        "the key has no KeyPolicy: KMS gives it its default one, which leaves everything to IAM policies of the account (kms:* for its root)",
        REGION,
    )


# Whose key it is


@pytest.mark.parametrize(
    ("statements", "account", "says"),
    [
        ([ROOT], "222222222222", HOLDS),
        ([ROOT, reader("arn:aws:iam::333333333333:root")], "222222222222", HOLDS),
        ([{**ROOT, "Principal": {"AWS": ["222222222222"]}, "Action": ["kms:Put*"]}], "222222222222", HOLDS),
        (
            [{**ROOT, "Principal": {"AWS": "arn:aws:iam::222222222222:role/Admin"}}, reader("333333333333")],
            "222222222222",
            HOLDS,
        ),
        (
            [reader("arn:aws:iam::222222222222:root")],
            "222222222222",
            "the key's account is 222222222222: it is the only account whose root the policy names",
        ),
        (
            [reader("*", **{"KMS:CallerAccount": "222222222222"})],
            "222222222222",
            "the key's account is 222222222222: kms:CallerAccount names no other",
        ),
    ],
)
def test_account_is_read_off_the_policy(statements: list[Document], account: str, says: str) -> None:
    found = one(json.dumps(policy(*statements)))

    assert (found.account_known, found.account, found.assumptions) == (True, account, (says, REGION))


def test_resource_that_is_one_key_is_the_key_itself() -> None:
    key = "arn:aws:kms:eu-west-1:333333333333:key/1234abcd-12ab-34cd-56ef-1234567890ab"
    found = one(json.dumps(policy({**reader("*"), "Resource": key}, {**reader("222222222222"), "Resource": [key]})))

    assert (found.arn, found.account_known, found.account_is_placeholder) == (key, True, False)
    assert found.assumptions == (
        "the key's account is 333333333333: its Resource is a key of that account",
        "the key's Region is eu-west-1: the services or the key that it names are there",
    )


@pytest.mark.parametrize(
    ("text", "made_up"),
    [
        (json.dumps(policy(ROOT)), False),
        (json.dumps(policy(reader("*"))), True),
        (template(policy({**ROOT, "Principal": {"AWS": {"Ref": "AWS::AccountId"}}})), True),
        (template(policy(ROOT, reader({"Ref": "AWS::AccountId"}))), False),
    ],
)
def test_digits_of_the_account_are_made_up_where_only_the_stack_knows_them(text: str, *, made_up: bool) -> None:
    assert one(text).account_is_placeholder is made_up
    assert one(text, key_account="222222222222").account_is_placeholder is False


def test_account_that_conditions_ask_for_is_the_keys_account() -> None:
    text = template(
        policy({"Fn::If": ["IsProd", reader({"Ref": "AWS::AccountId"}), reader("*")]}),
        Conditions={"IsProd": {"Fn::Equals": [{"Ref": "AWS::AccountId"}, "444444444444"]}},
    )

    assert [
        (branch_text(found.location.branch), found.account, found.assumptions[0]) for found in find_policies(text, "t")
    ] == [
        ("IsProd is true", "444444444444", "the key's account is 444444444444, as the conditions have it here"),
        ("IsProd is false", "111122223333", "the key's account is 111122223333, made up: nothing says whose key it is"),
    ]


@pytest.mark.parametrize(
    "statements",
    [
        [reader("*")],
        [reader("arn:aws:iam::222222222222:role/Reader")],
        [reader("222222222222"), reader("333333333333")],
        [{**ROOT, "Effect": "Deny"}],
        [{**ROOT, "Action": ["kms:Get*"]}, reader("333333333333")],
        [reader("*", **{"kms:CallerAccount": "ACCOUNT-ID"})],
        [reader("*", **{"kms:CallerAccount": "22222222222"})],
    ],
)
def test_account_is_made_up_where_the_policy_does_not_show_it(statements: list[Document]) -> None:
    found = one(json.dumps(policy(*statements)))

    assert (found.account_known, found.account) == (False, "111122223333")
    assert found.assumptions == ("the key's account is 111122223333, made up: nothing says whose key it is", REGION)


def test_made_up_account_is_none_the_policy_names() -> None:
    found = one(json.dumps(policy(reader("111122223333"), reader("123456789012"))))

    assert found.account == "444455556666"


def test_account_the_policy_shows_is_the_one_of_the_stack() -> None:
    written = policy(ROOT, reader({"Fn::Sub": "arn:aws:iam::${AWS::AccountId}:role/Reader"}))
    found = one(template(written))

    assert found.document == policy(ROOT, reader("arn:aws:iam::222222222222:role/Reader"))
    assert found.assumptions == (HOLDS, REGION)


def test_account_that_is_given_wins() -> None:
    found = one(json.dumps(policy(ROOT)), key_account="333333333333")

    assert (found.account, found.assumptions) == ("333333333333", (REGION,))


@pytest.mark.parametrize(
    ("condition", "arn", "sentence"),
    [
        (
            "s3.eu-west-1.amazonaws.com",
            "arn:aws:kms:eu-west-1:",
            "the key's Region is eu-west-1: the services or the key that it names are there",
        ),
        (
            ["s3.eu-west-1.amazonaws.com", "s3.us-west-2.amazonaws.com"],
            "arn:aws:kms:us-east-1:",
            REGION,
        ),
        (
            "s3.cn-north-1.amazonaws.com.cn",
            "arn:aws-cn:kms:cn-north-1:",
            "the key's Region is cn-north-1: the services or the key that it names are there",
        ),
    ],
)
def test_region_is_the_one_of_the_services_named(condition: Any, arn: str, sentence: str) -> None:
    found = one(json.dumps(policy(ROOT, reader("*", **{"kms:ViaService": condition}))))

    assert found.arn.startswith(arn)
    assert found.assumptions[-1] == sentence


def test_partition_is_the_one_of_the_arns() -> None:
    found = one(json.dumps(policy({**ROOT, "Principal": {"AWS": "arn:aws-us-gov:iam::222222222222:root"}})))

    assert found.arn.startswith("arn:aws-us-gov:kms:us-gov-west-1:222222222222:key/")


# What intrinsic functions become

PARAMETERS: Document = {
    "Word": {"Type": "String", "Default": "first"},
    "Words": {"Type": "CommaDelimitedList", "Default": "a, b,c"},
}
MAPPINGS: Document = {"Map": {"us-east-1": {"Word": "mapped", "Words": ["x", "y"]}}}
ROLE: Document = {"Type": "AWS::IAM::Role", "Properties": {"RoleName": {"Fn::Sub": "${Word}-role"}, "Path": "/logs/"}}


@pytest.mark.parametrize(
    ("written", "becomes"),
    [
        ({"Ref": "Word"}, "first"),
        ({"Ref": "Words"}, ["a", "b", "c"]),
        ({"Ref": "AWS::Region"}, "us-east-1"),
        ({"Ref": "AWS::Partition"}, "aws"),
        ({"Ref": "AWS::URLSuffix"}, "amazonaws.com"),
        ({"Fn::Sub": "x-${Word}-${!Literal}-${AWS::AccountId}"}, "x-first-${Literal}-222222222222"),
        ({"Fn::Sub": ["${Mine}-${Word}", {"Mine": {"Ref": "Word"}}]}, "first-first"),
        ({"Fn::Join": ["-", ["x", {"Ref": "Word"}, NOTHING]]}, "x-first"),
        ({"Fn::Join": ["/", {"Ref": "Words"}]}, "a/b/c"),
        ({"Fn::Split": [":", "a:b"]}, ["a", "b"]),
        ({"Fn::Select": ["1", {"Fn::Split": [":", "a:b"]}]}, "b"),
        ({"Fn::Select": [2, {"Ref": "Words"}]}, "c"),
        ({"Fn::FindInMap": ["Map", {"Ref": "AWS::Region"}, "Word"]}, "mapped"),
        ({"Fn::FindInMap": ["Map", {"Ref": "AWS::Region"}, "Words"]}, ["x", "y"]),
        ({"Fn::FindInMap": ["Map", "us-west-1", "Word", {"DefaultValue": {"Ref": "Word"}}]}, "first"),
        ({"Fn::GetAtt": ["Role", "Arn"]}, "arn:aws:iam::222222222222:role/logs/first-role"),
        ({"Fn::Sub": "${Role.Arn}"}, "arn:aws:iam::222222222222:role/logs/first-role"),
        ({"Ref": "Role"}, "first-role"),
        ({"Fn::GetAtt": ["Trail", "Arn"]}, "arn:aws:cloudtrail:us-east-1:222222222222:trail/audit"),
        ([NOTHING, "x", {"Ref": "Word"}], ["x", "first"]),
        ([NOTHING], []),
    ],
    ids=json.dumps,
)
def test_function_becomes_its_value(written: Any, becomes: Any) -> None:
    trail = {"Type": "AWS::CloudTrail::Trail", "Properties": {"TrailName": "audit"}}

    assert value(written, Parameters=PARAMETERS, Mappings=MAPPINGS, Resources={"Role": ROLE, "Trail": trail}) == becomes


def test_element_without_value_is_left_out() -> None:
    guarded = {**reader("*"), "Condition": NOTHING, "Sid": NOTHING}
    found = one(template(policy(ROOT, guarded, NOTHING)))

    assert found.document == policy(ROOT, {name: item for name, item in reader("*").items() if name != "Sid"})


# What is made up, by its place


@pytest.mark.parametrize(
    ("written", "becomes"),
    [
        ({"Fn::Sub": "arn:aws:iam::${Who}:root"}, "arn:aws:iam::751937627020:root"),
        ({"Fn::Join": ["", ["arn:aws:iam::", {"Ref": "Who"}, ":role/X"]]}, "arn:aws:iam::751937627020:role/X"),
        ({"Fn::Join": [":", ["arn", "aws", "iam", "", {"Ref": "Who"}, "root"]]}, "arn:aws:iam::751937627020:root"),
        ({"Ref": "Who"}, "arn:aws:iam::222222222222:role/Who"),
        ({"Ref": "ReaderAccountId"}, "718853000203"),
        ({"Ref": "Twelve"}, "849896184076"),
        ({"Ref": "Listed"}, "arn:aws:iam::333333333333:root"),
        ({"Ref": "Stored"}, "arn:aws:iam::222222222222:role/Stored"),
        ({"Ref": "Empty"}, "arn:aws:iam::222222222222:role/Empty"),
        ({"Ref": "Many"}, ["arn:aws:iam::222222222222:role/Many"]),
        ({"Fn::Sub": "arn:aws:iam::222222222222:role/${Who}"}, "arn:aws:iam::222222222222:role/Who"),
        ({"Fn::ImportValue": "shared-Reader"}, "arn:aws:iam::222222222222:role/ImportValue-shared-Reader"),
        ("{{resolve:ssm:/reader/arn}}", "arn:aws:iam::222222222222:role/resolve-ssm-reader-arn"),
        ("arn:aws:iam::{{resolve:ssm:/who}}:root", "arn:aws:iam::662767410115:root"),
        ({"Fn::Sub": "arn:aws:iam::{{resolve:ssm:/who}}:root"}, "arn:aws:iam::662767410115:root"),
    ],
    ids=json.dumps,
)
def test_principal_without_value_is_made_up_as_its_place_asks(written: Any, becomes: Any) -> None:
    parameters: Document = {
        "Who": {"Type": "String"},
        "ReaderAccountId": {"Type": "String"},
        "Twelve": {"Type": "String", "AllowedPattern": "[0-9]{12}"},
        "Listed": {"Type": "String", "AllowedValues": ["arn:aws:iam::333333333333:root", "other"]},
        "Stored": {"Type": "AWS::SSM::Parameter::Value<String>", "Default": "/reader/arn"},
        "Empty": {"Type": "String", "Default": ""},
        "Many": {"Type": "CommaDelimitedList"},
    }
    found = one(template(policy(ROOT, reader(written)), Parameters=parameters), key_account="222222222222")

    assert found.document["Statement"][1]["Principal"] == {"AWS": becomes}
    parse_policy(found.document, resource_based=True)


@pytest.mark.parametrize(
    ("key", "becomes"),
    [
        ("aws:PrincipalArn", "arn:aws:iam::222222222222:role/It"),
        ("aws:SourceArn", "arn:aws:cloudtrail:us-east-1:222222222222:trail/It"),
        ("kms:EncryptionContext:aws:cloudtrail:arn", "arn:aws:cloudtrail:us-east-1:222222222222:trail/It"),
        ("kms:ViaService", "s3.us-east-1.amazonaws.com"),
        ("aws:PrincipalTag/team", "It"),
    ],
)
def test_condition_value_is_made_up_as_its_key_asks(key: str, becomes: str) -> None:
    assert value({"Ref": "It"}, key, Parameters={"It": {"Type": "String"}}) == becomes


def test_the_same_name_has_the_same_value_everywhere() -> None:
    written = policy(ROOT, reader({"Ref": "Who"}, **{"aws:PrincipalArn": {"Fn::Sub": "${Who}"}}))
    found = one(template(written, Parameters={"Who": {"Type": "String"}}), key_account="222222222222")

    assert found.document["Statement"][1] == reader(
        "arn:aws:iam::222222222222:role/Who", **{"aws:PrincipalArn": "arn:aws:iam::222222222222:role/Who"}
    )
    assert found.assumptions == (
        'parameter Who is "arn:aws:iam::222222222222:role/Who", made up, since no value is given; give it with --parameter Who=VALUE',
        REGION,
    )


def test_default_is_an_assumption_and_a_given_value_is_none() -> None:
    written = policy(ROOT, reader("*", **{"aws:PrincipalOrgID": {"Ref": "Org"}}))
    text = template(written, Parameters={"Org": {"Type": "String", "Default": "o-defaultorg"}})

    assert one(text).assumptions == (HOLDS, 'parameter Org is "o-defaultorg", its default', REGION)
    assert one(text, parameters={"Org": "o-givengiven"}).assumptions == (HOLDS, REGION)
    assert one(text, parameters={"Org": "o-givengiven"}).document["Statement"][1]["Condition"] == {
        "StringEquals": {"aws:PrincipalOrgID": "o-givengiven"}
    }


# Conditions

ENV: Document = {"Env": {"Type": "String", "Default": "dev"}, "Arn": {"Type": "String", "Default": ""}}
IS_PROD: Document = {"Fn::Equals": [{"Ref": "Env"}, "prod"]}
IS_TEST: Document = {"Fn::Equals": ["test", {"Ref": "Env"}]}
HAS_READER: Document = {"Fn::Not": [{"Fn::Equals": [{"Ref": "Arn"}, ""]}]}


def sids(text: str, **options: Any) -> dict[str, list[str]]:
    """The Sids of each variant, by its label."""
    return {
        branch_text(found.location.branch): [statement["Sid"] for statement in found.document["Statement"]]
        for found in find_policies(text, "t", **options)
    }


def only_if(condition: str, sid: str) -> Document:
    return {"Fn::If": [condition, {**reader("*"), "Sid": sid}, NOTHING]}


def test_both_branches_are_judged_even_where_a_default_decides() -> None:
    text = template(policy(ROOT, only_if("IsProd", "Prod")), Parameters=ENV, Conditions={"IsProd": IS_PROD})

    assert sids(text) == {"IsProd is true": ["Root", "Prod"], "IsProd is false": ["Root"]}
    assert [str(found.location) for found in find_policies(text, "t")] == [
        "t: Resources/Key where IsProd is true",
        "t: Resources/Key where IsProd is false",
    ]


@pytest.mark.parametrize(("env", "expected"), [("prod", ["Root", "Prod"]), ("dev", ["Root"])])
def test_given_parameter_decides_its_conditions(env: str, expected: list[str]) -> None:
    text = template(policy(ROOT, only_if("IsProd", "Prod")), Parameters=ENV, Conditions={"IsProd": IS_PROD})

    assert sids(text, parameters={"Env": env}) == {"": expected}


def test_conditions_that_exclude_one_another_are_never_true_together() -> None:
    text = template(
        policy(ROOT, only_if("IsProd", "Prod"), only_if("IsTest", "Test")),
        Parameters=ENV,
        Conditions={"IsProd": IS_PROD, "IsTest": IS_TEST},
    )

    assert sids(text) == {
        "IsProd is true": ["Root", "Prod"],
        "IsProd is false and IsTest is true": ["Root", "Test"],
        "IsProd is false and IsTest is false": ["Root"],
    }


@pytest.mark.parametrize(
    ("formula", "expected"),
    [
        ({"Condition": "IsProd"}, {"IsProd is true": ["Prod", "X"], "IsProd is false": []}),
        ({"Fn::Not": [{"Condition": "IsProd"}]}, {"IsProd is true": ["Prod"], "IsProd is false": ["X"]}),
        (
            {"Fn::And": [{"Condition": "IsProd"}, {"Condition": "IsTest"}]},
            {"IsProd is true": ["Prod"], "IsProd is false": []},
        ),
        (
            {"Fn::Or": [{"Condition": "IsProd"}, {"Condition": "IsTest"}]},
            {
                "IsProd is true": ["Prod", "X"],
                "IsProd is false and X is true": ["X"],
                "IsProd is false and X is false": [],
            },
        ),
        (
            {"Fn::And": [{"Condition": "IsProd"}, {"Condition": "HasReader"}]},
            {
                "IsProd is true and X is true": ["Prod", "X"],
                "IsProd is true and X is false": ["Prod"],
                "IsProd is false": [],
            },
        ),
        ({"Fn::Equals": ["a", "a"]}, {"IsProd is true": ["Prod", "X"], "IsProd is false": ["X"]}),
    ],
    ids=json.dumps,
)
def test_composed_condition_agrees_with_its_parts(formula: Document, expected: dict[str, list[str]]) -> None:
    text = template(
        policy(only_if("IsProd", "Prod"), only_if("X", "X")),
        Parameters=ENV,
        Conditions={"IsProd": IS_PROD, "IsTest": IS_TEST, "HasReader": HAS_READER, "X": formula},
    )

    assert sids(text) == expected


def test_value_of_a_parameter_is_one_that_the_branch_allows() -> None:
    written = policy(
        ROOT,
        {"Fn::If": ["HasReader", reader({"Ref": "Arn"}, **{"aws:PrincipalTag/env": {"Ref": "Env"}}), NOTHING]},
        only_if("IsProd", "Prod"),
    )
    text = template(written, Parameters=ENV, Conditions={"IsProd": IS_PROD, "HasReader": HAS_READER})
    found = {branch_text(each.location.branch): each.document["Statement"][1:2] for each in find_policies(text, "t")}

    role = "arn:aws:iam::222222222222:role/Arn"
    assert found["HasReader is true and IsProd is true"] == [reader(role, **{"aws:PrincipalTag/env": "prod"})]
    assert found["HasReader is true and IsProd is false"] == [reader(role, **{"aws:PrincipalTag/env": "dev"})]
    assert found["HasReader is false and IsProd is false"] == []


def test_nested_branches_are_told_apart_only_where_they_are_reached() -> None:
    nested = {"Fn::If": ["IsProd", {"Fn::If": ["HasReader", ROOT, {**ROOT, "Sid": "Bare"}]}, {**ROOT, "Sid": "Other"}]}
    text = template(policy(nested), Parameters=ENV, Conditions={"IsProd": IS_PROD, "HasReader": HAS_READER})

    assert sids(text) == {
        "IsProd is true and HasReader is true": ["Root"],
        "IsProd is true and HasReader is false": ["Bare"],
        "IsProd is false": ["Other"],
    }


def test_deeply_nested_branches_of_one_condition_are_two() -> None:
    nested: Any = {**ROOT, "Sid": "Deep"}
    for _ in range(25):
        nested = {"Fn::If": ["IsProd", nested, {**ROOT, "Sid": "Never"}]}
    text = template(policy(nested), Parameters=ENV, Conditions={"IsProd": IS_PROD})

    assert sids(text) == {"IsProd is true": ["Deep"], "IsProd is false": ["Never"]}


def test_pseudo_parameters_decide_conditions_both_ways_until_they_are_given() -> None:
    text = template(
        policy(ROOT, only_if("Home", "Home")),
        Conditions={"Home": {"Fn::Equals": [{"Ref": "AWS::Region"}, "eu-west-1"]}},
    )
    found = {
        branch_text(each.location.branch): (each.arn.split(":")[3], each.assumptions[-1])
        for each in find_policies(text, "t")
    }

    assert found == {
        "Home is true": ("eu-west-1", "the key's Region is eu-west-1, as the conditions have it here"),
        "Home is false": ("us-east-1", REGION),
    }
    assert sids(text, parameters={"AWS::Region": "eu-west-1"}) == {"": ["Root", "Home"]}


def test_region_and_partition_agree_in_every_branch() -> None:
    text = template(
        policy(ROOT, only_if("Beijing", "Beijing"), only_if("China", "China")),
        Conditions={
            "Beijing": {"Fn::Equals": [{"Ref": "AWS::Region"}, "cn-north-1"]},
            "China": {"Fn::Equals": [{"Ref": "AWS::Partition"}, "aws-cn"]},
        },
    )

    assert sids(text) == {
        "Beijing is true": ["Root", "Beijing", "China"],
        "Beijing is false and China is true": ["Root", "China"],
        "Beijing is false and China is false": ["Root"],
    }


@pytest.mark.parametrize(("name", "value"), [("AWS::Region", "us-east-1"), ("AWS::Partition", "aws")])
def test_value_that_is_assumed_is_no_reason_to_skip_a_branch(name: str, value: str) -> None:
    text = template(policy(ROOT, only_if("Home", "Home")), Conditions={"Home": {"Fn::Equals": [{"Ref": name}, value]}})

    assert sids(text) == {"Home is true": ["Root", "Home"], "Home is false": ["Root"]}


@pytest.mark.parametrize(
    ("definition", "expected"),
    [
        ({"AllowedValues": ["dev", "test", "prod"], "Default": "test"}, {"IsProd is true": "prod", "IsProd is false": "test"}),
        ({"AllowedValues": ["dev", "test", "prod"]}, {"IsProd is true": "prod", "IsProd is false": "dev"}),
        ({"AllowedValues": ["prod"]}, {"": "prod"}),
        ({"AllowedValues": ["dev"]}, {"": "dev"}),
    ],
)  # fmt: skip
def test_branches_keep_to_the_values_a_parameter_allows(definition: Document, expected: dict[str, str]) -> None:
    condition = {"Fn::If": ["IsProd", {"Ref": "Env"}, {"Fn::Sub": "${Env}"}]}
    text = template(
        policy(ROOT, reader("*", **{"aws:PrincipalTag/env": condition})),
        Parameters={"Env": {"Type": "String", **definition}},
        Conditions={"IsProd": IS_PROD},
    )
    found = {
        branch_text(each.location.branch): each.document["Statement"][1]["Condition"]["StringEquals"][
            "aws:PrincipalTag/env"
        ]
        for each in find_policies(text, "t")
    }

    assert found == expected


def test_key_under_a_condition_is_judged_where_it_exists() -> None:
    key = {
        "Type": "AWS::KMS::Key",
        "Condition": "IsProd",
        "Properties": {"KeyPolicy": policy(ROOT, only_if("IsTest", "X"))},
    }
    text = json.dumps(
        {"Parameters": ENV, "Conditions": {"IsProd": IS_PROD, "IsTest": IS_TEST}, "Resources": {"Key": key}}
    )

    assert sids(text) == {"": ["Root"]}
    with pytest.raises(PolicyError) as refused:
        find_policies(text, "t", parameters={"Env": "dev"})
    assert str(refused.value) == (
        "t: under these parameters the template makes no key: the Condition of Key is false; a template that makes one is "
        "expected; give other parameters"
    )


def test_account_shown_by_one_branch_is_the_account_of_the_other() -> None:
    text = template(policy({"Fn::If": ["IsProd", ROOT, reader("*")]}), Parameters=ENV, Conditions={"IsProd": IS_PROD})

    assert [(each.account_known, each.assumptions) for each in find_policies(text, "t")] == [
        (True, (HOLDS, REGION))
    ] * 2


def test_too_many_branches_are_refused_with_what_to_do() -> None:
    names = [f"P{number}" for number in range(7)]
    text = template(
        policy(*(only_if(f"Is{name}", name) for name in names)),
        Parameters={name: {"Type": "String"} for name in names},
        Conditions={f"Is{name}": {"Fn::Equals": [{"Ref": name}, "yes"]} for name in names},
    )

    with pytest.raises(PolicyError) as refused:
        find_policies(text, "t")
    assert str(refused.value) == (
        "t: Resources/Key: its conditions IsP0, IsP1, IsP2, IsP3, IsP4, IsP5, IsP6 make more than 64 policies of it; at most "
        "64 are judged; give parameters with --parameter NAME=VALUE (it has P0, P1, P2, P3, P4, P5, P6)"
    )
    assert len(find_policies(text, "t", parameters={"P0": "no"})) == 64


# What is refused

EXPECTED = "a key policy, the answer of aws kms get-key-policy, or a CloudFormation template with a key is expected"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[1]", f"t: a list, not a key policy; {EXPECTED}; name another file"),
        ("3", f"t: the value 3, not a key policy; {EXPECTED}; name another file"),
        ("null", f"t: nothing, not a key policy; {EXPECTED}; name another file"),
        ("words", f"t: a text, not a key policy; {EXPECTED}; name another file"),
        ("", "t: empty; a template or a policy belongs here"),
        ("{}", f"t: a mapping with no keys at all, but neither Statement nor Resources; {EXPECTED}; name another file"),
        (
            '{"name": "x", "key": {}}',
            f"t: a mapping with 'name', 'key', but neither Statement nor Resources; {EXPECTED}; name another file",
        ),
        (
            json.dumps(policy({**reader("*"), "Action": ["s3:GetObject", "S3:List*"]})),
            f"t: a policy on actions of s3, not of kms; {EXPECTED}; name the key's policy",
        ),
        (
            json.dumps(policy({"Effect": "Allow", "Action": "kms:Decrypt", "Resource": "*"})),
            f"t: a policy whose statements name no Principal, so one of IAM; {EXPECTED}; for IAM policies ask trailkey decide with identity_policies",
        ),
        (
            '{"Resources": {"Logs": {"Type": "AWS::S3::Bucket"}}}',
            f"t: a CloudFormation template with no AWS::KMS::Key and no AWS::KMS::ReplicaKey; {EXPECTED}; name the template that holds the key",
        ),
        ('{"Resources": []}', "t: Resources: a list; a mapping of resources; correct it"),
        (
            '{"Resources": {"Copy": {"Type": "AWS::KMS::ReplicaKey"}}}',
            "t: Resources/Copy: KeyPolicy: missing; AWS::KMS::ReplicaKey requires one; add it",
        ),
        (
            '{"Resources": {"Key": {"Type": "AWS::KMS::Key", "Properties": []}}}',
            "t: Resources/Key: Properties: a list; a mapping of properties; correct it",
        ),
        ('{"Version": "2012-10-17",\n "Statement": [}', "t:2: not valid JSON: Expecting value; correct it there"),
        (
            '{"Version": "2012-10-17",\n "Statement": [],\n "Statement": []}',
            "t:3: key 'Statement' is given twice, first in line 2, and only one of them would count; remove the other",
        ),
        (
            json.dumps({"Policy": '{"Version": "2012-10-17", "Statement": [}', "PolicyName": "default"}),
            "t: Policy:1: not valid JSON: Expecting value; correct it there",
        ),
        (
            template("not json"),
            "t: Resources/Key: KeyPolicy: not a policy document; a mapping with Version and Statement, or its JSON text; correct it",
        ),
        (
            template('{"Version": "2012-10-17", "Version": "2012-10-17", "Statement": []}'),
            "t: Resources/Key: KeyPolicy:1: key 'Version' is given twice, first in line 1, and only one of them would count; remove the other",
        ),
        (
            template({"Version": "2012-10-17", "Fn::Transform": {}, "Statement": []}),
            "t: Resources/Key: Fn::Transform is beside other keys; a function must be alone in its mapping; put its value in its place",
        ),
        (
            template(policy(only_if("Nothing", "X"))),
            "t: Resources/Key: condition 'Nothing': the template has no such condition; correct the name",
        ),
        (
            template(policy(only_if("A", "X")), Conditions={"A": {"Fn::Not": [{"Condition": "A"}]}}),
            "t: Resources/Key: Conditions/A: refers to itself, or to others in a chain of more than 50; a condition is decided by parameters in the end; shorten it",
        ),
        (
            template(policy(only_if("A", "X")), Conditions={"A": {"Fn::Equals": ["a"]}}),
            't: Resources/Key: Conditions/A: {"Fn::Equals": ["a"]} is not a condition; Fn::And, Fn::Equals, Fn::Not, Fn::Or and Condition with their arguments are; correct it',
        ),
    ],
)  # fmt: skip
def test_what_holds_no_key_policy_is_refused_with_what_is_expected(text: str, message: str) -> None:
    with pytest.raises(PolicyError) as refused:
        find_policies(text, "t")

    assert str(refused.value) == message


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (
            template(policy({"Ref": "Statement"}), Parameters={"Statement": {"Type": "String"}}),
            "Statement/0: Statement: its value is not known, and nothing believable can stand for it here; values of principals, resources and conditions can be made up; give it with --parameter Statement=VALUE",
        ),
        (
            template(policy({"Fn::Transform": {"Name": "AWS::Include"}})),
            'Statement/0: Fn::Transform {"Name": "AWS::Include"}: its value is not known, and nothing believable can stand for it here; values of principals, resources and conditions can be made up; put its value in its place, or name the processed template (aws cloudformation get-template --template-stage Processed)',
        ),
        (
            template(policy(reader({"Ref": "Nobody"}))),
            "Ref 'Nobody': no value is given for it; give the parameter a value, or correct the name",
        ),
        (
            template(policy(reader({"Fn::GetAtt": ["Nobody", "Arn"]}))),
            "Fn::GetAtt 'Nobody': the template has no such resource; correct the name",
        ),
        (
            template(policy({"Fn::If": ["A", ROOT]})),
            'Fn::If: ["A", {"Sid": "Root", "Effect": "Allow", "Principal": {"A... is not a condition\'s name and two values; correct it',
        ),
        (
            template(policy(reader({"Fn::Sub": "x-${List}"})), Parameters={"List": {"Type": "CommaDelimitedList"}}),
            "Fn::Sub: List is a list; only text can be part of a text; correct it",
        ),
    ],
)  # fmt: skip
def test_a_statement_that_cannot_be_resolved_is_set_aside_with_the_reason(text: str, reason: str) -> None:
    (found,) = find_policies(text, "t")

    (statement,) = (one for one in found.document["Statement"] if UNRESOLVED in one)
    assert statement[UNRESOLVED] == reason
    with pytest.raises(PolicyError, match=re.escape(reason)):
        _ = found.policy


def sized(size: int) -> Document:
    """Return a policy of so many bytes, counted as KMS counts them."""
    empty = policy({**ROOT, "Sid": "é"})
    short = size - 1 - len(json.dumps(empty, separators=(",", ":"), ensure_ascii=False))
    return policy({**ROOT, "Sid": "é" + "x" * short})


def test_policy_as_large_as_kms_takes_is_read() -> None:
    assert one(json.dumps(sized(32_768), indent=4, ensure_ascii=False)).document == sized(32_768)


def test_policy_that_is_larger_than_kms_takes_is_refused() -> None:
    with pytest.raises(PolicyError) as refused:
        find_policies(template(sized(32_769)), "t")
    assert str(refused.value) == (
        "t: Resources/Key: 32,769 bytes without white space, so KMS does not take it; a key policy has at most 32,768; put "
        "principals together with ArnLike aws:PrincipalArn, or name their account and leave the rest to IAM policies"
    )


def test_account_that_is_none_is_refused() -> None:
    with pytest.raises(PolicyError) as refused:
        find_policies(json.dumps(policy(ROOT)), "t", key_account="22222222222")

    assert str(refused.value) == "--key-account: '22222222222' is not a valid account id; 12 digits; correct it"


# Size


@pytest.mark.parametrize("dump", [cloudformation.dump_json, cloudformation.dump_yaml])
def test_template_as_large_as_cloudformation_takes_is_read_in_seconds(dump: Any) -> None:
    statements = [reader(f"arn:aws:iam::222222222222:role/Reader{number}") for number in range(200)]
    resources: Document = {"Key": {"Type": "AWS::KMS::Key", "Properties": {"KeyPolicy": policy(ROOT, *statements)}}}
    topic = {"Type": "AWS::SNS::Topic", "Properties": {"DisplayName": {"Fn::Sub": "${AWS::StackName}-topic"}}}
    resources |= {f"Topic{number}": topic for number in range(10_000)}
    text = dump({"Resources": resources})
    assert len(text) > TEMPLATE_URL_BYTES
    started = time.perf_counter()
    found = one(text)

    assert time.perf_counter() - started < 5
    assert found.document == policy(ROOT, *statements)


# Where text comes from


def test_text_is_read_from_a_file_and_from_standard_input(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from pathlib import Path as RealPath  # beside its one use

    file = tmp_path / "policy.json"
    file.write_bytes(b"\xef\xbb\xbf{}")
    monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=io.BytesIO(b"[]")))

    assert read_text(file) == ("{}", str(file))
    assert read_text(RealPath("-")) == ("[]", "standard input")


def test_file_that_cannot_be_read_is_a_usage_error(tmp_path: Path) -> None:
    (tmp_path / "latin.json").write_bytes(b"\xe9")

    for name, problem in (
        ("none.json", "no such file; name a file that is there"),
        ("latin.json", "not UTF-8 text; save it as UTF-8"),
        (".", "cannot be read (Is a directory); name a readable file"),
    ):
        with pytest.raises(UsageError) as refused:
            read_text(tmp_path / name)
        assert str(refused.value) == f"{tmp_path / name}: {problem}"
