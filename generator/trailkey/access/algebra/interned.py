"""Values of which there is one object each: to compare two of them, or to look one up, is to look at where they are.

The prover compares sets, and looks up what it made of them before, a million times a second; walking through what they are made of
each time would be nearly all of its work.
"""

from __future__ import annotations

from threading import Lock
from typing import Any
from weakref import WeakValueDictionary

_LOCK = Lock()  # two threads that make the same value at the same time get the same object


class Interned(type):
    """The type of frozen dataclasses without an ``==`` of their own (``eq=False``): making a value again returns the one there is."""

    def __init__(cls, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        cls._there: WeakValueDictionary[tuple[Any, ...], Any] = WeakValueDictionary()

    def __call__(cls, *args: Any, **kwargs: Any) -> Any:
        """Return the one object of this value."""
        found = None if kwargs else cls._there.get(args)
        if found is None:
            made = super().__call__(*args, **kwargs)
            parts = tuple([getattr(made, name) for name in made.__match_args__])
            with _LOCK:
                found = cls._there.setdefault(parts, made)
                if not kwargs and len(args) < len(parts):
                    cls._there[args] = found  # what is left out has its default: the same value, in fewer words
        return found
