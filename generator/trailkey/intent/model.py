"""What policies are meant for: what the claims about them are put together from, never the policies themselves."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from trailkey.access import Constraint, Language, Single, held_to, in_account, people, texts, union
from trailkey.access.algebra.boxes import Many
from trailkey.access.algebra.languages import language
from trailkey.access.algebra.patterns import ANY, Chars, Run, arn, glob, row
from trailkey.access.analysis.caller_sets import NO_SERVICE
from trailkey.aws import TRAIL_CONTEXT

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from trailkey.access import RequestSet
    from trailkey.config.source import ConfigPath


SUFFIX_CHARACTERS: Final = 16
"""Of the role of a permission set, as AWS shows it, without a promise."""


_IN_NAME = Chars(frozenset("*?/"), others=True)


def named(arns: Iterable[str]) -> Language:
    """Return the ARNs that ArnLike patterns name; an empty text names none."""
    return language(pattern for text in arns if (pattern := arn(text)) is not None)


@dataclass(frozen=True, slots=True, kw_only=True)
class ReaderIntent:
    """A reader: roles as ArnLike patterns, a whole account, or all of an organization but the resource's own account."""

    name: str
    path: ConfigPath
    partition: str
    principal_arns: tuple[str, ...] = ()
    account: str = ""
    organization_id: str = ""
    organization_path: str = ""
    member_role: str = ""
    """The role, with its path, that a reader such as policy generation uses in each account; empty for others."""
    own_logs_only: bool = False
    """The reader gets the logs of its caller's account only; needs an organization, which tells whose logs are where."""
    service_linked: bool = False
    """The reader brings its own rights to the bucket."""
    via_service: tuple[str, ...] = ()
    """What S3 may be called where it asks for the reader; none for a reader that calls KMS itself."""
    role_prefix: str = ""
    """What the names of the reader's roles begin with where AWS adds a suffix, as for permission sets, with their path."""
    versions: bool = False
    """The reader gets replaced and deleted versions too."""

    def callers(self, own_account: str) -> Language:
        """Return who the reader is, as a caller of a resource in ``own_account``."""
        everyone = people(self.partition)
        if self.principal_arns:
            return named(self.principal_arns) & everyone
        if self.account:
            return people(self.partition, self.account)
        elsewhere = everyone & ~in_account(own_account)
        if self.member_role:
            role = f"arn:{self.partition}:iam::*:role/{self.member_role}"
            elsewhere &= named([role])
        return elsewhere

    @property
    def membership(self) -> dict[str, Constraint]:
        """The keys that show a caller to be of the organization, where the reader is not named otherwise."""
        if not self.organization_id:
            return {}
        keys: dict[str, Constraint] = {"aws:PrincipalOrgID": held_to(self.organization_id)}
        if self.organization_path:
            keys["aws:PrincipalOrgPaths"] = Many(some=(language([glob(self.organization_path)]),))
        return keys

    @property
    def route(self) -> dict[str, Constraint]:
        """The key that shows a call on the key to come through S3, where that is asked for."""
        return {"kms:ViaService": held_to(*self.via_service)} if self.via_service else {}

    @property
    def look_alikes(self) -> Language:
        """The roles whose names begin like the reader's and have a longer suffix: of ``Audit_Contractors`` beside ``Audit``.

        https://docs.aws.amazon.com/singlesignon/latest/userguide/referencingpermissionsets.html
        """
        path, _, name = self.role_prefix.rpartition("/")
        start = f"arn:{self.partition}:iam::{self.account}:role/{path}/"
        longer: tuple[str | Chars | Run, ...] = (name, *[_IN_NAME] * (SUFFIX_CHARACTERS + 1), Run(_IN_NAME))
        return language([row([start, *longer]), row([start, Run(ANY), "/", *longer])])


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyRoles:
    """Which key is meant, and who looks after it, whatever it is for. ArnLike patterns are allowed wherever ARNs stand.

    ``path`` is where the config describes the key; ``account``, ``region`` and ``alias`` are where it is found.
    """

    path: ConfigPath
    deployer_path: ConfigPath
    partition: str
    account: str
    region: str
    alias: str
    administrators: tuple[str, ...]
    break_glass: tuple[str, ...]
    deployer: str
    pending_window_days: int
    """The least time, in days, in which a deletion of the key can be cancelled."""
    named_directly: tuple[str, ...] = ()
    """Those whom the policy names as Principal, so that they need no IAM policy in the key's account."""

    def named(self, arns: Iterable[str]) -> Language:
        """Return the callers that ArnLike patterns name."""
        return named(arns) & people(self.partition)

    @property
    def root(self) -> str:
        """The ARN of the root user of the key's account."""
        return f"arn:{self.partition}:iam::{self.account}:root"

    @property
    def root_user(self) -> Language:
        """The root user of the key's account, as a caller."""
        return texts(self.root)

    @property
    def policy_writers(self) -> Language:
        """Who may replace the key policy."""
        return union([self.named((*self.break_glass, self.deployer)), self.root_user])


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyIntent:
    """What the setting says about the key. Whatever is empty was not said.

    ``trails`` are ARNs. ``readers`` are ARNs of roles or users, ArnLike patterns, account ids or account roots;
    ``administrators``, ``deployer`` and ``break_glass`` are ARNs or patterns. ``lake`` says that the key is an event data
    store's and no trail's. ``unnamed_trail`` says that a trail uses the key whose name nobody knows yet, and ``bucket_keys`` that
    the bucket of its trails has S3 Bucket Keys. ``organization_reads`` says that every account of the organization may read.
    """

    trails: tuple[str, ...] = ()
    organization_id: str = ""
    readers: tuple[str, ...] = ()
    administrators: tuple[str, ...] = ()
    deployer: str = ""
    break_glass: tuple[str, ...] = ()
    lake: bool = False
    unnamed_trail: bool = False
    bucket_keys: bool = False
    organization_reads: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class TrailSetIntent:
    """A trail that a stack set brings to several accounts: those listed, or all of units of an organization.

    ``arn`` is the pattern of its ARNs. ``makers`` are the roles that make it, by name or pattern.
    """

    name: str
    partition: str
    arn: str
    accounts: tuple[str, ...]
    organization_id: str
    units: tuple[str, ...]
    makers: tuple[str, ...]

    @property
    def source(self) -> dict[str, Constraint]:
        """CloudTrail acting for such a trail in one of the units."""
        return {"aws:SourceArn": Single(named([self.arn])), **self._within("Source")}

    @property
    def membership(self) -> dict[str, Constraint]:
        """The keys that show a maker to be in one of the units; of those in listed accounts the ARN shows it."""
        return self._within("Principal") if self.units else {}

    def callers(self, own_account: str) -> Language:
        """Return the makers, as callers of a resource in ``own_account``, whose own are left to IAM."""
        accounts = self.accounts or ("*",)
        arns = [f"arn:{self.partition}:iam::{account}:role/{name}" for account in accounts for name in self.makers]
        return named(arns) & people(self.partition) & ~in_account(own_account)

    def _within(self, whose: str) -> dict[str, Constraint]:
        paths = language([glob(f"{self.organization_id}/*/{unit}/*") for unit in self.units])
        return {f"aws:{whose}OrgID": held_to(self.organization_id), f"aws:{whose}OrgPaths": Many(some=(paths,))}


