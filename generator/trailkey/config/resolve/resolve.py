"""What one part of a config says about another. Config in, Deployment or every problem out; each refusal stands once."""

from __future__ import annotations

from typing import TYPE_CHECKING

from trailkey.aws import parse_arn, partition_of
from trailkey.config.deployment import Account, Deployment, Reader, Store, Trail, identifier
from trailkey.config.resolve.principals import patterns_meet
from trailkey.config.resolve.readers import resolve_readers
from trailkey.config.resolve.resolver import Resolver, account_of
from trailkey.config.resolve.stores import keep_duties_apart, resolve_stores
from trailkey.config.resolve.trails import resolve_trails

if TYPE_CHECKING:
    from trailkey.config import model
    from trailkey.config.source import ConfigPath, Source

LAKE_CLOSED = "AWS closed CloudTrail Lake to new customers on 2026-05-31: an account that has no event data store cannot create one"
BUCKET_KEYS = "AWS does not document CloudTrail's encryption context under S3 Bucket Keys: try bucket_key_enabled in the mirrored environment before production"


def resolve(config: model.Config, source: Source) -> tuple[Deployment | None, list[tuple[ConfigPath, str]]]:
    """Return the deployment a config describes, or None and every problem, each with its config path."""
    resolver = Resolver(config, source)
    _accounts(resolver)
    key_account = resolver.account(config.key.account, ("key", "account"))
    bucket_account = resolver.account(config.bucket.account, ("bucket", "account"))
    if config.organization:
        resolver.account(config.organization.management_account, ("organization", "management_account"))
    _regions(resolver)
    _bucket(resolver)
    trails = resolve_trails(resolver)
    readers = resolve_readers(resolver, key_account)
    stores = resolve_stores(resolver)
    administrators: tuple[str, ...] = ()
    break_glass: tuple[str, ...] = ()
    if key_account:
        administrators = resolver.principals_of(
            config.key.administrators, ("key", "administrators"), key_account, "administer it"
        )
        break_glass = resolver.principals_of(
            config.key.break_glass, ("key", "break_glass"), key_account, "replace its policy"
        )
        keep_duties_apart(resolver, ("key",), administrators, break_glass, key_account)
        _readers_apart(resolver, administrators, readers)
        _alarm(resolver, key_account)
    _unique(resolver, "accounts", [(("accounts", name), identifier(name), name) for name in config.accounts])
    _unique(resolver, "trails", [(trail.path, _trail_identity(trail), trail.settings.name) for trail in trails])
    _unique(resolver, "readers", [(reader.path, identifier(reader.name), reader.name) for reader in readers])
    stored = [(store.path, identifier(store.settings.name), store.settings.name) for store in stores]
    _unique(resolver, "event_data_stores", stored)
    _deployers(resolver, key_account, bucket_account, trails, readers, stores)
    if resolver.problems or key_account is None or bucket_account is None:
        return None, resolver.problems
    notices = ([LAKE_CLOSED] if stores else []) + ([BUCKET_KEYS] if config.bucket.bucket_key_enabled else [])
    return (
        Deployment(
            name=config.name,
            partition=config.partition,
            config=config,
            source=source,
            accounts=resolver.accounts,
            key_account=key_account,
            bucket_account=bucket_account,
            region=config.bucket.region,
            trails=tuple(trails),
            readers=tuple(readers),
            stores=tuple(stores),
            administrators=administrators,
            break_glass=break_glass,
            notices=tuple(notices),
        ),
        [],
    )


def _accounts(resolver: Resolver) -> None:
    seen: dict[str, str] = {}
    config = resolver.config
    for name, account in config.accounts.items():
        if account.id in seen:
            resolver.refuse(
                ("accounts", name, "id"),
                f"{account.id!r} is the id of {seen[account.id]!r} too; each account is listed once; correct or remove one",
            )
        seen.setdefault(account.id, name)
        resolver.accounts[name] = Account(name=name, id=account.id, deployer=None)
    for name, account in config.accounts.items():
        if account.deployer is None:
            continue
        path = ("accounts", name, "deployer")
        text = account.deployer if ":" in account.deployer else f"{name}:{account.deployer}"
        arn = resolver.principal(text, path)
        if arn and account_of(arn) != account.id:
            resolver.refuse(
                path,
                f"{account.deployer!r} is not in account {name!r}; the role that deploys an account's stacks lives there; name a role of that account",
            )
        resolver.accounts[name] = Account(name=name, id=account.id, deployer=arn)


