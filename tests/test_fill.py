"""``trailkey fill``: what a stack gave out goes into every file, and nothing of another stack, account or form does."""

from __future__ import annotations

import copy
import json
import shutil
from typing import TYPE_CHECKING, Any, Final

import pytest

from helpers import ROOT, output_of, with_files
from trailkey import cli, errors, pipeline
from trailkey.cloudformation import load as read
from trailkey.config.load import load

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

ARN: Final = "arn:aws:kms:us-east-1:222222222222:key/12345678-1234-1234-1234-123456789012"
STACK: Final[dict[str, Any]] = {
    "StackName": "log-archive-key",
    "StackId": "arn:aws:cloudformation:us-east-1:222222222222:stack/log-archive-key/1",
    "StackStatus": "CREATE_COMPLETE",
    "Outputs": [{"OutputKey": "KeyArn", "OutputValue": ARN, "ExportName": "log-archive-key-KeyArn"}],
}


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    shutil.copytree(ROOT / "config", tmp_path / "config")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def fill(folder: Path, answer: Any, config: str = "organization", stack: str = "log-archive-key") -> int:
    (folder / "answer.json").write_text(json.dumps(answer), encoding="utf-8")
    return cli.run(["fill", f"config/{config}.yaml", stack, "--outputs", "answer.json"])


