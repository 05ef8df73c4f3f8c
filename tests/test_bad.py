"""Every refused config in ``bad/``, each with the exact text a user sees."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from helpers import TESTS
from trailkey.config.load import load
from trailkey.errors import ConfigError

if TYPE_CHECKING:
    from recordings import Recorder

BAD = TESTS / "bad"
CASES = sorted(case.parent.name for case in BAD.glob("*/config.yaml"))


@pytest.mark.parametrize("case", CASES)
def test_refusal_says_exactly_this(case: str, monkeypatch: pytest.MonkeyPatch, recorded: Recorder) -> None:
    monkeypatch.chdir(BAD / case)
    with pytest.raises(ConfigError) as refusal:
        load(Path("config.yaml"))
    recorded(BAD / case / "expected.txt", f"{refusal.value}\n")
