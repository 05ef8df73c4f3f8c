"""One key policy of a template as the policies it can be: each branch of its conditions, its parameters filled in."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Final

from trailkey.aws import HOME_REGIONS, partition_of
from trailkey.cloudformation.intrinsics import Place, Position, resolve
from trailkey.cloudformation.placeholders import placeholder
from trailkey.cloudformation.template_conditions import OTHER, Choice, Conditions, default_of, definition_of, text_of
from trailkey.errors import PolicyError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from trailkey.findings import Branch

MAX_VARIANTS: Final = 64
"""How many policies one key policy may stand for: more cannot be read, and parameters that are given make fewer."""


LINKING: Final = frozenset(
    (
        *("Bucket", "BucketName", "S3BucketName", "SnsTopicName", "TopicName", "Topics"),
        *("PolicyDocument", "RoleName", "Roles", "UserName", "Users"),
    )
)
"""Properties that say what belongs together: a value that is made up for both sides still says it."""


@dataclass(frozen=True, slots=True)
class Variant:
    """One policy a key policy can be: the document, where it is deployed, under which conditions, and what was assumed for it.

    ``beside`` are the resources that are there then, by logical id: the type of each, and those of its properties that are known.
    """

    document: Any
    place: Place
    branch: Branch
    sentences: tuple[str, ...]
    beside: Mapping[str, tuple[str, Mapping[str, Any]]] = field(default_factory=dict)


class _UndecidedError(Exception):
    """The condition of this name is asked for and not decided yet."""


def variants(
    value: Any,
    template: Mapping[str, Any],
    place: Place,
    known: frozenset[str],
    condition: Any,
    beside: Mapping[str, Mapping[str, Any]],
) -> Iterator[Variant]:
    """Yield the policies that a value can be: one for each possible truth of the conditions that bear on it.

    Args:
        value: the key policy as the template has it.
        template: the template.
        place: where it is deployed; its parameters are those that are given.
        known: the pseudo parameters that are given and not assumed.
        condition: the name of the condition under which the key exists, or None.
        beside: resources that may use the key, by logical id, as the template has them.

    Raises:
        PolicyError: more than ``MAX_VARIANTS`` of them, or a function or name that cannot be resolved.
    """
    conditions = Conditions(template, place, known)
    start = {} if condition is None else {str(condition): True}
    if conditions.choice(start) is None:
        return
    waiting: list[tuple[dict[str, bool], tuple[str, ...]]] = [(start, ())]
    number = 0
    while waiting:
        truths, open_ones = waiting.pop()
        choice = conditions.choice(truths) or {}
        answers = _Answers(template, _settled(place, choice), conditions, truths, choice)
        try:
            document = resolve(value, template, answers.place, answers)
            there = answers.resources(beside)
        except _UndecidedError as error:
            waiting += _branches(conditions, truths, open_ones, str(error))
            continue
        number += 1
        if number > MAX_VARIANTS:
            raise PolicyError(
                _too_many(template, list(dict.fromkeys((*open_ones, *(name for _, more in waiting for name in more)))))
            )
        branch = tuple((name, truths[name]) for name in open_ones)
        yield Variant(document, answers.place, branch, tuple(answers.sentences.values()), there)


def _branches(
    conditions: Conditions, truths: dict[str, bool], open_ones: tuple[str, ...], name: str
) -> list[tuple[dict[str, bool], tuple[str, ...]]]:
    """Return the truths with a condition both ways, or the one way it can be; the true branch is taken first."""
    possible = [
        {**truths, name: truth} for truth in (False, True) if conditions.choice({**truths, name: truth}) is not None
    ]
    return [(one, (*open_ones, name) if len(possible) > 1 else open_ones) for one in possible]


def _too_many(template: Mapping[str, Any], names: list[str]) -> str:
    parameters = ", ".join(template.get("Parameters") or {})
    return (
        f"its conditions {', '.join(names)} make more than {MAX_VARIANTS} policies of it; at most {MAX_VARIANTS} are judged; "
        f"give parameters with --parameter NAME=VALUE (it has {parameters or 'none'})"
    )


def _settled(place: Place, choice: Choice) -> Place:
    """Return the place with what a choice of free values says of it."""
    partition = choice.get("AWS::Partition", place.partition)
    if "AWS::Region" in choice:
        region = choice["AWS::Region"]
        partition = choice.get("AWS::Partition", partition_of(region))
    else:
        region = place.region if partition == place.partition else HOME_REGIONS.get(partition, place.region)
    return replace(place, partition=partition, region=region, account=choice.get("AWS::AccountId", place.account))


@dataclass(slots=True)
class _Answers:
    """Answers for what the template does not say, and keeps a sentence for each answer that had to be assumed."""

    template: Mapping[str, Any]
    place: Place
    conditions: Conditions
    truths: Mapping[str, bool]
    choice: Choice
    sentences: dict[str, str] = field(default_factory=dict)
    _made: dict[str, str] = field(default_factory=dict)

    def resources(self, written: Mapping[str, Mapping[str, Any]]) -> dict[str, tuple[str, Mapping[str, Any]]]:
        """Return the resources that are there under the conditions, with those properties that nothing is made up for."""
        return {
            name: (resource["Type"], self._known(resource["Properties"]))
            for name, resource in written.items()
            if resource["Condition"] is None or self.condition(str(resource["Condition"]))
        }

    def _known(self, properties: Mapping[str, Any]) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for name, written in properties.items():
            made, sentences = dict(self._made), dict(self.sentences)
            try:
                value = resolve({name: written}, self.template, self.place, self).get(name)
            except PolicyError:
                value = None
            if value is not None and (self._made == made or name in LINKING):
                found[name] = value
            else:
                self._made, self.sentences = made, sentences
        return found

    def condition(self, name: str) -> bool:
        """Return the truth of a condition."""
        if name not in self.truths:
            raise _UndecidedError(name)
        return self.truths[name]

    def parameter(self, name: str, position: Position) -> Any:
        """Return the value of a parameter: what the conditions make of it, else its default, else one made up."""
        definition = definition_of(self.template, name)
        default = default_of(definition)
        chosen = self.choice.get(name, OTHER)
        if chosen not in (OTHER, default):
            value, why = chosen, "as the conditions have it here"
        elif default is not None and not (position.whole and not default.strip()):
            value, why = default, "its default"
        else:
            allowed = definition.get("AllowedValues")
            if isinstance(allowed, list) and allowed and chosen == OTHER:
                value, why = text_of(allowed[0]), "the first of its allowed values"
            else:
                value, why = self._made_up(name, position, definition), "made up"
        more = "" if why != "made up" else f", since no value is given; give it with --parameter {name}=VALUE"
        self.sentences[name] = f'parameter {name} is "{value}", {why}{more}'
        return _typed(value, definition)

    def value(self, what: str, position: Position) -> str:
        """Return what stands for a value that only a deployment knows."""
        found = self._made_up(what, position, {})
        self.sentences[what] = f'{what} is "{found}", made up, since only the deployment knows it'
        return found

    def _advice(self, name: str) -> str:
        if name in (self.template.get("Parameters") or {}):
            return f"give it with --parameter {name}=VALUE"
        return "put its value in its place, or name the processed template (aws cloudformation get-template --template-stage Processed)"

    def _made_up(self, name: str, position: Position, definition: Mapping[str, Any]) -> str:
        if not position.takes_text:
            written = "/".join(map(str, position.path)) or "the whole policy"
            raise PolicyError(
                f"{written}: {name}: its value is not known, and nothing believable can stand for it here; values of principals, "
                f"resources and conditions can be made up; {self._advice(name)}"
            )
        if name not in self._made:
            self._made[name] = placeholder(name, position, self.place, definition)
        return self._made[name]


def _is_list(definition: Mapping[str, Any]) -> bool:
    kind = str(definition.get("Type", ""))
    return kind == "CommaDelimitedList" or "List<" in kind


def given(parameters: Mapping[str, str], template: Mapping[str, Any]) -> dict[str, Any]:
    """Return parameters that are given as texts with the values that their types make of them."""
    return {name: _typed(value, definition_of(template, name)) for name, value in parameters.items()}


def _typed(value: str, definition: Mapping[str, Any]) -> str | list[str]:
    """Return the value that the type of a parameter makes of a text: lists are split."""
    return [entry.strip() for entry in value.split(",")] if _is_list(definition) else value
