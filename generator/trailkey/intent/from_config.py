"""What the policies of a deployment are meant for, read from the config: the other side of every claim."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from trailkey.access.analysis.witnesses import STRANGER
from trailkey.aws import partition_of
from trailkey.config.deployment import identifier
from trailkey.config.resolve.principals import is_pattern
from trailkey.intent.model import (
    BucketIntent,
    KeyIntent,
    KeyRoles,
    ReaderIntent,
    StoreKeyIntent,
    TrailKeyIntent,
    TrailSetIntent,
    sources,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from trailkey.access import Constraint
    from trailkey.config.deployment import Deployment, Reader, Store, Trail


def trail_key_intent(deployment: Deployment) -> TrailKeyIntent:
    """Return what the trails' key of a deployment is meant for."""
    account = deployment.key_account
    linked = [arn for reader in deployment.readers if reader.kind.named_directly for arn in reader.principal_arns]
    readers = [reader.principal_arns for reader in deployment.readers]
    roles = [deployment.administrators, deployment.break_glass, (account.deployer or "",)]
    return TrailKeyIntent(
        path=("key",),
        deployer_path=("accounts", account.name, "deployer"),
        partition=deployment.partition,
        account=account.id,
        region=deployment.region,
        alias=deployment.config.key.alias,
        trails=_named_trails(deployment),
        contexts=tuple(dict.fromkeys(_contexts(deployment))),
        trail_sets=tuple(_trail_set(trails, deployment) for trails in deployment.trail_sets),
        readers=tuple(_reader(reader, deployment) for reader in deployment.readers),
        administrators=deployment.administrators,
        break_glass=deployment.break_glass,
        deployer=account.deployer or "",
        pending_window_days=deployment.config.key.pending_window_days,
        trail_deployers=tuple(owner.deployer for owner in deployment.trail_owners if owner.deployer),
        cloudtrail_decrypts=deployment.config.bucket.bucket_key_enabled,
        named_directly=(*linked, *_directly(deployment, [*roles, *readers])),
    )


def _named_trails(deployment: Deployment) -> tuple[str, ...]:
    return tuple(trail.arn for trail in deployment.trails if trail.account)


def _contexts(deployment: Deployment) -> Iterator[str]:
    """Yield the encryption contexts of trails: those of each owner, and for stack sets those of the trail's name."""
    for trail in deployment.trails:
        of_owner = trail.account and not trail.settings.in_set
        owner, name = (trail.account.id, "*") if trail.account and of_owner else ("*", trail.settings.name)
        yield f"arn:{deployment.partition}:cloudtrail:*:{owner}:trail/{name}"


def _trail_set(trails: tuple[Trail, ...], deployment: Deployment) -> TrailSetIntent:
    """Return a trail in several accounts. A landing zone makes its stacks with a role of its own.

    See: https://docs.aws.amazon.com/controltower/latest/userguide/roles-how.html
    """
    settings, organization = trails[0].settings, deployment.config.organization
    return TrailSetIntent(
        name=settings.name,
        partition=deployment.partition,
        arn=f"arn:{deployment.partition}:cloudtrail:{settings.home_region}:*:trail/{settings.name}",
        accounts=tuple(trail.account.id for trail in trails if trail.account),
        organization_id=organization.id if organization else "",
        units=settings.organizational_unit_ids or (),
        makers=("stacksets-exec-*", "AWSControlTowerExecution"),
    )


def store_key_intent(store: Store, deployment: Deployment) -> StoreKeyIntent:
    """Return what the key of an event data store is meant for."""
    named = [store.administrators, store.break_glass, store.queriers, (store.account.deployer or "",)]
    return StoreKeyIntent(
        path=store.path,
        deployer_path=("accounts", store.account.name, "deployer"),
        partition=deployment.partition,
        account=store.account.id,
        region=store.settings.region,
        alias=store.settings.alias,
        administrators=store.administrators,
        break_glass=store.break_glass,
        deployer=store.account.deployer or "",
        pending_window_days=store.settings.pending_window_days,
        named_directly=_directly(deployment, named),
        name=store.settings.name,
        prefix=identifier(store.settings.name),
        queriers=store.queriers,
    )


def _directly(deployment: Deployment, groups: Iterable[tuple[str, ...]]) -> tuple[str, ...]:
    """Return whom ``name_roles`` has the policies name as Principal: groups that are held by exact ARNs only."""
    if not deployment.config.key.name_roles:
        return ()
    return tuple(arn for group in groups if not any(map(is_pattern, group)) for arn in group)


