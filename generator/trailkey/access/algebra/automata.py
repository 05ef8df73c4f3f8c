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
from trailkey.access.algebra.unions import AllOf, AnyOf, Not, index
from trailkey.errors import UndecidedError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from trailkey.access.algebra.patterns import Pattern
    from trailkey.access.algebra.unions import Rule

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

    def __init__(self, patterns: Iterable[Pattern]) -> None:
        self.start = self.accept = self.forever = 0
        self.only: list[frozenset[str] | None] = []
        self.listed: list[frozenset[str]] = []
        ones, runs = _Masks(), _Masks()
        offset = 0
        for pattern in patterns:
            self.start |= 1 << offset
            for at, chars in enumerate(pattern.ones):
                ones.add(chars.listed, 1 << (offset + at), others=chars.others)
            for at, run in enumerate(pattern.runs):
                if run is not None:
                    runs.add(run.listed, 1 << (offset + at), others=run.others)
            for one, run in zip(pattern.ones, pattern.runs, strict=False):
                self.only.append(one.listed if run is None and not one.others else None)
            self.only.append(None if pattern.runs[-1] else _NOTHING_MORE)
            for at, run in enumerate(pattern.runs):
                own = pattern.ones[at].listed if at < len(pattern.ones) else _NOTHING_MORE
                self.listed.append(own if run is None else own | run.listed)
            offset += len(pattern.runs)
            self.accept |= 1 << (offset - 1)
            if pattern.runs[-1] == ANY:
                self.forever |= 1 << (offset - 1)
        self.other = (ones.other, runs.other)
        self.steps = {char: (ones.of(char), runs.of(char)) for char in sorted({*ones.minus, *ones.plus, *runs.minus})}

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


class _Masks:
    """Which positions accept a character: ``other`` for those no position lists."""

    def __init__(self) -> None:
        self.other = 0
        self.plus: dict[str, int] = {}
        self.minus: dict[str, int] = {}

    def add(self, listed: frozenset[str], bit: int, *, others: bool) -> None:
        if others:
            self.other |= bit
        table = self.minus if others else self.plus
        for char in listed:
            table[char] = table.get(char, 0) | bit

    def of(self, char: str) -> int:
        return (self.other & ~self.minus.get(char, 0)) | self.plus.get(char, 0)


@lru_cache(maxsize=4096)
def machine(union: AnyOf) -> Machine:
    """Return the automaton of a union, built once."""
    return Machine(union.patterns)


def matches(rule: Rule, text: str) -> bool:
    """Return whether ``text`` is in the rule."""
    if isinstance(rule, Not):
        return not matches(rule.rule, text)
    if isinstance(rule, AllOf):
        return all(matches(part, text) for part in rule.rules)
    return any(machine(group).accepts(text) for group in index(rule).above(text))


@lru_cache(maxsize=65536)
def search(rule: Rule, barred: frozenset[str]) -> str | None:
    """Return a shortest text of the rule that is not one of the barred ones, or None where there is none.

    Raises:
        UndecidedError: more than ``STATES`` states would have to be visited.
    """
    product = _Product(rule)
    children = _children(barred)
    alphabet = _Alphabet(product.machines, most_taken=max(map(len, children.values()), default=0))
    first: _Node = (tuple(automaton.start for automaton in product.machines), "" if barred else None)
    came_from: dict[_Node, tuple[_Node, str] | None] = {first: None}
    waiting = deque([first])
    while waiting:
        node = waiting.popleft()
        states, prefix = node
        if product.accepts(states) and prefix not in barred:
            return _spell(node, came_from)
        taken = children.get(prefix, "") if prefix is not None else ""
        for char in alphabet.choices(taken, product.next_only(states), product.told_apart(states)):
            then = product.step(states, char)
            if then is None:
                continue
            # Past every barred text the text so far no longer matters, only the states do.
            following = (then, prefix + char if prefix is not None and char in taken else None)
            if following not in came_from:
                came_from[following] = (node, char)
                if not product.hopeless(then):
                    waiting.append(following)
        if len(came_from) > STATES:
            raise UndecidedError(f"a comparison of patterns needs more than {STATES} states")
    return None


