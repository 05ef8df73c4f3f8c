"""IAM policies by whom they are attached to, and the question what they allow together."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from trailkey.access import Language, Policy, decide, in_account, parse_policy, parse_request, region, texts, union
from trailkey.access.analysis.caller_sets import of_kind
from trailkey.diff.callers import named
from trailkey.diff.question import NOBODY, Question
from trailkey.diff.rows import Grantee
from trailkey.inventory.policies import ANY_ACCOUNT, merged

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from trailkey.access import Scope
    from trailkey.inventory import IdentityPolicy


@dataclass(frozen=True, slots=True, kw_only=True)
class Holder:
    """Who has IAM policies of an account: the role or user of ``arn``, or whoever ``policy_name`` is attached to."""

    account: str
    partition: str
    arn: str = ""
    policy_name: str = ""

    def __str__(self) -> str:
        """The ARN, or the name of the policy."""
        return self.arn or self.policy_name


def by_holder(policies: Iterable[IdentityPolicy]) -> dict[Holder, list[IdentityPolicy]]:
    """Return IAM policies by whom they are attached to, in a stable order.

    A policy that its template attaches to no role and no user is attached by its name, in another template or by hand.
    """
    found: dict[Holder, list[IdentityPolicy]] = {}
    for one in policies:
        for holder in _holders(one):
            found.setdefault(holder, []).append(one)
    return dict(sorted(found.items(), key=lambda entry: (entry[0].account, str(entry[0]))))


def _holders(policy: IdentityPolicy) -> list[Holder]:
    account, partition = policy.account, policy.partition
    persons = [each for each in sorted(policy.attached) if each.startswith(("role/", "user/"))]
    if not persons:
        name = policy.policy_name or policy.location.logical_id
        return [Holder(account=account, partition=partition, policy_name=name)]
    start = f"arn:{partition}:iam::{account}:"
    return [Holder(account=account, partition=partition, arn=f"{start}{each}") for each in persons]


def holder_question(
    holder: Holder, old: Sequence[IdentityPolicy], new: Sequence[IdentityPolicy], scope: Scope
) -> Question:
    """Return the question what IAM policies allow, where the resource's policy leaves it to them."""
    before, after = (
        merged([one.policy for one in each], what=f"IAM policies of {holder}") if each else NOBODY
        for each in (old, new)
    )
    callers, name = _callers(holder)
    return Question(
        old=before,
        new=after,
        scope=scope,
        ask=lambda witness, policy: _allows(witness, policy, scope),
        within=region(principals=callers),
        callers=((callers, Grantee(name=name)),),
    )


def _callers(holder: Holder) -> tuple[Language, str]:
    if holder.arn:
        return texts(holder.arn), f"{named(holder.arn)} by its IAM policies"
    anyone = union([of_kind("role", holder.partition), of_kind("user", holder.partition)])
    name = f"whoever holds policy {holder.policy_name}"
    if holder.account == ANY_ACCOUNT:
        return anyone, name
    return anyone & in_account(holder.account), f"{name} in account {holder.account}"


def _allows(witness: dict[str, Any], policy: Policy, scope: Scope) -> bool:
    """Return whether an IAM policy allows a request on a resource whose policy leaves everything to IAM."""
    request = parse_request(witness, key_account=scope.account)
    opening = {"Effect": "Allow", "Principal": {"AWS": request.caller.account}, "Action": "*", "Resource": "*"}
    leaving = parse_policy({"Version": "2012-10-17", "Statement": [opening]}, resource_based=True)
    return decide(replace(request, identity_policies=(policy,)), resource_policy=leaving).decision == "allowed"
