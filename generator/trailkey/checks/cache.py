"""Verdicts that are remembered: in the user's own cache folder, and believed only where nobody else can have written them.

A key stands for all that a verdict depends on, this program and its libraries among it, so that no verdict outlives what it was about.
An entry is believed if it is whole, of this key, and in a file and a folder that belong to this user and that no other can write
to; any other is as if it were not there. Where the system does not tell who owns a file (Windows), nothing is remembered.
"""

from __future__ import annotations

import hashlib
import json
import os
import secrets
import stat
import sys
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Iterable

MOST: Final = 5_000
"""Entries that are kept; of more, the oldest tenth is removed."""
LARGEST: Final = 4_000_000
"""Bytes of one entry."""

_LIBRARIES: Final = ("cfn-lint", "troposphere", "awacs", "pyyaml", "pydantic", "pydantic-core")
_OTHERS: Final = 0o022
"""The permissions by which others could write."""
_ANYBODY: Final = 0o077


class Store:
    """Entries by their keys, in a folder that only this user can read and write."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def get(self, key: str) -> Any:
        """Return what was put under a key; None where nothing is that can be believed."""
        try:
            if not _private(os.lstat(self._folder)):
                return None
            descriptor = os.open(self._folder / key, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
        except OSError:
            return None
        with os.fdopen(descriptor, "rb") as file:
            status = os.fstat(descriptor)
            own = stat.S_ISREG(status.st_mode) and status.st_uid == os.geteuid() and status.st_nlink == 1
            if not own or status.st_mode & _OTHERS or status.st_size > LARGEST:
                return None
            content = file.read(LARGEST + 1)
        checksum, _, value = content.partition(b"\n")
        if checksum != _checksum(key, value):
            return None
        try:
            return json.loads(value)
        except ValueError:
            return None

    def put(self, key: str, value: Any) -> None:
        """Keep a value, a plain document, under a key; where that is not possible nothing is kept.

        It is written whole under another name first, so that runs at the same time see all of an entry or nothing.
        """
        content = json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()
        if len(content) + 100 > LARGEST:
            return
        temporary = self._folder / f".{secrets.token_hex(8)}"
        with suppress(OSError):
            if not self._made():
                return
            descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
            try:
                with os.fdopen(descriptor, "wb") as file:
                    file.write(_checksum(key, content) + b"\n" + content)
                temporary.replace(self._folder / key)
            except OSError:
                temporary.unlink(missing_ok=True)
                raise
            self._prune()

    def _made(self) -> bool:
        """Make the folder where it is not there, in a place that is this user's; return whether it can be written to in private."""
        with suppress(FileExistsError):
            place = self._folder.parent
            with suppress(FileExistsError):
                place.mkdir(mode=0o700, parents=True)
            status = place.stat()
            if status.st_uid != os.geteuid() or status.st_mode & _OTHERS:
                return False
            self._folder.mkdir(mode=0o700)
        return _private(os.lstat(self._folder))

    def _prune(self) -> None:
        with os.scandir(self._folder) as entries:
            files = [entry for entry in entries if entry.is_file(follow_symlinks=False)]
        if len(files) > MOST:
            times = sorted((entry.stat(follow_symlinks=False).st_mtime_ns, entry.path) for entry in files)
            for _, path in times[: MOST // 10]:
                Path(path).unlink(missing_ok=True)


def users_store() -> Store | None:
    """Return the store of this user, or None where the system does not tell who owns a file, or where no folder is known.

    See: https://specifications.freedesktop.org/basedir-spec/latest/
    """
    if sys.platform == "win32":
        return None
    named = os.environ.get("XDG_CACHE_HOME", "")
    try:
        home = Path(named) if Path(named).is_absolute() else Path.home() / ".cache"
    except RuntimeError:
        return None
    return Store(home / "trailkey")


def key_of(*parts: str | bytes) -> str:
    """Return the key of what depends on all of some parts, in this order, and on this program."""
    digest = hashlib.sha256(identity().encode())
    for part in parts:
        content = part.encode() if isinstance(part, str) else part
        digest.update(b"%d:" % len(content))
        digest.update(content)
    return digest.hexdigest()


@cache
def identity() -> str:
    """Return what stands for this program: its files, Python, the libraries that a verdict comes from, and cfn-lint's schemas."""
    from importlib.util import find_spec

    digest = hashlib.sha256(sys.version.encode())
    package = Path(__file__).parent.parent
    for path in _files(package):
        digest.update(f"{path}\0".encode())
        digest.update((package / path).read_bytes())
    digest.update("\0".join(_libraries()).encode())
    linter = find_spec("cfnlint")  # found, and not loaded
    for place in (linter and linter.submodule_search_locations) or ():
        with suppress(OSError):
            digest.update((Path(place) / "data" / "schemas" / "version.json").read_bytes())
    return digest.hexdigest()


def _libraries() -> Iterable[str]:
    """Return the libraries with their versions, as the names of what an installer leaves have them: to read each takes longer.

    See: https://packaging.python.org/en/latest/specifications/recording-installed-packages/
    """
    found: dict[str, str] = {}
    for place in sys.path:
        with suppress(OSError):
            for one in Path(place).iterdir():
                name, _, version = one.stem.partition("-")
                if one.suffix == ".dist-info" and (known := name.lower().replace("_", "-")) in _LIBRARIES:
                    found.setdefault(known, version)
    for name in _LIBRARIES:
        if name not in found:
            from importlib.metadata import version as installed

            found[name] = installed(name)
        yield f"{name} {found[name]}"


def _files(package: Path) -> Iterable[str]:
    """Return the files of a package that are not made from others, by their paths in it."""
    found = []
    for folder, folders, names in os.walk(package):
        folders[:] = [one for one in folders if one != "__pycache__"]
        found += [os.path.relpath(Path(folder) / name, package) for name in names]
    return sorted(found)


def _private(status: os.stat_result) -> bool:
    """Return whether a folder is this user's, and nobody else may even look into it."""
    return stat.S_ISDIR(status.st_mode) and status.st_uid == os.geteuid() and not status.st_mode & _ANYBODY


def _checksum(key: str, value: bytes) -> bytes:
    return hashlib.sha256(f"{key}\0".encode() + value).hexdigest().encode()
