"""IAM policies by whom they are attached to, and the question what they allow together."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from trailkey.access import in_account, texts, union
from trailkey.access.analysis.caller_sets import of_kind
from trailkey.diff.callers import named
from trailkey.diff.changes import NOBODY, Question
from trailkey.diff.rows import Grantee
from trailkey.inventory.policies import ANY_ACCOUNT, merged

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from trailkey.access import Scope
    from trailkey.diff.callers import Known
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

    @property
    def known(self) -> Known:
        """The callers that this may be, and what they are called."""
        if self.arn:
            return texts(self.arn), Grantee(name=f"{named(self.arn)} by its IAM policies")
        anyone = union([of_kind("role", self.partition), of_kind("user", self.partition)])
        name = f"whoever holds policy {self.policy_name}"
        if self.account == ANY_ACCOUNT:
            return anyone, Grantee(name=name)
        return anyone & in_account(self.account), Grantee(name=f"{name} in account {self.account}")


def by_holder(policies: Iterable[IdentityPolicy]) -> dict[Holder, list[IdentityPolicy]]:
    """Return IAM policies by whom they are attached to, in a stable order.

    A policy that its template attaches to no role and no user is attached by its name, in another template or by hand.
    """
    found: dict[Holder, list[IdentityPolicy]] = {}
    for one in policies:
        account, partition = one.account, one.partition
        arns = [
            f"arn:{partition}:iam::{account}:{each}" for each in sorted(one.attached) if not each.startswith("group/")
        ]
        name = one.policy_name or one.location.logical_id
        holders = [Holder(account=account, partition=partition, arn=arn) for arn in arns]
        for holder in holders or [Holder(account=account, partition=partition, policy_name=name)]:
            found.setdefault(holder, []).append(one)
    return dict(sorted(found.items(), key=lambda entry: (entry[0].account, str(entry[0]))))


def holder_question(
    holder: Holder, old: Sequence[IdentityPolicy], new: Sequence[IdentityPolicy], scope: Scope
) -> Question:
    """Return the question what IAM policies allow, where the resource's policy leaves it to them."""
    before, after = (
        merged([one.policy for one in each], what=f"IAM policies of {holder}") if each else NOBODY
        for each in (old, new)
    )
    return Question(old=before, new=after, scope=scope, holder=holder.known)
