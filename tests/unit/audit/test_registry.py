"""The audit as other modules call it: what a setting changes, what cannot be decided, and what may never happen."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pytest

from helpers import allow, document
from trailkey.access.algebra.boxes import Box
from trailkey.access.language.evaluate import Decision
from trailkey.audit import registry
from trailkey.audit.registry import OTHERS, RULES, audit
from trailkey.audit.subject import read_subject
from trailkey.checks.limits import LIMITS
from trailkey.errors import PolicyError, UndecidedError
from trailkey.findings import SEVERITIES, Location
from trailkey.intent.model import KeyIntent
from trailkey.inventory import ResourcePolicy
from trailkey.proofs.judge import PROPERTIES
from trailkey.reports.findings_page import findings_page

if TYPE_CHECKING:
    from trailkey.findings import Rule

ACCOUNT = "210987654321"
KEY = f"arn:aws:kms:eu-west-1:{ACCOUNT}:key/0a1b2c3d-1111-2222-3333-444455556666"
CLOUDTRAIL = {"Service": "cloudtrail.amazonaws.com"}


SHIP = allow({"AWS": f"arn:aws:iam::{ACCOUNT}:role/Ship"}, "kms:PutKeyPolicy", sid="ShipUpdates")
STORE = allow(CLOUDTRAIL, ["kms:GenerateDataKey", "kms:Decrypt", "kms:DescribeKey"], sid="StoreWorks")


def key_policy(document: Any, *, account_known: bool = True) -> ResourcePolicy:
    return ResourcePolicy(
        location=Location(file="p"), document=document, arn=KEY, account=ACCOUNT, account_known=account_known
    )


def of(*statements: Any) -> ResourcePolicy:
    return key_policy({"Version": "2012-10-17", "Statement": list(statements)})


def found(*statements: Any, intent: KeyIntent | None = None) -> list[tuple[str, str, str | int | None]]:
    return [(one.severity, one.id, one.statement) for one in audit(of(*statements), intent)]


def test_a_store_of_events_that_is_said_to_be_one_has_no_findings() -> None:
    assert found(STORE, SHIP, intent=KeyIntent(lake=True)) == []
    assert found(STORE, SHIP) == [("note", "lake-assumed", "StoreWorks")]


def test_the_same_statement_is_an_error_on_a_key_of_trails() -> None:
    trail = f"arn:aws:cloudtrail:eu-west-1:{ACCOUNT}:trail/ledger"

    assert found(STORE, SHIP, intent=KeyIntent(trails=(trail,))) == [("error", "cloudtrail-unconfined", "StoreWorks")]


def test_everyone_is_no_store_of_events() -> None:
    assert found(allow("*", "kms:*", sid="All")) == [
        ("error", "cloudtrail-unconfined", "All"),
        ("error", "public", "All"),
    ]


def test_an_account_that_is_made_up_makes_a_lockout_a_warning() -> None:
    looks = document(allow({"AWS": ACCOUNT}, "kms:DescribeKey", sid="Looks"))

    known, assumed = (
        [(one.severity, one.id) for one in audit(key_policy(looks, account_known=known))] for known in (True, False)
    )

    assert known == [("error", "locked-out")]
    assert assumed == [("warning", "locked-out")]


def test_one_reason_for_many_open_questions_is_one_finding() -> None:
    keeper = KeyIntent(administrators=(f"arn:aws:iam::{ACCOUNT}:role/Keeper",))
    actions = ["kms:Decrypt", "kms:CreateGrant"]
    open_to_tags = allow("*", actions, StringLike={"aws:PrincipalOrgID": "${aws:PrincipalTag/team}"}, sid="TeamsOpen")

    [finding] = [one for one in audit(of(SHIP, open_to_tags), keeper) if one.id == "undecided"]

    assert finding.statement == "TeamsOpen"
    assert finding.message.startswith(
        "cannot tell whether there is public, administrator-can-decrypt, administrator-can-grant: statement TeamsOpen: "
        "aws:PrincipalOrgID is compared with the policy variable ${aws:principaltag/team}"
    )


def test_statements_without_a_sid_go_by_their_position() -> None:
    keeper = {"AWS": f"arn:aws:iam::{ACCOUNT}:role/Keeper"}
    statements = [
        SHIP,
        allow(keeper, "kms:Decrypt", StringEquals={"kms:ViaService": "s3.eu-west-1.amazonaws.com"}, sid=""),
        allow(
            keeper, "kms:Decrypt", sid="", StringLike={"kms:EncryptionContext:stage": "test", "kms:ViaService": "s3.*"}
        ),
        allow(keeper, ["kms:Decrypt", "kms:TagResource"], sid=""),
    ]

    messages = {one.id: (one.statement, one.message) for one in audit(of(*statements))}

    assert messages == {
        "guard-cancelled": (
            3,
            (
                "statement 3 allows kms:Decrypt without the guard on kms:ViaService and kms:EncryptionContext:stage that statement 1 "
                "and statement 2 have, so the guard holds nothing back there"
            ),
        ),
        "administrator-can-decrypt": (
            1,
            (
                f"statement 1 lets arn:aws:iam::{ACCOUNT}:role/Keeper decrypt (taken for an administrator, since it may change the key's "
                "settings), and so do statement 2, statement 3"
            ),
        ),
    }


def test_a_witness_that_the_evaluator_answers_otherwise_is_a_defect(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(registry, "decide", lambda *_, **__: Decision("denied", "no_matching_allow"))

    with pytest.raises(AssertionError, match="the prover and the evaluator disagree"):
        found(allow("*", "kms:*", sid="All"))


@pytest.mark.parametrize(
    ("document", "text"),
    [
        ([], "p: [] is not an object"),
        ({"Version": "2012-10-17"}, "p: Statement: missing or empty"),
        ({"Version": "2012-10-17", "Statements": []}, 'p: unknown element "Statements"'),
        ({"Version": "2013-10-17", "Statement": [SHIP]}, 'p: Version: unknown version "2013-10-17"'),
    ],
)
def test_what_is_no_policy_is_refused(document: Any, text: str) -> None:
    with pytest.raises(PolicyError) as refusal:
        audit(key_policy(document))

    assert str(refusal.value).startswith(text)


def test_the_key_goes_by_the_arn_its_policy_names() -> None:
    """Only AWS knows a key's id: a Resource in the policy tells it, and one of another account does not."""
    own, other = (f"arn:aws:kms:eu-west-1:{account}:key/9f8e7d6c-aaaa" for account in (ACCOUNT, "654321098765"))

    assert found({**SHIP, "Resource": own}) == []
    assert ("error", "wrong-arn", "ShipUpdates") in found({**SHIP, "Resource": other})


