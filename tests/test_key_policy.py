"""The key policies, statement by statement, against what a person wrote down: each grant, its guard, its neighbours."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pytest

from helpers import CONTEXT, ORGANIZATION, SINGLE, Document, deploy, key_policy, managed_policy, resources

if TYPE_CHECKING:
    from pathlib import Path

    from trailkey.config.deployment import Deployment

CLOUDTRAIL = {"Service": "cloudtrail.amazonaws.com"}
BY_S3 = {"kms:ViaService": "s3.us-east-1.amazonaws.com"}
OF_MANAGEMENT = {"StringLike": {CONTEXT: "arn:aws:cloudtrail:*:111111111111:trail/*"}}
ALWAYS = {
    "RootUserRecoversKey",
    "NobodyBypassesLockoutCheck",
    "NobodyShortensDeletion",
    "AccountReadsMetadata",
    "DeployerUpdatesKey",
}

CRYPTOGRAPHIC = {
    "kms:Decrypt",
    "kms:DeriveSharedSecret",
    "kms:Encrypt",
    "kms:GenerateDataKey",
    "kms:GenerateDataKeyPair",
    "kms:GenerateDataKeyPairWithoutPlaintext",
    "kms:GenerateDataKeyWithoutPlaintext",
    "kms:GenerateMac",
    "kms:ReEncryptFrom",
    "kms:ReEncryptTo",
    "kms:Sign",
    "kms:Verify",
    "kms:VerifyMac",
}

EVERYTHING: Document = {
    **ORGANIZATION,
    "organization": {"id": "o-a1b2c3d4e5", "management_account": "management", "root_id": "r-ab12"},
    "key": {
        "account": "archive",
        "administrators": ["archive:role/KeyAdministrator", "archive:role/stacksets-exec-*"],
        "break_glass": ["archive:role/BreakGlass"],
        "alarm": {},
    },
    "bucket": {"account": "archive", "region": "us-east-1", "name": "logs-of-org", "bucket_key_enabled": True},
    "trails": [
        {"name": "everyone", "home_region": "us-east-1", "is_organization_trail": True},
        {"name": "own", "home_region": "eu-west-1", "account": "security", "s3_key_prefix": "own"},
    ],
    "readers": [
        {"name": "one", "role": "security:role/Path/One"},
        {"name": "two", "permission_set": "Analyst", "account": "security"},
        {"name": "three", "principal_arn_like": "security:role/siem-*"},
        {"name": "four", "account_principal": "security"},
        {"name": "five", "principal_org_path": "o-a1b2c3d4e5/r-ab12/ou-ab12-11111111/*"},
        {"name": "six", "principal_org_id": "o-a1b2c3d4e5"},
        {"name": "seven", "service": "access-analyzer"},
        {"name": "eight", "service": "macie"},
        {"name": "nine", "role": "archive:role/Nine", "via_service": False},
    ],
    "event_data_stores": [
        {
            "name": "lake",
            "account": "management",
            "region": "us-east-1",
            "alias": "alias/lake",
            "organization_enabled": True,
            "queriers": ["management:role/Querier"],
            "administrators": ["management:role/KeyAdministrator"],
            "break_glass": ["management:role/BreakGlass"],
        }
    ],
}
"""Every kind of reader, several trails, bucket keys, a Lake store: for what must hold of every policy."""


def reads(to: Document, **condition: Any) -> Document:
    return {"Effect": "Allow", "Principal": to, "Action": ["kms:Decrypt"], "Resource": ["*"], "Condition": condition}


def of(account: str) -> Document:
    return {"AWS": f"arn:aws:iam::{account}:root"}


def reads_as(*arns: str) -> Document:
    """What the principals of these ARNs get, which are of one account."""
    (account,) = {arn.split(":")[4] for arn in arns}
    named = {"aws:PrincipalArn": arns[0] if len(arns) == 1 else list(arns)}
    return reads(of(account), ArnLike=named, StringEquals=BY_S3, **OF_MANAGEMENT)


def organization(folder: Path, reader: Document, **changes: Any) -> Deployment:
    root = {"root_id": "r-ab12"}
    return deploy(folder, ORGANIZATION, readers=[{"name": "those", **reader}], organization=root, **changes)


READERS: list[tuple[str, Document, Document]] = [
    (
        "role",
        {"role": "security:role/Path/CloudTrailRead"},
        reads_as("arn:aws:iam::333333333333:role/Path/CloudTrailRead"),
    ),
    (
        "a role of the key's own account",
        {"role": "archive:role/CloudTrailRead"},
        reads_as("arn:aws:iam::222222222222:role/CloudTrailRead"),
    ),
    (
        "a full ARN",
        {"role": "arn:aws:iam::333333333333:role/Reader"},
        reads_as("arn:aws:iam::333333333333:role/Reader"),
    ),
    (
        "permission_set",
        {"permission_set": "SecurityAnalyst", "account": "security"},
        reads_as(
            "arn:aws:iam::333333333333:role/aws-reserved/sso.amazonaws.com/AWSReservedSSO_SecurityAnalyst_????????????????",
            "arn:aws:iam::333333333333:role/aws-reserved/sso.amazonaws.com/*/AWSReservedSSO_SecurityAnalyst_????????????????",
        ),
    ),
    (
        "principal_arn_like",
        {"principal_arn_like": "security:role/siem-*"},
        reads_as("arn:aws:iam::333333333333:role/siem-*"),
    ),
    (
        "account_principal",
        {"account_principal": "security"},
        reads(of("333333333333"), StringEquals=BY_S3, **OF_MANAGEMENT),
    ),
    (
        "principal_org_path",
        {"principal_org_path": "o-a1b2c3d4e5/r-ab12/ou-ab12-11111111/*"},
        reads(
            {"AWS": "*"},
            **{"ForAnyValue:StringLike": {"aws:PrincipalOrgPaths": "o-a1b2c3d4e5/r-ab12/ou-ab12-11111111/*"}},
            StringEquals={"aws:PrincipalOrgID": "o-a1b2c3d4e5", **BY_S3},
            StringNotEquals={"aws:PrincipalAccount": "222222222222"},
            **OF_MANAGEMENT,
        ),
    ),
    (
        "principal_org_id",
        {"principal_org_id": "o-a1b2c3d4e5"},
        reads(
            {"AWS": "*"},
            StringEquals={"aws:PrincipalOrgID": "o-a1b2c3d4e5", **BY_S3},
            StringNotEquals={"aws:PrincipalAccount": "222222222222"},
            **OF_MANAGEMENT,
        ),
    ),
    (
        "access-analyzer of an organization",
        {"service": "access-analyzer"},
        reads(
            {"AWS": "*"},
            StringEquals={"aws:PrincipalOrgID": "o-a1b2c3d4e5", **BY_S3},
            StringNotEquals={"aws:PrincipalAccount": "222222222222"},
            StringLike={
                "aws:PrincipalArn": "arn:aws:iam::${aws:PrincipalAccount}:role/service-role/AccessAnalyzerMonitorServiceRole*",
                **OF_MANAGEMENT["StringLike"],
            },
        ),
    ),
    (
        "macie",
        {"service": "macie"},
        reads(
            {"AWS": "arn:aws:iam::222222222222:role/aws-service-role/macie.amazonaws.com/AWSServiceRoleForAmazonMacie"},
            StringEquals=BY_S3,
            **OF_MANAGEMENT,
        ),
    ),
]


@pytest.mark.parametrize(("reader", "expected"), [row[1:] for row in READERS], ids=[row[0] for row in READERS])
def test_each_kind_of_reader_is_one_statement(tmp_path: Path, reader: Document, expected: Document) -> None:
    policy = key_policy(organization(tmp_path, reader))
    assert policy["ReaderThose"] == expected
    assert set(policy) == {
        "ReaderThose",
        "CloudTrailEncryptsLogs",
        "CloudTrailDescribesKey",
        "TrailDeployerManagement",
        *ALWAYS,
    }


@pytest.mark.parametrize("reader", [row[1] for row in READERS], ids=[row[0] for row in READERS])
def test_a_reader_that_calls_kms_itself_is_held_by_the_rest_of_its_guard(tmp_path: Path, reader: Document) -> None:
    with_service = key_policy(organization(tmp_path, reader))["ReaderThose"]
    without = key_policy(organization(tmp_path, {**reader, "via_service": False}))["ReaderThose"]
    equals = {key: value for key, value in with_service["Condition"]["StringEquals"].items() if key != "kms:ViaService"}
    rest = {operator: keys for operator, keys in with_service["Condition"].items() if operator != "StringEquals"}
    assert without["Condition"] == ({**rest, "StringEquals": equals} if equals else rest)
    assert "kms:ViaService" not in str(without)
    assert without["Condition"]["StringLike"][CONTEXT] == "arn:aws:cloudtrail:*:111111111111:trail/*"


def test_access_analyzer_without_an_organization_is_the_role_in_the_account(tmp_path: Path) -> None:
    readers = [{"name": "those", "service": "access-analyzer"}]
    assert key_policy(deploy(tmp_path, SINGLE, readers=readers))["ReaderThose"] == reads(
        of("777777777777"),
        ArnLike={"aws:PrincipalArn": "arn:aws:iam::777777777777:role/service-role/AccessAnalyzerMonitorServiceRole*"},
        StringEquals={"kms:ViaService": "s3.eu-central-1.amazonaws.com"},
        StringLike={CONTEXT: "arn:aws:cloudtrail:*:777777777777:trail/*"},
    )


def test_the_smallest_config_has_these_statements_and_no_other(tmp_path: Path) -> None:
    root = of("777777777777")
    trail = {"StringEquals": {"aws:SourceArn": "arn:aws:cloudtrail:eu-central-1:777777777777:trail/audit"}}
    assert key_policy(deploy(tmp_path, SINGLE)) == {
        "CloudTrailEncryptsLogs": {
            "Effect": "Allow",
            "Principal": CLOUDTRAIL,
            "Action": ["kms:GenerateDataKey*"],
            "Resource": ["*"],
            "Condition": {**trail, "StringLike": {CONTEXT: "arn:aws:cloudtrail:*:777777777777:trail/*"}},
        },
        "CloudTrailDescribesKey": {
            "Effect": "Allow",
            "Principal": CLOUDTRAIL,
            "Action": ["kms:DescribeKey"],
            "Resource": ["*"],
            "Condition": trail,
        },
        "DeployerUpdatesKey": {
            "Effect": "Allow",
            "Principal": root,
            "Action": [
                "kms:CreateAlias",
                "kms:DeleteAlias",
                "kms:DescribeKey",
                "kms:EnableKeyRotation",
                "kms:GetKeyPolicy",
                "kms:GetKeyRotationStatus",
                "kms:ListResourceTags",
                "kms:PutKeyPolicy",
                "kms:TagResource",
                "kms:UntagResource",
                "kms:UpdateAlias",
                "kms:UpdateKeyDescription",
            ],
            "Resource": ["*"],
            "Condition": {"ArnLike": {"aws:PrincipalArn": "arn:aws:iam::777777777777:role/Deploy"}},
        },
        "RootUserRecoversKey": {
            "Effect": "Allow",
            "Principal": root,
            "Action": ["kms:PutKeyPolicy"],
            "Resource": ["*"],
            "Condition": {"ArnLike": {"aws:PrincipalArn": "arn:aws:iam::777777777777:root"}},
        },
        "NobodyBypassesLockoutCheck": {
            "Effect": "Deny",
            "Principal": {"AWS": "*"},
            "Action": ["kms:PutKeyPolicy"],
            "Resource": ["*"],
            "Condition": {"Bool": {"kms:BypassPolicyLockoutSafetyCheck": "true"}},
        },
        "NobodyShortensDeletion": {
            "Effect": "Deny",
            "Principal": {"AWS": "*"},
            "Action": ["kms:ScheduleKeyDeletion"],
            "Resource": ["*"],
            "Condition": {"NumericLessThan": {"kms:ScheduleKeyDeletionPendingWindowInDays": "30"}},
        },
        "AccountReadsMetadata": {
            "Effect": "Allow",
            "Principal": root,
            "Action": [
                "kms:DescribeKey",
                "kms:GetKeyLastUsage",
                "kms:GetKeyPolicy",
                "kms:GetKeyRotationStatus",
                "kms:ListGrants",
                "kms:ListResourceTags",
            ],
            "Resource": ["*"],
        },
    }


def test_administrators_manage_the_key_and_are_denied_its_use(tmp_path: Path) -> None:
    key = {"administrators": ["main:role/Admin", "main:user/alice"], "break_glass": ["main:role/Glass"]}
    policy = key_policy(deploy(tmp_path, SINGLE, key=key))
    held = {
        "ArnLike": {
            "aws:PrincipalArn": ["arn:aws:iam::777777777777:role/Admin", "arn:aws:iam::777777777777:user/alice"]
        }
    }
    managing, denied = policy["AdministratorsManageKey"], policy["AdministratorsNeverUseKey"]
    assert (managing["Effect"], managing["Principal"], managing["Condition"]) == ("Allow", of("777777777777"), held)
    assert (denied["Effect"], denied["Principal"], denied["Condition"]) == ("Deny", {"AWS": "*"}, held)
    assert set(denied["Action"]) == CRYPTOGRAPHIC | {"kms:CreateGrant", "kms:PutKeyPolicy", "kms:ReplicateKey"}
    assert not set(managing["Action"]) & set(denied["Action"])
    assert not {"kms:ScheduleKeyDeletion", "kms:DisableKey", "kms:RetireGrant", "kms:RevokeGrant"} & {
        *managing["Action"]
    }
    assert policy["BreakGlassRepairsKey"] == {
        "Effect": "Allow",
        "Principal": of("777777777777"),
        "Action": [
            "kms:CancelKeyDeletion",
            "kms:DisableKey",
            "kms:EnableKey",
            "kms:PutKeyPolicy",
            "kms:ScheduleKeyDeletion",
        ],
        "Resource": ["*"],
        "Condition": {"ArnLike": {"aws:PrincipalArn": "arn:aws:iam::777777777777:role/Glass"}},
    }


def test_name_roles_names_exact_roles_and_keeps_patterns_as_they_were(tmp_path: Path) -> None:
    key = {
        "name_roles": True,
        "administrators": ["main:role/Admin"],
        "break_glass": ["main:role/glass-*"],
    }
    readers = [
        {"name": "exact", "role": "main:role/Reader"},
        {"name": "pattern", "principal_arn_like": "main:role/siem-*"},
    ]
    policy = key_policy(deploy(tmp_path, SINGLE, key=key, readers=readers))
    guard = {
        "StringEquals": {"kms:ViaService": "s3.eu-central-1.amazonaws.com"},
        "StringLike": {CONTEXT: "arn:aws:cloudtrail:*:777777777777:trail/*"},
    }
    assert policy["ReaderExact"] == reads({"AWS": "arn:aws:iam::777777777777:role/Reader"}, **guard)
    assert policy["ReaderPattern"] == reads(
        of("777777777777"), ArnLike={"aws:PrincipalArn": "arn:aws:iam::777777777777:role/siem-*"}, **guard
    )
    assert policy["AdministratorsManageKey"]["Principal"] == {"AWS": "arn:aws:iam::777777777777:role/Admin"}
    assert "Condition" not in policy["AdministratorsManageKey"]
    assert policy["DeployerUpdatesKey"]["Principal"] == {"AWS": "arn:aws:iam::777777777777:role/Deploy"}
    # The Deny stays on the condition: a re-created role is still denied.
    assert policy["AdministratorsNeverUseKey"]["Principal"] == {"AWS": "*"}
    assert policy["AdministratorsNeverUseKey"]["Condition"] == {
        "ArnLike": {"aws:PrincipalArn": "arn:aws:iam::777777777777:role/Admin"}
    }
    assert policy["BreakGlassRepairsKey"]["Condition"] == {
        "ArnLike": {"aws:PrincipalArn": "arn:aws:iam::777777777777:role/glass-*"}
    }


def test_cloudtrail_decrypts_only_with_bucket_keys(tmp_path: Path) -> None:
    assert "CloudTrailDecryptsWithBucketKeys" not in key_policy(deploy(tmp_path, SINGLE))
    with_bucket_keys = key_policy(deploy(tmp_path, SINGLE, bucket={"bucket_key_enabled": True}))
    assert with_bucket_keys["CloudTrailDecryptsWithBucketKeys"] == {
        "Effect": "Allow",
        "Principal": CLOUDTRAIL,
        "Action": ["kms:Decrypt"],
        "Resource": ["*"],
        "Condition": {"StringEquals": {"aws:SourceArn": "arn:aws:cloudtrail:eu-central-1:777777777777:trail/audit"}},
    }


def test_several_trails_of_several_accounts_share_the_key(tmp_path: Path) -> None:
    trails = [
        {"name": "everyone", "home_region": "us-east-1", "is_organization_trail": True},
        {"name": "own", "home_region": "eu-west-1", "account": "security", "s3_key_prefix": "own/logs"},
        {"name": "more", "home_region": "us-east-1", "account": "security"},
        {"name": "kept", "home_region": "us-east-1", "account": "archive"},
    ]
    policy = key_policy(
        deploy(tmp_path, ORGANIZATION, trails=trails, readers=[{"name": "r", "role": "archive:role/R"}])
    )
    source = [
        "arn:aws:cloudtrail:us-east-1:111111111111:trail/everyone",
        "arn:aws:cloudtrail:eu-west-1:333333333333:trail/own",
        "arn:aws:cloudtrail:us-east-1:333333333333:trail/more",
        "arn:aws:cloudtrail:us-east-1:222222222222:trail/kept",
    ]
    owners = [
        "arn:aws:cloudtrail:*:111111111111:trail/*",
        "arn:aws:cloudtrail:*:333333333333:trail/*",
        "arn:aws:cloudtrail:*:222222222222:trail/*",
    ]
    assert policy["CloudTrailEncryptsLogs"]["Condition"] == {
        "StringEquals": {"aws:SourceArn": source},
        "StringLike": {CONTEXT: owners},
    }
    assert policy["CloudTrailDescribesKey"]["Condition"] == {"StringEquals": {"aws:SourceArn": source}}
    assert policy["ReaderR"]["Condition"]["StringLike"] == {CONTEXT: owners}
    # A deployer of trails elsewhere may look at the key, once for each account, and never the key's own.
    assert {sid for sid in policy if sid.startswith("TrailDeployer")} == {
        "TrailDeployerManagement",
        "TrailDeployerSecurity",
    }
    assert policy["TrailDeployerSecurity"] == {
        "Effect": "Allow",
        "Principal": of("333333333333"),
        "Action": ["kms:DescribeKey"],
        "Resource": ["*"],
        "Condition": {"ArnLike": {"aws:PrincipalArn": "arn:aws:iam::333333333333:role/Deploy"}},
    }


def test_an_organization_trail_is_one_arn_and_names_no_member_account(tmp_path: Path) -> None:
    policy = key_policy(deploy(tmp_path, ORGANIZATION))
    assert policy["CloudTrailEncryptsLogs"]["Condition"]["StringEquals"] == {
        "aws:SourceArn": "arn:aws:cloudtrail:us-east-1:111111111111:trail/everyone"
    }
    assert "333333333333" not in str(policy)


@pytest.mark.parametrize(
    ("partition", "region"), [("aws-us-gov", "us-gov-west-1"), ("aws-cn", "cn-north-1"), ("aws", "ap-southeast-2")]
)
def test_partitions_are_in_every_arn_but_not_in_service_names(tmp_path: Path, partition: str, region: str) -> None:
    deployment = deploy(
        tmp_path,
        SINGLE,
        partition=partition,
        bucket={"region": region},
        trails=[{"name": "audit", "home_region": region}],
        readers=[{"name": "r", "permission_set": "Analyst", "account": "main"}],
    )
    policy = key_policy(deployment)
    assert {arn.split(":")[1] for arn in re.findall(r"'(arn:[^']+)", str(policy))} == {partition}
    encrypts, reader = policy["CloudTrailEncryptsLogs"], policy["ReaderR"]
    assert encrypts["Principal"] == CLOUDTRAIL
    assert encrypts["Condition"] == {
        "StringEquals": {"aws:SourceArn": f"arn:{partition}:cloudtrail:{region}:777777777777:trail/audit"},
        "StringLike": {CONTEXT: f"arn:{partition}:cloudtrail:*:777777777777:trail/*"},
    }
    # Which of the two names S3 goes by in China is not documented.
    names = [f"s3.{region}.amazonaws.com", *([f"s3.{region}.amazonaws.com.cn"] if partition == "aws-cn" else [])]
    assert reader["Condition"]["StringEquals"] == {"kms:ViaService": names if len(names) > 1 else names[0]}
    assert reader["Condition"]["ArnLike"]["aws:PrincipalArn"] == [
        f"arn:{partition}:iam::777777777777:role/aws-reserved/sso.amazonaws.com/AWSReservedSSO_Analyst_????????????????",
        f"arn:{partition}:iam::777777777777:role/aws-reserved/sso.amazonaws.com/*/AWSReservedSSO_Analyst_????????????????",
    ]


@pytest.mark.parametrize("name_roles", [False, True])
def test_what_no_key_policy_holds(tmp_path: Path, name_roles: bool) -> None:  # noqa: FBT001 # a parameter of the test
    deployment = deploy(tmp_path, EVERYTHING, key={"name_roles": name_roles})
    keys = resources(deployment, "AWS::KMS::Key")
    assert set(keys) == {"Key", "LakeKey"}
    for logical_id in keys:
        for sid, statement in key_policy(deployment, logical_id).items():
            assert re.fullmatch(r"[A-Za-z0-9]+", sid)
            assert "NotAction" not in statement
            assert "NotPrincipal" not in statement
            assert "NotResource" not in statement
            wildcards = {action for action in statement["Action"] if "*" in action or "?" in action}
            assert wildcards == ({"kms:GenerateDataKey*"} if sid == "CloudTrailEncryptsLogs" else set())
            assert all(re.fullmatch(r"kms:[A-Z]\w+\*?", action) for action in statement["Action"])
            assert len(set(statement["Action"])) == len(statement["Action"])
            if statement["Principal"] == {"AWS": "*"} and statement["Effect"] == "Allow":
                condition = statement["Condition"]
                assert condition["StringNotEquals"] == {"aws:PrincipalAccount": "222222222222"}
                assert condition["StringEquals"]["aws:PrincipalOrgID"] == "o-a1b2c3d4e5"


def test_who_may_what_over_all_statements_of_the_trails_key(tmp_path: Path) -> None:
    policy = key_policy(deploy(tmp_path, EVERYTHING))
    allowed: dict[str, set[str]] = {}
    for sid, statement in policy.items():
        if statement["Effect"] == "Allow":
            for action in statement["Action"]:
                allowed.setdefault(action, set()).add(sid)
    readers = {f"Reader{name}" for name in ("One", "Two", "Three", "Four", "Five", "Six", "Seven", "Eight", "Nine")}
    assert allowed["kms:Decrypt"] == readers | {"CloudTrailDecryptsWithBucketKeys"}
    assert allowed["kms:GenerateDataKey*"] == {"CloudTrailEncryptsLogs"}
    assert allowed["kms:PutKeyPolicy"] == {"DeployerUpdatesKey", "BreakGlassRepairsKey", "RootUserRecoversKey"}
    assert allowed["kms:ScheduleKeyDeletion"] == {"BreakGlassRepairsKey"}
    assert allowed["kms:DisableKey"] == allowed["kms:EnableKey"] == {"BreakGlassRepairsKey"}
    never = {"kms:CreateGrant", "kms:ReplicateKey", "kms:RevokeGrant", "kms:ImportKeyMaterial", "kms:CreateKey"}
    assert not allowed.keys() & (CRYPTOGRAPHIC | never) - {"kms:Decrypt"}
    for sid in readers:
        assert CONTEXT in policy[sid]["Condition"]["StringLike"]
        assert ("kms:ViaService" in str(policy[sid])) == (sid != "ReaderNine")
    assert not [sid for sid in policy if "Lake" in sid or "Querier" in sid]


def test_the_lake_key_has_no_source_arn_and_nothing_of_the_trails_key(tmp_path: Path) -> None:
    policy = key_policy(deploy(tmp_path, EVERYTHING), "LakeKey")
    root = of("111111111111")

    def held(sid: str) -> tuple[str, Any, list[str], Any]:
        statement = policy[sid]
        return statement["Effect"], statement["Principal"], statement["Action"], statement.get("Condition")

    def like(name: str) -> Document:
        return {"ArnLike": {"aws:PrincipalArn": f"arn:aws:iam::111111111111:role/{name}"}}

    use = ["kms:Decrypt", "kms:GenerateDataKey"]
    assert held("CloudTrailLakeUsesKey") == ("Allow", CLOUDTRAIL, use, None)
    assert held("CloudTrailLakeDescribesKey") == ("Allow", CLOUDTRAIL, ["kms:DescribeKey"], None)
    assert held("QueriersUseKey") == ("Allow", root, use, like("Querier"))
    assert held("DeployerUsesKey") == ("Allow", root, use, like("Deploy"))
    assert held("AdministratorsManageKey")[3] == like("KeyAdministrator")
    assert held("AdministratorsNeverUseKey")[0] == "Deny"
    assert held("BreakGlassRepairsKey")[3] == like("BreakGlass")
    assert set(policy) == {
        "CloudTrailLakeUsesKey",
        "CloudTrailLakeDescribesKey",
        "QueriersUseKey",
        "DeployerUsesKey",
        "AdministratorsManageKey",
        "AdministratorsNeverUseKey",
        "BreakGlassRepairsKey",
        *ALWAYS,
    }
    assert "aws:SourceArn" not in str(policy)
    assert CONTEXT not in str(policy)
    assert "kms:ViaService" not in str(policy)


def test_the_iam_policy_of_a_reader_is_the_other_side_of_its_grant(tmp_path: Path) -> None:
    deployment = deploy(
        tmp_path,
        ORGANIZATION,
        readers=[
            {"name": "by-s3", "role": "security:role/One"},
            {"name": "itself", "role": "security:role/Two", "via_service": False},
        ],
    )
    keys, grants = key_policy(deployment), ("ReaderByS3", "ReaderItself")
    for sid in grants:
        decrypts = managed_policy(deployment, f"{sid}Policy")["DecryptLogs"]
        conditions = {name: keys_ for name, keys_ in keys[sid]["Condition"].items() if name != "ArnLike"}
        assert decrypts == {
            "Effect": "Allow",
            "Action": ["kms:Decrypt"],
            "Resource": ["arn:aws:kms:us-east-1:222222222222:key/b5900000-0000-0000-0000-000000000000"],
            "Condition": conditions,
        }


FORMER = tuple(
    f"arn:aws:kms:{region}:222222222222:key/{number}2345678-1234-1234-1234-123456789012"
    for region, number in (("us-east-1", 1), ("us-east-1", 2), ("eu-west-1", 3))
)


def test_readers_keep_what_keys_of_earlier_lives_encrypted_through_s3_and_nobody_else_does(tmp_path: Path) -> None:
    deployment = deploy(
        tmp_path,
        ORGANIZATION,
        key={"former_arns": list(FORMER), "administrators": ["archive:role/Admin"]},
        readers=[
            {"name": "by-s3", "role": "security:role/One"},
            {"name": "itself", "role": "security:role/Two", "via_service": False},
        ],
    )
    by_s3, itself = (managed_policy(deployment, f"{sid}Policy") for sid in ("ReaderByS3", "ReaderItself"))
    for region, keys in (("us-east-1", [FORMER[0], FORMER[1]]), ("eu-west-1", [FORMER[2]])):
        sid = "DecryptFormerLogs" + "".join(part.capitalize() for part in region.split("-"))
        assert by_s3[sid] == {
            "Effect": "Allow",
            "Action": ["kms:Decrypt"],
            "Resource": keys,
            "Condition": {
                "StringEquals": {"kms:ViaService": f"s3.{region}.amazonaws.com"},
                "StringLike": {CONTEXT: "arn:aws:cloudtrail:*:111111111111:trail/*"},
            },
        }
        assert itself[sid]["Condition"] == {"StringLike": {CONTEXT: "arn:aws:cloudtrail:*:111111111111:trail/*"}}
    # The former key's own policy is not written here; whoever else works with the key of today has nothing on it.
    assert not any(arn in str(key_policy(deployment)) for arn in FORMER)
    for policy in ("AdministratorPolicy", "DeployerPolicy"):
        assert not any(arn in str(managed_policy(deployment, policy, "archive-iam")) for arn in FORMER)
