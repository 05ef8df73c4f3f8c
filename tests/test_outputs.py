"""What a person reads in an output folder: no text is unfinished, no step asks for what a stack makes, every tag is where it can be."""

from __future__ import annotations

import json
import re
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import pytest
from cfnlint.schema.manager import PROVIDER_SCHEMA_MANAGER

from trailkey import cloudformation
from trailkey.output.manifest import MANIFEST, load_manifest

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT: Final = Path(__file__).parents[1]
FOLDERS: Final = sorted((*(ROOT / "output").iterdir(), *(ROOT / "tests" / "golden").glob("*/expected")))
UNFINISHED: Final = re.compile(
    r"""\bNone\b                     # a value of Python's
      | \b(TODO|FIXME|TBD|XXX+)\b
      | (?<!\$)\{[a-z_.]+\}          # a field of a sentence that was not filled in
      | <(?!br>)[A-Za-z][\w -]*>
      | b5900000-0000             # the key that stands for one in proofs
    """,
    re.VERBOSE,
)
TO_FILL_IN: Final = re.compile(r"\b[A-Z]+-ID\b")


def name_of(folder: Path) -> str:
    return folder.parent.name if folder.name == "expected" else folder.name


@pytest.mark.parametrize("folder", FOLDERS, ids=name_of)
def test_no_text_is_unfinished(folder: Path) -> None:
    for path in (one for one in folder.rglob("*") if one.is_file()):
        text = path.read_text(encoding="utf-8")
        if path.suffix == ".sh":
            text = text.replace("None", "")  # what the AWS CLI prints where there is nothing
        assert not UNFINISHED.findall(text), path
        for placeholder in set(TO_FILL_IN.findall(text)):
            assert f"in place of {placeholder}" in text, f"{path} does not say what {placeholder} stands for"


@pytest.mark.parametrize(
    "text",
    ["each account of None decides", "see TODO", "in {where} decides", "policy <name>", "key/b5900000-0000-0000"],
)
def test_a_text_that_is_unfinished_is_seen(text: str) -> None:
    assert UNFINISHED.search(text)


@pytest.mark.parametrize("folder", FOLDERS, ids=name_of)
def test_no_step_before_the_stacks_is_about_what_a_stack_makes(folder: Path) -> None:
    manifest = load_manifest((folder / MANIFEST).read_bytes(), MANIFEST)
    made = {name for path in folder.glob("*.yaml") for name in names_made(path)}

    for step in manifest.before:
        assert step.arn.rpartition(":")[2].rpartition("/")[2] not in made, step
    assert made


def names_made(path: Path) -> Iterator[str]:
    """Yield the fixed names of what a template makes."""
    for resource in template(path)["Resources"].values():
        for key in ("BucketName", "LogGroupName", "ManagedPolicyName", "AliasName", "TopicName", "TrailName", "Name"):
            if isinstance(name := resource["Properties"].get(key), str):
                yield name.rpartition("/")[2]


@lru_cache
def template(path: Path) -> dict[str, Any]:
    read: dict[str, Any] = cloudformation.load(path.read_text(encoding="utf-8"), str(path))
    return read


def takes_tags(kind: str) -> bool:
    schema = PROVIDER_SCHEMA_MANAGER.get_resource_schema("us-east-1", kind).schema
    return "Tags" in schema["properties"]


def test_every_resource_that_takes_tags_has_those_of_the_config() -> None:
    folder = ROOT / "tests" / "golden" / "everything" / "expected"
    tags = [{"Key": "cost-center", "Value": "42"}, {"Key": "team", "Value": "security"}]
    resources = [one for path in folder.glob("*.yaml") for one in template(path)["Resources"].values()]

    assert {one["Type"] for one in resources if one["Properties"].get("Tags", tags) != tags} == set()
    tagged = {one["Type"] for one in resources if "Tags" in one["Properties"]}
    assert {one["Type"] for one in resources} - tagged == {
        one["Type"] for one in resources if not takes_tags(one["Type"])
    }
    assert all(
        stack["tags"] == {"cost-center": "42", "team": "security"}
        for stack in json.loads((folder / MANIFEST).read_bytes())["stacks"]
    )
