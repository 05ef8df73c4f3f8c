"""A world: every policy around the key that an output folder, a config or a file holds, as AWS would get it."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

from trailkey import cloudformation
from trailkey.aws import parse_arn, partition_of
from trailkey.cloudformation.placeholders import attribute_placeholder
from trailkey.cloudformation.renaming import rename
from trailkey.cloudformation.resolve import Place, resolve
from trailkey.errors import PolicyError, UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from trailkey.inventory import FoundPolicy

ROLLOUT: Final = "rollout.json"
BUCKET_POLICY: Final = "bucket-policy.json"
ANY_ACCOUNT: Final = "000000000000"
"""Stands for the accounts of a stack set, which nobody can list."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Attached:
    """A resource policy: the resource's ARN and account, and the truths of conditions under which the policy is so."""

    name: str
    place: str
    document: Any
    arn: str
    account: str
    variant: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """The IAM policies of one holder together.

    ``holder`` is the ARN of a role or user, or what the policy is called where it is attached to nobody yet; ``account`` is
    the account it lies in.
    """

    holder: str
    account: str
    partition: str
    documents: tuple[Any, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class World:
    """Key policies, bucket policies, and IAM policies by their holder; and what was assumed to know them."""

    what: str
    keys: tuple[Attached, ...]
    buckets: tuple[Attached, ...] = ()
    holders: tuple[Held, ...] = ()
    assumptions: tuple[str, ...] = ()

    def renamed(self, names: Mapping[str, str]) -> World:
        """Return the world with names put in place of others, everywhere."""
        return replace(
            self,
            keys=tuple(_renamed(one, names) for one in self.keys),
            buckets=tuple(_renamed(one, names) for one in self.buckets),
            holders=tuple(
                replace(
                    one,
                    holder=rename(one.holder, names),
                    account=rename(one.account, names),
                    documents=tuple(rename(list(one.documents), names)),
                )
                for one in self.holders
            ),
        )


def _renamed(one: Attached, names: Mapping[str, str]) -> Attached:
    return replace(
        one,
        document=rename(one.document, names),
        arn=rename(one.arn, names),
        account=rename(one.account, names),
    )


def world_of_policies(what: str, found: list[FoundPolicy]) -> World:
    """Return the world of the key policies in a text."""
    keys = (
        Attached(
            name=one.logical_id,
            place=one.place,
            document=one.document,
            arn=one.key_arn,
            account=one.key_arn.split(":")[4],
            variant=one.variant,
        )
        for one in found
    )
    return World(what=what, keys=tuple(keys), assumptions=tuple(_assumed(found)))


def _assumed(found: list[FoundPolicy]) -> Iterator[str]:
    """Yield what was assumed, each sentence once: with its variant where it is of one only."""
    places: dict[tuple[str, str], list[str]] = {}
    for one in found:
        key = one.place.removesuffix(f" where {one.variant}")
        for sentence in one.assumptions:
            places.setdefault((key, sentence), []).append(one.place)
    for (key, sentence), among in places.items():
        yield f"{among[0] if len(among) == 1 else key}: {sentence}"


def world_of_files(what: str, files: Mapping[str, str], *, bucket_account: str = "") -> World:
    """Return the world of an output folder's files.

    Args:
        what: what stands before a file's name in places and errors: ``output/organization/``, ``config/a.yaml: ``.
        files: texts by file name: rollout.json and the templates it names.
        bucket_account: who owns an existing bucket, whose policy is a file of its own.

    Raises:
        UsageError: no rollout.json.
        PolicyError: a file that rollout.json names is missing, or a template cannot be resolved; with file and reason.
    """
    if ROLLOUT not in files:
        raise UsageError(
            f"{what.rstrip(': /')}: holds no {ROLLOUT}; a folder that trailkey generate wrote is expected; name output/NAME"
        )
    rollout = cloudformation.load(files[ROLLOUT], f"{what}{ROLLOUT}")
    reader = _Reader(what, files)
    try:
        for stack in rollout["stacks"]:
            reader.read(stack)
    except (KeyError, TypeError, AttributeError, IndexError) as error:
        raise PolicyError(
            f"{what}{ROLLOUT}: not as trailkey generate writes it ({error!r}); stacks with template, target and parameters are expected; generate it again"
        ) from error
    if BUCKET_POLICY in files:
        reader.read_bucket_policy(files[BUCKET_POLICY], bucket_account)
    return World(
        what=what,
        keys=tuple(reader.keys),
        buckets=tuple(reader.buckets),
        holders=tuple(reader.held()),
        assumptions=tuple(reader.assumptions),
    )


class _Reader:
    """Reads stacks in the order they are deployed: what one outputs is what the next is given."""

    def __init__(self, what: str, files: Mapping[str, str]) -> None:
        self._what, self._files = what, files
        self._outputs: dict[str, Any] = {}
        self._holders: dict[tuple[str, str], Held] = {}
        self.keys: list[Attached] = []
        self.buckets: list[Attached] = []
        self.assumptions: list[str] = []

    def read(self, stack: Mapping[str, Any]) -> None:
        """Read the policies of one stack."""
        file = stack["template"]
        if file not in self._files:
            raise PolicyError(f"{self._what}{file}: missing, though {ROLLOUT} names it; generate the folder again")
        template = cloudformation.load(self._files[file], f"{self._what}{file}")
        target = stack["target"].get("stack_set") or stack["target"]
        region = target["region"] if "region" in target else target["regions"][0]
        parameters = {
            name: value if isinstance(value, str) else self._outputs[value["output"]]
            for name, value in stack["parameters"].items()
        }
        place = Place(
            account=target.get("account", ANY_ACCOUNT),
            region=region,
            partition=partition_of(region),
            parameters=parameters,
        )
        where = f"{self._what}{file}"
        try:
            for name, output in template.get("Outputs", {}).items():
                self._outputs[f"{stack['stack']}.{name}"] = resolve(output["Value"], template, place)
            for logical_id, resource in template["Resources"].items():
                self._resource(logical_id, resource, template, place, f"{where}: Resources/{logical_id}")
        except PolicyError as error:
            raise PolicyError(f"{where}: {error}") from error

    def _resource(
        self, logical_id: str, resource: Mapping[str, Any], template: Mapping[str, Any], place: Place, where: str
    ) -> None:
        kind = resource["Type"]
        if kind not in ("AWS::KMS::Key", "AWS::S3::BucketPolicy", "AWS::IAM::ManagedPolicy"):
            return
        properties = resolve(resource["Properties"], template, place)
        if kind == "AWS::KMS::Key":
            arn = attribute_placeholder(logical_id, "Arn", kind, place)
            document = properties["KeyPolicy"]
            self.keys.append(Attached(name=logical_id, place=where, document=document, arn=arn, account=place.account))
        elif kind == "AWS::S3::BucketPolicy":
            arn = f"arn:{place.partition}:s3:::{properties['Bucket']}"
            document = properties["PolicyDocument"]
            self.buckets.append(
                Attached(name=logical_id, place=where, document=document, arn=arn, account=place.account)
            )
        else:
            self._managed(logical_id, properties, place)

    def _managed(self, logical_id: str, properties: Mapping[str, Any], place: Place) -> None:
        start = f"arn:{place.partition}:iam::{place.account}:"
        holders = [f"{start}role/{name}" for name in properties.get("Roles", [])]
        holders += [f"{start}user/{name}" for name in properties.get("Users", [])]
        for holder in holders or [properties.get("ManagedPolicyName", logical_id)]:
            before = self._holders.get((place.account, holder))
            self._holders[place.account, holder] = Held(
                holder=holder,
                account=place.account,
                partition=place.partition,
                documents=(*(before.documents if before else ()), properties["PolicyDocument"]),
            )

    def read_bucket_policy(self, text: str, account: str) -> None:
        """Read the statements for an existing bucket."""
        where = f"{self._what}{BUCKET_POLICY}"
        document = cloudformation.load(text, where)
        arns = {
            f"arn:{arn.partition}:s3:::{arn.resource.partition('/')[0]}"
            for statement in document["Statement"]
            for resource in statement["Resource"]
            if (arn := parse_arn(resource))
        }
        if not account:
            account = self.keys[0].account if self.keys else ANY_ACCOUNT
            self.assumptions.append(
                f"{where}: the bucket's account is {account}, the key's: the folder does not say it"
            )
        self.buckets += [
            Attached(name=BUCKET_POLICY, place=where, document=document, arn=arn, account=account)
            for arn in sorted(arns)
        ]

    def held(self) -> Iterator[Held]:
        """Yield the holders of IAM policies, in a stable order."""
        yield from (self._holders[key] for key in sorted(self._holders, key=json.dumps))
