"""The rows of an access matrix: the principals and adversaries that matter. The config names them, and decides nothing here.

Rows of named principals (roles, permission sets, trails) hold all that their names take in. A row for many (a reader that is
an account or part of an organization, or "others") leaves out whoever has a row of a narrower kind, so that each request is in
some row, and access in a row for many is news about those nobody named.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from trailkey.access import NO_REQUEST, RequestSet, Single, held_to, in_account, joined, people, region, texts, union
from trailkey.access.algebra.languages import language
from trailkey.access.algebra.patterns import glob
from trailkey.access.analysis.caller_sets import SERVICES
from trailkey.access.language.principals import parse_caller
from trailkey.aws import CLOUDTRAIL
from trailkey.intent.from_config import store_key_intent, trail_key_intent
from trailkey.intent.model import named

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from trailkey.access import Constraint, Language
    from trailkey.config.account import Account
    from trailkey.config.deployment import Deployment, Reader, Store
    from trailkey.intent.model import KeyRoles, ReaderIntent, TrailKeyIntent

ROOT_USER: Final = "root-user"
"""Id of the row of the root user of the key's account."""


@dataclass(frozen=True, slots=True)
class Row:
    """Who: a stable ``id``, a short label, their requests, and the ARNs, patterns or ids that name them where something does."""

    id: str
    label: str
    requests: RequestSet
    principals: tuple[str, ...] = ()


def rows_of_trail_key(deployment: Deployment, sessions: Sequence[str]) -> list[Row]:
    """Return the rows for the trails' key.

    Args:
        deployment: names the principals.
        sessions: role sessions that the key policy tells apart from their role; they are in the row of their role.
    """
    key = trail_key_intent(deployment)
    readers = tuple(zip(deployment.readers, key.readers, strict=True))
    makers = [
        Row(
            f"trail-set-maker:{one.name}",
            f"stack set of {one.name}",
            region(principals=one.callers(key.account), context=one.membership),
            one.makers,
        )
        for one in key.trail_sets
    ]
    made = _Rows(deployment, key, deployment.key_account, key.trail_deployers, sessions, readers, makers)
    rows = [*_trails(deployment, key), *made.readers(), *made.key_roles()]
    for owner in deployment.trail_owners:
        if owner.deployer and owner.id != key.account:
            name, label = f"trail-deployer:{owner.name}", f"deployer of trails, {owner.name}"
            rows += made.named(name, label, (owner.deployer,))
    return [*rows, *makers, *made.others()]


def rows_of_store_key(store: Store, deployment: Deployment, sessions: Sequence[str]) -> list[Row]:
    """Return the rows for the key of an event data store. Arguments as ``rows_of_trail_key``."""
    made = _Rows(deployment, store_key_intent(store, deployment), store.account, store.queriers, sessions)
    return [
        Row("cloudtrail", "CloudTrail", region(principals=texts(CLOUDTRAIL)), (CLOUDTRAIL,)),
        _OTHER_SERVICES,
        *made.named("queriers", "queriers", store.queriers),
        *made.key_roles(),
        *made.others(),
    ]


def rows_of_bucket(deployment: Deployment, sessions: Sequence[str]) -> list[Row]:
    """Return the rows for the log bucket: those who look after the key too, where they are of its account."""
    key, home = trail_key_intent(deployment), deployment.bucket_account
    if home.id != key.account:
        key = replace(key, account=home.id, deployer=home.deployer or "", administrators=(), break_glass=())
    readers = tuple(zip(deployment.readers, key.readers, strict=True))
    made = _Rows(deployment, key, home, (), sessions, readers)
    return [*_trails(deployment, key), *made.readers(), *made.key_roles(), *made.others()]


_OTHER_SERVICES: Final = Row("other-services", "another AWS service", region(principals=SERVICES & ~texts(CLOUDTRAIL)))


def _trails(deployment: Deployment, key: TrailKeyIntent) -> Iterator[Row]:
    """Yield CloudTrail for each trail of the deployment, for another of the same accounts, and for whatever else; then others."""
    named_ones = []
    for trail in deployment.trails:
        if trail.account and not trail.settings.in_set:
            name, label = f"trail:{trail.account.name}/{trail.settings.name}", f"CloudTrail, {trail.settings.name}"
            named_ones.append(Row(name, label, _sent_for({"aws:SourceArn": held_to(trail.arn)}), (trail.arn,)))
    for one in key.trail_sets:
        arns = tuple(arn for arn in key.trails if named([one.arn]).contains(arn))
        source = one.source if one.units else {"aws:SourceArn": held_to(*arns)}
        where = f"{len(arns)} accounts" if arns else ", ".join(one.units)
        name, label = f"trail-set:{one.name}", f"CloudTrail, {one.name} of {where}"
        named_ones.append(Row(name, label, _sent_for(source), (one.arn,)))
    yield from named_ones
    mine = joined([row.requests for row in named_ones])
    listed = [account for one in key.trail_sets for account in one.accounts]
    owners = [*(owner.id for owner in deployment.trail_owners), *listed]
    arns = tuple(f"arn:{key.partition}:cloudtrail:*:{owner}:trail/*" for owner in dict.fromkeys(owners))
    same = _sent_for({"aws:SourceArn": Single(language(map(glob, arns)))})
    if arns:
        names = ", ".join(
            [*(owner.name for owner in deployment.trail_owners), *(["listed accounts"] if listed else [])]
        )
        yield Row("other-trail", f"CloudTrail, another trail of {names}", same - mine, arns)
    foreign = region(principals=texts(CLOUDTRAIL)) - same - mine
    yield Row("foreign-trail", "CloudTrail, another account's trail or none", foreign)
    yield _OTHER_SERVICES


