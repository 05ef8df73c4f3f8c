"""Constraints in words: ``kms:ViaService is s3.us-east-1.amazonaws.com``."""

from __future__ import annotations

import ipaddress
from typing import TYPE_CHECKING, Any, Final

from trailkey.access import Language, Single
from trailkey.access.algebra.boxes import Many
from trailkey.access.algebra.intervals import write
from trailkey.access.algebra.languages import ALL, EMPTY
from trailkey.access.algebra.unions import AllOf, AnyOf, Expression, Not
from trailkey.access.language.catalog import is_boolean, spelling
from trailkey.diff.callers import shown

if TYPE_CHECKING:
    from collections.abc import Iterable

    from trailkey.access import Constraint
    from trailkey.access.algebra.intervals import Intervals

_ENDS: Final = (-62135596800, 253402300799)
"""The years 1 and 9999, between which dates are, in seconds since 1970."""


def constraint_text(key: str, side: Constraint) -> str:
    """Return what a constraint asks of a key (in lower case, or ``resource``), or an empty text where it asks nothing."""
    name = "the resource" if key == "resource" else spelling(key)
    if isinstance(side, Many):
        return _several(name, side)
    if side.absent and side.values == EMPTY:
        return f"{name} is missing"
    if not side.absent and side.values == ALL:
        return f"{name} is there"
    if is_boolean(key) and isinstance(side.values, Language):
        return _boolean(name, side)
    what = _values(side.values) if isinstance(side.values, Language) else _ranges(side.values)
    # A negated condition passes where the key is missing, and "is not" implies that.
    negative = what.startswith("is not")
    if side.absent == negative or key == "resource":
        return f"{name} {what}"
    return f"{name} is missing or {what}" if side.absent else f"{name} is there and {what}"


def _boolean(name: str, side: Single) -> str:
    true, false = side.values.contains("true"), side.values.contains("false")
    if true and false:
        return "" if side.absent else f"{name} is there"
    if true:
        return f"{name} is not false" if side.absent else f"{name} is true"
    return f"{name} is not true" if side.absent else f"{name} is false"


def _several(name: str, side: Many) -> str:
    if side.every == EMPTY:
        return f"{name} is missing"
    parts = [f"a value of {name} {_values(wanted)}" if wanted != ALL else f"{name} is there" for wanted in side.some]
    if side.every != ALL:
        parts.insert(0, f"every value of {name} {_values(side.every)}")
    return " and ".join(parts)


def _values(values: Language) -> str:
    listed = sorted(values.exceptions)
    if values.texts is not None:
        return f"is {_or(listed)}"
    if values == ~Language(EMPTY.expression, values.exceptions):
        return f"is not {_or(listed)}"
    within = [text for text in listed if values.contains(text)]
    beside = [text for text in listed if not values.contains(text)]
    expression = _expression(values.expression)
    if within:
        expression = f"is {_or(within)}, or {expression}"
    return f"{expression}, but not {_or(beside)}" if beside else expression


def _expression(expression: Expression) -> str:
    if isinstance(expression, AnyOf):
        return f"is like {_or(map(shown, expression.patterns))}"
    if isinstance(expression, Not) and isinstance(expression.expression, AnyOf):
        return f"is not like {_or(map(shown, expression.expression.patterns))}"
    if isinstance(expression, Not):
        return f"not ({_expression(expression.expression)})"
    if isinstance(expression, AllOf):
        return " and ".join(_expression(part) for part in expression.expressions)
    raise TypeError(f"an expression of a kind that has no text: {expression!r}")


def _or(texts: Iterable[str]) -> str:
    entries = list(texts)
    return entries[0] if len(entries) == 1 else f"{', '.join(entries[:-1])} or {entries[-1]}"


def _ranges(values: Intervals) -> str:
    if values.kind == "Ip":
        return _addresses(values)
    # What is no number is in the set that a negated condition leaves: it is told by what it leaves out.
    asked = ~values if values.unread else values
    parts = []
    for low, high in asked.ranges:
        words = ("more than" if low[1] else "at least", low[0]), ("at most" if high[1] else "less than", high[0])
        bounds = [
            f"{word} {write(values.kind, at)}"
            for (word, at), end in zip(words, _ENDS, strict=True)
            if at.is_finite() and at != end
        ]
        parts.append(" and ".join(bounds) or "a number")
    return f"is {'not ' if values.unread else ''}{_or(parts)}"


def _addresses(values: Intervals) -> str:
    """Return the networks of a set of addresses, or those it leaves out where they are fewer."""
    asked = ~values if values.unread else values
    networks: list[str] = []
    for low, high in asked.ranges:
        ends: list[Any] = [ipaddress.ip_address(write("Ip", at)) for at in (low[0] + low[1], high[0] - 1 + high[1])]
        networks += map(str, ipaddress.summarize_address_range(*ends))
    return f"is {'not ' if values.unread else ''}in {_or(networks)}" if networks else "is not an address"
