"""What must hold of the log bucket's policy: who writes, who of another account reads, and that nobody speaks without TLS.

In the bucket's own account S3 lets IAM policies allow by themselves, so there only a Deny can be claimed.
https://docs.aws.amazon.com/AmazonS3/latest/userguide/access-policy-language-overview.html
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from trailkey.access import (
    NO_REQUEST,
    PROVEN,
    Answer,
    Constraint,
    Language,
    RequestSet,
    Single,
    covers,
    excludes,
    in_account,
    joined,
    people,
    region,
    texts,
    union,
)
from trailkey.access.algebra.languages import language
from trailkey.access.algebra.patterns import glob
from trailkey.access.analysis.caller_sets import NO_SERVICE, SERVICES, of_kind
from trailkey.aws import CLOUDTRAIL
from trailkey.intent.model import named
from trailkey.proofs.properties.every_key import at_most
from trailkey.proofs.properties.property import Property

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from trailkey.access import EffectivePermissions
    from trailkey.config.source import ConfigPath
    from trailkey.intent.model import BucketIntent, ReaderIntent

_PAGE = "https://docs.aws.amazon.com/awscloudtrail/latest/userguide/create-s3-bucket-policy-for-cloudtrail.html"
TLS: Final[dict[str, Constraint]] = {"aws:SecureTransport": Single(absent=False, values=texts("true"))}
LIST: Final = ("s3:GetBucketLocation", "s3:ListBucket")


def objects(patterns: Iterable[str]) -> Language:
    """Return the ARNs of objects that patterns name."""
    return language([glob(pattern) for pattern in patterns])


def _delivery_rows(intent: BucketIntent) -> RequestSet:
    """CloudTrail looks at the bucket's ACL and writes below its paths, for the trails only, owner in control."""
    service = texts(CLOUDTRAIL)
    trails = Single(absent=False, values=texts(*(trail for trail, _ in intent.deliveries)))
    owned = Single(absent=False, values=texts("bucket-owner-full-control"))
    written = objects(pattern for _, patterns in intent.deliveries for pattern in patterns)
    return joined(
        [
            region(
                principals=service,
                actions=("s3:GetBucketAcl",),
                resources=texts(intent.arn),
                context={"aws:SourceArn": trails},
            ),
            region(
                principals=service,
                actions=("s3:PutObject",),
                resources=written,
                context={"aws:SourceArn": trails, "s3:x-amz-acl": owned},
            ),
        ]
    )


def _reader_row(reader: ReaderIntent, intent: BucketIntent) -> RequestSet:
    """Return what a reader may do at most: policy generation gets only what is of its own account, as far as that is listed."""
    row = _whole_row(reader, intent)
    return row & joined([_own(intent), region(principals=~_listed(intent))]) if _own_only(reader) else row


def _own_only(reader: ReaderIntent) -> bool:
    return reader.own_logs_only and bool(reader.organization_id)


def _own(intent: BucketIntent) -> RequestSet:
    """Return the bucket and the logs of their own account, for callers of the accounts that are listed."""
    return joined(
        [
            region(principals=in_account(account), resources=texts(intent.arn) | objects(patterns))
            for account, patterns in intent.logs_by_account
        ]
    )


def _listed(intent: BucketIntent) -> Language:
    return union([in_account(account) for account, _ in intent.logs_by_account])


def _whole_row(reader: ReaderIntent, intent: BucketIntent) -> RequestSet:
    who = reader.callers(intent.account)
    return joined(
        [
            region(
                principals=who, actions=("s3:GetObject",), resources=objects(intent.logs), context=reader.membership
            ),
            region(principals=who, actions=LIST, resources=texts(intent.arn), context=reader.membership),
        ]
    )


def _bucket_services_confined(granted: EffectivePermissions, intent: BucketIntent) -> Answer:
    return excludes(granted, region(principals=SERVICES) - _delivery_rows(intent))


def _trails_write(granted: EffectivePermissions, intent: BucketIntent) -> Answer:
    return covers(granted, _delivery_rows(intent) & region(context=TLS))


def _logs_held(granted: EffectivePermissions, intent: BucketIntent) -> Answer:
    rows = joined([_reader_row(reader, intent) for reader in intent.readers]) if intent.readers else NO_REQUEST
    return at_most(granted, rows, region(principals=NO_SERVICE & ~in_account(intent.account)))


def _readers_get_logs(granted: EffectivePermissions, intent: BucketIntent) -> Answer:
    rows = [_needed_row(reader, intent) for reader in intent.readers if not reader.service_linked]
    return covers(granted, joined(rows) & region(identity=True, context=TLS)) if rows else Answer(PROVEN)


def _needed_row(reader: ReaderIntent, intent: BucketIntent) -> RequestSet:
    """Return what a reader has to get: policy generation only what is of its own account."""
    row = _reader_row(reader, intent)
    return row & region(principals=_listed(intent)) if _own_only(reader) else row


