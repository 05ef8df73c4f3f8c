"""What a single statement says on its face: whom it is about, which keys restrict them, which actions it lists."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING, Final

from trailkey.access.analysis.caller_sets import DERIVED
from trailkey.access.language.conditions import OPERATORS
from trailkey.access.language.matching import matcher
from trailkey.aws import CLOUDTRAIL, TRAIL_CONTEXT, parse_arn

if TYPE_CHECKING:
    from collections.abc import Iterator

    from trailkey.access import Statement
    from trailkey.access.language.policy import Condition

TRAIL_CONTEXT_KEY: Final = TRAIL_CONTEXT.casefold()
SOURCE_KEYS: Final = frozenset(("aws:sourcearn", "aws:sourceaccount", "aws:sourceorgid", "aws:sourceorgpaths"))
"""Keys that say for which resource or account an AWS service acts.
https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-keys.html#condition-keys-sourcearn"""

NAMING_KEYS: Final = frozenset(("aws:principalarn", "aws:userid", "aws:username"))
"""Keys that hold a statement to single principals, where others hold it to an account or an organization."""

_ACCOUNT_KEYS: Final = frozenset(("aws:principalaccount", "kms:calleraccount"))
_OF_CALLERS: Final = (*DERIVED, "aws:userid", "aws:principalorg", "aws:principaltag/")
_PERSON: Final = 0
_ACCOUNT: Final = 1
_EVERYONE: Final = 2

ROOT: Final = re.compile(r"(?:arn:[^:]*:iam::)?(\d{12})(?::root)?")


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


def breadth(statement: Statement, *, conditions: bool) -> int:
    """Return how broadly a statement is about people: 0 for single principals, 1 for accounts, 2 for everyone.

    Args:
        statement: the statement.
        conditions: whether conditions on callers count; without them only the Principal element does.
    """
    who = statement.principals
    found = keys(statement) if conditions else frozenset[str]()
    if who is None or found & NAMING_KEYS:
        return _PERSON
    if who.everyone or who.excluded:
        return _ACCOUNT if found & _ACCOUNT_KEYS else _EVERYONE
    return _ACCOUNT if accounts(statement) else _PERSON


def accounts(statement: Statement) -> tuple[str, ...]:
    """Return the accounts that a statement names as a whole."""
    who = statement.principals
    found = (ROOT.fullmatch(entry) for entry in (who.aws if who and not who.excluded else ()))
    return tuple(dict.fromkeys(match[1] for match in found if match))


def named(statement: Statement) -> tuple[str, ...]:
    """Return the ARNs of single principals that a statement names."""
    who = statement.principals
    return tuple(
        entry
        for entry in (who.aws if who and not who.excluded else ())
        if entry.startswith("arn:") and not ROOT.fullmatch(entry)
    )


def delegates_everything(statement: Statement, account: str) -> bool:
    """Return whether a statement hands the whole key to IAM in its own account, as the default key policy does.

    https://docs.aws.amazon.com/kms/latest/developerguide/key-policy-default.html#key-policy-default-allow-root-enable-iam
    """
    everything = not statement.not_actions and bool(
        {"*", "kms:*"} & {action.casefold() for action in statement.actions}
    )
    return everything and not statement.conditions and account in accounts(statement)


def admits_cloudtrail(statement: Statement) -> bool:
    """Return whether a statement names CloudTrail as its principal."""
    return bool(
        statement.principals and not statement.principals.excluded and CLOUDTRAIL in statement.principals.services
    )


def speaks_of_trails(statement: Statement) -> bool:
    """Return whether a statement mentions trails, by a key that only their requests have or by an ARN."""
    return any(
        condition.key.casefold() == TRAIL_CONTEXT_KEY or any(":trail/" in value for value in condition.values)
        for condition in statement.conditions
    )


def listed_actions(statement: Statement, universe: tuple[str, ...]) -> frozenset[str]:
    """Return the actions, of all there are, that a statement is about."""
    found = frozenset(name for action in statement.actions for name in matching(action, universe))
    return frozenset(universe) - found if statement.not_actions else found


@lru_cache(maxsize=1024)
def matching(action: str, universe: tuple[str, ...]) -> tuple[str, ...]:
    """Return the actions that one entry of an Action element matches."""
    test = matcher(action.casefold())
    return tuple(name for name in universe if test(name.casefold()))


def demands(statement: Statement, key: str) -> Iterator[Condition]:
    """Yield the conditions that hold a key (in lower case) to values: positive ones, which need the key to be there."""
    for condition in statement.conditions:
        positive = condition.operator != "Null" and not OPERATORS[condition.operator].negated
        if condition.key.casefold() == key and positive:
            yield condition


def source_accounts(statement: Statement) -> frozenset[str]:
    """Return the accounts of the ARNs that a statement holds ``aws:SourceArn`` to, as they are written."""
    return frozenset(
        arn.account
        for condition in demands(statement, "aws:sourcearn")
        for value in condition.values
        if (arn := parse_arn(value))
    )
