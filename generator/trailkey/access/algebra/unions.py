"""Rules: Boolean combinations of unions of patterns, made simple by the looks of the patterns.

Most expressions of real policies come out as one union, or as one union without another: the roles of an account, everybody but
an account. What stays combined is for ``automata`` to decide.
"""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass
from functools import lru_cache
from itertools import chain
from typing import TYPE_CHECKING, Final

from trailkey.access.algebra.interned import Interned
from trailkey.access.algebra.patterns import ANY, Pattern

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence


@dataclass(frozen=True, eq=False, slots=True, weakref_slot=True)
class AnyOf(metaclass=Interned):
    """The texts that match at least one of the patterns; no pattern at all is the empty language."""

    patterns: tuple[Pattern, ...]


@dataclass(frozen=True, eq=False, slots=True, weakref_slot=True)
class Not(metaclass=Interned):
    """The texts that are not in the expression."""

    expression: AnyOf | AllOf


@dataclass(frozen=True, eq=False, slots=True, weakref_slot=True)
class AllOf(metaclass=Interned):
    """The texts that are in every one of the expressions."""

    expressions: tuple[AnyOf | Not, ...]


Expression = AnyOf | Not | AllOf

NOTHING: Final = AnyOf(())
EVERYTHING: Final = AnyOf((Pattern((), (ANY,)),))

_ALIKE = 200
"""How many patterns with one and the same beginning are compared with one another; more stay as they are."""

_MEETINGS = 64
"""How many pairs of patterns, beyond one for each pattern, are met one by one."""


def union_of(patterns: Iterable[Pattern]) -> AnyOf:
    """Return the union in one canonical order, without the patterns that another one covers."""
    distinct = frozenset(patterns)
    return _union(distinct) if distinct else NOTHING


@lru_cache(maxsize=8192)
def _union(distinct: frozenset[Pattern]) -> AnyOf:
    if EVERYTHING.patterns[0] in distinct:
        return EVERYTHING
    kept: dict[str, list[Pattern]] = {}
    # A pattern that covers another begins like it, or sooner stops to say how: it comes first, or is among its equals.
    for pattern in sorted(distinct, key=lambda pattern: (len(pattern.prefix), pattern.text)):
        equals = kept.setdefault(pattern.prefix, [])
        if len(equals) < _ALIKE:
            above = (kept.get(pattern.prefix[:end], ()) for end in range(len(pattern.prefix) + 1))
            if any(other.takes_in(pattern) for other in chain.from_iterable(above)):
                continue
            equals[:] = [other for other in equals if not pattern.takes_in(other)]
        equals.append(pattern)
    found = sorted(chain.from_iterable(kept.values()), key=lambda pattern: pattern.text)
    return AnyOf(tuple(found)) if found else NOTHING


def negate(expression: Expression) -> Expression:
    """Return the expression of all other texts."""
    if expression is NOTHING:
        return EVERYTHING
    if expression is EVERYTHING:
        return NOTHING
    return expression.expression if isinstance(expression, Not) else Not(expression)


def parts_of(expression: Expression) -> tuple[AnyOf | Not, ...]:
    """Return the expressions of which a text must be in every one."""
    return expression.expressions if isinstance(expression, AllOf) else (expression,)


@lru_cache(maxsize=8192)
def conjunction(one: Expression, two: Expression) -> Expression:
    """Return what is in both expressions."""
    parts = dict.fromkeys((*parts_of(one), *parts_of(two)))
    negated = [part.expression for part in parts if isinstance(part, Not) and isinstance(part.expression, AnyOf)]
    nested = [part for part in parts if isinstance(part, Not) and isinstance(part.expression, AllOf)]
    excluded = union_of(chain.from_iterable(union.patterns for union in negated))
    # The parts of one expression have met each other when it was made.
    first, second = sorted((one, two), key=lambda expression: len(parts_of(expression)), reverse=True)
    kept = [part for part in parts_of(first) if isinstance(part, AnyOf)]
    for part in parts_of(second):
        if isinstance(part, AnyOf):
            kept = _meet(kept, part)
    kept = [_without(union, excluded) for union in kept]
    if NOTHING in kept or excluded is EVERYTHING:
        return NOTHING
    kept = [union for union in kept if union is not EVERYTHING]
    for union in kept:
        excluded = _touching(excluded, union)
    found: list[AnyOf | Not] = [*kept, *([] if excluded is NOTHING else [Not(excluded)])]
    for at, part in enumerate(nested):
        simple = _within(part, kept, excluded)
        if simple != part:  # it may bear on all others in turn
            return conjunction(_all_of([*found, *nested[:at], *nested[at + 1 :]]), simple)
    return _all_of([*found, *nested])


