"""Proofs as generate runs them: what fails stops the run and names line, statement and witness; what is accepted does not."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import yaml

from helpers import ORGANIZATION, ROOT, SINGLE, deploy, edited
from trailkey import cli, errors, pipeline
from trailkey.config.load import load
from trailkey.proofs.judge import PROPERTIES
from trailkey.reports.findings import finding_text, message_text

if TYPE_CHECKING:
    from pathlib import Path

    from trailkey.proofs.verdict import Verdict

PROOFS = ROOT / "docs" / "proofs.md"
OVERLAP: dict[str, Any] = {
    **SINGLE,
    "key": {"account": "main", "break_glass": ["main:role/OnCall"]},
    "readers": [{"name": "on-call", "role": "main:role/OnCall"}],
}
"""Who repairs the key also reads: a property fails."""
ACCEPTED = {"id": "readers-only-read", "reason": "Two people look after everything."}


def write(folder: Path, config: dict[str, Any]) -> Path:
    path = folder / "config.yaml"
    path.write_text(yaml.safe_dump(config, sort_keys=False), encoding="utf-8")
    return path


def generate(folder: Path, config: dict[str, Any]) -> int:
    return cli.run(["generate", str(write(folder, config)), "--output", str(folder / "out"), "--quiet"])


def outcome(folder: Path, config: dict[str, Any]) -> Verdict:
    return pipeline.prove(pipeline.render(deploy(folder, config)))


def test_a_property_that_fails_stops_the_run_and_says_where(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert generate(tmp_path, OVERLAP) == errors.CHECK_FAILED
    said = capsys.readouterr().err
    assert said == (
        f"error readers-only-read: {tmp_path}/config.yaml:17: readers: one.yaml: Resources/Key: "
        "'readers who are named read, and do nothing else with the key' does not hold: "
        "arn:aws:iam::777777777777:role/OnCall, whose own IAM policy allows it, calls kms:EnableKey "
        "by statement BreakGlassRepairsKey; use different roles to read logs and to manage the key, "
        "or accept it under accepted_risks with id readers-only-read and a reason\n"
    )
    assert said.replace(f"{tmp_path}/config.yaml", "my.yaml") in PROOFS.read_text(encoding="utf-8")
    assert not (tmp_path / "out").exists()


def test_the_witness_and_the_statement_of_a_failing_property_are_given(tmp_path: Path) -> None:
    (found,) = outcome(tmp_path, OVERLAP).findings

    assert (found.id, found.severity, found.statement) == ("readers-only-read", "error", "BreakGlassRepairsKey")
    assert found.witness is not None
    assert found.witness["principal"] == "arn:aws:iam::777777777777:role/OnCall"


def test_an_accepted_risk_lets_the_run_pass_and_stands_first_in_the_page(tmp_path: Path) -> None:
    config = {**OVERLAP, "accepted_risks": [ACCEPTED]}

    assert generate(tmp_path, config) == errors.OK
    page = (tmp_path / "out" / "one" / "access.md").read_text(encoding="utf-8")
    assert ACCEPTED["reason"] in page
    assert page.index("readers-only-read") < page.index("| ")


def test_an_accepted_risk_accepts_nothing_else(tmp_path: Path) -> None:
    risk = {"id": "cloudtrail-confined", "reason": "Another one."}
    found = outcome(tmp_path, {**OVERLAP, "accepted_risks": [risk]}).findings

    assert [one.id for one in found] == ["readers-only-read", "accepted-risk-unneeded"]


def test_a_risk_that_does_not_occur_is_not_accepted_in_advance(tmp_path: Path) -> None:
    deployment = load(write(tmp_path, {**SINGLE, "accepted_risks": [ACCEPTED]}))
    (found,) = pipeline.prove(pipeline.render(deployment)).findings

    assert finding_text(found) == (
        f"error accepted-risk-unneeded: {tmp_path}/config.yaml:16: accepted_risks[0]: 'readers-only-read' holds, "
        "so there is nothing to accept; a risk is accepted only while it is there; remove the entry"
    )


def test_an_accepted_risk_that_is_no_property_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    risks = [{"id": "reader-only-reads", "reason": "Misspelt."}, {"id": "gravity", "reason": "Nothing like it."}]

    assert generate(tmp_path, {**OVERLAP, "accepted_risks": risks}) == errors.USAGE
    shown = capsys.readouterr().err.splitlines()
    assert [line.rpartition("; ")[2] for line in shown] == [
        "did you mean 'readers-only-read'?",
        "docs/findings.md lists them",
    ]
    assert "accepted_risks[0].id: 'reader-only-reads' is not a valid id" in shown[0]


def test_ids_are_words_that_stay_and_every_property_says_why() -> None:
    for one in PROPERTIES:
        assert one.id == one.id.lower()
        assert one.source.startswith("https://docs.aws.amazon.com/")
        assert one.reason.endswith(".")
        assert not one.title.endswith(".")
        assert not one.remedy.endswith(".")
    assert len({one.id for one in PROPERTIES}) == len(PROPERTIES)


def test_nobody_without_a_policy_is_taken_for_served(tmp_path: Path) -> None:
    """A deployment is judged by its documents: with the reader's IAM policy gone from them, the reader cannot read."""
    rendered = pipeline.render(deploy(tmp_path, {**SINGLE, "readers": [{"name": "r", "role": "main:role/R"}]}))
    without = edited(rendered, lambda resources: resources.pop("ReaderRPolicy"))

    failing = [one for one in pipeline.prove(without).results if not one.holds]
    assert [(one.id, one.answer.reason, one.path) for one in failing] == [
        ("policies-sufficient", "no template has an IAM policy for reader r", ("readers", 0)),
    ]


