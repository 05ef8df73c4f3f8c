"""The proofs of a deployment: every property that its policies must have, held against the policies as they are rendered."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final, Generic

from generator.access.automata import UndecidedError
from generator.access.decide import RESOURCE_POLICY, decide
from generator.access.policy import parse_policy
from generator.access.request import parse_request
from generator.access.scope import bucket_scope, key_scope
from generator.access.sets import UNKNOWN, Answer
from generator.access.space import allowed
from generator.access.witnesses import STRANGER
from generator.aws import parse_arn
from generator.config.principals import is_pattern
from generator.proofs import deployment as meant
from generator.proofs.bucket import OF_THE_BUCKET
from generator.proofs.documents import merged
from generator.proofs.holders import OF_A_HOLDER
from generator.proofs.lake_key import OF_A_LAKE_KEY
from generator.proofs.property import Judged, Property, Purpose_contra
from generator.proofs.trail_key import OF_THE_TRAIL_KEY

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from generator.access.policy import Policy
    from generator.access.scope import Scope
    from generator.access.space import Granted
    from generator.config.deployment import Deployment
    from generator.proofs.documents import Documents, IamDocument
    from generator.proofs.setting import HolderSetting

_ALL: tuple[Property[Any], ...] = (*OF_THE_TRAIL_KEY, *OF_A_LAKE_KEY, *OF_THE_BUCKET, *OF_A_HOLDER)
PROPERTIES: Final = tuple({one.id: one for one in _ALL}.values())
"""Every property, each once."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Target(Generic[Purpose_contra]):
    """A policy, the resource it is asked about, what it is meant for, and what must hold of it."""

    place: str
    policy: Policy
    scope: Scope
    purpose: Purpose_contra
    properties: Sequence[Property[Purpose_contra]]
    accounts: tuple[str, ...] = ()
    """Accounts for whose callers policy variables are filled in."""


def prove(deployment: Deployment, documents: Documents) -> list[Judged]:
    """Return every property of a deployment's policies with its answer, in the order of the policies."""
    return [judged for target in targets(deployment, documents) for judged in judge(target)]


def targets(deployment: Deployment, documents: Documents) -> Iterator[Target[Any]]:
    """Yield what is judged: each key policy, the bucket policy, and the IAM policies of each holder on key and bucket."""
    key = documents.trail_key
    scope = key_scope(key.arn)
    yield Target(
        place=key.place,
        policy=key.policy,
        scope=scope,
        purpose=meant.setting_of(deployment),
        properties=OF_THE_TRAIL_KEY,
    )
    bucket = meant.bucket_setting_of(deployment)
    objects = bucket_scope(bucket.arn, bucket.account)
    yield Target(
        place=documents.bucket.place,
        policy=documents.bucket.policy,
        scope=objects,
        purpose=bucket,
        properties=OF_THE_BUCKET,
        accounts=tuple(account for account, _ in bucket.logs_by_account),
    )
    for attached, holder in meant.key_holders(deployment):
        yield from _of_holder(attached, holder, documents, scope)
        yield from _of_holder(attached, meant.nothing(holder), documents, _other_key(key.arn))
    for attached, holder in meant.bucket_holders(deployment):
        yield from _of_holder(attached, holder, documents, objects)
        yield from _of_holder(attached, meant.nothing(holder), documents, bucket_scope(f"{bucket.arn}-2", STRANGER))
    for store in deployment.stores:
        key = next(one for one in documents.keys if one.path == store.path)
        scope = key_scope(key.arn)
        yield Target(
            place=key.place,
            policy=key.policy,
            scope=scope,
            purpose=meant.store_setting_of(store, deployment),
            properties=OF_A_LAKE_KEY,
        )
        for attached, holder in meant.store_holders(store):
            yield from _of_holder(attached, holder, documents, scope)
            yield from _of_holder(attached, meant.nothing(holder), documents, _other_key(key.arn))


def judge(target: Target[Purpose_contra]) -> Iterator[Judged]:
    """Yield the answers about one policy."""
    granted = allowed(target.policy, target.scope, accounts=target.accounts)
    for one in target.properties:
        # A thousand readers are one question; only where it fails each is asked about, to say whose line it is.
        whole = _answer(one, granted, target.purpose)
        for part in one.apart(target.purpose):
            answer = whole if whole or part is target.purpose else _answer(one, granted, part)
            statements = _deciding(target, answer.witness) if answer.witness else ()
            yield Judged(
                id=one.id,
                title=one.title,
                remedy=one.remedy,
                answer=answer,
                path=one.path(part),
                place=target.place,
                statements=statements,
            )


def _answer(one: Property[Purpose_contra], granted: Granted, purpose: Any) -> Answer:
    try:
        return one.claim(granted, purpose)
    except UndecidedError as error:  # in putting the claim together; the questions themselves answer unknown
        return Answer(UNKNOWN, reason=str(error))


def _other_key(arn: str) -> Scope:
    """Return a key that stands for all others of the account: no IAM policy of the deployment is about it."""
    return key_scope(f"{arn.rpartition('/')[0]}/00000000-0000-4000-8000-000000000000")


def _of_holder(
    named: Sequence[str], holder: HolderSetting, documents: Documents, scope: Scope
) -> Iterator[Target[HolderSetting]]:
    """Yield the IAM policies of a holder as each role gets them: those attached to it, or those for others to attach."""
    mine = documents.of_holder(holder.path)
    groups: dict[tuple[str, ...], list[IamDocument]] = {}
    for arn in named:
        if is_pattern(arn):
            continue
        found = [one for one in mine if _is_attached(one, arn)]
        groups.setdefault(tuple(one.place for one in found), found)
    if not named or any(map(is_pattern, named)):
        files = dict.fromkeys(_file(one) for one in mine) or [""]
        for file in files:
            found = [one for one in mine if one.name and _file(one) == file]
            groups.setdefault(tuple(one.place for one in found), found)
    for found in groups.values():
        yield Target(
            place=found[0].place if found else f"no IAM policy for {holder.name}",
            policy=merged(one.policy for one in found),
            scope=scope,
            purpose=holder,
            properties=OF_A_HOLDER,
        )


def _is_attached(one: IamDocument, arn: str) -> bool:
    parts = parse_arn(arn)
    if parts is None:
        return False
    kind, _, name = parts.resource.partition("/")
    return one.account == parts.account and f"{kind}/{name.rpartition('/')[2]}" in one.attached


def _file(one: IamDocument) -> str:
    return one.place.partition(": ")[0]


def _deciding(target: Target[Purpose_contra], witness: Mapping[str, Any]) -> tuple[str | int, ...]:
    """Return the statements that decide a witness. An identity policy is asked beside a resource policy that leaves it to IAM."""
    request = dict(witness)
    identity = not any(statement.principals for statement in target.policy.statements)
    delegating = parse_policy(_DELEGATING, resource_based=True)
    asked = parse_request(request, key_account=target.scope.account)
    if identity:
        asked = replace(asked, identity_policies=(target.policy,))
    decision = decide(asked, resource_policy=delegating if identity else target.policy)
    place = "identity" if identity else RESOURCE_POLICY
    return tuple(entry.statement.name for entry in decision.deciding if entry.policy.startswith(place))


_DELEGATING = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Principal": {"AWS": "*"}, "Action": "*", "Resource": "*"}],
}
