"""YAML text to plain values that remember where they stand: file, line, and the letters as written. Reads no files."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

import yaml

if TYPE_CHECKING:
    from collections.abc import Iterator

Path = tuple[str | int, ...]
"""Where a value stands in a config: ``("trails", 0, "name")``."""

MAXIMUM_DEPTH: Final = 50  # a config is about five deep; what is deeper is a mistake or an attack on the parser


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
    marks: dict[Path, Mark] = field(default_factory=dict)
    problems: list[tuple[Path, str]] = field(default_factory=list)

    def mark(self, path: Path) -> Mark:
        """Return the mark of the path, or of the nearest one above it (a missing key stands in its parent)."""
        while path not in self.marks and path:
            path = path[:-1]
        return self.marks.get(path, Mark(self.file, 1))

    def problem(self, path: Path, text: str) -> str:
        """Return ``config error: file:line: config path: text``."""
        mark = self.mark(path)
        return ": ".join(part for part in (f"config error: {mark.file}:{mark.line}", written(path), text) if part)


def written(path: Path) -> str:
    """Return a path the way people write it: ``trails[0].name``."""
    parts = "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in path)
    return parts.removeprefix(".")


def parse(text: str, file: str) -> Source:
    """Parse one YAML document. What is wrong with the text stands in ``problems``; nothing is raised.

    The safe schema of YAML 1.1 as PyYAML has it, with duplicate keys refused: YAML lets the last one win, in silence.
    """
    source = Source(file)
    try:
        loader = yaml.SafeLoader(text)
    except yaml.reader.ReaderError as error:
        source.marks[()] = Mark(file, text.count("\n", 0, error.position) + 1)
        source.problems.append(
            ((), f"not YAML: {chr(error.character)!r} is a control character; printable text is allowed; remove it")
        )
        return source
    try:
        node = loader.get_single_node()
        if node is None:
            source.problems.append(
                (
                    (),
                    "the file is empty; a config has at least name, accounts, key, bucket and trails; run trailkey init for a starter",
                )
            )
        else:
            source.data = _value(source, loader, node, ())
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        source.marks[()] = Mark(file, mark.line + 1 if mark else 1)
        problem = error.problem or error.context or "it cannot be read"
        if problem.startswith("but "):  # PyYAML's half sentences
            problem = f"{error.context}, {problem}"
        source.problems.append(((), f"not YAML: {problem}; mind indentation, quotes and colons; correct this line"))
    except (yaml.YAMLError, ValueError) as error:
        source.problems.append(
            ((), f"not YAML: {' '.join(str(error).split())}; the file must be UTF-8 text; correct it")
        )
    finally:
        loader.dispose()
    return source


def _value(source: Source, loader: yaml.SafeLoader, node: yaml.Node, path: Path) -> Any:
    """Return the plain value of a node and note the mark of everything in it."""
    source.marks[path] = Mark(source.file, node.start_mark.line + 1)
    if len(path) > MAXIMUM_DEPTH:
        source.problems.append(
            (path, f"nested deeper than {MAXIMUM_DEPTH} levels; a config is about five deep; flatten it")
        )
        return None
    if isinstance(node, yaml.ScalarNode):
        source.marks[path] = Mark(source.file, node.start_mark.line + 1, node.value, quoted=node.style in ("'", '"'))
        return _scalar(source, loader, node, path)
    if isinstance(node, yaml.SequenceNode):
        return [_value(source, loader, item, (*path, index)) for index, item in enumerate(node.value)]
    return dict(_entries(source, loader, node, path))


def _scalar(source: Source, loader: yaml.SafeLoader, node: yaml.ScalarNode, path: Path) -> Any:
    try:
        value = loader.construct_object(node)
    except (yaml.YAMLError, ValueError) as error:
        problem = getattr(error, "problem", None) or str(error)
        source.problems.append(
            (
                path,
                f"{node.value!r} cannot be read: {problem}; plain text, numbers, true and false are allowed; put it in quotes",
            )
        )
        return None
    # Dates and binaries are YAML's idea, never a config's: hand back what was written.
    return value if isinstance(value, str | int | float | bool | None) else node.value


def _entries(source: Source, loader: yaml.SafeLoader, node: yaml.Node, path: Path) -> Iterator[tuple[str, Any]]:
    seen: dict[str, int] = {}
    for key_node, value_node in node.value:
        line = key_node.start_mark.line + 1
        if not isinstance(key_node, yaml.ScalarNode):
            source.marks[*path, "?"] = Mark(source.file, line)
            source.problems.append(((*path, "?"), "a key is a list or a mapping; keys are words; write a word"))
            continue
        key = key_node.value
        if key == "<<":
            source.marks[*path, key] = Mark(source.file, line)
            source.problems.append(
                ((*path, key), "'<<' (a YAML merge) is not supported; write the keys out, or use extends; remove it")
            )
            continue
        if key in seen:
            source.marks[*path, key] = Mark(source.file, line)
            source.problems.append(
                (
                    (*path, key),
                    f"{key!r} stands here a second time, first in line {seen[key]}; a key may stand once; remove one",
                )
            )
            continue
        seen[key] = line
        value = _value(source, loader, value_node, (*path, key))
        # The line of the key, not of the value: a block value begins a line later.
        mark = source.marks[*path, key]
        source.marks[*path, key] = Mark(source.file, line, mark.written, mark.quoted)
        yield key, value
