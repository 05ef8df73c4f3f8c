"""What CloudFormation does to each resource when a config changes: replaces, updates, creates it, deletes it or leaves it behind.

Read from the templates of before and after, and from the create-only properties in the schemas of the resource types:
https://docs.aws.amazon.com/cloudformation-cli/latest/userguide/resource-type-schema.html
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final, Literal

from cfnlint.schema.manager import PROVIDER_SCHEMA_MANAGER

from trailkey import cloudformation, pipeline
from trailkey.cloudformation.intrinsics import resolve

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

Fate = Literal["replaced", "updated", "created", "deleted", "left behind"]
NAMES: Final = {
    "AWS::CloudTrail::EventDataStore": "Name",
    "AWS::CloudTrail::Trail": "TrailName",
    "AWS::IAM::ManagedPolicy": "ManagedPolicyName",
    "AWS::IAM::Role": "RoleName",
    "AWS::KMS::Alias": "AliasName",
    "AWS::Logs::LogGroup": "LogGroupName",
    "AWS::S3::Bucket": "BucketName",
    "AWS::SNS::Topic": "TopicName",
    "AWS::Events::Rule": "Name",
}
"""The property that gives a resource of a type its fixed name; other types have none."""


@dataclass(frozen=True, slots=True)
class Change:
    """A resource of a stack and what becomes of it; ``name`` is its fixed name after the change, where it has one."""

    stack: str
    logical_id: str
    kind: str
    fate: Fate
    properties: tuple[str, ...] = ()
    collides: bool = False
    """CloudFormation refuses it: it is replaced and keeps its fixed name, or it is created under that of one left behind."""


@dataclass(frozen=True, slots=True)
class _Resource:
    kind: str
    properties: dict[str, Any]
    kept: bool
    place: tuple[str, str]

    @property
    def name(self) -> tuple[str, ...]:
        """What no other may have: type and fixed name, within the account and Region, for IAM the account, for S3 the world."""
        if NAMES.get(self.kind, "") not in self.properties:
            return ()
        scope = () if self.kind == "AWS::S3::Bucket" else self.place[:1] if ":IAM:" in self.kind else self.place
        return self.kind, self.properties[NAMES[self.kind]], *scope


@lru_cache
def create_only(kind: str) -> frozenset[str]:
    """Return the top-level properties of a type whose change replaces the resource, for certain or under a condition."""
    schema = PROVIDER_SCHEMA_MANAGER.get_resource_schema("us-east-1", kind).schema
    paths = [*schema.get("createOnlyProperties", ()), *schema.get("conditionalCreateOnlyProperties", ())]
    return frozenset(path.split("/")[2] for path in paths)


def changes(before: Path, after: Path) -> list[Change]:
    """Return what becomes of the resources of one config when it is replaced by another, where something does."""
    old, new = _resources(before), _resources(after)
    stay = {one.name for key, one in old.items() if key not in new and one.kept} - {()}
    return [change for key in sorted({*old, *new}) for change in _compared(key, old.get(key), new.get(key), stay)]


def _compared(
    key: tuple[str, str], old: _Resource | None, new: _Resource | None, stay: set[tuple[str, ...]]
) -> Iterator[Change]:
    stack, logical_id = key
    if old is None or new is None:
        only = old or new
        assert only is not None
        fate: Fate = "created" if old is None else "left behind" if only.kept else "deleted"
        yield Change(stack, logical_id, only.kind, fate, collides=new is not None and new.name in stay)
        return
    differing = {
        name for name in {*old.properties, *new.properties} if old.properties.get(name) != new.properties.get(name)
    }
    if differing:
        replacing = sorted(differing & create_only(new.kind))
        name = NAMES.get(new.kind, "")
        same = bool(replacing) and name in new.properties and name not in differing
        fate = "replaced" if replacing else "updated"
        yield Change(stack, logical_id, new.kind, fate, tuple(replacing or sorted(differing)), collides=same)


def _resources(config: Path) -> dict[tuple[str, str], _Resource]:
    """Return the resources by stack (with where it is) and logical id, with what CloudFormation gets for their properties."""
    rendered = pipeline.render(pipeline.load_all([config])[0])
    found = {}
    for one in rendered.folder.stacks:
        template = cloudformation.load(rendered.files[one.stack.template].decode(), one.stack.template)
        where = f"{one.stack.stack} in {one.stack.region}"
        for logical_id, resource in template["Resources"].items():
            found[where, logical_id] = _Resource(
                resource["Type"],
                resolve(resource["Properties"], template, one.place),
                resource.get("DeletionPolicy", "Delete") != "Delete",
                (one.place.account, one.place.region),
            )
    return found
