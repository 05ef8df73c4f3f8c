"""Answers to concrete requests, from a key policy in a file or from the policies of a deployment. Prints nothing."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from trailkey import cloudformation
from trailkey.access import decide, parse_request
from trailkey.access.language.evaluate import RESOURCE_POLICY
from trailkey.access.language.nearest import Miss, nearest, unmet_of
from trailkey.aws import parse_arn
from trailkey.errors import PolicyError, UsageError
from trailkey.inventory import find_policies
from trailkey.inventory.policies import ANY_ACCOUNT

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from trailkey.access import Policy, Statement
    from trailkey.access.language.conditions import Condition
    from trailkey.access.language.nearest import Unmet
    from trailkey.access.language.request import Request
    from trailkey.inventory import PolicySet, ResourcePolicy


@dataclass(frozen=True, slots=True)
class Near:
    """A statement that comes near to allowing a request, and what of it does not match, in sentences."""

    statement: str | int
    not_met: tuple[str, ...]

    def as_json(self) -> dict[str, Any]:
        """Return the statement in the shape that outside tools read."""
        return {"statement": self.statement, "not_met": [*self.not_met]}


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestAnswer:
    """The answer to one request: allowed or denied, why, and by which statements; ``expected`` is None where nothing is.

    ``nearest`` are the statements that come nearest to allowing what is denied because nothing allows it.
    """

    name: str
    decision: str
    reason: str
    statements: tuple[str | int, ...]
    expected: str | None
    nearest: tuple[Near, ...] = ()

    @property
    def as_expected(self) -> bool:
        """Whether the answer is the one the request expects; true where it expects none."""
        return self.expected in (None, self.decision)

    def as_json(self) -> dict[str, Any]:
        """Return the answer in the shape that outside tools read."""
        said = {"name": self.name, "decision": self.decision, "reason": self.reason, "statements": [*self.statements]}
        return said | ({"nearest": [one.as_json() for one in self.nearest]} if self.nearest else {})


_NAMED: Final = 3
"""How many values of a list a sentence names."""

Text = tuple[str, str]
"""A text, in JSON or YAML, and what errors call it."""


def answers_of_policy(policy: Text, requests: Text, key_account: str = "") -> list[RequestAnswer]:
    """Answer requests from a key policy: a policy, the answer of the AWS CLI, or a template with one key.

    The key's account is the one that is given, or that the requests' key ARNs name, or that the policy itself shows.

    Raises:
        UsageError: accounts that contradict one another.
        PolicyError: no key policy or several, a request that cannot be read, or nothing that shows whose key it is.
    """
    entries = _entries(requests, ("kms",))
    name = policy[1]
    found = find_policies(*policy, key_account=_key_account(entries, key_account))
    if len(found) > 1:
        locations = ", ".join(str(one.location) for one in found)
        raise PolicyError(
            f"{name}: holds {len(found)} key policies ({locations}); requests are put to one; put that policy into a file of its own"
        )
    (key,) = found
    if key.account_is_placeholder:
        raise PolicyError(
            f"{name}: neither the policy nor a request shows which account owns the key; 12 digits are needed; "
            "add --key-account ID, or name the key's ARN as resource in a request"
        )
    return [_answer(what, written, key) for what, written, _ in entries]


def answers_of_deployment(policies: PolicySet, requests: Text) -> list[RequestAnswer]:
    """Answer requests from the policies of an output folder, or those that a config renders.

    The policy of the key or bucket that a request names is asked; where it names none, that of the trails' key or bucket. The id
    of a key is known after deployment only, so any key of its account stands for the trails' key.

    Raises:
        PolicyError: a request that cannot be read, or that is about no key or bucket of the deployment.
    """
    answers = []
    for what, written, request in _entries(requests, ("kms", "s3")):
        policy = _asked(what, request, policies)
        asked = written if request.resource else {**written, "resource": policy.arn}
        answers.append(_answer(what, asked, policy))
    return answers


def policy_asked(written: Mapping[str, Any], policies: PolicySet, what: str) -> ResourcePolicy:
    """Return the policy that a request of a deployment is put to.

    Raises:
        PolicyError: a request that cannot be read, or that is about no key or bucket of the deployment.
    """
    return _asked(what, parse_request(written, what=what, key_account=ANY_ACCOUNT), policies)


def answer_of(written: Mapping[str, Any], policy: ResourcePolicy, what: str) -> RequestAnswer:
    """Return the answer of one policy to a request.

    Raises:
        PolicyError: a request or policy that cannot be read.
    """
    return _answer(what, written, policy)


def not_met(statement: Statement, policy: Policy, request: Request) -> tuple[str, ...]:
    """Return what a statement asks for and a request does not have, in sentences."""
    miss = Miss(RESOURCE_POLICY, statement, unmet_of(statement, policy, request))
    return tuple(_said(one, miss, request) for one in miss.unmet)


Entry = tuple[str, Any, "Request"]
"""What errors call a request, the request as it is written, and as it is read before it is known who owns its resource."""


def _entries(requests: Text, services: Sequence[str]) -> list[Entry]:
    document = cloudformation.load(*requests)
    found = []
    for number, written in enumerate(document if isinstance(document, list) else [document], 1):
        what = f"{requests[1]}: request {number}"
        request = parse_request(written, what=what, key_account=ANY_ACCOUNT)
        if request.service not in services:
            raise PolicyError(
                f"{what}: {request.action}: there is no policy of {request.service} to ask; actions of {', '.join(services)} are allowed; correct the action"
            )
        found.append((what, written, request))
    return found


def _key_account(entries: Iterable[Entry], given: str) -> str:
    """Return the account that owns the key, as it is given or as the requests name it; an empty text where neither does."""
    named = {request.account: what for what, _, request in entries if request.resource}
    for account, what in named.items():
        if given and account != given:
            raise UsageError(
                f"{what}: resource: a key of account {account}, but --key-account is {given}; one key is asked; correct one of them"
            )
    if len(named) > 1:
        raise UsageError(
            f"the requests name keys of several accounts ({', '.join(sorted(named))}); requests are put to one key; "
            "put those of each account into a file of their own"
        )
    return given or "".join(named)


def _asked(what: str, request: Request, policies: PolicySet) -> ResourcePolicy:
    """Return the policy of the key or bucket that a request names, or of the trails' one where it names none."""
    every = policies.keys if request.service == "kms" else policies.buckets
    found = own = _of_trails(every, policies)
    if request.resource:
        arn = parse_arn(request.resource)
        account = arn.account if arn else ""  # a bucket's ARN has none
        found = (
            [one for one in every if one.scope.resources.contains(request.resource)]
            or [one for one in own if one.account == account]
            or [one for one in every if one.account == account]
        )
    if len(found) != 1:
        raise PolicyError(
            f"{what}: resource: {request.resource or 'missing'}: which policy of {policies.what} is asked "
            f"is not known; {' or '.join(one.arn for one in every) or 'nothing'} can be asked; name one of them"
        )
    return found[0]


