"""Recorded texts: what is made now is held to what was recorded, or with ``pytest --record`` recorded anew.

A recording is a file, or a folder with exactly the files of one run. Whoever records reads the difference before committing.
"""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

Folder = dict[str, bytes]


@dataclass(frozen=True, slots=True)
class Recorder:
    """Compares with recordings, or writes them."""

    record: bool

    def __call__(self, path: Path, made: str | bytes | Mapping[str, bytes]) -> None:
        """Hold what is made now to the recording of it: text or bytes to a file, files by name to a folder."""
        __tracebackhide__ = True
        if self.record:
            write(path, made)
        recorded: object = None
        if path.exists():
            recorded = read_folder(path) if path.is_dir() else path.read_bytes()
        if isinstance(made, str) and isinstance(recorded, bytes):
            recorded = recorded.decode()
        assert made == recorded, (
            f"{path} is recorded otherwise; if this is meant, run make record and read the difference"
        )


def read_folder(folder: Path) -> Folder:
    """Return every file below a folder by its name, relative and with slashes."""
    files = [path for path in sorted(folder.rglob("*")) if path.is_file()]
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in files}


def write(path: Path, made: str | bytes | Mapping[str, bytes]) -> None:
    """Write a recording; a folder holds nothing else afterwards."""
    if isinstance(made, str | bytes):
        path.write_bytes(made.encode() if isinstance(made, str) else made)
        return
    shutil.rmtree(path, ignore_errors=True)
    for name, content in made.items():
        file = path / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content)
