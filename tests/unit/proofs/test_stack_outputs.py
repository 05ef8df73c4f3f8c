"""References without parameters: Fn::GetStackOutput, and the role by which other accounts read the key's ARN."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from helpers import ORGANIZATION, SINGLE, deploy, edited, rendered_templates, rollout_of, with_files
from trailkey import pipeline
from trailkey.errors import PolicyError
from trailkey.output.manifest import MANIFEST

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from helpers import Document
    from trailkey.config.deployment import Deployment
    from trailkey.rendered import Rendered

ASKED = {"references": "stack_output"}


def organization(folder: Path, **changes: Any) -> Deployment:
    reader = {"name": "members", "principal_org_path": "o-a1b2c3d4e5/r-ab12/ou-ab12-11111111/*"}
    return deploy(folder, ORGANIZATION, rollout=ASKED, readers=[*ORGANIZATION.get("readers", []), reader], **changes)


def references(value: Any) -> list[Document]:
    if isinstance(value, dict):
        own = [value["Fn::GetStackOutput"]] if "Fn::GetStackOutput" in value else []
        return own + [found for item in value.values() for found in references(item)]
    return [found for item in value for found in references(item)] if isinstance(value, list) else []


def test_another_account_reads_the_output_by_a_role_and_the_same_account_by_itself(tmp_path: Path) -> None:
    deployment = organization(tmp_path)
    made = rendered_templates(deployment)
    name = deployment.name

    (of_trail,) = references(made["management-trail"])
    (of_bucket,) = references(made["archive-bucket"])

    asked = {"StackName": "archive-key", "OutputName": "KeyArn"}
    role = {"Fn::Sub": f"arn:${{AWS::Partition}}:iam::{deployment.key_account.id}:role/{name}-stack-output"}
    assert of_trail == {**asked, "RoleArn": role}
    assert of_bucket == asked
    assert "Parameters" not in made["management-trail"]
    assert "Parameters" in made["organization-members"]
    assert references(made["organization-members"]) == []
    assert pipeline.prove(pipeline.render(deployment)).findings == ()
    stacks = {one["stack"]: one for one in rollout_of(deployment)["stacks"]}
    assert stacks["archive-key"]["capabilities"] == ["CAPABILITY_NAMED_IAM"]
    assert "archive-key" in stacks["management-trail"]["depends_on"]


def test_another_region_is_named_and_one_account_needs_no_role(tmp_path: Path) -> None:
    trails = [{"name": "here", "home_region": "eu-central-1"}, {"name": "there", "home_region": "eu-west-1"}]
    made = rendered_templates(deploy(tmp_path, SINGLE, trails=trails, rollout=ASKED))

    asked = {"StackName": "main-key", "OutputName": "KeyArn"}
    assert references(made["main-trail"]) == [asked]
    assert references(made["main-trail-eu-west-1"]) == [{**asked, "Region": "eu-central-1"}]
    assert not any(one["Type"] == "AWS::IAM::Role" for one in made["main-key"]["Resources"].values())


def statement(name: str, change: Callable[[Document], Any]) -> Callable[[dict[str, Document]], Any]:
    def changed(made: dict[str, Document]) -> None:
        properties = made[name]["Properties"]
        (one,) = properties.get("AssumeRolePolicyDocument", properties.get("PolicyDocument"))["Statement"]
        change(one)

    return changed


def reference(**changes: Any) -> Callable[[dict[str, Document]], Any]:
    def changed(made: dict[str, Document]) -> None:
        (trail,) = [one for one in made.values() if one["Type"] == "AWS::CloudTrail::Trail"]
        (one,) = references(trail)
        one.update(changes)

    return changed


@pytest.mark.parametrize(
    "change",
    [
        statement("StackOutputRole", lambda one: one.pop("Condition")),
        statement("StackOutputRole", lambda one: one["Principal"]["AWS"].append("*")),
        statement("StackOutputRole", lambda one: one["Condition"].update(Bool={"aws:SecureTransport": "true"})),
        statement("StackOutputRolePolicy", lambda one: one["Action"].append("cloudformation:GetTemplate")),
        statement("StackOutputRolePolicy", lambda one: one.update(Resource="*")),
        lambda made: made["StackOutputRole"]["Properties"].update(ManagedPolicyArns=["arn:aws:iam::aws:policy/AdministratorAccess"]),
        lambda made: made.pop("StackOutputRolePolicy"),
        reference(RoleArn="arn:aws:iam::222222222222:role/Other"),
    ],
)  # fmt: skip
def test_a_role_that_does_more_or_for_others_is_refused(
    change: Callable[[dict[str, Document]], Any], tmp_path: Path
) -> None:
    assert "references-readable" in ids(edited(pipeline.render(organization(tmp_path)), change))


def ids(rendered: Rendered) -> set[str]:
    return {one.id for one in pipeline.prove(rendered).findings}


def test_a_deployer_who_may_not_take_the_role_on_is_refused(tmp_path: Path) -> None:
    rendered = pipeline.render(organization(tmp_path))
    account = ORGANIZATION["accounts"]["management"]["id"]
    name = f"deployer-policy-{account}.json"
    policy = json.loads(rendered.files[name])
    policy["Statement"] = [one for one in policy["Statement"] if one["Sid"] != "ReadOutputs"]

    assert ids(with_files(rendered, {name: json.dumps(policy).encode()})) == {"references-readable"}


def test_a_stack_that_does_not_wait_for_the_output_is_refused(tmp_path: Path) -> None:
    rendered = pipeline.render(organization(tmp_path))
    rollout = json.loads(rendered.files[MANIFEST])
    (trail,) = [one for one in rollout["stacks"] if one["stack"] == "management-trail"]
    trail["depends_on"].remove("archive-key")

    files = {**rendered.files, MANIFEST: json.dumps(rollout).encode()}
    assert "references-readable" in ids(replace(rendered, files=files))


def test_a_reference_that_the_config_does_not_ask_for_is_refused(tmp_path: Path) -> None:
    asked = pipeline.render(organization(tmp_path))
    config = json.loads(asked.files["config.json"])
    assert config.pop("rollout") == ASKED
    plain = pipeline.render(deploy(tmp_path, config))

    assert "references-readable" in ids(replace(plain, files=asked.files))


def test_an_output_that_no_stack_before_gives_is_told(tmp_path: Path) -> None:
    rendered = pipeline.render(organization(tmp_path))
    name = "management-trail.yaml"
    content = rendered.files[name].replace(b"OutputName: KeyArn", b"OutputName: Other")

    with pytest.raises(PolicyError, match="no stack deployed before is archive-key with Output Other"):
        ids(with_files(rendered, {name: content}))
