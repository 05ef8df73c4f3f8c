"""The config as a person writes it: words of CloudFormation and IAM in snake case, every default in sight.

Holds what can be judged of a value alone; what one part says about another is judged in ``references``.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, field_validator, model_validator

from trailkey.aws import PENDING_WINDOW_DAYS, ROTATION_PERIOD_DAYS, SELECTOR_VALUES, TAGS_PER_RESOURCE
from trailkey.config import names

Principal = Annotated[str, StringConstraints(min_length=1)]
Tags = dict[names.TagKey, names.TagValue]


class Section(BaseModel):
    """What all parts of a config have in common: unknown keys are errors, values are not changed after reading."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, use_attribute_docstrings=True)


class Organization(Section):
    """The organization in AWS Organizations."""

    id: names.OrganizationId
    """Id of the organization, ``o-`` and letters."""
    management_account: str
    """Name (under ``accounts``) of the management account; it owns every organization trail."""
    root_id: names.RootId | None = None
    """Id of the organization's root, ``r-`` and letters; needed where a reader takes in the whole organization."""


class Account(Section):
    """An AWS account that takes part."""

    id: names.AccountId
    """Twelve digits, in quotes."""
    deployer: Principal | None = None
    """The role that creates and updates the stacks there, ``role/Path/Name``; a pattern such as ``role/stacksets-exec-*`` is fine. Needed for every account that gets a stack."""


class Alarm(Section):
    """An EventBridge rule that tells of DisableKey, ScheduleKeyDeletion and PutKeyPolicy on the key."""

    topic_arn: names.TopicArn | None = None
    """An existing SNS topic in the key's account and Region, whose policy lets EventBridge publish; without it a topic is made."""
    email: names.Email | None = None
    """An address that is subscribed to the topic made here; whoever reads the mail must confirm."""

    @model_validator(mode="after")
    def _one_topic(self) -> Alarm:
        if self.topic_arn and self.email:
            raise ValueError(
                "email stands beside topic_arn; a subscription is made for a topic made here only; remove one of the two"
            )
        return self


class KeySettings(Section):
    """What every KMS key made here is given. Keys are symmetric (SYMMETRIC_DEFAULT); CloudTrail takes no other."""

    description: names.Text | None = None
    """Description of the key."""
    rotation_period_days: Annotated[int, Field(ge=ROTATION_PERIOD_DAYS[0], le=ROTATION_PERIOD_DAYS[1])] = 365
    """Days between automatic rotations; old logs stay readable, the ARN stays the same."""
    pending_window_days: Annotated[int, Field(ge=PENDING_WINDOW_DAYS[0], le=PENDING_WINDOW_DAYS[1])] = 30
    """Days a deletion can still be cancelled."""


class Key(KeySettings):
    """The key that encrypts the trails' logs. Its Region is the bucket's."""

    account: str
    """Name of the account that owns the key."""
    alias: names.Alias = "alias/cloudtrail-logs"
    """Alias of the key; policy names are made from it."""
    administrators: tuple[Principal, ...] = ()
    """Who describes, tags and rotates the key, and is denied every use of it and every change of its policy."""
    break_glass: tuple[Principal, ...] = ()
    """Who may replace the key policy, disable and delete the key."""
    name_roles: bool = False
    """Name exact roles as Principal instead of the account with aws:PrincipalArn. In the key's account no IAM policy is then needed; a role must exist first, and one made anew has lost its access."""
    alarm: Alarm | None = None
    """Tell of changes that endanger the key; ``{}`` for the defaults."""


class Lifecycle(Section):
    """When log files move and go."""

    transition_days: Annotated[int, Field(ge=1, le=36_500)] | None = None
    """Days until log files move to ``transition_storage_class``."""
    transition_storage_class: Literal["GLACIER_IR", "GLACIER", "DEEP_ARCHIVE", "STANDARD_IA", "INTELLIGENT_TIERING"] = (
        "GLACIER_IR"
    )
    """The storage class they move to; Athena reads none of GLACIER and DEEP_ARCHIVE."""
    expiration_days: Annotated[int, Field(ge=1, le=36_500)] | None = None
    """Days until log files are deleted; kept for ever without it."""
    noncurrent_version_expiration_days: Annotated[int, Field(ge=1, le=36_500)] | None = None
    """Days until a replaced or deleted version goes for good."""

    @model_validator(mode="after")
    def _order(self) -> Lifecycle:
        if (
            self.transition_storage_class == "STANDARD_IA"
            and self.transition_days is not None
            and self.transition_days < 30
        ):
            raise ValueError(
                f"transition_days is {self.transition_days}; S3 moves objects to STANDARD_IA after 30 days or more; raise it or choose GLACIER_IR"
            )
        if self.transition_days and self.expiration_days and self.expiration_days <= self.transition_days:
            raise ValueError(
                f"expiration_days is {self.expiration_days}, transition_days {self.transition_days}; objects must move before they go; raise expiration_days"
            )
        return self


