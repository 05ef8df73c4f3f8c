"""The benchmark's arithmetic, its table and what it measures. No test asserts a time."""

from __future__ import annotations

import json
import sys
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

import bench
import bench_peers
import scale
from helpers import CONFIGS, TESTS
from trailkey.aws import KEY_POLICY_BYTES

if TYPE_CHECKING:
    from pathlib import Path


def test_ratios_are_taken_within_each_pair() -> None:
    row = bench.Row("a", "b", ours=(1.0, 4.0), theirs=(2.0, 2.0))
    assert row.ratios == [0.5, 2.0]


def test_a_spread_is_the_median_with_both_ends() -> None:
    assert bench.spread([3.0, 1.0, 2.0], 2) == "2.00 (1.00-3.00)"


def test_the_table_shows_every_row_in_aligned_columns() -> None:
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


def test_commands_take_turns_after_a_warm_up() -> None:
    calls: list[str] = []

    def run(name: str, taken: float) -> float:
        calls.append(name)
        return taken

    row = bench.alternate("a", "b", lambda: run("ours", 2.0), lambda: run("theirs", 1.0), 3)
    assert calls == ["ours", "theirs", "ours", "theirs", "theirs", "ours", "ours", "theirs"]
    assert row.ratios == [2.0, 2.0, 2.0]


def test_a_failing_command_ends_the_measurement(tmp_path: Path) -> None:
    with pytest.raises(SystemExit, match="ended with 3"):
        bench.seconds([sys.executable, "-c", "raise SystemExit(3)"], tmp_path)


def test_a_measured_step_is_the_number_it_prints(tmp_path: Path) -> None:
    assert bench.printed([sys.executable, "-c", "print(0.25)"], tmp_path) == 0.25
    with pytest.raises(SystemExit, match="not proven"):
        bench.printed([sys.executable, "-c", "raise SystemExit('not proven: readers-read')"], tmp_path)


def test_a_rate_is_met_by_its_median() -> None:
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


def test_what_the_peers_are_installed_from_is_names_versions_and_hashes() -> None:
    asked = json.loads((TESTS / "peers" / "package.json").read_text(encoding="utf-8"))
    locked = json.loads((TESTS / "peers" / "package-lock.json").read_text(encoding="utf-8"))["packages"]
    assert locked.pop("")["dependencies"] == asked["dependencies"]
    assert {name: locked[f"node_modules/{name}"]["version"] for name in asked["dependencies"]} == asked["dependencies"]
    for name, one in locked.items():
        assert "resolved" not in one, name
        assert one.get("inBundle") or one["integrity"].startswith("sha512-"), name


def test_peers_that_make_another_template_end_the_measurement(tmp_path: Path) -> None:
    alike = {"Resources": {"Key": {"Type": "AWS::KMS::Key", "DependsOn": ["A", "B"]}}}
    swapped = {"Resources": {"Key": {"Type": "AWS::KMS::Key", "DependsOn": ["B", "A"]}}}
    (tmp_path / "rollout.json").write_text('{"stacks": [{"stack": "one", "template": "one.json"}]}', encoding="utf-8")
    (tmp_path / "one.json").write_text(json.dumps(alike), encoding="utf-8")
    (tmp_path / "one.template.json").write_text(json.dumps(swapped), encoding="utf-8")
    assert bench_peers.compare(tmp_path, tmp_path) == 1

    swapped["Resources"]["Key"]["Type"] = "AWS::KMS::Alias"
    (tmp_path / "one.template.json").write_text(json.dumps(swapped), encoding="utf-8")
    with pytest.raises(SystemExit, match="one: the CDK makes another template"):
        bench_peers.compare(tmp_path, tmp_path)
