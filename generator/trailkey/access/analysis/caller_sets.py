"""Who can make a request, as one language of texts: the caller's ARN, or the name of a service principal.

Keys that AWS derives from the caller (aws:PrincipalArn, aws:PrincipalAccount, kms:CallerAccount and the like) are no
dimensions of their own. A condition on one of them is a constraint on that text, so a request in which they contradict each
other does not exist here, and nothing has to be said about which key belongs to which.
https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-keys.html#condition-keys-principal-properties
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Final

from trailkey.access.algebra.languages import EMPTY, Language, language, texts, union
from trailkey.access.algebra.patterns import ANY, DIGIT, NOT_COLON, Chars, Pattern, Run, row
from trailkey.access.language.principals import PRINCIPAL_TYPE, Kind, parse_caller

if TYPE_CHECKING:
    from collections.abc import Iterable

ACCOUNT: Final = (DIGIT,) * 12
_NAME = Chars(frozenset("*?"), others=True)
_LABEL = Chars(frozenset("abcdefghijklmnopqrstuvwxyz0123456789-"))
_LABELS = Chars(_LABEL.listed | {"."})
_SERVICE_ENDINGS = (".amazonaws.com", ".amazonaws.com.cn", ".amazon.com", ".aws.internal")

SERVICES: Final = language(row([_LABEL, Run(_LABELS), ending]) for ending in _SERVICE_ENDINGS)
"""The names of all service principals."""

NO_SERVICE: Final = ~SERVICES
"""Every caller except AWS services, with the role sessions that a policy names: who a claim about nobody is about."""

DERIVED: Final = frozenset(
    (
        *("aws:principalarn", "aws:principalaccount", "kms:calleraccount", "aws:principaltype"),
        *("aws:principalisawsservice", "aws:principalservicename", "aws:username"),
    )
)
"""The keys, in lower case, whose values follow from the caller alone."""


@lru_cache(maxsize=4096)
def of_kind(kind: Kind, partition: str, account: str = "") -> Language:
    """Return all callers of one kind in a partition, or in one account of it.

    Sessions are left out: they are named one by one where a policy does.
    """
    if kind == "service":
        return SERVICES
    shapes: dict[Kind, tuple[str, tuple[str | Chars | Run, ...]]] = {
        "root": ("iam", ("root",)),
        "role": ("iam", ("role/", _NAME, Run(_NAME))),
        "user": ("iam", ("user/", _NAME, Run(_NAME))),
        "federated-user": ("sts", ("federated-user/", _SEGMENT, Run(_SEGMENT))),
    }
    if kind not in shapes:
        return EMPTY
    service, rest = shapes[kind]
    return language([row([f"arn:{partition}:{service}::", *(account or ACCOUNT), ":", *rest])])


@lru_cache(maxsize=1024)
def people(partition: str, account: str = "") -> Language:
    """Return all callers of a partition, or of one account of it, except AWS services: root, roles, users, federated users."""
    return union([of_kind(kind, partition, account) for kind in ("root", "role", "user", "federated-user")])


@lru_cache(maxsize=1024)
def in_account(account: str) -> Language:
    """Return all callers of an account, in whatever partition, sessions too."""
    return language([_with_account(row([account]))])


def with_key(key: str, partition: str, sessions: Iterable[str]) -> Language:
    """Return the callers whose requests have a value for a derived key."""
    if key == "aws:principalservicename":
        return SERVICES
    if key == "aws:username":
        return of_kind("user", partition)
    callers = union([people(partition), texts(*sessions)])
    return union([callers, SERVICES]) if key == "aws:principalisawsservice" else callers


def whose_value(
    key: str, wanted: Language, patterns: Iterable[Pattern], partition: str, sessions: Iterable[str]
) -> Language:
    """Return the callers for whom the value of a derived key is in ``wanted``.

    Args:
        key: one of ``DERIVED``.
        wanted: the values.
        patterns: the same values as patterns, for keys that are a part of the caller's ARN.
        partition: the partition of the callers.
        sessions: ARNs of role sessions to be distinguished from their role.
    """
    if key == "aws:principalarn":
        named = (session for session in sessions if wanted.contains(parse_caller(session).principal_arn))
        return union([wanted & people(partition), texts(*named)])
    if key in ("aws:principalaccount", "kms:calleraccount"):
        return language(map(_with_account, patterns)) & with_key(key, partition, sessions)
    if key == "aws:principalservicename":
        return wanted & SERVICES
    if key == "aws:username":
        return language(map(_with_user_name, patterns)) & of_kind("user", partition)
    if key == "aws:principalisawsservice":
        kinds: list[Language] = [SERVICES] if wanted.contains("true") else []
        return union([*kinds, *([with_key("", partition, sessions)] if wanted.contains("false") else [])])
    found = [of_kind(kind, partition) for kind, name in PRINCIPAL_TYPE.items() if wanted.contains(name)]
    return union([*found, texts(*sessions)]) if wanted.contains(PRINCIPAL_TYPE["session"]) else union(found)


def _with_account(pattern: Pattern) -> Pattern:
    """Return the ARNs whose account matches: the fifth of six parts, so nothing in it reaches over a colon."""
    return _between(["arn:", Run(NOT_COLON), ":", Run(NOT_COLON), "::"], pattern, [":", Run(ANY)], ":")


def _with_user_name(pattern: Pattern) -> Pattern:
    """Return the ARNs of users whose name, which is what follows the last slash, matches."""
    return _between(["arn:", Run(NOT_COLON), ":iam::", *ACCOUNT, ":user", Run(ANY), "/"], pattern, [], "/")


def _between(
    before: list[str | Chars | Run], pattern: Pattern, after: list[str | Chars | Run], boundary: str
) -> Pattern:
    """Return ``pattern`` between two others, its wildcards kept from taking in the boundary."""

    def confined(chars: Chars) -> Chars:
        return Chars(chars.listed | {boundary}, others=True) if chars.others else Chars(chars.listed - {boundary})

    items: list[str | Chars | Run] = list(before)
    for one, run in zip((*pattern.ones, None), pattern.runs, strict=True):
        items += [] if run is None else [Run(confined(run))]
        items += [] if one is None else [confined(one)]
    return row([*items, *after])


_SEGMENT: Final = Chars(frozenset("*?/"), others=True)
