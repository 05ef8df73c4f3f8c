"""``trailkey diff`` as people and pipelines call it: what is compared with what, what is printed, how it ends."""

from __future__ import annotations

import hashlib
import io
import json
import os
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from helpers import CONFIGS, OUTPUT
from trailkey import cli, errors, pipeline
from trailkey.cloudformation import dump_yaml
from trailkey.config.load import load
from trailkey.diff.compare import compare_policies, mirrored_names
from trailkey.reports.diff import condition_text, principal_text

if TYPE_CHECKING:
    from collections.abc import Callable


ORGANIZATION, MIRROR = CONFIGS["organization"], CONFIGS["mirror"]
FOLDER = OUTPUT / "organization"
HOME = "222222222222"
ADMIN = f"arn:aws:iam::{HOME}:role/Admin"
EQUAL = "no difference in access\n"

OWNER = {
    "Sid": "Owner",
    "Effect": "Allow",
    "Principal": {"AWS": f"arn:aws:iam::{HOME}:root"},
    "Action": "kms:*",
    "Resource": "*",
}
CLOUDTRAIL = {
    "Sid": "CloudTrail",
    "Effect": "Allow",
    "Principal": {"Service": "cloudtrail.amazonaws.com"},
    "Action": "kms:Decrypt",
    "Resource": "*",
    "Condition": {"StringEquals": {"aws:SourceArn": f"arn:aws:cloudtrail:us-east-1:{HOME}:trail/t"}},
}
OPEN = {**OWNER, "Sid": "Open", "Condition": {"StringEquals": {"aws:PrincipalTag/a": "${aws:RequestTag/a}"}}}
TRAIL_IS = f"aws:SourceArn is arn:aws:cloudtrail:us-east-1:{HOME}:trail/t"
GAINED = {
    "change": "gained",
    "principal": "cloudtrail.amazonaws.com",
    "actions": ["kms:Decrypt"],
    "condition": TRAIL_IS,
    "witness": {
        "principal": "cloudtrail.amazonaws.com",
        "action": "kms:Decrypt",
        "resource": f"arn:aws:kms:us-east-1:{HOME}:key/b5900000-0000-0000-0000-000000000000",
        "context": {"aws:SourceArn": f"arn:aws:cloudtrail:us-east-1:{HOME}:trail/t"},
    },
}
ASSUMED = (
    "assumed: {}: the key's account is 222222222222: only its principals may replace the key policy, which no other account "
    "can be allowed to\nassumed: {}: the key's Region is us-east-1: nothing says another\n"
)


@pytest.fixture
def written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., str]:
    """Write a policy, or a template around it, to a file of the working directory and return the file's name."""
    monkeypatch.chdir(tmp_path)

    def write(name: str, *statements: Any, **template: Any) -> str:
        policy = {"Version": "2012-10-17", "Statement": list(statements)}
        key = {"Type": "AWS::KMS::Key", "Properties": {"KeyPolicy": policy}}
        document = {**template, "Resources": {template.pop("logical_id"): key}} if template else policy
        (tmp_path / name).write_text(json.dumps(document), encoding="utf-8")
        return name

    return write


def run(*arguments: str | Path) -> int:
    return cli.run(["diff", *map(str, arguments)])


def rows(capsys: pytest.CaptureFixture[str]) -> Any:
    return json.loads(capsys.readouterr().out)


# Formats and exit codes


def test_rows_as_json(written: Callable[..., str], capsys: pytest.CaptureFixture[str]) -> None:
    old, new = written("old.json", OWNER), written("new.json", OWNER, CLOUDTRAIL)

    assert run(old, new, "--format", "json") == errors.OK
    assert rows(capsys) == [GAINED]
    assert run(new, old, "--format", "json") == errors.OK
    assert rows(capsys) == [{**GAINED, "change": "lost"}]
    assert run(old, old, "--format", "json") == errors.OK
    assert rows(capsys) == []


