"""What must hold of the IAM policies around a key: each holder gets what its row needs, there, and nothing more anywhere."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from trailkey.access.algebra.languages import texts
from trailkey.access.algebra.request_sets import NO_REQUEST
from trailkey.access.analysis.prove import covers, region
from trailkey.access.analysis.scope import Scope, bucket_scope, elsewhere, key_scope, service_scope
from trailkey.access.analysis.witnesses import STRANGER
from trailkey.config.resolve.principals import is_pattern
from trailkey.intent.from_config import bucket_intent
from trailkey.intent.model import HolderIntent
from trailkey.inventory.policies import merged
from trailkey.proofs.properties.entitlements import entitlements
from trailkey.proofs.properties.every_key import at_most
from trailkey.proofs.properties.property import Property, Target

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from trailkey.access.algebra.request_sets import Answer, RequestSet
    from trailkey.access.analysis.effective import EffectivePermissions
    from trailkey.access.language.policy import Policy
    from trailkey.config.deployment import Deployment
    from trailkey.config.source import ConfigPath
    from trailkey.inventory.policies import Documents, IamDocument
    from trailkey.proofs.properties.entitlements import Entitlement

_UNNAMED = ("iam", "sts", "secretsmanager", "lambda", "dynamodb", "ec2")
"""Services of which the first that a policy does not name stands for all those it does not name."""


def _policies_suffice(granted: EffectivePermissions, holder: HolderIntent) -> Answer:
    return covers(granted, holder.needs & region(principals=holder.callers))


def _policies_bounded(granted: EffectivePermissions, holder: HolderIntent) -> Answer:
    return at_most(granted, holder.bounds, region(principals=holder.callers))


def _holder(holder: HolderIntent) -> ConfigPath:
    return holder.path


_SUFFICE: Final[Sequence[Property[HolderIntent]]] = (
    Property(
        id="policies-sufficient",
        title="the IAM policies written for a holder allow what its row needs",
        reason="The key policy names accounts, so each grant needs an IAM policy on the other side; across accounts it always does.",
        source="https://docs.aws.amazon.com/kms/latest/developerguide/policy-evaluation.html",
        remedy="attach the policy to every role named, and let it allow the row's actions on this resource",
        claim=_policies_suffice,
        path=_holder,
    ),
)
"""Asked where a row needs something: its key, the bucket, and services beside them."""

_BOUNDED: Final[Sequence[Property[HolderIntent]]] = (
    Property(
        id="policies-minimal",
        title="the IAM policies written for a holder allow nothing beyond its row",
        reason="An IAM policy that allows more waits for a key policy that does too; Security Hub KMS.1 fails one that decrypts with every key.",
        source="https://docs.aws.amazon.com/securityhub/latest/userguide/kms-controls.html",
        remedy="name the key, the bucket and the actions of the row in the policy, and nothing else",
        claim=_policies_bounded,
        path=_holder,
    ),
)
"""Asked everywhere."""

OF_A_HOLDER: Final = (*_SUFFICE, *_BOUNDED)
"""Asked of the IAM policies of each holder."""

OF_A_STRAY: Final[Sequence[Property[HolderIntent]]] = (
    Property(
        id="policies-attached",
        title="the IAM policies are attached to the roles and users of their row, and to nobody else",
        reason="Whoever has a reader's policy reads wherever the key policy names a whole account, and whoever has a keeper's waits for the same.",
        source="https://docs.aws.amazon.com/IAM/latest/UserGuide/access_policies_manage-attach-detach.html",
        remedy="take whoever is not in the config out of the policy's Roles, Users and Groups, or add them to the config",
        claim=_policies_bounded,
        path=_holder,
    ),
)
"""Asked of IAM policies that someone has whom the config does not name."""

OF_IAM_POLICIES: Final = (*OF_A_HOLDER, *OF_A_STRAY)


def holder_targets(deployment: Deployment, documents: Documents) -> Iterator[Target[HolderIntent]]:
    """Yield what is asked of the IAM policies: of each holder's, as each role gets them, and of those that others have."""
    named: dict[ConfigPath, list[str]] = {}
    intent = bucket_intent(deployment)
    bucket = bucket_scope(intent.arn, intent.account)
    for entitlement in entitlements(deployment, documents):
        named.setdefault(entitlement.path, []).extend(entitlement.arns)
        for found, arns in _policies(entitlement, documents):
            policy = merged(one.policy for one in found)
            questions = list(_questions(entitlement, policy, bucket))
            for scope, row in questions if found else questions[:1]:  # where nothing is written, it is missing once
                yield Target(
                    place=found[0].place if found else f"no IAM policy for {entitlement.name}",
                    policy=policy,
                    scope=scope,
                    purpose=HolderIntent(
                        path=entitlement.path, name=entitlement.name, needs=row, bounds=row, arns=arns
                    ),
                    properties=OF_A_HOLDER if row.outer else _BOUNDED,
                )
    for one in documents.iam:
        yield from _strays(one, named.get(one.path), deployment)


