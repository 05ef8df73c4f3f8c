"""Which policy of one side answers to which of the other."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Iterator, Sequence

    from trailkey.findings import Branch
    from trailkey.inventory import ResourcePolicy

T = TypeVar("T")

Pair = tuple["ResourcePolicy | None", "ResourcePolicy | None"]


def paired_keys(old: Sequence[ResourcePolicy], new: Sequence[ResourcePolicy]) -> list[Pair]:
    """Return the keys of two sides in pairs: by name, and where one is left on either side, these two.

    A key that can have several policies is paired policy by policy: each with all those of the other side whose conditions
    do not contradict its own.
    """
    names_old, names_new = (list(dict.fromkeys(one.name for one in keys)) for keys in (old, new))
    answers = {name: name for name in names_old if name in names_new}
    left_old = [name for name in names_old if name not in answers]
    left_new = [name for name in names_new if name not in answers.values()]
    if len(left_old) == len(left_new) == 1:
        answers[left_old.pop()] = left_new.pop()
    pairs: list[Pair] = []
    for name, other in answers.items():
        pairs += _variants([one for one in old if one.name == name], [one for one in new if one.name == other])
    pairs += [(one, None) for one in old if one.name in left_old]
    pairs += [(None, one) for one in new if one.name in left_new]
    return pairs


def matched(old: Sequence[T], new: Sequence[T], key_of: Callable[[T], Hashable]) -> Iterator[tuple[T | None, T | None]]:
    """Yield entries of two sequences in pairs, by their keys; one that has no counterpart is paired with None."""
    mine, its = ({key_of(entry): entry for entry in entries} for entries in (old, new))
    for key in dict.fromkeys((*mine, *its)):
        yield mine.get(key), its.get(key)


def _variants(old: Sequence[ResourcePolicy], new: Sequence[ResourcePolicy]) -> list[Pair]:
    return [(one, two) for one in old for two in new if _agree(one.location.branch, two.location.branch)]


def _agree(one: Branch, two: Branch) -> bool:
    truths = dict(two)
    return all(truths.get(name, truth) == truth for name, truth in one)
