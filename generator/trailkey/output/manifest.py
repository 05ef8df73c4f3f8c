"""rollout.json, format 2: which stack is deployed where, with what, in which order. Written and read here alone.

::

    {"format": 2, "name": text, "partition": text,
     "before": [step…],                                   what can be done, and must be, before the first stack
     "stacks": [{"stack", "template", "sha256", "delivery": "template_body" or "template_url", "target", "deployer": ARN or null,
                 "parameters": {name: text or {"output": "<stack>.<Output>"}}, "capabilities": [text…], "tags": {name: text},
                 "depends_on": [stack…], "termination_protection": true or false, "after": [step…]}…],
     "notices": [text…], "files": {name: sha256}}

A step is ``{"kind", "account", "text", "command"?, "arn"?}``. A target is ``{"account", "region"}``, or ``{"stack_set": {"account",
"region", "call_as", "permission_model", "auto_deployment": {"enabled", "retain_stacks_on_account_removal"},
"organizational_unit_ids" or "accounts", "regions", "operation_preferences"}}``. Stacks are in the order in which they are deployed.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, Literal, TypeVar

from trailkey.errors import PolicyError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

T = TypeVar("T")

MANIFEST: Final = "rollout.json"
FORMAT: Final = 2

BUCKET_POLICY_STEP: Final = "bucket-policy"
"""Kind of the step that says whose existing bucket gets the statements of bucket-policy.json; its ``arn`` is the bucket."""

Delivery = Literal["template_body", "template_url"]
"""How CloudFormation gets a template: in the call, or from S3 where it is larger.
https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/cloudformation-limits.html"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """Something a person does or checks beside the stacks.

    ``kind`` is a stable word (``role-exists``, ``trusted-access``). ``account`` is the id of the account it is done in; empty
    where it is done in several. ``command`` does or checks it, ``arn`` is what it is about; both may be empty.
    """

    kind: str
    account: str
    text: str
    command: str = ""
    arn: str = ""

    def as_json(self) -> dict[str, Any]:
        """Return the step as rollout.json has it."""
        optional = {name: value for name, value in (("command", self.command), ("arn", self.arn)) if value}
        return {"kind": self.kind, "account": self.account, "text": self.text, **optional}


@dataclass(frozen=True, slots=True)
class FromOutput:
    """A parameter value that an Output of a stack deployed before gives."""

    stack: str
    output: str

    def __str__(self) -> str:
        """``log-archive-key.KeyArn``, as rollout.json has it."""
        return f"{self.stack}.{self.output}"


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountTarget:
    """One account and Region."""

    account: str
    region: str

    def as_json(self) -> dict[str, Any]:
        """Return the target as rollout.json has it."""
        return {"account": self.account, "region": self.region}


@dataclass(frozen=True, slots=True, kw_only=True)
class StackSetTarget:
    """A stack set over organizational units (or the root), or over accounts; it is made in ``account`` and ``region``.

    See: https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/stacksets-concepts.html
    """

    account: str
    region: str
    call_as: str = "SELF"
    permission_model: str = "SERVICE_MANAGED"
    auto_deployment: bool = True
    retain_stacks_on_account_removal: bool = False
    organizational_unit_ids: tuple[str, ...] = ()
    accounts: tuple[str, ...] = ()
    regions: tuple[str, ...]
    operation_preferences: Mapping[str, Any] = field(default_factory=dict)

    def as_json(self) -> dict[str, Any]:
        """Return the target as rollout.json has it."""
        members = {"accounts": self.accounts, "organizational_unit_ids": self.organizational_unit_ids}
        return {
            "stack_set": {
                "account": self.account,
                "region": self.region,
                "call_as": self.call_as,
                "permission_model": self.permission_model,
                "auto_deployment": {
                    "enabled": self.auto_deployment,
                    "retain_stacks_on_account_removal": self.retain_stacks_on_account_removal,
                },
                **{name: list(value) for name, value in members.items() if value},
                "regions": list(self.regions),
                "operation_preferences": dict(self.operation_preferences),
            }
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class DeployedStack:
    """A stack as it is deployed. ``deployer`` is the ARN or pattern of the role that runs it; empty where none is named."""

    stack: str
    template: str
    sha256: str
    delivery: Delivery
    target: AccountTarget | StackSetTarget
    deployer: str = ""
    parameters: Mapping[str, str | FromOutput] = field(default_factory=dict)
    capabilities: tuple[str, ...] = ()
    tags: Mapping[str, str] = field(default_factory=dict)
    depends_on: tuple[str, ...] = ()
    termination_protection: bool = False
    after: tuple[Step, ...] = ()

    @property
    def region(self) -> str:
        """The Region its resources are in: of a stack set the first."""
        return self.target.region if isinstance(self.target, AccountTarget) else self.target.regions[0]

    def as_json(self) -> dict[str, Any]:
        """Return the stack as rollout.json has it."""
        return {
            "stack": self.stack,
            "template": self.template,
            "sha256": self.sha256,
            "delivery": self.delivery,
            "target": self.target.as_json(),
            "deployer": self.deployer or None,
            "parameters": {
                name: {"output": str(value)} if isinstance(value, FromOutput) else value
                for name, value in self.parameters.items()
            },
            "capabilities": list(self.capabilities),
            "tags": dict(self.tags),
            "depends_on": list(self.depends_on),
            "termination_protection": self.termination_protection,
            "after": [step.as_json() for step in self.after],
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifest:
    """A deployment as it is rolled out. ``files`` are the other files of the folder, templates among them, with their SHA-256."""

    name: str
    partition: str
    before: tuple[Step, ...] = ()
    stacks: tuple[DeployedStack, ...]
    notices: tuple[str, ...] = ()
    files: Mapping[str, str] = field(default_factory=dict)

    def as_json(self) -> dict[str, Any]:
        """Return the manifest as a plain document."""
        return {
            "format": FORMAT,
            "name": self.name,
            "partition": self.partition,
            "before": [step.as_json() for step in self.before],
            "stacks": [stack.as_json() for stack in self.stacks],
            "notices": list(self.notices),
            "files": dict(sorted(self.files.items())),
        }

    def dump(self) -> bytes:
        """Return the bytes of rollout.json."""
        return (json.dumps(self.as_json(), indent=2, ensure_ascii=False) + "\n").encode()


def load_manifest(content: bytes, what: str) -> Manifest:
    """Return the manifest that the bytes of a rollout.json hold.

    Args:
        content: the bytes.
        what: how errors name the file.

    Raises:
        PolicyError: not JSON, another format, or a key that is missing, unknown or of another type; with the place.
    """
    try:
        document = json.loads(content)
    except (ValueError, RecursionError) as error:
        raise PolicyError(f"{what}: not valid JSON ({error}); run trailkey generate again") from error
    found = _Fields(document, what)
    if (number := found.take("format", int)) != FORMAT:
        raise PolicyError(f"{what}: format: {number}; {FORMAT} is read; run trailkey generate again")
    manifest = Manifest(
        name=found.take("name", str),
        partition=found.take("partition", str),
        before=found.each("before", _step),
        stacks=found.each("stacks", _stack),
        notices=found.texts("notices"),
        files=found.mapping("files"),
    )
    found.end()
    return manifest


def _step(found: _Fields) -> Step:
    return Step(
        kind=found.take("kind", str),
        account=found.take("account", str),
        text=found.take("text", str),
        command=found.take("command", str, ""),
        arn=found.take("arn", str, ""),
    )


def _stack(found: _Fields) -> DeployedStack:
    delivery = found.take("delivery", str)
    if delivery not in ("template_body", "template_url"):
        raise found.error("delivery", delivery, "template_body or template_url")
    return DeployedStack(
        stack=found.take("stack", str),
        template=found.take("template", str),
        sha256=found.take("sha256", str),
        delivery="template_body" if delivery == "template_body" else "template_url",
        target=_target(found.inner("target")),
        deployer=found.take("deployer", (str, type(None))) or "",
        parameters=_parameters(found.inner("parameters")),
        capabilities=found.texts("capabilities"),
        tags=found.mapping("tags"),
        depends_on=found.texts("depends_on"),
        termination_protection=found.take("termination_protection", bool),
        after=found.each("after", _step),
    )


def _target(found: _Fields) -> AccountTarget | StackSetTarget:
    if "stack_set" not in found.rest:
        target = AccountTarget(account=found.take("account", str), region=found.take("region", str))
        found.end()
        return target
    stack_set = found.inner("stack_set")
    found.end()
    deployment = stack_set.inner("auto_deployment")
    over = StackSetTarget(
        account=stack_set.take("account", str),
        region=stack_set.take("region", str),
        call_as=stack_set.take("call_as", str),
        permission_model=stack_set.take("permission_model", str),
        auto_deployment=deployment.take("enabled", bool),
        retain_stacks_on_account_removal=deployment.take("retain_stacks_on_account_removal", bool),
        organizational_unit_ids=stack_set.texts("organizational_unit_ids", optional=True),
        accounts=stack_set.texts("accounts", optional=True),
        regions=stack_set.texts("regions"),
        operation_preferences=stack_set.take("operation_preferences", dict),
    )
    deployment.end()
    stack_set.end()
    if not over.regions:
        raise stack_set.error("regions", [], "at least one Region")
    return over


def _parameters(found: _Fields) -> dict[str, str | FromOutput]:
    parameters: dict[str, str | FromOutput] = {}
    for name in list(found.rest):
        value = found.take(name, (str, dict))
        if isinstance(value, str):
            parameters[name] = value
            continue
        source = value.get("output") if len(value) == 1 else None
        stack, dot, output = source.rpartition(".") if isinstance(source, str) else ("", "", "")
        if not dot:
            raise found.error(name, value, 'a text or {"output": "<stack>.<Output>"}')
        parameters[name] = FromOutput(stack, output)
    return parameters


class _Fields:
    """The keys of a mapping of rollout.json, taken one by one: a key that is missing, of another type, or left over is an error."""

    def __init__(self, document: Any, what: str) -> None:
        self._what = what
        if not isinstance(document, dict):
            raise PolicyError(f"{what}: {_shown(document)}; a mapping is expected; run trailkey generate again")
        self.rest: dict[str, Any] = dict(document)

    def error(self, key: str, value: Any, allowed: str) -> PolicyError:
        """Return the error that the value of a key is not one that is allowed."""
        return PolicyError(f"{self._what}: {key}: {_shown(value)}; {allowed} is expected; run trailkey generate again")

    def take(self, key: str, kind: type | tuple[type, ...], default: Any = None) -> Any:
        """Return the value of a key; the default where it is not there and there is one."""
        if key not in self.rest and default is not None:
            return default
        value = self.rest.pop(key, _MISSING)
        if not isinstance(value, kind) or (isinstance(value, bool) and kind is int):
            kinds = kind if isinstance(kind, tuple) else (kind,)
            raise self.error(key, value, " or ".join(_WORDS[one] for one in kinds))
        return value

    def inner(self, key: str) -> _Fields:
        """Return the keys of the mapping under a key."""
        return _Fields(self.take(key, dict), f"{self._what}: {key}")

    def texts(self, key: str, *, optional: bool = False) -> tuple[str, ...]:
        """Return a list of texts."""
        values = self.take(key, list, [] if optional else None)
        if not all(isinstance(value, str) for value in values):
            raise self.error(key, values, "a list of texts")
        return tuple(values)

    def mapping(self, key: str) -> dict[str, str]:
        """Return a mapping of texts."""
        values: dict[str, str] = self.take(key, dict)
        if not all(isinstance(value, str) for value in values.values()):
            raise self.error(key, values, "a mapping of texts")
        return values

    def each(self, key: str, read: Callable[[_Fields], T]) -> tuple[T, ...]:
        """Return a list of mappings, each as ``read`` makes it."""
        found = []
        for number, entry in enumerate(self.take(key, list)):
            fields = _Fields(entry, f"{self._what}: {key}[{number}]")
            found.append(read(fields))
            fields.end()
        return tuple(found)

    def end(self) -> None:
        """Refuse keys that nobody took."""
        if self.rest:
            key, value = next(iter(self.rest.items()))
            raise self.error(key, value, "another key, or none,")


_MISSING: Final = object()
_WORDS: Final[Mapping[type, str]] = {
    str: "a text",
    int: "a number",
    bool: "true or false",
    dict: "a mapping",
    list: "a list",
    type(None): "null",
}


def _shown(value: Any) -> str:
    if value is _MISSING:
        return "missing"
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 60 else f"{text[:57]}..."
