"""rollout.json, format 2: which stack is deployed where, with what, in which order. Written and read here alone.

The types are the file: each field is a key. Stacks are in the order in which they are deployed.
"""

from __future__ import annotations

import json
from collections.abc import Mapping  # read by pydantic
from dataclasses import dataclass, field, fields, is_dataclass
from functools import cache
from typing import Any, Final, Literal

from trailkey.errors import PolicyError

MANIFEST: Final = "rollout.json"
ACCESS: Final = "access.md"
RUNBOOK: Final = "README.md"
CONFIG: Final = "config.json"
"""The config that the folder was made from, ``extends`` filled in: what its policies are meant for, for whoever judges the folder."""
BUCKET_POLICY: Final = "bucket-policy.json"
"""The statements for a log bucket that the deployment does not make."""
BOOTSTRAP: Final = "bootstrap.yaml"
PIPELINE: Final = "pipeline/pipeline.yaml"
BESIDE_STACKS: Final = (BOOTSTRAP, PIPELINE)
"""Templates that are no stacks of the rollout: of the roles it needs, of a pipeline that deploys it."""
FORMAT: Final = 2
DEPLOYER_POLICY: Final = "deployer-policy-{}.json"
"""What the role that runs an account's stacks is allowed, by the id of the account."""
BUCKET_POLICY_STEP: Final = "bucket-policy"
"""Kind of the step that says whose existing bucket gets the statements of bucket-policy.json; its ``arn`` is the bucket."""
OWNER_STEP: Final = "reader-policy"
"""Kind of the step that says what the owner of an account that is not ours allows a reader there; its ``arn`` is the reader's."""

PREFERENCES: Final[Mapping[str, str | int]] = {
    "concurrency_mode": "SOFT_FAILURE_TOLERANCE",
    "failure_tolerance_percentage": 10,
    "max_concurrent_percentage": 100,
}
"""How a stack set goes through its accounts. Without these AWS takes one account at a time and stops at the first that fails.
https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_StackSetOperationPreferences.html"""

_OPTIONAL: Final = {"optional": True}
"""Marks a key that is left out where it says nothing."""


class _Exact:
    """What is read as it is written: no other key, no value of another type."""

    __slots__ = ()
    __pydantic_config__: Final = {"extra": "forbid", "strict": True}


@dataclass(frozen=True, slots=True, kw_only=True)
class Step(_Exact):
    """Something a person does or checks beside the stacks.

    ``kind`` is a stable word (``role-exists``, ``trusted-access``). ``account`` is the id of the account it is done in; empty
    where it is done in several. ``command`` does or checks it, ``arn`` is what it is about; both may be empty. ``prevents`` is the
    cause of the error that somebody would see who left it out, by its id in docs/errors.md.
    """

    kind: str
    account: str
    text: str
    command: str = field(default="", metadata=_OPTIONAL)
    arn: str = field(default="", metadata=_OPTIONAL)
    prevents: str = field(default="", metadata=_OPTIONAL)


@dataclass(frozen=True, slots=True)
class FromOutput(_Exact):
    """A parameter value that an Output of a stack deployed before gives: ``log-archive-key.KeyArn``."""

    output: str

    @property
    def stack(self) -> str:
        """The stack that gives it out."""
        return self.output.rpartition(".")[0]

    @property
    def name(self) -> str:
        """The name of the Output."""
        return self.output.rpartition(".")[2]


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountTarget(_Exact):
    """One account and Region."""

    account: str
    region: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AutoDeployment(_Exact):
    """What a stack set does where an account joins or leaves its organizational units."""

    enabled: bool = True
    retain_stacks_on_account_removal: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class StackSet(_Exact):
    """A stack set over organizational units (or the root), or over accounts; it is made in ``account`` and ``region``.

    See: https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/stacksets-concepts.html
    """

    account: str
    region: str
    call_as: str = "SELF"
    permission_model: str = "SERVICE_MANAGED"
    auto_deployment: AutoDeployment = field(default_factory=AutoDeployment)
    organizational_unit_ids: tuple[str, ...] = field(default=(), metadata=_OPTIONAL)
    accounts: tuple[str, ...] = field(default=(), metadata=_OPTIONAL)
    regions: tuple[str, ...]
    operation_preferences: Mapping[str, str | int] = field(default_factory=lambda: PREFERENCES)


@dataclass(frozen=True, slots=True, kw_only=True)
class StackSetTarget(_Exact):
    """The accounts of a stack set."""

    stack_set: StackSet


