"""A few accounts and keys stand for many: every request is answered as before, those about what was left out in their place."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from helpers import HOME, KEY, Document, allow, deny, policy
from trailkey.access.analysis.alike import LEAST, alike
from trailkey.access.language.evaluate import decide
from trailkey.access.language.request import parse_request

if TYPE_CHECKING:
    from trailkey.access.language.policy import Policy

MANY = [f"{200_000_000_000 + 7919 * number}" for number in range(LEAST + 4)]
KEYS = [f"kms:EncryptionContext:k{number}" for number in range(LEAST + 4)]
ALLOW_ALL = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}


def root(account: str) -> str:
    return f"arn:aws:iam::{account}:root"


def listed(**conditions: Any) -> Document:
    return allow({"AWS": [root(one) for one in MANY]}, "kms:Decrypt", sid="List", **conditions)


def kept(*statements: Document, fixed: tuple[str, ...] = (HOME,)) -> tuple[int, int]:
    """How many statements are left, and how many accounts or keys others stand for."""
    found = alike([policy(*statements)], fixed)
    return len(found.policies[0].statements), sum(map(len, found.members.values()))


OWN = [allow({"AWS": root(one)}, "kms:Decrypt", sid=f"S{one}") for one in MANY]


@pytest.mark.parametrize(
    ("statements", "left"),
    [
        ([listed()], (1, len(MANY) - 1)),
        (OWN, (1, len(MANY) - 1)),
        ([allow("*", StringEquals={key: "x"}) for key in KEYS], (1, len(KEYS) - 1)),
        ([allow("*", StringEquals={"aws:SourceAccount": MANY})], (1, len(MANY) - 1)),
        # Two fields can hold two accounts in one request: two of them stand for all.
        (
            [allow({"AWS": root(one)}, StringEquals={"aws:SourceAccount": one}) for one in MANY],
            (2, len(MANY) - 2),
        ),
    ],
    ids=["a list", "a statement each", "a context key each", "a condition", "two fields"],
)
def test_what_nothing_tells_apart_is_left_out(statements: list[Document], left: tuple[int, int]) -> None:
    assert kept(*statements) == left


@pytest.mark.parametrize(
    "statements",
    [
        [*OWN[:LEAST]],
        [deny("*", StringNotEquals={"aws:PrincipalAccount": one}) for one in MANY],
        [listed(), allow("*", StringLike={"aws:PrincipalAccount": "2*"})],
        [allow("*", "kms:Decrypt", Null={key: "true"}) for key in KEYS],
        [
            *(allow("*", StringEquals={key: "x"}) for key in KEYS),
            {**allow("*"), "Condition": {"ForAnyValue:StringEquals": {"kms:EncryptionContextKeys": "k1"}}},
        ],
        [allow({"AWS": root(one)}, f"kms:{'Decrypt' if at % 2 else 'Encrypt'}") for at, one in enumerate(MANY)],
    ],
    ids=["few", "a fence each", "a pattern of digits", "absent keys", "names of keys", "two kinds"],
)
def test_what_is_told_apart_stays(statements: list[Document]) -> None:
    assert kept(*statements) == (len(statements), 0)


def test_accounts_that_are_asked_about_stay() -> None:
    found = alike([policy(listed())], (HOME, MANY[5]))

    assert MANY[5] in str(found.policies[0])
    assert MANY[6] not in str(found.policies[0])


def test_statements_that_others_stand_for_are_named() -> None:
    found = alike([policy(*OWN)], (HOME,))

    assert found.statements == ({0: tuple(f"S{one}" for one in MANY[1:])},)


def test_what_is_alike_in_one_policy_and_not_in_the_other_stays() -> None:
    found = alike([policy(*OWN), policy(*OWN, allow({"AWS": root(MANY[3])}, "kms:Encrypt"))], (HOME,))

    assert MANY[3] in str(found.policies[0])
    assert MANY[4] not in str(found.policies[0])


# Every request is answered as before ----------------------------------------------------------------------------------------

ACCOUNTS = st.lists(st.sampled_from(MANY), min_size=1, max_size=len(MANY), unique=True)


@st.composite
def statements_(draw: st.DrawFn) -> list[Document]:
    """Statements of the forms that many accounts are written in, each for all, for some, or for one."""
    found: list[Document] = []
    for _ in range(draw(st.integers(1, 3))):
        effect = draw(st.sampled_from([allow, allow, deny]))
        action = draw(st.sampled_from(["kms:Decrypt", "kms:*"]))
        accounts = draw(st.sampled_from([MANY, MANY, MANY[2:], None])) or draw(ACCOUNTS)
        operator = draw(st.sampled_from(["StringEquals", "StringEquals", "StringNotEquals", "StringEqualsIfExists"]))
        key = draw(st.sampled_from(["aws:PrincipalAccount", "aws:SourceAccount"]))
        form = draw(st.sampled_from(["list", "own", "condition", "own condition", "both", "role"]))
        if form == "list":
            found.append(effect({"AWS": [root(one) for one in accounts]}, action))
        elif form == "own":
            found += [effect({"AWS": root(one)}, action) for one in accounts]
        elif form == "role":
            found += [effect({"AWS": f"arn:aws:iam::{one}:role/Reader"}, action) for one in accounts]
        elif form == "condition":
            found.append({**effect("*", action), "Condition": {operator: {key: accounts}}})
        elif form == "own condition":
            found += [{**effect("*", action), "Condition": {operator: {key: one}}} for one in accounts]
        else:
            found += [{**effect({"AWS": root(one)}, action), "Condition": {operator: {key: one}}} for one in accounts]
    return found


@settings(suppress_health_check=[HealthCheck.too_slow])
@given(statements_(), st.sampled_from([*MANY, HOME]), st.sampled_from([*MANY, None]), st.sampled_from(["Reader", "X"]))
def test_every_request_is_answered_by_those_that_stand_for_all(
    statements: list[Document], caller: str, source: str | None, name: str
) -> None:
    whole = policy(*statements)
    found = alike([whole], (HOME,))
    left_out = {one for others in found.members.values() for one in others}
    standing = {one: rep for rep, others in found.members.items() for one in (rep, *others)}

    def asked(of: Policy, caller: str, source: str | None) -> str:
        request = {
            "principal": f"arn:aws:iam::{caller}:role/{name}",
            "action": "kms:Decrypt",
            "resource": KEY,
            "context": {} if source is None else {"aws:SourceAccount": source},
            "identity_policies": [ALLOW_ALL],
        }
        return decide(parse_request(request), resource_policy=of).decision

    # Whom no statement names in that place is a stranger there, however often it is named in others.
    sources = str([one["Condition"] for one in statements if "aws:SourceAccount" in str(one.get("Condition"))])
    callers = str([one["Principal"] for one in statements]) + str(
        [one["Condition"] for one in statements if "aws:PrincipalAccount" in str(one.get("Condition"))]
    )
    if source is not None and source not in sources:
        source = "999999999999"
    if caller != HOME and caller not in callers:
        caller = "888888888888"
    # Who is left out changes places with somebody who is not, of the same kind; two who differ keep differing.
    places: dict[str, str] = {}
    for one in dict.fromkeys((caller, *([source] if source else []))):
        if one in left_out:
            same = [other for other, rep in standing.items() if rep == standing[one] and other not in left_out]
            same += [other for other in MANY if other not in left_out and alike_to(other, one, whole)]
            free = [
                other for other in dict.fromkeys(same) if other not in places.values() and other not in (caller, source)
            ]
            places[one] = free[0]
        else:
            places[one] = one
    placed = asked(found.policies[0], places[caller], source and places[source])
    assert placed == asked(whole, caller, source)


def alike_to(one: str, other: str, whole: Policy) -> bool:
    """Whether two accounts can change places: the policy reads the same, up to the order of its statements and lists."""

    def swapped(text: str) -> str:
        return text.replace(one, "\0").replace(other, one).replace("\0", other)

    def shape(change: Any) -> list[str]:
        return sorted(
            str(
                (
                    each.effect,
                    each.principals and (each.principals.everyone, sorted(map(change, each.principals.aws))),
                    each.actions,
                    sorted((c.operator, c.if_exists, c.key, sorted(map(change, c.values))) for c in each.conditions),
                )
            )
            for each in whole.statements
        )

    return shape(swapped) == shape(str)
