"""What one part of a config says about another: accounts, principals, trails, readers. Config in, Deployment or problems out.

Each refusal stands here once, with its reason.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from difflib import get_close_matches
from typing import TYPE_CHECKING

from generator.aws import EVENT_DATA_STORES_PER_REGION, TRAILS_PER_REGION, parse_arn, partition_of
from generator.config.deployment import Account, Deployment, Reader, Store, Trail, identifier
from generator.config.principals import (
    PrincipalError,
    is_pattern,
    patterns_meet,
    permission_set_patterns,
    principal_arn,
)

if TYPE_CHECKING:
    from collections.abc import Iterable

    from generator.config import model
    from generator.config.text import Path, Source

LAKE_CLOSED = "AWS closed CloudTrail Lake to new customers on 2026-05-31: an account that has no event data store cannot create one"
BUCKET_KEYS = "AWS does not document CloudTrail's encryption context under S3 Bucket Keys: try bucket_key_enabled in the mirrored environment before production"


@dataclass(slots=True)
class _Resolver:
    """Collects problems while names are resolved, so that all are shown at once."""

    config: model.Config
    source: Source
    problems: list[tuple[Path, str]] = field(default_factory=list)
    accounts: dict[str, Account] = field(default_factory=dict)

    def refuse(self, path: Path, text: str) -> None:
        self.problems.append((path, text))

    def account(self, name: str, path: Path) -> Account | None:
        if name in self.accounts:
            return self.accounts[name]
        near = get_close_matches(name, self.accounts, n=1)
        hint = f"did you mean {near[0]!r}?" if near else "list it under accounts"
        self.refuse(path, f"account {name!r} is not listed; listed are {', '.join(sorted(self.accounts))}; {hint}")
        return None

    def principal(self, text: str, path: Path, *, pattern: bool = True) -> str | None:
        try:
            arn = principal_arn(
                text, {name: account.id for name, account in self.accounts.items()}, self.config.partition
            )
        except PrincipalError as error:
            self.refuse(path, str(error))
            return None
        if not pattern and is_pattern(arn):
            self.refuse(path, f"{text!r} is a pattern; role names one role; use principal_arn_like for patterns")
            return None
        return arn

    def principals_of(self, texts: Iterable[str], path: Path, owner: Account, purpose: str) -> tuple[str, ...]:
        """Resolve principals that must live in the key's own account."""
        arns = []
        for index, text in enumerate(texts):
            arn = self.principal(text, (*path, index))
            if arn is None:
                continue
            if account_of(arn) != owner.id:
                self.refuse(
                    (*path, index),
                    f"{text!r} is not in {owner.name!r}, the account of the key; KMS lets only principals of the key's account {purpose}; name one of that account",
                )
            elif arn in arns:
                self.refuse((*path, index), f"{text!r} stands twice; once is enough; remove one")
            else:
                arns.append(arn)
        return tuple(arns)


def account_of(arn: str) -> str:
    """Return the account id of an IAM ARN."""
    parsed = parse_arn(arn)
    return parsed.account if parsed else ""


def resolve(config: model.Config, source: Source) -> tuple[Deployment | None, list[tuple[Path, str]]]:
    """Return the deployment a config describes, or None and every problem, each with its config path."""
    resolver = _Resolver(config, source)
    _accounts(resolver)
    key_account = resolver.account(config.key.account, ("key", "account"))
    bucket_account = resolver.account(config.bucket.account, ("bucket", "account"))
    if config.organization:
        resolver.account(config.organization.management_account, ("organization", "management_account"))
    _regions(resolver)
    _bucket(resolver)
    trails = _trails(resolver)
    readers = _readers(resolver, key_account)
    stores = _stores(resolver)
    administrators: tuple[str, ...] = ()
    break_glass: tuple[str, ...] = ()
    if key_account:
        administrators = resolver.principals_of(
            config.key.administrators, ("key", "administrators"), key_account, "administer it"
        )
        break_glass = resolver.principals_of(
            config.key.break_glass, ("key", "break_glass"), key_account, "replace its policy"
        )
        _duties(resolver, ("key",), administrators, break_glass, key_account)
        _readers_apart(resolver, administrators, readers)
        _alarm(resolver, key_account)
    _unique(
        resolver,
        "trails",
        [
            (
                trail.path,
                f"{trail.account.name}/{trail.settings.home_region}/{identifier(trail.settings.name)}",
                trail.settings.name,
            )
            for trail in trails
        ],
    )
    _unique(resolver, "readers", [(reader.path, identifier(reader.name), reader.name) for reader in readers])
    _unique(
        resolver,
        "event_data_stores",
        [(store.path, identifier(store.settings.name), store.settings.name) for store in stores],
    )
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


def _accounts(resolver: _Resolver) -> None:
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


def _regions(resolver: _Resolver) -> None:
    config = resolver.config
    places: list[tuple[Path, str]] = [(("bucket", "region"), config.bucket.region)]
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


def _bucket(resolver: _Resolver) -> None:
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


