"""The committed stacks, created in moto in the order and with the parameters of rollout.json."""

from __future__ import annotations

import hashlib
import json
import os
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import boto3
import pytest
from moto import mock_aws

from helpers import OUTPUT, by_sid
from trailkey.cloudformation import dump_json, load

if TYPE_CHECKING:
    from collections.abc import Iterator

DEPLOYMENTS = sorted(folder.name for folder in OUTPUT.iterdir() if folder.is_dir())
MEMBER = "999999999999"
"""An account of the organization, in which each stack set is created as a plain stack."""

SKIPPED = {
    "AWS::S3::BucketPolicy",
    "AWS::SNS::TopicPolicy",
    "AWS::CloudTrail::Trail",
    "AWS::CloudTrail::EventDataStore",
}
"""What moto 5.2 does not make; an Output that reads one of these makes it fail."""

pytestmark = pytest.mark.filterwarnings("ignore:Tried to parse AWS.*supported by moto:UserWarning")


@dataclass
class World:
    """A deployment after its rollout: what each stack gave out, and clients of its accounts."""

    rollout: dict[str, Any]
    templates: dict[str, dict[str, Any]]
    outputs: dict[str, str] = field(default_factory=dict)

    def client(self, service: str, account: str, region: str) -> Any:
        """Return a client of an account, through a role in it."""
        own = {"aws_access_key_id": "testing", "aws_secret_access_key": "testing"}
        given = boto3.client("sts", region_name=region, **own).assume_role(
            RoleArn=f"arn:aws:iam::{account}:role/RolloutTestRole", RoleSessionName="rollout"
        )["Credentials"]
        return boto3.client(
            service,
            region_name=region,
            aws_access_key_id=given["AccessKeyId"],
            aws_secret_access_key=given["SecretAccessKey"],
            aws_session_token=given["SessionToken"],
        )

    def place(self, stack: str) -> tuple[str, str]:
        """Return the account and Region a stack is created in here."""
        target = next(entry for entry in self.rollout["stacks"] if entry["stack"] == stack)["target"]
        if "stack_set" in target:
            return MEMBER, target["stack_set"]["regions"][0]
        return target["account"], target["region"]


def read(name: str) -> World:
    folder = OUTPUT / name
    rollout = json.loads((folder / "rollout.json").read_bytes())
    templates = {
        entry["stack"]: load((folder / entry["template"]).read_text(encoding="utf-8"), entry["template"])
        for entry in rollout["stacks"]
    }
    return World(rollout, templates)


def resources_named(value: Any) -> set[str]:
    """Return the logical ids that a value reads by Ref or Fn::GetAtt."""
    if isinstance(value, dict):
        if "Ref" in value:
            return {value["Ref"]}
        if "Fn::GetAtt" in value:
            argument = value["Fn::GetAtt"]
            return {argument.split(".")[0] if isinstance(argument, str) else argument[0]}
        return set().union(*map(resources_named, value.values()))
    return set().union(*map(resources_named, value)) if isinstance(value, list) else set()


def for_moto(template: dict[str, Any]) -> str:
    """Return the template without the Outputs that read what moto does not make; the template keeps them.

    Tags of keys are left out too: moto reads them as KMS's API spells them, TagKey and TagValue.
    """
    skipped = {name for name, resource in template["Resources"].items() if resource["Type"] in SKIPPED}
    kept = {
        name: output
        for name, output in template.get("Outputs", {}).items()
        if not resources_named(output["Value"]) & skipped
    }
    resources = {
        name: {**resource, "Properties": {key: value for key, value in resource["Properties"].items() if key != "Tags"}}
        if resource["Type"] == "AWS::KMS::Key"
        else resource
        for name, resource in template["Resources"].items()
    }
    return dump_json({**template, "Resources": resources, "Outputs": kept})


