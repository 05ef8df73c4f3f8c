"""YAML text to one document of plain values, read from PyYAML's events: for templates, policies and configs alike.

From events and not from PyYAML's documents: so what YAML forgives (a repeated key, a merge, a tag, endless nesting) is
refused with its line before anything is made of it. Never touches the file system.
"""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING, Any, ClassVar, Final, NoReturn

import yaml
from yaml.constructor import SafeConstructor
from yaml.nodes import ScalarNode
from yaml.reader import ReaderError
from yaml.resolver import Resolver

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_HALF: Final = re.compile("[\ud800-\udfff]")
_PREFIX: Final = "tag:yaml.org,2002:"
SCALARS: Final = frozenset(_PREFIX + kind for kind in ("bool", "float", "int", "null"))
TEXT: Final = _PREFIX + "str"

MAX_DEPTH: Final = 100
"""Levels of nesting that are read: far more than any text of ours has, and few enough for every recursive reader."""
TOO_DEEP: Final = f"nested deeper than {MAX_DEPTH} levels; nothing needs that; flatten it"

QUICK: Final[Any] = yaml.CSafeLoader if yaml.__with_libyaml__ else yaml.SafeLoader
"""What gives the events: libyaml where PyYAML came with it."""

Path = tuple[str | int, ...]


class UnreadableError(Exception):
    """A text that is refused as a whole, with the line (from 1, 0 where it is not known)."""

    def __init__(self, line: int, problem: str) -> None:
        self.line = line
        super().__init__(problem)


class NotYamlError(UnreadableError):
    """A text that is not YAML at all."""


class _Kinds(Resolver):
    """What YAML 1.1 makes of unquoted text: numbers, truth and null; a date is text to CloudFormation and to a config."""

    yaml_implicit_resolvers = {  # noqa: RUF012 (PyYAML's own attribute, replaced as a whole)
        first: [(tag, regexp) for tag, regexp in kinds if tag in SCALARS]
        for first, kinds in Resolver.yaml_implicit_resolvers.items()
    }


