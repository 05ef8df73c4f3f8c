"""What must hold of the key that encrypts the logs of trails: who encrypts, who decrypts, and that nobody does more."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from trailkey.access import (
    NO_REQUEST,
    Answer,
    Constraint,
    RequestSet,
    Single,
    covers,
    excludes,
    in_account,
    joined,
    region,
    texts,
)
from trailkey.access.analysis.caller_sets import NO_SERVICE, SERVICES
from trailkey.access.language.actions import DATA_KEYS, DECRYPT, ENCRYPT, OTHER_USE
from trailkey.aws import CLOUDTRAIL, TRAIL_CONTEXT
from trailkey.proofs.properties.every_key import OF_EVERY_KEY, at_most, nobody_holds_more, rows_of_keepers
from trailkey.proofs.properties.property import Property
from trailkey.proofs.properties.role_actions import METADATA

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from trailkey.access import EffectivePermissions
    from trailkey.config.source import ConfigPath
    from trailkey.intent.model import ReaderIntent, TrailKeyIntent

CLOUDTRAIL_PAGE: Final = (
    "https://docs.aws.amazon.com/awscloudtrail/latest/userguide/create-kms-key-policy-for-cloudtrail.html"
)


def cloudtrail_rows(intent: TrailKeyIntent) -> RequestSet:
    """Return CloudTrail's rows: encrypt under both guards, describe under one, decrypt where S3 Bucket Keys are on."""
    service = texts(CLOUDTRAIL)
    rows = [
        region(principals=service, actions=DATA_KEYS, context={**intent.source, **intent.context}),
        region(principals=service, actions=("kms:DescribeKey",), context=intent.source),
    ]
    if intent.cloudtrail_decrypts:
        rows.append(region(principals=service, actions=("kms:Decrypt",), context=intent.source))
    return joined(rows)


def reader_row(reader: ReaderIntent, intent: TrailKeyIntent) -> RequestSet:
    """Return what a reader may do: decrypt what the trails encrypted, by way of S3 where that is asked for."""
    context: dict[str, Constraint] = {**intent.context, **reader.membership}
    if reader.via_service:
        context["kms:ViaService"] = Single(absent=False, values=texts(reader.via_service))
    return region(principals=reader.callers(intent.account), actions=("kms:Decrypt",), context=context)


def _reader_rows(intent: TrailKeyIntent) -> RequestSet:
    return joined([reader_row(reader, intent) for reader in intent.readers]) if intent.readers else NO_REQUEST


def _cloudtrail_confined(granted: EffectivePermissions, intent: TrailKeyIntent) -> Answer:
    return excludes(granted, region(principals=SERVICES) - cloudtrail_rows(intent))


def _only_cloudtrail_encrypts(granted: EffectivePermissions, _intent: TrailKeyIntent) -> Answer:
    return excludes(granted, region(principals=NO_SERVICE, actions=ENCRYPT))


def _only_readers_decrypt(granted: EffectivePermissions, intent: TrailKeyIntent) -> Answer:
    return at_most(granted, _reader_rows(intent), region(principals=NO_SERVICE, actions=(*DECRYPT, *OTHER_USE)))


def _rows(intent: TrailKeyIntent) -> RequestSet:
    deployers = region(principals=intent.named(intent.trail_deployers), actions=("kms:DescribeKey",))
    return joined([rows_of_keepers(intent), deployers, _reader_rows(intent)])


def _readers_only_read(granted: EffectivePermissions, intent: TrailKeyIntent) -> Answer:
    """Readers who are named hold no other action than Decrypt, whose guards have a property of their own, but the account's."""
    named = intent.named(arn for reader in intent.readers for arn in reader.principal_arns)
    others = [action for action in granted.scope.universe if action != "kms:Decrypt"]
    looks = region(principals=in_account(intent.account), actions=METADATA)
    return at_most(granted, looks, region(principals=named, actions=others))


def _trails_deliver(granted: EffectivePermissions, intent: TrailKeyIntent) -> Answer:
    exact: dict[str, Constraint] = {TRAIL_CONTEXT: Single(absent=False, values=texts(*intent.trails))}
    service = texts(CLOUDTRAIL)
    encrypt = region(principals=service, actions=("kms:GenerateDataKey",), context={**intent.source, **exact})
    needed = encrypt | region(principals=service, actions=("kms:DescribeKey",), context=intent.source)
    if intent.cloudtrail_decrypts:
        needed |= region(principals=service, actions=("kms:Decrypt",), context=intent.source)
    return covers(granted, needed)


