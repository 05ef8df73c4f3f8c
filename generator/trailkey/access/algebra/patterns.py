"""One IAM pattern as a row of character sets: what ``*``, ``?`` and the parts of an ARN may stand for.

``*`` stands for any run of characters (also none), ``?`` for exactly one, everything else for itself.
https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_condition_operators.html
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import TYPE_CHECKING, Final

from trailkey.access.algebra.interned import Interned
from trailkey.access.algebra.work import step
from trailkey.access.language.matching import UNMARK

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator


@dataclass(frozen=True, eq=False, slots=True, weakref_slot=True)
class Chars(metaclass=Interned):
    """A set of characters: the listed ones, or with ``others`` all but the listed ones."""

    listed: frozenset[str]
    others: bool = False

    def takes_in(self, smaller: Chars) -> bool:
        """Return whether every character of ``smaller`` is one of these."""
        if self.others:
            return self.listed <= smaller.listed if smaller.others else self.listed.isdisjoint(smaller.listed)
        return not smaller.others and smaller.listed <= self.listed


ANY: Final = Chars(frozenset(), others=True)
NOT_COLON: Final = Chars(frozenset(":"), others=True)
DIGIT: Final = Chars(frozenset("0123456789"))
ACCOUNT_ID: Final = "\ufdd2"
"""Stands for any account id in a pattern's text: like the marks of ``matching``, a code point no document carries."""


@dataclass(frozen=True, slots=True)
class Run:
    """Any number of characters of one set, also none."""

    of: Chars


_Meeting = tuple[int, int, list[Chars], list[Chars | None]]


@dataclass(frozen=True, eq=False)
class Pattern(metaclass=Interned):
    """A row of single characters (``ones``) with a run allowed before, between and behind them (``runs``, one longer)."""

    ones: tuple[Chars, ...]
    runs: tuple[Chars | None, ...]

    @cached_property
    def text(self) -> str:
        """The pattern as one would write it; a set of characters is shown as ``[…]``."""
        parts = []
        for one, run in zip((*self.ones, None), self.runs, strict=True):
            parts.append("" if run is None else "*")
            if one is not None:
                parts.append(
                    next(iter(one.listed))
                    if _is_plain(one)
                    else "?"
                    if one.others
                    else f"[{''.join(sorted(one.listed))}]"
                )
        return "".join(parts)

    @cached_property
    def literal(self) -> str | None:
        """The one text that matches, where the pattern has no wildcard."""
        return self.prefix if len(self.prefix) == len(self.ones) and self.runs[-1] is None else None

    @cached_property
    def prefix(self) -> str:
        """What every matching text begins with."""
        return "".join(_plain(self.ones, self.runs))

    @cached_property
    def suffix(self) -> str:
        """What every matching text ends with."""
        return "".join(_plain(reversed(self.ones), reversed(self.runs)))[::-1]

    @cached_property
    def stretches(self) -> tuple[str, ...]:
        """The text between wildcards, which so is in every pattern that this one covers."""
        found = [""]
        for one, run in zip(self.ones, self.runs, strict=False):
            if run is not None or not _is_plain(one):
                found.append("")
            if _is_plain(one):
                found[-1] += next(iter(one.listed))
        return tuple(stretch for stretch in found if stretch)

    def clashes(self, other: Pattern) -> bool:
        """Return whether no text matches both."""
        return _clash(self, other)

    def takes_in(self, other: Pattern) -> bool:
        """Return True where every text of ``other`` matches this one too, seen character by character (False: perhaps)."""
        return _takes_in(self, other)

    def meet(self, other: Pattern) -> tuple[Pattern, ...] | None:
        """Return the texts of both patterns as the union of a few, or None where it takes more than a few.

        ``arn:aws:iam::*:role/*`` for ArnLike, the callers of an account and the shape of a role's ARN make one pattern.
        """
        return _in_both(self, other)


# Two patterns are read side by side, from where they no longer spell out the same characters.


