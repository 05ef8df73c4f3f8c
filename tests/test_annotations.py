"""Findings where people review: SARIF, annotations, a baseline, Metadata, many files, the hook and the action on a small repository."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from typing import TYPE_CHECKING, Any

import jsonschema
import pytest
import yaml

from helpers import TESTS
from trailkey import api, cli, errors
from trailkey.audit.registry import ids
from trailkey.errors import PolicyError, UsageError
from trailkey.reports.annotations import github_lines, sarif
from trailkey.version import VERSION

if TYPE_CHECKING:
    from pathlib import Path

ROOT = TESTS.parent
SCHEMA = json.loads((TESTS / "schemas" / "sarif-2.1.0.json").read_text(encoding="utf-8"))
CASE = TESTS / "audit" / "trail-cannot-decrypt"
POLICIES = sorted(path for path in (TESTS / "audit").glob("*/bad.*") if path.parent.name < "p")


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a flawed template, a sound one, a file of another kind, and one that speaks of keys and cannot be read."""
    (tmp_path / "templates").mkdir()
    shutil.copy(CASE / "bad.yaml", tmp_path / "templates" / "flawed.yaml")
    shutil.copy(CASE / "sound.yaml", tmp_path / "templates" / "sound.yaml")
    (tmp_path / "values.yaml").write_text("replicas: 3\n", encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_sarif_of_every_kind_of_finding_is_valid(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.run(["audit", "--format", "sarif", *map(str, POLICIES)]) == errors.CHECK_FAILED
    log = json.loads(capsys.readouterr().out)

    jsonschema.validate(log, SCHEMA)
    (run,) = log["runs"]
    assert [rule["id"] for rule in run["tool"]["driver"]["rules"]] == ids()
    assert len(run["results"]) > 50
    for result in run["results"]:
        assert ids()[result["ruleIndex"]] == result["ruleId"]


def test_every_finding_has_the_line_of_its_statement() -> None:
    for path in POLICIES:
        lines = path.read_text(encoding="utf-8").splitlines()
        for result in sarif(api.audit(path))["runs"][0]["results"]:
            statement = re.match(r"statement ([\w ]+?)(?=[:, ](?!\w+ uses))", result["message"]["text"])
            line = result["locations"][0]["physicalLocation"]["region"]["startLine"]
            sid = re.search(r'"?Sid"?: "?([\w ]+)', " ".join(lines[line - 1 : line + 2]))
            if statement and sid and path.suffix == ".json":
                assert result["message"]["text"].startswith(f"statement {sid[1]}"), (path, line)


def test_annotations_name_file_line_and_id(repository: Path) -> None:
    assert repository.is_dir()
    found, count = github_lines(api.audit("templates"))

    start = "::error file=templates/flawed.yaml,line=8,title=trail-cannot-decrypt::CloudTrail is not allowed to call kms:Decrypt"
    assert found.startswith(start)
    assert count == "1 finding, 0 accepted"


def test_nothing_in_a_policy_makes_an_annotation_of_its_own(tmp_path: Path) -> None:
    sid = "a\n::error::forged%0A::warning::too"
    statement = {"Sid": sid, "Effect": "Allow", "Principal": "*", "Action": "kms:*", "Resource": "*"}
    path = tmp_path / "a,b:c.json"
    path.write_text(json.dumps({"Version": "2012-10-17", "Statement": [statement]}), encoding="utf-8")

    lines = list(github_lines(api.audit(path)))
    assert all(line.startswith(("::error file=", "::warning file=", "::notice file=")) for line in lines[:-1])
    assert not any("%0A" in line or "\n" in line for line in lines)
    assert all(len(line.split(",line=")[0].split(",")) == 1 for line in lines[:-1])


# Many files -----------------------------------------------------------------------------------------------------------------


def test_a_folder_stands_for_the_policies_in_it(repository: Path, capsys: pytest.CaptureFixture[str]) -> None:
    hidden = repository / ".cache"
    hidden.mkdir()
    shutil.copy(CASE / "bad.yaml", hidden / "copy.yaml")

    assert cli.run(["audit", "."]) == errors.CHECK_FAILED
    out = capsys.readouterr().out
    assert out.count("error trail-cannot-decrypt") == 1
    assert "passed over, without a policy to judge: 1 file\n" in out
    assert (
        cli.run(["audit", "templates/sound.yaml", "templates/flawed.yaml", "--format", "json"]) == errors.CHECK_FAILED
    )
    assert [one["location"]["file"] for one in json.loads(capsys.readouterr().out)] == ["templates/flawed.yaml"]


def test_what_speaks_of_keys_and_cannot_be_read_is_never_passed_over(repository: Path) -> None:
    (repository / "templates" / "broken.yaml").write_text("Resources:\n  Key: {Type: AWS::KMS::Key\n", encoding="utf-8")

    (broken,) = (one for one in api.audit(repository / "templates").findings if one.id == "unreadable-policy")
    assert (broken.severity, broken.location.file) == ("error", str(repository / "templates" / "broken.yaml"))


def test_a_file_that_is_named_has_to_hold_a_key_policy_unless_said_otherwise(repository: Path) -> None:
    other = repository / "values.yaml"

    with pytest.raises(PolicyError, match="neither Statement nor Resources"):
        api.audit(other)
    assert api.audit(other, skip_others=True).passed_over == (str(other),)


# Accepted findings ----------------------------------------------------------------------------------------------------------

ACCEPTED: dict[str, Any] = {
    "id": "trail-cannot-decrypt",
    "file": "flawed.yaml",
    "reason": "the bucket is replaced in May",
}


def test_a_baseline_accepts_a_finding_with_its_reason(repository: Path, capsys: pytest.CaptureFixture[str]) -> None:
    baseline = repository / "accepted.yml"
    baseline.write_text(yaml.safe_dump({"accept": [ACCEPTED]}), encoding="utf-8")

    assert cli.run(["audit", "templates", "--baseline", "accepted.yml"]) == errors.OK
    out = capsys.readouterr().out
    assert re.search(r"^accepted: error trail-cannot-decrypt: .*: the bucket is replaced in May$", out, re.MULTILINE)
    log = sarif(api.audit("templates", baseline=baseline))
    jsonschema.validate(log, SCHEMA)
    (result,) = log["runs"][0]["results"]
    assert result["suppressions"] == [{"kind": "external", "justification": "the bucket is replaced in May"}]


@pytest.mark.parametrize(
    "other",
    [{"id": "trail-cannot-encrypt"}, {"file": "sound.yaml"}, {"key": "Other"}, {"statement": "TrailEncrypts"}],
    ids=str,
)
def test_a_baseline_that_names_something_else_accepts_nothing_and_is_said_to(
    repository: Path, other: dict[str, Any]
) -> None:
    report = api.audit(repository / "templates", baseline={"accept": [{**ACCEPTED, **other}]})

    assert [one.id for one in report.findings] == ["trail-cannot-decrypt", "accepted-finding-unneeded"]


@pytest.mark.parametrize(
    ("written", "problems"),
    [
        ({"accept": [{"id": "trail-cannot-decript", "reason": "x"}]}, ["did you mean trail-cannot-decrypt?"]),
        (
            {"accept": [{"id": "public"}, {"id": "nope", "reasn": "x"}]},
            ["[0]: reason: missing", "[1]: reasn: unknown", "[1]: id:"],
        ),
        ({"accept": {"id": "public"}}, ["not a list"]),
        ({"accepted": []}, ["not a mapping with accept alone"]),
        ([], ["not a mapping with accept alone"]),
    ],
    ids=str,
)
def test_a_baseline_of_another_form_is_refused(written: Any, problems: list[str], tmp_path: Path) -> None:
    path = tmp_path / "baseline.json"
    path.write_text(json.dumps(written), encoding="utf-8")

    with pytest.raises(PolicyError) as refused:
        api.audit(CASE / "bad.yaml", baseline=path)
    assert [problem for problem in problems if problem not in str(refused.value)] == []


def in_metadata(accept: Any) -> dict[str, Any]:
    statement = {"Sid": "All", "Effect": "Allow", "Principal": {"AWS": "*"}, "Action": "kms:Decrypt", "Resource": "*"}
    key = {
        "Type": "AWS::KMS::Key",
        "Metadata": {"trailkey": {"accept": accept}},
        "Properties": {"KeyPolicy": {"Version": "2012-10-17", "Statement": [statement]}},
    }
    return {"Resources": {"Key": key}}


def test_the_metadata_of_a_key_accepts_its_findings() -> None:
    report = api.audit(in_metadata([{"id": "public", "statement": "All", "reason": "a test key"}]))

    assert "public" not in {one.id for one in report.findings}
    assert [(one.id, accepted.reason) for one, accepted in report.accepted] == [("public", "a test key")]
    (result,) = (one for one in sarif(report)["runs"][0]["results"] if "suppressions" in one)
    assert result["suppressions"][0]["kind"] == "inSource"


def test_metadata_without_a_reason_is_refused() -> None:
    with pytest.raises(PolicyError, match=r"reason: missing"):
        api.audit(in_metadata([{"id": "public"}]))
    with pytest.raises(PolicyError, match=r"key: unknown"):
        api.audit(in_metadata([{"id": "public", "key": "Other", "reason": "x"}]))


def test_metadata_that_accepts_what_is_not_there_is_said() -> None:
    report = api.audit(in_metadata([{"id": "locked-out", "statement": "All", "reason": "x"}]))

    assert "accepted-finding-unneeded" in {one.id for one in report.findings}


def test_a_baseline_that_is_not_there_is_refused() -> None:
    with pytest.raises(UsageError, match="no such file"):
        api.audit(CASE / "bad.yaml", baseline="nowhere.yaml")


# The hook and the action ------------------------------------------------------------------------------------------------------


def run(*command: str, cwd: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PRE_COMMIT_HOME": str(cwd / ".pre-commit"), **environment}
    return subprocess.run(command, cwd=cwd, env=environment, capture_output=True, text=True, check=False)


def test_the_hook_fails_on_the_flawed_template_and_passes_without_it(repository: Path) -> None:
    """pre-commit itself runs the hooks as they are declared; only their environment is the one that is there."""
    hooks = yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text(encoding="utf-8"))
    assert {hook["id"] for hook in hooks} == {"trailkey-audit", "trailkey-check"}
    local = [{**hook, "language": "system"} for hook in hooks if hook["id"] == "trailkey-audit"]
    config = {"repos": [{"repo": "local", "hooks": local}]}
    (repository / ".pre-commit-config.yaml").write_text(yaml.safe_dump(config), encoding="utf-8")
    (repository / "notes.txt").write_text("kms:Decrypt\n", encoding="utf-8")
    for command in (["init", "-q"], ["add", "."]):
        assert run("git", *command, cwd=repository).returncode == 0

    flawed = run("pre-commit", "run", "--all-files", cwd=repository)
    assert flawed.returncode == 1, flawed.stdout + flawed.stderr
    assert "error trail-cannot-decrypt" in flawed.stdout
    run("git", "rm", "-q", "-f", "templates/flawed.yaml", cwd=repository)
    sound = run("pre-commit", "run", "--all-files", cwd=repository)
    assert sound.returncode == 0, sound.stdout + sound.stderr


@pytest.mark.exhaustive
def test_the_install_of_the_action_gives_the_command_that_its_audit_calls(tmp_path: Path) -> None:
    """It takes packages from where pip takes them, by the hashes of the lock."""
    install, _ = yaml.safe_load((ROOT / "action.yml").read_text(encoding="utf-8"))["runs"]["steps"]
    assert install["env"] == {"SOURCE": "${{ github.action_path }}"}
    source = tmp_path / "source"
    shutil.copytree(ROOT, source, ignore=shutil.ignore_patterns(".*", "output", "tests", "dist"))
    shell = ("bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", install["run"])

    done = run(*shell, cwd=tmp_path, SOURCE=str(source), RUNNER_TEMP=str(tmp_path))
    assert done.returncode == 0, done.stderr
    told = run(str(tmp_path / "trailkey" / "bin" / "trailkey"), "--version", cwd=tmp_path)
    assert (told.returncode, told.stdout) == (0, f"trailkey {VERSION}\n")


def test_the_action_annotates_the_flawed_template_and_writes_sarif(repository: Path) -> None:
    """Its steps, run as a runner runs them; the install is the one that is there, under the name that the steps use."""
    action = yaml.safe_load((ROOT / "action.yml").read_text(encoding="utf-8"))
    install, audit = action["runs"]["steps"]
    assert "--require-hashes" in install["run"]
    tool = shutil.which("trailkey")
    assert tool
    (repository / "runner" / "trailkey" / "bin").mkdir(parents=True)
    (repository / "runner" / "trailkey" / "bin" / "trailkey").symlink_to(tool)

    def stepped(**inputs: str) -> subprocess.CompletedProcess[str]:
        given = {name: inputs.get(name, declared["default"]) for name, declared in action["inputs"].items()}
        filled = {
            name: re.sub(r"\$\{\{ inputs\.(\w+) \}\}", lambda found: given[found[1]], value)
            for name, value in audit["env"].items()
        }
        shell = ("bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", audit["run"])
        return run(*shell, cwd=repository, RUNNER_TEMP=str(repository / "runner"), **filled)

    flawed = stepped(paths="templates values.yaml", arguments="--skip-others", sarif="found.sarif")
    assert flawed.returncode == errors.CHECK_FAILED, flawed.stderr
    assert flawed.stdout.startswith("::error file=templates/flawed.yaml,line=8,title=trail-cannot-decrypt::")
    jsonschema.validate(json.loads((repository / "found.sarif").read_text(encoding="utf-8")), SCHEMA)
    sound = stepped(paths="templates/sound.yaml")
    assert (sound.returncode, sound.stdout) == (errors.OK, "0 findings, 0 accepted\n")
