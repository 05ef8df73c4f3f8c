"""The kinds of resource policies that are looked for in a text: a key's, and of what a trail delivers to, a bucket's and a topic's."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from trailkey.aws import BUCKET_POLICY_BYTES, KEY_POLICY_BYTES


@dataclass(frozen=True, slots=True, kw_only=True)
class PolicyKind:
    """A kind of resource policy: how a template writes it, and how large it may be.

    ``service`` is what its ARNs and actions begin with, ``noun`` what it is attached to. ``holders`` are the types of resources
    that hold it, in the ``element`` of their properties; ``bare`` is the type of what has none, where another resource holds it,
    and ``attached`` the property of the holder that names what it is attached to. ``limit`` is in bytes, 0 where no page states one.
    """

    service: str
    noun: str
    holders: tuple[str, ...]
    element: str
    bare: str = ""
    attached: str = ""
    limit: int = 0


KEY: Final = PolicyKind(
    service="kms",
    noun="key",
    holders=("AWS::KMS::Key", "AWS::KMS::ReplicaKey"),
    element="KeyPolicy",
    limit=KEY_POLICY_BYTES,
)
BUCKET: Final = PolicyKind(
    service="s3",
    noun="bucket",
    holders=("AWS::S3::BucketPolicy",),
    element="PolicyDocument",
    bare="AWS::S3::Bucket",
    attached="Bucket",
    limit=BUCKET_POLICY_BYTES,
)
TOPIC: Final = PolicyKind(
    service="sns",
    noun="topic",
    holders=("AWS::SNS::TopicPolicy",),
    element="PolicyDocument",
    bare="AWS::SNS::Topic",
    attached="Topics",
)
DELIVERY: Final = (BUCKET, TOPIC)
"""What a trail delivers to. https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-permissions-for-sns-notifications.html"""
NOUNS: Final = {kind.service: kind.noun for kind in (KEY, *DELIVERY)}
"""What policies are attached to, by service."""
