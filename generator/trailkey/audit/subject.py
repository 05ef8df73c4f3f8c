"""A policy under audit: as it is written, as it is read, and what the intent says it is for.

A statement that AWS would refuse does not stop the audit: it is set aside with the reason, and the others are judged.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Literal

from trailkey.access import (
    EffectivePermissions,
    Language,
    Policy,
    Single,
    Statement,
    allowed,
    covers,
    excludes,
    held_to,
    in_account,
    scope_of,
    texts,
    union,
)
from trailkey.access.algebra.boxes import Many, meetings
from trailkey.access.algebra.languages import language
from trailkey.access.algebra.patterns import glob
from trailkey.access.analysis.alike import Alike, alike
from trailkey.access.analysis.caller_sets import of_kind, whose_value, with_key
from trailkey.access.analysis.effective import ACTION, Part, anything, statement_requests
from trailkey.access.analysis.prove import universe
from trailkey.access.language.policy import VARIABLES_VERSION, parse_frame, parse_statement
from trailkey.audit.statement_facts import delegates_everything
from trailkey.aws import parse_arn
from trailkey.errors import PolicyError, UndecidedError
from trailkey.inventory.kinds import NOUNS

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from trailkey.access import Answer, Constraint, RequestSet, Scope
    from trailkey.access.algebra.boxes import Box
    from trailkey.findings import Location
    from trailkey.intent.model import KeyIntent
    from trailkey.inventory import ResourcePolicy

_STRANGERS: Final = ("999999999999", "888888888888", "777777777777", "666666666666", "555555555555")

_ORGANIZATION_KEYS: Final = ("aws:principalorgid", "aws:sourceorgid", "aws:principalorgpaths", "aws:sourceorgpaths")
_OWN: Final = ("aws:SourceVpc", "aws:SourceVpce", "aws:SourceVpcArn", "aws:userid")
"""Keys whose values nobody else can have: one's own networks, and the unique ids of one's own roles and users.
https://docs.aws.amazon.com/AmazonS3/latest/userguide/access-control-block-public-access.html#access-control-block-public-access-policy-status"""

_NOTHING: Final[dict[str, Any]] = {"Version": VARIABLES_VERSION, "Statement": []}
_KEY: Final = re.compile(r"arn:[a-z-]+:kms:[a-z0-9-]+:\d{12}:key/[A-Za-z0-9-]+")