class ObjectLock(Section):
    """S3 Object Lock: versions cannot be deleted before their time. Cannot be turned off again."""

    mode: Literal["GOVERNANCE", "COMPLIANCE"]
    """COMPLIANCE binds everyone, the root user too; GOVERNANCE can be lifted with s3:BypassGovernanceRetention."""
    retention_days: Annotated[int, Field(ge=1, le=36_500)]
    """Days each version is kept."""


class AccessLogs(Section):
    """Server access logging of the log bucket, to a bucket of its own: SSE-S3, the service cannot write to SSE-KMS."""

    bucket: names.BucketName | None = None
    """Name of the bucket for access logs; ``<log bucket>-access-logs`` without it."""
    existing: bool = False
    """The bucket exists and its policy lets logging.s3.amazonaws.com write; else it is made."""
    expiration_days: Annotated[int, Field(ge=1, le=36_500)] = 365
    """Days access logs are kept, in a bucket made here."""


class Bucket(Section):
    """The bucket the trails deliver to."""

    account: str
    """Name of the account that owns the bucket."""
    region: names.Region
    """Region of the bucket and of the key: CloudTrail wants both in one."""
    name: names.BucketName
    """Name of the bucket."""
    existing: bool = False
    """The bucket exists: no stack is made for it, the statements its policy needs are written to a file."""
    bucket_key_enabled: bool = False
    """S3 Bucket Keys. Off, since AWS does not document CloudTrail's encryption context under Bucket Keys; CloudTrail needs kms:Decrypt when on."""
    access_logs: AccessLogs | None = AccessLogs()
    """Server access logging; ``null`` turns it off."""
    lifecycle: Lifecycle = Lifecycle()
    """When log files move and go; kept for ever by default."""
    object_lock: ObjectLock | None = None
    """S3 Object Lock with a default retention."""


class ManagementEvents(Section):
    """Which management events a trail logs."""

    read_write_type: Literal["All", "ReadOnly", "WriteOnly"] = "All"
    """Security Hub CloudTrail.1 wants All."""
    exclude_event_sources: tuple[Literal["kms.amazonaws.com", "rdsdata.amazonaws.com"], ...] = ()
    """Busy sources to leave out; leaving out KMS hides who decrypts."""


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
    equals: tuple[str, ...] = ()
    starts_with: tuple[str, ...] = ()
    ends_with: tuple[str, ...] = ()
    not_equals: tuple[str, ...] = ()
    not_starts_with: tuple[str, ...] = ()
    not_ends_with: tuple[str, ...] = ()

    @property
    def values(self) -> tuple[str, ...]:
        """Every value of every operator; AWS counts them."""
        return (
            self.equals
            + self.starts_with
            + self.ends_with
            + self.not_equals
            + self.not_starts_with
            + self.not_ends_with
        )

    @model_validator(mode="after")
    def _some_value(self) -> FieldSelector:
        if not self.values:
            raise ValueError(
                f"field {self.field!r} has no operator; equals, starts_with, ends_with, not_equals, not_starts_with and not_ends_with are allowed, each a list of one or more values; add one"
            )
        if any(not 1 <= len(value) <= 2048 for value in self.values):
            raise ValueError(
                f"field {self.field!r} has an empty or overlong value; CloudTrail allows 1 to 2,048 characters; correct it"
            )
        return self


