"""Which stack holds what: one where everything is in one account and Region, else one for each account and purpose."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from troposphere import encode_to_dict

from trailkey.cloudformation.intrinsics import Place, resolve
from trailkey.config.deployment import identifier
from trailkey.config.watched import watched
from trailkey.output.manifest import BUCKET_POLICY_STEP, AutoDeployment, StackSet
from trailkey.statements import identity
from trailkey.statements.bucket import log_bucket_policy
from trailkey.statements.builders import document
from trailkey.templates.alarm import add_alarm
from trailkey.templates.bucket import add_bucket, ask_for_no_scp, ask_for_settings
from trailkey.templates.key import KEY, add_key
from trailkey.templates.lake import add_store
from trailkey.templates.managed_policies import add_deployer, add_key_roles, add_reader, tell_owner
from trailkey.templates.stack import Stack, reader_step
from trailkey.templates.stack_outputs import add_stack_output_role, stack_output
from trailkey.templates.trail import add_trail

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import Any

    from trailkey.config.account import Account
    from trailkey.config.deployment import Deployment, Trail
    from trailkey.config.watched import Watched

NAMES_OF_FILES = re.compile(r"rollout|bucket-policy|config|bootstrap|deployer-policy-\d{12}")
"""What other files of the output are called; a stack is not, or its template would be overwritten."""


def existing_bucket_policy(deployment: Deployment) -> dict[str, Any]:
    """Return the statements that the policy of an existing bucket needs, as S3 takes them: no functions, this partition."""
    place = Place(account=deployment.bucket_account.id, region=deployment.region, partition=deployment.partition)
    return resolve(encode_to_dict(document(log_bucket_policy(deployment))), {}, place)  # type: ignore[no-any-return]  # a policy is a mapping


def build(deployment: Deployment) -> list[Stack]:
    """Return the stacks of a deployment in the order they are deployed in, each after those it needs."""
    layout = Layout(deployment)
    for part in PARTS:
        part(layout)
    return layout.ordered()


class Layout:
    """The stacks made so far, by place and purpose."""

    def __init__(self, deployment: Deployment) -> None:
        self.deployment = deployment
        self.made: dict[tuple[str, str, str], Stack] = {}
        self.taking: list[Stack] = []
        self.single = deployment.is_one_stack

    @property
    def key_stack(self) -> Stack:
        """The stack of the trails' key."""
        return self.of(self.deployment.key_account, self.deployment.region, "key")

    def key_arn(self, stack: Stack) -> Any:
        """Return the ARN of the trails' key as a stack has it."""
        source, asked = self.key_stack, self.deployment.config.rollout.references == "stack_output"
        if asked and stack.account is not None and stack is not source:
            self.taking.append(stack)
            return stack_output(stack, source, f"{KEY}Arn")
        return stack.key_arn(source, KEY)

    def of(self, account: Account, region: str, purpose: str, detail: str = "") -> Stack:
        """Return the stack of a purpose in an account and Region, made when first asked for; ``detail`` sets some apart."""
        if self.single:
            place, name = (account.id, region, ""), self.deployment.name
            if NAMES_OF_FILES.fullmatch(name):
                name = f"{name}-stack"
        else:
            kind = f"{purpose}-{detail}" if detail else purpose
            place, name = (account.id, region, kind), f"{account.name}-{kind}"
            if any(stack.name == name for key, stack in self.made.items() if key != place):
                name = f"{name}-{region}"
        if place not in self.made:
            self.made[place] = Stack(name=name, deployment=self.deployment, account=account, region=region, purposes=())
        stack = self.made[place]
        if purpose not in stack.purposes:
            stack.purposes = (*stack.purposes, purpose)
        return stack

    def over_path(self, path: str, reader: str) -> Stack:
        """Return the stack set over an organization path, for one reader."""
        units = (self.deployment.organizational_unit(path),)
        return self._over(reader, "iam", self.deployment.region, path, units)

    def over_trails(self, trails: Sequence[Trail]) -> Stack:
        """Return the stack set of a trail in several accounts: those of its units, now and later, or those listed.

        See: https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/account-level-targets.html
        """
        settings = trails[0].settings
        name, region = f"trail-{identifier(settings.name).lower()}", settings.home_region
        if settings.organizational_unit_ids:
            units = settings.organizational_unit_ids
            return self._over(name, "trail", region, ", ".join(units), units)
        accounts = tuple(trail.account.id for trail in trails if trail.account)
        root = (self.deployment.organizational_unit(""),)
        return self._over(name, "trail", region, f"{settings.name} ({len(accounts)})", root, accounts)

    def _over(
        self,
        detail: str,
        purpose: str,
        region: str,
        covers: str,
        units: tuple[str, ...],
        accounts: tuple[str, ...] = (),
    ) -> Stack:
        name, management = f"organization-{detail}", self.deployment.management
        if any(stack.name == name for stack in self.made.values()):  # an account may be called organization
            name = f"{name}-stack-set"
        self.made["", "", detail] = stack = Stack(
            name=name,
            deployment=self.deployment,
            account=None,
            region=region,
            purposes=(purpose,),
            stack_set=StackSet(
                account=management.id if management else "",
                region=region,
                # Nobody joins a list of accounts.
                auto_deployment=AutoDeployment(enabled=not accounts),
                organizational_unit_ids=units,
                accounts=accounts,
                regions=(region,),
            ),
            covers=covers,
        )
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


