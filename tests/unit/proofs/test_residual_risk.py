"""What remains: who can replace a key policy, and the SCP that keeps that to them; and whether readers read from end to end."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from helpers import CONFIGS, ORGANIZATION, SINGLE, deploy, edited
from trailkey import pipeline
from trailkey.access.analysis.witnesses import ALLOW_ALL
from trailkey.access.language.evaluate import decide
from trailkey.access.language.policy import parse_policy
from trailkey.access.language.request import parse_request
from trailkey.proofs.matrix import matrices
from trailkey.proofs.residual_risk import KEY_ID, beyond_scps, policy_writers, scp
from trailkey.proofs.verdict import readings, verdict

if TYPE_CHECKING:
    from pathlib import Path

    from trailkey.config.deployment import Deployment
    from trailkey.inventory.folder import Folder

KEY = "arn:aws:kms:us-east-1:222222222222:key/12345678-1234-1234-1234-123456789012"
IN_KEY_ACCOUNT = "arn:aws:iam::222222222222:"
EVERYTHING_GOES = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Principal": {"AWS": "*"}, "Action": "kms:*", "Resource": "*"}],
}
"""A key policy as someone who may replace it could leave it."""
FULL_ACCESS = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}


def built(name: str) -> tuple[Deployment, Folder]:
    deployment = pipeline.load_all([CONFIGS[name]])[0]
    return deployment, pipeline.render(deployment).folder


def answer(document: dict[str, Any], principal: str, action: str, resource: str = KEY) -> tuple[str, str]:
    guard = json.loads(json.dumps(document).replace(KEY_ID, KEY.rpartition("/")[2]))
    entry = {
        "principal": principal,
        "action": action,
        "resource": resource,
        "identity_policies": [ALLOW_ALL],
        "scps": [FULL_ACCESS, guard],
    }
    decision = decide(
        parse_request(entry), resource_policy=parse_policy(EVERYTHING_GOES, what="the key", resource_based=True)
    )
    return decision.decision, decision.reason


@pytest.mark.parametrize("action", ["kms:PutKeyPolicy", "kms:ScheduleKeyDeletion", "kms:DisableKey"])
def test_the_scp_keeps_a_key_to_those_who_look_after_it(action: str) -> None:
    guard = scp(built("organization")[0])
    assert guard is not None

    for stranger in ("role/Anyone", "role/KeyAdministrator", "user/someone", "role/path/BreakGlass"):
        assert answer(guard, IN_KEY_ACCOUNT + stranger, action) == ("denied", "explicit_deny")
    for keeper in ("role/CloudFormationDeployment", "role/BreakGlass", "root"):
        assert answer(guard, IN_KEY_ACCOUNT + keeper, action) == ("allowed", "allowed")
    session = "arn:aws:sts::222222222222:assumed-role/CloudFormationDeployment/stack"
    assert answer(guard, session, action) == ("allowed", "allowed")


def test_the_scp_leaves_everything_else_alone() -> None:
    guard = scp(built("organization")[0])
    assert guard is not None

    assert answer(guard, f"{IN_KEY_ACCOUNT}role/Anyone", "kms:Decrypt") == ("allowed", "allowed")
    other = KEY.replace("12345678", "87654321")
    assert answer(guard, f"{IN_KEY_ACCOUNT}role/Anyone", "kms:PutKeyPolicy", other) == ("allowed", "allowed")


def test_there_is_no_scp_without_an_organization_and_none_for_the_management_account(tmp_path: Path) -> None:
    store = {"name": "lake", "account": "management", "region": "us-east-1", "alias": "alias/lake"}
    alone = deploy(tmp_path, SINGLE)
    mixed = deploy(tmp_path, ORGANIZATION, event_data_stores=[store])

    assert (scp(alone), beyond_scps(alone)) == (None, ["alias/cloudtrail-logs"])
    guard = scp(mixed)
    assert guard is not None
    assert [one["Resource"] for one in guard["Statement"]] == ["arn:aws:kms:us-east-1:222222222222:key/KEY-ID"]
    assert beyond_scps(mixed) == ["alias/lake"]


def test_a_store_of_a_member_account_has_a_statement_of_its_own(tmp_path: Path) -> None:
    store = {"name": "lake", "account": "security", "region": "us-west-2", "alias": "alias/lake"}
    guard = scp(deploy(tmp_path, ORGANIZATION, event_data_stores=[store]))

    assert guard is not None
    assert guard["Statement"][1] == {
        "Sid": "KeepKey1",
        "Effect": "Deny",
        "Action": ["kms:DisableKey", "kms:PutKeyPolicy", "kms:ScheduleKeyDeletion"],
        "Resource": "arn:aws:kms:us-west-2:333333333333:key/KEY-ID",
        "Condition": {
            "ArnNotLike": {
                "aws:PrincipalArn": ["arn:aws:iam::333333333333:role/Deploy", "arn:aws:iam::333333333333:root"]
            }
        },
    }


def test_who_can_replace_the_policy_is_read_from_the_policy() -> None:
    deployment, folder = built("organization")

    assert [(one.label, one.principals) for one in policy_writers(matrices(deployment, folder.policies))] == [
        ("break glass", (f"{IN_KEY_ACCOUNT}role/BreakGlass",)),
        ("deployer", (f"{IN_KEY_ACCOUNT}role/CloudFormationDeployment",)),
        ("root user of log-archive", (f"{IN_KEY_ACCOUNT}root",)),
    ]
    (key,) = folder.policies.keys
    statements = [one for one in key.document["Statement"] if one["Sid"] != "BreakGlassRepairsKey"]
    added = {"Effect": "Allow", "Principal": {"AWS": "222222222222"}, "Action": "kms:Put*", "Resource": "*"}
    other = replace(key, document={**key.document, "Statement": [*statements, added]})
    found = policy_writers(matrices(deployment, replace(folder.policies, keys=(other,))))
    assert [one.label for one in found] == [
        "break glass",
        "deployer",
        "root user of log-archive",
        "others of log-archive",
    ]


def test_a_reader_reads_only_where_key_bucket_and_iam_policy_let_it() -> None:
    deployment, folder = built("organization")

    assert {one.reads for one in readings(deployment, verdict(deployment, folder))} == {"yes"}

    def change(resources: dict[str, Any]) -> None:
        policy = resources["LogBucketPolicy"]["Properties"]["PolicyDocument"]
        policy["Statement"] = [one for one in policy["Statement"] if one["Sid"] != "ReaderAnalystsGetsLogs"]
        del resources["ReaderRespondersPolicy"]

    broken = edited(pipeline.render(deployment), change).folder
    found = [
        (one.name, one.key_policy, one.bucket_policy, one.iam_policy, one.reads)
        for one in readings(deployment, verdict(deployment, broken))
    ]
    assert found == [
        ("responders", "yes", "yes", "no", "no"),
        ("analysts", "yes", "no", "yes", "no"),
        ("audit", "yes", "yes", "yes", "yes"),
        ("security-ou", "yes", "yes", "yes", "yes"),
    ]


def test_services_bring_permissions_of_their_own(tmp_path: Path) -> None:
    readers = [{"name": "macie", "service": "macie"}, {"name": "generation", "service": "access-analyzer"}]
    deployment = deploy(tmp_path, SINGLE, readers=readers)
    folder = pipeline.render(deployment).folder

    found = readings(deployment, verdict(deployment, folder))
    assert [(one.key_policy, one.bucket_policy, one.iam_policy, one.reads) for one in found] == [
        ("yes", "own", "own", "yes"),
        ("yes", "yes", "own", "yes"),
    ]
