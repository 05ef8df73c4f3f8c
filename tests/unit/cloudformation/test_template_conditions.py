"""Conditions of a template: which truths are possible together, and what the values nobody has given are then."""

from __future__ import annotations

from typing import Any

import pytest

from trailkey.cloudformation.placeholders import Place
from trailkey.cloudformation.template_conditions import OTHER, Conditions
from trailkey.errors import PolicyError

HERE: dict[str, Any] = {"account": "111111111111", "region": "eu-central-1", "partition": "aws"}
TEXT = {"Type": "String"}
STAGE = {"Type": "String", "Default": "dev", "AllowedValues": ["dev", "test", "prod"]}


def equals(name: str, value: Any) -> dict[str, Any]:
    return {"Fn::Equals": [{"Ref": name}, value]}


PROD, TEST = equals("Stage", "prod"), equals("Stage", "test")


def conditions(
    formulas: dict[str, Any], *, known: frozenset[str] = frozenset(), given: dict[str, str] | None = None
) -> Conditions:
    template = {"Parameters": {"Stage": STAGE, "One": TEXT, "Two": TEXT}, "Conditions": formulas}
    return Conditions(template, Place(**HERE, parameters=given or {}), known)


@pytest.mark.parametrize(
    ("formulas", "truths", "choice"),
    [
        ({"A": PROD}, {"A": False}, {"Stage": "dev"}),
        ({"A": PROD}, {"A": True}, {"Stage": "prod"}),
        ({"A": PROD, "B": TEST}, {"A": False, "B": False}, {"Stage": "dev"}),
        ({"A": PROD, "B": TEST}, {"A": True, "B": True}, None),
        ({"A": equals("Stage", "other")}, {"A": True}, None),
        ({"A": equals("One", "x")}, {"A": False}, {"One": OTHER}),
        ({"A": equals("One", True)}, {"A": True}, {"One": "true"}),
        ({"A": {"Fn::Not": [PROD]}}, {"A": False}, {"Stage": "prod"}),
        ({"A": {"Fn::Or": [PROD, TEST]}}, {"A": True}, {"Stage": "prod"}),
        ({"A": {"Fn::And": [PROD, TEST]}}, {"A": True}, None),
        ({"A": PROD, "B": {"Fn::Not": [{"Condition": "A"}]}}, {"A": True, "B": True}, None),
        ({"A": {"Fn::Equals": ["x", "x"]}}, {"A": True}, {}),
        ({"A": {"Fn::Equals": ["x", "x"]}}, {"A": False}, None),
        ({"A": {"Fn::Equals": [{"Ref": "One"}, {"Ref": "One"}]}}, {"A": False}, None),
        ({"A": {"Fn::Equals": [{"Ref": "One"}, {"Ref": "Two"}]}}, {"A": False}, {'["One", "Two"]': "false"}),
        ({"A": {"Fn::Equals": [{"Fn::Sub": "${One}-x"}, "y-x"]}}, {"A": True}, {'{"Fn::Sub": "${One}-x"}': "y-x"}),
    ],
)
def test_truths_are_possible_under_some_values_or_under_none(
    formulas: dict[str, Any], truths: dict[str, bool], choice: dict[str, str] | None
) -> None:
    assert conditions(formulas).choice(truths) == choice


def test_what_is_given_is_no_longer_free() -> None:
    assert conditions({"A": PROD}, given={"Stage": "prod"}).choice({"A": True}) == {}
    assert conditions({"A": PROD}, given={"Stage": "prod"}).choice({"A": False}) is None


def test_region_is_free_unless_it_is_known_and_keeps_to_its_partition() -> None:
    abroad = equals("AWS::Region", "us-east-1")
    china = {"Fn::And": [equals("AWS::Partition", "aws-cn"), abroad]}

    assert conditions({"A": abroad}).choice({"A": True}) == {"AWS::Region": "us-east-1"}
    assert conditions({"A": abroad}, known=frozenset({"AWS::Region"})).choice({"A": True}) is None
    assert conditions({"A": china}).choice({"A": True}) is None


def test_chain_without_end_is_refused() -> None:
    with pytest.raises(PolicyError, match=r"^Conditions/[AB]: "):
        conditions({"A": {"Condition": "B"}, "B": {"Condition": "A"}}).choice({"A": True})


def test_too_many_free_values_are_refused_with_their_names() -> None:
    many = [f"P{number}" for number in range(9)]
    formulas = {name: {"Fn::Or": [equals(name, "a"), equals(name, "b")]} for name in many}

    with pytest.raises(PolicyError, match="P0, P1, P2, P3, P4, P5, P6, P7, P8 with --parameter"):
        conditions(formulas).choice(dict.fromkeys(many, True))
    assert conditions(formulas).choice({"P0": True}) == {"P0": "a"}


@pytest.mark.parametrize("formula", ["x", {"Fn::Equals": ["x"]}, {"Fn::Not": [PROD, TEST]}, {"Fn::If": ["A", 1, 2]}])
def test_text_that_is_no_condition_is_refused(formula: Any) -> None:
    with pytest.raises(PolicyError, match=r"^Conditions/A: "):
        conditions({"A": formula}).choice({"A": True})


def test_condition_that_is_missing_is_refused() -> None:
    with pytest.raises(PolicyError, match=r"^condition 'B': "):
        conditions({"A": {"Condition": "B"}}).choice({"A": True})
