"""Conditions that no request meets: their own text shows it, or everything matches without them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from trailkey.access.language.catalog import CONTEXT_PREFIX, context_actions
from trailkey.audit.statement_facts import SOURCE_KEYS, is_about_callers, listed_actions

if TYPE_CHECKING:
    from trailkey.access import Statement
    from trailkey.access.language.policy import Condition
    from trailkey.audit.subject import Subject

_STRING_OPERATORS: Final = ("StringEquals", "StringEqualsIgnoreCase", "StringNotEquals", "StringNotEqualsIgnoreCase")
_CONTEXT: Final = CONTEXT_PREFIX.casefold()
_ANY_CONTEXT: Final = "kms:encryptioncontext"
_OF_PEOPLE: Final = ("aws:principalorg", "aws:principaltag/", "aws:userid", "aws:multifactorauth")


@dataclass(frozen=True, slots=True)
class Dead:
    """A condition that no request meets, why, and the condition that was meant (None: none can be)."""

    condition: Condition
    why: str
    meant: Condition | None


def is_pattern_taken_literally(condition: Condition, value: str) -> bool:
    """Return whether a value holds a wildcard under an operator that compares it literally, on a key that never holds one."""
    key = condition.key.casefold()
    fixed = is_about_callers(key) or key in SOURCE_KEYS or key == "kms:viaservice" or key.startswith(f"{_CONTEXT}aws:")
    plain = value.replace("${*}", "").replace("${?}", "")
    return fixed and condition.operator in _STRING_OPERATORS and ("*" in plain or "?" in plain)


def on_its_face(condition: Condition) -> Dead | None:
    """Return a condition as dead where its own text shows it."""
    if condition.if_exists or condition.quantifier == "ForAllValues" or condition.operator == "Null":
        return None
    key = condition.key.casefold()
    if (
        key.startswith(f"{_CONTEXT}aws-")
        and key.endswith((":cloudtrail:arn", ":s3:arn"))
        and "Not" not in condition.operator
    ):
        right = f"{CONTEXT_PREFIX}aws:{key.split(':', 3)[3]}"
        why = f"{condition.key} is never in a request: the context key is {right} in every partition, and aws in it does not name one"
        return Dead(condition, why, replace(condition, key=right))
    if "Not" not in condition.operator and all(
        is_pattern_taken_literally(condition, value) for value in condition.values
    ):
        why = f'{condition.operator} compares {condition.key} with "{condition.values[0]}" literally, * and ? included'
        return Dead(condition, why, replace(condition, operator="StringLike"))
    return None


def revived(subject: Subject, statement: Statement) -> tuple[str, Statement] | None:
    """Return why a statement matches nothing, and the statement as it would match something, without what keeps it from that.

    That is one condition where one alone does it, else all on the encryption context, else all there are. None where the
    conditions have no part in it.
    """
    conditions = statement.conditions
    context = tuple(one for one in conditions if one.key.casefold().startswith(_ANY_CONTEXT))
    for taken in (*((one,) for one in conditions), context, conditions):
        rest = replace(statement, conditions=tuple(one for one in conditions if one not in taken))
        if taken and not subject.is_empty(subject.requests(rest)):
            has_reason = len(taken) == 1 or taken == context
            return _why(subject, statement, taken[0]) if has_reason else "no request meets all of its conditions", rest
    return None


def _why(subject: Subject, statement: Statement, condition: Condition) -> str:
    key = condition.key.casefold()
    who = statement.principals
    people_only = bool(who and who.aws and not who.services and not who.everyone)
    services_only = bool(who and who.services and not who.aws and not who.everyone)
    if key.startswith(_ANY_CONTEXT):
        without = [one for one in listed_actions(statement, subject.scope.universe) if one not in context_actions()]
        if without:
            return f"a request of {', '.join(sorted(without))} carries no encryption context, so {condition.key} is never present"
    if key in SOURCE_KEYS and people_only:
        return f"only the calls of AWS services carry {condition.key}, and the statement is about people"
    if key.startswith(_OF_PEOPLE) and services_only:
        return f"the calls of AWS services carry no {condition.key}"
    if is_about_callers(key) and services_only:
        return f"the calls of AWS services have no {condition.key} that is {_values(condition)}"
    if key == "aws:principalarn" and any(":sts:" in value for value in condition.values):
        return (
            f"{condition.key} holds the ARN of the role and not of its session, so {_values(condition)} never matches"
        )
    return f"none of its principals sends {condition.key} with a value that meets {condition.operator} {_values(condition)}"


def _values(condition: Condition) -> str:
    return ", ".join(condition.values)
