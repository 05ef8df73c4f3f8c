"""Whether the conditions of a statement hold for the keys of a request.

https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-logic-multiple-context-keys-or-values.html
https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-single-vs-multi-valued-context-keys.html
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from trailkey.access.language.operators import OPERATORS, value_test
from trailkey.access.language.variables import resolve

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from trailkey.access.language.policy import Condition

    Context = Mapping[str, tuple[str, ...]]


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
    known = OPERATORS[condition.operator]
    if not given:
        if condition.if_exists or condition.quantifier == "ForAllValues":
            return True
        return known.negated and not condition.quantifier
    if condition.quantifier and not any(given):  # AWS counts a set of nothing but empty texts as an empty set
        return condition.quantifier == "ForAllValues"

    tests = _tests(condition, context, variables=variables)
    passed = [any(test(value) for test in tests) is not known.negated for value in given]
    if condition.quantifier == "ForAllValues" or (known.negated and not condition.quantifier):
        return all(passed)
    return any(passed)


def _tests(condition: Condition, context: Context, *, variables: bool) -> list[Callable[[str], bool]]:
    name = condition.operator
    tests = []
    for value in condition.values:
        filled: str | None = value
        if variables and "${" in value:
            filled = resolve(value, context, pattern=OPERATORS[name].wildcards)
        if filled is not None:
            tests.append(value_test(name, filled))
    return tests
