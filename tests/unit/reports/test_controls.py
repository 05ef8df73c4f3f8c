"""docs/controls.md reads the templates: what is taken out of one fails the control that asks for it, and no other."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from helpers import CONFIGS, SINGLE, deploy, edited
from trailkey import pipeline
from trailkey.reports.controls import CONTROLS, failing, resources_of
from trailkey.reports.scanners import EXPLAINED

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from trailkey.inventory.folder import Folder
    from trailkey.rendered import Rendered

Resources = dict[str, dict[str, Any]]


def rendered(name: str) -> Rendered:
    return pipeline.render(pipeline.load_all([CONFIGS[name]])[0])


def failed(folder: Folder) -> set[str]:
    return {one.id for one in CONTROLS if failing(one, folder)}


def without(logical_id: str, *path: str) -> Callable[[Resources], Any]:
    def change(resources: Resources) -> None:
        here: Any = resources[logical_id]["Properties"]
        for key in path[:-1]:
            here = here[key]
        del here[path[-1]]

    return change


def opened(resources: Resources) -> None:
    everyone = {"Sid": "All", "Effect": "Allow", "Principal": "*", "Action": ["kms:Decrypt"], "Resource": ["*"]}
    resources["Key"]["Properties"]["KeyPolicy"]["Statement"].append(everyone)


def all_keys(resources: Resources) -> None:
    resources["ReaderRespondersPolicy"]["Properties"]["PolicyDocument"]["Statement"][0]["Resource"] = ["*"]


def no_tls(resources: Resources) -> None:
    policy = resources["LogBucketPolicy"]["Properties"]["PolicyDocument"]
    policy["Statement"] = [one for one in policy["Statement"] if one["Sid"] != "OnlyTls"]


@pytest.mark.parametrize(
    ("controls", "change"),
    [
        ("CloudTrail.1", lambda resources: resources["OrganizationTrail"]["Properties"].update(IsMultiRegionTrail=False)),
        ("CloudTrail.2", without("OrganizationTrail", "KMSKeyId")),
        ("CloudTrail.3", lambda resources: resources["OrganizationTrail"]["Properties"].update(IsLogging=False)),
        ("CloudTrail.4", without("OrganizationTrail", "EnableLogFileValidation")),
        ("CloudTrail.5", without("OrganizationTrail", "CloudWatchLogsLogGroupArn")),
        ("CloudTrail.6 S3.2, S3.3, S3.8", without("LogBucket", "PublicAccessBlockConfiguration", "BlockPublicPolicy")),
        ("CloudTrail.7", without("LogBucket", "LoggingConfiguration")),
        ("CloudTrail.9", without("OrganizationTrail", "Tags")),
        ("KMS.1", all_keys),
        ("KMS.4", lambda resources: resources["Key"]["Properties"].update(EnableKeyRotation=False)),
        ("KMS.5", opened),
        ("S3.5", no_tls),
        ("S3.12", without("LogBucket", "OwnershipControls")),
        ("S3.13", without("LogBucket", "LifecycleConfiguration")),
        ("S3.14", without("AccessLogBucket", "VersioningConfiguration")),
        ("SNS.1", without("log-archive-alarm/AlarmTopic", "KmsMasterKeyId")),
        ("CloudWatch.16", lambda resources: resources["OrganizationTrailLogGroup"]["Properties"].update(RetentionInDays=90)),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)  # fmt: skip
def test_what_is_taken_away_fails_its_control_and_no_other(controls: str, change: Callable[[Resources], Any]) -> None:
    whole = rendered("organization")
    before, after = failed(whole.folder), failed(edited(whole, change).folder)

    assert " ".join(one.id for one in CONTROLS if one.id in after - before) == controls


@pytest.mark.parametrize(
    ("control", "config"),
    [
        ("CloudTrail.5", {"trails": [{**SINGLE["trails"][0], "cloudwatch_logs": {}}]}),
        ("CloudTrail.7", {}),
        ("CloudTrail.9", {"tags": {"team": "security"}}),
        ("SNS.1", {"key": {"alarm": {"kms_key": "alias/topics"}}}),
    ],
)
def test_what_the_page_advises_makes_the_control_pass(control: str, config: dict[str, Any], tmp_path: Path) -> None:
    (asked,) = (one for one in CONTROLS if one.id == control)
    bare = {"bucket": {"access_logs": None}, "key": {"alarm": {}}}

    assert failing(asked, pipeline.render(deploy(tmp_path, SINGLE, **bare)).folder)
    assert failing(asked, pipeline.render(deploy(tmp_path, SINGLE, **config)).folder) == []


def test_the_lake_example_passes_what_is_asked_of_stores() -> None:
    (asked,) = (one for one in CONTROLS if one.id == "CloudTrail.10")
    assert failing(asked, rendered("lake").folder) == []
    assert failing(asked, rendered("organization").folder) is None


def test_what_scanners_find_is_in_the_templates() -> None:
    kinds = {one.kind for name in ("organization", "single-account") for one in resources_of(rendered(name).folder)}
    assert {kind for one in EXPLAINED for kind in one.kinds} <= kinds
