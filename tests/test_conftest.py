"""The random tests draw the same cases in CI, and others in every run elsewhere; recordings are written when told to only."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from helpers import python
from recordings import Recorder, read_folder

if TYPE_CHECKING:
    import subprocess
    from pathlib import Path

DRAW = """
import conftest
from hypothesis import given, strategies as st
drawn = []
@given(st.integers(0, 10**9))
def draw(number):
    drawn.append(number)
draw()
print(drawn)
"""


HOLDS = """
from pathlib import Path
def test_holds(recorded):
    recorded(Path("page.md"), "new")
def test_fails():
    assert False
"""


def drawn(folder: Path, ci: str) -> str:
    done = python(folder, "-c", DRAW, CI=ci)
    assert done.returncode == 0, done.stderr
    return done.stdout


def run_tests(folder: Path, *options: str, ci: str = "") -> subprocess.CompletedProcess[str]:
    """Run a test that holds page.md to a recording, and one that fails, with the conftest of this folder."""
    (folder / "test_page.py").write_text(HOLDS, encoding="utf-8")
    (folder / "page.md").write_text("old", encoding="utf-8")
    return python(folder, "-m", "pytest", "-q", "-p", "conftest", "-p", "no:cacheprovider", *options, CI=ci)


def test_random_cases_are_the_same_in_ci(tmp_path: Path) -> None:
    assert drawn(tmp_path, "true") == drawn(tmp_path, "true")


def test_random_cases_are_others_elsewhere(tmp_path: Path) -> None:
    assert drawn(tmp_path, "") != drawn(tmp_path, "")


def test_record_writes_and_runs_nothing_but_what_records(tmp_path: Path) -> None:
    done = run_tests(tmp_path, "--record")

    assert done.returncode == 0, done.stdout
    assert "1 passed" in done.stdout
    assert (tmp_path / "page.md").read_text(encoding="utf-8") == "new"


def test_record_is_refused_in_ci(tmp_path: Path) -> None:
    done = run_tests(tmp_path, "--record", ci="true")

    assert done.returncode == pytest.ExitCode.USAGE_ERROR
    assert "--record is refused in CI" in done.stderr
    assert (tmp_path / "page.md").read_text(encoding="utf-8") == "old"


@pytest.mark.parametrize(("before", "made"), [(b"old", "new"), (b"old", b"new"), (None, "new"), (None, {"a": b"1"})])
def test_difference_from_a_recording_fails_until_it_is_recorded(
    before: bytes | None, made: str | bytes | dict[str, bytes], tmp_path: Path
) -> None:
    path = tmp_path / "recording"
    if before is not None:
        path.write_bytes(before)

    with pytest.raises(AssertionError, match="run make record and read the difference"):
        Recorder(record=False)(path, made)
    Recorder(record=True)(path, made)
    Recorder(record=False)(path, made)


def test_recorded_folder_holds_exactly_the_files_of_one_run(tmp_path: Path) -> None:
    folder = tmp_path / "output"
    Recorder(record=True)(folder, {"a.yaml": b"1", "cli/deploy.sh": b"2"})
    with pytest.raises(AssertionError):
        Recorder(record=False)(folder, {"a.yaml": b"1"})
    Recorder(record=True)(folder, {"b.yaml": b"3"})

    assert read_folder(folder) == {"b.yaml": b"3"}
