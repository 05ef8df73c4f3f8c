"""Every folder of tests/golden is a config and the files it makes, byte for byte; config/ and output/ are the same thing."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from helpers import CONFIGS, EXAMPLES, GOLDEN, OUTPUT, output_of, python
from recordings import read_folder
from trailkey import cloudformation, pipeline
from trailkey.rendered import check_all

if TYPE_CHECKING:
    from pathlib import Path

    from recordings import Recorder


def rendered(config: Path) -> dict[str, bytes]:
    deployments = pipeline.load_all([config])
    return output_of(deployments[0])


@pytest.mark.parametrize("config", GOLDEN, ids=lambda config: config.parent.name)
def test_config_gives_the_recorded_files(config: Path, recorded: Recorder) -> None:
    recorded(config.parent / "expected", rendered(config))


@pytest.mark.parametrize("config", EXAMPLES, ids=lambda config: config.stem)
def test_examples_are_what_output_holds(config: Path, recorded: Recorder) -> None:
    recorded(OUTPUT / config.stem, rendered(config))


def test_every_output_folder_has_a_config() -> None:
    assert [config.stem for config in EXAMPLES] == sorted(path.name for path in OUTPUT.iterdir())


def test_all_recordings_pass_every_check() -> None:
    deployments = pipeline.load_all(GOLDEN)

    assert check_all([pipeline.render(deployment) for deployment in deployments]) == []


RENDER_ALL = """
import sys
from pathlib import Path
from helpers import CONFIGS, output_of
from trailkey.config.load import load
for name in sorted(CONFIGS, reverse=sys.argv[2] == "reversed"):
    for file, content in output_of(load(CONFIGS[name])).items():
        path = Path(sys.argv[1], name, file)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
"""


def test_bytes_depend_on_the_config_alone(tmp_path: Path) -> None:
    """The same config gives the same bytes on every machine: two processes that differ in all that may differ."""
    recordings = {
        name: OUTPUT / name if path in EXAMPLES else path.parent / "expected" for name, path in CONFIGS.items()
    }
    expected = {name: read_folder(folder) for name, folder in recordings.items()}
    for seed, language, order in (("1", "C", "forward"), ("4711", "C.UTF-8", "reversed")):
        folder = tmp_path / seed
        folder.mkdir()
        done = python(folder, "-c", RENDER_ALL, "out", order, PYTHONHASHSEED=seed, LC_ALL=language)

        assert done.returncode == 0, done.stderr
        assert {name: read_folder(folder / "out" / name) for name in CONFIGS} == expected


def test_json_holds_the_same_templates() -> None:
    deployment = pipeline.load_all([EXAMPLES[0]])[0]
    as_yaml, as_json = output_of(deployment), output_of(deployment, as_json=True)

    assert {
        name.removesuffix(".yaml"): cloudformation.load(text.decode(), name)
        for name, text in as_yaml.items()
        if name.endswith(".yaml")
    } == {
        name.removesuffix(".json"): cloudformation.load(text.decode(), name)
        for name, text in as_json.items()
        if name in {f"{one['stack']}.json" for one in json.loads(as_json["rollout.json"])["stacks"]}
    }