@dataclass(frozen=True, slots=True)
class Entry:
    """One statement as it is written; ``statement`` is None where it cannot be read, and ``refusal`` says why."""

    index: int
    written: Any
    statement: Statement | None
    refusal: str = ""

    @property
    def name(self) -> str | int:
        """The Sid, or where there is none the position in the document, counted from 0."""
        sid = self.written.get("Sid") if isinstance(self.written, dict) else None
        return sid if isinstance(sid, str) and sid else self.index


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """The policy of a key, a bucket or a topic with all that is known about it.

    ``policy`` holds the statements that can be read, and ``granted`` what they grant, where a few of many accounts that are
    ``alike`` stand for all. ``stranger`` is an account the document does not name. ``found`` is what it was read from, with what
    its template makes beside it.
    """

    found: ResourcePolicy
    document: Any
    entries: tuple[Entry, ...]
    policy: Policy
    scope: Scope
    granted: EffectivePermissions
    alike: Alike
    intent: KeyIntent
    stranger: str

    @property
    def location(self) -> Location:
        """Where the policy is."""
        return self.found.location

    @property
    def service(self) -> str:
        """What the policy's actions begin with: ``kms``, ``s3`` or ``sns``."""
        return self.scope.service

    @property
    def noun(self) -> str:
        """What the policy is attached to."""
        return NOUNS[self.scope.service]

    @property
    def parts(self) -> tuple[Part, ...]:
        """The statements that can be read, with the requests they speak about; one of several that are alike."""
        return self.granted.parts

    def same_as(self, name: str | int) -> tuple[str | int, ...]:
        """Return the names of the statements that one stands for."""
        (statements,) = self.alike.statements
        index = next((part.statement.index for part in self.parts if part.statement.name == name), None)
        return () if index is None else statements.get(index, ())

    def written(self, statement: Statement) -> Statement:
        """Return a statement with all of its entries."""
        return next(one for one in self.policy.statements if one.index == statement.index)

    @property
    def whole(self) -> bool:
        """Whether every statement could be read: only then can it be said that something is not allowed."""
        return all(entry.statement for entry in self.entries)

    @property
    def allows(self) -> tuple[Part, ...]:
        """The Allow statements."""
        return tuple(part for part in self.parts if part.statement.effect == "Allow")

    @property
    def not_delegated(self) -> list[Part]:
        """The Allow statements but those that hand the whole key to IAM of its account: that is a finding of its own."""
        return [part for part in self.allows if not delegates_everything(part.statement, self.scope.account)]

    def requests(self, statement: Statement) -> RequestSet:
        """Return the requests that a statement, perhaps an altered one, speaks about."""
        return statement_requests(statement, self.scope, self.granted.sessions, variables=self.policy.variables)

    def denied_in(self, within: RequestSet) -> Mapping[str, Any] | None:
        """Return a request of a region that the policy does not allow, where there is one."""
        return covers(self.granted, within).witness

    def grants_nothing(self, allow: RequestSet, within: RequestSet) -> Answer:
        """Answer the claim that a set of requests, less what the policy denies, has nothing in a region."""
        return excludes(EffectivePermissions(self.scope, allow, self.granted.deny, self.granted.sessions), within)

    def is_empty(self, requests: RequestSet) -> bool:
        """Return whether it is certain that no request that exists is in the set."""
        try:
            return next(self._existing(requests), None) is None
        except UndecidedError:
            return False

    def actions_in(self, requests: RequestSet) -> frozenset[str]:
        """Return the actions of which a request that exists may be in the set."""
        try:
            sides = {one.sides.get(ACTION) for one in self._existing(requests)}
        except UndecidedError:
            sides = {None}
        return frozenset(
            one for one in self.scope.universe if any(side is None or side.admits([one]) for side in sides)
        )

    def _existing(self, requests: RequestSet) -> Iterator[Box]:
        """Yield what exists of all that may be in a set.

        Raises:
            UndecidedError: a comparison takes too long.
        """
        keys = {name for one in requests.outer for name, _ in one.items if ":" in name}
        return meetings(requests.outer, universe(self.scope, keys, self.granted.sessions).outer)

    @property
    def keys(self) -> frozenset[str]:
        """The condition keys of all statements that can be read, in lower case."""
        return frozenset(one.key.casefold() for statement in self.policy.statements for one in statement.conditions)

    def outside(self, whose: Literal["Principal", "Source"]) -> dict[str, Constraint]:
        """Return what the keys that the policy speaks of hold in requests from outside the organizations and networks it names.

        Strangers have networks and ids of their own, so a condition that asks for any does not keep them out.

        ``whose`` organization: the caller's, or that of the source for which an AWS service acts. The policy of a new topic holds
        callers by an old key, the account they are of.
        https://docs.aws.amazon.com/sns/latest/dg/sns-access-policy-use-cases.html
        """
        known = self.organizations
        found: dict[str, Constraint] = {
            key: Single(absent=True, values=~language(map(glob, self._values_of_own(key)))) for key in _OWN
        }
        found["aws:SourceOwner"] = held_to(self.stranger)
        found[f"aws:{whose}OrgID"] = Single(absent=True, values=~texts(*known))
        found[f"aws:{whose}OrgPaths"] = Many(every=~language(glob(f"{one}/*") for one in known))
        return {key: side for key, side in found.items() if key.casefold() in self.keys}

    def _values_of_own(self, key: str) -> Iterator[str]:
        """Yield what conditions say of a key that nobody else can have: a network or an id in full, and what stands below one."""
        for condition in (one for statement in self.policy.statements for one in statement.conditions):
            for value in condition.values if condition.key.casefold() == key.casefold() else ():
                arn = parse_arn(value)
                told = arn.account if arn else value.partition(":")[0]
                if told and condition.operator != "Null" and not any(sign in told for sign in ("*", "?", "${")):
                    yield value

    @property
    def organizations(self) -> tuple[str, ...]:
        """The ids of the organizations that the intent names, or a condition in full: a pattern names none."""
        found = [self.intent.organization_id] if self.intent.organization_id else []
        for statement in self.policy.statements:
            for condition in statement.conditions:
                if condition.key.casefold() in _ORGANIZATION_KEYS:
                    found += [value.partition("/")[0] for value in condition.values]
        return tuple(dict.fromkeys(one for one in found if "*" not in one and "?" not in one and "${" not in one))

    @property
    def people(self) -> Language:
        """Every caller of the partition except AWS services, with the role sessions that the policy names."""
        return with_key("aws:principalarn", self.scope.partition, self.granted.sessions)

    @property
    def roots(self) -> Language:
        """The root users of all accounts."""
        return of_kind("root", self.scope.partition)

    def callers(self, names: Iterable[str]) -> Language:
        """Return the callers that ARNs, ArnLike patterns, account ids and account roots name; a role's sessions go with it.

        An empty text, which stands for what was not said, names nobody.
        """
        found = []
        for name in filter(None, names):
            arn = parse_arn(name)
            account = arn.account if arn and arn.resource == "root" else name if name.isdigit() else ""
            if account:
                found.append(in_account(account) & self.people)
            else:
                wanted = [glob(name)]
                partition, sessions = self.scope.partition, self.granted.sessions
                found.append(whose_value("aws:principalarn", language(wanted), wanted, partition, sessions))
        return union(found)


