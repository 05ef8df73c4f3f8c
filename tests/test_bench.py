"""The benchmark's arithmetic, its table and what it measures. No test asserts a time."""

from __future__ import annotations

import importlib.util
import sys
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

import scale
from helpers import CONFIGS, TESTS
from trailkey.aws import KEY_POLICY_BYTES

if TYPE_CHECKING:
    from pathlib import Path
    from types import ModuleType


@pytest.fixture(scope="module")
def bench() -> ModuleType:
    specification = importlib.util.spec_from_file_location("bench", TESTS / "bench.py")
    assert specification is not None
    assert specification.loader is not None
    module = importlib.util.module_from_spec(specification)
    sys.modules["bench"] = module  # dataclasses look themselves up there
    specification.loader.exec_module(module)
    return module


def test_ratios_are_taken_within_each_pair(bench: Any) -> None:
    row = bench.Row("a", "b", ours=(1.0, 4.0), theirs=(2.0, 2.0))
    assert row.ratios == [0.5, 2.0]


def test_a_spread_is_the_median_with_both_ends(bench: Any) -> None:
    assert bench.spread([3.0, 1.0, 2.0], 2) == "2.00 (1.00-3.00)"


def test_the_table_shows_every_row_in_aligned_columns(bench: Any) -> None:
    rows = [
        bench.Row("generate", "cfn-lint -c I", (1.0, 1.1, 1.2), (1.0, 1.0, 1.0)),
        bench.Row("--help", "x", (2.0,), (1.0,)),
    ]
    lines = bench.table(rows).splitlines()
    assert len({len(line) for line in lines}) == 1
    assert [cell.strip() for cell in lines[0].split("|")][1:-1] == [
        "trailkey",
        "against",
        "pairs",
        "ours",
        "theirs",
        "ratio",
    ]
    assert [cell.strip() for cell in lines[2].split("|")][1:-1] == [
        "generate",
        "cfn-lint -c I",
        "3",
        "1.100 (1.000-1.200)",
        "1.000 (1.000-1.000)",
        "1.10 (1.00-1.20)",
    ]
    assert lines[3].startswith("| --help")


def test_commands_take_turns_after_a_warm_up(bench: Any) -> None:
    calls: list[str] = []

    def run(name: str, taken: float) -> float:
        calls.append(name)
        return taken

    row = bench.alternate("a", "b", lambda: run("ours", 2.0), lambda: run("theirs", 1.0), 3)
    assert calls == ["ours", "theirs", "ours", "theirs", "theirs", "ours", "ours", "theirs"]
    assert row.ratios == [2.0, 2.0, 2.0]


def test_a_failing_command_ends_the_measurement(bench: Any, tmp_path: Path) -> None:
    with pytest.raises(SystemExit, match="ended with 3"):
        bench.seconds([sys.executable, "-c", "raise SystemExit(3)"], tmp_path)


def test_a_measured_step_is_the_number_it_prints(bench: Any, tmp_path: Path) -> None:
    assert bench.printed([sys.executable, "-c", "print(0.25)"], tmp_path) == 0.25
    with pytest.raises(SystemExit, match="not proven"):
        bench.printed([sys.executable, "-c", "raise SystemExit('not proven: readers-read')"], tmp_path)


def test_a_rate_is_met_by_its_median(bench: Any) -> None:
    assert bench.rate("decide", [9.0, 12.0, 30.0], 10) == (
        "decide: 12 (9-30) a second in one process; at least 10 asked for: met"
    )
    assert bench.rate("decide", [9.0], 10_000).endswith("at least 10,000 asked for: NOT met")


def test_the_raw_policies_hold_what_is_claimed_of_readers_and_trails() -> None:
    document, setting = scale.raw(readers=8, trails=2)
    answers = {judged.id: judged.holds for judged in scale.prove(document, setting, scale.KEY)[1]}
    claimed = (
        "cloudtrail-confined",
        "only-readers-decrypt",
        "nobody-holds-more",
        "trails-deliver",
        "readers-decrypt",
    )
    assert {name: answers[name] for name in claimed} == dict.fromkeys(claimed, True)
    assert len(document["Statement"]) == 2 + 8


def test_a_reader_that_is_not_meant_to_read_shows_in_the_raw_policy() -> None:
    document, setting = scale.raw(readers=8, trails=2)
    answers = scale.prove(document, replace(setting, readers=setting.readers[:-1]), scale.KEY)[1]
    assert [judged.id for judged in answers if judged.id.startswith("only-r") and not judged.holds] == [
        "only-readers-decrypt"
    ]


def test_the_largest_policy_stays_below_the_limit_and_is_proven(tmp_path: Path) -> None:
    path = tmp_path / "largest.yaml"
    size = scale.largest(CONFIGS["organization"], path)
    assert 0.95 * KEY_POLICY_BYTES < size <= KEY_POLICY_BYTES
    scale.prove_config(path)


def test_the_requests_asked_for_the_rate_are_of_both_kinds(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scale, "REQUESTS", 10)
    assert scale.decide_rate(CONFIGS["organization"]) > 0
