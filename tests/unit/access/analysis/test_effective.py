"""Policies as sets of requests, held against the evaluator request by request."""

from __future__ import annotations

import itertools
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from helpers import AWAY, CONTEXT, HOME, KEY, READER, TRAIL, policy, statement
from trailkey.access.algebra.boxes import Many, Single
from trailkey.access.algebra.languages import ALL, language, texts
from trailkey.access.algebra.patterns import glob
from trailkey.access.algebra.request_sets import PROVEN, REFUTED, UNKNOWN
from trailkey.access.algebra.work import bounded
from trailkey.access.analysis.caller_sets import in_account
from trailkey.access.analysis.effective import EffectivePermissions, allowed
from trailkey.access.analysis.prove import covers, difference, example, excludes, reaches, region
from trailkey.access.analysis.resource import bucket_scope, key_scope
from trailkey.access.analysis.witnesses import ALLOW_ALL
from trailkey.access.language.evaluate import decide
from trailkey.access.language.policy import Policy, parse_policy
from trailkey.access.language.request import parse_request
from trailkey.errors import PolicyError, UndecidedError

SCOPE = key_scope(KEY)
CLOUDTRAIL = texts("cloudtrail.amazonaws.com")


def granted(*statements: dict[str, Any]) -> EffectivePermissions:
    return allowed(policy(*statements), SCOPE)


def coordinates(document: dict[str, Any]) -> dict[str, tuple[str, ...]]:
    """A request as the values of its dimensions."""
    found: dict[str, tuple[str, ...]] = {
        "principal": (document["principal"],),
        "action": (document["action"],),
        "resource": (document["resource"],),
        "identity": ("yes" if document.get("identity_policies") else "no",),
    }
    for key, values in document.get("context", {}).items():
        found[key.casefold()] = tuple(values if isinstance(values, list) else [values])
    return found


def verdict(document: dict[str, Any], under: Policy) -> bool:
    return decide(parse_request(document, key_account=HOME), resource_policy=under).decision == "allowed"


SESSION = f"arn:aws:sts::{AWAY}:assumed-role/Reader/me"
CALLERS = (
    f"arn:aws:iam::{HOME}:root",
    f"arn:aws:iam::{HOME}:role/Admin",
    f"arn:aws:iam::{HOME}:user/team/Ann",
    f"arn:aws:iam::{AWAY}:root",
    READER,
    f"arn:aws:iam::{AWAY}:role/path/Reader",
    f"arn:aws:sts::{AWAY}:federated-user/Fred",
    "cloudtrail.amazonaws.com",
    "sns.amazonaws.com",
)
ACTIONS = ("kms:Decrypt", "kms:DescribeKey", "kms:GenerateDataKey", "kms:PutKeyPolicy", "kms:ScheduleKeyDeletion")
VALUES: dict[str, tuple[Any, ...]] = {
    "aws:SourceArn": (None, TRAIL, TRAIL.replace("trail/t", "trail/other"), "none"),
    CONTEXT: (None, TRAIL, f"arn:aws:cloudtrail:eu-west-1:{AWAY}:trail/x"),
    "aws:PrincipalOrgPaths": (None, ["o-a/r-b/ou-c/"], ["o-a/r-b/", "o-z/r-y/"]),
    "kms:ScheduleKeyDeletionPendingWindowInDays": (None, "7", "20", "30", "soon"),
    "kms:BypassPolicyLockoutSafetyCheck": (None, "true", "false"),
    "aws:SourceIp": (None, "203.0.113.7", "10.1.2.3", "2001:db8::1"),
    "aws:CurrentTime": (None, "2026-01-31T12:00:00Z", "2027-01-01", "1700000000"),
    "kms:ResourceAliases": (None, ["alias/a"], ["alias/a", "alias/b"], [""]),
}
TEXT_VALUES = {
    "aws:PrincipalArn": (
        READER,
        f"arn:aws:iam::{AWAY}:role/*",
        "arn:aws:iam::*:role/*Reader",
        f"arn:aws:iam::{HOME}:*",
    ),
    "aws:PrincipalAccount": (HOME, "3*", f"{AWAY[:-1]}?"),
    "kms:CallerAccount": (HOME, AWAY, "*"),
    "aws:PrincipalType": ("User", "A*", "FederatedUser"),
    "aws:PrincipalIsAWSService": ("true", "false"),
    "aws:PrincipalServiceName": ("cloudtrail.amazonaws.com", "sns.*"),
    "aws:username": ("Ann", "A*", "team*"),
    "aws:ResourceAccount": (HOME, AWAY),
    "aws:RequestedRegion": ("us-*", "eu-west-1"),
    "aws:SourceArn": (TRAIL, "arn:aws:cloudtrail:*:*:trail/*", "arn:*:cloudtrail:us-east-1:*:trail/o*"),
    CONTEXT: (TRAIL, f"arn:aws:cloudtrail:*:{HOME}:trail/*"),
    "aws:PrincipalOrgPaths": ("o-a/*", "o-a/r-b/", "*y/"),
    "kms:ResourceAliases": ("alias/a", "alias/*"),
    "kms:BypassPolicyLockoutSafetyCheck": ("true", "false"),
}
TYPED_VALUES = {
    "kms:ScheduleKeyDeletionPendingWindowInDays": (
        ("NumericEquals", "NumericNotEquals", "NumericLessThan", "NumericGreaterThanEquals"),
        ("7", "15", "30"),
    ),
    "aws:SourceIp": (("IpAddress", "NotIpAddress"), ("203.0.113.0/24", "10.0.0.0/8", "2001:db8::/32")),
    "aws:CurrentTime": (
        ("DateLessThan", "DateGreaterThanEquals", "DateNotEquals"),
        ("2026-06-01T00:00:00Z", "2027-01-01"),
    ),
}
TEXT_OPERATORS = (
    *(
        "StringEquals",
        "StringNotEquals",
        "StringLike",
        "StringNotLike",
        "StringEqualsIgnoreCase",
        "ArnLike",
        "ArnNotEquals",
    ),
    *("Bool", "Null"),
)


