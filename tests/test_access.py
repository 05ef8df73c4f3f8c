"""``trailkey access`` as people call it: formats, where what is printed, exit codes, and that nothing is written."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from helpers import CONFIGS, Document, edited
from trailkey import cli, errors, pipeline
from trailkey.output.manifest import ACCESS

if TYPE_CHECKING:
    from pathlib import Path

    from trailkey.rendered import Rendered

SOUND = CONFIGS["single-account"].read_text(encoding="utf-8")


@pytest.fixture
def config(tmp_path: Path) -> Path:
    path = tmp_path / "a.yaml"
    path.write_text(SOUND, encoding="utf-8")
    return path


def run(*arguments: str | Path) -> int:
    return cli.run(["access", *map(str, arguments)])


def test_markdown_is_what_generate_writes(config: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    deployment = pipeline.load_all([config])[0]
    rendered = pipeline.render(deployment)
    written = pipeline.files_of(rendered, pipeline.prove(rendered))[ACCESS].decode()

    assert run(config, "--format", "markdown") == errors.OK
    shown = capsys.readouterr()
    assert (shown.out, shown.err) == (written, "")
    assert list(tmp_path.iterdir()) == [config]


def test_json_is_for_programs(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(config, "--format", "json") == errors.OK
    document = json.loads(capsys.readouterr().out)
    answers = {one["id"]: one["cells"]["decrypt-logs"]["answer"] for one in document["keys"][0]["rows"]}
    assert {name: answer for name, answer in answers.items() if answer != "no"} == {"reader:responders": "iam"}


def test_the_table_works_without_a_terminal(
    config: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("COLUMNS", raising=False)

    assert run(config) == errors.OK
    shown = capsys.readouterr()
    assert shown.err == ""
    assert max(map(len, shown.out.splitlines())) <= 80
    assert "\x1b" not in shown.out
    assert "everyone else" in shown.out


@pytest.mark.parametrize("shape", ["table", "json", "markdown"])
def test_what_fails_is_shown_with_the_matrix_and_ends_with_3(
    shape: str, config: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    whole = pipeline.render

    def careless(*arguments: object, **options: object) -> Rendered:
        rendered = whole(*arguments, **options)  # type: ignore[arg-type]  # what the command passes is passed on
        return edited(rendered, delete)

    def delete(resources: dict[str, Document]) -> None:
        for statement in resources["Key"]["Properties"]["KeyPolicy"]["Statement"]:
            if statement["Sid"] == "AccountReadsMetadata":
                statement["Action"].append("kms:ScheduleKeyDeletion")

    monkeypatch.setattr(pipeline, "render", careless)

    assert run(config, "--format", shape) == errors.CHECK_FAILED
    shown = capsys.readouterr()
    assert "error deletion-restricted: " in shown.err
    assert "others of main" in shown.out
    if shape == "markdown":
        assert "| others of main | no | no | no | **IAM** | no | no | no | **IAM** | no | `AccountReadsMetadata` |" in (
            shown.out
        )


def test_a_risk_that_is_none_is_a_config_error(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    config.write_text(SOUND + "accepted_risks: [{id: no-grant, reason: why not}]\n", encoding="utf-8")

    assert run(config) == errors.USAGE
    shown = capsys.readouterr()
    assert shown.out == ""
    assert "did you mean 'no-grants'?" in shown.err


def test_a_config_is_needed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run() == errors.USAGE
    assert run(tmp_path / "missing.yaml") == errors.USAGE
    assert "missing.yaml" in capsys.readouterr().err
