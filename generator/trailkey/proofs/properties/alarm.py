"""The alarm and the topics, as the templates have them: each call that endangers key, trails or bucket reaches who subscribes.

A rule is asked with the events that CloudTrail makes of such calls, on what is watched and on what is not; a topic with requests.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from trailkey.access import PROVEN, REFUTED, Answer, decide, parse_policy, parse_request
from trailkey.aws import parse_arn
from trailkey.cloudformation.intrinsics import resolve
from trailkey.config.watched import watched
from trailkey.errors import PolicyError
from trailkey.findings import Location, Rule
from trailkey.proofs.properties.property import Result

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from trailkey.access import Policy
    from trailkey.config.deployment import Deployment
    from trailkey.config.watched import Watched
    from trailkey.inventory.folder import Folder, StackAsDeployed

ALARM_RINGS: Final = Rule(
    id="alarm-rings",
    title="a call that endangers key, trails or bucket is told of where it is made, and calls on others are not",
    reason="Who disables the key, stops a trail or opens the bucket is found out when somebody hears of it, not when logs are missing.",
    source="https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-service-event-cloudtrail.html",
    remedy="give the stack of that account and Region an enabled rule for the call, whose target is the alarm's topic",
)
TOPICS_RESTRICTED: Final = Rule(
    id="topics-restricted",
    title="to each topic its service publishes, for its rules or its trail and with TLS, and nobody else does",
    reason="Whoever else could publish would ring the alarm at will, until nobody listens; without its service nobody hears.",
    source="https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-use-resource-based.html",
    remedy="allow sns:Publish to the service for the ARNs of its rules or its trail, and deny it without TLS",
)

_CALLS: Final = {
    "key": "CancelKeyDeletion CreateGrant DeleteKey DisableKey DisableKeyRotation EnableKey PutKeyPolicy ScheduleKeyDeletion",
    "trail": "DeleteTrail PutEventSelectors PutInsightSelectors StopLogging UpdateTrail",
    "bucket": "DeleteBucket DeleteBucketEncryption DeleteBucketLifecycle DeleteBucketPolicy DeleteBucketPublicAccessBlock"
    " PutBucketEncryption PutBucketLifecycle PutBucketPolicy PutBucketPublicAccessBlock PutBucketVersioning",
}
"""The calls that must be told of, as CloudTrail names them."""
_BY_TRAIL_NAME: Final = ("PutEventSelectors", "PutInsightSelectors")
"""Calls that give a trail as trailName; the others give it as name."""
_BY_SERVICE: Final = ("DeleteKey",)
"""What AWS does itself: https://docs.aws.amazon.com/kms/latest/developerguide/ct-delete-key.html"""


@dataclass(frozen=True, slots=True)
class _Found:
    """A resource of a stack: its properties with every function resolved, and the ARN that stands for it."""

    logical_id: str
    properties: Mapping[str, Any]
    arn: str


def rings(deployment: Deployment, folder: Folder) -> Iterator[Result]:
    """Yield for each thing that the alarm watches whether it tells of calls on it, and for each topic who publishes to it."""
    for one in watched(deployment):
        stacks = [stack for stack in folder.stacks if (stack.place.account, stack.place.region) == one.place]
        wrong = "; ".join(_silent(one, deployment, folder, stacks))
        yield Result(rule=ALARM_RINGS, answer=Answer(REFUTED, reason=wrong) if wrong else Answer(PROVEN), path=one.path)
    for stack in folder.stacks:
        for topic in _resources(stack, "AWS::SNS::Topic"):
            wrong = "; ".join([*_admitted(stack, topic), *_unheard(stack, topic, deployment)])
            location = Location(file=f"{folder.prefix}{stack.stack.template}", logical_id=topic.logical_id)
            answer = Answer(REFUTED, reason=f"{topic.logical_id} {wrong}") if wrong else Answer(PROVEN)
            yield Result(rule=TOPICS_RESTRICTED, answer=answer, location=location)


