"""What the IAM policies of each person or role are meant for: a row on a key, and what goes with it on the bucket and elsewhere."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from trailkey.access import NO_REQUEST, Constraint, RequestSet, Single, region, texts
from trailkey.access.language.actions import REPLACE_POLICY
from trailkey.aws import parse_arn
from trailkey.config.resolve.principals import is_pattern
from trailkey.intent.from_config import bucket_intent, store_key_intent, trail_key_intent
from trailkey.inventory.policies import ANY_ACCOUNT, PolicySet
from trailkey.proofs.properties.bucket import LIST, objects
from trailkey.proofs.properties.lake_key import USE_STORE_KEY
from trailkey.proofs.properties.role_actions import (
    ADMINISTER,
    ALIAS,
    DELETE,
    DISABLE,
    METADATA,
    QUERY,
    UPDATE,
    VALIDATE,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from trailkey.config.deployment import Deployment, Reader, Store
    from trailkey.config.source import ConfigPath
    from trailkey.intent.model import KeyRoles
    from trailkey.inventory.policies import IdentityPolicy

_DEPLOY = (*UPDATE, *DISABLE, *REPLACE_POLICY)
_REPAIR = (*DELETE, *DISABLE, *REPLACE_POLICY, *METADATA)
"""Whoever repairs a key looks at it first."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Entitlement:
    """Who gets IAM policies, where these lie, and what they allow: so much and no more.

    ``arns`` are those the policies are attached to, as ARNs or patterns; none where an account decides that. Policies that
    others attach are found by ``fixed_name`` in ``accounts``; a stack set over ``unit`` brings them to ``ANY_ACCOUNT``.
    ``beside`` is what goes with the key and the bucket in other services, by their prefix.
    """

    path: ConfigPath
    name: str
    arns: tuple[str, ...]
    fixed_name: str
    accounts: tuple[str, ...]
    region: str
    unit: str = ""
    at: KeyPlace
    on_key: RequestSet
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

    def is_named(self, policy: IdentityPolicy, names: Sequence[str]) -> bool:
        """Return whether a policy has this one's fixed name: itself, or with the number of a policy that is split.

        Args:
            policy: the policy.
            names: all fixed names there are; one that is another's name with a number behind it is its own.
        """
        if not self.policy_name or not policy.policy_name.startswith(self.policy_name):
            return False
        number = policy.policy_name[len(self.policy_name) :]
        return not number or (number.isdigit() and policy.policy_name not in names)


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyPlace:
    """A key and its alias, by their ARNs; ``arn`` is empty where no template has the key."""

    arn: str
    alias: str

    def row(self, *actions: str, context: Mapping[str, Constraint] | None = None) -> RequestSet:
        """Return actions on the key, and on the alias those that need both."""
        row = region(actions=actions, resources=texts(self.arn), context=context)
        named = [action for action in actions if action in ALIAS]
        return row | region(actions=named, resources=texts(self.alias)) if named else row


class PolicyPlaces:
    """Where IAM policies are meant to be deployed, whatever account they were found in."""

    def __init__(self, found: Sequence[Entitlement]) -> None:
        self._all = found
        self._names = [one.policy_name for one in found]

    def of(self, policy: IdentityPolicy) -> frozenset[tuple[str, str]]:
        """Return the accounts and Regions that a policy is meant for: of those it is attached to, or whose name it has."""
        found = set()
        for one in self._all:
            accounts = {_account(arn) for arn in one.exact if _attachment(arn) in policy.attached}
            if one.is_named(policy, self._names):
                accounts |= {*one.accounts}
            found |= {(account, one.region) for account in accounts}
        return frozenset(found)

    def attachments(self, policy: IdentityPolicy) -> set[str]:
        """Return those of a policy's attachments that the config asks for."""
        return {found for one in self._all for arn in one.exact if (found := policy.attachment(arn))}

    def units(self, policy: IdentityPolicy) -> frozenset[str]:
        """Return the organizational units that a policy is brought to by a stack set."""
        return frozenset(one.unit for one in self._all if one.unit and one.is_named(policy, self._names))

    def is_deployers(self, policy: IdentityPolicy, deployer: str) -> bool:
        """Return whether a policy is attached to a deployer, or is the one that others attach to it."""
        mine = [one for one in self._all if deployer in one.arns]
        return any(policy.attachment(deployer) or one.is_named(policy, self._names) for one in mine)


def policy_places(deployment: Deployment) -> PolicyPlaces:
    """Return where the IAM policies of a deployment are meant to be deployed."""
    return PolicyPlaces(tuple(entitlements(deployment, PolicySet(what=""))))


