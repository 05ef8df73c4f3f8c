"""From a config file to a Deployment, or to every problem in it at once. Reads files; writes none."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from trailkey.config import extends, messages
from trailkey.config import source as text
from trailkey.config.mending import Mending
from trailkey.config.model import Config
from trailkey.config.resolve.resolve import resolve
from trailkey.errors import ConfigError, UsageError

if TYPE_CHECKING:
    from pathlib import Path

    from pydantic_core import ErrorDetails

    from trailkey.config.deployment import Deployment
    from trailkey.config.source import ConfigPath, Source

_ROUNDS = 20  # what contradicts is found only when each value is fine: a few rounds, and never an endless one


def load(path: Path) -> Deployment:
    """Return the deployment that a config file describes.

    Raises UsageError where the file cannot be read, ConfigError with every problem in it otherwise.
    """
    source = _read(path)
    mirrored = None
    if isinstance(source.data, dict) and "extends" in source.data:
        base = _base(source, path)
        mirrored = extends.extend(source, base) if base else None
        if mirrored is None:
            raise _refusal(source, source.problems)
    deployment, problems = _judge(source)
    if problems or deployment is None:
        raise _refusal(source, problems)
    if mirrored is None:
        return deployment
    return replace(deployment, mirrors=mirrored.name, differences=mirrored.differences)


def _read(path: Path) -> Source:
    try:
        content = path.read_text(encoding="utf-8-sig")
    except FileNotFoundError as error:
        raise UsageError(f"{path}: no such file; name a config file, or run trailkey init for a starter") from error
    except UnicodeDecodeError as error:
        raise ConfigError(
            [
                f"config error: {path}:1: the file is not UTF-8 text ({error.reason} at byte {error.start}); UTF-8 is allowed; save it as UTF-8"
            ]
        ) from error
    except OSError as error:
        raise UsageError(f"{path}: cannot be read ({error.strerror}); name a readable config file") from error
    return text.parse(content, path.as_posix())


def _base(source: Source, path: Path) -> Source | None:
    """Return the file that this one extends, or None with the problem noted."""
    named = source.data["extends"]
    if not isinstance(named, str) or not (path.parent / named).is_file():
        source.problems.append(
            (
                ("extends",),
                f"{text.shown(named)} is no file; the path of a config, from this file's folder, is allowed; correct it",
            )
        )
        return None
    base = _read(path.parent / named)
    if base.problems:
        raise _refusal(base, base.problems)
    return base


def _refusal(source: Source, problems: list[tuple[ConfigPath, str]]) -> ConfigError:
    def order(problem: tuple[ConfigPath, str]) -> tuple[str, int]:
        mark = source.mark(problem[0])
        return mark.file, mark.line

    return ConfigError([source.problem(*problem) for problem in sorted(problems, key=order)])


def _judge(source: Source) -> tuple[Deployment | None, list[tuple[ConfigPath, str]]]:
    """Judge the values, then what they say about each other, with stand-ins for wrong values: all problems are shown at once."""
    problems = list(source.problems)
    if any(path == () for path, _ in problems):
        return None, problems
    if not isinstance(source.data, dict):
        what = text.shown(source.data)
        return None, [
            ((), f"the file holds {what}; a config is a mapping of keys; run trailkey init for a starter"),
            *problems,
        ]
    mending = Mending(source)
    for _ in range(_ROUNDS):
        try:
            config = Config.model_validate(_frozen(mending.data))
        except ValidationError as failure:
            errors = _told_once(failure)
            found = [(messages.place(error), messages.problem(source, error)) for error in errors]
            problems += [problem for place, problem in found if not mending.spoke_of(place, problem[1])]
            for error in errors:
                mending.mend(error)
        else:
            deployment, more = resolve(config, source)
            return deployment, problems + [problem for problem in more if not mending.spoke_of(*problem)]
    return None, problems


def _told_once(failure: ValidationError) -> list[ErrorDetails]:
    """Return the errors without those that follow from another: a list short of its wrong entries, a misspelt key missing."""
    errors = failure.errors(include_url=False)
    misspelt = set()
    for error in errors:
        if error["type"] == "extra_forbidden":
            place = messages.place(error)
            misspelt.add((*place[:-1], messages.nearest(str(place[-1]), messages.section(place[:-1]).model_fields)))
    places = [messages.place(error) for error in errors]

    def follows(error: ErrorDetails) -> bool:
        path = messages.place(error)
        if error["type"] == "too_short":
            return any(len(place) > len(path) and place[: len(path)] == path for place in places)
        return error["type"] == "missing" and path in misspelt

    return [error for error in errors if not follows(error)]


def _frozen(value: Any) -> Any:
    """Lists as tuples: the model is immutable and strict."""
    if isinstance(value, list):
        return tuple(_frozen(item) for item in value)
    if isinstance(value, dict):
        return {key: _frozen(item) for key, item in value.items()}
    return value