class AdvancedEventSelector(Section):
    """Data or network activity events to log as well. The log bucket leaves itself out of its own data events."""

    name: Annotated[str, StringConstraints(min_length=1, max_length=1000)] | None = None
    field_selectors: Annotated[tuple[FieldSelector, ...], Field(min_length=1)]

    @model_validator(mode="after")
    def _category(self) -> AdvancedEventSelector:
        fields = [selector.field for selector in self.field_selectors]
        if len(set(fields)) != len(fields):
            twice = next(field for field in fields if fields.count(field) > 1)
            raise ValueError(
                f"field {twice!r} stands twice; each may stand once in a selector; put its operators together"
            )
        category = next((selector for selector in self.field_selectors if selector.field == "eventCategory"), None)
        if category is None or category.values != category.equals or len(category.equals) != 1:
            raise ValueError(
                "the selector says no category, or more than one; eventCategory with equals and one value is needed; write {field: eventCategory, equals: [Data]}"
            )
        if category.equals[0] == "Management":
            raise ValueError(
                "eventCategory 'Management' has its own key; Data and NetworkActivity are allowed here; use management_events"
            )
        if category.equals[0] not in ("Data", "NetworkActivity"):
            raise ValueError(
                f"eventCategory {category.equals[0]!r} is no category that a trail logs; Data and NetworkActivity are allowed; correct it"
            )
        needed = "resources.type" if category.equals[0] == "Data" else "eventSource"
        if not any(selector.field == needed and selector.equals for selector in self.field_selectors):
            raise ValueError(f"{needed} is missing; {category.equals[0]} selectors name it with equals; add it")
        return self


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
    account: str | None = None
    """Name of the account that owns it; an organization trail lives in the management account."""
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

    @model_validator(mode="after")
    def _consistent(self) -> Trail:
        if self.is_multi_region_trail and not self.include_global_service_events:
            raise ValueError(
                "include_global_service_events is false; CloudTrail allows that for a single-Region trail only; set is_multi_region_trail: false or remove the line"
            )
        if self.management_events is None and not self.advanced_event_selectors:
            raise ValueError(
                "the trail logs nothing: management_events is null and there are no advanced_event_selectors; one of them is needed; remove the line management_events: null, or add a selector"
            )
        if self.insights and (self.management_events is None or self.management_events.read_write_type == "ReadOnly"):
            raise ValueError(
                "insights are made from write management events, which this trail does not log; management_events with read_write_type All or WriteOnly is needed; log them, or remove insights"
            )
        values = sum(
            len(field.values) for selector in self.advanced_event_selectors for field in selector.field_selectors
        )
        if values > SELECTOR_VALUES - 20:
            raise ValueError(
                f"the selectors hold {values} values; CloudTrail allows {SELECTOR_VALUES} in a trail, 20 of which are kept for management events and the log bucket; use fewer, with starts_with"
            )
        return self


READER_KINDS = (
    "role",
    "permission_set",
    "principal_arn_like",
    "account_principal",
    "principal_org_path",
    "principal_org_id",
    "service",
)


class Reader(Section):
    """Who may read the logs. Exactly one of role, permission_set, principal_arn_like, account_principal, principal_org_path, principal_org_id, service."""

    name: names.Name
    """A name for the statements and policies of this reader."""
    role: Principal | None = None
    """One role, ``account:role/Path/Name``: people, Athena and Glue callers, an OpenSearch ingestion role, the role a SIEM vendor assumes."""
    permission_set: names.PermissionSet | None = None
    """A permission set of IAM Identity Center, in ``account``."""
    principal_arn_like: Principal | None = None
    """A pattern of ArnLike, ``account:role/siem-*``."""
    account_principal: str | None = None
    """A whole account: IAM there decides who reads. Never the key's own."""
    principal_org_path: names.OrganizationPath | None = None
    """All accounts below an organization path; IAM in each decides who reads."""
    principal_org_id: names.OrganizationId | None = None
    """All accounts of the organization; IAM in each decides who reads."""
    service: Literal["access-analyzer", "macie"] | None = None
    """access-analyzer: policy generation of IAM Access Analyzer. macie: its service-linked role in the key's account."""
    account: str | None = None
    """The account of a permission set."""
    via_service: bool = True
    """Decrypt only by way of S3 (kms:ViaService); false for a reader that calls KMS itself."""

    @field_validator("service", mode="before")
    @classmethod
    def _needs_nothing(cls, value: Any) -> Any:
        streams = {"guardduty": "GuardDuty", "detective": "Detective", "security-lake": "Security Lake"}
        if isinstance(value, str) and value.lower().replace("_", "-") in streams:
            raise ValueError(
                f"{value!r} needs nothing, {streams[value.lower().replace('_', '-')]} has its own stream of events; access-analyzer and macie are allowed; remove this reader"
            )
        callers = ("athena", "glue", "opensearch", "emr", "quicksight", "siem", "splunk", "datadog")
        if isinstance(value, str) and value.lower() in callers:
            raise ValueError(
                f"{value!r} reads as the role that calls it; access-analyzer and macie are allowed; name that role with role: account:role/Name"
            )
        return value

    @model_validator(mode="after")
    def _one_kind(self) -> Reader:
        kinds = [kind for kind in READER_KINDS if getattr(self, kind) is not None]
        if len(kinds) != 1:
            found = f"{' and '.join(kinds)} stand together" if kinds else "the reader is of no kind"
            advice = "keep one" if kinds else "add one"
            raise ValueError(f"{found}; exactly one of {', '.join(READER_KINDS)} is allowed; {advice}")
        if self.permission_set is not None and self.account is None:
            raise ValueError(
                f"permission set {self.permission_set!r} is given without an account; a permission set is a role in each account it is assigned to; add account"
            )
        if self.permission_set is None and self.account is not None:
            raise ValueError(
                f"account {self.account!r} is given without a permission set; a reader of kind {kinds[0]} names its own account; remove account"
            )
        return self


