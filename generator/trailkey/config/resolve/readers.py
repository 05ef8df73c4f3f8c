"""The readers of a config: the principals each stands for, and which readers are refused."""

from __future__ import annotations

from typing import TYPE_CHECKING

from trailkey.config.deployment import Account, Reader
from trailkey.config.resolve.principals import permission_set_patterns
from trailkey.config.resolve.resolver import account_of

if TYPE_CHECKING:
    from trailkey.config import model
    from trailkey.config.resolve.resolver import Resolver
    from trailkey.config.source import ConfigPath


def resolve_readers(resolver: Resolver, key_account: Account | None) -> list[Reader]:
    """Return the readers with the principals they stand for."""
    readers = []
    for index, settings in enumerate(resolver.config.readers):
        reader = _reader(resolver, settings, ("readers", index), key_account)
        if reader is not None:
            readers.append(reader)
    return readers


def _reader(resolver: Resolver, settings: model.Reader, path: ConfigPath, key_account: Account | None) -> Reader | None:
    account: Account | None = None
    arns: tuple[str, ...] = ()
    if settings.role is not None or settings.principal_arn_like is not None:
        kind = "role" if settings.role is not None else "principal_arn_like"
        arn = resolver.principal(
            settings.role or settings.principal_arn_like or "", (*path, kind), pattern=kind == "principal_arn_like"
        )
        if arn is None:
            return None
        account = next(account for account in resolver.accounts.values() if account.id == account_of(arn))
        arns = (arn,)
    elif settings.permission_set is not None:
        account = resolver.account(settings.account or "", (*path, "account"))
        if account is None:
            return None
        arns = permission_set_patterns(settings.permission_set, account.id, resolver.config.partition)
    elif settings.account_principal is not None:
        account = resolver.account(settings.account_principal, (*path, "account_principal"))
        if account is None:
            return None
        if key_account and account.id == key_account.id:
            resolver.refuse(
                (*path, "account_principal"),
                f"{account.name!r} is the key's own account; there its administrators would read too, so a whole account is another one; name a role or a permission set",
            )
            return None
    elif settings.service is not None:
        return _service_reader(resolver, settings, path, key_account)
    elif not _in_organization(resolver, settings, path):
        return None
    return Reader(settings=settings, account=account, principal_arns=arns, path=path)


def _service_reader(
    resolver: Resolver, settings: model.Reader, path: ConfigPath, key_account: Account | None
) -> Reader | None:
    config = resolver.config
    if settings.service == "macie":
        # https://docs.aws.amazon.com/macie/latest/user/discovery-supported-encryption-types.html: in its own account Macie
        # reads with its service-linked role; to a key of another account it needs a grant, which no policy gives.
        if config.bucket.account != config.key.account:
            resolver.refuse(
                (*path, "service"),
                f"macie reads the bucket in {config.bucket.account!r}, the key is in {config.key.account!r}; Macie's service-linked role uses keys of its own account; keep key and bucket in one account",
            )
            return None
        if key_account is None:
            return None
        role = f"arn:{config.partition}:iam::{key_account.id}:role/aws-service-role/macie.amazonaws.com/AWSServiceRoleForAmazonMacie"
        return Reader(settings=settings, account=key_account, principal_arns=(role,), path=path)
    if config.organization is None:
        if key_account is None:
            return None
        role = f"arn:{config.partition}:iam::{key_account.id}:role/service-role/AccessAnalyzerMonitorServiceRole*"
        return Reader(settings=settings, account=key_account, principal_arns=(role,), path=path)
    return Reader(settings=settings, account=None, principal_arns=(), path=path)


def _in_organization(resolver: Resolver, settings: model.Reader, path: ConfigPath) -> bool:
    organization = resolver.config.organization
    kind = "principal_org_path" if settings.principal_org_path else "principal_org_id"
    value = settings.principal_org_path or settings.principal_org_id or ""
    if organization is None:
        resolver.refuse(
            (*path, kind),
            f"{value!r} is in an organization, and none is given; organization: {{id, management_account}} is needed; add it",
        )
        return False
    if value.partition("/")[0] != organization.id:
        resolver.refuse(
            (*path, kind),
            f"{value!r} is not in this organization, {organization.id!r}; readers of another organization are not supported; correct the id",
        )
        return False
    if "/r-" not in value and organization.root_id is None:
        resolver.refuse(
            (*path, kind),
            f"{value!r} takes in the whole organization, whose root is not known; the stack set for its accounts targets the root; add organization.root_id: r-...",
        )
        return False
    return True
