"""rollout.json: the stacks in deployment order, with target, parameters, capabilities and what must hold before."""

from __future__ import annotations

import hashlib
import re
from typing import TYPE_CHECKING, Any

from generator.aws import TEMPLATE_BODY_BYTES

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from generator.config.deployment import Deployment
    from generator.templates.scope import Scope

FORMAT = 1
KEPT = {"AWS::KMS::Key", "AWS::S3::Bucket", "AWS::CloudTrail::Trail", "AWS::CloudTrail::EventDataStore"}
STACK_SETS = "Trusted access for CloudFormation StackSets is on in the organization: aws cloudformation activate-organizations-access"


def plan(deployment: Deployment, scopes: Sequence[Scope], files: Mapping[str, bytes]) -> dict[str, Any]:
    """Return rollout.json as a mapping; ``files`` holds every other file of the folder.

    Preconditions come in the order of the stacks, each once. Stack sets are service-managed, in one Region: IAM is global.
    See: https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/stacksets-concepts.html
    """
    preconditions = [STACK_SETS] if any(scope.account is None for scope in scopes) else []
    preconditions += [precondition for scope in scopes for precondition in scope.preconditions]
    return {
        "format": FORMAT,
        "name": deployment.name,
        "preconditions": list(dict.fromkeys(preconditions)),
        "stacks": [_stack(scope, files) for scope in scopes],
        "files": {name: _hash(content) for name, content in sorted(files.items())},
    }


def template_name(scope: Scope, files: Mapping[str, bytes]) -> str:
    """Return the file of a stack's template, whatever its format."""
    return next(name for name in files if name.rpartition(".")[0] == scope.name)


def _hash(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def _stack(scope: Scope, files: Mapping[str, bytes]) -> dict[str, Any]:
    file = template_name(scope, files)
    content = files[file]
    kinds = {resource.resource_type for resource in scope.template.resources.values()}
    return {
        "stack": scope.name,
        "template": file,
        "sha256": _hash(content),
        "delivery": "template_body" if len(content) <= TEMPLATE_BODY_BYTES else "template_url",
        "target": _target(scope),
        "parameters": {
            name: {"output": f"{value.stack}.{value.output}"} for name, value in sorted(scope.parameters.items())
        },
        "capabilities": _capabilities(scope),
        "depends_on": list(scope.depends_on),
        "termination_protection": scope.account is not None and bool(kinds & KEPT),
    }


def _target(scope: Scope) -> dict[str, Any]:
    if scope.account is not None:
        return {"account": scope.account.id, "region": scope.region}
    return {
        "stack_set": {
            "permission_model": "SERVICE_MANAGED",
            "organizational_unit_ids": [_unit(scope)],
            "regions": [scope.region],
        }
    }


def _unit(scope: Scope) -> str:
    """Return the organizational unit (or root) that an organization path ends in."""
    units = re.findall(r"(?:ou|r)-[0-9a-z-]+", scope.organizational_path or "")
    if units:
        return str(units[-1])
    organization = scope.deployment.config.organization
    if organization is None or organization.root_id is None:
        raise ValueError(f"stack set {scope.name} has no target")  # the config refuses such a reader
    return organization.root_id


def _capabilities(scope: Scope) -> list[str]:
    """Return what CloudFormation wants acknowledged.

    See: https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_CreateStack.html (Capabilities)
    """
    iam = [
        resource for resource in scope.template.resources.values() if resource.resource_type.startswith("AWS::IAM::")
    ]
    if any("ManagedPolicyName" in resource.properties or "RoleName" in resource.properties for resource in iam):
        return ["CAPABILITY_NAMED_IAM"]
    return ["CAPABILITY_IAM"] if iam else []
