"""The rows of an access matrix: the principals and adversaries that matter. The config names them, and decides nothing here.

Rows of named principals (roles, permission sets, trails) hold all that their names take in. A row for many (a reader that is
an account or part of an organization, or "others") leaves out whoever has a row of a narrower kind, so that each request is in
some row, and access in a row for many is news about those nobody named.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from trailkey.access import (
    NO_REQUEST,
    Constraint,
    Language,
    RequestSet,
    Single,
    in_account,
    joined,
    people,
    region,
    texts,
    union,
)
from trailkey.access.algebra.languages import language
from trailkey.access.algebra.patterns import glob
from trailkey.access.analysis.caller_sets import SERVICES
from trailkey.access.language.callers import parse_caller
from trailkey.aws import CLOUDTRAIL
from trailkey.intent.from_config import store_key_intent, trail_key_intent

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from trailkey.config.deployment import Account, Deployment, Reader, Store
    from trailkey.intent.model import KeyRoles, ReaderIntent, TrailKeyIntent

ROOT_USER: Final = "root-user"
"""Id of the row of the root user of the key's account."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """Who: a stable ``id``, a short label, the ARNs, patterns or ids that name them where something does, and their requests."""

    id: str
    label: str
    principals: tuple[str, ...] = ()
    requests: RequestSet


def rows_of_trail_key(deployment: Deployment, sessions: Sequence[str]) -> list[Row]:
    """Return the rows for the trails' key.

    Args:
        deployment: names the principals.
        sessions: role sessions that the key policy tells apart from their role; they are in the row of their role.
    """
    intent = trail_key_intent(deployment)
    crowd = _Crowd(deployment, intent, _named(deployment, intent), sessions)
    return [*_trails(deployment, intent), *crowd.readers(), *_keepers(deployment, intent, sessions), *crowd.others()]


def rows_of_store_key(store: Store, deployment: Deployment, sessions: Sequence[str]) -> list[Row]:
    """Return the rows for the key of an event data store. Arguments as ``rows_of_trail_key``."""
    intent = store_key_intent(store, deployment)
    rows = [
        Row(
            id="cloudtrail", label="CloudTrail", principals=(CLOUDTRAIL,), requests=region(principals=texts(CLOUDTRAIL))
        ),
        _services(),
    ]
    if store.queriers:
        rows.append(_named_row("queriers", "queriers", store.queriers, intent, sessions))
    rows += _people(intent, store.account, sessions)
    named = union([intent.root_user, intent.policy_writers, intent.named((*store.queriers, *store.administrators))])
    everyone = union([people(intent.partition), texts(*sessions)]) & ~_and_sessions(named, sessions)
    elsewhere = everyone & ~in_account(intent.account)
    rows.append(_others(store.account, region(principals=everyone & in_account(intent.account))))
    organization = deployment.config.organization
    if organization:
        rows.append(
            _others_of_organization(organization.id, region(principals=elsewhere, context=_member(organization.id)))
        )
    rows.append(_everyone_else(elsewhere, organization.id if organization else ""))
    return rows


def _trails(deployment: Deployment, intent: TrailKeyIntent) -> Iterator[Row]:
    """Yield CloudTrail for each trail of the deployment, for another of the same accounts, and for whatever else; then others."""
    service = texts(CLOUDTRAIL)
    for trail in deployment.trails:
        own: dict[str, Constraint] = {"aws:SourceArn": Single(absent=False, values=texts(trail.arn))}
        yield Row(
            id=f"trail:{trail.account.name}/{trail.settings.name}",
            label=f"CloudTrail, {trail.settings.name}",
            principals=(trail.arn,),
            requests=region(principals=service, context=own),
        )
    owners = [f"arn:{intent.partition}:cloudtrail:*:{owner}:trail/*" for owner in intent.trail_owners]
    same = language(map(glob, owners))
    other: dict[str, Constraint] = {"aws:SourceArn": Single(absent=False, values=same & ~texts(*intent.trails))}
    names = ", ".join(owner.name for owner in deployment.trail_owners)
    yield Row(
        id="other-trail",
        label=f"CloudTrail, another trail of {names}",
        principals=tuple(owners),
        requests=region(principals=service, context=other),
    )
    foreign: dict[str, Constraint] = {
        "aws:SourceArn": Single(absent=True, values=~union([same, texts(*intent.trails)]))
    }
    yield Row(
        id="foreign-trail",
        label="CloudTrail, another account's trail or none",
        requests=region(principals=service, context=foreign),
    )
    yield _services()


def _services() -> Row:
    others = SERVICES & ~texts(CLOUDTRAIL)
    return Row(id="other-services", label="another AWS service", requests=region(principals=others))


def _keepers(deployment: Deployment, intent: TrailKeyIntent, sessions: Sequence[str]) -> Iterator[Row]:
    yield from _people(intent, deployment.key_account, sessions)
    for owner in deployment.trail_owners:
        if owner.deployer and owner.id != intent.account:
            yield _named_row(
                f"trail-deployer:{owner.name}",
                f"deployer of trails, {owner.name}",
                (owner.deployer,),
                intent,
                sessions,
            )


def _people(keepers: KeyRoles, account: Account, sessions: Sequence[str]) -> Iterator[Row]:
    """Yield those who look after a key."""
    if keepers.administrators:
        yield _named_row("administrators", "administrators", keepers.administrators, keepers, sessions)
    if keepers.break_glass:
        yield _named_row("break-glass", "break glass", keepers.break_glass, keepers, sessions)
    if keepers.deployer:
        yield _named_row("deployer", "deployer", (keepers.deployer,), keepers, sessions)
    root = f"arn:{keepers.partition}:iam::{keepers.account}:root"
    yield Row(
        id=ROOT_USER,
        label=f"root user of {account.name}",
        principals=(root,),
        requests=region(principals=keepers.root_user),
    )


