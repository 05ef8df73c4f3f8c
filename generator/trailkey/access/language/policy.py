"""A policy document as plain values: what the JSON says, checked, and nothing yet about what it means.

Strict on purpose. An element, operator, principal or type of value that the rest of this package does not model is refused
here by name, so that no later answer rests on something that was silently left out.

The grammar: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_grammar.html
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Literal

from trailkey.access.language.conditions import OPERATORS, Condition, check_value, variable_problem
from trailkey.access.language.principals import Principals, parse_principals
from trailkey.errors import UNRESOLVED, PolicyError

if TYPE_CHECKING:
    from collections.abc import Callable

Effect = Literal["Allow", "Deny"]

VARIABLES_VERSION: Final = "2012-10-17"
"""The policy version that has policy variables; in the older one ``${`` is plain text.
https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_version.html"""

VERSIONS: Final = ("2008-10-17", VARIABLES_VERSION)
QUANTIFIERS: Final = ("ForAnyValue", "ForAllValues")

_ELEMENTS = (
    *("Sid", "Effect", "Principal", "NotPrincipal", "Action", "NotAction", "Resource", "NotResource"),
    "Condition",
)
_ACTION = re.compile(r"\*|[A-Za-z0-9-]+:[A-Za-z0-9*?]+")
_KEY = re.compile(r"[A-Za-z0-9-]+:\S(.*\S)?")


@dataclass(frozen=True, slots=True)
class Statement:
    """One statement. ``principals`` is None where the kind of policy has none (identity policies and SCPs)."""

    index: int
    sid: str | None
    effect: Effect
    principals: Principals | None
    actions: tuple[str, ...]
    not_actions: bool
    resources: tuple[str, ...]
    not_resources: bool
    conditions: tuple[Condition, ...]

    @property
    def name(self) -> str | int:
        """The Sid, or where there is none the position in the document, counted from 0."""
        return self.sid or self.index


@dataclass(frozen=True, slots=True)
class Policy:
    """A policy document. ``variables`` says whether ``${…}`` is a variable in it, which its version decides."""

    version: str
    statements: tuple[Statement, ...]

    @property
    def variables(self) -> bool:
        """Whether this policy's version has policy variables."""
        return self.version == VARIABLES_VERSION


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

    def refuse(name: str) -> Any:
        raise PolicyError(f"{what}: {name} is not JSON; a policy holds finite numbers; correct it")

    try:
        return json.loads(text, object_pairs_hook=unique, parse_constant=refuse)
    except json.JSONDecodeError as error:
        raise PolicyError(
            f"{what}:{error.lineno}:{error.colno}: not JSON ({error.msg}); a policy is one JSON object; correct the text there"
        ) from error
    except RecursionError as error:
        raise PolicyError(
            f"{what}: nested too deeply to be a policy; a policy is one JSON object; check the file"
        ) from error


def parse_policy(document: Any, *, what: str = "policy", resource_based: bool) -> Policy:
    """Return the policy that a document (parsed JSON) states.

    Args:
        document: an object with ``Version`` and ``Statement``.
        what: how errors name the document.
        resource_based: True for key policies, bucket policies and RCPs, where every statement has a principal; False for
            identity policies and SCPs, where none may have one.

    Raises:
        PolicyError: the document has an element, shape or value that is not modelled, named with its place.
    """
    version, statements = parse_frame(document, what)
    return Policy(
        version,
        tuple(
            parse_statement(entry, index, f"{what}: Statement[{index}]", version=version, resource_based=resource_based)
            for index, entry in enumerate(statements)
        ),
    )


def parse_frame(document: Any, what: str) -> tuple[str, list[Any]]:
    """Return the version of a policy document, and its statements as they are written.

    Raises:
        PolicyError: it is not a policy document, or has another element than Version, Id and Statement.
    """
    _object(document, what, ("Version", "Id", "Statement"))
    version = document.get("Version", VERSIONS[0])  # AWS reads a policy without Version as the old language
    if version not in VERSIONS:
        raise PolicyError(
            f"{what}: Version: unknown version {_show(version)}; {' or '.join(VERSIONS)} (as text); use {VARIABLES_VERSION}"
        )
    if not isinstance(document.get("Id", ""), str):
        raise PolicyError(f"{what}: Id: {_show(document['Id'])} is not a text; a text; quote it or leave it out")
    written = document.get("Statement")
    statements = written if isinstance(written, list) else [written]
    if not statements or "Statement" not in document:
        raise PolicyError(f"{what}: Statement: missing or empty; one statement or a list of them; add the statements")
    return str(version), statements


def parse_statement(entry: Any, index: int, place: str, *, version: str, resource_based: bool) -> Statement:
    """Return the statement that an entry of a policy document states.

    Args:
        entry: the entry as it is written.
        index: its position in the document.
        place: how errors name it.
        version: the version of the document.
        resource_based: as for `parse_policy`.

    Raises:
        PolicyError: it has an element, shape or value that is not modelled, named with its place.
    """
    variables = version == VARIABLES_VERSION
    if isinstance(entry, dict) and UNRESOLVED in entry:
        raise PolicyError(f"{place}: {entry[UNRESOLVED]}")
    _object(entry, place, _ELEMENTS)
    sid = entry.get("Sid")
    if sid is not None and not isinstance(sid, str):
        raise PolicyError(f"{place}: Sid: {_show(sid)} is not a text; a text; quote it")
    effect = entry.get("Effect")
    if effect not in ("Allow", "Deny"):
        raise PolicyError(f"{place}: Effect: {_show(effect)}; exactly Allow or Deny; correct it")
    actions, not_actions = _either(entry, "Action", place)
    for action in actions:
        if not _ACTION.fullmatch(action):
            raise PolicyError(
                f'{place}: Action: "{action}" is not a valid action; "*" or service:Name, where Name may hold * and ?; correct it'
            )
    resources, not_resources = _either(entry, "Resource", place)
    for resource in resources:
        problem = _resource_problem(resource, variables=variables)
        if problem:
            raise PolicyError(f'{place}: Resource: "{resource}" {problem}; "*" or an ARN; write the full ARN')
    return Statement(
        index,
        sid,
        effect,
        _principals(entry, place, resource_based=resource_based),
        actions,
        not_actions,
        resources,
        not_resources,
        _conditions(entry.get("Condition", {}), f"{place}: Condition", variables=variables),
    )


def _resource_problem(resource: str, *, variables: bool) -> str:
    """Return what is wrong with a resource, or an empty text.

    https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_variables.html
    """
    if resource != "*" and not resource.startswith("arn:"):
        return "is not a valid resource"
    if not variables or "${" not in resource:
        return ""
    if resource.partition("${")[0].count(":") < 5:
        return "holds a policy variable before the fifth colon, where AWS fills none in"
    return variable_problem(resource)


def _principals(entry: dict[str, Any], place: str, *, resource_based: bool) -> Principals | None:
    names = [name for name in ("Principal", "NotPrincipal") if name in entry]
    if not resource_based:
        if names:
            raise PolicyError(
                f"{place}: {names[0]}: not allowed here; identity policies and SCPs name no principal; "
                "remove it, or pass the document as a resource policy"
            )
        return None
    if len(names) != 1:
        found = "both" if names else "neither"
        raise PolicyError(f"{place}: {found} of Principal and NotPrincipal; exactly one; add or remove one")
    if names[0] == "NotPrincipal" and entry["Effect"] == "Allow":
        # https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_notprincipal.html
        raise PolicyError(
            f'{place}: NotPrincipal: is given with Effect "Allow", which AWS does not support; only with "Deny"; '
            "name the principals that are allowed"
        )
    return parse_principals(entry[names[0]], f"{place}: {names[0]}", excluded=names[0] == "NotPrincipal")


def _either(entry: dict[str, Any], name: str, place: str) -> tuple[tuple[str, ...], bool]:
    """Return the values of an element or of its Not form, and which of the two it is."""
    present = [element for element in (name, f"Not{name}") if element in entry]
    if len(present) != 1:
        found = "both" if present else "neither"
        raise PolicyError(f"{place}: {found} of {name} and Not{name}; exactly one; add or remove one")
    return _values(entry[present[0]], f"{place}: {present[0]}", _text), present[0] != name


def _conditions(block: Any, place: str, *, variables: bool) -> tuple[Condition, ...]:
    _object(block, place)
    found = []
    for operator, keys in block.items():
        here = f"{place}: {operator}"
        quantifier, name, if_exists = _operator(operator, here)
        _object(keys, here)
        for key, values in keys.items():
            if not _KEY.fullmatch(key):
                raise PolicyError(
                    f'{here}: "{key}" is not a valid condition key; service:name, such as aws:PrincipalArn; correct it'
                )
            found_values = _values(values, f"{here}: {key}", scalar)
            for text in found_values:
                problem = check_value(name, text, variables=variables)
                if problem:
                    raise PolicyError(f"{here}: {key}: {problem}; correct it")
            found.append(Condition(name, quantifier, if_exists, key, found_values))
    return tuple(found)


def _operator(written: str, place: str) -> tuple[str, str, bool]:
    """Split ``ForAnyValue:StringLikeIfExists`` into quantifier, bare operator and whether it ends in IfExists."""
    quantifier, colon, name = written.rpartition(":")
    bare = name.removesuffix("IfExists")
    known = bare in OPERATORS and (quantifier in QUANTIFIERS if colon else True)
    if not known or (bare == "Null" and written != "Null"):
        raise PolicyError(
            f"{place}: not an operator that is modelled; {', '.join(OPERATORS)}, with IfExists behind it or "
            f"{': or '.join(QUANTIFIERS)}: before it (Null takes neither); check the spelling, upper and lower case too"
        )
    return quantifier, bare, bare != name


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
            f"{place}: {_show(value)} is not a valid condition value; a text, number or boolean, or a list of them; correct it"
        )
    return value


