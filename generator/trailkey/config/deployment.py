"""A config with every name resolved: accounts to ids, principals to ARNs, trails to ARNs. What the templates are built from."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from trailkey.config.outputs import Outputs

if TYPE_CHECKING:
    from collections.abc import Mapping

    from trailkey.access.language.invariants import Invariant
    from trailkey.config import model
    from trailkey.config.account import Account
    from trailkey.config.reader_kinds import ReaderKind
    from trailkey.config.source import ConfigPath, Mark, Source
    from trailkey.config.trail_model import Trail as TrailSettings


@dataclass(frozen=True, slots=True, kw_only=True)
class Trail:
    """A trail, its owner and its ARN; without ``account`` those of every account of its units, their account in the ARN ``*``."""

    settings: TrailSettings
    account: Account | None
    arn: str
    path: ConfigPath

    @property
    def in_set(self) -> bool:
        """Whether it is one of several that a stack set makes from one template."""
        return self.settings.in_set


@dataclass(frozen=True, slots=True, kw_only=True)
class Reader:
    """A reader of some kind: ArnLike patterns in ``account``, without patterns all of it, without an account an organization.

    ``organization_path`` says which part of the organization, where it is a part.
    """

    settings: model.Reader
    kind: ReaderKind
    account: Account | None
    principal_arns: tuple[str, ...]
    organization_path: str
    path: ConfigPath

    @property
    def name(self) -> str:
        """Name of the reader in the config."""
        return self.settings.name

    @property
    def value(self) -> str:
        """What the config gives for the kind: an ARN, a name, an organization path or id."""
        return self.kind.value(self.settings)

    @property
    def iam_policy(self) -> Literal["attached", "named", "none"]:
        """How the reader gets its IAM policy: as its kind does, and in an account that is not ours none from here."""
        return self.kind.iam_policy if self.account is None or self.account.ours else "none"

    @property
    def covers_root(self) -> bool:
        """Whether IAM in the accounts directly below the root decides, as the management account often is one of them."""
        return self.account is None and self.kind.iam_policy != "none" and "/ou-" not in self.value


@dataclass(frozen=True, slots=True, kw_only=True)
class Store:
    """An event data store with the people around its key."""

    settings: model.EventDataStore
    account: Account
    queriers: tuple[str, ...]
    administrators: tuple[str, ...]
    break_glass: tuple[str, ...]
    path: ConfigPath

    @property
    def identifier(self) -> str:
        """What the logical ids of the store and its key begin with."""
        return identifier(self.settings.name)


@dataclass(frozen=True, slots=True, kw_only=True)
class MadeRole:
    """A role that bootstrap.yaml makes: ``kind`` is what it is for, ``trusted`` are the ARNs of those who may take it on."""

    arn: str
    kind: str
    trusted: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Deployment:
    """Everything the templates need to know. ``source`` gives the line of each config path.

    ``outputs`` are the values that an earlier rollout gave out.
    """

    name: str
    partition: str
    config: model.Config
    source: Source = field(repr=False, compare=False)
    accounts: Mapping[str, Account]
    key_account: Account
    bucket_account: Account
    region: str
    trails: tuple[Trail, ...]
    readers: tuple[Reader, ...]
    stores: tuple[Store, ...]
    administrators: tuple[str, ...]
    break_glass: tuple[str, ...]
    notices: tuple[str, ...] = ()
    made_roles: tuple[MadeRole, ...] = ()
    invariants: tuple[Invariant, ...] = ()
    outputs: Outputs = field(default_factory=Outputs)
    mirrors: str | None = None
    differences: tuple[ConfigPath, ...] = ()

    @property
    def management(self) -> Account | None:
        """The management account of the organization, where there is one."""
        organization = self.config.organization
        return self.accounts[organization.management_account] if organization else None

    @property
    def trail_owners(self) -> tuple[Account, ...]:
        """The accounts that own a trail with a stack of its own, each once, in the order of the config."""
        own = (trail.account for trail in self.trails if trail.account and not trail.in_set)
        return tuple({account.id: account for account in own}.values())

    @property
    def trail_sets(self) -> tuple[tuple[Trail, ...], ...]:
        """The trails that a stack set makes, by stack set, in the order of the config."""
        found: dict[ConfigPath, tuple[Trail, ...]] = {}
        for trail in self.trails:
            if trail.in_set:
                found[trail.path] = (*found.get(trail.path, ()), trail)
        return tuple(found.values())

    @property
    def deploying_elsewhere(self) -> tuple[Account, ...]:
        """The trail owners beside the key's account that have a deployer, who looks at the key."""
        return tuple(one for one in self.trail_owners if one.id != self.key_account.id and one.deployer)

    @property
    def is_one_stack(self) -> bool:
        """Whether one stack holds everything: all is in one account and Region, and the layout does not ask for more."""
        places = {(self.key_account.id, self.region), (self.bucket_account.id, self.region)}
        for trail in self.trails:
            places.add((trail.account.id if trail.account and not trail.in_set else "*", trail.settings.home_region))
        places |= {(store.account.id, store.settings.region) for store in self.stores}
        for reader in self.readers:
            if reader.account is None or reader.account.ours:
                places.add((reader.account.id if reader.account else "*", self.region))
        return self.config.layout == "auto" and len(places) == 1

    @property
    def log_prefixes(self) -> tuple[str, ...]:
        """The prefixes that trails put before ``AWSLogs/``, each once; ``""`` for none, else with a final slash."""
        return tuple(
            dict.fromkeys(
                f"{trail.settings.s3_key_prefix}/" if trail.settings.s3_key_prefix else "" for trail in self.trails
            )
        )

    @property
    def access_log_bucket(self) -> str | None:
        """Name of the bucket for server access logs; None where they are off."""
        logs = self.config.bucket.access_logs
        return None if logs is None else logs.bucket or f"{self.config.bucket.name}-access-logs"

    def organizational_unit(self, path: str) -> str:
        """Return the organizational unit (or root) that an organization path ends in; of no path the organization's root."""
        units = re.findall(r"(?:ou|r)-[0-9a-z-]+", path)
        if units:
            return str(units[-1])
        return (self.config.organization and self.config.organization.root_id) or ""

    def policy_name(self, who: str) -> str:
        """Return the fixed name of an IAM policy, made from the key's alias: ``cloudtrail-logs-read-analysts``.

        Limit: 128 characters, of which two are kept for the number of a policy that is split.
        """
        return f"{self.config.key.alias.removeprefix('alias/').replace('/', '-')}-{who}"[-126:].lstrip("-")

    def mark(self, path: ConfigPath) -> Mark:
        """Return the place of a config path."""
        return self.source.mark(path)


def identifier(text: str) -> str:
    """Return a config name as CloudFormation and IAM want identifiers: ``security-ou`` becomes ``SecurityOu``.

    See: https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/resources-section-structure.html (logical IDs).
    """
    words = "".join(character if character.isalnum() else " " for character in text).split()
    return "".join(word[0].upper() + word[1:] for word in words)
