"""The condition operators of IAM: which exist, which values each can be given, and how each compares two values.

https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_condition_operators.html
"""

from __future__ import annotations

import base64
import binascii
import operator
import re
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from functools import lru_cache
from ipaddress import ip_address, ip_network
from typing import TYPE_CHECKING, Any, Final

from trailkey.access.language.matching import arn_matcher, matcher
from trailkey.access.language.variables import problem

if TYPE_CHECKING:
    from collections.abc import Callable

_NUMBER = re.compile(r"[+-]?\d+(\.\d+)?([eE][+-]?\d+)?")
_EPOCH = re.compile(r"-?\d{5,}(\.\d+)?")  # four digits would be a year
_DATE = re.compile(r"\d{4}-\d\d-\d\d(T\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d:\d\d))?")


@dataclass(frozen=True, slots=True)
class Operator:
    """How one operator compares.

    ``test`` turns a policy's value into a test of a request's value. A value of the request that is not of the operator's
    type (no number for NumericEquals) passes no test. ``negated`` operators hold where no value of the policy passes.
    """

    test: Callable[[str], Callable[[str], bool]]
    negated: bool = False
    wildcards: bool = False
    variables: bool = False
    check: Callable[[str], str] = lambda _: ""


def _number(text: str) -> Decimal | None:
    return Decimal(text) if _NUMBER.fullmatch(text) else None


def _date(text: str) -> datetime | None:
    try:
        if _EPOCH.fullmatch(text):
            return datetime.fromtimestamp(float(text), UTC)
        if not _DATE.fullmatch(text):
            return None
        moment = datetime.fromisoformat(text)
    except (ValueError, OverflowError, OSError):
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _binary(text: str) -> bytes | None:
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return None


def _network(text: str) -> Any:
    try:
        return ip_network(text, strict=False)
    except ValueError:
        return None


def _in_network(value: str) -> Callable[[str], bool]:
    network = _network(value)

    def test(given: str) -> bool:
        try:
            return ip_address(given) in network
        except ValueError:
            return False

    return test


def _typed(read: Callable[[str], Any], compare: Callable[[Any, Any], bool]) -> Callable[[str], Callable[[str], bool]]:
    def build(value: str) -> Callable[[str], bool]:
        wanted = read(value)

        def test(given: str) -> bool:
            found = read(given)
            return found is not None and wanted is not None and compare(found, wanted)

        return test

    return build


def _must(read: Callable[[str], Any], form: str) -> Callable[[str], str]:
    return lambda value: "" if read(value) is not None else f'"{value}" is not {form}'


def _equals(value: str) -> Callable[[str], bool]:
    return lambda given: given == value


def _equals_ignoring_case(value: str) -> Callable[[str], bool]:
    folded = value.casefold()
    return lambda given: given.casefold() == folded


def _check_bool(value: str) -> str:
    return "" if value.casefold() in ("true", "false") else f'"{value}" is not a boolean; "true" or "false"'


def _check_arn(value: str) -> str:
    if "${" in value or value.count(":") >= 5:
        return ""
    return f'"{value}" is not an ARN; six parts between colons, each of which may hold * and ?, such as arn:aws:iam::*:role/*'


_IS_NUMBER = _must(_number, "a number; digits, with a decimal point where needed")
_IS_DATE = _must(_date, "a date; 2026-01-31, 2026-01-31T12:00:00Z or seconds since 1970")
_STRING = Operator(_equals, variables=True)
_FOLDED = Operator(_equals_ignoring_case, variables=True)
_LIKE = Operator(matcher, wildcards=True, variables=True)
_ARN = Operator(arn_matcher, wildcards=True, variables=True, check=_check_arn)
_IP = Operator(_in_network, check=_must(_network, "an IP address or range; CIDR such as 203.0.113.0/24"))


def _not(positive: Operator) -> Operator:
    return Operator(positive.test, True, positive.wildcards, positive.variables, positive.check)


def _ordered(prefix: str, read: Callable[[str], Any], check: Callable[[str], str]) -> dict[str, Operator]:
    comparisons: dict[str, Callable[[Any, Any], bool]] = {
        "Equals": operator.eq,
        "LessThan": operator.lt,
        "LessThanEquals": operator.le,
        "GreaterThan": operator.gt,
        "GreaterThanEquals": operator.ge,
    }
    found = {prefix + name: Operator(_typed(read, compare), check=check) for name, compare in comparisons.items()}
    return found | {f"{prefix}NotEquals": _not(found[f"{prefix}Equals"])}


OPERATORS: Final[dict[str, Operator]] = {
    "StringEquals": _STRING,
    "StringNotEquals": _not(_STRING),
    "StringEqualsIgnoreCase": _FOLDED,
    "StringNotEqualsIgnoreCase": _not(_FOLDED),
    "StringLike": _LIKE,
    "StringNotLike": _not(_LIKE),
    **_ordered("Numeric", _number, _IS_NUMBER),
    **_ordered("Date", _date, _IS_DATE),
    # AWS's two pages disagree on variables with Bool; the stricter one counts here.
    "Bool": Operator(_equals_ignoring_case, check=_check_bool),
    "BinaryEquals": Operator(_typed(_binary, operator.eq), check=_must(_binary, "base64")),
    "IpAddress": _IP,
    "NotIpAddress": _not(_IP),
    # AWS: ArnEquals and ArnLike behave identically, wildcards included; the two negated ones too.
    "ArnEquals": _ARN,
    "ArnLike": _ARN,
    "ArnNotEquals": _not(_ARN),
    "ArnNotLike": _not(_ARN),
    "Null": Operator(_equals_ignoring_case, check=_check_bool),
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
        return problem(value) or known.check(value)
    return known.check(value)


@lru_cache(maxsize=16384)
def value_test(name: str, value: str) -> Callable[[str], bool]:
    """Return the test of a request's value against one value of a policy, variables already filled in."""
    return OPERATORS[name].test(value)
