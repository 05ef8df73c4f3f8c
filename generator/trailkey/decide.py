"""Questions to policies: concrete requests against a policy file, or against the policies a config renders. Prints nothing."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from trailkey import cloudformation, pipeline
from trailkey.access.language.evaluate import decide
from trailkey.access.language.policy import parse_policy
from trailkey.access.language.request import parse_request
from trailkey.errors import PolicyError
from trailkey.inventory import find_policies, read_text

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from trailkey.access.language.policy import Policy


@dataclass(frozen=True, slots=True)
class Verdict:
    """The answer to one request, in the shape that ``trailkey decide`` prints; ``expected`` is None where nothing was."""

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
        """Return the answer as JSON: name, decision, reason, statements."""
        return {
            "name": self.name,
            "decision": self.decision,
            "reason": self.reason,
            "statements": list(self.statements),
        }


@dataclass(frozen=True, slots=True)
class Asked:
    """What requests are put to: the resource policy of each service, and what stands in for what a request leaves out."""

    policies: Mapping[str, Policy]
    account: str
    resources: Mapping[str, str]


def of_file(policy: Path, account: str) -> Asked:
    """Return the key policy in a file as something to ask: a policy, the answer of the AWS CLI, or a template with one key.

    Raises UsageError, and PolicyError where there is no key policy, or where there are several.
    """
    text, name = read_text(policy)
    found = find_policies(text, name, key_account=account)
    if len(found) > 1:
        places = ", ".join(one.place for one in found)
        raise PolicyError(
            f"{name}: holds {len(found)} key policies ({places}); requests are put to one; put that policy into a file of its own"
        )
    (one,) = found
    if one.account_is_placeholder and not account:
        raise PolicyError(
            f"{name}: the template speaks of its own account and does not say which; 12 digits are needed; add --key-account ID"
        )
    return Asked({"kms": parse_policy(one.document, what=name, resource_based=True)}, account, {})


def of_config(config: Path) -> Asked:
    """Return the policies a config renders, with its key and bucket in place of resources that a request leaves out.

    The key's id is known after deployment only: requests about it leave ``resource`` out, or name any key of the account.
    """
    deployment = pipeline.load_all([config])[0]
    documents = pipeline.render(deployment).documents()
    return Asked(
        {"kms": documents.trail_key.policy, "s3": documents.bucket.policy},
        deployment.key_account.id,
        {"kms": documents.trail_key.arn, "s3": f"arn:{deployment.partition}:s3:::{deployment.config.bucket.name}"},
    )


def answer(asked: Asked, requests: Path) -> list[Verdict]:
    """Answer every request of a file: one object or a list of them, in JSON or YAML. Raises UsageError, PolicyError."""
    text, name = read_text(requests)
    document = cloudformation.load(text, name)
    entries: Sequence[Any] = document if isinstance(document, list) else [document]
    return [_answer(asked, entry, f"{name}: request {number}") for number, entry in enumerate(entries, 1)]


def _answer(asked: Asked, entry: Any, what: str) -> Verdict:
    if isinstance(entry, dict) and "resource" not in entry:
        service = str(entry.get("action", "")).partition(":")[0].casefold()
        if service in asked.resources:
            entry = {**entry, "resource": asked.resources[service]}
    request = parse_request(entry, what=what, key_account=asked.account)
    if request.service not in asked.policies:
        raise PolicyError(
            f"{what}: {request.action}: there is no policy of {request.service} to ask; actions of {', '.join(asked.policies)} are allowed; correct the action"
        )
    decision = decide(request, resource_policy=asked.policies[request.service])
    return Verdict(request.name or what, decision.decision, decision.reason, decision.statements, request.expect)
