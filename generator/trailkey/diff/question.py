"""Two policies on one resource, and what is asked of them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

from trailkey.access import Policy, RequestSet, decide, parse_request
from trailkey.access.algebra.request_sets import EVERY_REQUEST

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Sequence

    from trailkey.access import Scope, Statement
    from trailkey.diff.callers import Known

NOBODY: Final = Policy("2012-10-17", ())
"""The policy that allows nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """Two policies on one resource.

    Args:
        old, new: the policies.
        scope: the resource.
        within: the requests in question.
        callers: what to call the callers in question, the widest first; None for those the policies speak about.
        ask: the decision of one of the two policies on a request.
    """

    old: Policy
    new: Policy
    scope: Scope
    ask: Callable[[dict[str, Any], Policy], bool]
    within: RequestSet = EVERY_REQUEST
    callers: Sequence[Known] | None = None


def resource_question(old: Policy, new: Policy, scope: Scope) -> Question:
    """Return the question what two resource policies (key policies, bucket policies) allow."""

    def ask(witness: dict[str, Any], policy: Policy) -> bool:
        request = parse_request(witness, key_account=scope.account)
        return decide(request, resource_policy=policy).decision == "allowed"

    return Question(old=old, new=new, scope=scope, ask=ask)


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
