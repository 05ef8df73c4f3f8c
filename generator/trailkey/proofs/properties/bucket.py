"""What must hold of the log bucket's policy: who writes, who of another account reads, and that nobody speaks without TLS.

In the bucket's own account S3 lets IAM policies allow by themselves, so there only a Deny can be claimed.
https://docs.aws.amazon.com/AmazonS3/latest/userguide/access-policy-language-overview.html
"""

from __future__ import annotations

from dataclasses import replace
from operator import attrgetter
from typing import TYPE_CHECKING, Final

from trailkey.access import NO_REQUEST, covers, excludes, held_to, in_account, joined, people, region, texts, union
from trailkey.access.algebra.languages import language
from trailkey.access.algebra.patterns import glob
from trailkey.access.analysis.caller_sets import NO_SERVICE, SERVICES, of_kind
from trailkey.access.language.log_actions import ALTER_BUCKET, DELETE_LOGS
from trailkey.aws import CLOUDTRAIL
from trailkey.intent.model import named
from trailkey.proofs.properties.every_key import at_most
from trailkey.proofs.properties.property import Property

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from trailkey.access import Answer, EffectivePermissions, Language, RequestSet
    from trailkey.intent.model import BucketIntent, ReaderIntent

_PAGE = "https://docs.aws.amazon.com/awscloudtrail/latest/userguide/create-s3-bucket-policy-for-cloudtrail.html"
TLS: Final = {"aws:SecureTransport": held_to("true")}


def _objects(patterns: Iterable[str]) -> Language:
    return language([glob(pattern) for pattern in patterns])


def reading(bucket: BucketIntent, *, versions: bool) -> RequestSet:
    """Return what it takes on the bucket to read logs, with ``versions`` also replaced and deleted ones: list it, get the objects."""
    get, find = ["s3:GetObject"], ["s3:GetBucketLocation", "s3:ListBucket"]
    if versions:
        get.append("s3:GetObjectVersion")
        find.append("s3:ListBucketVersions")
    return region(actions=get, resources=_objects(bucket.logs)) | region(actions=find, resources=texts(bucket.arn))


def _delivery_rows(bucket: BucketIntent) -> RequestSet:
    """CloudTrail looks at the bucket's ACL and writes below its paths, for the trails only, owner in control."""
    owned = {"s3:x-amz-acl": held_to("bucket-owner-full-control")}
    rows = [
        region(actions=("s3:GetBucketAcl",), resources=texts(bucket.arn), context=source)
        | region(actions=("s3:PutObject",), resources=_objects(written), context={**owned, **source})
        for source, written in bucket.deliveries
    ]
    return joined(rows) & region(principals=texts(CLOUDTRAIL))


def _reader_row(reader: ReaderIntent, bucket: BucketIntent) -> RequestSet:
    """Return what a reader may do at most: policy generation gets only what is of its own account, as far as that is listed."""
    row = reading(bucket, versions=reader.versions) & region(
        principals=reader.callers(bucket.account), context=reader.membership
    )
    if not reader.own_logs_only:
        return row
    own = [
        region(principals=in_account(account), resources=texts(bucket.arn) | _objects(patterns))
        for account, patterns in bucket.logs_by_account
    ]
    return row & joined([*own, region(principals=~_listed(bucket))])


def _listed(bucket: BucketIntent) -> Language:
    return union([in_account(account) for account, _ in bucket.logs_by_account])


def _readers_get_logs(granted: EffectivePermissions, bucket: BucketIntent) -> Answer:
    """Readers get all of their rows; of policy generation only those are asked about whose account is listed."""
    needed = [
        _reader_row(reader, bucket) & region(principals=_listed(bucket) if reader.own_logs_only else None)
        for reader in bucket.readers
        if not reader.service_linked
    ]
    return covers(granted, joined(needed) & region(identity=True, context=TLS))


def _bucket_iam_needed(granted: EffectivePermissions, bucket: BucketIntent) -> Answer:
    who = NO_SERVICE & ~of_kind("root", bucket.partition) & ~named(bucket.named_directly)
    return excludes(granted, region(principals=who, identity=False))


def _bucket_deployer_updates(granted: EffectivePermissions, bucket: BucketIntent) -> Answer:
    """Nothing keeps the deployer from anything on the bucket itself: what CloudFormation calls there grows with the template."""
    who = named([bucket.deployer]) & people(bucket.partition)
    return covers(granted, region(principals=who, resources=texts(bucket.arn), identity=True, context=TLS))