@dataclass(frozen=True, slots=True, kw_only=True)
class TrailKeyIntent(KeyRoles):
    """What the key of trails is meant for: the trails, and the people around it.

    ``trails`` are ARNs; those of ``trail_sets`` over listed accounts are among them. ``contexts`` are the patterns of the encryption contexts that all of them send.
    """

    trails: tuple[str, ...]
    contexts: tuple[str, ...]
    trail_sets: tuple[TrailSetIntent, ...] = ()
    readers: tuple[ReaderIntent, ...]
    trail_deployers: tuple[str, ...]
    cloudtrail_decrypts: bool

    @property
    def context(self) -> dict[str, Constraint]:
        """The encryption context that a trail of the deployment sends."""
        return {TRAIL_CONTEXT: Single(language(map(glob, self.contexts)))}

    @property
    def sources(self) -> list[dict[str, Constraint]]:
        """CloudTrail acting for a trail of the deployment: for one named by its ARN, or for one of units."""
        return sources(self.trails, self.trail_sets)


def sources(trails: Sequence[str], sets: Iterable[TrailSetIntent]) -> list[dict[str, Constraint]]:
    """Return the keys that show for whom CloudTrail acts: for trails named by their ARNs, or for those of units."""
    exact: list[dict[str, Constraint]] = [{"aws:SourceArn": held_to(*trails)}] if trails else []
    return [*exact, *(one.source for one in sets if one.units)]


@dataclass(frozen=True, slots=True, kw_only=True)
class StoreKeyIntent(KeyRoles):
    """What the key of an event data store is meant for: CloudTrail Lake, and those who query it."""

    name: str
    prefix: str
    """What the names of the policies around the store begin with."""
    queriers: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class BucketIntent:
    """What the log bucket is meant for: ``deliveries`` are pairs of whom CloudTrail acts for and the objects it writes, as patterns."""

    path: ConfigPath
    partition: str
    account: str
    arn: str
    deliveries: tuple[tuple[Mapping[str, Constraint], tuple[str, ...]], ...]
    logs: tuple[str, ...]
    """The objects that readers get, as patterns."""
    logs_by_account: tuple[tuple[str, tuple[str, ...]], ...]
    """The objects that policy generation of an account gets: for accounts of the config, and one that stands for all others."""
    readers: tuple[ReaderIntent, ...]
    deployer: str
    deployer_path: ConfigPath
    named_directly: tuple[str, ...] = ()
    deny_deletion: bool = False
    """Nobody deletes logs, and nobody but the deployer changes what keeps them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class GranteeIntent:
    """What the IAM policies of one grantee are meant for, on one resource: at least ``needs``, at most ``bounds``.

    ``arns`` are those who get them, as far as they are known by name or pattern.
    """

    path: ConfigPath
    needs: RequestSet
    bounds: RequestSet
    arns: tuple[str, ...] = ()

    @property
    def callers(self) -> Language:
        """Whoever gets the policies: anybody, where nobody is known."""
        return named(self.arns) if self.arns else NO_SERVICE
