"""What templates are made of, as plain data."""

from __future__ import annotations

from trailkey.cloudformation.shapes import within


def test_a_value_is_given_with_all_that_it_holds_in_the_order_of_the_text() -> None:
    inner = {"c": [1, "d"], "e": None}
    whole = {"a": inner, "b": "f"}

    assert list(within(whole)) == [whole, inner, [1, "d"], 1, "d", None, "f"]
    assert list(within("text")) == ["text"]


def test_depth_is_no_limit() -> None:
    deep: object = "bottom"
    for _ in range(5000):
        deep = [deep]

    assert list(within(deep))[-1] == "bottom"
