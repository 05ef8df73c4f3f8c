"""Every rule in ``audit/``: a bad policy found for the right reason and shown by a request, its near-identical twin not."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from helpers import OUTPUT, TESTS
from trailkey.access.language.evaluate import decide
from trailkey.access.language.policy import parse_policy
from trailkey.access.language.request import parse_request
from trailkey.audit.registry import RULES, audit_all
from trailkey.intent.from_options import intent
from trailkey.inventory import find_policies
from trailkey.inventory.kinds import DELIVERY, KEY
from trailkey.reports.findings import finding_text, message_text

if TYPE_CHECKING:
    from pathlib import Path

    from trailkey.findings import Finding

CASES = TESTS / "audit"
NAMES = sorted(case.parent.name for case in CASES.glob("*/case.yaml"))


@dataclass(frozen=True)
class Case:
    why: str
    id: str
    severity: str
    statement: str | int | None
    request: str
    options: dict[str, Any]
    says: str
    also: tuple[str, ...]

    @classmethod
    def read(cls, name: str) -> Case:
        written = yaml.safe_load((CASES / name / "case.yaml").read_text(encoding="utf-8"))
        defaults: dict[str, Any] = {"options": {}, "says": "", "also": ()}
        return cls(**{**defaults, **written, "also": tuple(written.get("also", ()))})

    def findings(self, path: Path) -> tuple[Finding, ...]:
        options = dict(self.options)
        account, parameters = options.pop("key_account", ""), options.pop("parameters", None)
        text = path.read_text(encoding="utf-8")
        found = find_policies(text, path.name, key_account=account, parameters=parameters, kinds=(KEY, *DELIVERY))
        return audit_all(found, intent(**options)).findings


def policy_of(name: str, kind: str) -> Path:
    return next((CASES / name).glob(f"{kind}.*"))


@pytest.mark.parametrize("name", NAMES)
def test_bad_policy_is_flagged_for_the_right_reason_and_its_sound_twin_is_not(name: str) -> None:
    case = Case.read(name)
    bad = policy_of(name, "bad")
    in_bad, in_sound = (case.findings(policy_of(name, kind)) for kind in ("bad", "sound"))

    findings = [one for one in in_bad if one.id == case.id and one.statement == case.statement]
    assert [(one.severity, case.says in message_text(one), one.witness is not None) for one in findings] == [
        (case.severity, True, case.request != "none")
    ], [finding_text(one) for one in in_bad]
    witness = findings[0].witness
    if witness:
        found = find_policies(bad.read_text(encoding="utf-8"), bad.name, kinds=(KEY, *DELIVERY))
        document = next(one for one in found if one.name == findings[0].location.logical_id).document
        readable = [one for one in document["Statement"] if one.get("Effect") in ("Allow", "Deny")]
        policy = parse_policy({**document, "Statement": readable}, resource_based=True)
        assert decide(parse_request(witness), resource_policy=policy).decision == case.request

    assert [finding_text(one) for one in in_sound if one.id == case.id or one.severity == "error"] == []
    assert {one.id for one in in_bad} - {one.id for one in in_sound} == {case.id, *case.also}


def test_every_rule_has_a_case() -> None:
    assert {rule.id for rule in RULES} - {Case.read(name).id for name in NAMES} == set()


@pytest.mark.parametrize("form", ["console-default", "organization", "access-analyzer"])
def test_bounded_wildcards_are_not_called_public(form: str) -> None:
    found = find_policies((CASES / "not-public" / f"{form}.json").read_text(encoding="utf-8"), form)
    report = audit_all(found, intent(organization="o-q1w2e3r4t5"))

    assert [
        finding_text(one) for one in report.findings if one.id in ("public", "undecided") or one.severity == "error"
    ] == []


@pytest.mark.parametrize("form", ["console-default", "organization", "access-analyzer"])
def test_the_same_without_its_bounds_is_public(form: str) -> None:
    """The neighbour of each: the conditions that bound it taken out, all others left."""
    document = json.loads((CASES / "not-public" / f"{form}.json").read_text(encoding="utf-8"))
    statement = next(one for one in document["Statement"] if one["Principal"] in ("*", {"AWS": "*"}))
    for keys in statement["Condition"].values():
        for key in ("kms:CallerAccount", "aws:PrincipalOrgID"):
            keys.pop(key, None)
    statement["Condition"] = {operator: keys for operator, keys in statement["Condition"].items() if keys}
    report = audit_all(find_policies(json.dumps(document), form), intent())

    assert {(one.id, one.statement) for one in report.findings if one.id == "public"} == {("public", statement["Sid"])}


OWN: dict[str, tuple[str, dict[str, Any]]] = {
    "single-account": (
        "single-account.yaml",
        {
            "trails": ["arn:aws:cloudtrail:eu-central-1:777777777777:trail/account-trail"],
            "readers": ["arn:aws:iam::777777777777:role/CloudTrailRead"],
            "administrators": ["arn:aws:iam::777777777777:role/KeyAdministrator"],
            "deployer": "arn:aws:iam::777777777777:role/CloudFormationDeployment",
            "break_glass": ["arn:aws:iam::777777777777:role/BreakGlass"],
        },
    ),
    "organization": (
        "log-archive-key.yaml",
        {
            "trails": ["arn:aws:cloudtrail:us-east-1:111111111111:trail/organization-trail"],
            "organization": "o-a1b2c3d4e5",
            "readers": ["333333333333", "888888888888"],
            "administrators": ["arn:aws:iam::222222222222:role/KeyAdministrator"],
            "deployer": "arn:aws:iam::222222222222:role/CloudFormationDeployment",
            "break_glass": ["arn:aws:iam::222222222222:role/BreakGlass"],
        },
    ),
    "mirror": (
        "log-archive-key.yaml",
        {
            "trails": ["arn:aws:cloudtrail:us-east-1:444444444444:trail/organization-trail"],
            "organization": "o-z9y8x7w6v5",
            "readers": ["666666666666", "123456789012"],
            "administrators": ["arn:aws:iam::555555555555:role/KeyAdministrator"],
            "deployer": "arn:aws:iam::555555555555:role/CloudFormationDeployment",
            "break_glass": ["arn:aws:iam::555555555555:role/BreakGlass"],
        },
    ),
}


@pytest.mark.parametrize("name", sorted(OWN))
def test_own_key_policies_have_no_findings(name: str) -> None:
    file, options = OWN[name]
    text = (OUTPUT / name / file).read_text(encoding="utf-8")

    assert [finding_text(one) for one in audit_all(find_policies(text, file), intent(**options)).findings] == []


@pytest.mark.parametrize("name", sorted(OWN))
def test_own_key_policies_with_a_statement_less_careful_have_one(name: str) -> None:
    """The neighbour: CloudTrail's guard taken out of the first statement."""
    file, options = OWN[name]
    text = (OUTPUT / name / file).read_text(encoding="utf-8")
    found = find_policies(text, file)
    found[0].document["Statement"][0].pop("Condition")

    assert ("cloudtrail-unconfined", "CloudTrailEncryptsLogs") in {
        (one.id, one.statement) for one in audit_all(found, intent(**options)).findings
    }