def _of_trails(every: Iterable[ResourcePolicy], policies: PolicySet) -> list[ResourcePolicy]:
    """Return the policies of the keys or buckets that the trails use."""
    trails = [one.properties for one in policies.resources if one.kind == "AWS::CloudTrail::Trail"]
    used = {trail.get(name) for trail in trails for name in ("KMSKeyId", "S3BucketName")}
    return [one for one in every if (arn := parse_arn(one.arn)) and used & {one.arn, arn.resource}]


def _answer(what: str, written: Any, policy: ResourcePolicy) -> RequestAnswer:
    request = parse_request(written, what=what, key_account=policy.account)
    decision = decide(request, resource_policy=policy.policy)
    unanswered = decision.decision == "denied" and decision.reason != "explicit_deny"
    misses = nearest(request, resource_policy=policy.policy) if unanswered else ()
    return RequestAnswer(
        name=request.name or what,
        decision=decision.decision,
        reason=decision.reason,
        statements=decision.statements,
        expected=request.expect,
        nearest=tuple(_near(miss, request) for miss in misses),
    )


def _near(miss: Miss, request: Request) -> Near:
    place = "" if miss.policy == RESOURCE_POLICY else f"{miss.policy}: "
    return Near(miss.statement.name, tuple(place + _said(one, miss, request) for one in miss.unmet))


def _said(unmet: Unmet, miss: Miss, request: Request) -> str:
    """Return what a statement asks for, and what the request has instead."""
    statement = miss.statement
    if unmet.condition:
        return _condition(unmet.condition, request)
    if unmet.element == "Principal":
        return f"{request.caller.arn} is not among the principals of the statement"
    if unmet.element == "Action":
        listed = _some(statement.actions)
        is_not = f"is left out by NotAction ({listed})" if statement.not_actions else f"is not among Action ({listed})"
        return f"{request.action} {is_not}"
    if unmet.element == "Resource":
        listed = _some(statement.resources)
        name = request.resource or "the resource, which is missing from the request,"
        return (
            f"{name} {'is left out by NotResource' if statement.not_resources else 'is not among Resource'} ({listed})"
        )
    if unmet.element == "account":
        return (
            f"no policy of a resource of account {request.account} can allow {request.action} to {request.caller.arn}"
        )
    given = "is missing from the request" if request.identity_policies is None else "does not"
    return f"the caller's own IAM policy has to allow it too, and identity_policies {given}"


def _condition(condition: Condition, request: Request) -> str:
    given = request.context.get(condition.key.casefold(), ())
    here = f"is {_some(given)} in the request" if given else "is missing from the request"
    operator = f"{condition.quantifier}:" if condition.quantifier else ""
    operator += condition.operator + ("IfExists" if condition.if_exists else "")
    return f"{condition.key} {here} ({operator} {_some(condition.values)})"


def _some(texts: Sequence[str]) -> str:
    """Return a list as a sentence has it: all of few, the first of many and how many more there are."""
    shown = texts if len(texts) <= _NAMED else [*texts[:_NAMED], f"{len(texts) - _NAMED} more"]
    return ", ".join(shown)
