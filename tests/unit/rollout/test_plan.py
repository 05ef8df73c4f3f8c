"""rollout.json: how each template is delivered and what AWS is asked to acknowledge."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Any

import pytest

from helpers import ORGANIZATION, SINGLE, Document, deploy, output_of, rollout_of
from trailkey.rollout.plan import RenderedTemplate, plan
from trailkey.templates.layout import build

if TYPE_CHECKING:
    from pathlib import Path


def rollout(folder: Path, base: Document, **changes: Any) -> Document:
    return rollout_of(deploy(folder, base, **changes))


@pytest.mark.parametrize(("size", "delivery"), [(51_200, "template_body"), (51_201, "template_url")])
def test_a_large_template_is_delivered_by_url(tmp_path: Path, size: int, delivery: str) -> None:
    deployment = deploy(tmp_path, SINGLE)
    content = b"x" * size
    [stack] = plan(
        deployment, build(deployment), {"one": RenderedTemplate("one.yaml", {"Resources": {}}, content)}
    ).stacks
    assert stack.delivery == delivery
    assert stack.sha256 == hashlib.sha256(content).hexdigest()


def test_the_shape_of_a_stack(tmp_path: Path) -> None:
    made = rollout(tmp_path, SINGLE)
    assert list(made) == ["format", "name", "partition", "before", "stacks", "notices", "files"]
    assert (made["format"], made["name"], made["partition"]) == (2, "one", "aws")
    [stack] = made["stacks"]
    assert {name: value for name, value in stack.items() if name != "sha256"} == {
        "stack": "one",
        "template": "one.yaml",
        "delivery": "template_body",
        "target": {"account": "777777777777", "region": "eu-central-1"},
        "deployer": "arn:aws:iam::777777777777:role/Deploy",
        "parameters": {},
        "capabilities": ["CAPABILITY_IAM"],
        "tags": {},
        "depends_on": [],
        "termination_protection": True,
        "after": [],
    }
    assert stack["sha256"] == made["files"]["one.yaml"]


def test_a_fixed_name_asks_for_the_wider_capability(tmp_path: Path) -> None:
    readers = [{"name": "those", "principal_arn_like": "main:role/siem-*"}]
    [stack] = rollout(tmp_path, SINGLE, readers=readers)["stacks"]
    assert stack["capabilities"] == ["CAPABILITY_NAMED_IAM"]


def test_stack_sets_ask_for_trusted_access_and_others_do_not(tmp_path: Path) -> None:
    command = "aws cloudformation activate-organizations-access"
    readers = [{"name": "those", "principal_org_path": "o-a1b2c3d4e5/r-ab12/ou-ab12-11111111/*"}]
    assert rollout(tmp_path, ORGANIZATION, readers=readers)["before"][0]["command"] == command
    assert not any(step.get("command") == command for step in rollout(tmp_path, ORGANIZATION)["before"])


def test_a_step_is_given_once(tmp_path: Path) -> None:
    trails = [{"name": name, "home_region": "us-east-1", "is_organization_trail": True} for name in ("first", "second")]
    before = rollout(tmp_path, ORGANIZATION, trails=trails)["before"]
    assert all(before.count(step) == 1 for step in before)
    assert sum("all features enabled" in step["text"] for step in before) == 1


@pytest.mark.parametrize("as_json", [False, True])
def test_json_and_yaml_say_the_same(tmp_path: Path, as_json: bool) -> None:  # noqa: FBT001 # a parameter of the test
    deployment = deploy(tmp_path, ORGANIZATION)
    files = output_of(deployment, as_json=as_json)
    made = json.loads(files["rollout.json"])
    for stack in made["stacks"]:
        assert stack["template"] == f"{stack['stack']}.{'json' if as_json else 'yaml'}"
        assert stack["sha256"] == hashlib.sha256(files[stack["template"]]).hexdigest()