def _named(deployment: Deployment, intent: TrailKeyIntent) -> Language:
    """Return all who have a row by their name."""
    readers = [one.callers(intent.account) for one in intent.readers if one.principal_arns]
    keepers = intent.named((*intent.administrators, *(owner.deployer or "" for owner in deployment.trail_owners)))
    return union([intent.root_user, intent.policy_writers, keepers, *readers])


class _Crowd:
    """The readers, and those who are in no other row."""

    def __init__(
        self, deployment: Deployment, intent: TrailKeyIntent, named: Language, sessions: Sequence[str]
    ) -> None:
        self._deployment = deployment
        self._own = intent.account
        self._readers = tuple(zip(deployment.readers, intent.readers, strict=True))
        self._unnamed = union([people(intent.partition), texts(*sessions)]) & ~_and_sessions(named, sessions)
        self._sessions = sessions
        self._organization = deployment.config.organization.id if deployment.config.organization else ""
        self._accounts = {
            reader.account.id: reader.account
            for reader in deployment.readers
            if reader.account and reader.account.id != self._own
        }
        self._whole = frozenset(one.account for _, one in self._readers if not one.principal_arns and one.account)
        members = [one for _, one in self._readers if one.organization_id]
        self._analyzers = self._members(one for one in members if one.member_role)
        self._paths = self._members(one for one in members if one.organization_path)
        self._all = self._members(one for one in members if not one.organization_path and not one.member_role)

    def readers(self) -> Iterator[Row]:
        """Yield the readers, in the order of the config."""
        for reader, intent in self._readers:
            yield Row(
                id=f"reader:{reader.name}",
                label=f"reader {reader.name}",
                principals=_who(reader),
                requests=self._reader(intent),
            )

    def others(self) -> Iterator[Row]:
        """Yield the rest: of the key's account, of readers' accounts, of the organization, of the world."""
        yield _others(self._deployment.key_account, region(principals=self._unnamed & in_account(self._own)))
        members = joined([self._analyzers, self._paths, self._all])
        for account in self._accounts.values():
            if account.id not in self._whole:
                yield _others(account, region(principals=self._unnamed & in_account(account.id)) - members)
        elsewhere = self._elsewhere([self._own, *self._accounts])
        if self._organization and self._all == NO_REQUEST:
            inside = region(principals=elsewhere, context=_member(self._organization))
            yield _others_of_organization(self._organization, inside - members)
        yield _everyone_else(elsewhere, self._organization)

    def _reader(self, intent: ReaderIntent) -> RequestSet:
        """Return a reader's requests; one that is many leaves out who has a narrower row."""
        if intent.principal_arns:
            return region(principals=_and_sessions(intent.callers(self._own), self._sessions))
        if intent.account:
            return region(principals=self._unnamed & in_account(intent.account)) - self._analyzers
        own = self._members([intent])
        if intent.member_role:
            return own
        return own - (self._analyzers if intent.organization_path else joined([self._analyzers, self._paths]))

    def _members(self, readers: Iterator[ReaderIntent] | Sequence[ReaderIntent]) -> RequestSet:
        """Return the requests of readers of the organization; who is of a reader that is a whole account counts there."""
        unnamed = self._elsewhere([self._own])
        beside = self._elsewhere([self._own, *self._whole])
        found = [
            region(principals=one.callers(self._own) & (unnamed if one.member_role else beside), context=one.membership)
            for one in readers
        ]
        return joined(found) if found else NO_REQUEST

    def _elsewhere(self, accounts: Sequence[str]) -> Language:
        return self._unnamed & ~union([in_account(account) for account in accounts])


def _who(reader: Reader) -> tuple[str, ...]:
    if reader.principal_arns:
        return reader.principal_arns
    if reader.account:
        return (reader.account.id,)
    return (reader.kind.title(reader.settings),)


def _named_row(name: str, label: str, arns: tuple[str, ...], keepers: KeyRoles, sessions: Sequence[str]) -> Row:
    callers = _and_sessions(keepers.named(arns), sessions)
    return Row(id=name, label=label, principals=arns, requests=region(principals=callers))


def _and_sessions(callers: Language, sessions: Sequence[str]) -> Language:
    """Return callers with those sessions whose role is among them: a session is who its role is."""
    return union([callers, texts(*(one for one in sessions if callers.contains(parse_caller(one).principal_arn)))])


def _member(organization: str) -> dict[str, Constraint]:
    return {"aws:PrincipalOrgID": Single(absent=False, values=texts(organization))}


def _others(account: Account, requests: RequestSet) -> Row:
    return Row(
        id=f"others:{account.name}", label=f"others of {account.name}", principals=(account.id,), requests=requests
    )


def _others_of_organization(organization: str, requests: RequestSet) -> Row:
    return Row(
        id="others-of-organization", label="others of the organization", principals=(organization,), requests=requests
    )


def _everyone_else(callers: Language, organization: str) -> Row:
    outside: dict[str, Constraint] = {}
    if organization:
        outside["aws:PrincipalOrgID"] = Single(absent=True, values=~texts(organization))
    return Row(id="everyone-else", label="everyone else", requests=region(principals=callers, context=outside))
