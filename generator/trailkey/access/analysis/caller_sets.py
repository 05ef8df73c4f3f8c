"""Who can make a request, and whom a Principal element speaks about, as languages of texts: a caller is its ARN, or a service's name.

Keys that AWS derives from the caller (aws:PrincipalArn, aws:PrincipalAccount, kms:CallerAccount and the like) are no
dimensions of their own. A condition on one of them is a constraint on that text, so a request in which they contradict each
other does not exist here, and nothing has to be said about which key belongs to which.
https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-keys.html#condition-keys-principal-properties
https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_principal.html
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Final

from trailkey.access.algebra.languages import ALL, EMPTY, Language, language, texts, union
from trailkey.access.algebra.patterns import ANY, DIGIT, NOT_COLON, Chars, Pattern, Run, row
from trailkey.access.language.principals import PRINCIPAL_TYPE, Kind, parse_caller, reach

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from trailkey.access.language.policy import Policy
    from trailkey.access.language.principals import Principals

ACCOUNT: Final = (DIGIT,) * 12
_NAME = Chars(frozenset("*?"), others=True)
_SEGMENT = Chars(frozenset("*?/"), others=True)
_LABEL = Chars(frozenset("abcdefghijklmnopqrstuvwxyz0123456789-"))
_LABELS = Chars(_LABEL.listed | {"."})
_ROOT = re.compile(r"(?:arn:([^:]*):iam::)?(\d{12})(?::root)?")
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
        by_value = {"true": SERVICES, "false": with_key("", partition, sessions)}
        return union([callers for value, callers in by_value.items() if wanted.contains(value)])
    by_kind = {kind: of_kind(kind, partition) for kind in PRINCIPAL_TYPE} | {"session": texts(*sessions)}
    return union([callers for kind, callers in by_kind.items() if wanted.contains(PRINCIPAL_TYPE[kind])])


@dataclass(frozen=True, slots=True)
class Reached:
    """Callers reached by name or with everyone (``direct``), and those reached at least as part of their account (``all``)."""

    direct: Language
    all: Language


def sessions_in(policies: Iterable[Policy], partition: str) -> tuple[str, ...]:
    """Return the role sessions that policies name as principals: only these can differ from their role."""
    statements = (statement for policy in policies for statement in policy.statements)
    named = {entry for one in statements if one.principals for entry in one.principals.aws}
    return tuple(sorted(one for one in named if one.startswith(f"arn:{partition}:sts::") and ":assumed-role/" in one))


@lru_cache(maxsize=512)
def reached(principals: Principals, partition: str, sessions: tuple[str, ...]) -> Reached:
    """Return the callers of a partition that a statement speaks about.

    Args:
        principals: the statement's principals.
        partition: the partition of the resource; nobody else can reach it.
        sessions: the role sessions that count as callers of their own.
    """
    if principals.excluded:
        others = ~_exempt(principals, partition, sessions)
        return Reached(others, others)
    if principals.everyone:
        return Reached(ALL, ALL)
    accounts = _accounts(principals, partition)
    by_name = texts(*(one for one in sessions if reach(principals, parse_caller(one)) == "named"))
    named = union(
        [
            texts(*(entry for entry in principals.aws if entry.startswith("arn:") and not entry.endswith(":root"))),
            texts(*principals.services) & SERVICES,
            *(of_kind("root", partition, account) for account in accounts),
        ]
    )
    direct = (named - texts(*sessions)) | by_name
    inside = (union([people(partition, one), texts(*sessions) & in_account(one)]) for one in accounts)
    return Reached(direct, union([direct, *inside]))


def _exempt(principals: Principals, partition: str, sessions: Sequence[str]) -> Language:
    """Return the callers that NotPrincipal leaves out: every level of theirs has to be listed."""
    accounts = _accounts(principals, partition)
    listed = union([in_account(account) for account in accounts])
    named = texts(*(entry for entry in principals.aws if ":assumed-role/" not in entry))
    spared = (session for session in sessions if reach(principals, parse_caller(session)) is None)
    return union(
        [
            texts(*principals.services) & SERVICES,
            *(of_kind("root", partition, account) for account in accounts),
            listed & named & people(partition),
            texts(*spared),
        ]
    )


def _accounts(principals: Principals, partition: str) -> list[str]:
    """Return the accounts that entries stand for as a whole."""
    found = map(_ROOT.fullmatch, principals.aws)
    return [match[2] for match in found if match and match[1] in (None, partition)]


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

    items = list(before)
    for one, run in zip((*pattern.ones, None), pattern.runs, strict=True):
        items += [] if run is None else [Run(confined(run))]
        items += [] if one is None else [confined(one)]
    return row([*items, *after])
