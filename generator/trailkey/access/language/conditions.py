"""The condition operators of IAM, policy variables, and whether a condition of a statement holds for the keys of a request.

https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_condition_operators.html
https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_variables.html
https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-logic-multiple-context-keys-or-values.html
https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-single-vs-multi-valued-context-keys.html
"""

from __future__ import annotations

import base64
import operator
import re
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from decimal import Decimal
from functools import lru_cache, partial
from ipaddress import ip_address, ip_network
from typing import TYPE_CHECKING, Any, Final

from trailkey.access.language.matching import arn_matcher, literal, matcher
from trailkey.errors import PolicyError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    Context = Mapping[str, tuple[str, ...]]
    Test = Callable[[str], bool]

_NUMBER = re.compile(r"[+-]?\d+(\.\d+)?([eE][+-]?\d+)?")
_EPOCH = re.compile(r"-?\d{5,}(\.\d+)?")  # four digits would be a year
_DATE = re.compile(r"\d{4}-\d\d-\d\d(T\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d:\d\d))?")
_VARIABLE = re.compile(r"\$\{(?:([*?$])|\s*([A-Za-z0-9-]+:[^,'{}]*[^,'{}\s])\s*(?:,\s*'([^']*)'\s*)?)\}")


@dataclass(frozen=True, slots=True)
class Condition:
    """One operator applied to one key.

    ``operator`` is the bare name (``StringLike``), ``quantifier`` is empty, ``ForAnyValue`` or ``ForAllValues``, ``key`` is
    as written (keys compare without regard to case), and ``values`` are texts: JSON true is ``"true"``, JSON 90 is ``"90"``.
    """

    operator: str
    quantifier: str
    if_exists: bool
    key: str
    values: tuple[str, ...]


def holds(condition: Condition, context: Context, *, variables: bool) -> bool:
    """Return whether one condition holds.

    Several values of the policy are alternatives; for a negated operator that means none of them may match. A key that the
    request lacks makes a positive operator false and a negated one true. Without a set operator, a key with several values
    in the request matches where one of them does: AWS asks for a set operator there and does not say what happens without.

    Args:
        condition: the operator, its key and values.
        context: the keys of the request, folded to lower case. A key without values counts as missing.
        variables: whether the policy's version has policy variables.

    Raises:
        PolicyError: a policy variable names a key with several values.
    """
    given = context.get(condition.key.casefold(), ())
    if condition.operator == "Null":
        return ("false" if given else "true") in (value.casefold() for value in condition.values)
    if not given:
        return holds_without_key(condition)
    known = OPERATORS[condition.operator]
    if condition.quantifier and not any(given):  # AWS counts a set of nothing but empty texts as an empty set
        return condition.quantifier == "ForAllValues"

    tests = []
    for value in condition.values:
        filled: str | None = value
        if variables and "${" in value:
            filled = resolve(value, context, pattern=known.wildcards)
        if filled is not None:
            tests.append(value_test(condition.operator, filled))
    passed = [any(test(value) for test in tests) is not known.negated for value in given]
    return all(passed) if needs_every_value(condition) else any(passed)


def holds_without_key(condition: Condition) -> bool:
    """Return whether a condition with another operator than Null holds for a request that lacks its key."""
    return condition.if_exists or needs_every_value(condition)


def needs_every_value(condition: Condition) -> bool:
    """Return whether each value of the request has to pass, and not only one of them."""
    if condition.quantifier:
        return condition.quantifier == "ForAllValues"
    return OPERATORS[condition.operator].negated


def variable_problem(text: str) -> str:
    """Return what is wrong with the policy variables in a text, or an empty text."""
    if "${" in _VARIABLE.sub("", text):
        return (
            f"\"{text}\" holds a ${{ that opens no policy variable; ${{key}}, ${{key, 'default'}}, ${{*}}, ${{?}} or ${{$}}; "
            "write ${$} for a dollar sign"
        )
    return ""


def variables_in(text: str) -> tuple[str, ...]:
    """Return the keys, in lower case, of the policy variables in a text."""
    return tuple(dict.fromkeys(key for _, _, key, _ in _parts(text) if key)) if "${" in text else ()


def resolve(text: str, context: Context, *, pattern: bool) -> str | None:
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
        values: tuple[str | None, ...] = (sign,) if sign or not key else context.get(key) or (default,)
        if len(values) > 1:
            raise PolicyError(
                f"policy variable ${{{key}}}: the request has {len(values)} values for it; a key with one value; "
                "use a condition with ForAnyValue instead of the variable"
            )
        value = values[0]
        if value is None:
            return None
        filled += [plain, literal(value) if pattern else value]
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
    return (*parts, (text[end:], "", "", None))


@dataclass(frozen=True, slots=True)
class Operator:
    """How one operator compares.

    ``test`` turns a policy's value into a test of a request's value. A value of the request that is not of the operator's
    type (no number for NumericEquals) passes no test. ``negated`` operators hold where no value of the policy passes.
    """

    test: Callable[[str], Test]
    negated: bool = False
    wildcards: bool = False
    variables: bool = False
    check: Callable[[str], str] = lambda _: ""


