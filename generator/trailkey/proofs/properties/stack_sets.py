"""What must hold of the targets of stack sets: every setting of one is one that AWS has to be given so."""

from __future__ import annotations

from typing import TYPE_CHECKING

from trailkey.output.manifest import AutoDeployment, StackSet, as_json

if TYPE_CHECKING:
    from collections.abc import Iterator

    from trailkey.config.deployment import Deployment
    from trailkey.inventory.folder import StackAsDeployed
    from trailkey.proofs.properties.entitlements import Entitlements


def misdirected(one: StackAsDeployed, deployment: Deployment, grantees: Entitlements) -> Iterator[str]:
    """Yield what is wrong with the target of a stack set: that of its policies, or of its trail."""
    target = one.stack.stack_set
    wanted = [*_of_policies(one, deployment, grantees), *_of_trails(one, deployment)]
    for each in wanted or [_over(deployment, deployment.region, ("",))]:
        if target != each:
            yield f"stack set {one.stack.stack} has the target {as_json(target)}, not {as_json(each)}"


def _of_policies(one: StackAsDeployed, deployment: Deployment, grantees: Entitlements) -> Iterator[StackSet]:
    for unit in sorted({unit for policy in one.policies.identities for unit in grantees.units(policy)}):
        yield _over(deployment, deployment.region, (unit,))


def _of_trails(one: StackAsDeployed, deployment: Deployment) -> Iterator[StackSet]:
    """Yield the accounts of a trail: its units; or those listed, which are found below the root, and which nobody joins.

    https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_DeploymentTargets.html
    """
    names = {each.name for each in one.policies.resources if each.kind == "AWS::CloudTrail::Trail"}
    root = (deployment.config.organization and deployment.config.organization.root_id) or ""
    for trails in deployment.trail_sets:
        settings = trails[0].settings
        if settings.name in names:
            accounts = tuple(trail.account.id for trail in trails if trail.account)
            units = settings.organizational_unit_ids or (root,)
            yield _over(deployment, settings.home_region, units, accounts)


def _over(deployment: Deployment, region: str, units: tuple[str, ...], accounts: tuple[str, ...] = ()) -> StackSet:
    return StackSet(
        account=deployment.management.id if deployment.management else "",
        region=region,
        auto_deployment=AutoDeployment(enabled=not accounts),
        organizational_unit_ids=units,
        accounts=accounts,
        regions=(region,),
    )
