"""A config to its Deployment, or to every problem in what its parts say about each other; each refusal is made once."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from trailkey.aws import parse_arn
from trailkey.config.account import Account, is_sample
from trailkey.config.deployment import Deployment, Reader, Store, Trail, identifier
from trailkey.config.reader_kinds import kind_of
from trailkey.config.resolve.alarm import resolve_alarm
from trailkey.config.resolve.invariants import resolve_invariant
from trailkey.config.resolve.principals import is_pattern, patterns_meet
from trailkey.config.resolve.resolver import Resolver
from trailkey.config.resolve.rollout import resolve_roles
from trailkey.config.resolve.stores import keep_duties_apart, resolve_store, stores_apart
from trailkey.config.resolve.trails import resolve_trails, trails_apart
from trailkey.config.section import if_known

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from typing import TypeVar

    from trailkey.config import model
    from trailkey.config.source import ConfigPath, Source

    T = TypeVar("T")

LAKE_CLOSED = "AWS closed CloudTrail Lake to new customers on 2026-05-31: an account that has no event data store cannot create one"
SOURCE_UNITS = "trail {} is let in by aws:SourceOrgID and aws:SourceOrgPaths, which AWS documents for services in general and nowhere for CloudTrail: try it in the mirrored environment before production"
BUCKET_KEYS = "AWS does not document CloudTrail's encryption context under S3 Bucket Keys: try bucket_key_enabled in the mirrored environment before production"


def resolve(config: model.Config, source: Source) -> tuple[Deployment | None, list[tuple[ConfigPath, str]]]:
    """Return the deployment a config describes, or None and every problem, each with its config path.

    Values that are wrong may be missing from the config, and what needs them is left unsaid.
    """
    resolver = Resolver(config)
    deployment = None
    with if_known:
        deployment = _deployment(resolver, source)
    return None if resolver.problems else deployment, list(resolver.problems)


def _deployment(resolver: Resolver, source: Source) -> Deployment:
    for judge in (_accounts, _bucket, _management_account):
        with if_known:
            judge(resolver)
    trails = [trail for each in resolver.each("trails", resolve_trails) for trail in each]
    trails_apart(resolver, trails)
    readers = resolver.each("readers", _reader)
    stores = resolver.each("event_data_stores", resolve_store)
    stores_apart(resolver, stores)
    administrators: tuple[str, ...] = ()
    break_glass: tuple[str, ...] = ()
    with if_known:
        administrators, break_glass = _people(resolver, readers)
    with if_known:
        _former_keys(resolver)
    with if_known:
        _name_roles(resolver, [administrators, break_glass, *_named(resolver, readers, stores)])
    _names_apart(resolver, [*trails, *readers, *stores])
    _sets_apart(resolver, trails)
    _deployers(resolver, trails, readers, stores)
    invariants = resolver.each("invariants", resolve_invariant)
    config = resolver.config
    deployment = Deployment(
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
        notices=tuple(_notices(config, trails, stores, administrators, break_glass)),
        invariants=tuple(invariants),
        made_roles=resolve_roles(resolver, administrators, break_glass, trails, readers),
    )
    resolve_alarm(resolver, deployment)
    if config.rollout.references == "stack_output" and deployment.is_one_stack:
        said = "stack_output is given and one stack holds everything, which takes nothing from another; it has no effect; remove it"
        resolver.refuse(("rollout", "references"), said)
    return deployment


def _notices(
    config: model.Config,
    trails: Sequence[Trail],
    stores: Sequence[Store],
    administrators: Sequence[str],
    break_glass: Sequence[str],
) -> Iterator[str]:
    """Yield what is allowed and easily overlooked."""
    samples = [f"{name} ({one.id})" for name, one in config.accounts.items() if is_sample(one.id)]
    if samples:
        yield f"account ids of examples: {', '.join(samples)}; before a deployment write those of your accounts"
    keys = [(config.key.alias, administrators, break_glass)]
    keys += [(store.settings.alias, store.administrators, store.break_glass) for store in stores]
    for alias, those_who_manage, those_who_repair in keys:
        if not those_who_manage:
            yield f"{alias} has no administrators: its tags, description and rotation change by deploying it again only"
        if not those_who_repair:
            yield f"{alias} has no break_glass: only the deployer and the root user of its account can repair its policy, and nobody can delete the key without rewriting it first"
    if stores:
        yield LAKE_CLOSED
    if config.bucket.bucket_key_enabled:
        yield BUCKET_KEYS
    for name in dict.fromkeys(trail.settings.name for trail in trails if trail.account is None):
        yield SOURCE_UNITS.format(name)
    if config.key.alarm and (sets := dict.fromkeys(trail.settings.name for trail in trails if trail.in_set)):
        yield f"the alarm does not watch {', '.join(sets)}, which a stack set brings to several accounts"


def _accounts(resolver: Resolver) -> None:
    seen: dict[str, str] = {}
    for name, settings in resolver.config.accounts.items():
        with if_known:
            resolver.accounts[name] = Account(name=name, id=settings.id, deployer=None, ours=settings.ours)
            first = seen.setdefault(settings.id, name)
            if first != name:
                said = f"{settings.id!r} is the id of {first!r} too; each account is listed once; correct or remove one"
                resolver.refuse(("accounts", name, "id"), said)
    for name, settings in resolver.config.accounts.items():
        with if_known:
            _deployer(resolver, name, settings)


def _deployer(resolver: Resolver, name: str, settings: model.Account) -> None:
    """Resolve the role that deploys an account's stacks, each by itself: that is no role of service-managed StackSets.

    See: https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/stacksets-concepts.html
    """
    if settings.deployer is None:
        return
    path = ("accounts", name, "deployer")
    said, resource = f"{settings.deployer!r}", settings.deployer.rpartition(":")[2]
    if ":" in settings.deployer:
        resolver.refuse(
            path, f"{said} names an account; a deployer is a role of the account it is given for; write {resource}"
        )
        return
    if resource.startswith("user/"):
        resolver.refuse(path, f"{said} is a user; a deployer is a role, which CloudFormation can take on; name a role")
        return
    if "stacksets-exec" in resource:
        organization = resolver.config.organization
        manages = organization is not None and organization.management_account == name
        nowhere = ", and do not deploy to the management account" if manages else ""
        said += f" is a role of service-managed StackSets, which deploy no stack of this account{nowhere}: each is created by itself; a role that you or a pipeline can take on is allowed; name that role"
        resolver.refuse(path, said)
        return
    arn = resolver.principal(f"{name}:{settings.deployer}", path)
    resolver.accounts[name] = replace(resolver.accounts[name], deployer=arn)


def _bucket(resolver: Resolver) -> None:
    bucket = resolver.config.bucket
    resolver.in_partition(bucket, "region", ("bucket",))
    with if_known:
        if bucket.access_logs is not None:
            _access_logs(resolver, bucket.name, bucket.access_logs.bucket or f"{bucket.name}-access-logs")
    resolver.account(bucket.account, ("bucket", "account"))


def _access_logs(resolver: Resolver, log_bucket: str, name: str) -> None:
    if name == log_bucket:
        said = f"{name!r} is the log bucket itself; access logs go to a bucket of their own; name another"
        resolver.refuse(("bucket", "access_logs", "bucket"), said)
    if len(name) > 63:
        said = f"{name!r}, the bucket for access logs, has {len(name)} characters; S3 allows 63; set bucket.access_logs.bucket to a shorter name"
        resolver.refuse(("bucket", "name"), said)


def _management_account(resolver: Resolver) -> None:
    organization = resolver.config.organization
    if organization is not None:
        resolver.account(organization.management_account, ("organization", "management_account"))


def _reader(resolver: Resolver, settings: model.Reader, path: ConfigPath) -> Reader:
    """Return a reader with the principals it stands for, as its kind says."""
    kind = kind_of(settings)
    who = kind.resolve(resolver, settings, (*path, kind.key))
    return Reader(
        settings=settings,
        kind=kind,
        path=path,
        account=who.account,
        principal_arns=who.principal_arns,
        organization_path=who.organization_path,
    )


def _people(resolver: Resolver, readers: list[Reader]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return the administrators of the trails' key and those who break the glass."""
    key, account = resolver.config.key, resolver.key_account
    administrators = resolver.principals_of(key.administrators, ("key", "administrators"), account, "administer it")
    for reader in readers:
        for administrator in administrators:
            with if_known:
                if any(patterns_meet(administrator, arn) for arn in reader.principal_arns):
                    said = f"reader {reader.name!r} matches the administrator {administrator!r}; whoever administers the key does not read; separate the two"
                    resolver.refuse(reader.path, said)
    break_glass = resolver.principals_of(key.break_glass, ("key", "break_glass"), account, "replace its policy")
    keep_duties_apart(resolver, ("key",), administrators, break_glass, account)
    return administrators, break_glass