def _sent_for(source: Mapping[str, Constraint]) -> RequestSet:
    return region(principals=texts(CLOUDTRAIL), context=source)


class _Rows:
    """Makes the rows of people: those who have one by name, readers, and those who are in no other."""

    def __init__(
        self,
        deployment: Deployment,
        key: KeyRoles,
        account: Account,
        named: Sequence[str],
        sessions: Sequence[str],
        readers: Sequence[tuple[Reader, ReaderIntent]] = (),
        makers: Sequence[Row] = (),
    ) -> None:
        self._makers = joined([row.requests for row in makers])
        self._key, self._account, self._sessions, self._readers = key, account, sessions, readers
        self._own = key.account
        self._organization = deployment.config.organization.id if deployment.config.organization else ""
        by_name = union(
            [
                *(key.root_user, key.policy_writers, key.named((*key.administrators, *named))),
                *(one.callers(self._own) for _, one in readers if one.principal_arns),
            ]
        )
        self._unnamed = union([people(key.partition), texts(*sessions)]) & ~self._and_sessions(by_name)
        accounts = {reader.account.id: reader.account for reader, _ in readers if reader.account}
        self._accounts = {name: one for name, one in accounts.items() if name != self._own}
        self._whole = frozenset(one.account for _, one in readers if not one.principal_arns and one.account)
        members = [one for _, one in readers if one.organization_id]
        self._analyzers = self._members(one for one in members if one.member_role)
        self._paths = self._members(one for one in members if one.organization_path)
        self._all = self._members(one for one in members if not one.organization_path and not one.member_role)

    def named(self, name: str, label: str, arns: tuple[str, ...]) -> list[Row]:
        """Return the row of those whom ARNs or patterns name, if any are given."""
        return [Row(name, label, region(principals=self._and_sessions(self._key.named(arns))), arns)] if arns else []

    def key_roles(self) -> Iterator[Row]:
        """Yield those who look after the key."""
        key = self._key
        yield from self.named("administrators", "administrators", key.administrators)
        yield from self.named("break-glass", "break glass", key.break_glass)
        yield from self.named("deployer", "deployer", (key.deployer,) if key.deployer else ())
        yield Row(ROOT_USER, f"root user of {self._account.name}", region(principals=key.root_user), (key.root,))

    def readers(self) -> Iterator[Row]:
        """Yield the readers, in the order of the config."""
        for reader, intent in self._readers:
            who = intent.principal_arns or (intent.account or reader.kind.title(reader.settings),)
            yield Row(f"reader:{reader.name}", f"reader {reader.name}", self._reader(intent), who)

    def others(self) -> Iterator[Row]:
        """Yield the rest: of the key's account, of readers' accounts, of the organization, of the world."""
        yield from (replace(row, requests=row.requests - self._makers) for row in self._others())

    def _others(self) -> Iterator[Row]:
        yield _others(self._account, region(principals=self._unnamed & in_account(self._own)))
        members = joined([self._analyzers, self._paths, self._all])
        for account in self._accounts.values():
            if account.id not in self._whole:
                yield _others(account, region(principals=self._unnamed & in_account(account.id)) - members)
        elsewhere = self._elsewhere([self._own, *self._accounts])
        outside = {}
        if self._organization:
            outside["aws:PrincipalOrgID"] = Single(~texts(self._organization), absent=True)
            if self._all == NO_REQUEST:
                member = {"aws:PrincipalOrgID": held_to(self._organization)}
                inside = region(principals=elsewhere, context=member) - members
                label = "others of the organization"
                yield Row("others-of-organization", label, inside, (self._organization,))
        yield Row("everyone-else", "everyone else", region(principals=elsewhere, context=outside))

    def _reader(self, intent: ReaderIntent) -> RequestSet:
        """Return a reader's requests; one that is many leaves out who has a narrower row."""
        if intent.principal_arns:
            return region(principals=self._and_sessions(intent.callers(self._own)))
        if intent.account:
            return region(principals=self._unnamed & in_account(intent.account)) - self._analyzers
        own = self._members([intent])
        if intent.member_role:
            return own
        return own - (self._analyzers if intent.organization_path else joined([self._analyzers, self._paths]))

    def _members(self, readers: Iterable[ReaderIntent]) -> RequestSet:
        """Return the requests of readers of the organization; who is of a reader that is a whole account counts there."""
        unnamed = self._elsewhere([self._own])
        beside = self._elsewhere([self._own, *self._whole])
        return joined(
            [
                region(
                    principals=one.callers(self._own) & (unnamed if one.member_role else beside),
                    context=one.membership,
                )
                for one in readers
            ]
        )

    def _elsewhere(self, accounts: Sequence[str]) -> Language:
        return self._unnamed & ~union([in_account(account) for account in accounts])

    def _and_sessions(self, callers: Language) -> Language:
        return and_sessions(callers, self._sessions)


def and_sessions(callers: Language, sessions: Iterable[str]) -> Language:
    """Return callers with those sessions whose role is among them: a session is who its role is."""
    mine = (one for one in sessions if callers.contains(parse_caller(one).principal_arn))
    return union([callers, texts(*mine)])


def _others(account: Account, requests: RequestSet) -> Row:
    return Row(f"others:{account.name}", f"others of {account.name}", requests, (account.id,))