@st.composite
def conditions(draw: st.DrawFn) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for _ in range(draw(st.integers(0, 3))):
        typed = draw(st.booleans()) and draw(st.booleans())
        key = draw(st.sampled_from(sorted(TYPED_VALUES if typed else TEXT_VALUES)))
        operators, values = TYPED_VALUES[key] if typed else (TEXT_OPERATORS, TEXT_VALUES[key])
        operator = draw(st.sampled_from(operators))
        if operator in ("Bool", "Null"):
            values = ("true", "false")
        if operator.startswith("Arn"):
            values = tuple(value if value.count(":") >= 5 else f"arn:aws:iam::{value}:*" for value in values)
        if operator != "Null":
            quantifier = "" if typed else draw(st.sampled_from(["", "", "ForAnyValue:", "ForAllValues:"]))
            operator = quantifier + operator + draw(st.sampled_from(["", "", "IfExists"]))
        chosen = draw(st.lists(st.sampled_from(values), min_size=1, max_size=2))
        found.setdefault(operator, {})[key] = chosen
    return found


PRINCIPALS = (
    *("*", {"AWS": f"arn:aws:iam::{HOME}:root"}, {"AWS": AWAY}, {"AWS": READER}, {"AWS": [READER, CALLERS[1]]}),
    *({"Service": "cloudtrail.amazonaws.com"}, {"Service": "sns.amazonaws.com", "AWS": CALLERS[2]}, {"AWS": SESSION}),
    {"AWS": f"arn:aws:iam::{AWAY}:role/path/Reader"},
)
NOT_PRINCIPALS = (
    {"AWS": [AWAY, READER]},
    {"Service": "cloudtrail.amazonaws.com"},
    {"AWS": [HOME, CALLERS[1], CALLERS[0]]},
)


@st.composite
def statements(draw: st.DrawFn) -> dict[str, Any]:
    found: dict[str, Any] = {"Effect": draw(st.sampled_from(["Allow", "Allow", "Deny"]))}
    if found["Effect"] == "Deny" and draw(st.booleans()):
        found["NotPrincipal"] = draw(st.sampled_from(NOT_PRINCIPALS))
    else:
        found["Principal"] = draw(st.sampled_from(PRINCIPALS))
    acts = draw(st.sampled_from(["*", "kms:*", "KMS:dec*", ["kms:Decrypt", "kms:D*Key"], "kms:PutKeyPolicy"]))
    found[draw(st.sampled_from(["Action", "Action", "NotAction"]))] = acts
    resources = draw(st.sampled_from(["*", "*", KEY, f"arn:aws:kms:*:{HOME}:key/*", "arn:aws:kms:*:*:key/other"]))
    found[draw(st.sampled_from(["Resource", "Resource", "NotResource"]))] = resources
    condition = draw(conditions())
    return {**found, "Condition": condition} if condition else found


