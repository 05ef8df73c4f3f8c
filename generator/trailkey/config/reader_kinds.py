"""The kinds of readers. One entry in READER_KINDS says all there is to know about a kind; nothing else asks for it by name.

A new kind is one entry; where it has a config key of its own, that key stands in ``model.Reader`` as well.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Literal, NoReturn, Protocol

from trailkey.config.resolve.principals import account_of, permission_set_patterns

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from trailkey.config.account import Account
    from trailkey.config.source import ConfigPath

    Settings = Any
    """A reader's section of the config, ``model.Reader``: it asks this table which keys there are."""


class Names(Protocol):
    """What a kind asks while names are resolved: the config, and its accounts and principals."""

    @property
    def config(self) -> Any:
        """The config."""

    @property
    def accounts(self) -> Mapping[str, Account]:
        """The accounts that are valid, by their names."""

    @property
    def key_account(self) -> Account:
        """The account of the trails' key."""

    def account(self, name: str, path: ConfigPath) -> Account:
        """Return the account of that name, which is ours, or give up."""

    def listed(self, name: str, path: ConfigPath, advice: str = ...) -> Account:
        """Return the account of that name, ours or not, or give up."""

    def principal(self, text: str, path: ConfigPath, *, pattern: bool = True) -> str:
        """Return the ARN of a principal, or give up."""

    def give_up(self, path: ConfigPath, text: str) -> NoReturn:
        """Note a problem without which nothing more can be said of the same thing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Who:
    """Whom a reader stands for: roles of an account, a whole account, or without an account the organization or part of it."""

    account: Account | None = None
    principal_arns: tuple[str, ...] = ()
    organization_path: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReaderStep:
    """What a person does or checks for a kind of reader: a step of rollout.json whose ``text`` has {value}, {policy}, {account} or {where}."""

    kind: str
    text: str
    command: str = ""
    in_every_account: bool = False
    prevents: str = ""
    """The cause of the error that it prevents, where that is not the usual one of its kind."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReaderKind:
    """What the config, the statements, the templates and the proofs ask of a kind of reader."""

    key: str
    """The config key that selects the kind."""
    resolve: Callable[[Names, Settings, ConfigPath], Who]
    """From the settings and the path of ``key`` to whom the reader stands for; refuses through the resolver."""
    service: str = ""
    """The value of ``key`` that selects the kind, where several kinds share the key."""
    iam_policy: Literal["attached", "named", "none"] = "named"
    """The reader's IAM policy is attached to its roles here, has a fixed name for others to attach, or is the reader's own."""
    step: ReaderStep | None = None
    """What there is to do beside the stacks: once the reader's policy is there, or before the first stack where it has none."""
    account_reason: str = ""
    """Why the reader names an ``account`` beside ``key``; empty where it must not."""
    bucket_statements: bool = True
    """The bucket policy lets the reader in; without it the reader brings its own rights to the bucket."""
    named_directly: bool = False
    """The policies name the role as Principal, since it takes no IAM policy of ours: a service-linked role."""
    role_prefix: str = ""
    """What the path and name of the role begin with where AWS adds a suffix; ``{}`` is the value."""
    member_role: str = ""
    """The role, with its path, that a reader of an organization uses in each account; empty for whoever IAM there allows."""
    own_logs_only: bool = False
    """In an organization, each account gets its own logs only."""
    differs_in_mirror: bool = False
    """A mirrored environment may change the value: it names the other world."""

    def value(self, settings: Settings) -> str:
        """Return what the config gives for the kind's key."""
        return str(getattr(settings, self.key))

    def title(self, settings: Settings) -> str:
        """Return the reader in a word or two: an organization path, ``service macie``."""
        return f"{self.key} {self.service}" if self.service else self.value(settings)


def keys() -> list[str]:
    """Return the config keys that select a kind, each once."""
    return list(dict.fromkeys(kind.key for kind in READER_KINDS))


def services() -> list[str]:
    """Return the services that are kinds of readers."""
    return [kind.service for kind in READER_KINDS if kind.service]


def kind_of(settings: Settings) -> ReaderKind:
    """Return the kind of a reader whose settings are valid."""
    return next(
        kind
        for kind in READER_KINDS
        if (given := getattr(settings, kind.key)) is not None and kind.service in ("", given)
    )


def _principal(resolver: Names, settings: Settings, path: ConfigPath) -> Who:
    text = settings.role or settings.principal_arn_like or ""
    arn = resolver.principal(text, path, pattern=settings.role is None)
    account = next(account for account in resolver.accounts.values() if account.id == account_of(arn))
    return Who(account=account, principal_arns=(arn,))


def _permission_set(resolver: Names, settings: Settings, path: ConfigPath) -> Who:
    account = resolver.account(settings.account or "", (*path[:-1], "account"))
    arns = permission_set_patterns(settings.permission_set or "", account.id, resolver.config.partition)
    return Who(account=account, principal_arns=arns)


_NEVER_WHOLE: Final = "list it under accounts; of an account that is not yours, name a role instead"