def _silent(one: Watched, deployment: Deployment, folder: Folder, stacks: Sequence[StackAsDeployed]) -> Iterator[str]:
    """Yield the calls on what is watched that nobody hears of, and those on others that are told of."""
    rules = [
        rule for stack in stacks for rule in _resources(stack, "AWS::Events::Rule") if _reaches(rule, stack, deployment)
    ]
    arn, other = _arns(one, deployment, folder)
    names = {"key": (arn, other), "bucket": (one.name, f"{one.name}-2"), "trail": (one.name, f"{one.name}-2")}[one.kind]
    for call in _CALLS[one.kind].split():
        for mine, others in {names, (arn, other)}:
            if not any(_matches(rule.properties["EventPattern"], _event(one, call, mine)) for rule in rules):
                yield f"{call} on {mine} is not told of in account {one.account.id}, {one.region}"
            if any(_matches(rule.properties["EventPattern"], _event(one, call, others)) for rule in rules):
                yield f"{call} on {others} is told of"


def _arns(one: Watched, deployment: Deployment, folder: Folder) -> tuple[str, str]:
    """Return how calls give what is watched and another one of its kind beside their names: by their ARNs, a bucket by name."""
    if one.kind == "key":
        key = folder.policies.key_of_alias(*one.place, one.name)
        arn = key.arn if key else "the key"
        return arn, f"{arn[:-1]}{'0' if arn[-1] != '0' else '1'}"
    if one.kind == "bucket":
        return one.name, f"{one.name}-2"
    arn = f"arn:{deployment.partition}:cloudtrail:{one.region}:{one.account.id}:trail/{one.name}"
    return arn, f"{arn}-2"


def _event(one: Watched, call: str, target: str) -> dict[str, Any]:
    """Return the event of a call, with the parts of it that name its target.

    See: https://docs.aws.amazon.com/kms/latest/developerguide/ct-disable-key.html,
    https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-event-reference.html
    """
    service = {"key": "kms", "trail": "cloudtrail", "bucket": "s3"}[one.kind]
    detail: dict[str, Any] = {"eventSource": f"{service}.amazonaws.com", "eventName": call}
    if one.kind == "key":
        detail |= {"requestParameters": {"keyId": target.rpartition("/")[2]}, "resources": [{"ARN": target}]}
    elif one.kind == "bucket":
        detail |= {"requestParameters": {"bucketName": target}}
    else:
        detail |= {"requestParameters": {"trailName" if call in _BY_TRAIL_NAME else "name": target}}
    kind = "AWS Service Event via CloudTrail" if call in _BY_SERVICE else "AWS API Call via CloudTrail"
    return {"source": f"aws.{service}", "detail-type": kind, "detail": detail}


def _matches(pattern: Mapping[str, Any], event: Any) -> bool:
    """Tell whether an event fits a pattern of values, lists and ``$or``; any other comparison is taken not to fit.

    See: https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-create-pattern.html
    """
    if isinstance(event, list):
        return any(_matches(pattern, one) for one in event)
    if not isinstance(event, dict):
        return False
    for key, wanted in pattern.items():
        if key == "$or":
            fits = any(_matches(one, event) for one in wanted)
        elif isinstance(wanted, dict):
            fits = _matches(wanted, event.get(key))
        else:
            fits = event.get(key) in wanted
        if not fits:
            return False
    return True


def _reaches(rule: _Found, stack: StackAsDeployed, deployment: Deployment) -> bool:
    """Tell whether a rule is on and publishes to a topic of its stack, or to one that the config gives for its place."""
    alarm = deployment.config.key.alarm
    topics = {topic.arn for topic in _resources(stack, "AWS::SNS::Topic")} | set(alarm.topic_arns if alarm else ())
    targets = [target.get("Arn") for target in rule.properties.get("Targets", ())]
    return rule.properties.get("State") == "ENABLED" and any(target in topics for target in targets)


def _admitted(stack: StackAsDeployed, topic: _Found) -> Iterator[str]:
    """Yield what is wrong with who may publish to a topic."""
    documents = [
        one.properties["PolicyDocument"]
        for one in _resources(stack, "AWS::SNS::TopicPolicy")
        if topic.arn in one.properties["Topics"]
    ]
    senders = list(_senders(stack, topic))
    if len(documents) != 1:
        # Without a policy of the template only the account itself publishes.
        if senders or documents:
            yield f"has {len(documents)} policies, not one"
        return
    policy = parse_policy(documents[0], resource_based=True)
    if not senders:
        yield "has a policy, and nothing here publishes to it"
    for service, source in senders:
        if not _publishes(policy, topic, service, source):
            yield f"does not let {service} publish for {source}"
        if _publishes(policy, topic, service, source, tls="false"):
            yield f"lets {service} publish without TLS"
        for stranger, of in (
            (service, f"{source}-2"),
            (service, _of_another_account(source)),
            (service, ""),
            ("s3.amazonaws.com", source),
            ("arn:aws:iam::999999999999:root", source),
            ("arn:aws:iam::999999999999:root", ""),
        ):
            if any(
                _publishes(policy, topic, stranger, of, tls=tls, action=action)
                for tls in ("true", "false")
                for action in ("sns:Publish", "sns:SetTopicAttributes")
            ):
                yield f"lets {stranger} in for {of or 'anything'}"
        if _publishes(policy, topic, service, source, action="sns:SetTopicAttributes"):
            yield f"lets {service} change it"


