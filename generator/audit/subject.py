"""A key policy under audit: as it is written, as it is read, and what the setting says it is for.

A statement that AWS would refuse does not stop the audit: it is set aside with the reason, and the others are judged.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

from generator.access.documents import need_object, only_known, show
from generator.access.identities import in_account, people
from generator.access.patterns import glob
from generator.access.policy import Policy, Statement, parse_policy
from generator.access.prove import excludes
from generator.access.reached import sessions_in
from generator.access.scope import Scope, key_scope
from generator.access.sets import NO_REQUEST, PROVEN, Answer, RequestSet, joined
from generator.access.space import Granted, statement_requests
from generator.access.wildcards import Language, language, union
from generator.errors import PolicyError

if TYPE_CHECKING:
    from collections.abc import Iterable

_STRANGERS: Final = ("999999999999", "888888888888", "777777777777", "666666666666", "555555555555")


@dataclass(frozen=True, slots=True, kw_only=True)
class Expected:
    """What the setting says about the key. Whatever is empty was not said.

    ``trails`` are ARNs. ``readers`` are ARNs of roles or users, ArnLike patterns, account ids or account roots;
    ``administrators``, ``deployer`` and ``break_glass`` are ARNs or patterns. ``lake`` says that the key is an event data
    store's and no trail's.
    """

    trails: tuple[str, ...] = ()
    organization_id: str = ""
    readers: tuple[str, ...] = ()
    administrators: tuple[str, ...] = ()
    deployer: str = ""
    break_glass: tuple[str, ...] = ()
    lake: bool = False


@dataclass(frozen=True, slots=True)
class Entry:
    """One statement as it stands in the document; ``statement`` is None where it cannot be read, and ``refusal`` says why."""

    index: int
    written: Any
    statement: Statement | None
    refusal: str = ""

    @property
    def name(self) -> str | int:
        """The Sid, or where there is none the position in the document, counted from 0."""
        sid = self.written.get("Sid") if isinstance(self.written, dict) else None
        return sid if isinstance(sid, str) and sid else self.index


@dataclass(frozen=True, slots=True)
class Part:
    """A statement with the requests it speaks about."""

    statement: Statement
    requests: RequestSet


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """A key policy with all that is known about it.

    ``policy`` holds the statements that can be read, and ``granted`` what they grant. ``stranger`` is an account the document
    does not name. ``account_known`` is False where the key's account is an assumption.
    """

    place: str
    document: Any
    entries: tuple[Entry, ...]
    policy: Policy
    parts: tuple[Part, ...]
    scope: Scope
    granted: Granted
    expected: Expected
    stranger: str
    account_known: bool

    @property
    def whole(self) -> bool:
        """Whether every statement could be read: only then can it be said that something is not allowed."""
        return all(entry.statement for entry in self.entries)

    @property
    def allows(self) -> tuple[Part, ...]:
        """The Allow statements."""
        return tuple(part for part in self.parts if part.statement.effect == "Allow")

    def requests(self, statement: Statement) -> RequestSet:
        """Return the requests that a statement, perhaps an altered one, speaks about."""
        return statement_requests(statement, self.scope, self.granted.sessions, variables=self.policy.variables)

    def grants_nothing(self, allow: RequestSet, within: RequestSet) -> Answer:
        """Answer the claim that a set of requests, less what the policy denies, has nothing in a region."""
        return excludes(Granted(self.scope, allow, self.granted.deny, self.granted.sessions), within)

    def is_empty(self, requests: RequestSet) -> bool:
        """Return whether it is certain that no request that exists is in the set."""
        if not requests.outer:
            return True
        return excludes(Granted(self.scope, requests, NO_REQUEST, self.granted.sessions)).verdict == PROVEN

    def callers(self, names: Iterable[str]) -> Language:
        """Return the callers that ARNs, ArnLike patterns, account ids and account roots name."""
        found = []
        for name in names:
            account = name if name.isdigit() else name.split(":")[4] if name.endswith(":root") else ""
            found.append(in_account(account) if account else language([glob(name)]))
        return union(found) & people(self.scope.partition)


def read_subject(
    document: Any, *, place: str, key_arn: str, expected: Expected, account_known: bool = True
) -> Subject:
    """Return a key policy ready to be judged.

    Args:
        document: the policy, intrinsic functions resolved.
        place: how errors name it.
        key_arn: the ARN of its key, or one of the right account and Region.
        expected: what the setting says.
        account_known: whether the account in ``key_arn`` is more than an assumption.

    Raises:
        PolicyError: the document is no policy, or no key policy.
    """
    need_object(document, place)
    only_known(document, ("Version", "Id", "Statement"), place)
    written = document.get("Statement")
    statements = written if isinstance(written, list) else [written]
    if not statements or "Statement" not in document:
        raise PolicyError(
            f"{place}: Statement: missing or empty; one statement or a list of them; name a file that holds a key policy"
        )
    entries = tuple(_entry(document, entry, index) for index, entry in enumerate(statements))
    _need_key_policy(statements, place)
    policy = Policy(
        parse_policy({**document, "Statement": [_HARMLESS]}, what=place, resource_based=True).version,
        tuple(entry.statement for entry in entries if entry.statement),
    )
    scope = key_scope(key_arn)
    sessions = sessions_in([policy], scope.partition)
    parts = tuple(
        Part(statement, statement_requests(statement, scope, sessions, variables=policy.variables))
        for statement in policy.statements
    )
    allow, deny = (
        joined([part.requests for part in parts if part.statement.effect == effect]) for effect in ("Allow", "Deny")
    )
    text = json.dumps(document)
    return Subject(
        place=place,
        document=document,
        entries=entries,
        policy=policy,
        parts=parts,
        scope=scope,
        granted=Granted(scope, allow, deny, sessions),
        expected=expected,
        stranger=next((account for account in _STRANGERS if account not in text), _STRANGERS[0]),
        account_known=account_known,
    )


_HARMLESS: Final = {"Effect": "Deny", "Principal": "*", "Action": "kms:Decrypt", "Resource": "*"}
"""Stands in for the statements where only the rest of the document is read."""


def _entry(document: Any, written: Any, index: int) -> Entry:
    try:
        policy = parse_policy({**document, "Statement": [written]}, what="", resource_based=True)
    except PolicyError as error:
        return Entry(index, written, None, str(error).removeprefix(": Statement[0]").removeprefix(": "))
    return Entry(index, written, replace(policy.statements[0], index=index))


def _need_key_policy(statements: list[Any], place: str) -> None:
    """Refuse what is a policy, and of another kind: every finding about it would mislead."""
    found = [statement for statement in statements if isinstance(statement, dict)]
    if found and not any(name in statement for statement in found for name in ("Principal", "NotPrincipal")):
        raise PolicyError(
            f"{place}: no statement names a principal, so this is an identity policy or an SCP; a key policy says in each "
            "statement whom it is about; name the key policy"
        )
    services = {
        str(action).partition(":")[0].casefold()
        for statement in found
        for element in ("Action", "NotAction")
        for action in _listed(statement.get(element, []))
    }
    if services and not services & {"kms", "*"}:
        raise PolicyError(
            f"{place}: speaks of {', '.join(sorted(map(show, services)))} and not of KMS; the actions of a key policy begin with kms:; "
            "name the key policy"
        )


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]
