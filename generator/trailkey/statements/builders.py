"""Statements from plain words: effect, principal, actions, resources, guard. Knows awacs's traps so that no one else has to."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, Literal

from awacs import aws as policy
from awacs.aws import Action, AWSPrincipal, PolicyDocument, Principal, Statement
from troposphere import Sub

from trailkey.aws import CLOUDTRAIL

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

Guard = dict[str, dict[str, Any]]
"""Conditions as policies write them: operator, condition key, value or values."""

EVERYONE = AWSPrincipal("*")
BY_CLOUDTRAIL = Principal("Service", CLOUDTRAIL)


@dataclass(frozen=True, slots=True)
class Grantee:
    """A Principal element and the conditions that narrow it to who is meant."""

    principal: Principal
    guard: Guard


def text(value: str) -> str | Sub:
    """Return a text for a template; an ARN gets ``${AWS::Partition}``, so that one template serves every partition.

    A policy variable (``${aws:PrincipalAccount}``) is kept from Fn::Sub as ``${!…}``.
    See: https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/intrinsic-function-reference-sub.html
    """
    if not value.startswith("arn:"):
        return value
    _, _, rest = value.split(":", 2)
    return Sub("arn:${AWS::Partition}:" + rest.replace("${", "${!"))


def texts(values: Sequence[str]) -> Any:
    """Return one text, or a list of several: the shorter form that policies are read in."""
    return text(values[0]) if len(values) == 1 else [text(value) for value in values]


def account_principal(account_id: str) -> AWSPrincipal:
    """Return the principal that means "identities of this account, as far as IAM there and the guard allow"."""
    return AWSPrincipal(text(f"arn:aws:iam::{account_id}:root"))


def service_principal(name: str) -> Principal:
    """Return an AWS service as principal."""
    return Principal("Service", name)


def merged(*guards: Guard) -> Guard:
    """Return one guard that holds all of them.

    awacs keeps only the last of two conditions with the same operator, in silence; so operators are joined here first.

    Raises:
        ValueError: two guards speak of the same key, of which one would be lost.
    """
    result: Guard = {}
    for guard in guards:
        for operator, keys in guard.items():
            into = result.setdefault(operator, {})
            for key, value in keys.items():
                if key in into:
                    raise ValueError(f"{operator} {key} is given twice")
                into[key] = value
    return result


def _statement(
    effect: Literal["Allow", "Deny"],
    sid: str,
    actions: Iterable[Action],
    *,
    to: Principal | Grantee | None = None,
    on: Any = "*",
    guard: Guard | None = None,
) -> Statement:
    optional: dict[str, Any] = {}
    if isinstance(to, Grantee):
        guard = merged(to.guard, guard or {})
        to = to.principal
    if to is not None:
        optional["Principal"] = to
    if guard:
        operators = [getattr(policy, operator.replace(":", ""))(dict(keys)) for operator, keys in guard.items()]
        optional["Condition"] = policy.Condition(operators)
    return Statement(
        Sid=sid, Effect=effect, Action=list(actions), Resource=on if isinstance(on, list) else [on], **optional
    )


allow = partial(_statement, "Allow")
"""Return an Allow statement; ``to`` is None in identity policies. In a key policy ``"*"`` as ``on`` means this key."""
deny = partial(_statement, "Deny")
"""Return a Deny statement."""


def document(statements: Sequence[Statement]) -> PolicyDocument:
    """Return a policy of these statements.

    Raises:
        ValueError: two of them share a Sid.
    """
    sids = [statement.Sid for statement in statements]
    repeated = {sid for sid in sids if sids.count(sid) > 1}
    if repeated:
        raise ValueError(f"Sid {', '.join(sorted(repeated))} is given twice")
    return PolicyDocument(Version="2012-10-17", Statement=list(statements))
