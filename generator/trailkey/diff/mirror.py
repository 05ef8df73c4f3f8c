"""The names by which two deployments of one shape differ: accounts, organization, bucket, and whatever a mirror may change."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from trailkey.config.deployment import Deployment
    from trailkey.config.source import ConfigPath


def mirrored_names(base: Deployment, mirror: Deployment) -> dict[str, str]:
    """Return the names of a deployment, each with the name that replaces it in its mirror.

    They are the values of those config paths in which the mirror differs, and what the templates derive from them.
    """
    names = {base.name: mirror.name}
    for path in mirror.differences:
        old, new = _value(base.source.data, path), _value(mirror.source.data, path)
        if isinstance(old, str) and isinstance(new, str):
            names[old] = new
    if base.access_log_bucket and mirror.access_log_bucket:
        names[base.access_log_bucket] = mirror.access_log_bucket
    return {old: new for old, new in names.items() if old != new}


def _value(data: Any, path: ConfigPath) -> Any:
    """Return the value at a path of a config, or None where there is none: the mirror may set what the base leaves out."""
    for step in path:
        try:
            data = data[step]
        except (KeyError, IndexError, TypeError):
            return None
    return data
