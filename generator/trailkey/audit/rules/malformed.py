"""ARNs, account ids and organization ids of the wrong shape or the wrong place, and statements that cannot be read at all."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

from trailkey.access.algebra.languages import language
from trailkey.access.algebra.patterns import glob
from trailkey.access.language.conditions import OPERATORS
from trailkey.audit.rule import EVERYWHERE, Match, PolicyRule
from trailkey.audit.statement_facts import (
    SOURCE_KEYS,
    TRAIL_CONTEXT_KEY,
    admits_cloudtrail,
    demands,
    principals_of,
)
from trailkey.aws import ACCOUNT_ID, CLOUDTRAIL, ORGANIZATION_ID, parse_arn

if TYPE_CHECKING:
    from collections.abc import Iterator

    from trailkey.access import Statement
    from trailkey.access.language.conditions import Condition
    from trailkey.audit.subject import Entry, Subject
    from trailkey.aws import Arn
    from trailkey.findings import Severity

_PLACEHOLDER: Final = re.compile(r"[<>{}\[\]]")
_VARIABLE: Final = re.compile(r"\$\{[^}]*\}")
_DIGITS: Final = re.compile(r"\d+")
_ACCOUNT_KEYS: Final = ("aws:principalaccount", "aws:resourceaccount", "aws:sourceaccount", "kms:calleraccount")
_ORGANIZATION_KEYS: Final = ("aws:principalorgid", "aws:resourceorgid", "aws:sourceorgid")
_ARN_KEYS: Final = ("aws:principalarn", "aws:sourcearn", TRAIL_CONTEXT_KEY)
_STORES: Final = {"kms": (), "s3": ("eventdatastore/",), "sns": ()}
"""What else CloudTrail acts for, by service: event data stores write the results of queries to buckets.
https://docs.aws.amazon.com/awscloudtrail/latest/userguide/s3-bucket-policy-lake-query-results.html"""
_NOT_FILLED_IN: Final = "is a placeholder that nobody filled in"
_BESIDE_SOURCE: Final = SOURCE_KEYS - {"aws:sourcearn"}
_EVERY_ACCOUNT: Final = "matches the trails of every account: write the account that owns the trail"
_TRAIL: Final = "arn:PARTITION:cloudtrail:REGION:ACCOUNT:trail/NAME"
_ORDER: Final = "arn:PARTITION:SERVICE:REGION:ACCOUNT:RESOURCE"
_NO_REGION: Final = f"has a Region, and ARNs of IAM have none: {_ORDER}"


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
            yield from _said(entry.name, "Principal", text, problem + unjudged)
        if entry.statement:
            for text in entry.statement.resources:
                yield from _said(entry.name, "Resource", text, _resource_problem(subject, text))
            yield from _in_conditions(subject, entry.statement)
            yield from _contradictions(entry.statement)
            yield from _other_trail(subject, entry.statement)


def _said(name: str | int, where: str, text: str, problem: str, severity: Severity | None = None) -> Iterator[Match]:
    if problem:
        yield Match(statement=name, severity=severity, message=f'statement {name}: {where} "{text}" {problem}')


def _first(*problems: tuple[object, str]) -> str:
    """Return the first problem that there is, or an empty text."""
    return next((problem for there, problem in problems if there), "")


def _in_conditions(subject: Subject, statement: Statement) -> Iterator[Match]:
    for condition, value in ((one, value) for one in statement.conditions for value in one.values):
        problem = _value_problem(subject, statement, condition, value)
        severity: Severity | None = None
        if not problem and _is_of_every_account(statement, condition, value):
            problem = _EVERY_ACCOUNT
            # With the context, aws:SourceArn still holds the trail, or the reader is held to whatever trails there are.
            severity = "warning" if condition.key.casefold() == TRAIL_CONTEXT_KEY else None
        yield from _said(statement.name, condition.key, value, problem, severity)


def _principal_problems(subject: Subject, entry: Entry) -> Iterator[tuple[str, str]]:
    """Yield what is wrong with the principals of a statement, as they are written: many such a statement is refused for."""
    written = entry.written if isinstance(entry.written, dict) else {}
    for value in (written.get("Principal"), written.get("NotPrincipal")):
        listed = value.get("AWS", []) if isinstance(value, dict) else []
        for one in listed if isinstance(listed, list) else [listed]:
            problem = _principal_problem(subject, one)
            if problem:
                yield str(one), problem


def _principal_problem(subject: Subject, entry: Any) -> str:
    if isinstance(entry, int):
        return "is a number, which loses leading zeros: 12 digits as text"
    if not isinstance(entry, str):
        return ""
    if _PLACEHOLDER.search(entry):
        return _NOT_FILLED_IN
    if _DIGITS.fullmatch(entry):
        return "" if len(entry) == 12 else f"has {len(entry)} digits: an account id has 12"
    arn, partition = parse_arn(entry), subject.scope.partition
    if not arn:
        return ""
    return _account_problem(arn.account) or _first(
        (
            arn.partition != partition,
            f"is of the partition {arn.partition}, and the {subject.noun} is in {partition}: no caller reaches another partition",
        ),
        (arn.region, _NO_REGION),
        (arn.resource.startswith("group/"), "is a group, and a group cannot be a principal: name the roles or users"),
    )


def _resource_problem(subject: Subject, text: str) -> str:
    arn = parse_arn(text)
    if not arn or "${" in text:
        return ""
    problem = _first(
        (_PLACEHOLDER.search(text), _NOT_FILLED_IN),
        (arn.service not in (subject.service, "*"), f"is of {arn.service}, so the statement never applies"),
        (arn.resource.startswith("alias/"), "is an alias, and no permission is given by alias"),
        (
            (language([glob(text)]) & subject.scope.resources).is_empty(),
            f"is another {subject.noun}, so the statement never applies",
        ),
    )
    return f'{problem}: in a key policy "*" is this key' if problem and subject.service == "kms" else problem


