"""Boxes: sets of requests that put one constraint on each of some dimensions, and leave all others free.

Every operation is exact. A box that would be empty is never built, so a list of boxes is empty exactly if it has none.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property, lru_cache, reduce
from operator import itemgetter, or_
from typing import TYPE_CHECKING, Final

from trailkey.access.algebra.interned import Interned
from trailkey.access.algebra.intervals import Intervals, Values, meet
from trailkey.access.algebra.languages import ALL, Language, texts, union
from trailkey.access.algebra.unions import AnyOf
from trailkey.access.algebra.work import step

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence


FILLED: Final = ~texts("")
"""All texts but the empty one."""
_TWO_KINDS: Final = "one dimension with one value here and many there"


@dataclass(frozen=True, eq=False, slots=True, weakref_slot=True)
class Single(metaclass=Interned):
    """A constraint on a dimension with one value, or none: whether it may be ``absent``, and which ``values`` it may have."""

    values: Values
    absent: bool = False

    def is_empty(self) -> bool:
        """Return whether nothing meets the constraint."""
        return not self.absent and self.values.is_empty()

    def meet(self, other: Constraint) -> Single:
        """Return what meets both constraints, which are of one kind."""
        if not isinstance(other, Single):
            raise TypeError(_TWO_KINDS)
        return Single(meet(self.values, other.values), self.absent and other.absent)

    def complement(self) -> tuple[Single, ...]:
        """Return constraints of which exactly what does not meet this one meets any."""
        return (Single(~self.values, not self.absent),)

    def admits(self, values: Sequence[str]) -> bool:
        """Return whether a key with these values (none where it is absent) meets the constraint."""
        return self.values.contains(values[0]) if values else self.absent


def held_to(*values: str) -> Single:
    """Return the constraint on a dimension that is there, with one of these texts."""
    return Single(texts(*values))


@dataclass(frozen=True, eq=False, slots=True, weakref_slot=True)
class Many(metaclass=Interned):
    """A constraint on a dimension that is a set of texts: all are in ``every``, and each of ``some`` has one of them.

    The empty set is a key that is absent. An empty text is never one of several values: AWS sends none.
    """

    every: Language = ALL
    some: tuple[Language, ...] = ()

    def is_empty(self) -> bool:
        """Return whether no set of texts meets the constraint: each demand can be met by a text of its own."""
        return any((self.every & wanted & FILLED).is_empty() for wanted in self.some)

    def meet(self, other: Constraint) -> Many:
        """Return what meets both constraints, which are of one kind."""
        if not isinstance(other, Many):
            raise TypeError(_TWO_KINDS)
        return Many(self.every & other.every, tuple(dict.fromkeys((*self.some, *other.some))))

    def complement(self) -> tuple[Many, ...]:
        """Return constraints of which exactly what does not meet this one meets any."""
        outside = [] if self.every == ALL else [Many(some=(~self.every,))]
        return (*outside, *(Many(every=~wanted) for wanted in self.some))

    def admits(self, values: Sequence[str]) -> bool:
        """Return whether a key with these values (none where it is absent) meets the constraint."""
        return all(map(self.every.contains, values)) and all(any(map(some.contains, values)) for some in self.some)


Constraint = Single | Many


@dataclass(frozen=True)
class Box:
    """Constraints by dimension, sorted. A context key's dimension is its name in lower case (it has a colon)."""

    items: tuple[tuple[str, Constraint], ...]

    @cached_property
    def sides(self) -> Mapping[str, Constraint]:
        """The constraints by dimension."""
        return dict(self.items)

    @cached_property
    def hashes(self) -> Mapping[str, int]:
        """The hash of each constraint by its dimension."""
        return {item[0]: hash(item) for item in self.items}

    @cached_property
    def hashed(self) -> int:
        """The hashes of all constraints together, from which that of one can be taken again."""
        return sum(self.hashes.values())

    def admits(self, request: Mapping[str, Sequence[str]]) -> bool:
        """Return whether a request, given as the values of its dimensions, is in the box."""
        return all(side.admits(request.get(name, ())) for name, side in self.items)

    def meet(self, other: Box) -> Box | None:
        """Return what is in both boxes, or None where nothing is.

        Raises:
            UndecidedError: a dimension has constraints that cannot be compared.
        """
        if len(other.items) > len(self.items):
            return other.meet(self)
        step(3 + len(other.items))
        sides = self.sides
        for name, side in other.items:
            mine = sides.get(name)
            both = side if mine is None or mine is side else _meet(mine, side)
            if both is None:
                return None
            if both is not mine:
                sides = {**sides, name: both}
        if sides is self.sides:
            return self
        return Box(tuple(sides.items())) if len(sides) == len(self.items) else _box(sides)

    def minus(self, other: Box) -> list[Box]:
        """Return boxes that hold exactly what is in this one and not in the other.

        Raises:
            UndecidedError: as ``meet``.
        """
        common = self.meet(other)
        if common is None:
            return [self]
        found = []
        sides = self.sides
        step(10 * len(other.items))
        for name, side in other.items:
            mine = sides.get(name)
            found += [_box({**sides, name: piece}) for piece in _outside(mine, side)]
            # The next dimensions are split inside this one only: pieces that overlap would be cut again and again.
            if mine is not common.sides[name]:
                sides = {**sides, name: common.sides[name]}
        return found


