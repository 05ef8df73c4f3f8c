"""The proofs of a deployment: every property that its policies must have, held against the policies as they are rendered."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from trailkey.access.algebra.request_sets import UNKNOWN, Answer
from trailkey.access.analysis.effective import allowed
from trailkey.access.analysis.scope import bucket_scope, key_scope
from trailkey.access.analysis.witnesses import STRANGER
from trailkey.access.language.evaluate import RESOURCE_POLICY, decide, matching
from trailkey.access.language.request import parse_request
from trailkey.errors import UndecidedError
from trailkey.intent import from_config as meant
from trailkey.proofs.properties.bucket import OF_THE_BUCKET
from trailkey.proofs.properties.lake_key import OF_A_LAKE_KEY
from trailkey.proofs.properties.managed_policies import OF_IAM_POLICIES, holder_targets
from trailkey.proofs.properties.property import Claim, Judged, Property, Purpose_contra, Target
from trailkey.proofs.properties.trail_key import OF_THE_TRAIL_KEY
from trailkey.proofs.properties.wiring import WIRED, wired

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from trailkey.access.analysis.effective import EffectivePermissions
    from trailkey.config.deployment import Deployment
    from trailkey.inventory.policies import Documents

_ALL: tuple[Claim, ...] = (*OF_THE_TRAIL_KEY, *OF_A_LAKE_KEY, *OF_THE_BUCKET, *OF_IAM_POLICIES, WIRED)
PROPERTIES: Final = tuple({one.id: one for one in _ALL}.values())
"""Every property, each once."""


def prove(deployment: Deployment, documents: Documents) -> list[Judged]:
    """Return every property of a deployment's policies with its answer, in the order of the policies, then what they rest on."""
    asked = [judged for target in targets(deployment, documents) for judged in judge(target)]
    return [*asked, *wired(deployment, documents)]


def targets(deployment: Deployment, documents: Documents) -> Iterator[Target[Any]]:
    """Yield what is judged: each key policy, the bucket policy, and the IAM policies of each holder on key and bucket."""
    key = documents.trail_key
    yield Target(
        place=key.place,
        policy=key.policy,
        scope=key_scope(key.arn),
        purpose=meant.trail_key_intent(deployment),
        properties=OF_THE_TRAIL_KEY,
    )
    bucket = meant.bucket_intent(deployment)
    yield Target(
        place=documents.bucket.place,
        policy=documents.bucket.policy,
        scope=bucket_scope(bucket.arn, bucket.account),
        purpose=bucket,
        properties=OF_THE_BUCKET,
        accounts=tuple(account for account, _ in bucket.logs_by_account),
    )
    for store in deployment.stores:
        key = documents.key_at(store.path)
        yield Target(
            place=key.place,
            policy=key.policy,
            scope=key_scope(key.arn),
            purpose=meant.store_key_intent(store, deployment),
            properties=OF_A_LAKE_KEY,
        )
    yield from holder_targets(deployment, documents)


def judge(target: Target[Purpose_contra]) -> Iterator[Judged]:
    """Yield the answers about one policy."""
    granted = allowed(target.policy, target.scope, accounts=target.accounts)
    for one in target.properties:
        # A thousand readers are one question; only where it fails each is asked about, to say whose line it is.
        whole = _answer(one, granted, target.purpose)
        for part in one.apart(target.purpose):
            answer = whole if whole or part is target.purpose else _answer(one, granted, part)
            refused, statements = _deciding(target, answer.witness) if answer.witness else (False, ())
            yield Judged(
                id=one.id,
                title=one.title,
                remedy=one.remedy,
                answer=answer,
                path=one.path(part),
                place=target.place,
                statements=statements,
                refused=refused,
            )


def _answer(one: Property[Purpose_contra], granted: EffectivePermissions, purpose: Any) -> Answer:
    try:
        return one.claim(granted, purpose)
    except UndecidedError as error:  # in putting the claim together; the questions themselves answer unknown
        return Answer(UNKNOWN, reason=str(error))


def _deciding(target: Target[Purpose_contra], witness: Mapping[str, Any]) -> tuple[bool, tuple[str | int, ...]]:
    """Return whether a witness is refused, and the statements that decide it."""
    asked = parse_request(witness, key_account=target.scope.account or STRANGER)
    if any(statement.principals for statement in target.policy.statements):
        decision = decide(asked, resource_policy=target.policy)
        own = (entry.statement.name for entry in decision.deciding if entry.policy == RESOURCE_POLICY)
        return decision.decision == "denied", tuple(own)
    denying = matching(asked, target.policy, "Deny")
    found = denying or matching(asked, target.policy, "Allow")
    return bool(denying) or not found, tuple(statement.name for statement in found)