def _unheard(stack: StackAsDeployed, topic: _Found, deployment: Deployment) -> Iterator[str]:
    """Yield why what is published to a topic reaches nobody: a key that does not let the service in, or no subscription.

    The key is the one that people were asked to open to the service. Not every key can be: EventBridge cannot use alias/aws/sns.
    See: https://docs.aws.amazon.com/sns/latest/dg/sns-key-management.html
    """
    alarm = deployment.config.key.alarm
    for service, source in _senders(stack, topic):
        if service == "events.amazonaws.com":
            wanted = alarm.kms_key if alarm else None
        else:
            topics = [one.settings.sns_topic for one in deployment.trails if one.arn == source]
            wanted = next((one.kms_key for one in topics if one), None)
        if topic.properties.get("KmsMasterKeyId") != wanted:
            yield f"is encrypted with {topic.properties.get('KmsMasterKeyId')}, and {wanted or 'no key'} is what {service} can use"
    rung = any(service == "events.amazonaws.com" for service, _ in _senders(stack, topic))
    wanted = alarm.email if alarm and rung else None
    subscribed = [one.properties for one in _resources(stack, "AWS::SNS::Subscription")]
    if wanted and {"Protocol": "email", "Endpoint": wanted, "TopicArn": topic.arn} not in subscribed:
        yield f"has no subscription of {wanted}"


def _publishes(
    policy: Policy, topic: _Found, principal: str, source: str, *, tls: str = "true", action: str = "sns:Publish"
) -> bool:
    parts = parse_arn(topic.arn)
    partition, account = (parts.partition, parts.account) if parts else ("aws", "")
    request: dict[str, Any] = {
        "principal": principal.replace("arn:aws:", f"arn:{partition}:"),
        "action": action,
        "resource": topic.arn,
        "context": {"aws:SecureTransport": tls, **({"aws:SourceArn": source} if source else {})},
    }
    if ":iam:" in principal:
        everything = {"Effect": "Allow", "Action": "*", "Resource": "*"}
        request["identity_policies"] = [{"Version": "2012-10-17", "Statement": everything}]
    try:
        return decide(parse_request(request, key_account=account), resource_policy=policy).decision == "allowed"
    except PolicyError:
        return False


def _senders(stack: StackAsDeployed, topic: _Found) -> Iterator[tuple[str, str]]:
    """Yield the services that have to publish to a topic, with the ARN of the rule or trail they do it for."""
    for rule in _resources(stack, "AWS::Events::Rule"):
        if any(target.get("Arn") == topic.arn for target in rule.properties.get("Targets", ())):
            yield "events.amazonaws.com", rule.arn
    for trail in _resources(stack, "AWS::CloudTrail::Trail"):
        told = trail.properties.get("SnsTopicName")
        if told and told in (topic.properties.get("TopicName"), topic.logical_id, topic.arn):
            name, place = trail.properties["TrailName"], stack.place
            yield (
                "cloudtrail.amazonaws.com",
                f"arn:{place.partition}:cloudtrail:{place.region}:{place.account}:trail/{name}",
            )


def _of_another_account(arn: str) -> str:
    parts = parse_arn(arn)
    return arn.replace(parts.account, "999999999999") if parts else arn


def _resources(stack: StackAsDeployed, kind: str) -> Iterator[_Found]:
    for logical_id, resource in stack.template["Resources"].items():
        if resource["Type"] == kind:
            arn = {"Fn::GetAtt": [logical_id, "Arn"]} if kind != "AWS::SNS::Topic" else {"Ref": logical_id}
            properties, found = resolve([resource["Properties"], arn], stack.template, stack.place)
            yield _Found(logical_id, properties, str(found))