def _regions(resolver: Resolver) -> None:
    config = resolver.config
    places: list[tuple[ConfigPath, str]] = [(("bucket", "region"), config.bucket.region)]
    places += [(("trails", index, "home_region"), trail.home_region) for index, trail in enumerate(config.trails)]
    places += [
        (("event_data_stores", index, "region"), store.region) for index, store in enumerate(config.event_data_stores)
    ]
    for path, region in places:
        if partition_of(region) != config.partition:
            resolver.refuse(
                path,
                f"{region!r} is in partition {partition_of(region)!r}; this deployment is in {config.partition!r}; correct the Region, or set partition: {partition_of(region)}",
            )


def _bucket(resolver: Resolver) -> None:
    bucket = resolver.config.bucket
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


def _readers_apart(resolver: Resolver, administrators: tuple[str, ...], readers: list[Reader]) -> None:
    for reader in readers:
        for administrator in administrators:
            if any(patterns_meet(administrator, arn) for arn in reader.principal_arns):
                resolver.refuse(
                    reader.path,
                    f"reader {reader.name!r} takes in the administrator {administrator!r}; whoever administers the key does not read; separate the two",
                )


def _alarm(resolver: Resolver, key_account: Account) -> None:
    alarm = resolver.config.key.alarm
    arn = parse_arn(alarm.topic_arn) if alarm and alarm.topic_arn else None
    here = (resolver.config.partition, resolver.config.bucket.region, key_account.id)
    if arn and (arn.partition, arn.region, arn.account) != here:
        resolver.refuse(
            ("key", "alarm", "topic_arn"),
            f"{str(arn)!r} is not in {here[0]!r}, {here[1]!r} and {here[2]!r}, the key's partition, Region and account; the rule publishes to a topic beside it; name one there",
        )


def _trail_identity(trail: Trail) -> str:
    """Return what must differ: logical ids are made from the name, without a final Trail, in templates of one place."""
    return f"{trail.account.name}/{trail.settings.home_region}/{identifier(trail.settings.name).removesuffix('Trail')}"


def _unique(resolver: Resolver, what: str, entries: list[tuple[ConfigPath, str, str]]) -> None:
    """Refuse names that logical ids and policy names, in which case and punctuation do not count, cannot tell apart."""
    seen: dict[str, str] = {}
    for path, identity, name in entries:
        first = seen.setdefault(identity.lower(), name)
        if first is name:
            continue
        ending = ", without a final Trail" if what == "trails" else ""
        how = (
            "stands twice" if first == name else f"is too like {first!r}: letters and digits count, of any case{ending}"
        )
        place = path if what == "accounts" else (*path, "name")
        resolver.refuse(place, f"{name!r} {how}; {what} need names that differ; rename one")


def _deployers(
    resolver: Resolver,
    key_account: Account | None,
    bucket_account: Account | None,
    trails: list[Trail],
    readers: list[Reader],
    stores: list[Store],
) -> None:
    needs: dict[str, str] = {}
    if key_account:
        needs.setdefault(key_account.name, "the key")
    if bucket_account and not resolver.config.bucket.existing:
        needs.setdefault(bucket_account.name, "the bucket")
    for trail in trails:
        needs.setdefault(trail.account.name, f"trail {trail.settings.name!r}")
    for store in stores:
        needs.setdefault(store.account.name, f"event data store {store.settings.name!r}")
    for reader in readers:
        if reader.account and not reader.settings.service:
            needs.setdefault(reader.account.name, f"the policies of reader {reader.name!r}")
        organization_reader = reader.settings.principal_org_id or reader.settings.principal_org_path or ""
        if organization_reader and "/ou-" not in organization_reader and resolver.config.organization:
            # Stack sets skip the management account, so its policy comes with a plain stack.
            needs.setdefault(resolver.config.organization.management_account, f"the policies of reader {reader.name!r}")
    for name, purpose in needs.items():
        if name in resolver.config.accounts and resolver.config.accounts[name].deployer is None:
            resolver.refuse(
                ("accounts", name),
                f"no deployer, and {purpose} is deployed to {name!r}; every account that gets a stack names the role that deploys it; add deployer: role/Path/Name",
            )
