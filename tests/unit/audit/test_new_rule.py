"""A new rule is one entry of one table: the audit looks for it, the page lists it, and a config may accept it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from helpers import SINGLE, deploy
from trailkey.audit.registry import RULES, audit
from trailkey.audit.rule import Match, PolicyRule
from trailkey.findings import Location
from trailkey.inventory import ResourcePolicy
from trailkey.proofs.verdict import unknown_risks
from trailkey.reports.findings_page import findings_page

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from trailkey.audit.subject import Subject


def without_sid(subject: Subject) -> Iterator[Match]:
    for entry in subject.entries:
        if isinstance(entry.name, int):
            yield Match(statement=entry.name, message=f"statement {entry.name} has no Sid")


MADE_UP = PolicyRule(
    id="sid-missing",
    severity="note",
    title="A statement without a Sid",
    reason="A log entry or a review cannot name it.",
    source="https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_sid.html",
    remedy="give it a Sid",
    find=without_sid,
)
LOOK = {"Effect": "Allow", "Principal": {"AWS": "210987654321"}, "Action": "kms:PutKeyPolicy", "Resource": "*"}
POLICY = ResourcePolicy(
    location=Location(file="policy.json"),
    document={"Version": "2012-10-17", "Statement": [LOOK]},
    arn="arn:aws:kms:eu-west-1:210987654321:key/0a1b2c3d",
    account="210987654321",
)


@pytest.fixture
def made_up() -> Iterator[PolicyRule]:
    RULES.append(MADE_UP)
    yield MADE_UP
    RULES.remove(MADE_UP)


def test_audit_looks_for_it(made_up: PolicyRule) -> None:
    [finding] = [one for one in audit(POLICY) if one.rule is made_up]

    assert (finding.statement, finding.message, finding.remedy) == (0, "statement 0 has no Sid", "give it a Sid")


def test_page_lists_it(made_up: PolicyRule) -> None:
    assert f"| [`{made_up.id}`](#{made_up.id}) | note | A statement without a Sid |" in findings_page()


def test_config_may_accept_it(made_up: PolicyRule, tmp_path: Path) -> None:
    deployment = deploy(tmp_path, SINGLE, accepted_risks=[{"id": made_up.id, "reason": "Old statements have none."}])

    assert unknown_risks(deployment) == []


def test_no_other_part_of_the_code_knows_it(tmp_path: Path) -> None:
    deployment = deploy(tmp_path, SINGLE, accepted_risks=[{"id": MADE_UP.id, "reason": "Old statements have none."}])

    assert len(unknown_risks(deployment)) == 1
    assert MADE_UP.id not in findings_page()
