"""The Conditions of a template: which of them can be true together, given what is known of the parameters.

What a condition compares and nobody has given is a free value: the texts it is compared with, those the parameter allows, and
any other. A combination of truths is possible where some choice of the free values makes it so; the choice found first, which
keeps to defaults as far as it can, tells what the values are then.
https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/intrinsic-function-reference-conditions.html
"""

from __future__ import annotations

import itertools
import json
import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from trailkey.aws import PARTITIONS, REGIONS, partition_of
from trailkey.cloudformation.intrinsics import resolve
from trailkey.cloudformation.shapes import mapping_in, shortened
from trailkey.errors import PolicyError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from trailkey.cloudformation.placeholders import Place

OTHER: Final = "\ufdd3"
"""A value of a parameter that no condition speaks about; a code point no template carries."""

_REFERENCES: Final = ("Ref", "Fn::GetAtt", "Fn::ImportValue", "Fn::GetStackOutput")
_ARGUMENTS: Final = {"Fn::Equals": (2,), "Fn::Not": (1,), "Fn::And": range(1, 11), "Fn::Or": range(1, 11)}
_MAX_CHAIN: Final = 50
_MAX_CHOICES: Final = 4096

Choice = dict[str, str]
"""Free values by the expression that stands for them; a parameter's is its name."""


@dataclass(slots=True)
class Conditions:
    """The conditions of a template; ``known`` are the pseudo parameters whose value in ``place`` is given and not assumed."""

    template: Mapping[str, Any]
    place: Place
    known: frozenset[str] = frozenset()
    _compared: dict[str, dict[str, None]] = field(default_factory=dict)

    def choice(self, truths: Mapping[str, bool]) -> Choice | None:
        """Return free values under which conditions have these truths, or None where no such values are.

        Raises:
            PolicyError: a condition that is not there, refers to itself, or cannot be read; too many free values.
        """
        free = _Met()
        met: dict[str, bool] = {}
        for name in truths:
            self._truth(name, free, met)
        for chosen in self._choices(sorted(free)):
            memo: dict[str, bool] = {}
            if all(self._truth(name, chosen, memo) == truth for name, truth in truths.items()):
                return chosen
        return None

    def _choices(self, free: list[str]) -> Iterator[Choice]:
        domains = [self._domain(name) for name in free]
        if math.prod(map(len, domains)) > _MAX_CHOICES:
            names = ", ".join(name for name in free if not name.startswith(("{", "[")))
            raise PolicyError(
                f"Conditions: {len(free)} values that are not given decide them, in more than {_MAX_CHOICES} combinations; "
                f"no more than that are tried; give some of {names} with --parameter NAME=VALUE"
            )
        for values in itertools.product(*domains):
            chosen = dict(zip(free, values, strict=True))
            region, partition = chosen.get("AWS::Region"), chosen.get("AWS::Partition")
            if not (region and partition) or OTHER in (region, partition) or partition_of(region) == partition:
                yield chosen

    def _domain(self, name: str) -> list[str]:
        """Return the values to try for a free value: its default first, at last one that no condition speaks about."""
        if name.startswith("["):
            return ["true", "false"]  # two free values compared with one another
        compared = list(self._compared[name])
        pseudo: dict[str, tuple[str, Iterable[str]]] = {
            "AWS::AccountId": (self.place.account, ()),
            "AWS::Region": (self.place.region, _other_regions(self.place.region, compared)),
            "AWS::Partition": (self.place.partition, PARTITIONS),
        }
        if name in pseudo:
            default, others = pseudo[name]
            return list(dict.fromkeys((default, *compared, *others)))
        definition = definition_of(self.template, name)
        default_value = default_of(definition)
        first = [] if default_value is None else [default_value]
        allowed = definition.get("AllowedValues")
        if isinstance(allowed, list):
            values = [text_of(value) for value in allowed]
            named = [value for value in compared if value in values]
            return list(dict.fromkeys((*first, *named, *[value for value in values if value not in named][:1])))
        # A default that no condition speaks about is the other value itself.
        return list(dict.fromkeys((*first, *compared, *([] if first and first[0] not in compared else [OTHER]))))

    def _truth(self, name: str, chosen: Choice, memo: dict[str, bool], depth: int = 0) -> bool:
        if name not in memo:
            if depth > _MAX_CHAIN:
                raise PolicyError(
                    f"Conditions/{name}: refers to itself, or to others in a chain of more than {_MAX_CHAIN}; a condition is decided by parameters in the end; shorten it"
                )
            memo[name] = self._holds(self._definition(name), name, chosen, memo, depth)
        return memo[name]

    def _holds(self, formula: Any, name: str, chosen: Choice, memo: dict[str, bool], depth: int) -> bool:
        function, argument = self._function(formula, name)
        if function == "Condition":
            return self._truth(argument, chosen, memo, depth + 1)
        if function == "Fn::Equals":
            one, two = (self._side(side) for side in argument)
            if isinstance(one, _Free) and isinstance(two, _Free):
                return one == two or chosen[_pair(one, two)] == "true"
            side, value = (one, two) if isinstance(one, _Free) else (two, one)
            if not isinstance(side, _Free):
                return side == value
            self._compared.setdefault(side.name, {})[str(value)] = None
            return chosen[side.name] == value
        if depth > _MAX_CHAIN:
            raise PolicyError(f"Conditions/{name}: nested deeper than {_MAX_CHAIN} levels; flatten it")
        # Each part is asked, also where one decides: so all free values are met.
        parts = [self._holds(part, name, chosen, memo, depth + 1) for part in argument]
        if function == "Fn::Not":
            return not parts[0]
        return all(parts) if function == "Fn::And" else any(parts)

    def _definition(self, name: str) -> Any:
        conditions = mapping_in(self.template, "Conditions")
        if name not in conditions:
            raise PolicyError(f"condition {name!r}: the template has no such condition; correct the name")
        return conditions[name]

    def _function(self, formula: Any, name: str) -> tuple[str, Any]:
        if isinstance(formula, dict) and len(formula) == 1:
            function, argument = next(iter(formula.items()))
            number = len(argument) if isinstance(argument, list) else 0
            if function == "Condition" and isinstance(argument, str):
                return function, argument
            if number in _ARGUMENTS.get(function, ()):
                return function, argument
        shown = shortened(json.dumps(formula, ensure_ascii=False), 60)
        raise PolicyError(
            f"Conditions/{name}: {shown} is not a condition; Fn::And, Fn::Equals, Fn::Not, Fn::Or and Condition with their arguments are; correct it"
        )

    def _side(self, side: Any) -> str | _Free:
        """Return what one side of Fn::Equals is: a text that is known, or a free value."""
        if not isinstance(side, (dict, list)):
            return text_of(side)
        match side:
            case {"Ref": str(name)} if name in self.place.parameters or name in self.known:
                return text_of(resolve(side, self.template, self.place))
            case {"Ref": str(name)}:
                return _Free(name)
        if self._is_open(side):
            return _Free(json.dumps(side, ensure_ascii=False, sort_keys=True))
        return text_of(resolve(side, self.template, self.place))

    def _is_open(self, value: Any) -> bool:
        """Return whether a value depends on something that is not given."""
        if isinstance(value, list):
            return any(map(self._is_open, value))
        if not isinstance(value, dict):
            return False
        if "Fn::Sub" in value:
            return True
        if "Ref" in value:
            return value["Ref"] not in self.place.parameters and value["Ref"] not in self.known
        return any(key in _REFERENCES or self._is_open(item) for key, item in value.items())


