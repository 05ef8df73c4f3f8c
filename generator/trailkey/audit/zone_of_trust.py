"""What the requests of everybody else look like: from outside the organizations and the networks that a policy names."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from trailkey.access import Constraint, Single, texts
from trailkey.access.algebra.boxes import Many
from trailkey.access.algebra.languages import EMPTY, language
from trailkey.access.algebra.patterns import glob
from trailkey.audit.statement_facts import keys

if TYPE_CHECKING:
    from trailkey.audit.subject import Subject

_ORGANIZATION_KEYS: Final = ("aws:principalorgid", "aws:sourceorgid", "aws:principalorgpaths", "aws:sourceorgpaths")
_OWN: Final = ("aws:SourceVpc", "aws:SourceVpce", "aws:SourceVpcArn", "aws:userid")
"""Keys whose values nobody else can have: one's own networks, and the unique ids of one's own roles and users.
https://docs.aws.amazon.com/AmazonS3/latest/userguide/access-control-block-public-access.html#access-control-block-public-access-policy-status"""


def organizations(subject: Subject) -> tuple[str, ...]:
    """Return the ids of the organizations that the setting names, or a condition in full: a pattern names none."""
    found = [subject.intent.organization_id] if subject.intent.organization_id else []
    for part in subject.parts:
        for condition in part.statement.conditions:
            if condition.key.casefold() in _ORGANIZATION_KEYS:
                found += [value.partition("/")[0] for value in condition.values]
    return tuple(dict.fromkeys(one for one in found if "*" not in one and "?" not in one and "${" not in one))


def outside(subject: Subject, identifier: str, paths: str) -> dict[str, Constraint]:
    """Return what the keys that a policy speaks of hold in requests from outside all that it names.

    Args:
        subject: the policy.
        identifier: the key of the organization's id, the caller's or the source's.
        paths: the key of the organization's paths.
    """
    known = organizations(subject)
    found: dict[str, Constraint] = dict.fromkeys(_OWN, Single(absent=True, values=EMPTY))
    found[identifier] = Single(absent=True, values=~texts(*known))
    found[paths] = Many(every=~language(glob(f"{one}/*") for one in known))
    spoken = frozenset(key for part in subject.parts for key in keys(part.statement))
    return {key: side for key, side in found.items() if key.casefold() in spoken}
