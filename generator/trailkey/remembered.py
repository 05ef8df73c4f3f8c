"""What a run read and what it left, so that a run with nothing new reads, hashes, compares and ends.

A run is remembered once it is through, by every file that it read and every file of its folders. It counts again only while each of
them has the same bytes; what was proven and linted of them holds as long as the program is the same.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from trailkey.checks.cache import key_of
from trailkey.files import read_file
from trailkey.output.manifest import CONFIG, MANIFEST
from trailkey.output.writer import TEMPORARY, Change, FileChange

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from collections.abc import Set as AbstractSet

    from trailkey.checks.cache import Store

Hashes = Mapping[str, str]
"""SHA-256 of files by their paths; empty where a file is not there."""

_EXTENDS: Final = re.compile(r"^extends\s*:\s*[\"']?([^\"'#\n]+?)[\"']?\s*(?:#.*)?$", re.MULTILINE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """What became of one deployment. ``mirrors`` is the one that it mirrors, and ``differences`` the config paths in which it differs."""

    name: str
    folder: Path
    changes: tuple[FileChange, ...]
    mirrors: str = ""
    differences: tuple[str, ...] = ()
    notices: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Run:
    """What a run is asked to do: configs, the folder of its outputs, the format of its templates."""

    configs: Sequence[Path]
    output: Path
    as_json: bool

    @property
    def key(self) -> str:
        """What the run is remembered by: its arguments, and where it runs."""
        return key_of("run", str(Path.cwd()), str(self.output), str(self.as_json), *map(str, self.configs))

    def inputs(self) -> dict[str, str]:
        """Return the hashes of what the run reads: configs, those that they extend, outputs that were filled in, other deployments' manifests."""
        found: dict[str, str] = {}
        for config in self.configs:
            content = _content(config)
            based = [config.parent / name for name in _EXTENDS.findall((content or b"").decode(errors="replace"))]
            found[config.as_posix()] = _hash(content)
            for other in (*based, config.with_suffix(".outputs.json")):
                found[other.as_posix()] = _hash(_content(other))
        beside = (path for name in (MANIFEST, CONFIG) for path in sorted(self.output.glob(f"*/{name}")))
        return found | {path.as_posix(): _hash(_content(path)) for path in beside}


def unchanged(run: Run, store: Store) -> list[Result] | None:
    """Return the results of a run that was made before and has nothing new to do, or None where that is not so."""
    entry = store.get(run.key)
    try:
        return _same(run, entry) if entry is not None else None
    except (KeyError, TypeError, AttributeError):  # an entry of another form
        return None


def _same(run: Run, entry: Mapping[str, Any]) -> list[Result] | None:
    if run.inputs() != entry["read"]:
        return None
    results = []
    for one in entry["results"]:
        folder, files = Path(one["folder"]), one["files"]
        if any(folder.glob(f"{TEMPORARY}*")) or {name: _hash(_content(folder / name)) for name in files} != files:
            return None
        changes = tuple(FileChange(name, Change.UNCHANGED) for name in sorted(files))
        said = {name: tuple(one[name]) for name in ("differences", "notices")}
        results.append(Result(name=one["name"], folder=folder, changes=changes, mirrors=one["mirrors"], **said))
    return results


def remember(
    run: Run,
    read: Hashes,
    sources: AbstractSet[str],
    results: Iterable[tuple[Result, Mapping[str, bytes]]],
    store: Store,
) -> None:
    """Remember a run that is through, with the bytes of each folder; not, where something that it read is another by now.

    Args:
        run: what was asked.
        read: ``run.inputs()`` as they were before anything was read.
        sources: the configs that were read; where one of them is not among ``read``, nothing is remembered.
        results: what became of each deployment, and the files of its folder.
        store: where it is remembered.
    """
    made: list[dict[str, Any]] = [
        {
            "name": result.name,
            "folder": str(result.folder),
            "files": {name: _hash(content) for name, content in files.items()},
            "mirrors": result.mirrors,
            "differences": [*result.differences],
            "notices": [*result.notices],
        }
        for result, files in results
    ]
    own = {
        (Path(one["folder"]) / name).as_posix(): one["files"][name]
        for one in made
        for name in (MANIFEST, CONFIG)
        if name in one["files"]
    }
    now = run.inputs()
    if {**read, **own} == {**now, **own} and sources <= read.keys():
        store.put(run.key, {"read": now, "results": made})


def _content(path: Path) -> bytes | None:
    """Return the bytes of a file; None where it is not there or cannot be read: whoever reads it says why."""
    try:
        return read_file(path)
    except (OSError, ValueError):
        return None


def _hash(content: bytes | None) -> str:
    return "" if content is None else hashlib.sha256(content).hexdigest()
