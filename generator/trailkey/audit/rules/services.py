"""AWS services beside CloudTrail: held to an account or a resource, or open to whoever has them act."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from trailkey.access import Constraint, Single, held_to, region, texts
from trailkey.access.algebra.languages import language
from trailkey.access.algebra.patterns import glob
from trailkey.access.language.actions import DECRYPT, ENCRYPT, GRANT
from trailkey.access.language.log_actions import OVERWRITE, PUBLISH, READ_LOGS
from trailkey.audit.rule import EVERYWHERE, PolicyRule, Search, granting, some
from trailkey.audit.statement_facts import SOURCE_KEYS, keys, principals_of
from trailkey.aws import CLOUDTRAIL

if TYPE_CHECKING:
    from collections.abc import Iterator

    from trailkey.access import Statement
    from trailkey.audit.rule import Match, Undecided
    from trailkey.audit.subject import Subject

_CONTEXT: Final = "kms:encryptioncontext:"
_USES: Final = {"kms": (*DECRYPT, *ENCRYPT, *GRANT), "s3": (*READ_LOGS, *OVERWRITE), "sns": PUBLISH}


def _unconfined(subject: Subject) -> Iterator[Match | Undecided]:
    """Yield the statements that let services beside CloudTrail act for anybody, as far as no Deny asks for whom."""
    asked = {key for part in subject.parts if part.statement.effect == "Deny" for key in keys(part.statement)}
    sent: dict[str, Constraint] = {
        "aws:SourceArn": Single(language([glob(f"arn:*:*:*:{subject.stranger}:*")])),
        "aws:SourceAccount": held_to(subject.stranger),
        **subject.outside("Source"),
    }
    context = {key: side for key, side in sent.items() if key.casefold() in asked}
    for part in subject.allows:
        services = _in_nobodys_name(part.statement)
        if services:
            yield from granting(subject, [_for_a_stranger(services, subject.service, context)], [part])


def _in_nobodys_name(statement: Statement) -> list[str]:
    """Return the services beside CloudTrail that a statement names and holds to nobody in particular."""
    who = principals_of(statement)
    held = any(key in SOURCE_KEYS or key.startswith(_CONTEXT) for key in keys(statement))
    return [] if held or who.excluded else [name for name in who.services if name != CLOUDTRAIL]


def _for_a_stranger(services: list[str], service: str, context: dict[str, Constraint]) -> Search:
    return Search(
        within=region(principals=texts(*services), actions=_USES[service], context=context),
        says=lambda request: (
            f"lets {some(services)} call {request['action']} on behalf of any account: neither aws:SourceArn, aws:SourceAccount "
            "nor an encryption context says for whom"
        ),
    )


RULES: Final = (
    PolicyRule(
        id="service-unconfined",
        severity="warning",
        title="Another AWS service acts for any account",
        reason="A service acts for whoever asks it to. Where nothing says for whom, somebody of another account can have it use this "
        "key, bucket or topic, and so read or write events.",
        source="https://docs.aws.amazon.com/kms/latest/developerguide/key-policy-services.html",
        remedy="hold the service to your resource or account with aws:SourceArn or aws:SourceAccount, or give it a key, bucket or topic of its own",
        find=_unconfined,
        of=EVERYWHERE,
    ),
)
