"""What the policies of a deployment are meant for, read from the config: the other side of every claim."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from generator.access.boxes import Constraint, Single
from generator.access.identities import people
from generator.access.intents import REPLACE_POLICY
from generator.access.prove import region
from generator.access.sets import NO_REQUEST
from generator.access.wildcards import texts
from generator.access.witnesses import STRANGER
from generator.audit.subject import Expected
from generator.config.principals import is_pattern
from generator.proofs.bucket import LIST, objects
from generator.proofs.duties import ADMINISTER, DELETE, DISABLE, METADATA, UPDATE
from generator.proofs.setting import BucketSetting, HolderSetting, ReaderSetting, Setting, StoreSetting

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from generator.config.deployment import Deployment, Reader, Store
    from generator.config.text import Path

_QUERY = ("kms:Decrypt", "kms:GenerateDataKey")


def setting_of(deployment: Deployment) -> Setting:
    """Return what the trails' key of a deployment is meant for."""
    account = deployment.key_account
    macie = [
        arn for reader in deployment.readers if reader.settings.service == "macie" for arn in reader.principal_arns
    ]
    readers = [reader.principal_arns for reader in deployment.readers]
    keepers = [deployment.administrators, deployment.break_glass, _one(account.deployer)]
    return Setting(
        path=("key",),
        deployer_path=("accounts", account.name, "deployer"),
        partition=deployment.partition,
        account=account.id,
        trails=tuple(trail.arn for trail in deployment.trails),
        trail_owners=tuple(owner.id for owner in deployment.trail_owners),
        readers=readers_of(deployment),
        administrators=deployment.administrators,
        break_glass=deployment.break_glass,
        deployer=account.deployer or "",
        trail_deployers=tuple(owner.deployer for owner in deployment.trail_owners if owner.deployer),
        cloudtrail_decrypts=deployment.config.bucket.bucket_key_enabled,
        named_directly=(*macie, *_directly(deployment, [*keepers, *readers])),
    )


def store_setting_of(store: Store, deployment: Deployment) -> StoreSetting:
    """Return what the key of an event data store is meant for."""
    named = [store.administrators, store.break_glass, store.queriers, _one(store.account.deployer)]
    return StoreSetting(
        path=store.path,
        deployer_path=("accounts", store.account.name, "deployer"),
        partition=deployment.partition,
        account=store.account.id,
        administrators=store.administrators,
        break_glass=store.break_glass,
        deployer=store.account.deployer or "",
        named_directly=_directly(deployment, named),
        name=store.settings.name,
        queriers=store.queriers,
    )


def _one(arn: str | None) -> tuple[str, ...]:
    return (arn,) if arn else ()


def _directly(deployment: Deployment, groups: Iterable[tuple[str, ...]]) -> tuple[str, ...]:
    """Return whom ``name_roles`` has the policies name as Principal: groups that are held by exact ARNs only."""
    if not deployment.config.key.name_roles:
        return ()
    return tuple(arn for group in groups if not any(map(is_pattern, group)) for arn in group)


def bucket_setting_of(deployment: Deployment) -> BucketSetting:
    """Return what the log bucket is meant for."""
    arn = f"arn:{deployment.partition}:s3:::{deployment.config.bucket.name}"
    organization = deployment.config.organization
    members = [account.id for account in deployment.accounts.values() if account.id != deployment.bucket_account.id]
    return BucketSetting(
        path=("bucket",),
        partition=deployment.partition,
        account=deployment.bucket_account.id,
        arn=arn,
        deliveries=tuple(_deliveries(arn, deployment)),
        logs=tuple(f"{arn}/{prefix}AWSLogs/*" for prefix in deployment.log_prefixes),
        logs_by_account=tuple(
            (
                account,
                tuple(f"{arn}/{prefix}AWSLogs/{organization.id}/{account}/*" for prefix in deployment.log_prefixes),
            )
            for account in (*members, STRANGER)
            if organization
        ),
        readers=readers_of(deployment),
        named_directly=_directly(deployment, [reader.principal_arns for reader in deployment.readers]),
    )


def _deliveries(bucket: str, deployment: Deployment) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Yield each trail with the objects it writes: below its owner's id, and for an organization below that one's.

    https://docs.aws.amazon.com/awscloudtrail/latest/userguide/creating-an-organizational-trail-prepare.html
    """
    for trail in deployment.trails:
        prefix = f"{bucket}/{trail.settings.s3_key_prefix}/" if trail.settings.s3_key_prefix else f"{bucket}/"
        owners = [trail.account.id]
        if trail.settings.is_organization_trail and deployment.config.organization:
            owners.append(deployment.config.organization.id)
        yield trail.arn, tuple(f"{prefix}AWSLogs/{owner}/*" for owner in owners)


def expectations(deployment: Deployment) -> Iterator[Expected]:
    """Yield what the config says of each key, as the audit takes it: the trails' key, then those of event data stores."""
    setting = setting_of(deployment)
    organization = deployment.config.organization
    yield Expected(
        trails=setting.trails,
        organization_id=organization.id if organization else "",
        readers=tuple(who for one in setting.readers for who in (*one.principal_arns, one.account) if who),
        administrators=setting.administrators,
        deployer=setting.deployer,
        break_glass=setting.break_glass,
    )
    for store in deployment.stores:
        deployer = store.account.deployer or ""
        yield Expected(
            readers=(*store.queriers, *_one(deployer)),
            administrators=store.administrators,
            deployer=deployer,
            break_glass=store.break_glass,
            lake=True,
        )


