"""Statements that match nothing: permissions that are missing, and denials that deny nothing, though they stand there."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from trailkey.access import REFUTED, EffectivePermissions, excludes, region
from trailkey.access.analysis.prove import example
from trailkey.access.language.evaluate import SERVICES as EVALUATION
from trailkey.access.language.principals import Principals
from trailkey.audit.misspelled import meant_service
from trailkey.audit.rule import Match, PolicyRule
from trailkey.audit.statement_facts import admits_cloudtrail, listed_actions, matching
from trailkey.audit.unsatisfiable import Dead, is_pattern_taken_literally, on_its_face, revived

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from trailkey.access import RequestSet, Statement
    from trailkey.access.language.policy import Condition
    from trailkey.audit.subject import Subject
    from trailkey.findings import Severity

_CONDITIONS_PAGE: Final = "https://docs.aws.amazon.com/kms/latest/developerguide/conditions-kms.html"


def _never(subject: Subject) -> Iterator[Match]:
    for part in subject.parts:
        statement = part.statement
        wrong = _wrong_services(statement)
        if wrong:
            yield from (_of_service(subject, statement, name, meant) for name, meant in wrong.items())
            continue
        dead = [one for condition in statement.conditions if (one := on_its_face(condition))]
        if not (dead or subject.is_empty(part.requests)) or _elsewhere_flagged(subject, statement):
            continue
        if dead:
            mended = _mended(statement, [one.meant for one in dead], dead)
            if subject.is_empty(subject.requests(mended)):
                mended = _mended(statement, [None for _ in dead], dead)
            yield _found(subject, statement, dead[0].why, mended)
        else:
            yield _empty(subject, statement)


def _mended(statement: Statement, meant: Sequence[Condition | None], dead: Sequence[Dead]) -> Statement:
    """Return a statement with what was meant (None: nothing) in place of its dead conditions."""
    instead = {id(one.condition): condition for one, condition in zip(dead, meant, strict=True)}
    conditions = (instead.get(id(condition), condition) for condition in statement.conditions)
    return replace(statement, conditions=tuple(condition for condition in conditions if condition))


def _wrong_services(statement: Statement) -> dict[str, str]:
    services = statement.principals.services if statement.principals else ()
    return {name: meant for name in services if (meant := meant_service(name))}


def _of_service(subject: Subject, statement: Statement, name: str, meant: str) -> Match:
    who = statement.principals
    alone = who == Principals(services=(name,))
    corrected = replace(statement, principals=Principals(services=(meant,)))
    why = f"there is no service principal {name}; it is {meant}"
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
    who = statement.principals
    why = "none of its principals is a caller in this partition"
    if who and who.aws and not any(entry.startswith("arn:") or entry.isdigit() for entry in who.aws):
        why = f"{who.aws[0]} is what is left of a role or user that was deleted, and a new one of the same name has another id"
    elif who and who.federated:
        why = f"{who.federated[0]} signs people in and calls no service itself: the caller is the role they assume"
    return Match(
        statement=statement.name, severity="warning", message=f"statement {statement.name} never matches: {why}"
    )


def _by_conditions_or_account(subject: Subject, statement: Statement, what: str) -> Match | None:
    """Return the finding on a statement that its conditions keep from matching, or the account it is about."""
    found = revived(subject, statement)
    if found:
        why, rest = found
        return _found(subject, statement, why, rest, what=what)
    return _in_another_account(subject, statement, what) if _only_in_other_accounts(subject, statement) else None


def _in_another_account(subject: Subject, statement: Statement, what: str) -> Match:
    """Return the finding on actions that KMS allows nobody of another account, whatever a key policy says."""
    who = subject.callers(statement.principals.aws if statement.principals else ())
    asked = region(principals=who, actions=listed_actions(statement, subject.scope.universe), identity=True)
    return Match(
        statement=statement.name,
        witness=example(asked, subject.scope),
        shows="denied",
        message=f"statement {statement.name} {what}: another account can never be allowed that",
    )


def _only_in_other_accounts(subject: Subject, statement: Statement) -> bool:
    """Return whether a statement that matches nobody names somebody: then what it lists cannot be allowed where they are."""
    crossing = EVALUATION["kms"].cross_account or frozenset()
    who = subject.callers(statement.principals.aws if statement.principals else ())
    actions = listed_actions(statement, subject.scope.universe)
    return not who.is_empty() and not any(action.casefold() in crossing for action in actions)


def _found(
    subject: Subject, statement: Statement, why: str, intended: Statement, *, what: str = "never matches"
) -> Match:
    """Return the finding, with a request that the statement was meant for and the policy answers otherwise."""
    meant = subject.requests(intended)
    witness = _short(subject, meant) if statement.effect == "Allow" else _slipping(subject, meant)
    severity: Severity | None = None if witness else "note"
    if witness and statement.effect == "Allow" and admits_cloudtrail(statement):
        severity = "error"  # no action that CloudTrail is given is one that a trail can do without
    suffix = "" if witness else ", and other statements do what it was meant for"
    return Match(
        statement=statement.name,
        witness=witness,
        shows="denied" if statement.effect == "Allow" else "allowed",
        severity=severity,
        message=f"statement {statement.name} {what}: {why}{suffix}",
    )


def _short(subject: Subject, meant: RequestSet) -> Mapping[str, Any] | None:
    """Return a request that was meant to be allowed, and is not."""
    answer = excludes(EffectivePermissions(subject.scope, meant, subject.granted.allow, subject.granted.sessions))
    return answer.witness if answer.verdict == REFUTED else None


def _slipping(subject: Subject, meant: RequestSet) -> Mapping[str, Any] | None:
    """Return a request that was meant to be denied, and is allowed."""
    answer = subject.grants_nothing(subject.granted.allow, meant)
    return answer.witness if answer.verdict == REFUTED else None


def _action_never(subject: Subject) -> Iterator[Match]:
    for part in subject.parts:
        statement = part.statement
        if len(statement.actions) < 2 or statement.not_actions:
            continue
        if any(on_its_face(condition) for condition in statement.conditions) or subject.is_empty(part.requests):
            continue
        dead = [action for action in statement.actions if _is_dead(subject, statement, action)]
        if dead:
            what = f"never matches for {', '.join(dead)}"
            found = _by_conditions_or_account(subject, replace(statement, actions=tuple(dead)), what)
            yield found or Match(statement=statement.name, message=f"statement {statement.name} {what}")


def _is_dead(subject: Subject, statement: Statement, action: str) -> bool:
    if not matching(action, subject.scope.universe):
        return False
    return subject.is_empty(subject.requests(replace(statement, actions=(action,))))


def _value_never(subject: Subject) -> Iterator[Match]:
    for statement in subject.policy.statements:
        for condition in statement.conditions:
            literal = [value for value in condition.values if is_pattern_taken_literally(condition, value)]
            negated = "Not" in condition.operator
            if not literal or (len(literal) == len(condition.values) and not negated):
                continue
            effect = (
                "every request passes it" if negated and len(literal) == len(condition.values) else "it matches nothing"
            )
            yield Match(
                statement=statement.name,
                message=f'statement {statement.name} gives {condition.operator} on {condition.key} the value "{literal[0]}", which is '
                f"compared literally: {effect}",
            )


RULES: Final = (
    PolicyRule(
        id="never-matches",
        severity="error",
        title="A statement that matches no request",
        reason="The permission it seems to give is missing, or the denial it seems to make denies nothing, and nothing says so until a "
        "request goes wrong.",
        source=_CONDITIONS_PAGE,
        remedy="correct what never holds; for kms:DescribeKey write a statement without encryption context, and for wildcards use "
        "StringLike or ArnLike",
        find=_never,
    ),
    PolicyRule(
        id="action-never-matches",
        severity="warning",
        title="An action that its statement's conditions rule out",
        reason="Conditions hold for every action of a statement: one whose requests never carry the key is listed in vain.",
        source="https://docs.aws.amazon.com/kms/latest/developerguide/key-policy-services.html",
        remedy="give the action a statement of its own, without the condition it cannot meet",
        find=_action_never,
    ),
    PolicyRule(
        id="value-never-matches",
        severity="warning",
        title="A wildcard where texts are compared literally",
        reason="StringEquals and StringNotEquals know no wildcards: the value matches nothing, so a list is short of it and a negated "
        "condition holds for all.",
        source="https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_condition_operators.html",
        remedy="use StringLike or StringNotLike (for ARNs ArnLike or ArnNotLike), or write the value out",
        find=_value_never,
    ),
)
