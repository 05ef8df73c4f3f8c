"""Service limits at their edges: at the limit all is well, one over says what to do."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

import pytest

from helpers import SINGLE, Document, deploy
from trailkey import cloudformation, pipeline
from trailkey.aws import policy_size
from trailkey.checks.limits import check_limits
from trailkey.cloudformation.intrinsics import Place, resolve
from trailkey.errors import CheckError
from trailkey.reports.findings import message_text

if TYPE_CHECKING:
    from pathlib import Path

    from trailkey.findings import Finding

PLACE = Place(account="777777777777", region="eu-central-1", partition="aws")
GATHER = "put roles together with principal_arn_like, or name a whole account or organization path as reader"


def findings(resources: Document, text: str = "") -> list[Finding]:
    return list(check_limits("one.yaml", text, {"Resources": resources}, PLACE))


def policy_of(size: int, letter: str = "x") -> Document:
    """Return a policy that its service counts as so many letters."""
    policy: Document = {"Version": "2012-10-17", "Statement": [{"Sid": ""}]}
    policy["Statement"][0]["Sid"] = letter * (size - policy_size(policy, characters=True))
    return policy


LIMITS = [
    ("AWS::KMS::Key", "KeyPolicy", 32_768, "key-policy-size", ("32,769 bytes; KMS takes 32,768", GATHER)),
    (
        "AWS::S3::BucketPolicy",
        "PolicyDocument",
        20_480,
        "bucket-policy-size",
        ("20,481 bytes; S3 takes 20,480", GATHER),
    ),
    (
        "AWS::IAM::ManagedPolicy",
        "PolicyDocument",
        6_144,
        "managed-policy-size",
        ("6,145 characters; IAM takes 6,144", "use fewer trail owners and prefixes for one reader"),
    ),
]


@pytest.mark.parametrize(("kind", "name", "limit", "identity", "message"), LIMITS)
def test_policies(kind: str, name: str, limit: int, identity: str, message: tuple[str, str]) -> None:
    assert findings({"It": {"Type": kind, "Properties": {name: policy_of(limit)}}}) == []
    [finding] = findings({"It": {"Type": kind, "Properties": {name: policy_of(limit + 1)}}})
    assert (finding.id, finding.severity, str(finding.location)) == (identity, "error", "one.yaml: Resources/It")
    size, remedy = message
    assert message_text(finding).startswith(
        f"the policy has {size}; statements: 1, of readers 0; named: 0 ARNs of trails"
    )
    assert finding.remedy == remedy


def test_kms_and_s3_count_bytes_and_iam_characters() -> None:
    for kind, name, limit, _, _ in LIMITS:
        found = findings({"It": {"Type": kind, "Properties": {name: policy_of(limit, "é")}}})
        assert len(found) == (0 if kind == "AWS::IAM::ManagedPolicy" else 1)


def test_policies_are_counted_with_what_functions_stand_for() -> None:
    policy = policy_of(32_768 - 13)
    policy["Statement"][0]["Sid"] += "${AWS::AccountId}!"
    as_function: Document = {
        "Version": "2012-10-17",
        "Statement": [{"Sid": {"Fn::Sub": policy["Statement"][0]["Sid"]}}],
    }
    assert policy_size(policy) > 32_768
    assert findings({"Key": {"Type": "AWS::KMS::Key", "Properties": {"KeyPolicy": as_function}}}) == []
    as_function["Statement"][0]["Sid"]["Fn::Sub"] += "!"
    assert len(findings({"Key": {"Type": "AWS::KMS::Key", "Properties": {"KeyPolicy": as_function}}})) == 1


def test_template_bytes() -> None:
    assert findings({}, "é" * 500_000) == []
    [finding] = findings({}, "é" * 500_000 + "x")
    assert (finding.id, str(finding.location)) == ("template-size", "one.yaml")
    assert message_text(finding) == (
        "the template has 1,000,001 bytes; CloudFormation takes 1,000,000; set layout: by_purpose, or split the deployment"
    )


def test_resources_of_a_template() -> None:
    many: dict[str, Any] = {f"R{number}": {"Type": "AWS::SNS::Topic", "Properties": {}} for number in range(500)}
    assert findings(many) == []
    [finding] = findings({**many, "R500": many["R0"]})
    assert finding.id == "template-resources"
    assert message_text(finding) == "the template has 501 resources; CloudFormation takes 500; split the deployment"


def test_policies_of_a_role() -> None:
    policy = {"Type": "AWS::IAM::ManagedPolicy", "Properties": {"PolicyDocument": policy_of(99), "Roles": ["R", "S"]}}
    last = {"Type": "AWS::IAM::ManagedPolicy", "Properties": {"PolicyDocument": policy_of(99), "Roles": ["R"]}}
    ten = {f"P{number}": policy for number in range(10)}
    assert findings(ten) == []
    [finding] = findings({**ten, "Last": last})
    assert finding.id == "policies-per-role"
    assert message_text(finding) == (
        "role 'R' gets 11 managed policies; IAM attaches 10 by default; "
        "ask for a higher quota, or use another role for some"
    )


def readers(count: int) -> list[Document]:
    return [{"name": f"r{number}", "role": f"main:role/Reader{number}"} for number in range(count)]


def size_of_key_policy(folder: Path, count: int, last: str = "R") -> tuple[int, list[Finding]]:
    """Return what the key policy of so many readers counts, and what the check says of its template."""
    config = [*readers(count), {"name": "last", "role": f"main:role/{last}"}]
    rendered = pipeline.render(
        deploy(
            folder, SINGLE, readers=config, bucket={"existing": True, "bucket_key_enabled": False}, layout="by_purpose"
        )
    )
    text = rendered.files["main-key.yaml"].decode()
    template = cloudformation.load(text, "main-key.yaml")
    found = list(check_limits("main-key.yaml", text, template, PLACE))
    return policy_size(resolve(template["Resources"]["Key"]["Properties"]["KeyPolicy"], template, PLACE)), found


def test_a_real_key_policy_at_its_limit(tmp_path: Path) -> None:
    """The last reader's name fills the policy to the byte; one letter more is refused."""
    low, _ = size_of_key_policy(tmp_path, 0)
    each = (size_of_key_policy(tmp_path, 9)[0] - low) // 9
    count = (32_768 - low) // each
    while (room := 32_768 - size_of_key_policy(tmp_path, count)[0]) < 0:
        count -= 1
    path = ("p" * 60 + "/") * (room // 61) + "n" * (room % 61)
    size, found = size_of_key_policy(tmp_path, count, path + "R")
    assert (size, found) == (32_768, [])
    size, [finding] = size_of_key_policy(tmp_path, count, path + "RR")
    assert size == 32_769
    assert re.fullmatch(
        rf"the policy has 32,769 bytes; KMS takes 32,768; statements: \d+, of readers \d+; named: 2 ARNs of trails .*, \d+ roles, .*; {re.escape(GATHER)}",
        message_text(finding),
    )


def test_the_policy_of_an_existing_bucket_is_counted_too(tmp_path: Path) -> None:
    config = {"readers": readers(60), "bucket": {"existing": True, "bucket_key_enabled": False}}
    rendered = pipeline.render(deploy(tmp_path, SINGLE, **config))
    size = policy_size(json.loads(rendered.files["bucket-policy.json"]))
    with pytest.raises(CheckError) as caught:
        pipeline.generate([tmp_path / "config.yaml"], tmp_path / "output")
    found = [finding for finding in caught.value.findings if finding.id == "bucket-policy-size"]
    (finding,) = found
    assert str(finding.location) == "bucket-policy.json"
    assert message_text(finding).startswith(f"the policy has {size:,} bytes; S3 takes 20,480; statements: ")
    assert message_text(finding).endswith(GATHER)
    assert not (tmp_path / "output").exists()


def test_a_policy_full_of_trails_is_not_told_to_have_fewer_readers(tmp_path: Path) -> None:
    names = [f"a{number}" for number in range(90)]
    accounts = {name: {"id": f"{number + 10**11}", "deployer": "role/Deploy"} for number, name in enumerate(names)}
    config = {
        "accounts": {**SINGLE["accounts"], **accounts},
        "trails": [{"name": "audit", "account": name, "home_region": "eu-central-1"} for name in names],
        "layout": "by_purpose",
    }
    deploy(tmp_path, SINGLE, **config)
    with pytest.raises(CheckError) as caught:
        pipeline.generate([tmp_path / "config.yaml"], tmp_path / "output")

    (finding,) = (one for one in caught.value.findings if one.id == "key-policy-size")
    assert re.search(
        r"of readers 0; named: 180 ARNs of trails and their folders \(14,580 bytes\), 182 roles", finding.message
    )
    assert finding.remedy.startswith("put an organization trail in place of trails of single accounts")


def test_a_policy_full_of_roles_is_not_told_to_have_fewer_trails(tmp_path: Path) -> None:
    key = {"break_glass": [f"main:role/{'x' * 40}{number}" for number in range(500)]}
    readers = [{"name": "one", "role": "main:role/Reader"}]
    deploy(tmp_path, SINGLE, key=key, readers=readers, layout="by_purpose")
    with pytest.raises(CheckError) as caught:
        pipeline.generate([tmp_path / "config.yaml"], tmp_path / "output")

    (finding,) = (one for one in caught.value.findings if one.id == "key-policy-size")
    assert finding.remedy == GATHER
