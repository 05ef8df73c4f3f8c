"""How much work a question may be: counted in steps and not in time, so that it ends the same way on every machine.

Whoever asks for somebody else, such as a pipeline that audits what strangers propose, bounds the work. A question that takes more is
undecided; where nobody set a bound there is none.
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from trailkey.errors import UndecidedError

if TYPE_CHECKING:
    from collections.abc import Iterator


class Work:
    """The steps that a question may take, and how many of them are left."""

    def __init__(self, steps: int, around: Work | None) -> None:
        self.most, self.around = steps, around
        self.left: int = steps if around is None else min(steps, around.left)
        self._given = self.left

    @property
    def exhausted(self) -> bool:
        """Whether there were too few."""
        return self.left < 0

    def settle(self) -> None:
        """Take the steps that were used from the bound around this one."""
        if self.around is not None:
            self.around.left -= self._given - max(self.left, 0)


_CURRENT: list[Work] = []


def step(number: int = 1) -> None:
    """Count steps of the question that is being answered.

    Raises:
        UndecidedError: there are no steps left.
    """
    if _CURRENT:
        work = _CURRENT[-1]
        work.left -= number
        if work.left < 0:
            raise UndecidedError(f"it takes more than {work.most:,} steps of comparing patterns and conditions")


@contextmanager
def bounded(steps: int) -> Iterator[Work]:
    """Bound the work of what is asked within; a bound within another one takes its steps from that one as well."""
    work = Work(steps, _CURRENT[-1] if _CURRENT else None)
    _CURRENT.append(work)
    try:
        yield work
    finally:
        _CURRENT.pop()
        work.settle()
