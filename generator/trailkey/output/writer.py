"""The only writer of files: brings one output folder to exactly the files of one run, and says what that takes.

A run may be killed at any moment. What holds then, and why the steps stand in this order:

1. Every file is whole, the old or the new one: each is staged under a temporary name and renamed. All are staged before the
   first is renamed, so a full disk stops a run before it changes anything.
2. rollout.json, which lists every other file with its hash, is renamed last. Until then it is the old one, and differs from
   the files beside it wherever a run got half way.
3. What is ours is what a rollout.json lists. A file that no rollout.json lists yet is first listed in a journal, which goes
   away last, so that a later run of another config still knows it as ours. Files of stacks that are gone are removed before
   rollout.json stops listing them. Nothing else in the folder is ever touched.

So the set is whole exactly where `compare_output` finds nothing to do, and the next run mends whatever it finds.
"""

from __future__ import annotations

import errno
import hashlib
import json
import os
import secrets
import stat
import sys
import time
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Final

from trailkey.errors import OutputError
from trailkey.files import TooLargeError, read_file
from trailkey.output.manifest import FORMAT, MANIFEST, listed_files

if sys.platform != "win32":
    import fcntl

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from collections.abc import Set as AbstractSet
    from pathlib import Path

TEMPORARY: Final = ".trailkey-"
"""How the name of everything begins that a run leaves behind only when it is killed. The next run removes it."""

_JOURNAL: Final = f"{TEMPORARY}pending.json"
_PATIENCE_SECONDS: Final = 10.0


class Change(StrEnum):
    """What a run does to a file, or would do."""

    CREATED = "created"
    CHANGED = "changed"
    UNCHANGED = "unchanged"
    REMOVED = "removed"


@dataclass(frozen=True, slots=True)
class FileChange:
    """One file of the folder and what happens to it."""

    name: str
    change: Change


def write_output(folder: Path, files: Mapping[str, bytes]) -> list[FileChange]:
    """Make the folder hold exactly these files beside foreign ones, and return what that took, by name.

    ``files`` maps names to bytes; a name may have one folder before it, ``cli/log-archive-key.json``. One is rollout.json, which lists every other one with its SHA-256: templates in its
    ``stacks``, the rest under ``files``. A file that is right already is not touched, not even its time stamp.

    Raises:
        OutputError: a name or the file system stands in the way.
        ValueError: rollout.json does not list exactly the other files, a defect of the caller.
    """
    _check(folder, files)
    with _explained(folder) as progress:
        folder.mkdir(parents=True, exist_ok=True)
        with _locked(folder) as descriptor:
            plan = _plan(folder, files)
            _carry_out(plan, descriptor, progress)
    return plan.result()


def compare_output(folder: Path, files: Mapping[str, bytes]) -> list[FileChange]:
    """Return what `write_output` would do, by name, and write nothing. The set is whole where every file is unchanged.

    Raises:
        OutputError: a name or the file system stands in the way, as for `write_output`.
        ValueError: rollout.json does not list exactly the other files.
    """
    _check(folder, files)
    with _explained(folder):
        return _plan(folder, files).result()


@dataclass(frozen=True, slots=True)
class _Plan:
    """What a run is to do: a change for each name, and what the journal of a killed run lists."""

    folder: Path
    files: Mapping[str, bytes]
    changes: Mapping[str, Change]
    journal: AbstractSet[tuple[str, str]]

    def result(self) -> list[FileChange]:
        return [FileChange(name, self.changes[name]) for name in sorted(self.changes)]

    def names(self, *kinds: Change) -> list[str]:
        return [name for name in sorted(self.changes) if self.changes[name] in kinds]


@dataclass(slots=True)
class _Progress:
    """Where a run is, for the message if it ends there."""

    path: Path
    begun: bool = False


