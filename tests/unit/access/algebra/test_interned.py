"""Equal values are one object, however they are made and by however many threads."""

from __future__ import annotations

import gc
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import pytest

from trailkey.access.algebra.boxes import Many, Single
from trailkey.access.algebra.languages import ALL, Language, language, texts
from trailkey.access.algebra.patterns import Chars, Pattern, glob
from trailkey.access.algebra.unions import AnyOf, Not

if TYPE_CHECKING:
    from collections.abc import Callable


@pytest.mark.parametrize(
    "make",
    [
        lambda: Chars(frozenset("ab"), others=True),
        lambda: Pattern(glob("a*b").ones, glob("a*b").runs),
        lambda: AnyOf((glob("a*b"),)),
        lambda: Not(AnyOf((glob("a*b"),))),
        lambda: texts("a", "b"),
        lambda: ~texts("a", "b") & ALL,
        lambda: Single(language([glob("a*")]), absent=True),
        lambda: Many(some=(texts("a"),)),
    ],
)
def test_equal_values_are_one_object(make: Callable[[], Any]) -> None:
    assert make() is make()


def test_values_that_differ_in_one_part_are_others() -> None:
    a = texts("a")
    assert Single(a) is Single(a, False) is Single(values=a) is not Single(a, absent=True)
    assert Language(a.expression, frozenset("a")) is a is not texts("b")


def test_what_nobody_holds_any_longer_is_let_go() -> None:
    gc.collect()
    before = len(Chars._there)
    held = [Chars(frozenset(chr(at)), others=True) for at in range(0x3000, 0x3100)]
    assert len(Chars._there) >= before + len(held)
    del held
    gc.collect()
    assert len(Chars._there) <= before


def test_threads_that_make_the_same_get_the_same() -> None:
    def make(_: int) -> list[Language]:
        return [texts(f"thread-{at}") for at in range(300)]

    with ThreadPoolExecutor(8) as pool:
        first, *others = pool.map(make, range(8))
    assert all(mine is its for made in others for mine, its in zip(first, made, strict=True))
