"""The names by which two deployments of one shape differ: accounts, organization, bucket, and whatever a mirror may change."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from trailkey.config.deployment import Deployment

_STEP = re.compile(r"([\w-]+)|\[(\d+)\]")


def mirrored_names(base: Deployment, mirror: Deployment) -> dict[str, str]:
    """Return the names of a deployment, each with the name that stands in its place in the mirror of it.

    They are the values of those config paths in which the mirror differs, and what the templates derive from them.
    """
    names = {base.name: mirror.name}
    for path in mirror.differences:
        steps = [name or int(index) for name, index in _STEP.findall(path)]
        old, new = _at(base.source.data, steps), _at(mirror.source.data, steps)
        if isinstance(old, str) and isinstance(new, str):
            names[old] = new
    if base.access_log_bucket and mirror.access_log_bucket:
        names[base.access_log_bucket] = mirror.access_log_bucket
    return {old: new for old, new in names.items() if old != new}


def _at(data: Any, steps: list[str | int]) -> Any:
    """Return the value at a path of a config, or None where there is none."""
    for step in steps:
        try:
            data = data[step]
        except (KeyError, IndexError, TypeError):
            return None
    return data
