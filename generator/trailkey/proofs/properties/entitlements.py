"""What the IAM policies of each person or role are meant for: a row on a key, and what goes with it on the bucket and elsewhere."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from trailkey.access import NO_REQUEST, RequestSet, region, texts
from trailkey.aws import parse_arn
from trailkey.config.resolve.principals import is_pattern
from trailkey.intent.from_config import bucket_intent, store_key_intent, through_s3, trail_key_intent
from trailkey.inventory.policies import ANY_ACCOUNT, attachment_of
from trailkey.proofs.properties.bucket import reading
from trailkey.proofs.properties.lake_key import USE_STORE_KEY
from trailkey.proofs.properties.role_actions import (
    ADMINISTER,
    ALIAS,
    DEPLOY,
    FIND_ALIAS,
    FIND_KEY,
    METADATA,
    QUERY,
    REPAIR,
    VALIDATE,
    VALIDATE_OF_ORGANIZATION,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from trailkey.access import Constraint
    from trailkey.config.deployment import Deployment, Reader, Store
    from trailkey.config.source import ConfigPath
    from trailkey.intent.model import KeyRoles, ReaderIntent, TrailKeyIntent
    from trailkey.inventory.policies import IdentityPolicy, PolicySet


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyPlace:
    """A key and its alias, by their ARNs; ``arn`` is empty where no template has the key."""

    arn: str
    alias: str
    region: str

    def row(self, *actions: str, context: Mapping[str, Constraint] | None = None) -> RequestSet:
        """Return actions on the key, and on the alias those that need both."""
        row = region(actions=actions, resources=texts(self.arn), context=context)
        named = [action for action in actions if action in ALIAS]
        return row | region(actions=named, resources=texts(self.alias)) if named else row


@dataclass(frozen=True, slots=True, kw_only=True)
class Entitlement:
    """Who gets IAM policies, where these lie, and what they allow: so much and no more.

    ``arns`` are those the policies are attached to, as ARNs or patterns; none where an account decides that. Policies that
    others attach are found by ``fixed_name`` in ``accounts``; a stack set over ``unit`` brings them to ``ANY_ACCOUNT``.
    ``on_former_keys`` is what they allow on keys of earlier lives, by ARN, and ``finds`` on no particular key. ``beside`` is what goes with the key and the bucket in other services, by their prefix.
    """

    path: ConfigPath
    name: str
    arns: tuple[str, ...]
    fixed_name: str
    accounts: tuple[str, ...]
    unit: str = ""
    at: KeyPlace
    on_key: RequestSet
    on_former_keys: Mapping[str, RequestSet] = field(default_factory=dict)
    finds: RequestSet = NO_REQUEST
    on_bucket: RequestSet = NO_REQUEST
    beside: Mapping[str, RequestSet] = field(default_factory=dict)

    @property
    def exact(self) -> tuple[str, ...]:
        """Those of the ARNs that are no patterns: the policies are attached to them by the templates."""
        return tuple(arn for arn in self.arns if not is_pattern(arn))

    @property
    def patterns(self) -> tuple[str, ...]:
        """Those of the ARNs that are patterns: others attach the policies to them."""
        return tuple(arn for arn in self.arns if is_pattern(arn))

    @property
    def policy_name(self) -> str:
        """The name of policies for others to attach; empty where all are attached to exact ARNs."""
        return self.fixed_name if self.patterns or not self.arns else ""


class Entitlements:
    """All who get IAM policies in a deployment, and whose a policy is."""

    def __init__(self, rows: tuple[Entitlement, ...]) -> None:
        self.rows = rows
        self._names = {row.policy_name for row in rows}

    def is_named(self, policy: IdentityPolicy, row: Entitlement) -> bool:
        """Return whether a policy has the fixed name of a row: itself, or with the number of a policy that is split.

        A name that is another row's with a number behind it is its own.
        """
        if not row.policy_name or not policy.policy_name.startswith(row.policy_name):
            return False
        number = policy.policy_name[len(row.policy_name) :]
        return not number or (number.isdigit() and policy.policy_name not in self._names)

    def places(self, policy: IdentityPolicy) -> set[tuple[str, str]]:
        """Return the accounts and Regions that a policy is meant for: of those it is attached to, or whose name it has."""
        found: set[tuple[str, str]] = set()
        for row in self.rows:
            arns = filter(None, map(parse_arn, row.exact))
            accounts = {arn.account for arn in arns if attachment_of(arn) in policy.attached}
            if self.is_named(policy, row):
                accounts |= {*row.accounts}
            found |= {(account, row.at.region) for account in accounts}
        return found

    def attachments(self, policy: IdentityPolicy) -> set[str]:
        """Return those of a policy's attachments that the config asks for."""
        return {found for row in self.rows for arn in row.exact if (found := policy.attachment(arn))}

    def units(self, policy: IdentityPolicy) -> set[str]:
        """Return the organizational units that a policy is brought to by a stack set."""
        return {row.unit for row in self.rows if row.unit and self.is_named(policy, row)}

    def is_deployers(self, policy: IdentityPolicy, deployer: str) -> bool:
        """Return whether a policy is attached to a deployer, or is the one that others attach to it."""
        return any(
            policy.attachment(deployer) or self.is_named(policy, row) for row in self.rows if deployer in row.arns
        )