def test_describing_is_an_error_for_other_trails_and_where_a_statement_is_at_fault() -> None:
    """The neighbours of the policy that Control Tower's guidance gives, for which it is a warning."""
    text = policy_of("trail-cannot-describe--control-tower", "bad").read_text(encoding="utf-8")
    name = "aws-controltower-BaselineCloudTrail"
    trail = f"arn:aws:cloudtrail:eu-west-1:210987654321:trail/{name}"
    document = json.loads(text)
    denies = {"Effect": "Deny", "Principal": "*", "Action": "kms:DescribeKey", "Resource": "*"}
    denied = json.dumps({**document, "Statement": [*document["Statement"], denies]})
    cases = (
        (text, trail, "warning"),
        (text.replace(name, "audit"), trail.replace(name, "audit"), "error"),
        (text.replace(name, f"{name}-2"), f"{trail}-2", "error"),
        (denied, trail, "error"),
    )
    for policy, asked, severity in cases:
        findings = audit_all(find_policies(policy, "policy"), intent(trails=[asked])).findings
        assert [one.severity for one in findings if one.id == "trail-cannot-describe"] == [severity]


@pytest.mark.parametrize(("reader", "found"), [("444455556666", True), ("210987654321", False)])
def test_permission_sets_of_an_account_that_reads_as_a_whole_are_meant(reader: str, found: bool) -> None:  # noqa: FBT001
    text = policy_of("permission-set-suffix-open", "bad").read_text(encoding="utf-8")
    report = audit_all(find_policies(text, "policy"), intent(readers=[reader]))

    assert any(one.id == "permission-set-suffix-open" for one in report.findings) is found
