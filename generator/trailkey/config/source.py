"""YAML text to plain values that remember where they stand: file, line, and the letters as written. Reads no files."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

import yaml
from yaml.reader import ReaderError

if TYPE_CHECKING:
    from collections.abc import Iterator

ConfigPath = tuple[str | int, ...]
"""Where a value stands in a config: ``("trails", 0, "name")``."""

MAXIMUM_DEPTH: Final = 50  # a config is about five deep; what is deeper is a mistake or an attack on the parser
MAXIMUM_VALUES: Final = 50_000  # aliases multiply: a few lines can stand for billions of values
MAXIMUM_CHARACTERS: Final = 1_000_000


@dataclass(frozen=True, slots=True)
class Mark:
    """The place of one value: file, line (from 1), and for a scalar the letters as written."""

    file: str
    line: int
    written: str | None = None
    quoted: bool = False


@dataclass(slots=True)
class Source:
    """A config as plain values, with the mark of each path; ``problems`` holds what the text itself got wrong."""

    file: str
    data: Any = None
    marks: dict[ConfigPath, Mark] = field(default_factory=dict)
    problems: list[tuple[ConfigPath, str]] = field(default_factory=list)

    def mark(self, path: ConfigPath) -> Mark:
        """Return the mark of the path, or of the nearest one above it (a missing key stands in its parent)."""
        while path not in self.marks and path:
            path = path[:-1]
        return self.marks.get(path, Mark(self.file, 1))

    def rename(self, path: ConfigPath, old: str, new: str) -> None:
        """Give a key the marks of another one: what is said of its values stands where they are written."""
        for below, mark in list(self.marks.items()):
            if below[: len(path) + 1] == (*path, old):
                self.marks[*path, new, *below[len(path) + 1 :]] = mark

    def problem(self, path: ConfigPath, text: str) -> str:
        """Return ``config error: file:line: config path: text``."""
        mark = self.mark(path)
        return ": ".join(part for part in (f"config error: {mark.file}:{mark.line}", written(path), text) if part)


def written(path: ConfigPath) -> str:
    """Return a path the way people write it: ``trails[0].name``."""
    return "".join(_step(step) for step in path).removeprefix(".")


def _step(step: str | int) -> str:
    if isinstance(step, str) and re.fullmatch(r"[\w-]+", step, re.ASCII):
        return f".{step}"
    return f"[{shown(step)}]"


def shown(value: Any) -> str:
    """Return a value for a message: as YAML writes it where it is short, else what it is."""
    if value is None or isinstance(value, bool):
        return "null" if value is None else str(value).lower()
    if isinstance(value, dict):
        return "a mapping"
    if isinstance(value, list | tuple):
        return "a list"
    letters = repr(value)
    return letters if len(letters) <= 80 else f"{letters[:77]}..."


def parse(text: str, file: str) -> Source:
    """Parse one YAML document. What is wrong with the text stands in ``problems``; nothing is raised.

    The safe schema of YAML 1.1 as PyYAML has it, with duplicate keys refused: YAML lets the last one win, in silence.
    """
    source = Source(file)
    if len(text) > MAXIMUM_CHARACTERS:
        source.problems.append(
            (
                (),
                f"the file has {len(text):,} characters; {MAXIMUM_CHARACTERS:,} are allowed; is it a config? shorten it",
            )
        )
        return source
    try:
        _read(source, text)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        source.marks[()] = Mark(file, mark.line + 1 if mark else 1)
        said = error.problem or error.context
        source.problems.append(
            ((), f"not YAML: {said}; mind indentation (spaces, no tabs), quotes and colons; correct this line")
        )
    except _TooDeepError as error:
        source.marks[()] = Mark(file, error.line)
        source.problems.append(
            ((), f"nested deeper than {MAXIMUM_DEPTH} levels; a config is about five deep; flatten it")
        )
    except _TooManyError:
        source.problems.append(
            ((), f"the file stands for more than {MAXIMUM_VALUES:,} values; aliases multiply; write fewer")
        )
    except ReaderError as error:
        source.marks[()] = Mark(file, text.count("\n", 0, error.position) + 1)
        source.problems.append(
            (
                (),
                f"not YAML: the character U+{ord(text[error.position]):04X}; text without control characters is allowed; remove it",
            )
        )
    return source


class _TooDeepError(Exception):
    """The text is nested deeper than any config."""

    def __init__(self, line: int) -> None:
        self.line = line
        super().__init__()


class _Loader(yaml.SafeLoader):
    """PyYAML's loader, which by itself goes as deep as the text until Python's stack ends."""

    depth = 0

    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        """Compose a node, unless it lies too deep."""
        self.depth += 1
        if self.depth > MAXIMUM_DEPTH:
            raise _TooDeepError(self.peek_event().start_mark.line + 1)  # type: ignore[no-untyped-call]  # the stubs leave it bare
        node = super().compose_node(parent, index)
        self.depth -= 1
        return node


class _TooManyError(Exception):
    """The text stands for more values than any config has."""


def _read(source: Source, text: str) -> None:
    loader = _Loader(text)
    try:
        node = loader.get_single_node()
        if node is not None:
            source.data = _value(source, loader, node, (), ())
            return
        source.problems.append(
            (
                (),
                "the file is empty; a config has at least name, accounts, key, bucket and trails; run trailkey init for a starter",
            )
        )
    finally:
        loader.dispose()


def _value(
    source: Source, loader: yaml.SafeLoader, node: yaml.Node, path: ConfigPath, above: tuple[yaml.Node, ...]
) -> Any:
    """Return the plain value of a node and note the mark of everything in it."""
    if len(source.marks) >= MAXIMUM_VALUES:
        raise _TooManyError
    source.marks[path] = Mark(source.file, node.start_mark.line + 1)
    if any(node is other for other in above):
        source.problems.append(
            (path, "an alias that holds itself; an alias may stand for what is complete; write it out")
        )
        return None
    if len(path) > MAXIMUM_DEPTH:  # aliases within aliases
        raise _TooDeepError(node.start_mark.line + 1)
    if isinstance(node, yaml.ScalarNode):
        source.marks[path] = Mark(source.file, node.start_mark.line + 1, node.value, quoted=node.style in ("'", '"'))
        return _scalar(source, loader, node, path)
    above = (*above, node)
    if isinstance(node, yaml.SequenceNode):
        return [_value(source, loader, item, (*path, index), above) for index, item in enumerate(node.value)]
    return dict(_entries(source, loader, node, path, above))


def _scalar(source: Source, loader: yaml.SafeLoader, node: yaml.ScalarNode, path: ConfigPath) -> Any:
    try:
        value = loader.construct_object(node)
        if isinstance(value, int):
            str(value)  # fails for thousands of digits (0xfff…), here and not in a message
    # An explicit tag (!!bool maybe) makes PyYAML's constructors fail in every one of these ways.
    except (yaml.YAMLError, ValueError, LookupError, AttributeError, TypeError, ArithmeticError):
        source.problems.append(
            (
                path,
                f"{shown(node.value)} cannot be read as {_kind(node)}; text, numbers, true and false are allowed; put it in quotes, without a tag",
            )
        )
        return None
    if _broken(node.value):
        source.problems.append(
            (path, f"{shown(node.value)} holds half a character; whole characters are allowed; correct it")
        )
        return None
    # Dates and binaries are YAML's idea, never a config's: hand back what was written.
    return value if isinstance(value, str | int | float | bool | None) else node.value


def _broken(text: str) -> bool:
    """Tell whether a text holds surrogates, which YAML's escapes can write and no file can hold."""
    return any("\ud800" <= character <= "\udfff" for character in text)


