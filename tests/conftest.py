"""What all tests share: recordings are renewed with --update-golden only, and never in CI."""

from __future__ import annotations

import os

import pytest


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