def read_subject(found: ResourcePolicy, intent: KeyIntent) -> Subject:
    """Return a policy ready to be judged, with what is said about its key or the trails that deliver there.

    Raises:
        PolicyError: it is not a policy document.
    """
    bare = found.document is None
    document = _NOTHING if bare else found.document
    version, statements = (VARIABLES_VERSION, []) if bare else parse_frame(document, str(found.location))
    entries = tuple(_entry(entry, index, version) for index, entry in enumerate(statements))
    policy = Policy(version, tuple(entry.statement for entry in entries if entry.statement))
    arn = _own_arn(policy, found)
    said = (*intent.trails, *intent.readers, *intent.administrators, intent.deployer, *intent.break_glass)
    few = alike([policy], (arn, found.account, *said))
    whole = arn == found.arn and not few.members and not bare and all(entry.statement for entry in entries)
    scope = scope_of(arn, found.account)
    try:
        granted = found.permissions if whole else allowed(few.policies[0], scope, resource_based=True)
    except UndecidedError as error:
        granted = anything(scope, str(error))
    text = json.dumps(document)
    return Subject(
        found=found,
        document=document,
        entries=entries,
        policy=policy,
        scope=granted.scope,
        granted=granted,
        alike=few,
        intent=intent,
        stranger=next((account for account in _STRANGERS if account not in text), _STRANGERS[0]),
    )


def _entry(written: Any, index: int, version: str) -> Entry:
    try:
        statement = parse_statement(written, index, f"Statement[{index}]", version=version, resource_based=True)
    except PolicyError as error:
        return Entry(index, written, None, str(error))
    return Entry(index, written, statement)


def _own_arn(policy: Policy, found: ResourcePolicy) -> str:
    """Return the key's ARN: the one its own statements name as Resource, where they do, since only AWS knows a key's id."""
    here = parse_arn(found.arn)
    for resource in (resource for statement in policy.statements for resource in statement.resources):
        arn = parse_arn(resource) if _KEY.fullmatch(resource) else None
        if not arn or not here or arn.partition != here.partition:
            continue
        if arn.account == here.account or not found.account_known:
            return resource
    return found.arn
