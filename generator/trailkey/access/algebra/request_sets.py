"""Sets of requests, known exactly or between two bounds, and the three answers to a question about them.

A statement that is not wholly modelled (a policy variable that can have many values) matches some requests for certain and
some perhaps. So a set has two bounds, and an answer is ``proven`` or ``refuted`` only where both bounds agree.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Literal

from trailkey.access.algebra.boxes import EVERYWHERE, Box, coalesce, meetings, subtract

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

Verdict = Literal["proven", "refuted", "unknown"]
PROVEN: Final[Verdict] = "proven"
REFUTED: Final[Verdict] = "refuted"
UNKNOWN: Final[Verdict] = "unknown"


@dataclass(frozen=True, slots=True)
class Answer:
    """The answer to a claim about all requests.

    ``witness`` is a concrete request (the shape ``trailkey decide`` reads) that shows it, where one does: the counterexample
    of a refuted claim, or the example of a proven claim that something exists. ``reason`` says why an answer
    is unknown, or what refutes a claim that is not about requests.
    """

    verdict: Verdict
    witness: Mapping[str, Any] | None = None
    reason: str = ""

    def __bool__(self) -> bool:
        """Only ``proven`` counts as true: what is unknown is never taken for proven."""
        return self.verdict == PROVEN


@dataclass(frozen=True, slots=True)
class RequestSet:
    """A set that holds all of ``inner`` and nothing beyond ``outer``; the two are one where the set is known exactly."""

    inner: tuple[Box, ...]
    outer: tuple[Box, ...]
    reasons: tuple[str, ...] = ()

    @property
    def exact(self) -> bool:
        """Whether the set is known exactly."""
        return self.inner == self.outer

    def admits(self, request: Mapping[str, Sequence[str]]) -> bool | None:
        """Return whether a request, given as the values of its dimensions, is in the set; None where that is not known."""
        if any(box.admits(request) for box in self.inner):
            return True
        return None if any(box.admits(request) for box in self.outer) else False

    def __or__(self, other: RequestSet) -> RequestSet:
        return joined((self, other))

    def __and__(self, other: RequestSet) -> RequestSet:
        inner = coalesce(meetings(self.inner, other.inner))
        outer = inner if self.exact and other.exact else coalesce(meetings(self.outer, other.outer))
        return RequestSet(inner, outer, self._reasons(other))

    def __sub__(self, other: RequestSet) -> RequestSet:
        inner = _minus(self.inner, other.outer)
        outer = inner if self.exact and other.exact else _minus(self.outer, other.inner)
        return RequestSet(inner, outer, self._reasons(other))

    def _reasons(self, other: RequestSet) -> tuple[str, ...]:
        both = (*self.reasons, *other.reasons)
        return tuple(dict.fromkeys(both)) if both else both


def exactly(boxes: Iterable[Box | None]) -> RequestSet:
    """Return the set of exactly these boxes; None is the empty one."""
    found = coalesce(boxes)
    return RequestSet(found, found)


def joined(sets: Sequence[RequestSet]) -> RequestSet:
    """Return the union of many sets, in one go."""
    inner = coalesce(box for one in sets for box in one.inner)
    outer = inner if all(one.exact for one in sets) else coalesce(box for one in sets for box in one.outer)
    return RequestSet(inner, outer, tuple(dict.fromkeys(reason for one in sets for reason in one.reasons)))


EVERY_REQUEST: Final = RequestSet((EVERYWHERE,), (EVERYWHERE,))
NO_REQUEST: Final = RequestSet((), ())


def _minus(one: Sequence[Box], two: Sequence[Box]) -> tuple[Box, ...]:
    return coalesce(left for a in one for left in subtract(a, two))
