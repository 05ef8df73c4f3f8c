"""CloudTrail itself, held to its trails."""

from __future__ import annotations

import re
from itertools import chain
from string import ascii_letters, ascii_lowercase, digits
from typing import TYPE_CHECKING, Final

from trailkey.access import REFUTED, Constraint, Language, Single, held_to, joined, region, texts
from trailkey.access.algebra.languages import ALL, EMPTY, language
from trailkey.access.algebra.patterns import Chars, Run, row
from trailkey.access.analysis.prove import reaches
from trailkey.access.language.actions import DATA_KEYS, DECRYPT, ENCRYPT, GRANT
from trailkey.audit.rule import Match, PolicyRule, Search, Undecided, granting
from trailkey.audit.statement_facts import (
    SOURCE_KEYS,
    TRAIL_CONTEXT_KEY,
    admits_cloudtrail,
    demands,
    keys,
)
from trailkey.aws import (
    CLOUDTRAIL,
    CLOUDTRAIL_KEY_PAGE,
    TRAIL_CONTEXT,
    parse_arn,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from trailkey.access import RequestSet
    from trailkey.access.analysis.effective import Part
    from trailkey.audit.subject import Subject

_SERVICE: Final = texts(CLOUDTRAIL)
_ACTIONS: Final = (*ENCRYPT, *DECRYPT, *GRANT)
_ACCOUNT: Final = re.compile(r"\b\d{12}\b")
_IN_REGION: Final = Chars(frozenset(f"{ascii_lowercase}{digits}-"))
_IN_NAME: Final = Chars(frozenset(f"{ascii_letters}{digits}._-"))
_ABSENT: Final = Single(absent=True, values=EMPTY)
_STORE_ACTIONS: Final = frozenset(("kms:generatedatakey", "kms:decrypt", "kms:describekey"))
_STORE_WORDS: Final = re.compile(r"event[ _-]?data[ _-]?store|cloudtrail[ _-]?lake(?![a-z])", re.IGNORECASE)
_STORE_ID: Final = "EventDataStoreKey"
_HOLD: Final = "hold the statement to the trail with StringEquals aws:SourceArn, beside the encryption context"


def is_lake_key(subject: Subject) -> bool:
    """Return whether the key is an event data store's: said so, or CloudTrail both encrypts and decrypts as for a store.

    That is so where no trail is named, and where CloudTrail has the actions that AWS lists for stores and no others, or a Sid
    or the policy's Id speaks of a store. What is open to CloudTrail beyond that is a trail's key with its guards forgotten.
    """
    if subject.intent.lake or not _could_be_store(subject):
        return subject.intent.lake
    names = (subject.document.get("Id"), *(entry.name for entry in subject.entries))
    return any(isinstance(name, str) and _STORE_WORDS.search(name) for name in names) or all(
        not one.not_actions and {action.casefold() for action in one.actions} <= _STORE_ACTIONS
        for one in (part.statement for part in naming_cloudtrail(subject))
    )


def _could_be_store(subject: Subject) -> bool:
    """Return whether CloudTrail both encrypts and decrypts, and nothing speaks of a trail."""
    conditions = [one for statement in subject.policy.statements for one in statement.conditions]
    of_trails = any(":trail/" in value for one in conditions for value in one.values)
    if subject.intent.trails or of_trails or TRAIL_CONTEXT_KEY in subject.keys:
        return False
    allowed = joined([part.requests for part in naming_cloudtrail(subject)])
    return not any(
        subject.grants_nothing(allowed, region(principals=_SERVICE, actions=(action,)))
        for action in ("kms:GenerateDataKey", "kms:Decrypt")
    )


def naming_cloudtrail(subject: Subject) -> list[Part]:
    """Return the statements that allow CloudTrail something by its name."""
    return [part for part in subject.allows if admits_cloudtrail(part.statement)]


def _held(subject: Subject, account: str, trails: Constraint, context: Constraint) -> RequestSet:
    """Return CloudTrail's calls for some trails of an account, under some encryption contexts.

    Of the keys only those that tell something: SourceArn always, the others where the policy speaks of them.
    """
    others: dict[str, Constraint] = {
        "aws:SourceAccount": held_to(account),
        TRAIL_CONTEXT: context,
        **subject.outside("Source"),
    }
    asked = {key: side for key, side in others.items() if key.casefold() in subject.keys}
    return region(principals=_SERVICE, actions=_ACTIONS, context={"aws:SourceArn": trails, **asked})


def trails_of(subject: Subject, account: str) -> Language:
    """Return the ARNs that trails of an account can have: nothing in them reaches over a colon, as a wildcard would.

    https://docs.aws.amazon.com/awscloudtrail/latest/APIReference/API_CreateTrail.html
    """
    start, end = f"arn:{subject.scope.partition}:cloudtrail:", f":{account}:trail/"
    return language([row([start, _IN_REGION, Run(_IN_REGION), end, _IN_NAME, Run(_IN_NAME)])])


def _unconfined(subject: Subject) -> Iterator[Match | Undecided]:
    if is_lake_key(subject):
        return
    strangers, beyond = list(_for_strangers(subject)), list(_beyond_named(subject))
    by_context = [part for part in subject.allows if _is_held_by_context_alone(subject, part)]
    yield from granting(subject, chain(strangers, beyond), [part for part in subject.allows if part not in by_context])
    for part in by_context:
        yield from granting(subject, chain(strangers, _by_context(subject, part), beyond), [part])


def _for_strangers(subject: Subject) -> Iterator[Search]:
    """Yield the calls for trails of an account that the policy has nothing to do with."""
    trails = Single(trails_of(subject, subject.stranger))
    sent = Single(absent=True, values=trails.values)  # CloudTrail puts the ARN of the very trail into the context
    remedy = f"{_HOLD}; if it is an event data store's key, say so in its Id, such as {_STORE_ID}"
    yield Search(
        within=_held(subject, subject.stranger, trails, sent),
        says=lambda request: (
            f"lets CloudTrail call {request['action']} for a trail of any account, such as {request['context']['aws:SourceArn']}"
        ),
        remedy=remedy if _could_be_store(subject) else "",
    )


def _is_held_by_context_alone(subject: Subject, part: Part) -> bool:
    """Return whether a statement asks for the encryption context of trails, and nothing holds aws:SourceArn to an account."""
    if not any(demands(part.statement, TRAIL_CONTEXT_KEY)):
        return False
    anywhere = _held(
        subject,
        subject.stranger,
        Single(trails_of(subject, subject.stranger)),
        Single(absent=True, values=ALL),
    )
    return subject.grants_nothing(part.requests, anywhere).verdict == REFUTED


def _by_context(subject: Subject, part: Part) -> Iterator[Search]:
    """Yield the calls for trails that the encryption context of a statement admits by itself.

    CloudTrail writes the ARN of the trail it acts for into the context, so a trail of another account cannot have this one: what
    is open is every trail of the accounts that the context names, and a second guard is missing.
    """
    values = [value for one in demands(part.statement, TRAIL_CONTEXT_KEY) for value in one.values]
    own = [arn.account for trail in subject.intent.trails if (arn := parse_arn(trail))]
    for account in dict.fromkeys(_ACCOUNT.findall(" ".join(values))):
        everything = trails_of(subject, account)
        for trails, admitted in (
            (
                everything - texts(*values, *subject.intent.trails),
                f"any trail of account {account}, such as {{}}, has it",
            ),
            (everything, "{} has it"),
        ):
            yield Search(
                within=_held(subject, account, Single(trails), Single(trails)),
                says=lambda request, admitted=admitted: (  # type: ignore[misc]
                    f"holds CloudTrail by the encryption context alone: {admitted.format(request['context']['aws:SourceArn'])}, "
                    "and neither aws:SourceArn nor aws:SourceAccount is held to it, which AWS advises beside it"
                ),
                severity="error" if own and account not in own else "warning",
            )


def _beyond_named(subject: Subject) -> Iterator[Search]:
    """Yield the calls for other trails than those named: of their own accounts, and of accounts that the policy names."""
    trails = subject.intent.trails
    own = [arn.account for trail in trails if (arn := parse_arn(trail))]
    statements = subject.policy.statements
    spoken = [value for one in statements for held in demands(one, *SOURCE_KEYS) for value in held.values]
    for account in dict.fromkeys((*own, *_ACCOUNT.findall(" ".join(spoken)))) if trails else ():
        others = trails_of(subject, account) - texts(*trails)
        yield Search(
            within=_held(subject, account, Single(others), Single(absent=True, values=others)),
            says=lambda request: (
                f"lets CloudTrail call {request['action']} for trails beside {', '.join(trails)}, such as "
                f"{request['context']['aws:SourceArn']}"
            ),
            severity="warning" if account in own else "error",
        )


def _context_missing(subject: Subject) -> Iterator[Match | Undecided]:
    if is_lake_key(subject):
        return
    search = Search(
        within=region(principals=_SERVICE, actions=DATA_KEYS, context={TRAIL_CONTEXT: _ABSENT}),
        says=lambda request: f"lets CloudTrail call {request['action']} with no encryption context of a trail",
    )
    # What no source holds either is cloudtrail-unconfined; here one does, so that the context is all that is missing.
    yield from granting(subject, [search], [part for part in subject.allows if keys(part.statement) & SOURCE_KEYS])


def _lake_assumed(subject: Subject) -> Iterator[Match]:
    if subject.intent.lake or not is_lake_key(subject):
        return
    within = region(principals=_SERVICE, actions=("kms:GenerateDataKey",))
    letting = (one for one in subject.allows if subject.grants_nothing(one.requests, within).verdict == REFUTED)
    yield Match(
        statement=next((part.statement.name for part in letting), None),
        witness=reaches(subject.granted, within).witness,
        message="CloudTrail encrypts and decrypts, and no statement speaks of a trail: taken for the key of an event data store, "
        "whose requests carry no aws:SourceArn",
    )


RULES: Final = (
    PolicyRule(
        id="cloudtrail-unconfined",
        severity="error",
        title="CloudTrail uses the key for trails of other accounts",
        reason="Whoever has a trail anywhere can have CloudTrail use this key on their behalf: the service is trusted, and nothing "
        "says for whom it acts.",
        source=CLOUDTRAIL_KEY_PAGE,
        remedy=_HOLD,
        find=_unconfined,
    ),
    PolicyRule(
        id="context-missing",
        severity="warning",
        title="CloudTrail encrypts without the encryption context of a trail",
        reason="AWS asks for two guards that hold independently, aws:SourceArn and the encryption context of the trail; with one "
        "of them a slip in it leaves none.",
        source=CLOUDTRAIL_KEY_PAGE,
        remedy=f"add StringLike {TRAIL_CONTEXT} with arn:PARTITION:cloudtrail:*:ACCOUNT:trail/*",
        find=_context_missing,
    ),
    PolicyRule(
        id="lake-assumed",
        severity="note",
        title="The key is taken for an event data store's",
        reason="Calls for event data stores carry no aws:SourceArn, so their key cannot be held by it; a trail's key can, and then "
        "the same statement is an error.",
        source=CLOUDTRAIL_KEY_PAGE,
        remedy="if it is a trail's key, say so with --trail; keep event data stores and trails on keys of their own",
        find=_lake_assumed,
    ),
)
