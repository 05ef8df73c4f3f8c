"""YAML text to plain values that remember where they stand: file, line, and the letters as written. Reads no files."""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from typing import Any, Final

import yaml

from trailkey.cloudformation.yaml_reader import MAX_DEPTH, QUICK, TOO_DEEP, NotYamlError, UnreadableError, YamlReader
from trailkey.config.variables import unfilled, unfilled_line

ConfigPath = tuple[str | int, ...]
"""Where a value stands in a config: ``("trails", 0, "name")``."""

MAXIMUM_VALUES: Final = 50_000  # aliases multiply: a few lines can stand for billions of values
MAXIMUM_CHARACTERS: Final = 1_000_000
_DYNAMIC_REFERENCE: Final = re.compile(r"\{\{\s*resolve\s*:", re.IGNORECASE)


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

    def refuse(self, path: ConfigPath, text: str) -> None:
        """Note what is wrong with the text at a config path."""
        self.problems.append((path, text))

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
    """Parse one YAML document. What is wrong with the text stands in ``problems``; nothing is raised."""
    return _parsed(text, file, QUICK)


def _parsed(text: str, file: str, loader: Any) -> Source:
    source = Source(file)
    try:
        source.data = _ConfigReader(source, text, loader).document()
    except UnreadableError as error:
        if isinstance(error, NotYamlError) and loader is not yaml.SafeLoader:
            return _parsed(text, file, yaml.SafeLoader)  # it takes longer, and says more of what is wrong
        source.marks[()] = Mark(file, error.line or 1)
        lines = text.splitlines() if isinstance(error, NotYamlError) else []
        source.refuse((), next(filter(None, map(unfilled_line, lines[error.line - 1 : error.line])), str(error)))
    return source


class _ConfigReader(YamlReader):
    """YAML as a config is written: with aliases, each value with its mark, and all problems noted before it ends."""

    empty = "the file is empty; a config has at least name, accounts, key, bucket and trails; run trailkey init for a starter"

    def __init__(self, source: Source, text: str, loader: Any) -> None:
        if len(text) > MAXIMUM_CHARACTERS:
            allowed = f"{MAXIMUM_CHARACTERS:,} are allowed; is it a config? shorten it"
            raise UnreadableError(1, f"the file has {len(text):,} characters; {allowed}")
        super().__init__(text, loader)
        self._source = source
        self._met: list[ConfigPath] = []
        self._anchors: dict[str, tuple[Any, list[ConfigPath]] | None] = {}

    def refuse(self, event: Any, path: ConfigPath, problem: str) -> None:
        self._source.marks[path] = Mark(self._source.file, event.start_mark.line + 1)
        self._source.refuse(path, problem)

    def value(self, event: Any, path: ConfigPath, line: int) -> Any:
        if isinstance(event, yaml.AliasEvent):
            return super().value(event, path, line)
        scalar = isinstance(event, yaml.ScalarEvent)
        written, quoted = (event.value, event.style in ("'", '"')) if scalar else (None, False)
        self._mark(path, Mark(self._source.file, line, written, quoted))
        if written is not None and (said := unfilled(written, *path[-1:])):
            self.refuse(event, path, said)
        if event.anchor is None:
            return super().value(event, path, line)
        first = len(self._met) - 1
        self._anchors[event.anchor] = None  # until it is complete
        value = super().value(event, path, line)
        self._anchors[event.anchor] = value, self._met[first:]
        return value

    def scalar(self, event: Any, path: ConfigPath) -> Any:
        """Return a scalar; in place of a dynamic reference CloudFormation would put a secret, wherever it ends up.

        See: https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/dynamic-references.html
        """
        if not _DYNAMIC_REFERENCE.search(event.value):
            return super().scalar(event, path)
        said = f"{shown(event.value)} holds a dynamic reference, for which CloudFormation puts a parameter or secret when it deploys; text without {{{{resolve: is allowed; write it out"
        self.refuse(event, path, said)
        return None

    def alias(self, event: Any, path: ConfigPath, line: int) -> Any:
        """Return the value that an anchor stands before, and mark each part of it here as there."""
        anchored = self._anchors.get(event.anchor)
        if anchored is None:
            why = "contains itself" if event.anchor in self._anchors else "refers to nothing before it"
            self.refuse(
                event, path, f"an alias that {why}; an alias refers to a complete value before it; write it out"
            )
            return None
        value, parts = anchored
        for part in parts:
            place = (*path, *part[len(parts[0]) :])
            if len(place) > MAX_DEPTH:
                self.stop(event, TOO_DEEP)
            self._mark(place, self._source.marks[part])
        self._source.marks[path] = replace(self._source.marks[path], line=line)
        return value

    def _mark(self, path: ConfigPath, mark: Mark) -> None:
        if len(self._met) >= MAXIMUM_VALUES:
            problem = f"the file expands to more than {MAXIMUM_VALUES:,} values; aliases multiply; write fewer"
            raise UnreadableError(1, problem)
        self._met.append(path)
        self._source.marks[path] = mark
