"""The callers a Principal element speaks about, as languages; ``principals.reach`` is the same for one caller.

https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_principal.html
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

from trailkey.access.algebra.languages import ALL, EMPTY, Language, texts, union
from trailkey.access.analysis.caller_sets import SERVICES, in_account, of_kind, people
from trailkey.access.language.principals import parse_caller, reach

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from trailkey.access.language.policy import Policy
    from trailkey.access.language.principals import Principals

_ROOT = re.compile(r"(?:arn:([^:]*):iam::)?(\d{12})(?::root)?")


@dataclass(frozen=True, slots=True)
class Reached:
    """Callers reached by name or with everyone (``direct``), and those reached at least as part of their account (``all``)."""

    direct: Language
    all: Language


def sessions_in(policies: Iterable[Policy], partition: str) -> tuple[str, ...]:
    """Return the role sessions that policies name as principals: only these can differ from their role."""
    named = (
        entry
        for policy in policies
        for statement in policy.statements
        for entry in (statement.principals.aws if statement.principals else ())
    )
    return tuple(
        sorted(
            {
                entry
                for entry in named
                if entry.startswith(f"arn:{partition}:sts::") and "/" in entry and ":assumed-role/" in entry
            }
        )
    )


def reached(principals: Principals, partition: str, sessions: Sequence[str]) -> Reached:
    """Return the callers of a partition that a statement speaks about.

    Args:
        principals: the statement's principals.
        partition: the partition of the resource; nobody else can reach it.
        sessions: the role sessions that count as callers of their own.
    """
    return _reached(principals, partition, tuple(sessions))


@lru_cache(maxsize=512)
def _reached(principals: Principals, partition: str, sessions: tuple[str, ...]) -> Reached:
    if principals.excluded:
        others = ~_exempt(principals, partition, sessions)
        return Reached(others, others)
    if principals.everyone:
        return Reached(ALL, ALL)
    accounts = []
    named = [texts(*(entry for entry in principals.aws if entry.startswith("arn:") and not entry.endswith(":root")))]
    named.append(texts(*principals.services) & SERVICES)
    for entry in principals.aws:
        account = _account(entry, partition)
        if account:
            accounts.append(union([people(partition, account), texts(*sessions) & in_account(account)]))
            named.append(of_kind("root", partition, account))
    found = {session: reach(principals, parse_caller(session)) for session in sessions}
    direct = union(named) - texts(*(session for session, how in found.items() if how != "named"))
    direct |= texts(*(session for session, how in found.items() if how == "named"))
    return Reached(direct, union([direct, *accounts]))


def _exempt(principals: Principals, partition: str, sessions: Sequence[str]) -> Language:
    """Return the callers that NotPrincipal leaves out: every level of theirs has to be listed."""
    accounts = [account for account in (_account(entry, partition) for entry in principals.aws) if account]
    listed = union([in_account(account) for account in accounts]) if accounts else EMPTY
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


def _account(entry: str, partition: str) -> str:
    """Return the account an entry stands for as a whole, or an empty text."""
    match = _ROOT.fullmatch(entry)
    return match[2] if match and match[1] in (None, partition) else ""
