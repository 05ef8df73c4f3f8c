"""The event data stores of a config: each with a key of its own, and the people around it kept apart."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from trailkey.aws import EVENT_DATA_STORES_PER_REGION, STACK_NAME_CHARACTERS
from trailkey.config.deployment import Account, Store, identifier
from trailkey.config.resolve.principals import patterns_meet

if TYPE_CHECKING:
    from trailkey.config.resolve.resolver import Resolver
    from trailkey.config.source import ConfigPath


def resolve_stores(resolver: Resolver) -> list[Store]:
    """Return the event data stores with the people around their keys."""
    config = resolver.config
    stores = []
    aliases = {(config.key.account, config.bucket.region, config.key.alias): "key.alias"}
    for index, settings in enumerate(config.event_data_stores):
        path: ConfigPath = ("event_data_stores", index)
        if config.partition == "aws-cn":
            resolver.refuse(
                path,
                f"event data store {settings.name!r} is in aws-cn; CloudTrail Lake does not exist there; remove it",
            )
            continue
        if not identifier(settings.name):
            resolver.refuse(
                (*path, "name"),
                f"{settings.name!r} holds no letter or digit; its key and stack are named after those; rename it",
            )
        stack = f"{settings.account}-lake-{identifier(settings.name)}"
        if len(stack) > STACK_NAME_CHARACTERS:
            resolver.refuse(
                (*path, "name"),
                f"{settings.name!r} makes a stack name of {len(stack)} characters; CloudFormation allows {STACK_NAME_CHARACTERS}; shorten it",
            )
        account = resolver.account(settings.account, (*path, "account"))
        if account is None:
            continue
        if settings.organization_enabled and (
            config.organization is None or settings.account != config.organization.management_account
        ):
            owner = config.organization.management_account if config.organization else "the management account"
            resolver.refuse(
                (*path, "account"),
                f"{settings.account!r} is not the management account; an organization event data store and its key live in the management account; write account: {owner}",
            )
        place = (settings.account, settings.region, settings.alias)
        if place in aliases:
            resolver.refuse(
                (*path, "alias"),
                f"{settings.alias!r} is the alias of {aliases[place]} too; a Lake key cannot carry aws:SourceArn, so each store has a key of its own; rename it",
            )
        aliases.setdefault(place, f"event_data_stores[{index}]")
        administrators = resolver.principals_of(
            settings.administrators, (*path, "administrators"), account, "administer it"
        )
        break_glass = resolver.principals_of(
            settings.break_glass, (*path, "break_glass"), account, "replace its policy"
        )
        queriers = resolver.principals_of(settings.queriers, (*path, "queriers"), account, "query the store")
        keep_duties_apart(resolver, path, administrators, break_glass, account)
        for number, querier in enumerate(queriers):
            for administrator in administrators:
                if patterns_meet(querier, administrator):
                    resolver.refuse(
                        (*path, "queriers", number),
                        f"{settings.queriers[number]!r} is an administrator too; whoever administers the key does not use it; separate the two",
                    )
        stores.append(
            Store(
                settings=settings,
                account=account,
                queriers=queriers,
                administrators=administrators,
                break_glass=break_glass,
                path=path,
            )
        )
    for (account_name, region), count in Counter(
        (store.account.name, store.settings.region) for store in stores
    ).items():
        if count > EVENT_DATA_STORES_PER_REGION:
            resolver.refuse(
                ("event_data_stores",),
                f"{count} event data stores in {account_name!r}, {region}; CloudTrail allows {EVENT_DATA_STORES_PER_REGION} in a Region; use fewer",
            )
    return stores


def keep_duties_apart(
    resolver: Resolver,
    path: ConfigPath,
    administrators: tuple[str, ...],
    break_glass: tuple[str, ...],
    account: Account,
) -> None:
    """Administrators are denied PutKeyPolicy, so break glass and the deployer cannot be among them."""
    for administrator in administrators:
        for number, other in enumerate(break_glass):
            if patterns_meet(administrator, other):
                resolver.refuse(
                    (*path, "break_glass", number),
                    f"{other!r} is an administrator too; administrators are denied kms:PutKeyPolicy, which break glass is for; separate the two",
                )
        if account.deployer and patterns_meet(administrator, account.deployer):
            resolver.refuse(
                (*path, "administrators"),
                f"{administrator!r} is the deployer of {account.name!r} too; administrators are denied kms:PutKeyPolicy, which the deployer needs; separate the two",
            )
