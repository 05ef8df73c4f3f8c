"""``trailkey audit`` of what is around the key: a template as a whole, a bucket's or topic's own policy, ``--lake``, and many files."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from helpers import TESTS, allow, document
from trailkey import api, cli, errors
from trailkey.errors import UsageError

if TYPE_CHECKING:
    from pathlib import Path

    from trailkey.audit.registry import Report

HOME = "210987654321"
TRAIL = f"arn:aws:cloudtrail:eu-west-1:{HOME}:trail/ledger"
WHOLE = TESTS / "audit" / "trail-before-policy" / "sound.yaml"
CLOUDTRAIL = {"Service": "cloudtrail.amazonaws.com"}


def errors_of(report: Report) -> list[tuple[str, str]]:
    return [(one.id, one.location.logical_id) for one in report.findings if one.severity == "error"]


def test_a_sound_template_with_everything_has_no_error() -> None:
    assert errors_of(api.audit(WHOLE)) == []


@pytest.mark.parametrize(
    ("old", "new", "found"),
    [
        ("trail/ledger}\n", "trail/ledger}\n", []),
        ("TrailName: ledger", "TrailName: other", [("trail-cannot-encrypt", "Key"), ("trail-cannot-write", "BucketPolicy")]),
        ("Action: s3:GetBucketAcl", "Action: s3:GetBucketPolicy", [("trail-cannot-write", "BucketPolicy")]),
        ("bucket-owner-full-control", "private", [("trail-cannot-write", "BucketPolicy")]),
        ("Action: SNS:Publish", "Action: SNS:Subscribe", [("trail-cannot-publish", "TopicPolicy")]),
        ('Action: "kms:GenerateDataKey*"', 'Action: "kms:Encrypt"', [("trail-cannot-encrypt", "Key")]),
        ("RoleName: Auditor", "RoleName: Auditors", [("reader-cannot-decrypt", "Key")]),
    ],
)  # fmt: skip
def test_each_part_is_held_to_the_others(old: str, new: str, found: list[tuple[str, str]]) -> None:
    text = WHOLE.read_text(encoding="utf-8")
    if found:
        assert old in text
    template = text.replace(old, new)

    assert set(found) <= set(errors_of(api.audit(_read(template))))


def _read(text: str) -> dict[str, Any]:
    from trailkey import cloudformation

    return dict(cloudformation.load(text, "template.yaml"))


def test_a_template_without_a_key_is_judged_for_its_bucket() -> None:
    template = _read(WHOLE.read_text(encoding="utf-8"))
    for name in ("Key", "Reader", "Reads"):
        template["Resources"].pop(name)
    template["Resources"]["Trail"]["Properties"].pop("KMSKeyId")

    assert errors_of(api.audit(template)) == []
    template["Resources"]["Trail"]["Properties"]["S3KeyPrefix"] = "elsewhere"
    assert errors_of(api.audit(template)) == [("trail-cannot-write", "BucketPolicy")]


STORE_ACTIONS = ["kms:GenerateDataKey", "kms:Decrypt", "kms:DescribeKey"]
KEEP = allow({"AWS": f"arn:aws:iam::{HOME}:role/Ship"}, "kms:PutKeyPolicy", sid="Ship")


@pytest.mark.parametrize("missing", STORE_ACTIONS)
def test_the_key_of_an_event_data_store_has_what_lake_needs(missing: str) -> None:
    whole = document(KEEP, allow(CLOUDTRAIL, STORE_ACTIONS, sid="Lake"))
    less = document(KEEP, allow(CLOUDTRAIL, [one for one in STORE_ACTIONS if one != missing], sid="Lake"))

    assert errors_of(api.audit(whole, lake=True)) == []
    (found,) = (one for one in api.audit(less, lake=True).findings if one.severity == "error")
    assert (found.id, missing in found.message) == ("store-cannot-use", True)


@pytest.mark.parametrize(
    "condition",
    [
        {"StringEquals": {"aws:SourceAccount": HOME}},
        {"ArnLike": {"aws:SourceArn": f"arn:aws:cloudtrail:eu-west-1:{HOME}:eventdatastore/*"}},
        {"StringLike": {"kms:EncryptionContext:aws:cloudtrail:arn": f"arn:aws:cloudtrail:*:{HOME}:trail/*"}},
    ],
    ids=str,
)
def test_a_condition_that_requests_for_a_store_never_meet_is_an_error(condition: dict[str, Any]) -> None:
    held = document(KEEP, allow(CLOUDTRAIL, STORE_ACTIONS, sid="Lake", **condition))

    assert "store-cannot-use" in {one for one, _ in errors_of(api.audit(held, lake=True))}


def test_a_template_with_a_store_says_itself_that_its_key_is_lakes() -> None:
    key = {"Type": "AWS::KMS::Key", "Properties": {"KeyPolicy": document(KEEP, allow(CLOUDTRAIL, STORE_ACTIONS[:1]))}}
    store = {"Type": "AWS::CloudTrail::EventDataStore", "Properties": {"KmsKeyId": {"Fn::GetAtt": ["Key", "Arn"]}}}

    found = errors_of(api.audit({"Resources": {"Key": key, "Store": store}}))
    assert found == [("store-cannot-use", "Key"), ("store-cannot-use", "Key")]
    assert "store-cannot-use" not in {one for one, _ in errors_of(api.audit({"Resources": {"Key": key}}))}


def test_a_key_is_for_lake_or_for_a_trail() -> None:
    with pytest.raises(UsageError, match=r"--lake: the key of an event data store, but --trail arn:"):
        api.audit(document(KEEP), lake=True, trails=[TRAIL])


def test_of_several_files_one_that_cannot_be_read_hides_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "open.json").write_text(json.dumps(document(KEEP, allow("*", "kms:Decrypt"))), encoding="utf-8")
    (tmp_path / "broken.json").write_text('{"Statement": [{"Action": "kms:*"', encoding="utf-8")
    (tmp_path / "other.json").write_text('{"compilerOptions": {}}', encoding="utf-8")

    for asked in (["open.json", "broken.json"], ["broken.json", "open.json"], ["."]):
        assert cli.run(["audit", *asked, "--format", "json"]) == errors.CHECK_FAILED
        found = {(one["id"], one["location"]["file"].rpartition("/")[2]) for one in json.loads(capsys.readouterr().out)}
        assert {("public", "open.json"), ("unreadable-policy", "broken.json")} <= found
        assert not any(file == "other.json" for _, file in found)
    assert cli.run(["audit", "broken.json"]) == errors.USAGE
    assert "broken.json:1:" in capsys.readouterr().err
    assert cli.run(["audit", "open.json", "other.json", "--format", "json"]) == errors.CHECK_FAILED
    assert "unreadable-policy" in capsys.readouterr().out


@pytest.mark.parametrize("name", ["trail-cannot-write", "people-write-logs", "delivery-unconfined"])
def test_the_answer_of_get_bucket_policy_is_judged_like_the_policy(name: str) -> None:
    bad = json.loads((TESTS / "audit" / name / "bad.json").read_text(encoding="utf-8"))
    told, plain = (
        [(one.id, one.message) for one in api.audit(source, trails=[TRAIL]).findings]
        for source in ({"Policy": json.dumps(bad)}, bad)
    )

    assert told == plain
    assert name in {one for one, _ in plain}


@pytest.mark.parametrize(
    ("action", "reads"), [("s3:GetObject", True), ("s3:Get*", True), ("s3:*", False), ("*", False)]
)
def test_whoever_may_do_everything_with_the_bucket_need_not_read(action: str, *, reads: bool) -> None:
    template = _read(WHOLE.read_text(encoding="utf-8"))
    statements = template["Resources"]["Reads"]["Properties"]["PolicyDocument"]["Statement"]
    statements[:] = [{**statements[0], "Action": action}]
    template["Resources"]["Key"]["Properties"]["KeyPolicy"]["Statement"].pop()

    found = {one.id for one in api.audit(template).findings}
    assert ("reader-cannot-decrypt" in found) is reads
