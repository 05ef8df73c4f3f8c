"""What a key is meant for: what the claims about its policy are put together from, never the policy itself."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from generator.access.boxes import Constraint, Single
from generator.access.identities import people
from generator.access.patterns import glob
from generator.access.wildcards import Language, language, texts
from generator.aws import TRAIL_CONTEXT

if TYPE_CHECKING:
    from collections.abc import Iterable


@dataclass(frozen=True, slots=True, kw_only=True)
class ReaderSetting:
    """A reader: roles as ArnLike patterns, whole accounts, or all of an organization but one account."""

    name: str
    principal_arns: tuple[str, ...] = ()
    account: str = ""
    organization_id: str = ""
    organization_path: str = ""
    analyzer: bool = False
    via_service: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Keepers:
    """Who looks after a key, whatever it is for. ArnLike patterns are allowed wherever ARNs stand."""

    partition: str
    account: str
    administrators: tuple[str, ...]
    break_glass: tuple[str, ...]
    deployer: str
    named_directly: tuple[str, ...] = ()
    """Those whom the policy names as Principal, so that they need no IAM policy in the key's account."""

    def named(self, arns: Iterable[str]) -> Language:
        """Return the callers that ArnLike patterns name."""
        return language([glob(arn) for arn in arns]) & people(self.partition)

    @property
    def root_user(self) -> Language:
        """The root user of the key's account."""
        return texts(f"arn:{self.partition}:iam::{self.account}:root")


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting(Keepers):
    """What the key of trails is meant for: the trails, and the people around it."""

    trails: tuple[str, ...]
    trail_owners: tuple[str, ...]
    readers: tuple[ReaderSetting, ...]
    trail_deployers: tuple[str, ...]
    cloudtrail_decrypts: bool

    @property
    def context(self) -> dict[str, Constraint]:
        """The encryption context that a trail of a trail owner sends."""
        patterns = [glob(f"arn:{self.partition}:cloudtrail:*:{owner}:trail/*") for owner in self.trail_owners]
        return {TRAIL_CONTEXT: Single(absent=False, values=language(patterns))}

    @property
    def source(self) -> dict[str, Constraint]:
        """CloudTrail acting for a trail of the deployment."""
        return {"aws:SourceArn": Single(absent=False, values=texts(*self.trails))}


@dataclass(frozen=True, slots=True, kw_only=True)
class StoreSetting(Keepers):
    """What the key of an event data store is meant for: CloudTrail Lake, and those who query it."""

    name: str
    queriers: tuple[str, ...]