def roll_out(world: World) -> None:
    """Create what must exist beforehand, then every stack as rollout.json says."""
    for step in world.rollout["before"]:
        if step["kind"] == "role-exists":
            iam = world.client("iam", step["account"], "us-east-1")
            name = step["arn"].rpartition("/")[2]
            iam.create_role(RoleName=name, AssumeRolePolicyDocument='{"Version": "2012-10-17", "Statement": []}')
    for entry in world.rollout["stacks"]:
        given = {name: world.outputs[value["output"]] for name, value in entry["parameters"].items()}
        template = world.templates[entry["stack"]]
        assert set(given) == set(template.get("Parameters", {}))
        for name, value in given.items():
            assert re.fullmatch(template["Parameters"][name]["AllowedPattern"], value)
        cloudformation = world.client("cloudformation", *world.place(entry["stack"]))
        cloudformation.create_stack(
            StackName=entry["stack"],
            TemplateBody=for_moto(template),
            Parameters=[{"ParameterKey": name, "ParameterValue": value} for name, value in given.items()],
            Capabilities=entry["capabilities"],
            EnableTerminationProtection=entry["termination_protection"],
        )
        [stack] = cloudformation.describe_stacks(StackName=entry["stack"])["Stacks"]
        assert stack["StackStatus"] == "CREATE_COMPLETE"
        for output in stack.get("Outputs", []):
            world.outputs[f"{entry['stack']}.{output['OutputKey']}"] = output["OutputValue"]


@pytest.fixture(scope="module", params=DEPLOYMENTS)
def world(request: pytest.FixtureRequest) -> Iterator[World]:
    """A deployment rolled out, on a machine that has no credentials."""
    world = read(request.param)
    with pytest.MonkeyPatch.context() as patch:
        for name in [name for name in os.environ if name.startswith("AWS_")]:
            patch.delenv(name)
        patch.setenv("AWS_CONFIG_FILE", os.devnull)
        patch.setenv("AWS_SHARED_CREDENTIALS_FILE", os.devnull)
        patch.setenv("AWS_EC2_METADATA_DISABLED", "true")
        with mock_aws():
            roll_out(world)
            yield world


def test_three_deployments_are_committed() -> None:
    assert DEPLOYMENTS == ["mirror", "organization", "single-account"]


def test_every_stack_is_created_in_the_account_it_is_for(world: World) -> None:
    for entry in world.rollout["stacks"]:
        account, region = world.place(entry["stack"])
        cloudformation = world.client("cloudformation", account, region)
        made = cloudformation.list_stack_resources(StackName=entry["stack"])["StackResourceSummaries"]
        # moto lists what it skips too, without a name.
        listed = {item["LogicalResourceId"] for item in made if item["LogicalResourceId"]}
        assert listed == {
            name
            for name, resource in world.templates[entry["stack"]]["Resources"].items()
            if resource["Type"] not in SKIPPED
        }


def test_every_output_is_given_out_but_those_of_what_moto_skips(world: World) -> None:
    for stack, template in world.templates.items():
        missing = {name for name in template.get("Outputs", {}) if f"{stack}.{name}" not in world.outputs}
        assert all(name.endswith("TrailArn") for name in missing)


def test_the_alias_leads_to_the_key_and_the_key_rotates(world: World) -> None:
    stack = next(stack for stack, template in world.templates.items() if "KeyAlias" in template["Resources"])
    kms = world.client("kms", *world.place(stack))
    arn = world.outputs[f"{stack}.KeyArn"]
    aliases = {alias["AliasName"]: alias.get("TargetKeyId") for alias in kms.list_aliases()["Aliases"]}
    assert arn.endswith(f":key/{aliases['alias/cloudtrail-logs']}")
    assert kms.get_key_rotation_status(KeyId=arn)["KeyRotationEnabled"] is True


def test_policies_stand_where_rollout_says(world: World) -> None:
    for entry in world.rollout["stacks"]:
        account, region = world.place(entry["stack"])
        iam = world.client("iam", account, region)
        for resource in world.templates[entry["stack"]]["Resources"].values():
            if resource["Type"] != "AWS::IAM::ManagedPolicy":
                continue
            properties = resource["Properties"]
            if "ManagedPolicyName" in properties:
                name = properties["ManagedPolicyName"]
                assert iam.get_policy(PolicyArn=f"arn:aws:iam::{account}:policy/{name}")
                assert "CAPABILITY_NAMED_IAM" in entry["capabilities"]
            for role in properties.get("Roles", []):
                attached = iam.list_attached_role_policies(RoleName=role)["AttachedPolicies"]
                assert any(policy["PolicyArn"].startswith(f"arn:aws:iam::{account}:policy/") for policy in attached)


