"""CloudTrail itself: held to its trails, and able to encrypt for them."""

from __future__ import annotations

import re
from itertools import chain
from string import ascii_letters, ascii_lowercase, digits
from typing import TYPE_CHECKING, Final

from trailkey.access import REFUTED, Constraint, Language, Single, joined, region, texts
from trailkey.access.algebra.languages import ALL, EMPTY, language
from trailkey.access.algebra.patterns import Chars, Run, row
from trailkey.access.analysis.prove import reaches
from trailkey.access.language.actions import DATA_KEYS, DECRYPT, ENCRYPT, GRANT
from trailkey.audit.rule import Match, PolicyRule, Search, Undecided, granting
from trailkey.audit.statement_facts import SOURCE_KEYS, admits_cloudtrail, demands, speaks_of_trails
from trailkey.audit.zone_of_trust import outside
from trailkey.aws import CLOUDTRAIL, CLOUDTRAIL_KEY_PAGE, TRAIL_CONTEXT, parse_arn

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from trailkey.access import RequestSet, Statement
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
    return subject.intent.lake or (
        _could_be_store(subject)
        and (_says_store(subject) or all(_for_store(part.statement) for part in _naming_cloudtrail(subject)))
    )


def _could_be_store(subject: Subject) -> bool:
    """Return whether CloudTrail both encrypts and decrypts, and nothing speaks of a trail."""
    if subject.intent.trails or any(speaks_of_trails(statement) for statement in subject.policy.statements):
        return False
    allowed = joined([part.requests for part in _naming_cloudtrail(subject)])
    return not any(
        subject.grants_nothing(allowed, region(principals=_SERVICE, actions=(action,)))
        for action in ("kms:GenerateDataKey", "kms:Decrypt")
    )


def _naming_cloudtrail(subject: Subject) -> list[Part]:
    return [part for part in subject.allows if admits_cloudtrail(part.statement)]


def _for_store(statement: Statement) -> bool:
    """Return whether a statement lists no action but those that AWS asks for in the key policy of an event data store."""
    return not statement.not_actions and {action.casefold() for action in statement.actions} <= _STORE_ACTIONS


def _says_store(subject: Subject) -> bool:
    """Return whether a Sid or the Id of a policy speaks of an event data store."""
    texts_of = (subject.document.get("Id"), *(entry.name for entry in subject.entries))
    return any(isinstance(text, str) and _STORE_WORDS.search(text) for text in texts_of)


def _held(subject: Subject, account: str, trails: Constraint, context: Constraint) -> RequestSet:
    """Return CloudTrail's calls for some trails of an account, under some encryption contexts."""
    keys: dict[str, Constraint] = {
        "aws:SourceArn": trails,
        "aws:SourceAccount": Single(absent=False, values=texts(account)),
        TRAIL_CONTEXT: context,
        **outside(subject, "aws:SourceOrgID", "aws:SourceOrgPaths"),
    }
    return region(principals=_SERVICE, actions=_ACTIONS, context=_asked(subject, keys))


def _asked(subject: Subject, keys: Mapping[str, Constraint]) -> dict[str, Constraint]:
    """Return the keys that tell something: SourceArn always, the others where the policy speaks of them."""
    spoken = {condition.key.casefold() for part in subject.parts for condition in part.statement.conditions}
    return {key: side for key, side in keys.items() if key == "aws:SourceArn" or key.casefold() in spoken}


def _trails_of(subject: Subject, account: str) -> Language:
    """Return the ARNs that trails of an account can have: nothing in them reaches over a colon, as a wildcard would.

    https://docs.aws.amazon.com/awscloudtrail/latest/APIReference/API_CreateTrail.html
    """
    start, end = f"arn:{subject.scope.partition}:cloudtrail:", f":{account}:trail/"
    return language([row([start, _IN_REGION, Run(_IN_REGION), end, _IN_NAME, Run(_IN_NAME)])])


def _unconfined(subject: Subject) -> Iterator[Match | Undecided]:
    if not is_lake_key(subject):
        yield from granting(subject, chain(_for_strangers(subject), _beyond_named(subject)))


def _for_strangers(subject: Subject) -> Iterator[Search]:
    """Yield the calls for trails of an account that the policy has nothing to do with."""
    trails = Single(absent=False, values=_trails_of(subject, subject.stranger))
    sent = Single(absent=True, values=trails.values)  # CloudTrail puts the ARN of the very trail into the context
    remedy = f"{_HOLD}; if it is an event data store's key, say so in its Id, such as {_STORE_ID}"
    yield Search(
        within=_held(subject, subject.stranger, trails, sent),
        says=lambda request: (
            f"lets CloudTrail call {request['action']} for a trail of any account, such as {request['context']['aws:SourceArn']}"
        ),
        remedy=remedy if _could_be_store(subject) else "",
    )
    yield Search(
        within=_held(subject, subject.stranger, trails, Single(absent=True, values=ALL)),
        says=lambda request: (
            "holds CloudTrail by the encryption context alone: neither aws:SourceArn nor aws:SourceAccount keeps out "
            f"{request['action']} on behalf of another account"
        ),
    )


def _beyond_named(subject: Subject) -> Iterator[Search]:
    """Yield the calls for other trails than those named: of their own accounts, and of accounts that the policy names."""
    trails = subject.intent.trails
    own = [arn.account for trail in trails if (arn := parse_arn(trail))]
    spoken = [
        value
        for part in subject.parts
        for key in SOURCE_KEYS
        for one in demands(part.statement, key)
        for value in one.values
    ]
    for account in dict.fromkeys((*own, *_ACCOUNT.findall(" ".join(spoken)))) if trails else ():
        others = _trails_of(subject, account) - texts(*trails)
        yield Search(
            within=_held(subject, account, Single(absent=False, values=others), Single(absent=True, values=others)),
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
    parts = [
        part for part in subject.allows if any(one.key.casefold() in SOURCE_KEYS for one in part.statement.conditions)
    ]
    yield from granting(subject, [search], parts)


def _lake_assumed(subject: Subject) -> Iterator[Match]:
    if subject.intent.lake or not is_lake_key(subject):
        return
    witness = reaches(subject.granted, region(principals=_SERVICE, actions=("kms:GenerateDataKey",))).witness
    yield Match(
        statement=_by(subject, ("kms:GenerateDataKey",)),
        witness=witness,
        message="CloudTrail encrypts and decrypts, and no statement speaks of a trail: taken for the key of an event data store, "
        "whose requests carry no aws:SourceArn",
    )


def _by(subject: Subject, actions: tuple[str, ...]) -> str | int | None:
    """Return the first statement that lets CloudTrail do something."""
    within = region(principals=_SERVICE, actions=actions)
    return next(
        (
            part.statement.name
            for part in subject.allows
            if subject.grants_nothing(part.requests, within).verdict == REFUTED
        ),
        None,
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
