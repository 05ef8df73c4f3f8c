"""For Customizations for AWS Control Tower (CfCT): a manifest, version 2021-03-15."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any, Final

from trailkey.rollout.engines.names import unit_names
from trailkey.rollout.engines.values import from_outputs, given_out, value_of, yaml_file

if TYPE_CHECKING:
    from trailkey.output.manifest import DeployedStack
    from trailkey.rollout.engines.values import EngineInput

ROLE: Final = "role/AWSControlTowerExecution"
"""The role that makes every stack: CfCT's stack sets are self-managed, so that the management account is one of their targets.
https://github.com/aws-solutions/aws-control-tower-customizations"""

_HEAD: Final = """\
Deployment {name}, for Customizations for AWS Control Tower. Built by trailkey: change the config, not this file.
Put it at the top of the configuration package as manifest.yaml, or add its resources to yours, and the templates into templates/.

- Every stack is made by role AWSControlTowerExecution of its account: it is the deployer of each account, or KMS refuses the key.
- The key's ARN goes from stack to stack through the parameters below /trailkey/{name}/ of Parameter Store. A run in which a later
  resource fails writes none: then take the value from describe-stacks, with trailkey fill.
- A parameter is one value for all accounts, the last one's: the stack that gives it out is in one account.
- Termination protection and the steps of rollout.json are not CfCT's: see README.md beside the templates.{marks}"""


def files(given: EngineInput) -> dict[str, bytes]:
    """Return ``cfct/manifest.yaml``: a resource for each stack, in their order.

    See: https://docs.aws.amazon.com/controltower/latest/userguide/cfct-manifest-file-resources-section.html
    """
    manifest = given.manifest
    document = {
        "region": manifest.stacks[0].home[1],
        "version": dt.date(2021, 3, 15),
        "resources": [_resource(given, stack) for stack in manifest.stacks],
    }
    text = str(document)
    marks = (
        "\n- Names in angle brackets are yours to write: rollout.organizational_unit_names says them."
        if "<ou-" in text or "<r-" in text
        else ""
    )
    return {"cfct/manifest.yaml": yaml_file(_HEAD.format(name=manifest.name, marks=marks), document)}


def _resource(given: EngineInput, stack: DeployedStack) -> dict[str, Any]:
    name = given.manifest.name
    if stack.stack_set is not None:
        targets: dict[str, Any] = {"organizational_units": unit_names(given, stack.stack_set)}
        if stack.stack_set.accounts:
            targets = {"accounts": list(stack.stack_set.accounts)}
    else:
        targets = {"accounts": [stack.home[0]]}
    resource: dict[str, Any] = {
        "name": stack.stack,
        "resource_file": f"templates/{stack.template}",
        "deploy_method": "stack_set",
        "deployment_targets": targets,
        "regions": [stack.region],
    }
    unknown = {
        parameter: f"$[alfred_ssm_/trailkey/{name}/{value.stack}/{value.name}]"
        for parameter, value in from_outputs(stack)
        if value.output not in given.values
    }
    if stack.parameters:
        resource["parameters"] = [
            {"parameter_key": parameter, "parameter_value": unknown.get(parameter, value_of(given, value))}
            for parameter, value in stack.parameters.items()
        ]
    if outputs := given_out(given.manifest).get(stack.stack):
        resource["export_outputs"] = [
            {"name": f"/trailkey/{name}/{stack.stack}/{output}", "value": f"$[output_{output}]"} for output in outputs
        ]
    return resource
