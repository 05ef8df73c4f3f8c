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


def resolve_trails(resolver: Resolver, settings: Settings, path: ConfigPath) -> tuple[Trail, ...]:
    """Return a trail with its owner and ARN, or one for each account that owns one of its name."""
    resolver.in_partition(settings, "home_region", path)
    for check in (_topic_is_not_of_the_trails_key, _keys_here, _selectors):
        with if_known:
            check(resolver, settings, path)
    owners = _owners_in_set(resolver, settings, path) if settings.in_set else (_owner(resolver, settings, path),)
    home = f"arn:{resolver.config.partition}:cloudtrail:{settings.home_region}"
    return tuple(
        Trail(settings=settings, account=one, arn=f"{home}:{one.id if one else '*'}:trail/{settings.name}", path=path)
        for one in owners
    )


def trails_apart(resolver: Resolver, trails: Sequence[Trail]) -> None:
    """Refuse trails that share a topic, and more of them than a Region takes."""
    seen: dict[tuple[str, str, str], str] = {}
    for trail in trails:
        with if_known:
            if trail.settings.sns_topic is None or trail.account is None:
                continue
            topic = trail.settings.sns_topic.name
            first = seen.setdefault((trail.account.name, trail.settings.home_region, topic), trail.settings.name)
            if first != trail.settings.name:
                said = f"{topic!r} is the topic of {first!r} too; each topic is made for one trail; rename one"
                resolver.refuse((*trail.path, "sns_topic", "name"), said)
    places = [(trail.account.name, trail.settings.home_region) for trail in trails if trail.account]
    resolver.at_most(TRAILS_PER_REGION, "trails", places)


def _owners_in_set(resolver: Resolver, settings: Settings, path: ConfigPath) -> tuple[Account | None, ...]:
    """Return the accounts of a trail that a stack set brings to several; None stands for those of units.

    See: https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_DeploymentTargets.html (never the management account)
    """
    organization, key = resolver.config.organization, "accounts" if settings.accounts else "organizational_unit_ids"
    if organization is None:
        said = f"trail {settings.name!r} is of several accounts without an organization, whose stack sets bring it there; organization: {{id, management_account}} is needed; add it"
        resolver.give_up((*path, key), said)
    if settings.accounts is None:
        return (None,)
    if organization.root_id is None:
        said = f"trail {settings.name!r} is of several accounts; their stack set targets them below the root, which is not known; add organization.root_id: r-..."
        resolver.give_up((*path, key), said)
    if "codepipeline" in resolver.config.rollout.engines:
        said = "rollout.engines has codepipeline, whose stack sets are over whole units; use organizational_unit_ids, or another engine"
        resolver.refuse((*path, key), said)
    owners: list[Account] = []
    for index, name in enumerate(settings.accounts):
        with if_known:
            owners.append(resolver.account(name, (*path, key, index)))
            if name == organization.management_account:
                said = f"{name!r} is the management account, which service-managed stack sets leave out; other accounts are allowed; give it a trail of its own"
                resolver.refuse((*path, key, index), said)
    return tuple(owners)


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