def _key(layout: Layout) -> None:
    add_key(layout.key_stack, layout.deployment)


def _bucket(layout: Layout) -> None:
    deployment, name = layout.deployment, layout.deployment.config.bucket.name
    if not deployment.config.bucket.existing:
        stack = layout.of(deployment.bucket_account, deployment.region, "bucket")
        add_bucket(stack, deployment, layout.key_arn(stack))
        ask_for_no_scp(stack, deployment.bucket_account)
        return
    ask_for_settings(layout.key_stack)
    layout.key_stack.asks(
        BUCKET_POLICY_STEP,
        deployment.bucket_account.id,
        f"The policy of bucket {name} (account {deployment.bucket_account.id}) holds the statements of bucket-policy.json before a trail is deployed; add them, replace none that others need.",
        arn=f"arn:{deployment.partition}:s3:::{name}",
    )


def _key_roles(layout: Layout) -> None:
    stack = layout.of(layout.deployment.key_account, layout.deployment.region, "iam")
    add_key_roles(stack, layout.key_arn(stack))
    for owner in layout.deployment.deploying_elsewhere:
        stack = layout.of(owner, layout.deployment.region, "iam")
        describes = identity.describes_key(layout.key_arn(stack))
        add_deployer(stack, owner.deployer or "", "TrailDeployer", describes, ("accounts", owner.name, "deployer"))


def _trails(layout: Layout) -> None:
    deployment = layout.deployment
    placed = [
        (trail, layout.of(trail.account, trail.settings.home_region, "trail"))
        for trail in deployment.trails
        if trail.account and not trail.in_set
    ]
    placed += [(trails[0], layout.over_trails(trails)) for trails in deployment.trail_sets]
    for trail, stack in placed:
        add_trail(stack, deployment, trail, layout.key_arn(stack))
        if not deployment.config.bucket.existing:
            stack.needs(layout.of(deployment.bucket_account, deployment.region, "bucket"))
        if stack.account in deployment.deploying_elsewhere:
            stack.needs(layout.of(stack.account, deployment.region, "iam"))


def _stores(layout: Layout) -> None:
    for store in layout.deployment.stores:
        add_store(layout.of(store.account, store.settings.region, "lake", store.identifier.lower()), store)


def _readers(layout: Layout) -> None:
    deployment = layout.deployment
    for reader in deployment.readers:
        if reader.account and not reader.account.ours:
            tell_owner(layout.key_stack, reader, reader.account)
            continue
        if reader.iam_policy == "none":
            if step := reader.kind.step:
                layout.key_stack.before.append(reader_step(step, deployment.key_account.id, value=reader.value))
            continue
        homes = [layout.of(reader.account, deployment.region, "iam")] if reader.account else []
        if reader.account is None:
            homes.append(layout.over_path(reader.value, reader.name))
            if deployment.management is not None and reader.covers_root:
                # Service-managed stack sets skip the management account, which is below the root only.
                homes.append(layout.of(deployment.management, deployment.region, "iam"))
        for stack in homes:
            add_reader(stack, reader, layout.key_arn(stack))


def _alarms(layout: Layout) -> None:
    alarm = layout.deployment.config.key.alarm
    places: dict[tuple[str, str], list[Watched]] = {}
    for one in watched(layout.deployment):
        places.setdefault(one.place, []).append(one)
    for things in places.values():
        stack = layout.of(things[0].account, things[0].region, "alarm")
        of_the_key = any(one.kind == "key" for one in things)
        if alarm:
            add_alarm(stack, alarm, things, layout.key_arn(stack) if of_the_key else None)


def _stack_outputs(layout: Layout) -> None:
    home = layout.deployment.key_account
    others = {stack.account.id: stack.account for stack in layout.taking if stack.account and stack.account != home}
    if others:
        add_stack_output_role(layout.key_stack, [one.deployer or "" for one in others.values()])


PARTS: list[Callable[[Layout], None]] = [_key, _bucket, _key_roles, _trails, _stores, _readers, _alarms, _stack_outputs]
"""What a deployment is made of, in the order in which its stacks are made. A new kind of stack is one entry."""
