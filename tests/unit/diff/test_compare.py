"""Two policies compared: rows as a reader gets them, exact in what they find, and never equal where nobody can tell."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import helpers
from helpers import ADMIN, AWAY, CONTEXT, HOME, KEY, READER, TRAIL, Document, allow, deny, document
from trailkey.access.analysis.prove import universe
from trailkey.access.analysis.scope import bucket_scope, key_scope
from trailkey.access.language.evaluate import decide
from trailkey.access.language.request import parse_request
from trailkey.diff.changes import changes
from trailkey.diff.compare import compare_policies
from trailkey.diff.pairs import paired_keys
from trailkey.diff.question import NOBODY, resource_question
from trailkey.diff.rows import Grantee, Row, Where, merged
from trailkey.errors import PolicyError
from trailkey.findings import Location
from trailkey.inventory import IdentityPolicy, PolicySet, ResourcePolicy
from trailkey.inventory.policies import ANY_ACCOUNT
from trailkey.reports.diff import actions_text, condition_text, principal_text, row_json

if TYPE_CHECKING:
    from collections.abc import Sequence

    from trailkey.access.language.policy import Policy
    from trailkey.diff.rows import Change
    from trailkey.findings import Branch

SCOPE = key_scope(KEY)
VIA: Document = {"kms:ViaService": "s3.us-east-1.amazonaws.com"}
ALLOW_ALL = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}


def policy(*statements: Document) -> Policy:
    return helpers.policy(*statements) if statements else NOBODY


def rows(old: Sequence[Document], new: Sequence[Document]) -> list[tuple[str, str, str, str]]:
    """The rows as change, principal, actions and condition."""
    found, unknown = changes(resource_question(policy(*old), policy(*new), SCOPE))
    assert unknown == []
    return [texts_of(row) for row in merged(found, [Where()])]


def texts_of(row: Row) -> tuple[str, str, str, str]:
    return row.change, principal_text(row), actions_text(row), condition_text(row)


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


def test_of_several_roles_only_those_that_lose_are_named() -> None:
    both = {"aws:PrincipalArn": [ADMIN, f"arn:aws:iam::{HOME}:role/Deploy"]}
    one = {"aws:PrincipalArn": ADMIN}

    assert rows([allow(ROOT, ArnLike=both)], [allow(ROOT, ArnLike=one)]) == [
        ("lost", f"role arn:aws:iam::{HOME}:role/Deploy", "kms:Decrypt", "their IAM policy allows it")
    ]


def test_actions_of_one_caller_under_one_condition_are_one_row() -> None:
    added = [allow({"AWS": ADMIN}, "kms:Decrypt"), allow({"AWS": ADMIN}, ["kms:Sign", "kms:DescribeKey"])]

    assert rows([], added) == [("gained", f"role {ADMIN}", "kms:Decrypt, kms:DescribeKey, kms:Sign", "")]


def test_row_as_json_has_the_five_keys_of_the_contract() -> None:
    found, _ = changes(resource_question(NOBODY, policy(allow(AWAY_ROOT, StringEquals=VIA)), SCOPE))

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
    found, _ = changes(resource_question(policy(insecure), policy(statement, insecure), scope))

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


# What nobody can tell

OPEN = allow(ROOT, StringEquals={"aws:PrincipalTag/team": "${aws:RequestTag/team}"})


def test_what_cannot_be_decided_is_unknown_and_not_equal() -> None:
    found, unknown = changes(resource_question(policy(*BASE), policy(*BASE, OPEN), SCOPE))

    assert found == []
    assert unknown == [
        "whether access is gained: statement 2: aws:PrincipalTag/team is compared with the policy variable ${aws:requesttag/team}, which can have many values"
    ]


def test_undecidable_statement_that_nobody_touched_leaves_nothing_open() -> None:
    assert rows([OPEN, BASE[0]], [BASE[0], {**OPEN, "Sid": "Named"}]) == []
    assert rows([OPEN], [OPEN, allow({"AWS": ADMIN}, "kms:Sign")]) == [("gained", f"role {ADMIN}", "kms:Sign", "")]


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


@settings(max_examples=80, deadline=None, suppress_health_check=list(HealthCheck))
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
    found, unknown = changes(resource_question(old, new, SCOPE))

    assert unknown == []
    told = {(row.change, action) for row in found for action in row.actions}
    for request in filter(exists, asked):
        had, has = (decide(parse_request(request), resource_policy=each).decision for each in (old, new))
        if had != has:
            assert ("gained" if has == "allowed" else "lost", request["action"]) in told


# Sets of policies


def key(name: str, *statements: Document, branch: Branch = (), account: str = HOME, number: int = 1) -> ResourcePolicy:
    return ResourcePolicy(
        location=Location(file="t", logical_id=name, branch=branch),
        document=document(*statements),
        arn=f"arn:aws:kms:us-east-1:{account}:key/{number}",
        account=account,
    )


def policies(
    *keys: ResourcePolicy, identities: tuple[IdentityPolicy, ...] = (), buckets: tuple[ResourcePolicy, ...] = ()
) -> PolicySet:
    return PolicySet(what="t", keys=keys, identities=identities, buckets=buckets)


def told(old: PolicySet, new: PolicySet) -> list[tuple[str, str, str, str]]:
    return [texts_of(row) for row in compare_policies(old, new).rows]


@pytest.mark.parametrize(
    ("old", "new", "pairs"),
    [
        (["A"], ["A"], [("A", "A")]),
        (["A"], ["B"], [("A", "B")]),
        (["A", "B"], ["B", "A"], [("A", "A"), ("B", "B")]),
        (["A", "B"], ["A", "C"], [("A", "A"), ("B", "C")]),
        (["A"], ["A", "B"], [("A", "A"), (None, "B")]),
        (["A", "B", "C"], ["A"], [("A", "A"), ("B", None), ("C", None)]),
    ],
)
def test_keys_are_paired_by_name_and_the_last_two_whatever_their_names(
    old: list[str], new: list[str], pairs: list[tuple[str | None, str | None]]
) -> None:
    found = paired_keys([key(name) for name in old], [key(name) for name in new])

    assert [(one and one.name, two and two.name) for one, two in found] == pairs


def test_branches_are_paired_where_they_do_not_contradict_one_another() -> None:
    always, never = (("X", True),), (("X", False),)
    both, one = (("X", True), ("Y", True)), (("X", True), ("Y", False))
    old = [key("A", branch=branch) for branch in (always, never)]
    new = [key("A", branch=branch) for branch in (both, one, never)]

    assert [(one and one.location.branch, two and two.location.branch) for one, two in paired_keys(old, new)] == [
        (always, both),
        (always, one),
        (never, never),
    ]


def test_row_of_one_branch_says_which_and_row_of_all_says_none() -> None:
    always, sometimes = allow({"AWS": ADMIN}), allow({"Service": "sns.amazonaws.com"})
    old = policies(key("A", *BASE))
    new = policies(
        key("A", *BASE, always, sometimes, branch=(("X", True),)),
        key("A", *BASE, always, branch=(("X", False), ("Y", True))),
        key("A", *BASE, always, branch=(("X", False), ("Y", False))),
    )

    assert told(old, new) == [
        ("gained", f"role {ADMIN}", "kms:Decrypt", ""),
        ("gained", "sns.amazonaws.com", "kms:Decrypt", "where X is true"),
    ]


def test_of_several_keys_a_row_says_which() -> None:
    old = policies(key("A", *BASE), key("B", *BASE, number=2))
    new = policies(key("A", *BASE), key("B", *BASE, allow({"AWS": ADMIN}, StringEquals=VIA), number=2))

    assert told(old, new) == [
        ("gained", f"role {ADMIN}", "kms:Decrypt", "on key B: kms:ViaService is s3.us-east-1.amazonaws.com")
    ]


def test_key_on_one_side_only_is_all_gained_or_lost() -> None:
    one, both = policies(key("A", *BASE)), policies(key("A", *BASE), key("B", allow({"AWS": ADMIN}), number=2))

    assert told(one, both) == [("gained", f"role {ADMIN}", "kms:Decrypt", "on key B")]
    assert told(both, one) == [("lost", f"role {ADMIN}", "kms:Decrypt", "on key B")]


def test_id_of_a_key_is_no_difference() -> None:
    names_itself = [{**statement, "Resource": "arn:aws:kms:us-east-1:222222222222:key/2"} for statement in BASE]

    assert told(policies(key("A", *BASE)), policies(key("A", *names_itself, number=2))) == []


def test_keys_of_different_accounts_are_not_compared() -> None:
    with pytest.raises(PolicyError) as refused:
        compare_policies(policies(key("A", *BASE)), policies(key("B", *BASE, account=AWAY)))

    assert str(refused.value) == (
        "t: Resources/A and t: Resources/B: the keys are in different accounts, 222222222222 and 333333333333; two policies of one account are "
        "compared; name it with --key-account (policies and templates), or add --rename 222222222222=333333333333"
    )


def iam(actions: Any, *, resource: Any = "*") -> Document:
    return document({"Effect": "Allow", "Action": actions, "Resource": resource})


def identity(document: Document, *attached: str, name: str = "", account: str = AWAY) -> IdentityPolicy:
    return IdentityPolicy(
        location=Location(file="t", logical_id="Policy"),
        document=document,
        account=account,
        partition="aws",
        attached=frozenset(attached),
        policy_name=name,
    )


def test_iam_policies_are_compared_by_their_holder() -> None:
    keys = key("A", *BASE)
    old = policies(
        keys,
        identities=(
            identity(iam("kms:Decrypt"), "role/Reader"),
            identity(iam("kms:Decrypt", resource=KEY), "group/readers", name="reads"),
        ),
    )
    new = policies(
        keys,
        identities=(
            identity(iam("kms:DescribeKey"), "role/Reader"),
            identity(iam(["kms:Decrypt"]), "role/Reader"),
            identity(iam("kms:Sign"), name="reads"),
        ),
    )

    assert told(old, new) == [
        ("gained", f"role {READER} by its IAM policies", "kms:DescribeKey", ""),
        ("gained", f"whoever holds policy reads in account {AWAY}", "kms:Sign", ""),
    ]
    assert told(policies(keys), policies(keys, identities=(identity(iam("s3:GetObject"), "role/Reader"),))) == []


def test_iam_policies_of_one_role_in_two_versions_are_refused() -> None:
    mixed = [
        identity({**iam("kms:Sign"), "Version": version}, "role/Reader") for version in ("2012-10-17", "2008-10-17")
    ]

    with pytest.raises(PolicyError, match="one version in all is modelled"):
        compare_policies(policies(key("A", *BASE)), policies(key("A", *BASE), identities=tuple(mixed)))


def test_policy_of_a_stack_set_is_held_in_any_account() -> None:
    keys = key("A", *BASE)
    new = policies(keys, identities=(identity(iam("kms:Decrypt"), name="reads", account=ANY_ACCOUNT),))

    (row,) = compare_policies(policies(keys), new).rows
    assert row_json(row) == {
        "change": "gained",
        "principal": "whoever holds policy reads",
        "actions": ["kms:Decrypt"],
        "condition": "",
        "witness": {
            "principal": f"arn:aws:iam::{HOME}:role/Anyone",
            "action": "kms:Decrypt",
            "resource": "arn:aws:kms:us-east-1:222222222222:key/1",
        },
    }


def test_bucket_policy_on_one_side_only_leaves_what_iam_allows() -> None:
    statement = {"Effect": "Allow", "Principal": AWAY_ROOT, "Action": "s3:GetObject", "Resource": "arn:aws:s3:::logs/*"}
    location = Location(file="t", logical_id="B")
    bucket = ResourcePolicy(location=location, document=document(statement), arn="arn:aws:s3:::logs", account=HOME)
    without, with_it = policies(key("A", *BASE)), policies(key("A", *BASE), buckets=(bucket,))

    assert told(without, with_it) == [
        (
            "gained",
            f"any principal of account {AWAY} whose IAM policies allow it",
            "s3:GetObject",
            "the resource is like arn:aws:s3:::logs/*",
        )
    ]
    assert [change for change, *_ in told(with_it, without)] == ["lost"]


def test_merging_keeps_rows_of_different_changes_apart() -> None:
    def row(change: Change, *actions: str) -> Row:
        return Row(change=change, who=(Grantee(name="p"),), actions=actions, witness={"action": actions[0]})

    found = merged([row("gained", "b"), row("lost", "a"), row("gained", "a")], [Where()])

    assert found == [replace(row("gained", "a", "b"), witness={"action": "b"}), row("lost", "a")]


def test_named_callers_of_one_grant_are_one_row_whatever_statements_they_stand_in() -> None:
    deploy = f"arn:aws:iam::{HOME}:role/Deploy"
    added = [allow({"AWS": ADMIN}), allow({"AWS": deploy}), allow({"Service": "sns.amazonaws.com"})]

    assert rows([], added) == [
        ("gained", f"role {ADMIN}, role {deploy}", "kms:Decrypt", ""),
        ("gained", "sns.amazonaws.com", "kms:Decrypt", ""),
    ]


def test_undecidable_statement_may_be_written_otherwise() -> None:
    one, other = {**OPEN, "Action": ["kms:Decrypt", "kms:Sign"]}, {**OPEN, "Action": ["KMS:sign", "kms:Decrypt"]}

    assert rows([one], [other]) == []


def test_what_refers_to_a_key_follows_it_to_its_new_id() -> None:
    old_arn, new_arn = (f"arn:aws:kms:us-east-1:{HOME}:key/{number}" for number in (1, 2))
    old = policies(key("A", *BASE), identities=(identity(iam("kms:Decrypt", resource=old_arn), "role/Reader"),))
    new = policies(
        key("A", *BASE, number=2), identities=(identity(iam(["kms:Decrypt"], resource=[new_arn]), "role/Reader"),)
    )

    assert told(old, new) == []


def test_whom_a_deny_names_for_some_actions_only_is_told_of_the_others() -> None:
    roles = {"aws:PrincipalArn": "arn:aws:iam::*:role/*"}
    old = [allow("*", "kms:*"), deny(AWAY_ROOT, "kms:D*", ArnLike=roles)]

    assert {change for change, *_ in rows(old, [allow(ROOT, "kms:*")])} == {"lost"}
