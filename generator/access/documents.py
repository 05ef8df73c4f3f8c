"""JSON text to a plain document, with what JSON readers usually let pass refused."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from generator.errors import PolicyError

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
            raise PolicyError(f'{what}: the key "{twice}" stands twice in one object; each key once; merge the two')
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


def _no_constant(what: str) -> Callable[[str], Any]:
    def refuse(name: str) -> Any:
        raise PolicyError(f"{what}: {name} is not JSON; a policy holds finite numbers; correct it")

    return refuse
