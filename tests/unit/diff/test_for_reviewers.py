"""What a reviewer has to see of a change: the gravest example, names as they are written, what comes first, and few rows for many."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

import helpers
from helpers import HOME, TRAIL, Document, allow, deny, document
from trailkey import api, cli
from trailkey.access.language.evaluate import decide
from trailkey.access.language.policy import parse_policy
from trailkey.access.language.request import parse_request
from trailkey.reports.diff import condition_text, consequence_lines, principal_text, row_json, table_lines

if TYPE_CHECKING:
    from pathlib import Path

    from trailkey.diff.compare import Comparison

ROOT: Document = allow({"AWS": f"arn:aws:iam::{HOME}:root"}, ["kms:PutKeyPolicy", "kms:DescribeKey"], sid="Root")
ENCRYPTS: Document = allow(
    {"Service": "cloudtrail.amazonaws.com"},
    "kms:GenerateDataKey*",
    sid="Encrypts",
    StringEquals={"aws:SourceArn": TRAIL},
    StringLike={helpers.CONTEXT: TRAIL},
)


def compared(old: list[Document], new: list[Document]) -> Comparison:
    return api.diff(document(*old), document(*new), key_account=HOME)


def test_the_gravest_action_is_the_example() -> None:
    everything = allow({"AWS": f"arn:aws:iam::{HOME}:role/Ops"}, "kms:*")
    daily = allow({"AWS": f"arn:aws:iam::{HOME}:role/Ops"}, ["kms:Sign", "kms:TagResource", "kms:DescribeKey"])

    (row,) = compared([ROOT], [ROOT, everything]).rows
    assert row.witness["action"] == "kms:PutKeyPolicy"
    (row,) = compared([ROOT], [ROOT, daily]).rows
    assert row.witness["action"] in row.actions


def test_whom_nobody_named_is_the_example_where_the_world_gains() -> None:
    (row,) = compared([ROOT], [ROOT, allow("*", "kms:*")]).rows

    assert (row.witness["principal"], row.witness["action"]) == (
        "arn:aws:iam::999999999999:role/Anyone",
        "kms:CreateGrant",
    )


@pytest.mark.parametrize("operator", ["StringLike", "ArnLike"])
def test_a_pattern_of_role_names_is_kept_in_every_row(operator: str) -> None:
    organization = {"aws:PrincipalOrgID": "o-a1b2c3d4e5"}
    reads = allow("*", "kms:Decrypt", StringEquals=organization)
    pattern = "arn:aws:iam::*:role/Platform"
    conditions = {"StringEquals": organization, operator: {"aws:PrincipalArn": pattern}}
    more = {**allow("*", ["kms:Decrypt", "kms:Encrypt"]), "Condition": conditions}

    found = compared([ROOT, reads], [ROOT, reads, more]).rows
    assert found
    assert {f"principals like {pattern}" in principal_text(row) for row in found} == {True}
    assert {row.actions for row in found} == {("kms:Encrypt",)}


def test_what_is_still_allowed_is_shown_by_a_request() -> None:
    (row,) = compared([ROOT, allow("*", "kms:*")], [ROOT]).rows

    assert row.other is not None
    assert "a part of it is still allowed, such as: arn:aws:iam::" in condition_text(row)
    after = parse_policy(document(ROOT), resource_based=True)
    assert decide(parse_request(row.other), resource_policy=after).decision == "allowed"
    assert decide(parse_request(row.witness), resource_policy=after).decision == "denied"


# What comes first ---------------------------------------------------------------------------------------------------------


def first(old: list[Document], new: list[Document]) -> list[str]:
    return list(consequence_lines(compared(old, new)))


def test_a_policy_that_nobody_can_replace_any_more_is_said_first(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    looks = allow({"AWS": f"arn:aws:iam::{HOME}:root"}, "kms:DescribeKey", sid="Root")
    sentence = f"first: nobody in account {HOME} may replace the key policy any more (kms:PutKeyPolicy)"

    assert first([ROOT], [looks]) == [sentence]
    assert first([looks], [ROOT]) == []
    assert next(table_lines(compared([ROOT], [looks]))) == sentence
    paths = [tmp_path / "old.json", tmp_path / "new.json"]
    for path, statement in zip(paths, (ROOT, looks), strict=True):
        path.write_text(json.dumps(document(statement)), encoding="utf-8")
    assert cli.run(["diff", *map(str, paths), "--key-account", HOME, "--format", "json"]) == 0
    streams = capsys.readouterr()
    assert sentence in streams.err
    assert [row["change"] for row in json.loads(streams.out)] == ["lost"]
    assert cli.run(["diff", *map(str, paths), "--key-account", HOME, "--format", "markdown"]) == 0
    assert capsys.readouterr().out.startswith(f"**{sentence}**\n")


@pytest.mark.parametrize(
    "changed",
    [
        [],
        [ENCRYPTS, deny("*", "kms:GenerateDataKey", StringNotEquals={"aws:SourceVpc": "vpc-1"})],
        [{**ENCRYPTS, "Condition": {"StringEquals": {"aws:SourceArn": TRAIL.replace("us-east-1", "us-east-2")}}}],
    ],
    ids=["removed", "fenced", "another Region"],
)
def test_a_trail_that_can_no_longer_encrypt_is_said_first(changed: list[Document]) -> None:
    assert first([ROOT, ENCRYPTS], [ROOT, *changed]) == [
        f"first: CloudTrail can no longer encrypt for the trail {TRAIL} (kms:GenerateDataKey)"
    ]


def test_a_trail_whose_statement_is_only_worded_otherwise_still_can() -> None:
    assert first([ROOT, ENCRYPTS], [ROOT, {**ENCRYPTS, "Sid": "Other", "Action": ["kms:GenerateDataKey"]}]) == []


# Many that are alike ------------------------------------------------------------------------------------------------------


def account(number: int) -> str:
    return f"{100_000_000_000 + 7919 * number:012d}"


def reads(number: int, **conditions: Any) -> Document:
    return allow({"AWS": f"arn:aws:iam::{account(number)}:root"}, "kms:Decrypt", sid=f"Reads{number}", **conditions)


def test_many_accounts_that_nothing_tells_apart_are_one_row() -> None:
    (row,) = compared([ROOT], [ROOT, *map(reads, range(190))]).rows

    assert principal_text(row) == (
        f"any principal of account {account(0)} whose IAM policies allow it, and likewise for {account(1)}, {account(2)}, "
        f"{account(3)} and 186 more in place of {account(0)}"
    )
    assert row_json(row)["alike"] == {account(0): [account(number) for number in range(1, 190)]}


def test_one_of_them_that_may_do_more_has_a_row_of_its_own() -> None:
    more = allow({"AWS": f"arn:aws:iam::{account(7)}:root"}, "kms:Encrypt")

    found = compared([ROOT], [ROOT, *map(reads, range(190)), more]).rows
    assert {(row.actions, len(row.alike)) for row in found} == {
        (("kms:Decrypt",), 1),
        (("kms:Decrypt", "kms:Encrypt"), 0),
    }
    assert [account(7) in principal_text(row) for row in found if not row.alike] == [True]


def test_few_are_named_one_by_one() -> None:
    found = compared([ROOT], [ROOT, *map(reads, range(4))]).rows

    assert sorted({name for row in found for name in principal_text(row).split() if name.isdigit()}) == [
        account(number) for number in range(4)
    ]
    assert not any(row.alike for row in found)


def test_what_takes_too_long_to_compare_is_unknown_and_named() -> None:
    denies = [
        deny("*", "kms:Decrypt", StringNotEquals={f"aws:PrincipalTag/t{tag}": f"v{number}" for tag in range(12)})
        for number in range(12)
    ]

    found = compared([ROOT], [ROOT, reads(0), *denies])
    assert any("steps of comparing patterns and conditions" in sentence for sentence in found.unknown)
    assert found.may_gain


SIGNS = ["kms:Sign", "kms:Decrypt"]


def test_what_a_symmetric_key_refuses_is_left_out_and_a_name_that_is_left_out_is_said() -> None:
    ops = {"AWS": f"arn:aws:iam::{HOME}:role/Ops"}

    whole = compared([ROOT], [ROOT, allow(ops, "kms:*")])
    assert not {"kms:Sign", "kms:VerifyMac", "kms:GetPublicKey"} & set(whole.rows[0].actions)
    assert {"kms:Decrypt", "kms:PutKeyPolicy"} <= set(whole.rows[0].actions)
    listed = compared([ROOT, ENCRYPTS], [ROOT, ENCRYPTS, allow(ops, SIGNS)])
    assert [row.actions for row in listed.rows] == [("kms:Decrypt",)]
    assert "a key that CloudTrail uses is symmetric, and refuses kms:Sign: left out of the rows" in listed.assumptions


def test_a_key_whose_policy_lists_them_and_that_no_trail_uses_keeps_them() -> None:
    (row,) = compared([ROOT], [ROOT, allow({"AWS": f"arn:aws:iam::{HOME}:role/Ops"}, SIGNS)]).rows

    assert set(row.actions) == set(SIGNS)


def test_accounts_under_a_context_of_their_own_are_one_row() -> None:
    """It takes two to stand for all, one as the caller and one in the context: they are one row too."""
    accounts = [f"{100_000_000_000 + at}" for at in range(20)]
    more = [
        allow(
            {"AWS": f"arn:aws:iam::{one}:root"},
            sid=f"Of{one}",
            StringLike={helpers.CONTEXT: f"arn:aws:cloudtrail:*:{one}:trail/*"},
        )
        for one in accounts
    ]

    (row,) = compared([ROOT], [ROOT, *more]).rows
    ((first, others),) = row.alike
    assert sorted((first, *others)) == accounts
    less = [one for one in more if one["Sid"] != f"Of{accounts[3]}"]
    (row,) = compared([ROOT], [ROOT, *less]).rows
    assert accounts[3] not in str(row.alike)
