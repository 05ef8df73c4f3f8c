"""Boolean combinations of patterns, and the search for a text in one: a product of automata, built only as far as needed.

A pattern of n characters is an automaton of n + 1 states, a set of its states one integer (a bit each), and so is the union
of many patterns: one step of all of them is two ANDs and a shift. A product of such integers is walked breadth first, so
the first text found is a shortest one, and a walk that ends without one proves that there is none.
"""

from __future__ import annotations

from collections import deque
from functools import lru_cache
from typing import TYPE_CHECKING, Final

from trailkey.access.algebra.patterns import ANY
from trailkey.access.algebra.unions import AllOf, AnyOf, Not, index, parts_of
from trailkey.access.algebra.work import step
from trailkey.errors import UndecidedError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from trailkey.access.algebra.patterns import Chars, Pattern
    from trailkey.access.algebra.unions import Expression

STATES: Final = 20_000
"""How many states a search may visit; only patterns such as ``*a?????????????`` against one another come near it."""

READABLE: Final = "abcdefghijklmnopqrstuvwxyz9876543210ABCDEFGHIJKLMNOPQRSTUVWXYZ-_./:@=+,"
"""Characters of witnesses, the most readable first."""


_Node = tuple[tuple[int, ...], str | None]

_NOTHING_MORE: Final[frozenset[str]] = frozenset()
_FEW = 8
_SOME = 64


class Machine:
    """The automaton of a union of patterns. A state is an integer; 0 is the state nothing leads out of."""

    def __init__(self, patterns: Sequence[Pattern]) -> None:
        ones = [one for pattern in patterns for one in (*pattern.ones, None)]
        runs = [run for pattern in patterns for run in pattern.runs]
        self.start = self.accept = self.forever = at = 0
        for pattern in patterns:
            self.start |= 1 << at
            at += len(pattern.runs)
            self.accept |= 1 << (at - 1)
            self.forever |= (1 << (at - 1)) * (pattern.runs[-1] == ANY)
        own = [one.listed if one else _NOTHING_MORE for one in ones]
        self.listed = [listed | run.listed if run else listed for listed, run in zip(own, runs, strict=True)]
        self.only = [
            None if run or (one and one.others) else listed for listed, one, run in zip(own, ones, runs, strict=True)
        ]
        (one, flips_one), (run, flips_run) = _masks(ones), _masks(runs)
        self.other = (one, run)
        self.steps = {
            char: (one ^ flips_one.get(char, 0), run ^ flips_run.get(char, 0))
            for char in sorted({*flips_one, *flips_run})
        }

    def step(self, state: int, char: str) -> int:
        """Return the state behind ``char``."""
        ones, runs = self.steps.get(char, self.other)
        return ((state & ones) << 1) | (state & runs)

    def accepts(self, text: str) -> bool:
        """Return whether a text matches one of the patterns."""
        state = self.start
        for char in text:
            state = self.step(state, char)
            if not state:
                return False
            if state & self.forever:
                return True
        return bool(state & self.accept)

    def next_only(self, state: int) -> frozenset[str] | None:
        """Return the only characters that lead on from a state, or None where they are too many to tell."""
        if state.bit_count() > _FEW:
            return None
        found = _NOTHING_MORE
        for at in _positions(state):
            only = self.only[at]
            if only is None:
                return None
            found |= only
        return found

    def told_apart(self, state: int) -> frozenset[str] | None:
        """Return the characters that can lead elsewhere from a state than all others do, or None where it has many positions."""
        if state.bit_count() > _SOME:
            return None
        return _NOTHING_MORE.union(*(self.listed[at] for at in _positions(state)))


def _positions(state: int) -> Iterator[int]:
    while state:
        lowest = state & -state
        yield lowest.bit_length() - 1
        state ^= lowest


def _masks(sets: Iterable[Chars | None]) -> tuple[int, dict[str, int]]:
    """Return the positions that accept a character no position lists, and for each listed one those where it differs."""
    other = 0
    flips: dict[str, int] = {}
    for at, chars in enumerate(sets):
        if chars is not None:
            other |= chars.others << at
            for char in chars.listed:
                flips[char] = flips.get(char, 0) | 1 << at
    return other, flips


