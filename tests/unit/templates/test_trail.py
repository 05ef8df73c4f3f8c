"""The trail: what it selects, what it waits for, and the log group and topic beside it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from helpers import ORGANIZATION, SINGLE, Document, by_sid, deploy, rendered_templates, resources

if TYPE_CHECKING:
    from pathlib import Path

    from trailkey.config.deployment import Deployment

DATA = [{"field": "eventCategory", "equals": ["Data"]}, {"field": "resources.type", "equals": ["AWS::S3::Object"]}]
MANAGEMENT = {"Field": "eventCategory", "Equals": ["Management"]}
OWN = "arn:aws:s3:::logs-of-one/"


def single(folder: Path, **trail: Any) -> Deployment:
    return deploy(folder, SINGLE, trails=[{"name": "audit", "home_region": "eu-central-1", **trail}])


def trail_of(deployment: Deployment) -> Document:
    return resources(deployment, "AWS::CloudTrail::Trail")["AuditTrail"]


def selectors(folder: Path, **trail: Any) -> list[Document]:
    found: list[Document] = trail_of(single(folder, **trail))["AdvancedEventSelectors"]
    return found


def test_a_trail_by_default(tmp_path: Path) -> None:
    assert trail_of(single(tmp_path)) == {
        "TrailName": "audit",
        "S3BucketName": "logs-of-one",
        "KMSKeyId": "arn:aws:kms:eu-central-1:777777777777:key/b5900000-0000-0000-0000-000000000000",
        "IsLogging": True,
        "IsMultiRegionTrail": True,
        "IsOrganizationTrail": False,
        "IncludeGlobalServiceEvents": True,
        "EnableLogFileValidation": True,
        "AdvancedEventSelectors": [{"Name": "Management events", "FieldSelectors": [MANAGEMENT]}],
    }


def test_settings_of_a_trail_arrive(tmp_path: Path) -> None:
    trail = trail_of(
        single(
            tmp_path,
            is_multi_region_trail=False,
            include_global_service_events=False,
            enable_log_file_validation=False,
            is_logging=False,
            s3_key_prefix="some/where",
            insights=["ApiCallRateInsight", "ApiErrorRateInsight"],
        )
    )
    assert (trail["IsMultiRegionTrail"], trail["IncludeGlobalServiceEvents"]) == (False, False)
    assert (trail["EnableLogFileValidation"], trail["IsLogging"]) == (False, False)
    assert trail["S3KeyPrefix"] == "some/where"
    assert trail["InsightSelectors"] == [{"InsightType": "ApiCallRateInsight"}, {"InsightType": "ApiErrorRateInsight"}]


@pytest.mark.parametrize(
    ("settings", "fields"),
    [
        ({"read_write_type": "ReadOnly"}, [{"Field": "readOnly", "Equals": ["true"]}]),
        ({"read_write_type": "WriteOnly"}, [{"Field": "readOnly", "Equals": ["false"]}]),
        (
            {"exclude_event_sources": ["rdsdata.amazonaws.com", "kms.amazonaws.com"]},
            [{"Field": "eventSource", "NotEquals": ["kms.amazonaws.com", "rdsdata.amazonaws.com"]}],
        ),
    ],
)
def test_management_events(tmp_path: Path, settings: Document, fields: list[Document]) -> None:
    assert selectors(tmp_path, management_events=settings) == [
        {"Name": "Management events", "FieldSelectors": [MANAGEMENT, *fields]}
    ]


def test_the_log_bucket_is_left_out_of_its_own_data_events(tmp_path: Path) -> None:
    assert selectors(tmp_path, management_events=None, advanced_event_selectors=[{"field_selectors": DATA}]) == [
        {
            "FieldSelectors": [
                {"Field": "eventCategory", "Equals": ["Data"]},
                {"Field": "resources.type", "Equals": ["AWS::S3::Object"]},
                {"Field": "resources.ARN", "NotStartsWith": [OWN]},
            ]
        }
    ]


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (
            {"starts_with": ["arn:aws:s3:::other/"]},
            {"StartsWith": ["arn:aws:s3:::other/"], "NotStartsWith": [OWN]},
        ),
        (
            {"not_starts_with": ["arn:aws:s3:::other/"]},
            {"NotStartsWith": ["arn:aws:s3:::other/", OWN]},
        ),
        ({"ends_with": [".json"]}, {"EndsWith": [".json"], "NotStartsWith": [OWN]}),
    ],
)
def test_log_bucket_is_excluded_beside_selected_arns(tmp_path: Path, given: Document, expected: Document) -> None:
    fields = [*DATA, {"field": "resources.ARN", **given}]
    found = selectors(tmp_path, advanced_event_selectors=[{"name": "Some", "field_selectors": fields}])
    assert found[1]["Name"] == "Some"
    assert found[1]["FieldSelectors"][2:] == [{"Field": "resources.ARN", **expected}]


def test_other_data_events_are_as_the_config_says(tmp_path: Path) -> None:
    fields = [
        {"field": "eventCategory", "equals": ["Data"]},
        {"field": "resources.type", "equals": ["AWS::Lambda::Function"]},
        {"field": "eventName", "not_equals": ["Invoke"]},
    ]
    assert selectors(tmp_path, advanced_event_selectors=[{"field_selectors": fields}])[1:] == [
        {
            "FieldSelectors": [
                {"Field": "eventCategory", "Equals": ["Data"]},
                {"Field": "resources.type", "Equals": ["AWS::Lambda::Function"]},
                {"Field": "eventName", "NotEquals": ["Invoke"]},
            ]
        }
    ]


def logs_policy(deployment: Deployment) -> Document:
    [policy] = resources(deployment, "AWS::IAM::Policy").values()
    return by_sid(policy["PolicyDocument"])


def test_cloudwatch_logs_of_an_account_trail(tmp_path: Path) -> None:
    deployment = single(tmp_path, cloudwatch_logs={"retention_days": 30})
    stream = "arn:aws:logs:eu-central-1:777777777777:log-group:/trailkey/audit:log-stream:"
    assert logs_policy(deployment) == {
        "CreateLogStream": {
            "Effect": "Allow",
            "Action": ["logs:CreateLogStream"],
            "Resource": [f"{stream}777777777777_CloudTrail_eu-central-1*"],
        },
        "PutLogEvents": {
            "Effect": "Allow",
            "Action": ["logs:PutLogEvents"],
            "Resource": [f"{stream}777777777777_CloudTrail_eu-central-1*"],
        },
    }
    [group] = resources(deployment, "AWS::Logs::LogGroup").values()
    assert group == {"LogGroupName": "/trailkey/audit", "RetentionInDays": 30}
    [role] = resources(deployment, "AWS::IAM::Role").values()
    assert role == {
        "AssumeRolePolicyDocument": {
            "Version": "2012-10-17",
            "Statement": [
                {
                    "Sid": "CloudTrailAssumesRole",
                    "Effect": "Allow",
                    "Principal": {"Service": "cloudtrail.amazonaws.com"},
                    "Action": ["sts:AssumeRole"],
                }
            ],
        }
    }
    template = rendered_templates(deployment)["one"]["Resources"]
    trail = template["AuditTrail"]["Properties"]
    assert trail["CloudWatchLogsLogGroupArn"] == {"Fn::GetAtt": ["AuditTrailLogGroup", "Arn"]}
    assert trail["CloudWatchLogsRoleArn"] == {"Fn::GetAtt": ["AuditTrailLogsRole", "Arn"]}
    assert template["AuditTrail"]["DependsOn"] == ["LogBucketPolicy", "AuditTrailLogsRolePolicy"]
    assert template["AuditTrailLogGroup"]["DeletionPolicy"] == "RetainExceptOnCreate"


def test_organization_trail_writes_to_streams_of_the_organization(tmp_path: Path) -> None:
    trails = [
        {"name": "audit", "home_region": "us-east-1", "is_organization_trail": True, "cloudwatch_logs": {}},
    ]
    stream = "arn:aws:logs:us-east-1:111111111111:log-group:/trailkey/audit:log-stream:"
    policy = logs_policy(deploy(tmp_path, ORGANIZATION, trails=trails))
    for statement in policy.values():
        assert statement["Resource"] == [f"{stream}111111111111_CloudTrail_us-east-1*", f"{stream}o-a1b2c3d4e5_*"]


def test_a_topic_has_its_policy_and_its_own_key(tmp_path: Path) -> None:
    deployment = single(tmp_path, sns_topic={"name": "deliveries", "kms_key": "alias/topics"})
    [topic] = resources(deployment, "AWS::SNS::Topic").values()
    assert topic == {"TopicName": "deliveries", "KmsMasterKeyId": "alias/topics"}
    [policy] = resources(deployment, "AWS::SNS::TopicPolicy").values()
    assert by_sid(policy["PolicyDocument"])["CloudTrailPublishes"] == {
        "Effect": "Allow",
        "Principal": {"Service": "cloudtrail.amazonaws.com"},
        "Action": ["sns:Publish"],
        "Resource": policy["Topics"],
        "Condition": {"StringEquals": {"aws:SourceArn": "arn:aws:cloudtrail:eu-central-1:777777777777:trail/audit"}},
    }
    assert rendered_templates(deployment)["one"]["Resources"]["AuditTrail"]["DependsOn"] == [
        "LogBucketPolicy",
        "AuditTrailTopicPolicy",
    ]


def test_a_trail_alone_in_its_stack_waits_for_nothing_there(tmp_path: Path) -> None:
    template = rendered_templates(deploy(tmp_path, ORGANIZATION))["management-trail"]
    assert set(template["Resources"]) == {"EveryoneTrail"}
    assert "DependsOn" not in template["Resources"]["EveryoneTrail"]
