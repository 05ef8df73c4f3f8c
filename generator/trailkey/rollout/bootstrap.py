"""bootstrap.yaml: the roles that the rollout needs, in whichever account it is deployed to."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from trailkey import cloudformation
from trailkey.aws import parse_arn
from trailkey.config.rollout_model import GitHub

if TYPE_CHECKING:
    from collections.abc import Mapping

    from trailkey.config.deployment import Deployment, MadeRole

POLICY: Final = "trailkey"
"""The name of the deployer's inline policy."""
_GITHUB: Final = "token.actions.githubusercontent.com"


def bootstrap(deployment: Deployment, policies: Mapping[str, Mapping[str, Any]]) -> bytes:
    """Return the template: each role under the condition that the stack is in its account, so one file serves all accounts.

    A deployer trusts CloudFormation for stacks of its own account, those that the config names, and GitHub's provider where the
    workflow is asked for and its repository is known. It holds what deployer-policy-<account>.json says.
    See: https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/cross-service-confused-deputy-prevention.html

    Args:
        deployment: the deployment.
        policies: the policy of each account's deployer.
    """
    accounts = dict.fromkeys(account for role in deployment.made_roles if (account := _account(role)))
    resources: dict[str, Any] = {}
    for role in deployment.made_roles:
        resources[_logical_id(role, resources)] = _role(role, deployment, policies)
    document = {
        "AWSTemplateFormatVersion": "2010-09-09",
        "Description": f"Roles for deployment {deployment.name}, in each of its accounts those that are needed there. Built by trailkey: change the config, not this file.",
        "Conditions": {f"In{account}": {"Fn::Equals": [{"Ref": "AWS::AccountId"}, account]} for account in accounts},
        "Resources": resources,
    }
    return cloudformation.dump_yaml(document).encode()


def _account(role: MadeRole) -> str:
    parts = parse_arn(role.arn)
    return parts.account if parts else ""


def _logical_id(role: MadeRole, taken: Mapping[str, Any]) -> str:
    name = f"{role.kind.title().replace(' ', '')}{_account(role)}"
    number = sum(1 for one in taken if one.startswith(name))
    return f"{name}n{number + 1}" if number else name


def _role(role: MadeRole, deployment: Deployment, policies: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    account = _account(role)
    path, _, name = role.arn.partition(":role/")[2].rpartition("/")
    properties: dict[str, Any] = {
        "RoleName": name,
        "Path": f"/{path}/" if path else "/",
        "AssumeRolePolicyDocument": {"Version": "2012-10-17", "Statement": _trust(role, deployment, account)},
    }
    if role.kind == "deployer" and account in policies:
        properties["Policies"] = [{"PolicyName": POLICY, "PolicyDocument": policies[account]}]
    if deployment.config.tags:
        properties["Tags"] = [{"Key": key, "Value": value} for key, value in sorted(deployment.config.tags.items())]
    return {
        "Type": "AWS::IAM::Role",
        "Condition": f"In{account}",
        "DeletionPolicy": "RetainExceptOnCreate",
        "UpdateReplacePolicy": "Retain",
        "Properties": properties,
    }


def _trust(role: MadeRole, deployment: Deployment, account: str) -> list[dict[str, Any]]:
    statements: list[dict[str, Any]] = []
    if role.kind == "deployer":
        statements.append(
            {
                "Sid": "CloudFormation",
                "Effect": "Allow",
                "Principal": {"Service": "cloudformation.amazonaws.com"},
                "Action": ["sts:AssumeRole"],
                "Condition": {"StringEquals": {"aws:SourceAccount": account}},
            }
        )
        statements += _github(deployment, account)
    if role.trusted:
        statement: dict[str, Any] = {
            "Sid": "Trusted",
            "Effect": "Allow",
            "Principal": {"AWS": list(role.trusted)},
            "Action": ["sts:AssumeRole"],
        }
        if role.kind == "break glass":
            statement["Condition"] = {"Bool": {"aws:MultiFactorAuthPresent": "true"}}
        statements.append(statement)
    return statements


def _github(deployment: Deployment, account: str) -> list[dict[str, Any]]:
    """Return the trust in the workflow: of one repository, its branch and its environment.

    See: https://docs.github.com/en/actions/reference/security/oidc#example-subject-claims
    """
    settings = deployment.config.rollout.github or GitHub()
    if "github" not in deployment.config.rollout.engines or settings.repository is None:
        return []
    subjects = [f"ref:refs/heads/{settings.branch}", f"environment:{settings.environment or 'production'}"]
    return [
        {
            "Sid": "GitHub",
            "Effect": "Allow",
            "Principal": {"Federated": f"arn:{deployment.partition}:iam::{account}:oidc-provider/{_GITHUB}"},
            "Action": ["sts:AssumeRoleWithWebIdentity"],
            "Condition": {
                "StringEquals": {
                    f"{_GITHUB}:aud": "sts.amazonaws.com",
                    f"{_GITHUB}:sub": [f"repo:{settings.repository}:{subject}" for subject in subjects],
                }
            },
        }
    ]
