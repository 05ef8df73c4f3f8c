"""What a trail needs of its key: to describe it, to encrypt with it, and to decrypt where its bucket has S3 Bucket Keys."""

from __future__ import annotations

from dataclasses import replace
from string import ascii_letters, digits
from typing import TYPE_CHECKING, Final

from trailkey.access import PROVEN, Constraint, Language, Single, held_to, region, texts
from trailkey.access.algebra.languages import EMPTY, language
from trailkey.access.algebra.patterns import Chars, Run, row
from trailkey.access.analysis.prove import reaches
from trailkey.access.language.actions import DATA_KEYS
from trailkey.access.language.sent import VIA_SERVICE
from trailkey.audit.rule import Match, PolicyRule, Undecided, refused
from trailkey.audit.rules.cloudtrail import is_lake_key, naming_cloudtrail
from trailkey.audit.statement_facts import listed_actions
from trailkey.aws import (
    CLOUDTRAIL,
    CLOUDTRAIL_KEY_PAGE,
    CONTROL_TOWER_KEY_PAGE,
    CONTROL_TOWER_TRAIL,
    REGIONS,
    TRAIL_CONTEXT,
    parse_arn,
    partition_of,
)
from trailkey.inventory.users import NOTIFIED

if TYPE_CHECKING:
    from collections.abc import Iterator

    from trailkey.audit.subject import Subject

_ABSENT: Final = Single(absent=True, values=EMPTY)
ANY_TRAIL: Final = "any trail"
"""Stands for a trail that nobody names."""
_BY_ITSELF: Final = "the call that CloudTrail makes when a trail is made or changed carries no kms:ViaService"
_DIGIT: Final = Chars(frozenset(digits))
_ENDS: Final = Chars(frozenset(f"{ascii_letters}{digits}"))
_INSIDE: Final = Chars(frozenset(f"{ascii_letters}{digits}._-"))
_SERVICE: Final = texts(CLOUDTRAIL)
_VIA_ANY: Final = "aws:ViaAWSService"


def _cannot_encrypt(subject: Subject) -> Iterator[Match | Undecided]:
    for trail in _trails_asked(subject):
        yield from _cannot(subject, "kms:GenerateDataKey", trail, "aws:SourceArn", TRAIL_CONTEXT)


def _trails_asked(subject: Subject) -> list[str]:
    """Return the trails that ought to be able to use the key; ``ANY_TRAIL`` stands for one that nobody names.

    A policy that lets CloudTrail encrypt is meant for some trail, whoever names it.
    """
    if not subject.whole:
        return []
    if subject.intent.trails:
        return list(subject.intent.trails)
    meant = any(
        listed_actions(part.statement, subject.scope.universe) & set(DATA_KEYS) for part in naming_cloudtrail(subject)
    )
    return [ANY_TRAIL] if subject.intent.unnamed_trail or (meant and not is_lake_key(subject)) else []


def _cannot(subject: Subject, action: str, trail: str, *carried: str) -> Iterator[Match | Undecided]:
    """Yield a trail for which CloudTrail is not allowed to call an action; its requests carry the trail's ARN under some keys.

    The call that CloudTrail makes itself, when a trail is made or changed, does not come by way of S3.
    https://docs.aws.amazon.com/awscloudtrail/latest/userguide/how-kms-works-with-cloudtrail.html
    """
    named = parse_arn(trail) is not None
    keys = sent_for(subject, trail, *carried)
    asked = region(principals=_SERVICE, actions=(action,), context=keys)
    by_service = VIA_SERVICE in subject.keys and reaches(subject.granted, asked).verdict == PROVEN
    if VIA_SERVICE in subject.keys:
        asked = region(principals=_SERVICE, actions=(action,), context={**keys, VIA_SERVICE: _ABSENT})
    told = not named and not subject.intent.unnamed_trail and not by_service
    for one in refused(
        subject,
        asked,
        f"CloudTrail is not allowed to call {action} for {trail}{f': {_BY_ITSELF}' if by_service else ''}",
        statement=falling_short(subject, action),
    ):
        yield replace(one, consequence=told) if isinstance(one, Match) else one


def sent_for(subject: Subject, trail: str, *carried: str) -> dict[str, Constraint]:
    """Return what CloudTrail's calls for a trail, or for any, carry: the trail's ARN under some keys, and its account.

    They are its own calls, and nobody's that it hands on.
    https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-keys.html#condition-keys-viaawsservice
    """
    arn = parse_arn(trail)
    sent = held_to(trail) if arn else Single(all_trails(subject))
    keys: dict[str, Constraint] = dict.fromkeys(carried, sent)
    if _VIA_ANY.casefold() in subject.keys:
        keys[_VIA_ANY] = held_to("false")
    return {**keys, "aws:SourceAccount": held_to(arn.account)} if arn else keys


def falling_short(subject: Subject, action: str) -> str | int | None:
    """Return the name of a statement that speaks of CloudTrail and an action, where there is one."""
    calls = region(principals=_SERVICE, actions=(action,))
    short = (part for part in naming_cloudtrail(subject) if not subject.is_empty(part.requests & calls))
    return next((part.statement.name for part in short), None)


