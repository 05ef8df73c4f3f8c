"""The key with its alias."""

from __future__ import annotations

from typing import TYPE_CHECKING

from helpers import SINGLE, Document, deploy, rendered_templates, resources

if TYPE_CHECKING:
    from pathlib import Path


def single(folder: Path, **key: object) -> tuple[dict[str, Document], Document]:
    deployment = deploy(folder, SINGLE, key=key, tags={"team": "security"})
    template = rendered_templates(deployment)["one"]
    kinds = {resource["Type"] for resource in template["Resources"].values()}
    return {kind: resources(deployment, kind) for kind in kinds}, template


def test_settings_of_the_key(tmp_path: Path) -> None:
    made, template = single(
        tmp_path, alias="alias/a/b", description="Ours", rotation_period_days=90, pending_window_days=7
    )
    key = {name: value for name, value in made["AWS::KMS::Key"]["Key"].items() if name != "KeyPolicy"}
    assert key == {
        "Description": "Ours",
        "KeySpec": "SYMMETRIC_DEFAULT",
        "KeyUsage": "ENCRYPT_DECRYPT",
        "EnableKeyRotation": True,
        "RotationPeriodInDays": 90,
        "PendingWindowInDays": 7,
        "Tags": [{"Key": "team", "Value": "security"}],
    }
    assert template["Resources"]["KeyAlias"]["Properties"] == {
        "AliasName": "alias/a/b",
        "TargetKeyId": {"Ref": "Key"},
    }
    assert set(template["Outputs"]) >= {"KeyArn"}
    assert template["Outputs"]["KeyArn"]["Export"] == {"Name": {"Fn::Sub": "${AWS::StackName}-KeyArn"}}