def test_rows_as_table(written: Callable[..., str], capsys: pytest.CaptureFixture[str]) -> None:
    old, new = written("old.json", OWNER), written("new.json", OWNER, CLOUDTRAIL)

    assert run(old, new) == errors.OK
    printed = capsys.readouterr()
    assert printed.out == (
        "gained  cloudtrail.amazonaws.com\n"
        "        kms:Decrypt\n"
        f"        if {TRAIL_IS}\n"
        f"        such as {json.dumps(GAINED['witness'])}\n"
        "1 gained\n"
    )
    assert printed.err == ASSUMED.format("old.json", "old.json") + ASSUMED.format("new.json", "new.json")


def test_rows_as_markdown(written: Callable[..., str], capsys: pytest.CaptureFixture[str]) -> None:
    old, new = written("old.json", OWNER), written("new.json", {**OWNER, "Action": ["kms:Put*"]}, CLOUDTRAIL)

    assert run(new, old, "--format", "markdown") == errors.OK
    lines = capsys.readouterr().out.splitlines()
    assert lines[:2] == ["| | who | what | under which condition | for example |", "| --- | --- | --- | --- | --- |"]
    assert lines[2].startswith(
        f"| gained | any principal of account {HOME} whose IAM policies allow it | kms:CancelKeyDeletion,"
    )
    assert lines[3:] == [
        f"| lost | cloudtrail.amazonaws.com | kms:Decrypt | {TRAIL_IS} | `{json.dumps(GAINED['witness'])}` |",
        "",
        "1 gained, 1 lost",
    ]


@pytest.mark.parametrize("form", ["table", "markdown"])
def test_no_difference_is_stated(form: str, written: Callable[..., str], capsys: pytest.CaptureFixture[str]) -> None:
    old = written("old.json", OWNER, CLOUDTRAIL)
    new = written("new.json", {**CLOUDTRAIL, "Sid": "Trail", "Action": ["KMS:Decrypt"]}, {**OWNER, "Action": ["kms:*"]})

    assert run(old, new, "--format", form, "--fail-on-new-access") == errors.OK
    assert capsys.readouterr().out == EQUAL


def test_new_access_ends_with_4_where_that_is_asked_for(written: Callable[..., str]) -> None:
    old, new = written("old.json", OWNER), written("new.json", OWNER, CLOUDTRAIL)

    assert run(old, new, "--fail-on-new-access") == errors.DIFFERS
    assert run(new, old, "--fail-on-new-access") == errors.OK


def test_undecided_difference_is_unknown_and_never_equal(
    written: Callable[..., str], capsys: pytest.CaptureFixture[str]
) -> None:
    old, new = written("old.json", CLOUDTRAIL), written("new.json", CLOUDTRAIL, OPEN)
    reason = "old.json and new.json: whether access is gained: statement Open: aws:PrincipalTag/a is compared with the policy variable ${aws:requesttag/a}, which can have many values"

    assert run(old, new, "--key-account", HOME) == errors.CHECK_FAILED
    printed = capsys.readouterr()
    assert printed.out == "1 unknown\n"
    assert f"unknown: {reason}\n" in printed.err
    assert run(old, new, "--key-account", HOME, "--format", "markdown") == errors.CHECK_FAILED
    assert capsys.readouterr().out == f"1 unknown\n\nunknown: {reason}\n"
    assert run(old, new, "--key-account", HOME, "--fail-on-new-access") == errors.DIFFERS
    assert run(new, new, "--key-account", HOME) == errors.OK


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["old.json", "none.json"], "none.json: no such file; name a file that is there"),
        (["old.json", "."], ".: holds no rollout.json; a folder that trailkey generate wrote is expected; name output/NAME"),
        (["old.json", "old.json", "--rename", "a"], "--rename a: not a valid NAME=VALUE; a name, an equals sign and a value; correct it"),
        (
            ["old.json", "old.json", "--parameter", "A=1", "--parameter", "A=2"],
            "--parameter A=2: A is given twice; each name once; remove one",
        ),
        (["old.json", "old.json", "--key-account", "2"], "--key-account: '2' is not a valid account id; 12 digits; correct it"),
        (
            [str(FOLDER), str(FOLDER), "--parameter", "A=1"],
            "--key-account and --parameter: for policies and templates only; folders and configs have accounts and parameters of their own; leave them out",
        ),
        (
            ["old.json", "other.json"],
            "old.json and other.json: the keys are in different accounts, 222222222222 and 333333333333; two policies of one account are compared; name it with --key-account (policies and templates), or add --rename 222222222222=333333333333",
        ),
    ],
)  # fmt: skip
def test_mistake_is_a_usage_error(
    arguments: list[str], message: str, written: Callable[..., str], capsys: pytest.CaptureFixture[str]
) -> None:
    written("old.json", OWNER)
    written("other.json", {**OWNER, "Principal": {"AWS": "333333333333"}})

    assert run(*arguments) == errors.USAGE
    assert capsys.readouterr().err == f"{message}\n"


