"""What must hold of the rollout: that rollout.json sends each template where its policies are meant for, filled and in order.

The policies are judged as they are deployed, so these come first: proofs about a policy in another account prove nothing.
"""

from __future__ import annotations

import hashlib
import re
from typing import TYPE_CHECKING, Any, Final

from trailkey import cloudformation
from trailkey.access import PROVEN, REFUTED, Answer
from trailkey.cloudformation.requirements import capabilities_of, fits_body, holds_logs
from trailkey.errors import PolicyError
from trailkey.findings import Location, Rule
from trailkey.intent.from_config import trail_key_intent
from trailkey.inventory.policies import ANY_ACCOUNT, PolicySet
from trailkey.output.manifest import MANIFEST, AccountTarget, FromOutput, StackSet, as_json
from trailkey.proofs.properties.entitlements import entitlements
from trailkey.proofs.properties.property import Result
from trailkey.proofs.properties.wiring import wanted_resources

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from trailkey.config.deployment import Deployment
    from trailkey.inventory.folder import Folder, StackAsDeployed
    from trailkey.inventory.policies import Resource
    from trailkey.proofs.properties.entitlements import Entitlements

Place = tuple[str, str]
"""An account and a Region."""

_CREATE_STACK: Final = "https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_CreateStack.html"
_AGAIN: Final = "run trailkey generate again, and change the config instead of the folder"

WHERE_MEANT: Final = Rule(
    id="stacks-where-meant",
    title="each template is deployed to the account and Region that its policies speak of",
    reason="A key policy that is right in one account lets nobody in, or lets others in, when its stack is made in another.",
    source="https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/stacks.html",
    remedy=_AGAIN,
)
FILLED: Final = Rule(
    id="parameters-from-outputs",
    title="each parameter comes from an Output of an earlier stack, and that is the resource that the policies mean",
    reason="A trail or a reader's policy with another key's ARN encrypts with a key that nobody guards, or reads nothing.",
    source="https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/parameters-section-structure.html",
    remedy=_AGAIN,
)
ORDERED: Final = Rule(
    id="stacks-ordered",
    title="each stack comes after those it depends on, and names them all",
    reason="CloudTrail refuses a trail whose bucket or key is not there yet, and a parameter has no value before its stack is made.",
    source="https://docs.aws.amazon.com/awscloudtrail/latest/APIReference/API_CreateTrail.html",
    remedy=_AGAIN,
)
UNIQUE: Final = Rule(
    id="stack-names-unique",
    title="no stack name is given twice",
    reason="A second stack of the same name in an account and Region is an update that replaces the first.",
    source=_CREATE_STACK,
    remedy=_AGAIN,
)
AS_LISTED: Final = Rule(
    id="files-as-listed",
    title="every file is the one that rollout.json lists, and every template is deployed by a stack",
    reason="What was proven and reviewed is these bytes; another template is another policy.",
    source="https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/template-guide.html",
    remedy=_AGAIN,
)
SETTINGS: Final = Rule(
    id="stack-settings-match",
    title="delivery, capabilities, tags, deployer and protection of each stack are those that its template and the config ask for",
    reason="CloudFormation refuses a stack without the capabilities its template needs, and an unprotected stack is deleted by one click.",
    source=_CREATE_STACK,
    remedy=_AGAIN,
)
OF_THE_ROLLOUT: Final = (WHERE_MEANT, FILLED, ORDERED, UNIQUE, AS_LISTED, SETTINGS)
"""Asked of rollout.json and the files beside it."""


def rollout_results(deployment: Deployment, folder: Folder) -> Iterator[Result]:
    """Yield for each rule about the rollout that it holds, or each way in which it does not."""
    checks: tuple[tuple[Rule, Callable[[Deployment, Folder], Iterator[str]]], ...] = (
        (WHERE_MEANT, _misplaced),
        (FILLED, _misfilled),
        (ORDERED, _disordered),
        (UNIQUE, _repeated),
        (AS_LISTED, _unlisted),
        (SETTINGS, _unsettled),
    )
    location = Location(file=f"{folder.what}{MANIFEST}")
    for rule, check in checks:
        problems = list(check(deployment, folder)) or [""]
        for problem in problems:
            answer = Answer(REFUTED, reason=problem) if problem else Answer(PROVEN)
            yield Result(rule=rule, answer=answer, location=location)


