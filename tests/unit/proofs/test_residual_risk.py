"""What remains: who can replace a key policy, and whether readers read from end to end."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from helpers import CONFIGS, ORGANIZATION, SINGLE, deploy, edited
from trailkey import pipeline
from trailkey.proofs.matrix import matrices
from trailkey.proofs.residual_risk import beyond_scps, policy_writers
from trailkey.proofs.verdict import readings, verdict

if TYPE_CHECKING:
    from pathlib import Path

    from trailkey.config.deployment import Deployment
    from trailkey.inventory.folder import Folder

IN_KEY_ACCOUNT = "arn:aws:iam::222222222222:"


def built(name: str) -> tuple[Deployment, Folder]:
    deployment = pipeline.load_all([CONFIGS[name]])[0]
    return deployment, pipeline.render(deployment).folder


def test_keys_of_the_management_account_and_of_no_organization_are_beyond_scps(tmp_path: Path) -> None:
    store = {"name": "lake", "account": "management", "region": "us-east-1", "alias": "alias/lake"}

    assert beyond_scps(deploy(tmp_path, SINGLE)) == ["alias/cloudtrail-logs"]
    assert beyond_scps(deploy(tmp_path, ORGANIZATION, event_data_stores=[store])) == ["alias/lake"]


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
