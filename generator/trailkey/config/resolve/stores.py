"""The event data stores of a config: each with a key of its own, and the people around it kept apart."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from trailkey.aws import EVENT_DATA_STORES_PER_REGION, STACK_NAME_CHARACTERS
from trailkey.config.deployment import Account, Store, identifier
from trailkey.config.resolve.principals import patterns_meet
from trailkey.config.resolve.resolver import Resolver
from trailkey.config.source import written

if TYPE_CHECKING:
    from collections.abc import Sequence

    from trailkey.config import model
    from trailkey.config.source import ConfigPath

    Place = tuple[str, str, str]


def resolve_store(resolver: Resolver, index: int, settings: model.EventDataStore) -> Store:
    """Return an event data store with the people around its key."""
    path: ConfigPath = ("event_data_stores", index)
    resolver.attempt(Resolver.in_partition, settings, "region", path)
    if resolver.config.partition == "aws-cn":
        resolver.give_up(
            path, f"event data store {settings.name!r} is in aws-cn; CloudTrail Lake does not exist there; remove it"
        )
    _name(resolver, settings, path)
    account = resolver.account(settings.account, (*path, "account"))
    resolver.attempt(_owner, settings, path)
    administrators = resolver.principals_of(
        settings.administrators, (*path, "administrators"), account, "administer it"
    )
    break_glass = resolver.principals_of(settings.break_glass, (*path, "break_glass"), account, "replace its policy")
    queriers = resolver.principals_of(settings.queriers, (*path, "queriers"), account, "query the store")
    keep_duties_apart(resolver, path, administrators, break_glass, account)
    for number, querier in enumerate(queriers):
        if any(patterns_meet(querier, administrator) for administrator in administrators):
            resolver.refuse(
                (*path, "queriers", number),
                f"{settings.queriers[number]!r} is an administrator too; whoever administers the key does not use it; separate the two",
            )
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
    taken: dict[Place, str] = {}
    resolver.attempt(_trails_alias, taken)
    for store in stores:
        resolver.attempt(_alias_apart, store, taken)
    resolver.attempt(_few, stores)


def _few(resolver: Resolver, stores: Sequence[Store]) -> None:
    for (account, region), count in Counter((one.account.name, one.settings.region) for one in stores).items():
        if count > EVENT_DATA_STORES_PER_REGION:
            resolver.refuse(
                ("event_data_stores",),
                f"{count} event data stores in {account!r}, {region}; CloudTrail allows {EVENT_DATA_STORES_PER_REGION} in a Region; use fewer",
            )


def _trails_alias(resolver: Resolver, taken: dict[Place, str]) -> None:
    key = resolver.config.key
    taken[key.account, resolver.config.bucket.region, key.alias] = "key.alias"


def _alias_apart(resolver: Resolver, store: Store, taken: dict[Place, str]) -> None:
    settings = store.settings
    place = (settings.account, settings.region, settings.alias)
    if place in taken:
        resolver.refuse(
            (*store.path, "alias"),
            f"{settings.alias!r} is the alias of {taken[place]} too; a Lake key cannot carry aws:SourceArn, so each store has a key of its own; rename it",
        )
    taken.setdefault(place, written(store.path))


def _name(resolver: Resolver, settings: model.EventDataStore, path: ConfigPath) -> None:
    if not identifier(settings.name):
        resolver.refuse(
            (*path, "name"),
            f"{settings.name!r} has neither letters nor digits; its key and stack are named after those; rename it",
        )
    stack = f"{settings.account}-lake-{identifier(settings.name)}"
    if len(stack) > STACK_NAME_CHARACTERS:
        resolver.refuse(
            (*path, "name"),
            f"{settings.name!r} makes a stack name of {len(stack)} characters; CloudFormation allows {STACK_NAME_CHARACTERS}; shorten it",
        )


def _owner(resolver: Resolver, settings: model.EventDataStore, path: ConfigPath) -> None:
    if not settings.organization_enabled:
        return
    organization = resolver.config.organization
    if organization is None or settings.account != organization.management_account:
        owner = organization.management_account if organization else "the management account"
        resolver.refuse(
            (*path, "account"),
            f"{settings.account!r} is not the management account; an organization event data store and its key live in the management account; write account: {owner}",
        )


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
