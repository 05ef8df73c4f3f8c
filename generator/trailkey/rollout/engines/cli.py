"""For the AWS CLI: the input of each call, and deploy.sh, which makes the calls in order."""

from __future__ import annotations

from importlib import resources
from typing import TYPE_CHECKING, Final

from trailkey.aws import URL_SUFFIXES
from trailkey.output.manifest import FromOutput
from trailkey.rollout.engines.calls import change_set, instances, stack_set
from trailkey.rollout.engines.values import json_file
from trailkey.rollout.shell import words

if TYPE_CHECKING:
    from collections.abc import Iterator

    from trailkey.output.manifest import Step
    from trailkey.rollout.engines.values import EngineInput

DEPLOY: Final = "deploy.sh"


def files(given: EngineInput) -> dict[str, bytes]:
    """Return ``cli/<stack>.json`` for each stack, ``cli/<set>.instances.json`` for each stack set, and deploy.sh.

    The files are the API's own shapes, for ``--cli-input-json``; template, values and role are given beside them, and win.
    See: https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_CreateChangeSet.html,
    https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_CreateStackSet.html
    """
    made: dict[str, bytes] = {}
    for stack in given.manifest.stacks:
        if stack.stack_set is None:
            made[f"cli/{stack.stack}.json"] = json_file(change_set(given, stack))
        else:
            made[f"cli/{stack.stack}.json"] = json_file(stack_set(given, stack, stack.stack_set))
            made[f"cli/{stack.stack}.instances.json"] = json_file(instances(stack, stack.stack_set))
    return {**made, DEPLOY: _script(given)}


def _script(given: EngineInput) -> bytes:
    """Return deploy.sh: what is the same everywhere, then a line for each step and stack."""
    manifest = given.manifest
    fixed = resources.files(__package__).joinpath(DEPLOY).read_text(encoding="utf-8")
    head = [
        "#!/usr/bin/env bash",
        f"# Rolls out deployment {manifest.name}, as rollout.json says. Built by trailkey: change the config, not this file.",
        "# It needs bash and the AWS CLI, version 1 or 2.",
    ]
    settings = [
        "# This deployment.",
        f"home_region={words(manifest.stacks[0].region)} url_suffix={words(URL_SUFFIXES[manifest.partition])}",
        "",
        "# stand_in STACK.OUTPUT: for plans, a value of the right form where no stack has given one out yet.",
        "stand_in() {",
        "  case $1 in",
        *(f"    {words(output)}) echo {words(value)} ;;" for output, value in _stand_ins(given)),
        "    *) return 1 ;;",
        "  esac",
        "}",
        "",
    ]
    lines = [*head, "#", fixed.rstrip("\n"), "", *settings, *_lines(given), "rest", ""]
    return "\n".join(lines).encode()


def _stand_ins(given: EngineInput) -> Iterator[tuple[str, str]]:
    """Yield for each Output that a parameter comes from a value that its AllowedPattern takes: an ARN with an id of zeros."""
    places = {one.stack: one.home for one in given.manifest.stacks}
    used = (value for one in given.manifest.stacks for value in one.parameters.values())
    for output in sorted({value.output for value in used if isinstance(value, FromOutput)}):
        account, region = places[output.rpartition(".")[0]]
        zeros = "00000000-0000-0000-0000-000000000000"
        yield output, f"arn:{given.manifest.partition}:kms:{region}:{account}:key/{zeros}"


def _lines(given: EngineInput) -> Iterator[str]:
    manifest = given.manifest
    deployers = {stack.home[0]: stack.deployer or "" for stack in manifest.stacks}
    for step in manifest.before:
        facts = (step.kind, step.account, deployers.get(step.account, ""), step.arn, _told(step), step.command)
        yield f"before {words(*facts)}"
    yield "ready"
    for stack in manifest.stacks:
        values = [f"{name}={value.output}" for name, value in stack.parameters.items() if isinstance(value, FromOutput)]
        target = stack.stack_set
        place = (stack.stack, stack.template, *stack.home)
        kind, how = "stack", ("protect" if stack.termination_protection else "open", stack.delivery)
        if target is not None:
            tags = "|".join(sorted(f"{name}={value}" for name, value in stack.tags.items()))
            goes_to = (",".join(target.organizational_unit_ids), ",".join(target.accounts))
            kind, values = "stack_set", [*goes_to, tags, *values]
            how = target.call_as, stack.delivery
        yield f"{kind} {words(*place, stack.deployer or '', *how, *values)}"
    for stack in manifest.stacks:
        for step in stack.after:
            where = f"account {step.account}: " if step.account else ""
            yield f"after {words(where + _told(step), step.command)}"


def _told(step: Step) -> str:
    """Return the sentence of a step, and in brackets the error that it prevents, as deploy.sh ends its refusals too."""
    return f"{step.text} [{step.prevents}]"
