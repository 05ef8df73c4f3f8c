"""What one part of a config says about another. Config in, Deployment or every problem out; each refusal is made once."""

from __future__ import annotations

from typing import TYPE_CHECKING

from trailkey.aws import parse_arn
from trailkey.config.deployment import Account, Deployment, Reader, Store, Trail, identifier
from trailkey.config.resolve.principals import patterns_meet
from trailkey.config.resolve.readers import resolve_reader
from trailkey.config.resolve.resolver import Resolver, account_of
from trailkey.config.resolve.stores import keep_duties_apart, resolve_store, stores_apart
from trailkey.config.resolve.trails import resolve_trail, trails_apart

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from typing import TypeVar

    from trailkey.config import model
    from trailkey.config.source import ConfigPath, Source

    T = TypeVar("T")

LAKE_CLOSED = "AWS closed CloudTrail Lake to new customers on 2026-05-31: an account that has no event data store cannot create one"
BUCKET_KEYS = "AWS does not document CloudTrail's encryption context under S3 Bucket Keys: try bucket_key_enabled in the mirrored environment before production"


def resolve(config: model.Config, source: Source) -> tuple[Deployment | None, list[tuple[ConfigPath, str]]]:
    """Return the deployment a config describes, or None and every problem, each with its config path.

    Args:
        config: the config; values that are wrong may be missing from it, and what needs them is left unsaid.
        source: gives the line of each config path.
    """
    resolver = Resolver(config)
    deployment = resolver.attempt(_deployment, source)
    return None if resolver.problems else deployment, list(resolver.problems)


def _deployment(resolver: Resolver, source: Source) -> Deployment:
    resolver.attempt(_accounts)
    resolver.attempt(_bucket)
    resolver.attempt(_management_account)
    trails = resolver.each(lambda config: config.trails, resolve_trail)
    trails_apart(resolver, trails)
    readers = resolver.each(lambda config: config.readers, resolve_reader)
    stores = resolver.each(lambda config: config.event_data_stores, resolve_store)
    stores_apart(resolver, stores)
    people = resolver.attempt(_people, readers)
    resolver.attempt(_alarm)
    resolver.attempt(_names_apart, trails, readers, stores)
    resolver.attempt(_deployers, trails, readers, stores)
    config = resolver.config
    administrators, break_glass = people or ((), ())
    notices = ([LAKE_CLOSED] if stores else []) + ([BUCKET_KEYS] if config.bucket.bucket_key_enabled else [])
    return Deployment(
        name=config.name,
        partition=config.partition,
        config=config,
        source=source,
        accounts=resolver.accounts,
        key_account=resolver.key_account,
        bucket_account=resolver.account(config.bucket.account, ("bucket", "account")),
        region=config.bucket.region,
        trails=tuple(trails),
        readers=tuple(readers),
        stores=tuple(stores),
        administrators=administrators,
        break_glass=break_glass,
        notices=tuple(notices),
    )


def _accounts(resolver: Resolver) -> None:
    seen: dict[str, str] = {}
    for name, settings in resolver.config.accounts.items():
        resolver.attempt(_account, name, settings, seen)
    for name, settings in resolver.config.accounts.items():
        resolver.attempt(_deployer, name, settings)


def _account(resolver: Resolver, name: str, settings: model.Account, seen: dict[str, str]) -> None:
    resolver.accounts[name] = Account(name=name, id=settings.id, deployer=None)
    if settings.id in seen:
        resolver.refuse(
            ("accounts", name, "id"),
            f"{settings.id!r} is the id of {seen[settings.id]!r} too; each account is listed once; correct or remove one",
        )
    seen.setdefault(settings.id, name)


def _deployer(resolver: Resolver, name: str, settings: model.Account) -> None:
    if settings.deployer is None:
        return
    path = ("accounts", name, "deployer")
    arn = resolver.principal(settings.deployer if ":" in settings.deployer else f"{name}:{settings.deployer}", path)
    if account_of(arn) != settings.id:
        resolver.refuse(
            path,
            f"{settings.deployer!r} is not in account {name!r}; the role that deploys an account's stacks lives there; name a role of that account",
        )
    resolver.accounts[name] = Account(name=name, id=settings.id, deployer=arn)


def _bucket(resolver: Resolver) -> None:
    bucket = resolver.config.bucket
    resolver.attempt(Resolver.in_partition, bucket, "region", ("bucket",))
    resolver.attempt(_access_logs, bucket)
    resolver.account(bucket.account, ("bucket", "account"))


def _access_logs(resolver: Resolver, bucket: model.Bucket) -> None:
    if bucket.access_logs is None:
        return
    name = bucket.access_logs.bucket or f"{bucket.name}-access-logs"
    if name == bucket.name:
        resolver.refuse(
            ("bucket", "access_logs", "bucket"),
            f"{name!r} is the log bucket itself; access logs go to a bucket of their own; name another",
        )
    if len(name) > 63:
        resolver.refuse(
            ("bucket", "name"),
            f"{name!r}, the bucket for access logs, has {len(name)} characters; S3 allows 63; set bucket.access_logs.bucket to a shorter name",
        )


