"""For Landing Zone Accelerator on AWS (LZA): the stacks and stack sets of a customizations-config.yaml."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from trailkey.rollout.engines.names import account_name, unit_names
from trailkey.rollout.engines.values import value_of, yaml_file

if TYPE_CHECKING:
    from trailkey.output.manifest import DeployedStack, StackSet
    from trailkey.rollout.engines.values import EngineInput

_HEAD: Final = """\
Deployment {name}, for Landing Zone Accelerator on AWS. Built by trailkey: change the config, not this file.
Put its entries into customizations-config.yaml, and the templates into trailkey/ of that repository.

- LZA makes the stacks with a role of its own: it is the deployer of each account in the config, or KMS refuses the key.
- LZA hands no Outputs on: run it with the key's stack alone, then trailkey fill and trailkey generate, and run it with all.
  Values in angle brackets are not known yet, and AWS refuses them; names in angle brackets are yours to write.
- Stack sets here are self-managed, and do not follow accounts that join a unit; a stack that is removed here stays in AWS.
- Steps of rollout.json are not LZA's: see README.md beside the templates.
- A landing zone without its own trail turns CloudTrail's trusted access off: an organization trail then records one account."""


def files(given: EngineInput) -> dict[str, bytes]:
    """Return ``lza/customizations-config.yaml``; names of accounts and units are those of the landing zone.

    See: https://awslabs.github.io/landing-zone-accelerator-on-aws/latest/typedocs/interfaces/packages__aws-accelerator_config_lib_models_customizations-config.ICloudFormationStack.html
    """
    stacks, sets = [], []
    for order, stack in enumerate(given.manifest.stacks, 1):
        if stack.stack_set is None:
            stacks.append(_stack(given, stack, order))
        else:
            sets.append(_stack_set(given, stack, stack.stack_set))
    document = {
        "customizations": {"cloudFormationStacks": stacks, **({"cloudFormationStackSets": sets} if sets else {})}
    }
    return {"lza/customizations-config.yaml": yaml_file(_HEAD.format(name=given.manifest.name), document)}


def _common(given: EngineInput, stack: DeployedStack) -> dict[str, Any]:
    common: dict[str, Any] = {
        "name": stack.stack,
        "template": f"trailkey/{stack.template}",
        "regions": [stack.region],
    }
    if stack.parameters:
        common["parameters"] = [
            {"name": name, "value": value_of(given, value)} for name, value in stack.parameters.items()
        ]
    return common


def _stack(given: EngineInput, stack: DeployedStack, order: int) -> dict[str, Any]:
    return {
        **_common(given, stack),
        # Stacks of one number are made side by side; each here has its own, for they wait for one another.
        "runOrder": order,
        "terminationProtection": stack.termination_protection,
        "deploymentTargets": {"accounts": [account_name(given, stack.home[0])]},
    }


def _stack_set(given: EngineInput, stack: DeployedStack, target: StackSet) -> dict[str, Any]:
    targets: dict[str, Any] = {"organizationalUnits": unit_names(given, target)}
    if target.accounts:
        targets = {"accounts": [account_name(given, account) for account in target.accounts]}
    preferences = target.operation_preferences
    return {
        **_common(given, stack),
        "capabilities": list(stack.capabilities),
        "operationPreferences": {
            "failureTolerancePercentage": preferences["failure_tolerance_percentage"],
            "maxConcurrentPercentage": preferences["max_concurrent_percentage"],
        },
        "deploymentTargets": targets,
    }