def test_each_rule_can_be_read_by_itself() -> None:
    for rule in (*RULES, *LIMITS):
        assert re.fullmatch(r"[a-z]+(-[a-z]+)*", rule.id), rule
        assert rule.severity in SEVERITIES, rule
        assert rule.source.startswith("https://docs.aws.amazon.com/"), rule
        assert not rule.title.endswith("."), rule
        assert rule.reason.endswith("."), rule
        assert not rule.remedy.endswith("."), rule


def test_ids_are_unique_and_each_is_on_the_page() -> None:
    rules = sorted([*RULES, *OTHERS], key=lambda rule: SEVERITIES.index(rule.severity))
    every: list[Rule] = [*PROPERTIES, *rules, *LIMITS]
    ids = [one.id for one in every]
    page = findings_page()

    assert len(set(ids)) == len(ids)
    assert re.findall(r"^### (.*)$", page, re.MULTILINE) == ids
    assert all(f"({one.source})" in page for one in every)


def test_witness_names_a_whole_trail_of_the_account_that_a_context_asks_for() -> None:
    context = {"kms:EncryptionContext:aws:cloudtrail:arn": "arn:aws:cloudtrail:*:654321098765:trail/*"}
    encrypts = allow(CLOUDTRAIL, "kms:GenerateDataKey*", StringLike=context, sid="Encrypts")

    assert [one.witness for one in audit(of(encrypts)) if one.id == "cloudtrail-unconfined"] == [
        {
            "principal": "cloudtrail.amazonaws.com",
            "action": "kms:GenerateDataKey",
            "resource": KEY,
            "context": {
                "aws:SourceArn": "arn:aws:cloudtrail:us-east-1:654321098765:trail/other",
                "kms:EncryptionContext:aws:cloudtrail:arn": "arn:aws:cloudtrail:us-east-1:654321098765:trail/other",
            },
        }
    ]


def test_a_statement_that_cannot_be_decided_is_not_said_to_match_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    subject = read_subject(of(allow("*", "*", sid="All")), KeyIntent())

    def undecided(_one: Box, _other: Box) -> Box | None:
        raise UndecidedError("too entangled")

    assert not subject.is_empty(subject.parts[0].requests)
    monkeypatch.setattr(Box, "meet", undecided)
    assert not subject.is_empty(subject.parts[0].requests)
