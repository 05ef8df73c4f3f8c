"""The trail stack: a trail, and where wanted its log group with role and its topic with policy."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from troposphere import GetAtt, Ref, cloudtrail, iam, logs, sns

from trailkey.aws import CLOUDTRAIL, parse_arn
from trailkey.config.deployment import identifier
from trailkey.statements.builders import document, text
from trailkey.statements.services import (
    cloudtrail_assumes,
    cloudtrail_publishes,
    role_writes_log_events,
    topic_only_tls,
)
from trailkey.templates.bucket import BUCKET_POLICY

if TYPE_CHECKING:
    from trailkey.config.deployment import Deployment, Trail
    from trailkey.config.trail_model import AdvancedEventSelector, CloudWatchLogs, FieldSelector, SnsTopic
    from trailkey.templates.stack import Stack


def add_trail(stack: Stack, deployment: Deployment, trail: Trail, key_arn: Any) -> None:
    """Add a trail. Its ARN is built from its name, so that the policies need not wait for it: no circle.

    It waits for the bucket policy where that is in the same template: CloudTrail tests the bucket when the trail is made.
    See: https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-cloudtrail-trail.html
    """
    settings = trail.settings
    name = f"{identifier(settings.name).removesuffix('Trail')}Trail"
    waits = [BUCKET_POLICY] if BUCKET_POLICY in stack.template.resources else []
    optional: dict[str, Any] = {}
    if settings.s3_key_prefix:
        optional["S3KeyPrefix"] = settings.s3_key_prefix
    if settings.insights:
        optional["InsightSelectors"] = [cloudtrail.InsightSelector(InsightType=kind) for kind in settings.insights]
    if settings.cloudwatch_logs:
        waits.append(_add_log_group(stack, trail, settings.cloudwatch_logs, name, optional))
    if settings.sns_topic:
        waits.append(_add_topic(stack, trail, settings.sns_topic, name, optional))
    if waits:
        optional["DependsOn"] = waits
    resource = cloudtrail.Trail(
        name,
        TrailName=settings.name,
        S3BucketName=deployment.config.bucket.name,
        KMSKeyId=key_arn,
        IsLogging=settings.is_logging,
        IsMultiRegionTrail=settings.is_multi_region_trail,
        IsOrganizationTrail=settings.is_organization_trail,
        IncludeGlobalServiceEvents=settings.include_global_service_events,
        EnableLogFileValidation=settings.enable_log_file_validation,
        AdvancedEventSelectors=_selectors(deployment, trail),
        **optional,
        **stack.tags(),
    )
    stack.add(resource, trail.path)
    stack.output(f"{name}Arn", GetAtt(resource, "Arn"), f"ARN of trail {settings.name}.")
    if settings.is_organization_trail:
        ask_for_organization(stack)


def ask_for_organization(stack: Stack) -> None:
    """Ask that CloudTrail can see the accounts of the organization, and has its role there.

    See: https://docs.aws.amazon.com/awscloudtrail/latest/userguide/creating-an-organizational-trail-prepare.html,
    https://docs.aws.amazon.com/awscloudtrail/latest/userguide/using-service-linked-roles.html
    """
    management = stack.deployment.management
    home = management.id if management else ""
    stack.asks(
        "trusted-access",
        home,
        "The organization has all features enabled, and trusted access for CloudTrail (cloudtrail.amazonaws.com) is on.",
        command="aws organizations enable-aws-service-access --service-principal cloudtrail.amazonaws.com",
        arn=CLOUDTRAIL,
    )
    stack.asks(
        "service-linked-role",
        home,
        "Service-linked role AWSServiceRoleForCloudTrail exists in the management account, or whoever turns trusted access on and creates the trail or store may call iam:CreateServiceLinkedRole for cloudtrail.amazonaws.com.",
        command="aws iam get-role --role-name AWSServiceRoleForCloudTrail",
    )


def _selectors(deployment: Deployment, trail: Trail) -> list[cloudtrail.AdvancedEventSelector]:
    """Return the advanced event selectors: management events as one of them, then the config's.

    See: https://docs.aws.amazon.com/awscloudtrail/latest/APIReference/API_AdvancedFieldSelector.html
    """
    selectors = []
    events, field = trail.settings.management_events, cloudtrail.AdvancedFieldSelector
    if events is not None:
        fields = [field(Field="eventCategory", Equals=["Management"])]
        if events.read_write_type != "All":
            read_only = "true" if events.read_write_type == "ReadOnly" else "false"
            fields.append(field(Field="readOnly", Equals=[read_only]))
        if events.exclude_event_sources:
            fields.append(field(Field="eventSource", NotEquals=sorted(events.exclude_event_sources)))
        selectors.append(cloudtrail.AdvancedEventSelector(Name="Management events", FieldSelectors=fields))
    return selectors + [_selector(selector, deployment) for selector in trail.settings.advanced_event_selectors]


def _selector(selector: AdvancedEventSelector, deployment: Deployment) -> cloudtrail.AdvancedEventSelector:
    """Return a selector of the config, with the log bucket left out: else each delivery logs itself, without end."""
    own = text(f"arn:aws:s3:::{deployment.config.bucket.name}/")
    about_objects = any(
        field.field == "resources.type" and "AWS::S3::Object" in field.equals for field in selector.field_selectors
    )
    fields = [
        _field(field, deployment, [own] if about_objects and field.field == "resources.ARN" else [])
        for field in selector.field_selectors
    ]
    if about_objects and not any(field.field == "resources.ARN" for field in selector.field_selectors):
        fields.append(cloudtrail.AdvancedFieldSelector(Field="resources.ARN", NotStartsWith=[own]))
    optional = {"Name": selector.name} if selector.name else {}
    return cloudtrail.AdvancedEventSelector(FieldSelectors=fields, **optional)


def _field(field: FieldSelector, deployment: Deployment, left_out: list[Any]) -> cloudtrail.AdvancedFieldSelector:
    own_arn = f"arn:{deployment.partition}:"
    values = {
        name: [text(value) if value.startswith(own_arn) else value for value in given]
        for name, given in field.operators.items()
        if given
    }
    if left_out:
        values["NotStartsWith"] = [*values.get("NotStartsWith", []), *left_out]
    return cloudtrail.AdvancedFieldSelector(Field=field.field, **values)


def _add_log_group(stack: Stack, trail: Trail, settings: CloudWatchLogs, name: str, optional: dict[str, Any]) -> str:
    """Add the log group and the role CloudTrail writes to it with; return what the trail waits for.

    See: https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-required-policy-for-cloudwatch-logs.html
    """
    origin = (*trail.path, "cloudwatch_logs")
    group_name = f"/trailkey/{trail.settings.name}"
    key: dict[str, Any] = {}
    if settings.kms_key_arn:
        key["KmsKeyId"] = text(settings.kms_key_arn)
        _ask_for_log_group_key(stack, trail, settings.kms_key_arn, group_name)
    group = logs.LogGroup(
        f"{name}LogGroup",
        LogGroupName=group_name,
        RetentionInDays=settings.retention_days,
        **key,
        **stack.tags(),
    )
    stack.add(group, origin)
    role = iam.Role(f"{name}LogsRole", AssumeRolePolicyDocument=document([cloudtrail_assumes()]), **stack.tags())
    stack.add(role, origin)
    policy = iam.PolicyType(
        f"{name}LogsRolePolicy",
        PolicyName="WriteLogEvents",
        PolicyDocument=document(role_writes_log_events(trail, stack.account_id, stack.deployment, group_name)),
        Roles=[Ref(role)],
    )
    stack.add(policy, origin)
    optional["CloudWatchLogsLogGroupArn"] = GetAtt(group, "Arn")
    optional["CloudWatchLogsRoleArn"] = GetAtt(role, "Arn")
    return str(policy.title)


def _ask_for_log_group_key(stack: Stack, trail: Trail, key_arn: str, group_name: str) -> None:
    """Ask that CloudWatch Logs may use the key of a log group, without which the group is not made.

    See: https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/encrypt-log-data-kms.html
    """
    region, partition, arn = trail.settings.home_region, stack.deployment.partition, parse_arn(key_arn)
    group = f"arn:{partition}:logs:{region}:{stack.account_id}:log-group:{group_name}"
    stack.asks(
        "key-admits-service",
        arn.account if arn else "",
        f"The policy of the key {key_arn} of log group {group_name} lets logs.{region}.amazonaws.com use kms:Encrypt, kms:Decrypt, kms:ReEncrypt*, kms:GenerateDataKey* and kms:DescribeKey where kms:EncryptionContext:aws:logs:arn is {group}. Never use the trails' key there.",
        command=f"aws kms get-key-policy --key-id {key_arn} --policy-name default",
        arn=key_arn,
    )


def _add_topic(stack: Stack, trail: Trail, settings: SnsTopic, name: str, optional: dict[str, Any]) -> str:
    """Add the topic and its policy; return what the trail waits for.

    See: https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-permissions-for-sns-notifications.html
    """
    origin = (*trail.path, "sns_topic")
    key = {"KmsMasterKeyId": text(settings.kms_key)} if settings.kms_key else {}
    topic = sns.Topic(f"{name}Topic", TopicName=settings.name, **key, **stack.tags())
    stack.add(topic, origin)
    policy = sns.TopicPolicy(
        f"{name}TopicPolicy",
        Topics=[Ref(topic)],
        PolicyDocument=document([cloudtrail_publishes(Ref(topic), trail), topic_only_tls(Ref(topic))]),
    )
    stack.add(policy, origin)
    stack.output(
        f"{name}TopicArn", Ref(topic), f"Subscribe here to hear of new log files of trail {trail.settings.name}."
    )
    optional["SnsTopicName"] = GetAtt(topic, "TopicName")
    if settings.kms_key:
        arn = parse_arn(settings.kms_key)
        stack.asks(
            "key-admits-service",
            arn.account if arn else stack.account_id,
            f"The policy of the key {settings.kms_key} of topic {settings.name} lets cloudtrail.amazonaws.com use kms:GenerateDataKey* and kms:Decrypt. Never use the trails' key there.",
            arn=settings.kms_key,
        )
    return str(policy.title)
