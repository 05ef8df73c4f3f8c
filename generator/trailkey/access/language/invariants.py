"""Invariants in the user's own words: who alone may do what with a key, and who can; what they may say, and how that is written."""

from __future__ import annotations

import difflib
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Literal

from trailkey.access.language.catalog import is_known, key_actions
from trailkey.access.language.matching import matcher
from trailkey.aws import ACCOUNT_ID, parse_arn

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

_ELEMENTS: Final = ("says", "nobody_but", "may", "who", "can", "where", "key")
_SERVICE: Final = re.compile(r"[a-z0-9.-]+\.amazonaws\.com")
_CALLERS: Final = "the ARN of a role or user (* and ? allowed), an account id, a service principal, or *"


@dataclass(frozen=True, slots=True, kw_only=True)
class Invariant:
    """What has to be so: ``kind`` nobody: nobody but the callers may do any of the actions; can: each caller can do each of them.

    ``where`` holds condition keys to values, or where there are none to not being there; what it does not name is free. ``key`` is
    the logical id, in a config the alias, of the one key it is about.
    """

    says: str
    kind: Literal["nobody", "can"]
    callers: tuple[str, ...]
    actions: tuple[str, ...]
    where: tuple[tuple[str, tuple[str, ...]], ...] = ()
    key: str = ""


def problems(one: Any) -> Iterator[str]:
    """Yield what is wrong with an invariant as it is written, but for its callers."""
    if not isinstance(one, dict):
        yield f"{one!r}: not a mapping; {', '.join(_ELEMENTS)}; correct it"
        return
    for name in one:
        if name not in _ELEMENTS:
            close = difflib.get_close_matches(str(name), _ELEMENTS, n=1)
            yield f"{name}: unknown; {', '.join(_ELEMENTS)} are allowed; {f'did you mean {close[0]}?' if close else 'correct it'}"
    if not isinstance(one.get("says"), str) or not one["says"].strip():
        yield "says: missing; the sentence that has to be so; add it"
    pair = {"nobody_but", "may"} <= one.keys(), {"who", "can"} <= one.keys()
    if sum(pair) != 1 or len(one.keys() & {"nobody_but", "may", "who", "can"}) != 2:
        yield "neither nobody_but with may, nor who with can; one of the two; correct it"
        return
    callers, actions = (one["nobody_but"], one["may"]) if pair[0] else (one["who"], one["can"])
    if pair[1] and not _listed(callers):
        yield "who: empty; at least one caller; name one"
    for action in _listed(actions) or [""]:
        if not _matching([str(action)]):
            close = difflib.get_close_matches(str(action), key_actions(), n=1)
            advice = f"did you mean {close[0]}?" if close else "correct it"
            yield f"{'may' if pair[0] else 'can'}: {action!r} matches no action on a key of KMS; {advice}"
    where = one.get("where", {})
    if not isinstance(where, dict):
        yield "where: not a mapping; condition keys with values; correct it"
        return
    for key, value in where.items():
        if str(key).partition(":")[0] in ("aws", "kms") and not is_known(str(key)):
            yield f"where: {key} is not a condition key; correct it"
        if not all(isinstance(entry, str) for entry in _listed(value) if value is not None):
            yield f"where: {key}: {value!r} is not allowed here; a text, a list of texts, or null for a key that is not there; quote it"


def callers_written(one: Mapping[str, Any]) -> tuple[str, list[Any]]:
    """Return the element that names the callers of an invariant, and who they are, as they are written."""
    element = "nobody_but" if "nobody_but" in one else "who"
    return element, _listed(one.get(element, []))


def _listed(value: Any) -> list[Any]:
    return list(value) if isinstance(value, (list, tuple)) else [value]


def wrong_caller(text: Any) -> str:
    """Return what is wrong with a caller in full: an ARN, an account id, a service principal or ``*``; else an empty text."""
    return "" if _is_caller(text) else f"{text!r} is not allowed here; {_CALLERS}; correct it"


def is_service(text: str) -> bool:
    """Return whether a caller is an AWS service, by its principal."""
    return _SERVICE.fullmatch(text) is not None


def _is_caller(text: Any) -> bool:
    if not isinstance(text, str):
        return False
    arn = parse_arn(text)
    named = arn is not None and arn.service in ("iam", "sts", "*")
    return text == "*" or named or bool(ACCOUNT_ID.fullmatch(text) or _SERVICE.fullmatch(text))


def _matching(actions: Iterable[str]) -> tuple[str, ...]:
    tests = [matcher(action.casefold()) for action in actions]
    return tuple(name for name in key_actions() if any(test(name.casefold()) for test in tests))


def invariant_of(one: Mapping[str, Any]) -> Invariant:
    """Return the invariant that is written, which has no problems."""
    nobody = "may" in one
    return Invariant(
        says=one["says"].strip(),
        kind="nobody" if nobody else "can",
        callers=tuple(_listed(one["nobody_but"] if nobody else one["who"])),
        actions=_matching(map(str, _listed(one["may"] if nobody else one["can"]))),
        where=tuple(
            (str(key), () if value is None else tuple(_listed(value))) for key, value in one.get("where", {}).items()
        ),
        key=str(one.get("key", "")),
    )
