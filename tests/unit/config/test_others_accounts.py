"""An account that is not ours: its roles read, nothing is deployed there, and its owner is told what to allow."""

from __future__ import annotations

from typing import TYPE_CHECKING

from helpers import ORGANIZATION, bucket_policy, deploy, key_policy
from trailkey import pipeline

if TYPE_CHECKING:
    from pathlib import Path

VENDOR = "arn:aws:iam::999999999999:role/Siem"
CONFIG = {
    **ORGANIZATION,
    "accounts": {**ORGANIZATION["accounts"], "vendor": {"id": "999999999999", "ours": False}},
    "readers": [{"name": "siem", "role": "vendor:role/Siem"}],
}


def test_a_role_of_a_vendor_reads_and_the_rest_of_the_vendor_does_not(tmp_path: Path) -> None:
    deployment = deploy(tmp_path, CONFIG)
    rendered = pipeline.render(deployment)

    assert pipeline.prove(rendered).findings == ()
    for policy, sids in (
        (key_policy(deployment), ["ReaderSiem"]),
        (bucket_policy(deployment), ["ReaderSiemGetsLogs", "ReaderSiemListsLogs"]),
    ):
        assert [sid for sid in policy if "999999999999" in str(policy[sid])] == sids
        for sid in sids:
            assert policy[sid]["Condition"]["ArnLike"] == {"aws:PrincipalArn": VENDOR}


def test_the_owner_is_told_of_versions_and_of_former_keys_too(tmp_path: Path) -> None:
    former = "arn:aws:kms:us-east-1:222222222222:key/12345678-1234-1234-1234-123456789012"
    readers = [{**CONFIG["readers"][0], "versions": True}]
    manifest = pipeline.render(deploy(tmp_path, CONFIG, readers=readers, key={"former_arns": [former]})).folder.manifest
    (step,) = (one for stack in manifest.stacks for one in stack.after if one.kind == "reader-policy")

    for part in (former, "s3:GetObjectVersion", "s3:ListBucketVersions"):
        assert part in step.text


def test_nothing_is_deployed_to_the_vendor_whose_owner_is_told_what_to_allow(tmp_path: Path) -> None:
    manifest = pipeline.render(deploy(tmp_path, CONFIG)).folder.manifest

    assert not [stack.stack for stack in manifest.stacks if "vendor" in stack.stack]
    steps = [
        step
        for step in (*manifest.before, *(one for stack in manifest.stacks for one in stack.after))
        if step.account == "999999999999"
    ]
    assert [(step.kind, step.arn) for step in steps] == [("reader-policy", VENDOR)]
    for part in (
        "kms:Decrypt",
        "s3:GetObject on arn:aws:s3:::logs-of-org/AWSLogs/*",
        "s3:ListBucket",
        "nothing is deployed",
    ):
        assert part in steps[0].text