def _misplaced(deployment: Deployment, folder: Folder) -> Iterator[str]:
    """Yield what is wrong with where stacks are deployed."""
    if folder.manifest.partition != deployment.partition:
        yield f"the partition is {folder.manifest.partition}, not {deployment.partition}"
    named, places = _places(deployment), entitlements(deployment, PolicySet(what=""))
    for one in folder.stacks:
        here = one.place.account, one.place.region
        for resource in one.resources:
            wanted = named.get((resource.kind, resource.name))
            if wanted and here not in wanted:
                yield _elsewhere(one, resource.kind, resource.name, wanted)
        for policy in one.identities:
            wanted = places.places(policy)
            if wanted and here not in wanted:
                yield _elsewhere(one, "AWS::IAM::ManagedPolicy", policy.location.logical_id, wanted)
        if one.stack.stack_set:
            yield from _misdirected(one, one.stack.stack_set, deployment, places)
    for bucket in folder.policies.buckets:
        if bucket.name == "" and bucket.account != deployment.bucket_account.id:
            yield f"{bucket.location}: the bucket is said to be in {bucket.account}, not in {deployment.bucket_account.id}"


def _misdirected(one: StackAsDeployed, target: StackSet, deployment: Deployment, places: Entitlements) -> Iterator[str]:
    """Yield what is wrong with the target of a stack set: every setting of it is one that AWS has to be given so."""
    management = deployment.management
    for unit in {unit for policy in one.identities for unit in places.units(policy)} or {""}:
        wanted = StackSet(
            account=management.id if management else "",
            region=deployment.region,
            organizational_unit_ids=(unit,),
            regions=(deployment.region,),
        )
        if target != wanted:
            yield f"stack set {one.stack.stack} has the target {as_json(target)}, not {as_json(wanted)}"


def _elsewhere(one: StackAsDeployed, kind: str, name: str, wanted: frozenset[Place]) -> str:
    meant = " or ".join(sorted(_place_text(*place) for place in wanted)) or "nowhere"
    return f"stack {one.stack.stack} with {kind} {name} is deployed to {_place_text(one.place.account, one.place.region)}, not to {meant}"


def _place_text(account: str, region: str) -> str:
    return f"{'the accounts of a stack set' if account == ANY_ACCOUNT else account}, {region}"


def _places(deployment: Deployment) -> Mapping[tuple[str, str], frozenset[Place]]:
    """Return where the config has each resource, by type and name: several may have one name, in places of their own."""
    found: dict[tuple[str, str], set[Place]] = {}
    for one in wanted_resources(deployment, PolicySet(what="")):
        found.setdefault((one.kind, one.name), set()).add(one.place)
    if deployment.access_log_bucket:
        logs = "AWS::S3::Bucket", deployment.access_log_bucket
        found[logs] = {(deployment.bucket_account.id, deployment.region)}
    return {name: frozenset(places) for name, places in found.items()}


def _misfilled(deployment: Deployment, folder: Folder) -> Iterator[str]:
    """Yield what is wrong with the values of parameters."""
    intent = trail_key_intent(deployment)
    key = folder.policies.key_of_alias(intent.account, intent.region, intent.alias)
    for one in folder.stacks:
        declared = one.template.get("Parameters", {})
        for name, value in one.place.parameters.items():
            source = one.stack.parameters.get(name)
            what = f"stack {one.stack.stack}: parameter {name}"
            if source is None:
                yield f"{what} is given no value"
            elif name not in declared:
                yield f"{what} is not one of {one.stack.template}"
            elif name in one.unfilled and isinstance(source, FromOutput):
                yield f"{what} comes from {source.output}, which no stack before it gives out"
            elif not _fits(value, declared[name]):
                yield f"{what} is {value}, which its AllowedPattern refuses"
            # The trails' key is the only resource that one stack takes over from another.
            elif isinstance(source, FromOutput) and key is not None and value != key.arn:
                yield f"{what} comes from {source.output}, which is not the ARN of the trails' key"


