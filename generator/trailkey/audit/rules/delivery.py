"""What a trail needs of the bucket and the topic that it delivers to, and for whom CloudTrail may deliver there.

https://docs.aws.amazon.com/awscloudtrail/latest/userguide/create-s3-bucket-policy-for-cloudtrail.html
https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-permissions-for-sns-notifications.html
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from trailkey.access import Constraint, Single, held_to, region, texts
from trailkey.access.algebra.languages import EMPTY, language
from trailkey.access.algebra.patterns import glob
from trailkey.access.language.log_actions import OVERWRITE, PUBLISH
from trailkey.audit.rule import BUCKETS, TOPICS, Match, PolicyRule, Search, Undecided, granting, refused, some
from trailkey.audit.rules.cloudtrail import naming_cloudtrail, trails_of
from trailkey.audit.rules.trails import ANY_TRAIL, falling_short, sent_for
from trailkey.audit.statement_facts import demands
from trailkey.aws import CLOUDTRAIL, parse_arn
from trailkey.inventory.users import TRAIL

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from trailkey.access import Language, Statement
    from trailkey.audit.subject import Subject
    from trailkey.inventory import Resource

_BUCKET_PAGE: Final = (
    "https://docs.aws.amazon.com/awscloudtrail/latest/userguide/create-s3-bucket-policy-for-cloudtrail.html"
)
_TOPIC_PAGE: Final = (
    "https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-permissions-for-sns-notifications.html"
)
_SERVICE: Final = texts(CLOUDTRAIL)
_LOGS: Final = "AWSLogs/"
_SOURCE: Final = "aws:SourceArn"
_TLS: Final = "aws:SecureTransport"
_OWNER: Final = "aws:SourceOwner"
"""An old key, by which the policy of a new topic lets its account in: CloudTrail adds a statement of its own beside that one."""


@dataclass(frozen=True, slots=True)
class _Trail:
    """A trail that delivers: its ARN, or what stands for it, and what the template makes of it, where it does."""

    arn: str
    made: Resource | None = None

    def paths(self, organization: str) -> Iterator[str]:
        """Yield where its log files go, below the bucket, as patterns; what nobody says is any.

        See: https://docs.aws.amazon.com/awscloudtrail/latest/userguide/get-and-view-cloudtrail-log-files.html
        """
        properties = self.made.properties if self.made else {}
        prefix = str(properties.get("S3KeyPrefix", "")).strip("/")
        start = f"{prefix}/" if prefix else "" if self.made else "*"
        arn = parse_arn(self.arn)
        account = arn.account if arn else "*"
        yield f"{start}{_LOGS}{account}/CloudTrail/*"
        if _is_true(properties.get("EnableLogFileValidation")):
            yield f"{start}{_LOGS}{account}/CloudTrail-Digest/*"
        if _is_true(properties.get("IsOrganizationTrail")):
            yield f"{start}{_LOGS}{organization or 'o-*'}/*/CloudTrail/*"


def _is_true(value: object) -> bool:
    return str(value).casefold() == "true"


def _trails(subject: Subject) -> list[_Trail]:
    """Return the trails that ought to be able to deliver: those that are named, or the template's, or any where CloudTrail may at all."""
    if not subject.whole:
        return []
    made = [one for one in subject.found.users if one.kind == TRAIL]
    if subject.intent.trails:
        by_arn = {one.arn: one for one in made}
        return [_Trail(arn, by_arn.get(arn)) for arn in subject.intent.trails]
    unnamed = [_Trail(ANY_TRAIL, one) for one in made if "TrailName" not in one.properties]
    for_trails = [part for part in naming_cloudtrail(subject) if not _is_for_stores(part.statement)]
    return unnamed or ([_Trail(ANY_TRAIL)] if for_trails else [])


def _is_for_stores(statement: Statement) -> bool:
    """Return whether a statement holds CloudTrail to event data stores, which write the results of queries.

    See: https://docs.aws.amazon.com/awscloudtrail/latest/userguide/s3-bucket-policy-lake-query-results.html
    """
    values = [value for one in demands(statement, _SOURCE.casefold()) for value in one.values]
    return bool(values) and all(":eventdatastore/" in value for value in values)


def _cannot_write(subject: Subject) -> Iterator[Match | Undecided]:
    if subject.found.document is None:
        yield _no_policy(subject)
        return
    bucket = subject.found.arn
    for trail in _trails(subject):
        calls = [("s3:GetBucketAcl", bucket, texts(bucket))]
        paths = trail.paths(subject.intent.organization_id)
        calls += [("s3:PutObject", f"{bucket}/{path}", _objects(bucket, path)) for path in paths]
        yield from _cannot(subject, trail.arn, calls)


def _objects(bucket: str, path: str) -> Language:
    """Return the objects of a path; where that begins with any prefix, AWSLogs is not in it."""
    found = language([glob(f"{bucket}/{path}")])
    return found - language([glob(f"{bucket}/*{_LOGS}{path}")]) if path.startswith("*") else found


def _cannot_publish(subject: Subject) -> Iterator[Match | Undecided]:
    if subject.found.document is None:
        yield _no_policy(subject)
        return
    topic = subject.found.arn
    for trail in _trails(subject):
        yield from _cannot(subject, trail.arn, [("sns:Publish", topic, texts(topic))])