# The rows of the key policy, written by hand: Sid, effect, who, what, under which guard.
ADMINISTER = (
    "kms:CreateAlias kms:DeleteAlias kms:DescribeKey kms:DisableKeyRotation kms:EnableKeyRotation kms:GetKeyLastUsage kms:GetKeyPolicy "
    "kms:GetKeyRotationStatus kms:ListGrants kms:ListKeyPolicies kms:ListKeyRotations kms:ListResourceTags "
    "kms:RotateKeyOnDemand kms:TagResource kms:UntagResource kms:UpdateAlias kms:UpdateKeyDescription"
)
NEVER = (
    "kms:CreateGrant kms:Decrypt kms:DeriveSharedSecret kms:Encrypt kms:GenerateDataKey kms:GenerateDataKeyPair "
    "kms:GenerateDataKeyPairWithoutPlaintext kms:GenerateDataKeyWithoutPlaintext kms:GenerateMac kms:PutKeyPolicy "
    "kms:ReEncryptFrom kms:ReEncryptTo kms:ReplicateKey kms:Sign kms:Verify kms:VerifyMac"
)
DEPLOY = (
    "kms:CreateAlias kms:DeleteAlias kms:DescribeKey "
    "kms:EnableKeyRotation kms:GetKeyPolicy kms:GetKeyRotationStatus kms:ListResourceTags kms:PutKeyPolicy "
    "kms:TagResource kms:UntagResource kms:UpdateAlias kms:UpdateKeyDescription"
)
BREAK_GLASS = "kms:CancelKeyDeletion kms:DisableKey kms:EnableKey kms:PutKeyPolicy kms:ScheduleKeyDeletion"
METADATA = (
    "kms:DescribeKey kms:GetKeyLastUsage kms:GetKeyPolicy kms:GetKeyRotationStatus kms:ListGrants kms:ListResourceTags"
)

Row = tuple[str, str, dict[str, str], str, dict[str, Any]]


def of(account: str) -> dict[str, str]:
    return {"AWS": f"arn:aws:iam::{account}:root"}


def like(*arns: str) -> dict[str, Any]:
    return {"ArnLike": {"aws:PrincipalArn": arns[0] if len(arns) == 1 else list(arns)}}


def rows(
    region: str, key_account: str, trail_account: str, trail: str, readers: list[Row], trail_deployers: list[Row]
) -> list[Row]:
    service = {"Service": "cloudtrail.amazonaws.com"}
    source = {"StringEquals": {"aws:SourceArn": f"arn:aws:cloudtrail:{region}:{trail_account}:trail/{trail}"}}
    own = of(key_account)
    role = f"arn:aws:iam::{key_account}:role/"
    bypass = {"Bool": {"kms:BypassPolicyLockoutSafetyCheck": "true"}}
    hurried = {"NumericLessThan": {"kms:ScheduleKeyDeletionPendingWindowInDays": "30"}}
    context = trail_context(trail_account)
    return [
        ("CloudTrailEncryptsLogs", "Allow", service, "kms:GenerateDataKey*", {**source, **context}),
        ("CloudTrailDescribesKey", "Allow", service, "kms:DescribeKey", source),
        *readers,
        *trail_deployers,
        ("AdministratorsManageKey", "Allow", own, ADMINISTER, like(f"{role}KeyAdministrator")),
        ("AdministratorsNeverUseKey", "Deny", {"AWS": "*"}, NEVER, like(f"{role}KeyAdministrator")),
        ("DeployerUpdatesKey", "Allow", own, DEPLOY, like(f"{role}CloudFormationDeployment")),
        ("BreakGlassRepairsKey", "Allow", own, BREAK_GLASS, like(f"{role}BreakGlass")),
        ("RootUserRecoversKey", "Allow", own, "kms:PutKeyPolicy", like(f"arn:aws:iam::{key_account}:root")),
        ("NobodyBypassesLockoutCheck", "Deny", {"AWS": "*"}, "kms:PutKeyPolicy", bypass),
        ("NobodyShortensDeletion", "Deny", {"AWS": "*"}, "kms:ScheduleKeyDeletion", hurried),
        ("AccountReadsMetadata", "Allow", own, METADATA, {}),
    ]


def trail_context(account: str) -> dict[str, Any]:
    return {"StringLike": {"kms:EncryptionContext:aws:cloudtrail:arn": f"arn:aws:cloudtrail:*:{account}:trail/*"}}


