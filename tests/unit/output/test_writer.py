"""One output folder: exactly the files of a run, whatever was there, and whenever an earlier run was killed."""

from __future__ import annotations

import contextlib
import errno
import hashlib
import itertools
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any
from unittest.mock import patch

import pytest
from hypothesis import given
from hypothesis import strategies as st

from helpers import TESTS
from trailkey.errors import NOT_WRITTEN, OutputError
from trailkey.output import writer
from trailkey.output.writer import Change, FileChange, compare_output, write_output

if TYPE_CHECKING:
    from collections.abc import Iterator

KILLING = TESTS / "killing.py"
POSIX = pytest.mark.skipif(sys.platform == "win32", reason="links, locks and forks as POSIX has them")


def make(**templates: str) -> dict[str, bytes]:
    """A set: each template under <name>.yaml, access.md beside them where there is one, and the rollout.json of both."""
    files = {f"{name}.yaml" if name != "access" else "access.md": text.encode() for name, text in templates.items()}
    digests = {name: hashlib.sha256(data).hexdigest() for name, data in files.items()}
    document = {
        "format": 2,
        "stacks": [{"template": name, "sha256": digest} for name, digest in digests.items() if name != "access.md"],
        "files": digests,
    }
    return {**files, "rollout.json": json.dumps(document).encode()}


OLD = make(key="key 1", trail="trail", reader="reader", access="who 1")
NEW = make(key="key 2, longer", trail="trail", bucket="bucket", access="who 2")
OTHER = make(key="key 1", lake="lake", **{"github/deploy": "lake"})


