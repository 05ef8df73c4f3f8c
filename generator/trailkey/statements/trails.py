"""The guards that hold CloudTrail to the trails of a config.

Trails with one account each, or listed accounts, are named by their ARNs. A trail of organizational units is named by what its
accounts share, so that no policy grows with them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from trailkey.aws import TRAIL_CONTEXT
from trailkey.config.deployment import identifier
from trailkey.statements.builders import Guard, texts

if TYPE_CHECKING:
    from collections.abc import Sequence

    from trailkey.config.deployment import Deployment, Trail


@dataclass(frozen=True, slots=True)
class TrailGroup:
    """Trails under one guard; ``suffix`` ends the Sids of their statements, and ``source`` says that CloudTrail acts for one of them."""

    suffix: str
    trails: tuple[Trail, ...]
    source: Guard

    @property
    def context(self) -> Guard:
        """The guard that one of them encrypts."""
        return _context(self.trails)


def trail_groups(deployment: Deployment) -> list[TrailGroup]:
    """Return the trails of a config in as many groups as there are guards.

    aws:SourceArn is what the confused deputy page asks for. For services in general AWS documents aws:SourceOrgID and
    aws:SourceOrgPaths; that CloudTrail sends them to KMS and S3 is an assumption.
    See: https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cross-service-confused-deputy-prevention.html,
    https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-keys.html#condition-keys-sourceorgpaths
    """
    exact = tuple(trail for trail in deployment.trails if trail.account)
    groups = []
    if exact:
        arns = texts([trail.arn for trail in exact])
        groups.append(TrailGroup("", exact, {"StringEquals": {"aws:SourceArn": arns}}))
    for trail in deployment.trails:
        if trail.account is None and deployment.config.organization:
            organization = deployment.config.organization.id
            paths = [f"{organization}/*/{unit}/*" for unit in trail.settings.organizational_unit_ids or ()]
            source: Guard = {
                "ArnLike": {"aws:SourceArn": texts([trail.arn])},
                "StringEquals": {"aws:SourceOrgID": organization},
                "ForAnyValue:StringLike": {"aws:SourceOrgPaths": texts(paths)},
            }
            groups.append(TrailGroup(identifier(trail.settings.name), (trail,), source))
    return groups


def trail_context(deployment: Deployment) -> Guard:
    """Return the guard that a trail of the config encrypted the object.

    See: https://docs.aws.amazon.com/awscloudtrail/latest/userguide/create-kms-key-policy-for-cloudtrail.html
    """
    return _context(deployment.trails)


def _context(trails: Sequence[Trail]) -> Guard:
    """Return the guard for the encryption context: the trails of an owner, or of one name in whatever accounts a stack set goes to.

    Only CloudTrail encrypts with the key, and for no other trail: so the second form lets in nothing that the first would not.
    """
    patterns = [
        f"arn:aws:cloudtrail:*:*:trail/{trail.settings.name}"
        if trail.in_set or trail.account is None
        else f"arn:aws:cloudtrail:*:{trail.account.id}:trail/*"
        for trail in trails
    ]
    return {"StringLike": {TRAIL_CONTEXT: texts(list(dict.fromkeys(patterns)))}}
