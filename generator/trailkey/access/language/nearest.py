"""How near a policy comes to a request that it does not allow: the statements that miss it by least, and by what.

A policy that denies by saying nothing gives no clue; the statement that was meant to allow the request does.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal

from trailkey.access.language.conditions import holds
from trailkey.access.language.evaluate import (
    RESOURCE_POLICY,
    action_matches,
    identity_allows,
    is_direct,
    is_reachable,
    resource_matches,
    shut_scps,
)
from trailkey.access.language.principals import reach
from trailkey.errors import PolicyError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from trailkey.access.language.conditions import Condition
    from trailkey.access.language.policy import Policy, Statement
    from trailkey.access.language.request import Request

Element = Literal["Principal", "Action", "Resource", "Condition", "account", "identity_policies"]

_SHOWN: Final = 3
"""How many statements that are equally near are returned."""


@dataclass(frozen=True, slots=True)
class Unmet:
    """One thing that a statement asks for and a request does not have.

    ``element`` is that of the statement, with the ``condition`` where it is one; or ``account``, where no statement can let a
    caller of another account or partition do this; or ``identity_policies``, where the caller's own IAM policy has to allow it too.
    """

    element: Element
    condition: Condition | None = None


@dataclass(frozen=True, slots=True)
class Miss:
    """An Allow statement that does not allow a request, the policy it belongs to, and all that it misses."""

    policy: str
    statement: Statement
    unmet: tuple[Unmet, ...]


def nearest(request: Request, *, resource_policy: Policy | None) -> tuple[Miss, ...]:
    """Return the Allow statements that come nearest to allowing a request, for one that is denied and by no explicit Deny.

    Those are asked that are short of an Allow: the first level of SCPs without one, or else the resource policy. What contradicts
    a condition is further away than a key that the request lacks, and a statement about other principals and other actions is not
    near at all. Of those that are equally near the first three are returned.
    """
    policies = shut_scps(request) or (((RESOURCE_POLICY, resource_policy),) if resource_policy else ())
    misses = [
        Miss(place, statement, unmet)
        for place, policy in policies
        for statement in policy.statements
        if statement.effect == "Allow" and (unmet := unmet_of(statement, policy, request))
    ]
    near = [one for one in misses if not {"Principal", "Action"} <= {part.element for part in one.unmet}]
    least = min((_distance(one, request) for one in near), default=None)
    return tuple(one for one in near if _distance(one, request) == least)[:_SHOWN]


def unmet_of(statement: Statement, policy: Policy, request: Request) -> tuple[Unmet, ...]:
    """Return what a statement asks for and a request does not have; nothing for one that cannot be judged for this request."""
    try:
        return tuple(_parts(statement, policy, request))
    except PolicyError:
        return ()


def _parts(statement: Statement, policy: Policy, request: Request) -> Iterator[Unmet]:
    how = reach(statement.principals, request.caller) if statement.principals else None
    if statement.principals and not how:
        yield Unmet("Principal")
    if statement.principals and not is_reachable(request):
        yield Unmet("account")
    if action_matches(statement.actions, request.action) is statement.not_actions:
        yield Unmet("Action")
    unnamed = request.resource is None and "*" not in statement.resources
    if unnamed or resource_matches(statement, request, variables=policy.variables) is statement.not_resources:
        yield Unmet("Resource")
    for condition in statement.conditions:
        if not holds(condition, request.context, variables=policy.variables):
            yield Unmet("Condition", condition)
    if how and not is_direct(how, request) and not identity_allows(request):
        yield Unmet("identity_policies")


def _distance(miss: Miss, request: Request) -> tuple[int, bool, int, int]:
    """Return how far a statement is: elements that do not match, the action among them; values that contradict; what is lacking."""
    elements = [one.element for one in miss.unmet if one.element in ("Principal", "Action", "Resource", "account")]
    keys = [one.condition.key.casefold() for one in miss.unmet if one.condition]
    wrong = sum(bool(request.context.get(key)) for key in keys)
    return len(elements), "Action" in elements, wrong, len(miss.unmet) - len(elements) - wrong
