"""Spoilt configs end in sentences: quickly, in little memory, and whatever is accepted is proven and lints."""

from __future__ import annotations

import hashlib
import json
import sys
from typing import TYPE_CHECKING, Any

import pytest

from helpers import TESTS, python
from trailkey import errors
from trailkey.checks.lint import LintInput, lint
from trailkey.reports.findings import finding_text

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="measures memory as Unix does")

SECONDS, MEBIBYTES, SAID = 2, 500, 60_000
BATCH = 30


def tried(first: int, last: int, folder: Path) -> list[dict[str, Any]]:
    """Try the configs of some numbers in a process of their own, and return what became of each."""
    done = python(folder, str(TESTS / "fuzzing.py"), str(first), str(last), str(folder))
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    assert done.returncode == 0, f"config {lines[-1] if lines else first} of tests/fuzzing.py:\n{done.stderr}"
    *pairs, most = lines
    assert most["most"] < MEBIBYTES
    found = [{**seed, **ended} for seed, ended in zip(pairs[::2], pairs[1::2], strict=True)]
    assert [one["seed"] for one in found] == list(range(first, last))
    for one in found:
        assert one["code"] in (errors.OK, errors.USAGE, errors.CHECK_FAILED), one
        assert one["seconds"] < SECONDS, one
        assert one["said"] < SAID, one
        assert one["code"] == errors.OK or one["start"], one
    return found


def linted(folder: Path) -> int:
    """Lint each template once that was accepted, and return how many there are."""
    inputs: dict[str, LintInput] = {}
    for path in sorted((folder / "templates").iterdir()):
        text = path.read_text(encoding="utf-8")
        inputs.setdefault(hashlib.sha256(text.encode()).hexdigest(), LintInput(text, (path.name.partition(".")[0],)))
    assert [finding_text(match.finding()) for match in lint(inputs)] == []
    return len(inputs)


@pytest.mark.parametrize(
    "first", [pytest.param(at, marks=pytest.mark.exhaustive if at else ()) for at in range(0, 300, BATCH)]
)
def test_spoilt_configs_end_in_sentences(first: int, tmp_path: Path) -> None:
    found = tried(first, first + BATCH, tmp_path)

    assert sum(one["code"] == errors.USAGE for one in found) > BATCH // 2
    assert linted(tmp_path) > BATCH // 10


@pytest.mark.exhaustive
@pytest.mark.parametrize("first", range(10_000, 13_000, 500))
def test_many_spoilt_configs_end_in_sentences(first: int, tmp_path: Path) -> None:
    tried(first, first + 500, tmp_path)

    assert linted(tmp_path) > 100
