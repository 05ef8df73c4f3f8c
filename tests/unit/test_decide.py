"""Requests put to the policies of a deployment: which policy is asked, and where none is."""

from __future__ import annotations

import json
from typing import Any

import pytest

from trailkey.decide import answers_of_deployment
from trailkey.errors import PolicyError
from trailkey.findings import Location
from trailkey.inventory import PolicySet, Resource, ResourcePolicy

HOME, LAKE = "222222222222", "333333333333"
LOGS = "arn:aws:s3:::logs"


def resource_policy(name: str, arn: str, account: str, action: str) -> ResourcePolicy:
    """A policy that allows an AWS service one action, by a statement with the resource's name."""
    allow = {"Sid": name, "Effect": "Allow", "Principal": {"Service": "sns.amazonaws.com"}, "Action": action}
    document = {"Version": "2012-10-17", "Statement": {**allow, "Resource": "*" if action == "kms:Decrypt" else arn}}
    return ResourcePolicy(location=Location(file="t", logical_id=name), document=document, arn=arn, account=account)


def key(name: str, account: str) -> ResourcePolicy:
    return resource_policy(name, f"arn:aws:kms:us-east-1:{account}:key/{name}", account, "kms:Decrypt")


def trail(key_arn: str) -> Resource:
    return Resource(
        kind="AWS::CloudTrail::Trail",
        location=Location(file="t", logical_id="Trail"),
        arn="arn:aws:cloudtrail:us-east-1:111111111111:trail/t",
        account="111111111111",
        region="us-east-1",
        properties={"KMSKeyId": key_arn, "S3BucketName": "logs"},
    )


TRAIL_KEY, OTHER_KEY, LAKE_KEY = key("trails", HOME), key("other", HOME), key("lake", LAKE)
POLICIES = PolicySet(
    what="output/one",
    keys=(LAKE_KEY, OTHER_KEY, TRAIL_KEY),
    buckets=(
        resource_policy("access-logs", "arn:aws:s3:::logs-access-logs", HOME, "s3:ListBucket"),
        resource_policy("logs", LOGS, HOME, "s3:ListBucket"),
    ),
    resources=(trail(TRAIL_KEY.arn),),
)


def statements(policies: PolicySet, **request: Any) -> tuple[str | int, ...]:
    text = json.dumps({"principal": "sns.amazonaws.com", **request})
    (answer,) = answers_of_deployment(policies, (text, "requests.json"))
    return answer.statements


@pytest.mark.parametrize(
    ("action", "resource", "asked"),
    [
        ("kms:Decrypt", None, "trails"),
        ("kms:Decrypt", f"arn:aws:kms:us-east-1:{HOME}:key/known-after-deployment", "trails"),
        ("kms:Decrypt", OTHER_KEY.arn, "other"),
        ("kms:Decrypt", LAKE_KEY.arn, "lake"),
        ("kms:Decrypt", f"arn:aws:kms:us-east-1:{LAKE}:key/known-after-deployment", "lake"),
        ("s3:ListBucket", None, "logs"),
        ("s3:ListBucket", "arn:aws:s3:::logs-access-logs", "access-logs"),
    ],
)
def test_policy_of_what_a_request_names_is_asked(action: str, resource: str | None, asked: str) -> None:
    named = {} if resource is None else {"resource": resource}

    assert statements(POLICIES, action=action, **named) == (asked,)


@pytest.mark.parametrize(
    ("request_", "resource", "can_be_asked"),
    [
        (
            {"action": "kms:Decrypt", "resource": "arn:aws:kms:us-east-1:444444444444:key/k"},
            "arn:aws:kms:us-east-1:444444444444:key/k",
            " or ".join(one.arn for one in POLICIES.keys),
        ),
        (
            {"action": "s3:GetObject", "resource": "arn:aws:s3:::logs-copy/a"},
            "arn:aws:s3:::logs-copy/a",
            " or ".join(one.arn for one in POLICIES.buckets),
        ),
    ],
    ids=["key", "bucket"],
)
def test_what_no_policy_is_about_is_an_error(request_: dict[str, str], resource: str, can_be_asked: str) -> None:
    with pytest.raises(PolicyError) as refused:
        statements(POLICIES, **request_)

    assert str(refused.value) == (
        f"requests.json: request 1: resource: {resource}: which policy of output/one is asked is not known; "
        f"{can_be_asked} can be asked; name one of them"
    )


def test_trails_with_several_keys_ask_which() -> None:
    several = PolicySet(what="t", keys=POLICIES.keys, resources=(trail(TRAIL_KEY.arn), trail(OTHER_KEY.arn)))

    with pytest.raises(PolicyError, match="request 1: resource: missing: which policy of t is asked is not known"):
        statements(several, action="kms:Decrypt")


def test_action_of_another_service_is_an_error() -> None:
    with pytest.raises(PolicyError, match="there is no policy of sns to ask; actions of kms, s3 are allowed"):
        statements(POLICIES, action="sns:Publish")
