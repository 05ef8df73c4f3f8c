from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from trailkey.access.language.conditions import Condition, holds, read_date, resolve
from trailkey.errors import PolicyError

if TYPE_CHECKING:
    from collections.abc import Mapping

KEY = "aws:TagKeys"


def check(
    operator: str,
    values: list[str],
    context: Mapping[str, tuple[str, ...]],
    quantifier: str = "",
    *,
    if_exists: bool = False,
    variables: bool = True,
) -> bool:
    condition = Condition(operator, quantifier, if_exists, KEY, tuple(values))
    return holds(condition, context, variables=variables)


def test_several_values_without_a_set_operator() -> None:
    several = {"aws:tagkeys": ("a", "b")}
    assert check("StringEquals", ["b"], several)
    assert not check("StringEquals", ["c"], several)
    assert not check("StringNotEquals", ["b"], several)
    assert check("StringNotEquals", ["c"], several)


def test_a_key_with_no_values_is_missing() -> None:
    assert check("Null", ["true"], {"aws:tagkeys": ()})
    assert check("StringEquals", ["a"], {"aws:tagkeys": ()}, "ForAllValues")
    assert not check("StringEquals", ["a"], {"aws:tagkeys": ()}, "ForAnyValue")


def test_an_empty_text_is_a_value_without_set_operators() -> None:
    empty = {"aws:tagkeys": ("",)}
    assert check("StringEquals", [""], empty)
    assert check("Null", ["false"], empty)


def test_a_negated_set_operator_on_a_missing_key() -> None:
    assert not check("StringNotEquals", ["a"], {}, "ForAnyValue")
    assert check("StringNotEquals", ["a"], {}, "ForAllValues")
    assert check("StringNotEquals", ["a"], {}, "ForAnyValue", if_exists=True)


def test_null_with_both_values_always_holds() -> None:
    assert check("Null", ["true", "false"], {})
    assert check("Null", ["true", "false"], {"aws:tagkeys": ("a",)})


@pytest.mark.parametrize(
    ("operator", "value", "given"),
    [
        ("NumericNotEquals", "1", "one"),
        ("DateNotEquals", "2026-01-01", "later"),
        ("NotIpAddress", "203.0.113.0/24", "nowhere"),
        ("ArnNotLike", "arn:*:*:*:*:*", "nothing"),
    ],
)
def test_a_value_of_another_type_matches_nothing(operator: str, value: str, given: str) -> None:
    assert check(operator, [value], {"aws:tagkeys": (given,)})


def test_a_variable_on_a_key_with_several_values_is_refused() -> None:
    with pytest.raises(PolicyError, match=r"aws:principaltag/team.*2 values"):
        check(
            "StringEquals", ["${aws:PrincipalTag/team}"], {"aws:tagkeys": ("a",), "aws:principaltag/team": ("a", "b")}
        )


def test_defaults_keep_their_case_and_may_be_empty() -> None:
    assert resolve("x-${ aws:PrincipalTag/Team , 'None' }-y", {}, pattern=False) == "x-None-y"
    assert resolve("${aws:username, ''}", {}, pattern=False) == ""
    assert resolve("${aws:username}", {}, pattern=False) is None


def test_a_filled_in_value_is_not_read_again() -> None:
    context = {"aws:username": ("${aws:userid}",), "aws:userid": ("secret",)}
    assert resolve("${aws:username}", context, pattern=False) == "${aws:userid}"


def test_a_date_without_zone_is_in_utc_wherever_this_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TZ", "Asia/Tokyo")
    time.tzset()
    try:
        assert read_date("2027-01-01") == datetime(2027, 1, 1, tzinfo=UTC)
    finally:
        monkeypatch.undo()
        time.tzset()
