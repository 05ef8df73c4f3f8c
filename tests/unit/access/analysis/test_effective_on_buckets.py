"""Bucket policies as sets of requests, held against the evaluator request by request: IAM policies allow alone at home there."""

from __future__ import annotations

from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from helpers import ADMIN, AWAY, HOME, READER, policy
from trailkey.access.algebra.languages import texts
from trailkey.access.algebra.request_sets import PROVEN, REFUTED
from trailkey.access.analysis.effective import allowed
from trailkey.access.analysis.prove import covers, excludes, region
from trailkey.access.analysis.resource import bucket_scope
from trailkey.access.analysis.witnesses import ALLOW_ALL
from trailkey.access.language.evaluate import decide
from trailkey.access.language.request import parse_request

BUCKET = "arn:aws:s3:::logs"
SCOPE = bucket_scope(BUCKET, HOME)
SESSION = f"arn:aws:sts::{AWAY}:assumed-role/Reader/me"
CALLERS = (
    *(READER, ADMIN, SESSION, f"arn:aws:iam::{HOME}:root", f"arn:aws:iam::{AWAY}:root"),
    *(f"arn:aws:iam::{HOME}:user/Ann", f"arn:aws:iam::{AWAY}:user/Ann", "cloudtrail.amazonaws.com"),
)
ACTIONS = ("s3:GetObject", "s3:PutObject", "s3:ListBucket", "s3:GetBucketAcl")
RESOURCES = (BUCKET, f"{BUCKET}/AWSLogs/{HOME}/a", f"{BUCKET}/AWSLogs/{AWAY}/a", f"{BUCKET}/other")
PRINCIPALS = (
    *("*", {"AWS": HOME}, {"AWS": f"arn:aws:iam::{AWAY}:root"}, {"AWS": [READER, ADMIN]}, {"AWS": SESSION}),
    {"Service": "cloudtrail.amazonaws.com"},
)
CONDITIONS: tuple[dict[str, Any], ...] = (
    {},
    {"Bool": {"aws:SecureTransport": "false"}},
    {"StringLike": {"aws:PrincipalArn": "arn:aws:iam::*:role/*"}},
    {"StringNotEquals": {"aws:PrincipalAccount": HOME}},
    {"StringEqualsIfExists": {"s3:x-amz-acl": "bucket-owner-full-control"}},
    {"Null": {"aws:username": "false"}},
)
STATEMENTS = st.builds(
    lambda effect, principal, acts, resources, condition: {
        "Effect": effect,
        "Principal": principal,
        **acts,
        **resources,
        "Condition": condition,
    },
    st.sampled_from(["Allow", "Allow", "Deny"]),
    st.sampled_from(PRINCIPALS),
    st.sampled_from([{"Action": "s3:*"}, {"Action": ["s3:Get*"]}, {"NotAction": "s3:put*"}]),
    st.sampled_from(
        [
            {"Resource": [BUCKET, f"{BUCKET}/*"]},
            {"Resource": f"{BUCKET}/AWSLogs/*"},
            {"NotResource": f"{BUCKET}/AWSLogs/{HOME}/*"},
            {"Resource": f"{BUCKET}/AWSLogs/${{aws:PrincipalAccount}}/*"},
        ]
    ),
    st.sampled_from(CONDITIONS),
)
KEYS = st.fixed_dictionaries(
    {"aws:SecureTransport": st.sampled_from(["true", "false"])},
    optional={"s3:x-amz-acl": st.sampled_from(["bucket-owner-full-control", "private"])},
)
REQUESTS = st.builds(
    lambda principal, action, resource, context, own: {
        "principal": principal,
        "action": action,
        "resource": resource,
        "context": context,
        "identity_policies": [ALLOW_ALL] if own else [],
    },
    st.sampled_from(CALLERS),
    st.sampled_from(ACTIONS),
    st.sampled_from(RESOURCES),
    KEYS,
    st.booleans(),
)


@settings(suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(STATEMENTS, min_size=1, max_size=3), st.lists(REQUESTS, min_size=8, max_size=8))
def test_membership_is_what_the_evaluator_decides(
    statements: list[dict[str, Any]], asked: list[dict[str, Any]]
) -> None:
    under = policy(*statements)
    found = allowed(under, SCOPE, sessions=[SESSION])
    for document in asked:
        where = {
            "principal": (document["principal"],),
            "action": (document["action"],),
            "resource": (document["resource"],),
            "identity": ("yes" if document["identity_policies"] else "no",),
            **{key.casefold(): (value,) for key, value in document["context"].items()},
        }
        inside, outside = found.allow.admits(where), found.deny.admits(where)
        if inside is None or outside is None:
            continue  # a variable with many values; what is not known is never taken for proven
        decision = decide(parse_request(document, key_account=HOME), resource_policy=under).decision
        assert (inside and not outside) == (decision == "allowed"), document


@settings(suppress_health_check=[HealthCheck.too_slow])
@given(
    st.lists(STATEMENTS, min_size=1, max_size=3),
    st.sampled_from(CALLERS[:2] + CALLERS[3:]),
    st.sampled_from(ACTIONS),
    st.sampled_from(RESOURCES),
)
def test_the_evaluator_agrees_with_every_witness(
    statements: list[dict[str, Any]], caller: str, action: str, resource: str
) -> None:
    under = policy(*statements)
    found = allowed(under, SCOPE)
    within = region(principals=texts(caller), actions=[action], resources=texts(resource))
    for answer, decision in ((excludes(found, within), "allowed"), (covers(found, within), "denied")):
        if answer.verdict == REFUTED:
            assert answer.witness is not None
            request = parse_request(dict(answer.witness), key_account=HOME)
            assert decide(request, resource_policy=under).decision == decision
    if excludes(found, within).verdict == PROVEN:
        assert not covers(found, within)
