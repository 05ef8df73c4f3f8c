"""What a template makes beside a key that uses it: its trails and event data stores, and the bucket that a trail writes to."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from trailkey.aws import parse_arn
from trailkey.cloudformation.shapes import kind_of, mapping_in
from trailkey.findings import Location
from trailkey.inventory.policies import Resource

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

ALIAS: Final = "AWS::KMS::Alias"
BUCKET: Final = "AWS::S3::Bucket"
EVENT_DATA_STORE: Final = "AWS::CloudTrail::EventDataStore"
TRAIL: Final = "AWS::CloudTrail::Trail"
_PROPERTIES: Final = {
    ALIAS: ("AliasName", "TargetKeyId"),
    BUCKET: ("BucketName", "BucketEncryption"),
    EVENT_DATA_STORE: ("KmsKeyId", "Name"),
    TRAIL: ("KMSKeyId", "S3BucketName", "TrailName"),
}
"""The properties that tell who uses a key, by type of resource."""
_KEY_PROPERTY: Final = {EVENT_DATA_STORE: "KmsKeyId", TRAIL: "KMSKeyId"}


def surroundings(template: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """Return the resources of a template that may tell who uses a key, each with what of it tells that, as it is written."""
    return {
        name: {
            "Type": kind_of(resource),
            "Condition": resource.get("Condition"),
            "Properties": {
                key: value
                for key, value in mapping_in(resource, "Properties").items()
                if key in _PROPERTIES[kind_of(resource)]
            },
        }
        for name, resource in mapping_in(template, "Resources").items()
        if kind_of(resource) in _PROPERTIES
    }


def users_of(arn: str, found: Mapping[str, tuple[str, Mapping[str, Any]]], file: str) -> tuple[Resource, ...]:
    """Return the resources that use a key: trails, event data stores, and buckets of those trails that encrypt with it.

    Args:
        arn: the key's ARN.
        found: type and resolved properties of the resources around it, by logical id; what is not known is left out.
        file: the template.
    """
    names = _names_of(arn, found)
    users = {
        name: (kind, properties)
        for name, (kind, properties) in found.items()
        if properties.get(_KEY_PROPERTY.get(kind, "")) in names
    }
    written_to = {properties.get("S3BucketName") for _, properties in users.values()} - {None}
    buckets = {
        name: (kind, properties)
        for name, (kind, properties) in found.items()
        if kind == BUCKET
        and {name, properties.get("BucketName")} & written_to
        and any(default.get("KMSMasterKeyID") in names for default in _defaults(properties))
    }
    return tuple(
        _resource(arn, Location(file=file, logical_id=name), kind, properties)
        for name, (kind, properties) in (users | buckets).items()
    )


def has_bucket_keys(resource: Resource) -> bool:
    """Return whether a bucket has S3 Bucket Keys, by which S3 asks KMS with the bucket's ARN and decrypts for CloudTrail.

    See: https://docs.aws.amazon.com/awscloudtrail/latest/userguide/create-kms-key-policy-for-cloudtrail.html
    """
    return any(str(rule.get("BucketKeyEnabled", "")).casefold() == "true" for rule in _rules(resource.properties))


def _names_of(arn: str, found: Mapping[str, tuple[str, Mapping[str, Any]]]) -> set[str]:
    """Return by what a resource of the template may name a key: its ARN, its id, or one of its aliases."""
    names = {arn, arn.rpartition("/")[2]}
    for name, (kind, properties) in found.items():
        if kind == ALIAS and properties.get("TargetKeyId") in names:
            names |= {name, *filter(None, (properties.get("AliasName"),))}
    start = arn.rpartition(":")[0]
    return names | {f"{start}:{name}" for name in names if name.startswith("alias/")}


def _rules(properties: Mapping[str, Any]) -> Iterable[Mapping[str, Any]]:
    written = mapping_in(properties, "BucketEncryption").get("ServerSideEncryptionConfiguration")
    return [rule for rule in written if isinstance(rule, dict)] if isinstance(written, list) else []


def _defaults(properties: Mapping[str, Any]) -> Iterable[Mapping[str, Any]]:
    return [mapping_in(rule, "ServerSideEncryptionByDefault") for rule in _rules(properties)]


def _resource(arn: str, location: Location, kind: str, properties: Mapping[str, Any]) -> Resource:
    key = parse_arn(arn)
    partition, region, account = (key.partition, key.region, key.account) if key else ("aws", "", "")
    name = properties.get("TrailName", location.logical_id)
    own = {
        TRAIL: f"arn:{partition}:cloudtrail:{region}:{account}:trail/{name}",
        BUCKET: f"arn:{partition}:s3:::{properties.get('BucketName', location.logical_id.lower())}",
    }
    return Resource(
        kind=kind,
        location=location,
        arn=own.get(kind, ""),
        account=account,
        region=region,
        properties=properties,
    )
