"""What must hold of a trail's key policy, over all requests: each property named, with its reason and the page behind it.

A property is a claim about regions of requests, put together from what the deployment is meant to be and never from the
policy itself; the policy's text is only ever on the other side.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from generator.access.automata import UndecidedError
from generator.access.boxes import Constraint, Many, Single
from generator.access.identities import SERVICES, in_account, of_kind, people
from generator.access.patterns import glob
from generator.access.prove import covers, excludes, region
from generator.access.sets import EVERY_REQUEST, NO_REQUEST, PROVEN, UNKNOWN, Answer, RequestSet, joined
from generator.access.space import Granted
from generator.access.wildcards import Language, language, texts, union
from generator.aws import CLOUDTRAIL, TRAIL_CONTEXT

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from generator.proofs.setting import ReaderSetting, Setting


_CLOUDTRAIL_PAGE = (
    "https://docs.aws.amazon.com/awscloudtrail/latest/userguide/create-kms-key-policy-for-cloudtrail.html"
)
_KEY_POLICY_PAGE = "https://docs.aws.amazon.com/kms/latest/developerguide/key-policy-default.html"
_DATA_KEYS = (
    "kms:GenerateDataKey",
    "kms:GenerateDataKeyPair",
    "kms:GenerateDataKeyPairWithoutPlaintext",
    "kms:GenerateDataKeyWithoutPlaintext",
)
_ENCRYPT = (*_DATA_KEYS, "kms:Encrypt", "kms:ReEncryptTo")
_DECRYPT = ("kms:Decrypt", "kms:ReEncryptFrom")
_OTHER_USE = ("kms:DeriveSharedSecret", "kms:GenerateMac", "kms:Sign", "kms:Verify", "kms:VerifyMac")
USE: Final = (*_ENCRYPT, *_DECRYPT, *_OTHER_USE)
TAKE_OVER: Final = ("kms:CreateGrant", "kms:PutKeyPolicy", "kms:ReplicateKey")
_METADATA = (
    "kms:DescribeKey",
    "kms:GetKeyPolicy",
    "kms:GetKeyRotationStatus",
    "kms:ListGrants",
    "kms:ListResourceTags",
)


@dataclass(frozen=True, slots=True)
class Property:
    """A claim about a key policy. ``id`` is stable: ``accepted_risks`` and pipelines refer to it."""

    id: str
    title: str
    source: str
    claim: Callable[[Granted, Setting], Answer]


@dataclass(frozen=True, slots=True)
class Judged:
    """A property and the answer to it."""

    claim: Property
    answer: Answer

    @property
    def holds(self) -> bool:
        """Whether it is proven; what is unknown is not."""
        return self.answer.verdict == PROVEN


def _cloudtrail(setting: Setting) -> RequestSet:
    """The rows of CloudTrail: encrypt under both guards, describe under one, decrypt where S3 Bucket Keys are on."""
    service = texts(CLOUDTRAIL)
    rows = [
        region(principals=service, actions=_DATA_KEYS, context={**setting.source, **setting.context}),
        region(principals=service, actions=("kms:DescribeKey",), context=setting.source),
    ]
    if setting.cloudtrail_decrypts:
        rows.append(region(principals=service, actions=("kms:Decrypt",), context=setting.source))
    return joined(rows)


def _reader(reader: ReaderSetting, setting: Setting) -> RequestSet:
    context: dict[str, Constraint] = dict(setting.context)
    if reader.via_service:
        context["kms:ViaService"] = Single(absent=False, values=texts(reader.via_service))
    if reader.principal_arns:
        return region(principals=setting.named(reader.principal_arns), actions=("kms:Decrypt",), context=context)
    if reader.account:
        return region(principals=people(setting.partition, reader.account), actions=("kms:Decrypt",), context=context)
    context["aws:PrincipalOrgID"] = Single(absent=False, values=texts(reader.organization_id))
    if reader.organization_path:
        context["aws:PrincipalOrgPaths"] = Many(some=(language([glob(reader.organization_path)]),))
    elsewhere = people(setting.partition) & ~in_account(setting.account)
    if reader.analyzer:
        role = f"arn:{setting.partition}:iam::*:role/service-role/AccessAnalyzerMonitorServiceRole*"
        elsewhere &= language([glob(role)])
    return region(principals=elsewhere, actions=("kms:Decrypt",), context=context)


def _keepers(setting: Setting) -> Language:
    """Who may replace the key policy."""
    return union(
        [setting.named((*setting.break_glass, *([setting.deployer] if setting.deployer else []))), setting.root_user]
    )


def _services_confined(granted: Granted, setting: Setting) -> Answer:
    return excludes(granted, region(principals=SERVICES) - _cloudtrail(setting))


def _nobody_else_encrypts(granted: Granted, setting: Setting) -> Answer:
    return excludes(granted, region(principals=people(setting.partition), actions=_ENCRYPT))


def _only_readers_decrypt(granted: Granted, setting: Setting) -> Answer:
    rows = joined([_reader(reader, setting) for reader in setting.readers]) if setting.readers else NO_REQUEST
    beyond = Granted(granted.scope, granted.allow, granted.deny | rows, granted.sessions)
    return excludes(beyond, region(principals=people(setting.partition), actions=(*_DECRYPT, *_OTHER_USE)))


def _administrators_never_use(granted: Granted, setting: Setting) -> Answer:
    return excludes(granted, region(principals=setting.named(setting.administrators), actions=(*USE, *TAKE_OVER)))


def _policy_held(granted: Granted, setting: Setting) -> Answer:
    return excludes(
        granted, region(principals=people(setting.partition) & ~_keepers(setting), actions=("kms:PutKeyPolicy",))
    )


def _deletion_held(granted: Granted, setting: Setting) -> Answer:
    others = people(setting.partition) & ~setting.named(setting.break_glass)
    return excludes(granted, region(principals=others, actions=("kms:ScheduleKeyDeletion", "kms:CancelKeyDeletion")))


def _nobody_grants(granted: Granted, setting: Setting) -> Answer:
    return excludes(
        granted,
        region(
            principals=union([people(setting.partition), SERVICES]), actions=("kms:CreateGrant", "kms:ReplicateKey")
        ),
    )


def _lockout_check_stands(granted: Granted, _setting: Setting) -> Answer:
    bypass: dict[str, Constraint] = {"kms:BypassPolicyLockoutSafetyCheck": Single(absent=False, values=texts("true"))}
    return excludes(granted, region(actions=("kms:PutKeyPolicy",), context=bypass))


def _strangers_hold_nothing(granted: Granted, setting: Setting) -> Answer:
    """Whoever is not named holds metadata at most, and that only in the key's own account."""
    known = [
        *setting.administrators,
        *setting.break_glass,
        *setting.trail_deployers,
        *([setting.deployer] if setting.deployer else []),
    ]
    others = people(setting.partition) & ~setting.root_user & ~setting.named(known)
    rows = [
        region(principals=in_account(setting.account), actions=_METADATA),
        *(_reader(reader, setting) for reader in setting.readers),
    ]
    return excludes(granted, region(principals=others) - joined(rows))


