"""What our libraries let through or get wrong: the reasons some of our own code exists, each held so that an upgrade tells us.

A failure here is not a defect: a library got better. Look whether the code that makes up for it can go, then drop the test.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import boto3
import cfnlint.api
import pytest
import troposphere.kms
from awacs.aws import Action, Allow, Condition, PolicyDocument, Principal, Statement, StringEquals
from moto import mock_aws

from helpers import document, statement
from trailkey import aws
from trailkey.checks.lint import LintInput, lint
from trailkey.cloudformation import dump_yaml

if TYPE_CHECKING:
    from pathlib import Path

RETAIN = {"DeletionPolicy": "Retain", "UpdateReplacePolicy": "Retain"}


def key(*statements: dict[str, Any], **properties: Any) -> dict[str, Any]:
    return {
        "Type": "AWS::KMS::Key",
        **RETAIN,
        "Properties": {"EnableKeyRotation": True, "KeyPolicy": document(*statements)} | properties,
    }


def rules(**resources: dict[str, Any]) -> list[str]:
    text = dump_yaml({"AWSTemplateFormatVersion": "2010-09-09", "Resources": resources})
    return [match.rule.id for match in lint({"a.yaml": LintInput(text, ("us-east-1",))})]


def test_awacs_drops_the_first_of_two_conditions_with_the_same_operator() -> None:
    condition = Condition([StringEquals("kms:CallerAccount", "1"), StringEquals("kms:ViaService", "2")])

    assert condition.JSONrepr() == {"StringEquals": {"kms:ViaService": "2"}}


def test_awacs_accepts_an_action_that_does_not_exist() -> None:
    assert Action("kms", "Nonsense").JSONrepr() == "kms:Nonsense"


def test_awacs_accepts_a_statement_without_action_and_resource() -> None:
    document = PolicyDocument(Statement=[Statement(Effect=Allow, Principal=Principal("*"))])

    assert json.loads(document.to_json()) == {"Statement": [{"Effect": "Allow", "Principal": "*"}]}


@pytest.mark.parametrize("days", [-1, 0, 89, 2561])
def test_troposphere_accepts_any_rotation_period(days: int) -> None:
    resource = troposphere.kms.Key("Key", RotationPeriodInDays=days)

    assert resource.to_dict()["Properties"] == {"RotationPeriodInDays": days}


def test_cfn_lint_is_silent_about_a_key_for_everyone() -> None:
    assert rules(Key=key(statement(Principal="*", Action="kms:*"))) == []
    assert rules(Key=key(statement(Principal={"AWS": "*"}))) == []


def test_cfn_lint_is_silent_about_a_service_principal_without_source() -> None:
    assert rules(Key=key(statement(Principal={"Service": aws.CLOUDTRAIL}))) == []


def test_cfn_lint_is_silent_about_an_unknown_condition_key() -> None:
    assert rules(Key=key(statement(Condition={"StringEquals": {"kms:Nonsense": "a"}}))) == []


def test_cfn_lint_is_silent_about_a_key_policy_that_is_too_long() -> None:
    accounts = [f"arn:aws:iam::{number:012}:root" for number in range(2000)]
    assert len(str(accounts)) > aws.KEY_POLICY_BYTES

    assert rules(Key=key(statement(Principal={"AWS": accounts}))) == []


def test_cfn_lint_is_silent_about_a_managed_policy_that_is_too_long() -> None:
    keys = [f"arn:aws:kms:us-east-1:111111111111:key/{number:036}" for number in range(200)]
    assert len(str(keys)) > aws.MANAGED_POLICY_CHARACTERS
    policy = document({"Effect": "Allow", "Action": "kms:Decrypt", "Resource": keys})

    assert rules(Policy={"Type": "AWS::IAM::ManagedPolicy", "Properties": {"PolicyDocument": policy}}) == []


def test_cfn_lint_is_silent_about_a_trail_whose_bucket_has_no_policy() -> None:
    trail = {"S3BucketName": {"Ref": "Bucket"}, "IsLogging": True}

    assert (
        rules(
            Bucket={"Type": "AWS::S3::Bucket", **RETAIN}, Trail={"Type": "AWS::CloudTrail::Trail", "Properties": trail}
        )
        == []
    )


def test_cfnlintrc_weakens_cfn_lint_itself_and_not_our_lint(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / ".cfnlintrc").write_text("ignore_checks: [E3034]\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    resource = key(statement(), PendingWindowInDays=3)

    plain = cfnlint.api.lint(
        dump_yaml({"Resources": {"Key": resource}}), config={"ignore_checks": [], "regions": ["us-east-1"]}
    )

    assert [match.rule.id for match in plain] == []
    assert rules(Key=resource) == ["E3034"]


def test_moto_cannot_create_a_key_with_tags_from_a_template(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    resource = key(statement(), Tags=[{"Key": "owner", "Value": "security"}])
    text = dump_yaml({"Resources": {"Key": resource}, "Outputs": {"Arn": {"Value": {"Fn::GetAtt": ["Key", "Arn"]}}}})

    with mock_aws(), pytest.raises(KeyError, match="TagKey"):
        boto3.client("cloudformation", region_name="us-east-1").create_stack(StackName="logs", TemplateBody=text)