def _named(resolver: Resolver, readers: Sequence[Reader], stores: Sequence[Store]) -> Iterator[Sequence[str]]:
    """Yield the groups of roles and users that policies name, beside those who look after the trails' key."""
    for account in resolver.accounts.values():
        yield [account.deployer] if account.deployer else []
    for reader in readers:
        yield reader.principal_arns
    for store in stores:
        yield from (store.administrators, store.break_glass, store.queriers)


def _name_roles(resolver: Resolver, groups: Sequence[Sequence[str]]) -> None:
    """Refuse name_roles where it has no effect: a group with a pattern is named by its account."""
    if resolver.config.key.name_roles and not any(arns and not any(map(is_pattern, arns)) for arns in groups):
        said = "name_roles is true and every role is given by a pattern, which cannot be a Principal; exact roles are needed; name some, or remove it"
        resolver.refuse(("key", "name_roles"), said)


def _former_keys(resolver: Resolver) -> None:
    """Refuse a former key of another partition, which nobody here can use, and one that is given twice."""
    former = resolver.config.key.former_arns
    for number, arn in enumerate(former):
        path, parts = ("key", "former_arns", number), parse_arn(arn)
        if parts and parts.partition != resolver.config.partition:
            said = f"{arn!r} is in partition {parts.partition!r}; this deployment is in {resolver.config.partition!r}; correct or remove it"
            resolver.refuse(path, said)
        elif arn in former[:number]:
            resolver.refuse(path, f"{arn!r} is given twice; once is enough; remove one")


