"""The alarm: where its rules are, what they tell of, and who publishes to its topics."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from helpers import ORGANIZATION, SINGLE, Document, by_sid, deploy, rendered_templates, resources, rollout_of
from trailkey import pipeline

if TYPE_CHECKING:
    from pathlib import Path

KEY_ARN = "arn:aws:kms:eu-central-1:777777777777:key/b5900000-0000-0000-0000-000000000000"
TOPIC = "arn:aws:sns:eu-central-1:777777777777:AlarmTopic"
API_CALL = "AWS API Call via CloudTrail"
TRAIL = ["audit", "arn:aws:cloudtrail:eu-central-1:777777777777:trail/audit"]


def single(folder: Path, **key: object) -> tuple[dict[str, Document], Document]:
    deployment = deploy(folder, SINGLE, key=key, tags={"team": "security"})
    template = rendered_templates(deployment)["one"]
    kinds = {resource["Type"] for resource in template["Resources"].values()}
    return {kind: resources(deployment, kind) for kind in kinds}, template


def test_without_an_alarm_nothing_of_one_is_made(tmp_path: Path) -> None:
    made, _ = single(tmp_path)
    assert not {"AWS::Events::Rule", "AWS::SNS::Topic", "AWS::SNS::TopicPolicy"} & set(made)


def test_key_bucket_and_trail_are_watched_each_for_its_own_calls(tmp_path: Path) -> None:
    rules = single(tmp_path, alarm={})[0]["AWS::Events::Rule"]

    def pattern(service: str, calls: str, **about: Any) -> Document:
        kinds = [API_CALL, "AWS Service Event via CloudTrail"] if service == "kms" else [API_CALL]
        detail = {"eventSource": [f"{service}.amazonaws.com"], "eventName": calls.split(), **about}
        return {"source": [f"aws.{service}"], "detail-type": kinds, "detail": detail}

    assert {name: (rule["EventPattern"], rule["State"]) for name, rule in rules.items()} == {
        "KeyAlarmRule": (
            pattern(
                "kms",
                "CancelKeyDeletion CreateGrant DeleteKey DisableKey DisableKeyRotation EnableKey PutKeyPolicy ScheduleKeyDeletion",
                resources={"ARN": [KEY_ARN]},
            ),
            "ENABLED",
        ),
        "LogBucketAlarmRule": (
            pattern(
                "s3",
                "DeleteBucket DeleteBucketEncryption DeleteBucketLifecycle DeleteBucketPolicy DeleteBucketPublicAccessBlock"
                " PutBucketEncryption PutBucketLifecycle PutBucketPolicy PutBucketPublicAccessBlock PutBucketVersioning",
                requestParameters={"bucketName": ["logs-of-one"]},
            ),
            "ENABLED",
        ),
        "AuditTrailAlarmRule": (
            pattern(
                "cloudtrail",
                "DeleteTrail PutEventSelectors PutInsightSelectors StopLogging UpdateTrail",
                **{"$or": [{"requestParameters": {name: TRAIL}} for name in ("name", "trailName")]},
            ),
            "ENABLED",
        ),
    }
    assert {target["Arn"] for rule in rules.values() for target in rule["Targets"]} == {TOPIC}


def test_only_the_rules_publish_to_the_topic_and_with_tls(tmp_path: Path) -> None:
    made, template = single(tmp_path, alarm={"kms_key": "alias/topics"})
    rules = [
        f"arn:aws:events:eu-central-1:777777777777:rule/{name}AlarmRule" for name in ("Key", "LogBucket", "AuditTrail")
    ]

    assert made["AWS::SNS::Topic"]["AlarmTopic"]["KmsMasterKeyId"] == "alias/topics"
    assert by_sid(made["AWS::SNS::TopicPolicy"]["AlarmTopicPolicy"]["PolicyDocument"]) == {
        "EventBridgePublishesAlarms": {
            "Effect": "Allow",
            "Principal": {"Service": "events.amazonaws.com"},
            "Action": ["sns:Publish"],
            "Resource": [TOPIC],
            "Condition": {"ArnEquals": {"aws:SourceArn": rules}},
        },
        "OnlyTls": {
            "Effect": "Deny",
            "Principal": {"AWS": "*"},
            "Action": ["sns:Publish"],
            "Resource": [TOPIC],
            "Condition": {"Bool": {"aws:SecureTransport": "false"}},
        },
    }
    assert "AlarmTopicArn" in template["Outputs"]


def test_each_account_and_region_has_the_rules_for_the_calls_made_there(tmp_path: Path) -> None:
    templates = rendered_templates(deploy(tmp_path, ORGANIZATION, key={"alarm": {}}))

    rules = {
        stack: [name for name, one in template["Resources"].items() if one["Type"] == "AWS::Events::Rule"]
        for stack, template in templates.items()
    }
    assert {stack: names for stack, names in rules.items() if names} == {
        "archive-alarm": ["KeyAlarmRule", "LogBucketAlarmRule"],
        "management-alarm": ["EveryoneTrailAlarmRule"],
    }


def test_whoever_is_to_hear_is_asked_to_confirm(tmp_path: Path) -> None:
    made, _ = single(tmp_path, alarm={"email": "ops@example.com"})
    assert made["AWS::SNS::Subscription"]["AlarmEmail"] == {
        "Protocol": "email",
        "Endpoint": "ops@example.com",
        "TopicArn": TOPIC,
    }
    for alarm, who in (({"email": "ops@example.com"}, "ops@example.com is subscribed"), ({}, "Whoever is to hear")):
        (stack,) = rollout_of(deploy(tmp_path, SINGLE, key={"alarm": alarm}))["stacks"]
        (step,) = (one for one in stack["after"] if one["kind"] == "subscribe")
        assert step["text"].startswith(who)
        assert step["command"] == "aws sns list-subscriptions --region eu-central-1"


def test_an_alarm_to_an_existing_topic_makes_rules_only(tmp_path: Path) -> None:
    topic = "arn:aws:sns:eu-central-1:777777777777:ours"
    made, template = single(tmp_path, alarm={"topic_arns": [topic]})
    assert {target["Arn"] for rule in made["AWS::Events::Rule"].values() for target in rule["Targets"]} == {topic}
    assert not [kind for kind in made if kind.startswith("AWS::SNS::")]
    assert "AlarmTopicArn" not in template["Outputs"]
    before = rollout_of(deploy(tmp_path, SINGLE, key={"alarm": {"topic_arns": [topic]}}))["before"]
    assert [one["arn"] for one in before if one["kind"] == "topic-admits-service"] == [topic]


def test_another_trail_may_be_what_makes_it_ring(tmp_path: Path) -> None:
    trail = {**SINGLE["trails"][0], "is_logging": False}
    deployment = deploy(tmp_path, SINGLE, trails=[trail], key={"alarm": {"trail_elsewhere": True}})

    assert len(resources(deployment, "AWS::Events::Rule")) == 3


@pytest.mark.parametrize("topic", [{}, {"sns_topic": {"name": "new-logs"}}], ids=["without", "with"])
def test_an_alarm_beside_a_trail_with_and_without_a_topic_of_its_own_is_proven(
    topic: dict[str, Any], tmp_path: Path
) -> None:
    deployment = deploy(tmp_path, SINGLE, key={"alarm": {}}, trails=[{**SINGLE["trails"][0], **topic}])

    assert pipeline.prove(pipeline.render(deployment)).findings == ()
