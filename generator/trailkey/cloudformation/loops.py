"""Fn::ForEach of the transform AWS::LanguageExtensions, written out: each entry that a loop makes stands where the loop stood.

https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/intrinsic-function-reference-foreach.html
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

from trailkey.cloudformation.shapes import mapping_in
from trailkey.cloudformation.template_conditions import default_of, definition_of
from trailkey.errors import PolicyError

if TYPE_CHECKING:
    from collections.abc import Mapping

_LOOP: Final = "Fn::ForEach"
_SIGNS: Final = re.compile(r"[^A-Za-z0-9]")
MAX_PASSES: Final = 2_000
"""How often the loops of a text may go round, all together: no stack has so many resources."""


def unrolled(value: Any, template: Mapping[str, Any], parameters: Mapping[str, str]) -> Any:
    """Return a part of a template with its loops written out.

    Args:
        value: the part.
        template: the template, whose parameters and mappings a loop may go through.
        parameters: values of parameters that are given.

    Raises:
        PolicyError: a loop of another form, one through values that are not known, or more than `MAX_PASSES` passes.
    """
    return _Unroller(template, parameters).value(value, {})


class _Unroller:
    def __init__(self, template: Mapping[str, Any], parameters: Mapping[str, str]) -> None:
        self.template, self.parameters = template, parameters
        self.passes = 0

    def value(self, value: Any, names: Mapping[str, str]) -> Any:
        """Return a value with loops written out, and the identifiers of the loops around it put in place of."""
        if isinstance(value, list):
            return [self.value(one, names) for one in value]
        if isinstance(value, str):
            return _filled(value, names)
        if not isinstance(value, dict):
            return value
        if len(value) == 1 and isinstance(name := value.get("Ref"), str) and name in names:
            return names[name]
        found: dict[str, Any] = {}
        for key, item in value.items():
            made = self._passes(key, item, names) if key.startswith(f"{_LOOP}::") else {key: self.value(item, names)}
            for one, what in made.items():
                found[_filled(one, names)] = what
        return found

    def _passes(self, loop: str, argument: Any, names: Mapping[str, str]) -> dict[str, Any]:
        match argument:
            case [str(identifier), collection, dict(fragment)]:
                pass
            case _:
                raise PolicyError(
                    f"{loop}: not an identifier, a collection and a mapping, which a loop takes; correct it"
                )
        made: dict[str, Any] = {}
        for one in self._collection(loop, collection, names):
            self.passes += 1
            if self.passes > MAX_PASSES:
                raise PolicyError(f"{loop}: its loops go round more than {MAX_PASSES} times; write fewer")
            here = {**names, identifier: one}
            made |= self.value({_filled(key, here): item for key, item in fragment.items()}, here)
        return made

    def _collection(self, loop: str, written: Any, names: Mapping[str, str]) -> list[str]:
        match self.value(written, names):
            case list(entries) if all(isinstance(entry, (str, int)) for entry in entries):
                return [str(entry) for entry in entries]
            case {"Ref": str(name)}:
                default = default_of(definition_of(self.template, name))
                given = self.parameters.get(name, default)
                if given is not None:
                    return [entry.strip() for entry in given.split(",")]
                raise PolicyError(
                    f"{loop}: {name}: its value is not known, so neither is what the loop makes; give it with --parameter {name}=VALUE"
                )
            case {"Fn::FindInMap": [str(name), str(first), str(second)]}:
                found = mapping_in(mapping_in(mapping_in(self.template, "Mappings"), name), first).get(second)
                if isinstance(found, list):
                    return [str(entry) for entry in found]
        raise PolicyError(
            f"{loop}: goes through what is neither a list, a parameter nor an entry of Mappings; no other is modelled; write the list out"
        )


def _filled(text: str, names: Mapping[str, str]) -> str:
    for name, value in names.items():
        # In a logical id the form with & leaves out all that no such id may hold.
        text = text.replace(f"${{{name}}}", value).replace(f"&{{{name}}}", _SIGNS.sub("", value))
    return text