EVERYWHERE: Final = Box(())
_COMPLEMENTS: Final = 4
"""How many complements are joined to one: what is in none of many patterns is all of them met with one another."""
_FREE: Final = (Single(ALL, absent=True), Many())


def box(sides: Mapping[str, Constraint | Language]) -> Box | None:
    """Return the box with these constraints (a language: one of its texts), or None where one of them is met by nothing.

    Raises:
        UndecidedError: whether a constraint is met by nothing takes too long to decide.
    """
    made = {name: Single(side) if isinstance(side, Language) else side for name, side in sides.items()}
    return None if any(side.is_empty() for side in made.values()) else _box(made)


def meetings(ones: Iterable[Box], others: Sequence[Box]) -> Iterator[Box]:
    """Yield what each of some boxes has in common with each of others.

    Raises:
        UndecidedError: as ``Box.meet``.
    """
    for one in ones:
        for other in others:
            both = one.meet(other)
            if both is not None:
                yield both


def subtract(whole: Box, taken: Sequence[Box]) -> Iterator[Box]:
    """Yield what is left of a box, piece by piece: who asks only whether anything is left stops at the first.

    Raises:
        UndecidedError: as ``Box.meet``.
    """
    waiting = [(whole, 0)]
    while waiting:
        piece, at = waiting.pop()
        if at == len(taken):
            yield piece
        else:
            waiting += ((left, at + 1) for left in reversed(piece.minus(taken[at])))


def coalesce(boxes: Iterable[Box | None]) -> tuple[Box, ...]:
    """Return the same set in fewer boxes: those that differ in one dimension only become one, and None is left out.

    This is what keeps a thousand statements for a thousand readers one question and not a thousand.
    """
    found = [one for one in boxes if one is not None]
    if len(found) < 2:
        return tuple(found)
    found = list({one.items: one for one in found}.values())
    for name in sorted({name for one in found for name, _ in one.items}):
        if not _may_merge(found, name):
            continue
        groups: dict[tuple[tuple[str, Constraint], ...], list[Box]] = {}
        for one in found:
            groups.setdefault(tuple(item for item in one.items if item[0] != name), []).append(one)
        found = [merged for group in groups.values() for merged in _merge(group, name)]
    return (EVERYWHERE,) if EVERYWHERE in found else tuple(found)


def _may_merge(boxes: Sequence[Box], name: str) -> bool:
    """Return whether any two boxes may be the same but for a dimension: quickly, and never a false no."""
    return len({one.hashed - one.hashes.get(name, 0) for one in boxes}) < len(boxes)


def _merge(group: list[Box], name: str) -> list[Box]:
    """Return boxes that differ in one dimension as one, or as they are where the dimension cannot be joined."""
    if len(group) == 1:
        return group
    sides = [one.sides.get(name) for one in group]
    if None in sides:
        return [group[sides.index(None)]]
    joined = _join([side for side in sides if side is not None])
    if joined is None:
        return group
    rest = {side: constraint for side, constraint in group[0].items if side != name}
    return [_box({**rest, name: joined})]


def _join(sides: Sequence[Constraint]) -> Constraint | None:
    """Return what meets any of the constraints as one constraint, or None where they do not make one."""
    many = [side for side in sides if isinstance(side, Many)]
    if many:  # a value in this language or one in that is a value in either
        if len({side.every for side in many}) > 1 or any(len(side.some) != 1 for side in many):
            return None
        return Many(many[0].every, (union([side.some[0] for side in many]),))
    singles = [side for side in sides if isinstance(side, Single)]
    absent = any(side.absent for side in singles)
    languages = [side.values for side in singles if isinstance(side.values, Language)]
    if sum(not isinstance(one.expression, AnyOf) for one in languages) > _COMPLEMENTS:
        return None
    numbers = [side.values for side in singles if isinstance(side.values, Intervals)]
    if not numbers:
        return Single(union(languages), absent)
    if languages or len({one.kind for one in numbers}) > 1:
        return None
    return Single(reduce(or_, numbers), absent)


@lru_cache(maxsize=32768)
def _meet(one: Constraint, two: Constraint) -> Constraint | None:
    """Return what meets both constraints, or None where nothing does."""
    both = one.meet(two)
    return None if both.is_empty() else both


@lru_cache(maxsize=32768)
def _outside(one: Constraint | None, two: Constraint) -> tuple[Constraint, ...]:
    """Return constraints of which exactly what meets one and not the other meets any; None is met by everything."""
    pieces = two.complement() if one is None else (_meet(one, outside) for outside in two.complement())
    return tuple(piece for piece in pieces if piece is not None and not piece.is_empty())


def _box(sides: Mapping[str, Constraint]) -> Box:
    return Box(tuple(sorted((item for item in sides.items() if item[1] not in _FREE), key=itemgetter(0))))