def test_order_of_rows_is_the_same_in_every_process(written: Callable[..., str], tmp_path: Path) -> None:
    """Sets of texts are walked in another order in each process."""
    via, unchecked = {"kms:ViaService": "s3.us-east-1.amazonaws.com"}, {"kms:BypassPolicyLockoutSafetyCheck": "true"}
    other = {"AWS": "arn:aws:iam::333333333333:root"}
    keys = {**OWNER, "Action": "kms:GenerateDataKey*"}
    old = [
        {**keys, "Condition": {"StringNotEquals": via}},
        {**keys, "Principal": other, "Condition": {"Bool": unchecked}},
    ]
    paths = [written("old.json", *old), written("new.json", CLOUDTRAIL)]
    command = [sys.executable, "-m", "trailkey", "diff", *paths, "--key-account", HOME]
    printed = {
        subprocess.check_output(command, cwd=tmp_path, env={**os.environ, "PYTHONHASHSEED": seed})
        for seed in ("0", "1")
    }

    assert len(printed) == 1


# Policies and templates


def test_deployed_policy_is_compared_with_the_template_it_came_from(
    written: Callable[..., str], capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    """The template says AWS::AccountId; whose account that is, the deployed policy knows."""
    root = {**OWNER, "Principal": {"AWS": {"Fn::Sub": "arn:${AWS::Partition}:iam::${AWS::AccountId}:root"}}}
    template = written("template.json", root, CLOUDTRAIL, logical_id="Key")
    deployed = {
        "Policy": json.dumps({"Version": "2012-10-17", "Statement": [CLOUDTRAIL, OWNER]}),
        "PolicyName": "default",
    }
    (tmp_path / "deployed.json").write_text(json.dumps(deployed), encoding="utf-8")

    assert run("deployed.json", template) == errors.OK
    assert run(template, "deployed.json") == errors.OK
    assert capsys.readouterr().out == EQUAL * 2


def test_policy_of_standard_input(
    written: Callable[..., str], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    old = written("old.json", OWNER)
    monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=io.BytesIO(Path(old).read_bytes())))

    assert run(old, "-") == errors.OK
    assert capsys.readouterr().out == EQUAL


def test_branch_of_a_template_is_named_and_a_parameter_decides_it(
    written: Callable[..., str], capsys: pytest.CaptureFixture[str]
) -> None:
    guarded = {"Fn::If": ["IsProd", CLOUDTRAIL, {"Ref": "AWS::NoValue"}]}
    new = written(
        "new.json",
        OWNER,
        guarded,
        logical_id="LogKey",
        Parameters={"Env": {"Type": "String"}},
        Conditions={"IsProd": {"Fn::Equals": [{"Ref": "Env"}, "prod"]}},
    )
    old = written("old.json", OWNER, logical_id="Key")

    assert run(old, new, "--format", "json") == errors.OK
    assert rows(capsys) == [
        {**GAINED, "condition": f"where IsProd is true: {TRAIL_IS}", "witness": rows_witness("LogKey")}
    ]
    assert run(old, new, "--format", "json", "--parameter", "Env=prod") == errors.OK
    assert rows(capsys) == [{**GAINED, "witness": rows_witness("LogKey")}]
    assert run(old, new, "--parameter", "Env=dev") == errors.OK
    assert capsys.readouterr().out == EQUAL


def rows_witness(logical_id: str) -> dict[str, Any]:
    """The witness on the key of a template, whose id is made of its name."""
    digits = ("".join(f"{ord(character) % 16:x}" for character in logical_id) + "0" * 32)[:32]
    key_id = "-".join((digits[:8], digits[8:12], digits[12:16], digits[16:20], digits[20:]))
    return {**GAINED["witness"], "resource": f"arn:aws:kms:us-east-1:{HOME}:key/{key_id}"}  # type: ignore[dict-item]


