"""Answers to concrete requests, from a key policy in a file or from the policies of a deployment. Prints nothing."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from trailkey import cloudformation
from trailkey.access import decide, parse_request
from trailkey.aws import parse_arn
from trailkey.errors import PolicyError, UsageError
from trailkey.inventory import find_policies
from trailkey.inventory.policies import ANY_ACCOUNT

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from trailkey.access.language.request import Request
    from trailkey.inventory import PolicySet, ResourcePolicy


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestAnswer:
    """The answer to one request: allowed or denied, why, and by which statements; ``expected`` is None where nothing is."""

    name: str
    decision: str
    reason: str
    statements: tuple[str | int, ...]
    expected: str | None

    @property
    def as_expected(self) -> bool:
        """Whether the answer is the one the request expects; true where it expects none."""
        return self.expected in (None, self.decision)

    def as_json(self) -> dict[str, Any]:
        """Return the answer in the shape that outside tools read."""
        return {"name": self.name, "decision": self.decision, "reason": self.reason, "statements": [*self.statements]}


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
    return RequestAnswer(
        name=request.name or what,
        decision=decision.decision,
        reason=decision.reason,
        statements=decision.statements,
        expected=request.expect,
    )
