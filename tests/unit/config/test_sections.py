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