def _trails_deliver(granted: Granted, setting: Setting) -> Answer:
    exact: dict[str, Constraint] = {TRAIL_CONTEXT: Single(absent=False, values=texts(*setting.trails))}
    service = texts(CLOUDTRAIL)
    encrypt = region(principals=service, actions=("kms:GenerateDataKey",), context={**setting.source, **exact})
    return covers(granted, encrypt | region(principals=service, actions=("kms:DescribeKey",), context=setting.source))


def _readers_read(granted: Granted, setting: Setting) -> Answer:
    rows = joined([_reader(reader, setting) for reader in setting.readers])
    return covers(granted, rows & region(identity=True))


def _deployer_updates(granted: Granted, setting: Setting) -> Answer:
    checked: dict[str, Constraint] = {"kms:BypassPolicyLockoutSafetyCheck": Single(absent=True, values=texts("false"))}
    who = setting.named([setting.deployer]) & ~of_kind("root", setting.partition)
    return covers(granted, region(principals=who, actions=("kms:PutKeyPolicy",), identity=True, context=checked))


def _administrators_denied(granted: Granted, setting: Setting) -> Answer:
    """The Deny alone takes out every use, whatever another statement may come to allow."""
    who = setting.named(setting.administrators) & in_account(setting.account)
    denied = Granted(granted.scope, EVERY_REQUEST, granted.deny, granted.sessions)
    return excludes(denied, region(principals=who, actions=(*USE, *TAKE_OVER)))


def _administrators_administer(granted: Granted, setting: Setting) -> Answer:
    who = setting.named(setting.administrators)
    return covers(
        granted,
        region(
            principals=who,
            actions=(*_METADATA, "kms:TagResource", "kms:RotateKeyOnDemand", "kms:UpdateAlias"),
            identity=True,
        ),
    )


def _break_glass_repairs(granted: Granted, setting: Setting) -> Answer:
    checked: dict[str, Constraint] = {"kms:BypassPolicyLockoutSafetyCheck": Single(absent=True, values=texts("false"))}
    who = setting.named(setting.break_glass)
    deletion = region(
        principals=who,
        actions=("kms:ScheduleKeyDeletion", "kms:CancelKeyDeletion", "kms:DisableKey", "kms:EnableKey"),
        identity=True,
    )
    return covers(
        granted, deletion | region(principals=who, actions=("kms:PutKeyPolicy",), identity=True, context=checked)
    )


