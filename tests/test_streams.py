"""Streams and files that are closed, full, endless or poor in characters end with a sentence, and never with a traceback."""

from __future__ import annotations

import json
import shutil
import sys
from typing import TYPE_CHECKING

import pytest
import yaml

from helpers import CONFIGS, OUTPUT, SINGLE, allow, document, python
from trailkey import cli, errors

if TYPE_CHECKING:
    import subprocess
    from pathlib import Path

FORGED = "x\n::error::forged \x1b[2J\x85\u202e\u2028\u65e5"
ESCAPED = r"x\n::error::forged \x1b[2J\x85\u202e\u2028\u65e5"

unix = pytest.mark.skipif(sys.platform == "win32", reason="needs a shell and devices")


def shell(folder: Path, command: str) -> subprocess.CompletedProcess[str]:
    """Run a command line in a folder, with ``trailkey`` as this Python has it and full buffers as people have them."""
    line = command.replace("trailkey", f"{sys.executable} -m trailkey")
    code = (
        f"import subprocess, sys; sys.exit(subprocess.run(['bash', '-c', {f'set -o pipefail; {line}'!r}]).returncode)"
    )
    return python(folder, "-c", code, PYTHONUNBUFFERED="")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "policy.json").write_text(json.dumps(document(allow("*", sid=FORGED))), encoding="utf-8")
    (tmp_path / "request.json").write_text(
        json.dumps({"name": FORGED, "principal": "arn:aws:iam::111111111111:role/x", "action": "kms:Decrypt"}),
        encoding="utf-8",
    )
    (tmp_path / "config.yaml").write_text(yaml.safe_dump(SINGLE), encoding="utf-8")
    with (tmp_path / "sparse").open("wb") as file:
        file.truncate(3_000_000_000)
    return tmp_path


@unix
@pytest.mark.parametrize(
    ("command", "code", "said"),
    [
        ("trailkey audit - <&-", errors.USAGE, "standard input is closed"),
        ("trailkey schema >&-", errors.NOT_WRITTEN, "standard output: is closed"),
        ("trailkey schema >/dev/full", errors.NOT_WRITTEN, "standard output: cannot be written (No space left"),
        ("trailkey --help >/dev/full", errors.NOT_WRITTEN, "standard output: cannot be written (No space left"),
        ("trailkey access config.yaml >/dev/full", errors.NOT_WRITTEN, "standard output: cannot be written"),
        ("trailkey audit nothing 2>/dev/full", errors.USAGE, ""),
        ("trailkey audit nothing 2>&-", errors.USAGE, ""),
        ("trailkey schema | head -1", errors.OK, ""),
    ],
)
def test_a_stream_that_is_closed_or_full_ends_with_a_sentence(command: str, code: int, said: str, folder: Path) -> None:
    done = shell(folder, command)

    assert done.returncode == code, done.stderr
    assert said in done.stderr
    assert len(done.stderr.splitlines()) == bool(said)


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "cp1252"])
def test_a_stream_without_a_character_gets_its_escape(encoding: str, folder: Path) -> None:
    done = python(folder, "-m", "trailkey", "audit", "policy.json", PYTHONIOENCODING=f"{encoding}:strict")

    assert done.returncode == errors.CHECK_FAILED, done.stderr
    assert ESCAPED in done.stdout
    assert done.stdout.isascii()


@pytest.mark.parametrize(
    "command",
    [
        ["audit", "policy.json"],
        ["decide", "--policy", "policy.json", "request.json"],
        ["diff", "plain.json", "policy.json"],
        ["diff", "plain.json", "policy.json", "--format", "markdown"],
        ["audit", "policy.json", "--format", "json"],
        ["decide", "--policy", "policy.json", "request.json", "--format", "json"],
    ],
)
def test_texts_of_a_policy_neither_begin_a_line_nor_move_the_cursor(
    command: list[str], folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(folder)
    (folder / "plain.json").write_text(json.dumps(document(allow({"AWS": "111111111111"}))), encoding="utf-8")
    key = {"StringEquals": {"aws:PrincipalTag/t": FORGED}}
    there = document(allow({"AWS": "111111111111"}), allow("*", sid=FORGED, **key))
    (folder / "policy.json").write_text(json.dumps(there), encoding="utf-8")
    assert cli.run(command) in (errors.OK, errors.CHECK_FAILED)

    shown = capsys.readouterr()
    for line in (shown.out + shown.err).splitlines():
        assert line.isprintable(), line
        assert not line.startswith("::error")
    assert "forged" in shown.out


@unix
@pytest.mark.parametrize("endless", ["/dev/zero", "sparse"])
@pytest.mark.parametrize(
    "command",
    [
        ["generate", "{}"],
        ["access", "{}"],
        ["audit", "{}"],
        ["diff", "{}", "policy.json"],
        ["diff", "policy.json", "{}"],
        ["decide", "--policy", "{}", "request.json"],
        ["decide", "--policy", "policy.json", "{}"],
    ],
)
def test_what_has_no_end_is_not_read_to_it(
    command: list[str], endless: str, folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(folder)

    assert cli.run([word.format(endless) for word in command]) == errors.USAGE
    assert f"{endless}: cannot be read (it has more than " in capsys.readouterr().err


def test_what_a_file_names_and_a_folder_holds_is_read_to_a_limit(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(folder)
    (folder / "mirror.yaml").write_text("extends: sparse\nname: mirror\n", encoding="utf-8")
    there = folder / "made"
    there.mkdir()
    shutil.copytree(OUTPUT / "single-account", there, dirs_exist_ok=True)
    (folder / "sparse").rename(there / "aaa")
    (folder / "sparse").symlink_to(there / "aaa")

    for command in (["access", "mirror.yaml"], ["access", "made"], ["diff", "made", str(CONFIGS["single-account"])]):
        assert cli.run(command) == errors.USAGE
        assert "cannot be read (it has more than " in capsys.readouterr().err
