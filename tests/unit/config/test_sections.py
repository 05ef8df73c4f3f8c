"""Whatever is wrong with a config, each problem is told in a sentence and what follows from it is not told."""

from __future__ import annotations

import copy
import random
import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from trailkey import errors
from trailkey.config.load import load

ROOT = Path(__file__).parents[3]
ORGANIZATION = yaml.safe_load((ROOT / "config" / "organization.yaml").read_text(encoding="utf-8"))
SENTENCE = re.compile(r"config error: \S+config\.yaml:\d+: (?:[^;]+); .+")
GARBAGE: list[Any] = [None, 7, -1, True, "", "no such thing", "*", [], [7], {}, {"of": "no use"}, 10**30, 0.5]


def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    below = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [path] * bool(path) + [place for step, item in below for place in places(item, (*path, step))]


PLACES = places(ORGANIZATION)


def spoilt(seed: int) -> Any:
    """Return the config with two of its values left out, under a misspelt key, or replaced by something else."""
    chance = random.Random(seed)  # noqa: S311 # no secret
    config = copy.deepcopy(ORGANIZATION)
    for path in sorted(chance.sample(PLACES, 2), key=lambda one: (len(one), repr(one)), reverse=True):
        parent = config
        for step in path[:-1]:
            parent = parent[step]
        way = chance.random()
        if way < 0.3:
            value = parent.pop(path[-1])
            if way < 0.15 and isinstance(parent, dict):
                parent[path[-1][1:] + "e"] = value
        else:
            parent[path[-1]] = chance.choice(GARBAGE)
    return config


def refusal(seed: int, folder: Path) -> str:
    """Return what is said of a spoilt config; nothing where what is spoilt is optional."""
    path = folder / "config.yaml"
    path.write_text(yaml.safe_dump(spoilt(seed), sort_keys=False), encoding="utf-8")
    try:
        load(path)
    except errors.ConfigError as error:
        return str(error)
    return ""


@pytest.mark.parametrize("seed", range(100))
def test_two_values_spoilt_end_in_sentences(seed: int, tmp_path: Path) -> None:
    assert all(map(SENTENCE.fullmatch, refusal(seed, tmp_path).splitlines()))


def test_most_spoilt_configs_are_refused(tmp_path: Path) -> None:
    assert errors.ConfigError.exit_code == errors.USAGE
    assert sum(bool(refusal(seed, tmp_path)) for seed in range(30)) > 20


SOUND = """\
name: sound
accounts: {main: {id: "111111111111", deployer: role/D}}
key: {account: main}
bucket: {account: main, region: us-east-1, name: sound-logs}
trails: [{name: sound-trail, home_region: us-east-1}]
"""


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("accounts: {main: {id: ", "acounts: {main: {id: !!bool ", ["acounts.main.id: '111", "acounts: unknown key"]),
        ("deployer", "deploier: 1, deployerr", ["accounts.main.deploier: unknown", "accounts.main.deployerr: unknown"]),
        ("trails: [{", "trails: [{foo: 1, management_events: null, ", ["trails[0].foo: unknown key"]),
        ("trails: [{", "trails: [{home_region: 7, ", ["trails[0].home_region: key 'home_region' is given twice"]),
        (
            "trails: [{",
            "trails: [7, {is_logging: 7, ",
            ["trails[0]: 7 is refused", "trails[1].is_logging: 7 is refused"],
        ),
        ("key: {", "key: {alarm: {email: x}, alias: y, ", ["key.alarm.email: 'x' is not", "key.alias: 'y' is not"]),
    ],
)
def test_what_follows_from_a_problem_is_not_told(old: str, new: str, said: list[str], tmp_path: Path) -> None:
    path = tmp_path / "config.yaml"
    path.write_text(SOUND.replace(old, new), encoding="utf-8")
    with pytest.raises(errors.ConfigError) as refusal:
        load(path)

    found = [line.partition(": ")[2].partition(": ")[2] for line in refusal.value.problems]
    assert [one[: len(start)] for one, start in zip(sorted(found), said, strict=True)] == said
