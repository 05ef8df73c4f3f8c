"""Intrinsic functions put in place of what they stand for: the document as CloudFormation would send it.

What only AWS knows (the id of a key not yet made) becomes a stand-in of the right shape and length, told by name.
https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/intrinsic-function-reference.html
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, Protocol

from trailkey.aws import URL_SUFFIXES, parse_arn
from trailkey.cloudformation.placeholders import Place, Position, attribute_placeholder
from trailkey.cloudformation.reader import FUNCTIONS
from trailkey.cloudformation.shapes import as_text, kind_of, mapping_in, named, shortened
from trailkey.errors import UNRESOLVED, PolicyError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

__all__ = ["NO_VALUE", "Place", "Position", "Unknowns", "attribute_placeholder", "resolve"]

# Neither passes over what may begin another one: so a text of beginnings is read once, and not once for each.
_VARIABLE = re.compile(r"\$\{(!?)([^}$]*)\}")
_DYNAMIC = re.compile(r"\{\{resolve:[^{}]*\}\}")
_NAMES: Final = {
    "AWS::S3::Bucket": "BucketName",
    "AWS::CloudTrail::Trail": "TrailName",
    "AWS::IAM::Role": "RoleName",
    "AWS::IAM::User": "UserName",
    "AWS::SNS::Topic": "TopicName",
}

_ARGUMENTS: Final = {
    "Ref": "the name of a parameter or resource",
    "Fn::GetAtt": "the name of a resource and one of its attributes",
    "Fn::Sub": "a text, or a text and a mapping of variables",
    "Fn::Join": "a delimiter and a list",
    "Fn::If": "a condition's name and two values",
    "Fn::Split": "a delimiter and a text",
    "Fn::Select": "an index and a list",
    "Fn::FindInMap": "the name of a mapping and two keys",
}
"""What each function that is modelled takes."""

MAX_CHARACTERS: Final = 2_000_000
"""Characters that the functions of a value may make: far more than any policy has, and little enough for the memory."""
_MAX_NAMES: Final = 50
"""Resources whose names may be made of one another, one within the other."""

NO_VALUE: Final = object()
"""What ``AWS::NoValue`` resolves to: the element that holds it is left out."""


class Unknowns(Protocol):
    """Who answers for what a template does not say."""

    def condition(self, name: str) -> bool:
        """Return the truth of a condition.

        Raises:
            PolicyError: the template has no condition of this name.
        """

    def parameter(self, name: str, position: Position) -> Any:
        """Return the value of a parameter that is not given one.

        Raises:
            PolicyError: no value can be made up for it.
        """

    def value(self, what: str, position: Position) -> Any:
        """Return what stands for a value that only a deployment knows.

        Raises:
            PolicyError: nothing can stand for it.
        """


def resolve(value: Any, template: Mapping[str, Any], place: Place, unknowns: Unknowns | None = None) -> Any:
    """Return a part of a template with its intrinsic functions resolved; ``NO_VALUE`` where nothing is left of it.

    Without ``unknowns``, conditions, parameters without value and what only a deployment knows are errors. With them a statement
    of a policy that cannot be resolved stands there as what cannot be read (``UNRESOLVED``, and why).

    Raises:
        PolicyError: a function that is not modelled or has the wrong arguments, and a name that the template does not hold.
    """
    return _Resolver(template, place, unknowns, _Work()).value(value, Position())


def _wrong(function: str, argument: Any) -> PolicyError:
    given = shortened(json.dumps(argument, ensure_ascii=False), 60)
    return PolicyError(f"{function}: {given} is not {_ARGUMENTS[function]}; correct it")


@dataclass(slots=True)
class _Work:
    """What a resolver has done: the names it knows, those it is making, and how many characters its functions have made."""

    names: dict[str, str] = field(default_factory=dict)
    begun: list[str] = field(default_factory=list)
    characters: int = 0

    def made(self, text: str) -> None:
        """Count a text that a function makes."""
        self.characters += len(text)
        if self.characters > MAX_CHARACTERS:
            raise PolicyError(
                f"its functions make more than {MAX_CHARACTERS:,} characters of it; no policy may have so many; write less"
            )


@dataclass(frozen=True, slots=True)
class _Resolver:
    template: Mapping[str, Any]
    place: Place
    unknowns: Unknowns | None
    work: _Work

    def value(self, value: Any, position: Position) -> Any:
        if isinstance(value, dict):
            if len(value) == 1:
                function, argument = next(iter(value.items()))
                if function == "Ref" or function.startswith("Fn::"):
                    found = self._function(function, argument, position)
                    for text in found if isinstance(found, list) else [found]:
                        self.work.made(text if isinstance(text, str) else "")
                    return found
            elif strange := next((key for key in value if key.startswith("Fn::")), None):
                raise PolicyError(
                    f"{strange} is beside other keys; a function must be alone in its mapping; put its value in its place"
                )
            pairs = ((key, self.value(item, Position((*position.path, key)))) for key, item in value.items())
            return {key: item for key, item in pairs if item is not NO_VALUE}
        if isinstance(value, list):
            inside = position.path in (("Statement",), ("PolicyDocument", "Statement"))
            each = self._statement if self.unknowns and inside else self.value
            items = (each(item, Position((*position.path, at))) for at, item in enumerate(value))
            return [item for item in items if item is not NO_VALUE]
        return self._text(value, position) if isinstance(value, str) and self.unknowns else value

    def _statement(self, written: Any, position: Position) -> Any:
        """Return a statement, or what stands for one that cannot be resolved: the others are judged all the same."""
        try:
            return self.value(written, position)
        except PolicyError as error:
            sid = written.get("Sid") if isinstance(written, dict) else None
            return {**({"Sid": sid} if isinstance(sid, str) else {}), UNRESOLVED: str(error)}

    def _text(self, text: str, position: Position) -> Any:
        """Return a text with its dynamic references resolved.

        https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/dynamic-references.html
        """
        if "{{resolve:" not in text:
            return text
        if _DYNAMIC.fullmatch(text):
            return self._unknown(text, position)
        return self._filled(_DYNAMIC, text, position, lambda match, here: str(self._unknown(match[0], here)))

    def _filled(
        self, holes: re.Pattern[str], text: str, position: Position, fill: Callable[[re.Match[str], Position], str]
    ) -> str:
        """Return a text with each of its holes filled, which depends on the text before it."""
        whole = position.whole and holes.fullmatch(text) is not None
        found, at = "", 0
        for match in holes.finditer(text):
            found += text[at : match.start()]
            found += (filled := fill(match, Position(position.path, position.before + found, whole=whole)))
            self.work.made(filled)
            at = match.end()
        return found + text[at:]

    def _function(self, function: str, argument: Any, position: Position) -> Any:
        match function, argument:
            case "Ref", str(name):
                return self._reference(name, position)
            case "Fn::GetAtt", [str(name), str(attribute)]:
                return self._attribute(name, attribute, position)
            case "Fn::GetAtt", str(name) if "." in name:
                return self._function(function, name.split(".", 1), position)
            case "Fn::Sub", str(text):
                return self._substituted(text, {}, position)
            case "Fn::Sub", [str(text), dict(variables)]:
                return self._substituted(text, variables, position)
            case "Fn::Join", [str(delimiter), dict() | list() as parts]:
                return self._joined(delimiter, parts, position)
            case "Fn::If", _ if not self.unknowns:
                pass
            case "Fn::If", [str(name), yes, no] if self.unknowns:
                return self.value(yes if self.unknowns.condition(name) else no, position)
            case "Fn::Split", [str(delimiter), text] if delimiter:
                return as_text(self.value(text, Position(position.path, whole=False)), function, "its text").split(
                    delimiter
                )
            case "Fn::Select", [index, dict() | list() as entries]:
                return self._selected(index, entries, position)
            case "Fn::GetStackOutput", {"StackName": str(stack), "OutputName": str(name)} if not self.unknowns:
                return self._given_out(stack, name, argument)
            case "Fn::FindInMap", [_, _, _] | [_, _, _, {"DefaultValue": _}]:
                return self._mapped(argument, position)
            case "Fn::ToJsonString", _:
                return json.dumps(self.value(argument, Position()), ensure_ascii=False)
            case _ if function in _ARGUMENTS:
                raise _wrong(function, argument)
            case _ if function.removeprefix("Fn::") not in FUNCTIONS:
                raise PolicyError(
                    f"{function} is not an intrinsic function of CloudFormation; correct it, or give the template that its tool makes of it"
                )
        return self._unknown({function: argument}, position)

    def _unknown(self, expression: Any, position: Position) -> Any:
        what = expression if isinstance(expression, str) else named(expression)
        if self.unknowns is None:
            function = next(iter(expression)) if isinstance(expression, dict) else what
            raise PolicyError(
                f"{function} is not modelled; Ref, Fn::GetAtt, Fn::Sub, Fn::Join, Fn::Split, Fn::Select and Fn::FindInMap are; put its value in its place"
            )
        return self.unknowns.value(what, position)

    def _reference(self, name: str, position: Position) -> Any:
        place = self.place
        pseudo: dict[str, Any] = {
            "AWS::AccountId": place.account,
            "AWS::Region": place.region,
            "AWS::Partition": place.partition,
            "AWS::URLSuffix": URL_SUFFIXES.get(place.partition, "amazonaws.com"),
            "AWS::StackName": "stack",
            "AWS::StackId": f"arn:{place.partition}:cloudformation:{place.region}:{place.account}:stack/stack/0",
            "AWS::NoValue": NO_VALUE,
        }
        if name in pseudo:
            return pseudo[name]
        if name in place.parameters:
            return place.parameters[name]
        resource = mapping_in(self.template, "Resources").get(name)
        if resource is None:
            if self.unknowns and name in mapping_in(self.template, "Parameters"):
                return self.unknowns.parameter(name, position)
            if self._is_transformed(position):
                return self._unknown({"Ref": name}, position)
            raise PolicyError(
                f"Ref {name!r}: no value is given for it; give the parameter a value, or correct the name"
            )
        return attribute_placeholder(name, "Ref", kind_of(resource), place, self._name(name, resource))

    def _attribute(self, name: str, attribute: str, position: Position) -> Any:
        resource = mapping_in(self.template, "Resources").get(name)
        if resource is None and self._is_transformed(position):
            return self._unknown({"Fn::GetAtt": f"{name}.{attribute}"}, position)
        if resource is None:
            raise PolicyError(f"Fn::GetAtt {name!r}: the template has no such resource; correct the name")
        kind = kind_of(resource)
        told = attribute.endswith("Arn") or kind.startswith("AWS::KMS::") or attribute == "TopicName"
        if self.unknowns and not told:
            return self.unknowns.value(f"Fn::GetAtt {name}.{attribute}", position)
        real = self._name(name, resource) if self.unknowns else ""
        found = attribute_placeholder(name, attribute, kind, self.place, real)
        if self.unknowns and kind in ("AWS::IAM::Role", "AWS::IAM::User") and attribute == "Arn":
            path = mapping_in(resource, "Properties").get("Path", "/")
            return f"{found.removesuffix(f'/{real or name}')}{self.value(path, Position())}{real or name}"
        return found

    def _is_transformed(self, position: Position) -> bool:
        """Return whether a resource that is not there may be made by a transform, and a value can stand for it here.

        https://docs.aws.amazon.com/serverless-application-model/latest/developerguide/sam-specification-generated-resources.html
        """
        return self.unknowns is not None and "Transform" in self.template and position.takes_text

    def _name(self, name: str, resource: Any) -> str:
        """Return the name that a resource is given in the template, or an empty text."""
        work = self.work
        if name not in work.names:
            if name in work.begun or len(work.begun) == _MAX_NAMES:
                chain = " of ".join(map(repr, (*work.begun[:3], name)))
                raise PolicyError(
                    f"the name of {chain} is made of itself, or of more than {_MAX_NAMES} others; a text is allowed; write it out"
                )
            work.begun.append(name)
            written = mapping_in(resource, "Properties").get(_NAMES.get(kind_of(resource), ""))
            found = NO_VALUE if written is None else self.value(written, Position((name,), whole=False))
            work.names[work.begun.pop()] = "" if found is NO_VALUE else str(found)
        return work.names[name]

    def _substituted(self, text: str, variables: Mapping[str, Any], position: Position) -> str:
        known: dict[str, str] = {}  # each is resolved once, however often it is mentioned

        def fill(match: re.Match[str], here: Position) -> str:
            name = match[2].strip()
            if match[1]:
                return f"${{{match[2]}}}"
            if name in known:
                return known[name]
            if name in variables:
                known[name] = as_text(self.value(variables[name], here), "Fn::Sub", name)
                return known[name]
            value = self._function("Fn::GetAtt" if "." in name else "Ref", name, here)
            return as_text(value, "Fn::Sub", name)

        filled = self._filled(_VARIABLE, text, position, fill)
        whole = position.whole and _VARIABLE.fullmatch(text) is not None
        return str(self.value(filled, Position(position.path, position.before, whole=whole)))

    def _joined(self, delimiter: str, parts: Any, position: Position) -> str:
        if isinstance(parts, dict):
            listed = self.value(parts, Position(position.path, position.before, whole=False))
            if not isinstance(listed, list):
                raise _wrong("Fn::Join", [delimiter, parts])
            parts = listed
        found: str | None = None
        for part in parts:
            before = "" if found is None else found + delimiter
            whole = position.whole and len(parts) == 1
            value = self.value(part, Position(position.path, position.before + before, whole=whole))
            if value is not NO_VALUE:
                found = before + as_text(value, "Fn::Join", "its list")
        return found or ""

    def _selected(self, index: Any, entries: Any, position: Position) -> Any:
        found = self.value(entries, Position(position.path))
        at = str(self.value(index, Position(whole=False)))
        if isinstance(found, list) and at.isdecimal() and int(at) < len(found):
            return found[int(at)]
        return self._unknown({"Fn::Select": [index, entries]}, position)

    def _given_out(self, stack: str, name: str, argument: Mapping[str, Any]) -> Any:
        """Return an Output of a stack deployed before, in the account of the role that reads it."""
        role = parse_arn(str(self.value(argument.get("RoleArn", ""), Position(whole=False))))
        account, region = role.account if role else self.place.account, str(argument.get("Region", self.place.region))
        found = self.place.outputs.get((account, region, stack, name))
        if found is None:
            raise PolicyError(
                f"Fn::GetStackOutput: no stack deployed before is {stack} with Output {name} in account {account}, {region}; run trailkey generate again"
            )
        return found

    def _mapped(self, argument: list[Any], position: Position) -> Any:
        found: Any = mapping_in(self.template, "Mappings")
        for key in argument[:3]:
            step = self.value(key, Position(whole=False))
            found = found.get(step, NO_VALUE) if isinstance(found, dict) and isinstance(step, str) else NO_VALUE
        if found is not NO_VALUE:
            return found
        if len(argument) > 3:
            return self.value(argument[3]["DefaultValue"], position)
        return self._unknown({"Fn::FindInMap": argument}, position)
