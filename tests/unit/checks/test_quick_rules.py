"""Rule E1101 of cfn-lint asks the child rules that name a place, as it does by itself, and looks at no other."""

from __future__ import annotations

from typing import Any
from unittest.mock import MagicMock, PropertyMock

import pytest

from trailkey.checks.lint import prepare
from trailkey.checks.quick_rules import ask_who_names_the_place


@pytest.fixture
def rule() -> Any:
    """Return a rule E1101 whose child rules are to be set, asked of what they name alone."""
    made = type(prepare()[0]["E1101"])()
    ask_who_names_the_place(made)
    assert vars(made).keys() >= {"initialize", "cfnLint"}, (
        "cfn-lint has another rule E1101: read it, and renew `_READ` of checks/quick_rules.py"
    )
    return made


def test_the_rule_of_the_set_that_lints_is_so() -> None:
    assert "cfnLint" in vars(prepare()[0]["E1101"])


def found(rule: Any, *places: str) -> list[Any]:
    return list(rule.cfnLint(MagicMock(), list(places), {}, {}))


def child(*keywords: str) -> MagicMock:
    """Return a child rule that names places, and finds itself in each that it is asked about."""
    made = MagicMock(keywords=list(keywords))
    made.validate.side_effect = lambda _validator, place, _instance, _schema: [MagicMock(by=(made, place))]
    return made


def test_the_child_rules_that_name_a_place_are_asked_in_their_order(rule: Any) -> None:
    one, two, other = child("Resources/*", "Outputs"), child("Resources/*"), child("Outputs")
    rule.child_rules = {"E1": one, "E2": None, "E3": two, "E4": other}

    assert [error.by for error in found(rule, "Resources", "Outputs", "Resources/*")] == [
        (one, "Outputs"),
        (other, "Outputs"),
        (one, "Resources/*"),
        (two, "Resources/*"),
    ]
    assert found(rule, "Resources", "Resources/*/Properties") == []


def test_other_child_rules_are_not_looked_at(rule: Any) -> None:
    one, other = child("Resources/*"), child("Outputs")
    rule.child_rules = {"E1": one, "E2": other}
    found(rule, "Resources")
    type(other).id = seen = PropertyMock(return_value="E2")

    assert len(found(rule, "Resources", "Resources/*")) == 1
    seen.assert_not_called()
    assert len(found(rule, "Outputs")) == 1
    seen.assert_called()


def test_the_places_that_a_rule_names_for_one_template_are_not_those_of_the_next(rule: Any) -> None:
    one = child("Resources/*")
    rule.child_rules = {"E1": one}
    assert (len(found(rule, "Resources/*")), len(found(rule, "Outputs/*"))) == (1, 0)

    one.keywords = ["Outputs/*"]
    rule.initialize(MagicMock())

    assert (len(found(rule, "Resources/*")), len(found(rule, "Outputs/*"))) == (0, 1)


def test_what_another_version_does_in_that_rule_is_left_as_it_is() -> None:
    class Rule:
        def initialize(self, _template: Any) -> None: ...

    class Other(Rule):
        def cfnLint(self, _validator: Any, places: list[str], _instance: Any, _schema: Any) -> list[str]:  # noqa: N802 # its name
            return places

    without, other = Rule(), Other()
    for rule in (without, other):
        ask_who_names_the_place(rule)

    assert vars(without) == vars(other) == {}
    assert found(other, "Resources") == ["Resources"]
