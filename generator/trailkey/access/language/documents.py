"""Plain documents: from JSON text, with what JSON readers usually let pass refused, and the checks of shape all of them share."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from trailkey.errors import PolicyError

if TYPE_CHECKING:
    from collections.abc import Callable


def load_json(text: str, what: str) -> Any:
    """Return the JSON value in ``text``; ``what`` names it in errors.

    Raises:
        PolicyError: not JSON (with line and column), or an object names a key twice: JSON readers keep one of the two
            silently, and AWS refuses such a policy.
    """

    def unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        found = dict(pairs)
        if len(found) < len(pairs):
            names = [key for key, _ in pairs]
            twice = next(key for key in names if names.count(key) > 1)
            raise PolicyError(f'{what}: the key "{twice}" is given twice in one object; each key once; merge the two')
        return found

    try:
        return json.loads(text, object_pairs_hook=unique, parse_constant=_no_constant(what))
    except json.JSONDecodeError as error:
        raise PolicyError(
            f"{what}:{error.lineno}:{error.colno}: not JSON ({error.msg}); a policy is one JSON object; correct the text there"
        ) from error
    except RecursionError as error:
        raise PolicyError(
            f"{what}: nested too deeply to be a policy; a policy is one JSON object; check the file"
        ) from error


def texts(value: Any, place: str, convert: Callable[[Any, str], str]) -> tuple[str, ...]:
    """Return the values of an element that is one value or a list of them, each converted; an empty list is an error."""
    entries = value if isinstance(value, list) else [value]
    if not entries:
        raise PolicyError(f"{place}: an empty list; one value or more; add a value or remove the element")
    return tuple(convert(entry, place) for entry in entries)


def text_value(value: Any, place: str) -> str:
    """Return a text that is not empty.

    Raises:
        PolicyError: it is something else.
    """
    if not isinstance(value, str) or not value:
        raise PolicyError(f"{place}: {show(value)} is not a text; a text or a list of texts; write it as text")
    return value


def scalar(value: Any, place: str) -> str:
    """Return a condition value as text: JSON true is ``true``, JSON 90 is ``90``.

    Raises:
        PolicyError: it is a list, an object or null.
    """
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return repr(value)
    if not isinstance(value, str):
        raise PolicyError(
            f"{place}: {show(value)} is not a valid condition value; a text, number or boolean, or a list of them; correct it"
        )
    return value


def need_object(value: Any, place: str) -> None:
    """Raise a PolicyError where a value is not an object."""
    if not isinstance(value, dict):
        raise PolicyError(f"{place}: {show(value)} is not an object; a JSON object with named elements; correct it")


def only_known(entry: dict[str, Any], allowed: tuple[str, ...], place: str) -> None:
    """Raise a PolicyError for the first element of an object that is not among the allowed ones."""
    for name in entry:
        if name not in allowed:
            raise PolicyError(
                f'{place}: unknown element "{name}"; {", ".join(allowed)}; check the spelling, upper and lower case too'
            )


def show(value: Any) -> str:
    """Return a value as short text for an error message."""
    text = "nothing" if value is None else json.dumps(value, default=repr, ensure_ascii=False)
    return text if len(text) <= 60 else f"{text[:57]}..."


def _no_constant(what: str) -> Callable[[str], Any]:
    def refuse(name: str) -> Any:
        raise PolicyError(f"{what}: {name} is not JSON; a policy holds finite numbers; correct it")

    return refuse