def broken(folder: Path, sid: str, changed: dict[str, Any]) -> str:
    """Return what is said first of a key policy with one statement changed."""
    config = {**SINGLE, "readers": [{"name": "siem", "principal_arn_like": "main:role/siem-*"}]}
    rendered = pipeline.render(deploy(folder, config))

    def change(resources: dict[str, Any]) -> None:
        statements = resources["Key"]["Properties"]["KeyPolicy"]["Statement"]
        next(one for one in statements if one["Sid"] == sid).update(changed)

    return message_text(pipeline.prove(edited(rendered, change)).findings[0])


def test_a_request_that_should_be_allowed_is_said_to_be_refused_and_why(tmp_path: Path) -> None:
    assert broken(tmp_path, "CloudTrailDescribesKey", {"Action": "kms:GetPublicKey"}).startswith(
        "'no AWS service may use the key but CloudTrail, for the named trails' does not hold: "
        "cloudtrail.amazonaws.com calls kms:GetPublicKey with aws:SourceArn arn:aws:cloudtrail:eu-central-1:777777777777:trail/audit "
        "by statement CloudTrailDescribesKey; "
    )
    assert broken(
        tmp_path, "CloudTrailDescribesKey", {"Resource": "arn:aws:kms:eu-central-1:777777777777:key/x"}
    ).startswith(
        "'each trail can encrypt and describe the key' does not hold: cloudtrail.amazonaws.com is not allowed to call kms:DescribeKey "
        "with aws:SourceArn arn:aws:cloudtrail:eu-central-1:777777777777:trail/audit: no statement allows it; "
    )
    denied = {"Effect": "Deny", "Principal": "*", "Action": "kms:Decrypt", "Condition": {}}
    assert (
        "arn:aws:iam::777777777777:role/siem-other, whose own IAM policy allows it, is not allowed to call kms:Decrypt with "
        "kms:EncryptionContext:aws:cloudtrail:arn arn:aws:cloudtrail:eu-central-1:777777777777:trail/audit and "
        "kms:ViaService s3.eu-central-1.amazonaws.com: statement AccountReadsMetadata denies it; "
    ) in broken(tmp_path, "AccountReadsMetadata", denied)


def test_two_paths_of_one_role_name_are_one_role(tmp_path: Path) -> None:
    """IAM knows a role by its name alone, and so does a template that attaches a policy to it."""
    readers = [
        {"name": "wide", "role": "main:role/ops/Reader", "via_service": False},
        {"name": "narrow", "role": "main:role/Reader"},
    ]

    assert pipeline.prove(pipeline.render(deploy(tmp_path, {**SINGLE, "readers": readers}))).findings == ()


@pytest.mark.parametrize(
    "reader",
    [
        {"principal_org_id": "o-a1b2c3d4e5"},
        {"principal_org_path": "o-a1b2c3d4e5/*"},
        {"principal_org_path": "o-a1b2c3d4e5/r-ab12/*"},
        {"principal_org_path": "o-a1b2c3d4e5/r-ab12/ou-ab12-11111111/*"},
    ],
    ids=lambda reader: " ".join(reader.values()),
)
def test_an_organization_that_the_config_lets_read_is_no_flaw(reader: dict[str, str], tmp_path: Path) -> None:
    organization = {**ORGANIZATION["organization"], "root_id": "r-ab12"}
    config = {**ORGANIZATION, "organization": organization, "readers": [{"name": "those", **reader}]}

    assert outcome(tmp_path, config).findings == ()