@lru_cache(maxsize=32768)
def _clash(one: Pattern, two: Pattern) -> bool:
    start = _where_they_part(one, two)
    if start is None or not (one.suffix.endswith(two.suffix) or two.suffix.endswith(one.suffix)):
        return True
    ones, runs, others, other_runs = (*one.ones, None), one.runs, (*two.ones, None), two.runs
    seen, waiting = {(start, start)}, [(start, start)]
    while waiting:
        mine, its = waiting.pop()
        before = mine
        while runs[mine] is None and other_runs[its] is None and _common(ones[mine], others[its]):
            mine, its = mine + 1, its + 1  # one way to go on, as nearly everywhere
        left, run, right, other_run = ones[mine], runs[mine], others[its], other_runs[its]
        if left is None and right is None:
            return False
        step(1 + (mine - before) // 8)
        ways = (left, right, (mine + 1, its + 1)), (run, right, (mine, its + 1)), (left, other_run, (mine + 1, its))
        for char, other, then in ways:
            if then not in seen and _common(char, other):
                seen.add(then)
                waiting.append(then)
    return True


@lru_cache(maxsize=32768)
def _takes_in(one: Pattern, two: Pattern) -> bool:
    if one.runs == (ANY,):
        return True
    start = len(one.prefix)
    if not (two.prefix.startswith(one.prefix) and all(stretch in two.text for stretch in one.stretches)):
        return False
    ones, runs = (*one.ones, None), one.runs

    def behind(places: set[int], chars: Chars, *, forward: bool) -> set[int]:
        stay = {place for place in places if (run := runs[place]) and run.takes_in(chars)}
        moved = {place + 1 for place in places if forward and (char := ones[place]) and char.takes_in(chars)}
        return stay | moved

    places = {start}
    step(1 + (len(two.runs) - start) // 4)
    for at in range(start, len(two.runs)):
        run = two.runs[at]
        if run is not None:
            places = behind(places, run, forward=False)
        if at < len(two.ones):
            places = behind(places, two.ones[at], forward=True)
        if not places:
            return False
    return len(one.ones) in places


@lru_cache(maxsize=8192)
def _in_both(one: Pattern, two: Pattern) -> tuple[Pattern, ...] | None:
    found: list[Pattern] = []
    start = _where_they_part(one, two)
    waiting: list[_Meeting] = [] if start is None else [(start, start, [*one.ones[:start]], [None] * start)]
    while waiting:
        mine, its, ones, runs = waiting.pop()
        while True:
            step()
            runs.append(_common(one.runs[mine], two.runs[its]))
            if mine == len(one.ones) and its == len(two.ones):
                found.append(Pattern(tuple(ones), tuple(runs)))
            first, *others = _ways(one, two, mine, its) or (None,)
            waiting += [(left, right, [*ones, char], [*runs]) for char, left, right in others]
            if len(found) + len(waiting) > _FEW:
                return None
            if first is None:
                break
            char, mine, its = first
            ones.append(char)
    return tuple(found)


def _ways(one: Pattern, two: Pattern, mine: int, its: int) -> list[tuple[Chars, int, int]]:
    """Return the characters that lead on from a place in each of two patterns, with the places behind them."""
    left = one.ones[mine] if mine < len(one.ones) else None
    right = two.ones[its] if its < len(two.ones) else None
    ways = (
        (_common(left, right), mine + 1, its + 1),
        (_common(one.runs[mine], right), mine, its + 1),
        (_common(left, two.runs[its]), mine + 1, its),
    )
    return [(common, left, right) for common, left, right in ways if common is not None]


def _where_they_part(one: Pattern, two: Pattern) -> int | None:
    """Return up to where both spell out the same characters, or None where they begin differently."""
    start = min(len(one.prefix), len(two.prefix))
    return start if one.prefix[:start] == two.prefix[:start] else None


@lru_cache(maxsize=16384)
def glob(text: str, *, fold: bool = False) -> Pattern:
    """Return the pattern of StringLike, of an action or of a resource; with ``fold`` letters match in either case.

    The two marks of ``matching`` stand for a plain ``*`` and ``?``, as policy variables bring them in, and ``ACCOUNT_ID``
    for twelve digits.
    """
    return row(_items(text, fold=fold))


@lru_cache(maxsize=16384)
def arn(text: str) -> Pattern | None:
    """Return the pattern of ArnLike and ArnEquals, or None where it has fewer than six parts.

    Each part is compared by itself: wildcards of the first five never reach over a colon, the sixth may hold colons.
    """
    part = 0
    found: list[Chars | Run] = []
    for item in _items(text, fold=False):
        if part < 5 and isinstance(item, Run):
            found.append(Run(NOT_COLON))
        elif part < 5 and item == ANY:
            found.append(NOT_COLON)
        else:
            found.append(item)
            part += item == _COLON
    return row(found) if part >= 5 else None


def row(items: Iterable[Chars | Run | str]) -> Pattern:
    """Return the pattern of these items in a row; a text stands for its characters.

    Raises:
        ValueError: two different runs side by side, which a pattern cannot hold.
    """
    ones: list[Chars] = []
    runs: list[Chars | None] = [None]
    for item in items:
        if isinstance(item, Run):
            if runs[-1] not in (None, item.of):
                raise ValueError("two different runs side by side")
            runs[-1] = item.of
            continue
        for one in [item] if isinstance(item, Chars) else map(_char, item):
            ones.append(one)
            runs.append(None)
    return Pattern(tuple(ones), tuple(runs))


_FEW: Final = 4
"""How many patterns an intersection of two may be written as."""
_COLON: Final = Chars(frozenset(":"))
_LOOKALIKES: Final = {"k": "\u212a", "s": "\u017f"}  # the two ASCII letters that Unicode folds another character into


def _items(text: str, *, fold: bool) -> Iterator[Chars | Run]:
    for char in text:
        if char in "*?":
            yield Run(ANY) if char == "*" else ANY
        elif char == ACCOUNT_ID:
            yield from (DIGIT,) * 12
        else:
            plain = char.translate(UNMARK)
            yield _either_case(plain) if fold else _char(plain)


@lru_cache(maxsize=1024)
def _char(char: str) -> Chars:
    return Chars(frozenset(char))


@lru_cache(maxsize=1024)
def _either_case(char: str) -> Chars:
    cases = (char.lower(), char.upper(), *_LOOKALIKES.get(char.lower(), ""))
    return Chars(frozenset(case for case in cases if len(case) == 1))


def _plain(ones: Iterable[Chars], runs: Iterable[Chars | None]) -> Iterator[str]:
    for one, run in zip(ones, runs, strict=False):
        if run is not None or not _is_plain(one):
            return
        yield from one.listed


@lru_cache(maxsize=8192)
def _common(one: Chars | None, two: Chars | None) -> Chars | None:
    """Return the characters in both sets, or None where there are none."""
    if one is None or two is None:
        return None
    if one.others and two.others:
        return one if one.listed >= two.listed else Chars(one.listed | two.listed, others=True)
    if one.others:
        one, two = two, one
    listed = one.listed - two.listed if two.others else one.listed & two.listed
    return None if not listed else one if len(listed) == len(one.listed) else Chars(listed)


def _is_plain(one: Chars) -> bool:
    return not one.others and len(one.listed) == 1
