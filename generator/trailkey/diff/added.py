"""What a policy has beyond another one, statement by statement: only that is proven again."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Hashable

    from trailkey.access import Policy, Statement


def added(before: Policy, after: Policy) -> Policy | None:
    """Return a policy that allows beyond ``before`` what ``after`` does, without the statements both have; None where nothing is.

    As long as no Deny is gone, what an Allow of both allows now it allowed before. So statements that nobody touched are not
    proven again, and one that cannot be decided leaves nothing open while it stays.
    """
    had = {_meaning(statement, before) for statement in before.statements}
    has = {_meaning(statement, after) for statement in after.statements}
    if any(_meaning(one, before) not in has for one in before.statements if one.effect == "Deny"):
        return after
    kept = [one for one in after.statements if one.effect == "Deny" or _meaning(one, after) not in had]
    return replace(after, statements=tuple(kept)) if any(one.effect == "Allow" for one in kept) else None


def _meaning(statement: Statement, policy: Policy) -> Hashable:
    """Return a statement without what makes no difference: Sid, position, and the order of values."""
    who = statement.principals
    return (
        policy.variables,
        statement.effect,
        who and (who.excluded, who.everyone, frozenset(who.aws), frozenset(who.services), frozenset(who.federated)),
        frozenset(action.casefold() for action in statement.actions),
        statement.not_actions,
        frozenset(statement.resources),
        statement.not_resources,
        frozenset(
            (one.operator, one.quantifier, one.if_exists, one.key.casefold(), frozenset(one.values))
            for one in statement.conditions
        ),
    )
