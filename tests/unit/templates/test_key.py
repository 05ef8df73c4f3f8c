"""The key with its alias, and the alarm on what endangers it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from helpers import SINGLE, Document, by_sid, deploy, rendered_templates, resources

if TYPE_CHECKING:
    from pathlib import Path

KEY_ARN = "arn:aws:kms:eu-central-1:777777777777:key/b5900000-0000-0000-0000-000000000000"
PATTERN = {
    "source": ["aws.kms"],
    "detail-type": ["AWS API Call via CloudTrail"],
    "detail": {
        "eventSource": ["kms.amazonaws.com"],
        "eventName": ["DisableKey", "PutKeyPolicy", "ScheduleKeyDeletion"],
        "resources": {"ARN": [KEY_ARN]},
    },
}


def single(folder: Path, **key: object) -> tuple[dict[str, Document], Document]:
    deployment = deploy(folder, SINGLE, key=key, tags={"team": "security"})
    template = rendered_templates(deployment)["one"]
    kinds = {resource["Type"] for resource in template["Resources"].values()}
    return {kind: resources(deployment, kind) for kind in kinds}, template


def test_settings_of_the_key(tmp_path: Path) -> None:
    made, template = single(
        tmp_path, alias="alias/a/b", description="Ours", rotation_period_days=90, pending_window_days=7
    )
    key = {name: value for name, value in made["AWS::KMS::Key"]["Key"].items() if name != "KeyPolicy"}
    assert key == {
        "Description": "Ours",
        "KeySpec": "SYMMETRIC_DEFAULT",
        "KeyUsage": "ENCRYPT_DECRYPT",
        "EnableKeyRotation": True,
        "RotationPeriodInDays": 90,
        "PendingWindowInDays": 7,
        "Tags": [{"Key": "team", "Value": "security"}],
    }
    assert template["Resources"]["KeyAlias"]["Properties"] == {
        "AliasName": "alias/a/b",
        "TargetKeyId": {"Ref": "Key"},
    }
    assert set(template["Outputs"]) >= {"KeyArn"}
    assert template["Outputs"]["KeyArn"]["Export"] == {"Name": {"Fn::Sub": "${AWS::StackName}-KeyArn"}}


def test_without_an_alarm_nothing_of_one_is_made(tmp_path: Path) -> None:
    made, _ = single(tmp_path)
    assert not {"AWS::Events::Rule", "AWS::SNS::Topic", "AWS::SNS::TopicPolicy"} & set(made)


def test_only_the_rule_publishes_to_the_topic_of_the_default_alarm(tmp_path: Path) -> None:
    made, template = single(tmp_path, alarm={})
    rule = made["AWS::Events::Rule"]["KeyAlarmRule"]
    assert (rule["EventPattern"], rule["State"]) == (PATTERN, "ENABLED")
    topic = "arn:aws:sns:eu-central-1:777777777777:KeyAlarmTopic"
    assert [target["Arn"] for target in rule["Targets"]] == [topic]
    assert by_sid(made["AWS::SNS::TopicPolicy"]["KeyAlarmTopicPolicy"]["PolicyDocument"]) == {
        "EventBridgePublishesAlarms": {
            "Effect": "Allow",
            "Principal": {"Service": "events.amazonaws.com"},
            "Action": ["sns:Publish"],
            "Resource": [topic],
            "Condition": {"ArnEquals": {"aws:SourceArn": "arn:aws:events:eu-central-1:777777777777:rule/KeyAlarmRule"}},
        }
    }
    assert "KeyAlarmTopicArn" in template["Outputs"]
    assert "AWS::SNS::Subscription" not in made


def test_an_alarm_by_mail_subscribes_the_address(tmp_path: Path) -> None:
    made, _ = single(tmp_path, alarm={"email": "ops@example.com"})
    assert made["AWS::SNS::Subscription"]["KeyAlarmEmail"] == {
        "Protocol": "email",
        "Endpoint": "ops@example.com",
        "TopicArn": "arn:aws:sns:eu-central-1:777777777777:KeyAlarmTopic",
    }


def test_an_alarm_to_an_existing_topic_makes_a_rule_only(tmp_path: Path) -> None:
    topic = "arn:aws:sns:eu-central-1:777777777777:ours"
    made, template = single(tmp_path, alarm={"topic_arn": topic})
    rule = made["AWS::Events::Rule"]["KeyAlarmRule"]
    assert [target["Arn"] for target in rule["Targets"]] == [topic]
    assert rule["EventPattern"] == PATTERN
    assert not [kind for kind in made if kind.startswith("AWS::SNS::")]
    assert "KeyAlarmTopicArn" not in template["Outputs"]
