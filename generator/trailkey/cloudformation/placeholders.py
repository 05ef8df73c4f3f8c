"""Believable values for what a template does not say: attributes of resources not yet made, and values nobody has given.

A stand-in has the shape that its place asks for (an account id, the ARN of a role), is told by its name, and is the same for
the same name on every machine.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where a template is deployed, what its parameters are given, and what the stacks before it give out.

    ``outputs`` are by account, Region, stack and name.
    """

    account: str
    region: str
    partition: str
    parameters: Mapping[str, Any] = field(default_factory=dict)
    outputs: Mapping[tuple[str, str, str, str], Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Position:
    """Where a value stands: the keys that lead to it in the policy, and the text before it in the same value.

    ``whole`` is False where it is only a part of a text.
    """

    path: tuple[str | int, ...] = ()
    before: str = ""
    whole: bool = True

    @property
    def takes_text(self) -> bool:
        """Whether a made-up text can stand here: in a principal, a resource or a condition value, not in place of structure."""
        return not self.whole or _element(self.path) != ""


def attribute_placeholder(logical_id: str, attribute: str, kind: str, place: Place, name: str = "") -> str:
    """Return a believable value for an attribute of a resource that does not exist yet: same shape, same length.

    ``name`` is the resource's own, where the template gives it one.
    """
    own, bucket = name or logical_id, name or logical_id.lower()
    key = f"arn:{place.partition}:kms:{place.region}:{place.account}:key/{_key_id(logical_id)}"
    arns = {
        "AWS::KMS::Key": key,
        "AWS::KMS::ReplicaKey": key,
        "AWS::S3::Bucket": f"arn:{place.partition}:s3:::{bucket}",
        "AWS::SNS::Topic": f"arn:{place.partition}:sns:{place.region}:{place.account}:{own}",
        "AWS::IAM::Role": f"arn:{place.partition}:iam::{place.account}:role/{own}",
        "AWS::IAM::User": f"arn:{place.partition}:iam::{place.account}:user/{own}",
        "AWS::CloudTrail::Trail": f"arn:{place.partition}:cloudtrail:{place.region}:{place.account}:trail/{own}",
        "AWS::CloudTrail::EventDataStore": f"arn:{place.partition}:cloudtrail:{place.region}:{place.account}:eventdatastore/{_key_id(logical_id)}",
        "AWS::Events::Rule": f"arn:{place.partition}:events:{place.region}:{place.account}:rule/{logical_id}",
        "AWS::Logs::LogGroup": f"arn:{place.partition}:logs:{place.region}:{place.account}:log-group:{logical_id}:*",
    }
    if attribute.endswith("Arn") or (attribute == "Ref" and kind == "AWS::SNS::Topic"):
        return arns.get(kind, f"arn:{place.partition}:service:{place.region}:{place.account}:{logical_id}")
    if kind in ("AWS::KMS::Key", "AWS::KMS::ReplicaKey"):
        return _key_id(logical_id)
    return bucket if kind == "AWS::S3::Bucket" and attribute == "Ref" else own


def placeholder(name: str, position: Position, place: Place, definition: Mapping[str, Any] | None = None) -> str:
    """Return a believable value for a parameter or an export that nobody has given one, as its position asks.

    ``definition`` is a parameter's entry under ``Parameters``: a value that its AllowedPattern refuses is not made up.
    """
    definition = definition or {}
    word = re.sub(r"[^A-Za-z0-9]+", "-", name.removeprefix("Fn::")).strip("-")[-40:].strip("-") or "Value"
    shapes = {
        "account": _account_id(name, place.account),
        "role": f"arn:{place.partition}:iam::{place.account}:role/{word}",
        "region": place.region,
        "partition": place.partition,
        "trail": f"arn:{place.partition}:cloudtrail:{place.region}:{place.account}:trail/{word}",
        "organization": f"o-{_digest(name)[:10]}",
        "via": f"s3.{place.region}.amazonaws.com",
        "service": "cloudtrail.amazonaws.com",
        "resource": f"arn:{place.partition}:kms:{place.region}:{place.account}:key/{_key_id(word)}",
        "word": word,
    }
    first = _shape(name, position, str(definition.get("Description", "")))
    allowed = str(definition.get("AllowedPattern", ""))
    if not allowed:
        return shapes[first]
    fitting = (shape for shape in (shapes[first], *shapes.values()) if _matches(allowed, shape))
    return next(fitting, shapes[first])


_NAMING: Final = ("Bucket", "Groups", "Roles", "Topics", "Users")
"""Properties beside a policy that name what it is attached to."""
_ACCOUNT_NAME: Final = re.compile(r"account(_?ids?|_?number)?s?$|accountid", re.IGNORECASE)
_BY_PART: Final = {1: "partition", 3: "region", 4: "account"}  # by the number of colons before it in an ARN
_BY_KEY: Final = {
    "aws:principalarn": "role",
    "aws:principalaccount": "account",
    "kms:calleraccount": "account",
    "aws:sourceaccount": "account",
    "aws:sourcearn": "trail",
    "kms:encryptioncontext:aws:cloudtrail:arn": "trail",
    "aws:principalorgid": "organization",
    "aws:sourceorgid": "organization",
    "kms:viaservice": "via",
    "aws:requestedregion": "region",
}


def _shape(name: str, position: Position, description: str) -> str:
    # A policy that is one JSON text has its values between quotes.
    before = position.before.rpartition('"')[2]
    if before.startswith("arn:"):
        return _BY_PART.get(before.count(":"), "word")
    element = _element(position.path)
    if not position.whole and before:
        return "region" if element == "kms:viaservice" else "word"
    if _ACCOUNT_NAME.search(name) or re.search(r"\baccount (id|number)", description, re.IGNORECASE):
        return "account"
    if element in ("principal", "service", "resource"):
        return "role" if element == "principal" else element
    return _BY_KEY.get(element, "word")


def _element(path: tuple[str | int, ...]) -> str:
    """Return what a path of a policy leads to: a principal, service or resource, a condition key in lower case, or nothing."""
    words = [step for step in path if isinstance(step, str)]
    match words[1:] if words[:1] == ["PolicyDocument"] else words:
        case ["Statement", "Principal" | "NotPrincipal", "Service"]:
            return "service"
        case ["Statement", "Principal" | "NotPrincipal", *_]:
            return "principal"
        case ["Statement", "Resource" | "NotResource"]:
            return "resource"
        case ["Statement", "Condition", _, key]:
            return key.casefold()
        case ["Statement", "Sid"] | ["Id"]:
            return "name"
        case [name, *_] if name.endswith(("Name", "KeyId", "Encryption")) or name in _NAMING:
            return "name"  # a property of a resource beside the policy
    return ""


def _key_id(logical_id: str) -> str:
    """Return a UUID made from a name: the same for the same name, on every machine."""
    digits = "".join(f"{ord(character) % 16:x}" for character in logical_id)
    padded = (digits + "0" * 32)[:32]
    return "-".join((padded[:8], padded[8:12], padded[12:16], padded[16:20], padded[20:]))


def _account_id(name: str, taken: str) -> str:
    """Return twelve digits made from a name, never those of the account that is taken."""
    number = int(_digest(name), 16) % 9 * 10**11 + 10**11 + int(_digest(name)[:9], 16) % 10**11
    found = f"{number:012d}"
    return found if found != taken else f"{number + 1:012d}"


def _digest(name: str) -> str:
    return hashlib.sha256(name.encode()).hexdigest()


def _matches(pattern: str, text: str) -> bool:
    try:
        return re.fullmatch(pattern, text) is not None
    except re.error:  # Java's regular expressions are not wholly Python's
        return False
