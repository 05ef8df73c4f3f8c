"""One pattern against another, and rules made simple, against every text of up to five characters."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trailkey.access.algebra.automata import matches
from trailkey.access.algebra.patterns import DIGIT, NOT_COLON, Chars, Pattern, Run, arn, glob, row
from trailkey.access.algebra.unions import (
    EVERYTHING,
    NOTHING,
    AllOf,
    AnyOf,
    Expression,
    Not,
    conjunction,
    negate,
    union_of,
)

UNIVERSE = tuple("".join(chars) for length in range(6) for chars in itertools.product("a:*", repeat=length))
GLOBS = st.text(alphabet="a:*?", max_size=5).map(glob)
ITEMS: tuple[str | Run | Chars, ...] = ("a", ":", Run(NOT_COLON), NOT_COLON, Chars(frozenset("a*")), Chars(frozenset()))


@st.composite
def rows(draw: st.DrawFn) -> Pattern:
    """A pattern such as only this package makes: runs and characters of a part of all characters, or of none."""
    return row(item for item, _ in itertools.groupby(draw(st.lists(st.sampled_from(ITEMS), max_size=5))))


PATTERNS = st.one_of(GLOBS, rows())
UNIONS = st.lists(PATTERNS, max_size=3).map(union_of)


def texts_of(rule: Expression) -> set[str]:
    return {text for text in UNIVERSE if matches(rule, text)}


def texts_of_one(pattern: Pattern) -> set[str]:
    return texts_of(AnyOf((pattern,)))


@given(PATTERNS, PATTERNS)
def test_two_patterns_clash_exactly_if_they_share_no_text(one: Pattern, two: Pattern) -> None:
    # Five characters are enough for a shared text of the shortest kind, unless the two want more between them.
    shared = texts_of_one(one) & texts_of_one(two)
    if shared:
        assert not one.clashes(two)
    elif len(one.ones) + len(two.ones) <= 5:
        assert one.clashes(two)


@given(PATTERNS, PATTERNS)
def test_what_a_pattern_takes_in_it_matches(one: Pattern, two: Pattern) -> None:
    if one.takes_in(two):
        assert texts_of_one(two) <= texts_of_one(one)
    assert one.takes_in(one)


@given(PATTERNS, PATTERNS)
def test_patterns_meet_in_the_texts_of_both(one: Pattern, two: Pattern) -> None:
    both = one.meet(two)
    if both is not None:
        assert texts_of(AnyOf(both)) == texts_of_one(one) & texts_of_one(two)


@pytest.mark.parametrize(
    ("one", "two", "both"),
    [
        ("arn:aws:iam::*:role/*", "arn:aws:iam::2222:*", ["arn:aws:iam::2222:role/*"]),
        ("a*", "*b", ["a*b"]),
        ("ab", "a?", ["ab"]),
        ("a*", "b*", []),
        ("*a*", "*b*", ["*a*b*", "*b*a*"]),
    ],
)
def test_what_patterns_of_policies_meet_in(one: str, two: str, both: list[str]) -> None:
    left, right = glob(one), glob(two)
    if one.startswith("arn:"):
        narrow = arn(one)
        assert narrow is not None
        left = narrow
    found = left.meet(right)
    assert found is not None
    assert sorted(pattern.text for pattern in found) == both


def test_patterns_that_meet_in_too_many_ways_are_left_apart() -> None:
    assert glob("*a*b*").meet(glob("*c*d*")) is None


def test_what_is_spelled_out_between_wildcards() -> None:
    assert glob("ab*c?d").stretches == ("ab", "c", "d")
    assert row(["x", DIGIT, "y", Run(NOT_COLON)]).stretches == ("x", "y")
    assert glob("*").stretches == ()


@st.composite
def rules(draw: st.DrawFn, depth: int = 3) -> Expression:
    """A rule as operations leave it."""
    if depth == 0 or draw(st.booleans()):
        return draw(UNIONS)
    one = draw(rules(depth - 1))
    return negate(one) if draw(st.booleans()) else conjunction(one, draw(rules(depth - 1)))


@given(rules(), rules())
def test_a_conjunction_holds_what_both_hold(one: Expression, two: Expression) -> None:
    assert texts_of(conjunction(one, two)) == texts_of(one) & texts_of(two)
    assert texts_of(negate(one)) == set(UNIVERSE) - texts_of(one)


@given(st.lists(PATTERNS, max_size=4))
def test_a_union_holds_what_any_holds_in_one_order(patterns: list[Pattern]) -> None:
    assert texts_of(union_of(patterns)) == set().union(*map(texts_of_one, patterns))
    assert union_of(patterns) == union_of(reversed(patterns))


def test_a_union_drops_what_another_takes_in() -> None:
    assert union_of(map(glob, ["ab*", "a*", "abc", "b"])).patterns == (glob("a*"), glob("b"))
    assert union_of(map(glob, ["a*!c", "a*c"])).patterns == (glob("a*c"),)
    assert union_of([glob("a"), glob("*")]) is EVERYTHING
    assert union_of([]) is NOTHING


def test_a_part_says_what_another_need_not() -> None:
    """Everybody but an account, within a part of everybody: the nested negations come out as plain unions."""
    people, account, role = union_of([glob("p*")]), union_of([glob("p2*")]), union_of([glob("p2r*"), glob("p3r")])
    others = conjunction(people, Not(account))
    assert others == AllOf((people, Not(account)))
    assert conjunction(role, Not(others)) == union_of([glob("p2r*")])
    assert conjunction(people, Not(others)) == account
    assert conjunction(union_of([glob("q*")]), Not(others)) == union_of([glob("q*")])
    assert conjunction(account, others) is NOTHING


def test_excluding_twice_changes_nothing() -> None:
    one, two = union_of([glob("*a*b*")]), union_of([glob("*c*d*")])
    both = conjunction(one, two)
    assert both == AllOf((one, two))
    assert conjunction(Not(one), negate(both)) == Not(one)
