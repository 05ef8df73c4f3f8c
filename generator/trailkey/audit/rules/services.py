"""AWS services beside CloudTrail: held to an account or a resource, or open to whoever has them act."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from trailkey.access import Constraint, Single, region, texts
from trailkey.access.algebra.languages import language
from trailkey.access.algebra.patterns import glob
from trailkey.access.language.actions import DECRYPT, ENCRYPT, GRANT
from trailkey.audit.rule import PolicyRule, Search, granting, some
from trailkey.audit.statement_facts import SOURCE_KEYS, keys
from trailkey.audit.zone_of_trust import outside
from trailkey.aws import CLOUDTRAIL

if TYPE_CHECKING:
    from collections.abc import Iterator

    from trailkey.access.analysis.effective import Part
    from trailkey.audit.rule import Match, Undecided
    from trailkey.audit.subject import Subject

_CONTEXT: Final = "kms:encryptioncontext:"
_ACTIONS: Final = (*DECRYPT, *ENCRYPT, *GRANT)


def _unconfined(subject: Subject) -> Iterator[Match | Undecided]:
    for part in subject.allows:
        others = _others(part)
        if others:
            yield from granting(subject, [_on_behalf_of_strangers(subject, others)], [part])


def _on_behalf_of_strangers(subject: Subject, services: tuple[str, ...]) -> Search:
    return Search(
        within=region(principals=texts(*services), actions=_ACTIONS, context=_for_a_stranger(subject)),
        says=lambda request: (
            f"lets {some(services)} call {request['action']} on behalf of any account: neither aws:SourceArn, aws:SourceAccount "
            "nor an encryption context says for whom"
        ),
    )


def _others(part: Part) -> tuple[str, ...]:
    """Return the services beside CloudTrail that a statement names and holds to nobody in particular."""
    who = part.statement.principals
    if (
        who is None
        or who.excluded
        or any(key in SOURCE_KEYS or key.startswith(_CONTEXT) for key in keys(part.statement))
    ):
        return ()
    return tuple(name for name in who.services if name != CLOUDTRAIL)


def _for_a_stranger(subject: Subject) -> dict[str, Constraint]:
    """Return what a service sends when it acts for an account the policy does not name, as far as a Deny asks about it."""
    asked = {key for part in subject.parts if part.statement.effect == "Deny" for key in keys(part.statement)}
    sent: dict[str, Constraint] = {
        "aws:SourceArn": Single(absent=False, values=language([glob(f"arn:*:*:*:{subject.stranger}:*")])),
        "aws:SourceAccount": Single(absent=False, values=texts(subject.stranger)),
        **outside(subject, "aws:SourceOrgID", "aws:SourceOrgPaths"),
    }
    return {key: side for key, side in sent.items() if key.casefold() in asked}


RULES: Final = (
    PolicyRule(
        id="service-unconfined",
        severity="warning",
        title="Another AWS service uses the key for any account",
        reason="A service acts for whoever asks it to. Where nothing says for whom, somebody of another account can have it use this "
        "key, and so read or write events with it.",
        source="https://docs.aws.amazon.com/kms/latest/developerguide/key-policy-services.html",
        remedy="hold the service to your resource or account with aws:SourceArn or aws:SourceAccount, or give it a key of its own",
        find=_unconfined,
    ),
)
