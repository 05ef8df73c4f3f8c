"""CloudFormation text, YAML or JSON, to a document in long form, read the way CloudFormation reads it.

Built on PyYAML's events and not on its documents: so a repeated key, an alias or an unknown tag is refused with its line
before anything is made of it, and nothing read is larger than its text. Never touches the file system.
"""

from __future__ import annotations

import json
import math
import re
from typing import TYPE_CHECKING, Any, Final, NoReturn

import yaml
from yaml.constructor import SafeConstructor
from yaml.nodes import ScalarNode
from yaml.resolver import Resolver

from trailkey.errors import PolicyError

if TYPE_CHECKING:
    from collections.abc import Iterator

MAX_DEPTH: Final = 100
"""Levels of nesting that are read: far more than any template has, and few enough for every recursive reader."""

# https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/intrinsic-function-reference.html, and those for rules:
# https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/intrinsic-function-reference-rules.html
_FUNCTIONS: Final = frozenset(
    [
        "And",
        "Base64",
        "Cidr",
        "Contains",
        "EachMemberEquals",
        "EachMemberIn",
        "Equals",
        "FindInMap",
        "GetAZs",
        "GetAtt",
        "GetStackOutput",
        "If",
        "ImportValue",
        "Join",
        "Length",
        "Not",
        "Or",
        "RefAll",
        "Select",
        "Split",
        "Sub",
        "ToJsonString",
        "Transform",
        "ValueOf",
        "ValueOfAll",
    ]
)
_STRING: Final = "tag:yaml.org,2002:str"
_KINDS: Final = frozenset(f"tag:yaml.org,2002:{kind}" for kind in ("bool", "float", "int", "null"))
_CONTAINERS: Final = (None, "!", "tag:yaml.org,2002:map", "tag:yaml.org,2002:seq")
_LOADER: Final = yaml.CSafeLoader if yaml.__with_libyaml__ else yaml.SafeLoader
_SURROGATE: Final = re.compile(r"\\u[dD][89a-fA-F]")
_TOO_DEEP: Final = f"nested deeper than {MAX_DEPTH} levels; no template needs that; flatten it"
_NUMBER: Final = "is no number that CloudFormation can hold; quote it if it is meant as text"


def load(text: str, what: str) -> Any:
    """Return the document that a YAML or JSON text holds, intrinsic functions in long form, as CloudFormation reads it.

    That is YAML 1.1 without time stamps (``2012-10-17`` stays a string), aliases and merges. Keys are always strings.
    ``what`` names the text in errors.

    Raises PolicyError, naming the line, for text that is neither, for a key that stands twice in one mapping, for a tag
    that is no intrinsic function, and for more than `MAX_DEPTH` levels.
    https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/template-formats.html
    """
    text = text.removeprefix("\ufeff")
    broken: ValueError | None = None
    if text.lstrip().startswith(("{", "[")):
        try:
            document = _checked(
                json.loads(text, object_pairs_hook=_unique, parse_float=_finite, parse_constant=_finite), what
            )
            return _whole_characters(document, text)
        except RecursionError:
            raise PolicyError(f"{what}: {_TOO_DEEP}") from None
        except ValueError as error:
            broken = error
    # YAML may begin with a bracket too; and of JSON with a repeated key this reader knows the line.
    try:
        document = _Reader(text, what).document()
    except yaml.YAMLError as error:
        if isinstance(broken, json.JSONDecodeError):
            raise PolicyError(f"{what}:{broken.lineno}: not valid JSON: {broken.msg}; correct it there") from error
        if broken is None:
            raise PolicyError(
                f"{what}{_line_of(error)}: not valid YAML: {_problem_of(error)}; correct it there"
            ) from error
    else:
        if broken is None or isinstance(broken, json.JSONDecodeError):
            return document
    raise PolicyError(f"{what}: {broken}") from broken


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    result = dict(pairs)
    if len(result) < len(pairs):
        keys = [key for key, _ in pairs]
        twice = next(key for key in keys if keys.count(key) > 1)
        raise ValueError(_twice(twice))
    return result


def _twice(key: str) -> str:
    return f"key {key!r} stands twice in one mapping, and only one of them would count; remove the other"


def _finite(text: str) -> float:
    if not math.isfinite(number := float(text)):
        raise ValueError(f"{text} {_NUMBER}")
    return number


def _whole_characters(document: Any, text: str) -> Any:
    """Return the document, or raise ValueError where JSON's escapes make half a character: no text can be printed with it."""
    if _SURROGATE.search(text):
        try:
            json.dumps(document, ensure_ascii=False).encode()
        except UnicodeEncodeError as error:
            half = f"\\u{ord(error.object[error.start]):04x}"
            raise ValueError(f"{half} is one half of a character; both halves or none; correct it") from error
    return document


def _checked(document: Any, what: str) -> Any:
    """Return the document if it is nested no deeper than YAML may be."""
    level = [document]
    for _ in range(MAX_DEPTH + 1):
        level = [
            child
            for value in level
            if isinstance(value, (dict, list))
            for child in (value.values() if isinstance(value, dict) else value)
        ]
        if not level:
            return document
    raise PolicyError(f"{what}: {_TOO_DEEP}")