def _values(value: Any, place: str, convert: Callable[[Any, str], str]) -> tuple[str, ...]:
    """Return the values of an element that is one value or a list of them, each converted; an empty list is an error."""
    entries = value if isinstance(value, list) else [value]
    if not entries:
        raise PolicyError(f"{place}: an empty list; one value or more; add a value or remove the element")
    return tuple(convert(entry, place) for entry in entries)


def _text(value: Any, place: str) -> str:
    if not isinstance(value, str) or not value:
        raise PolicyError(f"{place}: {_show(value)} is not a text; a text or a list of texts; write it as text")
    return value


def _object(value: Any, place: str, allowed: tuple[str, ...] | None = None) -> None:
    """Refuse a value that is not an object, or has an element that is not among the allowed ones."""
    if not isinstance(value, dict):
        raise PolicyError(f"{place}: {_show(value)} is not an object; a JSON object with named elements; correct it")
    for name in value:
        if allowed and name not in allowed:
            raise PolicyError(
                f'{place}: unknown element "{name}"; {", ".join(allowed)}; check the spelling, upper and lower case too'
            )


def _show(value: Any) -> str:
    """Return a value as short text for an error message."""
    text = "nothing" if value is None else json.dumps(value, default=repr, ensure_ascii=False)
    return text if len(text) <= 60 else f"{text[:57]}..."
