"""Sets of texts made of IAM patterns: closed under union, intersection and complement, each question decided exactly.

A language is an expression made of wildcard patterns, and a finite number of exceptions to it. So what most policies are made of,
literals, never meets an automaton: a thousand role ARNs are a frozenset, and everything but one is an expression and one exception.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Final

from trailkey.access.algebra.automata import matches, search
from trailkey.access.algebra.interned import Interned
from trailkey.access.algebra.unions import (
    EVERYTHING,
    NOTHING,
    AnyOf,
    Expression,
    Not,
    conjunction,
    negate,
    parts_of,
    union_of,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from trailkey.access.algebra.patterns import Pattern

_TRIES = 4


@dataclass(frozen=True, eq=False, slots=True, weakref_slot=True)
class Language(metaclass=Interned):
    """A set of texts: those of ``expression``, except that each of ``exceptions`` is in exactly where it is not in ``expression``."""

    expression: Expression
    exceptions: frozenset[str] = frozenset()

    @property
    def texts(self) -> frozenset[str] | None:
        """All texts of the language where it is written as a finite list of them, else None."""
        return self.exceptions if self.expression is NOTHING else None

    def contains(self, text: str) -> bool:
        """Return whether ``text`` is in the language."""
        return (text in self.exceptions) != matches(self.expression, text)

    def is_empty(self) -> bool:
        """Return whether no text at all is in the language.

        Raises:
            UndecidedError: the patterns are so entangled that the search would take too long.
        """
        if self.expression is NOTHING:
            return not self.exceptions
        if isinstance(self.expression, AnyOf) and any(
            run for pattern in self.expression.patterns for run in pattern.runs
        ):
            return False  # infinitely many texts, finitely many exceptions
        tried: set[str] = set()
        # Mostly the first text found is not an exception, and the thousand others need no look.
        while len(tried) < _TRIES:
            found = search(self.expression, frozenset(tried))
            if found is None:
                return all(text in tried for text in self.exceptions)
            if found not in self.exceptions:
                return False
            tried.add(found)
        return self.witness() is None

    def witness(self, hints: Sequence[str] = ()) -> str | None:
        """Return a text of the language: the first hint that is in it, else a shortest one, or None where it is empty.

        Raises:
            UndecidedError: as ``is_empty``.
        """
        for hint in hints:
            if self.contains(hint):
                return hint
        if self.expression is NOTHING:
            return min(self.exceptions, key=lambda text: (len(text), text), default=None)
        within = {text for text in self.exceptions if matches(self.expression, text)}
        beside = self.exceptions - within
        found = search(self.expression, frozenset(within))
        candidates = [*sorted(beside), *([] if found is None else [found])]
        return min(candidates, key=len, default=None)

    def subset(self, other: Language) -> bool:
        """Return whether every text of this language is in the other.

        Raises:
            UndecidedError: as ``is_empty``.
        """
        if self == other:
            return True
        if self.expression is NOTHING:
            return all(other.contains(text) for text in self.exceptions)
        return (self - other).is_empty()

    def disjoint(self, other: Language) -> bool:
        """Return whether no text is in both languages.

        Raises:
            UndecidedError: as ``is_empty``.
        """
        return (self & other).is_empty()

    def __invert__(self) -> Language:
        return Language(negate(self.expression), self.exceptions)

    def __and__(self, other: Language) -> Language:
        return _meet(self, other)

    def __or__(self, other: Language) -> Language:
        return ~(~self & ~other)

    def __sub__(self, other: Language) -> Language:
        return self & ~other


@lru_cache(maxsize=32768)
def _meet(one: Language, two: Language) -> Language:
    """Return the texts in both languages."""
    if one.expression is NOTHING:
        if two.expression is NOTHING:
            return Language(NOTHING, one.exceptions & two.exceptions)
        return Language(NOTHING, frozenset(filter(two.contains, one.exceptions)))
    if one.expression is EVERYTHING:
        return Language(two.expression, two.exceptions ^ frozenset(filter(two.contains, one.exceptions)))
    if two.expression is NOTHING or two.expression is EVERYTHING:
        return _meet(two, one)
    expression = conjunction(one.expression, two.expression)
    # Exceptions are few and finite: each is looked up in both, so the expression never has to know of them.
    either = one.exceptions | two.exceptions
    return Language(
        expression,
        frozenset(text for text in either if (one.contains(text) and two.contains(text)) != matches(expression, text)),
    )


def union(languages: Sequence[Language]) -> Language:
    """Return the texts of any of the languages, in one go: a thousand of them one by one would be compared pairwise."""
    finite: set[str] = set()
    patterns: list[Pattern] = []
    rest: list[Language] = []
    for one in languages:
        if isinstance(one.expression, AnyOf) and not any(matches(one.expression, text) for text in one.exceptions):
            finite |= one.exceptions
            patterns += one.expression.patterns
        else:
            rest.append(one)
    expression = union_of(patterns)
    found = Language(expression, frozenset(text for text in finite if not matches(expression, text)))
    for one in _factored(rest):
        found |= one
    return found


def _factored(languages: Iterable[Language]) -> Iterable[Language]:
    """Return the same union in fewer languages: those alike but for one union of patterns become one."""
    groups: dict[tuple[AnyOf | Not, ...], list[AnyOf]] = {}
    for one in languages:
        parts = parts_of(one.expression)
        last = next((part for part in reversed(parts) if isinstance(part, AnyOf)), None)
        if one.exceptions or last is None:
            yield one
        else:
            groups.setdefault(tuple(part for part in parts if part is not last), []).append(last)
    for same, differing in groups.items():
        expression: Expression = union_of(pattern for one in differing for pattern in one.patterns)
        for part in same:
            expression = conjunction(part, expression)
        yield Language(expression)


def language(patterns: Iterable[Pattern]) -> Language:
    """Return the texts that match at least one of the patterns."""
    given = list(patterns)
    expression = union_of(pattern for pattern in given if pattern.literal is None)
    return Language(
        expression,
        frozenset(one.literal for one in given if one.literal is not None and not matches(expression, one.literal)),
    )


def texts(*values: str) -> Language:
    """Return the language of exactly these texts."""
    return Language(NOTHING, frozenset(values))


EMPTY: Final = Language(NOTHING)
ALL: Final = Language(EVERYTHING)
