"""Boxes and intervals against every request of a small world."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trailkey.access.algebra.boxes import EVERYWHERE, Box, Constraint, Many, Single, box, coalesce, subtract
from trailkey.access.algebra.intervals import intervals, meet
from trailkey.access.algebra.languages import ALL, EMPTY, language, texts
from trailkey.access.algebra.patterns import glob
from trailkey.access.algebra.request_sets import EVERY_REQUEST, NO_REQUEST, UNKNOWN, Answer, RequestSet, exactly, joined
from trailkey.access.language.conditions import OPERATORS, value_test
from trailkey.errors import UndecidedError

LETTERS = ("a", "b", "ab")
SUBSETS = tuple(itertools.chain.from_iterable(itertools.combinations(LETTERS, size) for size in range(4)))
WORLD: tuple[dict[str, tuple[str, ...]], ...] = tuple(
    {"one": one, "two": two, "k:many": many}
    for one in ((), ("a",), ("b",), ("ab",))
    for two in ((), ("a",), ("ab",))
    for many in SUBSETS
)

LANGUAGES = st.sampled_from(
    (
        *(texts("a"), texts("a", "b"), texts("ab"), ~texts("a"), ALL, EMPTY),
        *(language([glob("a*")]), language([glob("?")]), ~language([glob("*b")])),
    )
)
SINGLES = st.builds(Single, LANGUAGES, st.booleans())
MANIES = st.builds(Many, LANGUAGES, st.lists(LANGUAGES, max_size=2).map(tuple))


@st.composite
def boxes(draw: st.DrawFn) -> list[Box]:
    sides: dict[str, Constraint] = {}
    for name in ("one", "two"):
        if draw(st.booleans()):
            sides[name] = draw(SINGLES)
    if draw(st.booleans()):
        sides["k:many"] = draw(MANIES)
    found = box(sides)
    return [] if found is None else [found]


LISTS = st.lists(boxes(), max_size=3).map(lambda lists: [one for found in lists for one in found])


def members(found: list[Box] | tuple[Box, ...]) -> set[int]:
    return {at for at, request in enumerate(WORLD) if any(one.admits(request) for one in found)}


def test_what_two_boxes_have_in_common_is_one_box_whichever_comes_first() -> None:
    one, two = box({"b": texts("x")}), box({"a": texts("y")})
    assert one
    assert two
    assert one.meet(two) == two.meet(one) == box({"a": texts("y"), "b": texts("x")})


@given(LISTS, LISTS)
def test_operations_agree_with_the_small_world(one: list[Box], two: list[Box]) -> None:
    both = [common for a in one for b in two if (common := a.meet(b)) is not None]
    left = [piece for a in one for piece in subtract(a, two)]
    assert members(both) == members(one) & members(two)
    assert members(left) == members(one) - members(two)
    assert members(coalesce(one + two)) == members(one) | members(two)


@given(LISTS, LISTS)
def test_sets_agree_with_the_small_world(one: list[Box], two: list[Box]) -> None:
    a, b = exactly(one), exactly(two)
    assert members((a | b).inner) == members(one) | members(two)
    assert members((a & b).inner) == members(one) & members(two)
    assert members((a - b).inner) == members(one) - members(two)
    assert not (a - a).outer
    assert (a - (a - b)).exact


@given(MANIES)
def test_demand_on_several_values_is_empty_if_no_set_meets_it(side: Many) -> None:
    longer = [*LETTERS, "c", "bb", "cab", "aa"]
    sets = [chosen for size in range(4) for chosen in itertools.combinations(longer, size)]
    assert side.is_empty() != any(side.admits(chosen) for chosen in sets)
    outside = side.complement()
    for chosen in sets:
        assert side.admits(chosen) != any(other.admits(chosen) for other in outside)


def test_a_box_that_nothing_meets_is_none() -> None:
    assert box({"one": Single(absent=False, values=EMPTY)}) is None
    assert box({"k:many": Many(every=texts("a"), some=(texts("b"),))}) is None
    assert box({"k:many": Many(every=texts("a", ""), some=(texts(""),))}) is None  # no value is empty
    assert box({"one": Single(absent=True, values=ALL)}) == EVERYWHERE


def test_a_thousand_boxes_alike_but_for_one_side_are_one() -> None:
    many = [box({"one": Single(absent=False, values=texts(str(number)))}) for number in range(1000)]
    assert len(coalesce(one for one in many if one)) == 1


def test_bounds_stay_apart_where_something_is_not_known() -> None:
    part = box({"one": Single(absent=False, values=texts("a"))})
    assert part is not None
    perhaps = RequestSet((), (part,), ("why",))
    assert perhaps.admits({"one": ("a",)}) is None
    assert perhaps.admits({"one": ("b",)}) is False
    assert (EVERY_REQUEST - perhaps).admits({"one": ("a",)}) is None
    assert (EVERY_REQUEST - perhaps).admits({"one": ("b",)}) is True
    assert (perhaps - EVERY_REQUEST).admits({"one": ("a",)}) is False
    assert joined([perhaps, NO_REQUEST]).reasons == ("why",)
    assert not (perhaps & EVERY_REQUEST).exact
    assert not Answer(UNKNOWN)


NUMBERS = ("0", "7", "7.5", "-3", "1e3", "x", "", "10")
DATES = ("2026-01-01", "2026-01-01T00:00:00Z", "2025-12-31T23:59:59+01:00", "1700000000", "20", "soon", "2026-06-01")
ADDRESSES = ("10.0.0.1", "10.0.1.1", "203.0.113.9", "2001:db8::1", "::1", "none")
TYPED = (
    *(
        (f"Numeric{end}", value, NUMBERS)
        for end in ("Equals", "NotEquals", "LessThan", "GreaterThanEquals")
        for value in ("7", "0", "1e3")
    ),
    *(
        (f"Date{end}", value, DATES)
        for end in ("Equals", "LessThanEquals", "GreaterThan")
        for value in ("2026-01-01", "1700000000")
    ),
    *(
        (f"{start}IpAddress", value, ADDRESSES)
        for start in ("", "Not")
        for value in ("10.0.0.0/24", "10.0.0.1", "2001:db8::/32")
    ),
)


@pytest.mark.parametrize(("operator", "value", "given"), TYPED)
def test_intervals_hold_what_the_operator_lets_pass(operator: str, value: str, given: tuple[str, ...]) -> None:
    found, passes = intervals(operator, value), value_test(operator, value)
    for text in given:
        assert found.contains(text) == passes(text), text
        assert (~found).contains(text) != passes(text), text
    for side in (found, ~found):
        witness = side.witness()
        assert witness is not None
        assert side.contains(witness)
    assert OPERATORS[operator].negated == ("Not" in operator)


@given(st.lists(st.tuples(st.sampled_from(TYPED[:12]), st.booleans()), min_size=1, max_size=4))
def test_intervals_combine_as_sets(chosen: list[tuple[tuple[str, str, tuple[str, ...]], bool]]) -> None:
    parts = [~intervals(op, value) if inverted else intervals(op, value) for (op, value, _), inverted in chosen]
    every, some = parts[0], parts[0]
    for part in parts[1:]:
        every, some = every & part, some | part
    for text in NUMBERS:
        assert every.contains(text) == all(part.contains(text) for part in parts)
        assert some.contains(text) == any(part.contains(text) for part in parts)
    witness = every.witness()
    assert (witness is None) == every.is_empty()
    assert witness is None or every.contains(witness)


def test_texts_and_numbers_meet_where_that_is_decidable() -> None:
    small = intervals("NumericLessThan", "10")
    assert meet(texts("7", "70", "x"), small) == texts("7")
    assert meet(ALL, small) == small
    assert meet(EMPTY, small) == EMPTY
    with pytest.raises(UndecidedError, match="wildcards"):
        meet(language([glob("7*")]), small)
    with pytest.raises(UndecidedError, match="Numeric and as Date"):
        meet(small, intervals("DateEquals", "2026-01-01"))
    joined_up = small | intervals("NumericGreaterThan", "20")
    assert [joined_up.contains(text) for text in ("9", "10", "20", "21")] == [True, False, False, True]


def test_moments_are_told_apart_as_far_as_requests_are_decided() -> None:
    written, later = "1700000000.1234567", "1700000000.1234568"
    assert intervals("DateEquals", written).contains(later) is value_test("DateEquals", written)(later)
