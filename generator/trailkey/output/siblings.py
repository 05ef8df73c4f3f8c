"""What earlier runs left in the folders of an output: read as far as it goes, since anything may lie there."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from trailkey.errors import PolicyError
from trailkey.output.manifest import CONFIG, MANIFEST, load_manifest

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from trailkey.output.manifest import DeployedStack


def siblings(output: Path, names: frozenset[str]) -> Iterator[Path]:
    """Yield the folders of an output beside those of these names, in order."""
    try:
        found = sorted(path for path in output.iterdir() if path.name not in names and path.is_dir())
    except (OSError, ValueError):
        return
    yield from found


def stacks_in(folder: Path) -> tuple[DeployedStack, ...]:
    """Return the stacks of a folder that generate wrote; of any other none."""
    try:
        return load_manifest((folder / MANIFEST).read_bytes(), MANIFEST).stacks
    except (OSError, ValueError, RecursionError, PolicyError):
        return ()


def account_ids_in(folder: Path) -> frozenset[str]:
    """Return the ids of the accounts of a folder that generate wrote; of any other none."""
    try:
        config = json.loads((folder / CONFIG).read_bytes())
    except (OSError, ValueError, RecursionError):
        return frozenset()
    accounts = _mapping(_mapping(config).get("accounts"))
    return frozenset(str(_mapping(one).get("id")) for one in accounts.values())


def _mapping(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}