def _check(folder: Path, files: Mapping[str, bytes]) -> None:
    seen: dict[str, str] = {}
    for name in files:
        if not _is_name(name):
            raise OutputError(
                f"{folder}: {name!r} cannot be the name of an output file; a name has one folder before it at most, and no part begins with a dot; rename it"
            )
        if (other := seen.setdefault(name.casefold(), name)) != name:
            raise OutputError(
                f"{folder}: {other!r} and {name!r} are one file on systems that ignore case; names differ in more than "
                "case; rename one of the two"
            )
    if MANIFEST not in files or _listed(files[MANIFEST]) != _digests(files):
        raise ValueError(f"{MANIFEST} has to list every other file with its hash")


def _is_name(name: str) -> bool:
    """Return whether a file may have a name: a part, or two, the first of which is a folder of ours."""
    parts = name.split("/")
    plain = all(part[:1] not in ("", ".") and part.isprintable() and not set("\\:") & set(part) for part in parts)
    return plain and len(parts) <= 2


def _folder_of(folder: Path, name: str) -> Path | None:
    """Return the folder that a file is in; None where a link or something else stands in its place, which is never followed."""
    parent = (folder / name).parent
    return parent if parent == folder or (parent.is_dir() and not parent.is_symlink()) else None


def _sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def _digests(files: Mapping[str, bytes]) -> set[tuple[str, str]]:
    return {(name, _sha256(data)) for name, data in files.items() if name != MANIFEST}


def _listed(manifest: bytes) -> set[tuple[str, str]]:
    """Return name and hash of the files of this folder that a rollout.json or a journal lists."""
    return {(name, digest) for name, digest in listed_files(manifest) if _is_name(name) and name != MANIFEST}


def _read(path: Path) -> bytes | None:
    """Return the bytes of a regular file of a size that ours may have, None for anything else: a link is never followed."""
    try:
        return read_file(path) if stat.S_ISREG(path.lstat().st_mode) else None
    except (FileNotFoundError, TooLargeError):
        return None


def _plan(folder: Path, files: Mapping[str, bytes]) -> _Plan:
    for path in (folder, *sorted({(folder / name).parent for name in files})):
        if path.is_symlink() or (path.exists() and not path.is_dir()):
            raise NotADirectoryError(errno.ENOTDIR, "", str(path))
    changes = {name: _change(folder / name, data) for name, data in files.items()}
    for name, _ in _listed(_read(folder / MANIFEST) or b""):
        path = folder / name
        if name not in files and _folder_of(folder, name) and (path.is_symlink() or path.is_file()):
            changes[name] = Change.REMOVED
    journal = _listed(_read(folder / _JOURNAL) or b"")
    for name, digest in journal:
        # The killed run may not have come to this file, and someone else may have since: only its own bytes are ours.
        data = _read(folder / name) if name not in files and _folder_of(folder, name) else None
        if data is not None and _sha256(data) == digest:
            changes[name] = Change.REMOVED
    return _Plan(folder, files, changes, journal)


def _change(path: Path, data: bytes) -> Change:
    try:
        status = path.lstat()
    except FileNotFoundError:
        return Change.CREATED
    if stat.S_ISDIR(status.st_mode):
        raise IsADirectoryError(errno.EISDIR, "", str(path))
    same = stat.S_ISREG(status.st_mode) and status.st_size == len(data) and path.read_bytes() == data
    return Change.UNCHANGED if same else Change.CHANGED