def entitlements(deployment: Deployment, policies: PolicySet) -> Entitlements:
    """Return who gets IAM policies: around the trails' key and the log bucket, then around each event data store.

    The policies say nothing but which key and which store is meant.
    """
    key = trail_key_intent(deployment)
    at = _place(key, policies)
    rows = [
        *_key_roles(deployment, key, at, key.deployer_path),
        *_trail_deployers(deployment, key, at),
        *_readers(deployment, key, at),
    ]
    for store in deployment.stores:
        rows += _around(store, deployment, policies)
    return Entitlements(tuple(rows))


def _place(key: KeyRoles, policies: PolicySet) -> KeyPlace:
    found = policies.key_of_alias(key.account, key.region, key.alias)
    alias = f"arn:{key.partition}:kms:{key.region}:{key.account}:{key.alias}"
    return KeyPlace(arn=found.arn if found else "", alias=alias, region=key.region)


def _key_roles(
    deployment: Deployment, key: KeyRoles, at: KeyPlace, deployer: ConfigPath, prefix: str = "", use: Sequence[str] = ()
) -> Iterator[Entitlement]:
    """Yield those who look after a key; ``prefix`` begins the names of their policies, ``use`` is what its deployer needs too."""
    rows = (
        ((*key.path, "administrators"), f"{prefix}Administrator", key.administrators, ADMINISTER, FIND_KEY),
        # Whoever repairs a key looks at it first.
        ((*key.path, "break_glass"), f"{prefix}BreakGlass", key.break_glass, (*REPAIR, *METADATA), FIND_KEY),
        (deployer, f"deploy-{prefix.lower()}deployer", (key.deployer,), (*DEPLOY, *use), FIND_ALIAS),
    )
    names = ("administrators", "break glass", "deployer")
    for name, (path, policy_name, arns, actions, finds) in zip(names, rows, strict=True):
        if arns:
            yield Entitlement(
                path=path,
                name=name,
                arns=arns,
                fixed_name=deployment.policy_name(policy_name),
                accounts=(key.account,),
                at=at,
                on_key=at.row(*actions),
                finds=region(actions=finds),
            )


def _trail_deployers(deployment: Deployment, key: KeyRoles, at: KeyPlace) -> Iterator[Entitlement]:
    for owner in deployment.trail_owners:
        if owner.id != key.account and owner.deployer:
            yield Entitlement(
                path=("accounts", owner.name, "deployer"),
                name=f"trail deployer {owner.name}",
                arns=(owner.deployer,),
                fixed_name=deployment.policy_name("deploy-traildeployer"),
                accounts=(owner.id,),
                at=at,
                on_key=at.row("kms:DescribeKey"),
            )


def _readers(deployment: Deployment, key: TrailKeyIntent, at: KeyPlace) -> Iterator[Entitlement]:
    bucket = bucket_intent(deployment)
    beside = {"cloudtrail": region(actions=VALIDATE)}
    if any(trail.settings.is_organization_trail for trail in deployment.trails):
        beside["organizations"] = region(actions=VALIDATE_OF_ORGANIZATION)
    for reader, row in zip(deployment.readers, key.readers, strict=True):
        if reader.iam_policy != "none":
            yield Entitlement(
                path=row.path,
                name=f"reader {row.name}",
                arns=reader.principal_arns if reader.iam_policy == "attached" else (),
                fixed_name=deployment.policy_name(f"read-{row.name}"),
                accounts=tuple(_accounts_of(reader, deployment)),
                unit="" if reader.account else deployment.organizational_unit(reader.value),
                at=at,
                on_key=at.row("kms:Decrypt", context={**key.context, **row.route}),
                on_former_keys=dict(_on_former_keys(deployment, key, row)),
                on_bucket=reading(bucket, versions=row.versions),
                beside=beside,
            )


def _on_former_keys(
    deployment: Deployment, key: TrailKeyIntent, reader: ReaderIntent
) -> Iterator[tuple[str, RequestSet]]:
    """Yield what a reader may do with each key of an earlier life: decrypt the same trails' logs, through S3 in that key's Region."""
    for arn in deployment.config.key.former_arns:
        if parts := parse_arn(arn):
            there = replace(reader, via_service=through_s3(parts.region) if reader.via_service else ())
            context = {**key.context, **there.route}
            yield arn, region(actions=("kms:Decrypt",), resources=texts(arn), context=context)


def _accounts_of(reader: Reader, deployment: Deployment) -> Iterator[str]:
    """Yield the accounts that a reader's policies lie in.

    Service-managed stack sets skip the management account, which is below the root only:
    https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/stacksets-orgs-manage-auto-deployment.html
    """
    if reader.account:
        yield reader.account.id
        return
    yield ANY_ACCOUNT
    if deployment.management and reader.covers_root:
        yield deployment.management.id


def _around(store: Store, deployment: Deployment, policies: PolicySet) -> Iterator[Entitlement]:
    key = store_key_intent(store, deployment)
    at = _place(key, policies)
    yield from _key_roles(deployment, key, at, key.path, key.prefix, USE_STORE_KEY)
    if store.queriers:
        wanted = ("AWS::CloudTrail::EventDataStore", key.name, key.account, key.region)
        mine = (one.arn for one in policies.resources if (one.kind, one.name, one.account, one.region) == wanted)
        yield Entitlement(
            path=(*store.path, "queriers"),
            name="queriers",
            arns=store.queriers,
            fixed_name=deployment.policy_name(f"{key.prefix}Querier"),
            accounts=(key.account,),
            at=at,
            on_key=at.row(*USE_STORE_KEY),
            beside={"cloudtrail": region(actions=QUERY, resources=texts(*mine))},
        )
