"""Who the policy lets in: the world, where a wildcard is not bounded, and the readers, who shall decrypt and no more."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from trailkey.access import Single, held_to, in_account, people, region, texts
from trailkey.access.algebra.boxes import Many
from trailkey.access.algebra.languages import EMPTY, language
from trailkey.access.algebra.patterns import glob
from trailkey.access.language.actions import DECRYPT, ENCRYPT, GRAVE, TAKE_OVER
from trailkey.access.language.log_actions import GRAVE_ON_LOGS, GRAVE_ON_TOPIC, READ_LOGS
from trailkey.access.language.sent import service_names
from trailkey.audit.readers import cut_off
from trailkey.audit.rule import BUCKETS, EVERYWHERE, KEYS, PolicyRule, Search, granting, refused
from trailkey.audit.rules.cloudtrail import is_lake_key, naming_cloudtrail
from trailkey.audit.statement_facts import accounts, breadth, principals_of
from trailkey.aws import CLOUDTRAIL_KEY_PAGE, TRAIL_CONTEXT

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from trailkey.access import Constraint, RequestSet
    from trailkey.access.analysis.effective import Part
    from trailkey.audit.rule import Match, Undecided
    from trailkey.audit.subject import Subject
    from trailkey.findings import Severity

_NOBODYS_NAME: Final = "Anyone"
_NOBODYS_UNIT: Final = "r-any1/ou-any1-anyunit1/"
_ABSENT: Final = Single(absent=True, values=EMPTY)
_BOUND: Final = "name the accounts or roles, or hold the statement to them with aws:PrincipalOrgID, aws:PrincipalAccount or aws:PrincipalArn"
_GRAVE: Final = {"kms": GRAVE, "s3": GRAVE_ON_LOGS, "sns": GRAVE_ON_TOPIC}
_READ: Final = {"kms": DECRYPT, "s3": READ_LOGS}


def _by_strangers(subject: Subject, actions: Sequence[str] | None) -> RequestSet:
    """Return calls by roles and users of an account that the policy has nothing to do with."""
    who = people(subject.scope.partition, subject.stranger) & ~subject.roots
    return region(principals=who, actions=actions, context=subject.outside("Principal"))


def _for_everyone(subject: Subject) -> list[Part]:
    """Return the Allow statements whose principal is a wildcard."""
    return [part for part in subject.allows if principals_of(part.statement).everyone]


def _public(subject: Subject) -> Iterator[Match | Undecided]:
    by_severity: tuple[tuple[Sequence[str] | None, Severity], ...] = (
        (_GRAVE[subject.service], "error"),
        (None, "warning"),
    )
    searches = (
        Search(
            within=_by_strangers(subject, actions),
            says=lambda request: (
                f"lets anyone in any AWS account call {request['action']}, such as {request['principal']}"
            ),
            severity=severity,
            remedy="" if subject.service == "kms" else _BOUND,
        )
        for actions, severity in by_severity
    )
    yield from granting(subject, searches, _for_everyone(subject))


def _everyone_at_home(subject: Subject) -> Iterator[Match | Undecided]:
    """Yield the statements for everyone that are bounded, and still need no IAM policy in the key's own account."""
    account, outsiders = subject.scope.account, _by_strangers(subject, GRAVE)
    parts = [
        part
        for part in _for_everyone(subject)
        if breadth(part.statement) and subject.grants_nothing(part.requests, outsiders)
    ]
    anyone = in_account(account) & subject.people & ~subject.roots
    search = Search(
        within=region(principals=anyone, actions=(*DECRYPT, *TAKE_OVER), identity=False),
        says=lambda request: (
            f"lets every role and user of account {account} call {request['action']} with no IAM policy of their own, such as "
            f"{request['principal']}"
        ),
    )
    yield from granting(subject, [search], parts)