def all_trails(subject: Subject) -> Language:
    """Return the ARNs that trails of any account can have, in the Regions of the partition."""
    start = f"arn:{subject.scope.partition}:cloudtrail:"
    name = (_ENDS, _INSIDE, Run(_INSIDE), _ENDS)
    return language(
        row([f"{start}{region}:", *[_DIGIT] * 12, ":trail/", *name])
        for region in REGIONS
        if partition_of(region) == subject.scope.partition
    )


def _cannot_decrypt(subject: Subject) -> Iterator[Match | Undecided]:
    """Yield the trails whose bucket has S3 Bucket Keys and for which CloudTrail cannot decrypt."""
    for trail in _trails_asked(subject) if subject.intent.bucket_keys else ():
        for one in _cannot(subject, "kms:Decrypt", trail, "aws:SourceArn"):
            if isinstance(one, Match):
                message = f"{one.message}, and the bucket of that trail has S3 Bucket Keys"
                yield replace(one, message=message, consequence=False)
            else:
                yield one


def _cannot_describe(subject: Subject) -> Iterator[Match | Undecided]:
    """Yield the trails that cannot describe the key; for the one that Control Tower makes, two pages of AWS differ."""
    for trail in _trails_asked(subject):
        may_be_control_towers = trail == ANY_TRAIL or trail.endswith(f":trail/{CONTROL_TOWER_TRAIL}")
        for one in _cannot(subject, "kms:DescribeKey", trail, "aws:SourceArn"):
            # Where a statement is at fault, that denies it or asks for too much, it is not the policy of that page.
            if isinstance(one, Match) and one.statement is None and may_be_control_towers:
                message = f"{one.message}, which {CLOUDTRAIL_KEY_PAGE} asks for and {CONTROL_TOWER_KEY_PAGE} leaves out"
                yield replace(one, severity="warning", message=message)
            else:
                yield one


def _cannot_encrypt_notices(subject: Subject) -> Iterator[Match | Undecided]:
    """Yield the encrypted topics that trails of the template notify, and for which CloudTrail cannot use the key.

    Messages of a topic are under an encryption context of SNS, and not of a trail.
    """
    for topic in subject.found.users if subject.whole else ():
        for action in ("kms:GenerateDataKey", "kms:Decrypt") if topic.kind == NOTIFIED else ():
            yield from refused(
                subject,
                region(principals=_SERVICE, actions=(action,), context={TRAIL_CONTEXT: _ABSENT}),
                f"CloudTrail is not allowed to call {action} for messages of the topic {topic.location.logical_id}",
                statement=falling_short(subject, action),
            )


RULES: Final = (
    PolicyRule(
        id="trail-cannot-encrypt",
        severity="error",
        title="A trail cannot encrypt",
        reason="Without kms:GenerateDataKey CloudTrail cannot deliver log files to the bucket.",
        source=CLOUDTRAIL_KEY_PAGE,
        remedy="allow cloudtrail.amazonaws.com kms:GenerateDataKey* under the trail's own ARN (of an organization trail: the "
        "management account's) in aws:SourceArn and in the encryption context",
        find=_cannot_encrypt,
    ),
    PolicyRule(
        id="trail-cannot-describe",
        severity="error",
        title="A trail cannot describe its key",
        reason="CloudTrail describes the key before it uses it: without kms:DescribeKey the trail cannot be created or updated. It "
        f"is a warning for {CONTROL_TOWER_TRAIL}: AWS's guidance for Control Tower ({CONTROL_TOWER_KEY_PAGE}) gives a key policy "
        "without it, and landing zones are set up with that.",
        source=CLOUDTRAIL_KEY_PAGE,
        remedy="allow cloudtrail.amazonaws.com kms:DescribeKey, at most under aws:SourceArn: it has no encryption context",
        find=_cannot_describe,
    ),
    PolicyRule(
        id="trail-cannot-decrypt",
        severity="error",
        title="A trail cannot decrypt, and its bucket has S3 Bucket Keys",
        reason="With S3 Bucket Keys S3 decrypts the bucket's own data key for CloudTrail: AWS asks for kms:Decrypt beside "
        "kms:GenerateDataKey for a bucket that has them.",
        source=CLOUDTRAIL_KEY_PAGE,
        remedy="allow cloudtrail.amazonaws.com kms:Decrypt under aws:SourceArn, or turn S3 Bucket Keys off",
        find=_cannot_decrypt,
    ),
    PolicyRule(
        id="trail-cannot-notify",
        severity="error",
        title="A trail cannot notify its encrypted topic",
        reason="CloudTrail encrypts what it publishes to an encrypted topic: the topic's key has to let it generate data keys and decrypt, "
        "under no encryption context of a trail. Otherwise log files arrive and nobody is told.",
        source="https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-permissions-for-sns-notifications.html",
        remedy="give the topic a key of its own that allows cloudtrail.amazonaws.com kms:GenerateDataKey* and kms:Decrypt; on the trail's "
        "key such a statement lets go of the encryption context",
        find=_cannot_encrypt_notices,
    ),
)
