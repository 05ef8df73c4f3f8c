"""Two policies compared: rows as a reader gets them, exact in what they find, and never equal where that is undecided."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import helpers
from helpers import ADMIN, AWAY, CONTEXT, HOME, KEY, READER, TRAIL, Document, allow, deny
from trailkey.access.analysis.prove import universe
from trailkey.access.analysis.resource import bucket_scope, key_scope
from trailkey.access.language.evaluate import decide
from trailkey.access.language.request import parse_request
from trailkey.diff.changes import NOBODY, Question, changes
from trailkey.diff.rows import Grantee, Row, Where, merged
from trailkey.reports.diff import actions_text, condition_text, principal_text, row_json

if TYPE_CHECKING:
    from collections.abc import Sequence

    from trailkey.access.language.policy import Policy
    from trailkey.diff.rows import Change

SCOPE = key_scope(KEY)
VIA: Document = {"kms:ViaService": "s3.us-east-1.amazonaws.com"}
ALLOW_ALL = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}


def policy(*statements: Document) -> Policy:
    return helpers.policy(*statements) if statements else NOBODY


def rows(old: Sequence[Document], new: Sequence[Document]) -> list[tuple[str, str, str, str]]:
    """The rows as change, principal, actions and condition."""
    found, unknown = changes(Question(old=policy(*old), new=policy(*new), scope=SCOPE))
    assert unknown == []
    return [texts_of(row) for row in merged(found, [Where()])]


def texts_of(row: Row) -> tuple[str, str, str, str]:
    return row.change, principal_text(row), actions_text(row), condition_text(replace(row, other=None))


ROOT = {"AWS": f"arn:aws:iam::{HOME}:root"}
AWAY_ROOT = {"AWS": f"arn:aws:iam::{AWAY}:root"}
BASE = [allow(ROOT, "kms:DescribeKey"), allow(AWAY_ROOT, ArnLike={"aws:PrincipalArn": READER}, StringEquals=VIA)]
DATA_KEYS = "kms:GenerateDataKey, kms:GenerateDataKeyPair, kms:GenerateDataKeyPairWithoutPlaintext, kms:GenerateDataKeyWithoutPlaintext"


# Rows


@pytest.mark.parametrize(
    ("added", "expected"),
    [
        (allow({"AWS": ADMIN}), (f"role {ADMIN}", "kms:Decrypt", "")),
        (allow({"AWS": READER}), (f"role {READER}", "kms:Decrypt", "their IAM policy allows it; a part of it was allowed before")),
        (
            allow({"AWS": f"arn:aws:iam::{HOME}:user/Ann"}),
            (f"user arn:aws:iam::{HOME}:user/Ann", "kms:Decrypt", ""),
        ),
        (
            allow(ROOT, ["kms:Decrypt", "kms:PutKeyPolicy"]),
            (f"any principal of account {HOME} whose IAM policies allow it", "kms:Decrypt, kms:PutKeyPolicy", ""),
        ),
        (
            allow(ROOT, "kms:PutKeyPolicy", ArnLike={"aws:PrincipalArn": f"arn:aws:iam::{HOME}:root"}),
            (f"the root user of account {HOME}", "kms:PutKeyPolicy", ""),
        ),
        (
            allow({"AWS": "444444444444"}, ["kms:Decrypt", "kms:PutKeyPolicy"]),
            ("any principal of account 444444444444 whose IAM policies allow it", "kms:Decrypt", ""),
        ),
        (
            allow(AWAY_ROOT, ArnLike={"aws:PrincipalArn": f"arn:aws:iam::{AWAY}:role/sso/*_Analyst_*"}),
            (f"principals like arn:aws:iam::{AWAY}:role/sso/*_Analyst_*", "kms:Decrypt", "their IAM policy allows it"),
        ),
        (
            allow({"Service": "cloudtrail.amazonaws.com"}, "kms:GenerateDataKey*", StringEquals={"aws:SourceArn": TRAIL}),
            ("cloudtrail.amazonaws.com", DATA_KEYS, f"aws:SourceArn is {TRAIL}"),
        ),
        (
            allow("*", StringEquals={"kms:CallerAccount": HOME, **VIA}),
            (f"any principal of account {HOME}", "kms:Decrypt", "kms:ViaService is s3.us-east-1.amazonaws.com"),
        ),
        (
            allow("*", StringEquals={"aws:PrincipalOrgID": "o-a1b2c3d4e5"}),
            ("any principal of any account", "kms:Decrypt", "aws:PrincipalOrgID is o-a1b2c3d4e5; a part of it was allowed before"),
        ),
        (
            allow("*", StringNotEquals={"aws:PrincipalAccount": HOME}, StringEquals={"aws:PrincipalOrgID": "o-a1b2c3d4e5"}),
            (
                f"any principal outside account {HOME} whose IAM policies allow it",
                "kms:Decrypt",
                "aws:PrincipalOrgID is o-a1b2c3d4e5; a part of it was allowed before",
            ),
        ),
        (allow("*", "kms:*"), ("anyone", "every action", "a part of it was allowed before")),
        (
            allow({"AWS": f"arn:aws:sts::{HOME}:assumed-role/Admin/me"}),
            (f"session arn:aws:sts::{HOME}:assumed-role/Admin/me", "kms:Decrypt", ""),
        ),
        (
            allow({"AWS": ADMIN}, "kms:CreateGrant", Bool={"kms:GrantIsForAWSResource": "false"}),
            (f"role {ADMIN}", "kms:CreateGrant", "kms:GrantIsForAWSResource is false"),
        ),
    ],
)  # fmt: skip
def test_statement_that_is_added_is_one_row_and_lost_when_it_goes(
    added: Document, expected: tuple[str, str, str]
) -> None:
    with_it, without = [*BASE, added], BASE

    assert rows(without, with_it) == [("gained", *expected)]
    lost = expected[2].replace("was allowed before", "is still allowed")
    assert rows(with_it, without) == [("lost", expected[0], expected[1], lost)]


@pytest.mark.parametrize(
    "other",
    [
        list(reversed(BASE)),
        [{**statement, "Sid": f"S{number}"} for number, statement in enumerate(BASE)],
        [*BASE, *BASE],
        [
            *BASE,
            allow(
                AWAY_ROOT, ArnLike={"aws:PrincipalArn": READER}, StringEquals={**VIA, "aws:PrincipalTag/team": "audit"}
            ),
        ],
        [BASE[0], allow({"AWS": AWAY}, "KMS:decrypt", ArnEquals={"aws:principalarn": [READER]}, StringLike=VIA)],
        [allow(ROOT, ["kms:DescribeK?y"]), BASE[1]],
        [*BASE, deny("*", "kms:Encrypt")],
        [*BASE, allow({"AWS": AWAY}, "kms:PutKeyPolicy")],
    ],
    ids=["order", "Sids", "twice", "narrower beside it", "spelling", "wildcard", "Deny of nothing", "without effect"],
)
def test_wording_and_order_are_no_difference(other: list[Document]) -> None:
    assert rows(BASE, other) == []
    assert rows(other, BASE) == []


def test_dropped_guard_says_what_is_allowed_now() -> None:
    unguarded = [BASE[0], allow(AWAY_ROOT, ArnLike={"aws:PrincipalArn": READER})]

    assert rows(BASE, unguarded) == [
        ("gained", f"role {READER}", "kms:Decrypt", "their IAM policy allows it; a part of it was allowed before")
    ]


def test_changed_guard_is_gained_and_lost() -> None:
    changed = [
        BASE[0],
        allow(AWAY_ROOT, ArnLike={"aws:PrincipalArn": READER}, StringEquals={"kms:ViaService": "athena.us-east-1.amazonaws.com"}),
    ]  # fmt: skip

    assert rows(BASE, changed) == [
        ("gained", f"role {READER}", "kms:Decrypt", "kms:ViaService is athena.us-east-1.amazonaws.com and their IAM policy allows it"),
        ("lost", f"role {READER}", "kms:Decrypt", "kms:ViaService is s3.us-east-1.amazonaws.com and their IAM policy allows it"),
    ]  # fmt: skip


def test_deny_that_is_added_takes_away_and_gives_back_when_it_goes() -> None:
    denying = [*BASE, deny(ROOT, "kms:DescribeKey", ArnLike={"aws:PrincipalArn": ADMIN})]

    assert rows(BASE, denying) == [("lost", f"role {ADMIN}", "kms:DescribeKey", "their IAM policy allows it")]
    assert rows(denying, BASE) == [("gained", f"role {ADMIN}", "kms:DescribeKey", "their IAM policy allows it")]


def test_whom_a_deny_names_is_left_out_of_everyone() -> None:
    denying = [*BASE, deny(ROOT, "kms:Decrypt", ArnLike={"aws:PrincipalArn": ADMIN})]

    assert rows(denying, [*denying, allow("*")]) == [
        ("gained", f"anyone, except role {ADMIN}", "kms:Decrypt", "a part of it was allowed before")
    ]


def test_row_names_only_the_roles_that_lose() -> None:
    both = {"aws:PrincipalArn": [ADMIN, f"arn:aws:iam::{HOME}:role/Deploy"]}
    one = {"aws:PrincipalArn": ADMIN}

    assert rows([allow(ROOT, ArnLike=both)], [allow(ROOT, ArnLike=one)]) == [
        ("lost", f"role arn:aws:iam::{HOME}:role/Deploy", "kms:Decrypt", "their IAM policy allows it")
    ]


def test_roles_below_a_pattern_that_are_added_are_named_without_those_there_were() -> None:
    """Patterns have no end of callers: they are told from each other by the pattern, and several are a row each."""

    def below(name: str) -> Document:
        return allow(AWAY_ROOT, ArnLike={"aws:PrincipalArn": f"arn:aws:iam::{AWAY}:role/{name}-*"}, StringEquals=VIA)

    old = [*BASE, below("old")]
    terms = "kms:Decrypt", "kms:ViaService is s3.us-east-1.amazonaws.com and their IAM policy allows it"

    def gained(*names: str) -> list[tuple[str, str]]:
        found = rows(old, [*old, *map(below, names)])
        assert [(change, actions) for change, _, actions, _ in found] == [("gained", terms[0])] * len(found)
        return [(who, condition.partition(";")[0]) for _, who, _, condition in found]

    assert gained("new") == [(f"principals like arn:aws:iam::{AWAY}:role/new-*", terms[1])]
    assert gained("new", "third") == [
        (f"principals like arn:aws:iam::{AWAY}:role/new-*", terms[1]),
        (f"principals like arn:aws:iam::{AWAY}:role/third-*", terms[1]),
    ]


def test_actions_of_one_caller_under_one_condition_are_one_row() -> None:
    added = [allow({"AWS": ADMIN}, "kms:Decrypt"), allow({"AWS": ADMIN}, ["kms:Sign", "kms:DescribeKey"])]

    assert rows([], added) == [("gained", f"role {ADMIN}", "kms:Decrypt, kms:DescribeKey, kms:Sign", "")]


def test_row_as_json_has_the_five_keys_of_the_contract() -> None:
    found, _ = changes(Question(old=NOBODY, new=policy(allow(AWAY_ROOT, StringEquals=VIA)), scope=SCOPE))

    assert [row_json(row) for row in found] == [
        {
            "change": "gained",
            "principal": f"any principal of account {AWAY} whose IAM policies allow it",
            "actions": ["kms:Decrypt"],
            "condition": "kms:ViaService is s3.us-east-1.amazonaws.com",
            "witness": {
                "principal": f"arn:aws:iam::{AWAY}:role/Anyone",
                "action": "kms:Decrypt",
                "resource": KEY,
                "context": VIA,
                "identity_policies": [ALLOW_ALL],
            },
        }
    ]


def test_bucket_policy_is_compared_with_its_owners_account() -> None:
    scope = bucket_scope("arn:aws:s3:::logs", HOME)
    statement = {
        "Effect": "Allow",
        "Principal": AWAY_ROOT,
        "Action": "s3:GetObject",
        "Resource": "arn:aws:s3:::logs/AWSLogs/*",
    }
    insecure = {
        "Effect": "Deny",
        "Principal": "*",
        "Action": "s3:*",
        "Resource": ["arn:aws:s3:::logs", "arn:aws:s3:::logs/*"],
        "Condition": {"Bool": {"aws:SecureTransport": "false"}},
    }
    found, _ = changes(Question(old=policy(insecure), new=policy(statement, insecure), scope=scope))

    assert [row_json(row) for row in found] == [
        {
            "change": "gained",
            "principal": f"any principal of account {AWAY} whose IAM policies allow it",
            "actions": ["s3:GetObject"],
            "condition": "aws:SecureTransport is not false and the resource is like arn:aws:s3:::logs/AWSLogs/*",
            "witness": {
                "principal": f"arn:aws:iam::{AWAY}:role/Anyone",
                "action": "s3:GetObject",
                "resource": "arn:aws:s3:::logs/AWSLogs/other",
                "context": {"aws:ResourceAccount": HOME},
                "identity_policies": [ALLOW_ALL],
            },
        }
    ]


def test_merging_keeps_rows_of_different_changes_apart() -> None:
    def row(change: Change, *actions: str) -> Row:
        return Row(change=change, who=(Grantee(name="p"),), actions=actions, witness={"action": actions[0]})

    found = merged([row("gained", "b"), row("lost", "a"), row("gained", "a")], [Where()])

    assert found == [replace(row("gained", "a", "b"), witness={"action": "b"}), row("lost", "a")]


def test_named_callers_of_one_grant_are_one_row_of_any_statements() -> None:
    deploy = f"arn:aws:iam::{HOME}:role/Deploy"
    added = [allow({"AWS": ADMIN}), allow({"AWS": deploy}), allow({"Service": "sns.amazonaws.com"})]

    assert rows([], added) == [
        ("gained", f"role {ADMIN}, role {deploy}", "kms:Decrypt", ""),
        ("gained", "sns.amazonaws.com", "kms:Decrypt", ""),
    ]


def test_whom_a_deny_names_for_some_actions_only_is_a_row_of_the_others() -> None:
    roles = {"aws:PrincipalArn": "arn:aws:iam::*:role/*"}
    old = [allow("*", "kms:*"), deny(AWAY_ROOT, "kms:D*", ArnLike=roles)]

    assert {change for change, *_ in rows(old, [allow(ROOT, "kms:*")])} == {"lost"}


# What is undecided

OPEN = allow(ROOT, StringEquals={"aws:PrincipalTag/team": "${aws:RequestTag/team}"})


def test_what_cannot_be_decided_is_unknown_and_not_equal() -> None:
    found, unknown = changes(Question(old=policy(*BASE), new=policy(*BASE, OPEN), scope=SCOPE))

    assert found == []
    assert unknown == [
        "whether access is gained: statement 2: aws:PrincipalTag/team is compared with the policy variable ${aws:requesttag/team}, which can have many values"
    ]


def test_undecidable_statement_that_nobody_touched_leaves_nothing_open() -> None:
    assert rows([OPEN, BASE[0]], [BASE[0], {**OPEN, "Sid": "Named"}]) == []
    assert rows([OPEN], [OPEN, allow({"AWS": ADMIN}, "kms:Sign")]) == [("gained", f"role {ADMIN}", "kms:Sign", "")]


def test_undecidable_statement_may_be_written_otherwise() -> None:
    one, other = {**OPEN, "Action": ["kms:Decrypt", "kms:Sign"]}, {**OPEN, "Action": ["KMS:sign", "kms:Decrypt"]}

    assert rows([one], [other]) == []


# Against the evaluator, request by request

CALLERS = (
    f"arn:aws:iam::{HOME}:root",
    ADMIN,
    f"arn:aws:iam::{HOME}:user/team/Ann",
    f"arn:aws:iam::{AWAY}:root",
    READER,
    "cloudtrail.amazonaws.com",
    "sns.amazonaws.com",
)
ACTIONS = ("kms:Decrypt", "kms:DescribeKey", "kms:GenerateDataKey", "kms:PutKeyPolicy")
CONDITIONS: tuple[Document, ...] = (
    {},
    {"StringEquals": {"aws:SourceArn": TRAIL}},
    {"StringNotEquals": {"kms:ViaService": "s3.us-east-1.amazonaws.com"}},
    {"StringLike": {CONTEXT: f"arn:aws:cloudtrail:*:{HOME}:trail/*"}},
    {"ArnLike": {"aws:PrincipalArn": "arn:aws:iam::*:role/*"}},
    {"StringEqualsIfExists": {"aws:PrincipalOrgID": "o-a1b2c3d4e5"}},
    {"Bool": {"kms:BypassPolicyLockoutSafetyCheck": "true"}},
    {"ForAnyValue:StringLike": {"aws:PrincipalOrgPaths": "o-a1b2c3d4e5/*"}},
)
VALUES: dict[str, tuple[Any, ...]] = {
    "aws:SourceArn": (None, TRAIL),
    "kms:ViaService": (None, "s3.us-east-1.amazonaws.com", "sns.us-east-1.amazonaws.com"),
    CONTEXT: (None, TRAIL, "other"),
    "aws:PrincipalOrgID": (None, "o-a1b2c3d4e5", "o-z9y8x7w6v5"),
    "kms:BypassPolicyLockoutSafetyCheck": (None, "true", "false"),
    "aws:PrincipalOrgPaths": (None, ["o-a1b2c3d4e5/r-ab12/"]),
}
PRINCIPALS: tuple[Any, ...] = ("*", ROOT, AWAY_ROOT, {"AWS": [ADMIN, READER]}, {"Service": "cloudtrail.amazonaws.com"})


@st.composite
def statements(draw: st.DrawFn) -> Document:
    effect = draw(st.sampled_from((allow, allow, deny)))
    actions = draw(st.sampled_from(("kms:*", "kms:Decrypt", ["kms:D*", "kms:PutKeyPolicy"], "kms:GenerateDataKey*")))
    found: Document = effect(draw(st.sampled_from(PRINCIPALS)), actions, **draw(st.sampled_from(CONDITIONS)))
    return found


@st.composite
def requests(draw: st.DrawFn) -> Document:
    context = {key: value for key, choices in VALUES.items() if (value := draw(st.sampled_from(choices))) is not None}
    found = {
        "principal": draw(st.sampled_from(CALLERS)),
        "action": draw(st.sampled_from(ACTIONS)),
        "resource": KEY,
        "context": context,
    }
    return {**found, "identity_policies": [ALLOW_ALL]} if draw(st.booleans()) else found


def exists(request: Document) -> bool:
    where = {
        key.casefold(): (value if isinstance(value, list) else [value]) for key, value in request["context"].items()
    }
    where |= {name: [request[name]] for name in ("principal", "action", "resource")}
    return bool(universe(SCOPE, [key.casefold() for key in VALUES]).admits({**where, "identity": ["yes"]}))


@settings(suppress_health_check=list(HealthCheck))
@given(
    st.lists(statements(), max_size=3),
    st.lists(statements(), min_size=1, max_size=3),
    st.lists(requests(), min_size=30, max_size=30),
)
def test_every_difference_the_evaluator_sees_is_in_a_row(
    before: list[Document], after: list[Document], asked: list[Document]
) -> None:
    """The rows' witnesses are decided by the evaluator as they are made; a disagreement there would end the test too."""
    old, new = policy(*before), policy(*after)
    found, unknown = changes(Question(old=old, new=new, scope=SCOPE))

    assert unknown == []
    told = {(row.change, action) for row in found for action in row.actions}
    for request in filter(exists, asked):
        had, has = (decide(parse_request(request), resource_policy=each).decision for each in (old, new))
        if had != has:
            assert ("gained" if has == "allowed" else "lost", request["action"]) in told