def _organization_reads(subject: Subject) -> Iterator[Match | Undecided]:
    """Yield the statements that let whoever is of an organization decrypt: a role of another account, of a name nobody chose."""
    organizations = subject.organizations
    anyone = texts(f"arn:{subject.scope.partition}:iam::{subject.stranger}:role/{_NOBODYS_NAME}")
    if subject.intent.organization_reads:
        return
    paths = texts(*(f"{one}/{_NOBODYS_UNIT}" for one in organizations))
    member: dict[str, Constraint] = {
        "aws:PrincipalOrgID": Single(texts(*organizations)),
        "aws:PrincipalOrgPaths": Many(every=paths, some=(paths,)),
    }
    keys = {key: side for key, side in member.items() if key.casefold() in subject.keys}
    search = Search(
        within=region(principals=anyone, actions=_READ[subject.service], context=keys),
        says=lambda request: (
            f"lets every role and user of every account of the organization {' or '.join(organizations)} call {request['action']}, "
            "where an IAM policy of theirs allows it"
        ),
    )
    if organizations and keys:
        outsiders = _by_strangers(subject, _READ[subject.service])
        parts = [one for one in _for_everyone(subject) if not subject.grants_nothing(one.requests, outsiders).witness]
        yield from granting(subject, [search], parts)


def _people_encrypt(subject: Subject) -> Iterator[Match | Undecided]:
    """Yield the statements that let people encrypt with a trail's key, readers aside: of those another rule says it."""
    if is_lake_key(subject) or not (
        subject.intent.trails or subject.intent.unnamed_trail or naming_cloudtrail(subject)
    ):
        return
    readers = subject.callers(subject.intent.readers)
    search = Search(
        within=region(principals=(subject.people & ~readers) - subject.roots, actions=ENCRYPT),
        says=lambda request: (
            f"lets {request['principal']} call {request['action']}, and so write what passes for CloudTrail's log files"
        ),
    )
    # What hands the key to IAM of an account is delegated-to-iam, and everyone in AWS is public.
    parts = [
        part
        for part in subject.not_delegated
        if not accounts(part.statement) or breadth(part.statement) == 0
        if not subject.grants_nothing(part.requests, _by_strangers(subject, ENCRYPT)).witness
    ]
    yield from granting(subject, [search], parts)


def _cannot_decrypt(subject: Subject) -> Iterator[Match | Undecided]:
    for reader in subject.intent.readers if subject.whole else ():
        trails = subject.intent.trails
        context: dict[str, Constraint] = {TRAIL_CONTEXT: held_to(*trails)} if trails else {}
        if not is_lake_key(subject):  # S3 asks KMS for whoever reads a log file
            context["kms:ViaService"] = Single(
                language(glob(f"s3{end}") for end in service_names(subject.scope.partition))
            )
        within = region(principals=subject.callers([reader]), actions=("kms:Decrypt",), identity=True, context=context)
        what = f"the events of {', '.join(trails)}" if trails else "anything"
        yield from refused(
            subject, within, f"{reader} is not allowed to decrypt {what}, whatever its own IAM policies allow"
        )
    yield from cut_off(subject, region(actions=("kms:Decrypt",)), "decrypt with the key")


def _can_do_more(subject: Subject) -> Iterator[Match | Undecided]:
    expected = subject.intent
    others = subject.callers((*expected.administrators, expected.deployer, *expected.break_glass))
    readers = subject.callers(expected.readers) - others - subject.roots
    # Who queries an event data store needs both, and AWS documents no less.
    needed = ("kms:Decrypt", "kms:GenerateDataKey") if is_lake_key(subject) else ("kms:Decrypt",)
    search = Search(
        within=region(principals=readers, actions=[action for action in GRAVE if action not in needed]),
        says=lambda request: f"lets the reader {request['principal']} call {request['action']}",
    )
    yield from granting(subject, [search], subject.not_delegated)