@st.composite
def requests(draw: st.DrawFn) -> dict[str, Any]:
    context = {key: value for key, choices in VALUES.items() if (value := draw(st.sampled_from(choices))) is not None}
    document: dict[str, Any] = {
        "principal": draw(st.sampled_from((*CALLERS, SESSION))),
        "action": draw(st.sampled_from(ACTIONS)),
        "resource": KEY,
        "context": context,
    }
    return {**document, "identity_policies": [ALLOW_ALL]} if draw(st.booleans()) else document


def agrees(documents: list[dict[str, Any]], asked: list[dict[str, Any]]) -> None:
    under = policy(*documents)
    found = allowed(under, SCOPE, sessions=[SESSION])
    for document in asked:
        if document.get("context", {}).get("kms:ResourceAliases") == [""]:
            continue  # no request that exists: AWS sends no empty text among several values
        where = coordinates(document)
        inside = found.allow.admits(where)
        outside = found.deny.admits(where)
        assert inside is not None
        assert outside is not None
        assert (inside and not outside) == verdict(document, under), document
        assert found.requests.admits(where) == (inside and not outside)


@settings(suppress_health_check=list(HealthCheck))
@given(st.lists(statements(), min_size=1, max_size=3), st.lists(requests(), min_size=8, max_size=8))
def test_membership_is_what_the_evaluator_decides(documents: list[dict[str, Any]], asked: list[dict[str, Any]]) -> None:
    agrees(documents, asked)


@pytest.mark.exhaustive
@settings(max_examples=4000, suppress_health_check=list(HealthCheck))
@given(st.lists(statements(), min_size=1, max_size=4), st.lists(requests(), min_size=12, max_size=12))
def test_membership_is_what_the_evaluator_decides_at_length(
    documents: list[dict[str, Any]], asked: list[dict[str, Any]]
) -> None:
    agrees(documents, asked)


@settings(suppress_health_check=list(HealthCheck))
@given(st.lists(statements(), min_size=1, max_size=3), st.sampled_from(ACTIONS), st.sampled_from((None, *CALLERS)))
def test_the_evaluator_agrees_with_every_witness(
    documents: list[dict[str, Any]], action: str, caller: str | None
) -> None:
    under = policy(*documents)
    found = allowed(under, SCOPE)
    within = region(actions=[action], principals=None if caller is None else texts(caller))
    some, all_of_it = reaches(found, within), covers(found, within)
    assert UNKNOWN not in (some.verdict, all_of_it.verdict)
    if some.witness:
        assert verdict(dict(some.witness), under)
    if all_of_it.witness:
        assert not verdict(dict(all_of_it.witness), under)
    if some.verdict == REFUTED:
        assert all_of_it.verdict == REFUTED


@settings(suppress_health_check=list(HealthCheck))
@given(st.lists(statements(), min_size=1, max_size=2), st.lists(statements(), min_size=1, max_size=2))
def test_difference_shows_a_request_only_the_new_policy_allows(
    before: list[dict[str, Any]], after: list[dict[str, Any]]
) -> None:
    old, new = policy(*before), policy(*after)
    gained = difference(old, new, SCOPE)
    witness = example(gained, SCOPE)
    assert (witness is None) == (not gained.inner)
    if witness is not None:
        assert verdict(witness, new)
        assert not verdict(witness, old)
    assert not difference(new, new, SCOPE).outer


def test_service_with_several_names_is_confined_by_none_of_them() -> None:
    named = {"ForAnyValue:StringEquals": {"aws:PrincipalServiceNamesList": "delivery.logs.amazonaws.com"}}
    listed = granted(statement(Condition=named))

    assert reaches(listed, region(principals=texts("logs.amazonaws.com"))).verdict == PROVEN
    assert excludes(listed, region(principals=texts(READER))).verdict == PROVEN


