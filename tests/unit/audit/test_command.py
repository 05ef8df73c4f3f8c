"""``trailkey audit`` as people and pipelines call it: what is printed where, exit codes, and files that are no key policy."""

from __future__ import annotations

import io
import json
import sys
from typing import TYPE_CHECKING, Any

import pytest

from helpers import TESTS, allow, deny
from helpers import document as policy
from trailkey import cli, errors

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

CASES = TESTS / "audit"
ACCOUNT = "210987654321"
KEY = f"arn:aws:kms:us-east-1:{ACCOUNT}:key/b5900000-0000-0000-0000-000000000000"


def run(*arguments: str | Path) -> int:
    return cli.run(["audit", *map(str, arguments)])


SHIP = allow({"AWS": f"arn:aws:iam::{ACCOUNT}:role/Ship"}, "kms:PutKeyPolicy", sid="ShipUpdates")
DESCRIBES = allow(
    {"Service": "cloudtrail.amazonaws.com"},
    "kms:DescribeKey",
    sid="TrailDescribes",
    StringEquals={"aws:SourceArn": f"arn:aws:cloudtrail:us-east-1:{ACCOUNT}:trail/ledger"},
)
OPEN = allow({"Service": "cloudtrail.amazonaws.com"}, "kms:GenerateDataKey*", sid="TrailEncrypts")
HELD = allow(
    {"Service": "cloudtrail.amazonaws.com"},
    "kms:GenerateDataKey*",
    sid="TrailEncrypts",
    StringEquals={"aws:SourceArn": f"arn:aws:cloudtrail:us-east-1:{ACCOUNT}:trail/ledger"},
    StringLike={"kms:EncryptionContext:aws:cloudtrail:arn": f"arn:aws:cloudtrail:*:{ACCOUNT}:trail/*"},
)


def written(folder: Path, document: Any) -> Path:
    path = folder / "policy.json"
    path.write_text(document if isinstance(document, str) else json.dumps(document), encoding="utf-8")
    return path


MESSAGE = (
    "statement TrailEncrypts lets CloudTrail call kms:GenerateDataKey for a trail of any account, such as "
    "arn:aws:cloudtrail:us-east-1:999999999999:trail/other"
)
REMEDY = "hold the statement to the trail with StringEquals aws:SourceArn, beside the encryption context"
SENTENCE = f"{MESSAGE}; {REMEDY}"