def _trails(resolver: _Resolver) -> list[Trail]:
    config = resolver.config
    trails: list[Trail] = []
    names = list(resolver.accounts)
    for index, settings in enumerate(config.trails):
        path: Path = ("trails", index)
        owner = settings.account
        if settings.is_organization_trail:
            if config.organization is None:
                resolver.refuse(
                    (*path, "is_organization_trail"),
                    f"trail {settings.name!r} is an organization trail without an organization; organization: {{id, management_account}} is needed; add it",
                )
                continue
            if owner is not None and owner != config.organization.management_account:
                resolver.refuse(
                    (*path, "account"),
                    f"{owner!r} is not the management account; CloudFormation rolls back an organization trail that a delegated administrator creates, so it lives in {config.organization.management_account!r} only; remove the line",
                )
                continue
            owner = config.organization.management_account
            owner_path: Path = ("organization", "management_account")
        elif owner is None:
            if len(names) != 1:
                resolver.refuse(
                    path,
                    f"trail {settings.name!r} names no account; with more than one account listed each trail names its own; add account: one of {', '.join(sorted(names))}",
                )
                continue
            owner, owner_path = names[0], path
        else:
            owner_path = (*path, "account")
        if owner not in resolver.accounts:
            if not settings.is_organization_trail:  # else already said of organization.management_account
                resolver.account(owner, owner_path)
            continue
        account = resolver.accounts[owner]
        _topic(resolver, settings, account, path)
        _selectors(resolver, settings, path)
        arn = f"arn:{config.partition}:cloudtrail:{settings.home_region}:{account.id}:trail/{settings.name}"
        trails.append(Trail(settings=settings, account=account, arn=arn, path=path))
    for (account_name, region), count in Counter(
        (trail.account.name, trail.settings.home_region) for trail in trails
    ).items():
        if count > TRAILS_PER_REGION:
            resolver.refuse(
                ("trails",),
                f"{count} trails in {account_name!r}, {region}; CloudTrail allows {TRAILS_PER_REGION} in a Region; use fewer",
            )
    return trails


def _topic(resolver: _Resolver, settings: model.Trail, account: Account, path: Path) -> None:
    """The trail's key on a topic would make CloudTrail need GenerateDataKey without the trail's context."""
    topic = settings.sns_topic
    if topic is None or topic.kms_key is None:
        return
    key = resolver.config.key
    same_place = account.name == key.account and settings.home_region == resolver.config.bucket.region
    if topic.kms_key == key.alias and same_place:
        resolver.refuse(
            (*path, "sns_topic", "kms_key"),
            f"{topic.kms_key!r} is the trails' key; on a topic CloudTrail would need kms:GenerateDataKey without the trail's context, which cancels the key's guard; name a key of the topic's own",
        )
    arn = parse_arn(topic.kms_key)
    if arn and arn.region != settings.home_region:
        resolver.refuse(
            (*path, "sns_topic", "kms_key"),
            f"{topic.kms_key!r} is not in {settings.home_region!r}, the topic's Region; KMS keys serve one Region; name a key there",
        )


def _selectors(resolver: _Resolver, settings: model.Trail, path: Path) -> None:
    """The log bucket is left out of its own data events; a selector that asks for it contradicts that."""
    bucket = f"arn:{resolver.config.partition}:s3:::{resolver.config.bucket.name}"
    for index, selector in enumerate(settings.advanced_event_selectors):
        for number, field_selector in enumerate(selector.field_selectors):
            if field_selector.field != "resources.ARN":
                continue
            asked = [
                value
                for value in (*field_selector.equals, *field_selector.starts_with)
                if value == bucket or value.startswith(f"{bucket}/")
            ]
            if asked:
                resolver.refuse(
                    (*path, "advanced_event_selectors", index, "field_selectors", number),
                    f"{asked[0]!r} is in the log bucket; each delivery would log itself again without end; name other buckets",
                )


def _readers(resolver: _Resolver, key_account: Account | None) -> list[Reader]:
    readers = []
    for index, settings in enumerate(resolver.config.readers):
        reader = _reader(resolver, settings, ("readers", index), key_account)
        if reader is not None:
            readers.append(reader)
    return readers


def _reader(resolver: _Resolver, settings: model.Reader, path: Path, key_account: Account | None) -> Reader | None:
    account: Account | None = None
    arns: tuple[str, ...] = ()
    if settings.role is not None or settings.principal_arn_like is not None:
        kind = "role" if settings.role is not None else "principal_arn_like"
        arn = resolver.principal(
            settings.role or settings.principal_arn_like or "", (*path, kind), pattern=kind == "principal_arn_like"
        )
        if arn is None:
            return None
        account = next(account for account in resolver.accounts.values() if account.id == account_of(arn))
        arns = (arn,)
    elif settings.permission_set is not None:
        account = resolver.account(settings.account or "", (*path, "account"))
        if account is None:
            return None
        arns = permission_set_patterns(settings.permission_set, account.id, resolver.config.partition)
    elif settings.account_principal is not None:
        account = resolver.account(settings.account_principal, (*path, "account_principal"))
        if account is None:
            return None
        if key_account and account.id == key_account.id:
            resolver.refuse(
                (*path, "account_principal"),
                f"{account.name!r} is the key's own account; there its administrators would read too, so a whole account is another one; name a role or a permission set",
            )
            return None
    elif settings.service is not None:
        return _service_reader(resolver, settings, path, key_account)
    elif not _in_organization(resolver, settings, path):
        return None
    return Reader(settings=settings, account=account, principal_arns=arns, path=path)


