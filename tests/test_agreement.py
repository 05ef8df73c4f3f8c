"""``audit``, ``decide`` and the prover agree: on random policies the audit finds what single requests show, and nothing else.

The prover answers for all requests that AWS may send; here those requests are written out one by one, and the evaluator, which knows
nothing of sets, decides each.
"""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from helpers import HOME, KEY, document
from trailkey.access.language.evaluate import decide
from trailkey.access.language.policy import parse_policy
from trailkey.access.language.request import parse_request
from trailkey.audit.registry import audit
from trailkey.aws import REGIONS, partition_of
from trailkey.findings import Location
from trailkey.intent.model import KeyIntent
from trailkey.inventory import ResourcePolicy

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

TRAIL = f"arn:aws:cloudtrail:us-east-1:{HOME}:trail/audit"
OTHER_TRAIL = f"arn:aws:cloudtrail:us-east-1:{HOME}:trail/other"
CONTEXT = "kms:EncryptionContext:aws:cloudtrail:arn"
READER = f"arn:aws:iam::{HOME}:role/Reader"
ADMIN = f"arn:aws:iam::{HOME}:role/Admin"
STRANGER = "arn:aws:iam::999999999999:role/Anyone"
ALLOW_ALL = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}
VALUES: dict[str, tuple[str, ...]] = {
    "aws:SourceArn": (TRAIL, OTHER_TRAIL, "arn:aws:cloudtrail:*:*:trail/*"),
    "aws:SourceAccount": (HOME, "111122223333"),
    CONTEXT: (TRAIL, f"arn:aws:cloudtrail:*:{HOME}:trail/*"),
    "kms:ViaService": (
        "s3.us-east-1.amazonaws.com",
        "s3.*.amazonaws.com",
        "ec2.us-east-1.amazonaws.com",
        "s3.amazonaws.com",
    ),
    "aws:SourceVpce": ("vpce-1",),
    "aws:SourceIp": ("198.51.100.0/24",),
    "aws:PrincipalOrgID": ("o-a1b2c3d4e5",),
    "aws:PrincipalArn": (READER, ADMIN, "arn:aws:iam::*:role/Re*"),
    "kms:CallerAccount": (HOME,),
}
OPERATORS = ("StringEquals", "StringNotEquals", "StringLike", "StringNotLike", "StringEqualsIfExists", "Null")
PRINCIPALS: tuple[Any, ...] = (
    "*",
    {"AWS": HOME},
    {"AWS": READER},
    {"AWS": [ADMIN, READER]},
    {"AWS": "111122223333"},
    {"Service": "cloudtrail.amazonaws.com"},
)
ACTIONS = ("kms:*", "kms:Decrypt", "kms:GenerateDataKey*", ["kms:DescribeKey", "kms:PutKeyPolicy"], "kms:De*")


@st.composite
def policies(draw: st.DrawFn) -> dict[str, Any]:
    statements = []
    for number in range(draw(st.integers(1, 5))):
        conditions: dict[str, Any] = {}
        for key in draw(st.lists(st.sampled_from(sorted(VALUES)), max_size=2, unique=True)):
            operator = draw(st.sampled_from(["NotIpAddress", "IpAddress"] if key == "aws:SourceIp" else OPERATORS))
            values = ("true", "false") if operator == "Null" else VALUES[key]
            conditions.setdefault(operator, {})[key] = draw(st.sampled_from(values))
        statement = {
            "Sid": f"S{number}",
            "Effect": draw(st.sampled_from(["Allow", "Allow", "Deny"])),
            "Principal": draw(st.sampled_from(PRINCIPALS)),
            "Action": draw(st.sampled_from(ACTIONS)),
            "Resource": "*",
        }
        statements.append({**statement, "Condition": conditions} if conditions else statement)
    return document(*statements)


def answers(policy: dict[str, Any], principal: str, action: str, context: Mapping[str, str]) -> bool:
    """Whether the evaluator allows one request, of a caller whose IAM policies allow everything."""
    request: dict[str, Any] = {"principal": principal, "action": action, "resource": KEY, "context": dict(context)}
    if principal.startswith("arn:"):
        request["identity_policies"] = [ALLOW_ALL]
    return (
        decide(parse_request(request), resource_policy=parse_policy(policy, resource_based=True)).decision == "allowed"
    )


