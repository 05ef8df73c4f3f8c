"""The trails of a config: who owns each, its ARN, and what would break its delivery."""

from __future__ import annotations

from typing import TYPE_CHECKING

from trailkey.aws import TRAILS_PER_REGION, parse_arn
from trailkey.config.deployment import Trail
from trailkey.config.section import if_known

if TYPE_CHECKING:
    from collections.abc import Sequence

    from trailkey.config.account import Account
    from trailkey.config.resolve.resolver import Resolver
    from trailkey.config.source import ConfigPath
    from trailkey.config.trail_model import Trail as Settings


def resolve_trail(resolver: Resolver, settings: Settings, path: ConfigPath) -> Trail:
    """Return a trail with its owner and ARN."""
    resolver.in_partition(settings, "home_region", path)
    for check in (_topic_is_not_of_the_trails_key, _keys_here, _selectors):
        with if_known:
            check(resolver, settings, path)
    account = _owner(resolver, settings, path)
    arn = f"arn:{resolver.config.partition}:cloudtrail:{settings.home_region}:{account.id}:trail/{settings.name}"
    return Trail(settings=settings, account=account, arn=arn, path=path)


def trails_apart(resolver: Resolver, trails: Sequence[Trail]) -> None:
    """Refuse trails that share a topic, and more of them than a Region takes."""
    seen: dict[tuple[str, str, str], str] = {}
    for trail in trails:
        with if_known:
            if trail.settings.sns_topic is None:
                continue
            topic = trail.settings.sns_topic.name
            first = seen.setdefault((trail.account.name, trail.settings.home_region, topic), trail.settings.name)
            if first != trail.settings.name:
                said = f"{topic!r} is the topic of {first!r} too; each topic is made for one trail; rename one"
                resolver.refuse((*trail.path, "sns_topic", "name"), said)
    places = [(trail.account.name, trail.settings.home_region) for trail in trails]
    resolver.at_most(TRAILS_PER_REGION, "trails", places)


def _owner(resolver: Resolver, settings: Settings, path: ConfigPath) -> Account:
    config = resolver.config
    if settings.is_organization_trail:
        if config.organization is None:
            said = f"trail {settings.name!r} is an organization trail without an organization; organization: {{id, management_account}} is needed; add it"
            resolver.give_up((*path, "is_organization_trail"), said)
        management = config.organization.management_account
        if settings.account not in (None, management):
            said = f"{settings.account!r} is not the management account; CloudFormation rolls back an organization trail that a delegated administrator creates, so it lives in {management!r} only; remove the line"
            resolver.give_up((*path, "account"), said)
        return resolver.account(management, ("organization", "management_account"))
    if settings.account is not None:
        return resolver.account(settings.account, (*path, "account"))
    ours = [name for name, account in config.accounts.items() if account.ours] or list(config.accounts)
    if len(ours) != 1:
        said = f"trail {settings.name!r} names no account; with more than one account listed each trail names its own; add account: one of {', '.join(sorted(ours))}"
        resolver.give_up(path, said)
    return resolver.account(ours[0], path)


def _topic_is_not_of_the_trails_key(resolver: Resolver, settings: Settings, path: ConfigPath) -> None:
    """The trail's key on a topic would make CloudTrail need GenerateDataKey without the trail's context."""
    topic, key = settings.sns_topic, resolver.config.key
    if topic is None or topic.kms_key != key.alias or settings.home_region != resolver.config.bucket.region:
        return
    if _owner(resolver, settings, path).name == key.account:
        said = f"{topic.kms_key!r} is the trails' key; on a topic CloudTrail would need kms:GenerateDataKey without the trail's context, which cancels the key's guard; name a key of the topic's own"
        resolver.refuse((*path, "sns_topic", "kms_key"), said)


def _keys_here(resolver: Resolver, settings: Settings, path: ConfigPath) -> None:
    """KMS keys serve their own partition and Region."""
    for user, section, key in (("topic", "sns_topic", "kms_key"), ("log group", "cloudwatch_logs", "kms_key_arn")):
        with if_known:
            given = getattr(getattr(settings, section), key, None)
            arn = parse_arn(given or "")
            if arn and (arn.partition, arn.region) != (resolver.config.partition, settings.home_region):
                said = f"{given!r} is not in {resolver.config.partition!r} and {settings.home_region!r}, where the {user} is; KMS keys serve one Region; name a key there"
                resolver.refuse((*path, section, key), said)


def _selectors(resolver: Resolver, settings: Settings, path: ConfigPath) -> None:
    """The log bucket is left out of its own data events; a selector that asks for it contradicts that."""
    bucket = f"arn:{resolver.config.partition}:s3:::{resolver.config.bucket.name}"
    for index, selector in enumerate(settings.advanced_event_selectors):
        for number, field_selector in enumerate(selector.field_selectors):
            if field_selector.field != "resources.ARN":
                continue
            asked = (*field_selector.equals, *field_selector.starts_with)
            if own := next((value for value in asked if f"{value}/".startswith(f"{bucket}/")), None):
                said = f"{own!r} is in the log bucket; each delivery would log itself again without end; name other buckets"
                resolver.refuse((*path, "advanced_event_selectors", index, "field_selectors", number), said)
