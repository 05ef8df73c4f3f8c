"""An output folder as it is deployed: its manifest, its templates, and the policies as each stack's account and Region gets them.

Nothing comes from what built the folder: where a stack is deployed, and which Output fills which parameter, is what rollout.json says.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Final

from trailkey import cloudformation
from trailkey.cloudformation.intrinsics import Place, attribute_placeholder, resolve
from trailkey.errors import PolicyError, UsageError
from trailkey.findings import Location
from trailkey.inventory.policies import ANY_ACCOUNT, IdentityPolicy, PolicySet, Resource, ResourcePolicy
from trailkey.output.manifest import BUCKET_POLICY, BUCKET_POLICY_STEP, MANIFEST, AccountTarget, Manifest, load_manifest

if TYPE_CHECKING:
    from collections.abc import Iterable

    from trailkey.output.manifest import DeployedStack

_Outputs = Mapping[tuple[str, str, str, str], Any]
"""What stacks give out, by account, Region, stack and name."""
_POLICIES: Final = {
    "AWS::KMS::Key": "KeyPolicy",
    "AWS::S3::BucketPolicy": "PolicyDocument",
    "AWS::IAM::ManagedPolicy": "PolicyDocument",
}
_WITHOUT_POLICY: Final = frozenset(
    ("AWS::CloudTrail::EventDataStore", "AWS::CloudTrail::Trail", "AWS::KMS::Alias", "AWS::S3::Bucket")
)


@dataclass(frozen=True, slots=True, kw_only=True)
class StackAsDeployed:
    """A stack with its template, where it is deployed, and the policies and resources it holds.

    The ``place`` of a stack set is ``ANY_ACCOUNT``; where its accounts are listed, it holds the resources of each.
    ``unfilled`` are parameters that have no value, or whose source is not an Output of a stack before; ``outputs`` are what the
    stack gives out.
    """

    stack: DeployedStack
    template: Mapping[str, Any]
    place: Place
    outputs: Mapping[str, Any]
    unfilled: tuple[str, ...]
    policies: PolicySet


@dataclass(frozen=True, slots=True, kw_only=True)
class Folder:
    """An output folder: its manifest, its files, its stacks in the order of the manifest, and all their policies together.

    ``missing`` are templates that the manifest names and the folder does not hold under the name of the stack.
    """

    prefix: str
    manifest: Manifest
    files: Mapping[str, bytes] = field(repr=False)
    stacks: tuple[StackAsDeployed, ...]
    policies: PolicySet
    missing: tuple[str, ...] = ()


def read_folder(what: str, files: Mapping[str, bytes], *, prefix: str = "") -> Folder:
    """Return a folder as it is deployed.

    A manifest that does not hang together is read all the same: what is wrong with it, the properties of the rollout say.

    Args:
        what: names the folder in messages.
        files: the bytes of each file by name.
        prefix: what stands before a file's name in messages: ``output/organization/``, ``config/a.yaml: ``.

    Raises:
        UsageError: no rollout.json.
        PolicyError: a file that cannot be read, or a function that is not modelled; with the file and the reason.
    """
    if MANIFEST not in files:
        raise UsageError(
            f"{what}: holds no {MANIFEST}; a folder that trailkey generate wrote is expected; name output/NAME"
        )
    manifest = load_manifest(files[MANIFEST], f"{prefix}{MANIFEST}")
    outputs: dict[tuple[str, str, str, str], Any] = {}
    stacks: list[StackAsDeployed] = []
    missing: list[str] = []
    for stack in manifest.stacks:
        if stack.template not in files or not stack.template.startswith(f"{stack.stack}."):
            missing.append(stack.template)
            continue
        found = _stack(prefix, stack, files[stack.template], manifest.partition, outputs)
        outputs |= {(*stack.home, stack.stack, name): value for name, value in found.outputs.items()}
        stacks.append(found)
    deployed = [one.policies for one in stacks]
    return Folder(
        prefix=prefix,
        manifest=manifest,
        files=files,
        stacks=tuple(stacks),
        policies=PolicySet(
            what=what,
            keys=tuple(key for one in deployed for key in one.keys),
            buckets=(
                *(bucket for one in deployed for bucket in one.buckets),
                *_existing_bucket(prefix, files, manifest),
            ),
            identities=tuple(policy for one in deployed for policy in one.identities),
            resources=tuple(resource for one in deployed for resource in one.resources),
        ),
        missing=tuple(missing),
    )


def _stack(prefix: str, stack: DeployedStack, content: bytes, partition: str, outputs: _Outputs) -> StackAsDeployed:
    file = f"{prefix}{stack.template}"
    template = _document(content, file)
    target = stack.target
    account = target.account if isinstance(target, AccountTarget) else ANY_ACCOUNT
    listed = stack.stack_set.accounts if stack.stack_set else ()
    try:
        parameters, unfilled = _filled(stack, template.get("Parameters", {}).keys(), partition, outputs)
        place = Place(account=account, region=stack.region, partition=partition, parameters=parameters, outputs=outputs)
        given = {name: resolve(one["Value"], template, place) for name, one in template.get("Outputs", {}).items()}
        found = [
            _resource(Location(file=file, logical_id=logical_id), resource, template, here)
            for here in [replace(place, account=one) for one in listed] or [place]
            for logical_id, resource in template["Resources"].items()
            if resource["Type"] in _POLICIES or resource["Type"] in _WITHOUT_POLICY
        ]
    except PolicyError as error:
        raise PolicyError(f"{file}: {error}") from error
    except (KeyError, TypeError, AttributeError) as error:
        raise PolicyError(
            f"{file}: not a template as trailkey generate writes it ({error!r}); run trailkey generate again"
        ) from error
    of_resources = [policy for policy, _ in found if isinstance(policy, ResourcePolicy)]
    return StackAsDeployed(
        stack=stack,
        template=template,
        place=place,
        outputs=given,
        unfilled=tuple(unfilled),
        policies=PolicySet(
            what=file,
            keys=tuple(one for one in of_resources if not one.is_bucket),
            buckets=tuple(one for one in of_resources if one.is_bucket),
            identities=tuple(policy for policy, _ in found if isinstance(policy, IdentityPolicy)),
            resources=tuple(resource for _, resource in found),
        ),
    )


def _document(content: bytes, what: str) -> dict[str, Any]:
    try:
        document = cloudformation.load(content.decode(), what)
    except UnicodeDecodeError as error:
        raise PolicyError(f"{what}: not UTF-8 text ({error.reason}); run trailkey generate again") from error
    if not isinstance(document, dict):
        raise PolicyError(f"{what}: not a mapping, as trailkey generate writes it; run trailkey generate again")
    return document


def _filled(
    stack: DeployedStack, declared: Iterable[str], partition: str, outputs: _Outputs
) -> tuple[dict[str, Any], list[str]]:
    """Return the parameters of a stack with their values, and those that have none: a key that does not exist stands for them."""
    nowhere = Place(account=ANY_ACCOUNT, region=stack.region, partition=partition)
    values: dict[str, Any] = {}
    unfilled: list[str] = []
    given = {(name, output): value for (_, _, name, output), value in outputs.items()}
    for name in dict.fromkeys((*stack.parameters, *declared)):
        source = stack.parameters.get(name)
        if isinstance(source, str):
            values[name] = source
        elif source is not None and (source.stack, source.name) in given:
            values[name] = given[source.stack, source.name]
        else:
            values[name] = attribute_placeholder(name, "Arn", "AWS::KMS::Key", nowhere)
            unfilled.append(name)
    return values, unfilled


def _resource(
    location: Location, written: Mapping[str, Any], template: Mapping[str, Any], place: Place
) -> tuple[ResourcePolicy | IdentityPolicy | None, Resource]:
    """Return a resource, and the policy that it is or has."""
    kind = written["Type"]
    properties = dict(resolve(written["Properties"], template, place))
    arn = attribute_placeholder(location.logical_id, "Arn", kind, place)
    document = properties.pop(_POLICIES[kind], None) if kind in _POLICIES else None
    policy: ResourcePolicy | IdentityPolicy | None = None
    if kind == "AWS::KMS::Key":
        policy = ResourcePolicy(location=location, document=document, arn=arn, account=place.account)
    elif kind == "AWS::S3::BucketPolicy":
        bucket = f"arn:{place.partition}:s3:::{properties['Bucket']}"
        policy = ResourcePolicy(location=location, document=document, arn=bucket, account=place.account)
    elif kind == "AWS::IAM::ManagedPolicy":
        policy = IdentityPolicy(
            location=location,
            document=document,
            account=place.account,
            partition=place.partition,
            attached=frozenset(_attached(properties)),
            policy_name=str(properties.get("ManagedPolicyName", "")),
        )
    return policy, Resource(
        kind=kind, location=location, arn=arn, account=place.account, region=place.region, properties=properties
    )


def _attached(properties: Mapping[str, Any]) -> Iterable[str]:
    for kind in ("Role", "User", "Group"):
        yield from (f"{kind.lower()}/{name}" for name in properties.get(f"{kind}s", ()))


def _existing_bucket(prefix: str, files: Mapping[str, bytes], manifest: Manifest) -> tuple[ResourcePolicy, ...]:
    """Return the policy of a bucket that the deployment does not make, in the account that the step about it names."""
    if BUCKET_POLICY not in files:
        return ()
    location = Location(file=f"{prefix}{BUCKET_POLICY}")
    document = _document(files[BUCKET_POLICY], str(location))
    steps = [step for step in manifest.before if step.kind == BUCKET_POLICY_STEP]
    return tuple(
        ResourcePolicy(location=location, document=document, arn=step.arn, account=step.account) for step in steps
    )
