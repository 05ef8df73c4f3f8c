"""Sets of numbers, dates and IP addresses as unions of intervals, beside the languages that sets of texts are.

A key of a request always holds a text; these are the texts that read as a number (a date, an address) in one of the
intervals, and with ``unread`` also those that read as none, which a negated operator accepts.
"""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Final, Literal

from trailkey.access.algebra.languages import ALL, Language, texts
from trailkey.access.language.conditions import read_address, read_date, read_number
from trailkey.errors import UndecidedError

if TYPE_CHECKING:
    from collections.abc import Sequence

Kind = Literal["Numeric", "Date", "Ip"]
Cut = tuple[Decimal, int]
"""A place between numbers: just before the number (0) or just behind it (1). An interval lies between two cuts."""

_LOWEST: Final[Cut] = (Decimal("-Infinity"), 1)
_HIGHEST: Final[Cut] = (Decimal("Infinity"), 0)
_V6: Final = 1 << 40  # IPv6 addresses stand on the same line, this far beyond the IPv4 ones
_ADDRESSES: Final = (
    ((Decimal(0), 0), (Decimal((1 << 32) - 1), 1)),
    ((Decimal(_V6), 0), (Decimal(_V6 + (1 << 128) - 1), 1)),
)
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_DATES: Final = (((Decimal(-62135596800), 0), (Decimal(253402300799), 1)),)  # the years 1 to 9999, what a date can say
_LINE: Final = {"Numeric": ((_LOWEST, _HIGHEST),), "Date": _DATES, "Ip": _ADDRESSES}
"""All there is of each kind."""


@dataclass(frozen=True, slots=True)
class Intervals:
    """The texts that read as a value of ``kind`` between one of the pairs of cuts; sorted, apart from one another."""

    kind: Kind
    ranges: tuple[tuple[Cut, Cut], ...]
    unread: bool = False

    def contains(self, text: str) -> bool:
        """Return whether a text of a request is in the set."""
        value = _read(self.kind, text)
        if value is None:
            return self.unread
        return any(low <= (value, 0) and (value, 1) <= high for low, high in self.ranges)

    def is_empty(self) -> bool:
        """Return whether no text is in the set."""
        return not self.ranges and not self.unread

    def witness(self, hints: Sequence[str] = ()) -> str | None:
        """Return a readable text of the set, a hint if one is in it, or None where it is empty."""
        for hint in hints:
            if self.contains(hint):
                return hint
        for low, high in self.ranges:
            return write(self.kind, _between(low, high))
        return "none" if self.unread else None

    def __invert__(self) -> Intervals:
        ranges: list[tuple[Cut, Cut]] = []
        for start, end in _LINE[self.kind]:
            at = start
            for low, high in self.ranges:
                if start <= low < end:
                    if at < low:
                        ranges.append((at, low))
                    at = high
            if at < end:
                ranges.append((at, end))
        return Intervals(self.kind, tuple(ranges), not self.unread)

    def __and__(self, other: Intervals) -> Intervals:
        if self.kind != other.kind:
            raise UndecidedError(f"one key compared as {self.kind} and as {other.kind}")
        pairs = ((max(a, c), min(b, d)) for a, b in self.ranges for c, d in other.ranges)
        return Intervals(
            self.kind, tuple(sorted(pair for pair in pairs if pair[0] < pair[1])), self.unread and other.unread
        )

    def __or__(self, other: Intervals) -> Intervals:
        return ~(~self & ~other)


Values = Language | Intervals


def meet(one: Values, two: Values) -> Values:
    """Return the values in both sets.

    Raises:
        UndecidedError: one set is of texts with wildcards and the other of numbers, dates or addresses.
    """
    if isinstance(one, Intervals):
        return one & two if isinstance(two, Intervals) else meet(two, one)
    if isinstance(two, Language):
        return one & two
    if one == ALL:
        return two
    if one.texts is None:
        raise UndecidedError("one key compared as a text with wildcards and as a number, a date or an address")
    return texts(*filter(two.contains, one.texts))


def intervals(operator: str, value: str) -> Intervals:
    """Return what passes one value of a Numeric, Date or IpAddress operator, a negated one counted as its positive.

    Raises:
        UndecidedError: the value does not read as the operator's type.
    """
    if operator.endswith("IpAddress"):
        network = ipaddress.ip_network(value, strict=False)
        base = _V6 if network.version == 6 else 0
        low, high = int(network.network_address) + base, int(network.broadcast_address) + base
        return Intervals("Ip", (((Decimal(low), 0), (Decimal(high), 1)),))
    kind: Kind = "Numeric" if operator.startswith("Numeric") else "Date"
    point = _read(kind, value)
    if point is None:
        raise UndecidedError(f'{operator}: "{value}" is not a value of that type')
    lowest, highest = _LINE[kind][0]
    comparison = operator.removeprefix(kind).replace("Not", "")
    bounds = {
        "Equals": ((point, 0), (point, 1)),
        "LessThan": (lowest, (point, 0)),
        "LessThanEquals": (lowest, (point, 1)),
        "GreaterThan": ((point, 1), highest),
        "GreaterThanEquals": ((point, 0), highest),
    }[comparison]
    return Intervals(kind, (bounds,) if bounds[0] < bounds[1] else ())


def _read(kind: Kind, text: str) -> Decimal | None:
    """Return the value a text reads as, under exactly the rules by which requests are decided."""
    if kind == "Numeric":
        return read_number(text)
    if kind == "Date":
        moment = read_date(text)
        return None if moment is None else Decimal((moment - _EPOCH) // timedelta(microseconds=1)) / 1_000_000
    address = read_address(text)
    return None if address is None else Decimal(int(address) + (_V6 if address.version == 6 else 0))


def _between(low: Cut, high: Cut) -> Decimal:
    """Return a simple number between two cuts."""
    if low[1] == 0:
        return low[0]
    if high[1] == 1:
        return high[0]
    if low[0].is_infinite():
        return Decimal(0) if high[0].is_infinite() else high[0] - 1
    return low[0] + 1 if low[0] + 1 < high[0] else (low[0] + high[0]) / 2


def write(kind: Kind, value: Decimal) -> str:
    """Return a value as text, which reads as that value."""
    if kind == "Numeric":
        return format(value, "f")
    if kind == "Date":
        moment = _EPOCH + timedelta(microseconds=int(value * 1_000_000))
        return moment.isoformat().replace("+00:00", "Z")
    number = int(value)
    return str(ipaddress.IPv6Address(number - _V6) if number >= _V6 else ipaddress.IPv4Address(number))