def bucket_intent(deployment: Deployment) -> BucketIntent:
    """Return what the log bucket is meant for."""
    arn = f"arn:{deployment.partition}:s3:::{deployment.config.bucket.name}"
    account, organization = deployment.bucket_account, deployment.config.organization
    logs = tuple(f"{arn}/{prefix}AWSLogs/" for prefix in deployment.log_prefixes)
    members = [other.id for other in deployment.accounts.values() if other.id != account.id]
    return BucketIntent(
        path=("bucket",),
        partition=deployment.partition,
        account=account.id,
        arn=arn,
        deliveries=tuple(_deliveries(arn, deployment)),
        logs=tuple(f"{folder}*" for folder in logs),
        logs_by_account=tuple(
            (member, tuple(f"{folder}{organization.id}/{member}/*" for folder in logs))
            for member in (*members, STRANGER)
            if organization
        ),
        readers=tuple(_reader(reader, deployment) for reader in deployment.readers),
        deployer=account.deployer or "",
        deployer_path=("accounts", account.name, "deployer"),
        named_directly=_directly(deployment, [reader.principal_arns for reader in deployment.readers]),
        deny_deletion=deployment.config.bucket.deny_deletion,
    )


def _deliveries(bucket: str, deployment: Deployment) -> Iterator[tuple[Mapping[str, Constraint], tuple[str, ...]]]:
    """Yield whom CloudTrail acts for with the objects it writes: below each owner's id, and for an organization below that one's.

    Where a stack set brings a trail to several accounts, owners are not listed.
    https://docs.aws.amazon.com/awscloudtrail/latest/userguide/creating-an-organizational-trail-prepare.html
    """
    sets = [_trail_set(trails, deployment) for trails in deployment.trail_sets]
    groups = [tuple(trail for trail in deployment.trails if trail.account)]
    groups = [group for group in groups if group] + [(trail,) for trail in deployment.trails if not trail.account]
    for source, trails in zip(sources(_named_trails(deployment), sets), groups, strict=True):
        yield source, tuple(path for trail in trails for path in _written(bucket, trail, deployment))


def _written(bucket: str, trail: Trail, deployment: Deployment) -> Iterator[str]:
    prefix = f"{bucket}/{trail.settings.s3_key_prefix}/" if trail.settings.s3_key_prefix else f"{bucket}/"
    if trail.account is None or trail.settings.in_set:
        yield f"{prefix}AWSLogs/*"
        return
    yield f"{prefix}AWSLogs/{trail.account.id}/*"
    if trail.settings.is_organization_trail and deployment.config.organization:
        yield f"{prefix}AWSLogs/{deployment.config.organization.id}/*"


def key_intents(deployment: Deployment) -> Iterator[tuple[KeyRoles, KeyIntent]]:
    """Yield each key of the config, and what it says of it as the audit takes it: the trails' key, then those of stores."""
    key = trail_key_intent(deployment)
    organization = deployment.config.organization
    readers = tuple(who for one in key.readers for who in one.principal_arns or (one.account,) if who)
    said = KeyIntent(
        trails=key.trails,
        organization_id=organization.id if organization else "",
        readers=readers,
        organization_reads=any(map(_is_whole_organization, key.readers)),
    )
    yield key, _with_roles(said, key)
    for store in deployment.stores:
        roles = store_key_intent(store, deployment)
        said = KeyIntent(readers=(*roles.queriers, *filter(None, (roles.deployer,))), lake=True)
        yield roles, _with_roles(said, roles)


def _is_whole_organization(reader: ReaderIntent) -> bool:
    """Return whether a reader is every role and user of every account of the organization."""
    below_root = reader.organization_path not in ("", f"{reader.organization_id}/*")
    return bool(reader.organization_id and not (below_root or reader.member_role or reader.principal_arns))


def through_s3(region: str) -> tuple[str, ...]:
    """Return what S3 may be called in a request that it makes of KMS: in China AWS documents one name and uses two elsewhere.

    https://docs.aws.amazon.com/kms/latest/developerguide/conditions-kms.html#conditions-kms-via-service
    """
    name = f"s3.{region}.amazonaws.com"
    return (name, f"{name}.cn") if partition_of(region) == "aws-cn" else (name,)


def _with_roles(said: KeyIntent, key: KeyRoles) -> KeyIntent:
    return replace(said, administrators=key.administrators, deployer=key.deployer, break_glass=key.break_glass)


def _reader(reader: Reader, deployment: Deployment) -> ReaderIntent:
    organization = deployment.config.organization
    return ReaderIntent(
        name=reader.name,
        path=reader.path,
        partition=deployment.partition,
        principal_arns=reader.principal_arns,
        account=reader.account.id if reader.account else "",
        organization_id=organization.id if organization and reader.account is None else "",
        organization_path=reader.organization_path,
        member_role=reader.kind.member_role,
        own_logs_only=reader.kind.own_logs_only and reader.account is None and organization is not None,
        service_linked=not reader.kind.bucket_statements,
        via_service=through_s3(deployment.region) if reader.settings.via_service else (),
        role_prefix=reader.kind.role_prefix.format(reader.value),
        versions=reader.settings.versions,
    )
