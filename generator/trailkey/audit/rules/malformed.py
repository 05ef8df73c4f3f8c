"""ARNs, account ids and organization ids of the wrong shape or the wrong place, and statements that cannot be read at all."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from trailkey.access.language.conditions import OPERATORS
from trailkey.access.language.matching import matcher
from trailkey.audit.rule import Match, PolicyRule
from trailkey.audit.statement_facts import TRAIL_CONTEXT_KEY, demands, source_accounts
from trailkey.aws import ACCOUNT_ID, CLOUDTRAIL, ORGANIZATION_ID, parse_arn

if TYPE_CHECKING:
    from collections.abc import Iterator

    from trailkey.access import Statement
    from trailkey.access.language.policy import Condition
    from trailkey.audit.subject import Entry, Subject
    from trailkey.aws import Arn

_PLACEHOLDER: Final = re.compile(r"[<>{}\[\]]")
_VARIABLE: Final = re.compile(r"\$\{[^}]*\}")
_DIGITS: Final = re.compile(r"\d+")
_ACCOUNT_KEYS: Final = ("aws:principalaccount", "aws:resourceaccount", "aws:sourceaccount", "kms:calleraccount")
_ORGANIZATION_KEYS: Final = ("aws:principalorgid", "aws:resourceorgid", "aws:sourceorgid")
_ARN_KEYS: Final = ("aws:principalarn", "aws:sourcearn", TRAIL_CONTEXT_KEY)
_THIS_KEY: Final = 'in a key policy "*" is this key'
_EVERY_ACCOUNT: Final = "matches the trails of every account: write the account that owns the trail"
_TRAIL: Final = "arn:PARTITION:cloudtrail:REGION:ACCOUNT:trail/NAME"
_ORDER: Final = "arn:PARTITION:SERVICE:REGION:ACCOUNT:RESOURCE"


def _unreadable(subject: Subject) -> Iterator[Match]:
    for entry in subject.entries:
        if entry.statement is None and not any(_principal_problems(subject, entry)):
            yield Match(
                statement=entry.name,
                message=f"statement {entry.name} cannot be read and is not judged: {entry.refusal}",
            )


def _wrong(subject: Subject) -> Iterator[Match]:
    for entry in subject.entries:
        unjudged = "" if entry.statement else ", and the statement cannot be judged"
        for text, problem in _principal_problems(subject, entry):
            yield _found(entry.name, "Principal", text, problem + unjudged)
        if entry.statement:
            for text, problem in _resource_problems(subject, entry.statement):
                yield _found(entry.name, "Resource", text, problem)
            yield from _in_conditions(subject, entry.statement)
            yield from _contradictions(entry.statement)
            yield from _other_trail(subject, entry.statement)


def _in_conditions(subject: Subject, statement: Statement) -> Iterator[Match]:
    for condition, value in ((one, value) for one in statement.conditions for value in one.values):
        problem = _value_problem(subject, statement, condition, value)
        if problem:
            yield _found(statement.name, condition.key, value, problem)
        elif _is_of_every_account(statement, condition, value):
            found = _found(statement.name, condition.key, value, _EVERY_ACCOUNT)
            # With the context, aws:SourceArn still holds the trail, or the reader is held to whatever trails there are.
            yield replace(found, severity="warning") if condition.key.casefold() == TRAIL_CONTEXT_KEY else found


def _found(name: str | int, where: str, text: str, problem: str) -> Match:
    return Match(statement=name, message=f'statement {name}: {where} "{text}" {problem}')


def _principal_problems(subject: Subject, entry: Entry) -> Iterator[tuple[str, str]]:
    """Yield what is wrong with the principals of a statement, as they are written: many such a statement is refused for."""
    written = entry.written if isinstance(entry.written, dict) else {}
    for element in ("Principal", "NotPrincipal"):
        value = written.get(element)
        listed = value.get("AWS", []) if isinstance(value, dict) else []
        for text in listed if isinstance(listed, list) else [listed]:
            if isinstance(text, int):
                yield str(text), "is a number, which loses leading zeros: 12 digits as text"
            elif isinstance(text, str):
                problem = _principal_problem(subject, text)
                if problem:
                    yield text, problem


def _principal_problem(subject: Subject, text: str) -> str:
    if _is_placeholder(text):
        return "is a placeholder that nobody filled in"
    if _DIGITS.fullmatch(text):
        return "" if len(text) == 12 else f"has {len(text)} digits: an account id has 12"
    arn = parse_arn(text)
    if not arn:
        return ""
    problem = _account_problem(arn.account)
    if problem:
        return problem
    if arn.partition != subject.scope.partition:
        return f"is of the partition {arn.partition}, and the key is in {subject.scope.partition}: no caller reaches another partition"
    if arn.region:
        return f"has a Region, and ARNs of IAM have none: {_ORDER}"
    if arn.resource.startswith("group/"):
        return "is a group, and a group cannot be a principal: name the roles or users"
    return ""


def _resource_problems(subject: Subject, statement: Statement) -> Iterator[tuple[str, str]]:
    for text in statement.resources:
        arn = parse_arn(text)
        if not arn or "${" in text:
            continue
        if _is_placeholder(text):
            yield text, f"is a placeholder that nobody filled in: {_THIS_KEY}"
        elif arn.service not in ("kms", "*"):
            yield text, f"is of {arn.service}, so the statement never applies: {_THIS_KEY}"
        elif arn.resource.startswith("alias/"):
            yield text, f"is an alias, and no permission is given by alias: {_THIS_KEY}"
        elif not matcher(text)(subject.scope.home):
            yield text, f"is another key, so the statement never applies: {_THIS_KEY}"


def _value_problem(subject: Subject, statement: Statement, condition: Condition, value: str) -> str:
    key = condition.key.casefold()
    if condition.operator == "Null" or key not in (*_ACCOUNT_KEYS, *_ORGANIZATION_KEYS, *_ARN_KEYS):
        return ""
    plain = _VARIABLE.sub("", value) if subject.policy.variables else value
    if _is_placeholder(plain):
        return "is a placeholder that nobody filled in"
    if "${" in value:
        return ""
    wild = OPERATORS[condition.operator].wildcards and ("*" in value or "?" in value)
    if key in _ACCOUNT_KEYS:
        return "" if wild or ACCOUNT_ID.fullmatch(value) else "is not a valid account id: it has 12 digits"
    if key in _ORGANIZATION_KEYS:
        return (
            ""
            if wild or ORGANIZATION_ID.fullmatch(value)
            else "is not a valid organization id: o- and 10 to 32 letters or digits"
        )
    arn = parse_arn(value)
    if not arn:
        return "" if wild else f"is not a valid ARN: {_ORDER}"
    return _arn_problem(subject, statement, key, arn)


def _arn_problem(subject: Subject, statement: Statement, key: str, arn: Arn) -> str:
    problem = _account_problem(arn.account)
    if problem:
        return problem
    if arn.partition != subject.scope.partition and "*" not in arn.partition:
        return f"is of the partition {arn.partition}, and the key is in {subject.scope.partition}"
    if key == "aws:principalarn":
        return f"has a Region, and ARNs of IAM have none: {_ORDER}" if arn.region not in ("", "*") else ""
    return _trail_problem(arn) if _is_about_trails(statement, key) else ""


def _is_about_trails(statement: Statement, key: str) -> bool:
    """Return whether the ARNs that a statement holds a key (in lower case) to are those of trails."""
    services = statement.principals.services if statement.principals else ()
    return key == TRAIL_CONTEXT_KEY or (key == "aws:sourcearn" and set(services) == {CLOUDTRAIL})


def _trail_problem(arn: Arn) -> str:
    if arn.service not in ("cloudtrail", "*"):
        return f"is an ARN of {arn.service}, and trails are of cloudtrail"
    if not arn.region:
        return f"has no Region, and trails have the one they were created in: {_TRAIL}"
    if not arn.account:
        return f"has no account: {_TRAIL}"
    if arn.resource.startswith("eventdatastore/"):
        return "is an event data store, whose requests carry no such key: give it a key of its own"
    if not arn.resource.startswith(("trail/", "*")):
        return f"is not the ARN of a trail: {_TRAIL}"
    return ""


def _is_of_every_account(statement: Statement, condition: Condition, value: str) -> bool:
    """Return whether a value lets in the trails of any account."""
    arn = parse_arn(value) if _is_about_trails(statement, condition.key.casefold()) else None
    applies = statement.effect == "Allow" and condition.operator != "Null" and "${" not in value
    return applies and bool(arn and "*" in arn.account)


def _contradictions(statement: Statement) -> Iterator[Match]:
    """Yield encryption contexts of another account than aws:SourceArn: CloudTrail sends one trail's ARN as both."""
    sources = source_accounts(statement)
    if not sources or any(not _DIGITS.fullmatch(account) for account in sources):
        return
    for condition in demands(statement, TRAIL_CONTEXT_KEY):
        arns = [
            (value, arn) for value in condition.values if (arn := parse_arn(value)) and _DIGITS.fullmatch(arn.account)
        ]
        beside = [value for value, arn in arns if arn.account not in sources]
        if not beside:
            continue
        none_left = len(beside) == len(condition.values)
        what = "so CloudTrail cannot meet both" if none_left else "so trails of that account are kept out"
        yield Match(
            statement=statement.name,
            severity="error" if none_left else "warning",
            message=f'statement {statement.name}: {condition.key} "{beside[0]}" is of another account than aws:SourceArn '
            f"({', '.join(sorted(sources))}), {what}",
        )


