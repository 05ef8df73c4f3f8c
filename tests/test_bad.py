"""Every refused config in ``bad/``, each with the exact text a user sees."""

from __future__ import annotations

from pathlib import Path

import pytest

from helpers import TESTS
from trailkey.config.load import load
from trailkey.errors import ConfigError

BAD = TESTS / "bad"
CASES = sorted(case.parent.name for case in BAD.glob("*/config.yaml"))


@pytest.mark.parametrize("case", CASES)
def test_refusal_says_exactly_this(case: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(BAD / case)
    with pytest.raises(ConfigError) as refusal:
        load(Path("config.yaml"))
    assert f"{refusal.value}\n" == Path("expected.txt").read_text(encoding="utf-8")