def _line_of(error: yaml.YAMLError) -> str:
    mark = error.problem_mark or error.context_mark if isinstance(error, yaml.MarkedYAMLError) else None
    return f":{mark.line + 1}" if mark else ""


def _problem_of(error: yaml.YAMLError) -> str:
    return str(getattr(error, "problem", None) or getattr(error, "reason", None) or error).splitlines()[0]


class _Kinds(Resolver):
    """What YAML 1.1 makes of unquoted text, without the kinds CloudFormation does not know."""

    yaml_implicit_resolvers = {  # noqa: RUF012 (PyYAML's own attribute, replaced as a whole)
        first: [(tag, regexp) for tag, regexp in kinds if tag in _KINDS]
        for first, kinds in Resolver.yaml_implicit_resolvers.items()
    }


class _Reader:
    """Builds one document from the events of one text, each refusal with its line."""

    def __init__(self, text: str, what: str) -> None:
        self._events: Iterator[Any] = iter(yaml.parse(text, Loader=_LOADER))
        self._what = what
        self._kinds: Any = _Kinds()
        self._constructor = SafeConstructor()

    def document(self) -> Any:
        next(self._events)  # start of the stream
        if isinstance(event := next(self._events), yaml.StreamEndEvent):
            raise PolicyError(f"{self._what}: empty; a template or a policy belongs here")
        result = self._value(next(self._events), 0)
        next(self._events)  # end of the document
        if not isinstance(event := next(self._events), yaml.StreamEndEvent):
            self._refuse(event, "a second document begins; one text holds one; split them")
        return result

    def _refuse(self, event: Any, problem: str) -> NoReturn:
        raise PolicyError(f"{self._what}:{event.start_mark.line + 1}: {problem}")

    def _value(self, event: Any, depth: int) -> Any:
        if depth > MAX_DEPTH:
            self._refuse(event, _TOO_DEEP)
        if isinstance(event, yaml.AliasEvent):
            self._refuse(event, f"alias *{event.anchor}: CloudFormation knows no aliases; write the value out")
        function = self._function(event)
        value: Any
        if isinstance(event, yaml.ScalarEvent):
            value = event.value if function else self._scalar(event)
        elif isinstance(event, yaml.SequenceStartEvent):
            value = []
            while not isinstance(item := next(self._events), yaml.SequenceEndEvent):
                value.append(self._value(item, depth + 1))
        else:
            value = {}
            while not isinstance(item := next(self._events), yaml.MappingEndEvent):
                key = self._key(item)
                if key in value:
                    self._refuse(item, _twice(key))
                value[key] = self._value(next(self._events), depth + 1)
        if function == "Fn::GetAtt" and isinstance(value, str):
            resource, dot, attribute = value.partition(".")
            if not dot:
                self._refuse(event, f"!GetAtt {value} names no attribute; write !GetAtt LogicalId.Attribute")
            value = [resource, attribute]
        return {function: value} if function else value

    def _function(self, event: Any) -> str | None:
        """Return the long name of the intrinsic function that the tag is short for, None where there is none."""
        tag: str | None = event.tag
        if tag is None or not tag.startswith("!") or tag == "!":
            if not isinstance(event, yaml.ScalarEvent) and tag not in _CONTAINERS:
                self._refuse(event, f"tag {tag} is unknown to CloudFormation; remove it")
            return None
        if tag in ("!Ref", "!Condition"):
            return tag[1:]
        if tag[1:] not in _FUNCTIONS:
            self._refuse(event, f"tag {tag} is no intrinsic function of CloudFormation; correct or quote it")
        return f"Fn::{tag[1:]}"

    def _key(self, event: Any) -> str:
        if not isinstance(event, yaml.ScalarEvent) or (event.tag or "").startswith("!"):
            self._refuse(event, "a key that is no text; a key of a mapping is text; quote it")
        if event.value == "<<" and event.implicit[0]:
            self._refuse(event, "merge key <<: CloudFormation knows no merges; write the keys out")
        key = self._scalar(event)
        # Keys are strings in the end; a number that reads the same is one already, as in a mapping by account id.
        if not isinstance(key, str) and str(key) != event.value:
            self._refuse(event, f"key {event.value} is read as {key!r}, not as text; quote it")
        return str(event.value)

    def _scalar(self, event: Any) -> Any:
        tag = event.tag or self._kinds.resolve(ScalarNode, event.value, event.implicit)
        if tag in (_STRING, "!"):
            return event.value
        if tag not in _KINDS:
            self._refuse(event, f"tag {tag} is unknown to CloudFormation; remove it")
        try:
            value = self._constructor.construct_object(ScalarNode(tag, event.value))
        except (ValueError, KeyError):
            self._refuse(event, f"{event.value[:40]!r} cannot be read as {tag}; quote it, without a tag")
        if isinstance(value, float) and not math.isfinite(value):
            self._refuse(event, f"{event.value} {_NUMBER}")
        return value
