"""What must hold of Fn::GetStackOutput: who reads which Output by which role, and that this role does nothing else.

What a reference gives is judged where it is used, as every other value: it is the ARN of the key that the policies mean.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from trailkey.cloudformation.intrinsics import resolve
from trailkey.cloudformation.shapes import within
from trailkey.errors import PolicyError
from trailkey.intent.from_config import trail_key_intent
from trailkey.output.manifest import DEPLOYER_POLICY

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from trailkey.config.deployment import Deployment
    from trailkey.inventory.folder import Folder, StackAsDeployed

_ROLE = "AWS::IAM::Role"


def misreferenced(deployment: Deployment, folder: Folder) -> Iterator[str]:
    """Yield what is wrong with references, with the role that reads Outputs, and with who may take it on."""
    deployers = {account.id: account.deployer for account in deployment.accounts.values()}
    takers: dict[str, str] = {}
    for one in folder.stacks:
        for reference in _references(one.template):
            if deployment.config.rollout.references != "stack_output" or one.stack.stack_set:
                yield f"stack {one.stack.stack} uses Fn::GetStackOutput, which the config does not ask for"
            if reference["StackName"] not in one.stack.depends_on:
                yield f"stack {one.stack.stack} takes an Output of {reference['StackName']} and does not depend on it"
            if "RoleArn" in reference:
                takers[one.place.account] = deployers.get(one.place.account) or ""
                yield from _unread(one, resolve(reference["RoleArn"], one.template, one.place), deployment, folder)
    for one in folder.stacks:
        for name in sorted(output_roles(one, deployment)):
            try:
                yield from (f"{one.stack.template}: role {name} {what}" for what in _wrong(one, name, takers))
            except (AttributeError, KeyError, TypeError, ValueError, PolicyError) as error:
                yield f"{one.stack.template}: role {name} is not one as trailkey generate writes it ({error!r})"


def output_roles(one: StackAsDeployed, deployment: Deployment) -> set[str]:
    """Return the logical ids of the role by which other accounts read the Outputs of the key's stack: one, or none."""
    account, region = trail_key_intent(deployment).account, trail_key_intent(deployment).region
    if deployment.config.rollout.references != "stack_output" or one.stack.home != (account, region):
        return set()
    return {
        name
        for name, resource in one.template["Resources"].items()
        if resource["Type"] == _ROLE and resource["Properties"].get("RoleName") == _role_name(deployment)
    }


def _role_name(deployment: Deployment) -> str:
    return f"{deployment.name}-stack-output"


def _references(value: Any) -> Iterator[Mapping[str, Any]]:
    for one in within(value):
        if isinstance(one, dict) and isinstance(found := one.get("Fn::GetStackOutput"), dict):
            yield found


def _unread(one: StackAsDeployed, role: Any, deployment: Deployment, folder: Folder) -> Iterator[str]:
    """Yield why the deployer of a stack cannot take on the role that reads the Output."""
    wanted = f"arn:{deployment.partition}:iam::{deployment.key_account.id}:role/{_role_name(deployment)}"
    if role != wanted:
        yield f"stack {one.stack.stack} reads an Output by {role}, not by {wanted}"
    made = [output_roles(each, deployment) for each in folder.stacks]
    if not any(made):
        yield f"no stack makes {wanted}, by which stack {one.stack.stack} reads an Output"
    file = DEPLOYER_POLICY.format(one.place.account)
    statements = json.loads(folder.files[file])["Statement"] if file in folder.files else []
    taking_on = ("Allow", ["sts:AssumeRole"], [wanted], None)
    if taking_on not in [
        (each["Effect"], each["Action"], each["Resource"], each.get("Condition")) for each in statements
    ]:
        yield f"{file} does not allow sts:AssumeRole on {wanted} and nothing else"


def _wrong(one: StackAsDeployed, name: str, takers: Mapping[str, str]) -> Iterator[str]:
    """Yield what is wrong with the role: whom it trusts, and what it may do but see its stack."""
    resources = one.template["Resources"]
    properties = resolve(resources[name]["Properties"], one.template, one.place)
    if others := properties.keys() - {"AssumeRolePolicyDocument", "RoleName", "Tags"}:
        yield f"has {', '.join(sorted(others))}"
    partition, account = one.place.partition, one.place.account
    (trust,) = properties["AssumeRolePolicyDocument"]["Statement"]
    roots = {f"arn:{partition}:iam::{taker}:root" for taker in takers}
    held = {"ArnLike": {"aws:PrincipalArn": sorted(set(takers.values()))}}
    who = {
        operator: {key: sorted(_listed(value)) for key, value in keys.items()}
        for operator, keys in trust.get("Condition", {}).items()
    }
    if (trust["Effect"], _listed(trust["Action"]), trust["Principal"].keys()) != ("Allow", ["sts:AssumeRole"], {"AWS"}):
        yield "trusts others than the deployers of other accounts"
    elif set(_listed(trust["Principal"]["AWS"])) != roots or who != held:
        yield f"does not trust {', '.join(sorted(takers.values()))} and nobody else"
    attached = [
        resolve(each["Properties"]["PolicyDocument"], one.template, one.place)
        for each in resources.values()
        if each["Type"] == "AWS::IAM::Policy" and {"Ref": name} in each["Properties"]["Roles"]
    ]
    stack = f"arn:{partition}:cloudformation:{one.place.region}:{account}:stack/{one.stack.stack}/*"
    allowed = [
        (statement["Effect"], _listed(statement["Action"]), _listed(statement["Resource"]))
        for policy in attached
        for statement in policy["Statement"]
    ]
    if allowed != [("Allow", ["cloudformation:DescribeStacks"], [stack])]:
        yield f"is allowed something else than cloudformation:DescribeStacks on {stack}"


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]
