"""CloudFormation text, YAML or JSON, to a document in long form, read the way CloudFormation reads it.

Nothing read is larger than its text, and what CloudFormation does not know is refused. Never touches the file system.
"""

from __future__ import annotations

import json
import math
from collections import Counter
from typing import TYPE_CHECKING, Any, Final

import yaml

from trailkey.cloudformation.yaml_reader import (
    MAX_DEPTH,
    QUICK,
    SCALARS,
    TEXT,
    TOO_DEEP,
    NotYamlError,
    Path,
    UnreadableError,
    YamlReader,
    twice,
    unpaired,
)
from trailkey.errors import PolicyError

if TYPE_CHECKING:
    from collections.abc import Mapping

# https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/intrinsic-function-reference.html, and those for rules:
# https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/intrinsic-function-reference-rules.html
FUNCTIONS: Final = frozenset(
    (
        *("And", "Base64", "Cidr", "Contains", "EachMemberEquals", "EachMemberIn", "Equals", "FindInMap", "GetAZs"),
        *("GetAtt", "GetStackOutput", "If", "ImportValue", "Join", "Length", "Not", "Or", "RefAll", "Select", "Split"),
        *("Sub", "ToJsonString", "Transform", "ValueOf", "ValueOfAll"),
    )
)
"""Intrinsic functions, without the ``Fn::`` before them."""
_CONTAINERS: Final = frozenset(["tag:yaml.org,2002:map", "tag:yaml.org,2002:seq"])


def load(text: str, what: str) -> Any:
    """Return the document that a YAML or JSON text holds, intrinsic functions in long form, as CloudFormation reads it.

    A tag of a tool's own (``!Rain::Embed``) is a function that nobody knows, and an error only where its value is asked for. It is YAML 1.1 without time stamps (``2012-10-17`` stays a string), aliases and merges. Keys are always strings.
    https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/template-formats.html

    Args:
        text: the YAML or JSON.
        what: names the text in errors.

    Raises:
        PolicyError: names the line; the text is neither, gives a key twice in one mapping, has a tag of YAML that
            CloudFormation does not know, or more than `MAX_DEPTH` levels.
    """
    text = text.removeprefix("\ufeff")
    refusal: UnreadableError | None = None
    if text.lstrip().startswith(("{", "[")):
        try:
            return _json(text)
        except json.JSONDecodeError as error:  # YAML may begin with a bracket too
            refusal = NotYamlError(error.lineno, f"not valid JSON: {error.msg}; correct it there")
        except ValueError as error:  # and of JSON with a repeated key that reader knows the line
            refusal = UnreadableError(0, str(error))
    try:
        document = _TemplateReader(text, QUICK).document()
    except UnreadableError as error:
        refusal = refusal if refusal and isinstance(error, NotYamlError) else error
    else:
        if refusal is None or isinstance(refusal, NotYamlError):
            return document
    raise PolicyError(f"{what}:{refusal.line}: {refusal}" if refusal.line else f"{what}: {refusal}")


def _json(text: str) -> Any:
    """Return the document of a JSON text, held to what YAML may be."""
    try:
        document = json.loads(text, object_pairs_hook=_unique, parse_float=_finite, parse_constant=_finite)
        _check(document, 0)
    except RecursionError:
        raise ValueError(TOO_DEEP) from None
    return document


def _check(value: Any, depth: int) -> None:
    if depth > MAX_DEPTH:
        raise RecursionError
    if isinstance(value, str) and (problem := unpaired(value)):
        raise ValueError(problem)
    below = (*value, *value.values()) if isinstance(value, dict) else value if isinstance(value, list) else ()
    for item in below:
        _check(item, depth + 1)


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    result = dict(pairs)
    if len(result) < len(pairs):
        numbers = Counter(key for key, _ in pairs)
        raise ValueError(twice(next(key for key, number in numbers.items() if number > 1)))
    return result


def _finite(text: str) -> float:
    if not math.isfinite(number := float(text)):
        raise ValueError(f"{text} is not a number that CloudFormation can hold; quote it if it is meant as text")
    return number


class _TemplateReader(YamlReader):
    """YAML as CloudFormation takes it: with intrinsic functions, and keys that are text in the end."""

    empty = "empty; a template or a policy belongs here"

    def value(self, event: Any, path: Path, line: int) -> Any:
        function = self._function(event)
        value = event.value if function and isinstance(event, yaml.ScalarEvent) else super().value(event, path, line)
        if function == "Fn::GetAtt" and isinstance(value, str):
            resource, dot, attribute = value.partition(".")
            if not dot:
                self.stop(event, f"!GetAtt {value} names no attribute; write !GetAtt LogicalId.Attribute")
            value = [resource, attribute]
        return {function: value} if function else value

    def _function(self, event: Any) -> str | None:
        """Return the long name of the intrinsic function that the tag is short for, None where there is none."""
        tag = "" if isinstance(event, yaml.AliasEvent) else event.tag or ""
        if not tag.startswith("!") or tag == "!":
            known = {*SCALARS, TEXT} if isinstance(event, yaml.ScalarEvent) else _CONTAINERS
            if tag not in ("", "!", *known):
                self.stop(event, f"tag {tag} is unknown to CloudFormation; remove it")
            return None
        if tag in ("!Ref", "!Condition"):
            return tag[1:]
        return f"Fn::{tag[1:]}"  # also one of a tool's own: it matters only where somebody asks for its value

    def key(self, event: Any, path: Path, lines: Mapping[str, int]) -> str | None:
        key = super().key(event, path, lines)
        value = self.scalar(event, path)
        # A number that reads the same is text already, as in a mapping by account id.
        if not isinstance(value, str) and str(value) != key:
            self.stop(event, f"key {key} is read as {value!r}, not as text; quote it")
        return key