class _Met(Choice):
    """Notes each free value that is asked for, before any is chosen."""

    def __missing__(self, name: str) -> str:
        return self.setdefault(name, OTHER)


@dataclass(frozen=True, slots=True)
class _Free:
    name: str


def _other_regions(own: str, compared: list[str]) -> tuple[str, ...]:
    """Return a Region of each partition that no condition speaks about, that of the own partition first."""
    partitions = sorted(PARTITIONS, key=lambda partition: partition != partition_of(own))
    free = [region for region in REGIONS if region not in (own, *compared)]
    return tuple(next((one for one in free if partition_of(one) == partition), own) for partition in partitions)


def definition_of(template: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    """Return a parameter's entry under ``Parameters``, empty where there is none."""
    return mapping_in(mapping_in(template, "Parameters"), name)


def default_of(definition: Mapping[str, Any]) -> str | None:
    """Return a parameter's default as text; None where it has none, or only the name of an SSM parameter that holds it."""
    if "Default" not in definition or str(definition.get("Type", "")).startswith("AWS::SSM::Parameter::Value"):
        return None
    return text_of(definition["Default"])


def text_of(value: Any) -> str:
    """Return a value as CloudFormation compares it: as text."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return ",".join(map(text_of, value)) if isinstance(value, list) else str(value)


def _pair(one: _Free, two: _Free) -> str:
    return json.dumps(sorted((one.name, two.name)), ensure_ascii=False)
