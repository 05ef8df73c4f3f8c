"""The statements of topic policies, of the role that CloudTrail writes to CloudWatch Logs with, and of the one that reads Outputs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from awacs import cloudformation, sts
from awacs.aws import AWSPrincipal

from trailkey.config.resolve.principals import account_of
from trailkey.statements import actions
from trailkey.statements.builders import BY_CLOUDTRAIL, EVERYONE, allow, deny, service_principal, text, texts

if TYPE_CHECKING:
    from collections.abc import Sequence

    from awacs.aws import Statement

    from trailkey.config.deployment import Deployment, Trail


def eventbridge_publishes(topic_arn: Any, rule_arns: list[Any]) -> Statement:
    """EventBridge publishes for the alarm's rules.

    See: https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-use-resource-based.html#eb-sns-permissions
    """
    guard = {"ArnEquals": {"aws:SourceArn": rule_arns}}
    service = service_principal("events.amazonaws.com")
    return allow("EventBridgePublishesAlarms", actions.PUBLISH, to=service, on=topic_arn, guard=guard)


def topic_only_tls(topic_arn: Any) -> Statement:
    """Nobody publishes to a topic without TLS.

    See: https://docs.aws.amazon.com/sns/latest/dg/sns-security-best-practices.html (encryption in transit)
    """
    guard = {"Bool": {"aws:SecureTransport": "false"}}
    return deny("OnlyTls", actions.PUBLISH, to=EVERYONE, on=topic_arn, guard=guard)


def cloudtrail_publishes(topic_arn: Any, trail: Trail) -> Statement:
    """CloudTrail tells of each delivered log file, for this trail.

    See: https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-permissions-for-sns-notifications.html
    """
    guard = {"StringEquals": {"aws:SourceArn": text(trail.arn)}}
    return allow("CloudTrailPublishes", actions.PUBLISH, to=BY_CLOUDTRAIL, on=topic_arn, guard=guard)


def cloudtrail_assumes() -> Statement:
    """CloudTrail takes the role. No aws:SourceArn: the page documents none, and with one delivery was seen to stop.

    See: https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-required-policy-for-cloudwatch-logs.html
    """
    statement = allow("CloudTrailAssumesRole", (sts.AssumeRole,), to=BY_CLOUDTRAIL)
    del statement.properties["Resource"]  # a trust policy has none
    return statement


def deployers_assume(arns: Sequence[str]) -> Statement:
    """The deployers of other accounts take the role. Config key ``rollout.references``.

    See: https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/intrinsic-function-reference-getstackoutput.html
    """
    accounts = [text(f"arn:aws:iam::{account}:root") for account in dict.fromkeys(map(account_of, arns))]
    guard = {"ArnLike": {"aws:PrincipalArn": texts(arns)}}
    statement = allow("DeployersReadOutputs", (sts.AssumeRole,), to=AWSPrincipal(accounts), guard=guard)
    del statement.properties["Resource"]  # a trust policy has none
    return statement


def role_describes_stack(stack_arn: Any) -> Statement:
    """The role sees one stack and with it its Outputs. The same page."""
    return allow("ReadOutputs", (cloudformation.DescribeStacks,), on=stack_arn)


def role_writes_log_events(trail: Trail, owner: str, deployment: Deployment, log_group: str) -> list[Statement]:
    """The role writes to the streams CloudTrail names: by the owner's account, for an organization trail by organization too.

    See: https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-required-policy-for-cloudwatch-logs.html
    """
    region = trail.settings.home_region
    streams = f"arn:aws:logs:{region}:{owner}:log-group:{log_group}:log-stream:"
    patterns = [text(f"{streams}{owner}_CloudTrail_{region}*")]
    if trail.settings.is_organization_trail and deployment.config.organization:
        patterns.append(text(f"{streams}{deployment.config.organization.id}_*"))
    return [
        allow("CreateLogStream", actions.CREATE_LOG_STREAM, on=patterns),
        allow("PutLogEvents", actions.PUT_LOG_EVENTS, on=patterns),
    ]
