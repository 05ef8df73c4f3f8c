"""The alarm stacks: in each place where calls that endanger key, trails or bucket happen, a rule for each and a topic."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from troposphere import GetAtt, Ref, events, sns

from trailkey.aws import parse_arn
from trailkey.output.manifest import Step
from trailkey.statements.builders import document, text
from trailkey.statements.services import eventbridge_publishes, topic_only_tls

if TYPE_CHECKING:
    from collections.abc import Sequence

    from trailkey.config.key_model import Alarm
    from trailkey.config.source import ConfigPath
    from trailkey.config.watched import Watched
    from trailkey.templates.stack import Stack

_ORIGIN: Final[ConfigPath] = ("key", "alarm")
TOPIC: Final = "AlarmTopic"

# https://docs.aws.amazon.com/kms/latest/developerguide/logging-using-cloudtrail.html,
# https://docs.aws.amazon.com/awscloudtrail/latest/APIReference/API_Operations.html,
# https://docs.aws.amazon.com/AmazonS3/latest/userguide/cloudtrail-logging-s3-info.html
_CALLS: Final = {
    "key": (
        "CancelKeyDeletion",
        "CreateGrant",
        "DeleteKey",
        "DisableKey",
        "DisableKeyRotation",
        "EnableKey",
        "PutKeyPolicy",
        "ScheduleKeyDeletion",
    ),
    "trail": ("DeleteTrail", "PutEventSelectors", "PutInsightSelectors", "StopLogging", "UpdateTrail"),
    "bucket": (
        "DeleteBucket",
        "DeleteBucketEncryption",
        "DeleteBucketLifecycle",
        "DeleteBucketPolicy",
        "DeleteBucketPublicAccessBlock",
        "PutBucketEncryption",
        "PutBucketLifecycle",
        "PutBucketPolicy",
        "PutBucketPublicAccessBlock",
        "PutBucketVersioning",
    ),
}
"""What is told of, by the names that CloudTrail gives the calls. DeleteKey is KMS's own, when the wait is over."""


def add_alarm(stack: Stack, alarm: Alarm, things: Sequence[Watched], key_arn: Any) -> None:
    """Add the rules for what is watched in the stack's account and Region, and the topic they publish to.

    See: https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-service-event-cloudtrail.html
    """
    topic = _topic(stack, alarm)
    rules = []
    for one in things:
        rule = events.Rule(
            f"{one.identifier}AlarmRule",
            Description=f"Tells of {', '.join(_CALLS[one.kind])} on {one.kind} {one.name}"[:512],
            EventPattern=_pattern(one, key_arn),
            State="ENABLED",
            Targets=[events.Target(Arn=topic, Id=TOPIC)],
            **stack.tags(),
        )
        rules.append(stack.add(rule, _ORIGIN))
    if isinstance(topic, Ref):
        statements = [eventbridge_publishes(topic, [GetAtt(rule, "Arn") for rule in rules]), topic_only_tls(topic)]
        policy = sns.TopicPolicy(f"{TOPIC}Policy", Topics=[topic], PolicyDocument=document(statements))
        stack.add(policy, _ORIGIN)


def _pattern(one: Watched, key_arn: Any) -> dict[str, Any]:
    """Return the events that tell of calls on what is watched, and on nothing else.

    ``resources`` of a KMS event always has the key's ARN, requestParameters.keyId may be an id. Calls on a trail name it or
    give its ARN, those on selectors as trailName.
    See: https://docs.aws.amazon.com/kms/latest/developerguide/ct-schedule-key-deletion.html,
    https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-create-pattern-operators.html
    """
    about: dict[str, Any]
    if one.kind == "key":
        service, about = "kms", {"resources": {"ARN": [key_arn]}}
    elif one.kind == "trail":
        trail = [one.name, text(f"arn:aws:cloudtrail:{one.region}:{one.account.id}:trail/{one.name}")]
        service = "cloudtrail"
        about = {"$or": [{"requestParameters": {name: trail}} for name in ("name", "trailName")]}
    else:
        service, about = "s3", {"requestParameters": {"bucketName": [one.name]}}
    kinds = ["AWS API Call via CloudTrail"] + ["AWS Service Event via CloudTrail"] * (one.kind == "key")
    return {
        "source": [f"aws.{service}"],
        "detail-type": kinds,
        "detail": {"eventSource": [f"{service}.amazonaws.com"], "eventName": list(_CALLS[one.kind]), **about},
    }


def _topic(stack: Stack, alarm: Alarm) -> Any:
    """Return the topic of the stack's account and Region: the given one, or one that is made here."""
    arns = {(arn.account, arn.region): str(arn) for arn in map(parse_arn, alarm.topic_arns) if arn}
    if given := arns.get((stack.account_id, stack.region)):
        stack.asks(
            "topic-admits-service",
            stack.account_id,
            f"The policy of topic {given} lets events.amazonaws.com call sns:Publish for rules of account {stack.account_id}; where the topic is encrypted, its key lets events.amazonaws.com use kms:Decrypt and kms:GenerateDataKey*.",
            command=f"aws sns get-topic-attributes --topic-arn {given}",
            arn=given,
        )
        return given
    key = {"KmsMasterKeyId": text(alarm.kms_key)} if alarm.kms_key else {}
    made = sns.Topic(TOPIC, DisplayName=f"Alarm of {stack.deployment.name}"[:100], **key, **stack.tags())
    stack.add(made, _ORIGIN)
    topic = Ref(made)
    stack.output(f"{TOPIC}Arn", topic, "Subscribe here to hear of calls that endanger key, trails and bucket.")
    if alarm.kms_key:
        _ask_for_key(stack, alarm.kms_key)
    who = "Whoever is to hear of the alarm subscribes"
    if alarm.email:
        email = sns.SubscriptionResource("AlarmEmail", Protocol="email", Endpoint=alarm.email, TopicArn=topic)
        stack.add(email, (*_ORIGIN, "email"))
        who = f"{alarm.email} is subscribed"
    stack.after.append(
        Step(
            kind="subscribe",
            account=stack.account_id,
            text=f"{who} to the topic (Output {TOPIC}Arn of stack {stack.name}) and confirms by the mail that SNS sends: until the list shows an ARN in place of PendingConfirmation, nobody hears.",
            command=f"aws sns list-subscriptions --region {stack.region}",
        )
    )
    return topic


def _ask_for_key(stack: Stack, key: str) -> None:
    """Ask that EventBridge may use the key of the topic; AWS's own key for SNS does not let it.

    See: https://docs.aws.amazon.com/sns/latest/dg/sns-key-management.html
    """
    arn = parse_arn(key)
    stack.asks(
        "key-admits-service",
        arn.account if arn else stack.account_id,
        f"The policy of the key {key} of the alarm's topic in account {stack.account_id}, {stack.region}, lets events.amazonaws.com use kms:Decrypt and kms:GenerateDataKey*, without aws:SourceArn and aws:SourceAccount, which AWS does not support there. Never use the trails' key there.",
        command=f"aws kms get-key-policy --key-id {key} --policy-name default --region {stack.region}" if arn else "",
        arn=key,
    )
