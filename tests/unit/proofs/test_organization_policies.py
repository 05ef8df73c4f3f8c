"""The SCPs and the RCP that are shown: what they take from whom, and whom they let through, decided beside policies that allow all."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from helpers import CONFIGS, ORGANIZATION, SINGLE, deploy
from trailkey import pipeline
from trailkey.access.analysis.witnesses import ALLOW_ALL
from trailkey.access.language.evaluate import decide, matching
from trailkey.access.language.policy import parse_policy
from trailkey.access.language.request import parse_request
from trailkey.aws import ORGANIZATION_POLICY_CHARACTERS
from trailkey.proofs.organization_policies import KEY_ID, rcp, scps

if TYPE_CHECKING:
    from pathlib import Path

    from trailkey.config.deployment import Deployment

KEY = "arn:aws:kms:us-east-1:222222222222:key/12345678-1234-1234-1234-123456789012"
BUCKET = "arn:aws:s3:::acme-cloudtrail-logs"
LOG = f"{BUCKET}/AWSLogs/o-a1b2c3d4e5/111111111111/CloudTrail/log.json.gz"
ARCHIVE = "arn:aws:iam::222222222222:"
TRAIL = "arn:aws:cloudtrail:us-east-1:111111111111:trail/organization-trail"
MEMBER = {"aws:PrincipalOrgID": "o-a1b2c3d4e5"}
WIDE_OPEN = parse_policy(
    {
        "Version": "2012-10-17",
        "Statement": [{"Effect": "Allow", "Principal": "*", "Action": ["kms:*", "s3:*"], "Resource": "*"}],
    },
    what="the policy",
    resource_based=True,
)
"""A policy as someone who may replace it could leave it."""
FULL_ACCESS = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}
FULL_RCP = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Principal": "*", "Action": "*", "Resource": "*"}],
}


def example() -> Deployment:
    return pipeline.load_all([CONFIGS["organization"]])[0]


def with_key(policies: list[dict[str, Any]]) -> list[dict[str, Any]]:
    filled: list[dict[str, Any]] = json.loads(json.dumps(policies).replace(KEY_ID, KEY.rpartition("/")[2]))
    return filled


def decided(principal: str, action: str, resource: str, context: dict[str, Any], **guards: Any) -> str:
    people = {"identity_policies": [ALLOW_ALL]} if principal.startswith("arn:") else {}
    request = {"principal": principal, "action": action, "resource": resource, "context": context, **people, **guards}
    return decide(parse_request(request, key_account="222222222222"), resource_policy=WIDE_OPEN).decision


def under_scps(who: str, action: str, resource: str = KEY) -> str:
    return decided(ARCHIVE + who, action, resource, {}, scps=[FULL_ACCESS, *with_key(scps(example()))])


@pytest.mark.parametrize(
    ("action", "resource", "holders"),
    [
        ("kms:PutKeyPolicy", KEY, {"role/CloudFormationDeployment", "role/BreakGlass", "root"}),
        ("kms:DisableKey", KEY, {"role/BreakGlass"}),
        ("kms:ScheduleKeyDeletion", KEY, {"role/BreakGlass"}),
        ("s3:DeleteObject", LOG, set()),
        ("s3:DeleteObjectVersion", LOG, set()),
        ("s3:BypassGovernanceRetention", LOG, set()),
        ("s3:PutBucketPolicy", BUCKET, {"role/CloudFormationDeployment", "root"}),
        ("s3:DeleteBucketPolicy", BUCKET, {"role/CloudFormationDeployment", "root"}),
        ("s3:PutLifecycleConfiguration", BUCKET, {"role/CloudFormationDeployment", "root"}),
        ("s3:PutBucketVersioning", BUCKET, {"role/CloudFormationDeployment", "root"}),
    ],
)
def test_the_scps_leave_what_endangers_logs_to_few(action: str, resource: str, holders: set[str]) -> None:
    everyone = {
        *("role/CloudFormationDeployment", "role/BreakGlass", "root"),
        *("role/KeyAdministrator", "role/Anyone", "user/someone", "role/path/BreakGlass"),
    }
    assert {one for one in everyone if under_scps(one, action, resource) == "allowed"} == holders


def test_the_scps_leave_everything_else_alone() -> None:
    assert under_scps("role/Anyone", "kms:Decrypt") == "allowed"
    assert under_scps("role/Anyone", "s3:GetObject", LOG) == "allowed"
    assert under_scps("role/Anyone", "kms:PutKeyPolicy", KEY.replace("12345678", "87654321")) == "allowed"
    assert under_scps("role/Anyone", "s3:DeleteObject", "arn:aws:s3:::another/log") == "allowed"


@pytest.mark.parametrize(
    ("who", "action", "role", "denied"),
    [
        ("role/Admin", "iam:CreateRole", "role/BreakGlass", True),
        ("role/Admin", "iam:UpdateAssumeRolePolicy", "role/CloudFormationDeployment", True),
        ("role/Admin", "iam:PutRolePolicy", "role/KeyAdministrator", True),
        ("role/CloudFormationDeployment", "iam:AttachRolePolicy", "role/BreakGlass", False),
        ("role/Admin", "iam:CreateRole", "role/Another", False),
        ("role/Admin", "iam:GetRole", "role/BreakGlass", False),
    ],
)
def test_the_scps_keep_the_roles_that_policies_name(who: str, action: str, role: str, denied: bool) -> None:  # noqa: FBT001 # a parameter of the test
    request = parse_request({"principal": ARCHIVE + who, "action": action, "resource": ARCHIVE + role})
    policies = [parse_policy(one, resource_based=False) for one in with_key(scps(example()))]

    assert any(matching(request, policy, "Deny") for policy in policies) is denied


def test_roles_of_readers_are_kept_and_those_of_permission_sets_left_to_aws() -> None:
    (roles,) = (one for policy in scps(example()) for one in policy["Statement"] if one["Sid"] == "KeepRoles")

    assert "arn:aws:iam::333333333333:role/CloudTrailRead" in roles["Resource"]
    assert not [arn for arn in roles["Resource"] if "aws-reserved" in arn or "111111111111" in arn]


@pytest.mark.parametrize(
    ("principal", "context", "decision"),
    [
        ("arn:aws:iam::333333333333:role/CloudTrailRead", MEMBER, "allowed"),
        ("arn:aws:iam::333333333333:role/CloudTrailRead", {**MEMBER, "aws:PrincipalIsAWSService": "false"}, "allowed"),
        ("cloudtrail.amazonaws.com", {"aws:PrincipalIsAWSService": "true", "aws:SourceArn": TRAIL}, "allowed"),
        ("arn:aws:iam::999999999999:role/Stranger", {"aws:PrincipalOrgID": "o-zzzzzzzzzz"}, "denied"),
        ("arn:aws:iam::999999999999:role/Stranger", {}, "denied"),
    ],
)
@pytest.mark.parametrize(("action", "resource"), [("kms:Decrypt", KEY), ("s3:GetObject", LOG)])
def test_the_rcp_keeps_key_and_bucket_to_the_organization_and_aws(
    action: str, resource: str, principal: str, context: dict[str, str], decision: str
) -> None:
    policy = rcp(example())
    assert policy is not None

    assert decided(principal, action, resource, context, rcps=[FULL_RCP, *with_key([policy])]) == decision


def test_the_rcp_lets_a_vendor_that_reads_through(tmp_path: Path) -> None:
    accounts = {**ORGANIZATION["accounts"], "vendor": {"id": "999999999999", "ours": False}}
    readers = [{"name": "siem", "role": "vendor:role/Siem"}]
    policy = rcp(deploy(tmp_path, ORGANIZATION, accounts=accounts, readers=readers))
    assert policy is not None
    context = {"aws:PrincipalOrgID": "o-zzzzzzzzzz", "aws:PrincipalAccount": "999999999999"}
    guard = {"rcps": [FULL_RCP, *with_key([policy])]}

    assert decided("arn:aws:iam::999999999999:role/Siem", "kms:Decrypt", KEY, context, **guard) == "allowed"
    context["aws:PrincipalAccount"] = "888888888888"
    assert decided("arn:aws:iam::888888888888:role/Siem", "kms:Decrypt", KEY, context, **guard) == "denied"


def test_without_an_organization_or_in_its_management_account_nothing_is_bound(tmp_path: Path) -> None:
    assert (scps(deploy(tmp_path, SINGLE)), rcp(deploy(tmp_path, SINGLE))) == ([], None)
    at_home = {"key": {"account": "management"}, "bucket": {"account": "management"}}
    alone = deploy(tmp_path, ORGANIZATION, **at_home)
    assert (scps(alone), rcp(alone)) == ([], None)


def test_scps_stay_within_what_aws_takes(tmp_path: Path) -> None:
    stores = [
        {"name": f"lake-{n}", "account": "security", "region": "us-west-2", "alias": f"alias/lake-{n}"}
        for n in range(10)
    ]
    policies = scps(deploy(tmp_path, ORGANIZATION, event_data_stores=stores))

    assert len(policies) > 1
    assert all(len(json.dumps(one, separators=(",", ":"))) <= ORGANIZATION_POLICY_CHARACTERS for one in policies)
    assert (
        len([one for policy in policies for one in policy["Statement"] if one["Sid"].startswith("KeepKeyPolicy")]) == 11
    )