def organization_rows(management: str, archive: str, security: str, audit: str, path: str) -> list[Row]:
    by_s3 = {"StringEquals": {"kms:ViaService": "s3.us-east-1.amazonaws.com"}, **trail_context(management)}
    role = f"arn:aws:iam::{security}:role/"
    analysts = like(
        f"{role}aws-reserved/sso.amazonaws.com/AWSReservedSSO_SecurityAnalyst_{'?' * 16}",
        f"{role}aws-reserved/sso.amazonaws.com/*/AWSReservedSSO_SecurityAnalyst_{'?' * 16}",
    )
    below = {
        "ForAnyValue:StringLike": {"aws:PrincipalOrgPaths": path},
        "StringEquals": {
            "aws:PrincipalOrgID": path.partition("/")[0],
            "kms:ViaService": "s3.us-east-1.amazonaws.com",
        },
        "StringNotEquals": {"aws:PrincipalAccount": archive},
        **trail_context(management),
    }
    readers: list[Row] = [
        ("ReaderResponders", "Allow", of(security), "kms:Decrypt", {**like(f"{role}CloudTrailRead"), **by_s3}),
        ("ReaderAnalysts", "Allow", of(security), "kms:Decrypt", {**analysts, **by_s3}),
        ("ReaderAudit", "Allow", of(audit), "kms:Decrypt", by_s3),
        ("ReaderSecurityOu", "Allow", {"AWS": "*"}, "kms:Decrypt", below),
    ]
    deployer = like(f"arn:aws:iam::{management}:role/CloudFormationDeployment")
    trail_deployers: list[Row] = [("TrailDeployerManagement", "Allow", of(management), "kms:DescribeKey", deployer)]
    return rows("us-east-1", archive, management, "organization-trail", readers, trail_deployers)


def single_account_rows() -> list[Row]:
    account = "777777777777"
    guard = {
        **like(f"arn:aws:iam::{account}:role/CloudTrailRead"),
        "StringEquals": {"kms:ViaService": "s3.eu-central-1.amazonaws.com"},
        **trail_context(account),
    }
    readers: list[Row] = [("ReaderResponders", "Allow", of(account), "kms:Decrypt", guard)]
    return rows("eu-central-1", account, account, "account-trail", readers, [])


EXPECTED = {
    "organization": organization_rows(
        "111111111111", "222222222222", "333333333333", "888888888888", "o-a1b2c3d4e5/r-ab12/ou-ab12-11111111/*"
    ),
    "mirror": organization_rows(
        "444444444444", "555555555555", "666666666666", "123456789012", "o-z9y8x7w6v5/r-yz98/ou-yz98-22222222/*"
    ),
    "single-account": single_account_rows(),
}


def test_the_key_policy_read_back_holds_exactly_the_rows_of_the_design(world: World) -> None:
    stack = next(stack for stack, template in world.templates.items() if "Key" in template["Resources"])
    kms = world.client("kms", *world.place(stack))
    policy = kms.get_key_policy(KeyId=world.outputs[f"{stack}.KeyArn"], PolicyName="default")["Policy"]
    policy = json.loads(policy) if isinstance(policy, str) else policy  # moto keeps CloudFormation's mapping
    assert set(policy) == {"Version", "Statement"}
    assert [statement["Sid"] for statement in policy["Statement"]] == [
        row[0] for row in EXPECTED[world.rollout["name"]]
    ]
    statements = by_sid(policy)
    for sid, effect, who, what, guard in EXPECTED[world.rollout["name"]]:
        statement = statements[sid]
        assert set(statement) == {"Effect", "Principal", "Action", "Resource"} | ({"Condition"} if guard else set())
        assert statement["Effect"] == effect
        assert statement["Principal"] == who
        assert sorted(statement["Action"]) == what.split()
        assert statement["Resource"] == ["*"]
        assert statement.get("Condition", {}) == guard


@pytest.mark.parametrize("name", DEPLOYMENTS)
def test_hashes_are_those_of_the_files(name: str) -> None:
    rollout = read(name).rollout
    hashes = {
        file.relative_to(OUTPUT / name).as_posix(): hashlib.sha256(file.read_bytes()).hexdigest()
        for file in (OUTPUT / name).rglob("*")
        if file.is_file() and file.name != "rollout.json"
    }
    assert rollout["files"] == hashes
    for entry in rollout["stacks"]:
        assert entry["sha256"] == hashes[entry["template"]]


