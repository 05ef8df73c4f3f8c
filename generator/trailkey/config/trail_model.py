"""The part of a config that describes a trail: what it logs, where it delivers, whom it tells."""

from __future__ import annotations

from itertools import chain
from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field

from trailkey.aws import SELECTOR_VALUES
from trailkey.config import names
from trailkey.config.section import NOT_NULL, Section, each_once

if TYPE_CHECKING:
    from collections.abc import Iterator


class ManagementEvents(Section):
    """Which management events a trail logs."""

    read_write_type: Literal["All", "ReadOnly", "WriteOnly"] = "All"
    """Security Hub CloudTrail.1 wants All."""
    exclude_event_sources: tuple[Literal["kms.amazonaws.com", "rdsdata.amazonaws.com"], ...] = ()
    """Busy sources to leave out; leaving out KMS hides who decrypts."""

    def contradictions(self) -> Iterator[str]:
        """Yield what its values say against each other."""
        yield from each_once("exclude_event_sources", self.exclude_event_sources)


class FieldSelector(Section):
    """One condition of an advanced event selector; at least one operator."""

    field: Literal[
        "eventCategory",
        "eventName",
        "eventSource",
        "eventType",
        "readOnly",
        "resources.ARN",
        "resources.type",
        "sessionCredentialFromConsole",
        "errorCode",
        "userIdentity.arn",
        "vpcEndpointId",
    ]
    equals: tuple[names.SelectorValue, ...] = ()
    starts_with: tuple[names.SelectorValue, ...] = ()
    ends_with: tuple[names.SelectorValue, ...] = ()
    not_equals: tuple[names.SelectorValue, ...] = ()
    not_starts_with: tuple[names.SelectorValue, ...] = ()
    not_ends_with: tuple[names.SelectorValue, ...] = ()

    @property
    def operators(self) -> dict[str, tuple[str, ...]]:
        """The values of every operator, by the name that CloudTrail has for it."""
        keys = [key for key in type(self).model_fields if key != "field"]
        return {key.title().replace("_", ""): getattr(self, key) for key in keys}

    @property
    def values(self) -> tuple[str, ...]:
        """Every value of every operator; AWS counts them."""
        return tuple(chain(*self.operators.values()))

    def contradictions(self) -> Iterator[str]:
        """Yield what its values say against each other."""
        if not self.values:
            yield f"field {self.field!r} has no operator; equals, starts_with, ends_with, not_equals, not_starts_with and not_ends_with are allowed, each a list of one or more values; add one"
        for key in type(self).model_fields:
            if key != "field":
                yield from each_once(key, getattr(self, key))
        if any(not 1 <= len(value) <= 2048 for value in self.values):
            yield f"field {self.field!r} has an empty or overlong value; CloudTrail allows 1 to 2,048 characters; correct it"


class AdvancedEventSelector(Section):
    """Data or network activity events to log as well. The log bucket leaves itself out of its own data events."""

    name: Annotated[names.SelectorName | None, NOT_NULL] = None
    field_selectors: Annotated[tuple[FieldSelector, ...], Field(min_length=1)]

    def contradictions(self) -> Iterator[str]:
        """Yield what its values say against each other."""
        fields = [selector.field for selector in self.field_selectors]
        if twice := next((field for field in fields if fields.count(field) > 1), None):
            yield f"field {twice!r} is given twice; each may be given once in a selector; put its operators together"
        category = next((selector for selector in self.field_selectors if selector.field == "eventCategory"), None)
        if category is None or category.values != category.equals or len(category.equals) != 1:
            yield "the selector does not say exactly one category; eventCategory with equals and one value is needed; write {field: eventCategory, equals: [Data]}"
        elif category.equals[0] == "Management":
            yield "eventCategory 'Management' has its own key; Data and NetworkActivity are allowed here; use management_events"
        elif category.equals[0] not in ("Data", "NetworkActivity"):
            yield f"eventCategory {category.equals[0]!r} is not a category that a trail logs; Data and NetworkActivity are allowed; correct it"
        else:
            needed = "resources.type" if category.equals[0] == "Data" else "eventSource"
            if not any(selector.field == needed and selector.equals for selector in self.field_selectors):
                yield f"{needed} is missing; {category.equals[0]} selectors name it with equals; add it"


class CloudWatchLogs(Section):
    """Delivery to a CloudWatch Logs log group, made with its role. What reads that log group reads the same events."""

    retention_days: Literal[
        1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653
    ] = 365
    """Days events are kept."""
    kms_key_arn: names.KeyArn | None = None
    """A key of its own for the log group, whose policy lets logs.REGION.amazonaws.com use it."""


