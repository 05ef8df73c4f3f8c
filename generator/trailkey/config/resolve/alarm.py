"""The alarm: that it can ring where it watches, and that its topics and their key are there."""

from __future__ import annotations

from typing import TYPE_CHECKING

from trailkey.aws import parse_arn
from trailkey.config.watched import Watched, hears, watched

if TYPE_CHECKING:
    from collections.abc import Sequence

    from trailkey.config.deployment import Deployment
    from trailkey.config.key_model import Alarm
    from trailkey.config.resolve.resolver import Resolver

_PATH = ("key", "alarm")


def resolve_alarm(resolver: Resolver, deployment: Deployment) -> None:
    """Refuse an alarm that could not ring, and what it says of topics that it has no use for."""
    alarm, things = deployment.config.key.alarm, list(watched(deployment))
    if alarm is None:
        return
    _rings(resolver, deployment, alarm, things)
    given = _topics(resolver, deployment, alarm, things)
    made = sorted({one.place for one in things} - given)
    if alarm.email and not made:
        said = f"email is given, and topic_arns names a topic in each place ({_listed(given)}); a subscription is made for a topic made here only; remove one of the two"
        resolver.refuse(_PATH, said)
    if alarm.kms_key:
        _key(resolver, deployment, alarm.kms_key, made)


def _rings(resolver: Resolver, deployment: Deployment, alarm: Alarm, things: Sequence[Watched]) -> None:
    if len(deployment.trails) < len(deployment.config.trails):
        return  # one that is not known, for what is wrong with it, may be what makes it ring
    silent = [one for one in things if not any(hears(trail, one) for trail in deployment.trails)]
    if alarm.trail_elsewhere and not silent:
        said = "trail_elsewhere is true, and trails of this config log all that the alarm watches; remove it"
        resolver.refuse((*_PATH, "trail_elsewhere"), said)
    for one in () if alarm.trail_elsewhere else silent:
        events = "KMS's write management events" if one.kind == "key" else "write management events"
        said = f"the alarm would never ring for {one.kind} {one.name!r}: EventBridge hears of calls only where a trail logs them, and no trail of this config logs {events} in account {one.account.name!r}, {one.region}; log them, set trail_elsewhere: true where another trail does, or remove alarm"
        resolver.refuse(_PATH, said)


def _topics(
    resolver: Resolver, deployment: Deployment, alarm: Alarm, things: Sequence[Watched]
) -> set[tuple[str, str]]:
    """Return the places that have a given topic; a topic elsewhere is refused, and a second one in a place."""
    places, given = {one.place for one in things}, set[tuple[str, str]]()
    for number, text in enumerate(alarm.topic_arns):
        arn = parse_arn(text)
        place = (arn.account, arn.region) if arn else ("", "")
        if place not in places or (arn and arn.partition != deployment.partition):
            said = f"{text!r} is in none of the places where the alarm watches ({_listed(places)}); a rule publishes to a topic beside it; name one there"
            resolver.refuse((*_PATH, "topic_arns", number), said)
        elif place in given:
            said = f"{text!r} is a second topic in account {place[0]}, {place[1]}; a rule publishes to one; remove one of the two"
            resolver.refuse((*_PATH, "topic_arns", number), said)
        given.add(place)
    return given & places


def _key(resolver: Resolver, deployment: Deployment, key: str, made: Sequence[tuple[str, str]]) -> None:
    path, arn = (*_PATH, "kms_key"), parse_arn(key)
    if not made:
        said = f"{key!r} is given, and no topic is made here; it encrypts topics made here only; remove it"
        resolver.refuse(path, said)
    elif key == deployment.config.key.alias and (deployment.key_account.id, deployment.region) in made:
        said = f"{key!r} is the trails' key; EventBridge would need kms:Decrypt and kms:GenerateDataKey on it without the trail's context, which cancels the key's guard; name a key of the topic's own"
        resolver.refuse(path, said)
    elif arn and any((arn.partition, arn.region) != (deployment.partition, region) for _, region in made):
        said = f"{key!r} is not in {deployment.partition!r} and each Region with a topic ({_listed(made)}); KMS keys serve one Region; name an alias, which leads to a key in each"
        resolver.refuse(path, said)


def _listed(places: Sequence[tuple[str, str]] | set[tuple[str, str]]) -> str:
    return "; ".join(f"{account}, {region}" for account, region in sorted(places))
