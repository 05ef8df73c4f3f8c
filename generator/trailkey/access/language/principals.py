"""Who a statement of a resource policy speaks about, and whether the caller of a request is among them.

https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_principal.html
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final, Literal

from trailkey.errors import PolicyError

Kind = Literal["root", "user", "role", "session", "federated-user", "service"]
Reach = Literal["named", "everyone", "account"]

PRINCIPAL_TYPE: Final[dict[Kind, str]] = {
    "root": "Account",
    "user": "User",
    "role": "AssumedRole",
    "session": "AssumedRole",
    "federated-user": "FederatedUser",
}
"""Values of aws:PrincipalType.
https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-keys.html"""

_KINDS: Final[dict[str, Kind]] = {
    "root": "root",
    "user": "user",
    "role": "role",
    "assumed-role": "session",
    "federated-user": "federated-user",
}
_CALLER = re.compile(
    r"arn:(?P<partition>aws[a-z-]*):(?:iam::(?P<iam>\d{12}):(?P<what>root|user/[^*?]+|role/[^*?]+)"
    r"|sts::(?P<sts>\d{12}):(?P<session>assumed-role/[^/*?]+/[^/*?]+|federated-user/[^/*?]+))"
)
_CALLING_SERVICE = re.compile(r"[a-z0-9-]+(\.[a-z0-9-]+)*\.(amazonaws\.com(\.cn)?|amazon\.com|aws\.internal)")

_ENTRIES: Final = {
    "AWS": (
        re.compile(rf"\*|\d{{12}}|A[A-Z0-9]{{15,127}}|{_CALLER.pattern}"),
        'a valid principal; "*", a 12-digit account id (as text), or the full ARN of an account root, role, user or session, with no wildcard and no group; for a pattern use the account and ArnLike aws:PrincipalArn',
    ),
    "Service": (
        re.compile(r"[a-z0-9-]+(\.[a-z0-9-]+)+"),
        "allowed here; a service principal such as cloudtrail.amazonaws.com, with no wildcard; correct it",
    ),
    "Federated": (
        re.compile(r"arn:aws[a-z-]*:iam::\d{12}:(saml|oidc)-provider/[^*?]+|[a-z0-9-]+(\.[a-z0-9-]+)+(/[^*?]*)?"),
        "allowed here; the ARN or host name of an identity provider, with no wildcard; correct it",
    ),
}
"""What each kind of principal is written like, and what is wrong with an entry that is not."""


@dataclass(frozen=True, slots=True)
class Principals:
    """The principals of one statement.

    ``excluded`` is True for NotPrincipal: everyone but these. ``everyone`` is ``"*"`` or ``{"AWS": "*"}``, which AWS calls
    equivalent in resource policies; it matches AWS services too (AWS's own samples exempt them from a Deny on ``"*"`` with
    ``aws:PrincipalIsAWSService``). ``aws`` holds ARNs, bare account ids, and the unique ids that are left of a deleted role
    or user, which match nobody. ``federated`` identity providers never call a service themselves, so they match nobody here.
    """

    excluded: bool = False
    everyone: bool = False
    aws: tuple[str, ...] = ()
    services: tuple[str, ...] = ()
    federated: tuple[str, ...] = ()


def parse_principals(value: Any, place: str, *, excluded: bool) -> Principals:
    """Return the principals that the value of a Principal (or NotPrincipal) element names.

    Raises:
        PolicyError: a form that AWS refuses (a wildcard inside an ARN, a group) or that is not modelled (CanonicalUser,
            whose account nobody can read off it).
    """
    if value == "*":
        value = {"AWS": "*"}
    if not isinstance(value, dict) or not value:
        raise PolicyError(f'{place}: neither "*" nor an object; "*" or AWS, Service, Federated with values; correct it')
    found: dict[str, list[str]] = {kind: [] for kind in _ENTRIES}
    for kind, entries in value.items():
        if kind not in _ENTRIES:
            raise PolicyError(
                f"{place}: {kind}: not modelled; AWS, Service or Federated; name the AWS account or ARN instead"
            )
        pattern, problem = _ENTRIES[kind]
        for entry in entries if isinstance(entries, list) else [entries]:
            if not isinstance(entry, str) or not pattern.fullmatch(entry):
                raise PolicyError(f'{place}: {kind}: "{entry}" is not {problem}')
            found[kind].append(entry)
    if not any(found.values()):
        raise PolicyError(f"{place}: names nobody; at least one principal; add one or remove the statement")
    everyone = "*" in found["AWS"]
    if excluded and everyone:
        raise PolicyError(
            f'{place}: excludes "*", which leaves nobody; ARNs, accounts or services; remove the statement'
        )
    named = tuple(entry for entry in found["AWS"] if entry != "*")
    return Principals(excluded, everyone, named, tuple(found["Service"]), tuple(found["Federated"]))


@dataclass(frozen=True, slots=True)
class Caller:
    """The principal of a request.

    ``arn`` is as the request writes it (a service principal has its name there, and neither partition nor account).
    ``role_arn`` is the ARN of the role behind a role or session; a session's ARN does not show the role's path, so there it
    is the ARN of a role without one, unless the request's ``aws:PrincipalArn`` tells. ``root_arn`` is that of its account.
    """

    arn: str
    kind: Kind
    partition: str = ""
    account: str = ""
    role_arn: str = ""
    path_known: bool = True
    root_arn: str = ""

    @property
    def principal_arn(self) -> str:
        """The value AWS gives aws:PrincipalArn; empty for a service."""
        return "" if self.kind == "service" else self.role_arn or self.arn

    @property
    def service_linked(self) -> bool:
        """Whether this is a service-linked role, which only shows in its path."""
        return ":role/aws-service-role/" in self.role_arn


@lru_cache(maxsize=4096)
def parse_caller(text: str, principal_arn: str = "") -> Caller:
    """Return the caller that a request's ``principal`` names.

    Args:
        text: the ARN of an account root, user, role, role session or federated user, or a service principal.
        principal_arn: the value of ``aws:PrincipalArn`` where the request gives one. It tells the path of a session's role.

    Raises:
        PolicyError: any other form.
    """
    if _CALLING_SERVICE.fullmatch(text):
        return Caller(text, "service")
    match = _CALLER.fullmatch(text)
    if not match:
        raise PolicyError(
            f'principal: "{text}" is not a valid caller; the ARN of an account root, user, role, assumed-role session or federated '
            "user, or a service principal such as cloudtrail.amazonaws.com; a pattern or a group makes no request"
        )
    partition, account = match["partition"], match["iam"] or match["sts"]
    what = match["what"] or match["session"]
    start = f"arn:{partition}:iam::{account}:"
    kind, _, rest = what.partition("/")
    role, path_known = "", True
    if kind == "role":
        role = text
    elif kind == "assumed-role":
        name = rest.partition("/")[0]
        path_known = principal_arn.startswith(f"{start}role/") and principal_arn.endswith(f"/{name}")
        role = principal_arn if path_known else f"{start}role/{name}"
    return Caller(text, _KINDS[kind], partition, account, role, path_known, f"{start}root")


def reach(principals: Principals, caller: Caller) -> Reach | None:
    """Return how the principals of a statement reach a caller, or None.

    ``named`` by an entry of its own, with ``everyone``, or only as part of its ``account``: the difference decides whether
    the caller needs an IAM policy too. For NotPrincipal, which AWS supports in a Deny only, the answer is ``everyone`` or None.
    """
    if principals.excluded:
        return None if _exempt(principals, caller) else "everyone"
    if caller.kind == "service":
        named = caller.arn in principals.services
        return "named" if named else "everyone" if principals.everyone else None
    found: Reach | None = None
    for entry in principals.aws:
        how = _entry_reach(entry, caller)
        if how == "named":
            return how
        found = how or found
    return "everyone" if principals.everyone else found


def _exempt(principals: Principals, caller: Caller) -> bool:
    """Whether NotPrincipal leaves a caller out of its Deny.

    AWS checks the account first, then the role or user, then the session, and a level that is not listed is denied. So each
    level that the request shows must be listed; the account alone exempts only its root user.
    https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_notprincipal.html
    """
    if caller.kind == "service":
        return caller.arn in principals.services
    reached = {entry: _entry_reach(entry, caller) for entry in principals.aws}
    if caller.kind == "root":
        return any(reached.values())
    if "account" not in reached.values() or (caller.kind == "session" and caller.arn not in reached):
        return False
    # What is named besides the session itself: the user, or the role behind the session.
    return any(how == "named" for entry, how in reached.items() if caller.kind != "session" or entry != caller.arn)


def _entry_reach(entry: str, caller: Caller) -> Reach | None:
    """How one entry of ``{"AWS": …}`` reaches a caller that is not an AWS service."""
    if entry == caller.arn:
        return "named"
    if entry in (caller.account, caller.root_arn):
        return "account"
    if not caller.role_arn or ":role/" not in entry:
        return None
    if entry == caller.role_arn:
        return "named"
    if caller.path_known:
        return None
    # Role names are unique in an account whatever their path, so the name settles it where a session hides the path.
    start, _, name = caller.role_arn.rpartition("/")
    return "named" if entry.startswith(f"{start}/") and entry.rpartition("/")[2] == name else None
