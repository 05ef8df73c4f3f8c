"""Whether the trails that are named can encrypt at all: a guard too many, and CloudTrail delivers nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from trailkey.access import Constraint, Single, region, texts
from trailkey.audit.rule import PolicyRule, refused
from trailkey.audit.statement_facts import admits_cloudtrail
from trailkey.aws import CLOUDTRAIL, CLOUDTRAIL_KEY_PAGE, TRAIL_CONTEXT, parse_arn

if TYPE_CHECKING:
    from collections.abc import Iterator

    from trailkey.audit.rule import Match, Undecided
    from trailkey.audit.subject import Subject

_SERVICE: Final = texts(CLOUDTRAIL)


def _cannot(subject: Subject, action: str, *, encrypts: bool) -> Iterator[Match | Undecided]:
    for trail in subject.intent.trails if subject.whole else ():
        arn = parse_arn(trail)
        values = Single(absent=False, values=texts(trail))
        keys: dict[str, Constraint] = {
            "aws:SourceArn": values,
            "aws:SourceAccount": Single(absent=False, values=texts(arn.account if arn else "")),
        }
        if encrypts:
            keys[TRAIL_CONTEXT] = values
        within = region(principals=_SERVICE, actions=(action,), context=keys)
        message = f"CloudTrail is not allowed to call {action} for {trail}"
        yield from refused(subject, within, message, statement=_short(subject, action))


def _short(subject: Subject, action: str) -> str | int | None:
    """Return the first statement that lets CloudTrail do something, though not for the trail."""
    within = region(principals=_SERVICE, actions=(action,))
    meant = (
        part.statement.name
        for part in subject.allows
        if admits_cloudtrail(part.statement) and not subject.is_empty(part.requests & within)
    )
    return next(meant, None)


def _cannot_encrypt(subject: Subject) -> Iterator[Match | Undecided]:
    return _cannot(subject, "kms:GenerateDataKey", encrypts=True)


def _cannot_describe(subject: Subject) -> Iterator[Match | Undecided]:
    return _cannot(subject, "kms:DescribeKey", encrypts=False)


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
        reason="CloudTrail describes the key before it uses it: without kms:DescribeKey the trail cannot be created or updated.",
        source=CLOUDTRAIL_KEY_PAGE,
        remedy="allow cloudtrail.amazonaws.com kms:DescribeKey, at most under aws:SourceArn: it has no encryption context",
        find=_cannot_describe,
    ),
)
