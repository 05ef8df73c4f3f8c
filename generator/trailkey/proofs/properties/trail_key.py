"""What must hold of the key that encrypts the logs of trails: who encrypts, who decrypts, and that nobody does more."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from trailkey.access import PROVEN, Answer, Single, covers, excludes, held_to, in_account, joined, region, texts
from trailkey.access.analysis.caller_sets import NO_SERVICE, SERVICES
from trailkey.access.language.actions import DATA_KEYS, DECRYPT, ENCRYPT, OTHER_USE
from trailkey.aws import CLOUDTRAIL, CLOUDTRAIL_KEY_PAGE, TRAIL_CONTEXT
from trailkey.intent.model import named
from trailkey.proofs.properties.every_key import OF_EVERY_KEY, at_most, nobody_holds_more, rows_of_key_roles
from trailkey.proofs.properties.property import Property
from trailkey.proofs.properties.role_actions import METADATA

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from trailkey.access import Constraint, EffectivePermissions, RequestSet
    from trailkey.intent.model import TrailKeyIntent


def _cloudtrail_rows(
    key: TrailKeyIntent,
    encrypt: Sequence[str],
    sent: Iterable[tuple[Mapping[str, Constraint], Mapping[str, Constraint]]],
) -> RequestSet:
    """Return CloudTrail's rows: encrypt under both guards, describe under one, decrypt where S3 Bucket Keys are on.

    ``sent`` are pairs of these guards: for whom CloudTrail acts, and with which encryption contexts.
    """
    service = texts(CLOUDTRAIL)
    beside = ("kms:DescribeKey", "kms:Decrypt") if key.cloudtrail_decrypts else ("kms:DescribeKey",)
    return joined(
        [
            region(principals=service, actions=encrypt, context={**source, **context})
            | region(principals=service, actions=beside, context=source)
            for source, context in sent
        ]
    )


def _held(key: TrailKeyIntent) -> Iterator[tuple[Mapping[str, Constraint], Mapping[str, Constraint]]]:
    """Yield for whom CloudTrail may act, each with every encryption context of the deployment."""
    yield from ((source, key.context) for source in key.sources)


def _sent(key: TrailKeyIntent) -> Iterator[tuple[Mapping[str, Constraint], Mapping[str, Constraint]]]:
    """Yield for whom CloudTrail acts with the encryption contexts that it sends then: the ARNs of these trails."""
    if key.trails:
        arns = held_to(*key.trails)
        yield {"aws:SourceArn": arns}, {TRAIL_CONTEXT: arns}
    for one in key.trail_sets:
        if one.units:
            yield one.source, {TRAIL_CONTEXT: Single(named([one.arn]))}


def _deployer_rows(key: TrailKeyIntent) -> RequestSet:
    """Return what deployers of trails in other accounts do with the key: they look at it, by roles of stack sets too."""
    deployers = region(principals=key.named(key.trail_deployers), actions=("kms:DescribeKey",))
    return joined(
        [
            deployers,
            *(
                region(principals=one.callers(key.account), actions=("kms:DescribeKey",), context=one.membership)
                for one in key.trail_sets
            ),
        ]
    )


def _reader_rows(key: TrailKeyIntent) -> RequestSet:
    """Return what readers may do: decrypt what the trails encrypted, through S3 where that is asked for."""
    return joined(
        [
            region(
                principals=reader.callers(key.account),
                actions=("kms:Decrypt",),
                context={**key.context, **reader.membership, **reader.route},
            )
            for reader in key.readers
        ]
    )


def _rows(key: TrailKeyIntent) -> RequestSet:
    return joined([rows_of_key_roles(key), _deployer_rows(key), _reader_rows(key)])


def _readers_only_read(granted: EffectivePermissions, key: TrailKeyIntent) -> Answer:
    """Readers who are named hold no other action than Decrypt, whose guards have a property of their own, but the account's."""
    named = key.named(arn for reader in key.readers for arn in reader.principal_arns)
    others = [action for action in granted.scope.universe if action != "kms:Decrypt"]
    metadata = region(principals=in_account(key.account), actions=METADATA)
    return at_most(granted, metadata, region(principals=named, actions=others))


def _look_alikes_kept_out(granted: EffectivePermissions, key: TrailKeyIntent) -> Answer:
    """Unless another reader stands for them: a set of that very name, or a whole account."""
    for reader in key.readers:
        if reader.role_prefix:
            others = _reader_rows(replace(key, readers=tuple(other for other in key.readers if other != reader)))
            answer = at_most(granted, others, region(principals=reader.look_alikes, actions=("kms:Decrypt",)))
            if not answer:
                return answer
    return Answer(PROVEN)


