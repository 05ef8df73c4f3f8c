"""What pydantic finds wrong, in the words of a config: the value, what is allowed, what to do."""

from __future__ import annotations

from difflib import get_close_matches
from typing import TYPE_CHECKING, Any, get_args, get_origin

from trailkey.config.model import Config
from trailkey.config.section import Section
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


def place(error: ErrorDetails) -> ConfigPath:
    """Return the config path an error of pydantic is about; of a key that is missing, where it would stand."""
    path = tuple(error["loc"])
    return path[:-1] if path[-1:] == ("[key]",) else path


def problem(source: Source, error: ErrorDetails) -> tuple[ConfigPath, str]:
    """Return where an error of pydantic is shown, and its text."""
    path = place(error)
    if error["type"] == "missing":
        section: Any = Config
        for step in path[:-1]:
            section = below(section, step)
        needed = [name for name, field in section.model_fields.items() if field.is_required()]
        return path[:-1], f"{path[-1]!r} is missing; needed here: {', '.join(needed)}; add it"
    return path, _text(source, path, error)


def unknown_key(key: str, known: Iterable[str], near: str | None) -> str:
    """Return what is said of a key that a section does not have."""
    hint = f"did you mean {near!r}?" if near else "remove it"
    return f"unknown key {shown(key)}; allowed are {', '.join(known)}; {hint}"


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


def nearest(word: str, known: Iterable[str]) -> str | None:
    """Return the known word that was probably meant."""
    return next(iter(get_close_matches(word, known, n=1)), None)


def is_section(kind: Any) -> bool:
    """Tell whether a type is a part of the model, with keys of its own."""
    return isinstance(kind, type) and issubclass(kind, Section)


def below(kind: Any, step: str | int) -> Any:
    """Return the type of what stands below a part of the model: of a key, of the entries of a list; None where there is none."""
    if is_section(kind):
        return unwrapped(kind.model_fields[str(step)].annotation)
    arguments = [argument for argument in get_args(kind) if argument is not Ellipsis]
    return unwrapped(arguments[-1]) if arguments else None


def unwrapped(annotation: Any) -> Any:
    """Return what an optional type is about: ``AccessLogs | None`` is about AccessLogs."""
    if get_origin(annotation) in (tuple, dict):
        return annotation
    return next((kind for kind in get_args(annotation) if is_section(kind)), annotation)
