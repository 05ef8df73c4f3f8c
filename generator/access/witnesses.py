"""A box as one concrete, readable request, in the shape that ``trailkey decide`` reads."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from generator.access.boxes import FILLED, Box, Many, Single
from generator.access.catalog import spelling
from generator.access.identities import ACCOUNT
from generator.access.patterns import row
from generator.access.terms import PRINCIPAL
from generator.access.wildcards import ALL, Language, language

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from generator.access.scope import Scope

ALLOW_ALL: Final = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}
"""The identity policy of a witness whose caller's own IAM policies allow the request."""

STRANGER: Final = "999999999999"
"""The account that stands for every account nobody named."""
_ACTIONS: Final = (
    "kms:Decrypt",
    "kms:GenerateDataKey",
    "kms:DescribeKey",
    "kms:PutKeyPolicy",
    "s3:GetObject",
    "s3:PutObject",
)
_HINTS: Final = {
    "aws:sourceaccount": (STRANGER,),
    "aws:principalorgid": ("o-anyorganiz",),
    "aws:principalorgpaths": ("o-anyorganiz/r-any1/ou-any1-anyunit1/",),
    "aws:sourceip": ("203.0.113.1",),
    "kms:viaservice": ("s3.us-east-1.amazonaws.com", "ec2.us-east-1.amazonaws.com"),
}


def request(box: Box, scope: Scope) -> dict[str, Any]:
    """Return a request that is in the box: few keys, believable values.

    Raises:
        UndecidedError: finding a value would take too long.
    """
    found: dict[str, Any] = {
        PRINCIPAL: _pick(box, PRINCIPAL, _principals(scope)),
        "action": _pick(box, "action", _ACTIONS),
        "resource": _pick(box, "resource", (scope.home, scope.home.removesuffix("/object"))),
    }
    context: dict[str, str | list[str]] = {}
    for name, side in box.items:
        if ":" not in name:
            continue
        if isinstance(side, Many):
            values = _several(side, _hints(name, scope))
            if values:
                context[spelling(name)] = values
        elif not side.absent:
            context[spelling(name)] = side.values.witness(_shaped(side, name, scope)) or ""
    if scope.service == "s3":
        context["aws:ResourceAccount"] = scope.account  # the ARN of a bucket does not say whose it is
    if context:
        found["context"] = dict(sorted(context.items()))
    identity = box.sides.get("identity")
    if isinstance(identity, Single) and not identity.admits(["no"]):
        found["identity_policies"] = [ALLOW_ALL]
    return found


def sentence(witness: Mapping[str, Any]) -> str:
    """Return a request as one line for people: who calls what, under which keys, with whose permission.

    The resource is shown where a policy has several: a key policy is about one key.
    """
    keys = " and ".join(f"{key} {_spoken(value)}" for key, value in witness.get("context", {}).items())
    under = f" with {keys}" if keys else ""
    on = "" if witness["action"].startswith("kms:") else f" on {witness['resource']}"
    who = (
        f"{witness['principal']}, whose own IAM policy allows it,"
        if "identity_policies" in witness
        else witness["principal"]
    )
    return f"{who} calls {witness['action']}{on}{under}"


def _spoken(value: str | list[str]) -> str:
    return value if isinstance(value, str) else f"[{', '.join(value)}]"


def _pick(box: Box, name: str, hints: Sequence[str]) -> str:
    side = box.sides.get(name)
    values = side.values if isinstance(side, Single) else ALL
    return values.witness(hints) or ""


def _several(side: Many, hints: Sequence[str]) -> list[str]:
    """Return one value for each demand that an earlier one does not meet yet."""
    found: list[str] = []
    for wanted in side.some:
        if not any(map(wanted.contains, found)):
            found.append((side.every & wanted & FILLED).witness(hints) or "")
    return found


def _principals(scope: Scope) -> tuple[str, ...]:
    start = f"arn:{scope.partition}:iam::"
    return (
        f"{start}{STRANGER}:role/Anyone",
        f"{start}{scope.account}:role/Anyone",
        f"{start}{STRANGER}:user/anyone",
        f"{start}{scope.account}:user/anyone",
        f"{start}{STRANGER}:root",
        f"{start}{scope.account}:root",
        "cloudtrail.amazonaws.com",
        "config.amazonaws.com",
        "sns.amazonaws.com",
    )


def _shaped(side: Single, name: str, scope: Scope) -> tuple[str, ...]:
    """Return hints for one value: where a key holds the ARN of a trail, at last one of whichever account is asked for."""
    hints = _hints(name, scope)
    if not _holds_trail(name) or not isinstance(side.values, Language):
        return hints
    trails = row([f"arn:{scope.partition}:cloudtrail:us-east-1:", *ACCOUNT, ":trail/other"])
    found = (side.values & language([trails])).witness(hints)
    return hints if found is None else (*hints, found)


def _holds_trail(name: str) -> bool:
    return name == "aws:sourcearn" or name.endswith(":aws:cloudtrail:arn")


def _hints(name: str, scope: Scope) -> tuple[str, ...]:
    trails = tuple(
        f"arn:{scope.partition}:cloudtrail:us-east-1:{account}:trail/other" for account in (STRANGER, scope.account)
    )
    if _holds_trail(name):
        return trails
    if name.endswith("account"):
        return (STRANGER, scope.account)
    return _HINTS.get(name, ("other",))
