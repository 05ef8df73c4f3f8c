"""The only forms that policies are judged in, whatever they were found in: a file, a template, an output folder."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final

from trailkey.access import Policy, allowed, parse_policy, scope_of
from trailkey.access.language.policy import VARIABLES_VERSION
from trailkey.aws import parse_arn
from trailkey.cloudformation.renaming import rename
from trailkey.errors import PolicyError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from trailkey.access import EffectivePermissions, Scope
    from trailkey.aws import Arn
    from trailkey.findings import Location

ANY_ACCOUNT: Final = "000000000000"
"""Stands for the accounts of a stack set, which nobody can list."""

_NAMES: Final = {
    "AWS::CloudTrail::EventDataStore": "Name",
    "AWS::CloudTrail::Trail": "TrailName",
    "AWS::KMS::Alias": "AliasName",
    "AWS::S3::Bucket": "BucketName",
    "AWS::S3::BucketPolicy": "Bucket",
}
"""The property that names a resource, by its type."""


@dataclass(frozen=True, kw_only=True)
class _FoundPolicy:
    location: Location
    document: Any
    account: str

    @property
    def name(self) -> str:
        """The logical id in its template; empty for a policy document."""
        return self.location.logical_id

    @cached_property
    def policy(self) -> Policy:
        """The policy parsed.

        Raises:
            PolicyError: it holds what is not modelled.
        """
        return parse_policy(self.document, what=str(self.location), resource_based=isinstance(self, ResourcePolicy))


@dataclass(frozen=True, kw_only=True)
class ResourcePolicy(_FoundPolicy):
    """The policy of a key, a bucket or a topic as AWS would get it: intrinsic functions resolved, its shape not checked yet.

    ``arn`` is what it is attached to, or stands for a key that is not made yet; ``account`` owns it. ``assumptions`` say what was
    assumed to know it. ``account_known`` is False where nothing says whose it is; ``account_is_placeholder`` says that the
    account's digits are made up, also where the policy says that the key is of the account the template is deployed to.
    ``users`` are the resources of the same template that use it: trails, event data stores, buckets, and the roles and users that
    have ``identities``, the IAM policies of the template that may bear on logs. ``unordered`` are the trails that CloudFormation
    may make before the policy. ``accepted`` is what the template says, at the key, of findings that are accepted, as it is
    written. The document of a bucket or topic that has no policy is None.
    """

    arn: str
    assumptions: tuple[str, ...] = ()
    users: tuple[Resource, ...] = ()
    identities: tuple[IdentityPolicy, ...] = ()
    unordered: tuple[str, ...] = ()
    accepted: Any = None
    account_known: bool = True
    account_is_placeholder: bool = False

    @property
    def is_bucket(self) -> bool:
        """Whether it is a bucket's policy."""
        arn = parse_arn(self.arn)
        return arn is not None and arn.service == "s3"

    @property
    def scope(self) -> Scope:
        """What the policy is asked about: its key, its topic, or its bucket and the objects there."""
        return scope_of(self.arn, self.account)

    @cached_property
    def permissions(self) -> EffectivePermissions:
        """What the policy grants on its resource, over all requests."""
        return allowed(self.policy, self.scope)

    def renamed(self, names: Mapping[str, str]) -> ResourcePolicy:
        """Return the policy with names put in place of others."""
        document, arn, account = rename([self.document, self.arn, self.account], names)
        return replace(self, document=document, arn=arn, account=account)


@dataclass(frozen=True, kw_only=True)
class IdentityPolicy(_FoundPolicy):
    """An IAM managed policy of a template, in the account of its stack, or ``ANY_ACCOUNT`` where that is a stack set.

    ``attached`` are the roles, users and groups that the template attaches it to (``role/NAME``, without path); ``policy_name``
    is the fixed name by which others attach it, empty where it has none.
    """

    partition: str
    attached: frozenset[str]
    policy_name: str

    def attachment(self, arn: str) -> str:
        """Return the attachment to the role or user of an ARN, or an empty text: a template attaches by name, without path."""
        parts = parse_arn(arn)
        found = attachment_of(parts) if parts and parts.account == self.account else ""
        return found if found in self.attached else ""

    def renamed(self, names: Mapping[str, str]) -> IdentityPolicy:
        """Return the policy with names put in place of others."""
        document, account, attached, policy_name = rename(
            [self.document, self.account, sorted(self.attached), self.policy_name], names
        )
        return replace(self, document=document, account=account, attached=frozenset(attached), policy_name=policy_name)


def attachment_of(arn: Arn) -> str:
    """Return a role or user as a template attaches policies to it: ``role/NAME``, without path."""
    kind, _, name = arn.resource.partition("/")
    return f"{kind}/{name.rpartition('/')[2]}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Resource:
    """A resource that a policy is attached to, or that is to use a key or the bucket: its type and resolved properties.

    ``arn`` stands for it where only a deployment knows the real one. Policies among the properties are left out.
    """

    kind: str
    location: Location
    arn: str
    account: str
    region: str
    properties: Mapping[str, Any]

    @property
    def name(self) -> str:
        """What it is found by: the name that its type has, or its ARN where it has none."""
        return str(self.properties.get(_NAMES.get(self.kind, ""), self.arn))


@dataclass(frozen=True, slots=True, kw_only=True)
class PolicySet:
    """Every policy around a key that one source holds, and the resources that they are about.

    ``what`` names the source in messages: ``output/organization/``, ``policy.json``.
    """

    what: str = ""
    keys: tuple[ResourcePolicy, ...] = ()
    buckets: tuple[ResourcePolicy, ...] = ()
    identities: tuple[IdentityPolicy, ...] = ()
    resources: tuple[Resource, ...] = ()
    assumptions: tuple[str, ...] = ()

    def key_of_alias(self, account: str, region: str, alias: str) -> ResourcePolicy | None:
        """Return the key that an alias of an account and Region leads to, or None where no alias does."""
        for one in self.resources:
            if (one.kind, one.account, one.region, one.name) == ("AWS::KMS::Alias", account, region, alias):
                wanted = one.properties.get("TargetKeyId")
                keys = (key for key in self.keys if (key.account, _region(key.arn)) == (account, region))
                return next((key for key in keys if wanted in (key.arn, key.arn.rpartition("/")[2])), None)
        return None

    def bucket_named(self, arn: str) -> ResourcePolicy | None:
        """Return the policy of a bucket, or None where no policy is attached to it."""
        return next((one for one in self.buckets if one.arn == arn), None)

    def renamed(self, names: Mapping[str, str]) -> PolicySet:
        """Return the policies with names put in place of others, everywhere; the resources are left out."""
        if not names:
            return self
        return replace(
            self,
            keys=tuple(one.renamed(names) for one in self.keys),
            buckets=tuple(one.renamed(names) for one in self.buckets),
            identities=tuple(one.renamed(names) for one in self.identities),
            resources=(),
        )


def merged(policies: Iterable[Policy], *, what: str = "IAM policies") -> Policy:
    """Return the statements of several IAM policies of one principal as one: IAM takes them together.

    https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic.html

    Raises:
        PolicyError: policies of several versions: what is a policy variable in one of them is plain text in another.
    """
    found = tuple(policies)
    versions = {policy.version for policy in found} or {VARIABLES_VERSION}
    if len(versions) > 1:
        raise PolicyError(
            f"{what}: of Version {' and '.join(sorted(versions))}; one version in all is modelled; use {VARIABLES_VERSION}"
        )
    return Policy(versions.pop(), tuple(statement for policy in found for statement in policy.statements))


def _region(arn: str) -> str:
    parts = parse_arn(arn)
    return parts.region if parts else ""
