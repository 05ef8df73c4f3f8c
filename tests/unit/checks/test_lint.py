"""cfn-lint in process: the findings of the command, whatever lies around that would make it say less."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from trailkey.checks.lint import LintInput, LintMatch, lint, prepare
from trailkey.cloudformation import dump_yaml
from trailkey.errors import UsageError
from trailkey.findings import Finding, Location, Rule
from trailkey.reports.findings import finding_text

if TYPE_CHECKING:
    from collections.abc import Mapping

HOME = ("us-east-1",)

GOOD = """\
AWSTemplateFormatVersion: "2010-09-09"
Resources:
  Key:
    Type: AWS::KMS::Key
    DeletionPolicy: Retain
    UpdateReplacePolicy: Retain
    Properties:
      EnableKeyRotation: true
      KeyPolicy:
        Version: "2012-10-17"
        Statement:
          - Sid: Root
            Effect: Allow
            Principal:
              AWS: !Sub arn:${AWS::Partition}:iam::${AWS::AccountId}:root
            Action: kms:PutKeyPolicy
            Resource: "*"
"""

BAD = """\
AWSTemplateFormatVersion: "2010-09-09"
Metadata:
  cfn-lint:
    config:
      ignore_checks: [E, W, I]
      ignore_bad_template: true
      configure_rules: {E3012: {strict: true}}
      regions: [eu-west-1]
Parameters:
  Unused: {Type: String}
Resources:
  Key:
    Type: AWS::KMS::Key
    UpdateReplacePolicy: Retain
    Metadata: {cfn-lint: {config: {ignore_checks: [E3002, E3034, I3011]}}}
    Properties:
      EnableKeyRotation: "true"
      PendingWindowInDays: 3
      Nonsense: 1
      KeyPolicy:
        Version: "2012-10-17"
        Statement: []