def of_cloudtrail(policy: dict[str, Any], action: str) -> bool:
    """Whether CloudTrail's own call for the trail is allowed, as AWS documents it: with these keys, and without all others."""
    context = {"aws:SourceArn": TRAIL, "aws:SourceAccount": HOME}
    return answers(
        policy, "cloudtrail.amazonaws.com", action, {**context, CONTEXT: TRAIL} if "Data" in action else context
    )


def by_way_of_s3(policy: dict[str, Any]) -> bool:
    """Whether S3 may decrypt for the reader in some Region: no address and no endpoint comes with that."""
    regions = (region for region in REGIONS if partition_of(region) == "aws")
    ways = ({CONTEXT: TRAIL, "kms:ViaService": f"s3.{region}.amazonaws.com"} for region in regions)
    member: tuple[dict[str, str], ...] = (
        {},
        *({"aws:PrincipalOrgID": one} for one in ("o-a1b2c3d4e5", "o-z9y8x7w6v5")),
    )
    return any(answers(policy, READER, "kms:Decrypt", way | org) for way in ways for org in member)


def contexts(*, own: bool) -> Iterator[dict[str, str]]:
    """Every combination of what people's requests may carry of the keys in question; strangers have no network of ours."""
    choices: dict[str, tuple[str | None, ...]] = {
        "aws:SourceVpce": (None, "vpce-9", "vpce-1") if own else (None, "vpce-9"),
        "aws:SourceIp": (None, "198.51.100.1", "203.0.113.1"),
        "aws:PrincipalOrgID": (None, "o-z9y8x7w6v5", "o-a1b2c3d4e5") if own else (None, "o-z9y8x7w6v5"),
        "kms:ViaService": (
            None,
            "s3.us-east-1.amazonaws.com",
            "ec2.us-east-1.amazonaws.com",
            "sns.eu-west-1.amazonaws.com",
        ),
    }
    for values in itertools.product(*choices.values()):
        found = {key: value for key, value in zip(choices, values, strict=True) if value is not None}
        if not ("kms:ViaService" in found and found.keys() & {"aws:SourceVpce", "aws:SourceIp"}):
            yield found


def replaceable(policy: dict[str, Any]) -> bool:
    callers = (
        READER,
        ADMIN,
        f"arn:aws:iam::{HOME}:role/Anyone",
        f"arn:aws:iam::{HOME}:role/Rex",
        f"arn:aws:iam::{HOME}:root",
    )
    return any(answers(policy, who, "kms:PutKeyPolicy", context) for who in callers for context in contexts(own=True))


def open_to_strangers(policy: dict[str, Any]) -> bool:
    """Whether somebody of an account that the policy does not name may decrypt, under whatever name their role has."""
    ways = [{**context, **trail} for context in contexts(own=False) for trail in ({}, {CONTEXT: TRAIL})]
    names = (STRANGER, STRANGER.replace("Anyone", "Rex"), STRANGER.replace("Anyone", "Admin"))
    return any(answers(policy, who, "kms:Decrypt", context) for who in names for context in ways)


def agree(policy: dict[str, Any]) -> None:
    found = ResourcePolicy(location=Location(file="policy"), document=policy, arn=KEY, account=HOME)
    ids: dict[str, list[str]] = {}
    for one in audit(found, KeyIntent(trails=(TRAIL,), readers=(READER,))):
        ids.setdefault(one.id, []).append(f"{one.severity} {(one.witness or {}).get('action')}")
        if one.witness is not None:
            asked = decide(parse_request(one.witness), resource_policy=parse_policy(policy, resource_based=True))
            assert asked.decision == one.witness_decision, (one.message, one.witness)
    assert "undecided" not in ids
    assert ("trail-cannot-encrypt" in ids) != of_cloudtrail(policy, "kms:GenerateDataKey")
    assert ("trail-cannot-describe" in ids) != of_cloudtrail(policy, "kms:DescribeKey")
    assert ("reader-cannot-decrypt" in ids) != by_way_of_s3(policy)
    assert ("locked-out" in ids) != replaceable(policy)
    if open_to_strangers(policy):
        assert any(one.startswith("error") for one in ids.get("public", [])), policy


HEALTH = [HealthCheck.too_slow, HealthCheck.data_too_large]


@settings(suppress_health_check=HEALTH)
@given(policies())
def test_audit_decide_and_prover_agree(policy: dict[str, Any]) -> None:
    agree(policy)
