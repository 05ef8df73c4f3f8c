"""The proofs of a deployment: every property that its policies must have, held against the folder as it is deployed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from trailkey.access import UNKNOWN, Answer, allowed, bucket_scope, decide, parse_request
from trailkey.access.analysis.witnesses import STRANGER
from trailkey.access.language.evaluate import RESOURCE_POLICY, matching
from trailkey.errors import UndecidedError
from trailkey.intent import from_config as meant
from trailkey.proofs.properties.alarm import ALARM_RINGS, TOPICS_RESTRICTED, rings
from trailkey.proofs.properties.bucket import OF_THE_BUCKET
from trailkey.proofs.properties.lake_key import OF_A_LAKE_KEY
from trailkey.proofs.properties.managed_policies import OF_IAM_POLICIES, identity_questions
from trailkey.proofs.properties.property import Property, Purpose_contra, Result, Target
from trailkey.proofs.properties.retention import KEPT_TOGETHER, kept
from trailkey.proofs.properties.rollout import OF_THE_ROLLOUT, rollout_results
from trailkey.proofs.properties.trail_key import OF_THE_TRAIL_KEY
from trailkey.proofs.properties.wiring import CONSISTENT, consistent

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from trailkey.access import EffectivePermissions
    from trailkey.config.deployment import Deployment
    from trailkey.findings import Rule
    from trailkey.intent.model import KeyRoles
    from trailkey.inventory.folder import Folder
    from trailkey.inventory.policies import PolicySet

_ALL: tuple[Rule, ...] = (
    *OF_THE_TRAIL_KEY,
    *OF_A_LAKE_KEY,
    *OF_THE_BUCKET,
    *OF_IAM_POLICIES,
    CONSISTENT,
    KEPT_TOGETHER,
    ALARM_RINGS,
    TOPICS_RESTRICTED,
    *OF_THE_ROLLOUT,
)
PROPERTIES: Final = tuple({one.id: one for one in _ALL}.values())
"""Every property, each once."""


def prove(deployment: Deployment, folder: Folder) -> list[Result]:
    """Return every property of a folder with its answer: of the policies in their order, of what they rest on, of the rollout.

    The policies of a rollout that does not hang together are those of no deployment: then the rollout's results are all.
    """
    rollout = list(rollout_results(deployment, folder))
    if not all(one.holds for one in rollout):
        return rollout
    results = [one for target in targets(deployment, folder.policies) for one in judge(target)]
    for one in identity_questions(deployment, folder.policies):
        results += [one] if isinstance(one, Result) else judge(one)
    return [*results, *consistent(deployment, folder.policies), *kept(folder), *rings(deployment, folder), *rollout]


def targets(deployment: Deployment, policies: PolicySet) -> Iterator[Target[Any]]:
    """Yield what is judged of the resource policies: each key policy and the bucket policy.

    A key or bucket that is not there has no policy to judge; that it is missing is what `consistent` finds.
    """
    yield from _of_key(meant.trail_key_intent(deployment), OF_THE_TRAIL_KEY, policies)
    bucket = meant.bucket_intent(deployment)
    found = policies.bucket_named(bucket.arn)
    if found:
        yield Target(
            location=found.location,
            policy=found.policy,
            scope=bucket_scope(bucket.arn, bucket.account),
            purpose=bucket,
            properties=OF_THE_BUCKET,
            accounts=tuple(account for account, _ in bucket.logs_by_account),
        )
    for store in deployment.stores:
        yield from _of_key(meant.store_key_intent(store, deployment), OF_A_LAKE_KEY, policies)


def _of_key(intent: KeyRoles, properties: Sequence[Property[Any]], policies: PolicySet) -> Iterator[Target[Any]]:
    key = policies.key_of_alias(intent.account, intent.region, intent.alias)
    if key:
        yield Target(
            location=key.location,
            policy=key.policy,
            scope=key.scope,
            purpose=intent,
            properties=properties,
            permissions=key.permissions,
        )


def judge(target: Target[Purpose_contra]) -> Iterator[Result]:
    """Yield the answers about one policy."""
    granted = target.permissions or allowed(target.policy, target.scope, accounts=target.accounts)
    for one in target.properties:
        # A thousand readers are one question; only where it fails each is asked about, to say whose line it is.
        whole = _answer(one, granted, target.purpose)
        for part in one.apart(target.purpose):
            answer = whole if whole or part is target.purpose else _answer(one, granted, part)
            refused, statements = _deciding(target, answer.witness) if answer.witness else (False, ())
            yield Result(
                rule=one,
                answer=answer,
                path=one.path(part),
                location=target.location,
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
