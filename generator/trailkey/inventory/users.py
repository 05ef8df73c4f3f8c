"""What a template makes beside a key, a bucket or a topic: who uses it, what is delivered there, and who has IAM policies on it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

from trailkey.cloudformation.shapes import kind_of, mapping_in
from trailkey.findings import Location
from trailkey.inventory.kinds import BUCKET, KEY, TOPIC
from trailkey.inventory.policies import IdentityPolicy, Resource

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from trailkey.cloudformation.placeholders import Place
    from trailkey.inventory.kinds import PolicyKind

    Found = Mapping[str, tuple[str, Mapping[str, Any]]]
    """Type and resolved properties of resources, by logical id; what is not known is left out."""

ALIAS: Final = "AWS::KMS::Alias"
EVENT_DATA_STORE: Final = "AWS::CloudTrail::EventDataStore"
TRAIL: Final = "AWS::CloudTrail::Trail"
ROLE: Final = "AWS::IAM::Role"
USER: Final = "AWS::IAM::User"
_BUCKET: Final = BUCKET.bare
NOTIFIED: Final = TOPIC.bare
_PROPERTIES: Final = {
    ALIAS: ("AliasName", "TargetKeyId"),
    _BUCKET: ("BucketName", "BucketEncryption"),
    EVENT_DATA_STORE: ("KmsKeyId", "Name"),
    TRAIL: (
        *("KMSKeyId", "S3BucketName", "S3KeyPrefix", "SnsTopicName", "TrailName"),
        *("IsOrganizationTrail", "EnableLogFileValidation"),
    ),
    NOTIFIED: ("TopicName", "KmsMasterKeyId"),
    BUCKET.holders[0]: (BUCKET.attached,),
    TOPIC.holders[0]: (TOPIC.attached,),
    ROLE: ("RoleName", "Path", "ManagedPolicyArns"),
    USER: ("UserName", "Path", "ManagedPolicyArns", "Groups"),
}
"""The properties that tell who uses what, by type of resource."""
_TEXTS: Final = ("Name", "KeyId", "S3KeyPrefix", "Path")
"""What the names of properties end in that hold one text."""
_KEY_PROPERTY: Final = {EVENT_DATA_STORE: "KmsKeyId", TRAIL: "KMSKeyId"}
_ATTACHING: Final = {
    "AWS::IAM::ManagedPolicy": ("Roles", "Users"),
    "AWS::IAM::Policy": ("Roles", "Users"),
    "AWS::IAM::RolePolicy": ("RoleName",),
    "AWS::IAM::UserPolicy": ("UserName",),
}
"""IAM policies that are resources, with the properties that name who gets them. Of a group's nobody knows who gets them."""
_ON_LOGS: Final = re.compile(r"\"(kms:|s3:|\*\")", re.IGNORECASE)
"""What stands in the text of an IAM policy that can bear on log files or on their key."""
_IN_TEXT: Final = re.compile(r"\$\{([A-Za-z0-9]+)[.}]")