def entitlements(deployment: Deployment, policies: PolicySet) -> Iterator[Entitlement]:
    """Yield who gets IAM policies: around the trails' key and the log bucket, then around each event data store.

    The policies say nothing but which key and which store is meant.
    """
    intent = trail_key_intent(deployment)
    at = _place(intent, policies)
    yield from _key_roles(deployment, intent, at, "")
    yield Entitlement(
        path=intent.deployer_path,
        name="deployer",
        arns=(intent.deployer,),
        fixed_name=deployment.policy_name("deploy-deployer"),
        accounts=(intent.account,),
        region=intent.region,
        at=at,
        on_key=at.row(*_DEPLOY),
    )
    for owner in deployment.trail_owners:
        if owner.id != intent.account and owner.deployer:
            yield Entitlement(
                path=("accounts", owner.name, "deployer"),
                name=f"trail deployer {owner.name}",
                arns=(owner.deployer,),
                fixed_name=deployment.policy_name("deploy-traildeployer"),
                accounts=(owner.id,),
                region=intent.region,
                at=at,
                on_key=at.row("kms:DescribeKey"),
            )
    yield from _readers(deployment, at)
    for store in deployment.stores:
        yield from _around(store, deployment, policies)


def _key_roles(deployment: Deployment, intent: KeyRoles, at: KeyPlace, prefix: str) -> Iterator[Entitlement]:
    rows = (
        ("administrators", "administrators", "Administrator", intent.administrators, ADMINISTER),
        ("break_glass", "break glass", "BreakGlass", intent.break_glass, _REPAIR),
    )
    for key, name, who, arns, actions in rows:
        if arns:
            yield Entitlement(
                path=(*intent.path, key),
                name=name,
                arns=arns,
                fixed_name=deployment.policy_name(f"{prefix}{who}"),
                accounts=(intent.account,),
                region=intent.region,
                at=at,
                on_key=at.row(*actions),
            )


def _readers(deployment: Deployment, at: KeyPlace) -> Iterator[Entitlement]:
    intent, bucket = trail_key_intent(deployment), bucket_intent(deployment)
    on_bucket = region(actions=("s3:GetObject",), resources=objects(bucket.logs))
    on_bucket |= region(actions=LIST, resources=texts(bucket.arn))
    for reader, row in zip(deployment.readers, intent.readers, strict=True):
        if reader.kind.iam_policy == "none":
            continue
        context: dict[str, Constraint] = dict(intent.context)
        if row.via_service:
            context["kms:ViaService"] = Single(absent=False, values=texts(row.via_service))
        yield Entitlement(
            path=row.path,
            name=f"reader {row.name}",
            arns=reader.principal_arns if reader.kind.iam_policy == "attached" else (),
            fixed_name=deployment.policy_name(f"read-{row.name}"),
            accounts=tuple(_accounts_of(reader, deployment)),
            region=intent.region,
            unit="" if reader.account else deployment.organizational_unit(reader.value),
            at=at,
            on_key=at.row("kms:Decrypt", context=context),
            on_bucket=on_bucket,
            beside={service: region(actions=VALIDATE) for service in ("cloudtrail", "organizations")},
        )


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
    intent = store_key_intent(store, deployment)
    at = _place(intent, policies)
    yield from _key_roles(deployment, intent, at, intent.prefix)
    yield Entitlement(
        path=store.path,
        name="deployer",
        arns=(intent.deployer,),
        fixed_name=deployment.policy_name(f"deploy-{intent.prefix.lower()}deployer"),
        accounts=(intent.account,),
        region=intent.region,
        at=at,
        on_key=at.row(*_DEPLOY, *USE_STORE_KEY),
    )
    if store.queriers:
        here = (intent.account, intent.region, store.settings.name)
        stores = [one for one in policies.resources if one.kind == "AWS::CloudTrail::EventDataStore"]
        mine = (one.arn for one in stores if (one.account, one.region, one.properties.get("Name")) == here)
        yield Entitlement(
            path=(*store.path, "queriers"),
            name="queriers",
            arns=store.queriers,
            fixed_name=deployment.policy_name(f"{intent.prefix}Querier"),
            accounts=(intent.account,),
            region=intent.region,
            at=at,
            on_key=at.row(*USE_STORE_KEY),
            beside={"cloudtrail": region(actions=QUERY, resources=texts(*mine))},
        )


def _place(intent: KeyRoles, policies: PolicySet) -> KeyPlace:
    key = policies.key_of_alias(intent.account, intent.region, intent.alias)
    alias = f"arn:{intent.partition}:kms:{intent.region}:{intent.account}:{intent.alias}"
    return KeyPlace(arn=key.arn if key else "", alias=alias)


def _account(arn: str) -> str:
    parts = parse_arn(arn)
    return parts.account if parts else ""


def _attachment(arn: str) -> str:
    parts = parse_arn(arn)
    kind, _, name = parts.resource.partition("/") if parts else ("", "", "")
    return f"{kind}/{name.rpartition('/')[2]}"
