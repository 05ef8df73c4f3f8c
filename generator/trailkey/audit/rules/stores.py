"""What an event data store needs of its key: its requests carry nothing that says for which store CloudTrail acts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from trailkey.access import Constraint, Single, region, texts
from trailkey.access.algebra.languages import EMPTY
from trailkey.audit.rule import PolicyRule, refused
from trailkey.audit.rules.trails import falling_short
from trailkey.aws import CLOUDTRAIL, CLOUDTRAIL_KEY_PAGE, TRAIL_CONTEXT

if TYPE_CHECKING:
    from collections.abc import Iterator

    from trailkey.audit.rule import Match, Undecided
    from trailkey.audit.subject import Subject

_NEEDED: Final = ("kms:GenerateDataKey", "kms:Decrypt", "kms:DescribeKey")
_NOT_SENT: Final = ("aws:SourceArn", "aws:SourceAccount", TRAIL_CONTEXT)


def _cannot_use(subject: Subject) -> Iterator[Match | Undecided]:
    absent: dict[str, Constraint] = dict.fromkeys(_NOT_SENT, Single(absent=True, values=EMPTY))
    for action in _NEEDED if subject.intent.lake and subject.whole else ():
        yield from refused(
            subject,
            region(principals=texts(CLOUDTRAIL), actions=(action,), context=absent),
            f"CloudTrail is not allowed to call {action} for an event data store",
            statement=falling_short(subject, action),
        )


RULES: Final = (
    PolicyRule(
        id="store-cannot-use",
        severity="error",
        title="An event data store cannot use its key",
        reason="CloudTrail Lake encrypts events, decrypts them for queries, and describes the key. Its requests carry neither aws:SourceArn, "
        "aws:SourceAccount nor the encryption context of a trail, so under a condition on them ingestion or queries fail.",
        source=CLOUDTRAIL_KEY_PAGE,
        remedy="allow cloudtrail.amazonaws.com kms:GenerateDataKey, kms:Decrypt and kms:DescribeKey without these conditions, on a key "
        "that serves no trail",
        find=_cannot_use,
    ),
)