def _readers_decrypt(granted: EffectivePermissions, intent: TrailKeyIntent) -> Answer:
    row = _reader_rows(intent)
    direct = intent.named(intent.named_directly) & in_account(intent.account)
    return covers(granted, (row & region(identity=True)) | (row & region(principals=direct)))


def _trail_deployers_describe(granted: EffectivePermissions, intent: TrailKeyIntent) -> Answer:
    elsewhere = intent.named(intent.trail_deployers) & ~in_account(intent.account)
    return covers(granted, region(principals=elsewhere, actions=("kms:DescribeKey",), identity=True))


def _each_reader(intent: TrailKeyIntent) -> Iterable[TrailKeyIntent]:
    return (replace(intent, readers=(reader,)) for reader in intent.readers)


def _reader(intent: TrailKeyIntent) -> ConfigPath:
    return intent.readers[0].path


def _key(intent: TrailKeyIntent) -> ConfigPath:
    return intent.path


def _trails(_intent: TrailKeyIntent) -> ConfigPath:
    return ("trails",)


def _readers(_intent: TrailKeyIntent) -> ConfigPath:
    return ("readers",)


OF_THE_TRAIL_KEY: Final[Sequence[Property[TrailKeyIntent]]] = (
    Property(
        id="cloudtrail-confined",
        title="AWS services hold nothing but CloudTrail's rows, for the trails named only",
        reason="Anybody's trail is CloudTrail: without aws:SourceArn and the encryption context, a trail of any account could use the key.",
        source=CLOUDTRAIL_PAGE,
        remedy="hold every statement of a service to aws:SourceArn of the trails, and its use of the key to their encryption context",
        claim=_cloudtrail_confined,
        path=_trails,
    ),
    Property(
        id="only-cloudtrail-encrypts",
        title="nobody but CloudTrail encrypts",
        reason="What decrypts as a log of CloudTrail was then written by CloudTrail.",
        source=CLOUDTRAIL_PAGE,
        remedy="allow GenerateDataKey, Encrypt and ReEncryptTo to CloudTrail only",
        claim=_only_cloudtrail_encrypts,
        path=_key,
    ),
    Property(
        id="only-readers-decrypt",
        title="nobody but the readers decrypts, and each only under its guard",
        reason="Policies are unions: one statement without the guard cancels it in all others.",
        source=CLOUDTRAIL_PAGE,
        remedy="hold every statement that allows kms:Decrypt to a reader, the trails' encryption context and S3",
        claim=_only_readers_decrypt,
        path=_readers,
    ),
    nobody_holds_more(_rows),
    Property(
        id="readers-only-read",
        title="readers who are named read, and do nothing else with the key",
        reason="Who reads the logs of what was done should not hold the key's policy, its state or its deletion.",
        source="https://docs.aws.amazon.com/kms/latest/developerguide/least-privilege.html",
        remedy="give reading and keeping to different roles",
        claim=_readers_only_read,
        path=_readers,
    ),
    Property(
        id="trails-deliver",
        title="each trail can encrypt and describe the key",
        reason="CloudTrail stops delivering when the key policy does not let it encrypt for the trail, and says so only in the trail's status.",
        source=CLOUDTRAIL_PAGE,
        remedy="allow GenerateDataKey* under the trail's aws:SourceArn and encryption context, and DescribeKey without a context",
        claim=_trails_deliver,
        path=_trails,
    ),
    Property(
        id="readers-decrypt",
        title="each reader can decrypt, where its own IAM policy allows",
        reason="A reader whom the key policy does not admit gets Access Denied from S3, with no word about the key.",
        source=CLOUDTRAIL_PAGE,
        remedy="let no Deny or condition keep the reader from kms:Decrypt by way of S3 under the trails' encryption context",
        claim=_readers_decrypt,
        path=_reader,
        apart=_each_reader,
    ),
    Property(
        id="trail-deployers-describe",
        title="who deploys a trail in another account can look at the key",
        reason="AWS asks that the key policy lets whoever creates the trail use the key, and names no actions; looking at it is the least.",
        source="https://docs.aws.amazon.com/awscloudtrail/latest/userguide/create-kms-key-policy-for-cloudtrail-update-trail.html",
        remedy="allow kms:DescribeKey to the deployer of each trail owner",
        claim=_trail_deployers_describe,
        path=_trails,
    ),
    *OF_EVERY_KEY,
)
"""Asked of the trails' key."""