class EventDataStore(KeySettings):
    """A CloudTrail Lake event data store with a key of its own. AWS closed Lake to new customers on 2026-05-31."""

    name: names.EventDataStoreName
    """Name of the event data store."""
    account: str
    """Name of the account that owns the store and its key; an organization store lives in the management account."""
    region: names.Region
    """Region of the store and its key."""
    alias: names.Alias
    """Alias of the store's own key."""
    organization_enabled: bool = False
    """Collects the events of all accounts of the organization."""
    multi_region_enabled: bool = True
    """Collects the events of all Regions."""
    billing_mode: Literal["EXTENDABLE_RETENTION_PRICING", "FIXED_RETENTION_PRICING"] = "EXTENDABLE_RETENTION_PRICING"
    retention_days: Annotated[int, Field(ge=7, le=3653)] = 366
    """Days events are kept: 7 to 3,653, with fixed pricing 2,557."""
    termination_protection_enabled: bool = True
    """The store cannot be deleted while this is on."""
    queriers: tuple[Principal, ...] = ()
    """Who runs queries; they need kms:Decrypt and kms:GenerateDataKey."""
    administrators: tuple[Principal, ...] = ()
    """As for the trails' key."""
    break_glass: tuple[Principal, ...] = ()
    """As for the trails' key."""

    @model_validator(mode="after")
    def _retention(self) -> EventDataStore:
        if self.billing_mode == "FIXED_RETENTION_PRICING" and self.retention_days > 2557:
            raise ValueError(
                f"retention_days is {self.retention_days}; fixed pricing allows up to 2,557; lower it or use EXTENDABLE_RETENTION_PRICING"
            )
        return self


class AcceptedRisk(Section):
    """A property that fails, or a flaw that is there, on purpose; access.md shows it first."""

    id: names.RiskId
    """Id of the property or flaw, as docs/findings.md lists it."""
    reason: names.Text
    """Why this is accepted."""


class Config(Section):
    """One deployment: a key, a bucket, trails, and the people around them."""

    name: names.Name
    """Name of the deployment and of its folder in the output."""
    partition: Literal["aws", "aws-us-gov", "aws-cn"] = "aws"
    """The AWS partition; a trail never crosses partitions."""
    layout: Literal["auto", "by_purpose"] = "auto"
    """auto: one template where everything is in one account and Region, else one for each account and purpose; by_purpose: always the latter."""
    organization: Organization | None = None
    """The organization, where there is one."""
    accounts: Annotated[dict[names.Name, Account], Field(min_length=1)]
    """The accounts that take part, by a name used in this file."""
    key: Key
    """The key that encrypts the logs."""
    bucket: Bucket
    """The bucket they are delivered to."""
    trails: Annotated[tuple[Trail, ...], Field(min_length=1)]
    """The trails."""
    readers: tuple[Reader, ...] = ()
    """Who may read the logs."""
    event_data_stores: tuple[EventDataStore, ...] = ()
    """CloudTrail Lake, for those who already have it."""
    accepted_risks: tuple[AcceptedRisk, ...] = ()
    """Properties and flaws that are there on purpose, each with its reason. One that is not there is an error."""
    tags: Annotated[Tags, Field(max_length=TAGS_PER_RESOURCE)] = {}
    """Tags of every resource that has tags."""