def test_session_named_by_one_policy_is_told_apart_in_both() -> None:
    session = f"arn:aws:sts::{AWAY}:assumed-role/Reader/me"
    everyone, named = policy(statement(Action="*")), policy(statement(Principal={"AWS": session}, Action="*"))

    assert not difference(everyone, named, SCOPE).outer
    assert difference(named, everyone, SCOPE).inner


def test_no_request_of_a_small_world_escapes_an_exclusion() -> None:
    """What ``excludes`` proves holds for every request of a small world, and what it refutes for none."""
    under = policy(
        statement(
            Principal={"Service": "cloudtrail.amazonaws.com"},
            Action="kms:GenerateDataKey*",
            Condition={"StringEquals": {"aws:SourceArn": TRAIL}},
        ),
        statement(Principal={"AWS": AWAY}, Condition={"ArnLike": {"aws:PrincipalArn": READER}}),
        statement(
            Effect="Deny",
            Action="kms:*",
            Condition={"Null": {CONTEXT: "true"}, "StringEquals": {"aws:PrincipalAccount": AWAY}},
        ),
    )
    found = allowed(under, SCOPE)
    for caller, action in itertools.product(CALLERS, ACTIONS):
        worlds = [
            {
                "principal": caller,
                "action": action,
                "resource": KEY,
                "context": {key: value for key, value in zip(("aws:SourceArn", CONTEXT), pair, strict=True) if value},
                **own,
            }
            for pair in itertools.product(VALUES["aws:SourceArn"], VALUES[CONTEXT])
            for own in ({}, {"identity_policies": [ALLOW_ALL]})
        ]
        answer = excludes(found, region(principals=texts(caller), actions=[action]))
        if answer:
            real = [world for world in worlds if caller.endswith(".com") or "aws:SourceArn" not in world["context"]]
            assert not any(verdict(world, under) for world in real)
        else:
            assert answer.witness is not None
            assert verdict(dict(answer.witness), under)


def test_cloudtrail_confined_to_its_trail() -> None:
    confined = statement(
        Principal={"Service": "cloudtrail.amazonaws.com"},
        Action="kms:GenerateDataKey*",
        Condition={"StringEquals": {"aws:SourceArn": TRAIL}},
    )
    others = region(principals=CLOUDTRAIL, context={"aws:SourceArn": Single(absent=True, values=~texts(TRAIL))})
    assert excludes(granted(confined), others)
    loose = granted(confined, {**confined, "Condition": {"StringLike": {CONTEXT: "arn:aws:cloudtrail:*"}}})
    answer = excludes(loose, others)
    assert answer.verdict == REFUTED
    assert answer.witness == {
        "principal": "cloudtrail.amazonaws.com",
        "action": "kms:GenerateDataKey",
        "resource": KEY,
        "context": {CONTEXT: "arn:aws:cloudtrail:us-east-1:999999999999:trail/other"},
    }
    ours = region(
        principals=CLOUDTRAIL,
        actions=["kms:GenerateDataKey"],
        context={"aws:SourceArn": Single(absent=False, values=texts(TRAIL))},
    )
    assert covers(granted(confined), ours)


def test_delegation_and_direct_grants_are_told_apart() -> None:
    delegated = granted(statement(Principal={"AWS": HOME}))
    people_at_home = region(principals=in_account(HOME) - texts(f"arn:aws:iam::{HOME}:root"))
    assert excludes(delegated, people_at_home & region(identity=False))
    answer = reaches(delegated, people_at_home)
    assert answer.witness is not None
    assert answer.witness["principal"] == f"arn:aws:iam::{HOME}:role/Anyone"
    assert answer.witness["identity_policies"] == [ALLOW_ALL]
    assert reaches(granted(statement(Principal={"AWS": f"arn:aws:iam::{HOME}:role/Admin"})), region(identity=False))
    assert excludes(granted(statement(Principal={"AWS": READER})), region(identity=False))


def test_an_administration_action_of_another_account_has_no_effect() -> None:
    found = granted(statement(Principal={"AWS": READER}, Action="kms:*"))
    assert excludes(found, region(actions=["kms:PutKeyPolicy"]))
    assert reaches(found, region(actions=["kms:Decrypt"]))


def test_an_encryption_context_on_describe_key_never_matches() -> None:
    found = granted(statement(Action="kms:DescribeKey", Condition={"StringLike": {CONTEXT: "*"}}))
    assert excludes(found)


