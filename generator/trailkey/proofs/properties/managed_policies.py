"""What must hold of the IAM policies around a key: each grantee gets what its row needs, there, and nothing more anywhere."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from trailkey.access import NO_REQUEST, REFUTED, Answer, Scope, bucket_scope, covers, joined, key_scope, region, texts
from trailkey.access.analysis.resource import elsewhere, service_scope
from trailkey.access.analysis.witnesses import STRANGER
from trailkey.aws import parse_arn
from trailkey.intent.from_config import bucket_intent
from trailkey.intent.model import GranteeIntent
from trailkey.inventory.policies import ANY_ACCOUNT, attachment_of, merged
from trailkey.proofs.properties.entitlements import entitlements
from trailkey.proofs.properties.every_key import at_most
from trailkey.proofs.properties.property import Property, Result, Target

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from collections.abc import Set as AbstractSet

    from trailkey.access import Policy, RequestSet
    from trailkey.config.deployment import Deployment
    from trailkey.inventory.policies import IdentityPolicy, PolicySet
    from trailkey.proofs.properties.entitlements import Entitlement, Entitlements

_UNNAMED = ("iam", "sts", "secretsmanager", "lambda", "dynamodb", "ec2")
"""Services of which the first that a policy does not name stands for all those it does not name."""


_SUFFICIENT: Final[Property[GranteeIntent]] = Property(
    id="policies-sufficient",
    title="the IAM policies written for a grantee allow what its row needs",
    reason="The key policy names accounts, so each grant needs an IAM policy on the other side; across accounts it always does.",
    source="https://docs.aws.amazon.com/kms/latest/developerguide/policy-evaluation.html",
    remedy="attach the policy to every role named, and let it allow the row's actions on this resource",
    claim=lambda granted, grantee: covers(granted, grantee.needs & region(principals=grantee.callers)),
)
"""Asked where a row needs something: its key, the bucket, and services beside them."""

_MINIMAL: Final[Property[GranteeIntent]] = Property(
    id="policies-minimal",
    title="the IAM policies written for a grantee allow nothing beyond its row",
    reason="An IAM policy that allows more waits for a key policy that does too; Security Hub KMS.1 fails one that decrypts with every key.",
    source="https://docs.aws.amazon.com/securityhub/latest/userguide/kms-controls.html",
    remedy="name the key, the bucket and the actions of the row in the policy, and nothing else",
    claim=lambda granted, grantee: at_most(granted, grantee.bounds, region(principals=grantee.callers)),
)
"""Asked everywhere."""

_ATTACHED: Final[Property[GranteeIntent]] = Property(
    id="policies-attached",
    title="the IAM policies are attached to the roles and users of their row, and to nobody else",
    reason="Whoever has a reader's policy reads wherever the key policy names a whole account, and an administrator's policy takes effect as soon as a key policy admits the account.",
    source="https://docs.aws.amazon.com/IAM/latest/UserGuide/access_policies_manage-attach-detach.html",
    remedy="take whoever is not in the config out of the policy's Roles, Users and Groups, or add them to the config",
    claim=_MINIMAL.claim,
)
"""Asked of IAM policies that someone has whom the config does not name."""

OF_IAM_POLICIES: Final = (_SUFFICIENT, _MINIMAL, _ATTACHED)


def identity_questions(deployment: Deployment, policies: PolicySet) -> Iterator[Target[GranteeIntent] | Result]:
    """Yield what is asked of IAM policies: of all that each role gets together, and of those that nobody is meant to get.

    Where an entitlement has no policy at all there is nothing to ask: that it is missing is the result.
    """
    everyone, bucket = entitlements(deployment, policies), bucket_intent(deployment)
    here = bucket_scope(bucket.arn, bucket.account)
    for found, rows, arns in _groups(everyone, policies.identities):
        if not found:
            yield from (_missing(row) for row in rows)
            continue
        policy = merged(one.policy for one in found)
        for row in rows:
            for scope, needs, bounds in _questions(row, rows, policy, here):
                yield Target(
                    location=found[0].location,
                    beside=tuple(one.location for one in found[1:]),
                    policy=policy,
                    scope=scope,
                    purpose=GranteeIntent(path=row.path, needs=needs, bounds=bounds, arns=arns),
                    properties=(_SUFFICIENT, _MINIMAL) if needs.outer else (_MINIMAL,),
                )
    for one in policies.identities:
        yield from _strays(one, everyone, deployment.partition)


def _missing(row: Entitlement) -> Result:
    answer = Answer(REFUTED, reason=f"no template has an IAM policy for {row.name}")
    return Result(rule=_SUFFICIENT, answer=answer, path=row.path)


_Group = tuple[tuple["IdentityPolicy", ...], tuple["Entitlement", ...], tuple[str, ...]]
"""IAM policies that come together, the entitlements of whoever gets them, and their ARNs or patterns, where these are known."""


def _groups(everyone: Entitlements, policies: Sequence[IdentityPolicy]) -> Iterator[_Group]:
    """Yield the policies as each role gets them: those attached to it, or those of one name in one account."""
    groups: dict[tuple[object, ...], tuple[tuple[IdentityPolicy, ...], tuple[Entitlement, ...], list[str]]] = {}
    known = [row for row in everyone.rows if row.at.arn]  # about a key that is not there nothing can be asked
    # A template attaches to a role by its name, which an account has once, whatever the path in its ARN.
    names: dict[tuple[str, str], list[str]] = defaultdict(list)
    for arn in dict.fromkeys(arn for row in known for arn in row.exact):
        if parts := parse_arn(arn):
            names[parts.account, attachment_of(parts)].append(arn)
    for arns in names.values():
        rows = tuple(row for row in known if not set(arns).isdisjoint(row.exact))
        found = tuple(one for one in policies if one.attachment(arns[0]))
        key = (tuple(one.location for one in found), tuple(row.path for row in rows))
        groups.setdefault(key, (found, rows, []))[2].extend(arns)
    for found, rows, arns in groups.values():
        yield found, rows, tuple(arns)
    for row in known:
        for account in row.accounts if row.policy_name else ():
            found = tuple(one for one in policies if one.account == account and everyone.is_named(one, row))
            yield found, (row,), row.patterns


def _questions(
    row: Entitlement, rows: Sequence[Entitlement], policy: Policy, bucket: Scope
) -> Iterator[tuple[Scope, RequestSet, RequestSet]]:
    """Yield where policies are asked about one of several rows: what the row needs there, and what all together may be."""
    own = replace(key_scope(row.at.arn), resources=texts(row.at.arn, row.at.alias))
    named_keys = [text for one in rows for text in (one.at.arn, one.at.alias, *one.on_former_keys)]
    another_key = f"arn:{own.partition}:kms:us-east-1:{STRANGER}:key/{_OTHER_KEY}"
    finds = joined([one.finds for one in rows])
    yield own, row.on_key, finds | joined([one.on_key for one in rows if one.at == row.at])
    yield elsewhere(replace(own, resources=texts(*named_keys)), another_key), row.finds, finds
    for former, needs in row.on_former_keys.items():
        yield key_scope(former), needs, finds | joined([one.on_former_keys.get(former, NO_REQUEST) for one in rows])
    yield bucket, row.on_bucket, joined([one.on_bucket for one in rows])
    yield elsewhere(bucket, f"arn:{own.partition}:s3:::another-bucket/object"), NO_REQUEST, NO_REQUEST
    for service in _services(policy, {name for one in rows for name in one.beside}):
        bounds = joined([one.beside.get(service, NO_REQUEST) for one in rows])
        yield service_scope(service, own.partition, STRANGER), row.beside.get(service, NO_REQUEST), bounds


def _strays(one: IdentityPolicy, everyone: Entitlements, partition: str) -> Iterator[Target[GranteeIntent]]:
    """Yield the question about a policy that is attached to someone who has no row, or that is nobody's."""
    rows = [row for row in everyone.rows if one.account in row.accounts and everyone.is_named(one, row)]
    attached = {one.attachment(arn): row for row in everyone.rows for arn in row.exact if one.attachment(arn)}
    others = sorted(one.attached - attached.keys())
    rows += attached.values()
    if rows and not others:
        return
    start = f"arn:{partition}:iam::{STRANGER if one.account == ANY_ACCOUNT else one.account}:"
    wide = any(who.startswith("group/") for who in others)  # its members are not known
    arns = () if wide else tuple(f"{start}{who}" for who in others)
    first = one.policy.statements[0].actions[0].partition(":")[0].casefold()
    path = rows[0].path if rows else ()
    yield Target(
        location=one.location,
        policy=one.policy,
        scope=service_scope(_UNNAMED[0] if first == "*" else first, partition, STRANGER),
        purpose=GranteeIntent(path=path, needs=NO_REQUEST, bounds=NO_REQUEST, arns=arns),
        properties=(_ATTACHED,),
    )


_OTHER_KEY = "00000000-0000-4000-8000-000000000000"


def _services(policy: Policy, beside: AbstractSet[str]) -> list[str]:
    """Return the services other than KMS and S3 to ask about: of all that neither the policy nor the row names, one is enough."""
    written = [action for statement in policy.statements for action in statement.actions]
    named = {action.partition(":")[0].casefold() for action in written} - {"*"}
    found = sorted((named | beside) - {"kms", "s3"})
    wide = any(statement.not_actions or "*" in statement.actions for statement in policy.statements)
    return [*found, next((one for one in _UNNAMED if one not in named), "anything")] if wide else found
