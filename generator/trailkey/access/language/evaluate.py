"""The answer to one request: allowed or denied, why, and by which statements.

How AWS puts the policies together:
https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic.html and, for keys,
https://docs.aws.amazon.com/kms/latest/developerguide/policy-evaluation.html
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Final, Literal

from trailkey.access.language.actions import GRANT, USE
from trailkey.access.language.conditions import holds, resolve
from trailkey.access.language.matching import matcher
from trailkey.access.language.principals import reach
from trailkey.errors import PolicyError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from trailkey.access.language.policy import Effect, Policy, Statement
    from trailkey.access.language.principals import Reach
    from trailkey.access.language.request import Request

Reason = Literal["allowed", "explicit_deny", "no_matching_allow", "account_not_trusted", "identity_policy_missing"]
Verdict = Literal["direct", "delegated", "denied", "none"]


@dataclass(frozen=True, slots=True)
class Rules:
    """What sets one service's resource policies apart from another's."""

    identity_suffices: bool  # in the resource's own account an IAM policy allows alone
    cross_account: frozenset[str] | None  # actions that another account can ever be allowed, folded; None for all


SERVICES: Final = {
    "kms": Rules(
        identity_suffices=False,
        # https://docs.aws.amazon.com/kms/latest/developerguide/key-policy-modifying-external-accounts.html
        cross_account=frozenset(
            action.casefold()
            for action in (
                *(*USE, *GRANT, "kms:DescribeKey", "kms:GetKeyRotationStatus", "kms:GetPublicKey"),
                *("kms:ListGrants", "kms:RetireGrant", "kms:RevokeGrant"),
            )
        ),
    ),
    "s3": Rules(identity_suffices=True, cross_account=None),
    # https://docs.aws.amazon.com/sns/latest/dg/sns-using-identity-based-policies.html
    "sns": Rules(identity_suffices=True, cross_account=None),
}
"""The services whose resource policies are modelled. A new one is a line here and its cases in tests/decisions."""


@dataclass(frozen=True, slots=True)
class Deciding:
    """A statement that decides, and the policy it belongs to (``resource policy``, ``scps[0]``, …)."""

    policy: str
    statement: Statement


@dataclass(frozen=True, slots=True)
class Side:
    """What the resource policy alone says.

    ``direct``: allowed, no IAM policy needed. ``delegated``: allowed if the caller's own IAM policy allows. ``denied``: an
    explicit Deny. ``none``: no statement allows. ``named`` is False where no Allow speaks about the caller or its account at all.
    """

    verdict: Verdict
    statements: tuple[Statement, ...]
    named: bool


@dataclass(frozen=True, slots=True)
class Decision:
    """The answer to a request, with every statement that decides it, the resource policy's first."""

    decision: Literal["allowed", "denied"]
    reason: Reason
    deciding: tuple[Deciding, ...] = ()

    @property
    def statements(self) -> tuple[str | int, ...]:
        """Sids or indexes: those of the resource policy, or of the other policies where it decides nothing itself."""
        own = [entry for entry in self.deciding if entry.policy == RESOURCE_POLICY]
        return tuple(entry.statement.name for entry in own or self.deciding)


RESOURCE_POLICY: Final = "resource policy"


def decide(request: Request, *, resource_policy: Policy | None) -> Decision:
    """Return the answer to a request.

    The resource policy is a key policy or a bucket policy (None: a bucket that has none); the other policies come with the
    request. Permissions boundaries, session policies, VPC endpoint policies and grants are not part of the answer.

    Raises:
        PolicyError: the request's service is not modelled, or a statement cannot be judged for this request.
    """
    rules = _rules(request)
    side = resource_side(request, resource_policy)
    denying = [Deciding(RESOURCE_POLICY, statement) for statement in side.statements if side.verdict == "denied"]
    for place, policy in _around(request):
        denying += (Deciding(place, statement) for statement in matching(request, policy, "Deny"))
    if denying:
        return Decision("denied", "explicit_deny", tuple(denying))

    if shut_scps(request):
        return Decision("denied", "no_matching_allow")

    opening = tuple(Deciding(RESOURCE_POLICY, statement) for statement in side.statements)
    if side.verdict == "direct":
        return Decision("allowed", "allowed", opening)
    own = identity_allows(request)
    # The root user of an account has every permission there that no policy takes away, and no IAM policy of its own.
    identity = bool(own) or request.caller.kind == "root"
    if side.verdict == "delegated":
        if identity:
            return Decision("allowed", "allowed", opening + own)
        return Decision("denied", "identity_policy_missing", opening)
    same_account = request.caller.account == request.account
    if identity and same_account and rules.identity_suffices:
        return Decision("allowed", "allowed", own)
    # With no Allow that names it, a caller of another account is not trusted, nor is one whose IAM policy allows in vain.
    if request.caller.kind != "service" and not side.named and (identity or not same_account):
        return Decision("denied", "account_not_trusted")
    return Decision("denied", "no_matching_allow")


def resource_side(request: Request, policy: Policy | None) -> Side:
    """Return what the resource policy says by itself: the half of the answer that is known without the caller's IAM policy.

    Raises:
        PolicyError: as ``decide``.
    """
    caller = request.caller
    foreign = is_foreign(request)
    reachable = is_reachable(request)
    denying: list[Statement] = []
    direct: list[Statement] = []
    delegated: list[Statement] = []
    named = False
    for statement in policy.statements if policy else ():
        how = reach(statement.principals, caller) if statement.principals else None
        if not how:
            continue
        named = named or (statement.effect == "Allow" and not foreign)
        if statement.effect == "Allow" and not reachable:
            continue
        if not _applies(statement, request, variables=bool(policy and policy.variables)):
            continue
        if statement.effect == "Deny":
            denying.append(statement)
        elif is_direct(how, request):
            direct.append(statement)
        else:
            delegated.append(statement)
    if denying:
        return Side("denied", tuple(denying), named)
    if direct:
        return Side("direct", tuple(direct), named)
    return Side("delegated" if delegated else "none", tuple(delegated), named)