def _kind(node: yaml.ScalarNode) -> str:
    """Return what YAML takes a scalar for: ``!!int``, ``!mine``."""
    return str(node.tag).replace("tag:yaml.org,2002:", "!!")


def _entries(
    source: Source, loader: yaml.SafeLoader, node: yaml.Node, path: ConfigPath, above: tuple[yaml.Node, ...]
) -> Iterator[tuple[str, Any]]:
    seen: dict[str, int] = {}
    for key_node, value_node in node.value:
        line = key_node.start_mark.line + 1
        if not isinstance(key_node, yaml.ScalarNode):
            source.problems.append(
                (path, f"the key in line {line} is a list or a mapping; keys are words; write a word")
            )
            continue
        key = key_node.value
        if _broken(key):
            source.problems.append(
                (path, f"the key {shown(key)} holds half a character; whole characters are allowed; correct it")
            )
            continue
        if key == "<<":
            source.problems.append(
                (path, "'<<' (a YAML merge) is not supported; write the keys out, or use extends; remove it")
            )
            continue
        if key in seen:
            source.marks[*path, key] = Mark(source.file, line)
            source.problems.append(
                (
                    (*path, key),
                    f"{shown(key)} stands here a second time, first in line {seen[key]}; a key may stand once; remove one",
                )
            )
            continue
        seen[key] = line
        value = _value(source, loader, value_node, (*path, key), above)
        # The line of the key, not of the value: a block value begins a line later.
        mark = source.marks[*path, key]
        source.marks[*path, key] = Mark(source.file, line, mark.written, mark.quoted)
        yield key, value
