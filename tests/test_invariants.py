"""Sentences of a user's own about a key: proven, refuted by a request that ``decide`` confirms, or undecided; and refused where unclear."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from helpers import TESTS
from trailkey import api, cli, errors
from trailkey.access.language.evaluate import decide
from trailkey.access.language.policy import parse_policy
from trailkey.access.language.request import parse_request
from trailkey.errors import PolicyError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from trailkey.findings import Finding

HOME = "210987654321"
ROLE = f"arn:aws:iam::{HOME}:role"
TRAIL = f"arn:aws:cloudtrail:eu-west-1:{HOME}:trail/ledger"
CONTEXT = "kms:EncryptionContext:aws:cloudtrail:arn"
RESPONDER = f"{ROLE}/incident/Responder"
KEEPERS = [f"{ROLE}/Ship", f"{ROLE}/Glass", f"arn:aws:iam::{HOME}:root"]

INVARIANTS: list[dict[str, Any]] = [
    {"says": "nobody but the responder decrypts", "nobody_but": [RESPONDER, KEEPERS[2]], "may": ["kms:Decrypt", "kms:ReEncryptFrom"]},
    {"says": "nobody but CloudTrail encrypts", "nobody_but": ["cloudtrail.amazonaws.com", KEEPERS[2]], "may": ["kms:GenerateDataKey*", "kms:Encrypt"]},
    {"says": "nobody but the keepers replaces the policy", "nobody_but": KEEPERS, "may": "kms:PutKeyPolicy"},
    {"says": "nobody hands out grants", "nobody_but": [], "may": "kms:CreateGrant"},
    {"says": "nobody of another account does anything", "nobody_but": [HOME, "cloudtrail.amazonaws.com"], "may": "kms:*"},
    {
        "says": "CloudTrail encrypts for no other trail",
        "nobody_but": ["arn:aws:iam::*:root", "arn:aws:iam::*:role/*", "arn:aws:iam::*:user/*"],
        "may": "kms:GenerateDataKey",
        "where": {"aws:SourceArn": "arn:aws:cloudtrail:*:999999999999:trail/*"},
    },
    {
        "says": "the trail encrypts",
        "who": "cloudtrail.amazonaws.com",
        "can": "kms:GenerateDataKey",
        "where": {"aws:SourceArn": TRAIL, CONTEXT: TRAIL, "kms:ViaService": None, "aws:SourceVpc": None},
    },
    {
        "says": "the responder reads what the trail wrote",
        "who": RESPONDER,
        "can": "kms:Decrypt",
        "where": {CONTEXT: TRAIL, "kms:ViaService": "s3.eu-west-1.amazonaws.com"},
    },
    {"says": "break glass repairs and deletes", "who": f"{ROLE}/Glass", "can": ["kms:PutKeyPolicy", "kms:ScheduleKeyDeletion"]},
    {"says": "nobody without MFA deletes", "nobody_but": [], "may": "kms:ScheduleKeyDeletion", "where": {"aws:MultiFactorAuthPresent": "false"}},
]  # fmt: skip
POLICIES = [
    "reader-cannot-decrypt--address/sound",
    "reader-cannot-decrypt--address/bad",
    "public--via-service/bad",
    "people-encrypt/bad",
    "keeper-cannot-act/bad",
    "trail-cannot-encrypt--created-via-service/bad",
    "cloudtrail-unconfined/bad",
    "administrator-can-grant/bad",
    "locked-out/bad",
    "unreadable-statement/bad",
]


def policy_of(name: str) -> dict[str, Any]:
    return dict(json.loads((TESTS / "audit" / f"{name}.json").read_text(encoding="utf-8")))


def broken(document: dict[str, Any], *invariants: dict[str, Any]) -> list[Finding]:
    report = api.audit(document, key_account=HOME, region="eu-west-1", invariants={"invariants": list(invariants)})
    return [one for one in report.findings if one.id == "invariant-broken" or "invariant-broken" in one.message]


def verdict(document: dict[str, Any], invariant: dict[str, Any]) -> str:
    """Proven, refuted or undecided; a refutation is one that the evaluator confirms."""
    found = broken(document, invariant)
    for one in found:
        assert f'"{invariant["says"]}"' in one.message
        if one.witness is not None:
            statements = [each for each in document["Statement"] if each.get("Effect") in ("Allow", "Deny")]
            policy = parse_policy({**document, "Statement": statements}, resource_based=True)
            asked = parse_request(one.witness)
            assert decide(asked, resource_policy=policy).decision == ("denied" if "who" in invariant else "allowed")
    return "proven" if not found else "undecided" if found[0].id == "undecided" else "refuted"


def test_ten_invariants_on_ten_policies() -> None:
    found = {(name, one["says"]): verdict(policy_of(name), one) for name in POLICIES for one in INVARIANTS}

    first = [found[POLICIES[0], one["says"]] for one in INVARIANTS]
    assert first == ["proven"] * 9 + ["refuted"]
    assert found["reader-cannot-decrypt--address/bad", "the responder reads what the trail wrote"] == "refuted"
    assert found["public--via-service/bad", "nobody of another account does anything"] == "refuted"
    assert found["people-encrypt/bad", "nobody but CloudTrail encrypts"] == "refuted"
    assert found["keeper-cannot-act/bad", "break glass repairs and deletes"] == "refuted"
    assert found["trail-cannot-encrypt--created-via-service/bad", "the trail encrypts"] == "refuted"
    assert found["cloudtrail-unconfined/bad", "CloudTrail encrypts for no other trail"] == "refuted"
    assert {found["unreadable-statement/bad", one["says"]] for one in INVARIANTS} >= {"undecided"}
    assert sorted({*found.values()}) == ["proven", "refuted", "undecided"]


def statement(document: dict[str, Any], sid: str) -> dict[str, Any]:
    return next(one for one in document["Statement"] if one["Sid"] == sid)


def allows(who: Any, action: str) -> Callable[[dict[str, Any]], None]:
    added = {"Sid": "Added", "Effect": "Allow", "Principal": who, "Action": action, "Resource": "*"}
    return lambda document: document["Statement"].append(added)


def denies(action: str, **element: Any) -> Callable[[dict[str, Any]], None]:
    added = {"Sid": "Added", "Effect": "Deny", "Principal": "*", "Action": action, "Resource": "*", **element}
    return lambda document: document["Statement"].append(added)


MUTATIONS: list[tuple[int, Callable[[dict[str, Any]], None]]] = [
    (0, allows({"AWS": f"{ROLE}/Other"}, "kms:De*")),
    (1, allows({"AWS": f"arn:aws:iam::{HOME}:user/ann"}, "kms:Generate*")),
    (2, allows({"AWS": f"{ROLE}/Keeper"}, "kms:Put*")),
    (3, allows({"Service": "rds.amazonaws.com"}, "kms:CreateGrant")),
    (4, allows({"AWS": "111122223333"}, "kms:DescribeKey")),
    (5, lambda document: statement(document, "TrailEncrypts").pop("Condition")),
    (6, denies("kms:GenerateDataKey", Condition={"StringNotEquals": {"aws:SourceVpc": "vpc-1"}})),
    (7, denies("kms:Decrypt", Condition={"Null": {"kms:ViaService": "false"}})),
    (8, denies("kms:ScheduleKeyDeletion")),
]


@pytest.mark.parametrize(("at", "mutate"), MUTATIONS, ids=[INVARIANTS[at]["says"] for at, _ in MUTATIONS])
def test_a_mutation_that_breaks_an_invariant_is_caught(at: int, mutate: Callable[[dict[str, Any]], None]) -> None:
    document = policy_of(POLICIES[0])
    assert verdict(document, INVARIANTS[at]) == "proven"
    mutate(document)

    assert verdict(document, INVARIANTS[at]) == "refuted"


def test_the_sentence_comes_back_with_the_request(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "invariants.yaml"
    file.write_text(yaml.safe_dump({"invariants": INVARIANTS[:1]}), encoding="utf-8")
    document = policy_of(POLICIES[0])
    allows({"AWS": f"{ROLE}/Other"}, "kms:Decrypt")(document)
    path = tmp_path / "policy.json"
    path.write_text(json.dumps(document), encoding="utf-8")

    arguments = ("audit", str(path), "--invariants", str(file), "--key-account", HOME, "--region", "eu-west-1")
    assert cli.run(arguments) == errors.CHECK_FAILED
    out = capsys.readouterr().out
    assert f'"nobody but the responder decrypts" is not so: {ROLE}/Other may call kms:Decrypt' in out
    assert f"  allowed: {ROLE}/Other kms:Decrypt" in out


def test_an_invariant_of_one_key_is_asked_of_that_key() -> None:
    key = {"Type": "AWS::KMS::Key", "Properties": {"KeyPolicy": policy_of("people-encrypt/bad")}}
    template = {"Resources": {"One": key, "Two": key}}

    found = broken(template, {**INVARIANTS[1], "key": "Two"})
    assert [one.location.logical_id for one in found] == ["Two"]


@pytest.mark.parametrize(
    ("one", "problems"),
    [
        ({"nobody_but": [], "may": "kms:Decrypt"}, ["says: missing"]),
        ({"says": "x", "nobody_but": [], "can": "kms:Decrypt"}, ["neither nobody_but with may, nor who with can"]),
        ({"says": "x", "nobody_but": [], "may": "kms:Decript"}, ["may: 'kms:Decript' matches no action", "did you mean kms:Decrypt?"]),
        ({"says": "x", "who": "Reader", "can": "kms:Decrypt"}, ["who: 'Reader' is not allowed here"]),
        ({"says": "x", "who": [], "can": "kms:Decrypt"}, ["who: empty"]),
        ({"says": "x", "nobody_butt": [], "may": "kms:Decrypt"}, ["nobody_butt: unknown", "did you mean nobody_but?"]),
        (
            {"says": "x", "who": HOME, "can": "kms:Decrypt", "where": {"aws:SourceVcp": "v", "kms:ViaService": 3}},
            ["where: aws:SourceVcp is not a condition key", "where: kms:ViaService: 3 is not allowed here"],
        ),
        ("nobody reads", ["not a mapping"]),
    ],
    ids=str,
)  # fmt: skip
def test_what_is_unclear_is_refused_with_all_problems(one: Any, problems: list[str]) -> None:
    with pytest.raises(PolicyError) as refused:
        broken(policy_of(POLICIES[0]), one)

    assert [problem for problem in problems if problem not in str(refused.value)] == []
    assert "invariants[0]: " in str(refused.value)
