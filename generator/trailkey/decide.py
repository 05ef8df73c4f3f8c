"""Answers to concrete requests, from a key policy in a file or from the policies of a deployment. Prints nothing."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from trailkey import cloudformation
from trailkey.access import decide, parse_request
from trailkey.aws import parse_arn
from trailkey.errors import PolicyError, UsageError
from trailkey.inventory import find_policies, read_text
from trailkey.inventory.policies import ANY_ACCOUNT

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from trailkey.access.language.request import Request
    from trailkey.inventory import PolicySet, ResourcePolicy


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestAnswer:
    """The answer to one request: allowed or denied, why, and by which statements; ``expected`` is None where nothing was."""

    name: str
    decision: str
    reason: str
    statements: tuple[str | int, ...]
    expected: str | None

    @property
    def as_expected(self) -> bool:
        """Whether the answer is the one the request expects; true where it expects none."""
        return self.expected in (None, self.decision)


def answers_of_file(policy: Path, requests: Path, key_account: str = "") -> list[RequestAnswer]:
    """Answer requests from the key policy in a file: a policy, the answer of the AWS CLI, or a template with one key.

    The key's account is the one that is given, or that the requests' key ARNs name, or that the policy itself shows.

    Args:
        policy: the file.
        requests: a file with one request or a list of them, in JSON or YAML.
        key_account: the account that owns the key, or an empty text.

    Raises:
        UsageError: a file that cannot be read, or accounts that contradict one another.
        PolicyError: no key policy or several, a request that cannot be read, or nothing that shows whose key it is.
    """
    entries = _entries(requests, ("kms",))
    text, name = read_text(policy)
    found = find_policies(text, name, key_account=_key_account(entries, key_account))
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
    return [_answer(entry.what, entry.written, key) for entry in entries]


def answers_of_deployment(policies: PolicySet, requests: Path) -> list[RequestAnswer]:
    """Answer requests from the policies of an output folder, or those that a config renders.

    The policy of the key or bucket that a request names is asked; where it names none, that of the trails' key or bucket. The id
    of a key is known after deployment only, so any key of its account stands for the trails' key.

    Args:
        policies: the policies.
        requests: a file with one request or a list of them, in JSON or YAML.

    Raises:
        UsageError: a file that cannot be read.
        PolicyError: a request that cannot be read, or that is about no key or bucket of the deployment.
    """
    answers = []
    for entry in _entries(requests, ("kms", "s3")):
        policy = _asked(entry, policies)
        written = entry.written if entry.request.resource else {**entry.written, "resource": policy.arn}
        answers.append(_answer(entry.what, written, policy))
    return answers


@dataclass(frozen=True, slots=True)
class _Entry:
    """A request as it is written, what errors call it, and as it is read before it is known who owns its resource."""

    what: str
    written: Any
    request: Request


def _entries(requests: Path, services: Sequence[str]) -> list[_Entry]:
    text, name = read_text(requests)
    document = cloudformation.load(text, name)
    found = []
    for number, written in enumerate(document if isinstance(document, list) else [document], 1):
        what = f"{name}: request {number}"
        request = parse_request(written, what=what, key_account=ANY_ACCOUNT)
        if request.service not in services:
            raise PolicyError(
                f"{what}: {request.action}: there is no policy of {request.service} to ask; actions of {', '.join(services)} are allowed; correct the action"
            )
        found.append(_Entry(what, written, request))
    return found


def _key_account(entries: Iterable[_Entry], given: str) -> str:
    """Return the account that owns the key, as it is given or as the requests name it; an empty text where neither does."""
    named = {entry.request.account: entry.what for entry in entries if entry.request.resource}
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


def _asked(entry: _Entry, policies: PolicySet) -> ResourcePolicy:
    """Return the policy of the key or bucket that a request names, or of the trails' one where it names none."""
    request = entry.request
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
            f"{entry.what}: resource: {request.resource or 'missing'}: which policy of {policies.what} is asked "
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