def read_number(text: str) -> Decimal | None:
    """Return the number a text reads as, or None."""
    return Decimal(text) if _NUMBER.fullmatch(text) else None


def read_date(text: str) -> datetime | None:
    """Return the moment a text reads as (a date, or seconds since 1970), or None."""
    try:
        if _EPOCH.fullmatch(text):
            return datetime.fromtimestamp(float(text), UTC)
        if not _DATE.fullmatch(text):
            return None
        moment = datetime.fromisoformat(text)
    except (ValueError, OverflowError, OSError):
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _or_none(read: Callable[[str], Any]) -> Callable[[str], Any]:
    def reader(text: str) -> Any:
        try:
            return read(text)
        except ValueError:
            return None

    return reader


def _typed(
    read: Callable[[str], Any], compare: Callable[[Any, Any], bool], given: Callable[[str], Any] | None = None
) -> Callable[[str], Test]:
    """Return the test of an operator whose values are of a type; ``given`` reads the request's values where in another way."""

    def build(value: str) -> Test:
        wanted = read(value)

        def test(text: str) -> bool:
            found = (given or read)(text)
            return found is not None and wanted is not None and compare(found, wanted)

        return test

    return build


def _must(read: Callable[[str], Any], form: str) -> Callable[[str], str]:
    return lambda value: "" if read(value) is not None else f'"{value}" is not {form}'


def _boolean(text: str) -> bool | None:
    return {"true": True, "false": False}.get(text.casefold())


def _check_arn(value: str) -> str:
    if "${" in value or value.count(":") >= 5:
        return ""
    return f'"{value}" is not an ARN; six parts between colons, each of which may hold * and ?, such as arn:aws:iam::*:role/*'


def _ordered(prefix: str, read: Callable[[str], Any], form: str) -> dict[str, Operator]:
    comparisons: dict[str, Callable[[Any, Any], bool]] = {
        "Equals": operator.eq,
        "LessThan": operator.lt,
        "LessThanEquals": operator.le,
        "GreaterThan": operator.gt,
        "GreaterThanEquals": operator.ge,
    }
    check = _must(read, form)
    found = {prefix + name: Operator(_typed(read, compare), check=check) for name, compare in comparisons.items()}
    return {**found, f"{prefix}NotEquals": replace(found[f"{prefix}Equals"], negated=True)}


def _pair(name: str, negative: str, positive: Operator) -> dict[str, Operator]:
    return {name: positive, negative: replace(positive, negated=True)}


read_address: Final = _or_none(ip_address)
_FOLDED = _typed(str.casefold, operator.eq)
_BINARY = _or_none(partial(base64.b64decode, validate=True))
_NETWORK = _or_none(partial(ip_network, strict=False))
_IN_NETWORK = _typed(_NETWORK, lambda address, network: address in network, given=read_address)
# AWS's two pages disagree on variables with Bool; the stricter one counts here.
_BOOL = Operator(_FOLDED, check=_must(_boolean, 'a boolean; "true" or "false"'))
# AWS: ArnEquals and ArnLike behave identically, wildcards included; the two negated ones too.
_ARN = Operator(arn_matcher, wildcards=True, variables=True, check=_check_arn)
_NOT_ARN = replace(_ARN, negated=True)

OPERATORS: Final[dict[str, Operator]] = {
    **_pair("StringEquals", "StringNotEquals", Operator(lambda value: partial(operator.eq, value), variables=True)),
    **_pair("StringEqualsIgnoreCase", "StringNotEqualsIgnoreCase", Operator(_FOLDED, variables=True)),
    **_pair("StringLike", "StringNotLike", Operator(matcher, wildcards=True, variables=True)),
    **_ordered("Numeric", read_number, "a number; digits, with a decimal point where needed"),
    **_ordered("Date", read_date, "a date; 2026-01-31, 2026-01-31T12:00:00Z or seconds since 1970"),
    "Bool": _BOOL,
    "BinaryEquals": Operator(_typed(_BINARY, operator.eq), check=_must(_BINARY, "base64")),
    **_pair(
        "IpAddress",
        "NotIpAddress",
        Operator(_IN_NETWORK, check=_must(_NETWORK, "an IP address or range; CIDR such as 203.0.113.0/24")),
    ),
    "ArnEquals": _ARN,
    "ArnLike": _ARN,
    "ArnNotEquals": _NOT_ARN,
    "ArnNotLike": _NOT_ARN,
    "Null": _BOOL,
}


def check_value(name: str, value: str, *, variables: bool) -> str:
    """Return what is wrong with a policy's value for an operator, or an empty text.

    Args:
        name: a key of ``OPERATORS``.
        value: the value as the policy writes it.
        variables: whether the policy's version has policy variables.
    """
    known = OPERATORS[name]
    if variables and "${" in value:
        if not known.variables:
            return f'"{value}" holds a policy variable, which {name} does not take; a plain value'
        return variable_problem(value) or known.check(value)
    return known.check(value)


@lru_cache(maxsize=16384)
def value_test(name: str, value: str) -> Test:
    """Return the test of a request's value against one value of a policy, variables already filled in."""
    return OPERATORS[name].test(value)
