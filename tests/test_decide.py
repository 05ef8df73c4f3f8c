"""``trailkey decide`` as people and pipelines call it: what can be asked, what is printed, and how a test of a policy ends."""

from __future__ import annotations

import json
import textwrap
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from helpers import CONFIGS, OUTPUT, document, statement
from trailkey import cli, errors

if TYPE_CHECKING:
    from pathlib import Path

FOLDER = OUTPUT / "organization"
TEMPLATE = FOLDER / "log-archive-key.yaml"
CONFIG = CONFIGS["organization"]
KEY_ACCOUNT = ("--key-account", "222222222222")
KEY = "arn:aws:kms:us-east-1:222222222222:key/1234abcd-12ab-34cd-56ef-1234567890ab"
TRAIL = "arn:aws:cloudtrail:us-east-1:111111111111:trail/organization-trail"
ENCRYPTS: dict[str, Any] = {
    "name": "the trail encrypts",
    "principal": "cloudtrail.amazonaws.com",
    "action": "kms:GenerateDataKey",
    "context": {"aws:SourceArn": TRAIL, "kms:EncryptionContext:aws:cloudtrail:arn": TRAIL},
}
OWN_ACCOUNT = {
    "Resources": {
        "Key": {
            "Type": "AWS::KMS::Key",
            "Properties": {
                "KeyPolicy": {
                    "Version": "2012-10-17",
                    "Statement": {
                        "Effect": "Allow",
                        "Principal": {"AWS": {"Fn::Sub": "arn:aws:iam::${AWS::AccountId}:root"}},
                        "Action": "kms:*",
                        "Resource": "*",
                    },
                }
            },
        }
    }
}


def ask(tmp_path: Path, requests: Any, *arguments: str | Path) -> int:
    path = tmp_path / "requests.json"
    path.write_text(json.dumps(requests), encoding="utf-8")
    return cli.run(["decide", *map(str, arguments), str(path)])


def written(tmp_path: Path, document: Any) -> Path:
    path = tmp_path / "policy.json"
    path.write_text(json.dumps(document), encoding="utf-8")
    return path


