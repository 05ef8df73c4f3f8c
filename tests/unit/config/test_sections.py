"""Whatever is wrong with a config, each problem is told in a sentence and what follows from it is not told."""

from __future__ import annotations

import copy
import json
import random
import re
from itertools import combinations
from pathlib import Path
from typing import Any

import pytest
import yaml

from trailkey import errors
from trailkey.config.load import load
from trailkey.config.source import written

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
    path.write_text(json.dumps(spoilt(seed)), encoding="utf-8")
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


def sections_of(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Return the path of each mapping of a config."""
    below = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [path] * isinstance(value, dict) + [
        place for step, item in below for place in sections_of(item, (*path, step))
    ]


EVERYTHING = yaml.safe_load((ROOT / "tests" / "golden" / "everything" / "config.yaml").read_text(encoding="utf-8"))
LAKE = yaml.safe_load((ROOT / "tests" / "golden" / "lake" / "config.yaml").read_text(encoding="utf-8"))
ALL: Any = {
    **EVERYTHING,
    "event_data_stores": LAKE["event_data_stores"],
    "accepted_risks": [{"id": "no-grants", "reason": "so"}],
}
"""A config with every section of the model."""


def mistakes(section: dict[str, Any]) -> list[tuple[str, str, Any]]:
    """Return a mistake of each kind that a section can have: what it is, its key, and the value there."""
    first, last = next(iter(section)), list(section)[-1]
    return [
        ("unknown", "no_such_key", 1),
        ("near", f"{first}x", section[first]),
        ("missing", first, ...),
        *(
            (kind, last, value)
            for kind, value in (("type", 0.5), ("value", "\x00"), ("nothing", None), ("shape", [{"a": 1}]))
        ),
        ("whole", "", 7),
    ]


def spoilt_at(place: tuple[Any, ...], made: tuple[tuple[str, str, Any], ...]) -> Any:
    """Return the config with mistakes in one of its sections."""
    config = copy.deepcopy(ALL)
    parent, section = None, config
    for step in place:
        parent, section = section, section[step]
    for _, key, value in made:
        if not key and parent is not None:
            parent[place[-1]] = value
        elif value is ...:
            section.pop(key, None)
        elif key:
            section[key] = value
    return config


@pytest.mark.parametrize("place", sections_of(ALL), ids=lambda place: written(place) or "the file")
def test_two_mistakes_in_one_section_end_in_sentences(place: tuple[Any, ...], tmp_path: Path) -> None:
    path = tmp_path / "config.yaml"
    section = ALL
    for step in place:
        section = section[step]
    for one, two in combinations(mistakes(section), 2):
        if one[1] == two[1]:
            continue
        path.write_text(json.dumps(spoilt_at(place, (one, two))), encoding="utf-8")
        problems: tuple[str, ...] = ()
        try:
            load(path)
        except errors.ConfigError as error:
            problems = error.problems
        kinds = {one[0], two[0]} - {"missing", "nothing"}  # a key that may be left out is no mistake
        open_names = place[-1:] in (("tags",), ("accounts",))
        assert all(map(SENTENCE.fullmatch, problems)), problems
        assert problems or open_names or not (kinds if place else kinds - {"whole"}), (one, two)
        if "unknown" in kinds and "whole" not in kinds and not open_names:
            assert any("no_such_key: unknown key" in problem for problem in problems)


def test_many_problems_are_told_up_to_a_hundred(tmp_path: Path) -> None:
    path = tmp_path / "config.yaml"
    path.write_text(SOUND + "".join(f"unknown{number}: 1\n" for number in range(3000)), encoding="utf-8")
    with pytest.raises(errors.ConfigError) as refusal:
        load(path)

    assert len(refusal.value.problems) == 101
    assert refusal.value.problems[99].startswith(f"config error: {path.as_posix()}:105: unknown99: unknown key")
    last = f"config error: {path.as_posix()}: 2,900 more problems, not shown; correct those above and run again"
    assert refusal.value.problems[100] == last
