"""From a config file to a Deployment, or to every problem in it at once. Reads files; writes none."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from trailkey.config import extends, sections
from trailkey.config import source as text
from trailkey.config.outputs import load_outputs
from trailkey.config.resolve.deployment import resolve
from trailkey.errors import ConfigError, UsageError, refusal
from trailkey.files import decoded, read_file

if TYPE_CHECKING:
    from pathlib import Path

    from trailkey.config.deployment import Deployment
    from trailkey.config.source import ConfigPath, Source

MAXIMUM_BYTES: Final = 4 * text.MAXIMUM_CHARACTERS  # UTF-8 has up to four for a character
MAXIMUM_PROBLEMS: Final = 100


def load(path: Path) -> Deployment:
    """Return the deployment that a config file describes.

    Raises:
        UsageError: the file cannot be read.
        ConfigError: the config, or its file of outputs, is refused; the error has its first hundred problems, and how many more there are.
    """
    source = _read(path)
    mirrored = _mirrored(source, path)
    deployment, problems = _judge(source)
    if problems or deployment is None:
        raise _refusal(source, problems)
    deployment = replace(deployment, outputs=load_outputs(path))
    return replace(deployment, mirrors=mirrored.name, differences=mirrored.differences) if mirrored else deployment


def load_text(content: str, file: str) -> Deployment:
    """Return the deployment that the text of a config describes, one that extends no other; ``file`` is what errors call it.

    Raises:
        ConfigError: the config is refused.
    """
    source = text.parse(content, file)
    deployment, problems = _judge(source)
    if problems or deployment is None:
        raise _refusal(source, problems)
    return deployment


def _read(path: Path) -> Source:
    try:
        content = decoded(read_file(path, MAXIMUM_BYTES))
    except FileNotFoundError as error:
        raise UsageError(f"{path}: no such file; name a config file, or run trailkey init for a starter") from error
    except UnicodeDecodeError as error:
        said = f"the file is not UTF-8 text ({error.reason} at byte {error.start}); UTF-8 is allowed; save it as UTF-8"
        raise ConfigError([f"config error: {path}:1: {said}"]) from error
    except (OSError, ValueError) as error:
        raise UsageError(f"{path}: cannot be read ({refusal(error)}); name a readable config file") from error
    return text.parse(content, path.as_posix())


def _mirrored(source: Source, path: Path) -> extends.Mirrored | None:
    """Lay a file over the one that it extends, and return what it mirrors; None where it extends none."""
    if not isinstance(source.data, dict) or "extends" not in source.data:
        return None
    named = source.data["extends"]
    mirrored = None
    if isinstance(named, str) and (path.parent / named).is_file():
        base = _read(path.parent / named)
        if base.problems:
            raise _refusal(base, base.problems)
        mirrored = extends.extend(source, base)
    else:
        said = (
            f"{text.shown(named)} is not a file; the path of a config, from this file's folder, is allowed; correct it"
        )
        source.refuse(("extends",), said)
    if mirrored is None:
        raise _refusal(source, source.problems)
    return mirrored


def _refusal(source: Source, problems: list[tuple[ConfigPath, str]]) -> ConfigError:
    def order(problem: tuple[ConfigPath, str]) -> tuple[str, int]:
        mark = source.mark(problem[0])
        return mark.file, mark.line

    told = [source.problem(*problem) for problem in sorted(problems, key=order)[:MAXIMUM_PROBLEMS]]
    if more := len(problems) - len(told):
        said = f"{more:,} more problem{'s' if more > 1 else ''}, not shown; correct those above and run again"
        told.append(f"config error: {source.file}: {said}")
    return ConfigError(told)


def _judge(source: Source) -> tuple[Deployment | None, list[tuple[ConfigPath, str]]]:
    """Judge the values, then what they say about each other: all problems are shown at once."""
    if any(path == () for path, _ in source.problems):
        return None, source.problems
    if not isinstance(source.data, dict):
        what = text.shown(source.data)
        said = f"the file holds {what}; a config is a mapping of keys; run trailkey init for a starter"
        return None, [((), said), *source.problems]
    config, problems = sections.read(source)
    deployment, more = resolve(config, source)
    return deployment, [*source.problems, *problems, *more]
