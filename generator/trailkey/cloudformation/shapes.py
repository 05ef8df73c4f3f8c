"""What templates are made of, as plain data: mappings that may not be there, types of resources, and values as texts."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from trailkey.errors import PolicyError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping


def as_text(value: Any, function: str, name: str) -> str:
    """Return a value as a part of a text, which only a scalar can be."""
    if not isinstance(value, (str, int, float)):
        kind = "a list" if isinstance(value, list) else "a mapping" if isinstance(value, dict) else "AWS::NoValue"
        raise PolicyError(f"{function}: {name} is {kind}; only text can be part of a text; correct it")
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)


def shortened(text: str, limit: int) -> str:
    """Return a text, or what of it fits a limit."""
    return text if len(text) <= limit else f"{text[: limit - 3]}..."


def mapping_in(holder: Any, key: str) -> Mapping[str, Any]:
    """Return the mapping under a key, empty where there is none."""
    found = holder.get(key) if isinstance(holder, dict) else None
    return found if isinstance(found, dict) else {}


def within(value: Any) -> Iterator[Any]:
    """Yield a value and all that its mappings and lists hold, in the order in which it stands there."""
    waiting = [value]
    while waiting:
        one = waiting.pop()
        yield one
        if isinstance(one, dict):
            waiting += reversed(one.values())
        elif isinstance(one, list):
            waiting += reversed(one)


def kind_of(resource: Any) -> str:
    """Return the type of a resource, an empty text where it has none."""
    return str(resource.get("Type", "")) if isinstance(resource, dict) else ""


def named(expression: Mapping[str, Any]) -> str:
    """Return a function and its argument as short text, which names the value in sentences."""
    function, argument = next(iter(expression.items()))
    text = argument if isinstance(argument, str) else json.dumps(argument, ensure_ascii=False, sort_keys=True)
    return f"{function} {shortened(text, 80)}"