@dataclass(frozen=True, slots=True, kw_only=True)
class DeployedStack(_Exact):
    """A stack as it is deployed. ``deployer`` is the ARN or pattern of the role that runs it, where one is named.

    ``delivery`` says how CloudFormation gets the template: in the call, or from S3 where it is larger:
    https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/cloudformation-limits.html
    """

    stack: str
    template: str
    sha256: str
    delivery: Literal["template_body", "template_url"]
    target: AccountTarget | StackSetTarget
    deployer: str | None = None
    parameters: Mapping[str, str | FromOutput] = field(default_factory=dict)
    capabilities: tuple[str, ...] = ()
    tags: Mapping[str, str] = field(default_factory=dict)
    depends_on: tuple[str, ...] = ()
    termination_protection: bool = False
    after: tuple[Step, ...] = ()

    @property
    def stack_set(self) -> StackSet | None:
        """The stack set, where it is one."""
        return self.target.stack_set if isinstance(self.target, StackSetTarget) else None

    @property
    def home(self) -> tuple[str, str]:
        """The account and Region in which it is made, or its stack set."""
        target = self.target if isinstance(self.target, AccountTarget) else self.target.stack_set
        return target.account, target.region

    @property
    def region(self) -> str:
        """The Region its resources are in: of a stack set the first."""
        return self.target.region if isinstance(self.target, AccountTarget) else self.target.stack_set.regions[0]


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifest(_Exact):
    """A deployment as it is rolled out. ``files`` are the other files of the folder, templates among them, with their SHA-256."""

    format: Literal[2]
    name: str
    partition: str
    before: tuple[Step, ...] = ()
    stacks: tuple[DeployedStack, ...]
    notices: tuple[str, ...] = ()
    files: Mapping[str, str] = field(default_factory=dict)

    def dump(self) -> bytes:
        """Return the bytes of rollout.json."""
        return (json.dumps(as_json(self), indent=2, ensure_ascii=False) + "\n").encode()


def as_json(value: Any) -> Any:
    """Return a part of a manifest as a plain document."""
    if is_dataclass(value):
        known = ((one, getattr(value, one.name)) for one in fields(value))
        return {one.name: as_json(found) for one, found in known if found or not one.metadata.get("optional")}
    if isinstance(value, Mapping):
        return {name: as_json(value[name]) for name in sorted(value)}
    return [as_json(entry) for entry in value] if isinstance(value, tuple) else value


def load_manifest(content: bytes, what: str) -> Manifest:
    """Return the manifest that the bytes of a rollout.json hold.

    Args:
        content: the bytes.
        what: how errors name the file.

    Raises:
        PolicyError: not JSON, another format, or a key that is missing, unknown or of another type; with the place.
    """
    from pydantic import ValidationError

    try:
        manifest: Manifest = _reader().validate_json(content)
        json.loads(content, object_pairs_hook=_once)
    except ValidationError as error:
        wrong = error.errors(include_url=False)[0]
        raise PolicyError(
            f"{what}: {_place(content, wrong['loc'])}{wrong['msg']}; a file that trailkey generate wrote is expected; run it again"
        ) from error
    except ValueError as error:
        raise PolicyError(f"{what}: {error}; a file that trailkey generate wrote is expected; run it again") from error
    for index, stack in enumerate(manifest.stacks):
        if stack.stack_set and len(stack.stack_set.regions) != 1:
            raise PolicyError(
                f"{what}: stacks: {index}: target: stack_set: regions: one Region is expected; run trailkey generate again"
            )
    return manifest


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Return an object of JSON whose keys are each given once: readers differ in which of two they take."""
    found = dict(pairs)
    if len(found) != len(pairs):
        names = [name for name, _ in pairs]
        raise ValueError(f"key {next(name for name in names if names.count(name) > 1)!r} is given twice")
    return found


@cache
def _reader() -> Any:
    from pydantic import TypeAdapter

    return TypeAdapter(Manifest)


def _place(content: bytes, steps: tuple[str | int, ...]) -> str:
    """Return where in the document an error is: ``stacks: 0: target: ``, as far as the document goes."""
    try:
        document = json.loads(content)
    except ValueError:
        return ""
    place = ""
    for step in steps:
        place += f"{step}: "
        try:
            document = document[step]
        except (KeyError, IndexError, TypeError):
            break
    return place


def listed_files(content: bytes) -> set[tuple[str, str]]:
    """Return name and hash of what a rollout.json or a journal of a killed run lists; none where it is not one of ours.

    It is read as far as it goes: of a file that nobody can vouch for, only names are taken.
    """
    try:
        document = json.loads(content)
    except (ValueError, RecursionError):
        return set()
    if not isinstance(document, dict) or document.get("format") != FORMAT:
        return set()
    stacks, listed = document.get("stacks", []), document.get("files", {})
    if not isinstance(stacks, list) or not isinstance(listed, dict):
        return set()
    pairs = [(stack.get("template"), stack.get("sha256")) for stack in stacks if isinstance(stack, dict)]
    return {(name, str(digest)) for name, digest in (*pairs, *listed.items()) if isinstance(name, str)}
