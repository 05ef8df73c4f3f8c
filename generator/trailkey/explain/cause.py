"""The causes that are known: one file each in ``causes/``, with what it matches, what it means, and where to look."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from trailkey import cloudformation
from trailkey.explain.facts import IDENTITY, RESOURCE
from trailkey.explain.pasted import squashed

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from trailkey.explain.facts import Facts

FOLDER: Final = Path(__file__).parent / "causes"
UNKNOWN: Final = "unknown"
"""The cause of a message that no other knows."""
GROUPS: Final = {
    "cloudtrail-encryption": "CloudTrail and the key",
    "cloudtrail-bucket": "CloudTrail and the bucket",
    "cloudtrail-delivery": "Delivery",
    "kms-policy": "The key policy is refused",
    "kms-access": "The key, or what it encrypts, is refused",
    "kms-key": "The key itself",
    "access-denied": "Another policy denies",
    "cloudtrail-organization": "Organization trails",
    "cloudtrail-logs": "CloudWatch Logs",
    "cloudtrail-other": "Trails",
    "iam": "IAM",
    "stack-sets": "StackSets",
    "cloudformation": "Stacks",
    "pipeline": "Pipelines",
    "unknown": "Not known",
}
"""The groups of causes in the order in which people meet them, each with its heading in docs/errors.md."""

_GAP: Final = 200
"""Squashed characters that ``*`` stands for at most, where a cause does not say ``within``."""
_NEAR: Final = 900
"""Squashed characters on both sides of a phrase among which another one belongs to the same message."""
_PLACE: Final = re.compile(r"\{(\w+)\}")


@dataclass(frozen=True, slots=True)
class Span:
    """Where a phrase was found in squashed text."""

    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Phrase:
    """Words that a message has, with gaps; and others near them, of which some must be there and others must not."""

    parts: tuple[str, ...]
    within: int = _GAP
    near: tuple[str, ...] = ()
    without: tuple[str, ...] = ()

    def spans(self, words: str) -> Iterator[Span]:
        """Yield where squashed text has the phrase."""
        first, *rest = self.parts
        start = words.find(first)
        while start >= 0:
            end = start + len(first)
            for part in rest:
                at = words.find(part, end, end + self.within + len(part))
                end = at + len(part)
                if at < 0:
                    break
            else:
                around = words[max(start - _NEAR, 0) : end + _NEAR]
                if all(one in around for one in self.near) and not any(one in around for one in self.without):
                    yield Span(start, end)
            start = words.find(first, start + len(first))


@dataclass(frozen=True, slots=True, kw_only=True)
class Denied:
    """What a denial says, each element None where it makes no difference, ``action`` and ``resource`` with ``*`` for any text: the more it says, the sooner it counts."""

    policy_type: tuple[str, ...] | None = None
    explicit: bool | None = None
    either: bool | None = None
    action: str | None = None
    resource: str | None = None

    def fits(self, facts: Facts) -> bool:
        """Return whether the facts of a denial are such."""
        return (
            (self.policy_type is None or facts.policy_type in self.policy_type)
            and (self.explicit is None or facts.explicit is self.explicit)
            and (self.either is None or facts.either is self.either)
            and (self.action is None or fnmatchcase(facts.action, self.action))
            and (self.resource is None or fnmatchcase(facts.resource, self.resource))
        )

    @property
    def weight(self) -> int:
        """How much it says; an action and a resource more than a type."""
        said = (self.policy_type, self.explicit, self.either, self.action, self.action, self.resource, self.resource)
        return sum(one is not None for one in said)


@dataclass(frozen=True, slots=True, kw_only=True)
class Cause:
    """Why a call fails: its id, the messages that tell it, its meaning, where to look in which order, what to do, AWS's page.

    ``follows`` says that it is never the first: what it says came of another failure. ``seen`` orders causes of a group.
    """

    id: str
    group: str
    seen: int
    follows: bool
    meaning: str
    look: tuple[str, ...]
    remedy: str
    source: str
    shown: tuple[str, ...]
    phrases: tuple[Phrase, ...] = field(repr=False)
    denials: tuple[Denied, ...] = field(repr=False)


@cache
def causes() -> dict[str, Cause]:
    """Return every cause by its id, in the order in which people meet them."""
    found = [_cause(path) for path in sorted(FOLDER.glob("*.yaml"))]
    order = list(GROUPS)
    return {one.id: one for one in sorted(found, key=lambda one: (order.index(one.group), one.seen, one.id))}


def cause_of_denial(facts: Facts) -> Cause:
    """Return the cause of a denial: the one whose entry says most of what the denial says, or else the unknown one."""
    fitting = [(denied.weight, one.id) for one in causes().values() for denied in one.denials if denied.fits(facts)]
    return causes()[max(fitting)[1]] if fitting else causes()[UNKNOWN]


def filled(text: str, facts: Facts) -> str:
    """Return a text with facts in place of ``{name}``, in capitals where the message does not say it."""
    return _PLACE.sub(lambda found: str(getattr(facts, found[1])) or found[1].upper(), text)


def _cause(path: Path) -> Cause:
    written: dict[str, Any] = cloudformation.load(path.read_text(encoding="utf-8"), path.name)
    matches = written.get("matches", [])
    return Cause(
        id=path.stem,
        group=written["group"],
        seen=written.get("seen", 9),
        follows=written.get("follows", False),
        meaning=written["meaning"],
        look=tuple(written["look"]),
        remedy=written["remedy"],
        source=written["source"],
        shown=tuple(_shown(matches)),
        phrases=tuple(_phrase(one) for one in matches if isinstance(one, str) or "text" in one),
        denials=tuple(_denied(one["denied"]) for one in matches if isinstance(one, dict) and "denied" in one),
    )


def _shown(matches: Sequence[Any]) -> Iterator[str]:
    """Yield what a page shows of messages that are matched."""
    for one in matches:
        if isinstance(one, str):
            yield one
        elif "text" in one:
            yield " … ".join(filter(None, (one["text"], *one.get("near", ()))))
        else:
            yield _sentence(one["denied"])


def _sentence(denied: dict[str, Any]) -> str:
    action = denied.get("action", "ACTION")
    named = denied.get("policy_type", [""])
    if denied.get("either"):
        return f"is not authorized to perform: {action} on resource: … because the resource does not exist in this Region, no resource-based policies allow access, or …"
    if not named[0]:
        return f"is not authorized to perform: {action}, without a reason"
    if denied.get("explicit", named[0] not in (IDENTITY, RESOURCE)):
        return f"is not authorized to perform: {action} … with an explicit deny in a {named[0]}"
    return f"is not authorized to perform: {action} … because no {named[0]} allows the {action} action"


def _phrase(written: str | dict[str, Any]) -> Phrase:
    if isinstance(written, str):
        written = {"text": written}
    parts = tuple(squashed(part) for part in written["text"].split("*"))
    near, without = (tuple(map(squashed, written.get(name, ()))) for name in ("near", "without"))
    return Phrase(parts, written.get("within", _GAP), near, without)


def _denied(written: dict[str, Any]) -> Denied:
    types = written.get("policy_type")
    return Denied(**{**written, "policy_type": None if types is None else tuple(types)})
