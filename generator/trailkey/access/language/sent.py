"""What AWS sends with a request: which condition keys a call of a kind of caller, or by a way, never carries.

One table, which the prover takes its requests from: what is never sent is no counterexample, and helps no claim.
Pages: IAM's condition keys, https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-keys.html, and of KMS
https://docs.aws.amazon.com/kms/latest/developerguide/conditions-kms.html and
https://docs.aws.amazon.com/kms/latest/developerguide/conditions-aws.html.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Final

from trailkey.aws import REGIONS, URL_SUFFIXES

if TYPE_CHECKING:
    from collections.abc import Iterable

VIA_SERVICE: Final = "kms:viaservice"
"""The key that names the service by which somebody's call on a key comes."""


@dataclass(frozen=True, slots=True)
class NeverSent:
    """Keys, by what they begin with in lower case, that calls of a kind never carry, and the page that says so."""

    keys: tuple[str, ...]
    source: str

    def among(self, keys: Iterable[str]) -> list[str]:
        """Return those of some keys (in lower case)."""
        return [key for key in keys if key.startswith(self.keys)]


_PAGE: Final = "https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-keys.html"
BY_PEOPLE: Final = NeverSent(
    (
        *("aws:sourcearn", "aws:sourceaccount", "aws:sourceorgid", "aws:sourceorgpaths"),
        "aws:principalservicenameslist",  # the caller's name is in it, and others that no page lists
    ),
    f"{_PAGE}#condition-keys-sourcearn",
)
"""Only a call that an AWS service makes as itself says for which resource it acts."""

BY_SERVICES: Final = NeverSent(
    (
        *("aws:principalorgid", "aws:principalorgpaths", "aws:principaltag/", "aws:userid", "aws:username"),
        *("aws:multifactorauthpresent", "aws:multifactorauthage", "aws:tokenissuetime", "aws:federatedprovider"),
        *("aws:sourceidentity", "aws:calledvia", "aws:referer"),
        *("aws:sourcevpc", "aws:vpce", "aws:vpcsourceip", "aws:sourceip"),
    ),
    f"{_PAGE}#condition-keys-principalisawsservice",
)
"""A service that calls as itself is of no organization, has no session, and comes from no network of a customer."""

THROUGH_SERVICES: Final = NeverSent(
    ("aws:sourcevpc", "aws:vpce", "aws:vpcsourceip", "aws:sourceip"),
    "https://docs.aws.amazon.com/kms/latest/developerguide/conditions-aws.html",
)
"""Where a service calls KMS for somebody, the call comes from the service's network and not from the caller's."""


_GRANTS: Final = ("kms:creategrant",)
ONLY_WITH: Final[dict[str, tuple[str, ...]]] = {
    "kms:bypasspolicylockoutsafetycheck": ("kms:createkey", "kms:putkeypolicy", "kms:replicatekey"),
    "kms:expirationmodel": ("kms:importkeymaterial",),
    "kms:granteeprincipal": _GRANTS,
    "kms:grantconstrainttype": _GRANTS,
    "kms:grantisforawsresource": (*_GRANTS, "kms:listgrants", "kms:revokegrant"),
    "kms:grantoperations": _GRANTS,
    "kms:primaryregion": ("kms:updateprimaryregion",),
    "kms:reencryptonsamekey": ("kms:reencryptfrom", "kms:reencryptto"),
    "kms:replicaregion": ("kms:replicatekey",),
    "kms:retiringprincipal": _GRANTS,
    "kms:rotationperiodindays": ("kms:enablekeyrotation",),
    "kms:schedulekeydeletionpendingwindowindays": ("kms:schedulekeydeletion",),
    "kms:validto": ("kms:importkeymaterial",),
}
"""Keys (in lower case) that only some actions (in lower case) carry, whoever calls.
https://docs.aws.amazon.com/kms/latest/developerguide/conditions-kms.html"""


def via_suffixes(partition: str) -> tuple[str, ...]:
    """Return what the names end in that kms:ViaService can have in a partition.

    See: https://docs.aws.amazon.com/kms/latest/developerguide/conditions-kms.html#conditions-kms-via-service
    """
    return tuple(dict.fromkeys(("amazonaws.com", URL_SUFFIXES.get(partition, "amazonaws.com"))))


@lru_cache(maxsize=8)
def service_names(partition: str) -> tuple[str, ...]:
    """Return how the names end that kms:ViaService can have in a partition: ``.us-east-1.amazonaws.com``."""
    return tuple(f".{region}.{suffix}" for region in REGIONS for suffix in via_suffixes(partition))
