"""Which stack holds what: one where everything is in one account and Region, else one for each account and purpose."""

from __future__ import annotations

from typing import TYPE_CHECKING

from troposphere import encode_to_dict

from trailkey.config.deployment import identifier
from trailkey.statements import identity
from trailkey.statements.bucket import log_bucket_policy
from trailkey.statements.builders import document
from trailkey.templates.bucket import add_bucket
from trailkey.templates.key import KEY, add_key, store_key
from trailkey.templates.lake import add_store, store_id
from trailkey.templates.managed_policies import add_deployer, add_key_people, add_reader, add_store_people, store_arn
from trailkey.templates.stack import Stack
from trailkey.templates.trail import add_trail

if TYPE_CHECKING:
    from typing import Any

    from trailkey.config.deployment import Account, Deployment

NAMES_OF_FILES = ("rollout", "bucket-policy")
"""What other files of the output are called; a stack is not, or its template in JSON would be overwritten."""


def existing_bucket_policy(deployment: Deployment) -> dict[str, Any]:
    """Return the statements that the policy of an existing bucket needs, as a plain policy for its partition."""
    return encode_to_dict(document(log_bucket_policy(deployment)))  # type: ignore[no-any-return]  # a policy is a mapping


def build(deployment: Deployment) -> list[Stack]:
    """Return the stacks of a deployment in the order they are deployed in, each after those it needs."""
    stacks = _Stacks(deployment)
    key_stack = stacks.of(deployment.key_account, deployment.region, "key")
    add_key(key_stack, deployment)

    def key_arn(stack: Stack) -> Any:
        return stack.key_arn(key_stack, KEY, deployment.key_account.id, deployment.region)

    bucket_stack: Stack | None = None
    if not deployment.config.bucket.existing:
        bucket_stack = stacks.of(deployment.bucket_account, deployment.region, "bucket")
        add_bucket(bucket_stack, deployment, key_arn(bucket_stack))
    else:
        key_stack.preconditions.append(
            f"The policy of bucket {deployment.config.bucket.name} (account {deployment.bucket_account.id}) holds the statements of bucket-policy.json before a trail is deployed; add them, replace none that others need."
        )
    people = stacks.of(deployment.key_account, deployment.region, "iam")
    add_key_people(people, deployment, key_arn(people))
    trail_deployers: dict[str, Stack] = {}
    for owner in deployment.trail_owners:
        if owner.id != deployment.key_account.id and owner.deployer:
            stack = trail_deployers[owner.id] = stacks.of(owner, deployment.region, "iam")
            add_deployer(
                stack,
                owner.deployer,
                "TrailDeployerPolicy",
                identity.describes_key(key_arn(stack)),
                ("accounts", owner.name, "deployer"),
            )
    for trail in deployment.trails:
        stack = stacks.of(trail.account, trail.settings.home_region, "trail")
        add_trail(stack, deployment, trail, key_arn(stack))
        if bucket_stack is not None:
            stack.needs(bucket_stack)
        if trail.account.id in trail_deployers:
            stack.needs(trail_deployers[trail.account.id])
    for store in deployment.stores:
        stack = stacks.of(store.account, store.settings.region, f"lake-{identifier(store.settings.name).lower()}")
        add_store(stack, deployment, store)
        # Names in IAM are global to the account, so the people of a store stand beside it, each policy under the store's name.
        add_store_people(
            stack,
            deployment,
            store,
            stack.key_arn(stack, store_key(store.settings.name), store.account.id, store.settings.region),
            store_arn(store_id(store.settings.name)),
        )
    _add_readers(stacks, deployment, key_arn)
    return stacks.ordered()


def _add_readers(stacks: _Stacks, deployment: Deployment, key_arn: Any) -> None:
    for reader in deployment.readers:
        if reader.kind.iam_policy == "none":
            key_stack = stacks.of(deployment.key_account, deployment.region, "key")
            precondition = reader.kind.precondition.format(value=reader.value, account=deployment.key_account.id)
            key_stack.preconditions.append(precondition)
            continue
        homes = [stacks.of(reader.account, deployment.region, "iam")] if reader.account else []
        if reader.account is None:
            homes.append(stacks.over(reader.value, reader.name))
            if deployment.management is not None and reader.covers_root:
                # Service-managed stack sets skip the management account, which is below the root only.
                homes.append(stacks.of(deployment.management, deployment.region, "iam"))
        for stack in homes:
            add_reader(stack, deployment, reader, key_arn(stack))


class _Stacks:
    """The stacks made so far, by place and purpose."""

    def __init__(self, deployment: Deployment) -> None:
        self.deployment = deployment
        self.made: dict[tuple[str, str, str], Stack] = {}
        self.single = deployment.config.layout == "auto" and len(_places(deployment)) == 1

    def of(self, account: Account, region: str, purpose: str) -> Stack:
        """Return the stack of a purpose in an account and Region, made when first asked for."""
        if self.single:
            place, name = (account.id, region, ""), self.deployment.name
            if name in NAMES_OF_FILES:
                name = f"{name}-stack"
        else:
            place = (account.id, region, purpose)
            name = f"{account.name}-{purpose}"
            if any(stack.name == name for key, stack in self.made.items() if key != place):
                name = f"{name}-{region}"
        if place not in self.made:
            self.made[place] = Stack(name=name, deployment=self.deployment, account=account, region=region, purposes=())
        stack = self.made[place]
        word = purpose.partition("-")[0]
        if word not in stack.purposes:
            stack.purposes = (*stack.purposes, word)
        return stack

    def over(self, path: str, reader: str) -> Stack:
        """Return the stack set over an organization path, for one reader."""
        name = f"organization-{reader}"
        if any(stack.name == name for stack in self.made.values()):  # an account may be called organization
            name = f"{name}-stack-set"
        stack = Stack(
            name=name,
            deployment=self.deployment,
            account=None,
            region=self.deployment.region,
            purposes=("iam",),
            organizational_path=path,
        )
        self.made["", "", reader] = stack
        return stack

    def ordered(self) -> list[Stack]:
        """Return the stacks, each after those it depends on, otherwise as they were made."""
        waiting = list(self.made.values())
        done: list[Stack] = []
        while waiting:
            names = {stack.name for stack in done}
            ready = next(stack for stack in waiting if names.issuperset(stack.depends_on))
            waiting.remove(ready)
            ready.describe()
            done.append(ready)
        return done


def _places(deployment: Deployment) -> set[tuple[str, str]]:
    """Return every account and Region that gets a stack; a reader elsewhere is a place of its own."""
    places = {(deployment.key_account.id, deployment.region), (deployment.bucket_account.id, deployment.region)}
    places |= {(trail.account.id, trail.settings.home_region) for trail in deployment.trails}
    places |= {(store.account.id, store.settings.region) for store in deployment.stores}
    for reader in deployment.readers:
        places.add((reader.account.id if reader.account else "*", deployment.region))
    return places