def _log_deletion_denied(granted: EffectivePermissions, bucket: BucketIntent) -> Answer:
    """Nobody deletes, and nobody but the deployer changes what keeps logs; of those who are denied nothing, nothing is asked."""
    deleting = region(actions=DELETE_LOGS, resources=_objects([f"{bucket.arn}/*"]))
    others = NO_SERVICE & ~named([bucket.deployer])
    altering = region(actions=ALTER_BUCKET, principals=others, resources=texts(bucket.arn))
    return excludes(granted, joined([deleting, altering]) if bucket.deny_deletion else NO_REQUEST)


def _each_reader(bucket: BucketIntent) -> Iterable[BucketIntent]:
    """Return one purpose a reader, but for those who bring rights of their own, as Macie's service-linked role does."""
    return (replace(bucket, readers=(reader,)) for reader in bucket.readers if not reader.service_linked)


OF_THE_BUCKET: Final[Sequence[Property[BucketIntent]]] = (
    Property(
        id="bucket-services-confined",
        title="AWS services write nothing to the bucket but the logs of the trails named",
        reason="Whoever may write to the bucket on behalf of another trail can put forged logs beside the real ones.",
        source=_PAGE,
        remedy="hold every statement of a service to aws:SourceArn of the trails, s3:x-amz-acl, and the paths below AWSLogs/",
        claim=lambda granted, bucket: excludes(granted, region(principals=SERVICES) - _delivery_rows(bucket)),
    ),
    Property(
        id="trails-write",
        title="each trail can read the bucket's ACL and write below its paths",
        reason="CloudTrail refuses to create a trail whose bucket policy is short, and stops delivering when it becomes so.",
        source=_PAGE,
        remedy="let no Deny or condition keep cloudtrail.amazonaws.com from s3:GetBucketAcl and s3:PutObject for the trails",
        claim=lambda granted, bucket: covers(granted, _delivery_rows(bucket) & region(context=TLS)),
    ),
    Property(
        id="logs-held",
        title="no other account has access to the bucket, except the readers",
        reason="Logs tell who did what in every account; other accounts see them as readers of this config or not at all.",
        source="https://docs.aws.amazon.com/AmazonS3/latest/userguide/security-best-practices.html",
        remedy="hold every statement to the readers, and to s3:GetObject, s3:ListBucket and s3:GetBucketLocation",
        claim=lambda granted, bucket: at_most(
            granted,
            joined([_reader_row(reader, bucket) for reader in bucket.readers]),
            region(principals=NO_SERVICE & ~in_account(bucket.account)),
        ),
    ),
    Property(
        id="readers-get-logs",
        title="each reader can list the bucket and get log and digest files, where its own IAM policy allows",
        reason="A reader who may decrypt but not get the object cannot read.",
        source="https://docs.aws.amazon.com/AmazonS3/latest/userguide/UsingKMSEncryption.html",
        remedy="let no Deny or condition keep the reader from s3:GetObject below AWSLogs/ and s3:ListBucket",
        claim=_readers_get_logs,
        path=lambda bucket: bucket.readers[0].path,
        apart=_each_reader,
    ),
    Property(
        id="bucket-iam-needed",
        title="the bucket policy alone lets nobody read: it takes an IAM policy too",
        reason="Under Principal * the bucket's own account needs no IAM policy, so everyone there would read without anybody having allowed it.",
        source="https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic.html",
        remedy="name accounts as Principal, and keep the bucket's own account out of statements for everyone",
        claim=_bucket_iam_needed,
    ),
    Property(
        id="bucket-deployer-updates",
        title="the role that deploys can read and update the bucket and its policy, where its own IAM policy allows",
        reason="A Deny that keeps CloudFormation from the bucket or its policy cannot be taken back by the next update.",
        source="https://docs.aws.amazon.com/AmazonS3/latest/userguide/example-bucket-policies.html",
        remedy="let no Deny keep the deployer of the bucket's account from the bucket, except for requests without TLS",
        claim=_bucket_deployer_updates,
        path=attrgetter("deployer_path"),
    ),
    Property(
        id="log-deletion-denied",
        title="with deny_deletion, nobody deletes logs, and nobody but the deployer changes what keeps them",
        reason="In the bucket's own account IAM policies allow by themselves: only a Deny holds its administrators.",
        source="https://docs.aws.amazon.com/AmazonS3/latest/userguide/lifecycle-and-other-bucket-config.html",
        remedy="deny deletion to everyone, and changes of policy, lifecycle, versioning and Object Lock to all but the deployer",
        claim=_log_deletion_denied,
    ),
    Property(
        id="only-tls",
        title="requests to the bucket without TLS are denied",
        reason="Logs sent in clear text can be read in transit.",
        source="https://docs.aws.amazon.com/AmazonS3/latest/userguide/security-best-practices.html",
        remedy="keep the Deny under aws:SecureTransport false, for the bucket and its objects",
        claim=lambda granted, _: excludes(granted, region(context={"aws:SecureTransport": held_to("false")})),
    ),
)
"""Asked of the log bucket's policy."""
