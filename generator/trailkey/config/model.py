"""The config as a person writes it: words of CloudFormation and IAM in snake case, every default in sight.

Holds what can be judged of a value alone; what one part says about another is judged in ``resolve``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import BeforeValidator, Field, WithJsonSchema

from trailkey.access.language.invariants import problems
from trailkey.aws import TAGS_PER_RESOURCE
from trailkey.config import names, reader_kinds
from trailkey.config.bucket_model import Bucket
from trailkey.config.key_model import Key, KeySettings
from trailkey.config.reader_services import not_a_reader
from trailkey.config.rollout_model import Rollout
from trailkey.config.section import NOT_NULL, Principal, Section
from trailkey.config.trail_model import Trail

if TYPE_CHECKING:
    from collections.abc import Iterator

Tags = dict[names.TagKey, names.TagValue]


class Organization(Section):
    """The organization in AWS Organizations."""

    id: names.OrganizationId
    """Id of the organization, ``o-`` and letters."""
    management_account: str
    """Name (under ``accounts``) of the management account; it owns every organization trail."""
    root_id: names.RootId | None = None
    """Id of the organization's root, ``r-`` and letters; needed where a reader covers the whole organization."""


class Account(Section):
    """An AWS account that takes part."""

    id: names.AccountId
    """Twelve digits, in quotes."""
    deployer: Annotated[Principal | None, NOT_NULL] = None
    """The role that creates and updates the stacks there, ``role/Path/Name`` without the account; a pattern such as ``role/Deploy-*`` is fine. Each stack is created by itself, so it is not a role of service-managed StackSets. Needed for every account that gets a stack."""
    ours: bool = True
    """``false`` for an account of others, a vendor's: readers name roles and users of it, never the whole account. Nothing is deployed there; its owner writes the IAM policies."""

    def contradictions(self) -> Iterator[str]:
        """Yield what its values say against each other."""
        if not self.ours and self.deployer is not None:
            yield f"deployer {self.deployer!r} is given for an account that is not ours, where nothing is deployed; it is allowed for accounts of ours; remove it, or ours: false"


def _service(value: Any) -> Any:
    """Refuse a service that reads in a way of its own, and one that is not known."""
    known = reader_kinds.services()
    if value not in known:
        raise ValueError(not_a_reader(value, known))
    return value


_SERVICES = WithJsonSchema({"enum": reader_kinds.services(), "type": "string"})
Service = Annotated[str, BeforeValidator(_service), _SERVICES]