class YamlReader:
    """Builds one document from the events of one text; a class that inherits takes more or refuses more."""

    empty: ClassVar[str]
    """What is said of an empty text."""

    def __init__(self, text: str, loader: Any) -> None:
        self._text = text
        self._events: Iterator[Any] = iter(yaml.parse(text, Loader=loader))
        self._kinds: Any = _Kinds()
        self._constructor = SafeConstructor()

    def document(self) -> Any:
        """Return the one document of the text.

        Raises:
            NotYamlError: the text is not YAML.
            UnreadableError: the text is refused.
        """
        try:
            next(self._events)  # start of the stream
            if isinstance(next(self._events), yaml.StreamEndEvent):
                raise UnreadableError(0, self.empty)
            event = next(self._events)
            result = self.value(event, (), _line(event))
            next(self._events)  # end of the document
            if not isinstance(event := next(self._events), yaml.StreamEndEvent):
                self.stop(event, "a second document begins; one text holds one; split them")
        except yaml.YAMLError as error:
            raise NotYamlError(*_syntax(error, self._text)) from error
        return result

    def stop(self, event: Any, problem: str) -> NoReturn:
        """Refuse the text as a whole."""
        raise UnreadableError(_line(event), problem)

    def refuse(self, event: Any, _path: Path, problem: str) -> None:
        """Refuse one value, and with it the text; a class that inherits may go on."""
        self.stop(event, problem)

    def value(self, event: Any, path: Path, line: int) -> Any:
        """Return the value that begins with an event; ``line`` is its key's, where it has one."""
        if len(path) > MAX_DEPTH:
            self.stop(event, TOO_DEEP)
        if isinstance(event, yaml.AliasEvent):
            return self.alias(event, path, line)
        if isinstance(event, yaml.ScalarEvent):
            return self.scalar(event, path)
        if isinstance(event, yaml.MappingStartEvent):
            return self._mapping(path)
        items: list[Any] = []
        while not isinstance(item := next(self._events), yaml.SequenceEndEvent):
            items.append(self.value(item, (*path, len(items)), _line(item)))
        return items

    def _mapping(self, path: Path) -> dict[str, Any]:
        result: dict[str, Any] = {}
        lines: dict[str, int] = {}
        while not isinstance(event := next(self._events), yaml.MappingEndEvent):
            key, following = self.key(event, path, lines), next(self._events)
            if key is None:
                self._skip(following)
            else:
                lines[key] = _line(event)
                result[key] = self.value(following, (*path, key), lines[key])
        return result

    def _skip(self, event: Any) -> None:
        """Leave out the rest of a value."""
        depth = int(isinstance(event, yaml.CollectionStartEvent))
        while depth:
            event = next(self._events)
            depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)

    def alias(self, event: Any, path: Path, _line: int) -> Any:
        """Return what an alias stands for, or refuse it."""
        self.refuse(event, path, f"alias *{event.anchor}: aliases are not supported; write the value out")

    def key(self, event: Any, path: Path, lines: Mapping[str, int]) -> str | None:
        """Return a key, or None where it is refused; ``lines`` are those of the keys before it."""
        if not isinstance(event, yaml.ScalarEvent) or (event.tag or "").startswith("!"):
            problem = "a key that is not text; a key of a mapping is text; quote it"
        elif event.value == "<<" and event.implicit[0]:
            problem = "merge key <<: merges are not supported; write the keys out"
        elif event.value in lines:
            path, problem = (*path, event.value), twice(event.value, lines[event.value])
        else:
            problem = unpaired(event.value)
        if not problem:
            return str(event.value)
        self.refuse(event, path, problem)
        self._skip(event)
        return None

    def scalar(self, event: Any, path: Path) -> Any:
        """Return a scalar as YAML 1.1 reads it, or None where it is refused."""
        tag = event.tag or self._kinds.resolve(ScalarNode, event.value, event.implicit)
        problem = unpaired(event.value)
        try:
            value = event.value if tag in (TEXT, "!") else self._constructed(tag, event.value)
        # A tag that says what the text is not (!!bool maybe) makes PyYAML's constructors fail in each of these ways.
        except (ValueError, LookupError, AttributeError, TypeError, ArithmeticError):
            kind, value = str(tag).replace(_PREFIX, "!!"), None
            problem = f"{event.value[:40]!r} cannot be read as {kind}; text, numbers, true and false are allowed; put it in quotes, without a tag"
        if problem:
            self.refuse(event, path, problem)
        return None if problem else value

    def _constructed(self, tag: str, text: str) -> Any:
        if tag not in SCALARS:
            raise ValueError(tag)
        value = self._constructor.construct_object(ScalarNode(tag, text))
        str(value)  # fails for thousands of digits (0xfff…), here and not in a message
        if isinstance(value, float) and not math.isfinite(value):
            raise ValueError(text)
        return value


def twice(key: str, first: int | None = None) -> str:
    """Return how a key is refused that is given twice, where YAML lets one win in silence."""
    where = f", first in line {first}" if first else ""
    return f"key {key!r} is given twice{where}, and only one of them would count; remove the other"


def unpaired(text: str) -> str:
    """Return how a text is refused that holds a surrogate, which escapes can write and no file can hold; else nothing."""
    half = _HALF.search(text)
    return (
        f"it holds an unpaired surrogate, \\u{ord(half[0]):04x}; whole characters are allowed; correct it"
        if half
        else ""
    )


def _line(event: Any) -> int:
    return int(event.start_mark.line) + 1


def _syntax(error: yaml.YAMLError, text: str) -> tuple[int, str]:
    """Return the line and the words of what PyYAML finds wrong with a text."""
    if isinstance(error, ReaderError):
        line = text.count("\n", 0, error.position) + 1 if error.encoding == "unicode" else 0
        said, advice = f"the character U+{error.character:04X}", "text without control characters is allowed"
    else:
        mark = getattr(error, "problem_mark", None) or getattr(error, "context_mark", None)
        line = mark.line + 1 if mark else 0
        said = str(getattr(error, "problem", None) or getattr(error, "context", None) or error).splitlines()[0]
        advice = "mind indentation (spaces, no tabs), quotes and colons"
    return line, f"not valid YAML: {said}; {advice}; correct it there"