def contents(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def changes(result: list[FileChange]) -> dict[str, str]:
    return {item.name: str(item.change) for item in result}


def is_whole(folder: Path, files: dict[str, bytes]) -> bool:
    return all(item.change is Change.UNCHANGED for item in compare_output(folder, files))


@pytest.fixture(autouse=True, scope="module")
def _no_waiting_for_the_disk() -> Iterator[None]:
    with patch.object(os, "fsync", lambda _descriptor: None):  # only a power cut would tell
        yield


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "output" / "organization"


def test_first_run_creates_every_file(folder: Path) -> None:
    expected = dict.fromkeys(sorted(OLD), "created")

    assert changes(compare_output(folder, OLD)) == expected
    assert not folder.parent.exists()
    assert changes(write_output(folder, OLD)) == expected
    assert contents(folder) == OLD


def test_second_run_touches_nothing(folder: Path) -> None:
    write_output(folder, OLD)
    for path in folder.iterdir():
        os.utime(path, ns=(1, 1))
    os.utime(folder, ns=(1, 1))

    result = write_output(folder, OLD)

    assert changes(result) == dict.fromkeys(sorted(OLD), "unchanged")
    assert {path.stat().st_mtime_ns for path in (folder, *folder.iterdir())} == {1}


def test_next_run_changes_creates_and_removes_only_what_differs(folder: Path) -> None:
    write_output(folder, OLD)
    (folder / "notes.txt").write_text("mine")
    os.utime(folder / "trail.yaml", ns=(1, 1))
    expected = {
        "access.md": "changed",
        "bucket.yaml": "created",
        "key.yaml": "changed",
        "reader.yaml": "removed",
        "rollout.json": "changed",
        "trail.yaml": "unchanged",
    }

    assert changes(compare_output(folder, NEW)) == expected
    assert contents(folder) == {**OLD, "notes.txt": b"mine"}
    assert changes(write_output(folder, NEW)) == expected
    assert contents(folder) == {**NEW, "notes.txt": b"mine"}
    assert (folder / "trail.yaml").stat().st_mtime_ns == 1


def test_files_are_readable_as_the_umask_says(folder: Path) -> None:
    before = os.umask(0o027)
    try:
        write_output(folder, OLD)
    finally:
        os.umask(before)

    assert {path.stat().st_mode & 0o777 for path in folder.iterdir()} == {0o640}


@pytest.mark.parametrize(
    "manifest",
    [
        b"",
        b"{",
        b"[]",
        b"null",
        b"\xff",
        b"[" * 100_000,
        b'{"files": {"mine.yaml": ""}}',
        b'{"format": 1, "files": {"mine.yaml": ""}}',
        b'{"format": 2, "files": ["mine.yaml"]}',
        b'{"format": 2, "stacks": {"template": "mine.yaml"}}',
        b'{"format": 2, "stacks": ["mine.yaml", {"template": ["mine.yaml"]}, {"sha256": ""}]}',
        b'{"format": 2, "files": {"../outside.yaml": "", "sub/deep/mine.yaml": "", "sub/../mine.yaml": "", "..": "", ".": "", "": "", "sub": "", ".hidden": ""}}',
    ],
)
def test_a_strange_rollout_json_lets_nothing_be_removed(folder: Path, manifest: bytes) -> None:
    (folder / "sub").mkdir(parents=True)
    mine = [folder / "mine.yaml", folder / "sub" / "mine.yaml", folder.parent / "outside.yaml", folder / ".hidden"]
    for path in mine:
        path.write_text("mine")
    (folder / "rollout.json").write_bytes(manifest)

    result = write_output(folder, OLD)

    assert changes(result) == dict.fromkeys(sorted(OLD), "created") | {"rollout.json": "changed"}
    assert [path.read_text() for path in mine] == ["mine"] * 4
    assert is_whole(folder, OLD)


def test_files_listed_only_as_templates_are_removed_too(folder: Path) -> None:
    write_output(folder, OTHER)
    (folder / "old.yaml").write_text("old")
    (folder / "rollout.json").write_text('{"format": 2, "stacks": [{"template": "old.yaml", "sha256": "0"}]}')

    assert changes(write_output(folder, OTHER))["old.yaml"] == "removed"
    assert contents(folder) == OTHER


def test_leftovers_of_a_killed_run_go_away_and_are_no_difference(folder: Path) -> None:
    write_output(folder, OLD)
    for name in (".trailkey-0123", ".trailkey-pending.json"):
        (folder / name).write_bytes(b"half a fi")

    assert is_whole(folder, OLD)
    assert is_whole(folder, OLD)
    write_output(folder, OLD)
    assert contents(folder) == OLD


@POSIX
@pytest.mark.parametrize("same", [True, False])
def test_a_link_is_replaced_and_never_written_through(folder: Path, tmp_path: Path, same: bool) -> None:  # noqa: FBT001 (a row)
    outside = tmp_path / "outside"
    text = "k" * len(str(outside))  # as long as the link
    wanted = make(key=text)
    data = text.encode() if same else b"outside"
    outside.write_bytes(data)
    folder.mkdir(parents=True)
    (folder / "key.yaml").symlink_to(outside)
    (folder / "rollout.json").symlink_to(tmp_path / "missing")

    result = changes(write_output(folder, wanted))

    assert (result["key.yaml"], result["rollout.json"]) == ("changed", "changed")
    assert outside.read_bytes() == data
    assert contents(folder) == wanted
    assert not any(path.is_symlink() for path in folder.iterdir())
    assert not (tmp_path / "missing").exists()


@POSIX
def test_link_is_removed_and_its_target_kept(folder: Path, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.write_text("mine")
    write_output(folder, OLD)
    (folder / "reader.yaml").unlink()
    (folder / "reader.yaml").symlink_to(outside)

    write_output(folder, NEW)

    assert contents(folder) == NEW
    assert outside.read_text() == "mine"


def test_a_folder_in_the_place_of_a_removed_file_stays(folder: Path) -> None:
    write_output(folder, OLD)
    (folder / "reader.yaml").unlink()
    (folder / "reader.yaml").mkdir()

    assert "reader.yaml" not in changes(write_output(folder, NEW))
    assert (folder / "reader.yaml").is_dir()


# Killed


def killed(work: Path, before: Path, files: dict[str, bytes]) -> list[str]:
    """Write ``files`` over copies of ``before`` under work/1, work/2, …, killed at every call; return the calls of a whole run."""
    work.mkdir()
    (work / "files.json").write_text(json.dumps({name: data.decode() for name, data in files.items()}))
    subprocess.run([sys.executable, str(KILLING), before, work / "files.json", work], check=True, timeout=120)
    calls: list[str] = json.loads((work / "calls.json").read_text())
    assert {path.name for path in work.iterdir() if path.is_dir()} >= {
        str(number) for number in range(2, len(calls) + 2)
    }
    return calls


@POSIX
@pytest.mark.parametrize(
    ("before", "after"),
    [({}, OLD), (OLD, NEW), (NEW, OLD), (OLD, OLD), (OTHER, OLD)],
    ids=["first", "new", "back", "same", "other"],
)
def test_run_killed_at_any_call_leaves_whole_files_for_the_next_run_to_repair(
    tmp_path: Path, before: dict[str, bytes], after: dict[str, bytes]
) -> None:
    start = tmp_path / "start"
    foreign = {"notes.txt": b"mine"} if before else {}
    if before:
        write_output(start, before)
        (start / "notes.txt").write_bytes(b"mine")

    calls = killed(tmp_path / "runs", start, after)

    for number in range(1, len(calls) + 2):
        state = tmp_path / "runs" / str(number)
        visible = {name: data for name, data in contents(state).items() if not name.startswith(".trailkey-")}
        for name, data in visible.items():
            assert data in {files.get(name) for files in (before, after, foreign)}, (number, name)
        for wanted in (after, before or OTHER, OTHER):
            assert is_whole(state, wanted) == (visible == wanted | foreign), (number, calls[:number])
            mended = tmp_path / "mended"
            if state.exists():
                shutil.copytree(state, mended)
            write_output(mended, wanted)
            assert contents(mended) == wanted | foreign, (number, calls[:number])
            shutil.rmtree(mended)


@POSIX
@pytest.mark.exhaustive
def test_killed_twice_at_every_pair_of_calls_the_next_run_mends(tmp_path: Path) -> None:
    first, second, third = make(a="1"), make(c="2"), make(c="3")
    write_output(tmp_path / "start", first)
    once = killed(tmp_path / "once", tmp_path / "start", second)

    for number in range(1, len(once) + 2):
        twice = killed(tmp_path / f"twice-{number}", tmp_path / "once" / str(number), third)
        for again in range(1, len(twice) + 2):
            state = tmp_path / f"twice-{number}" / str(again)
            visible = {name: data for name, data in contents(state).items() if not name.startswith(".trailkey-")}
            for wanted in (first, second, third):
                assert is_whole(state, wanted) == (visible == wanted), (number, again)
            last = (first, second, third)[again % 3]
            write_output(state, last)
            assert contents(state) == last, (number, again)


@POSIX
def test_the_order_of_the_calls(tmp_path: Path) -> None:
    write_output(tmp_path / "start", make(a="1", b="1"))

    calls = killed(tmp_path / "runs", tmp_path / "start", make(b="2"))

    staged = ["open", "write", "rest of write", "fsync"]
    assert calls == [
        *("mkdir", "open"),  # the folder, for the lock
        *(staged * 3),  # b.yaml, rollout.json, the journal
        *("replace", "fsync"),  # the journal
        "replace",  # b.yaml
        *("unlink", "fsync"),  # a.yaml
        *("replace", "fsync"),  # rollout.json
        "unlink",  # the journal
    ]


class Killed(BaseException):
    """Stands for SIGKILL inside this process: from one call on, no call reaches the file system any more."""


@contextlib.contextmanager
def killed_at(call: int) -> Iterator[None]:
    made = 0

    def watched(original: Any) -> Any:
        def run(*args: Any, **kwargs: Any) -> Any:
            nonlocal made
            made += 1
            if made >= call:
                raise Killed
            return original(*args, **kwargs)

        return run

    names = ("mkdir", "open", "write", "fsync", "replace", "unlink")
    with contextlib.ExitStack() as stack:
        for name in names:
            stack.enter_context(patch.object(os, name, watched(getattr(os, name))))
        with contextlib.suppress(Killed):
            yield


NAMES = st.sampled_from(["a", "b", "cli/a", "access"])
SETS = st.dictionaries(NAMES, st.sampled_from(["", "1", "2", "two"]), max_size=4).map(lambda texts: make(**texts))
RUNS = st.tuples(SETS, st.none() | st.integers(1, 40), st.sampled_from(["", "edit", "lose", "truncate"]), NAMES)


@given(st.lists(RUNS, min_size=1, max_size=6), SETS)
def test_any_sequence_of_runs_kills_and_edits_ends_in_the_last_run(
    runs: list[tuple[dict[str, bytes], int | None, str, str]], last: dict[str, bytes]
) -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name) / "output"
        folder.mkdir()
        (folder / "notes.txt").write_bytes(b"mine")
        for files, kill, edit, stem in runs:
            if kill is None:
                expected = compare_output(folder, files)
                assert write_output(folder, files) == expected
                assert contents(folder) == files | {"notes.txt": b"mine"}
            else:
                with killed_at(kill):
                    write_output(folder, files)
            path = folder / f"{stem}.yaml"
            if path.exists():
                # What a person did to a file that no killed run was busy with is undone; rollout.json is left to its own test.
                if edit == "edit" and is_whole(folder, files):
                    path.write_bytes(b"edited")
                elif edit == "lose":
                    path.unlink()
                elif edit == "truncate" and is_whole(folder, files):
                    path.write_bytes(b"")

        write_output(folder, last)

        assert contents(folder) == last | {"notes.txt": b"mine"}
        assert is_whole(folder, last)


def test_files_of_an_engine_are_in_a_folder_of_their_own_that_goes_with_the_last_of_them(folder: Path) -> None:
    write_output(folder, make(key="1", **{"cli/key": "a", "cli/trail": "b", "github/deploy": "c"}))
    (folder / "github" / "mine.txt").write_bytes(b"mine")

    assert changes(write_output(folder, make(key="1", **{"cli/key": "d"}))) == {
        "cli/key.yaml": "changed",
        "cli/trail.yaml": "removed",
        "github/deploy.yaml": "removed",
        "key.yaml": "unchanged",
        "rollout.json": "changed",
    }
    write_output(folder, make(key="1"))

    assert not (folder / "cli").exists()
    assert (folder / "github" / "mine.txt").read_bytes() == b"mine"


@POSIX
def test_a_link_in_the_place_of_an_engines_folder_is_never_followed(folder: Path, tmp_path: Path) -> None:
    files = make(key="1", **{"cli/key": "a"})
    write_output(folder, files)
    elsewhere = tmp_path / "elsewhere"
    (folder / "cli").rename(elsewhere)
    (folder / "cli").symlink_to(elsewhere)
    with pytest.raises(
        OutputError,
        match=exactly(
            f"{folder / 'cli'}: is a file or a link, and the output needs a folder there; nothing was changed; move it away and run again"
        ),
    ):
        write_output(folder, files)

    write_output(folder, make(key="2"))

    assert contents(elsewhere) == {"key.yaml": b"a"}


@POSIX
def test_scripts_can_be_run(folder: Path) -> None:
    script = b"#!/usr/bin/env bash"
    listed = {"format": 2, "stacks": [], "files": {"deploy.sh": hashlib.sha256(script).hexdigest()}}
    write_output(folder, {"deploy.sh": script, "rollout.json": json.dumps(listed).encode()})

    assert os.access(folder / "deploy.sh", os.X_OK)
    assert not os.access(folder / "rollout.json", os.X_OK) or os.name == "nt"


def test_foreign_file_stays_where_a_killed_run_meant_to_write(folder: Path) -> None:
    with killed_at(25):
        write_output(folder, OLD)
    assert (folder / ".trailkey-pending.json").exists()
    (folder / "trail.yaml").write_text("mine")

    write_output(folder, OTHER)

    assert contents(folder) == OTHER | {"trail.yaml": b"mine"}


def test_error_before_the_first_rename_changes_nothing(folder: Path) -> None:
    write_output(folder, OLD)

    with (
        patch.object(os, "write", side_effect=[4, OSError(errno.ENOSPC, "No space left on device")]),
        pytest.raises(OutputError),
    ):
        write_output(folder, NEW)

    assert contents(folder) == OLD


def test_an_interrupt_cleans_up(folder: Path) -> None:
    write_output(folder, OLD)

    with patch.object(os, "fsync", side_effect=KeyboardInterrupt), pytest.raises(KeyboardInterrupt):
        write_output(folder, NEW)

    assert contents(folder) == OLD


# Two at once


def test_runs_at_once_take_turns(folder: Path) -> None:
    failures: list[BaseException] = []

    def run(files: dict[str, bytes]) -> None:
        try:
            for _ in range(10):
                write_output(folder, files)
        except BaseException as error:  # noqa: BLE001 (shown by the assertion below)
            failures.append(error)

    threads = [threading.Thread(target=run, args=(files,)) for files in (OLD, NEW, OTHER)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert not failures
    assert contents(folder) in (OLD, NEW, OTHER)


@POSIX
def test_another_run_that_does_not_end_refuses(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import fcntl

    monkeypatch.setattr(writer, "_PATIENCE_SECONDS", 0.05)
    folder.mkdir(parents=True)
    descriptor = os.open(folder, os.O_RDONLY)
    fcntl.flock(descriptor, fcntl.LOCK_EX)

    with pytest.raises(
        OutputError,
        match=exactly(f"{folder}: another run is writing here; one writes at a time; wait for it and run again"),
    ):
        write_output(folder, OLD)

    os.close(descriptor)
    assert contents(folder) == {}


@POSIX
def test_a_file_system_without_locks_is_written_to(folder: Path) -> None:
    with patch("fcntl.flock", side_effect=OSError(errno.ENOLCK, "No locks available")):
        write_output(folder, OLD)

    assert contents(folder) == OLD


# Refusals


def exactly(message: str) -> str:
    return f"^{re.escape(message)}$"


@pytest.mark.parametrize(
    "name",
    [
        "../key.yaml",
        "a/b/c.yaml",
        "a/../b.yaml",
        "a/.b.yaml",
        "a//b.yaml",
        "a/",
        "/key.yaml",
        "/etc/key.yaml",
        "..",
        ".",
        "",
        ".hidden",
        ".trailkey-1",
        "a\\b",
        "c:a",
        "a\0",
        "a\nb",
    ],
)
@pytest.mark.parametrize("function", [write_output, compare_output])
def test_a_name_that_is_a_path_or_hidden_refuses(folder: Path, name: str, function: Any) -> None:
    message = f"{folder}: {name!r} cannot be the name of an output file; a name has one folder before it at most, and no part begins with a dot; rename it"

    with pytest.raises(OutputError, match=exactly(message)):
        function(folder, {**OLD, name: b""})

    assert not folder.exists()


def test_names_that_differ_only_in_case_refuse(folder: Path) -> None:
    message = (
        f"{folder}: 'key.yaml' and 'KEY.yaml' are one file on systems that ignore case; names differ in more than case; "
        "rename one of the two"
    )

    with pytest.raises(OutputError, match=exactly(message)):
        write_output(folder, make(key="", KEY=""))


@pytest.mark.parametrize(
    "files",
    [
        {},
        {"key.yaml": b""},
        {**OLD, "unlisted.yaml": b""},
        {**OLD, "key.yaml": b"another"},
        {name: data for name, data in OLD.items() if name != "key.yaml"},
    ],
)
def test_a_rollout_json_that_does_not_list_the_set_is_a_defect(folder: Path, files: dict[str, bytes]) -> None:
    with pytest.raises(ValueError, match=exactly("rollout.json has to list every other file with its hash")):
        write_output(folder, files)

    assert not folder.exists()


NOTHING = "nothing was changed"
NEEDS_FOLDER = (
    "is a file or a link, and the output needs a folder there; nothing was changed; move it away and run again"
)


def test_a_file_where_the_folder_belongs_refuses(folder: Path) -> None:
    folder.parent.mkdir()
    folder.write_text("mine")

    for function in (write_output, compare_output):
        with pytest.raises(OutputError, match=exactly(f"{folder}: {NEEDS_FOLDER}")) as caught:
            function(folder, OLD)
        assert caught.value.exit_code == NOT_WRITTEN

    assert folder.read_text() == "mine"


def test_a_file_above_the_folder_refuses(folder: Path) -> None:
    folder.parent.write_text("mine")

    with pytest.raises(OutputError, match=exactly(f"{folder.parent}: {NEEDS_FOLDER}")):
        write_output(folder, OLD)


@POSIX
@pytest.mark.parametrize("target", [".", "missing"])
def test_a_link_where_the_folder_belongs_refuses(folder: Path, target: str) -> None:
    folder.parent.mkdir()
    folder.symlink_to(folder.parent / target)

    for function in (write_output, compare_output):
        with pytest.raises(OutputError, match=exactly(f"{folder}: {NEEDS_FOLDER}")):
            function(folder, OLD)

    assert list(folder.parent.iterdir()) == [folder]


@pytest.mark.parametrize("name", ["key.yaml", "rollout.json"])
def test_a_folder_where_a_file_belongs_refuses(folder: Path, name: str) -> None:
    (folder / name).mkdir(parents=True)
    message = f"{folder / name}: is a folder where a file belongs; nothing was changed; move it away and run again"

    for function in (write_output, compare_output):
        with pytest.raises(OutputError, match=exactly(message)):
            function(folder, OLD)

    assert [path.name for path in folder.iterdir()] == [name]


ELSEWHERE = "choose another folder with --output and run again"
HALF = "the folder is partly written, and the next run repairs it"
RIGHT = "give yourself the right to read and write it and its folder and run again"


@pytest.mark.parametrize(
    ("call", "after", "number", "name", "text"),
    [
        ("mkdir", 0, "EACCES", "", f"permission denied; {NOTHING}; {RIGHT}"),
        ("mkdir", 0, "EROFS", "", f"the file system is read-only; {NOTHING}; {ELSEWHERE}"),
        ("open", 1, "EACCES", "access.md", f"permission denied; {NOTHING}; {RIGHT}"),
        ("write", 1, "ENOSPC", "key.yaml", f"no space left on the disk; {NOTHING}; make room and run again"),
        ("fsync", 1, "EDQUOT", "key.yaml", f"disk quota exceeded; {NOTHING}; make room and run again"),
        ("fsync", 1, "EIO", "key.yaml", f"Input/output error; {NOTHING}; solve that and run again"),
        ("replace", 0, "EPERM", ".trailkey-pending.json", f"operation not permitted; {NOTHING}; {RIGHT}"),
        ("replace", 1, "EPERM", "access.md", f"operation not permitted; {HALF}; {RIGHT}"),
        ("replace", 2, "EACCES", "key.yaml", f"permission denied; {HALF}; {RIGHT}"),
    ],
)
def test_refusal_of_the_system_is_reported(
    folder: Path, call: str, after: int, number: str, name: str, text: str
) -> None:
    original = getattr(os, call)
    calls = itertools.count()

    def refusing(*args: Any, **kwargs: Any) -> Any:
        if next(calls) < after:
            return original(*args, **kwargs)
        code = getattr(errno, number)
        raise OSError(code, os.strerror(code))

    with (
        patch.object(os, call, refusing),
        pytest.raises(OutputError, match=exactly(f"{folder / name}: {text}")) as caught,
    ):
        write_output(folder, OLD)

    assert isinstance(caught.value.__cause__, OSError)
    if NOTHING in text:
        assert contents(folder) == {}
    write_output(folder, OLD)
    assert contents(folder) == OLD


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="no permission is denied to root")
def test_a_folder_without_permission_refuses(folder: Path) -> None:
    folder.mkdir(parents=True)
    folder.chmod(0o500)

    with pytest.raises(OutputError, match=exactly(f"{folder / 'access.md'}: permission denied; {NOTHING}; {RIGHT}")):
        write_output(folder, OLD)

    folder.chmod(0o700)


def test_a_file_that_cannot_be_read_refuses_the_comparison(folder: Path) -> None:
    write_output(folder, OLD)
    denied = PermissionError(errno.EACCES, "Permission denied", str(folder / "key.yaml"))

    with (
        patch.object(Path, "read_bytes", side_effect=denied),
        pytest.raises(OutputError, match=exactly(f"{folder / 'key.yaml'}: permission denied; {NOTHING}; {RIGHT}")),
    ):
        compare_output(folder, OLD)
