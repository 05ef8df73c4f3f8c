"""A failed call on the policies of a deployment: which statement is short and by what, or that they allow it.

Two sets of policies may differ: those at hand, as in an output folder, and those that the config makes. What a statement of the config
allows and the folder's does not is what somebody changed.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from trailkey.access import parse_request
from trailkey.access.language.evaluate import action_matches, matching
from trailkey.access.language.matching import arn_matcher
from trailkey.access.language.nearest import nearest
from trailkey.aws import CLOUDTRAIL, parse_arn
from trailkey.config.source import written as config_text
from trailkey.decide import answer_of, answers_of_deployment, not_met, policy_asked
from trailkey.errors import PolicyError
from trailkey.explain.facts import RESOURCE
from trailkey.explain.rebuilt import OF_NO_RESOURCE, as_members, requests_behind
from trailkey.findings import NOWHERE, Location
from trailkey.inventory.policies import ANY_ACCOUNT, merged
from trailkey.proofs.properties.entitlements import entitlements

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from trailkey.access import Policy, Statement
    from trailkey.access.language.request import Request as ParsedRequest
    from trailkey.config.deployment import Deployment
    from trailkey.config.source import ConfigPath
    from trailkey.decide import RequestAnswer
    from trailkey.explain.messages import Message
    from trailkey.explain.requests import Request
    from trailkey.inventory import PolicySet, ResourcePolicy
    from trailkey.inventory.policies import IdentityPolicy
    from trailkey.proofs.properties.entitlements import Entitlement

_WHAT: Final = "the failed call"
_ANYTHING: Final = "IamAllowsIt"
_ALL: Final = {
    "Version": "2012-10-17",
    "Statement": [{"Sid": _ANYTHING, "Effect": "Allow", "Action": "*", "Resource": "*"}],
}
"""An IAM policy of a caller of which nothing is known yet."""
READING: Final = frozenset(
    ("kms:Decrypt", "s3:GetObject", "s3:GetObjectVersion", "s3:ListBucket", "s3:GetBucketLocation")
)
"""What readers do."""
_CHANGED: Final = "it denies here, and allows as the config has it"
_GONE: Final = "it is missing here, and the config has it"


@dataclass(frozen=True, slots=True, kw_only=True)
class Policies:
    """The policies that a call is judged by: those at hand, and those that the config makes, which may be the same."""

    deployment: Deployment
    here: PolicySet
    meant: PolicySet


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """What the policies at hand say of one request.

    ``foreign`` says why they are not about it at all. ``allows`` says that the policy of the key or bucket allows it, and so do the
    IAM policies of the caller's that are at hand; where one is needed and none is attached there, ``needs_iam``, and ``attach`` is the name of the one that
    others attach. ``statement`` is the one that is
    short, or ``denies``, or allows; ``changed`` says that as the config has the policies they allow the call. ``location`` is the
    statement's policy, and ``not_met`` what of it does not hold. ``allowing`` are statements that allow it,
    ``denying`` those that deny the action to others, or under other conditions. ``config`` is the line that says what this caller may, and ``meant`` whether it
    names this caller.
    """

    request: Request
    foreign: str = ""
    allows: bool = False
    needs_iam: bool = False
    attach: str = ""
    denies: bool = False
    changed: bool = False
    statement: str | int | None = None
    location: Location = NOWHERE
    not_met: tuple[str, ...] = ()
    allowing: tuple[str | int, ...] = ()
    denying: tuple[str | int, ...] = ()
    config: Location = NOWHERE
    meant: bool = False


def judged(message: Message, policies: Policies) -> list[Judged]:
    """Return what policies say of each request behind a message, those that they deny first."""
    found = [_judged(request, message, policies) for request in requests_behind(message, policies.deployment)]
    return sorted(filter(None, found), key=lambda one: (one.allows, bool(one.foreign)))


def _judged(request: Request, message: Message, policies: Policies) -> Judged | None:
    """Return what policies say of a request; None where neither the key's, the bucket's nor the caller's own decide about it."""
    alone = not request["action"].startswith(("kms:", "s3:")) or request["action"] in OF_NO_RESOURCE
    if alone and not _own(request, policies.here, policies):
        return None
    try:
        _parsed(request, ANY_ACCOUNT)
        if alone:
            return _placed(_answered_by_own(request, policies), policies)
        found = _among_members(request, message, policies)
    except PolicyError as error:
        found = Judged(request=request, foreign=str(error))
    return _placed(found, policies)


