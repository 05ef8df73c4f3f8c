"""A config read section by section: what is wrong is noted, what is valid is kept, and everything else is unknown.

So all problems of a file are shown at once: what can be judged is judged, and what needs an unknown value ends in silence
with UnknownValueError, since that value was refused already.
"""

from __future__ import annotations

from collections import Counter
from difflib import get_close_matches
from functools import cache, cached_property
from typing import TYPE_CHECKING, Any, get_args, get_origin

from pydantic import TypeAdapter, ValidationError

from trailkey.config.model import Config
from trailkey.config.section import Section, UnknownValueError
from trailkey.config.source import shown

if TYPE_CHECKING:
    from collections.abc import Iterable

    from pydantic_core import ErrorDetails

    from trailkey.config.source import ConfigPath, Source


_ALLOWED = {
    "string_type": "text is allowed",
    "int_type": "a whole number is allowed",
    "bool_type": "true or false is allowed",
    "tuple_type": "a list is allowed",
    "dict_type": "a mapping is allowed",
    "model_type": "a mapping is allowed",
    "model_attributes_type": "a mapping is allowed",
}

_GUESSES = 100  # problems up to which it is worth the time to guess what was meant


def read(source: Source) -> tuple[Config, list[tuple[ConfigPath, str]]]:
    """Return what is valid of a config, a mapping, and every problem in its values, each with its config path.

    Where the text has problems of its own, nothing more is said.
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
            entry = _below(kind, 0) if get_origin(kind) is tuple else None
            return tuple(self.spelt(entry, item, (*path, index)) for index, item in enumerate(value))
        if not isinstance(value, dict):
            return value
        if _is_section(kind):
            value = dict(self._meant(kind, value, path))
        elif get_origin(kind) is not dict:
            kind = None
        return {key: self.spelt(_below(kind, key), item, (*path, key)) for key, item in value.items()}

    def _meant(self, kind: type[Section], value: dict[str, Any], path: ConfigPath) -> Iterable[tuple[str, Any]]:
        known = sorted(kind.model_fields)
        for key, item in value.items():
            if key in known:
                yield key, item
                continue
            near = _nearest(key, tuple(known)) if len(self.problems) < _GUESSES else None
            hint = f"did you mean {near!r}?" if near else "remove it"
            said = f"unknown key {shown(key)}; allowed are {', '.join(known)}; {hint}"
            self.problems.append(((*path, key), said))
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
        entries = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
        for step, item in entries:
            self._move(item, (*old, step), (*new, step))

    def note(self, errors: list[ErrorDetails]) -> None:
        """Note what pydantic found, but for what follows from another problem."""
        places = Counter(above for error in errors for above in _above(_place(error)))
        unreadable = {above for path in self._unreadable for above in _above(path)}
        for error in errors:
            place = _place(error)
            contradiction = error["type"] == "value_error" and isinstance(error["input"], dict)
            if contradiction and place in unreadable:
                continue  # judged of a value that is unknown: see known
            if error["type"] == "too_short" and places[place] > 1:
                continue  # short of its wrong entries
            self._wrong.add(place)
            told = not self._unreadable.isdisjoint(_above(place))
            if not (told or (contradiction and place in self._unsure)):
                self.problems.append(_problem(self._source, error))

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
        kind = _unwrapped(annotation)
        if path in self._wrong:
            raise UnknownValueError(path)
        if _is_section(kind):
            return self.known(kind, value, path)
        entry = _below(kind, 0)
        if not _is_section(entry):
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


@cache
def _nearest(key: str, known: tuple[str, ...]) -> str | None:
    return next(iter(get_close_matches(key, known, n=1)), None)


def _above(path: ConfigPath) -> Iterable[ConfigPath]:
    """Return a path and all that lead to it."""
    return (path[:length] for length in range(len(path) + 1))


def _place(error: ErrorDetails) -> ConfigPath:
    """Return the config path an error of pydantic is about; of a key that is missing, where it would stand."""
    path = tuple(error["loc"])
    return path[:-1] if path[-1:] == ("[key]",) else path


def _problem(source: Source, error: ErrorDetails) -> tuple[ConfigPath, str]:
    """Return where an error of pydantic is shown, and its text: the value, what is allowed, what to do."""
    path = _place(error)
    if error["type"] == "missing":
        section: Any = Config
        for step in path[:-1]:
            section = _below(section, step)
        needed = [name for name, field in section.model_fields.items() if field.is_required()]
        return path[:-1], f"{path[-1]!r} is missing; needed here: {', '.join(needed)}; add it"
    return path, _text(source, path, error)


def _text(source: Source, path: ConfigPath, error: ErrorDetails) -> str:
    kind, context, value = error["type"], error.get("ctx", {}), error["input"]
    match kind:
        case "value_error":
            return str(context["error"])
        case "literal_error":
            return f"{shown(value)} is refused; {context['expected']} is allowed; correct it"
        case "greater_than_equal":
            return f"{shown(value)} is out of range; {context['ge']:,} or more is allowed; raise it"
        case "less_than_equal":
            return f"{shown(value)} is out of range; {context['le']:,} or less is allowed; lower it"
        case "too_short" | "string_too_short" if isinstance(value, str):
            return "the text is empty; one or more characters are needed; write some, or remove it"
        case "too_long" | "string_too_long" if isinstance(value, str):
            return f"{shown(value)} is too long; {context['max_length']:,} characters are allowed; shorten it"
        case "too_short":
            return f"{path[-1]} is empty; one or more entries are needed; add one"
        case "too_long":
            return f"{path[-1]} has too many entries; {context['max_length']:,} are allowed; remove some"
    return _wrong_type(source, path, value, _ALLOWED.get(kind, error["msg"]))


def _wrong_type(source: Source, path: ConfigPath, value: Any, allowed: str) -> str:
    if value is None:
        return f"no value is given; {allowed}; write one, or remove the key"
    mark = source.mark(path)
    advice = "correct it"
    if allowed.startswith("text") and mark.written is not None and not mark.quoted:
        advice = "put it in quotes"
    elif allowed.startswith(("true", "a whole")) and (str(value).isdecimal() or value in ("true", "false")):
        advice = "write it without quotes"
    return f"{shown(value)} is refused; {allowed}; {advice}"


def _is_section(kind: Any) -> bool:
    """Tell whether a type is a part of the model, with keys of its own."""
    return isinstance(kind, type) and issubclass(kind, Section)


def _below(kind: Any, step: str | int) -> Any:
    """Return the type of what stands below a part of the model: of a key, of the entries of a list; None where there is none."""
    if _is_section(kind):
        return _unwrapped(kind.model_fields[str(step)].annotation)
    arguments = [argument for argument in get_args(kind) if argument is not Ellipsis]
    return _unwrapped(arguments[-1]) if arguments else None


def _unwrapped(annotation: Any) -> Any:
    """Return what an optional type is about: ``AccessLogs | None`` is about AccessLogs."""
    if get_origin(annotation) in (tuple, dict):
        return annotation
    return next((kind for kind in get_args(annotation) if _is_section(kind)), annotation)