def _service_reader(
    resolver: _Resolver, settings: model.Reader, path: Path, key_account: Account | None
) -> Reader | None:
    config = resolver.config
    if settings.service == "macie":
        # https://docs.aws.amazon.com/macie/latest/user/discovery-supported-encryption-types.html: in its own account Macie
        # reads with its service-linked role; to a key of another account it needs a grant, which no policy gives.
        if config.bucket.account != config.key.account:
            resolver.refuse(
                (*path, "service"),
                f"macie reads the bucket in {config.bucket.account!r}, the key is in {config.key.account!r}; Macie's service-linked role uses keys of its own account; keep key and bucket in one account",
            )
            return None
        if key_account is None:
            return None
        role = f"arn:{config.partition}:iam::{key_account.id}:role/aws-service-role/macie.amazonaws.com/AWSServiceRoleForAmazonMacie"
        return Reader(settings=settings, account=key_account, principal_arns=(role,), path=path)
    if config.organization is None:
        if key_account is None:
            return None
        role = f"arn:{config.partition}:iam::{key_account.id}:role/service-role/AccessAnalyzerMonitorServiceRole*"
        return Reader(settings=settings, account=key_account, principal_arns=(role,), path=path)
    return Reader(settings=settings, account=None, principal_arns=(), path=path)


def _in_organization(resolver: _Resolver, settings: model.Reader, path: Path) -> bool:
    organization = resolver.config.organization
    kind = "principal_org_path" if settings.principal_org_path else "principal_org_id"
    value = settings.principal_org_path or settings.principal_org_id or ""
    if organization is None:
        resolver.refuse(
            (*path, kind),
            f"{value!r} is in an organization, and none is given; organization: {{id, management_account}} is needed; add it",
        )
        return False
    if value.partition("/")[0] != organization.id:
        resolver.refuse(
            (*path, kind),
            f"{value!r} is not in this organization, {organization.id!r}; readers of another organization are not supported; correct the id",
        )
        return False
    if "/r-" not in value and organization.root_id is None:
        resolver.refuse(
            (*path, kind),
            f"{value!r} takes in the whole organization, whose root is not known; the stack set for its accounts targets the root; add organization.root_id: r-...",
        )
        return False
    return True


def _stores(resolver: _Resolver) -> list[Store]:
    config = resolver.config
    stores = []
    aliases = {(config.key.account, config.bucket.region, config.key.alias): "key.alias"}
    for index, settings in enumerate(config.event_data_stores):
        path: Path = ("event_data_stores", index)
        if config.partition == "aws-cn":
            resolver.refuse(
                path,
                f"event data store {settings.name!r} is in aws-cn; CloudTrail Lake does not exist there; remove it",
            )
            continue
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
        _duties(resolver, path, administrators, break_glass, account)
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


def _duties(
    resolver: _Resolver, path: Path, administrators: tuple[str, ...], break_glass: tuple[str, ...], account: Account
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


def _readers_apart(resolver: _Resolver, administrators: tuple[str, ...], readers: list[Reader]) -> None:
    for reader in readers:
        for administrator in administrators:
            if any(patterns_meet(administrator, arn) for arn in reader.principal_arns):
                resolver.refuse(
                    reader.path,
                    f"reader {reader.name!r} takes in the administrator {administrator!r}; whoever administers the key does not read; separate the two",
                )


def _alarm(resolver: _Resolver, key_account: Account) -> None:
    alarm = resolver.config.key.alarm
    arn = parse_arn(alarm.topic_arn) if alarm and alarm.topic_arn else None
    if arn and (arn.account, arn.region) != (key_account.id, resolver.config.bucket.region):
        resolver.refuse(
            ("key", "alarm", "topic_arn"),
            f"{str(arn)!r} is not in the key's account {key_account.id!r} and Region {resolver.config.bucket.region!r}; the rule publishes to a topic beside it; name one there",
        )


def _unique(resolver: _Resolver, what: str, entries: list[tuple[Path, str, str]]) -> None:
    seen: dict[str, str] = {}
    for path, identity, name in entries:
        if identity in seen:
            first = seen[identity]
            how = "stands twice" if first == name else f"differs from {first!r} in punctuation only"
            resolver.refuse((*path, "name"), f"{name!r} {how}; each of {what} needs a name of its own; rename one")
        seen.setdefault(identity, name)


def _deployers(
    resolver: _Resolver,
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
