"""What a change of the config replaces: told in docs/updates.md, and never a resource that keeps its name, which AWS refuses."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

import pytest
import yaml

from helpers import CONFIGS, ROOT, edited
from replacements import Change, changes, create_only
from trailkey import pipeline

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from recordings import Recorder


def at(*path: Any, value: Any) -> Callable[[dict[str, Any]], None]:
    """Return the edit that gives a key of a config another value."""

    def edit(config: dict[str, Any]) -> None:
        here = config
        for key in path[:-1]:
            here = here[key]
        here[path[-1]] = value

    return edit


def moved(config: dict[str, Any]) -> None:
    config["bucket"]["region"] = "eu-west-1"
    config["bucket"]["name"] = "acme-cloudtrail-logs-eu"
    config["trails"][0].update(home_region="eu-west-1", name="organization-trail-eu")


def renamed_store(config: dict[str, Any]) -> None:
    config["event_data_stores"][0].update(name="other-events", alias="alias/other-lake")


KEPT_TRAIL: Final = "Keep the old trail in the config for one deployment beside the new one: the key policy would name the new ARN before the trail has it, and nothing be delivered in between. What was left behind is deleted by hand: `aws cloudtrail delete-trail`."
CHANGES: Final[tuple[tuple[str, str, Callable[[dict[str, Any]], Any], str], ...]] = (
    ("a reader is renamed", "organization", at("readers", 2, "name", value="auditors"), "Its IAM policy has a new name: attach the new one, then detach the old one, which CloudFormation cannot delete before."),
    ("a reader's role is another", "organization", at("readers", 0, "role", value="security:role/Responders"), "The role exists before the update."),
    ("an administrator is another", "organization", at("key", "administrators", value=["log-archive:role/KeyAdmins"]), "The role exists before the update."),
    ("the key's alias is another", "organization", at("key", "alias", value="alias/logs"), "Policies with a fixed name are named after the alias: attach the new ones, then detach the old."),
    ("the key's rotation, window or description", "organization", at("key", "pending_window_days", value=14), ""),
    ("the bucket has another name", "organization", at("bucket", "name", value="acme-other-logs"), "The old bucket stays with its logs and its policy. Readers lose the old bucket: keep it in a config of its own with `existing: true` while they need it."),
    ("a trail is renamed", "organization", at("trails", 0, "name", value="another-trail"), KEPT_TRAIL),
    ("key, bucket and trail move to another Region", "organization", moved, "A second deployment: new key, new bucket, new trail. The old ones stay with their names, so bucket and trail need new ones; give the old key under `key.former_arns`, so that readers still decrypt, and delete the old trail by hand. IAM names are those of the whole account: delete the `-iam` stacks of the old Region before creating those of the new one."),
    ("a trail's home Region is another", "organization", at("trails", 0, value={"name": "organization-trail-eu", "is_organization_trail": True, "home_region": "eu-west-1", "cloudwatch_logs": {}}), KEPT_TRAIL),
    ("a retention of the log group", "organization", at("trails", 0, "cloudwatch_logs", value={"retention_days": 731}), ""),
    ("S3 Object Lock is turned on", "organization", at("bucket", "object_lock", value={"mode": "GOVERNANCE", "retention_days": 30}), "It cannot be turned off again."),
    ("the layout is another", "single-account", at("layout", value="by_purpose"), "The same resources in other stacks, under their old names, which are taken: turn termination protection off and delete the old stack, which leaves all but the IAM policies, then [import](bring-back.md) what it left into the new stacks."),
    ("an event data store is renamed", "lake", renamed_store, "The old store and its key stay with their events, and the key keeps its alias: give the new one another."),
    ("an event data store keeps events longer", "lake", at("event_data_stores", 0, "retention_days", value=2557), ""),
)  # fmt: skip
"""Each change, the config it is made in, and what people do."""


def written(folder: Path, config: str, edit: Callable[[dict[str, Any]], Any]) -> Path:
    data = yaml.safe_load(CONFIGS[config].read_text(encoding="utf-8"))
    edit(data)
    path = folder / "changed.yaml"
    path.write_text(json.dumps(data), encoding="utf-8")
    return path


@pytest.mark.parametrize(("what", "config", "edit", "_advice"), CHANGES, ids=[row[0] for row in CHANGES])
def test_nothing_that_keeps_its_name_is_replaced(
    what: str, config: str, edit: Callable[[dict[str, Any]], Any], _advice: str, tmp_path: Path
) -> None:
    found = changes(CONFIGS[config], written(tmp_path, config, edit))

    assert found, what
    collisions = [one.logical_id for one in found if one.collides]
    # What moves to other stacks under its name is imported there: the page says so.
    moves = ["AccessLogBucket", "LogBucket", "KeyAlias", "AccountTrail", "AccountTrailLogGroup"]
    assert sorted(collisions) == (sorted(moves) if what == "the layout is another" else [])


def test_a_description_that_says_something_of_the_config_would_be_seen(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The neighbour: a managed policy with a fixed name whose Description holds the bucket's name."""
    original = pipeline.render

    def render(deployment: Any, **options: Any) -> Any:
        def describe(resources: dict[str, Any]) -> None:
            policy = resources["ReaderAuditPolicy"]["Properties"]
            policy["Description"] = f"Reads {deployment.config.bucket.name}"

        return edited(original(deployment, **options), describe)

    monkeypatch.setattr(pipeline, "render", render)
    changed = written(tmp_path, "organization", at("bucket", "name", value="acme-other-logs"))
    collisions = [one for one in changes(CONFIGS["organization"], changed) if one.collides]

    assert [(one.logical_id, one.properties) for one in collisions] == [("ReaderAuditPolicy", ("Description",))]


def test_the_schemas_say_what_replaces() -> None:
    assert {"ManagedPolicyName", "Description"} <= create_only("AWS::IAM::ManagedPolicy")
    assert "TrailName" in create_only("AWS::CloudTrail::Trail")
    assert "KeyPolicy" not in create_only("AWS::KMS::Key")


def test_the_page_says_what_each_change_does(recorded: Recorder, tmp_path: Path) -> None:
    recorded(ROOT / "docs" / "updates.md", "\n".join(page(tmp_path)) + "\n")


def page(folder: Path) -> list[str]:
    lines = [
        "# Updates: what a change of the config replaces",
        "",
        "For each change, what CloudFormation does to the resources of the example, read from its templates and from the create-only",
        "properties of the resource types. *Replaced* is a new resource in place of the old one, *left behind* one that no stack has any",
        "more and nothing deletes. Nothing that keeps a fixed name is ever replaced: CloudFormation would refuse it. Look at the change set",
        "before you execute it: `Replacement` says the same there.",
    ]
    for what, config, edit, advice in CHANGES:
        found = changes(CONFIGS[config], written(folder, config, edit))
        lines += ["", f"## {what[0].upper()}{what[1:]}", ""]
        lines += [f"In `config/{config}.yaml`." if config != "lake" else "With CloudTrail Lake."]
        lines += ["", *([advice, ""] if advice else [])]
        lines += ["| stack | resource | type | |", "| --- | --- | --- | --- |"]
        lines += [f"| {one.stack} | {one.logical_id} | {one.kind} | {said(one)} |" for one in found]
    return lines


def said(change: Change) -> str:
    if not change.properties:
        return f"**{change.fate}**"
    shown = ", ".join(f"`{name}`" for name in change.properties)
    return f"**replaced** ({shown})" if change.fate == "replaced" else f"updated ({shown})"
