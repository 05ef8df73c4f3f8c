"""Statements that match nothing: permissions that are missing, and denials that deny nothing, though they stand there."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from trailkey.access import EffectivePermissions, excludes, region
from trailkey.access.analysis.prove import example
from trailkey.access.language.catalog import CONTEXT_PREFIX, context_actions
from trailkey.access.language.conditions import OPERATORS
from trailkey.access.language.evaluate import SERVICES as EVALUATION
from trailkey.access.language.principals import Principals
from trailkey.access.language.sent import VIA_SERVICE
from trailkey.audit.rule import EVERYWHERE, Match, PolicyRule, some
from trailkey.audit.rules.unknown_names import meant_service
from trailkey.audit.statement_facts import (
    SOURCE_KEYS,
    admits_cloudtrail,
    is_about_callers,
    listed_actions,
    matching,
    principals_of,
)
from trailkey.aws import CLOUDTRAIL, parse_arn

if TYPE_CHECKING:
    from collections.abc import Iterator

    from trailkey.access import Statement
    from trailkey.access.language.conditions import Condition
    from trailkey.audit.subject import Subject
    from trailkey.findings import Severity

_STRING_OPERATORS: Final = ("StringEquals", "StringEqualsIgnoreCase", "StringNotEquals", "StringNotEqualsIgnoreCase")
_CONTEXT: Final = CONTEXT_PREFIX.casefold()
_ANY_CONTEXT: Final = "kms:encryptioncontext"
_OF_PEOPLE: Final = ("aws:principalorg", "aws:principaltag/", "aws:userid", "aws:multifactorauth")


def _never(subject: Subject) -> Iterator[Match]:
    for part in subject.parts:
        statement = part.statement
        wrong = {name: meant for name in principals_of(statement).services if (meant := meant_service(name))}
        if wrong:
            yield from (_of_service(subject, statement, name, meant) for name, meant in wrong.items())
            continue
        read = [(condition, _dead(condition)) for condition in statement.conditions]
        dead = [found for _, found in read if found]
        if not (dead or subject.is_empty(part.requests)) or _elsewhere_flagged(subject, statement):
            continue
        if dead:
            mended = replace(statement, conditions=tuple(found[1] if found else one for one, found in read))
            if subject.is_empty(subject.requests(mended)):
                mended = replace(statement, conditions=tuple(one for one, found in read if not found))
            yield _found(subject, statement, dead[0][0], mended)
        else:
            yield _empty(subject, statement)


def _of_service(subject: Subject, statement: Statement, name: str, meant: str) -> Match:
    alone = statement.principals == Principals(services=(name,))
    corrected = replace(statement, principals=Principals(services=(meant,)))
    why = f"{name} is not a service principal; the service is {meant}"
    return _found(subject, statement, why, corrected, what="never matches" if alone else f"never matches for {name}")


def _elsewhere_flagged(subject: Subject, statement: Statement) -> bool:
    """Return whether actions or resources alone keep a statement from matching: other rules say so."""
    bare = replace(statement, conditions=(), principals=Principals(everyone=True))
    return subject.is_empty(subject.requests(bare))


def _empty(subject: Subject, statement: Statement) -> Match:
    """Say why a statement matches nothing, whose text does not show it."""
    found = _by_conditions_or_account(subject, statement, "never matches")
    if found:
        return found
    who = principals_of(statement)
    why = "none of its principals is a caller in this partition"
    if who.aws and not any(entry.startswith("arn:") or entry.isdigit() for entry in who.aws):
        why = f"{who.aws[0]} is what is left of a role or user that was deleted, and a new one of the same name has another id"
    elif who.federated:
        why = f"{who.federated[0]} signs people in and calls no service itself: the caller is the role they assume"
    return Match(
        statement=statement.name, severity="warning", message=f"statement {statement.name} never matches: {why}"
    )


def _by_conditions_or_account(subject: Subject, statement: Statement, what: str) -> Match | None:
    """Return the finding on a statement that its conditions keep from matching, or the account it is about.

    Some actions KMS allows nobody of another account, whatever a key policy says.
    """
    found = _revived(subject, statement)
    if found:
        why, rest, fence = found
        if fence and statement.effect == "Deny":
            return _superfluous(statement, fence)
        return _found(subject, statement, why, rest, what=what)
    who = subject.callers(principals_of(statement).aws)
    actions = listed_actions(statement, subject.scope.universe)
    crossing = EVALUATION[subject.service].cross_account
    if crossing is None or who.is_empty() or any(action.casefold() in crossing for action in actions):
        return None
    return Match(
        statement=statement.name,
        witness=example(region(principals=who, actions=actions, identity=True), subject.scope),
        shows="denied",
        message=f"statement {statement.name} {what}: another account can never be allowed that",
        remedy="take it out, or give it to a role of the key's own account",
    )


def _superfluous(statement: Statement, fence: Condition) -> Match:
    """Return the finding on a Deny unless something is so, where that is always so: it denies nothing because nothing is amiss."""
    return Match(
        statement=statement.name,
        severity="note",
        message=f"statement {statement.name} denies nothing: every request has a {fence.key} that is {some(fence.values)}",
        remedy="leave it, as it does no harm, or take it out",
    )


def _found(
    subject: Subject, statement: Statement, why: str, intended: Statement, *, what: str = "never matches"
) -> Match:
    """Return the finding, with a request that the statement was meant for and the policy answers otherwise."""
    granted, meant = subject.granted, subject.requests(intended)
    allows = statement.effect == "Allow"
    short = EffectivePermissions(subject.scope, meant, granted.allow, granted.sessions)
    witness = (excludes(short) if allows else subject.grants_nothing(granted.allow, meant)).witness
    severity: Severity | None = None if witness else "note"
    if witness and allows and admits_cloudtrail(statement):
        severity = "error"  # no action that CloudTrail is given is one that a trail can do without
    suffix = "" if witness else ", and other statements do what it was meant for"
    return Match(
        statement=statement.name,
        witness=witness,
        shows="denied" if allows else "allowed",
        severity=severity,
        message=f"statement {statement.name} {what}: {why}{suffix}",
    )


def _is_pattern_taken_literally(condition: Condition, value: str) -> bool:
    """Return whether a value holds a wildcard under an operator that compares it literally, on a key that never holds one."""
    key = condition.key.casefold()
    fixed = is_about_callers(key) or key in SOURCE_KEYS or key == "kms:viaservice" or key.startswith(f"{_CONTEXT}aws:")
    plain = value.replace("${*}", "").replace("${?}", "")
    return fixed and condition.operator in _STRING_OPERATORS and ("*" in plain or "?" in plain)


def _dead(condition: Condition) -> tuple[str, Condition] | None:
    """Return why no request meets a condition whose own text shows it, and the condition that was meant."""
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
        return why, replace(condition, key=right)
    if "Not" not in condition.operator and all(
        _is_pattern_taken_literally(condition, value) for value in condition.values
    ):
        why = f'{condition.operator} compares {condition.key} with "{condition.values[0]}" literally, * and ? included'
        return why, replace(condition, operator="StringLike")
    return None


def _revived(subject: Subject, statement: Statement) -> tuple[str, Statement, Condition | None] | None:
    """Return why a statement matches nothing, the statement as it would match something, and the condition that keeps it from that.

    The condition is None where it is not one alone that asks for something not to be so. What keeps a statement from matching is one condition where one alone does it, else all on the encryption context, else all there are. None where the
    conditions have no part in it.
    """
    conditions = statement.conditions
    context = tuple(one for one in conditions if one.key.casefold().startswith(_ANY_CONTEXT))
    for taken in (*((one,) for one in conditions), context, conditions):
        rest = replace(statement, conditions=tuple(one for one in conditions if one not in taken))
        if taken and not subject.is_empty(subject.requests(rest)):
            has_reason = len(taken) == 1 or taken == context
            why = _why(subject, statement, taken[0]) if has_reason else "no request meets all of its conditions"
            negated = len(taken) == 1 and taken[0].operator != "Null" and OPERATORS[taken[0].operator].negated
            return why, rest, taken[0] if negated else None
    return None


def _why(subject: Subject, statement: Statement, condition: Condition) -> str:
    key, values = condition.key.casefold(), ", ".join(condition.values)
    who = principals_of(statement)
    people_only = bool(who.aws and not who.services and not who.everyone)
    services_only = bool(who.services and not who.aws and not who.everyone)
    if key.startswith(_ANY_CONTEXT):
        without = [one for one in listed_actions(statement, subject.scope.universe) if one not in context_actions()]
        if without:
            return f"a request of {', '.join(sorted(without))} carries no encryption context, so {condition.key} is never present"
    if key in SOURCE_KEYS and people_only:
        return f"only the calls of AWS services carry {condition.key}, and the statement is about people"
    if key.startswith(_OF_PEOPLE) and services_only:
        return f"the calls of AWS services carry no {condition.key}"
    if is_about_callers(key) and services_only:
        return f"the calls of AWS services have no {condition.key} that is {values}"
    if key == "aws:principalarn" and any(":sts:" in value for value in condition.values):
        return f"{condition.key} holds the ARN of the role and not of its session, so {values} never matches"
    if key == VIA_SERVICE and who.services != (CLOUDTRAIL,):
        return f"{condition.key} is SERVICE.REGION.amazonaws.com, and no service of the partition is called {values}"
    return f"none of its principals sends {condition.key} with a value that meets {condition.operator} {values}"


def _action_never(subject: Subject) -> Iterator[Match]:
    for part in subject.parts:
        statement = part.statement
        if len(statement.actions) < 2 or statement.not_actions:
            continue
        if any(_dead(condition) for condition in statement.conditions):
            continue
        alive = subject.actions_in(part.requests)
        meant = {action: matching(action, subject.scope.universe) for action in statement.actions if alive}
        dead = [action for action, names in meant.items() if names and alive.isdisjoint(names)]
        if dead:
            what = f"never matches for {', '.join(dead)}"
            found = _by_conditions_or_account(subject, replace(statement, actions=tuple(dead)), what)
            yield found or Match(statement=statement.name, message=f"statement {statement.name} {what}")


def _value_never(subject: Subject) -> Iterator[Match]:
    for statement in subject.policy.statements:
        for condition in statement.conditions:
            literal = [value for value in condition.values if _is_pattern_taken_literally(condition, value)]
            yield from _sessions(statement, condition)
            negated, all_of_them = "Not" in condition.operator, len(literal) == len(condition.values)
            if literal and (negated or not all_of_them):
                effect = "every request passes it" if negated and all_of_them else "it matches nothing"
                yield Match(
                    statement=statement.name,
                    message=f'statement {statement.name} gives {condition.operator} on {condition.key} the value "{literal[0]}", which '
                    f"is compared literally: {effect}",
                )


def _sessions(statement: Statement, condition: Condition) -> Iterator[Match]:
    """Yield the session ARNs that a condition compares with the ARN of the role, where others beside them can match."""
    if condition.key.casefold() != "aws:principalarn" or condition.operator == "Null":
        return
    sessions = [value for value in condition.values if (arn := parse_arn(value)) and arn.service == "sts"]
    negated = OPERATORS[condition.operator].negated
    if sessions and (negated or len(sessions) < len(condition.values)):
        exempt = negated and statement.effect == "Deny"
        effect = f"the Deny does not spare {some(sessions)}" if exempt else f"{some(sessions)} matches nothing"
        yield Match(
            statement=statement.name,
            message=f"statement {statement.name}: {condition.key} holds the ARN of the role and not of its session, so {effect}",
            remedy="write the ARN of the role, arn:PARTITION:iam::ACCOUNT:role/NAME",
        )


def _principal_never(subject: Subject) -> Iterator[Match]:
    """Yield the principals of a statement that its conditions rule out, where it is about others too."""
    for part in subject.parts:
        statement = part.statement
        who = principals_of(statement)
        if not statement.conditions or who.everyone or who.excluded or not (who.aws and who.services):
            continue
        kinds = (Principals(aws=who.aws), who.aws), (Principals(services=who.services), who.services)
        dead = [names for one, names in kinds if subject.is_empty(subject.requests(replace(statement, principals=one)))]
        if len(dead) == 1:
            without = next(
                (
                    one
                    for one in statement.conditions
                    if one.key.casefold() in SOURCE_KEYS or one.key.casefold().startswith(_OF_PEOPLE)
                ),
                statement.conditions[0],
            )
            yield Match(
                statement=statement.name,
                message=f"statement {statement.name} never matches for {some(dead[0])}: their requests do not meet the condition on "
                f"{without.key}",
            )


RULES: Final = (
    PolicyRule(
        id="never-matches",
        severity="error",
        title="A statement that matches no request",
        reason="The permission it seems to give is missing, or the denial it seems to make denies nothing, and nothing says so until a "
        "request goes wrong.",
        source="https://docs.aws.amazon.com/kms/latest/developerguide/conditions-kms.html",
        remedy="correct what never holds; for kms:DescribeKey write a statement without encryption context, and for wildcards use "
        "StringLike or ArnLike",
        find=_never,
        of=EVERYWHERE,
    ),
    PolicyRule(
        id="action-never-matches",
        severity="warning",
        title="An action that its statement's conditions rule out",
        reason="Conditions hold for every action of a statement: one whose requests never carry the key is listed in vain.",
        source="https://docs.aws.amazon.com/kms/latest/developerguide/key-policy-services.html",
        remedy="give the action a statement of its own, without the condition it cannot meet",
        find=_action_never,
        of=EVERYWHERE,
    ),
    PolicyRule(
        id="principal-never-matches",
        severity="warning",
        title="A principal that its statement's conditions rule out",
        reason="Conditions hold for every principal of a statement: where the calls of one never carry the key, it is named in vain, and who "
        "reads the policy takes it to be allowed, or denied.",
        source="https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_condition.html",
        remedy="give the principal a statement of its own, or take it out",
        find=_principal_never,
        of=EVERYWHERE,
    ),
    PolicyRule(
        id="value-never-matches",
        severity="warning",
        title="A value that matches nothing, beside others",
        reason="StringEquals and StringNotEquals know no wildcards, and aws:PrincipalArn holds roles and no sessions: such a value matches "
        "nothing, so an Allow misses it, and what it is to spare from a Deny is denied.",
        source="https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_condition_operators.html",
        remedy="use StringLike or StringNotLike (for ARNs ArnLike or ArnNotLike), or write the value out",
        find=_value_never,
        of=EVERYWHERE,
    ),
)
