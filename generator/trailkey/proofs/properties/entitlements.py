"""What the IAM policies of each holder are meant for: a row on a key, and what goes with it on the bucket and elsewhere."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from trailkey.access.algebra.boxes import Constraint, Single
from trailkey.access.algebra.languages import texts
from trailkey.access.algebra.request_sets import NO_REQUEST, RequestSet
from trailkey.access.analysis.prove import region
from trailkey.access.language.actions import REPLACE_POLICY
from trailkey.intent.from_config import bucket_intent, store_key_intent, trail_key_intent
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
    from collections.abc import Iterator, Mapping

    from trailkey.config.deployment import Deployment, Store
    from trailkey.config.source import ConfigPath
    from trailkey.intent.model import KeyRoles
    from trailkey.inventory.policies import Documents

_DEPLOY = (*UPDATE, *DISABLE, *REPLACE_POLICY)
_REPAIR = (*DELETE, *DISABLE, *REPLACE_POLICY, *METADATA)
"""Whoever repairs a key looks at it first."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Entitlement:
    """Who holds IAM policies, and what they allow: so much and no more.

    ``arns`` are those the policies are attached to, as ARNs or patterns; none where an account decides that. ``beside`` is
    what goes with the key and the bucket in other services, by their prefix.
    """

    path: ConfigPath
    name: str
    arns: tuple[str, ...]
    at: KeyPlace
    on_key: RequestSet
    on_bucket: RequestSet = NO_REQUEST
    beside: Mapping[str, RequestSet] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyPlace:
    """A key and its alias, by their ARNs."""

    arn: str
    alias: str

    def row(self, *actions: str, context: Mapping[str, Constraint] | None = None) -> RequestSet:
        """Return actions on the key, and on the alias those that need both."""
        row = region(actions=actions, resources=texts(self.arn), context=context)
        named = [action for action in actions if action in ALIAS]
        return row | region(actions=named, resources=texts(self.alias)) if named else row


def entitlements(deployment: Deployment, documents: Documents) -> Iterator[Entitlement]:
    """Yield who holds IAM policies: around the trails' key and the log bucket, then around each event data store.

    The documents say nothing but which key and which store is meant.
    """
    intent = trail_key_intent(deployment)
    at = _place(intent, documents, deployment.region, deployment.config.key.alias)
    yield from _keepers(intent, at)
    yield Entitlement(
        path=intent.deployer_path, name="deployer", arns=(intent.deployer,), at=at, on_key=at.row(*_DEPLOY)
    )
    for owner in deployment.trail_owners:
        if owner.id != intent.account and owner.deployer:
            yield Entitlement(
                path=("accounts", owner.name, "deployer"),
                name=f"trail deployer {owner.name}",
                arns=(owner.deployer,),
                at=at,
                on_key=at.row("kms:DescribeKey"),
            )
    yield from _readers(deployment, at)
    for store in deployment.stores:
        yield from _around(store, deployment, documents)


def _keepers(keepers: KeyRoles, at: KeyPlace) -> Iterator[Entitlement]:
    rows = (
        ("administrators", "administrators", keepers.administrators, ADMINISTER),
        ("break_glass", "break glass", keepers.break_glass, _REPAIR),
    )
    for word, name, arns, actions in rows:
        if arns:
            yield Entitlement(path=(*keepers.path, word), name=name, arns=arns, at=at, on_key=at.row(*actions))


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
            at=at,
            on_key=at.row("kms:Decrypt", context=context),
            on_bucket=on_bucket,
            beside={service: region(actions=VALIDATE) for service in ("cloudtrail", "organizations")},
        )


def _around(store: Store, deployment: Deployment, documents: Documents) -> Iterator[Entitlement]:
    intent = store_key_intent(store, deployment)
    at = _place(intent, documents, store.settings.region, store.settings.alias)
    yield from _keepers(intent, at)
    row = at.row(*_DEPLOY, *USE_STORE_KEY)
    yield Entitlement(path=store.path, name="deployer", arns=(intent.deployer,), at=at, on_key=row)
    if store.queriers:
        on_store = texts(*(one.arn for one in documents.fixtures_of("AWS::CloudTrail::EventDataStore", store.path)))
        yield Entitlement(
            path=(*store.path, "queriers"),
            name="queriers",
            arns=store.queriers,
            at=at,
            on_key=at.row(*USE_STORE_KEY),
            beside={"cloudtrail": region(actions=QUERY, resources=on_store)},
        )


def _place(keepers: KeyRoles, documents: Documents, region_of_key: str, alias: str) -> KeyPlace:
    return KeyPlace(
        arn=documents.key_at(keepers.path).arn,
        alias=f"arn:{keepers.partition}:kms:{region_of_key}:{keepers.account}:{alias}",
    )