def _account(resolver: Names, settings: Settings, path: ConfigPath) -> Who:
    account = resolver.listed(settings.account_principal or "", path, _NEVER_WHOLE)
    if not account.ours:
        said = f"{account.name!r} is not ours; a whole account is one where you decide who reads, and a vendor's role is named, never the vendor's account; name it with role: {account.name}:role/Name, or the role in your account that the vendor assumes"
        resolver.give_up(path, said)
    if account == resolver.key_account:
        said = f"{account.name!r} is the key's own account; there its administrators would read too, so another account is allowed; name a role or a permission set"
        resolver.give_up(path, said)
    return Who(account=account)


def _organization(resolver: Names, settings: Settings, path: ConfigPath) -> Who:
    organization = resolver.config.organization
    value = settings.principal_org_path or settings.principal_org_id or ""
    if organization is None:
        said = f"{value!r} is in an organization, and none is given; organization: {{id, management_account}} is needed; add it"
        resolver.give_up(path, said)
    if value.partition("/")[0] != organization.id:
        said = f"{value!r} is not in this organization, {organization.id!r}; readers of another organization are not supported; correct the id"
        resolver.give_up(path, said)
    if "/r-" not in value and organization.root_id is None:
        said = f"{value!r} covers the whole organization, whose root is not known; the stack set for its accounts targets the root; add organization.root_id: r-..."
        resolver.give_up(path, said)
    return Who(organization_path=settings.principal_org_path or "")


_POLICY_GENERATION: Final = "service-role/AccessAnalyzerMonitorServiceRole*"


def _access_analyzer(resolver: Names, _settings: Settings, _path: ConfigPath) -> Who:
    if resolver.config.organization is not None:
        return Who()
    account = resolver.key_account
    role = f"arn:{resolver.config.partition}:iam::{account.id}:role/{_POLICY_GENERATION}"
    return Who(account=account, principal_arns=(role,))


def _macie(resolver: Names, _settings: Settings, path: ConfigPath) -> Who:
    """Return Macie's service-linked role: to a key of another account it needs a grant, which no policy gives.

    See: https://docs.aws.amazon.com/macie/latest/user/discovery-supported-encryption-types.html
    """
    config, account = resolver.config, resolver.key_account
    if config.bucket.account != config.key.account:
        said = f"macie reads the bucket in {config.bucket.account!r}, the key is in {config.key.account!r}; Macie's service-linked role uses keys of its own account; keep key and bucket in one account"
        resolver.give_up(path, said)
    role = f"arn:{config.partition}:iam::{account.id}:role/aws-service-role/macie.amazonaws.com/AWSServiceRoleForAmazonMacie"
    return Who(account=account, principal_arns=(role,))


_IAM_DECIDES: Final = ReaderStep(
    kind="attach-policy", text="IAM in {where} decides who reads: attach policy {policy} to those who shall."
)

READER_KINDS: tuple[ReaderKind, ...] = (
    ReaderKind(key="role", resolve=_principal, iam_policy="attached"),
    ReaderKind(
        key="permission_set",
        resolve=_permission_set,
        step=ReaderStep(
            kind="permission-set",
            text="Permission set {value} refers to the customer managed policy {policy} and is provisioned to account {account}.",
        ),
        role_prefix="aws-reserved/sso.amazonaws.com/AWSReservedSSO_{}_",
        account_reason="a permission set is a role in each account it is assigned to",
    ),
    ReaderKind(key="principal_arn_like", resolve=_principal, step=_IAM_DECIDES),
    ReaderKind(key="account_principal", resolve=_account, step=_IAM_DECIDES),
    ReaderKind(key="principal_org_path", resolve=_organization, step=_IAM_DECIDES, differs_in_mirror=True),
    ReaderKind(key="principal_org_id", resolve=_organization, step=_IAM_DECIDES, differs_in_mirror=True),
    # https://docs.aws.amazon.com/IAM/latest/UserGuide/access-analyzer-policy-generation.html (cross-account access)
    ReaderKind(
        key="service",
        service="access-analyzer",
        resolve=_access_analyzer,
        iam_policy="none",
        step=ReaderStep(
            kind="role-exists",
            text="Each account that generates policies has the role service-role/AccessAnalyzerMonitorServiceRole_* with kms:Decrypt and s3:GetObject; the console of IAM Access Analyzer makes it.",
            in_every_account=True,
        ),
        member_role=_POLICY_GENERATION,
        own_logs_only=True,
    ),
    # https://docs.aws.amazon.com/macie/latest/user/discovery-supported-encryption-types.html
    ReaderKind(
        key="service",
        service="macie",
        resolve=_macie,
        iam_policy="none",
        step=ReaderStep(
            kind="service-linked-role",
            text="Macie is on in account {account}: KMS refuses a key policy that names its service-linked role before that exists.",
            command="aws iam get-role --role-name AWSServiceRoleForAmazonMacie",
            prevents="key_policy_principal_invalid",
        ),
        bucket_statements=False,
        named_directly=True,
    ),
)
"""Every kind, in the order that the config's documentation has."""
