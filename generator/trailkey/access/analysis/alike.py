"""Accounts and context keys that policies do not tell apart: a few of them stand for all when a policy is judged.

Where two account ids can change places in every policy that is asked about, and nothing is different, each request about the one is
answered like the request about the other. So a list of 850 accounts, or 190 statements for an account each, is as much work as a
few. The same goes for the keys of encryption contexts and tags.

What is left out bears only on requests that name what is left out: an entry of a list, and a statement that is held to it.
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import TYPE_CHECKING, Final

from trailkey.access.language.catalog import CONTEXT_PREFIX
from trailkey.access.language.conditions import OPERATORS

if TYPE_CHECKING:
    from collections.abc import Hashable, Iterable, Iterator, Mapping, Sequence

    from trailkey.access.language.conditions import Condition
    from trailkey.access.language.policy import Policy, Statement

LEAST: Final = 8
"""How many must be alike before some stand for all: fewer are told one by one."""

_ACCOUNT: Final = re.compile(r"(?<!\d)\d{12}(?!\d)")
_TELLS_APART: Final = re.compile(r"\d[*?]|[*?]\d")
"""A pattern that some account ids match and others do not."""
_KEYS: Final = (CONTEXT_PREFIX.casefold(), "aws:principaltag/", "aws:requesttag/", "aws:resourcetag/")
_OF_KEYS: Final = ("kms:encryptioncontextkeys", "aws:tagkeys")
_OF_CALLER: Final = ("principal", "aws:principalaccount", "aws:principalarn", "kms:calleraccount")
_ANYTHING: Final = "\ufdd4"
"""Stands for an account or key where it makes no difference which: a code point no document carries."""

_Place = tuple[str, str, str]
"""What an account is a value of, the operator there, and the text around it."""


@dataclass(frozen=True, slots=True)
class Alike:
    """Policies with some accounts and keys that stand for all.

    ``policies`` are those to judge. ``members`` are the others that an account or key stands for, and ``beside`` those of them that the
    policies still hold, since it takes a few to stand for all. ``statements`` are, for each policy, the names of those statements
    that one of its statements (by its index) stands for.
    """

    policies: tuple[Policy, ...]
    members: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    beside: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    statements: tuple[Mapping[int, tuple[str | int, ...]], ...] = ()


def alike(policies: Sequence[Policy], fixed: Iterable[str]) -> Alike:
    """Return policies without the accounts and context keys for which others stand.

    Args:
        policies: asked about together: what is alike is so in all of them.
        fixed: texts whose accounts are asked about by themselves.
    """
    places = _places(policies)
    known = {found for text in fixed for found in _ACCOUNT.findall(text)}
    groups: dict[Hashable, list[str]] = {}
    for token in places:
        if token not in known and (signature := _signature(token, places[token], policies)) is not None:
            groups.setdefault(signature, []).append(token)
    members: dict[str, tuple[str, ...]] = {}
    beside: dict[str, tuple[str, ...]] = {}
    left_out: dict[str, str] = {}
    for group in groups.values():
        spots = {place for _, place in places[group[0]]}
        standing = len({"principal" if spot[0] in _OF_CALLER else spot[0] for spot in spots})
        if len(group) > max(LEAST, standing):
            members[group[0]] = tuple(group[standing:])
            beside[group[0]] = tuple(group[1:standing])
            left_out |= dict.fromkeys(group[standing:], group[0])
    if not left_out:
        return Alike(tuple(policies), statements=tuple({} for _ in policies))
    made = [_without(policy, left_out) for policy in policies]
    shorter, statements = zip(*made, strict=True)
    return Alike(shorter, members, beside, statements)


def _places(policies: Sequence[Policy]) -> dict[str, list[tuple[tuple[int, int], _Place]]]:
    """Return where each account and each key stands that may be alike another: statement, and place with the text around it."""
    found: dict[str, list[tuple[tuple[int, int], _Place]]] = {}
    barred: set[str] = set()
    statements = [
        ((at, number), one) for at, policy in enumerate(policies) for number, one in enumerate(policy.statements)
    ]
    everything = [text for _, one in statements for _, _, text in _texts(one)]
    accounts_told = any(_TELLS_APART.search(text) for text in everything)
    keys_told = any(one.key.casefold() in _OF_KEYS for _, each in statements for one in each.conditions)
    for where, statement in statements:
        for resource in statement.resources:
            barred.update(_ACCOUNT.findall(resource))
        for spot, operator, text in () if accounts_told else _texts(statement):
            tokens = dict.fromkeys(_ACCOUNT.findall(text))
            barred.update(tokens if len(tokens) > 1 else ())
            for token in tokens:
                found.setdefault(token, []).append((where, (spot, operator, _open(text, token))))
        for condition in () if keys_told else statement.conditions:
            key = condition.key.casefold()
            if key.startswith(_KEYS):
                found.setdefault(key, []).append((where, ("key", "", "")))
    return {token: spots for token, spots in found.items() if token not in barred}


def _texts(statement: Statement) -> Iterator[_Place]:
    """Yield the texts of a statement in which an account can stand, each with what it is a value of."""
    if statement.principals:
        yield from (("principal", "", text) for text in statement.principals.aws)
    for one in statement.conditions:
        operator = f"{one.quantifier}:{one.operator}{'IfExists' * one.if_exists}"
        yield from ((one.key.casefold(), operator, text) for text in one.values)


def _open(text: str, token: str) -> str:
    """Return a text with an account of it left open."""
    return _ACCOUNT.sub(lambda found: _ANYTHING if found[0] == token else found[0], text) if token in text else text


def _signature(
    token: str,
    spots: Sequence[tuple[tuple[int, int], _Place]],
    policies: Sequence[Policy],
) -> Hashable | None:
    """Return what is the same for all that may change places with an account or key; None where it is bound to stay.

    In a statement that lists others in just the same way it is one of a list; any other statement has to be about it alone.
    """
    by_statement: dict[tuple[int, int], list[_Place]] = {}
    for where, place in spots:
        by_statement.setdefault(where, []).append(place)
    found: list[Hashable] = []
    for where, own in by_statement.items():
        statement = policies[where[0]].statements[where[1]]
        if _is_listed(token, statement):
            found.append(("in", where, frozenset(own)))
        elif _is_held_to(token, statement):
            found.append(("own", where[0], _shape(statement, token)))
        else:
            return None
    return frozenset(Counter(found).items())


def _is_listed(token: str, statement: Statement) -> bool:
    """Return whether a statement names an account beside others in each of its lists that has it, in the same form."""
    if not token.isdigit():
        return False
    for entries, forms in _forms(statement):
        if token in entries and any(forms[form] <= 1 for form in entries[token]):
            return False
    return True


@lru_cache(maxsize=4096)
def _forms(statement: Statement) -> list[tuple[dict[str, list[str]], Counter[str]]]:
    """Return for each list of a statement the forms in which accounts stand in it, and how many entries have a form."""
    found = []
    for entries in (
        statement.principals.aws if statement.principals else (),
        *(one.values for one in statement.conditions),
    ):
        mine: dict[str, list[str]] = {}
        for entry in entries:
            for token in _ACCOUNT.findall(entry):
                mine.setdefault(token, []).append(_ACCOUNT.sub(_ANYTHING, entry))
        found.append((mine, Counter(form for forms in mine.values() for form in forms)))
    return found


def _is_held_to(token: str, statement: Statement) -> bool:
    """Return whether a statement bears only on requests that name an account, or carry a key."""
    who = statement.principals
    if token.isdigit() and who and not (who.excluded or who.everyone or who.services or who.federated):
        alone = bool(who.aws) and all(token in entry for entry in who.aws)
        return alone or any(_asks_for(token, condition) for condition in statement.conditions)
    return any(_asks_for(token, condition) for condition in statement.conditions)


def _asks_for(token: str, condition: Condition) -> bool:
    if condition.operator == "Null" or condition.if_exists or condition.quantifier == "ForAllValues":
        return False
    if OPERATORS[condition.operator].negated:
        return False
    return condition.key.casefold() == token or (token.isdigit() and all(token in value for value in condition.values))


def _shape(statement: Statement, token: str) -> Hashable:
    """Return a statement without its name, and with an account or key of it left open."""

    def open_(text: str) -> str:
        return _open(text, token)

    who = statement.principals
    return (
        statement.effect,
        who and (who.excluded, who.everyone, frozenset(map(open_, who.aws)), who.services, who.federated),
        (statement.actions, statement.not_actions, statement.resources, statement.not_resources),
        frozenset(
            (
                one.operator,
                one.quantifier,
                one.if_exists,
                _ANYTHING if one.key.casefold() == token else one.key.casefold(),
                frozenset(map(open_, one.values)),
            )
            for one in statement.conditions
        ),
    )


def _without(policy: Policy, left_out: Mapping[str, str]) -> tuple[Policy, dict[int, tuple[str | int, ...]]]:
    """Return a policy without what others stand for, and which statements stand for others."""
    owners = {one.index: _own(one, left_out) for one in policy.statements}
    kept = [one for one in policy.statements if owners[one.index] is None]
    standing = {
        _shape(one, token): one.index for one in reversed(kept) for token in _tokens(one) if not _is_listed(token, one)
    }
    named: dict[int, list[str | int]] = {}
    for statement in policy.statements:
        if (own := owners[statement.index]) is not None:
            named.setdefault(standing[_shape(statement, own)], []).append(statement.name)
    shorter = tuple(_shorter(one, left_out) for one in kept)
    return replace(policy, statements=shorter), {index: tuple(names) for index, names in named.items()}


def _own(statement: Statement, left_out: Mapping[str, str]) -> str | None:
    """Return the account or key that is left out and that a statement is about by itself, or None where there is none."""
    mine = (one for one in _tokens(statement) if one in left_out and not _is_listed(one, statement))
    return next(mine, None)


def _tokens(statement: Statement) -> list[str]:
    accounts = (found for _, _, text in _texts(statement) for found in _ACCOUNT.findall(text))
    keys = (key for one in statement.conditions if (key := one.key.casefold()).startswith(_KEYS))
    return list(dict.fromkeys((*accounts, *keys)))


def _shorter(statement: Statement, left_out: Mapping[str, str]) -> Statement:
    """Return a statement without those entries of its lists that name what is left out."""

    def few(entries: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(one for one in entries if not any(token in left_out for token in _ACCOUNT.findall(one)))

    who = statement.principals
    return replace(
        statement,
        principals=who and replace(who, aws=few(who.aws)),
        conditions=tuple(replace(one, values=few(one.values)) for one in statement.conditions),
    )
