"""What a denied request misses: the statement that was meant to allow it, and each thing of it that does not match."""

from __future__ import annotations

from typing import Any

import pytest

from helpers import AWAY, CONTEXT, HOME, READER, TRAIL, Document, allow, deny, document, policy
from trailkey.access.language.nearest import nearest
from trailkey.access.language.request import parse_request

ROOT, AWAY_ROOT = {"AWS": f"arn:aws:iam::{HOME}:root"}, {"AWS": f"arn:aws:iam::{AWAY}:root"}
ANYONE = f"arn:aws:iam::{HOME}:role/Anyone"
VIA = {"kms:ViaService": "s3.us-east-1.amazonaws.com"}
READS = allow(AWAY_ROOT, sid="Reads", ArnLike={"aws:PrincipalArn": READER}, StringEquals=VIA)
ENCRYPTS = allow(
    {"Service": "cloudtrail.amazonaws.com"},
    "kms:GenerateDataKey*",
    sid="Encrypts",
    StringEquals={"aws:SourceArn": TRAIL},
    StringLike={CONTEXT: TRAIL},
)
MANAGES = allow(ROOT, "kms:PutKeyPolicy", sid="Manages", ArnLike={"aws:PrincipalArn": f"{ANYONE}-else"})
IAM_DECRYPTS = document({"Effect": "Allow", "Action": "kms:Decrypt", "Resource": "*"})


def misses(request: Document, *statements: Document) -> dict[str | int, list[str]]:
    """What is unmet of each nearest statement: the element, or of a condition its key."""
    found = nearest(parse_request(request, key_account=HOME), resource_policy=policy(*statements))
    return {
        miss.statement.name: [part.condition.key if part.condition else part.element for part in miss.unmet]
        for miss in found
    }


def asks(principal: str, action: str = "kms:Decrypt", **more: Any) -> Document:
    return {"principal": principal, "action": action, **more}


@pytest.mark.parametrize(
    ("request_", "missed"),
    [
        (asks(READER), {"Reads": ["kms:ViaService", "identity_policies"]}),
        (asks(READER, context=VIA), {"Reads": ["identity_policies"]}),
        (asks(READER, identity_policies=[IAM_DECRYPTS]), {"Reads": ["kms:ViaService"]}),
        (
            asks(f"{READER}2", context=VIA, identity_policies=[IAM_DECRYPTS]),
            {"Reads": ["aws:PrincipalArn"]},
        ),
        (
            asks("cloudtrail.amazonaws.com", "kms:GenerateDataKey", context={"aws:SourceArn": f"{TRAIL}2"}),
            {"Encrypts": ["aws:SourceArn", CONTEXT]},
        ),
        (asks("cloudtrail.amazonaws.com", "kms:Encrypt"), {"Encrypts": ["Action", "aws:SourceArn", CONTEXT]}),
        (asks("config.amazonaws.com", "kms:GenerateDataKey", context={CONTEXT: TRAIL, "aws:SourceArn": TRAIL}), {"Encrypts": ["Principal"]}),
        (asks(READER, "kms:PutKeyPolicy"), {"Manages": ["Principal", "account", "aws:PrincipalArn"]}),
        (asks("config.amazonaws.com", "kms:Encrypt"), {}),
    ],
)  # fmt: skip
def test_nearest_is_the_statement_that_was_meant_with_all_that_it_misses(
    request_: Document, missed: dict[str, list[str]]
) -> None:
    assert misses(request_, ENCRYPTS, READS, MANAGES) == missed


def test_what_is_lacking_is_nearer_than_what_contradicts() -> None:
    other = allow(AWAY_ROOT, sid="Other", ArnLike={"aws:PrincipalArn": f"{READER}2"})
    request = asks(READER, identity_policies=[IAM_DECRYPTS])

    assert misses(request, other, READS) == {"Reads": ["kms:ViaService"]}
    assert misses(request, other) == {"Other": ["aws:PrincipalArn"]}


def test_a_statement_that_denies_or_cannot_be_judged_is_not_near() -> None:
    judged_never = allow(AWAY_ROOT, sid="Varies", StringLike={"kms:ViaService": "${aws:CalledVia}"})
    request = asks(READER, context={**VIA, "aws:CalledVia": ["a.amazonaws.com", "b.amazonaws.com"]})

    assert misses(request, deny(AWAY_ROOT, sid="Denies"), judged_never) == {}


def test_at_most_three_that_are_equally_near() -> None:
    equal = [allow(ROOT, sid=f"S{number}", StringEquals=VIA) for number in range(5)]

    assert list(misses(asks(ANYONE), *equal)) == ["S0", "S1", "S2"]


def test_resource_that_is_not_among_them_and_one_that_is_not_named() -> None:
    key = f"arn:aws:kms:us-east-1:{HOME}:key/one"
    one = {**allow({"AWS": READER}, sid="One"), "Resource": key}

    assert misses(asks(READER, resource=f"{key}-more"), one) == {"One": ["Resource", "identity_policies"]}
    assert misses(asks(READER), one) == {"One": ["Resource", "identity_policies"]}
    assert misses(asks(READER, resource=key), one) == {"One": ["identity_policies"]}


def test_level_of_scps_that_does_not_allow_is_asked_before_the_key_policy() -> None:
    everything = document({"Effect": "Allow", "Action": "*", "Resource": "*"})
    only_s3 = document({"Sid": "OnlyS3", "Effect": "Allow", "Action": "s3:*", "Resource": "*"})
    request = asks(ANYONE, scps=[[everything], [only_s3]])
    (miss,) = nearest(parse_request(request, key_account=HOME), resource_policy=policy(allow(ROOT)))

    assert (miss.policy, miss.statement.name, [part.element for part in miss.unmet]) == (
        "scps[1]",
        "OnlyS3",
        ["Action"],
    )
