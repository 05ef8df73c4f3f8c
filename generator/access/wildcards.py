"""Sets of texts made of IAM patterns: closed under union, intersection and complement, each question decided exactly.

A language is a rule made of wildcard patterns, and a finite number of exceptions to it. So what most policies are made of,
literals, never meets an automaton: a thousand role ARNs are a frozenset, and everything but one is a rule and one exception.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from generator.access.automata import EVERYTHING, NOTHING, AllOf, AnyOf, Not, Rule, matches, search
from generator.access.patterns import NO_TEXT, Pattern

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence


_PAIRS = 20_000
"""How many pairs of patterns are compared by their looks before the automata do it."""

_MEETINGS = 64
_TRIES = 4

_NONE: Final[frozenset[str]] = frozenset()


@dataclass(frozen=True, slots=True)
class Language:
    """A set of texts: those of ``rule``, except that each of ``exceptions`` is in exactly where it is not in ``rule``."""

    rule: Rule
    exceptions: frozenset[str] = _NONE

    @property
    def texts(self) -> frozenset[str] | None:
        """All texts of the language where it is written as a finite list of them, else None."""
        return self.exceptions if self.rule is NOTHING else None

    def contains(self, text: str) -> bool:
        """Return whether ``text`` is in the language."""
        return (text in self.exceptions) != matches(self.rule, text)

    def is_empty(self) -> bool:
        """Return whether no text at all is in the language.

        Raises:
            UndecidedError: the patterns are so entangled that the search would take too long.
        """
        if self.rule is NOTHING:
            return not self.exceptions
        if isinstance(self.rule, AnyOf) and any(run for pattern in self.rule.patterns for run in pattern.runs):
            return False  # infinitely many texts, finitely many exceptions
        tried: set[str] = set()
        while len(tried) < _TRIES:  # mostly the first text found is no exception, and the thousand others need no look
            found = search(self.rule, frozenset(tried))
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
        if self.rule is NOTHING:
            return min(self.exceptions, key=lambda text: (len(text), text), default=None)
        within = {text for text in self.exceptions if matches(self.rule, text)}
        beside = self.exceptions - within
        found = search(self.rule, frozenset(within))
        candidates = [*sorted(beside), *([] if found is None else [found])]
        return min(candidates, key=len, default=None)

    def subset(self, other: Language) -> bool:
        """Return whether every text of this language is in the other.

        Raises:
            UndecidedError: as ``is_empty``.
        """
        if self == other:
            return True
        if self.rule is NOTHING:
            return all(other.contains(text) for text in self.exceptions)
        return (self - other).is_empty()

    def disjoint(self, other: Language) -> bool:
        """Return whether no text is in both languages.

        Raises:
            UndecidedError: as ``is_empty``.
        """
        return (self & other).is_empty()

    def __invert__(self) -> Language:
        return Language(_negate(self.rule), self.exceptions)

    def __and__(self, other: Language) -> Language:
        if self.rule is NOTHING:
            return Language(NOTHING, frozenset(text for text in self.exceptions if other.contains(text)))
        if self.rule is EVERYTHING:
            return Language(other.rule, other.exceptions ^ frozenset(filter(other.contains, self.exceptions)))
        if other.rule is NOTHING or other.rule is EVERYTHING:
            return other & self
        rule = _conjunction(self.rule, other.rule)
        # Exceptions are few and finite: each is looked up in both, so the rule never has to know of them.
        either = self.exceptions | other.exceptions
        return Language(
            rule,
            frozenset(text for text in either if (self.contains(text) and other.contains(text)) != matches(rule, text)),
        )

    def __or__(self, other: Language) -> Language:
        return ~(~self & ~other)

    def __sub__(self, other: Language) -> Language:
        return self & ~other


def union(languages: Sequence[Language]) -> Language:
    """Return the texts of any of the languages, in one go: a thousand of them one by one would be compared pairwise."""
    finite = frozenset[str]().union(*(one.exceptions for one in languages if one.rule is NOTHING))
    plain = [one for one in languages if isinstance(one.rule, AnyOf) and one.rule is not NOTHING and not one.exceptions]
    rest = [one for one in languages if one.rule is not NOTHING and one not in plain]
    rule = _union(pattern for one in plain if isinstance(one.rule, AnyOf) for pattern in one.rule.patterns)
    found = Language(rule, frozenset(text for text in finite if not matches(rule, text)))
    for one in _factored(rest):
        found |= one
    return found


def _factored(languages: Iterable[Language]) -> Iterable[Language]:
    """Return the same union in fewer languages: those alike but for one union of patterns become one."""
    groups: dict[tuple[AnyOf | Not, ...], list[AnyOf]] = {}
    for one in languages:
        parts = _parts(one.rule)
        last = next((part for part in reversed(parts) if isinstance(part, AnyOf)), None)
        if one.exceptions or last is None:
            yield one
        else:
            groups.setdefault(tuple(part for part in parts if part is not last), []).append(last)
    for same, differing in groups.items():
        rule: Rule = _union(pattern for one in differing for pattern in one.patterns)
        for part in same:
            rule = _conjunction(part, rule)
        yield Language(rule)


def language(patterns: Iterable[Pattern]) -> Language:
    """Return the texts that match at least one of the patterns."""
    literals: set[str] = set()
    wild: list[Pattern] = []
    for pattern in patterns:
        if pattern.literal is None:
            wild.append(pattern)
        else:
            literals.add(pattern.literal)
    rule = _union(wild)
    return Language(rule, frozenset(text for text in literals if not matches(rule, text)))


def texts(*values: str) -> Language:
    """Return the language of exactly these texts."""
    return Language(NOTHING, frozenset(values))


EMPTY: Final = Language(NOTHING)
ALL: Final = Language(EVERYTHING)


def _union(patterns: Iterable[Pattern]) -> AnyOf:
    """Return the union in one canonical order, without patterns that ``*`` or one of a few others makes superfluous."""
    distinct = sorted(dict.fromkeys(patterns), key=lambda pattern: pattern.text)
    if EVERYTHING.patterns[0] in distinct:
        return EVERYTHING
    if len(distinct) ** 2 <= _PAIRS:
        kept: list[Pattern] = []
        for pattern in distinct:
            if not any(other.takes_in(pattern) for other in kept if not other.clashes(pattern)):
                kept = [other for other in kept if other.clashes(pattern) or not pattern.takes_in(other)]
                kept.append(pattern)
        distinct = kept
    return AnyOf(tuple(distinct)) if distinct else NOTHING


def _negate(rule: Rule) -> Rule:
    if rule is NOTHING:
        return EVERYTHING
    if rule is EVERYTHING:
        return NOTHING
    return rule.rule if isinstance(rule, Not) else Not(rule)


def _conjunction(one: Rule, two: Rule) -> Rule:
    """Return what is in both rules, simplified by the looks of the patterns: most pairs never need an automaton."""
    parts = [*_parts(one), *_parts(two)]
    unions = list(dict.fromkeys(part for part in parts if isinstance(part, AnyOf)))
    negated = [part.rule for part in parts if isinstance(part, Not) and isinstance(part.rule, AnyOf)]
    rest = dict.fromkeys(part for part in parts if isinstance(part, Not) and not isinstance(part.rule, AnyOf))
    excluded = _union(pattern for union in negated for pattern in union.patterns)
    if excluded is EVERYTHING:
        return NOTHING
    kept: list[AnyOf] = []
    for union in unions:
        kept = _meet(kept, union)
    kept = [_without(union, excluded) for union in kept]
    if NOTHING in kept:
        return NOTHING
    for union in kept:
        excluded = _touching(excluded, union)
    found: list[AnyOf | Not] = [union for union in kept if union is not EVERYTHING]
    found += [Not(excluded)] if excluded.patterns else []
    found += rest
    return EVERYTHING if not found else found[0] if len(found) == 1 else AllOf(tuple(found))


def _parts(rule: Rule) -> tuple[AnyOf | Not, ...]:
    return rule.rules if isinstance(rule, AllOf) else (rule,)


def _meet(kept: list[AnyOf], union: AnyOf) -> list[AnyOf]:
    """Return ``kept`` and ``union`` together, where one absorbs the other as one."""
    for at, other in enumerate(kept):
        if len(other.patterns) * len(union.patterns) > _PAIRS:
            continue
        mine, its = _touching(union, other), _touching(other, union)
        if all(any(big.takes_in(small) for big in its.patterns) for small in mine.patterns):
            return _meet(kept[:at] + kept[at + 1 :], mine)
        if all(any(big.takes_in(small) for big in mine.patterns) for small in its.patterns):
            return _meet(kept[:at] + kept[at + 1 :], its)
        common = _pairwise(mine, its)
        if common is not None:
            return _meet(kept[:at] + kept[at + 1 :], common)
        kept = [*kept[:at], its, *kept[at + 1 :]]
        union = mine
    return [*kept, union]


def _pairwise(one: AnyOf, two: AnyOf) -> AnyOf | None:
    """Return the intersection of two small unions as one union, where each pair of patterns makes one pattern."""
    if len(one.patterns) * len(two.patterns) > _MEETINGS:
        return None
    found = []
    for mine in one.patterns:
        for its in two.patterns:
            both = NO_TEXT if mine.clashes(its) else mine.meet(its)
            if both is None:
                return None
            if both != NO_TEXT:
                found.append(both)
    return _union(found)


def _touching(union: AnyOf, other: AnyOf) -> AnyOf:
    """Return the union without the patterns whose fixed beginning or end rules out every pattern of the other."""
    if len(union.patterns) * len(other.patterns) > _PAIRS:
        return union
    left = tuple(one for one in union.patterns if not all(one.clashes(two) for two in other.patterns))
    return union if len(left) == len(union.patterns) else AnyOf(left) if left else NOTHING


def _without(union: AnyOf, excluded: AnyOf) -> AnyOf:
    """Return the union without the patterns that are wholly excluded."""
    if len(union.patterns) * len(excluded.patterns) > _PAIRS:
        return union
    left = tuple(one for one in union.patterns if not any(two.takes_in(one) for two in excluded.patterns))
    return union if len(left) == len(union.patterns) else AnyOf(left) if left else NOTHING
