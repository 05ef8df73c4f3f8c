"""What a policy is asked about: the resource it is attached to, its account, and the actions there are.

An identity policy is attached to no resource, so it is asked about everything else, too.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from trailkey.access.algebra.languages import Language, language, texts
from trailkey.access.algebra.patterns import ANY, DIGIT, NOT_COLON, Run, row
from trailkey.access.language.catalog import actions
from trailkey.aws import parse_arn
from trailkey.errors import PolicyError, UndecidedError


@dataclass(frozen=True, slots=True)
class Scope:
    """The requests in question: those on ``resources``, which ``account`` owns.

    ``universe`` lists every action there is; a request with any other does not exist. ``region`` is empty where the resource's
    ARN names none, and ``account`` where the resources are of many.
    """

    service: str
    partition: str
    account: str
    region: str
    resources: Language
    universe: tuple[str, ...]
    home: str
    """The ARN that stands for the resource in witnesses."""


def key_scope(arn: str) -> Scope:
    """Return the scope of a key policy. In it ``"Resource": "*"`` means this key.

    Args:
        arn: the key's ARN.

    Raises:
        PolicyError: no ARN of a key.
    """
    parts = parse_arn(arn)
    if not parts or parts.service != "kms":
        raise PolicyError(f'"{arn}" is not the ARN of a key; arn:aws:kms:REGION:ACCOUNT:key/ID; write the full ARN')
    return Scope("kms", parts.partition, parts.account, parts.region, texts(arn), actions("kms"), arn)


def bucket_scope(arn: str, account: str, objects: Language | None = None) -> Scope:
    """Return the scope of a bucket policy: the bucket itself and its objects.

    Args:
        arn: the bucket's ARN, which names no account.
        account: who owns it.
        objects: the ARNs in question where not the bucket and all its objects.

    Raises:
        PolicyError: no ARN of a bucket.
    """
    parts = parse_arn(arn)
    if not parts or parts.service != "s3" or parts.region or parts.account:
        raise PolicyError(f'"{arn}" is not the ARN of a bucket; arn:aws:s3:::NAME; write the full ARN')
    everything = language([row([arn]), row([f"{arn}/", ANY, Run(ANY)])])
    return Scope("s3", parts.partition, account, "", objects or everything, actions("s3"), f"{arn}/object")


def topic_scope(arn: str) -> Scope:
    """Return the scope of a topic's policy.

    Raises:
        PolicyError: no ARN of a topic.
    """
    parts = parse_arn(arn)
    if not parts or parts.service != "sns":
        raise PolicyError(f'"{arn}" is not the ARN of a topic; arn:aws:sns:REGION:ACCOUNT:NAME; write the full ARN')
    return Scope("sns", parts.partition, parts.account, parts.region, texts(arn), actions("sns"), arn)


def scope_of(arn: str, account: str) -> Scope:
    """Return the scope of the policy of a key, a topic or a bucket; ``account`` owns the bucket.

    Raises:
        PolicyError: no ARN of any of them.
    """
    parts = parse_arn(arn)
    if parts and parts.service == "s3":
        return bucket_scope(arn, account)
    return topic_scope(arn) if parts and parts.service == "sns" else key_scope(arn)


def elsewhere(scope: Scope, home: str) -> Scope:
    """Return the scope of all resources of a service but those of another scope, whoever owns them; ``home`` is one of them."""
    resources = _everything(scope.service, scope.partition) - scope.resources
    return replace(scope, account="", region="", resources=resources, home=home)


def service_scope(service: str, partition: str, owner: str) -> Scope:
    """Return the scope of everything a service has: what an identity policy allows there is asked by the action alone.

    A service that the catalog of actions does not have has one action of any name. ``owner`` owns what stands for its resources.
    """
    try:
        universe = actions(service)
    except UndecidedError:
        universe = (f"{service}:Anything",)
    home = f"arn:{partition}:{service}:us-east-1:{owner}:anything"
    return Scope(service, partition, "", "", _everything(service, partition), universe, home)


def _everything(service: str, partition: str) -> Language:
    """Return the ARNs of a service, with an account and without."""
    start = (f"arn:{partition}:{service}:", Run(NOT_COLON), ":")
    return language(row([*start, *owner, ":", ANY, Run(ANY)]) for owner in ((), (DIGIT,) * 12))