def surroundings(template: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """Return the resources of a template that may tell who uses a key, a bucket or a topic, each with what of it tells that.

    All as it is written. An IAM policy inside a role or user stands for itself, as ``Role/Policies/0``.
    """
    return {
        name: {"Type": kind, "Condition": resource.get("Condition"), "Properties": properties}
        for holder, resource in mapping_in(template, "Resources").items()
        for name, kind, properties in _relevant(holder, resource)
    }


def _relevant(holder: str, resource: Any) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Yield logical id, type and telling properties of a resource, and of the IAM policies inside it."""
    kind, properties = kind_of(resource), mapping_in(resource, "Properties")
    wanted = (*_PROPERTIES.get(kind, ()), *_ATTACHING.get(kind, ()))
    if kind in _PROPERTIES:
        yield holder, kind, {key: value for key, value in properties.items() if key in wanted}
    if kind in _ATTACHING and _bears_on_logs(properties.get("PolicyDocument")):
        yield holder, kind, {key: value for key, value in properties.items() if key in (*wanted, "PolicyDocument")}
    inside = properties.get("Policies") if kind in (ROLE, USER) else None
    for at, one in enumerate(inside if isinstance(inside, list) else ()):
        document = mapping_in(one, "PolicyDocument")
        if _bears_on_logs(document):
            whom = {"Roles" if kind == ROLE else "Users": [{"Ref": holder}]}
            yield f"{holder}/Policies/{at}", "AWS::IAM::Policy", {**whom, "PolicyDocument": document}


def _bears_on_logs(document: Any) -> bool:
    return isinstance(document, dict) and bool(_ON_LOGS.search(_text(document)))


def _text(value: Any) -> str:
    return " ".join(f'"{one}"' for one in _strings(value))


def _strings(value: Any) -> Iterator[str]:
    """Yield every text in a value, keys of mappings aside."""
    if isinstance(value, str):
        yield value
    for one in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        yield from _strings(one)


def users_of(kind: PolicyKind, arn: str, found: Found, place: Place, file: str) -> tuple[Resource, ...]:
    """Return the resources that use a key, a bucket or a topic.

    Of a key they are its trails and event data stores, the buckets of those trails that encrypt with it, and encrypted topics that
    trails notify; of a bucket or topic the trails that deliver there. Roles and users come with them, where IAM policies of the
    template speak of keys or buckets.

    Args:
        kind: what is used.
        arn: its ARN.
        found: the resources around it.
        place: where the template is deployed.
        file: the template.
    """
    found = {name: (of, _named_by_texts(properties)) for name, (of, properties) in found.items()}
    using = _of_key(arn, found) if kind is KEY else _delivering(kind, arn, found)
    callers = {name: found[name] for name in found if found[name][0] in (ROLE, USER)} if using else {}
    return tuple(
        _resource(place, Location(file=file, logical_id=name), of, properties)
        for name, (of, properties) in (using | callers).items()
    )


def identities_of(found: Found, place: Place, file: str) -> tuple[IdentityPolicy, ...]:
    """Return the IAM policies of a template that may bear on logs, with those who have them."""
    return tuple(
        IdentityPolicy(
            location=Location(file=file, logical_id=name),
            document=properties["PolicyDocument"],
            account=place.account,
            partition=place.partition,
            attached=frozenset(_attached(properties) | _by_arn(name, found)),
            policy_name="",
        )
        for name, (kind, properties) in found.items()
        if kind in _ATTACHING and "PolicyDocument" in properties
    )


def waits_for(template: Mapping[str, Any], name: str) -> frozenset[str]:
    """Return the logical ids of the resources that CloudFormation makes before one: by DependsOn, or since it speaks of them.

    See: https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/aws-attribute-dependson.html
    """
    resources = mapping_in(template, "Resources")
    found: set[str] = set()
    waiting = [name]
    while waiting:
        resource = resources.get(waiting.pop())
        spoken = {
            word for text in _strings(resource) for word in (text, text.partition(".")[0], *_IN_TEXT.findall(text))
        }
        new = {word for word in spoken if word in resources} - found
        found |= new
        waiting += new
    return frozenset(found - {name})


def has_bucket_keys(resource: Resource) -> bool:
    """Return whether a bucket has S3 Bucket Keys, by which S3 asks KMS with the bucket's ARN and decrypts for CloudTrail.

    See: https://docs.aws.amazon.com/awscloudtrail/latest/userguide/create-kms-key-policy-for-cloudtrail.html
    """
    return any(str(rule.get("BucketKeyEnabled", "")).casefold() == "true" for rule in _rules(resource.properties))


def _named_by_texts(properties: Mapping[str, Any]) -> dict[str, Any]:
    """Return properties without those names and ids that are something else than texts, which CloudFormation refuses."""
    return {name: value for name, value in properties.items() if isinstance(value, str) or not name.endswith(_TEXTS)}


def _of_key(arn: str, found: Found) -> dict[str, tuple[str, Mapping[str, Any]]]:
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
        if kind == _BUCKET
        and {name.lower(), properties.get("BucketName")} & written_to
        and any(str(default.get("KMSMasterKeyID")) in names for default in _defaults(properties))
    }
    notified = {properties.get("SnsTopicName") for kind, properties in found.values() if kind == TRAIL} - {None}
    topics = {
        name: (kind, properties)
        for name, (kind, properties) in found.items()
        if kind == NOTIFIED and properties.get("KmsMasterKeyId") in names
        if any(str(one).rpartition(":")[2] == properties.get("TopicName", name) for one in notified)
    }
    return users | buckets | topics


def _delivering(kind: PolicyKind, arn: str, found: Found) -> dict[str, tuple[str, Mapping[str, Any]]]:
    """Return the trails that deliver to a bucket, by its name, or notify a topic, by its name or ARN."""
    element = "S3BucketName" if kind is BUCKET else "SnsTopicName"
    names = {arn, arn.rpartition(":")[2]}
    return {
        name: (of, properties)
        for name, (of, properties) in found.items()
        if of == TRAIL and properties.get(element) in names
    }


def _names_of(arn: str, found: Found) -> set[str]:
    """Return by what a resource of the template may name a key: its ARN, its id, or one of its aliases."""
    names = {arn, arn.rpartition("/")[2]}
    for name, (kind, properties) in found.items():
        if kind == ALIAS and properties.get("TargetKeyId") in names:
            names |= {name, *filter(None, (properties.get("AliasName"),))}
    start = arn.rpartition(":")[0]
    return names | {f"{start}:{name}" for name in names if name.startswith("alias/")}


def _attached(properties: Mapping[str, Any]) -> set[str]:
    """Return whom the properties of an IAM policy name: ``role/NAME``, ``user/NAME``."""
    found = {f"{kind}/{name}" for kind in ("role", "user") for name in _listed(properties.get(f"{kind.capitalize()}s"))}
    for kind in ("role", "user"):
        found |= {f"{kind}/{name}" for name in _listed(properties.get(f"{kind.capitalize()}Name"))}
    return found


def _by_arn(policy: str, found: Found) -> set[str]:
    """Return the roles and users that have a managed policy of the template among their ManagedPolicyArns."""
    return {
        f"{_short(kind)}/{_name_of(name, kind, properties)}"
        for name, (kind, properties) in found.items()
        if kind in (ROLE, USER)
        and any(str(arn).rpartition("/")[2] == policy for arn in _listed(properties.get("ManagedPolicyArns")))
    }


def _listed(value: Any) -> list[Any]:
    return [] if value is None else value if isinstance(value, list) else [value]


def _short(kind: str) -> str:
    return kind.rpartition(":")[2].lower()


def _name_of(logical_id: str, kind: str, properties: Mapping[str, Any]) -> str:
    return str(properties.get(f"{kind.rpartition(':')[2]}Name", logical_id))


def _rules(properties: Mapping[str, Any]) -> Iterable[Mapping[str, Any]]:
    written = mapping_in(properties, "BucketEncryption").get("ServerSideEncryptionConfiguration")
    return [rule for rule in written if isinstance(rule, dict)] if isinstance(written, list) else []


def _defaults(properties: Mapping[str, Any]) -> Iterable[Mapping[str, Any]]:
    return [mapping_in(rule, "ServerSideEncryptionByDefault") for rule in _rules(properties)]


def _resource(place: Place, location: Location, kind: str, properties: Mapping[str, Any]) -> Resource:
    name = location.logical_id
    start, global_ = f"arn:{place.partition}", f"{place.account}:{_short(kind)}{properties.get('Path', '/')}"
    own = {
        TRAIL: f"{start}:cloudtrail:{place.region}:{place.account}:trail/{properties.get('TrailName', name)}",
        _BUCKET: f"{start}:s3:::{properties.get('BucketName', name.lower())}",
        ROLE: f"{start}:iam::{global_}{_name_of(name, kind, properties)}",
        USER: f"{start}:iam::{global_}{_name_of(name, kind, properties)}",
    }
    return Resource(
        kind=kind,
        location=location,
        arn=own.get(kind, ""),
        account=place.account,
        region=place.region,
        properties=properties,
    )
