"""A key policy under audit: as it is written, as it is read, and what the setting says it is for.

A statement that AWS would refuse does not stop the audit: it is set aside with the reason, and the others are judged.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

from trailkey.access.algebra.languages import Language, language, union
from trailkey.access.algebra.patterns import glob
from trailkey.access.algebra.request_sets import Answer, RequestSet, joined
from trailkey.access.analysis.caller_sets import in_account, whose_value, with_key
from trailkey.access.analysis.effective import EffectivePermissions, statement_requests
from trailkey.access.analysis.principal_sets import sessions_in
from trailkey.access.analysis.prove import excludes, universe
from trailkey.access.analysis.scope import Scope, key_scope
from trailkey.access.language.documents import need_object, only_known
from trailkey.access.language.evaluate import decide
from trailkey.access.language.policy import Policy, Statement, parse_policy
from trailkey.access.language.request import parse_request
from trailkey.aws import parse_arn
from trailkey.errors import PolicyError, UndecidedError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from trailkey.intent.model import KeyIntent

_STRANGERS: Final = ("999999999999", "888888888888", "777777777777", "666666666666", "555555555555")

_KEY: Final = re.compile(r"arn:[a-z-]+:kms:[a-z0-9-]+:\d{12}:key/[A-Za-z0-9-]+")


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
    granted: EffectivePermissions
    expected: KeyIntent
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
        return excludes(EffectivePermissions(self.scope, allow, self.granted.deny, self.granted.sessions), within)

    def is_empty(self, requests: RequestSet) -> bool:
        """Return whether it is certain that no request that exists is in the set."""
        keys = {name for one in requests.outer for name, _ in one.items if ":" in name}
        there = universe(self.scope, keys, self.granted.sessions).outer
        try:
            return not any(one.meet(part) for one in requests.outer for part in there)
        except UndecidedError:
            return False

    def denier(self, witness: Mapping[str, Any] | None) -> str | int | None:
        """Return the statement whose explicit Deny is the answer to a request, or None where it is another."""
        if witness is None:
            return None
        decision = decide(parse_request(witness), resource_policy=self.policy)
        return decision.statements[0] if decision.reason == "explicit_deny" else None

    @property
    def people(self) -> Language:
        """Every caller of the partition that is no AWS service, the role sessions that the policy names among them."""
        return with_key("aws:principalarn", self.scope.partition, self.granted.sessions)

    def callers(self, names: Iterable[str]) -> Language:
        """Return the callers that ARNs, ArnLike patterns, account ids and account roots name; a role's sessions go with it."""
        found = []
        for name in names:
            account = name if name.isdigit() else name.split(":")[4] if name.endswith(":root") else ""
            if account:
                found.append(in_account(account) & self.people)
            else:
                wanted = [glob(name)]
                partition, sessions = self.scope.partition, self.granted.sessions
                found.append(whose_value("aws:principalarn", language(wanted), wanted, partition, sessions))
        return union(found)


def read_subject(
    document: Any, *, place: str, key_arn: str, expected: KeyIntent, account_known: bool = True
) -> Subject:
    """Return a key policy ready to be judged.

    Args:
        document: the policy, intrinsic functions resolved.
        place: how errors name it.
        key_arn: the ARN of its key, or one of the right account and Region.
        expected: what the setting says.
        account_known: whether the account in ``key_arn`` is more than an assumption.

    Raises:
        PolicyError: the document is no policy.
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
    policy = Policy(
        parse_policy({**document, "Statement": [_HARMLESS]}, what=place, resource_based=True).version,
        tuple(entry.statement for entry in entries if entry.statement),
    )
    scope = key_scope(_own_arn(entries, key_arn, account_known=account_known))
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
        granted=EffectivePermissions(scope, allow, deny, sessions),
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


def _own_arn(entries: Iterable[Entry], key_arn: str, *, account_known: bool) -> str:
    """Return the key's ARN: the one its own statements name as Resource, where they do, since only AWS knows a key's id."""
    here = parse_arn(key_arn)
    for entry in entries:
        for resource in entry.statement.resources if entry.statement else ():
            arn = parse_arn(resource)
            if not arn or not here or arn.service != "kms" or not _KEY.fullmatch(resource):
                continue
            if arn.partition == here.partition and (arn.account == here.account or not account_known):
                return resource
    return key_arn
