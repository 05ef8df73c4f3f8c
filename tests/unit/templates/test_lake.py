"""An event data store and its own key."""

from __future__ import annotations

from typing import TYPE_CHECKING

from helpers import ORGANIZATION, SINGLE, by_sid, deploy, rendered_templates, resources, rollout_of

if TYPE_CHECKING:
    from pathlib import Path

STORE = {"name": "lake", "account": "main", "region": "eu-central-1", "alias": "alias/lake"}


def test_a_store_in_the_single_template_has_a_key_of_its_own(tmp_path: Path) -> None:
    deployment = deploy(tmp_path, SINGLE, event_data_stores=[{**STORE, "queriers": ["main:role/Q"]}])
    template = rendered_templates(deployment)["one"]
    store = template["Resources"]["LakeEventDataStore"]
    assert store["Properties"] == {
        "Name": "lake",
        "KmsKeyId": {"Fn::GetAtt": ["LakeKey", "Arn"]},
        "OrganizationEnabled": False,
        "MultiRegionEnabled": True,
        "BillingMode": "EXTENDABLE_RETENTION_PRICING",
        "RetentionPeriod": 366,
        "TerminationProtectionEnabled": True,
    }
    assert (store["DeletionPolicy"], store["UpdateReplacePolicy"]) == ("RetainExceptOnCreate", "Retain")
    assert template["Resources"]["LakeKeyAlias"]["Properties"] == {
        "AliasName": "alias/lake",
        "TargetKeyId": {"Ref": "LakeKey"},
    }
    assert {"LakeKeyArn", "LakeEventDataStoreArn", "KeyArn"} <= set(template["Outputs"])
    querier = resources(deployment, "AWS::IAM::ManagedPolicy")["LakeQuerierPolicy"]
    assert querier["Roles"] == ["Q"]
    held = by_sid(querier["PolicyDocument"])
    assert held["UseKey"]["Action"] == ["kms:Decrypt", "kms:GenerateDataKey"]
    assert set(held) == {"UseKey", "QueryStore"}
    assert "*" not in held["UseKey"]["Resource"] + held["QueryStore"]["Resource"]


def test_an_organization_store_lives_in_a_stack_of_the_management_account(tmp_path: Path) -> None:
    store = {**STORE, "account": "management", "region": "us-west-2", "organization_enabled": True}
    deployment = deploy(tmp_path, ORGANIZATION, event_data_stores=[store])
    rollout = rollout_of(deployment)
    [entry] = [entry for entry in rollout["stacks"] if "lake" in entry["stack"]]
    assert entry["target"] == {"account": "111111111111", "region": "us-west-2"}
    assert entry["termination_protection"] is True
    assert (entry["depends_on"], entry["parameters"]) == ([], {})
    template = rendered_templates(deployment)[entry["stack"]]
    assert template["Resources"]["LakeEventDataStore"]["Properties"]["OrganizationEnabled"] is True
    assert ("Account 111111111111 used CloudTrail Lake before 2026-05-31: AWS closed it to new customers then.") in [
        step["text"] for step in rollout["before"]
    ]


def test_termination_protection_can_be_turned_off(tmp_path: Path) -> None:
    deployment = deploy(tmp_path, SINGLE, event_data_stores=[{**STORE, "termination_protection_enabled": False}])
    store = resources(deployment, "AWS::CloudTrail::EventDataStore")["LakeEventDataStore"]
    assert store["TerminationProtectionEnabled"] is False
