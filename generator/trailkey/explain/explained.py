"""An explanation: a message with its cause, where to look, what the policies at hand say of the call, and what would let it through."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from trailkey.explain.cause import filled
from trailkey.explain.facts import IDENTITY, RESOURCE, Facts

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from trailkey.diff.compare import Comparison
    from trailkey.explain.deployed import Judged
    from trailkey.explain.messages import Message
    from trailkey.findings import Location

_LIVE: Final = {
    "kms": "aws kms get-key-policy --key-id KEY --query Policy --output text",
    "s3": "aws s3api get-bucket-policy --bucket BUCKET --query Policy --output text",
}
"""Commands that print the policy as it is deployed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Proposal:
    """A change of the config that lets a call through: what to write where, and the access that this opens."""

    text: str
    config: Location
    opens: Comparison


@dataclass(frozen=True, slots=True, kw_only=True)
class Explanation:
    """What one message means; ``judged`` are the calls behind it on the policies at hand, where ``asked`` says that there are such.

    ``line`` is that of the config which the message is about, where no call is behind it.
    """

    message: Message
    asked: bool = False
    judged: tuple[Judged, ...] = ()
    proposal: Proposal | None = None
    line: Location | None = None

    @property
    def meaning(self) -> str:
        """What the message means: of a denial of no known cause, what it says itself."""
        facts = self.message.facts
        if self.message.is_known or not facts.denied:
            return self.message.cause.meaning
        if not facts.policy_type:
            return f"{facts.action} is denied, and the message does not say by which policy."
        how = f"denies {facts.action}" if facts.explicit else f"has to allow {facts.action}, and none does"
        return f"A {facts.policy_type} {how}."

    @property
    def look(self) -> tuple[str, ...]:
        """Where to look, in this order."""
        facts = self.message.facts
        own = () if self.message.is_known else tuple(_denied(facts))
        return (*own, *(filled(line, facts) for line in self.message.cause.look))

    @property
    def remedy(self) -> str:
        """What to do."""
        return filled(self.message.cause.remedy, self.message.facts)

    @property
    def statement(self) -> str | int | None:
        """The statement that the policies at hand name first."""
        return next((one.statement for one in self.judged if one.statement is not None), None)

    @property
    def config(self) -> Location | None:
        """The line of the config to change or to look at."""
        if self.proposal:
            return self.proposal.config
        return next((one.config for one in self.judged), self.line)


def _denied(facts: Facts) -> Iterator[str]:
    """Yield where to look for a denial of a type of policy that has no cause of its own."""
    which = f" ({facts.policy_arn})" if facts.policy_arn else ""
    if not facts.denied or not facts.policy_type:
        return
    if facts.policy_type == IDENTITY:
        yield f"Which IAM policy of {facts.principal or 'the caller'} has a Deny for {facts.action}{which}? No Allow helps against it."
    elif facts.policy_type == RESOURCE:
        how = "has a Deny for" if facts.explicit else "allows"
        yield f"Which statement of the policy of {facts.resource or 'the resource'} {how} {facts.action}{which}, and for whom?"
    else:
        yield f"Which {facts.policy_type}{which} has {facts.principal or 'the caller'}, and does it allow {facts.action}?"


def elsewhere(judged: Sequence[Judged], facts: Facts) -> Iterator[str]:
    """Yield where a denial comes from that the policies at hand, which allow all of these calls, do not account for."""
    if facts.policy_type and facts.policy_type not in (IDENTITY, RESOURCE):
        which = f", {facts.policy_arn}" if facts.policy_arn else ""
        yield f"the {facts.policy_type} that the message names{which}"
        return
    if any(one.needs_iam for one in judged) or facts.policy_type == IDENTITY:
        name = next((one.attach for one in judged if one.attach), "the one that is made for this")
        yield f"an IAM policy of the caller that does not allow it: is {name} attached?"
    if facts.policy_type == IDENTITY:
        return
    if denying := dict.fromkeys(str(name) for one in judged for name in one.denying):
        yield f"a Deny that names the action ({', '.join(denying)}), if its conditions are others where it is deployed"
    live = [
        _LIVE[service] for service in ("kms", "s3") if any(one.request["action"].startswith(service) for one in judged)
    ]
    yield f"a policy that is deployed and is not the one here: compare it with {' and '.join(live)}"
    yield "a policy that was changed some minutes ago: try once more"
    if any(one.request["principal"].startswith("arn:") for one in judged):
        yield "a service control policy, a permissions boundary or a session policy of the caller"
        yield "the policy of the VPC endpoint that the call went through"
    yield "a resource control policy of the account that owns the resource"
    yield "another account or Region than the one that is meant"
