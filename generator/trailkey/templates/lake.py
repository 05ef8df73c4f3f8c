"""The Lake stack: an event data store with a key of its own, since a Lake key cannot carry the guard of the trails' key."""

from __future__ import annotations

from typing import TYPE_CHECKING

from troposphere import GetAtt, cloudtrail

from trailkey.config.deployment import identifier
from trailkey.output.manifest import Step
from trailkey.statements.builders import document
from trailkey.statements.key import lake_key_policy
from trailkey.templates.key import build_key, store_key
from trailkey.templates.trail import trusted_access

if TYPE_CHECKING:
    from trailkey.config.deployment import Deployment, Store
    from trailkey.templates.stack import Stack


def store_id(name: str) -> str:
    """Return the logical id of an event data store."""
    return f"{identifier(name)}EventDataStore"


def add_store(stack: Stack, deployment: Deployment, store: Store) -> None:
    """Add an event data store and its key, in one stack: same account, same Region, never changed afterwards.

    See: https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-cloudtrail-eventdatastore.html
    """
    settings = store.settings
    directly = deployment.config.key.name_roles
    policy = document(
        lake_key_policy(store.account, store.queriers, store.administrators, store.break_glass, directly=directly)
    )
    build_key(
        stack,
        store_key(settings.name),
        settings,
        policy,
        settings.alias,
        f"Encrypts the CloudTrail Lake event data store {settings.name}",
        store.path,
    )
    resource = cloudtrail.EventDataStore(
        store_id(settings.name),
        Name=settings.name,
        KmsKeyId=GetAtt(store_key(settings.name), "Arn"),
        OrganizationEnabled=settings.organization_enabled,
        MultiRegionEnabled=settings.multi_region_enabled,
        BillingMode=settings.billing_mode,
        RetentionPeriod=settings.retention_days,
        TerminationProtectionEnabled=settings.termination_protection_enabled,
        DeletionPolicy="RetainExceptOnCreate",
        UpdateReplacePolicy="Retain",
        **stack.tags(),
    )
    stack.add(resource, store.path)
    stack.output(
        f"{store_id(settings.name)}Arn",
        GetAtt(resource, "EventDataStoreArn"),
        f"ARN of event data store {settings.name}.",
    )
    stack.before.append(
        Step(
            kind="lake-open",
            account=store.account.id,
            text=f"Account {store.account.id} used CloudTrail Lake before 2026-05-31: AWS closed it to new customers then.",
        )
    )
    if settings.organization_enabled:
        stack.before.append(trusted_access(deployment))
