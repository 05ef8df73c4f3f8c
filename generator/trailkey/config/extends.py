"""A config that extends another: the mirrored environment, which differs in what names the other world and in nothing else."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from trailkey.config import source as text
from trailkey.config.reader_kinds import READER_KINDS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from trailkey.config.source import ConfigPath, Mark, Source

_ANY: Final = None
_NOTHING: Final = object()
MIRRORED: Final[tuple[tuple[str | None, ...], ...]] = (
    ("name",),
    ("organization", "id"),
    ("organization", "root_id"),
    ("accounts", _ANY, "id"),
    ("bucket", "name"),
    ("bucket", "access_logs", "bucket"),
    ("key", "former_arns"),
    ("key", "alarm", "topic_arns"),
    ("key", "alarm", "kms_key"),
    ("key", "alarm", "email"),
    ("rollout", "engines"),
    ("rollout", "github", _ANY),
    ("rollout", "organizational_unit_names"),
    ("rollout", "organizational_unit_names", _ANY),
    ("trails", _ANY, "organizational_unit_ids"),
    ("trails", _ANY, "sns_topic", "kms_key"),
    ("trails", _ANY, "cloudwatch_logs", "kms_key_arn"),
    *(("readers", _ANY, kind.key) for kind in READER_KINDS if kind.differs_in_mirror),
)
"""What a file that extends another may change: that which differs between two worlds, and nothing else."""


@dataclass(frozen=True, slots=True)
class Mirrored:
    """The deployment that is mirrored, and the config paths in which the mirror differs."""

    name: str
    differences: tuple[ConfigPath, ...]


def extend(source: Source, base: Source) -> Mirrored | None:
    """Lay a file that extends another over that one; what it may not change is noted as a problem.

    Returns:
        What the mirror differs in, or None where there is nothing to lay it over.
    """
    named = source.data.pop("extends")
    if not isinstance(base.data, dict):
        source.refuse(("extends",), f"{named!r} is not a config; a config is a mapping of keys; correct that file")
        return None
    if "extends" in base.data:
        source.refuse(
            ("extends",), f"{named!r} extends a file itself; one step is allowed; extend a config without extends"
        )
        return None
    name = str(base.data.get("name"))
    if source.data.get("name", base.data.get("name")) == base.data.get("name"):
        said = f"the name is {name!r} as in {named!r}; a file that extends another writes to a folder of its own; write another name"
        source.refuse(("name",), said)
    overlay = _Overlay(source, named, own=dict(source.marks))
    source.marks = dict(base.marks)
    source.marks["name",] = overlay.own.get(("name",), overlay.own[()])
    source.data = overlay.laid(base.data, source.data, (), ())
    return Mirrored(name, tuple(sorted(set(overlay.changes) - {("name",)}, key=text.written)))


@dataclass(slots=True)
class _Overlay:
    source: Source
    base: str
    own: dict[ConfigPath, Mark]
    changes: list[ConfigPath] = field(default_factory=list)

    def laid(self, base: Any, over: Any, path: ConfigPath, over_path: ConfigPath) -> Any:
        """Return base with the values of over in place of its own, and note each changed path with its mark."""
        if isinstance(base, dict) and isinstance(over, dict):
            below = {
                key: self.laid(base.get(key, _NOTHING), value, (*path, key), (*over_path, key))
                for key, value in over.items()
            }
            return {**base, **below}
        if over and _named(base) and _named(over):
            return self._entries(base, over, path, over_path)
        if base != over:
            self._changed(over, path, over_path)
        return over

    def _entries(self, base: list[Any], over: list[Any], path: ConfigPath, over_path: ConfigPath) -> list[Any]:
        merged = list(base)
        # A name may be anything here, a list too: its letters tell it from others.
        positions = {repr(item["name"]): at for at, item in reversed(list(enumerate(base)))}
        met: set[str] = set()
        for index, item in enumerate(over):
            letters, place, own = repr(item["name"]), (*path, len(base) + index), (*over_path, index)
            repeated = letters in met
            met.add(letters)
            if repeated:
                said = "is given twice; an entry is changed once; put the changes together"
            elif letters not in positions:
                said = f"is not in {self.base!r}; named entries may be changed, not added; add it there"
            else:
                position = positions[letters]
                rest = {key: value for key, value in item.items() if key != "name"}
                merged[position] = self.laid(base[position], rest, (*path, position), own)
                continue
            self.source.marks[place] = self.own[own]
            self.source.refuse(place, f"{text.shown(item['name'])} {said}")
        return merged

    def _changed(self, value: Any, path: ConfigPath, over_path: ConfigPath) -> None:
        for below in _paths(value):
            if (mark := self.own.get((*over_path, *below))) is not None:
                self.source.marks[*path, *below] = mark
        if any(_matches(path, form) for form in MIRRORED):
            self.changes.append(path)
        else:
            said = f"{text.shown(value)} differs from {self.base!r}; a mirrored environment may change names of the deployment and its buckets, account ids, organization ids and paths, the alarm's topics, their key and e-mail, former keys, keys of topics and log groups, and engines with their repositories and unit names; change it there"
            self.source.refuse(path, said)


def _paths(value: Any, path: ConfigPath = ()) -> Iterator[ConfigPath]:
    """Yield the path of each part of a value, the value's own first."""
    yield path
    entries = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for step, item in entries:
        yield from _paths(item, (*path, step))


def _matches(path: ConfigPath, form: tuple[str | None, ...]) -> bool:
    return len(path) == len(form) and all(wanted in (_ANY, step) for step, wanted in zip(path, form, strict=True))


def _named(value: Any) -> bool:
    """Tell whether a value is a list of entries with names."""
    return isinstance(value, list) and all(isinstance(item, dict) and "name" in item for item in value)