class Reader(Section):
    """Who may read the logs. Exactly one of role, permission_set, principal_arn_like, account_principal, principal_org_path, principal_org_id, service."""

    name: names.Name
    """A name for the statements and policies of this reader."""
    role: Annotated[Principal | None, NOT_NULL] = None
    """One role, ``account:role/Path/Name``: people, Athena and Glue callers, an OpenSearch ingestion role, the role a SIEM vendor assumes. Not a user, and not the role of a permission set."""
    permission_set: Annotated[names.PermissionSet | None, NOT_NULL] = None
    """A permission set of IAM Identity Center, in ``account``."""
    principal_arn_like: Annotated[Principal | None, NOT_NULL] = None
    """A pattern of ArnLike, ``account:role/siem-*``, or a user, ``account:user/name``."""
    account_principal: Annotated[str | None, NOT_NULL] = None
    """A whole account: IAM there decides who reads. Never the key's own, never one that is not ours."""
    principal_org_path: Annotated[names.OrganizationPath | None, NOT_NULL] = None
    """All accounts below an organization path; IAM in each decides who reads."""
    principal_org_id: Annotated[names.OrganizationId | None, NOT_NULL] = None
    """All accounts of the organization; IAM in each decides who reads."""
    service: Annotated[Service | None, NOT_NULL] = None
    """access-analyzer: policy generation of IAM Access Analyzer. macie: its service-linked role in the key's account."""
    account: Annotated[str | None, NOT_NULL] = None
    """The account of a permission set."""
    via_service: bool = True
    """Decrypt only through S3 (kms:ViaService); false for a reader that calls KMS itself."""
    versions: bool = False
    """Get and list the versions that were replaced or deleted too, as an investigator does."""

    def contradictions(self) -> Iterator[str]:
        """Yield what its values say against each other."""
        allowed = reader_kinds.keys()
        given = [key for key in allowed if getattr(self, key) is not None]
        if len(given) != 1:
            found = f"{' and '.join(given)} are given together" if given else "the reader does not say who reads"
            advice = "keep one" if given else "add one"
            yield f"{found}; exactly one of {', '.join(allowed)} is allowed; {advice}"
        kind = reader_kinds.kind_of(self)
        if kind.account_reason and self.account is None:
            yield f"{kind.key.replace('_', ' ')} {kind.value(self)!r} is given without an account; {kind.account_reason}; add account"
        if self.account is not None and not kind.account_reason:
            yield f"account {self.account!r} is given without a permission set; a reader of kind {kind.key} names its own account; remove account"
        if self.versions and kind.iam_policy == "none":
            yield f"versions is given for {kind.title(self)}, which reads in a way of its own; other readers can have it; remove versions"


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

    def contradictions(self) -> Iterator[str]:
        """Yield what its values say against each other."""
        if self.billing_mode == "FIXED_RETENTION_PRICING" and self.retention_days > 2557:
            yield f"retention_days is {self.retention_days}; fixed pricing allows up to 2,557; lower it or use EXTENDABLE_RETENTION_PRICING"


class AcceptedRisk(Section):
    """A property that fails, or a flaw that is there, on purpose; access.md shows it first."""

    id: names.RiskId
    """Id of the property or flaw, as docs/findings.md lists it."""
    reason: names.Text
    """Why this is accepted."""


Words = names.Text | tuple[names.Text, ...]
"""One text or a list of them."""


class InvariantSettings(Section):
    """A sentence that has to be so of a key: nobody but some callers may do something, or callers can. It is proven, or the run stops."""

    says: names.Text
    """The sentence, in your words; findings and access.md repeat it."""
    nobody_but: Annotated[Words | None, NOT_NULL] = None
    """Who alone may: ``account:role/Path/Name`` or a pattern, ``account:root``, the name of an account for all of it, a service principal, ``*``; ``[]`` for nobody. Needs may."""
    may: Annotated[Words | None, NOT_NULL] = None
    """Actions, ``kms:Decrypt``; ``*`` and ``?`` are allowed."""
    who: Annotated[Words | None, NOT_NULL] = None
    """Who can, written as nobody_but, each of them each of the actions. Needs can."""
    can: Annotated[Words | None, NOT_NULL] = None
    """Actions, as may."""
    where: dict[str, Words | None] = {}  # noqa: RUF012 # pydantic copies it
    """Condition keys with the values that they have in the requests meant, ``*`` and ``?`` allowed; ``null`` where the key is not there."""
    key: Annotated[names.Alias | None, NOT_NULL] = None
    """Alias of the one key that it is about; left out, every key."""

    def contradictions(self) -> Iterator[str]:
        """Yield what its values say against each other."""
        yield from problems(self.written())

    def written(self) -> dict[str, Any]:
        """Return what is written, without what is left out."""
        values = ((name, getattr(self, name)) for name in type(self).model_fields)
        return {name: value for name, value in values if value is not None}


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
    invariants: tuple[InvariantSettings, ...] = ()
    """Sentences that have to be so of the keys, proven over all requests before anything is written."""
    rollout: Rollout = Rollout()
    """How the stacks are rolled out."""
    tags: Annotated[Tags, Field(max_length=TAGS_PER_RESOURCE)] = {}  # noqa: RUF012 # pydantic copies it
    """Tags of every resource that has tags."""