def _all_of(parts: Sequence[AnyOf | Not]) -> Expression:
    return EVERYTHING if not parts else parts[0] if len(parts) == 1 else AllOf(tuple(parts))


def _within(expression: Expression, unions: Sequence[AnyOf], excluded: AnyOf) -> Expression:
    """Return a simpler expression that says the same of the texts in all of the unions and in no excluded pattern."""
    if isinstance(expression, AnyOf):
        if any(_inside(union, expression) for union in unions):
            return EVERYTHING
        for union in unions:
            expression = _touching(expression, union)
        return _without(expression, excluded)
    if isinstance(expression, Not):
        return negate(_within(expression.expression, unions, excluded))
    parts = [part for each in expression.expressions for part in parts_of(_within(each, unions, excluded))]
    return NOTHING if NOTHING in parts else _all_of([part for part in parts if part is not EVERYTHING])


def _meet(kept: list[AnyOf], union: AnyOf) -> list[AnyOf]:
    """Return ``kept`` and ``union`` together, where one absorbs the other as one."""
    for at, other in enumerate(kept):
        mine, its = _touching(union, other), _touching(other, union)
        both = mine if _inside(mine, its) else its if _inside(its, mine) else _pairwise(mine, its)
        if both is not None:
            return _meet(kept[:at] + kept[at + 1 :], both)
        kept = [*kept[:at], its, *kept[at + 1 :]]
        union = mine
    return [*kept, union]


def _pairwise(one: AnyOf, two: AnyOf) -> AnyOf | None:
    """Return the intersection of two unions as one union, where their patterns meet in few pairs and each makes patterns."""
    found: list[Pattern] = []
    left = len(one.patterns) + len(two.patterns) + _MEETINGS
    for mine in one.patterns:
        for its in index(two).near(mine):
            both = mine.meet(its)
            left -= 1
            if both is None or left < 0:
                return None
            found += both
    return union_of(found)


def _touching(union: AnyOf, other: AnyOf) -> AnyOf:
    """Return the union without the patterns that share no text with any pattern of the other."""
    among = index(other)
    return _part(
        union,
        [one for one in union.patterns if one in among.patterns or not all(map(one.clashes, among.near(one)))],
    )


def _without(union: AnyOf, excluded: AnyOf) -> AnyOf:
    """Return the union without the patterns that are wholly excluded."""
    among = index(excluded)
    return _part(union, [one for one in union.patterns if not among.takes_in(one)])


def _inside(small: AnyOf, big: AnyOf) -> bool:
    """Return whether each pattern of the one is taken in by a single pattern of the other."""
    return all(map(index(big).takes_in, small.patterns))


def _part(union: AnyOf, patterns: Sequence[Pattern]) -> AnyOf:
    return union if len(patterns) == len(union.patterns) else AnyOf(tuple(patterns)) if patterns else NOTHING


class Index:
    """The patterns of a union by what they begin with: two patterns have to do with each other only on one line of it."""

    def __init__(self, union: AnyOf) -> None:
        self.patterns = frozenset(union.patterns)
        groups: dict[str, list[Pattern]] = {}
        for pattern in union.patterns:
            groups.setdefault(pattern.prefix, []).append(pattern)
        self.groups = {prefix: AnyOf(tuple(patterns)) for prefix, patterns in groups.items()}
        self.prefixes = sorted(groups)
        self.lengths = sorted(set(map(len, groups)))

    def above(self, beginning: str) -> Iterator[AnyOf]:
        """Yield the patterns, in groups, that texts with this beginning can match."""
        for length in self.lengths:
            if length > len(beginning):
                return
            group = self.groups.get(beginning[:length])
            if group is not None:
                yield group

    def near(self, pattern: Pattern) -> Iterator[Pattern]:
        """Yield the patterns whose beginning and this one's do not differ."""
        for group in self.above(pattern.prefix):
            yield from group.patterns
        for at in range(bisect_right(self.prefixes, pattern.prefix), len(self.prefixes)):
            if not self.prefixes[at].startswith(pattern.prefix):
                return
            yield from self.groups[self.prefixes[at]].patterns

    def takes_in(self, pattern: Pattern) -> bool:
        """Return whether a single pattern of the union covers this one."""
        return pattern in self.patterns or any(
            other.takes_in(pattern) for group in self.above(pattern.prefix) for other in group.patterns
        )


@lru_cache(maxsize=8192)
def index(union: AnyOf) -> Index:
    """Return the index of a union, made once."""
    return Index(union)