def test_findings_are_printed_with_request_and_assumptions(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    written(tmp_path, policy(OPEN, DESCRIBES, SHIP))

    assert run("policy.json") == errors.CHECK_FAILED
    assert capsys.readouterr().out == (
        "error cloudtrail-unconfined\n"
        f"  policy.json: {SENTENCE}\n"
        "  allowed: cloudtrail.amazonaws.com kms:GenerateDataKey with "
        "aws:SourceArn=arn:aws:cloudtrail:us-east-1:999999999999:trail/other\n"
        f"assumed: the key's account is {ACCOUNT}: only its principals may replace the key policy, which no other account can be "
        "allowed to\n"
        "assumed: the key's Region is us-east-1: nothing says another\n"
        "assumed: the key's trails are those of the accounts that its policy names; --trail names them\n"
        "assumed: readers are not checked, only others who can read; --reader names who reads\n"
        "assumed: whoever changes the key's settings administers it; --administrator names who does\n"
        "assumed: anyone of the key's account may be the one who updates the policy; --deployer names the role\n"
        "assumed: no break-glass role is known; --break-glass names it\n"
    )


def test_json_is_the_list_of_findings_and_nothing_else(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = written(tmp_path, policy(OPEN, DESCRIBES, SHIP))

    assert run(path, "--format", "json") == errors.CHECK_FAILED
    assert json.loads(capsys.readouterr().out) == [
        {
            "id": "cloudtrail-unconfined",
            "severity": "error",
            "statement": "TrailEncrypts",
            "message": MESSAGE,
            "remedy": REMEDY,
            "witness": {
                "principal": "cloudtrail.amazonaws.com",
                "action": "kms:GenerateDataKey",
                "resource": KEY,
                "context": {"aws:SourceArn": "arn:aws:cloudtrail:us-east-1:999999999999:trail/other"},
            },
            "witness_decision": "allowed",
            "location": {"file": str(path)},
        }
    ]


def test_a_sound_policy_has_no_findings(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    sound = written(tmp_path, policy(HELD, DESCRIBES, SHIP))

    assert run(sound) == errors.OK
    assert capsys.readouterr().out.startswith("no findings\nassumed: the key's account is 210987654321")
    assert run(sound, "--format", "json") == errors.OK
    assert capsys.readouterr().out == "[]\n"


def test_warnings_end_with_success(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    account = allow({"AWS": f"arn:aws:iam::{ACCOUNT}:root"}, "kms:*", sid="AccountDoesAll")

    assert run(written(tmp_path, policy(HELD, DESCRIBES, account))) == errors.OK
    assert capsys.readouterr().out.splitlines()[0] == "warning delegated-to-iam"


def test_standard_input_is_read(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(json.dumps(policy(OPEN, DESCRIBES, SHIP)).encode())))

    assert run("-") == errors.CHECK_FAILED
    assert f"  standard input: {SENTENCE}\n" in capsys.readouterr().out


def test_options_reach_the_audit(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    role = f"arn:aws:iam::{ACCOUNT}:role"
    trail = f"arn:aws:cloudtrail:us-east-1:{ACCOUNT}:trail/journal"
    options: Sequence[str] = (
        *("--trail", trail, "--key-account", ACCOUNT, "--organization", "o-q1w2e3r4t5", "--reader", f"{role}/Reader"),
        *("--administrator", f"{role}/Keeper", "--deployer", f"{role}/Boat", "--break-glass", f"{role}/Glass"),
    )

    assert run(written(tmp_path, policy(HELD, SHIP)), *options, "--format", "json") == errors.CHECK_FAILED
    assert [(one["id"], one["statement"]) for one in json.loads(capsys.readouterr().out)] == [
        ("trail-cannot-encrypt", "TrailEncrypts"),
        ("trail-cannot-describe", None),
        ("reader-cannot-decrypt", None),
        ("locked-out", None),
        ("keeper-cannot-act", None),
        ("wrong-arn", "TrailEncrypts"),
        ("cloudtrail-unconfined", "TrailEncrypts"),
        ("keeper-cannot-act", None),
        ("keeper-cannot-act", None),
    ]


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("--trail", "ledger"),
        ("--key-account", "21098765432"),
        ("--organization", "acme"),
        ("--reader", "Reader"),
        ("--administrator", "Keeper"),
        ("--deployer", "Ship"),
        ("--break-glass", "Glass"),
    ],
)
def test_options_of_the_wrong_kind_are_usage_errors(
    option: str, value: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(written(tmp_path, policy(HELD, DESCRIBES, SHIP)), option, value) == errors.USAGE
    assert capsys.readouterr().err.startswith(f'{option}: "{value}" ')


def template(key_policy: Any, **more: Any) -> dict[str, Any]:
    return {**more, "Resources": {"Key": {"Type": "AWS::KMS::Key", "Properties": {"KeyPolicy": key_policy}}}}


BRANCHES = {
    "Parameters": {"Stage": {"Type": "String"}, "Topic": {"Type": "String"}},
    "Conditions": {
        "IsTest": {"Fn::Equals": [{"Ref": "Stage"}, "test"]},
        "HasTopic": {"Fn::Equals": [{"Ref": "Topic"}, "yes"]},
    },
}
NOTHING = {"Ref": "AWS::NoValue"}


def test_a_finding_of_one_branch_is_placed_there(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    branch = {"Fn::If": ["IsTest", OPEN, HELD]}

    path = written(tmp_path, template(policy(branch, DESCRIBES, SHIP), **BRANCHES))

    assert run(path, "--format", "json") == errors.CHECK_FAILED
    assert [(one["id"], one["location"]) for one in json.loads(capsys.readouterr().out)] == [
        ("cloudtrail-unconfined", {"file": str(path), "logical_id": "Key", "branch": {"IsTest": True}})
    ]
    assert run(path) == errors.CHECK_FAILED
    assert f"policy.json: Resources/Key: {MESSAGE} (where IsTest is true); {REMEDY}\n" in capsys.readouterr().out
    assert run(path, "--parameter", "Stage=production") == errors.OK


def test_a_finding_of_all_branches_is_given_once(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    extra = {
        "Fn::If": [
            "IsTest",
            allow({"AWS": f"arn:aws:iam::{ACCOUNT}:role/T"}, "kms:DescribeKey", sid="TestersLook"),
            NOTHING,
        ]
    }

    assert run(written(tmp_path, template(policy(OPEN, DESCRIBES, SHIP, extra), **BRANCHES))) == errors.CHECK_FAILED
    out = capsys.readouterr().out
    assert out.count("error cloudtrail-unconfined") == 1
    assert f"policy.json: Resources/Key: {SENTENCE}\n" in out


def test_location_in_json_names_the_key_where_there_are_two(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    both = template(policy(OPEN, DESCRIBES, SHIP))
    both["Resources"]["Spare"] = both["Resources"]["Key"]
    path = written(tmp_path, both)

    assert run(path, "--format", "json") == errors.CHECK_FAILED
    assert [(one["message"], one["location"]) for one in json.loads(capsys.readouterr().out)] == [
        (f"{MESSAGE} (in {name})", {"file": str(path), "logical_id": name}) for name in ("Key", "Spare")
    ]


def test_a_template_of_one_megabyte_is_judged(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    large = template(policy(OPEN, DESCRIBES, SHIP), Description="d")
    large["Resources"] |= {
        f"Topic{number}": {"Type": "AWS::SNS::Topic", "Properties": {"DisplayName": "x" * 1900}}
        for number in range(500)
    }
    path = written(tmp_path, large)

    assert path.stat().st_size > 950_000
    assert run(path) == errors.CHECK_FAILED
    assert MESSAGE in capsys.readouterr().out


def nested(depth: int) -> Any:
    value: Any = OPEN
    for level in range(depth):
        value = {"Fn::If": ["IsTest" if level % 2 else "HasTopic", value, NOTHING]}
    return value


def test_deeply_nested_branches_are_judged_or_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(written(tmp_path, template(policy(nested(30), SHIP), **BRANCHES))) == errors.CHECK_FAILED
    assert MESSAGE in capsys.readouterr().out
    assert run(written(tmp_path, template(policy(nested(200), SHIP), **BRANCHES))) == errors.USAGE
    assert "nested deeper than 100 levels" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ('{"Version": "2012-10-17", "Statement": [}', "policy.json:1: not valid JSON"),
        ('{"Version": "2012-10-17", "Version": "2012-10-17", "Statement": []}', "key 'Version' is given twice"),
        ("", "policy.json: empty"),
        ("[]", "not a key policy"),
        ('{"Statement": []}', "Statement: missing or empty"),
        ('{"Version": "2020-01-01", "Statement": ' + json.dumps([SHIP]) + "}", 'unknown version "2020-01-01"'),
        ('{"Resources": {}}', "no AWS::KMS::Key"),
        (
            '{"Statement": [{"Effect": "Allow", "Action": "kms:Decrypt", "Resource": "*"}]}',
            "statements name no Principal",
        ),
        (
            '{"Statement": [{"Effect": "Allow", "Principal": "*", "Action": "sqs:SendMessage", "Resource": "arn:aws:sqs:us-east-1:111122223333:q"}]}',
            "a policy on actions of sqs",
        ),
    ],
)
def test_what_is_no_key_policy_is_refused(
    text: str, says: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    written(tmp_path, text)

    assert run("policy.json") == errors.USAGE
    assert says in capsys.readouterr().err


def test_a_statement_that_cannot_be_read_does_not_hide_the_others(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    strange = {**SHIP, "Sid": "Strange", "Condition": {"StringResembles": {"aws:PrincipalArn": "x"}}}

    assert run(written(tmp_path, policy(OPEN, DESCRIBES, strange)), "--format", "json") == errors.CHECK_FAILED
    found = {one["id"]: one for one in json.loads(capsys.readouterr().out)}
    assert set(found) == {
        "cloudtrail-unconfined",
        "unreadable-statement",
    }  # and no locked-out: Strange may hold the policy
    assert found["unreadable-statement"]["statement"] == "Strange"
    assert "Condition: StringResembles: not an operator that is modelled" in found["unreadable-statement"]["message"]


def test_a_request_that_is_wrongly_denied_is_shown_as_denied(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    trail = "arn:aws:cloudtrail:eu-west-1:222222222222:trail/other-name"
    path = tmp_path / "policy.json"
    path.write_text((CASES / "guard-cancelled" / "sound.json").read_text(encoding="utf-8"), encoding="utf-8")

    cli.run(["audit", str(path), "--trail", trail])
    assert (
        f"\n  denied: cloudtrail.amazonaws.com kms:DescribeKey with aws:SourceAccount=222222222222, aws:SourceArn={trail}\n"
        in (capsys.readouterr().out)
    )


TRAIL = f"arn:aws:cloudtrail:eu-west-1:{ACCOUNT}:trail/ledger"


@pytest.mark.parametrize(
    ("options", "region", "why"),
    [
        ([], "us-east-1", ": nothing says another"),
        (["--trail", TRAIL], "eu-west-1", ": its trail is there"),
        (["--trail", TRAIL, "--trail", TRAIL.replace("west-1", "west-2")], "us-east-1", ": nothing says another"),
        (["--trail", TRAIL, "--region", "eu-west-3"], "eu-west-3", None),
    ],
)
def test_region_of_the_key_is_that_of_the_option_or_else_of_its_trails(
    options: list[str], region: str, why: str | None, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A Deny of all other Regions locks nobody out of a key that is in its Region."""
    fence = deny("*", "kms:*", sid="Fence", StringNotEquals={"aws:RequestedRegion": region})
    elsewhere = deny("*", "kms:*", sid="Fence", StringNotEquals={"aws:RequestedRegion": "sa-east-1"})

    run(written(tmp_path, policy(SHIP, fence)), *options)
    printed = capsys.readouterr().out
    run(written(tmp_path, policy(SHIP, elsewhere)), *options)

    assert "locked-out" not in printed
    assert "locked-out" in capsys.readouterr().out
    assert (f"assumed: the key's Region is {region}{why}\n" in printed) is (why is not None)


def test_region_that_the_policy_shows_is_kept_whatever_the_trail(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    reads = allow(
        {"AWS": f"arn:aws:iam::{ACCOUNT}:root"}, StringEquals={"kms:ViaService": "s3.eu-west-3.amazonaws.com"}
    )

    run(written(tmp_path, policy(reads)), "--trail", f"arn:aws:cloudtrail:eu-west-1:{ACCOUNT}:trail/ledger")
    assert "the key's Region is eu-west-3: the services or the key that it names are there" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--region", "eu-wset-1"], '--region: "eu-wset-1" is not a Region; one such as us-east-1 is allowed; did you mean eu-west-1?'),
        (
            ["--region", "eu-west-1", "--parameter", "AWS::Region=eu-west-2"],
            "--region: eu-west-1, but --parameter AWS::Region is eu-west-2; a key is in one Region; leave out one of them",
        ),
    ],
)  # fmt: skip
def test_region_that_is_none_or_another_is_refused(
    options: list[str], message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(written(tmp_path, policy(SHIP)), *options) == errors.USAGE
    assert capsys.readouterr().err == f"{message}\n"
