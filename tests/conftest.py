"""What all tests share: recordings are renewed with --update-golden only, and never in CI; random cases are the same ones there."""

from __future__ import annotations

import os

import pytest
from hypothesis import settings

# In CI a change fails for what it changed and not for the luck of the draw; at home every run tries other cases.
settings.register_profile("fixed", derandomize=True, database=None, deadline=None, print_blob=True)
settings.register_profile("random", derandomize=False)  # said aloud: Hypothesis has signs of its own for being in CI
settings.load_profile("fixed" if os.environ.get("CI") else "random")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--update-golden",
        action="store_true",
        help="write tests/golden/*/expected anew; read the difference before committing",
    )


@pytest.fixture
def update_golden(request: pytest.FixtureRequest) -> bool:
    update = bool(request.config.getoption("--update-golden"))
    if update and os.environ.get("CI"):
        pytest.fail("--update-golden is refused in CI: recordings are read by a person before they are committed")
    return update