def test_account_of_old_is_read_as_another_in_new(
    written: Callable[..., str], capsys: pytest.CaptureFixture[str]
) -> None:
    old = written("old.json", OWNER)
    new = written("new.json", {**OWNER, "Principal": {"AWS": "arn:aws:iam::333333333333:root"}})

    assert run(old, new, "--rename", f"{HOME}=333333333333") == errors.OK
    assert capsys.readouterr().out == EQUAL


# Folders and configs


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return Path(shutil.copytree(FOLDER, tmp_path / "organization"))


def edit(file: Path, old: str, new: str) -> None:
    """Edit a file of a folder, and its hash in rollout.json with it: a folder that is not consistent is not compared."""
    text = file.read_text(encoding="utf-8")
    assert old in text
    edited = text.replace(old, new, 1)
    file.write_text(edited, encoding="utf-8")
    rollout = file.parent / "rollout.json"
    before, after = (hashlib.sha256(one.encode()).hexdigest() for one in (text, edited))
    rollout.write_text(rollout.read_text(encoding="utf-8").replace(before, after), encoding="utf-8")


def summary(rows: list[dict[str, Any]]) -> list[tuple[str, str, list[str], str]]:
    return [
        (row["change"], row["principal"], row["actions"], row["condition"].partition(", such as:")[0]) for row in rows
    ]


READER = "arn:aws:iam::333333333333:role/CloudTrailRead"
OF_TRAIL = "kms:EncryptionContext:aws:cloudtrail:arn is like arn:aws:cloudtrail:*:111111111111:trail/*"
BUCKET = "arn:aws:s3:::acme-cloudtrail-logs"