def _names_apart(resolver: Resolver, entries: Sequence[Trail | Reader | Store]) -> None:
    """Refuse names that logical ids and policy names, in which case and punctuation do not count, would mix up."""
    named: list[tuple[ConfigPath, str, str]] = []
    for entry in entries:
        with if_known:
            named.append(((*entry.path, "name"), _identity(entry), entry.settings.name))
    with if_known:
        named += [(("accounts", name), identifier(name), name) for name in resolver.config.accounts]
    seen: dict[tuple[str | int, str], tuple[ConfigPath, str]] = {}
    for path, identity, name in named:
        what = path[0]
        first_path, first = seen.setdefault((what, identity.lower()), (path, name))
        if first_path != path:
            ending = ", without a final Trail" if what == "trails" else ""
            like = f"is too like {first!r}: letters and digits count, of any case{ending}"
            how = "is given twice" if first == name else like
            resolver.refuse(path, f"{name!r} {how}; {what} need names that differ; rename one")


def _identity(entry: Trail | Reader | Store) -> str:
    """Return what must differ: logical ids are made from the name, of a trail without a final Trail, in templates of one place."""
    made = identifier(entry.settings.name)
    if isinstance(entry, Trail):
        owner = entry.account.name if entry.account else "*"
        return f"{owner}/{entry.settings.home_region}/{made.removesuffix('Trail')}"
    return made


def _sets_apart(resolver: Resolver, trails: Sequence[Trail]) -> None:
    """Refuse a name that the trail of a stack set shares: units may hold any account, and the set is named after its trail."""
    sets = {identifier(trail.settings.name).lower(): trail.path for trail in trails if trail.in_set}
    for trail in trails:
        other = sets.get(identifier(trail.settings.name).lower(), trail.path)
        if other != trail.path:
            said = f"{trail.settings.name!r} is the name of a trail of several accounts too, or like it; such a trail has a name of its own; rename one"
            resolver.refuse((*trail.path, "name"), said)


def _deployers(resolver: Resolver, trails: list[Trail], readers: list[Reader], stores: list[Store]) -> None:
    """Refuse an account without a deployer that gets a stack; the first thing that is deployed there says why."""
    config = resolver.config
    needs: list[tuple[str, str, str]] = []
    with if_known:
        needs.append((config.key.account, "the key", ""))
    with if_known:
        if not config.bucket.existing:
            needs.append((config.bucket.account, "the bucket", ""))
        elif config.key.alarm:
            needs.append((config.bucket.account, "the alarm for the bucket", ", or remove alarm"))
    own = [(trail.account, trail.settings.name) for trail in trails if trail.account and not trail.in_set]
    needs += [(account.name, f"trail {name!r}", "") for account, name in own]
    needs += [(store.account.name, f"event data store {store.settings.name!r}", "") for store in stores]
    for reader in readers:
        with if_known:
            purpose = f"the policies of reader {reader.name!r}"
            if reader.account and reader.iam_policy != "none":
                needs.append((reader.account.name, purpose, ", or ours: false where the account is another's"))
            elif reader.covers_root and config.organization:
                # Stack sets skip the management account, so its policy comes with a plain stack.
                needs.append((config.organization.management_account, purpose, ""))
    for name, purpose, other in {need[0]: need for need in reversed(needs)}.values():
        with if_known:
            if name in config.accounts and config.accounts[name].deployer is None:
                said = f"{name!r} gets {purpose} and has no deployer; every account that gets a stack names the role that deploys it; add deployer: role/Path/Name{other}"
                resolver.refuse(("accounts", name), said)