def _placed(found: Judged, policies: Policies) -> Judged:
    """Return what was found with the line of the config that it is about."""
    path, meant = _path(found.request, policies)
    mark = policies.deployment.mark(path)
    return replace(found, config=Location(file=mark.file, line=mark.line, config_path=config_text(path)), meant=meant)


def _among_members(request: Request, message: Message, policies: Policies) -> Judged:
    """Return the answer to a request, or the one to whom it is in the organization where that was changed."""
    try:
        policy = policy_asked(request, policies.here, _WHAT)
    except PolicyError:
        policy = None
    if policy is None or _region(request.get("resource", policy.arn)) != _region(policy.arn):
        what = request.get("resource", "what is not named")
        foreign = f"{what} is of no key or bucket of {policies.here.what}: is it another account or Region?"
        return Judged(request=request, foreign=foreign)
    found = _answered(request, policy, message, policies)
    if found.changed:
        return found
    members = (_answered(one, policy, message, policies) for one in as_members(request, policies.deployment))
    return next((one for one in members if one.changed), found)


def _region(arn: str) -> str:
    parts = parse_arn(arn)
    return parts.region if parts else ""


def _answered(request: Request, policy: ResourcePolicy, message: Message, policies: Policies) -> Judged:
    (answer,) = answers_of_deployment(policies.here, (json.dumps(request), _WHAT))
    own = _own(request, policies.here, policies)
    attached = any(one.attachment(_caller(request)[0]) for one in own)
    needs_iam = answer.reason == "identity_policy_missing" and not attached
    attach = own[0].policy_name if needs_iam and own else ""
    found = Judged(request=request, location=policy.location, needs_iam=needs_iam, attach=attach)
    asked = _on(request, policy)
    side = answer_of({**asked, "identity_policies": [_ALL]}, policy, _WHAT)  # what IAM says is asked apart
    if side.decision == "denied":
        return _short(found, {**asked, "identity_policies": [_ALL]}, policy, side, policies)
    if own and message.facts.policy_type != RESOURCE:
        of_alias = ":alias/" in request.get("resource", "")  # the key's policy decides about it, and IAM by its own ARN
        short = _short_of_own(found, _parsed(request if of_alias else asked, policy.account), own, policies)
        if short and answer_of({**asked, "identity_policies": []}, policy, _WHAT).decision == "denied":
            return short
    explicit = message.facts.explicit and message.facts.policy_type in ("", RESOURCE)
    denying = tuple(_denying(policy.policy, request["action"])) if explicit else ()
    allowing = tuple(one for one in side.statements if one != _ANYTHING)
    # Where something denies, a Deny that was changed is likelier than an Allow that became one.
    statement = next(iter((*denying, *allowing)), None)
    return replace(found, allows=True, statement=statement, allowing=allowing, denying=denying)


def _on(request: Request, policy: ResourcePolicy) -> Request:
    """Return a request as one on the key or bucket of a policy: the id of a key is known after deployment only."""
    resource = request.get("resource", policy.arn)
    return {**request, "resource": resource if policy.scope.resources.contains(resource) else policy.arn}


def _short(found: Judged, asked: Request, policy: ResourcePolicy, said: RequestAnswer, policies: Policies) -> Judged:
    """Return which statement of a key's or bucket's policy denies a request, or should allow it and does not."""
    as_meant = answer_of(asked, policy_asked(asked, policies.meant, _WHAT), _WHAT)
    found = replace(found, changed=as_meant.decision == "allowed")
    if said.reason == "explicit_deny":
        return replace(found, statement=next(iter(said.statements), None), denies=True)
    if found.changed and as_meant.statements:
        name = as_meant.statements[0]
        return replace(found, statement=name, not_met=_lacking(policy.policy, name, _parsed(asked, policy.account)))
    request = _parsed(asked, policy.account)
    for miss in nearest(request, resource_policy=policy.policy):
        if all(one.element != "Principal" for one in miss.unmet):
            lacking = not_met(miss.statement, policy.policy, request)
            return replace(found, statement=miss.statement.name, not_met=lacking)
    return found


def _lacking(policy: Policy, name: str | int, request: ParsedRequest) -> tuple[str, ...]:
    """Return why a statement, which as the config has it allows a request, does not here."""
    here = next((one for one in policy.statements if one.name == name), None)
    if here is None:
        return (_GONE,)
    return (_CHANGED,) if here.effect == "Deny" else not_met(here, policy, request)


