"""Calls of CloudFormation as its API takes them: for ``--cli-input-json``. No key is younger than a year; older CLIs refuse those."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from trailkey.rollout.engines.values import parameter_list, tag_list

if TYPE_CHECKING:
    from trailkey.output.manifest import DeployedStack, StackSet
    from trailkey.rollout.engines.values import EngineInput


def change_set(given: EngineInput, stack: DeployedStack) -> dict[str, Any]:
    """Return the input of create-change-set that creates a stack; an update says ``--change-set-type UPDATE`` beside it.

    The change set is named after its stack.
    """
    return {
        "StackName": stack.stack,
        "ChangeSetName": stack.stack,
        "ChangeSetType": "CREATE",
        "Parameters": parameter_list(given, stack),
        "Capabilities": list(stack.capabilities),
        "Tags": tag_list(stack),
    }


def stack_set(given: EngineInput, stack: DeployedStack, target: StackSet) -> dict[str, Any]:
    """Return the input of create-stack-set; update-stack-set takes the same."""
    return {
        "StackSetName": stack.stack,
        "PermissionModel": target.permission_model,
        "CallAs": target.call_as,
        "AutoDeployment": {
            "Enabled": target.auto_deployment.enabled,
            "RetainStacksOnAccountRemoval": target.auto_deployment.retain_stacks_on_account_removal,
        },
        "ManagedExecution": {"Active": True},
        "Parameters": parameter_list(given, stack),
        "Capabilities": list(stack.capabilities),
        "Tags": tag_list(stack),
    }


def instances(stack: DeployedStack, target: StackSet) -> dict[str, Any]:
    """Return the input of create-stack-instances."""
    targets: dict[str, Any] = {"OrganizationalUnitIds": list(target.organizational_unit_ids)}
    if target.accounts:
        targets |= {"Accounts": list(target.accounts), "AccountFilterType": "INTERSECTION"}
    return {
        "StackSetName": stack.stack,
        "CallAs": target.call_as,
        "Regions": list(target.regions),
        "DeploymentTargets": targets,
        "OperationPreferences": {_camel(name): value for name, value in target.operation_preferences.items()},
    }


def _camel(name: str) -> str:
    """Return a key of rollout.json as the API spells it."""
    return "".join(word.capitalize() for word in name.split("_"))
