"""The Principal element: who a statement of a resource policy speaks about.

https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_principal.html
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from trailkey.errors import PolicyError

_ACCOUNT = re.compile(r"\d{12}")
_AWS = re.compile(
    r"arn:aws[a-z-]*:(iam::\d{12}:(root|(user|role)/[^*?]+)|sts::\d{12}:(assumed-role/[^/*?]+/[^/*?]+|federated-user/[^/*?]+))"
)
_UNIQUE_ID = re.compile(r"A[A-Z0-9]{3}[A-Z0-9]{12,124}")
_SERVICE = re.compile(r"[a-z0-9-]+(\.[a-z0-9-]+)+")
_FEDERATED = re.compile(r"arn:aws[a-z-]*:iam::\d{12}:(saml|oidc)-provider/[^*?]+|[a-z0-9-]+(\.[a-z0-9-]+)+(/[^*?]*)?")


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
        return _not_everybody(Principals(excluded=excluded, everyone=True), place)
    if not isinstance(value, dict) or not value:
        raise PolicyError(f'{place}: neither "*" nor an object; "*" or AWS, Service, Federated with values; correct it')
    aws: list[str] = []
    services: list[str] = []
    federated: list[str] = []
    for kind, entries in value.items():
        for entry in entries if isinstance(entries, list) else [entries]:
            here = f"{place}: {kind}"
            if kind == "AWS":
                aws.append(_aws(entry, here))
            elif kind == "Service":
                services.append(
                    _matching(_SERVICE, entry, here, "a service principal such as cloudtrail.amazonaws.com")
                )
            elif kind == "Federated":
                federated.append(_matching(_FEDERATED, entry, here, "the ARN or host name of an identity provider"))
            else:
                raise PolicyError(
                    f"{here}: not modelled; AWS, Service or Federated; name the AWS account or ARN instead"
                )
    if not (aws or services or federated):
        raise PolicyError(f"{place}: names nobody; at least one principal; add one or remove the statement")
    named = tuple(entry for entry in aws if entry != "*")
    return _not_everybody(
        Principals(excluded, len(named) < len(aws), named, tuple(services), tuple(federated)),
        place,
    )


def _not_everybody(principals: Principals, place: str) -> Principals:
    if principals.excluded and principals.everyone:
        raise PolicyError(
            f'{place}: excludes "*", which leaves nobody; ARNs, accounts or services; remove the statement'
        )
    return principals


def _aws(entry: Any, place: str) -> str:
    if isinstance(entry, str) and (
        entry == "*" or _ACCOUNT.fullmatch(entry) or _AWS.fullmatch(entry) or _UNIQUE_ID.fullmatch(entry)
    ):
        return entry
    raise PolicyError(
        f'{place}: "{entry}" is not a valid principal; "*", a 12-digit account id (as text), or the full ARN of an account root, role, '
        "user or session, with no wildcard and no group; for a pattern use the account and ArnLike aws:PrincipalArn"
    )


def _matching(pattern: re.Pattern[str], entry: Any, place: str, allowed: str) -> str:
    if isinstance(entry, str) and pattern.fullmatch(entry):
        return entry
    raise PolicyError(f'{place}: "{entry}" is not allowed here; {allowed}, with no wildcard; correct it')
