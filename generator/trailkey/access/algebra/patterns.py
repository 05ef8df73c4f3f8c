"""One IAM pattern as a row of character sets: what ``*``, ``?`` and the parts of an ARN may stand for.

``*`` stands for any run of characters (also none), ``?`` for exactly one, everything else for itself.
https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_condition_operators.html
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import TYPE_CHECKING, Final

from trailkey.access.algebra.work import step
from trailkey.access.language.matching import UNMARK

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator


@dataclass(frozen=True, slots=True)
class Chars:
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


_Meeting = tuple[int, int, tuple[Chars, ...], tuple[Chars | None, ...]]


@dataclass(frozen=True)
class Pattern:
    """A row of single characters (``ones``) with a run allowed before, between and behind them (``runs``, one longer)."""

    ones: tuple[Chars, ...]
    runs: tuple[Chars | None, ...]

    def __hash__(self) -> int:
        return self._hash

    @cached_property
    def _hash(self) -> int:
        # Patterns are keys of every cache of the prover; walking some sixty sets for each look-up would be most of the time.
        return hash((self.ones, self.runs))

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
        start = self._shared_beginning(other)
        if start is None or not (self.suffix.endswith(other.suffix) or other.suffix.endswith(self.suffix)):
            return True
        seen, waiting = {(start, start)}, [(start, start)]
        while waiting:
            step()
            mine, its = waiting.pop()
            if mine == len(self.ones) and its == len(other.ones):
                return False
            for _, left, right in self._ways(other, mine, its):
                if (left, right) not in seen:
                    seen.add((left, right))
                    waiting.append((left, right))
        return True

    def takes_in(self, other: Pattern) -> bool:
        """Return True where every text of ``other`` matches this one too, seen character by character (False: perhaps)."""
        if self.runs == (ANY,):
            return True
        start = len(self.prefix)
        if not (other.prefix.startswith(self.prefix) and all(stretch in other.text for stretch in self.stretches)):
            return False
        states = {start}
        step(1 + (len(other.runs) - start) // 4)
        for at in range(start, len(other.runs)):
            run = other.runs[at]
            if run is not None:
                states = {place for place in states if self._loops(place, run)}
            if at < len(other.ones):
                one = other.ones[at]
                moved = {place + 1 for place in states if place < len(self.ones) and self.ones[place].takes_in(one)}
                states = moved | {place for place in states if self._loops(place, one)}
            if not states:
                return False
        return len(self.ones) in states

    def meet(self, other: Pattern) -> tuple[Pattern, ...] | None:
        """Return the texts of both patterns as the union of a few, or None where it takes more than a few.

        Both are read side by side; wherever there are several ways to go on, each makes a pattern of its own.
        ``arn:aws:iam::*:role/*`` for ArnLike, the callers of an account and the shape of a role's ARN make one pattern.
        """
        found: list[Pattern] = []
        start = self._shared_beginning(other)
        waiting: list[_Meeting] = [] if start is None else [(start, start, self.ones[:start], self.runs[:start])]
        while waiting:
            mine, its, ones, runs = waiting.pop()
            while True:
                step()
                runs = (*runs, _common(self.runs[mine], other.runs[its]))
                if mine == len(self.ones) and its == len(other.ones):
                    found.append(Pattern(ones, runs))
                ways = list(self._ways(other, mine, its))
                waiting += ((left, right, (*ones, one), runs) for one, left, right in ways[1:])
                if len(found) + len(waiting) > _FEW:
                    return None
                if not ways:
                    break
                one, mine, its = ways[0]
                ones = (*ones, one)
        return tuple(found)

    def _ways(self, other: Pattern, mine: int, its: int) -> Iterator[tuple[Chars, int, int]]:
        """Yield the characters that lead on from a place in each of two patterns, with the places behind them."""
        left = self.ones[mine] if mine < len(self.ones) else None
        right = other.ones[its] if its < len(other.ones) else None
        for one, two, move in (
            (left, right, (1, 1)),
            (self.runs[mine], right, (0, 1)),
            (left, other.runs[its], (1, 0)),
        ):
            common = _common(one, two)
            if common is not None:
                yield common, mine + move[0], its + move[1]

    def _shared_beginning(self, other: Pattern) -> int | None:
        """Return up to where both spell out the same characters, or None where they begin differently."""
        start = min(len(self.prefix), len(other.prefix))
        return start if self.prefix[:start] == other.prefix[:start] else None

    def _loops(self, at: int, chars: Chars) -> bool:
        run = self.runs[at]
        return run is not None and run.takes_in(chars)


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
        for one in [item] if isinstance(item, Chars) else [Chars(frozenset(char)) for char in item]:
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
            cases = (plain.lower(), plain.upper(), *_LOOKALIKES.get(plain.lower(), "")) if fold else plain
            yield Chars(frozenset(case for case in cases if len(case) == 1))


def _plain(ones: Iterable[Chars], runs: Iterable[Chars | None]) -> Iterator[str]:
    for one, run in zip(ones, runs, strict=False):
        if run is not None or not _is_plain(one):
            return
        yield from one.listed


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