def test_string_equals_with_a_wildcard_never_matches_a_caller() -> None:
    condition = {"aws:PrincipalArn": f"arn:aws:iam::{AWAY}:role/Reader*"}
    assert excludes(granted(statement(Condition={"StringEquals": condition})))
    assert reaches(granted(statement(Condition={"StringLike": condition})))


def test_the_account_of_a_caller_and_its_arn_cannot_contradict() -> None:
    both = {"StringEquals": {"aws:PrincipalAccount": HOME}, "ArnLike": {"aws:PrincipalArn": READER}}
    assert excludes(granted(statement(Condition=both)))
    assert excludes(
        granted(statement(Condition={"StringEquals": {"aws:PrincipalAccount": HOME, "kms:CallerAccount": AWAY}}))
    )


def test_the_callers_own_account_as_a_variable_in_its_arn_is_exact() -> None:
    pattern = "arn:aws:iam::${aws:PrincipalAccount}:role/Reader*"
    found = granted(statement(Condition={"StringLike": {"aws:PrincipalArn": pattern}}))
    assert excludes(found, region(principals=texts(f"arn:aws:iam::{AWAY}:role/Other")))
    assert covers(found, region(principals=texts(READER), actions=["kms:Decrypt"], identity=True))


def test_a_variable_held_to_a_value_is_filled_in() -> None:
    held = {
        "StringEquals": {"aws:PrincipalOrgID": ["o-one", "o-two"]},
        "StringLike": {CONTEXT: "${aws:PrincipalOrgID}/*"},
    }
    found = granted(statement(Condition=held))
    assert excludes(
        found, region(context={CONTEXT: Single(absent=True, values=~language([glob("o-one/*"), glob("o-two/*")]))})
    )
    crossed = region(
        context={
            CONTEXT: Single(absent=False, values=texts("o-one/x")),
            "aws:PrincipalOrgID": Single(absent=False, values=texts("o-two")),
        }
    )
    assert excludes(found, crossed)


def test_an_open_variable_is_unknown_and_never_proven() -> None:
    found = granted(statement(Condition={"StringLike": {CONTEXT: "${aws:userid}"}}))
    answer = excludes(found)
    assert answer.verdict == UNKNOWN
    assert not answer
    assert "aws:userid" in answer.reason
    assert not covers(found, region(actions=["kms:Decrypt"]))
    assert excludes(found, region(actions=["kms:PutKeyPolicy"])).verdict == PROVEN  # the variable plays no part there
    denied = granted(statement(), statement(Effect="Deny", Condition={"StringLike": {CONTEXT: "${aws:userid}"}}))
    assert reaches(denied, region(context={CONTEXT: Single(absent=True, values=ALL)})).verdict == UNKNOWN or reaches(
        denied
    )


def test_condition_that_needs_its_key_excludes_callers_without_it() -> None:
    tag = "${aws:PrincipalTag/team}"
    needs = granted(statement(Condition={"StringLike": {"aws:PrincipalOrgID": tag}}))
    several = granted(statement(Condition={"ForAnyValue:StringLike": {"aws:PrincipalOrgPaths": f"{tag}/*"}}))
    lenient = granted(statement(Condition={"StringLikeIfExists": {"aws:PrincipalOrgID": tag}}))
    negated = granted(statement(Condition={"StringNotLike": {"aws:PrincipalOrgID": tag}}))

    # AWS services are in no organization.
    assert excludes(needs, region(principals=CLOUDTRAIL)).verdict == PROVEN
    assert excludes(several, region(principals=CLOUDTRAIL)).verdict == PROVEN
    assert excludes(lenient, region(principals=CLOUDTRAIL)).verdict == UNKNOWN
    assert excludes(negated, region(principals=CLOUDTRAIL)).verdict == UNKNOWN
    assert excludes(needs, region(principals=texts(READER))).verdict == UNKNOWN


def test_in_the_old_version_a_variable_is_plain_text() -> None:
    old = policy(statement(Condition={"StringEquals": {"aws:userid": "${aws:username}"}}), Version="2008-10-17")
    answer = reaches(allowed(old, SCOPE))
    assert answer.witness is not None
    assert answer.witness["context"] == {"aws:userid": "${aws:username}"}