def _management_account(resolver: Resolver) -> None:
    organization = resolver.config.organization
    if organization is not None:
        resolver.account(organization.management_account, ("organization", "management_account"))


def _people(resolver: Resolver, readers: list[Reader]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return the administrators of the trails' key and those who break the glass."""
    key, account = resolver.config.key, resolver.key_account
    administrators = resolver.principals_of(key.administrators, ("key", "administrators"), account, "administer it")
    for reader in readers:
        resolver.attempt(_reader_apart, reader, administrators)
    break_glass = resolver.principals_of(key.break_glass, ("key", "break_glass"), account, "replace its policy")
    keep_duties_apart(resolver, ("key",), administrators, break_glass, account)
    return administrators, break_glass


def _reader_apart(resolver: Resolver, reader: Reader, administrators: tuple[str, ...]) -> None:
    for administrator in administrators:
        if any(patterns_meet(administrator, arn) for arn in reader.principal_arns):
            resolver.refuse(
                reader.path,
                f"reader {reader.name!r} matches the administrator {administrator!r}; whoever administers the key does not read; separate the two",
            )


def _alarm(resolver: Resolver) -> None:
    alarm = resolver.config.key.alarm
    arn = parse_arn(alarm.topic_arn) if alarm and alarm.topic_arn else None
    if arn is None:
        return
    here = (resolver.config.partition, resolver.config.bucket.region, resolver.key_account.id)
    if (arn.partition, arn.region, arn.account) != here:
        resolver.refuse(
            ("key", "alarm", "topic_arn"),
            f"{str(arn)!r} is not in {here[0]!r}, {here[1]!r} and {here[2]!r}, the key's partition, Region and account; the rule publishes to a topic beside it; name one there",
        )


def _names_apart(resolver: Resolver, trails: list[Trail], readers: list[Reader], stores: list[Store]) -> None:
    _unique(resolver, "trails", trails, lambda trail: (trail.path, _trail_identity(trail), trail.settings.name))
    _unique(resolver, "readers", readers, lambda reader: (reader.path, identifier(reader.name), reader.name))
    _unique(
        resolver,
        "event_data_stores",
        stores,
        lambda store: (store.path, identifier(store.settings.name), store.settings.name),
    )
    _unique(resolver, "accounts", resolver.config.accounts, lambda name: (("accounts", name), identifier(name), name))


def _trail_identity(trail: Trail) -> str:
    """Return what must differ: logical ids are made from the name, without a final Trail, in templates of one place."""
    return f"{trail.account.name}/{trail.settings.home_region}/{identifier(trail.settings.name).removesuffix('Trail')}"


def _unique(
    resolver: Resolver, what: str, entries: Iterable[T], names: Callable[[T], tuple[ConfigPath, str, str]]
) -> None:
    """Refuse names that logical ids and policy names, in which case and punctuation do not count, would mix up."""
    seen: dict[str, str] = {}
    for entry in entries:
        known = resolver.attempt(lambda _, one: names(one), entry)
        if known is None:
            continue
        path, identity, name = known
        first = seen.setdefault(identity.lower(), name)
        if first is name:
            continue
        ending = ", without a final Trail" if what == "trails" else ""
        how = (
            "is given twice"
            if first == name
            else f"is too like {first!r}: letters and digits count, of any case{ending}"
        )
        place = path if what == "accounts" else (*path, "name")
        resolver.refuse(place, f"{name!r} {how}; {what} need names that differ; rename one")


def _deployers(resolver: Resolver, trails: list[Trail], readers: list[Reader], stores: list[Store]) -> None:
    """Refuse an account without a deployer that gets a stack; the first thing that is deployed there says why."""
    needs: list[tuple[str | None, str]] = [
        (resolver.attempt(lambda one: one.config.key.account), "the key"),
        (resolver.attempt(lambda one: None if one.config.bucket.existing else one.config.bucket.account), "the bucket"),
        *((trail.account.name, f"trail {trail.settings.name!r}") for trail in trails),
        *((store.account.name, f"event data store {store.settings.name!r}") for store in stores),
    ]
    for reader in readers:
        needs += resolver.attempt(_stacks_of, reader) or ()
    for name, purpose in reversed(dict(reversed(needs)).items()):
        resolver.attempt(_has_deployer, name, purpose)


def _stacks_of(resolver: Resolver, reader: Reader) -> list[tuple[str, str]]:
    purpose, organization = f"the policies of reader {reader.name!r}", resolver.config.organization
    if reader.account and reader.kind.iam_policy != "none":
        return [(reader.account.name, purpose)]
    if reader.covers_root and organization:
        # Stack sets skip the management account, so its policy comes with a plain stack.
        return [(organization.management_account, purpose)]
    return []


def _has_deployer(resolver: Resolver, name: str | None, purpose: str) -> None:
    if name in resolver.config.accounts and resolver.config.accounts[name].deployer is None:
        resolver.refuse(
            ("accounts", name),
            f"{name!r} gets {purpose} and has no deployer; every account that gets a stack names the role that deploys it; add deployer: role/Path/Name",
        )