def _cannot(subject: Subject, trail: str, calls: Iterable[tuple[str, str, Language]]) -> Iterator[Match | Undecided]:
    """Yield a finding for the calls, each of an action on some resources, that CloudTrail is not allowed for a trail: one for one reason."""
    short: dict[tuple[str | int | None, str], tuple[Match, list[str]]] = {}
    for action, where, resources in calls:
        asked = region(
            principals=_SERVICE, actions=(action,), resources=resources, context=_sent(subject, trail, action)
        )
        for one in refused(subject, asked, "", statement=falling_short(subject, action)):
            if isinstance(one, Match):
                short.setdefault((one.statement, one.message), (one, []))[1].append(f"{action} on {where}")
            else:
                yield one
    for (_, because), (one, said) in short.items():
        yield replace(one, message=f"CloudTrail is not allowed to call {' and '.join(said)} for {trail}{because}")


def _sent(subject: Subject, trail: str, action: str) -> dict[str, Constraint]:
    context = sent_for(subject, trail, _SOURCE)
    if action == "s3:PutObject":
        context["s3:x-amz-acl"] = held_to("bucket-owner-full-control")
    if _TLS.casefold() in subject.keys:
        context[_TLS] = held_to("true")
    if _OWNER.casefold() in subject.keys:
        context[_OWNER] = Single(absent=True, values=EMPTY)
    return context


def _no_policy(subject: Subject) -> Match:
    trails = [one.location.logical_id for one in subject.found.users if one.kind == TRAIL]
    return Match(
        severity="warning",
        message=f"the template makes this {subject.noun}, has {some(trails)} deliver to it, and has no policy for it: CloudTrail "
        "refuses the trail, unless something else attaches one first",
    )


def _unconfined(subject: Subject) -> Iterator[Match | Undecided]:
    """Yield the statements by which CloudTrail delivers for trails of strangers: into their own paths, or by the path alone."""
    strangers = trails_of(subject, subject.stranger)
    sent: dict[str, Constraint] = {
        "aws:SourceAccount": held_to(subject.stranger),
        "s3:x-amz-acl": held_to("bucket-owner-full-control"),
        **subject.outside("Source"),
    }
    context = {
        _SOURCE: Single(strangers),
        **{key: side for key, side in sent.items() if key.casefold() in subject.keys},
    }
    if _TLS.casefold() in subject.keys:
        context[_TLS] = held_to("true")
    theirs = _objects(subject.found.arn, f"*{_LOGS}{subject.stranger}/*")
    writing = OVERWRITE if subject.service == "s3" else PUBLISH
    by_path = ": only the path holds it, and a prefix that the trail's owner chooses leads into it"
    into_theirs = Search(
        within=region(principals=_SERVICE, actions=writing, resources=theirs, context=context),
        says=lambda request: (
            f"lets CloudTrail write the log files of a trail of any account, such as {request['context'][_SOURCE]}"
        ),
    )
    anywhere = Search(
        within=region(principals=_SERVICE, actions=writing, context=context),
        says=lambda request: (
            f"lets CloudTrail call {request['action']} for a trail of any account, such as {request['context'][_SOURCE]}"
            f"{by_path if subject.service == 's3' else ''}"
        ),
        severity="warning",
    )
    yield from granting(subject, [into_theirs, anywhere] if subject.service == "s3" else [anywhere])


def _before_policy(subject: Subject) -> Iterator[Match]:
    for trail in subject.found.unordered:
        policy = subject.location.logical_id
        yield Match(
            message=f"nothing makes CloudFormation wait with {trail} until {policy} is there: it may make the trail first, and then "
            f"CloudTrail refuses it",
            remedy=f"add DependsOn: {policy} to {trail}",
        )


RULES: Final = (
    PolicyRule(
        id="trail-cannot-write",
        severity="error",
        title="A trail cannot write to its bucket",
        reason="CloudTrail reads the bucket's ACL and writes below AWSLogs/: where its policy is short of that, or asks for another path, "
        "prefix or trail, the trail cannot be created or delivers nothing. It is a warning where a template makes bucket and trail and no "
        "policy, which something else may attach.",
        source=_BUCKET_PAGE,
        remedy="allow cloudtrail.amazonaws.com s3:GetBucketAcl on the bucket and s3:PutObject on PREFIX/AWSLogs/ACCOUNT/* (of an organization "
        "trail AWSLogs/ORGANIZATION/* too), under the trail's own ARN in aws:SourceArn",
        find=_cannot_write,
        of=BUCKETS,
    ),
    PolicyRule(
        id="trail-cannot-publish",
        severity="error",
        title="A trail cannot notify its topic",
        reason="CloudTrail refuses a trail whose topic it may not publish to, and stops notifying where that changes.",
        source=_TOPIC_PAGE,
        remedy="allow cloudtrail.amazonaws.com sns:Publish on the topic, under the trail's own ARN in aws:SourceArn",
        find=_cannot_publish,
        of=TOPICS,
    ),
    PolicyRule(
        id="delivery-unconfined",
        severity="error",
        title="CloudTrail delivers for trails of other accounts",
        reason="Whoever has a trail anywhere can have CloudTrail write to this bucket or topic: where their own path is open, forged logs "
        "stand beside the real ones. It is a warning where the path is that of named accounts, and for a topic.",
        source=_BUCKET_PAGE,
        remedy="hold the statement to the trail with StringEquals aws:SourceArn, and its Resource to AWSLogs/ACCOUNT/*",
        find=_unconfined,
        of=BUCKETS | TOPICS,
    ),
    PolicyRule(
        id="trail-before-policy",
        severity="warning",
        title="A trail that may be made before its bucket's or topic's policy",
        reason="CloudFormation makes what does not depend on one another in any order. A trail does not speak of the bucket's policy, "
        "so without DependsOn the stack fails in some runs, with 'Incorrect S3 bucket policy is detected'.",
        source="https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/aws-attribute-dependson.html",
        remedy="add DependsOn to the trail",
        find=_before_policy,
        of=BUCKETS | TOPICS,
    ),
)
