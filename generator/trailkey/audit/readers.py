"""The roles and users of a template that its IAM policies make readers, held to the key and the bucket that they need together."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from trailkey.access import Policy, allowed, excludes, parse_policy, region
from trailkey.access.analysis.prove import reaches
from trailkey.access.language.actions import DECRYPT
from trailkey.access.language.log_actions import READ_LOGS
from trailkey.access.language.matching import matcher
from trailkey.access.language.policy import parse_frame, parse_statement
from trailkey.audit.rule import Match, Undecided, refused
from trailkey.errors import PolicyError
from trailkey.inventory.policies import merged
from trailkey.inventory.users import ROLE, TRAIL, USER

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from trailkey.access import RequestSet, Statement
    from trailkey.audit.subject import Subject
    from trailkey.inventory import IdentityPolicy, Resource

_READING: Final = tuple(action.casefold() for action in (*DECRYPT[:1], *READ_LOGS[:1]))


@dataclass(frozen=True, slots=True)
class _Reader:
    """Who reads, by which IAM policy; ``whole`` says that the template shows all of its IAM policies."""

    arn: str
    by: str
    policy: Policy
    whole: bool


def cut_off(subject: Subject, within: RequestSet, what: str) -> Iterator[Match | Undecided]:
    """Yield the readers of the template that are not let do their part with this key, or this bucket.

    Args:
        subject: the policy of the key or bucket.
        within: the part, such as decrypting.
        what: the part in words.
    """
    for reader in _readers(subject) if subject.whole else ():
        asked = within & region(principals=subject.callers([reader.arn]))
        found = list(
            refused(
                subject,
                asked & region(identity=True),
                f"{reader.by} makes {reader.arn} a reader, and it is not allowed to {what}, whatever its IAM policies allow",
            )
        )
        yield from found
        if found or not reader.whole or reaches(subject.granted, asked & region(identity=False)):
            continue
        if excludes(allowed(reader.policy, subject.scope), within):
            yield Match(
                severity="warning",
                message=f"{reader.by} makes {reader.arn} a reader, and none of its IAM policies in the template lets it {what}",
            )


def _readers(subject: Subject) -> Iterator[_Reader]:
    for user in subject.found.users:
        own = [one for one in subject.found.identities if user.kind in (ROLE, USER) and one.attachment(user.arn)]
        read = [(one, *_read(one)) for one in own]
        speaking = next((one for one, policy, _ in read if _speaks_of(policy.statements, _meant(subject))), None)
        if speaking is None:
            continue
        try:
            policy = merged([policy for _, policy, _ in read])
        except PolicyError:
            continue
        whole = all(complete for _, _, complete in read) and not _has_more(user, own)
        yield _Reader(user.arn, speaking.location.logical_id, policy, whole)


def _read(found: IdentityPolicy) -> tuple[Policy, bool]:
    """Return what can be read of an IAM policy, and whether that is all of it."""
    try:
        return parse_policy(found.document, what=str(found.location), resource_based=False), True
    except PolicyError:
        pass
    statements: list[Statement] = []
    try:
        version, written = parse_frame(found.document, str(found.location))
    except PolicyError:
        return merged([]), False
    for index, entry in enumerate(written):
        try:
            statements.append(
                parse_statement(entry, index, f"Statement[{index}]", version=version, resource_based=False)
            )
        except PolicyError:
            continue
    return Policy(version, tuple(statements)), False


def _has_more(user: Resource, own: Sequence[IdentityPolicy]) -> bool:
    """Return whether a role or user has policies that the template does not show: of AWS, of other stacks, or of groups."""
    written = user.properties.get("ManagedPolicyArns") or []
    shown = {one.location.logical_id for one in own}
    others = [
        one for one in (written if isinstance(written, list) else [written]) if str(one).rpartition("/")[2] not in shown
    ]
    return bool(others or user.properties.get("Groups"))


def _meant(subject: Subject) -> tuple[str, ...]:
    """Return how IAM policies name what a reader needs: the key or bucket of the subject, and the other one of its trails."""
    trails = [one.properties for one in subject.found.users if one.kind == TRAIL]
    if subject.service == "s3":
        return (subject.found.arn, *(str(one["KMSKeyId"]) for one in trails if "KMSKeyId" in one))
    start = f"arn:{subject.scope.partition}:s3:::"
    return (subject.found.arn, *(f"{start}{one['S3BucketName']}" for one in trails if "S3BucketName" in one))


def _speaks_of(statements: Sequence[Statement], meant: Sequence[str]) -> bool:
    """Return whether a statement lets somebody decrypt or get objects, and names the key or the bucket for it.

    Whoever may do everything with it looks after it, and need not read.
    """
    for one in statements:
        if one.effect != "Allow" or one.not_resources or one.not_actions:
            continue
        actions = [action.casefold() for action in one.actions if action.partition(":")[2] not in ("", "*")]
        reads = any(matcher(action)(name) for action in actions for name in _READING)
        named = any(resource == arn or resource.startswith(f"{arn}/") for resource in one.resources for arn in meant)
        if reads and named:
            return True
    return False