def _trail_deployers_describe(granted: Granted, setting: Setting) -> Answer:
    elsewhere = setting.named(setting.trail_deployers) & ~in_account(setting.account)
    return covers(granted, region(principals=elsewhere, actions=("kms:DescribeKey",), identity=True))


def _account_looks(granted: Granted, setting: Setting) -> Answer:
    who = people(setting.partition, setting.account)
    return covers(granted, region(principals=who, actions=_METADATA, identity=True))


def _iam_needed(granted: Granted, setting: Setting) -> Answer:
    """Without an IAM policy nobody but the root user holds anything; roles that are named as Principal are left out."""
    who = people(setting.partition) & ~setting.root_user & ~setting.named(setting.named_directly)
    return excludes(granted, region(principals=who & ~of_kind("root", setting.partition), identity=False))


def _root_user_recovers(granted: Granted, setting: Setting) -> Answer:
    checked: dict[str, Constraint] = {"kms:BypassPolicyLockoutSafetyCheck": Single(absent=True, values=texts("false"))}
    return covers(granted, region(principals=setting.root_user, actions=("kms:PutKeyPolicy",), context=checked))


PROPERTIES: Final[Sequence[Property]] = (
    Property(
        "administrators-denied",
        "an explicit Deny keeps administrators from the key's use, whatever else allows it",
        _KEY_POLICY_PAGE,
        _administrators_denied,
    ),
    Property("iam-needed", "a grant by way of the account needs an IAM policy too", _KEY_POLICY_PAGE, _iam_needed),
    Property(
        "administrators-administer",
        "administrators can look at, tag and rotate the key",
        _KEY_POLICY_PAGE,
        _administrators_administer,
    ),
    Property(
        "break-glass-repairs",
        "break glass can replace the policy, disable and delete the key",
        _KEY_POLICY_PAGE,
        _break_glass_repairs,
    ),
    Property(
        "trail-deployers-describe",
        "who deploys a trail in another account can look at the key",
        _CLOUDTRAIL_PAGE,
        _trail_deployers_describe,
    ),
    Property(
        "account-looks", "the account's IAM policies can allow to look at the key", _KEY_POLICY_PAGE, _account_looks
    ),
    Property(
        "cloudtrail-confined",
        "AWS services hold nothing but CloudTrail's rows, for the trails named only",
        _CLOUDTRAIL_PAGE,
        _services_confined,
    ),
    Property("only-cloudtrail-encrypts", "nobody but CloudTrail encrypts", _CLOUDTRAIL_PAGE, _nobody_else_encrypts),
    Property(
        "only-readers-decrypt",
        "nobody but the readers decrypts, and each only under its guard",
        _CLOUDTRAIL_PAGE,
        _only_readers_decrypt,
    ),
    Property(
        "administrators-never-use",
        "whoever administers the key neither uses it nor takes over its use",
        _KEY_POLICY_PAGE,
        _administrators_never_use,
    ),
    Property(
        "policy-held",
        "nobody but deployer, break glass and root user replaces the key policy",
        _KEY_POLICY_PAGE,
        _policy_held,
    ),
    Property(
        "deletion-held",
        "nobody but break glass deletes the key",
        "https://docs.aws.amazon.com/kms/latest/developerguide/deleting-keys.html",
        _deletion_held,
    ),
    Property(
        "no-grants",
        "nobody hands out the key's use by a grant, or replicates it",
        "https://docs.aws.amazon.com/kms/latest/developerguide/grants.html",
        _nobody_grants,
    ),
    Property(
        "lockout-check-stands",
        "nobody puts a key policy past the lockout check",
        "https://docs.aws.amazon.com/kms/latest/developerguide/conditions-kms.html",
        _lockout_check_stands,
    ),
    Property(
        "strangers-hold-nothing",
        "whoever is not named holds metadata at most, in the key's account only",
        _KEY_POLICY_PAGE,
        _strangers_hold_nothing,
    ),
    Property("trails-deliver", "each trail can encrypt and describe the key", _CLOUDTRAIL_PAGE, _trails_deliver),
    Property(
        "readers-read", "each reader can decrypt, where its own IAM policy allows", _CLOUDTRAIL_PAGE, _readers_read
    ),
    Property("deployer-updates", "the deployer can still replace the key policy", _KEY_POLICY_PAGE, _deployer_updates),
    Property(
        "root-user-recovers", "the root user can still replace the key policy", _KEY_POLICY_PAGE, _root_user_recovers
    ),
)


def judge(granted: Granted, setting: Setting) -> list[Judged]:
    """Return every property of a trail's key policy with its answer."""
    return [Judged(one, _answer(one, granted, setting)) for one in PROPERTIES]


def _answer(claim: Property, granted: Granted, setting: Setting) -> Answer:
    try:
        return claim.claim(granted, setting)
    except UndecidedError as error:  # in putting the claim together; the questions themselves answer unknown
        return Answer(UNKNOWN, reason=str(error))