def test_several_values_of_one_key() -> None:
    paths = {"aws:PrincipalOrgPaths": "o-a/*"}
    every = region(context={"aws:PrincipalOrgPaths": Many(every=~language([glob("o-a/*")]))})
    assert excludes(granted(statement(Condition={"ForAnyValue:StringLike": paths})), every)
    assert reaches(
        granted(statement(Condition={"ForAllValues:StringLike": paths})), every
    )  # holds where the key is missing
    answer = reaches(
        granted(statement(Condition={"ForAnyValue:StringLike": {**paths}, "ForAnyValue:StringNotLike": {**paths}}))
    )
    assert answer.witness is not None
    assert len(answer.witness["context"]["aws:PrincipalOrgPaths"]) == 2


def test_a_bucket_policy_adds_to_what_iam_allows_at_home() -> None:
    scope = bucket_scope("arn:aws:s3:::logs", HOME)
    under = policy(statement(Principal={"AWS": READER}, Action="s3:GetObject", Resource="arn:aws:s3:::logs/AWSLogs/*"))
    found = allowed(under, scope)
    answer = reaches(found, region(principals=in_account(AWAY)))
    assert answer.witness is not None
    assert answer.witness["resource"].startswith("arn:aws:s3:::logs/AWSLogs/")
    assert verdict(dict(answer.witness), under)
    home = reaches(found, region(principals=in_account(HOME), actions=["s3:PutObject"]))
    assert home.witness is not None
    assert verdict(dict(home.witness), under)
    assert excludes(found, region(principals=in_account(AWAY), resources=texts("arn:aws:s3:::logs/other")))


def test_an_identity_policy_grants_to_whoever_has_it() -> None:
    own = parse_policy(
        {"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": "kms:Decrypt", "Resource": KEY}},
        resource_based=False,
    )
    found = allowed(own, SCOPE)
    assert covers(found, region(actions=["kms:Decrypt"]))
    assert excludes(found, region(actions=["kms:Encrypt"]))


def test_answers_do_not_depend_on_the_order_of_statements() -> None:
    documents = [statement(Principal={"AWS": f"arn:aws:iam::{AWAY}:role/R{number}"}) for number in range(5)]
    documents.append(statement(Effect="Deny", Condition={"Null": {CONTEXT: "true"}}))
    answers = {str(reaches(granted(*order))) for order in itertools.permutations(documents)}
    assert len(answers) == 1


@pytest.mark.parametrize("readers", [1000])
def test_a_thousand_readers_and_a_hundred_trails(readers: int) -> None:
    trails = [f"arn:aws:cloudtrail:us-east-1:{number:012}:trail/t" for number in range(100)]
    documents = [
        statement(
            Principal={"AWS": f"{number:012}"},
            Condition={
                "ArnLike": {"aws:PrincipalArn": f"arn:aws:iam::{number:012}:role/Reader*"},
                "StringEquals": {CONTEXT: trails},
            },
        )
        for number in range(readers)
    ]
    found = granted(*documents)
    assert excludes(found, region(context={CONTEXT: Single(absent=True, values=~texts(*trails))}))
    assert excludes(found, region(identity=False) & region(principals=in_account(HOME)))
    assert reaches(found, region(principals=texts("arn:aws:iam::000000000999:role/Reader7")))


def test_a_scope_is_a_key_or_a_bucket() -> None:
    with pytest.raises(PolicyError, match="not the ARN of a key"):
        key_scope("arn:aws:s3:::logs")
    with pytest.raises(PolicyError, match="not the ARN of a bucket"):
        bucket_scope(KEY, HOME)


def test_what_is_read_with_too_few_steps_is_read_again() -> None:
    """What is remembered must not be what a bound cut short."""
    exhausted = []
    for steps in range(0, 400, 5):
        role = f"arn:aws:iam::{AWAY}:role/*/R*{steps}"
        read = statement(Effect="Deny", Condition={"ArnNotLike": {"aws:PrincipalArn": role}})
        with bounded(steps) as work, suppress(UndecidedError):
            granted(read)
        exhausted.append(work.exhausted)
        found = granted(read)
        assert found.deny.exact
        assert found.deny.reasons == ()

    assert exhausted[0]
    assert not exhausted[-1]