def _context_missing(subject: Subject) -> Iterator[Match | Undecided]:
    if subject.intent.lake:
        return
    readers = subject.callers(subject.intent.readers)
    search = Search(
        within=region(principals=readers, actions=("kms:Decrypt",), context={TRAIL_CONTEXT: _ABSENT}),
        says=lambda request: f"lets the reader {request['principal']} decrypt what CloudTrail did not encrypt",
    )
    yield from granting(subject, [search], subject.not_delegated)


RULES: Final = (
    PolicyRule(
        id="public",
        severity="error",
        title="Anyone in AWS may use the key, the bucket or the topic",
        reason='"*" as principal is everyone in every account; conditions bound it only where a stranger cannot meet them, so an '
        "encryption context or kms:ViaService does not.",
        source="https://docs.aws.amazon.com/kms/latest/developerguide/key-policy-modifying-external-accounts.html",
        remedy="name the accounts or roles, or hold the statement to them with aws:PrincipalOrgID, aws:PrincipalAccount, "
        "kms:CallerAccount or aws:PrincipalArn",
        find=_public,
        of=EVERYWHERE,
    ),
    PolicyRule(
        id="everyone-in-account",
        severity="note",
        title="Everyone in the key's account may use the key",
        reason='In the key\'s own account "*" reaches every role and user by itself: even with these conditions no IAM policy is needed, and '
        "only a Deny holds anyone back.",
        source="https://docs.aws.amazon.com/kms/latest/developerguide/conditions-kms.html#conditions-kms-caller-account",
        remedy="name the account as principal, so that IAM has to allow it too, and hold it to roles with ArnLike aws:PrincipalArn",
        find=_everyone_at_home,
    ),
    PolicyRule(
        id="organization-reads",
        severity="warning",
        title="Everyone of an organization may decrypt, or get log files",
        reason="An organization is all of its accounts, sandboxes and those that join later too: whoever writes IAM policies in any of them "
        "reads the events, as far as the other of key and bucket lets them.",
        source="https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-keys.html#condition-keys-principalorgid",
        remedy="hold the statement to the roles that read with ArnLike aws:PrincipalArn, beside aws:PrincipalOrgID",
        find=_organization_reads,
        of=KEYS | BUCKETS,
    ),
    PolicyRule(
        id="people-encrypt",
        severity="warning",
        title="People can encrypt with a trail's key",
        reason="Only CloudTrail needs to encrypt. Who else can, and can write to the bucket, can put files there that look like log files: "
        "with log file validation off nothing tells them apart. That takes rights on the bucket too, so it is a warning.",
        source=CLOUDTRAIL_KEY_PAGE,
        remedy="leave kms:Encrypt, kms:GenerateDataKey and kms:ReEncrypt* to CloudTrail, and give what else encrypts a key of its own",
        find=_people_encrypt,
    ),
    PolicyRule(
        id="reader-cannot-decrypt",
        severity="error",
        title="A reader cannot decrypt",
        reason="Reading an object that CloudTrail encrypted takes kms:Decrypt, from the key policy for every account, and from IAM too "
        "in another one.",
        source=CLOUDTRAIL_KEY_PAGE,
        remedy="allow the reader kms:Decrypt under the encryption context of the trail, and check the conditions and Deny statements",
        find=_cannot_decrypt,
    ),
    PolicyRule(
        id="reader-can-do-more",
        severity="warning",
        title="A reader can do more than decrypt",
        reason="Reading needs kms:Decrypt alone: with more a reader makes ciphertext, moves it to another key, or takes the key over.",
        source="https://docs.aws.amazon.com/AmazonS3/latest/userguide/UsingKMSEncryption.html",
        remedy="leave the reader kms:Decrypt only",
        find=_can_do_more,
    ),
    PolicyRule(
        id="reader-context-missing",
        severity="note",
        title="A reader can decrypt more than events",
        reason="Without an encryption context in its statement a reader decrypts whatever else this key ever encrypts.",
        source=CLOUDTRAIL_KEY_PAGE,
        remedy=f"add a condition on {TRAIL_CONTEXT}",
        find=_context_missing,
    ),
)
