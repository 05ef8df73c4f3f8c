"""deployer-policy-<account>.json: what the role that runs an account's stacks must be allowed before the first of them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from trailkey.cloudformation.intrinsics import Place, resolve
from trailkey.cloudformation.shapes import within
from trailkey.rollout.handlers import WITHOUT_RESOURCE, Made, calls_for

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping

    from trailkey.output.manifest import DeployedStack, Manifest

_OF_STACKS: Final = (
    "CreateChangeSet",
    "DeleteChangeSet",
    "DeleteStack",
    "DescribeChangeSet",
    "DescribeEvents",
    "DescribeStackEvents",
    "DescribeStacks",
    "ExecuteChangeSet",
    "GetTemplate",
    "UpdateTerminationProtection",
)
_OF_STACK_SETS: Final = (
    "CreateStackInstances",
    "CreateStackSet",
    "DescribeStackSet",
    "DescribeStackSetOperation",
    "ListStackInstances",
    "ListStackSetOperationResults",
    "UpdateStackSet",
)


def deployer_policies(
    manifest: Manifest, documents: Mapping[str, Mapping[str, Any]], engines: Collection[str]
) -> dict[str, dict[str, Any]]:
    """Return the IAM policy of each account's deployer, by account id; of an account in which it runs no stack and no set none.

    It allows what the handlers of its resource types call (rollout/handlers.py) on the resources of its stacks, and the calls of
    CloudFormation for those who take on the role themselves. What stacks of a stack set make is made by StackSets' own role.

    Args:
        manifest: the stacks.
        documents: the document of each template, by the name of its file.
        engines: what deploys: CodePipeline takes on the role and hands it to CloudFormation.
    """
    found: dict[str, _Statements] = {}
    for stack in manifest.stacks:
        into = found.setdefault(stack.home[0], _Statements())
        if stack.stack_set is None:
            for made, kind in _resources(manifest, stack, documents[stack.template]):
                for call, on, condition in calls_for(kind, made):
                    into.add(call.name, call.actions, on, condition)
        if roles := sorted(set(_roles_taken(documents[stack.template], manifest.partition))):
            into.add("ReadOutputs", ["sts:AssumeRole"], roles, {})
        _add_cloudformation(into, manifest.partition, stack)
        if "codepipeline" in engines and stack.deployer and stack.stack_set is None:
            to = {"StringEquals": {"iam:PassedToService": "cloudformation.amazonaws.com"}}
            into.add("PassItself", ["iam:PassRole"], [stack.deployer], to)
    return {account: into.document() for account, into in found.items() if account}


def _resources(manifest: Manifest, stack: DeployedStack, document: Mapping[str, Any]) -> Iterator[tuple[Made, str]]:
    """Yield the resources of a stack with their types; names stand in their properties as they will be deployed."""
    account, region = stack.home
    holders = {step.arn.rpartition("/")[2]: step.arn for step in manifest.before if step.account == account}
    parameters = dict.fromkeys(stack.parameters, "")  # ARNs of keys, which name nothing that is made
    place = Place(account=account, region=region, partition=manifest.partition, parameters=parameters)
    for resource in document["Resources"].values():
        names = {key: value for key, value in resource["Properties"].items() if key in _NAMES}
        made = Made(stack=stack.stack, place=place, properties=resolve(names, document, place), holders=holders)
        yield made, resource["Type"]


def _roles_taken(value: Any, partition: str) -> Iterator[str]:
    """Yield the roles by which CloudFormation reads Outputs of stacks in other accounts."""
    for one in within(value):
        if isinstance(one, dict) and (role := one.get("Fn::GetStackOutput", {}).get("RoleArn")):
            yield str(resolve(role, {}, Place(account="", region="", partition=partition)))


_NAMES: Final = frozenset(
    (
        "AliasName",
        "Bucket",
        "BucketName",
        "LogGroupName",
        "ManagedPolicyName",
        "Name",
        "RoleName",
        "Roles",
        "TopicName",
        "TrailName",
        "Users",
    )
)
"""The properties that say what a resource is called, or to whom a policy is attached."""


def _add_cloudformation(into: _Statements, partition: str, stack: DeployedStack) -> None:
    account, region = stack.home
    base = f"arn:{partition}:cloudformation:{region}:{account}"
    if stack.stack_set is None:
        into.add("Stacks", [f"cloudformation:{name}" for name in _OF_STACKS], [f"{base}:stack/{stack.stack}/*"], {})
        return
    sets = [f"{base}:stackset/{stack.stack}:*", f"{base}:stackset-target/{stack.stack}:*"]
    into.add("StackSets", [f"cloudformation:{name}" for name in _OF_STACK_SETS], sets, {})
    into.add(
        "ReadAll",
        ["cloudformation:DescribeOrganizationsAccess", "organizations:ListAWSServiceAccessForOrganization"],
        ["*"],
        {},
    )


@dataclass(slots=True)
class _Statements:
    """Statements in the making, by name: actions, resources and condition values each once."""

    made: dict[str, dict[str, Any]] = field(default_factory=dict)

    def add(self, name: str, actions: Any, on: list[str], condition: dict[str, dict[str, Any]]) -> None:
        """Add what is called on resources to the statement of a name."""
        if "*" in on and not WITHOUT_RESOURCE.issuperset(actions):
            raise ValueError(f"{name}: {sorted(set(actions) - WITHOUT_RESOURCE)} would be allowed on every resource")
        one = self.made.setdefault(name, {"Action": set(), "Resource": set(), "Condition": {}})
        one["Action"].update(actions)
        one["Resource"].update(on)
        for operator, keys in condition.items():
            for key, value in keys.items():
                values = one["Condition"].setdefault(operator, {}).setdefault(key, set())
                values.update([value] if isinstance(value, str) else value)

    def document(self) -> dict[str, Any]:
        """Return the policy, each list in order."""
        statements = []
        for name, one in self.made.items():
            statement: dict[str, Any] = {
                "Sid": name,
                "Effect": "Allow",
                "Action": sorted(one["Action"]),
                "Resource": sorted(one["Resource"]),
            }
            if one["Condition"]:
                statement["Condition"] = {
                    operator: {key: sorted(values) for key, values in keys.items()}
                    for operator, keys in one["Condition"].items()
                }
            statements.append(statement)
        return {"Version": "2012-10-17", "Statement": statements}