def _fits(value: Any, declared: Mapping[str, Any]) -> bool:
    pattern = declared.get("AllowedPattern")
    return pattern is None or re.fullmatch(pattern, str(value)) is not None


def _disordered(deployment: Deployment, folder: Folder) -> Iterator[str]:
    """Yield what is wrong with the order of stacks."""
    before: set[str] = set()
    for one in folder.manifest.stacks:
        yield from (
            f"stack {one.stack} depends on {other}, which is not a stack before it"
            for other in one.depends_on
            if other not in before
        )
        before.add(one.stack)
    needs = _Needs(deployment, folder)
    for stack in folder.stacks:
        for other in sorted(needs.of(stack) - {*stack.stack.depends_on, stack.stack.stack}):
            yield f"stack {stack.stack.stack} needs stack {other} and does not depend on it"


class _Needs:
    """Which stacks a stack needs: those that fill its parameters, and for a trail also its bucket and its deployer's policy."""

    def __init__(self, deployment: Deployment, folder: Folder) -> None:
        intent = trail_key_intent(deployment)
        key = folder.policies.key_of_alias(intent.account, intent.region, intent.alias)
        self._key = key.arn if key else ""
        self._own = intent.account
        self._folder = folder
        self._deployers = {owner.id: owner.deployer or "" for owner in deployment.trail_owners}
        self._places = entitlements(deployment, PolicySet(what=""))

    def of(self, one: StackAsDeployed) -> set[str]:
        """Return the names of the stacks that a stack needs."""
        found = {source.stack for source in one.stack.parameters.values() if isinstance(source, FromOutput)}
        for resource in one.resources:
            if resource.kind == "AWS::CloudTrail::Trail":
                found |= {other.stack.stack for other in self._folder.stacks if self._serves(other, resource)}
        return found

    def _serves(self, one: StackAsDeployed, trail: Resource) -> bool:
        """Return whether a stack has the trail's bucket, or lets the trail's deployer look at a key of another account."""
        bucket = trail.properties.get("S3BucketName")
        if any(
            each.kind == "AWS::S3::BucketPolicy" and each.properties.get("Bucket") == bucket for each in one.resources
        ):
            return True
        deployer = self._deployers.get(trail.account, "")
        return trail.account != self._own and any(
            policy.account == trail.account
            and self._places.is_deployers(policy, deployer)
            and any(self._key in statement.resources for statement in policy.policy.statements)
            for policy in one.identities
        )


def _repeated(deployment: Deployment, folder: Folder) -> Iterator[str]:
    if folder.manifest.name != deployment.name:
        yield f"the deployment is named {folder.manifest.name}, not {deployment.name}"
    names = [one.stack for one in folder.manifest.stacks]
    for name in sorted({name for name in names if names.count(name) > 1}):
        yield f"stack {name} is given {names.count(name)} times"


def _unlisted(_deployment: Deployment, folder: Folder) -> Iterator[str]:
    """Yield each file that is not the one that is listed, and each template that no stack deploys."""
    yield from (f"{name} is missing" for name in folder.missing)
    hashes = {name: hashlib.sha256(content).hexdigest() for name, content in folder.files.items()}
    for one in folder.manifest.stacks:
        if one.template in hashes and hashes[one.template] != one.sha256:
            yield f"{one.template} is not the template with the hash of stack {one.stack}"
    for name, digest in folder.manifest.files.items():
        if hashes.get(name) != digest:
            yield f"{name} {'has another hash' if name in hashes else 'is missing'}"
    deployed = {one.template for one in folder.manifest.stacks}
    for name in sorted(deployed - set(folder.manifest.files) - set(folder.missing)):
        yield f"{name} is not listed among the files"
    for name in sorted(set(folder.manifest.files) & set(hashes) - deployed):
        if name.endswith((".yaml", ".json")) and _is_template(folder.files[name], name):
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
                yield f"stack {one.stack.stack}: {name} is {has!r}, not {value!r}"
