"""Policy variables: ``${aws:PrincipalAccount}``, ``${aws:PrincipalTag/team, 'none'}``, ``${*}``.

https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_variables.html
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING

from trailkey.access.language.matching import literal
from trailkey.errors import PolicyError

if TYPE_CHECKING:
    from collections.abc import Mapping

_VARIABLE = re.compile(r"\$\{(?:([*?$])|\s*([A-Za-z0-9-]+:[^,'{}]*[^,'{}\s])\s*(?:,\s*'([^']*)'\s*)?)\}")


def problem(text: str) -> str:
    """Return what is wrong with the variables in a text, or an empty text."""
    if "${" in _VARIABLE.sub("", text):
        return (
            f"\"{text}\" holds a ${{ that opens no policy variable; ${{key}}, ${{key, 'default'}}, ${{*}}, ${{?}} or ${{$}}; "
            "write ${$} for a dollar sign"
        )
    return ""


def resolve(text: str, context: Mapping[str, tuple[str, ...]], *, pattern: bool) -> str | None:
    """Return the text with its variables filled in, or None where one has no value.

    AWS calls such a value null: it equals and resembles nothing, so the positive operators do not match it, the negated ones
    do, and a Resource that holds it matches no resource.

    Args:
        text: a value of a policy whose version has variables.
        context: the keys of the request, folded to lower case.
        pattern: True where the operator reads wildcards. What a variable brings in is then marked as literal: a tag with the
            value ``*`` must not match everything.

    Raises:
        PolicyError: a variable names a key that has several values in this request, which AWS does not support.
    """
    if "${" not in text:
        return text
    filled = []
    for plain, sign, key, default in _parts(text):
        filled.append(plain)
        if sign:
            value: str | None = sign
        elif key:
            value = _value(key, default, context)
        else:
            continue
        if value is None:
            return None
        filled.append(literal(value) if pattern else value)
    return "".join(filled)


@lru_cache(maxsize=2048)
def _parts(text: str) -> tuple[tuple[str, str, str, str | None], ...]:
    """Cut a text into runs of plain text, each with what follows it: a sign, or a key (folded) and its default."""
    parts: list[tuple[str, str, str, str | None]] = []
    end = 0
    for match in _VARIABLE.finditer(text):
        sign, key, default = match.groups()
        parts.append((text[end : match.start()], sign or "", (key or "").casefold(), default))
        end = match.end()
    parts.append((text[end:], "", "", None))
    return tuple(parts)


def _value(key: str, default: str | None, context: Mapping[str, tuple[str, ...]]) -> str | None:
    values = context.get(key) or ()
    if len(values) > 1:
        raise PolicyError(
            f"policy variable ${{{key}}}: the request has {len(values)} values for it; a key with one value; "
            "use a condition with ForAnyValue instead of the variable"
        )
    return values[0] if values else default
