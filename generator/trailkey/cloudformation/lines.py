"""Where in a text something stands: the line of a key or an entry, by the path that leads to it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import yaml

from trailkey.cloudformation.yaml_reader import QUICK

if TYPE_CHECKING:
    from collections.abc import Iterator

Step = str | int


def line_of(text: str, *path: Step) -> int | None:
    """Return the line, counted from 1, of what a path leads to in a YAML or JSON text, or of the last of it that is there.

    None where the text cannot be read that way. A text step is the key of a mapping, a number the entry of a list.
    """
    found = lines_along(text, *path)
    return found[-1] if found else None


def lines_along(text: str, *path: Step) -> list[int]:
    """Return the lines of what a path leads to, from the outermost on, as far as the text has it."""
    try:
        node = yaml.compose(text.replace("\t", " "), Loader=QUICK)
    except yaml.YAMLError:
        return []
    found = [] if node is None else [node.start_mark.line + 1]
    for step in path:
        after = next((value for key, value in _below(node) if key == step), None)
        if after is None:
            break
        node, line = after
        found.append(line)
    return found


def entries(text: str, *path: Step) -> list[tuple[int, str]]:
    """Return line and Sid (an empty text where there is none) of each mapping below a path, in their order."""
    try:
        node = yaml.compose(text.replace("\t", " "), Loader=QUICK)
    except yaml.YAMLError:
        return []
    for step in path:
        after = next((value for key, value in _below(node) if key == step), None)
        if after is None:
            return []
        node = after[0]
    return list(_with_sids(node))


def _below(node: Any) -> Iterator[tuple[Step, tuple[Any, int]]]:
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            if isinstance(key, yaml.ScalarNode):
                yield key.value, (value, key.start_mark.line + 1)
    elif isinstance(node, yaml.SequenceNode):
        yield from ((at, (value, value.start_mark.line + 1)) for at, value in enumerate(node.value))


def _with_sids(node: Any) -> Iterator[tuple[int, str]]:
    if isinstance(node, yaml.MappingNode):
        sid = next(
            (value.value for key, (value, _) in _below(node) if key == "Sid" and isinstance(value, yaml.ScalarNode)), ""
        )
        yield node.start_mark.line + 1, sid
    for _, (value, _) in _below(node):
        yield from _with_sids(value)