@lru_cache(maxsize=4096)
def machine(union: AnyOf) -> Machine:
    """Return the automaton of a union, built once."""
    return Machine(union.patterns)


@lru_cache(maxsize=65536)
def matches(expression: Expression, text: str) -> bool:
    """Return whether ``text`` is in the expression."""
    if isinstance(expression, Not):
        return not matches(expression.expression, text)
    if isinstance(expression, AllOf):
        return all(matches(part, text) for part in expression.expressions)
    return any(machine(group).accepts(text) for group in index(expression).above(text))


@lru_cache(maxsize=65536)
def search(expression: Expression, barred: frozenset[str]) -> str | None:
    """Return a shortest text of the expression that is not one of the barred ones, or None where there is none.

    Raises:
        UndecidedError: more than ``STATES`` states would have to be visited.
    """
    simple = _simplest(expression)
    if simple is not None and simple not in barred and matches(expression, simple):
        return simple
    product = _Product(expression)
    children = _children(barred)
    alphabet = _Alphabet(product.machines, most_taken=max(map(len, children.values()), default=0))
    first: _Node = (tuple(automaton.start for automaton in product.machines), "" if barred else None)
    seen = {first}
    waiting = deque([(first, "")])
    while waiting:
        step(10)
        (states, prefix), text = waiting.popleft()
        if product.accepts(states) and prefix not in barred:
            return text
        taken = children.get(prefix, "") if prefix is not None else ""
        for char in alphabet.choices(taken, product.next_only(states), product.told_apart(states)):
            then = product.step(states, char)
            if then is None:
                continue
            # Past every barred text the text so far no longer matters, only the states do.
            following = (then, text + char if prefix is not None and char in taken else None)
            if following not in seen:
                seen.add(following)
                if not product.hopeless(then):
                    waiting.append((following, text + char))
        if len(seen) > STATES:
            raise UndecidedError(f"a comparison of patterns needs more than {STATES} states")
    return None


def _simplest(expression: Expression) -> str | None:
    """Return the text that a search finds first if it is in the expression, or None where that has several unions to be in.

    Most are a union less others that take away what is special, so that the simplest text of the union is left.
    """
    wanted = [part for part in parts_of(expression) if isinstance(part, AnyOf)]
    if len(wanted) > 1:
        return None
    texts = ["".join(map(_readable, pattern.ones)) for union in wanted for pattern in union.patterns]
    return min(texts, key=lambda text: (len(text), [*map(_rank, text)]), default="")


@lru_cache(maxsize=4096)
def _readable(chars: Chars) -> str:
    """Return the most readable of some characters; nothing where there are none."""
    beyond = map(chr, range(0x4E00, 0x4E01 + len(chars.listed)))
    among = {*READABLE, *beyond} - chars.listed if chars.others else chars.listed
    return min(among, key=_rank, default="")


