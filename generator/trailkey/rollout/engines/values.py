"""What every engine is given, and what it makes of a parameter: the value, or a mark that AWS refuses."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from trailkey.output.manifest import FromOutput

if TYPE_CHECKING:
    from collections.abc import Mapping

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
