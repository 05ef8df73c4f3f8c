"""Values of Outputs, from what AWS answers to the config: each is held to the stack, place and form that it is meant for."""

from __future__ import annotations

import re
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any, Final

from trailkey.aws import parse_arn
from trailkey.errors import UsageError
from trailkey.output.manifest import FromOutput

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from trailkey.config.outputs import Outputs
    from trailkey.output.manifest import DeployedStack, Manifest

_DONE: Final = ("CREATE_COMPLETE", "UPDATE_COMPLETE", "UPDATE_ROLLBACK_COMPLETE", "IMPORT_COMPLETE")
"""In these states a stack's Outputs are those of its resources.
https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/view-stack-events.html"""


def unfit(manifest: Manifest, templates: Mapping[str, Mapping[str, Any]], outputs: Outputs) -> Iterator[str]:
    """Yield each value that was filled in and that no parameter takes."""
    known = dict(_takers(manifest))
    for output, value in outputs.values.items():
        if output not in known:
            said = f"no parameter comes from {output!r}; {_listed(known)}; remove it, or run trailkey fill again"
            yield outputs.problem(output, said)
        elif pattern := _refusing(output, value, manifest, templates):
            said = f"{value!r} does not fit {pattern}; is it of the other environment? run trailkey fill with the answer from this one"
            yield outputs.problem(output, said)


def values_from(
    answer: Any, what: str, stack: str, manifest: Manifest, templates: Mapping[str, Mapping[str, Any]]
) -> dict[str, str]:
    """Return the values that parameters take from a stack, ``log-archive-key.KeyArn`` to an ARN.

    Args:
        answer: the answer of ``aws cloudformation describe-stacks``, whole, one stack of it, or a list of stacks.
        what: how errors name it.
        stack: the name of the stack.
        manifest: the rollout.
        templates: the template of each stack, by file.

    Raises:
        UsageError: another stack, another account or Region, a stack that is not complete, or a value of another form.
    """
    wanted = [output for output, giver in _takers(manifest) if giver == stack]
    if not wanted:
        givers = sorted({giver for _, giver in _takers(manifest)})
        names = [one.stack for one in manifest.stacks]
        near = get_close_matches(stack, givers, n=1)
        is_stack = "no parameter comes from it" if stack in names else "it is not a stack of this config"
        advice = f"did you mean {near[0]}?" if near else "name one of these"
        raise UsageError(f"{stack}: {is_stack}; {', '.join(givers) or 'no stack'} can be filled in; {advice}")
    (deployed,) = [one for one in manifest.stacks if one.stack == stack]
    found = _found(answer, what, deployed)
    given = {str(one.get("OutputKey")): str(one.get("OutputValue")) for one in found.get("Outputs") or []}
    values = {}
    for output in wanted:
        name = output.rpartition(".")[2]
        if name not in given:
            has = ", ".join(sorted(given)) or "none"
            raise UsageError(
                f"{what}: stack {stack} has no Output {name} (it has {has}); deploy {deployed.template} and ask again"
            )
        if pattern := _refusing(output, given[name], manifest, templates):
            raise UsageError(
                f"{what}: Output {name} of stack {stack} is {given[name]!r}, which does not fit {pattern}; is it the stack of this config?"
            )
        values[output] = given[name]
    return values


def _takers(manifest: Manifest) -> Iterator[tuple[str, str]]:
    """Yield each Output that a parameter comes from, with its stack; some several times."""
    for stack in manifest.stacks:
        for value in stack.parameters.values():
            if isinstance(value, FromOutput):
                yield value.output, value.stack


def _listed(known: Mapping[str, str]) -> str:
    return f"{', '.join(sorted(known))} can be filled in" if known else "nothing is to be filled in"


def _refusing(output: str, value: str, manifest: Manifest, templates: Mapping[str, Mapping[str, Any]]) -> str:
    """Return the AllowedPattern of a parameter that comes from an Output and refuses a value; an empty text where none does."""
    for stack in manifest.stacks:
        for name, source in stack.parameters.items():
            if isinstance(source, FromOutput) and source.output == output:
                pattern = str(templates[stack.template]["Parameters"][name]["AllowedPattern"])
                if not re.fullmatch(pattern, value):
                    return pattern
    return ""


def _found(answer: Any, what: str, deployed: DeployedStack) -> Mapping[str, Any]:
    """Return the stack in an answer, once it is known to be the one that is meant."""
    stacks = answer.get("Stacks", [answer]) if isinstance(answer, dict) else answer
    if not isinstance(stacks, list) or not all(isinstance(one, dict) and "StackName" in one for one in stacks):
        raise UsageError(
            f"{what}: not an answer of describe-stacks; what aws cloudformation describe-stacks --stack-name {deployed.stack} prints is expected; save that"
        )
    account, region = deployed.home
    named = [one for one in stacks if one["StackName"] == deployed.stack]
    if not named:
        names = ", ".join(sorted(str(one["StackName"]) for one in stacks)) or "no stack"
        raise UsageError(
            f"{what}: holds {names}; stack {deployed.stack} is expected; ask for it in account {account}, {region}"
        )
    for one in named:
        arn = parse_arn(str(one.get("StackId", "")))
        if arn and (arn.account, arn.region) == (account, region):
            if one.get("StackStatus") in _DONE:
                return dict(one)
            raise UsageError(
                f"{what}: stack {deployed.stack} is {one.get('StackStatus')}; {' or '.join(_DONE)} is expected; deploy it first"
            )
    places = ", ".join(sorted(str(one.get("StackId")) for one in named))
    raise UsageError(
        f"{what}: stack {deployed.stack} is {places}; this config deploys it to account {account}, {region}; is it of the other environment? ask in that account"
    )
