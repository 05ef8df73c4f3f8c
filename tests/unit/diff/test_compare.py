"""Two sets of policies compared: which policy answers to which, and what the rows say of keys, branches and IAM policies."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from helpers import ADMIN, AWAY, HOME, KEY, READER, Document, allow, document
from trailkey.diff.compare import compare_policies, paired_keys
from trailkey.errors import PolicyError
from trailkey.findings import Location
from trailkey.inventory import IdentityPolicy, PolicySet, ResourcePolicy
from trailkey.inventory.policies import ANY_ACCOUNT
from trailkey.reports.diff import actions_text, condition_text, principal_text, row_json

if TYPE_CHECKING:
    from trailkey.findings import Branch

VIA: Document = {"kms:ViaService": "s3.us-east-1.amazonaws.com"}
AWAY_ROOT = {"AWS": f"arn:aws:iam::{AWAY}:root"}
BASE = [
    allow({"AWS": f"arn:aws:iam::{HOME}:root"}, "kms:DescribeKey"),
    allow(AWAY_ROOT, ArnLike={"aws:PrincipalArn": READER}, StringEquals=VIA),
]


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
    rows = compare_policies(old, new).rows
    return [
        (row.change, principal_text(row), actions_text(row), condition_text(replace(row, other=None))) for row in rows
    ]


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


def test_actions_that_act_on_no_key_are_in_no_row() -> None:
    """A key policy that names them grants nothing by it: they are allowed by IAM policies alone."""
    of_no_key = allow(
        {"AWS": ADMIN}, ["kms:CreateKey", "kms:*CustomKeyStore*", "kms:ListAliases", "kms:GenerateRandom"]
    )
    described = [*of_no_key["Action"], "kms:DescribeKey"]

    assert told(policies(key("A", *BASE)), policies(key("A", *BASE, of_no_key))) == []
    assert told(policies(key("A", *BASE)), policies(key("A", *BASE, {**of_no_key, "Action": described}))) == [
        ("gained", f"role {ADMIN}", "kms:DescribeKey", "a part of it was allowed before")
    ]
    assert told(policies(key("A", *BASE[1:])), policies(key("A", *BASE[1:], {**of_no_key, "Action": "kms:*"}))) == [
        ("gained", f"role {ADMIN}", "every action", "")
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
            "principal": "arn:aws:iam::999999999999:role/Anyone",
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


def test_what_refers_to_a_key_follows_it_to_its_new_id() -> None:
    old_arn, new_arn = (f"arn:aws:kms:us-east-1:{HOME}:key/{number}" for number in (1, 2))
    old = policies(key("A", *BASE), identities=(identity(iam("kms:Decrypt", resource=old_arn), "role/Reader"),))
    new = policies(
        key("A", *BASE, number=2), identities=(identity(iam(["kms:Decrypt"], resource=[new_arn]), "role/Reader"),)
    )

    assert told(old, new) == []
