"""One condition of a statement as a constraint on one dimension of a request.

What each operator means for a missing key, for several values and under a set operator is written down once, in
``conditions``; this is the same meaning for all requests at a time. Operators:
https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_condition_operators.html
"""

from __future__ import annotations

import re
from functools import reduce
from operator import or_
from typing import TYPE_CHECKING, Final

from trailkey.access.algebra.boxes import FILLED, Constraint, Many, Single
from trailkey.access.algebra.intervals import Values, intervals
from trailkey.access.algebra.languages import ALL, EMPTY, Language, language, texts
from trailkey.access.algebra.patterns import ACCOUNT_ID, Pattern, arn, glob, row
from trailkey.access.analysis.caller_sets import DERIVED, whose_value, with_key
from trailkey.access.language.catalog import has_several_values
from trailkey.access.language.conditions import OPERATORS, holds_without_key, needs_every_value, resolve, variables_in
from trailkey.access.language.matching import literal
from trailkey.errors import UndecidedError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from trailkey.access.analysis.resource import Scope
    from trailkey.access.language.conditions import Condition

PRINCIPAL: Final = "principal"

_OWN_ACCOUNT = re.compile(r"arn:[^:*?]*:[^:*?]*:[^:*?]*:\$\{\s*aws:principalaccount\s*\}:.*", re.IGNORECASE | re.DOTALL)


def term(
    condition: Condition, scope: Scope, sessions: Sequence[str], known: Mapping[str, tuple[str, ...]] | None
) -> tuple[str, tuple[Constraint, ...]]:
    """Return the dimension a condition constrains, and constraints of which it wants any (none: it never holds).

    Args:
        condition: the condition.
        scope: what the policy is asked about.
        sessions: role sessions that count as callers of their own.
        known: values of policy variables by key, in lower case; None where the policy's version has no variables.

    Raises:
        UndecidedError: a policy variable whose value is not known, or an operator whose values cannot be compared.
    """
    key = condition.key.casefold()
    constant = constants(scope).get(key)
    if condition.operator == "Null":
        folded = {value.casefold() for value in condition.values}
        present, absent = "false" in folded, "true" in folded
        passing: Values = ALL if present else EMPTY
        patterns: tuple[Pattern, ...] = (glob("*"),) if present else ()
        negated = False
    else:
        negated = OPERATORS[condition.operator].negated
        absent = holds_without_key(condition)
        passing, patterns = _passing(condition, known)
    if constant is not None:
        return key, (Single(ALL, absent=True),) if passing.contains(constant) is not negated else ()
    if _is_derived(key, scope):
        if not isinstance(passing, Language):
            raise UndecidedError(f"{condition.operator} on {condition.key}")
        callers = whose_value(key, passing, patterns, scope.partition, sessions)
        if negated != absent:  # all but the others: those with another value, and with or without those that have none
            others = with_key(key, scope.partition, sessions) - callers
            callers = others if negated else ~others
        elif negated:
            callers = ~callers
        return PRINCIPAL, (Single(callers),)
    if negated:
        passing = ~passing
    if has_several_values(key):
        return key, _several(condition, passing, absent=absent)
    # A set of nothing but empty texts counts as an empty set.
    if condition.quantifier and isinstance(passing, Language):
        passing = passing | texts("") if condition.quantifier == "ForAllValues" else passing & FILLED
    return key, (Single(passing, absent),)


def needed(condition: Condition, scope: Scope, sessions: Sequence[str]) -> tuple[str, Constraint] | None:
    """Return what a condition demands whatever its values: that its key is there. None where it holds for a missing key too.

    This is what is certain about a condition whose values cannot be compared.
    """
    key = condition.key.casefold()
    if condition.operator == "Null" or holds_without_key(condition) or key in constants(scope):
        return None
    if _is_derived(key, scope):
        return PRINCIPAL, Single(with_key(key, scope.partition, sessions))
    return key, Many(some=(ALL,)) if has_several_values(key) else Single(ALL)


def _is_derived(key: str, scope: Scope) -> bool:
    return key in DERIVED and (key != "kms:calleraccount" or scope.service == "kms")


def constants(scope: Scope) -> dict[str, str]:
    """Return the keys, in lower case, that have one and the same value in every request on the resource."""
    found = {"aws:resourceaccount": scope.account} if scope.account else {}
    return {**found, "aws:requestedregion": scope.region} if scope.region else found


def _several(condition: Condition, passing: Values, *, absent: bool) -> tuple[Constraint, ...]:
    if not isinstance(passing, Language):
        raise UndecidedError(f"{condition.operator} on {condition.key}, which holds several texts")
    if needs_every_value(condition):
        return (Many(every=passing),)
    found = [] if passing == EMPTY else [Many(some=(passing,))]
    return (*found, *([Many(every=EMPTY)] if absent else []))


def _passing(condition: Condition, known: Mapping[str, tuple[str, ...]] | None) -> tuple[Values, tuple[Pattern, ...]]:
    """Return the values of a request that pass one of the condition's values, also as patterns where they are texts."""
    operator = condition.operator
    if operator.startswith(("Numeric", "Date", "IpAddress", "NotIpAddress")):
        return reduce(or_, (intervals(operator, value) for value in condition.values)), ()
    written = [one for value in condition.values if (one := _filled(condition, value, known)) is not None]
    if operator in ("StringEquals", "StringNotEquals") and condition.key.casefold() not in DERIVED:
        return texts(*written), ()  # a hundred trails are a set of texts, and no hundred automata
    patterns = [pattern for value in written if (pattern := _pattern(operator, value)) is not None]
    return language(patterns), tuple(patterns)


def _pattern(operator: str, value: str) -> Pattern | None:
    if operator.startswith("Arn"):
        return arn(value)
    if operator.endswith("Like"):
        return glob(value)
    if operator.endswith("IgnoreCase") or operator == "Bool":
        return glob(literal(value), fold=True)
    if operator in ("StringEquals", "StringNotEquals"):
        return glob(literal(value)) if ACCOUNT_ID in value else row([value])
    raise UndecidedError(f"the operator {operator}")


def _filled(condition: Condition, value: str, known: Mapping[str, tuple[str, ...]] | None) -> str | None:
    """Return a value with its variables filled in; None where one has no value, so that nothing passes."""
    if known is None or "${" not in value:
        return value
    values = dict(known)
    for key in variables_in(value):
        # Every caller's ARN holds its own account, so there the variable says no more than "an account".
        on_arn = key == "aws:principalaccount" and condition.key.casefold() == "aws:principalarn"
        if key not in values and not (on_arn and _OWN_ACCOUNT.fullmatch(value)):
            raise UndecidedError(
                f"{condition.key} is compared with the policy variable ${{{key}}}, which can have many values"
            )
        values.setdefault(key, (ACCOUNT_ID,))
    return resolve(value, values, pattern=OPERATORS[condition.operator].wildcards)
