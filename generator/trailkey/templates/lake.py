"""The Lake stack: an event data store with a key of its own, since a Lake key cannot carry the guard of the trails' key."""

from __future__ import annotations

from typing import TYPE_CHECKING

from troposphere import GetAtt, cloudtrail

from trailkey.statements.builders import document
from trailkey.statements.key import lake_key_policy
from trailkey.templates.key import build_key
from trailkey.templates.managed_policies import add_store_people
from trailkey.templates.trail import ask_for_organization

if TYPE_CHECKING:
    from trailkey.config.deployment import Store
    from trailkey.templates.stack import Stack


def add_store(stack: Stack, store: Store) -> None:
    """Add an event data store, its key and the people around it: same account, same Region, never changed afterwards.

    Names in IAM are global to the account, so each policy of a store's people stands under the store's name.
    See: https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-cloudtrail-eventdatastore.html
    """
    settings, key = store.settings, f"{store.identifier}Key"
    policy = document(lake_key_policy(store, directly=stack.deployment.config.key.name_roles))
    description = f"Encrypts the CloudTrail Lake event data store {settings.name}"
    build_key(stack, key, settings, policy, settings.alias, description, store.path)
    resource = cloudtrail.EventDataStore(
        f"{store.identifier}EventDataStore",
        Name=settings.name,
        KmsKeyId=GetAtt(key, "Arn"),
        OrganizationEnabled=settings.organization_enabled,
        MultiRegionEnabled=settings.multi_region_enabled,
        BillingMode=settings.billing_mode,
        RetentionPeriod=settings.retention_days,
        TerminationProtectionEnabled=settings.termination_protection_enabled,
        **stack.tags(),
    )
    stack.add(resource, store.path)
    arn = GetAtt(resource, "EventDataStoreArn")
    stack.output(f"{resource.title}Arn", arn, f"ARN of event data store {settings.name}.")
    stack.asks(
        "lake-open",
        store.account.id,
        f"Account {store.account.id} used CloudTrail Lake before 2026-05-31: AWS closed it to new customers then.",
    )
    if settings.organization_enabled:
        ask_for_organization(stack)
    add_store_people(stack, store, GetAtt(key, "Arn"), arn)
