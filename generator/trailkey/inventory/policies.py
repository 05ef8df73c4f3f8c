"""The policies of a deployment as they stand in its rendered templates: what is judged is what is deployed.

Each is known by the config path that asked for it; nothing else comes from what built the templates.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from trailkey.access.language.policy import VARIABLES_VERSION, Policy, parse_policy
from trailkey.aws import parse_arn
from trailkey.cloudformation.resolve import Place, attribute_placeholder, resolve

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from trailkey.config.source import ConfigPath

_FIXTURES: Final = (
    *("AWS::CloudTrail::EventDataStore", "AWS::CloudTrail::Trail", "AWS::KMS::Alias", "AWS::KMS::Key"),
    *("AWS::S3::Bucket", "AWS::S3::BucketPolicy"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Template:
    """A template read back from its text: its file, where it is deployed, and the config path of each of its resources.

    ``account`` is empty for a stack set, which is deployed to many.
    """

    file: str
    document: Mapping[str, Any]
    place: Place
    account: str
    origins: Mapping[str, ConfigPath]


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyDocument:
    """A key, by an ARN that stands for it, with its policy."""

    place: str
    path: ConfigPath
    arn: str
    document: Any
    policy: Policy


@dataclass(frozen=True, slots=True, kw_only=True)
class BucketDocument:
    """The policy of the log bucket."""

    place: str
    document: Any
    policy: Policy


@dataclass(frozen=True, slots=True, kw_only=True)
class IamDocument:
    """An IAM managed policy: the roles, users and groups it is attached to by name, or its own name for others to attach."""

    place: str
    path: ConfigPath
    account: str
    attached: frozenset[str]
    name: str
    document: Any
    policy: Policy

    @property
    def file(self) -> str:
        """The template that holds it."""
        return self.place.partition(": ")[0]

    def attachment(self, arn: str) -> str:
        """Return the attachment to the role or user of an ARN, or an empty text: a template attaches by name, without path."""
        parts = parse_arn(arn)
        if parts is None or parts.account != self.account:
            return ""
        kind, _, name = parts.resource.partition("/")
        found = f"{kind}/{name.rpartition('/')[2]}"
        return found if found in self.attached else ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fixture:
    """A resource that a policy is attached to, or that is to use a key or the bucket: its type, place and properties.

    ``arn`` stands for it where only a deployment knows the real one.
    """

    kind: str
    place: str
    path: ConfigPath
    arn: str
    account: str
    region: str
    properties: Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Documents:
    """All policies of a deployment, and the resources around them.

    ``keys`` begins with the trails' key; the keys of event data stores follow.
    """

    keys: tuple[KeyDocument, ...]
    bucket: BucketDocument
    iam: tuple[IamDocument, ...]
    fixtures: tuple[Fixture, ...]

    @property
    def trail_key(self) -> KeyDocument:
        """The trails' key."""
        return self.keys[0]

    def key_at(self, path: ConfigPath) -> KeyDocument:
        """Return the key that a config path asked for."""
        return next(key for key in self.keys if key.path == path)

    def fixtures_of(self, kind: str, path: ConfigPath) -> list[Fixture]:
        """Return the resources of a type that a config path asked for."""
        return [one for one in self.fixtures if (one.kind, one.path) == (kind, path)]

    def of_holder(self, path: ConfigPath) -> list[IamDocument]:
        """Return the IAM policies that a config path asked for."""
        return [one for one in self.iam if one.path == path]


def documents_of(rendered: Sequence[Template], existing_bucket_policy: Any = None) -> Documents:
    """Return the policies in rendered templates, intrinsic functions resolved for the place of each stack.

    Args:
        rendered: the templates of one deployment.
        existing_bucket_policy: the statements for a bucket that the deployment does not make.

    Raises:
        PolicyError: a policy holds what is not modelled.
    """
    keys: list[KeyDocument] = []
    iam: list[IamDocument] = []
    fixtures: list[Fixture] = []
    bucket = None if existing_bucket_policy is None else _bucket("bucket-policy.json", existing_bucket_policy)
    for template in rendered:
        for logical_id, resource in template.document["Resources"].items():
            path = template.origins.get(logical_id, ())
            place = f"{template.file}: Resources/{logical_id}"
            properties = resource["Properties"]
            if resource["Type"] in _FIXTURES:
                fixtures.append(_fixture(template, logical_id, place, path))
            if resource["Type"] == "AWS::KMS::Key":
                document = resolve(properties["KeyPolicy"], template.document, template.place)
                arn = attribute_placeholder(logical_id, "Arn", resource["Type"], template.place)
                policy = parse_policy(document, what=place, resource_based=True)
                keys.append(KeyDocument(place=place, path=path, arn=arn, document=document, policy=policy))
            elif resource["Type"] == "AWS::S3::BucketPolicy" and path == ("bucket",):
                bucket = _bucket(place, resolve(properties["PolicyDocument"], template.document, template.place))
            elif resource["Type"] == "AWS::IAM::ManagedPolicy":
                iam.append(_iam(template, place, path, properties))
    if bucket is None:
        raise ValueError("no template holds the policy of the log bucket")
    return Documents(
        keys=tuple(sorted(keys, key=lambda key: key.path != ("key",))),
        bucket=bucket,
        iam=tuple(iam),
        fixtures=tuple(fixtures),
    )


def merged(policies: Iterable[Policy]) -> Policy:
    """Return the statements of several policies of one holder as one: IAM takes them together.

    https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic.html
    """
    return Policy(VARIABLES_VERSION, tuple(statement for policy in policies for statement in policy.statements))


def _fixture(template: Template, logical_id: str, place: str, path: ConfigPath) -> Fixture:
    resource = template.document["Resources"][logical_id]
    kind = resource["Type"]
    return Fixture(
        kind=kind,
        place=place,
        path=path,
        arn=attribute_placeholder(logical_id, "Arn", kind, template.place),
        account=template.account,
        region=template.place.region,
        properties=resolve(
            {name: value for name, value in resource["Properties"].items() if name != "KeyPolicy"},
            template.document,
            template.place,
        ),
    )


def _bucket(place: str, document: Any) -> BucketDocument:
    return BucketDocument(
        place=place, document=document, policy=parse_policy(document, what=place, resource_based=True)
    )


def _iam(template: Template, place: str, path: ConfigPath, properties: Mapping[str, Any]) -> IamDocument:
    document = resolve(properties["PolicyDocument"], template.document, template.place)
    return IamDocument(
        place=place,
        path=path,
        account=template.account,
        attached=frozenset(
            (
                *(f"role/{name}" for name in properties.get("Roles", ())),
                *(f"user/{name}" for name in properties.get("Users", ())),
                *(f"group/{name}" for name in properties.get("Groups", ())),
            )
        ),
        name=properties.get("ManagedPolicyName", ""),
        document=document,
        policy=parse_policy(document, what=place, resource_based=False),
    )
