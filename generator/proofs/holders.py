"""What must hold of the IAM policies around a key: each holder gets what its row needs, there, and nothing more anywhere."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from generator.access.prove import covers, region
from generator.access.scope import Scope, bucket_scope, elsewhere, key_scope, service_scope
from generator.access.sets import NO_REQUEST
from generator.access.wildcards import texts
from generator.access.witnesses import STRANGER
from generator.config.principals import is_pattern
from generator.proofs.deployment import bucket_setting_of
from generator.proofs.documents import merged
from generator.proofs.holdings import holdings
from generator.proofs.keepers import at_most
from generator.proofs.property import Property, Target
from generator.proofs.setting import HolderSetting

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from generator.access.policy import Policy
    from generator.access.sets import Answer, RequestSet
    from generator.access.space import Granted
    from generator.config.deployment import Deployment
    from generator.config.text import Path
    from generator.proofs.documents import Documents, IamDocument
    from generator.proofs.holdings import Holding

_UNNAMED = ("iam", "sts", "secretsmanager", "lambda", "dynamodb", "ec2")
"""Services of which the first that a policy does not name stands for all those it does not name."""


def _policies_suffice(granted: Granted, holder: HolderSetting) -> Answer:
    return covers(granted, holder.needs & region(principals=holder.callers))


def _policies_bounded(granted: Granted, holder: HolderSetting) -> Answer:
    return at_most(granted, holder.bounds, region(principals=holder.callers))


def _holder(holder: HolderSetting) -> Path:
    return holder.path


_SUFFICE: Final[Sequence[Property[HolderSetting]]] = (
    Property(
        id="policies-suffice",
        title="the IAM policies written for a holder allow what its row needs",
        reason="The key policy names accounts, so each grant needs an IAM policy on the other side; across accounts it always does.",
        source="https://docs.aws.amazon.com/kms/latest/developerguide/policy-evaluation.html",
        remedy="attach the policy to every role named, and let it allow the row's actions on this resource",
        claim=_policies_suffice,
        path=_holder,
    ),
)
"""Asked where a row needs something: its key, the bucket, and services beside them."""

_BOUNDED: Final[Sequence[Property[HolderSetting]]] = (
    Property(
        id="policies-bounded",
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

OF_A_STRAY: Final[Sequence[Property[HolderSetting]]] = (
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


def holder_targets(deployment: Deployment, documents: Documents) -> Iterator[Target[HolderSetting]]:
    """Yield what is asked of the IAM policies: of each holder's, as each role gets them, and of those that others have."""
    named: dict[Path, list[str]] = {}
    setting = bucket_setting_of(deployment)
    bucket = bucket_scope(setting.arn, setting.account)
    for holding in holdings(deployment, documents):
        named.setdefault(holding.path, []).extend(holding.arns)
        for found, arns in _policies(holding, documents):
            policy = merged(one.policy for one in found)
            questions = list(_questions(holding, policy, bucket))
            for scope, row in questions if found else questions[:1]:  # where nothing is written, it is missing once
                yield Target(
                    place=found[0].place if found else f"no IAM policy for {holding.name}",
                    policy=policy,
                    scope=scope,
                    purpose=HolderSetting(path=holding.path, name=holding.name, needs=row, bounds=row, arns=arns),
                    properties=OF_A_HOLDER if row.outer else _BOUNDED,
                )
    for one in documents.iam:
        yield from _strays(one, named.get(one.path), deployment)


def _policies(holding: Holding, documents: Documents) -> Iterator[tuple[Sequence[IamDocument], tuple[str, ...]]]:
    """Yield the IAM policies of a holder as each role gets them: those attached to it, or those for others to attach."""
    mine = documents.of_holder(holding.path)
    groups: dict[tuple[str, ...], tuple[list[IamDocument], list[str]]] = {}
    patterns = [arn for arn in holding.arns if is_pattern(arn)]
    for arn in holding.arns:
        if arn not in patterns:
            found = [one for one in mine if one.attachment(arn)]
            groups.setdefault(tuple(one.place for one in found), (found, []))[1].append(arn)
    if patterns or not holding.arns:
        for file in dict.fromkeys(one.file for one in mine) or [""]:
            found = [one for one in mine if one.name and one.file == file]
            groups.setdefault(tuple(one.place for one in found), (found, []))[1].extend(patterns)
    for found, arns in groups.values():
        yield found, tuple(arns)


def _questions(holding: Holding, policy: Policy, bucket: Scope) -> Iterator[tuple[Scope, RequestSet]]:
    """Yield where a holder's policy is asked, with the row there: its key, the bucket, and everything else there is."""
    own = replace(key_scope(holding.at.arn), resources=texts(holding.at.arn, holding.at.alias))
    partition = own.partition
    yield own, holding.on_key
    yield elsewhere(own, f"arn:{partition}:kms:us-east-1:{STRANGER}:key/{_OTHER_KEY}"), NO_REQUEST
    yield bucket, holding.on_bucket
    yield elsewhere(bucket, f"arn:{partition}:s3:::another-bucket/object"), NO_REQUEST
    for service in _services(policy, holding.beside):
        yield service_scope(service, partition, STRANGER), holding.beside.get(service, NO_REQUEST)


_OTHER_KEY = "00000000-0000-4000-8000-000000000000"


def _services(policy: Policy, beside: Mapping[str, RequestSet]) -> list[str]:
    """Return the services other than KMS and S3 to ask about: of all that neither the policy nor the row names, one is enough."""
    written = [action for statement in policy.statements for action in statement.actions]
    named = {action.partition(":")[0].casefold() for action in written} - {"*"}
    found = sorted((named | set(beside)) - {"kms", "s3"})
    wide = any(statement.not_actions or "*" in statement.actions for statement in policy.statements)
    return [*found, next((one for one in _UNNAMED if one not in named), "anything")] if wide else found


def _strays(one: IamDocument, named: Sequence[str] | None, deployment: Deployment) -> Iterator[Target[HolderSetting]]:
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
        purpose=HolderSetting(path=one.path, name=", ".join(others), needs=NO_REQUEST, bounds=NO_REQUEST, arns=arns),
        properties=OF_A_STRAY,
    )
