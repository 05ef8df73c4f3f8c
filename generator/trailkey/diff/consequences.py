"""What a change of a key policy comes to, before any list of who gains and who loses: a key that nobody can repair, a trail that stops."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Literal

from trailkey.access import PROVEN, REFUTED, Single, held_to, in_account, people, region, texts
from trailkey.access.analysis.prove import reaches
from trailkey.access.language.actions import REPLACE_POLICY
from trailkey.aws import CLOUDTRAIL, TRAIL_CONTEXT, parse_arn
from trailkey.errors import UndecidedError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from trailkey.access import Constraint, Policy, RequestSet
    from trailkey.inventory import ResourcePolicy

_FALSE: Final = Single(absent=True, values=texts("false"))


@dataclass(frozen=True, slots=True)
class Consequence:
    """What is no longer so: ``kind``, and the account or the trail it is about; ``witness`` is a request that was allowed."""

    kind: Literal["locked-out", "trail-cannot-encrypt"]
    subject: str
    witness: Mapping[str, Any]


def consequences(old: ResourcePolicy, new: ResourcePolicy) -> Iterator[Consequence]:
    """Yield what the old policy of a key allows somebody and the new one allows nobody."""
    account = new.account
    within = region(
        principals=people(new.scope.partition, account) & in_account(account),
        actions=REPLACE_POLICY,
        identity=True,
        context={"kms:BypassPolicyLockoutSafetyCheck": _FALSE},
    )
    yield from _gone(old, new, within, "locked-out", account)
    for trail in _trails(old.policy):
        arn = parse_arn(trail)
        keys: dict[str, Constraint] = dict.fromkeys(("aws:SourceArn", TRAIL_CONTEXT), held_to(trail))
        keys["aws:SourceAccount"] = held_to(arn.account if arn else "")
        calls = region(principals=texts(CLOUDTRAIL), actions=("kms:GenerateDataKey",), context=keys)
        yield from _gone(old, new, calls, "trail-cannot-encrypt", trail)


def _gone(
    old: ResourcePolicy,
    new: ResourcePolicy,
    within: RequestSet,
    kind: Literal["locked-out", "trail-cannot-encrypt"],
    subject: str,
) -> Iterator[Consequence]:
    try:
        before = reaches(old.permissions, within)
        if before.verdict == PROVEN and before.witness and reaches(new.permissions, within).verdict == REFUTED:
            yield Consequence(kind, subject, before.witness)
    except UndecidedError:
        return  # the rows say that it is unknown


def _trails(policy: Policy) -> list[str]:
    """Return the trails that a policy names in full in aws:SourceArn or in the encryption context."""
    keys = ("aws:sourcearn", TRAIL_CONTEXT.casefold())
    values = (
        value
        for one in policy.statements
        for each in one.conditions
        if each.key.casefold() in keys
        for value in each.values
    )
    plain = (value for value in values if ":cloudtrail:" in value and not set("*?$") & set(value))
    return list(dict.fromkeys(plain))