def test_folder_equals_itself_and_the_config_it_was_made_from(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(FOLDER, FOLDER) == errors.OK
    assert run(ORGANIZATION, FOLDER) == errors.OK
    assert run(FOLDER, ORGANIZATION) == errors.OK
    assert capsys.readouterr().out == EQUAL * 3


def test_key_bucket_and_iam_policies_of_a_folder_are_compared(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    edit(folder / "log-archive-key.yaml", "kms:ViaService: s3.us-east-1", "kms:ViaService: athena.us-east-1")
    edit(
        folder / "log-archive-bucket.yaml",
        "cloudtrail-logs/AWSLogs/o-a1b2c3d4e5/*",
        "cloudtrail-logs/AWSLogs/o-other/*",
    )
    edit(folder / "security-iam.yaml", "- CloudTrailRead", "- CloudTrailReader")
    capsys.readouterr()

    assert run(FOLDER, folder, "--format", "json") == errors.OK
    written_by_trail = f"aws:SecureTransport is not false and aws:SourceArn is arn:aws:cloudtrail:us-east-1:111111111111:trail/organization-trail and the resource is like {BUCKET}/AWSLogs/"
    acl = "and s3:x-amz-acl is bucket-owner-full-control"
    on_bucket, on_objects = f"the resource is {BUCKET}", f"the resource is like {BUCKET}/AWSLogs/*"
    via = "kms:ViaService is s3.us-east-1.amazonaws.com"
    reader, by_iam = f"role {READER}", "by its IAM policies"
    assert summary(rows(capsys)) == [
        ("gained", reader, ["kms:Decrypt"], f"{OF_TRAIL} and kms:ViaService is athena.us-east-1.amazonaws.com and their IAM policy allows it"),
        ("gained", "cloudtrail.amazonaws.com", ["s3:PutObject"], f"{written_by_trail}111111111111/* or {BUCKET}/AWSLogs/o-other/* {acl}; a part of it was allowed before"),
        ("gained", f"role {READER}er {by_iam}", ["kms:Decrypt"], f"{OF_TRAIL} and {via}"),
        ("gained", f"role {READER}er {by_iam}", ["s3:GetBucketLocation", "s3:ListBucket"], on_bucket),
        ("gained", f"role {READER}er {by_iam}", ["s3:GetObject"], on_objects),
        ("lost", reader, ["kms:Decrypt"], f"{OF_TRAIL} and {via} and their IAM policy allows it; a part of it is still allowed"),
        ("lost", "cloudtrail.amazonaws.com", ["s3:PutObject"], f"{written_by_trail}111111111111/* or {BUCKET}/AWSLogs/o-a1b2c3d4e5/* {acl}; a part of it is still allowed"),
        ("lost", f"{reader} {by_iam}", ["kms:Decrypt"], f"{OF_TRAIL} and {via}"),
        ("lost", f"{reader} {by_iam}", ["s3:GetBucketLocation", "s3:ListBucket"], on_bucket),
        ("lost", f"{reader} {by_iam}", ["s3:GetObject"], on_objects),
    ]  # fmt: skip


def test_stack_that_is_gone_loses_what_its_policies_allowed(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rollout = json.loads((folder / "rollout.json").read_text(encoding="utf-8"))
    rollout["stacks"] = [stack for stack in rollout["stacks"] if stack["stack"] != "organization-security-ou"]
    del rollout["files"]["organization-security-ou.yaml"]
    (folder / "organization-security-ou.yaml").unlink()
    (folder / "rollout.json").write_text(json.dumps(rollout), encoding="utf-8")

    assert run(FOLDER, folder, "--format", "json") == errors.OK
    holder = "whoever holds policy cloudtrail-logs-read-security-ou"
    assert summary(rows(capsys)) == [
        ("lost", holder, ["kms:Decrypt"], f"{OF_TRAIL} and kms:ViaService is s3.us-east-1.amazonaws.com"),
        ("lost", holder, ["s3:GetBucketLocation", "s3:ListBucket"], f"the resource is {BUCKET}"),
        ("lost", holder, ["s3:GetObject"], f"the resource is like {BUCKET}/AWSLogs/*"),
    ]


def test_key_policy_is_compared_with_the_key_of_a_folder(
    written: Callable[..., str], capsys: pytest.CaptureFixture[str]
) -> None:
    template = yaml.safe_load(
        (FOLDER / "log-archive-key.yaml")
        .read_text(encoding="utf-8")
        .replace("!Sub ", "")
        .replace("${AWS::Partition}", "aws")
        .replace("!GetAtt ", "")
        .replace("!Ref ", "")
    )
    old = written("deployed.json", *template["Resources"]["Key"]["Properties"]["KeyPolicy"]["Statement"])

    assert run(old, FOLDER) == errors.OK
    printed = capsys.readouterr()
    assert printed.out == EQUAL
    assert f"assumed: {FOLDER}: only its key policies are compared: the other side is a key policy\n" in printed.err


@pytest.mark.parametrize(
    ("damage", "code", "message"),
    [
        (
            lambda rollout: rollout.pop("stacks"),
            errors.USAGE,
            "rollout.json: stacks: Field required; a file that trailkey generate wrote is expected; run it again",
        ),
        (lambda rollout: rollout["stacks"][0].update(template="none.yaml"), errors.CHECK_FAILED, "none.yaml"),
    ],
    ids=["unreadable", "inconsistent"],
)
def test_folder_that_is_damaged_is_refused(
    damage: Callable[[dict[str, Any]], Any], code: int, message: str, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rollout = json.loads((folder / "rollout.json").read_text(encoding="utf-8"))
    damage(rollout)
    (folder / "rollout.json").write_text(json.dumps(rollout), encoding="utf-8")

    assert run(FOLDER, folder) == code
    assert message in capsys.readouterr().err


def test_config_is_compared_with_its_next_version(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    config = yaml.safe_load(ORGANIZATION.read_text(encoding="utf-8"))
    config["key"]["break_glass"].append("log-archive:role/OnCall")
    (tmp_path / "next.yaml").write_text(yaml.safe_dump(config), encoding="utf-8")

    assert run(ORGANIZATION, tmp_path / "next.yaml", "--format", "json", "--fail-on-new-access") == errors.DIFFERS
    on_call = "role arn:aws:iam::222222222222:role/OnCall"
    repairs = ["kms:CancelKeyDeletion", "kms:DisableKey", "kms:EnableKey"]
    window = "kms:ScheduleKeyDeletionPendingWindowInDays is not less than 30"
    unchecked = "kms:BypassPolicyLockoutSafetyCheck is not true"
    found = summary(rows(capsys))
    assert found[:3] == [
        ("gained", on_call, repairs, "their IAM policy allows it"),
        ("gained", on_call, ["kms:ScheduleKeyDeletion"], f"{window} and their IAM policy allows it"),
        ("gained", on_call, ["kms:PutKeyPolicy"], f"{unchecked} and their IAM policy allows it"),
    ]
    assert {(change, principal) for change, principal, *_ in found[3:]} == {
        ("gained", f"{on_call} by its IAM policies")
    }


# The mirror


def test_committed_mirror_equals_production(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(ORGANIZATION, MIRROR) == errors.OK
    assert capsys.readouterr().out == EQUAL


def test_mirror_whose_accounts_are_production_s_in_another_order_equals_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.copy(ORGANIZATION, tmp_path)
    text = MIRROR.read_text(encoding="utf-8")
    for old, new in (("444444444444", HOME), ("555555555555", "333333333333"), ("666666666666", "111111111111")):
        text = text.replace(old, new)
    (tmp_path / "mirror.yaml").write_text(text, encoding="utf-8")

    assert run(tmp_path / "organization.yaml", tmp_path / "mirror.yaml") == errors.OK
    assert capsys.readouterr().out == EQUAL


def test_mirror_with_one_changed_statement_does_not() -> None:
    base, mirror = load(ORGANIZATION), load(MIRROR)
    old = pipeline.folder_of(base).policies.renamed(mirrored_names(base, mirror))
    new = pipeline.folder_of(mirror).policies
    (key,) = new.keys
    statement = next(one for one in key.document["Statement"] if one["Sid"] == "ReaderResponders")
    assert compare_policies(old, new).rows == ()
    del statement["Condition"]["StringEquals"]

    (row,) = compare_policies(old, replace(new, keys=(replace(key),))).rows
    assert (row.change, principal_text(row), row.actions, condition_text(replace(row, other=None))) == (
        "gained",
        "role arn:aws:iam::666666666666:role/CloudTrailRead",
        ("kms:Decrypt",),
        "kms:EncryptionContext:aws:cloudtrail:arn is like arn:aws:cloudtrail:*:444444444444:trail/* and their IAM policy allows it; a part of it was allowed before",
    )


def test_folders_of_a_mirror_need_its_names(capsys: pytest.CaptureFixture[str]) -> None:
    names = mirrored_names(load(ORGANIZATION), load(MIRROR))
    assert names == {
        "organization": "mirror",
        "111111111111": "444444444444",
        "222222222222": "555555555555",
        "333333333333": "666666666666",
        "888888888888": "123456789012",
        "o-a1b2c3d4e5": "o-z9y8x7w6v5",
        "o-a1b2c3d4e5/r-ab12/ou-ab12-11111111/*": "o-z9y8x7w6v5/r-yz98/ou-yz98-22222222/*",
        "acme-cloudtrail-logs": "acme-mirror-cloudtrail-logs",
        "acme-cloudtrail-logs-access-logs": "acme-mirror-cloudtrail-logs-access-logs",
    }
    renames = [argument for old, new in names.items() for argument in ("--rename", f"{old}={new}")]

    assert run(FOLDER, OUTPUT / "mirror", *renames) == errors.OK
    assert capsys.readouterr().out == EQUAL


def test_config_and_template_are_recognized_by_their_keys(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    template = {
        "Resources": {
            "Key": {
                "Type": "AWS::KMS::Key",
                "Properties": {"KeyPolicy": {"Version": "2012-10-17", "Statement": [OWNER]}},
            }
        }
    }
    (tmp_path / "a.yaml").write_text("# name: not a config\n" + dump_yaml(template), encoding="utf-8")
    (tmp_path / "b.yaml").write_text("name: b\naccounts: {}\n", encoding="utf-8")

    assert run(tmp_path / "a.yaml", tmp_path / "a.yaml") == errors.OK
    assert capsys.readouterr().out == EQUAL
    assert run(tmp_path / "a.yaml", tmp_path / "b.yaml") == errors.USAGE
    assert f"config error: {tmp_path / 'b.yaml'}" in capsys.readouterr().err
