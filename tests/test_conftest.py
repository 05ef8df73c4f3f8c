"""The random tests draw the same cases in CI, and others in every run elsewhere."""

from __future__ import annotations

import os
import subprocess
import sys
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


def drawn(folder: Path, ci: str) -> str:
    environment = {**os.environ, "CI": ci, "PYTHONPATH": os.pathsep.join([str(Path(__file__).parent), *sys.path])}
    done = subprocess.run(
        [sys.executable, "-c", DRAW], check=True, capture_output=True, text=True, env=environment, cwd=folder
    )
    return done.stdout


def test_random_cases_are_the_same_in_ci(tmp_path: Path) -> None:
    assert drawn(tmp_path, "true") == drawn(tmp_path, "true")


def test_random_cases_are_others_elsewhere(tmp_path: Path) -> None:
    assert drawn(tmp_path, "") != drawn(tmp_path, "")
