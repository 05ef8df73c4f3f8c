"""A concrete request: who asks for what, under which keys, with which other policies around it.

The JSON form is the one ``trailkey decide`` reads and every finding's witness is written in.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Literal

from trailkey.access.language.policy import Policy, parse_policy, scalar
from trailkey.access.language.principals import PRINCIPAL_TYPE, Caller, parse_caller
from trailkey.aws import parse_arn
from trailkey.errors import PolicyError

if TYPE_CHECKING:
    from collections.abc import Mapping

ELEMENTS: Final = ("name", "principal", "action", "resource", "context", "identity_policies", "scps", "rcps", "expect")
EXPECTATIONS: Final = ("allowed", "denied")

_ACTION = re.compile(r"[A-Za-z0-9-]+:[A-Za-z0-9]+")
_ACCOUNT = re.compile(r"\d{12}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """One request, ready to be decided.

    ``resource`` is None where the request names none: then only statements on ``"*"`` can be judged. ``account`` owns the
    resource. ``context`` maps keys, folded to lower case, to their values; a key with no values is missing on purpose.
    ``identity_policies`` is None where nothing is known about them. ``scps`` are levels of the organization, each of which must
    allow; None, like an absent RCP list, allows everything.
    """

    caller: Caller
    action: str
    resource: str | None
    account: str
    context: Mapping[str, tuple[str, ...]]
    name: str = ""
    identity_policies: tuple[Policy, ...] | None = None
    scps: tuple[tuple[Policy, ...], ...] | None = None
    rcps: tuple[Policy, ...] | None = None
    expect: Literal["allowed", "denied"] | None = None

    @property
    def service(self) -> str:
        """The service of the action, in lower case: ``kms``."""
        return self.action.partition(":")[0].casefold()

    @property
    def partition(self) -> str:
        """The partition of the resource, or an empty text where the request names none."""
        return self.resource.split(":", 2)[1] if self.resource else ""


def parse_request(document: Any, *, what: str = "request", key_account: str = "") -> Request:
    """Return the request that a JSON object states.

    Keys that AWS derives from the principal and the resource are filled in; a value in ``context`` wins, and an empty list
    there leaves the key out.

    Args:
        document: an object with the elements of ``ELEMENTS``; ``principal`` and ``action`` must be there. ``scps`` is a list
            of documents, or of such lists, one for each level of the organization from its root to the account.
        what: how errors name the request.
        key_account: the account that owns the resource, where the resource's ARN does not say it.

    Raises:
        PolicyError: an element, principal or value that is not modelled, named with its place.
    """
    if not isinstance(document, dict):
        raise PolicyError(f"{what}: not an object; an object with principal and action; correct it")
    for element in document:
        if element not in ELEMENTS:
            raise PolicyError(f'{what}: unknown element "{element}"; {", ".join(ELEMENTS)}; check the spelling')
    name = _text(document, "name", what) or ""
    what = f"{what} ({name})" if name else what
    principal, action = _text(document, "principal", what), _text(document, "action", what)
    if not principal or not action:
        raise PolicyError(f"{what}: {'action' if principal else 'principal'}: missing; a text; add it")
    if not _ACTION.fullmatch(action):
        raise PolicyError(
            f'{what}: action: "{action}" is not a valid action; one service:Name such as kms:Decrypt; correct it'
        )
    expect = _text(document, "expect", what)
    if expect is not None and expect not in EXPECTATIONS:
        raise PolicyError(f'{what}: expect: "{expect}"; {" or ".join(EXPECTATIONS)}; correct it')
    given = _context(document.get("context", {}), f"{what}: context")
    try:
        caller = parse_caller(principal, "".join(given.get("aws:principalarn", ())[:1]))
    except PolicyError as error:
        raise PolicyError(f"{what}: {error}") from error
    resource = _text(document, "resource", what)
    account, region = _owner(resource, action, given, key_account, what)
    return Request(
        caller=caller,
        action=action,
        resource=resource,
        account=account,
        context=_derived(caller, action, account, region) | given,
        name=name,
        identity_policies=_policies(document, "identity_policies", what),
        scps=_levels(document, what),
        rcps=_policies(document, "rcps", what),
        expect="allowed" if expect == "allowed" else "denied" if expect else None,
    )


def _owner(
    resource: str | None, action: str, given: Mapping[str, tuple[str, ...]], key_account: str, what: str
) -> tuple[str, str]:
    """Return the account that owns the resource, and the resource's Region or an empty text."""
    arn = parse_arn(resource) if resource else None
    if resource and not arn:
        raise PolicyError(
            f'{what}: resource: "{resource}" is not a valid ARN; the full ARN of one resource; correct it'
        )
    if arn and arn.service != action.partition(":")[0].casefold():
        raise PolicyError(
            f'{what}: resource: "{resource}" is of another service than the action {action}; both of one service; correct one'
        )
    # S3's ARNs name no account: the caller of this function, or the request's own aws:ResourceAccount, must know it.
    account = (arn.account if arn else "") or "".join(given.get("aws:resourceaccount", ())[:1]) or key_account
    if not _ACCOUNT.fullmatch(account):
        raise PolicyError(
            f'{what}: resource: its account "{account}" is not a valid account id; 12 digits; write it into the ARN, or name the key account'
        )
    return account, arn.region if arn else ""


