"""For CodePipeline: a template configuration file for each stack, and a template of a pipeline that deploys them in order."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

from trailkey import cloudformation
from trailkey.output.manifest import PIPELINE
from trailkey.rollout.engines.values import from_outputs, given_out, json_file, value_of

if TYPE_CHECKING:
    from trailkey.output.manifest import DeployedStack, StackSet
    from trailkey.rollout.engines.values import EngineInput

SOURCE: Final = "Source"


def files(given: EngineInput) -> dict[str, bytes]:
    """Return ``pipeline/<stack>.json`` for each stack, and pipeline/pipeline.yaml; in China no pipeline, which lacks its actions.

    See: https://docs.aws.amazon.com/codepipeline/latest/userguide/action-reference-CloudFormation.html,
    https://docs.aws.amazon.com/codepipeline/latest/userguide/action-reference-StackSets.html
    """
    made = {
        f"pipeline/{stack.stack}.json": json_file(
            {
                "Parameters": {name: value_of(given, value) for name, value in stack.parameters.items()},
                "Tags": dict(stack.tags),
            }
        )
        for stack in given.manifest.stacks
    }
    if given.manifest.partition != "aws-cn":
        made[PIPELINE] = cloudformation.dump_yaml(_template(given)).encode()
    return made


def _template(given: EngineInput) -> dict[str, Any]:
    manifest = given.manifest
    regions = sorted({stack.home[1] for stack in manifest.stacks})
    stages = [
        {
            "Name": SOURCE,
            "Actions": [
                {
                    "Name": SOURCE,
                    "ActionTypeId": _type("Source", "AWS", "CodeStarSourceConnection"),
                    "Configuration": {
                        "ConnectionArn": {"Ref": "ConnectionArn"},
                        "FullRepositoryId": {"Ref": "Repository"},
                        "BranchName": {"Ref": "Branch"},
                    },
                    "OutputArtifacts": [{"Name": SOURCE}],
                }
            ],
        },
        *(_stage(given, stack) for stack in manifest.stacks),
    ]
    if len(regions) == 1:
        stores: dict[str, Any] = {"ArtifactStore": {"Type": "S3", "Location": {"Ref": "ArtifactBucket"}}}
        buckets = {
            "ArtifactBucket": f"Existing bucket for artifacts, in {regions[0]}, where this template is deployed."
        }
    else:
        names = {region: f"ArtifactBucket{region.title().replace('-', '')}" for region in regions}
        stores = {
            "ArtifactStores": [
                {"Region": region, "ArtifactStore": {"Type": "S3", "Location": {"Ref": name}}}
                for region, name in names.items()
            ]
        }
        buckets = {name: f"Existing bucket for artifacts, in {region}." for region, name in names.items()}
    parameters = {
        "ConnectionArn": "ARN of the connection to the repository (AWS CodeConnections).",
        "Repository": "Repository that holds output/, OWNER/NAME.",
        "Branch": "The branch that is deployed.",
        **buckets,
    }
    return {
        "AWSTemplateFormatVersion": "2010-09-09",
        "Description": f"Pipeline of deployment {manifest.name}. Its role takes on each deployer, which must trust it and read the artifact bucket. Built by trailkey: change the config, not this file.",
        "Parameters": {name: {"Type": "String", "Description": text} for name, text in parameters.items()},
        "Resources": {
            "Role": _role(given, list(buckets)),
            "Pipeline": {
                "Type": "AWS::CodePipeline::Pipeline",
                "Properties": {
                    "PipelineType": "V2",
                    # One run after the other: two would change the same stacks.
                    "ExecutionMode": "QUEUED",
                    "RoleArn": {"Fn::GetAtt": ["Role", "Arn"]},
                    **stores,
                    "Stages": stages,
                },
            },
        },
        "Outputs": {
            "RoleArn": {"Description": "What the deployers trust.", "Value": {"Fn::GetAtt": ["Role", "Arn"]}},
        },
    }


def _type(category: str, owner: str, provider: str) -> dict[str, str]:
    return {"Category": category, "Owner": owner, "Provider": provider, "Version": "1"}


def _stage(given: EngineInput, stack: DeployedStack) -> dict[str, Any]:
    """Return the stage of a stack: its change set, an approval, its execution. A stack set has no change sets."""
    approval = {"Name": "Approval", "ActionTypeId": _type("Approval", "AWS", "Manual"), "RunOrder": 2}
    if stack.stack_set is not None:
        deploy = _stack_set(given, stack, stack.stack_set)
        return {"Name": stack.stack, "Actions": [{**approval, "RunOrder": 1}, {**deploy, "RunOrder": 2}]}
    path = f"{SOURCE}::output/{given.manifest.name}"
    role = {"RoleArn": stack.deployer or ""}
    named = {"StackName": stack.stack, "ChangeSetName": stack.stack}
    configuration: dict[str, Any] = {
        "ActionMode": "CHANGE_SET_REPLACE",
        **named,
        "TemplatePath": f"{path}/{stack.template}",
        "TemplateConfiguration": f"{path}/pipeline/{stack.stack}.json",
        **role,
    }
    if stack.capabilities:
        configuration["Capabilities"] = ",".join(stack.capabilities)
    unknown = {
        name: f"#{{{value.stack}.{value.name}}}"
        for name, value in from_outputs(stack)
        if value.output not in given.values
    }
    if unknown:
        configuration["ParameterOverrides"] = json.dumps(unknown)
    deploys = {"ActionTypeId": _type("Deploy", "AWS", "CloudFormation"), "Region": stack.home[1], **role}
    execution: dict[str, Any] = {
        "Name": "Execution",
        **deploys,
        "Configuration": {"ActionMode": "CHANGE_SET_EXECUTE", **named},
        "RunOrder": 3,
    }
    if stack.stack in given_out(given.manifest):
        # The Outputs of the stack are variables of this name space.
        execution["Namespace"] = stack.stack
    changes = {
        "Name": "ChangeSet",
        **deploys,
        "Configuration": configuration,
        "InputArtifacts": [{"Name": SOURCE}],
        "RunOrder": 1,
    }
    return {"Name": stack.stack, "Actions": [changes, approval, execution]}


def _stack_set(given: EngineInput, stack: DeployedStack, target: StackSet) -> dict[str, Any]:
    values = []
    for name, value in stack.parameters.items():
        known = value_of(given, value)
        if known.startswith("<"):
            source = dict(from_outputs(stack))[name]
            known = f"#{{{source.stack}.{source.name}}}"
        values.append(f"ParameterKey={name},ParameterValue={known}")
    configuration: dict[str, Any] = {
        "StackSetName": stack.stack,
        "TemplatePath": f"{SOURCE}::output/{given.manifest.name}/{stack.template}",
        "PermissionModel": target.permission_model,
        "CallAs": target.call_as,
        "OrganizationsAutoDeployment": "Enabled" if target.auto_deployment.enabled else "Disabled",
        "DeploymentTargets": ",".join(target.organizational_unit_ids or target.accounts),
        "Regions": ",".join(target.regions),
        "FailureTolerancePercentage": str(target.operation_preferences["failure_tolerance_percentage"]),
        "MaxConcurrentPercentage": str(target.operation_preferences["max_concurrent_percentage"]),
    }
    if values:
        configuration["Parameters"] = " ".join(values)
    if stack.capabilities:
        configuration["Capabilities"] = ",".join(stack.capabilities)
    return {
        "Name": "StackSet",
        "ActionTypeId": _type("Deploy", "AWS", "CloudFormationStackSet"),
        "Region": target.region,
        "RoleArn": stack.deployer or "",
        "Configuration": configuration,
        "InputArtifacts": [{"Name": SOURCE}],
    }


def _role(given: EngineInput, buckets: list[str]) -> dict[str, Any]:
    """Return the role of the pipeline: it takes on the deployers, and reads and writes artifacts.

    See: https://docs.aws.amazon.com/codepipeline/latest/userguide/how-to-custom-role.html
    """
    deployers = sorted({stack.deployer for stack in given.manifest.stacks if stack.deployer})
    arns = [{"Fn::Sub": f"arn:${{AWS::Partition}}:s3:::${{{name}}}"} for name in buckets]
    objects = [{"Fn::Sub": f"arn:${{AWS::Partition}}:s3:::${{{name}}}/*"} for name in buckets]

    def allow(actions: list[str], on: Any) -> dict[str, Any]:
        return {"Effect": "Allow", "Action": actions, "Resource": on}

    statements = [
        allow(["sts:AssumeRole"], deployers),
        allow(["codeconnections:UseConnection", "codestar-connections:UseConnection"], {"Ref": "ConnectionArn"}),
        allow(["s3:GetBucketVersioning"], arns),
        allow(["s3:GetObject", "s3:GetObjectVersion", "s3:PutObject"], objects),
    ]
    trust = {
        "Effect": "Allow",
        "Principal": {"Service": "codepipeline.amazonaws.com"},
        "Action": ["sts:AssumeRole"],
        "Condition": {"StringEquals": {"aws:SourceAccount": {"Ref": "AWS::AccountId"}}},
    }
    return {
        "Type": "AWS::IAM::Role",
        "Properties": {
            "AssumeRolePolicyDocument": {"Version": "2012-10-17", "Statement": [trust]},
            "Policies": [
                {"PolicyName": "Deploy", "PolicyDocument": {"Version": "2012-10-17", "Statement": statements}}
            ],
        },
    }
