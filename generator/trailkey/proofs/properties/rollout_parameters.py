"""What must hold of the values of parameters: each is the ARN of the key that the policies mean, whoever fills it in."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from trailkey.intent.from_config import trail_key_intent
from trailkey.output.manifest import FromOutput

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from trailkey.config.deployment import Deployment
    from trailkey.inventory.folder import Folder


def misfilled(deployment: Deployment, folder: Folder) -> Iterator[str]:
    """Yield what is wrong with the values of parameters."""
    intent = trail_key_intent(deployment)
    key = folder.policies.key_of_alias(intent.account, intent.region, intent.alias)
    defaults: dict[str, Any] = {}
    for one in folder.stacks:
        declared = one.template.get("Parameters", {})
        for name, value in one.place.parameters.items():
            source = one.stack.parameters.get(name)
            what = f"stack {one.stack.stack}: parameter {name}"
            if source is None:
                yield f"{what} is given no value"
            elif name not in declared:
                yield f"{what} is not one of {one.stack.template}"
            elif not isinstance(source, FromOutput):
                yield f"{what} is {source}, which is not an Output of a stack"
            elif name in one.unfilled:
                yield f"{what} comes from {source.output}, which no earlier stack has as an Output"
            elif not _fits(value, declared[name]):
                yield f"{what} is {value}, which its AllowedPattern refuses"
            # The trails' key is the only resource that one stack takes over from another.
            elif key is not None and value != key.arn:
                yield f"{what} comes from {source.output}, which is not the ARN of the trails' key"
            elif "Default" in declared[name]:
                # It takes the place of the Output where nobody gives a value, so it is one of that key, and everywhere the same.
                default = declared[name]["Default"]
                if not _fits(default, declared[name]):
                    yield f"{what} has the Default {default}, which its AllowedPattern refuses"
                elif default != defaults.setdefault(source.output, default):
                    yield f"{what} has the Default {default}, and others of {source.output} have {defaults[source.output]}"


def _fits(value: Any, declared: Mapping[str, Any]) -> bool:
    pattern = declared.get("AllowedPattern")
    try:
        return pattern is None or re.fullmatch(str(pattern), str(value)) is not None
    except re.error:
        return False