def _policies(
    entitlement: Entitlement, documents: Documents
) -> Iterator[tuple[Sequence[IamDocument], tuple[str, ...]]]:
    """Yield the IAM policies of a holder as each role gets them: those attached to it, or those for others to attach."""
    mine = documents.of_holder(entitlement.path)
    groups: dict[tuple[str, ...], tuple[list[IamDocument], list[str]]] = {}
    patterns = [arn for arn in entitlement.arns if is_pattern(arn)]
    for arn in entitlement.arns:
        if arn not in patterns:
            found = [one for one in mine if one.attachment(arn)]
            groups.setdefault(tuple(one.place for one in found), (found, []))[1].append(arn)
    if patterns or not entitlement.arns:
        for file in dict.fromkeys(one.file for one in mine) or [""]:
            found = [one for one in mine if one.name and one.file == file]
            groups.setdefault(tuple(one.place for one in found), (found, []))[1].extend(patterns)
    for found, arns in groups.values():
        yield found, tuple(arns)


def _questions(entitlement: Entitlement, policy: Policy, bucket: Scope) -> Iterator[tuple[Scope, RequestSet]]:
    """Yield where a holder's policy is asked, with the row there: its key, the bucket, and everything else there is."""
    own = replace(key_scope(entitlement.at.arn), resources=texts(entitlement.at.arn, entitlement.at.alias))
    partition = own.partition
    yield own, entitlement.on_key
    yield elsewhere(own, f"arn:{partition}:kms:us-east-1:{STRANGER}:key/{_OTHER_KEY}"), NO_REQUEST
    yield bucket, entitlement.on_bucket
    yield elsewhere(bucket, f"arn:{partition}:s3:::another-bucket/object"), NO_REQUEST
    for service in _services(policy, entitlement.beside):
        yield service_scope(service, partition, STRANGER), entitlement.beside.get(service, NO_REQUEST)


_OTHER_KEY = "00000000-0000-4000-8000-000000000000"


def _services(policy: Policy, beside: Mapping[str, RequestSet]) -> list[str]:
    """Return the services other than KMS and S3 to ask about: of all that neither the policy nor the row names, one is enough."""
    written = [action for statement in policy.statements for action in statement.actions]
    named = {action.partition(":")[0].casefold() for action in written} - {"*"}
    found = sorted((named | set(beside)) - {"kms", "s3"})
    wide = any(statement.not_actions or "*" in statement.actions for statement in policy.statements)
    return [*found, next((one for one in _UNNAMED if one not in named), "anything")] if wide else found


def _strays(one: IamDocument, named: Sequence[str] | None, deployment: Deployment) -> Iterator[Target[HolderIntent]]:
    """Yield the question about a policy that is attached to someone who is not named, or that is nobody's in the config."""
    others = sorted(one.attached - {one.attachment(arn) for arn in named or ()})
    if named is not None and not others:
        return
    start = f"arn:{deployment.partition}:iam::{one.account or STRANGER}:"
    wide = any(who.startswith("group/") for who in others)  # its members are not known
    arns = () if wide else tuple(f"{start}{who}" for who in others)
    first = one.policy.statements[0].actions[0].partition(":")[0].casefold()
    yield Target(
        place=one.place,
        policy=one.policy,
        scope=service_scope(_UNNAMED[0] if first == "*" else first, deployment.partition, STRANGER),
        purpose=HolderIntent(path=one.path, name=", ".join(others), needs=NO_REQUEST, bounds=NO_REQUEST, arns=arns),
        properties=OF_A_STRAY,
    )