def _answered_by_own(request: Request, policies: Policies) -> Judged:
    """Return what the caller's IAM policies say of a request that no policy of a resource here is asked about."""
    own = _own(request, policies.here, policies)
    found = Judged(request=request, location=own[0].location)
    anything = f"arn:{policies.deployment.partition}:{request['action'].partition(':')[0]}:::anything"
    parsed = _parsed({"resource": anything, **request}, _caller(request)[1])
    allowing = [one.name for one in _allowing(parsed, own)]
    short = _short_of_own(found, parsed, own, policies)
    return short or replace(found, allows=True, statement=allowing[0], allowing=tuple(allowing))


def _short_of_own(
    found: Judged, request: ParsedRequest, own: Sequence[IdentityPolicy], policies: Policies
) -> Judged | None:
    """Return which statement of the caller's IAM policies denies a request, or should allow it and does not; None where they allow it."""
    together = merged(one.policy for one in own)
    denying = matching(request, together, "Deny")
    if not denying and next(_allowing(request, own), None):
        return None
    near = nearest(replace(request, identity_policies=None), resource_policy=together)
    as_meant = list(_allowing(request, _own(found.request, policies.meant, policies)))
    statement = next(iter((*denying, *as_meant)), near[0].statement if near else None)
    found = replace(found, location=own[0].location, changed=bool(as_meant))
    if statement is None:
        return found
    holder = next((one for one in own if any(each.name == statement.name for each in one.policy.statements)), own[0])
    lacking = () if denying else _lacking(together, statement.name, request)
    return replace(found, statement=statement.name, location=holder.location, not_met=lacking, denies=bool(denying))


def _allowing(request: ParsedRequest, policies: Sequence[IdentityPolicy]) -> Iterator[Statement]:
    """Yield the statements of IAM policies that allow a request."""
    for one in policies:
        yield from matching(request, one.policy, "Allow")


def _parsed(asked: Request, account: str) -> ParsedRequest:
    return parse_request(asked, what=_WHAT, key_account=account)


def _denying(policy: Policy, action: str) -> Iterator[str | int]:
    for one in policy.statements:
        if one.effect == "Deny" and action_matches(one.actions, action) is not one.not_actions:
            yield one.name


def _caller(request: Request) -> tuple[str, str]:
    """Return the ARN of the role or user that calls, as aws:PrincipalArn has it, and its account; empty for a service."""
    principal = str(request.get("context", {}).get("aws:PrincipalArn") or request["principal"])
    parts = parse_arn(principal)
    if parts and parts.resource.startswith("assumed-role/"):
        principal = f"arn:{parts.partition}:iam::{parts.account}:role/{parts.resource.split('/')[1]}"
    return principal, parts.account if parts else ""


def _rows(request: Request, policies: Policies) -> list[Entitlement]:
    """Return what the config means the caller for: by its ARN, or by its account where that decides who reads."""
    principal, account = _caller(request)
    readers = {one.path: one.principal_arns for one in policies.deployment.readers}
    rows = entitlements(policies.deployment, policies.meant).rows if account else ()
    patterns = [(row, row.arns or readers.get(row.path, ())) for row in rows]
    exact = [row for row, arns in patterns if any(arn_matcher(one)(principal) for one in arns)]
    return exact or [row for row, arns in patterns if not arns and account in row.accounts]


def _own(request: Request, found: PolicySet, policies: Policies) -> list[IdentityPolicy]:
    """Return the IAM policies that the caller gets from the templates, attached there or by the name that the config gives them."""
    principal, account = _caller(request)
    everyone = entitlements(policies.deployment, policies.meant)
    rows = _rows(request, policies)
    return [
        one
        for one in found.identities
        if one.attachment(principal) or (one.account == account and any(everyone.is_named(one, row) for row in rows))
    ]


def _path(request: Request, policies: Policies) -> tuple[ConfigPath, bool]:
    """Return where the config says what a caller may, and whether it names this caller: a trail, a reader, a person by role."""
    if request["principal"] == CLOUDTRAIL:
        arn = request.get("context", {}).get("aws:SourceArn", "")
        found = next((one.path for one in policies.deployment.trails if arn_matcher(one.arn)(arn)), None)
        return found or ("trails",), found is not None
    rows, reads = _rows(request, policies), request["action"] in READING
    fitting = next((row.path for row in rows if (row.path[0] == "readers") is reads), None)
    if fitting:
        return fitting, True
    deployer = ("accounts", policies.deployment.key_account.name, "deployer")
    return ("readers",) if reads else deployer if request["action"] == "kms:PutKeyPolicy" else ("key",), False