@pytest.mark.parametrize("name", DEPLOYMENTS)
def test_each_stack_comes_after_what_it_depends_on_and_reads(name: str) -> None:
    world = read(name)
    done: set[str] = set()
    for entry in world.rollout["stacks"]:
        assert entry["stack"] not in done
        assert set(entry["depends_on"]) <= done
        for value in entry["parameters"].values():
            stack, _, output = value["output"].partition(".")
            assert stack in entry["depends_on"]
            assert output in world.templates[stack]["Outputs"]
        done.add(entry["stack"])


def test_the_organization_is_rolled_out_in_this_order() -> None:
    rollout = read("organization").rollout
    assert [
        (entry["stack"], entry["depends_on"], entry["capabilities"], entry["termination_protection"])
        for entry in rollout["stacks"]
    ] == [
        ("log-archive-key", [], [], True),
        ("log-archive-bucket", ["log-archive-key"], [], True),
        ("log-archive-iam", ["log-archive-key"], ["CAPABILITY_IAM"], False),
        ("management-iam", ["log-archive-key"], ["CAPABILITY_IAM"], False),
        (
            "management-trail",
            ["log-archive-key", "log-archive-bucket", "management-iam"],
            ["CAPABILITY_IAM"],
            True,
        ),
        ("security-iam", ["log-archive-key"], ["CAPABILITY_NAMED_IAM"], False),
        ("audit-iam", ["log-archive-key"], ["CAPABILITY_NAMED_IAM"], False),
        ("organization-security-ou", ["log-archive-key"], ["CAPABILITY_NAMED_IAM"], False),
        ("log-archive-alarm", ["log-archive-key"], [], False),
        ("management-alarm", [], [], False),
    ]
    assert {entry["stack"]: entry["target"] for entry in rollout["stacks"]} == {
        "log-archive-key": {"account": "222222222222", "region": "us-east-1"},
        "log-archive-bucket": {"account": "222222222222", "region": "us-east-1"},
        "log-archive-iam": {"account": "222222222222", "region": "us-east-1"},
        "management-iam": {"account": "111111111111", "region": "us-east-1"},
        "management-trail": {"account": "111111111111", "region": "us-east-1"},
        "security-iam": {"account": "333333333333", "region": "us-east-1"},
        "audit-iam": {"account": "888888888888", "region": "us-east-1"},
        "organization-security-ou": {
            "stack_set": {
                "account": "111111111111",
                "region": "us-east-1",
                "call_as": "SELF",
                "permission_model": "SERVICE_MANAGED",
                "auto_deployment": {"enabled": True, "retain_stacks_on_account_removal": False},
                "organizational_unit_ids": ["ou-ab12-11111111"],
                "regions": ["us-east-1"],
                "operation_preferences": {
                    "concurrency_mode": "SOFT_FAILURE_TOLERANCE",
                    "failure_tolerance_percentage": 10,
                    "max_concurrent_percentage": 100,
                },
            }
        },
        "log-archive-alarm": {"account": "222222222222", "region": "us-east-1"},
        "management-alarm": {"account": "111111111111", "region": "us-east-1"},
    }


@pytest.mark.parametrize("name", DEPLOYMENTS)
def test_templates_are_delivered_as_their_size_asks(name: str) -> None:
    for entry in read(name).rollout["stacks"]:
        size = (OUTPUT / name / entry["template"]).stat().st_size
        assert entry["delivery"] == ("template_body" if size <= 51_200 else "template_url")


@pytest.mark.parametrize("name", DEPLOYMENTS)
def test_every_role_a_policy_is_attached_to_has_a_step_before(name: str) -> None:
    world = read(name)
    for stack, template in world.templates.items():
        account, _ = world.place(stack)
        for resource in template["Resources"].values():
            for role in resource["Properties"].get("Roles", []) if "ManagedPolicy" in resource["Type"] else []:
                arn = f"arn:aws:iam::{account}:role/{role}"
                assert arn in [step.get("arn") for step in world.rollout["before"] if step["kind"] == "role-exists"]


def test_the_trail_of_the_single_template_waits_for_the_bucket_policy() -> None:
    template = read("single-account").templates["single-account"]
    assert template["Resources"]["AccountTrail"]["DependsOn"][0] == "LogBucketPolicy"
    assert template["Resources"]["LogBucket"]["DependsOn"] == ["AccessLogBucketPolicy"]
    assert set(template["Resources"]) >= {"Key", "KeyAlias", "LogBucket", "LogBucketPolicy", "AccountTrail"}
