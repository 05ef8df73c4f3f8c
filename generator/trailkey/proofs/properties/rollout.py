"""What must hold of the rollout: that rollout.json sends each template where its policies are meant for, filled and in order.

The policies are judged as they are deployed, so these come first: proofs about a policy in another account prove nothing.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from trailkey import cloudformation
from trailkey.access import PROVEN, REFUTED, Answer
from trailkey.cloudformation.requirements import capabilities_of, fits_body, holds_logs
from trailkey.config.watched import watched
from trailkey.errors import PolicyError
from trailkey.findings import Location, Rule
from trailkey.intent.from_config import trail_key_intent
from trailkey.inventory.policies import ANY_ACCOUNT, PolicySet
from trailkey.output.manifest import (
    ACCESS,
    BESIDE_STACKS,
    BUCKET_POLICY,
    CONFIG,
    MANIFEST,
    RUNBOOK,
    AccountTarget,
    FromOutput,
)
from trailkey.proofs.properties.deployers import unable, unmade
from trailkey.proofs.properties.entitlements import entitlements
from trailkey.proofs.properties.property import Result
from trailkey.proofs.properties.rollout_parameters import misfilled
from trailkey.proofs.properties.rollout_steps import untold
from trailkey.proofs.properties.stack_outputs import misreferenced, output_roles
from trailkey.proofs.properties.stack_sets import misdirected
from trailkey.proofs.properties.template_forms import unread
from trailkey.proofs.properties.wiring import wanted_resources

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from trailkey.config.deployment import Deployment
    from trailkey.inventory.folder import Folder, StackAsDeployed
    from trailkey.inventory.policies import Resource

_STACK_NAME: Final = re.compile(r"[A-Za-z][A-Za-z0-9-]{0,127}")
_CREATE_STACK: Final = "https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_CreateStack.html"


@dataclass(frozen=True, slots=True, kw_only=True)
class RolloutRule(Rule):
    """A rule about rollout.json and the files beside it; ``problems`` yields each way in which it does not hold."""

    remedy: str = "run trailkey generate again, and change the config instead of the folder"
    problems: Callable[[Deployment, Folder], Iterator[str]]


def rollout_results(deployment: Deployment, folder: Folder) -> Iterator[Result]:
    """Yield for each rule about the rollout that it holds, or each way in which it does not."""
    location = Location(file=f"{folder.prefix}{MANIFEST}")
    broken = False
    for rule in OF_THE_ROLLOUT:
        try:
            problems = list(rule.problems(deployment, folder))
        except PolicyError:
            if broken:  # a policy filled with the wrong value cannot be read, and why is told already
                return
            raise
        broken = broken or bool(problems)
        for problem in problems or [""]:
            answer = Answer(REFUTED, reason=problem) if problem else Answer(PROVEN)
            yield Result(rule=rule, answer=answer, location=location)


def _misplaced(deployment: Deployment, folder: Folder) -> Iterator[str]:
    """Yield what is wrong with where stacks are deployed."""
    if folder.manifest.partition != deployment.partition:
        yield f"the partition is {folder.manifest.partition}, not {deployment.partition}"
    meant, grantees = _places(deployment), entitlements(deployment, PolicySet())
    accounts = {account.id for account in deployment.accounts.values() if account.ours}
    heard = {one.place for one in watched(deployment)}
    for one in folder.stacks:
        here = one.place.account, one.place.region
        if one.stack.stack_set is None and one.place.account not in accounts:
            yield f"stack {one.stack.stack} is deployed to {one.place.account}, which is not an account of ours in the config"
        wanted = [
            (f"{each.kind} {each.name}", (each.account, each.region), meant.get((each.kind, each.name)))
            for each in one.policies.resources
        ]
        policies = [
            (f"AWS::IAM::ManagedPolicy {each.name}", here, grantees.places(each)) for each in one.policies.identities
        ]
        for what, has, places in (*wanted, *policies):
            if places and has not in places:
                there = " or ".join(sorted(_place_text(*place) for place in places))
                yield f"stack {one.stack.stack} with {what} is deployed to {_place_text(*has)}, not to {there}"
        ringing = any(each["Type"] == "AWS::Events::Rule" for each in one.template["Resources"].values())
        if ringing and here not in heard:
            there = " or ".join(sorted(_place_text(*place) for place in heard)) or "any place"
            yield f"stack {one.stack.stack} with rules of the alarm is deployed to {_place_text(*here)}, not to {there}"
        if one.stack.stack_set:
            yield from misdirected(one, deployment, grantees)
    for bucket in folder.policies.buckets:
        if bucket.name == "" and bucket.account != deployment.bucket_account.id:
            yield f"{bucket.location}: the bucket is said to be in {bucket.account}, not in {deployment.bucket_account.id}"


def _place_text(account: str, region: str) -> str:
    return f"{'the accounts of a stack set' if account == ANY_ACCOUNT else account}, {region}"


def _places(deployment: Deployment) -> Mapping[tuple[str, str], set[tuple[str, str]]]:
    """Return the accounts and Regions where the config has each resource, by its type and name, which several may share."""
    found: dict[tuple[str, str], set[tuple[str, str]]] = defaultdict(set)
    for one in wanted_resources(deployment, PolicySet()):
        found[one.kind, one.name].add(one.place)
    if deployment.access_log_bucket:
        logs = "AWS::S3::Bucket", deployment.access_log_bucket
        found[logs] = {(deployment.bucket_account.id, deployment.region)}
    return found


def _unread(deployment: Deployment, folder: Folder) -> Iterator[str]:
    for one in folder.stacks:
        try:
            yield from [f"{one.stack.template}: {what}" for what in unread(one.template, output_roles(one, deployment))]
        except (AttributeError, KeyError, TypeError) as error:
            yield f"{one.stack.template}: not a template as trailkey generate writes it ({error!r})"


def _disordered(deployment: Deployment, folder: Folder) -> Iterator[str]:
    """Yield what is wrong with the order of stacks."""
    before: set[str] = set()
    for stack in folder.manifest.stacks:
        for other in stack.depends_on:
            if other not in before:
                yield f"stack {stack.stack} depends on {other}, which is not a stack before it"
        before.add(stack.stack)
    intent, grantees = trail_key_intent(deployment), entitlements(deployment, PolicySet())
    key = folder.policies.key_of_alias(intent.account, intent.region, intent.alias)
    deployers = {owner.id: owner.deployer for owner in deployment.trail_owners if owner.deployer}

    def serves(one: StackAsDeployed, trail: Resource) -> bool:
        """Return whether a stack has the trail's bucket, or lets the trail's deployer look at a key of another account."""
        bucket = "AWS::S3::BucketPolicy", trail.properties.get("S3BucketName")
        return any((each.kind, each.name) == bucket for each in one.policies.resources) or any(
            trail.account == policy.account != intent.account
            and grantees.is_deployers(policy, deployers.get(trail.account, ""))
            and any(key and key.arn in statement.resources for statement in policy.policy.statements)
            for policy in one.policies.identities
        )

    for one in folder.stacks:
        needed = {source.stack for source in one.stack.parameters.values() if isinstance(source, FromOutput)}
        for trail in one.policies.resources:
            if trail.kind == "AWS::CloudTrail::Trail":
                needed |= {other.stack.stack for other in folder.stacks if serves(other, trail)}
        for name in sorted(needed - {*one.stack.depends_on, one.stack.stack}):
            yield f"stack {one.stack.stack} needs stack {name} and does not depend on it"


def _repeated(deployment: Deployment, folder: Folder) -> Iterator[str]:
    if folder.manifest.name != deployment.name:
        yield f"the deployment is named {folder.manifest.name}, not {deployment.name}"
    names = [one.stack for one in folder.manifest.stacks]
    for name in sorted({name for name in names if names.count(name) > 1}):
        yield f"stack {name} is given {names.count(name)} times"
    for one in folder.manifest.stacks:
        if not _STACK_NAME.fullmatch(one.stack):
            yield f'"{one.stack}" is not a valid stack name'
        if one.template not in (f"{one.stack}.yaml", f"{one.stack}.json"):
            yield f"stack {one.stack} has the template {one.template}, not one of its own name"


def _unlisted(_deployment: Deployment, folder: Folder) -> Iterator[str]:
    """Yield each file that is not the one that is listed, and each template that no stack deploys."""
    yield from (f"{name} is missing" for name in folder.missing if name not in folder.files)
    hashes = {name: hashlib.sha256(content).hexdigest() for name, content in folder.files.items()}
    altered = [one for one in folder.manifest.stacks if one.template in hashes and hashes[one.template] != one.sha256]
    yield from (f"{one.template} is not the template with the hash of stack {one.stack}" for one in altered)
    told = {one.template for one in altered}
    for name, digest in folder.manifest.files.items():
        if hashes.get(name) != digest and name not in told:
            yield f"{name} {'has another hash' if name in hashes else 'is missing'}"
    deployed = {one.template for one in folder.manifest.stacks}
    ours = deployed | {ACCESS, BUCKET_POLICY, CONFIG, RUNBOOK}
    for name in sorted(ours & set(hashes) - set(folder.manifest.files)):
        yield f"{name} is not listed among the files"
    for name in sorted(set(folder.manifest.files) & set(hashes) - {*deployed, *BESIDE_STACKS}):
        if _is_template(folder.files[name], name):
            yield f"{name} is a template that no stack deploys"


def _is_template(content: bytes, name: str) -> bool:
    try:
        document = cloudformation.load(content.decode(), name)
    except (PolicyError, UnicodeDecodeError):
        return False
    return isinstance(document, dict) and "Resources" in document


def _unsettled(deployment: Deployment, folder: Folder) -> Iterator[str]:
    """Yield each setting of a stack that is not the one its template and the config ask for."""
    accounts = {account.id: account for account in deployment.accounts.values()}
    for one in folder.stacks:
        target = one.stack.target if isinstance(one.stack.target, AccountTarget) else one.stack.target.stack_set
        account = accounts.get(target.account)
        protected = one.stack.stack_set is None and holds_logs(one.template)
        wanted: dict[str, Any] = {
            "delivery": "template_body" if fits_body(folder.files[one.stack.template]) else "template_url",
            "deployer": account.deployer if account else None,
            "capabilities": capabilities_of(one.template),
            "tags": dict(deployment.config.tags),
            "termination_protection": protected,
        }
        for name, value in wanted.items():
            if (has := getattr(one.stack, name)) != value:
                yield f"stack {one.stack.stack}: {name} is {_written(has)}, not {_written(value)}"


def _written(value: object) -> str:
    return "not set" if value is None else json.dumps(value)


OF_THE_ROLLOUT: Final = (
    RolloutRule(
        id="stacks-where-meant",
        title="each template is deployed to the account and Region that its policies speak of",
        reason="A key policy that is right in one account lets nobody in, or lets others in, when its stack is made in another.",
        source="https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/stacks.html",
        problems=_misplaced,
    ),
    RolloutRule(
        id="templates-readable",
        title="templates hold nothing that the proofs do not read: no conditions, no values from elsewhere, no other permissions",
        reason="A value that is known only where it is deployed, or a policy of a type that is not read, is not what was proven.",
        source="https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/template-anatomy.html",
        problems=_unread,
    ),
    RolloutRule(
        id="parameters-from-outputs",
        title="each parameter comes from an Output of an earlier stack, and that is the resource that the policies mean",
        reason="A trail or a reader's policy with another key's ARN encrypts with a key that nobody guards, or reads nothing.",
        source="https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/parameters-section-structure.html",
        problems=misfilled,
    ),
    RolloutRule(
        id="references-readable",
        title="who takes an Output by Fn::GetStackOutput may read it, by a role that sees one stack and does nothing else",
        reason="A reference that cannot be read fails the stack; a role that trusts more than the deployers is a way in.",
        source="https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/intrinsic-function-reference-getstackoutput.html",
        problems=misreferenced,
    ),
    RolloutRule(
        id="stacks-ordered",
        title="each stack comes after those it depends on, and names them all",
        reason="CloudTrail refuses a trail whose bucket or key is not there yet, and a parameter has no value before its stack is made.",
        source="https://docs.aws.amazon.com/awscloudtrail/latest/APIReference/API_CreateTrail.html",
        problems=_disordered,
    ),
    RolloutRule(
        id="stack-names-unique",
        title="no stack name is given twice",
        reason="A second stack of the same name in an account and Region is an update that replaces the first.",
        source=_CREATE_STACK,
        problems=_repeated,
    ),
    RolloutRule(
        id="files-as-listed",
        title="every file is the one that rollout.json lists, and every template is deployed by a stack",
        reason="What was proven and reviewed is these bytes; another template is another policy.",
        source="https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/template-guide.html",
        problems=_unlisted,
    ),
    RolloutRule(
        id="stack-settings-match",
        title="delivery, capabilities, tags, deployer and protection of each stack are those that its template and the config ask for",
        reason="CloudFormation refuses a stack without the capabilities its template needs, and an unprotected stack is deleted by one click.",
        source=_CREATE_STACK,
        problems=_unsettled,
    ),
    RolloutRule(
        id="deployers-able",
        title="each deployer is allowed what its keys ask of their creator, and everything on no resource but what knows none",
        reason="KMS makes no key whose policy its creator could not replace; a deployer that is allowed more than its stacks need is one more way in.",
        source="https://docs.aws.amazon.com/kms/latest/APIReference/API_CreateKey.html",
        problems=unable,
    ),
    RolloutRule(
        id="bootstrap-as-meant",
        title="bootstrap.yaml makes the roles of the config, for whom the config trusts, with the policies of deployers and no others",
        reason="Whoever may take on a deployer replaces the key policy.",
        source="https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_create_for-service.html",
        problems=unmade,
    ),
    RolloutRule(
        id="steps-complete",
        title="what a stack needs or leaves to people is among the steps: roles that exist, policies to attach, notices",
        reason="CloudFormation fails on a role that does not exist, and a policy that nobody attaches lets nobody read.",
        source="https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-iam-managedpolicy.html",
        problems=untold,
    ),
)
"""Asked of rollout.json and the files beside it."""
