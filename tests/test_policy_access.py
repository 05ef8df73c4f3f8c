"""``trailkey access --policy``: who can do what by a key policy that no config describes, cell by cell, and what is refused."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from helpers import CONTEXT, HOME, TRAIL, allow, deny, document
from trailkey import api, cli, errors
from trailkey.access.language.evaluate import decide
from trailkey.access.language.policy import parse_policy
from trailkey.access.language.request import parse_request
from trailkey.errors import PolicyError, UsageError

if TYPE_CHECKING:
    from pathlib import Path

    from trailkey.proofs.matrix import Cell

ORGANIZATION = "o-a1b2c3d4e5"
OPS = f"arn:aws:iam::{HOME}:role/Ops"
VENDOR = "616263646566"
CLOUDTRAIL = {"Service": "cloudtrail.amazonaws.com"}
POLICY = document(
    allow(
        CLOUDTRAIL,
        "kms:GenerateDataKey*",
        sid="Encrypts",
        StringEquals={"aws:SourceArn": TRAIL},
        StringLike={CONTEXT: TRAIL},
    ),
    allow({"Service": "config.amazonaws.com"}, "kms:GenerateDataKey", sid="Config"),
    allow({"AWS": OPS}, ["kms:PutKeyPolicy", "kms:DescribeKey"], sid="Ops"),
    allow({"AWS": f"arn:aws:iam::{VENDOR}:root"}, "kms:Decrypt", sid="Vendor", StringLike={CONTEXT: TRAIL}),
    allow(
        {"AWS": "*"},
        "kms:Decrypt",
        sid="Members",
        StringEquals={"aws:PrincipalOrgID": ORGANIZATION},
        ArnLike={"aws:PrincipalArn": "arn:aws:iam::*:role/Audit"},
    ),
    deny("*", "kms:ScheduleKeyDeletion", sid="NobodyDeletes"),
)


def cells(policy: Any, **options: Any) -> dict[tuple[str, str], Cell]:
    (matrix,) = api.access(policy=policy, key_account=HOME, region="eu-west-1", **options).matrices
    return {
        (line.row.label, column.id): cell
        for line in matrix.lines
        for column, cell in zip(matrix.columns, line.cells, strict=True)
    }


def test_whoever_the_policy_speaks_of_has_a_row_and_everybody_else_is_in_one() -> None:
    assert list(dict.fromkeys(label for label, _ in cells(POLICY))) == [
        f"CloudTrail, {TRAIL.rpartition('/')[2]}",
        "CloudTrail, another trail or none",
        "config.amazonaws.com",
        "another AWS service",
        "role/Ops",
        "role/Audit of *",
        f"root user of {HOME}",
        f"others of {HOME}",
        f"others of {VENDOR}",
        f"others of {ORGANIZATION}",
        "everyone else",
    ]


@pytest.mark.parametrize(
    ("row", "column", "answer", "statement"),
    [
        (f"CloudTrail, {TRAIL.rpartition('/')[2]}", "encrypt", "yes", "Encrypts"),
        ("CloudTrail, another trail or none", "encrypt", "no", None),
        ("config.amazonaws.com", "encrypt", "yes", "Config"),
        ("another AWS service", "encrypt", "no", None),
        ("role/Ops", "change-policy", "yes", "Ops"),
        (f"others of {HOME}", "change-policy", "no", None),
        ("role/Audit of *", "decrypt-logs", "yes", "Members"),
        (f"others of {VENDOR}", "decrypt-logs", "iam", "Vendor"),
        (f"others of {VENDOR}", "decrypt-other", "iam", "Vendor"),
        (f"others of {ORGANIZATION}", "decrypt-logs", "no", None),
        ("everyone else", "decrypt-logs", "no", None),
        ("role/Ops", "delete", "no", None),
    ],
)
def test_each_cell_is_decided_on_the_policy(row: str, column: str, answer: str, statement: str | None) -> None:
    cell = cells(POLICY)[row, column]

    assert (cell.answer, cell.statements) == (answer, (statement,) if statement else ())
    if cell.witness:
        asked = parse_request(dict(cell.witness))
        assert decide(asked, resource_policy=parse_policy(POLICY, resource_based=True)).decision == "allowed"


def test_a_statement_more_changes_its_cells_and_no_others() -> None:
    more = {**POLICY, "Statement": [*POLICY["Statement"], allow({"AWS": OPS}, "kms:Decrypt", sid="More")]}
    before, after = cells(POLICY), cells(more)

    assert {place for place in before if before[place] != after[place]} == {
        ("role/Ops", "decrypt-logs"),
        ("role/Ops", "decrypt-other"),
    }


@pytest.mark.parametrize("form", ["table", "markdown", "json"])
def test_the_command_prints_it_and_what_was_assumed(
    form: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "policy.json").write_text(json.dumps(POLICY), encoding="utf-8")

    assert cli.run(["access", "--policy", str(tmp_path / "policy.json"), "--format", form]) == errors.OK
    out = capsys.readouterr().out
    if form == "json":
        found = json.loads(out)
        assert [one["id"] for one in found["keys"][0]["rows"]][-1] == "everyone-else"
        assert found["assumptions"]
    else:
        assert "role/Ops" in out
        assert "Region is" in out


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ([], "name a config, an output folder or --policy FILE, one of them"),
        (["config.yaml", "--policy", "policy.json"], "one of them"),
        (["config.yaml", "--region", "eu-west-1"], "for --policy only"),
        (["--policy", "policy.json", "--region", "eu-wset-1"], "did you mean eu-west-1"),
        (["--policy", "policy.json", "--parameter", "Name=a"], "has no parameters"),
    ],
)
def test_what_does_not_go_together_is_refused(
    options: list[str],
    says: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "policy.json").write_text(json.dumps(POLICY), encoding="utf-8")

    assert cli.run(["access", *options]) == errors.USAGE
    assert says in capsys.readouterr().err


def test_the_function_refuses_the_same() -> None:
    with pytest.raises(UsageError, match="one of them"):
        api.access()  # type: ignore[call-overload] # what a caller without types may write
    with pytest.raises(UsageError, match="for --policy only"):
        api.access("config.yaml", region="eu-west-1")  # type: ignore[call-overload] # the same


def test_a_statement_that_cannot_be_read_is_named() -> None:
    with pytest.raises(PolicyError, match="Effect"):
        api.access(policy=document({**allow({"AWS": OPS}, "kms:*"), "Effect": "Permit"}))


def test_a_key_of_two_branches_has_two_matrices() -> None:
    wide = {"Fn::If": ["Wide", allow({"AWS": OPS}, "kms:Decrypt"), {"Ref": "AWS::NoValue"}]}
    template = {
        "Parameters": {"Stage": {"Type": "String"}},
        "Conditions": {"Wide": {"Fn::Equals": [{"Ref": "Stage"}, "test"]}},
        "Resources": {
            "Key": {"Type": "AWS::KMS::Key", "Properties": {"KeyPolicy": document(*POLICY["Statement"], wide)}}
        },
    }
    both = api.access(policy=template, key_account=HOME).matrices
    (one,) = api.access(policy=template, key_account=HOME, parameters={"Stage": "prod"}).matrices

    assert [matrix.name.partition(" where ")[2] for matrix in both] == ["Wide is true", "Wide is false"]
    assert one.name == "policy: Resources/Key"
