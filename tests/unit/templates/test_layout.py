"""Which stack holds what."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from helpers import ORGANIZATION, SINGLE, Document, deploy, output_of, rendered_templates, rollout_of
from trailkey import pipeline

if TYPE_CHECKING:
    from pathlib import Path

PATH = "o-a1b2c3d4e5/r-ab12/ou-ab12-11111111/*"


def test_one_account_and_region_is_one_template(tmp_path: Path) -> None:
    assert set(rendered_templates(deploy(tmp_path, SINGLE))) == {"one"}


def test_by_purpose_is_always_a_stack_for_each(tmp_path: Path) -> None:
    templates = rendered_templates(deploy(tmp_path, SINGLE, layout="by_purpose"))
    assert list(templates) == ["main-key", "main-bucket", "main-iam", "main-trail"]
    kinds = {name: {entry["Type"] for entry in made["Resources"].values()} for name, made in templates.items()}
    assert kinds == {
        "main-key": {"AWS::KMS::Key", "AWS::KMS::Alias"},
        "main-bucket": {"AWS::S3::Bucket", "AWS::S3::BucketPolicy"},
        "main-iam": {"AWS::IAM::ManagedPolicy"},
        "main-trail": {"AWS::CloudTrail::Trail"},
    }
    assert [name for name, made in templates.items() if "Parameters" in made] == [
        "main-bucket",
        "main-iam",
        "main-trail",
    ]


def test_a_second_region_makes_it_more_than_one(tmp_path: Path) -> None:
    trails = [{"name": "here", "home_region": "eu-central-1"}, {"name": "there", "home_region": "eu-west-1"}]
    assert list(rendered_templates(deploy(tmp_path, SINGLE, trails=trails))) == [
        "main-key",
        "main-bucket",
        "main-iam",
        "main-trail",
        "main-trail-eu-west-1",
    ]


def test_a_stack_set_and_an_account_named_organization_are_kept_apart(tmp_path: Path) -> None:
    accounts = {
        "management": ORGANIZATION["accounts"]["management"],
        "organization": ORGANIZATION["accounts"]["archive"],
    }
    deployment = deploy(
        tmp_path,
        {**ORGANIZATION, "accounts": accounts},
        key={"account": "organization"},
        bucket={"account": "organization"},
        readers=[{"name": "iam", "principal_org_path": PATH}],
    )
    names = [one.stack for one in pipeline.render(deployment).folder.manifest.stacks]
    assert len(set(names)) == len(names)
    assert {"organization-iam", "organization-iam-stack-set"} <= set(names)


@pytest.mark.parametrize("name", ["rollout", "bucket-policy", "config", "bootstrap", "deployer-policy-777777777777"])
def test_template_names_differ_from_other_files(tmp_path: Path, name: str) -> None:
    files = output_of(
        deploy(tmp_path, {**SINGLE, "name": name}, bucket={"existing": True, "bucket_key_enabled": False}), as_json=True
    )
    assert len({file.casefold() for file in files}) == len(files)
    assert f"{name}-stack.json" in files
    assert json.loads(files["rollout.json"])["stacks"][0]["stack"] == f"{name}-stack"


@pytest.mark.parametrize(
    ("reader", "unit", "plain"),
    [
        ({"principal_org_path": PATH}, "ou-ab12-11111111", False),
        ({"principal_org_path": "o-a1b2c3d4e5/r-ab12/*"}, "r-ab12", True),
        ({"principal_org_path": "o-a1b2c3d4e5/*"}, "r-ab12", True),
        ({"principal_org_id": "o-a1b2c3d4e5"}, "r-ab12", True),
    ],
)
def test_organization_readers_get_a_stack_set_and_the_management_account_a_stack(
    tmp_path: Path,
    reader: Document,
    unit: str,
    plain: bool,  # noqa: FBT001 # a parameter of the test
) -> None:
    deployment = deploy(
        tmp_path, ORGANIZATION, organization={"root_id": "r-ab12"}, readers=[{"name": "those", **reader}]
    )
    stacks = {entry["stack"]: entry for entry in rollout_of(deployment)["stacks"]}
    assert stacks["organization-those"]["target"]["stack_set"]["organizational_unit_ids"] == [unit]
    in_management = rendered_templates(deployment)["management-iam"]["Resources"]
    assert ("ReaderThosePolicy" in in_management) is plain
