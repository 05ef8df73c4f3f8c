"""The trails of a config: who owns each, its ARN, and what would break its delivery."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from trailkey.aws import TRAILS_PER_REGION, parse_arn
from trailkey.config.deployment import Account, Trail

if TYPE_CHECKING:
    from trailkey.config import model
    from trailkey.config.resolve.resolver import Resolver
    from trailkey.config.source import ConfigPath


def resolve_trails(resolver: Resolver) -> list[Trail]:
    """Return the trails with owner and ARN."""
    config = resolver.config
    trails: list[Trail] = []
    names = list(resolver.accounts)
    for index, settings in enumerate(config.trails):
        path: ConfigPath = ("trails", index)
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
            owner_path: ConfigPath = ("organization", "management_account")
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
        _log_group(resolver, settings, path)
        _selectors(resolver, settings, path)
        arn = f"arn:{config.partition}:cloudtrail:{settings.home_region}:{account.id}:trail/{settings.name}"
        trails.append(Trail(settings=settings, account=account, arn=arn, path=path))
    _topics_apart(resolver, trails)
    for (account_name, region), count in Counter(
        (trail.account.name, trail.settings.home_region) for trail in trails
    ).items():
        if count > TRAILS_PER_REGION:
            resolver.refuse(
                ("trails",),
                f"{count} trails in {account_name!r}, {region}; CloudTrail allows {TRAILS_PER_REGION} in a Region; use fewer",
            )
    return trails


def _topic(resolver: Resolver, settings: model.Trail, account: Account, path: ConfigPath) -> None:
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
    _key_here(resolver, settings, topic.kms_key, (*path, "sns_topic", "kms_key"), "topic")


def _log_group(resolver: Resolver, settings: model.Trail, path: ConfigPath) -> None:
    logs = settings.cloudwatch_logs
    if logs is not None and logs.kms_key_arn is not None:
        _key_here(resolver, settings, logs.kms_key_arn, (*path, "cloudwatch_logs", "kms_key_arn"), "log group")


def _key_here(resolver: Resolver, settings: model.Trail, key: str, path: ConfigPath, user: str) -> None:
    """KMS keys serve their own partition and Region."""
    arn = parse_arn(key)
    if arn and (arn.partition, arn.region) != (resolver.config.partition, settings.home_region):
        resolver.refuse(
            path,
            f"{key!r} is not in {resolver.config.partition!r} and {settings.home_region!r}, where the {user} is; KMS keys serve one Region; name a key there",
        )


def _topics_apart(resolver: Resolver, trails: list[Trail]) -> None:
    seen: dict[tuple[str, str, str], str] = {}
    for trail in trails:
        if trail.settings.sns_topic is None:
            continue
        topic = trail.settings.sns_topic.name
        first = seen.setdefault((trail.account.name, trail.settings.home_region, topic), trail.settings.name)
        if first != trail.settings.name:
            resolver.refuse(
                (*trail.path, "sns_topic", "name"),
                f"{topic!r} is the topic of {first!r} too; each topic is made for one trail; rename one",
            )


def _selectors(resolver: Resolver, settings: model.Trail, path: ConfigPath) -> None:
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
