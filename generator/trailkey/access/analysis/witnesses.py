"""A box as one concrete, readable request, in the shape that ``trailkey decide`` reads."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

from trailkey.access.algebra.boxes import FILLED, Box, Many, Single
from trailkey.access.algebra.languages import ALL, EMPTY, Language
from trailkey.access.analysis.constraints import PRINCIPAL
from trailkey.access.language.catalog import spelling
from trailkey.aws import CLOUDTRAIL, HOME_REGIONS, TRAIL_CONTEXT

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from trailkey.access.algebra.intervals import Values
    from trailkey.access.analysis.resource import Scope

ALLOW_ALL: Final = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}
"""The identity policy of a witness whose caller's own IAM policies allow the request."""

STRANGER: Final = "999999999999"
"""The account that stands for every account nobody named."""
_OTHER = "other"
_ACTIONS: Final = (
    *("kms:Decrypt", "kms:GenerateDataKey", "kms:DescribeKey", "kms:PutKeyPolicy"),
    *("s3:GetObject", "s3:PutObject"),
)
_OF_ONE_TRAIL: Final = ("aws:sourcearn", TRAIL_CONTEXT.casefold())
_TRAIL: Final = re.compile(r"(arn:([^:]*):cloudtrail:)[^:]*(:.*)")
_HINTS: Final = {
    "aws:sourceaccount": (STRANGER,),
    "aws:principalorgid": ("o-anyorganiz",),
    "aws:principalorgpaths": ("o-anyorganiz/r-any1/ou-any1-anyunit1/",),
    "aws:sourceip": ("203.0.113.1",),
    "kms:viaservice": ("s3.us-east-1.amazonaws.com", "ec2.us-east-1.amazonaws.com"),
}


def request(box: Box, scope: Scope, trails: Sequence[str] = ()) -> dict[str, Any]:
    """Return a request that is in the box: few keys, believable values; ``trails`` are the ARNs of trails that are known.

    Raises:
        UndecidedError: finding a value would take too long.
    """
    found: dict[str, Any] = {
        PRINCIPAL: _pick(box, PRINCIPAL, _principals(scope)),
        "action": _pick(box, "action", _ACTIONS),
        "resource": _pick(box, "resource", (scope.home, scope.home.removesuffix("/object"))),
    }
    stranger, own = (
        f"arn:{scope.partition}:cloudtrail:{HOME_REGIONS[scope.partition]}:{account}:trail/{_OTHER}"
        for account in (STRANGER, scope.account)
    )
    # CloudTrail is asked for the trail of a stranger first, and people for what the trails of the policy encrypted.
    known = (stranger, *trails, own) if found[PRINCIPAL] == CLOUDTRAIL else (*trails, stranger, own)
    same_trail = _same_trail(box) if found[PRINCIPAL] == CLOUDTRAIL else None
    context: dict[str, str | list[str]] = {}
    for name, side in box.items:
        if ":" not in name:
            continue
        if isinstance(side, Many):
            several = _several(side, _hints(name, scope, known))
            if several:
                context[spelling(name)] = several
        elif not side.absent:
            values = same_trail if same_trail and name in _OF_ONE_TRAIL else side.values
            context[spelling(name)] = _believable(values, _hints(name, scope, known))
    if scope.service == "s3" and scope.account:
        context["aws:ResourceAccount"] = scope.account  # the ARN of a bucket does not say whose it is
    if context:
        found["context"] = dict(sorted(context.items()))
    identity = box.sides.get("identity")
    if isinstance(identity, Single) and not identity.admits(["no"]):
        found["identity_policies"] = [ALLOW_ALL]
    return found


def sentence(witness: Mapping[str, Any], *, refused: bool = False) -> str:
    """Return a request as one line for people: who calls what, or may not, under which keys, with whose permission.

    The resource is shown where a policy has several: a key policy is about one key.
    """
    keys = " and ".join(f"{key} {_spoken(value)}" for key, value in witness.get("context", {}).items())
    under = f" with {keys}" if keys else ""
    on = "" if witness["action"].startswith("kms:") else f" on {witness['resource']}"
    trusted = ", whose own IAM policy allows it," if "identity_policies" in witness else ""
    who = f"{witness['principal']}{trusted}"
    return f"{who} {'is not allowed to call' if refused else 'calls'} {witness['action']}{on}{under}"


def _spoken(value: str | list[str]) -> str:
    return value if isinstance(value, str) else f"[{', '.join(value)}]"


def _pick(box: Box, name: str, hints: Sequence[str]) -> str:
    side = box.sides.get(name)
    values = side.values if isinstance(side, Single) else ALL
    return _believable(values, hints)


def _same_trail(box: Box) -> Language | None:
    """Return the trails that a box has under both keys in which CloudTrail sends the ARN of its one trail, if there are any."""
    sides = [box.sides.get(name) for name in _OF_ONE_TRAIL]
    values = [side.values for side in sides if isinstance(side, Single) and isinstance(side.values, Language)]
    common = values[0] & values[1] if len(values) == len(_OF_ONE_TRAIL) else EMPTY
    return None if common.is_empty() else common


def _believable(values: Values, hints: Sequence[str]) -> str:
    """Return one of the values: a hint, or the shortest with something in the places that wildcards left empty."""
    found = values.witness(hints) or ""
    if not isinstance(values, Language) or found in hints:
        return found
    trail = _TRAIL.fullmatch(found)
    if trail:
        start = f"{trail[1]}{HOME_REGIONS.get(trail[2], '')}"
        for text in (f"{start}{trail[3].partition('/')[0]}/{_OTHER}", f"{start}{trail[3]}"):
            if values.contains(text):
                return text
    fuller = [f"{found}{_OTHER}"] if found.endswith(("/", "-")) else []
    return max(filter(values.contains, fuller), key=len, default=found)


def _several(side: Many, hints: Sequence[str]) -> list[str]:
    """Return one value for each demand that an earlier one does not meet yet."""
    found: list[str] = []
    for wanted in side.some:
        if not any(map(wanted.contains, found)):
            found.append(_believable(side.every & wanted & FILLED, hints))
    return found


def _principals(scope: Scope) -> tuple[str, ...]:
    people = (
        f"arn:{scope.partition}:iam::{account}:{who}"
        for who in ("role/Anyone", "user/anyone", "root")
        for account in (STRANGER, scope.account)
    )
    return (*people, CLOUDTRAIL, "config.amazonaws.com", "sns.amazonaws.com")


def _hints(name: str, scope: Scope, trails: tuple[str, ...]) -> tuple[str, ...]:
    if name == "aws:sourcearn" or name.endswith(":aws:cloudtrail:arn"):
        return trails
    if name.endswith("account"):
        return (STRANGER, scope.account)
    return _HINTS.get(name, (_OTHER,))
