"""A config read section by section: what is wrong is noted, what is valid is kept, and everything else is unknown.

So all problems of a file are shown at once: what can be judged is judged, and what needs an unknown value ends in silence
with UnknownValueError, since that value was refused already.
"""

from __future__ import annotations

from collections import Counter
from functools import cached_property
from typing import TYPE_CHECKING, Any, get_origin

from pydantic import TypeAdapter, ValidationError

from trailkey.config import messages
from trailkey.config.model import Config
from trailkey.config.section import Section, UnknownValueError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from pydantic_core import ErrorDetails

    from trailkey.config.source import ConfigPath, Source


def read(source: Source) -> tuple[Config, list[tuple[ConfigPath, str]]]:
    """Return what is valid of a config, and every problem in its values, each with its config path.

    Args:
        source: the text as plain values; a mapping. Where it has problems of its own, nothing more is said.
    """
    reading = _Reading(source)
    data = reading.spelt(Config, source.data, ())
    try:
        config = Config.model_validate(data)
    except ValidationError as failure:
        reading.note(failure.errors(include_url=False))
    else:
        if not source.problems:
            return config, reading.problems
    return reading.known(Config, data, ()), reading.problems


class _Reading:
    """Collects problems, and the paths of which nothing more is said."""

    def __init__(self, source: Source) -> None:
        self.problems: list[tuple[ConfigPath, str]] = []
        self._source = source
        self._unreadable = {path for path, _ in source.problems}
        self._wrong: set[ConfigPath] = set()
        self._unsure: set[ConfigPath] = set()

    def spelt(self, kind: Any, value: Any, path: ConfigPath) -> Any:
        """Return a value with lists as tuples, as the model wants them, and unknown keys as those that were probably meant."""
        if isinstance(value, list):
            entry = messages.below(kind, 0) if get_origin(kind) is tuple else None
            return tuple(self.spelt(entry, item, (*path, index)) for index, item in enumerate(value))
        if not isinstance(value, dict):
            return value
        if messages.is_section(kind):
            value = dict(self._meant(kind, value, path))
        elif get_origin(kind) is not dict:
            kind = None
        return {key: self.spelt(messages.below(kind, key), item, (*path, key)) for key, item in value.items()}

    def _meant(self, kind: type[Section], value: dict[str, Any], path: ConfigPath) -> Iterable[tuple[str, Any]]:
        known = sorted(kind.model_fields)
        for key, item in value.items():
            if key in known:
                yield key, item
                continue
            near = messages.nearest(key, known)
            self.problems.append(((*path, key), messages.unknown_key(key, known, near)))
            if near is None or near in value:
                self._unsure.add(path)
            else:
                self._move(item, (*path, key), (*path, near))
                yield near, item

    def _move(self, value: Any, old: ConfigPath, new: ConfigPath) -> None:
        """Give the marks of a value to another path: what is said of it stands where it is written."""
        self._source.marks[new] = self._source.mark(old)
        if old in self._unreadable:
            self._unreadable.add(new)
        for step, item in _entries(value):
            self._move(item, (*old, step), (*new, step))

    def note(self, errors: list[ErrorDetails]) -> None:
        """Note what pydantic found, but for what follows from another problem."""
        places = Counter(above for error in errors for above in _above(messages.place(error)))
        unreadable = {above for path in self._unreadable for above in _above(path)}
        for error in errors:
            place = messages.place(error)
            contradiction = error["type"] == "value_error" and isinstance(error["input"], dict)
            if contradiction and place in unreadable:
                continue  # judged of a value that is unknown: see known
            if error["type"] == "too_short" and places[place] > 1:
                continue  # short of its wrong entries
            self._wrong.add(place)
            told = not self._unreadable.isdisjoint(_above(place))
            if not (told or (contradiction and place in self._unsure)):
                self.problems.append(messages.problem(self._source, error))

    @cached_property
    def _holding_wrong(self) -> set[ConfigPath]:
        self._wrong |= self._unreadable
        return {above for path in self._wrong for above in _above(path)}

    def known(self, kind: type[Section], value: dict[str, Any], path: ConfigPath) -> Any:
        """Return a section with what is valid of it, unless that contradicts itself."""
        valid: dict[str, Any] = {}
        unknown = []
        for key, item in value.items():
            try:
                valid[key] = self._part(kind.model_fields[key].annotation, item, (*path, key))
            except UnknownValueError:
                unknown.append(key)
        section = kind.model_construct(**valid)
        for key in unknown:
            section.__dict__.pop(key, None)  # no default takes the place of a wrong value
        try:
            contradiction = next(section.contradictions(), None)
        except UnknownValueError:
            return section
        if contradiction is None:
            return section
        if path not in self._unsure:
            self.problems.append((path, contradiction))
        raise UnknownValueError(path)

    def _part(self, annotation: Any, value: Any, path: ConfigPath) -> Any:
        if path not in self._holding_wrong:
            return TypeAdapter(annotation).validate_python(value)
        kind = messages.unwrapped(annotation)
        if path in self._wrong:
            raise UnknownValueError(path)
        if messages.is_section(kind):
            return self.known(kind, value, path)
        entry = messages.below(kind, 0)
        if not messages.is_section(entry):
            raise UnknownValueError(path)
        if get_origin(kind) is dict:
            return {key: self._entry(entry, item, (*path, key)) for key, item in value.items()}
        return tuple(self._entry(entry, item, (*path, index)) for index, item in enumerate(value))

    def _entry(self, kind: type[Section], value: Any, path: ConfigPath) -> Any:
        """Return an entry, or one of which all is unknown: the others keep their places and their names."""
        try:
            return self._part(kind, value, path)
        except UnknownValueError:
            entry = kind.model_construct()
            entry.__dict__.clear()
            return entry


def _above(path: ConfigPath) -> Iterable[ConfigPath]:
    """Return a path and all that lead to it."""
    return (path[:length] for length in range(len(path) + 1))


def _entries(value: Any) -> Iterable[tuple[Any, Any]]:
    return value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