class _Product:
    """The automata of all unions in an expression, side by side.

    Nearly every expression is a few unions less a few others; a state none of those can still accept is seen without a look at
    the expression as a whole. What is nested deeper is asked recursively.
    """

    def __init__(self, expression: Expression) -> None:
        self.expression = expression
        self.index = {union: at for at, union in enumerate(dict.fromkeys(_unions(expression)))}
        self.machines = [machine(union) for union in self.index]
        parts = expression.expressions if isinstance(expression, AllOf) else (expression,)
        self.wanted = {self.index[part] for part in parts if isinstance(part, AnyOf)}
        self.unwanted = {
            self.index[part.expression]
            for part in parts
            if isinstance(part, Not) and isinstance(part.expression, AnyOf)
        }
        self.nested = [part for part in parts if isinstance(part, Not) and not isinstance(part.expression, AnyOf)]

    def step(self, states: tuple[int, ...], char: str) -> tuple[int, ...] | None:
        """Return the states behind a character, or None where no text from there on is in the expression."""
        found = []
        for at, automaton in enumerate(self.machines):
            state = automaton.step(states[at], char)
            if (not state and at in self.wanted) or (state & automaton.forever and at in self.unwanted):
                return None
            found.append(state)
        return tuple(found)

    def hopeless(self, states: tuple[int, ...]) -> bool:
        """Return whether a part that is nested deeper takes no text from here on; ``step`` has seen to all others."""

        def ahead(at: int) -> bool | None:
            return False if not states[at] else True if states[at] & self.machines[at].forever else None

        return any(self._verdict(part, ahead) is False for part in self.nested)

    def next_only(self, states: tuple[int, ...]) -> frozenset[str] | None:
        """Return the only characters that can lead on, where one of the wanted unions leaves so few."""
        for at in sorted(self.wanted):
            only = self.machines[at].next_only(states[at])
            if only is not None:
                return only
        return None

    def told_apart(self, states: tuple[int, ...]) -> frozenset[str] | None:
        """Return the characters that can lead elsewhere than all others do, or None where there are many positions."""
        found = _NOTHING_MORE
        for at, automaton in enumerate(self.machines):
            apart = automaton.told_apart(states[at])
            if apart is None:
                return None
            found |= apart
        return found

    def accepts(self, states: tuple[int, ...]) -> bool:
        """Return whether the text that led here is in the expression."""
        return self._verdict(self.expression, lambda at: bool(states[at] & self.machines[at].accept)) is True

    def _verdict(self, expression: Expression, of_union: Callable[[int], bool | None]) -> bool | None:
        """Return what the verdicts on the unions make of an expression; None is what depends on how the text goes on."""
        if isinstance(expression, AnyOf):
            return of_union(self.index[expression])
        if isinstance(expression, Not):
            inner = self._verdict(expression.expression, of_union)
            return None if inner is None else not inner
        verdicts = [self._verdict(part, of_union) for part in expression.expressions]
        return False if False in verdicts else None if None in verdicts else True


def _unions(expression: Expression) -> Iterator[AnyOf]:
    if isinstance(expression, AnyOf):
        yield expression
        return
    for part in (expression.expression,) if isinstance(expression, Not) else expression.expressions:
        yield from _unions(part)


def _children(barred: frozenset[str]) -> dict[str, str]:
    """Return for each beginning of a barred text the characters it can go on with."""
    found: dict[str, str] = {}
    for text in sorted(barred):
        for at, char in enumerate(text):
            so_far = found.setdefault(text[:at], "")
            if char not in so_far:
                found[text[:at]] = so_far + char
    return found


class _Alphabet:
    """The characters worth trying: one of each class that no pattern tells apart, the most readable first.

    The class of characters no pattern lists is cut short, with one more than can be on the way to barred texts at once.
    """

    def __init__(self, machines: list[Machine], *, most_taken: int) -> None:
        listed = {char for automaton in machines for char in automaton.steps}
        self.plenty = (*READABLE, *map(chr, range(0x4E00, 0x4E01 + len(listed) + most_taken)))
        groups: dict[tuple[tuple[int, int], ...], list[str]] = {}
        for char in sorted(listed.union(self.plenty), key=_rank):
            leads_to = tuple(automaton.steps.get(char, automaton.other) for automaton in machines)
            groups.setdefault(leads_to, []).append(char)
        self.classes = list(groups.values())
        self.class_of = {char: number for number, group in enumerate(self.classes) for char in group}

    def choices(self, taken: str, only: frozenset[str] | None, apart: frozenset[str] | None) -> Iterator[str]:
        """Yield one character of each class, and every taken one (those are on the way to a barred text) by itself.

        Where only a few characters lead on, only those; where all but a few lead to the same place, those and one other.
        """
        if only is not None:
            yield from sorted(only, key=_rank)
            return
        yield from taken
        if apart is None:
            for group in self.classes:
                free = next((char for char in group if char not in taken), None)
                if free is not None:
                    yield free
            return
        other = next(char for char in self.plenty if char not in apart and char not in taken)
        tried: set[int] = set()
        for char in sorted((*apart, other), key=_rank):
            number = self.class_of[char]
            if char not in taken and (char == other or number not in tried):
                tried.add(number)
                yield char


@lru_cache(maxsize=4096)
def _rank(char: str) -> tuple[int, str]:
    at = READABLE.find(char)
    return (at if at >= 0 else len(READABLE) + ord(char), char)