def readers_of(deployment: Deployment) -> tuple[ReaderSetting, ...]:
    """Return the readers as the claims speak of them."""
    return tuple(_reader(reader, deployment) for reader in deployment.readers)


def _reader(reader: Reader, deployment: Deployment) -> ReaderSetting:
    organization = deployment.config.organization
    return ReaderSetting(
        name=reader.name,
        path=reader.path,
        partition=deployment.partition,
        principal_arns=reader.principal_arns,
        account=reader.account.id if reader.account else "",
        organization_id=organization.id if organization and reader.account is None else "",
        organization_path=reader.settings.principal_org_path or "",
        analyzer=reader.settings.service == "access-analyzer",
        service_linked=reader.settings.service == "macie",
        via_service=f"s3.{deployment.region}.amazonaws.com" if reader.settings.via_service else "",
    )


def nothing(holder: HolderSetting) -> HolderSetting:
    """Return the holder as on a resource that is none of the holder's business."""
    return replace(holder, needs=NO_REQUEST, bounds=NO_REQUEST)


def key_holders(deployment: Deployment) -> Iterator[tuple[tuple[str, ...], HolderSetting]]:
    """Yield who holds IAM policies for the trails' key: the ARNs they are attached to (none: nobody by name), and the row."""
    setting = setting_of(deployment)
    yield from _keepers(deployment.administrators, deployment.break_glass, setting.path)
    yield (setting.deployer,), _on_key(setting.deployer_path, "deployer", (*UPDATE, *DISABLE, *REPLACE_POLICY))
    for owner in deployment.trail_owners:
        if owner.id != setting.account and owner.deployer:
            path = ("accounts", owner.name, "deployer")
            yield (owner.deployer,), _on_key(path, f"trail deployer {owner.name}", ("kms:DescribeKey",))
    for reader, row in zip(deployment.readers, setting.readers, strict=True):
        if not reader.settings.service:  # services bring IAM policies of their own
            context: dict[str, Constraint] = dict(setting.context)
            if row.via_service:
                context["kms:ViaService"] = Single(absent=False, values=texts(row.via_service))
            attached = reader.principal_arns if reader.settings.role else ()
            yield attached, _on_key(row.path, f"reader {row.name}", ("kms:Decrypt",), context=context)


def bucket_holders(deployment: Deployment) -> Iterator[tuple[tuple[str, ...], HolderSetting]]:
    """Yield who holds IAM policies for the log bucket, as ``key_holders``: the readers, and nobody else."""
    bucket = bucket_setting_of(deployment)
    everybody = people(deployment.partition)
    row = region(principals=everybody, actions=("s3:GetObject",), resources=objects(bucket.logs))
    row |= region(principals=everybody, actions=LIST, resources=texts(bucket.arn))
    for attached, holder in key_holders(deployment):
        reads = holder.path[0] == "readers"
        yield attached, replace(holder, needs=row, bounds=row) if reads else nothing(holder)


def store_holders(store: Store) -> Iterator[tuple[tuple[str, ...], HolderSetting]]:
    """Yield who holds IAM policies for the key of an event data store, as ``key_holders``."""
    yield from _keepers(store.administrators, store.break_glass, store.path)
    deployer = store.account.deployer or ""
    yield (deployer,), _on_key(store.path, "deployer", (*UPDATE, *DISABLE, *REPLACE_POLICY, *_QUERY))
    if store.queriers:
        yield store.queriers, _on_key((*store.path, "queriers"), "queriers", _QUERY)


def _keepers(
    administrators: tuple[str, ...], break_glass: tuple[str, ...], path: Path
) -> Iterator[tuple[tuple[str, ...], HolderSetting]]:
    if administrators:
        yield administrators, _on_key((*path, "administrators"), "administrators", ADMINISTER)
    if break_glass:
        repairs = (*DELETE, *DISABLE, *REPLACE_POLICY, *METADATA)  # whoever repairs a key looks at it first
        yield break_glass, _on_key((*path, "break_glass"), "break glass", repairs)


def _on_key(
    path: Path, name: str, actions: Iterable[str], context: Mapping[str, Constraint] | None = None
) -> HolderSetting:
    row = region(actions=actions, context=context)
    return HolderSetting(path=path, name=name, needs=row, bounds=row)