@pytest.mark.parametrize(
    "answer", [{"Stacks": [STACK]}, STACK, [STACK, {"StackName": "other"}]], ids=["whole", "one", "list"]
)
def test_a_value_goes_into_templates_and_engines_files(
    answer: Any, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert fill(folder, answer) == errors.OK
    assert f"log-archive-key.KeyArn: {ARN}" in capsys.readouterr().out
    assert json.loads((folder / "config" / "organization.outputs.json").read_bytes()) == {
        "log-archive-key": {"KeyArn": ARN}
    }

    files = output_of(load(folder / "config" / "organization.yaml"))

    manifest = json.loads(files["rollout.json"])
    taking = [one for one in manifest["stacks"] if one["parameters"]]
    assert taking
    for one in taking:
        assert one["parameters"] == {"KeyArn": {"output": "log-archive-key.KeyArn"}}
        assert read(files[one["template"]].decode(), "template")["Parameters"]["KeyArn"]["Default"] == ARN
        assert json.loads(files[f"parameters/{one['stack']}.json"]) == [
            {"ParameterKey": "KeyArn", "ParameterValue": ARN}
        ]
        assert ARN in files[f"cli/{one['stack']}.json"].decode()
    made = pipeline.render(load(folder / "config" / "organization.yaml"))
    assert pipeline.prove(made).findings == ()


def test_what_is_not_known_is_marked_so_that_aws_refuses_it() -> None:
    files = output_of(load(ROOT / "config" / "organization.yaml"))

    template = read(files["security-iam.yaml"].decode(), "template")["Parameters"]["KeyArn"]
    (value,) = json.loads(files["parameters/security-iam.json"])
    assert "Default" not in template
    assert value["ParameterValue"] == "<log-archive-key.KeyArn>"
    assert "<" not in template["AllowedPattern"]


def change(**values: Any) -> Callable[[], dict[str, Any]]:
    return lambda: {**copy.deepcopy(STACK), **values}


REFUSED: Final[tuple[tuple[Callable[[], Any], str], ...]] = (
    (change(StackName="log-archive-iam"), "answer.json: holds log-archive-iam; stack log-archive-key is expected; ask for it in account 222222222222, us-east-1"),
    (change(StackId="arn:aws:cloudformation:us-east-1:555555555555:stack/log-archive-key/1"), "is it of the other environment?"),
    (change(StackId="arn:aws:cloudformation:eu-west-1:222222222222:stack/log-archive-key/1"), "this config deploys it to account 222222222222, us-east-1"),
    (change(StackStatus="ROLLBACK_COMPLETE"), "stack log-archive-key is ROLLBACK_COMPLETE"),
    (change(StackStatus="CREATE_IN_PROGRESS"), "deploy it first"),
    (change(Outputs=[]), "has no Output KeyArn (it has none)"),
    (change(Outputs=[{"OutputKey": "KeyArn", "OutputValue": ARN.replace("222222222222", "555555555555")}]), "does not fit ^arn:aws:kms:us-east-1:222222222222:key/"),
    (change(Outputs=[{"OutputKey": "KeyArn", "OutputValue": "<log-archive-key.KeyArn>"}]), "does not fit"),
    (lambda: {"TrailList": []}, "not an answer of describe-stacks"),
    (lambda: [1], "not an answer of describe-stacks"),
)  # fmt: skip


@pytest.mark.parametrize(("answer", "said"), REFUSED)
def test_a_wrong_answer_is_refused_and_nothing_written(
    answer: Callable[[], Any], said: str, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert fill(folder, answer()) == errors.USAGE
    assert said in capsys.readouterr().err
    assert not (folder / "config" / "organization.outputs.json").exists()


@pytest.mark.parametrize(
    ("stack", "said"),
    [
        (
            "log-archive-kye",
            "it is not a stack of this config; log-archive-key can be filled in; did you mean log-archive-key?",
        ),
        ("management-iam", "no parameter comes from it; log-archive-key can be filled in; name one of these"),
    ],
)
def test_a_stack_that_gives_nothing_out_is_refused(
    stack: str, said: str, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert fill(folder, STACK, stack=stack) == errors.USAGE
    assert said in capsys.readouterr().err


def test_where_one_stack_is_all_nothing_is_to_be_filled_in(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert fill(folder, STACK, "single-account", "single-account") == errors.USAGE
    assert "no stack can be filled in" in capsys.readouterr().err


def test_the_other_world_has_values_of_its_own(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert fill(folder, STACK) == errors.OK
    assert load(folder / "config" / "mirror.yaml").outputs.values == {}
    assert fill(folder, STACK, "mirror") == errors.USAGE
    (folder / "config" / "organization.outputs.json").rename(folder / "config" / "mirror.outputs.json")

    assert cli.run(["generate", "--quiet", "config/mirror.yaml"]) == errors.USAGE

    said = capsys.readouterr().err
    assert "config error: config/mirror.outputs.json:3: log-archive-key.KeyArn: " in said
    assert "is it of the other environment?" in said


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[]", "config error: config/organization.outputs.json:1: "),
        ('{"log-archive-key": "x"}', "is not the value of an Output"),
        ('{"log-archive-key": {"KeyArn": 1}}', "log-archive-key.KeyArn: 1 is not the value of an Output"),
        (
            '{"log-archive-key": {"KeyAnr": "x"}}',
            "no parameter comes from 'log-archive-key.KeyAnr'; log-archive-key.KeyArn can be filled in",
        ),
        ("{", "config error: config/organization.outputs.json:"),
    ],
)
def test_a_file_of_outputs_that_is_not_one_is_refused(
    text: str, said: str, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "config" / "organization.outputs.json").write_text(text, encoding="utf-8")

    assert cli.run(["generate", "--quiet", "config/organization.yaml"]) == errors.USAGE
    assert said in capsys.readouterr().err
    assert not (folder / "output").exists()


def test_a_default_of_another_key_is_refused_in_a_folder(folder: Path) -> None:
    assert fill(folder, STACK) == errors.OK
    made = pipeline.render(load(folder / "config" / "organization.yaml"))
    for other in (
        "arn:aws:kms:us-east-1:222222222222:key/99999999-1234-1234-1234-123456789012",
        "arn:aws:kms:us-east-1:999999999999:key/12345678-1234-1234-1234-123456789012",
    ):
        text = made.files["security-iam.yaml"].decode().replace(f"Default: {ARN}", f"Default: {other}")
        changed = with_files(made, {"security-iam.yaml": text.encode()})
        assert {one.id for one in pipeline.prove(changed).findings} == {"parameters-from-outputs"}
