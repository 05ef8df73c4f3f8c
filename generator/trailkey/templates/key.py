"""The key stack: the KMS key, its policy, its alias, and the alarm on what endangers it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from troposphere import GetAtt, Ref, events, kms, sns

from trailkey.statements.builders import document
from trailkey.statements.key import trail_key_policy
from trailkey.statements.services import eventbridge_publishes

if TYPE_CHECKING:
    from typing import Any

    from trailkey.config.deployment import Deployment
    from trailkey.config.key_model import Alarm, KeySettings
    from trailkey.config.source import ConfigPath
    from trailkey.templates.stack import Stack

KEY = "Key"
NAMED_TRAILS = 5
"""How many names of trails a description holds; of more it says the number."""
ENDANGERING = ("DisableKey", "PutKeyPolicy", "ScheduleKeyDeletion")


def build_key(
    stack: Stack, logical_id: str, settings: KeySettings, policy: Any, alias: str, description: str, origin: ConfigPath
) -> None:
    """Add a key with its policy and alias.

    When a first creation fails CloudFormation wants to delete the key, which the deployer is not allowed to: break glass does.
    Limits: rotation period 90 to 2,560 days, pending window 7 to 30 days.
    See: https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-kms-key.html
    """
    key = kms.Key(
        logical_id,
        Description=settings.description or description,
        KeySpec="SYMMETRIC_DEFAULT",
        KeyUsage="ENCRYPT_DECRYPT",
        EnableKeyRotation=True,
        RotationPeriodInDays=settings.rotation_period_days,
        PendingWindowInDays=settings.pending_window_days,
        KeyPolicy=policy,
        **stack.tags(),
    )
    stack.add(key, origin)
    stack.add(kms.Alias(f"{logical_id}Alias", AliasName=alias, TargetKeyId=Ref(key)), (*origin, "alias"))
    stack.output(f"{logical_id}Arn", GetAtt(key, "Arn"), f"ARN of the key behind {alias}.")


def add_key(stack: Stack, deployment: Deployment) -> None:
    """Add the trails' key and, where wanted, its alarm."""
    policy = document(trail_key_policy(deployment))
    names = sorted({trail.settings.name for trail in deployment.trails})
    of = ", ".join(names) if len(names) <= NAMED_TRAILS else f"{len(deployment.trails)} trails"
    description = f"Encrypts the CloudTrail logs of {of}"
    build_key(stack, KEY, deployment.config.key, policy, deployment.config.key.alias, description, ("key",))
    if deployment.config.key.alarm is not None:
        _add_alarm(stack, deployment.config.key.alarm)


def _add_alarm(stack: Stack, alarm: Alarm) -> None:
    """Tell of changes that endanger the key, matched by its ARN in the event's resources.

    requestParameters.keyId may hold an id or an ARN; ``resources`` always holds the ARN.
    See: https://docs.aws.amazon.com/kms/latest/developerguide/ct-schedule-key-deletion.html,
    https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-service-event-cloudtrail.html
    """
    origin: ConfigPath = ("key", "alarm")
    topic: Any = alarm.topic_arn
    if topic is None:
        made = sns.Topic(
            "KeyAlarmTopic", DisplayName=f"Changes of {stack.deployment.config.key.alias}"[:100], **stack.tags()
        )
        stack.add(made, origin)
        topic = Ref(made)
        stack.output("KeyAlarmTopicArn", topic, "Subscribe here to hear of changes that endanger the key.")
        if alarm.email:
            stack.add(
                sns.SubscriptionResource("KeyAlarmEmail", Protocol="email", Endpoint=alarm.email, TopicArn=topic),
                (*origin, "email"),
            )
    else:
        stack.asks(
            "topic-admits-service",
            stack.account_id,
            f"The policy of topic {topic} lets events.amazonaws.com call sns:Publish for the rule in account {stack.account_id}.",
            arn=topic,
        )
    rule = events.Rule(
        "KeyAlarmRule",
        Description=f"Tells of {', '.join(ENDANGERING)} on the key that encrypts CloudTrail logs",
        EventPattern={
            "source": ["aws.kms"],
            "detail-type": ["AWS API Call via CloudTrail"],
            "detail": {
                "eventSource": ["kms.amazonaws.com"],
                "eventName": list(ENDANGERING),
                "resources": {"ARN": [GetAtt(KEY, "Arn")]},
            },
        },
        State="ENABLED",
        **stack.tags(),
        Targets=[events.Target(Arn=topic, Id="KeyAlarmTopic")],
    )
    stack.add(rule, origin)
    if not alarm.topic_arn:
        policy = document([eventbridge_publishes(topic, GetAtt(rule, "Arn"))])
        stack.add(sns.TopicPolicy("KeyAlarmTopicPolicy", Topics=[topic], PolicyDocument=policy), origin)