def _derived(caller: Caller, action: str, account: str, region: str) -> dict[str, tuple[str, ...]]:
    """Return the keys that AWS sets itself.

    https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-keys.html and, for kms:CallerAccount,
    https://docs.aws.amazon.com/kms/latest/developerguide/conditions-kms.html
    """
    keys: dict[str, tuple[str, ...]] = {"aws:resourceaccount": (account,), "aws:principalisawsservice": ("false",)}
    if region:
        keys["aws:requestedregion"] = (region,)
    if caller.kind == "service":
        return keys | {
            "aws:principalisawsservice": ("true",),
            "aws:principalservicename": (caller.arn,),
            "aws:principalservicenameslist": (caller.arn,),
        }
    keys["aws:principalarn"] = (caller.principal_arn,)
    keys["aws:principalaccount"] = (caller.account,)
    keys["aws:principaltype"] = (PRINCIPAL_TYPE[caller.kind],)
    if caller.kind == "user":
        keys["aws:username"] = (caller.arn.rpartition("/")[2],)
    if action.casefold().startswith("kms:"):
        keys["kms:calleraccount"] = (caller.account,)
    return keys


def _context(value: Any, place: str) -> dict[str, tuple[str, ...]]:
    if not isinstance(value, dict):
        raise PolicyError(f"{place}: not an object; condition keys with their values; correct it")
    found: dict[str, tuple[str, ...]] = {}
    for key, entries in value.items():
        folded = key.casefold()
        if ":" not in key or folded in found:
            why = "is given twice" if folded in found else "is not a valid condition key"
            raise PolicyError(f'{place}: "{key}" {why}; service:name, each once whatever its case; correct it')
        found[folded] = tuple(
            scalar(entry, f"{place}: {key}") for entry in (entries if isinstance(entries, list) else [entries])
        )
    return found


def _text(document: dict[str, Any], element: str, what: str) -> str | None:
    value = document.get(element)
    if value is not None and not isinstance(value, str):
        raise PolicyError(f"{what}: {element}: {value!r} is not a text; a text; quote it")
    return value


def _policies(document: dict[str, Any], element: str, what: str) -> tuple[Policy, ...] | None:
    written = document.get(element)
    if written is None:
        return None
    if not isinstance(written, list):
        raise PolicyError(f"{what}: {element}: not a list; a list of policy documents; put it in brackets")
    return tuple(
        parse_policy(entry, what=f"{what}: {element}[{index}]", resource_based=element == "rcps")
        for index, entry in enumerate(written)
    )


def _levels(document: dict[str, Any], what: str) -> tuple[tuple[Policy, ...], ...] | None:
    written = document.get("scps")
    if not isinstance(written, list) or not written or not isinstance(written[0], list):
        level = _policies(document, "scps", what)
        return (level,) if level else None
    levels = (_policies({"scps": level}, "scps", f"{what}: scps[{index}]") for index, level in enumerate(written))
    return tuple(level for level in levels if level)
