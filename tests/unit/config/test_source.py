"""A config's text: each value with the line it is written in, and every problem of the text at once."""

from __future__ import annotations

import pytest
import yaml

from helpers import CONFIGS, TESTS
from trailkey.config.source import Mark, _parsed, parse


def test_each_value_has_the_line_of_its_key_or_its_own() -> None:
    source = parse('a:\n  - "b"\n  - c: 1\nd:\n\n  e', "f")

    assert source.data == {"a": ["b", {"c": 1}], "d": "e"}
    assert source.marks["a", 0] == Mark("f", 2, "b", quoted=True)
    assert source.marks["a", 1, "c"] == Mark("f", 3, "1")
    assert source.marks["d",] == Mark("f", 4, "e")


def test_an_alias_is_written_where_its_anchor_is() -> None:
    source = parse("a: &x\n  b: [1]\nc:\n  d: *x\n", "f")

    assert source.data == {"a": {"b": [1]}, "c": {"d": {"b": [1]}}}
    assert source.marks["c", "d"].line == 4
    assert source.marks["c", "d", "b", 0] == Mark("f", 2, "1")


@pytest.mark.parametrize(
    ("text", "data", "problem"),
    [
        ("a: *x\nb: 1", {"a": None, "b": 1}, "f:1: a: an alias that refers to nothing before it;"),
        ("a: &x [*x]\nb: 1", {"a": [None], "b": 1}, "f:1: a[0]: an alias that contains itself;"),
        ("a: 1\na: [2, [3]]\nb: 1", {"a": 1, "b": 1}, "f:2: a: key 'a' is given twice, first in line 1,"),
        ("a: 1\n[c, {d: e}]: {f: g}\nb: 1", {"a": 1, "b": 1}, "f:2: a key that is not text;"),
        ("a: !!int x\nb: 1", {"a": None, "b": 1}, "f:1: a: 'x' cannot be read as !!int;"),
        ("a: 2026-01-01\nb: 1\n---\nc: 1", None, "f:3: a second document begins;"),
    ],
)
def test_what_is_wrong_is_noted_and_the_rest_is_read(text: str, data: object, problem: str) -> None:
    source = parse(text, "f")

    assert source.data == data
    (found,) = (source.problem(*one) for one in source.problems)
    assert found.startswith(f"config error: {problem}")


def test_dates_are_text() -> None:
    assert parse("a: 2026-01-01", "f").data == {"a": "2026-01-01"}


TEXTS = sorted([*CONFIGS.values(), *TESTS.glob("bad/*/*.yaml")])


def test_both_parsers_of_yaml_give_the_same_values_lines_and_problems() -> None:
    for path in TEXTS:
        text = path.read_text(encoding="utf-8", errors="replace")
        assert parse(text, "f") == _parsed(text, "f", yaml.SafeLoader), path


def test_a_tab_before_a_value_is_yaml() -> None:
    assert parse("a:\tb\nc:  [1,\t2]\n", "f").data == {"a": "b", "c": [1, 2]}


def test_what_is_no_yaml_is_told_in_the_words_of_the_parser_that_says_more() -> None:
    ((_, problem),) = parse("a: {b: c, d: {e}\n", "f").problems
    assert "expected ',' or '}', but got '<stream end>'" in problem
