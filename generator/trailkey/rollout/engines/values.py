"""What every engine is given, and what it makes of a parameter: the value, or a mark that AWS refuses."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import yaml

from trailkey.output.manifest import FromOutput

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from trailkey.config.rollout_model import Rollout
    from trailkey.output.manifest import DeployedStack, Manifest


@dataclass(frozen=True, slots=True, kw_only=True)
class EngineInput:
    """A rollout as an engine is told of it.

    ``templates`` are the bytes of each template file, ``values`` what is known of Outputs (``log-archive-key.KeyArn`` to an ARN),
    ``accounts`` the names that the config gives to account ids, ``settings`` the config's section ``rollout``.
    """

    manifest: Manifest
    templates: Mapping[str, bytes]
    values: Mapping[str, str]
    accounts: Mapping[str, str]
    settings: Rollout


def value_of(given: EngineInput, parameter: str | FromOutput) -> str:
    """Return the value of a parameter; of an Output that is not known yet a mark, ``<log-archive-key.KeyArn>``.

    Every parameter here has an AllowedPattern, which no such mark fits, so that AWS refuses it.
    See: https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/parameters-section-structure.html
    """
    if isinstance(parameter, FromOutput):
        return given.values.get(parameter.output, f"<{parameter.output}>")
    return parameter


def parameter_list(given: EngineInput, stack: DeployedStack) -> list[dict[str, str]]:
    """Return the parameters of a stack as the API of CloudFormation takes them.

    See: https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_Parameter.html
    """
    return [
        {"ParameterKey": name, "ParameterValue": value_of(given, value)} for name, value in stack.parameters.items()
    ]


def tag_list(stack: DeployedStack) -> list[dict[str, str]]:
    """Return the tags of a stack as the API of CloudFormation takes them."""
    return [{"Key": name, "Value": value} for name, value in stack.tags.items()]


def json_file(document: Any) -> bytes:
    """Return the bytes of a JSON file, its keys in the order in which they are given."""
    return (json.dumps(document, indent=2, ensure_ascii=False) + "\n").encode()


class _Dumper(yaml.SafeDumper):
    """Texts of several lines as they are, and lists below their keys: as people write these files."""

    def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:  # noqa: ARG002, FBT001, FBT002 (PyYAML's)
        """Indent lists too."""
        super().increase_indent(flow, False)

    def ignore_aliases(self, data: Any) -> bool:  # noqa: ARG002 (PyYAML's)
        """Write each part in full."""
        return True


def _text(dumper: _Dumper, value: str) -> yaml.ScalarNode:
    return dumper.represent_scalar("tag:yaml.org,2002:str", value, style="|" if "\n" in value else None)


_Dumper.add_representer(str, _text)


def yaml_file(head: str, document: Any) -> bytes:
    """Return the bytes of a YAML file: a comment, then a document with its keys in the order in which they are given."""
    comment = "".join(f"# {line}".rstrip() + "\n" for line in head.strip().splitlines())
    return (comment + yaml.dump(document, Dumper=_Dumper, sort_keys=False, width=1000, allow_unicode=True)).encode()


def from_outputs(stack: DeployedStack) -> Iterator[tuple[str, FromOutput]]:
    """Yield the parameters of a stack that come from Outputs of others."""
    for name, value in stack.parameters.items():
        if isinstance(value, FromOutput):
            yield name, value


def given_out(manifest: Manifest) -> dict[str, list[str]]:
    """Return the Outputs that parameters come from, by the stack that gives them out."""
    found: dict[str, list[str]] = {}
    for stack in manifest.stacks:
        for _, value in from_outputs(stack):
            if value.name not in found.setdefault(value.stack, []):
                found[value.stack].append(value.name)
    return found
