"""Intrinsic functions put in place of what they stand for: the document as CloudFormation would send it.

What only AWS knows (the id of a key not yet made) becomes a stand-in of the right shape and length, told by name.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from generator.errors import PolicyError

if TYPE_CHECKING:
    from collections.abc import Mapping

_VARIABLE = re.compile(r"\$\{(!?)([^}]*)\}")
_DNS_SUFFIX = {"aws-cn": "amazonaws.com.cn"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where a template is deployed, and what its parameters are given."""

    account: str
    region: str
    partition: str
    parameters: Mapping[str, Any] = field(default_factory=dict)


def stand_in(logical_id: str, attribute: str, kind: str, place: Place) -> str:
    """Return a believable value for an attribute of a resource that does not exist yet: same shape, same length."""
    name = logical_id.lower()
    arns = {
        "AWS::KMS::Key": f"arn:{place.partition}:kms:{place.region}:{place.account}:key/{_key_id(logical_id)}",
        "AWS::S3::Bucket": f"arn:{place.partition}:s3:::{name}",
        "AWS::SNS::Topic": f"arn:{place.partition}:sns:{place.region}:{place.account}:{logical_id}",
        "AWS::IAM::Role": f"arn:{place.partition}:iam::{place.account}:role/{logical_id}",
        "AWS::CloudTrail::EventDataStore": f"arn:{place.partition}:cloudtrail:{place.region}:{place.account}:eventdatastore/{_key_id(logical_id)}",
        "AWS::Events::Rule": f"arn:{place.partition}:events:{place.region}:{place.account}:rule/{logical_id}",
        "AWS::Logs::LogGroup": f"arn:{place.partition}:logs:{place.region}:{place.account}:log-group:{logical_id}:*",
    }
    if attribute.endswith("Arn") or (attribute == "Ref" and kind == "AWS::SNS::Topic"):
        return arns.get(kind, f"arn:{place.partition}:service:{place.region}:{place.account}:{logical_id}")
    return _key_id(logical_id) if kind == "AWS::KMS::Key" else logical_id


def _key_id(logical_id: str) -> str:
    """Return a UUID made from a name: the same for the same name, on every machine."""
    digits = "".join(f"{ord(character) % 16:x}" for character in logical_id)
    padded = (digits + "0" * 32)[:32]
    return "-".join((padded[:8], padded[8:12], padded[12:16], padded[16:20], padded[20:]))


def resolve(value: Any, template: Mapping[str, Any], place: Place) -> Any:
    """Return the value with Ref, Fn::GetAtt, Fn::Sub and Fn::Join resolved.

    Raises PolicyError, naming it, for any other function and for a name the template does not hold.
    """
    if isinstance(value, dict):
        if len(value) == 1:
            function, argument = next(iter(value.items()))
            if function == "Ref":
                return _reference(argument, template, place)
            if function == "Fn::GetAtt":
                return _attribute(argument, template, place)
            if function == "Fn::Sub":
                return _substituted(argument, template, place)
            if function == "Fn::Join":
                return str(argument[0]).join(str(resolve(part, template, place)) for part in argument[1])
            if function.startswith("Fn::"):
                raise PolicyError(
                    f"{function} is not modelled; Ref, Fn::GetAtt, Fn::Sub and Fn::Join are; put its value in its place"
                )
        return {key: resolve(item, template, place) for key, item in value.items()}
    return [resolve(item, template, place) for item in value] if isinstance(value, list) else value


def _reference(name: str, template: Mapping[str, Any], place: Place) -> Any:
    pseudo = {
        "AWS::AccountId": place.account,
        "AWS::Region": place.region,
        "AWS::Partition": place.partition,
        "AWS::URLSuffix": _DNS_SUFFIX.get(place.partition, "amazonaws.com"),
        "AWS::StackName": "stack",
    }
    if name in pseudo:
        return pseudo[name]
    if name in place.parameters:
        return place.parameters[name]
    resource = template.get("Resources", {}).get(name)
    if resource is None:
        raise PolicyError(f"Ref {name!r}: no value is given for it; give the parameter a value, or correct the name")
    properties = resource.get("Properties", {})
    named = {"AWS::S3::Bucket": "BucketName", "AWS::CloudTrail::Trail": "TrailName", "AWS::IAM::Role": "RoleName"}.get(
        resource["Type"], ""
    )
    return (
        resolve(properties[named], template, place)
        if named in properties
        else stand_in(name, "Ref", resource["Type"], place)
    )


def _attribute(argument: Any, template: Mapping[str, Any], place: Place) -> Any:
    name, attribute = argument.split(".", 1) if isinstance(argument, str) else argument
    resource = template.get("Resources", {}).get(name)
    if resource is None:
        raise PolicyError(f"Fn::GetAtt {name!r}: the template has no such resource; correct the name")
    return stand_in(name, attribute, resource["Type"], place)


def _substituted(argument: Any, template: Mapping[str, Any], place: Place) -> str:
    text, variables = (argument, {}) if isinstance(argument, str) else argument

    def value(match: re.Match[str]) -> str:
        if match[1]:
            return f"${{{match[2]}}}"
        name = match[2].strip()
        if name in variables:
            return str(resolve(variables[name], template, place))
        return str(_attribute(name, template, place) if "." in name else _reference(name, template, place))

    return _VARIABLE.sub(value, text)