@pytest.mark.parametrize(
    "asked", [(CONFIG,), (FOLDER,), ("--policy", TEMPLATE, *KEY_ACCOUNT)], ids=["config", "folder", "template"]
)
def test_a_config_its_folder_and_its_template_give_the_same_answer(
    asked: tuple[str | Path, ...], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert ask(tmp_path, ENCRYPTS, "--format", "json", *asked) == errors.OK
    assert json.loads(capsys.readouterr().out) == [
        {
            "name": "the trail encrypts",
            "decision": "allowed",
            "reason": "allowed",
            "statements": ["CloudTrailEncryptsLogs"],
        }
    ]


def test_an_answer_that_is_not_expected_ends_with_3(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    other = {**ENCRYPTS, "name": "another trail", "context": {"aws:SourceArn": f"{TRAIL}-2"}}

    assert ask(tmp_path, [{**ENCRYPTS, "expect": "allowed"}, {**other, "expect": "denied"}], CONFIG) == errors.OK
    assert capsys.readouterr().out.splitlines() == [
        "allowed  the trail encrypts: allowed (CloudTrailEncryptsLogs)",
        "denied   another trail: no_matching_allow",
        (
            f"         nearest is CloudTrailEncryptsLogs, but aws:SourceArn is {TRAIL}-2 in the request (StringEquals {TRAIL}); "
            "kms:EncryptionContext:aws:cloudtrail:arn is missing from the request "
            "(StringLike arn:aws:cloudtrail:*:111111111111:trail/*)"
        ),
    ]
    assert ask(tmp_path, {**other, "expect": "allowed"}, CONFIG) == errors.CHECK_FAILED
    assert capsys.readouterr().err == ("error: another trail: expected allowed, is denied (no_matching_allow)\n")


ALL_OF_IAM = [{"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": "*", "Resource": "*"}}]
PERMISSION_SET = (
    "arn:aws:iam::333333333333:role/aws-reserved/sso.amazonaws.com/eu-west-1/AWSReservedSSO_SecurityAnalyst"
)
READS = {"kms:ViaService": "s3.us-east-1.amazonaws.com", "kms:EncryptionContext:aws:cloudtrail:arn": TRAIL}
WINDOW = "kms:ScheduleKeyDeletionPendingWindowInDays"


@pytest.mark.parametrize(
    ("principal", "action", "context", "expected"),
    [
        (f"{PERMISSION_SET}_0123456789abcdef", "kms:Decrypt", READS, "allowed"),
        (f"{PERMISSION_SET}_Contractors_0123456789abcdef", "kms:Decrypt", READS, "denied"),
        ("arn:aws:iam::222222222222:role/CloudFormationDeployment", "kms:PutKeyPolicy", {}, "allowed"),
        ("arn:aws:iam::222222222222:role/CloudFormationDeployment", "kms:DisableKey", {}, "denied"),
        ("arn:aws:iam::222222222222:role/CloudFormationDeployment", "kms:DisableKeyRotation", {}, "denied"),
        ("arn:aws:iam::222222222222:role/BreakGlass", "kms:DisableKey", {}, "allowed"),
        ("arn:aws:iam::222222222222:role/BreakGlass", "kms:ScheduleKeyDeletion", {WINDOW: "30"}, "allowed"),
        ("arn:aws:iam::222222222222:role/BreakGlass", "kms:ScheduleKeyDeletion", {WINDOW: "29"}, "denied"),
        ("arn:aws:iam::222222222222:role/BreakGlass", "kms:ScheduleKeyDeletion", {WINDOW: "7"}, "denied"),
        # Without a window AWS takes 30 days.
        ("arn:aws:iam::222222222222:role/BreakGlass", "kms:ScheduleKeyDeletion", {}, "allowed"),
    ],
)
def test_the_key_policy_of_the_example_lets_people_do_their_work_and_their_neighbours_not(
    principal: str, action: str, context: dict[str, str], expected: str, tmp_path: Path
) -> None:
    said = {"principal": principal, "action": action, "context": context, "expect": expected}
    request = {"name": "this", **said, "identity_policies": ALL_OF_IAM}

    assert ask(tmp_path, request, FOLDER) == errors.OK


def test_the_answer_of_the_aws_cli_can_be_asked(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    policy = json.dumps(document(statement(Sid="Open")))
    answer = written(tmp_path, {"Policy": policy, "PolicyName": "default"})
    request = {"name": "anyone", "principal": "arn:aws:iam::222222222222:role/Anyone", "action": "kms:Decrypt"}

    assert ask(tmp_path, request, "--policy", answer, *KEY_ACCOUNT) == errors.OK
    assert capsys.readouterr().out == "allowed  anyone: allowed (Open)\n"


NO_ACCOUNT = {
    "Version": "2012-10-17",
    "Statement": {
        "Sid": "Open",
        "Effect": "Allow",
        "Principal": {"AWS": "*"},
        "Action": "kms:Decrypt",
        "Resource": "*",
    },
}
DECRYPTS = {"name": "role", "principal": "arn:aws:iam::222222222222:role/Any", "action": "kms:Decrypt"}


@pytest.mark.parametrize("policy", [NO_ACCOUNT, OWN_ACCOUNT], ids=["policy", "template"])
def test_policy_that_does_not_say_its_account_takes_it_from_the_requests_or_asks_for_it(
    policy: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = written(tmp_path, policy)

    assert ask(tmp_path, DECRYPTS, "--policy", file) == errors.USAGE
    assert capsys.readouterr().err == (
        f"{file}: neither the policy nor a request shows which account owns the key; 12 digits are needed; "
        "add --key-account ID, or name the key's ARN as resource in a request\n"
    )
    assert ask(tmp_path, [DECRYPTS, {**DECRYPTS, "resource": KEY}], "--policy", file) == errors.OK
    from_requests = capsys.readouterr().out
    assert ask(tmp_path, [DECRYPTS, {**DECRYPTS, "resource": KEY}], "--policy", file, *KEY_ACCOUNT) == errors.OK
    assert capsys.readouterr().out == from_requests
    assert ask(tmp_path, DECRYPTS, "--policy", file, *KEY_ACCOUNT) == errors.OK


def test_template_speaks_of_the_account_that_the_requests_name(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    template = written(tmp_path, OWN_ACCOUNT)
    root = {"name": "root", "principal": "arn:aws:iam::222222222222:root", "action": "kms:PutKeyPolicy"}
    stranger = {**root, "name": "stranger", "principal": "arn:aws:iam::333333333333:root"}
    requests = [{**root, "resource": KEY, "expect": "allowed"}, {**stranger, "resource": KEY, "expect": "denied"}]

    assert ask(tmp_path, requests, "--policy", template) == errors.OK
    assert [line.partition(":")[0] for line in capsys.readouterr().out.splitlines()] == [
        "allowed  root",
        "denied   stranger",
        "         nearest is statement 0, but arn",
    ]


READER_OF_NOTHING = {
    "name": "reads",
    "principal": "arn:aws:iam::333333333333:role/CloudTrailRead",
    "action": "kms:Decrypt",
}
IAM = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "kms:Encrypt", "Resource": "*"}]}


def test_denied_answer_says_what_came_nearest_and_what_of_it_does_not_match(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    conditions = [
        "kms:ViaService is missing from the request (StringEquals s3.us-east-1.amazonaws.com)",
        (
            "kms:EncryptionContext:aws:cloudtrail:arn is missing from the request "
            "(StringLike arn:aws:cloudtrail:*:111111111111:trail/*)"
        ),
    ]
    iam = "the caller's own IAM policy has to allow it too, and identity_policies "
    lacking = {**READER_OF_NOTHING, "identity_policies": [IAM]}

    assert ask(tmp_path, [READER_OF_NOTHING, lacking], "--format", "json", CONFIG) == errors.OK
    bare, with_policy = json.loads(capsys.readouterr().out)

    assert bare["nearest"][0] == {
        "statement": "ReaderResponders",
        "not_met": [*conditions, f"{iam}is missing from the request"],
    }
    assert with_policy["nearest"][0]["not_met"] == [*conditions, f"{iam}does not"]


def test_the_example_of_the_help_is_answered_as_it_expects(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.run(["decide", "--help"]) == errors.OK
    example = textwrap.dedent(capsys.readouterr().out.partition("a request:\n")[2])
    file = tmp_path / "requests.yaml"
    file.write_text(example, encoding="utf-8")

    assert {"context", "identity_policies", "expect"} <= yaml.safe_load(example)[0].keys()
    assert cli.run(["decide", str(CONFIG), str(file)]) == errors.OK


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            KEY_ACCOUNT,
            "request 2: resource: a key of account 333333333333, but --key-account is 222222222222; one key is asked; correct one of them",
        ),
        (
            (),
            "the requests name keys of several accounts (222222222222, 333333333333); requests are put to one key; put those of each account into a file of their own",
        ),
    ],
    ids=["option", "requests"],
)
def test_accounts_that_contradict_one_another_are_named(
    arguments: tuple[str, ...], message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    policy = written(tmp_path, NO_ACCOUNT)
    other = KEY.replace("222222222222", "333333333333")

    asked = [{**DECRYPTS, "resource": KEY}, {**DECRYPTS, "resource": other}]
    assert ask(tmp_path, asked, "--policy", policy, *arguments) == errors.USAGE
    assert capsys.readouterr().err.endswith(f"{message}\n")


def test_a_template_of_several_keys_is_refused_with_their_places(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    key = OWN_ACCOUNT["Resources"]["Key"]
    template = written(tmp_path, {"Resources": {"One": key, "Two": key}})

    assert ask(tmp_path, ENCRYPTS, "--policy", template, *KEY_ACCOUNT) == errors.USAGE
    assert capsys.readouterr().err == (
        f"{template}: holds 2 key policies ({template}: Resources/One, {template}: Resources/Two); requests are put to one; "
        "put that policy into a file of its own\n"
    )


@pytest.mark.parametrize("asked", [(), ("--policy", TEMPLATE, CONFIG)], ids=["neither", "both"])
def test_either_a_config_or_a_policy_is_asked(
    asked: tuple[str | Path, ...], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert ask(tmp_path, ENCRYPTS, *asked) == errors.USAGE
    assert "name a config, an output folder or --policy FILE, one of them" in capsys.readouterr().err


def test_account_of_a_key_is_an_option_for_policies_only(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert ask(tmp_path, ENCRYPTS, *KEY_ACCOUNT, CONFIG) == errors.USAGE
    assert capsys.readouterr().err.startswith("--key-account: for --policy only")
