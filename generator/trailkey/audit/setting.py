"""What a key is for, where no option says it: what the template makes beside the key, and what is assumed without."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from trailkey.aws import CLOUDTRAIL
from trailkey.inventory.kinds import NOUNS
from trailkey.inventory.ownership import admits_service
from trailkey.inventory.users import EVENT_DATA_STORE, TRAIL, has_bucket_keys

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from trailkey.intent.model import KeyIntent
    from trailkey.inventory import ResourcePolicy


def said_of(policy: ResourcePolicy, said: KeyIntent, policies: Sequence[ResourcePolicy]) -> KeyIntent:
    """Return what the options say about one key of a text: its trails are those of the key that serves trails, if one does."""
    serving = {one.name for one in policies if one.users or admits_service(one.document, CLOUDTRAIL)}
    return replace(said, trails=()) if serving and policy.name not in serving else said


def setting(policy: ResourcePolicy, said: KeyIntent) -> KeyIntent:
    """Return what a key is for: what the options say, and where they name no trail, the trails of its template."""
    trails = [one for one in policy.users if one.kind == TRAIL]
    stores = [one for one in policy.users if one.kind == EVENT_DATA_STORE]
    own = (
        said
        if said.trails
        else replace(
            said,
            trails=tuple(dict.fromkeys(one.arn for one in trails if "TrailName" in one.properties)),
            unnamed_trail=any("TrailName" not in one.properties for one in trails),
            lake=said.lake or bool(stores and not trails),
        )
    )
    return replace(own, bucket_keys=any(map(has_bucket_keys, policy.users)))


def assumed(policy: ResourcePolicy, said: KeyIntent) -> Iterator[str]:
    """Yield a sentence about the trails of a policy where no option names them: those of the template, or none."""
    found = setting(policy, said)
    users = [one.location.logical_id for one in policy.users if one.kind in (TRAIL, EVENT_DATA_STORE)]
    noun = NOUNS[policy.scope.service]
    if said.trails or said.lake:
        return
    if users:
        names = ", ".join(found.trails)
        which = f"{' and '.join(users)}, which the template makes{f' ({names})' if names else ''}"
        own = noun if noun == "key" or policy.document is None else f"policy of the {noun}"
        yield f"{policy.name} is the {own} of {which}; --trail names others"
    elif not admits_service(policy.document, CLOUDTRAIL):
        yield f"no statement lets CloudTrail use {policy.name or f'the {noun}'}, so no trail is taken to use it; --trail names one that does"
    else:
        yield f"the {noun}'s trails are those of the accounts that its policy names; --trail names them"
