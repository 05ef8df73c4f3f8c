"""Who else does what with a log bucket, by its policy: people who write there, readers who are kept out, requests without TLS."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from trailkey.access import excludes, held_to, in_account, region
from trailkey.access.algebra.languages import language
from trailkey.access.algebra.patterns import glob
from trailkey.access.language.log_actions import ALTER_BUCKET, ERASE, OVERWRITE, UNLOCK
from trailkey.audit.readers import cut_off
from trailkey.audit.rule import BUCKETS, Match, PolicyRule, Search, granting, refused

if TYPE_CHECKING:
    from collections.abc import Iterator

    from trailkey.access import Constraint, RequestSet
    from trailkey.audit.rule import Undecided
    from trailkey.audit.subject import Subject

_TLS: Final = "aws:SecureTransport"
_PAGE: Final = "https://docs.aws.amazon.com/AmazonS3/latest/userguide/security-best-practices.html"


def _people_write(subject: Subject) -> Iterator[Match | Undecided]:
    """Yield the statements by which people write, delete or unlock logs, or change what keeps them, whom IAM alone does not let.

    In the bucket's own account IAM policies allow by themselves, so a statement for its root user changes nothing.
    """
    expected = subject.intent
    keepers = subject.callers((*expected.administrators, expected.deployer, *expected.break_glass))
    others = subject.people & ~keepers
    at_home = in_account(subject.scope.account)
    actions = (*OVERWRITE, *ERASE, *UNLOCK, *ALTER_BUCKET)
    within = region(principals=(others & at_home) - subject.roots, actions=actions, identity=False) | region(
        principals=others - at_home, actions=actions
    )
    search = Search(
        within=within,
        says=lambda request: (
            f"lets {request['principal']} call {request['action']}, and so forge log files, delete them, or undo what keeps them"
        ),
    )
    parts = [part for part in subject.allows if not _is_public(subject, part.requests)]
    yield from granting(subject, [search], parts)


def _is_public(subject: Subject, requests: RequestSet) -> bool:
    """Return whether strangers may do it too: another rule says so."""
    strangers = region(principals=in_account(subject.stranger), context=subject.outside("Principal"))
    return bool(subject.grants_nothing(requests, strangers).witness)


def _getting(subject: Subject) -> RequestSet:
    context: dict[str, Constraint] = {_TLS: held_to("true")} if _TLS.casefold() in subject.keys else {}
    objects = language([glob(f"{subject.found.arn}/*AWSLogs/*")])
    return region(actions=("s3:GetObject",), resources=objects, context=context)


def _cannot_get(subject: Subject) -> Iterator[Match | Undecided]:
    for reader in subject.intent.readers if subject.whole else ():
        within = _getting(subject) & region(principals=subject.callers([reader]), identity=True)
        yield from refused(
            subject, within, f"{reader} is not allowed to get any log file, whatever its own IAM policies allow"
        )
    yield from cut_off(subject, _getting(subject), "get log files from the bucket")


def _without_tls(subject: Subject) -> Iterator[Match]:
    if subject.found.document is None:
        return
    answer = excludes(subject.granted, region(context={_TLS: held_to("false")}))
    if answer.witness:
        yield Match(witness=answer.witness, message="requests without TLS are not denied")


RULES: Final = (
    PolicyRule(
        id="people-write-logs",
        severity="warning",
        title="People can forge or delete logs, by the bucket's policy",
        reason="Only CloudTrail needs to write to the log bucket. Who else may write there, delete, or change the policy, the lifecycle or "
        "the lock can make events appear and disappear.",
        source=_PAGE,
        remedy="leave s3:PutObject to CloudTrail, and name who looks after the bucket with --administrator, --deployer or --break-glass",
        find=_people_write,
        of=BUCKETS,
    ),
    PolicyRule(
        id="reader-cannot-get-logs",
        severity="error",
        title="A reader cannot get log files",
        reason="Reading takes s3:GetObject beside kms:Decrypt: from another account the bucket's policy has to allow it, in its own "
        "account IAM does, and no Deny may stand against it. It is a warning where only the IAM policies of a template are short of it.",
        source="https://docs.aws.amazon.com/AmazonS3/latest/userguide/UsingKMSEncryption.html",
        remedy="allow the reader s3:GetObject below AWSLogs/, and check the conditions and Deny statements",
        find=_cannot_get,
        of=BUCKETS,
    ),
    PolicyRule(
        id="tls-not-required",
        severity="note",
        title="The log bucket takes requests without TLS",
        reason="Logs sent in clear text can be read in transit.",
        source=_PAGE,
        remedy="deny everyone s3:* on the bucket and its objects under Bool aws:SecureTransport false",
        find=_without_tls,
        of=BUCKETS,
    ),
)