def _readers_decrypt(granted: EffectivePermissions, key: TrailKeyIntent) -> Answer:
    rows = _reader_rows(key)
    direct = key.named(key.named_directly) & in_account(key.account)
    return covers(granted, (rows & region(identity=True)) | (rows & region(principals=direct)))


OF_THE_TRAIL_KEY: Final[Sequence[Property[TrailKeyIntent]]] = (
    Property(
        id="cloudtrail-confined",
        title="no AWS service may use the key but CloudTrail, for the named trails",
        reason="Every customer's trail calls as the same service: without aws:SourceArn and the encryption context, a trail of any account could use the key.",
        source=CLOUDTRAIL_KEY_PAGE,
        remedy="hold every statement of a service to aws:SourceArn of the trails, and its use of the key to their encryption context",
        claim=lambda granted, key: excludes(
            granted, region(principals=SERVICES) - _cloudtrail_rows(key, DATA_KEYS, _held(key))
        ),
        path=lambda _: ("trails",),
    ),
    Property(
        id="only-cloudtrail-encrypts",
        title="nobody but CloudTrail encrypts",
        reason="Then every file that decrypts as a log of CloudTrail was written by CloudTrail.",
        source=CLOUDTRAIL_KEY_PAGE,
        remedy="allow GenerateDataKey, Encrypt and ReEncryptTo to CloudTrail only",
        claim=lambda granted, _: excludes(granted, region(principals=NO_SERVICE, actions=ENCRYPT)),
    ),
    Property(
        id="only-readers-decrypt",
        title="nobody but the readers decrypts, and each only under its guard",
        reason="Policies are unions: one statement without the guard cancels it in all others.",
        source=CLOUDTRAIL_KEY_PAGE,
        remedy="hold every statement that allows kms:Decrypt to a reader, the trails' encryption context and S3",
        claim=lambda granted, key: at_most(
            granted, _reader_rows(key), region(principals=NO_SERVICE, actions=(*DECRYPT, *OTHER_USE))
        ),
        path=lambda _: ("readers",),
    ),
    Property(
        id="permission-sets-exact",
        title="a permission set whose name begins like a reader's does not decrypt",
        reason="Names of permission sets may hold an underscore, so the pattern AWSReservedSSO_Audit_* also matches the roles of Audit_Contractors.",
        source="https://docs.aws.amazon.com/singlesignon/latest/userguide/referencingpermissionsets.html",
        remedy="end the pattern with sixteen question marks, as long as the suffix of the role",
        claim=_look_alikes_kept_out,
        path=lambda _: ("readers",),
    ),
    nobody_holds_more(_rows),
    Property(
        id="readers-only-read",
        title="readers who are named read, and do nothing else with the key",
        reason="Who reads the logs of what was done should not hold the key's policy, its state or its deletion.",
        source="https://docs.aws.amazon.com/kms/latest/developerguide/least-privilege.html",
        remedy="use different roles to read logs and to manage the key",
        claim=_readers_only_read,
        path=lambda _: ("readers",),
    ),
    Property(
        id="trails-deliver",
        title="each trail can encrypt and describe the key",
        reason="CloudTrail stops delivering when the key policy does not let it encrypt for the trail, and says so only in the trail's status.",
        source=CLOUDTRAIL_KEY_PAGE,
        remedy="allow GenerateDataKey* under the trail's aws:SourceArn and encryption context, and DescribeKey without a context",
        claim=lambda granted, key: covers(granted, _cloudtrail_rows(key, ("kms:GenerateDataKey",), _sent(key))),
        path=lambda _: ("trails",),
    ),
    Property(
        id="readers-decrypt",
        title="each reader can decrypt, where its own IAM policy allows",
        reason="A reader whom the key policy does not admit gets Access Denied from S3, with no word about the key.",
        source=CLOUDTRAIL_KEY_PAGE,
        remedy="let no Deny or condition keep the reader from kms:Decrypt through S3 under the trails' encryption context",
        claim=_readers_decrypt,
        path=lambda key: key.readers[0].path,
        apart=lambda key: (replace(key, readers=(reader,)) for reader in key.readers),
    ),
    Property(
        id="trail-deployers-describe",
        title="who deploys a trail in another account can read the key's metadata",
        reason="AWS asks that the key policy lets whoever creates the trail use the key, and names no actions; kms:DescribeKey is the least.",
        source="https://docs.aws.amazon.com/awscloudtrail/latest/userguide/create-kms-key-policy-for-cloudtrail-update-trail.html",
        remedy="allow kms:DescribeKey to the deployer of each trail owner",
        claim=lambda granted, key: covers(
            granted, _deployer_rows(key) & region(principals=~in_account(key.account), identity=True)
        ),
        path=lambda _: ("trails",),
    ),
    *OF_EVERY_KEY,
)
"""Asked of the trails' key."""
