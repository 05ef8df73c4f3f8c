"""The event data stores of a config: each with a key of its own, and the people around it kept apart."""

from __future__ import annotations

from typing import TYPE_CHECKING

from trailkey.aws import EVENT_DATA_STORES_PER_REGION, STACK_NAME_CHARACTERS
from trailkey.config.deployment import Store, identifier
from trailkey.config.resolve.principals import patterns_meet
from trailkey.config.section import if_known
from trailkey.config.source import written

if TYPE_CHECKING:
    from collections.abc import Sequence

    from trailkey.config import model
    from trailkey.config.account import Account
    from trailkey.config.resolve.resolver import Resolver
    from trailkey.config.source import ConfigPath


def resolve_store(resolver: Resolver, settings: model.EventDataStore, path: ConfigPath) -> Store:
    """Return an event data store with the people around its key."""
    resolver.in_partition(settings, "region", path)
    if resolver.config.partition == "aws-cn":
        said = f"event data store {settings.name!r} is in aws-cn; CloudTrail Lake does not exist there; remove it"
        resolver.give_up(path, said)
    _name(resolver, settings, path)
    account = resolver.account(settings.account, (*path, "account"))
    with if_known:
        organization = resolver.config.organization
        manager = organization.management_account if organization else None
        if settings.organization_enabled and settings.account != manager:
            said = f"{settings.account!r} is not the management account; an organization event data store and its key live in the management account; write account: {manager or 'the management account'}"
            resolver.refuse((*path, "account"), said)
    administrators = resolver.principals_of(
        settings.administrators, (*path, "administrators"), account, "administer it"
    )
    break_glass = resolver.principals_of(settings.break_glass, (*path, "break_glass"), account, "replace its policy")
    queriers = resolver.principals_of(settings.queriers, (*path, "queriers"), account, "query the store")
    keep_duties_apart(resolver, path, administrators, break_glass, account)
    for number, querier in enumerate(queriers):
        if any(patterns_meet(querier, administrator) for administrator in administrators):
            said = f"{settings.queriers[number]!r} is an administrator too; whoever administers the key does not use it; separate the two"
            resolver.refuse((*path, "queriers", number), said)
    return Store(
        settings=settings,
        account=account,
        queriers=queriers,
        administrators=administrators,
        break_glass=break_glass,
        path=path,
    )


def stores_apart(resolver: Resolver, stores: Sequence[Store]) -> None:
    """Refuse stores that share a key, and more of them than a Region takes."""
    taken: dict[tuple[str, str, str], str] = {}
    with if_known:
        key = resolver.config.key
        taken[key.account, resolver.config.bucket.region, key.alias] = "key.alias"
    for store in stores:
        with if_known:
            alias = store.settings.alias
            other = taken.setdefault((store.settings.account, store.settings.region, alias), written(store.path))
            if other != written(store.path):
                said = f"{alias!r} is the alias of {other} too; a Lake key cannot carry aws:SourceArn, so each store has a key of its own; rename it"
                resolver.refuse((*store.path, "alias"), said)
    with if_known:
        places = [(store.account.name, store.settings.region) for store in stores]
        resolver.at_most(EVENT_DATA_STORES_PER_REGION, "event_data_stores", places)


def _name(resolver: Resolver, settings: model.EventDataStore, path: ConfigPath) -> None:
    if not identifier(settings.name):
        said = f"{settings.name!r} has neither letters nor digits; its key and stack are named after those; rename it"
        resolver.refuse((*path, "name"), said)
    stack = f"{settings.account}-lake-{identifier(settings.name)}"
    if len(stack) > STACK_NAME_CHARACTERS:
        said = f"{settings.name!r} makes a stack name of {len(stack)} characters; CloudFormation allows {STACK_NAME_CHARACTERS}; shorten it"
        resolver.refuse((*path, "name"), said)


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
                said = f"{other!r} is an administrator too; administrators are denied kms:PutKeyPolicy, which break glass is for; separate the two"
                resolver.refuse((*path, "break_glass", number), said)
        if account.deployer and patterns_meet(administrator, account.deployer):
            said = f"{administrator!r} is the deployer of {account.name!r} too; administrators are denied kms:PutKeyPolicy, which the deployer needs; separate the two"
            resolver.refuse((*path, "administrators"), said)