class _Product:
    """The automata of all unions in a rule, side by side.

    Nearly every rule is a few unions less a few others; a state none of those can still accept is seen without a look at
    the rule as a whole. What is nested deeper is asked recursively.
    """

    def __init__(self, rule: Rule) -> None:
        self.rule = rule
        self.index = {union: at for at, union in enumerate(dict.fromkeys(_unions(rule)))}
        self.machines = [machine(union) for union in self.index]
        parts = rule.rules if isinstance(rule, AllOf) else (rule,)
        self.wanted = {self.index[part] for part in parts if isinstance(part, AnyOf)}
        self.unwanted = {
            self.index[part.rule] for part in parts if isinstance(part, Not) and isinstance(part.rule, AnyOf)
        }
        self.nested = [part for part in parts if isinstance(part, Not) and not isinstance(part.rule, AnyOf)]

    def step(self, states: tuple[int, ...], char: str) -> tuple[int, ...] | None:
        """Return the states behind a character, or None where no text from there on is in the rule."""
        found = []
        for at, automaton in enumerate(self.machines):
            state = automaton.step(states[at], char)
            if (not state and at in self.wanted) or (state & automaton.forever and at in self.unwanted):
                return None
            found.append(state)
        return tuple(found)

    def hopeless(self, states: tuple[int, ...]) -> bool:
        """Return whether a part that is nested deeper takes no text from here on; ``step`` has seen to all others."""
        return any(self.verdict(part, states) is False for part in self.nested)

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

    def accepts(self, states: tuple[int, ...], rule: Rule | None = None) -> bool:
        """Return whether the text that led here is in the rule."""
        rule = rule or self.rule
        if isinstance(rule, AnyOf):
            at = self.index[rule]
            return bool(states[at] & self.machines[at].accept)
        if isinstance(rule, Not):
            return not self.accepts(states, rule.rule)
        return all(self.accepts(states, part) for part in rule.rules)

    def verdict(self, rule: Rule, states: tuple[int, ...]) -> bool | None:
        """Return whether all texts from here on are in a rule (True), none of them is (False), or it depends (None)."""
        if isinstance(rule, AnyOf):
            at = self.index[rule]
            return False if not states[at] else True if states[at] & self.machines[at].forever else None
        if isinstance(rule, Not):
            inner = self.verdict(rule.rule, states)
            return None if inner is None else not inner
        verdicts = [self.verdict(part, states) for part in rule.rules]
        return False if False in verdicts else None if None in verdicts else True


def _unions(rule: Rule) -> Iterator[AnyOf]:
    if isinstance(rule, AnyOf):
        yield rule
    elif isinstance(rule, Not):
        yield from _unions(rule.rule)
    else:
        for part in rule.rules:
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
        listed = sorted({char for automaton in machines for char in automaton.steps}, key=_rank)
        groups: dict[tuple[tuple[int, int], ...], list[str]] = {}
        for char in listed:
            groups.setdefault(tuple(automaton.steps.get(char, automaton.other) for automaton in machines), []).append(
                char
            )
        known = set(listed)
        plenty = (*READABLE, *map(chr, range(0x4E00, 0x4E01 + len(listed) + most_taken)))
        unlisted = [char for char in plenty if char not in known]
        unlisted += groups.pop(tuple(automaton.other for automaton in machines), [])
        classes = [*map(tuple, groups.values()), tuple(sorted(unlisted, key=_rank))]
        self.classes = sorted(classes, key=lambda group: _rank(group[0]))
        self.class_of = {char: number for number, group in enumerate(self.classes) for char in group}
        self.plenty = plenty

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


def _rank(char: str) -> tuple[int, str]:
    at = READABLE.find(char)
    return (at if at >= 0 else len(READABLE) + ord(char), char)


def _spell(end: _Node, came_from: dict[_Node, tuple[_Node, str] | None]) -> str:
    chars = []
    step = came_from[end]
    while step is not None:
        chars.append(step[1])
        step = came_from[step[0]]
    return "".join(reversed(chars))