def _other_trail(subject: Subject, statement: Statement) -> Iterator[Match]:
    """Yield statements about CloudTrail whose aws:SourceArn is none of the expected trails."""
    trails = subject.intent.trails
    if (
        not trails
        or not statement.principals
        or CLOUDTRAIL not in statement.principals.services
        or statement.effect == "Deny"
    ):
        return
    for condition in demands(statement, "aws:sourcearn"):
        test = OPERATORS[condition.operator].test
        if not any(test(value)(trail) for value in condition.values for trail in trails):
            yield Match(
                statement=statement.name,
                message=f'statement {statement.name}: aws:SourceArn "{condition.values[0]}" is not the trail {", ".join(trails)} (an '
                "organization trail is the management account's)",
            )


def _account_problem(account: str) -> str:
    """Return what is wrong with the account in an ARN; it may be left out or hold wildcards."""
    if not account or "*" in account or "?" in account or ACCOUNT_ID.fullmatch(account):
        return ""
    if _DIGITS.fullmatch(account):
        return f"has an account id of {len(account)} digits: it has 12"
    return f'has "{account}" in place of the account id: write its 12 digits'


def _is_placeholder(text: str) -> bool:
    return bool(_PLACEHOLDER.search(text))


RULES: Final = (
    PolicyRule(
        id="unreadable-statement",
        severity="error",
        title="A statement that AWS would refuse, or that is not modelled",
        reason="What cannot be read is not judged; what the statement would allow or deny is missing from all other findings.",
        source="https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_grammar.html",
        remedy="correct the statement and audit again",
        find=_unreadable,
    ),
    PolicyRule(
        id="wrong-arn",
        severity="error",
        title="An ARN or id of the wrong shape or place",
        reason="AWS compares ARNs as they stand: one placeholder, digit, partition, Region or account off, and the statement is about "
        "nothing, or about somebody else.",
        source="https://docs.aws.amazon.com/IAM/latest/UserGuide/reference-arns.html",
        remedy="write the full ARN of what is meant",
        find=_wrong,
    ),
)
