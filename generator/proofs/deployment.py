"""The proofs of a deployment: what its key is meant for, read from the config, held against the policy as it is rendered."""

from __future__ import annotations

from typing import TYPE_CHECKING

from generator.proofs.setting import ReaderSetting, Setting

if TYPE_CHECKING:
    from generator.config.deployment import Deployment, Reader


def setting_of(deployment: Deployment) -> Setting:
    """Return what the trails' key of a deployment is meant for."""
    return Setting(
        partition=deployment.partition,
        account=deployment.key_account.id,
        trails=tuple(trail.arn for trail in deployment.trails),
        trail_owners=tuple(owner.id for owner in deployment.trail_owners),
        readers=tuple(_reader(reader, deployment) for reader in deployment.readers),
        administrators=deployment.administrators,
        break_glass=deployment.break_glass,
        deployer=deployment.key_account.deployer or "",
        trail_deployers=tuple(owner.deployer for owner in deployment.trail_owners if owner.deployer),
        cloudtrail_decrypts=deployment.config.bucket.bucket_key_enabled,
        named_directly=_named_directly(deployment),
    )


def _named_directly(deployment: Deployment) -> tuple[str, ...]:
    """Return whom the policy names as Principal: Macie's role always, exact roles where the config asks for it."""
    macie = [
        arn for reader in deployment.readers if reader.settings.service == "macie" for arn in reader.principal_arns
    ]
    if not deployment.config.key.name_roles:
        return tuple(macie)
    people = [*deployment.administrators, *deployment.break_glass, deployment.key_account.deployer or ""]
    return (
        *macie,
        *(arn for arn in people if arn),
        *(arn for reader in deployment.readers for arn in reader.principal_arns),
    )


def _reader(reader: Reader, deployment: Deployment) -> ReaderSetting:
    organization = deployment.config.organization
    return ReaderSetting(
        name=reader.name,
        principal_arns=reader.principal_arns,
        account=reader.account.id if reader.account else "",
        organization_id=organization.id if organization and reader.account is None else "",
        organization_path=reader.settings.principal_org_path or "",
        analyzer=reader.settings.service == "access-analyzer",
        via_service=f"s3.{deployment.region}.amazonaws.com" if reader.settings.via_service else "",
    )
