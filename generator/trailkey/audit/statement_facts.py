"""What a single statement says on its face: whom it is about, which keys restrict them, which actions it lists."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING, Final

from trailkey.access.analysis.caller_sets import DERIVED
from trailkey.access.language.conditions import OPERATORS
from trailkey.access.language.matching import matcher
from trailkey.access.language.principals import Principals
from trailkey.aws import CLOUDTRAIL, TRAIL_CONTEXT

if TYPE_CHECKING:
    from collections.abc import Iterator

    from trailkey.access import Statement
    from trailkey.access.language.conditions import Condition

TRAIL_CONTEXT_KEY: Final = TRAIL_CONTEXT.casefold()
SOURCE_KEYS: Final = frozenset(("aws:sourcearn", "aws:sourceaccount", "aws:sourceorgid", "aws:sourceorgpaths"))
"""Keys that say for which resource or account an AWS service acts.
https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-keys.html#condition-keys-sourcearn"""

_NAMING_KEYS: Final = frozenset(("aws:principalarn", "aws:userid", "aws:username"))
"""Keys that hold a statement to single principals, where others hold it to an account or an organization."""

_ACCOUNT_KEYS: Final = frozenset(("aws:principalaccount", "kms:calleraccount"))
_OF_CALLERS: Final = (*DERIVED, "aws:userid", "aws:principalorg", "aws:principaltag/")
_ROOT: Final = re.compile(r"(?:arn:[^:]*:iam::)?(\d{12})(?::root)?")


def keys(statement: Statement) -> frozenset[str]:
    """Return the condition keys of a statement, in lower case."""
    return frozenset(condition.key.casefold() for condition in statement.conditions)


def is_about_callers(key: str) -> bool:
    """Return whether a key (in lower case) describes who calls."""
    return key.startswith(_OF_CALLERS)


def guarded_as_well(key: str, others: frozenset[str]) -> bool:
    """Return whether conditions on other keys (all in lower case) hold back what one on a key does, perhaps another way.

    The keys of an AWS service's source say the same thing in different words. Among people a single name, a tag or an
    organization is a choice made on purpose; an account is one only where the guard itself is at least as broad.
    """
    if key in SOURCE_KEYS:
        return bool(others & SOURCE_KEYS)
    if not is_about_callers(key):
        return key in others
    about = {other for other in others if is_about_callers(other)}
    return bool(about if key in _ACCOUNT_KEYS else about - _ACCOUNT_KEYS)


def principals_of(statement: Statement) -> Principals:
    """Return whom a statement is about: every statement of a key policy says it."""
    return statement.principals or Principals()


def breadth(statement: Statement, *, conditions: bool = True) -> int:
    """Return how broadly a statement is about people: 0 for single principals, 1 for accounts, 2 for everyone.

    Without ``conditions`` only the Principal element counts.
    """
    who = principals_of(statement)
    found = keys(statement) if conditions else frozenset[str]()
    if found & _NAMING_KEYS:
        return 0
    if who.everyone or who.excluded:
        return 1 if found & _ACCOUNT_KEYS else 2
    return 1 if accounts(statement) else 0


def _listed(statement: Statement) -> tuple[str, ...]:
    who = principals_of(statement)
    return () if who.excluded else who.aws


def accounts(statement: Statement) -> tuple[str, ...]:
    """Return the accounts that a statement names as a whole."""
    return tuple(dict.fromkeys(match[1] for entry in _listed(statement) if (match := _ROOT.fullmatch(entry))))


def named(statement: Statement) -> tuple[str, ...]:
    """Return the ARNs of single principals that a statement names."""
    return tuple(entry for entry in _listed(statement) if entry.startswith("arn:") and not _ROOT.fullmatch(entry))


def delegates_everything(statement: Statement, account: str) -> bool:
    """Return whether a statement hands the whole key to IAM in its own account, as the default key policy does.

    https://docs.aws.amazon.com/kms/latest/developerguide/key-policy-default.html#key-policy-default-allow-root-enable-iam
    """
    if statement.not_actions or statement.conditions or account not in accounts(statement):
        return False
    return any(action.casefold() in ("*", "kms:*") for action in statement.actions)


def admits_cloudtrail(statement: Statement) -> bool:
    """Return whether a statement names CloudTrail as its principal."""
    who = principals_of(statement)
    return not who.excluded and CLOUDTRAIL in who.services


def listed_actions(statement: Statement, universe: tuple[str, ...]) -> frozenset[str]:
    """Return the actions, of all there are, that a statement is about."""
    found = frozenset(name for action in statement.actions for name in matching(action, universe))
    return frozenset(universe) - found if statement.not_actions else found


@lru_cache(maxsize=1024)
def matching(action: str, universe: tuple[str, ...]) -> tuple[str, ...]:
    """Return the actions that one entry of an Action element matches."""
    test = matcher(action.casefold())
    return tuple(name for name in universe if test(name.casefold()))


def demands(statement: Statement, *wanted: str) -> Iterator[Condition]:
    """Yield the conditions that hold one of some keys (in lower case) to values: positive ones, which need the key to be there."""
    for condition in statement.conditions:
        positive = condition.operator != "Null" and not OPERATORS[condition.operator].negated
        if condition.key.casefold() in wanted and positive:
            yield condition
