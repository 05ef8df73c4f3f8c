"""The people's stacks: who gets a policy attached, who gets one by name, and how a long one is split."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from awacs.s3 import GetObject
from troposphere import encode_to_dict

from helpers import ORGANIZATION, SINGLE, Document, deploy, rendered_templates, resources, rollout_of
from trailkey.aws import policy_size
from trailkey.statements.builders import allow, document
from trailkey.templates.managed_policies import packed

if TYPE_CHECKING:
    from pathlib import Path

    from awacs.aws import Statement

    from trailkey.config.deployment import Deployment

LIMIT = 6_144


def steps(deployment: Deployment) -> list[str]:
    """Return what every step says, before the first stack and after each."""
    rollout = rollout_of(deployment)
    after = [step for stack in rollout["stacks"] for step in stack["after"]]
    return [step["text"] for step in (*rollout["before"], *after)]


def statement(sid: str, letters: int) -> Statement:
    return allow(sid, (GetObject,), on="x" * letters)


def size(statements: list[Statement]) -> int:
    return policy_size(encode_to_dict(document(statements)), characters=True)


def test_statements_share_a_policy_up_to_the_limit() -> None:
    first = statement("First", 100)
    second = statement("Second", LIMIT - size([first, statement("Second", 0)]))
    assert size([first, second]) == LIMIT
    assert packed([first, second]) == [[first, second]]
    over = statement("Second", LIMIT - size([first, statement("Second", 0)]) + 1)
    assert packed([first, over]) == [[first], [over]]


def test_a_statement_over_the_limit_stands_alone() -> None:
    small, large = statement("Small", 10), statement("Large", 7_000)
    assert packed([small, large, statement("More", 10)])[1] == [large]
    assert packed([]) == []


def test_a_long_policy_is_split_and_both_parts_are_attached(tmp_path: Path) -> None:
    regions = ["us-east-1", "us-east-2", "us-west-1", "us-west-2", "eu-west-1", "eu-west-2"]
    trails = [
        {"name": f"trail-{number}", "home_region": region, "s3_key_prefix": f"{region}{number}{'p' * 168}"}
        for region in regions
        for number in range(5)
    ][:25]
    readers = [{"name": "r", "role": "main:role/R"}, {"name": "s", "principal_arn_like": "main:role/s-*"}]
    deployment = deploy(tmp_path, SINGLE, trails=trails, readers=readers)
    template = rendered_templates(deployment)["main-iam"]["Resources"]
    made = resources(deployment, "AWS::IAM::ManagedPolicy", "main-iam")
    assert {name for name in made if name.startswith("ReaderR")} == {"ReaderRPolicy", "ReaderRPolicy2"}
    assert all(policy_size(policy["PolicyDocument"], characters=True) <= LIMIT for policy in made.values())
    assert [template[name]["Properties"]["Roles"] for name in ("ReaderRPolicy", "ReaderRPolicy2")] == [["R"], ["R"]]
    assert [made[name]["ManagedPolicyName"] for name in ("ReaderSPolicy", "ReaderSPolicy2")] == [
        "cloudtrail-logs-read-s",
        "cloudtrail-logs-read-s2",
    ]


def built(folder: Path, stack: str, **changes: Any) -> tuple[dict[str, Document], list[str]]:
    deployment = deploy(folder, ORGANIZATION, **changes)
    return resources(deployment, "AWS::IAM::ManagedPolicy", stack), steps(deployment)


def test_roles_named_exactly_get_their_policy_attached(tmp_path: Path) -> None:
    made, said = built(tmp_path, "security-iam", readers=[{"name": "r", "role": "security:role/Path/To/R"}])
    assert made["ReaderRPolicy"]["Roles"] == ["R"]
    assert "ManagedPolicyName" not in made["ReaderRPolicy"]
    arn = "arn:aws:iam::333333333333:role/Path/To/R"
    assert f"{arn} exists: stack security-iam attaches a policy to it." in said


def test_permission_sets_patterns_and_accounts_get_a_named_policy(tmp_path: Path) -> None:
    readers = [
        {"name": "sets", "permission_set": "Analyst", "account": "security"},
        {"name": "patterns", "principal_arn_like": "security:role/siem-*"},
        {"name": "account", "account_principal": "security"},
    ]
    made, said = built(tmp_path, "security-iam", readers=readers)
    for name in ("Sets", "Patterns", "Account"):
        policy = made[f"Reader{name}Policy"]
        assert policy["ManagedPolicyName"] == f"cloudtrail-logs-read-{name.lower()}"
        assert not {"Roles", "Users", "Groups"} & set(policy)
    assert (
        "Permission set Analyst refers to the customer managed policy cloudtrail-logs-read-sets "
        "and is provisioned to account 333333333333."
    ) in said
    for name in ("patterns", "account"):
        assert (
            f"IAM in account 333333333333 decides who reads: attach policy cloudtrail-logs-read-{name} "
            "to those who shall."
        ) in said


def test_administrators_break_glass_and_the_deployer(tmp_path: Path) -> None:
    key = {
        "administrators": ["archive:role/A", "archive:user/alice", "archive:role/a-*"],
        "break_glass": ["archive:role/Glass"],
    }
    made, said = built(tmp_path, "archive-iam", key=key)
    assert (made["AdministratorPolicy"]["Roles"], made["AdministratorPolicy"]["Users"]) == (["A"], ["alice"])
    assert made["AdministratorPolicy"]["ManagedPolicyName"] == "cloudtrail-logs-Administrator"
    assert made["BreakGlassPolicy"]["Roles"] == ["Glass"]
    assert made["DeployerPolicy"]["Roles"] == ["Deploy"]
    assert set(made) == {"AdministratorPolicy", "BreakGlassPolicy", "DeployerPolicy"}
    assert (
        "Policy cloudtrail-logs-Administrator, or one that allows the same, is attached to the roles arn:aws:iam::222222222222:role/a-*: "
        "their names are not known here."
    ) in said
    for policy in made.values():
        for held in policy["PolicyDocument"]["Statement"]:
            assert held["Resource"] != ["*"] or set(held["Action"]) <= {"kms:ListAliases", "kms:ListKeys"}
            assert not any("*" in action for action in held["Action"])
            assert "kms:Decrypt" not in held["Action"]


def test_a_deployer_known_by_a_pattern_gets_its_policy_by_name(tmp_path: Path) -> None:
    accounts = {name: {**account, "deployer": "role/Deploy-*"} for name, account in ORGANIZATION["accounts"].items()}
    made, said = built(tmp_path, "archive-iam", accounts=accounts)
    assert made["DeployerPolicy"]["ManagedPolicyName"] == "cloudtrail-logs-deploy-deployer"
    assert "Roles" not in made["DeployerPolicy"]
    assert (
        "Policy cloudtrail-logs-deploy-deployer, or one that allows the same, is attached to the roles "
        "arn:aws:iam::222222222222:role/Deploy-*: their names are not known here."
    ) in said


def test_fixed_names_stay_within_128_characters(tmp_path: Path) -> None:
    readers = [{"name": "r" * 40, "account_principal": "security"}]
    made, _ = built(tmp_path, "security-iam", key={"alias": "alias/" + "a" * 250}, readers=readers)
    [policy] = made.values()
    assert len(policy["ManagedPolicyName"]) == 126
    assert policy["ManagedPolicyName"].endswith("-read-" + "r" * 40)
