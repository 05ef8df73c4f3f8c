"""Which organizations a policy is held to, and what the requests of everybody else look like."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from generator.access.boxes import Constraint, Many, Single
from generator.access.patterns import glob
from generator.access.wildcards import language, texts

if TYPE_CHECKING:
    from generator.audit.subject import Subject

_KEYS: Final = ("aws:principalorgid", "aws:sourceorgid", "aws:principalorgpaths", "aws:sourceorgpaths")


def organizations(subject: Subject) -> tuple[str, ...]:
    """Return the ids of the organizations that the setting names, or a condition in full: a pattern names none."""
    found = [subject.expected.organization_id] if subject.expected.organization_id else []
    for part in subject.parts:
        for condition in part.statement.conditions:
            if condition.key.casefold() in _KEYS:
                found += [value.partition("/")[0] for value in condition.values]
    return tuple(dict.fromkeys(one for one in found if one and "*" not in one and "?" not in one and "${" not in one))


def outside(subject: Subject, identifier: str, paths: str) -> dict[str, Constraint]:
    """Return what the two organization keys hold in requests from outside all of the organizations named.

    Args:
        subject: the policy.
        identifier: the key of the organization's id.
        paths: the key of the organization's paths.
    """
    known = organizations(subject)
    return {
        identifier: Single(absent=True, values=~texts(*known)),
        paths: Many(every=~language(glob(f"{one}/*") for one in known)),
    }