class SnsTopic(Section):
    """A topic that tells of each delivered log file, made with its policy."""

    name: names.TopicName
    """Name of the topic."""
    kms_key: names.TopicKey | None = None
    """A key of its own (never the trail's), whose policy lets CloudTrail use kms:GenerateDataKey* and kms:Decrypt."""


class Trail(Section):
    """A trail that delivers to the bucket and encrypts with the key."""

    name: names.TrailName
    """Name of the trail; its ARN, which the policies name, is made from it."""
    account: Annotated[str | None, NOT_NULL] = None
    """Name of the account that owns it; an organization trail lives in the management account."""
    accounts: Annotated[tuple[str, ...] | None, Field(min_length=1), NOT_NULL] = None
    """Names of accounts that each own one of this name, in place of account: one template, one stack set."""
    organizational_unit_ids: Annotated[tuple[names.UnitId, ...] | None, Field(min_length=1), NOT_NULL] = None
    """Units whose every account owns one, now and later, in place of account: policies do not grow with accounts."""
    home_region: names.Region
    """Region its ARN carries and its stack is deployed to."""
    is_organization_trail: bool = False
    """Logs all accounts of the organization."""
    is_multi_region_trail: bool = True
    """Logs all Regions that are enabled."""
    include_global_service_events: bool = True
    """Logs IAM, STS and CloudFront, which have no Region."""
    enable_log_file_validation: bool = True
    """Writes digest files, which ``aws cloudtrail validate-logs`` checks."""
    is_logging: bool = True
    """Logs now."""
    s3_key_prefix: names.Prefix | None = None
    """Prefix before AWSLogs/ in the bucket."""
    management_events: ManagementEvents | None = ManagementEvents()
    """Management events to log; ``null`` for none."""
    advanced_event_selectors: tuple[AdvancedEventSelector, ...] = ()
    """Data and network activity events to log as well."""
    insights: tuple[Literal["ApiCallRateInsight", "ApiErrorRateInsight"], ...] = ()
    """CloudTrail Insights to detect."""
    cloudwatch_logs: CloudWatchLogs | None = None
    """Delivery to CloudWatch Logs; ``{}`` for the defaults."""
    sns_topic: SnsTopic | None = None
    """Tell of each delivered log file."""

    def contradictions(self) -> Iterator[str]:
        """Yield what its values say against each other."""
        yield from each_once("insights", self.insights)
        yield from each_once("advanced_event_selectors", self.advanced_event_selectors)
        yield from self._contradictions_of_a_set()
        if self.is_multi_region_trail and not self.include_global_service_events:
            yield "include_global_service_events is false; CloudTrail allows that for a single-Region trail only; set is_multi_region_trail: false or remove the line"
        if self.management_events is None and not self.advanced_event_selectors:
            yield "the trail logs nothing: management_events is null and there are no advanced_event_selectors; one of them is needed; remove the line management_events: null, or add a selector"
        if self.insights and (self.management_events is None or self.management_events.read_write_type == "ReadOnly"):
            yield "insights are made from write management events, which this trail does not log; management_events with read_write_type All or WriteOnly is needed; log them, or remove insights"
        values = sum(
            len(field.values) for selector in self.advanced_event_selectors for field in selector.field_selectors
        )
        if values > SELECTOR_VALUES - 20:
            yield f"the selectors hold {values} values; CloudTrail allows {SELECTOR_VALUES} in a trail, 20 of which are kept for management events and the log bucket; use fewer, with starts_with"

    @property
    def in_set(self) -> bool:
        """Whether a stack set brings it to several accounts."""
        return self.accounts is not None or self.organizational_unit_ids is not None

    def _contradictions_of_a_set(self) -> Iterator[str]:
        """Yield what a trail that a stack set brings to several accounts cannot have."""
        owners = [key for key in ("account", "accounts", "organizational_unit_ids") if getattr(self, key) is not None]
        if len(owners) > 1:
            yield f"{' and '.join(owners)} are given; one of them says who owns the trail; keep one"
        if not self.in_set:
            return
        key = owners[0]
        yield from each_once(key, getattr(self, key))
        if self.is_organization_trail:
            yield f"{key} is given for an organization trail, which logs every account from the management account; remove {key}, or is_organization_trail"
        for kept in ("cloudwatch_logs", "sns_topic"):
            if getattr(self, kept) is not None:
                yield f"{kept} is given for a trail of a stack set, which makes the trail alone in each account; remove {kept}, or give the trail one account"
        for unit in self.organizational_unit_ids or ():
            if unit.startswith("r-"):
                yield f"{unit!r} is the root; an organization trail logs the whole organization; name units, or use is_organization_trail: true"
