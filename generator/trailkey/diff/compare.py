"""Two worlds compared: every policy of one asked against the one that answers to it, and what differs as few rows."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

from trailkey.access.algebra.languages import Language, texts, union
from trailkey.access.analysis.caller_sets import in_account, of_kind
from trailkey.access.analysis.prove import region
from trailkey.access.analysis.scope import Scope, bucket_scope, key_scope
from trailkey.access.language.evaluate import decide
from trailkey.access.language.policy import Policy, parse_policy
from trailkey.access.language.request import parse_request
from trailkey.diff.callers import named
from trailkey.diff.changes import changes
from trailkey.diff.pairs import Pair, matched, paired_keys, truths
from trailkey.diff.question import NOBODY, Question, resource_question
from trailkey.diff.rows import Row, Where, merged
from trailkey.errors import PolicyError
from trailkey.inventory.folder import ANY_ACCOUNT, World

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from trailkey.inventory.folder import Attached, Held

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
"""A bucket policy that says nothing: IAM policies of the bucket's account still allow what they allow."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """Who gains and who loses; what could not be decided, each with its reason; and what was assumed."""

    rows: tuple[Row, ...]
    unknown: tuple[str, ...]
    assumptions: tuple[str, ...]


def compare_worlds(old: World, new: World) -> Comparison:
    """Return what the policies of one world allow and those of the other do not.

    Raises:
        PolicyError: a policy that cannot be judged; keys that are in different accounts.
    """
    pairs = paired_keys(old.keys, new.keys)
    # A key that is deployed anew has another id; in what refers to it the id is no difference.
    names = {one.arn: two.arn for one, two in pairs if one and two and one.arn != two.arn}
    for one, two in pairs:
        if one and two and one.account != two.account:
            raise PolicyError(
                f"{one.place} and {two.place}: the keys are in different accounts, {one.account} and {two.account}; "
                f"two policies of one account are compared; name it with --key-account (policies and templates), or say --rename {one.account}={two.account}"
            )
    old = old.renamed(names)
    pairs = paired_keys(old.keys, new.keys)
    asked = [
        *_of_keys(pairs),
        *_of_buckets(old.buckets, new.buckets),
        *_of_holders(old, new),
    ]
    rows: list[tuple[Where, Row]] = []
    unknown: list[str] = []
    for where, place, question in asked:
        found, open_ones = changes(question)
        rows += [(where, row) for row in found]
        unknown += [f"{place}: {reason}" for reason in open_ones]
    wheres = list(dict.fromkeys(where for where, _, _ in asked))
    return Comparison(
        rows=tuple(sorted(merged(rows, wheres), key=lambda row: row.change)),
        unknown=tuple(dict.fromkeys(unknown)),
        assumptions=tuple(dict.fromkeys((*old.assumptions, *new.assumptions))),
    )


Asked = tuple[Where, str, Question]
"""Where a question is asked, as rows and as errors say it, and the question."""


def _of_keys(pairs: Sequence[Pair]) -> Iterator[Asked]:
    several = len({known.name for one, two in pairs if (known := one or two)}) > 1
    for one, two in pairs:
        known = two or one
        if known is None:
            continue
        where = Where(known.name if several else "", tuple(_truths(one, two).items()))
        question = resource_question(_policy(one, NOBODY), _policy(two, NOBODY), key_scope(known.arn))
        yield where, " and ".join(each.place for each in (one, two) if each), question


def _truths(one: Attached | None, two: Attached | None) -> dict[str, str]:
    return {name: truth for each in (one, two) if each for name, truth in truths(each.variant).items()}


def _of_buckets(old: Sequence[Attached], new: Sequence[Attached]) -> Iterator[Asked]:
    for one, two in matched(old, new, lambda bucket: bucket.arn):
        known = two or one
        if known is not None:
            scope = bucket_scope(known.arn, known.account)
            question = resource_question(_policy(one, _SILENT), _policy(two, _SILENT), scope)
            yield Where(), " and ".join(each.place for each in (one, two) if each), question


def _of_holders(old: World, new: World) -> Iterator[Asked]:
    scopes = {one.arn: key_scope(one.arn) for world in (new, old) for one in world.keys}
    scopes |= {one.arn: bucket_scope(one.arn, one.account) for world in (new, old) for one in world.buckets}
    for one, two in matched(old.holders, new.holders, lambda held: (held.account, held.holder)):
        known = two or one
        if known is None or (one and two and one.documents == two.documents):
            continue
        before, after = (_held(each) for each in (one, two))
        for scope in scopes.values():
            yield Where(), f"IAM policies of {known.holder}", _holder_question(known, before, after, scope)


def _policy(one: Attached | None, missing: Policy) -> Policy:
    return missing if one is None else parse_policy(one.document, what=one.place, resource_based=True)


def _held(one: Held | None) -> Policy:
    """Return all IAM policies of a holder as one."""
    if one is None:
        return NOBODY
    policies = [
        parse_policy(document, what=f"IAM policy of {one.holder}", resource_based=False) for document in one.documents
    ]
    versions = {policy.version for policy in policies}
    if len(versions) > 1:
        raise PolicyError(
            f"IAM policies of {one.holder}: of Version {' and '.join(sorted(versions))}; one version in all is modelled; use 2012-10-17"
        )
    return Policy(versions.pop(), tuple(statement for policy in policies for statement in policy.statements))


def _holder_question(holder: Held, before: Policy, after: Policy, scope: Scope) -> Question:
    """Return the question what IAM policies allow, where the resource's policy leaves it to them."""

    def ask(witness: dict[str, Any], policy: Policy) -> bool:
        request = parse_request(witness, key_account=scope.account)
        opening = {"Effect": "Allow", "Principal": {"AWS": request.caller.account}, "Action": "*", "Resource": "*"}
        leaving = parse_policy({"Version": "2012-10-17", "Statement": [opening]}, resource_based=True)
        return decide(replace(request, identity_policies=(policy,)), resource_policy=leaving).decision == "allowed"

    if holder.holder.startswith("arn:"):
        callers: Language = texts(holder.holder)
        name = f"{named(holder.holder)} by its IAM policies"
    else:
        callers = union([of_kind("role", holder.partition), of_kind("user", holder.partition)])
        name = f"whoever holds policy {holder.holder}"
        if holder.account != ANY_ACCOUNT:
            callers &= in_account(holder.account)
            name = f"{name} in account {holder.account}"
    return Question(
        old=before,
        new=after,
        scope=scope,
        ask=ask,
        within=region(principals=callers),
        callers=((callers, name),),
    )
