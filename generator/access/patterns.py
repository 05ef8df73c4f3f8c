"""One IAM pattern as a row of character sets: what ``*``, ``?`` and the parts of an ARN may stand for.

``*`` stands for any run of characters (also none), ``?`` for exactly one, everything else for itself.
https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_condition_operators.html
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from typing import TYPE_CHECKING, Final

from generator.access.matching import LITERAL_ANY, LITERAL_ONE

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


@dataclass(frozen=True)
class Pattern:
    """A row of single characters (``ones``) with a run allowed before, between and behind them (``runs``, one longer)."""

    ones: tuple[Chars, ...]
    runs: tuple[Chars | None, ...]
    _hash: int = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        # Patterns are keys of every cache of the prover; walking some sixty sets for each look-up would be most of the time.
        object.__setattr__(self, "_hash", hash((self.ones, self.runs)))

    def __hash__(self) -> int:
        return self._hash

    def __str__(self) -> str:
        return self.text

    @cached_property
    def text(self) -> str:
        """The pattern as one would write it; a set of characters is shown as ``[…]``."""
        parts = []
        for one, run in zip((*self.ones, None), self.runs, strict=True):
            parts.append("" if run is None else "*")
            if one is not None:
                parts.append(next(iter(one.listed)) if _is_plain(one) else "?" if one.others else _brackets(one))
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

    def clashes(self, other: Pattern) -> bool:
        """Return True where no text matches both, as far as their fixed beginnings and ends tell (False: perhaps one does)."""
        mine, its = self.prefix, other.prefix
        if not (mine.startswith(its) or its.startswith(mine)):
            return True
        mine, its = self.suffix, other.suffix
        return not (mine.endswith(its) or its.endswith(mine))

    def takes_in(self, other: Pattern) -> bool:
        """Return True where every text of ``other`` matches this one too, seen character by character (False: perhaps)."""
        if self.runs == (ANY,):
            return True
        states = {0}
        for one, run in zip((*other.ones, None), other.runs, strict=True):
            if run is not None:
                states = {at for at in states if self._loops(at, run)}
            if one is not None:
                moved = {at + 1 for at in states if at < len(self.ones) and self.ones[at].takes_in(one)}
                states = moved | {at for at in states if self._loops(at, one)}
            if not states:
                return False
        return len(self.ones) in states

    def meet(self, other: Pattern) -> Pattern | None:
        """Return the texts of both patterns as one pattern, or None where they are not simply one.

        Both are read side by side for as long as there is one way to go on only; a way that ends nowhere is the pattern of no
        text. ``arn:aws:iam::*:role/*`` for ArnLike, the callers of an account and the shape of a role's ARN make one pattern.
        """
        ones: list[Chars] = []
        runs: list[Chars | None] = []
        mine = its = 0
        while True:
            runs.append(_common(self.runs[mine], other.runs[its]))
            left = self.ones[mine] if mine < len(self.ones) else None
            right = other.ones[its] if its < len(other.ones) else None
            ways = [
                (one, step)
                for one, step in (
                    (_common(left, right), (1, 1)),
                    (_common(self.runs[mine], right), (0, 1)),
                    (_common(left, other.runs[its]), (1, 0)),
                )
                if one is not None
            ]
            if len(ways) > 1:
                return None
            if not ways:
                return Pattern(tuple(ones), tuple(runs)) if left is None and right is None else NO_TEXT
            ones.append(ways[0][0])
            mine, its = mine + ways[0][1][0], its + ways[0][1][1]

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


NO_TEXT: Final = Pattern((Chars(frozenset()),), (None, None))
"""The pattern that nothing matches."""
_COLON: Final = Chars(frozenset(":"))
_PLAIN: Final = {LITERAL_ANY: "*", LITERAL_ONE: "?"}
_LOOKALIKES: Final = {"k": "\u212a", "s": "\u017f"}  # the two ASCII letters that Unicode folds another character into


def _items(text: str, *, fold: bool) -> Iterator[Chars | Run]:
    for char in text:
        if char in "*?":
            yield Run(ANY) if char == "*" else ANY
        elif char == ACCOUNT_ID:
            yield from (DIGIT,) * 12
        else:
            plain = _PLAIN.get(char, char)
            yield Chars(frozenset(_cases(plain)) if fold else frozenset(plain))


def _cases(char: str) -> Iterator[str]:
    """Yield the single characters that equal this one without regard to case (AWS's keys and values are ASCII)."""
    for form in (char.lower(), char.upper(), *_LOOKALIKES.get(char.lower(), "")):
        if len(form) == 1:
            yield form


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


def _brackets(one: Chars) -> str:
    return f"[{''.join(sorted(one.listed))}]"