def _bucket_iam_needed(granted: EffectivePermissions, intent: BucketIntent) -> Answer:
    who = NO_SERVICE & ~of_kind("root", intent.partition) & ~named(intent.named_directly)
    return excludes(granted, region(principals=who, identity=False))


def _bucket_deployer_updates(granted: EffectivePermissions, intent: BucketIntent) -> Answer:
    """Nothing keeps the deployer from anything on the bucket itself: what CloudFormation calls there grows with the template."""
    who = named([intent.deployer]) & people(intent.partition)
    return covers(granted, region(principals=who, resources=texts(intent.arn), identity=True, context=TLS))


def _only_tls(granted: EffectivePermissions, _intent: BucketIntent) -> Answer:
    plain: dict[str, Constraint] = {"aws:SecureTransport": Single(absent=False, values=texts("false"))}
    return excludes(granted, region(context=plain))


def _each_reader(intent: BucketIntent) -> Iterable[BucketIntent]:
    """Return one purpose a reader, but for those who bring rights of their own, as Macie's service-linked role does."""
    return (replace(intent, readers=(reader,)) for reader in intent.readers if not reader.service_linked)


def _bucket(intent: BucketIntent) -> ConfigPath:
    return intent.path


def _deployer(intent: BucketIntent) -> ConfigPath:
    return intent.deployer_path


def _reader(intent: BucketIntent) -> ConfigPath:
    return intent.readers[0].path


OF_THE_BUCKET: Final[Sequence[Property[BucketIntent]]] = (
    Property(
        id="bucket-services-confined",
        title="AWS services write nothing to the bucket but the logs of the trails named",
        reason="Whoever may write to the bucket on behalf of another trail can put forged logs beside the real ones.",
        source=_PAGE,
        remedy="hold every statement of a service to aws:SourceArn of the trails, s3:x-amz-acl, and the paths below AWSLogs/",
        claim=_bucket_services_confined,
        path=_bucket,
    ),
    Property(
        id="trails-write",
        title="each trail can look at the bucket's ACL and write below its paths",
        reason="CloudTrail refuses to create a trail whose bucket policy is short, and stops delivering when it becomes so.",
        source=_PAGE,
        remedy="let no Deny or condition keep cloudtrail.amazonaws.com from s3:GetBucketAcl and s3:PutObject for the trails",
        claim=_trails_write,
        path=_bucket,
    ),
    Property(
        id="logs-held",
        title="nobody of another account holds anything on the bucket but the readers",
        reason="Logs tell who did what in every account; other accounts see them as readers of this config or not at all.",
        source="https://docs.aws.amazon.com/AmazonS3/latest/userguide/security-best-practices.html",
        remedy="hold every statement to the readers, and to s3:GetObject, s3:ListBucket and s3:GetBucketLocation",
        claim=_logs_held,
        path=_bucket,
    ),
    Property(
        id="readers-get-logs",
        title="each reader can list the bucket and get log and digest files, where its own IAM policy allows",
        reason="A reader who may decrypt but not get the object cannot read.",
        source="https://docs.aws.amazon.com/AmazonS3/latest/userguide/UsingKMSEncryption.html",
        remedy="let no Deny or condition keep the reader from s3:GetObject below AWSLogs/ and s3:ListBucket",
        claim=_readers_get_logs,
        path=_reader,
        apart=_each_reader,
    ),
    Property(
        id="bucket-iam-needed",
        title="the bucket policy alone lets nobody read: it takes an IAM policy too",
        reason="Under Principal * the bucket's own account needs no IAM policy, so everyone there would read without anybody having allowed it.",
        source="https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic.html",
        remedy="name accounts as Principal, and keep the bucket's own account out of statements for everyone",
        claim=_bucket_iam_needed,
        path=_bucket,
    ),
    Property(
        id="bucket-deployer-updates",
        title="the role that deploys can read and update the bucket and its policy, where its own IAM policy allows",
        reason="A Deny that keeps CloudFormation from the bucket or its policy cannot be taken back by the next update.",
        source="https://docs.aws.amazon.com/AmazonS3/latest/userguide/example-bucket-policies.html",
        remedy="let no Deny keep the deployer of the bucket's account from the bucket, but for want of TLS",
        claim=_bucket_deployer_updates,
        path=_deployer,
    ),
    Property(
        id="only-tls",
        title="nobody speaks to the bucket without TLS",
        reason="Logs in clear text on the way are read by whoever is on the way.",
        source="https://docs.aws.amazon.com/AmazonS3/latest/userguide/security-best-practices.html",
        remedy="keep the Deny under aws:SecureTransport false, for the bucket and its objects",
        claim=_only_tls,
        path=_bucket,
    ),
)
"""Asked of the log bucket's policy."""
