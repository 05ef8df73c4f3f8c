"""Two sets of policies compared: every policy of one asked against the one that answers to it, and what differs as few rows."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from trailkey.access import Policy, parse_policy
from trailkey.diff.changes import changes
from trailkey.diff.holders import by_holder, holder_question
from trailkey.diff.pairs import Pair, matched, paired_keys
from trailkey.diff.question import NOBODY, Question, resource_question
from trailkey.diff.rows import Row, Where, merged
from trailkey.errors import PolicyError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from trailkey.inventory import PolicySet, ResourcePolicy

_SILENT: Final = parse_policy(
    {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Effect": "Deny",
                "Principal": "*",
                "Action": "*",
                "Resource": "*",
                "Condition": {"StringEquals": {"aws:PrincipalIsAWSService": "neither"}},
            }
        ],
    },
    resource_based=True,
)
"""A bucket policy that allows and denies nothing: IAM policies of the bucket's account still allow what they allow."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """Who gains and who loses; what could not be decided, each with its reason; and what was assumed."""

    rows: tuple[Row, ...]
    unknown: tuple[str, ...]
    assumptions: tuple[str, ...]

    @property
    def may_gain(self) -> bool:
        """Whether access is gained, or that is unknown."""
        return bool(self.unknown) or any(row.change == "gained" for row in self.rows)


def compare_policies(old: PolicySet, new: PolicySet) -> Comparison:
    """Return what the policies of one set allow and those of the other do not.

    Raises:
        PolicyError: a policy that cannot be judged; keys that are in different accounts.
    """
    pairs = paired_keys(old.keys, new.keys)
    _refuse_other_accounts(pairs)
    # A key that is re-created has another id; in what refers to it the id is not a difference.
    old = old.renamed({one.arn: two.arn for one, two in pairs if one and two and one.arn != two.arn})
    asked = [
        *_of_keys(paired_keys(old.keys, new.keys)),
        *_of_buckets(old.buckets, new.buckets),
        *_of_identities(old, new),
    ]
    rows: list[Row] = []
    unknown: list[str] = []
    for where, what, question in asked:
        found, open_ones = changes(question)
        rows += [replace(row, where=where) for row in found]
        unknown += [f"{what}: {reason}" for reason in open_ones]
    wheres = list(dict.fromkeys(where for where, _, _ in asked))
    return Comparison(
        rows=tuple(sorted(merged(rows, wheres), key=lambda row: row.change)),
        unknown=tuple(dict.fromkeys(unknown)),
        assumptions=tuple(dict.fromkeys((*old.assumptions, *new.assumptions))),
    )


def _refuse_other_accounts(pairs: Sequence[Pair]) -> None:
    for one, two in pairs:
        if one and two and one.account != two.account:
            raise PolicyError(
                f"{one.location} and {two.location}: the keys are in different accounts, {one.account} and {two.account}; "
                f"two policies of one account are compared; name it with --key-account (policies and templates), or add --rename {one.account}={two.account}"
            )


Asked = tuple[Where, str, Question]
"""Where a question is asked, as rows have it and as errors name it, and the question."""


def _of_keys(pairs: Sequence[Pair]) -> Iterator[Asked]:
    several = len({known.name for one, two in pairs if (known := one or two)}) > 1
    for one, two in pairs:
        known = two or one
        if known is not None:
            truths = {name: truth for each in (one, two) if each for name, truth in each.location.branch}
            where = Where(known.name if several else "", tuple(truths.items()))
            yield where, *_resource(one, two, known, NOBODY)


def _of_buckets(old: Sequence[ResourcePolicy], new: Sequence[ResourcePolicy]) -> Iterator[Asked]:
    for one, two in matched(old, new, lambda bucket: bucket.arn):
        known = two or one
        if known is not None:
            yield Where(), *_resource(one, two, known, _SILENT)


def _resource(
    one: ResourcePolicy | None, two: ResourcePolicy | None, known: ResourcePolicy, missing: Policy
) -> tuple[str, Question]:
    before, after = (each.policy if each else missing for each in (one, two))
    return " and ".join(str(each.location) for each in (one, two) if each), resource_question(
        before, after, known.scope
    )


def _of_identities(old: PolicySet, new: PolicySet) -> Iterator[Asked]:
    scopes = {one.arn: one.scope for one in (*new.keys, *old.keys, *new.buckets, *old.buckets)}
    before, after = by_holder(old.identities), by_holder(new.identities)
    for holder in dict.fromkeys((*before, *after)):
        had, has = before.get(holder, []), after.get(holder, [])
        if [one.document for one in had] != [one.document for one in has]:
            for scope in scopes.values():
                yield Where(), f"IAM policies of {holder}", holder_question(holder, had, has, scope)