def _value_problem(subject: Subject, statement: Statement, condition: Condition, value: str) -> str:
    key = condition.key.casefold()
    if condition.operator == "Null" or key not in (*_ACCOUNT_KEYS, *_ORGANIZATION_KEYS, *_ARN_KEYS):
        return ""
    if _PLACEHOLDER.search(_VARIABLE.sub("", value) if subject.policy.variables else value):
        return _NOT_FILLED_IN
    if "${" in value:
        return ""
    wild = OPERATORS[condition.operator].wildcards and ("*" in value or "?" in value)
    if key in _ACCOUNT_KEYS:
        return "" if wild or ACCOUNT_ID.fullmatch(value) else "is not a valid account id: it has 12 digits"
    if key in _ORGANIZATION_KEYS:
        problem = "is not a valid organization id: o- and 10 to 32 letters or digits"
        return "" if wild or ORGANIZATION_ID.fullmatch(value) else problem
    arn = parse_arn(value)
    if not arn:
        return "" if wild else f"is not a valid ARN: {_ORDER}"
    return _arn_problem(subject, statement, key, arn)


def _arn_problem(subject: Subject, statement: Statement, key: str, arn: Arn) -> str:
    elsewhere = arn.partition != subject.scope.partition and "*" not in arn.partition
    about_trails = _is_about_trails(statement, key)
    return _account_problem(arn.account) or _first(
        (elsewhere, f"is of the partition {arn.partition}, and the {subject.noun} is in {subject.scope.partition}"),
        (key == "aws:principalarn" and arn.region not in ("", "*"), _NO_REGION),
        (
            about_trails and arn.service not in ("cloudtrail", "*"),
            f"is an ARN of {arn.service}, and trails are of cloudtrail",
        ),
        (about_trails and not arn.region, f"has no Region, and trails have the one they were created in: {_TRAIL}"),
        (about_trails and not arn.account, f"has no account: {_TRAIL}"),
        (
            about_trails and subject.service == "kms" and arn.resource.startswith("eventdatastore/"),
            "is an event data store, whose requests carry no such key: give it a key of its own",
        ),
        (
            about_trails and not arn.resource.startswith(("trail/", "*", *_STORES[subject.service])),
            f"is not the ARN of a trail: {_TRAIL}",
        ),
    )


def _is_about_trails(statement: Statement, key: str) -> bool:
    """Return whether the ARNs that a statement holds a key (in lower case) to are those of trails."""
    only_cloudtrail = set(principals_of(statement).services) == {CLOUDTRAIL}
    return key == TRAIL_CONTEXT_KEY or (key == "aws:sourcearn" and only_cloudtrail)


def _is_of_every_account(statement: Statement, condition: Condition, value: str) -> bool:
    """Return whether a value lets in the trails of any account, and nothing beside it holds them.

    Where many accounts own a trail of one name, aws:SourceArn has their organization or accounts beside it, and the context
    that name: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-keys.html#condition-keys-sourceorgid
    """
    key = condition.key.casefold()
    arn = parse_arn(value) if _is_about_trails(statement, key) else None
    applies = statement.effect == "Allow" and condition.operator != "Null" and "${" not in value
    if not (applies and arn and "*" in arn.account):
        return False
    if key == TRAIL_CONTEXT_KEY:
        one_name = not set("*?") & set(arn.resource)
        return not one_name or (admits_cloudtrail(statement) and not any(demands(statement, *SOURCE_KEYS)))
    return not any(demands(statement, *_BESIDE_SOURCE))


def _contradictions(statement: Statement) -> Iterator[Match]:
    """Yield encryption contexts of another account than aws:SourceArn: CloudTrail sends one trail's ARN as both."""
    sources = {account for one in demands(statement, "aws:sourcearn") for _, account in _accounts_in(one)}
    if not all(map(_DIGITS.fullmatch, sources)):
        return
    for condition in demands(statement, TRAIL_CONTEXT_KEY) if sources else ():
        named = ((value, account) for value, account in _accounts_in(condition) if _DIGITS.fullmatch(account))
        beside = [value for value, account in named if account not in sources]
        none_left = len(beside) == len(condition.values)
        what = "so CloudTrail cannot meet both" if none_left else "so trails of that account are kept out"
        if beside:
            yield Match(
                statement=statement.name,
                severity="error" if none_left else "warning",
                message=f'statement {statement.name}: {condition.key} "{beside[0]}" is of another account than aws:SourceArn '
                f"({', '.join(sorted(sources))}), {what}",
            )


def _accounts_in(condition: Condition) -> list[tuple[str, str]]:
    """Return the values of a condition that are ARNs, each with its account as it is written."""
    return [(value, arn.account) for value in condition.values if (arn := parse_arn(value))]


def _other_trail(subject: Subject, statement: Statement) -> Iterator[Match]:
    """Yield statements about CloudTrail whose aws:SourceArn is none of the expected trails; one for an organization's is beside them."""
    trails = subject.intent.trails
    applies = trails and statement.effect == "Allow" and admits_cloudtrail(statement)
    applies = applies and not any(demands(statement, *_BESIDE_SOURCE))
    for condition in demands(statement, "aws:sourcearn") if applies else ():
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


RULES: Final = (
    PolicyRule(
        id="unreadable-statement",
        severity="error",
        title="A statement that AWS would refuse, or that is not modelled",
        reason="What cannot be read is not judged; what the statement would allow or deny is missing from all other findings.",
        source="https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_grammar.html",
        remedy="correct the statement and audit again",
        find=_unreadable,
        of=EVERYWHERE,
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
        of=EVERYWHERE,
    ),
)
