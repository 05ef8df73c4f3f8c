"""What each deployment engine takes, made from rollout.json: one module an engine."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from trailkey.rollout.engines import cfct, cli, codepipeline, github, lza
from trailkey.rollout.engines.values import EngineInput, json_file, parameter_list

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

__all__ = ["ENGINES", "EngineInput", "engine_files"]

ENGINES: Final[Mapping[str, Callable[[EngineInput], dict[str, bytes]]]] = {
    "cli": cli.files,
    "github": github.files,
    "codepipeline": codepipeline.files,
    "cfct": cfct.files,
    "lza": lza.files,
}
"""The files of each engine, by the name that the config has for it. A new engine is a module and an entry."""


def engine_files(given: EngineInput) -> dict[str, bytes]:
    """Return ``parameters/<stack>.json`` for every stack, and the files of each engine that the config asks for."""
    made = {
        f"parameters/{stack.stack}.json": json_file(parameter_list(given, stack)) for stack in given.manifest.stacks
    }
    for engine in given.settings.engines:
        made |= ENGINES[engine](given)
    return made