"""

FOUND = [
    (
        "bad.yaml",
        10,
        ("Parameters", "Unused"),
        "W2001",
        "warning",
        "Parameter Unused not used. (Check if Parameters are Used)",
    ),
    (
        "bad.yaml",
        12,
        ("Resources", "Key"),
        "I3011",
        "note",
        (
            "'DeletionPolicy' is a required property (The default action when replacing/removing a resource is to delete it. "
            "Set explicit values for stateful resource) (Check stateful resources have a set UpdateReplacePolicy/DeletionPolicy)"
        ),
    ),
    (
        "bad.yaml",
        12,
        ("Resources", "Key"),
        "W3011",
        "warning",
        (
            "Both 'UpdateReplacePolicy' and 'DeletionPolicy' are needed to protect resource from deletion "
            "(Check resources with UpdateReplacePolicy/DeletionPolicy have both)"
        ),
    ),
    (
        "bad.yaml",
        18,
        ("Resources", "Key", "Properties", "PendingWindowInDays"),
        "E3034",
        "error",
        "3 is less than the minimum of 7 (Check if a number is between min and max)",
    ),
    (
        "bad.yaml",
        19,
        ("Resources", "Key", "Properties", "Nonsense"),
        "E3002",
        "error",
        "Additional properties are not allowed ('Nonsense' was unexpected) (Resource properties are invalid)",
    ),
]

STORE = dump_yaml({"Resources": {"Store": {"Type": "AWS::CloudTrail::EventDataStore"}}})


def places(matches: list[LintMatch]) -> list[tuple[str, str, str]]:
    return [(match.file, match.rule.id, match.message) for match in matches if match.rule.id == "E3006"]


def seen(matches: list[LintMatch]) -> list[tuple[object, ...]]:
    return [
        (match.file, match.line, match.path, match.rule.id, match.rule.severity, match.message) for match in matches
    ]


def test_a_good_template_has_no_findings() -> None:
    assert lint({"good.yaml": LintInput(GOOD, HOME)}) == []


def test_each_fault_is_found_with_line_path_and_severity() -> None:
    assert seen(lint({"good.yaml": LintInput(GOOD, HOME), "bad.yaml": LintInput(BAD, HOME)})) == FOUND


def test_a_match_becomes_a_finding_on_its_resource_or_with_the_whole_path() -> None:
    unused, *_, window, _ = lint({"bad.yaml": LintInput(BAD, HOME)})

    assert window.finding() == Finding(
        rule=Rule(
            id="E3034",
            severity="error",
            title="Check if a number is between min and max",
            reason="Check numbers (integers and floats) for its value being between the minimum and maximum",
            source="https://github.com/aws-cloudformation/cfn-lint/blob/main/docs/cfn-schema-specification.md#number-range",
            remedy="",
        ),
        location=Location(file="bad.yaml", line=18, logical_id="Key"),
        message="Properties/PendingWindowInDays: 3 is less than the minimum of 7 (Check if a number is between min and max)",
    )
    assert finding_text(unused.finding()) == (
        "warning W2001: bad.yaml:10: Parameters/Unused: Parameter Unused not used. (Check if Parameters are Used)"
    )


@pytest.mark.parametrize(
    ("text", "line", "message"),
    [
        ("[]", 1, "Template needs to be an object."),
        ("a: 1\na: 2", 1, "Duplicate found 'a' (line 1)"),
        ("\x00", 1, None),
        ("a: [", 2, None),
    ],
)
def test_text_that_is_no_template_is_a_match(text: str, line: int, message: str | None) -> None:
    first = lint({"a.yaml": LintInput(text, HOME)})[0]

    assert (first.file, first.line, first.rule.id, first.rule.severity, first.path) == (
        "a.yaml",
        line,
        "E0000",
        "error",
        (),
    )
    assert first.finding().location == Location(file="a.yaml", line=line)
    if message:
        assert first.message == f"{message} (Parsing error found when parsing the template)"


def test_json_is_linted_too() -> None:
    text = '{\n\t"Resources": {"Key": {"Type": "AWS::KMS::Kex"}}}'

    assert [(match.rule.id, match.line) for match in lint({"a.json": LintInput(text, HOME)})] == [("E3006", 2)]


def test_each_template_is_judged_for_its_own_regions() -> None:
    sets = {
        "east.yaml": ("us-east-1",),
        "china.yaml": ("cn-north-1",),
        "gov.yaml": ("us-gov-west-1",),
        "both.yaml": ("us-gov-west-1", "cn-north-1"),
    }
    expected = {
        file: [
            (
                file,
                "E3006",
                "Resource type 'AWS::CloudTrail::EventDataStore' does not exist in 'cn-north-1' (Validate the CloudFormation resource type)",
            )
        ]
        for file in ("china.yaml", "both.yaml")
    }

    for order in (list(sets), list(reversed(sets))):
        found = lint({file: LintInput(STORE, sets[file]) for file in order})
        assert places(found) == [row for file in order for row in expected.get(file, [])]


def test_the_order_of_templates_does_not_change_what_is_found() -> None:
    alone = {
        file: lint({file: LintInput(text, HOME)})
        for file, text in (("bad.yaml", BAD), ("s.yaml", STORE), ("good.yaml", GOOD))
    }

    together = lint(
        {file: LintInput(text, HOME) for file, text in (("good.yaml", GOOD), ("s.yaml", STORE), ("bad.yaml", BAD))}
    )

    assert together == alone["good.yaml"] + alone["s.yaml"] + alone["bad.yaml"]


def test_an_unknown_region_refuses() -> None:
    with pytest.raises(UsageError) as caught:
        lint({"a.yaml": LintInput(GOOD, ("us-east-1", "us-east-9"))})

    assert str(caught.value) == (
        "a.yaml: Region us-east-9 is unknown to cfn-lint, so the template cannot be checked for it; "
        "correct it in the config, or install a newer cfn-lint"
    )


HOSTILE = {
    ".cfnlintrc": """\
        ignore_checks: [E, W, I]
        mandatory_checks: [E9]
        ignore_bad_template: true
        ignore_templates: ["*"]
        regions: [eu-west-1]
        merge_configs: true
        configure_rules: {E3012: {strict: true}}
        custom_rules: rules.txt
        append_rules: [rules]
        """,
    ".cfnlintrc.yaml": "ignore_checks: [E, W, I]\n",
    ".cfnlintrc.yml": "{ignore_checks: [E, W, I], merge_configs: true}\n",
    ".cfnlintrc.toml": 'ignore_checks = ["E", "W", "I"]\n',
    "pyproject.toml": '[tool.cfn-lint]\nignore_checks = ["E", "W", "I"]\n',
    "setup.cfg": "[cfn-lint]\nignore_checks = E,W,I\n",
}
BROKEN = {".cfnlintrc": "ignore_checks: [", ".cfnlintrc.yaml": "nonsense: 1\n"}


@pytest.mark.parametrize("name", [*HOSTILE, *(f"broken {name}" for name in BROKEN)])
def test_settings_lying_around_change_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    text = BROKEN[name.removeprefix("broken ")] if name.startswith("broken ") else HOSTILE[name]
    for folder in ("working", "home"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / name.removeprefix("broken ")).write_text(textwrap.dedent(text))
    monkeypatch.chdir(tmp_path / "working")
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("AWS_REGION", "eu-west-1")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "mars-1")
    monkeypatch.setattr(sys, "argv", ["trailkey", "--ignore-checks", "E,W,I", "--regions", "eu-west-1"])
    monkeypatch.setattr(socket, "socket", None)
    prepare.cache_clear()

    assert seen(lint({"bad.yaml": LintInput(BAD, HOME)})) == FOUND


LINT = """
import json, sys
from trailkey.checks.lint import LintInput, lint
assert lint({}) == []
assert "cfnlint" not in sys.modules
found = lint({"a.yaml": LintInput(sys.stdin.read(), ("us-east-1",))})
json.dump([[match.line, match.rule.id] for match in found], sys.stdout)
"""


def in_a_process_of_its_own(text: str, home: Path) -> subprocess.CompletedProcess[str]:
    env = {**os.environ, "HOME": str(home), "XDG_CACHE_HOME": str(home / "cache"), "LOCALAPPDATA": str(home)}
    command = [sys.executable, "-c", LINT]
    return subprocess.run(command, input=text, env=env, cwd=home, capture_output=True, text=True, check=True)


def test_downloaded_schemas_change_and_print_nothing(tmp_path: Path) -> None:
    cache = tmp_path / "cache" / "aws" / "cfn-lint" / "schemas"
    (cache / "providers").mkdir(parents=True)
    (cache / "providers" / "us-east-1.json").write_text("{}")  # no resource type at all
    (cache / "version.json").write_text('{"schema_date": "2999-01-01T00:00:00Z"}')

    done = in_a_process_of_its_own(BAD, tmp_path)

    assert json.loads(done.stdout) == [[line, rule] for _, line, _, rule, _, _ in FOUND]
    assert not done.stderr


def test_import_loads_no_cfn_lint_and_unreadable_text_prints_nothing(tmp_path: Path) -> None:
    done = in_a_process_of_its_own("[" * 2000 + '"\\q"', tmp_path)  # cfn-lint logs that it gave up on this

    assert json.loads(done.stdout) == [[1, "E0000"]]
    assert not done.stderr


def by_command(files: Mapping[str, str], folder: Path, region: str) -> list[dict[str, Any]]:
    """What the command says about the files in an empty folder, run by someone without settings."""
    folder.mkdir()
    for name, text in files.items():
        (folder / name).write_text(text)
    command = shutil.which("cfn-lint", path=os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]]))
    assert command
    env = {**os.environ, "HOME": str(folder), "XDG_CACHE_HOME": str(folder)}
    line = [command, "-c", "I", "--format", "json", "--regions", region, "--", *files]
    done = subprocess.run(line, env=env, cwd=folder, capture_output=True, text=True, check=False)
    result: list[dict[str, Any]] = json.loads(done.stdout)
    return result


@pytest.mark.parametrize("region", ["us-east-1", "cn-north-1"])
def test_the_findings_are_those_of_the_command(tmp_path: Path, region: str) -> None:
    policy = {
        "Version": "2012-10-17",
        "Statement": [{"Effect": "Allow", "Principal": "*", "Action": "kms:Nonsense", "Resource": "*"}],
    }
    resources = {
        "Key": {"Type": "AWS::KMS::Key", "Properties": {"KeyPolicy": policy, "RotationPeriodInDays": 89}},
        "Bucket": {"Type": "AWS::S3::Bucket", "DependsOn": "Nothing", "Properties": {"AccessControl": "Public"}},
        "Policy": {
            "Type": "AWS::S3::BucketPolicy",
            "Properties": {"Bucket": {"Ref": "Bucket"}, "PolicyDocument": {"Fn::Sub": "x"}},
        },
    }
    files = {
        "good.yaml": GOOD,
        "bad.yaml": BAD.replace("cfn-lint", "someone-else"),  # the command obeys what stands there
        "store.yaml": STORE,
        "resources.yaml": dump_yaml(
            {"Resources": resources, "Outputs": {"Arn": {"Value": {"Fn::GetAtt": ["Key", "Arm"]}}}}
        ),
        "twice.yaml": "a: 1\na: 2\n",
        "schedule.yaml": dump_yaml(
            {"Resources": {"Rule": {"Type": "AWS::Events::Rule", "Properties": {"ScheduleExpression": "often"}}}}
        ),
    }

    ours = [
        (match.file, match.line, match.rule.id, list(match.path), match.message)
        for match in lint({file: LintInput(text, (region,)) for file, text in files.items()})
    ]

    theirs = [
        (
            item["Filename"],
            item["Location"]["Start"]["LineNumber"],
            item["Rule"]["Id"],
            item["Location"]["Path"] or [],
            f"{item['Message']} ({item['Rule']['ShortDescription']})",
        )
        for item in by_command(files, tmp_path / "files", region)
    ]
    assert {row[2] for row in ours} >= {"E0000", "E3002", "E3027", "E3034", "I3011", "W3037"}
    assert sorted(ours) == sorted(theirs)
