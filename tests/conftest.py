"""What all tests share: recordings are renewed with --record only, and never in CI; random cases are the same ones there."""

from __future__ import annotations

import gc
import os
import sys
from pathlib import Path

import pytest
from hypothesis import settings

pytest.register_assert_rewrite("recordings")

from recordings import Recorder  # noqa: E402 (pytest shows what differs only where it rewrote the assert)

# The commands that tests run (aws, shellcheck, check-jsonschema) are those installed beside this Python.
os.environ["PATH"] = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")])

# Nothing is remembered from one test to the next: what a test remembers, it says where.
os.environ["XDG_CACHE_HOME"] = str(Path(os.devnull) / "nothing")

# In CI a change fails for what it changed and not for the luck of the draw; at home every run tries other cases.
settings.register_profile("fixed", derandomize=True, database=None, deadline=None, print_blob=True)
# Said aloud: Hypothesis has signs of its own for being in CI.
settings.register_profile("random", derandomize=False, deadline=None)
settings.register_profile("exhaustive", derandomize=False, database=None, deadline=None, max_examples=2_000)
settings.load_profile("fixed" if os.environ.get("CI") else "random")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--record",
        action="store_true",
        help="run the tests that hold a recording, and record anew; read the difference before committing",
    )


def pytest_configure(config: pytest.Config) -> None:
    if config.getoption("--record") and os.environ.get("CI"):
        raise pytest.UsageError("--record is refused in CI: a person reads recordings before they are committed")


def pytest_collection_finish() -> None:
    """Load cfn-lint once for all tests of a process: where it is there, generate lints in this process. test_remembered.py has the other."""
    import cfnlint  # noqa: F401

    # What is loaded stays: the collector need not look through it again and again.
    gc.freeze()
    gc.set_threshold(20_000)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """With --record, run only what records."""
    if config.getoption("--record"):
        items[:] = [item for item in items if "recorded" in getattr(item, "fixturenames", ())]


@pytest.fixture
def recorded(request: pytest.FixtureRequest) -> Recorder:
    """Hold something to its recording: ``recorded(path, made)``."""
    return Recorder(record=bool(request.config.getoption("--record")))
