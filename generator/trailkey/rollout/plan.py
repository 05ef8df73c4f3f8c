"""rollout.json: the stacks in deployment order, with target, parameters, capabilities and what must hold before."""

from __future__ import annotations

import hashlib
import re
from typing import TYPE_CHECKING, Any

from trailkey.aws import TEMPLATE_BODY_BYTES

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from trailkey.config.deployment import Deployment
    from trailkey.templates.stack import Stack

FORMAT = 1
KEPT = {"AWS::KMS::Key", "AWS::S3::Bucket", "AWS::CloudTrail::Trail", "AWS::CloudTrail::EventDataStore"}
STACK_SETS = "Trusted access for CloudFormation StackSets is on in the organization: aws cloudformation activate-organizations-access"


def plan(deployment: Deployment, stacks: Sequence[Stack], files: Mapping[str, bytes]) -> dict[str, Any]:
    """Return rollout.json as a mapping; ``files`` holds every other file of the folder.

    Preconditions come in the order of the stacks, each once. Stack sets are service-managed, in one Region: IAM is global.
    See: https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/stacksets-concepts.html
    """
    preconditions = [STACK_SETS] if any(stack.account is None for stack in stacks) else []
    preconditions += [precondition for stack in stacks for precondition in stack.preconditions]
    return {
        "format": FORMAT,
        "name": deployment.name,
        "preconditions": list(dict.fromkeys(preconditions)),
        "stacks": [_stack(stack, files) for stack in stacks],
        "files": {name: _hash(content) for name, content in sorted(files.items())},
    }


def template_name(stack: Stack, files: Mapping[str, bytes]) -> str:
    """Return the file of a stack's template, whatever its format."""
    return next(name for name in files if name.rpartition(".")[0] == stack.name)


def _hash(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def _stack(stack: Stack, files: Mapping[str, bytes]) -> dict[str, Any]:
    file = template_name(stack, files)
    content = files[file]
    kinds = {resource.resource_type for resource in stack.template.resources.values()}
    return {
        "stack": stack.name,
        "template": file,
        "sha256": _hash(content),
        "delivery": "template_body" if len(content) <= TEMPLATE_BODY_BYTES else "template_url",
        "target": _target(stack),
        "parameters": {
            name: {"output": f"{value.stack}.{value.output}"} for name, value in sorted(stack.parameters.items())
        },
        "capabilities": _capabilities(stack),
        "depends_on": list(stack.depends_on),
        "termination_protection": stack.account is not None and bool(kinds & KEPT),
    }


def _target(stack: Stack) -> dict[str, Any]:
    if stack.account is not None:
        return {"account": stack.account.id, "region": stack.region}
    return {
        "stack_set": {
            "permission_model": "SERVICE_MANAGED",
            "organizational_unit_ids": [_unit(stack)],
            "regions": [stack.region],
        }
    }


def _unit(stack: Stack) -> str:
    """Return the organizational unit (or root) that an organization path ends in."""
    units = re.findall(r"(?:ou|r)-[0-9a-z-]+", stack.organizational_path or "")
    if units:
        return str(units[-1])
    organization = stack.deployment.config.organization
    if organization is None or organization.root_id is None:
        raise ValueError(f"stack set {stack.name} has no target")  # the config refuses such a reader
    return organization.root_id


def _capabilities(stack: Stack) -> list[str]:
    """Return what CloudFormation wants acknowledged.

    See: https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_CreateStack.html (Capabilities)
    """
    iam = [
        resource for resource in stack.template.resources.values() if resource.resource_type.startswith("AWS::IAM::")
    ]
    if any("ManagedPolicyName" in resource.properties or "RoleName" in resource.properties for resource in iam):
        return ["CAPABILITY_NAMED_IAM"]
    return ["CAPABILITY_IAM"] if iam else []
