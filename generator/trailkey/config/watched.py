"""What the alarm watches, and where the calls that endanger it happen."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from trailkey.config.deployment import identifier

if TYPE_CHECKING:
    from collections.abc import Iterator

    from trailkey.config.account import Account
    from trailkey.config.deployment import Deployment, Trail
    from trailkey.config.source import ConfigPath


@dataclass(frozen=True, slots=True, kw_only=True)
class Watched:
    """The trails' key, a trail or the log bucket, by its alias or name; ``region`` is where calls on it are made.

    ``identifier`` is what the logical ids around it begin with.
    """

    kind: Literal["key", "trail", "bucket"]
    name: str
    identifier: str
    account: Account
    region: str
    path: ConfigPath

    @property
    def place(self) -> tuple[str, str]:
        """Account and Region: those whose EventBridge hears of calls on it."""
        return self.account.id, self.region


def watched(deployment: Deployment) -> Iterator[Watched]:
    """Yield what the alarm watches; nothing where there is none."""
    config = deployment.config
    if config.key.alarm is None:
        return
    yield Watched(
        kind="key",
        name=config.key.alias,
        identifier="Key",
        account=deployment.key_account,
        region=deployment.region,
        path=("key",),
    )
    yield Watched(
        kind="bucket",
        name=config.bucket.name,
        identifier="LogBucket",
        account=deployment.bucket_account,
        region=deployment.region,
        path=("bucket",),
    )
    for trail in deployment.trails:
        if trail.account is None or trail.in_set:
            continue  # the alarm would be a stack in each of its accounts; a notice says that there is none
        yield Watched(
            kind="trail",
            name=trail.settings.name,
            identifier=f"{identifier(trail.settings.name).removesuffix('Trail')}Trail",
            account=trail.account,
            region=trail.settings.home_region,
            path=trail.path,
        )


def hears(trail: Trail, one: Watched) -> bool:
    """Tell whether a trail makes EventBridge hear of calls that change what is watched: it logs write management events there.

    See: https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-service-event-cloudtrail.html
    """
    settings, events = trail.settings, trail.settings.management_events
    if not settings.is_logging or events is None or events.read_write_type == "ReadOnly":
        return False
    if one.kind == "key" and "kms.amazonaws.com" in events.exclude_event_sources:
        return False
    here = settings.is_multi_region_trail or settings.home_region == one.region
    return here and (settings.is_organization_trail or trail.account == one.account)
