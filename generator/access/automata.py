"""Boolean combinations of patterns, and the search for a text in one: a product of automata, built only as far as needed.

A pattern of n characters is an automaton of n + 1 states, a set of its states one integer (a bit each), and so is the union
of many patterns: one step of all of them is two ANDs and a shift. A product of such integers is walked breadth first, so
the first text found is a shortest one, and a walk that ends without one proves that there is none.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from functools import lru_cache
from typing import TYPE_CHECKING, Final

from generator.access.patterns import ANY, Pattern

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

STATES: Final = 20_000
"""How many states a search may visit; only patterns such as ``*a?????????????`` against one another come near it."""

READABLE: Final = "abcdefghijklmnopqrstuvwxyz9876543210ABCDEFGHIJKLMNOPQRSTUVWXYZ-_./:@=+,"
"""Characters of witnesses, the most readable first."""


class UndecidedError(Exception):
    """A question that is not decided: too large, or outside of what is modelled. The text says which."""


@dataclass(frozen=True)
class AnyOf:
    """The texts that match at least one of the patterns; no pattern at all is the empty language."""

    patterns: tuple[Pattern, ...]
    _hash: int = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_hash", hash(self.patterns))

    def __hash__(self) -> int:
        return self._hash


@dataclass(frozen=True)
class Not:
    """The texts that are not in the rule."""

    rule: AnyOf | AllOf


@dataclass(frozen=True)
class AllOf:
    """The texts that are in every one of the rules."""

    rules: tuple[AnyOf | Not, ...]


Rule = AnyOf | Not | AllOf
_Node = tuple[tuple[int, ...], str | None]

NOTHING: Final = AnyOf(())
EVERYTHING: Final = AnyOf((Pattern((), (ANY,)),))


class Machine:
    """The automaton of a union of patterns. A state is an integer; 0 is the state nothing leads out of."""

    def __init__(self, patterns: Iterable[Pattern]) -> None:
        self.start = self.accept = self.forever = 0
        ones, runs = _Masks(), _Masks()
        offset = 0
        for pattern in patterns:
            self.start |= 1 << offset
            for at, chars in enumerate(pattern.ones):
                ones.add(chars.listed, 1 << (offset + at), others=chars.others)
            for at, run in enumerate(pattern.runs):
                if run is not None:
                    runs.add(run.listed, 1 << (offset + at), others=run.others)
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
    if not rule.patterns:
        return False
    automaton = machine(rule)
    state = automaton.start
    for char in text:
        state = automaton.step(state, char)
        if not state:
            return False
        if state & automaton.forever:
            return True
    return bool(state & automaton.accept)


@lru_cache(maxsize=65536)
def search(rule: Rule, barred: frozenset[str]) -> str | None:
    """Return a shortest text of the rule that is not one of the barred ones, or None where there is none.

    Raises:
        UndecidedError: more than ``STATES`` states would have to be visited.
    """
    unions = tuple(dict.fromkeys(_unions(rule)))
    machines = [machine(union) for union in unions]
    index = {union: at for at, union in enumerate(unions)}
    children = _children(barred)
    classes = _classes(machines, most_taken=max(map(len, children.values()), default=0))
    start = tuple(automaton.start for automaton in machines)
    first: _Node = (start, "" if barred else None)
    came_from: dict[_Node, tuple[_Node, str] | None] = {first: None}
    waiting = deque([first])
    while waiting:
        node = waiting.popleft()
        states, prefix = node
        if _accepts(rule, states, machines, index) and prefix not in barred:
            return _spell(node, came_from)
        for char in _choices(classes, children.get(prefix, "") if prefix is not None else ""):
            then = tuple(automaton.step(state, char) for automaton, state in zip(machines, states, strict=True))
            if _verdict(rule, then, machines, index) is False:
                continue
            # Past every barred text the text so far no longer matters, only the states do.
            longer = None if prefix is None or char not in children.get(prefix, "") else prefix + char
            if (then, longer) not in came_from:
                came_from[then, longer] = (node, char)
                waiting.append((then, longer))
        if len(came_from) > STATES:
            raise UndecidedError(f"a comparison of patterns needs more than {STATES} states")
    return None


def _unions(rule: Rule) -> Iterator[AnyOf]:
    if isinstance(rule, AnyOf):
        yield rule
    elif isinstance(rule, Not):
        yield from _unions(rule.rule)
    else:
        for part in rule.rules:
            yield from _unions(part)


def _accepts(rule: Rule, states: tuple[int, ...], machines: list[Machine], index: dict[AnyOf, int]) -> bool:
    if isinstance(rule, AnyOf):
        at = index[rule]
        return bool(states[at] & machines[at].accept)
    if isinstance(rule, Not):
        return not _accepts(rule.rule, states, machines, index)
    return all(_accepts(part, states, machines, index) for part in rule.rules)


def _verdict(rule: Rule, states: tuple[int, ...], machines: list[Machine], index: dict[AnyOf, int]) -> bool | None:
    """Return whether all texts from here on are in the rule (True), none of them is (False), or it depends (None)."""
    if isinstance(rule, AnyOf):
        at = index[rule]
        return False if not states[at] else True if states[at] & machines[at].forever else None
    if isinstance(rule, Not):
        inner = _verdict(rule.rule, states, machines, index)
        return None if inner is None else not inner
    verdicts = [_verdict(part, states, machines, index) for part in rule.rules]
    return False if False in verdicts else None if None in verdicts else True


def _children(barred: frozenset[str]) -> dict[str, str]:
    """Return for each beginning of a barred text the characters it can go on with."""
    found: dict[str, str] = {}
    for text in sorted(barred):
        for at, char in enumerate(text):
            so_far = found.setdefault(text[:at], "")
            if char not in so_far:
                found[text[:at]] = so_far + char
    return found


def _classes(machines: list[Machine], *, most_taken: int) -> list[tuple[str, ...]]:
    """Return the characters in classes that no pattern tells apart, the most readable first.

    The class of characters no pattern lists is cut short, with one more than can be on the way to barred texts at once.
    """
    listed = sorted({char for automaton in machines for char in automaton.steps}, key=_rank)
    groups: dict[tuple[tuple[int, int], ...], list[str]] = {}
    for char in listed:
        groups.setdefault(tuple(automaton.steps.get(char, automaton.other) for automaton in machines), []).append(char)
    known = set(listed)
    plenty = (*READABLE, *map(chr, range(0x4E00, 0x4E01 + len(listed) + most_taken)))
    unlisted = [char for char in plenty if char not in known]
    unlisted += groups.pop(tuple(automaton.other for automaton in machines), [])
    classes = [*map(tuple, groups.values()), tuple(sorted(unlisted, key=_rank))]
    return sorted(classes, key=lambda group: _rank(group[0]))


def _choices(classes: list[tuple[str, ...]], taken: str) -> Iterator[str]:
    """Yield one character of each class, and every taken one (those are on the way to a barred text) by itself."""
    yield from taken
    for group in classes:
        free = next((char for char in group if char not in taken), None)
        if free is not None:
            yield free


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
