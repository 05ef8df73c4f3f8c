"""A new kind of stack is one entry of one table: it is built, planned, read back, judged and written with the others."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from troposphere import sns

from helpers import ORGANIZATION, deploy, output_of
from trailkey import pipeline
from trailkey.templates import layout

if TYPE_CHECKING:
    from pathlib import Path

    import pytest


def notices(stacks: layout.Layout) -> None:
    """A topic beside the trail, encrypted with the trails' key: made up for the test."""
    owner = stacks.deployment.trail_owners[0]
    stack = stacks.of(owner, stacks.deployment.region, "notices")
    stack.add(sns.Topic("Notices", KmsMasterKeyId=stacks.key_arn(stack), **stack.tags()), ("trails",))
    stack.output("NoticesName", "notices", "Name of the topic.")


def test_made_up_stack_is_one_entry(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(layout, "PARTS", [*layout.PARTS, notices])
    deployment = deploy(tmp_path, ORGANIZATION)

    rendered = pipeline.render(deployment)
    assert pipeline.prove(rendered).findings == ()
    files = output_of(deployment)
    (stack,) = [one for one in json.loads(files["rollout.json"])["stacks"] if one["stack"] == "management-notices"]
    assert stack["template"] in files
    assert stack["target"] == {"account": "111111111111", "region": "us-east-1"}
    assert stack["parameters"] == {"KeyArn": {"output": "archive-key.KeyArn"}}
    assert stack["depends_on"] == ["archive-key"]
    assert stack["deployer"] == "arn:aws:iam::111111111111:role/Deploy"


def test_without_the_entry_there_is_no_such_stack(tmp_path: Path) -> None:
    assert "management-notices.yaml" not in output_of(deploy(tmp_path, ORGANIZATION))