def _carry_out(plan: _Plan, descriptor: int | None, progress: _Progress) -> None:
    for path in plan.folder.glob(f"{TEMPORARY}*"):
        if path.name != _JOURNAL or not plan.journal:
            progress.path = path
            path.unlink()
    contents = {name: plan.files[name] for name in plan.names(Change.CREATED, Change.CHANGED)}
    removed = plan.names(Change.REMOVED)
    if not contents and not removed and not plan.journal:
        return
    # What a killed run may have left stays listed beside what this one makes: a name may stand there with several hashes.
    journal = sorted(plan.journal | _digests(contents))
    if contents:
        entries = [{"template": name, "sha256": digest} for name, digest in journal]
        contents[_JOURNAL] = json.dumps({"format": FORMAT, "stacks": entries}).encode()
    staged: dict[str, Path] = {}

    def put(name: str) -> None:
        if name in staged:
            progress.path = plan.folder / name
            if progress.path.parent != plan.folder:
                progress.path.parent.mkdir(exist_ok=True)
            staged[name].replace(progress.path)
            del staged[name]

    def remove(name: str) -> None:
        progress.path = plan.folder / name
        progress.path.unlink(missing_ok=True)
        if progress.path.parent != plan.folder:
            with suppress(OSError):  # it holds other files, which are not ours
                progress.path.parent.rmdir()

    try:
        for name, data in contents.items():
            progress.path = plan.folder / name
            staged[name] = plan.folder / f"{TEMPORARY}{secrets.token_hex(8)}"
            stage(staged[name], data, executable=name.endswith(".sh"))
        put(_JOURNAL)
        _sync(plan, descriptor)
        progress.begun = True
        for name in sorted(staged.keys() - {MANIFEST}):
            put(name)
        for name in removed:
            remove(name)
        _sync(plan, descriptor)
        put(MANIFEST)
        _sync(plan, descriptor)
        remove(_JOURNAL)
    finally:
        for path in staged.values():
            with suppress(OSError):
                path.unlink()


def _sync(plan: _Plan, descriptor: int | None) -> None:
    """Make the renames so far outlast a power cut, before those that come after them."""
    if descriptor is None:
        return
    os.fsync(descriptor)
    for inner in sorted({path for name in plan.changes if (path := _folder_of(plan.folder, name))} - {plan.folder}):
        opened = os.open(inner, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(opened)
        finally:
            os.close(opened)


def stage(path: Path, data: bytes, *, executable: bool) -> None:
    """Write a new file, and wait until it is on the disk."""
    # Exclusive: a link of that name is not followed. 0o666: readable as the user's umask says, not to its owner alone.
    mode = 0o777 if executable else 0o666
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0), mode)
    try:
        rest = memoryview(data)
        while rest:
            rest = rest[os.write(descriptor, rest) :]
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextmanager
def _locked(folder: Path) -> Iterator[int | None]:
    """Hold the folder against other runs, which would clear our temporary files away; yield its descriptor."""
    if sys.platform == "win32":
        yield None
        return
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        deadline = time.monotonic() + _PATIENCE_SECONDS
        while True:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                if time.monotonic() > deadline:
                    raise OutputError(
                        f"{folder}: another run is writing here; one writes at a time; wait for it and run again"
                    ) from None
                time.sleep(0.02)
            except OSError:  # a file system without locks
                break
            else:
                break
        yield descriptor
    finally:
        os.close(descriptor)


_REASONS: Final = {
    errno.ENOTDIR: ("is a file or a link, and the output needs a folder there", "move it away"),
    errno.EEXIST: ("is a file or a link, and the output needs a folder there", "move it away"),
    errno.EISDIR: ("is a folder where a file belongs", "move it away"),
    errno.EACCES: ("permission denied", "give yourself the right to read and write it and its folder"),
    errno.EPERM: ("operation not permitted", "give yourself the right to read and write it and its folder"),
    errno.ENOSPC: ("no space left on the disk", "make room"),
    errno.EDQUOT: ("disk quota exceeded", "make room"),
    errno.EROFS: ("the file system is read-only", "choose another folder with --output"),
}


@contextmanager
def _explained(folder: Path) -> Iterator[_Progress]:
    """Turn what the operating system refuses into an OutputError that says what to do and what state the folder is in."""
    progress = _Progress(folder)
    try:
        yield progress
    except OSError as error:
        place = error.filename if progress.path == folder and error.filename else progress.path
        if error.errno in (errno.ENOTDIR, errno.EEXIST):  # perhaps not the folder itself, but one it lies in
            place = next((path for path in (folder, *folder.parents) if path.is_file() or path.is_symlink()), place)
        wrong, remedy = _REASONS.get(error.errno or 0, (error.strerror or str(error), "solve that"))
        state = "the folder is partly written, and the next run repairs it" if progress.begun else "nothing was changed"
        raise OutputError(f"{place}: {wrong}; {state}; {remedy} and run again") from error