def is_inside(request: Request) -> bool:
    """Return whether the caller is of the resource's own account; AWS services are of every account."""
    return request.caller.kind == "service" or request.caller.account == request.account


def is_foreign(request: Request) -> bool:
    """Return whether caller and resource are of two partitions: no identity of one reaches the other, whatever ``"*"`` says."""
    partition = request.caller.partition
    return bool(partition and request.resource) and request.partition != partition


def is_reachable(request: Request) -> bool:
    """Return whether a resource policy can allow the request at all: across accounts some actions are never allowed.

    Raises:
        PolicyError: the request's service is not modelled.
    """
    across = _rules(request).cross_account
    return not is_foreign(request) and (is_inside(request) or across is None or request.action.casefold() in across)


def is_direct(how: Reach, request: Request) -> bool:
    """Return whether an Allow that reaches the caller so needs no IAM policy of the caller's beside it."""
    return request.caller.kind in ("root", "service") or (is_inside(request) and how != "account")


def shut_scps(request: Request) -> tuple[tuple[str, Policy], ...]:
    """Return the SCPs, each with its place, of the first level of the organization that does not allow the request."""
    position = 0
    for level in (request.scps or ()) if _bound_by_scps(request) else ():
        if not any(matching(request, policy, "Allow") for policy in level):
            return tuple((f"scps[{position + index}]", policy) for index, policy in enumerate(level))
        position += len(level)
    return ()


def identity_allows(request: Request) -> tuple[Deciding, ...]:
    """Return the statements of the caller's own IAM policies that allow the request."""
    return tuple(
        Deciding(place, statement)
        for place, policy in _identities(request)
        for statement in matching(request, policy, "Allow")
    )


def _around(request: Request) -> list[tuple[str, Policy]]:
    """Return the policies beside the resource policy that bear on this caller, each with its place.

    SCPs bind the principals of member accounts, not AWS services and not service-linked roles. RCPs bind every caller, AWS
    services too, but not service-linked roles.
    https://docs.aws.amazon.com/organizations/latest/userguide/orgs_manage_policies_scps.html
    https://docs.aws.amazon.com/organizations/latest/userguide/orgs_manage_policies_rcps.html
    """
    found = _identities(request)
    if _bound_by_scps(request):
        found += _places("scps", (policy for level in request.scps or () for policy in level))
    if not request.caller.service_linked:
        found += _places("rcps", request.rcps)
    return found


def _identities(request: Request) -> list[tuple[str, Policy]]:
    """Return the IAM policies of the caller; the root user and AWS services have none."""
    has_policies = request.caller.kind not in ("root", "service")
    return _places("identity_policies", request.identity_policies if has_policies else None)


def _places(name: str, policies: Iterable[Policy] | None) -> list[tuple[str, Policy]]:
    return [(f"{name}[{index}]", policy) for index, policy in enumerate(policies or ())]


def _bound_by_scps(request: Request) -> bool:
    return request.caller.kind != "service" and not request.caller.service_linked


def matching(request: Request, policy: Policy, effect: Effect) -> list[Statement]:
    """Return the statements of one effect that bear on the request, whatever its service.

    Raises:
        PolicyError: a statement cannot be judged for this request.
    """
    return [
        statement
        for statement in policy.statements
        if statement.effect == effect
        and (statement.principals is None or reach(statement.principals, request.caller))
        and _applies(statement, request, variables=policy.variables)
    ]


def _applies(statement: Statement, request: Request, *, variables: bool) -> bool:
    """Whether action, resource and conditions of a statement match; its principals are the caller's business."""
    if action_matches(statement.actions, request.action) is statement.not_actions:
        return False
    if resource_matches(statement, request, variables=variables) is statement.not_resources:
        return False
    for condition in statement.conditions:  # noqa: SIM110 - plain loops where every statement of every request passes
        if not holds(condition, request.context, variables=variables):
            return False
    return True


def resource_matches(statement: Statement, request: Request, *, variables: bool) -> bool:
    """Return whether the resource of a request is among the resources that a statement lists.

    Raises:
        PolicyError: the request names none, and the statement does not list ``"*"``.
    """
    if "*" in statement.resources:
        return True
    if request.resource is None:
        raise PolicyError(
            f'statement {statement.name}: Resource: "{statement.resources[0]}" cannot be judged for a request that names no '
            'resource; a request with "resource", or statements on "*" only; add the resource to the request'
        )
    written = statement.resources
    filled = (resolve(one, request.context, pattern=True) for one in written) if variables else written
    return any(one is not None and matcher(one)(request.resource) for one in filled)


def _rules(request: Request) -> Rules:
    rules = SERVICES.get(request.service)
    if rules is None:
        raise PolicyError(
            f'action: the service "{request.service}" is not modelled; {" or ".join(SERVICES)}; ask about a key, a bucket or a topic'
        )
    return rules


@lru_cache(maxsize=16384)
def action_matches(patterns: tuple[str, ...], action: str) -> bool:
    """Return whether an action is among the patterns; case does not count in actions.

    https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_action.html
    """
    return any(matcher(pattern.casefold())(action.casefold()) for pattern in patterns)
