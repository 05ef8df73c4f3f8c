"""Every folder of tests/golden is a config and the files it makes, byte for byte; config/ and output/ are the same thing."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from helpers import EXAMPLES, GOLDEN, OUTPUT, output_of
from recordings import read_folder
from trailkey import cloudformation, pipeline

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

    assert pipeline.check_all([pipeline.render(deployment) for deployment in deployments]) == []


def test_bytes_do_not_depend_on_hash_order_locale_or_folder(tmp_path: Path) -> None:
    """The same config gives the same bytes on every machine: two runs that differ in all that may differ."""
    outputs = []
    for seed, language in (("1", "C"), ("4711", "C.UTF-8")):
        output = tmp_path / seed
        command = [
            sys.executable,
            "-m",
            "trailkey",
            "generate",
            str(GOLDEN[0]),
            "--output",
            str(output),
            "--quiet",
        ]
        subprocess.run(
            command, check=True, cwd=tmp_path, env={**os.environ, "PYTHONHASHSEED": seed, "LC_ALL": language}
        )
        outputs.append(read_folder(output / GOLDEN[0].parent.name))

    assert outputs[0] == outputs[1] == read_folder(GOLDEN[0].parent / "expected")


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
        if name not in ("rollout.json", "access.md")
    }
