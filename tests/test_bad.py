"""Every folder of tests/bad is a config with one flaw, and the exact words it is refused with."""

from __future__ import annotations

from pathlib import Path

import pytest

from generator import cli, errors
from generator.config.load import load

CASES = sorted(path.parent for path in (Path(__file__).parent / "bad").glob("*/expected.txt"))
CONFIG = Path("config.yaml")


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_config_is_refused_in_these_words(
    case: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    expected = (case / "expected.txt").read_text(encoding="utf-8")
    monkeypatch.chdir(case)

    with pytest.raises((errors.ConfigError, errors.UsageError)) as refusal:
        load(CONFIG)
    assert f"{refusal.value}\n" == expected

    code = cli.run(["generate", "config.yaml", "--check", "--quiet"])
    assert (code, capsys.readouterr()) == (errors.USAGE, ("", expected))
