"""Service principals that do not exist, and those that only look strange."""

from __future__ import annotations

import pytest

from trailkey.audit.rules.unknown_names import meant_service


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("cloudtrail.amazonaws.com.cn", "cloudtrail.amazonaws.com"),
        ("cloudtrail.us-east-1.amazonaws.com", "cloudtrail.amazonaws.com"),
        ("cloudtrail.amazon.com", "cloudtrail.amazonaws.com"),
        ("cloudtrail.aws.amazon.com", "cloudtrail.amazonaws.com"),
        ("clouldtrail.amazonaws.com", "cloudtrail.amazonaws.com"),
        ("cloudtrial.amazonaws.com", "cloudtrail.amazonaws.com"),
        ("cloud-trail.amazonaws.com", "cloudtrail.amazonaws.com"),
        ("conifg.amazonaws.com", "config.amazonaws.com"),
        ("delivery.log.amazonaws.com", "delivery.logs.amazonaws.com"),
    ],
)
def test_near_miss_is_recognized(name: str, meant: str) -> None:
    assert meant_service(name) == meant


@pytest.mark.parametrize(
    "name",
    [
        "cloudtrail.amazonaws.com",
        "config.amazonaws.com",
        "logs.eu-west-1.amazonaws.com",
        "sns.amazonaws.com",
        "sqs.amazonaws.com",
        "ssm.amazonaws.com",
        "codepipeline.amazonaws.com",
        "cloudfront.amazonaws.com",
        "ec2.amazonaws.com.cn",
        "states.eu-west-1.amazonaws.com",
        "cloudwatch-crossaccount.amazonaws.com",
        "appconfig.amazonaws.com",
        "iotevents.amazonaws.com",
    ],
)
def test_other_names_are_left_alone(name: str) -> None:
    assert meant_service(name) == ""
