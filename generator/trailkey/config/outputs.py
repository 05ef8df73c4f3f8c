"""``<config>.outputs.json``: what an earlier rollout of a config gave out, committed beside it by ``trailkey fill``."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from trailkey.config import source as text
from trailkey.errors import ConfigError, UsageError, refusal
from trailkey.files import decoded, read_file

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

MAXIMUM_BYTES: Final = 1_000_000


@dataclass(frozen=True, slots=True)
class Outputs:
    """The values of Outputs, ``log-archive-key.KeyArn`` to an ARN, and the file that has them, for messages."""

    values: Mapping[str, str] = field(default_factory=dict)
    source: text.Source | None = field(default=None, compare=False, repr=False)

    def problem(self, output: str, said: str) -> str:
        """Return what is wrong with the value of an Output, with its line."""
        stack, _, name = output.rpartition(".")
        return self.source.problem((stack, name), said) if self.source else f"config error: {output}: {said}"


def outputs_path(config: Path) -> Path:
    """Return the file beside a config that its outputs are in: ``organization.outputs.json`` for ``organization.yaml``."""
    return config.with_suffix(".outputs.json")


def load_outputs(config: Path) -> Outputs:
    """Return the outputs of a config; none where nothing was filled in yet.

    Raises:
        UsageError: the file cannot be read.
        ConfigError: it is not one that ``trailkey fill`` writes.
    """
    path = outputs_path(config)
    try:
        content = decoded(read_file(path, MAXIMUM_BYTES))
    except FileNotFoundError:
        return Outputs()
    except UnicodeDecodeError as error:
        raise ConfigError([f"config error: {path}:1: not UTF-8 text; run trailkey fill again"]) from error
    except (OSError, ValueError) as error:
        raise UsageError(f"{path}: cannot be read ({refusal(error)}); make it readable, or remove it") from error
    source = text.parse(content, path.as_posix())
    data = source.data if isinstance(source.data, dict) else {"": source.data}
    values = {}
    for stack, given in data.items():
        outputs = given if isinstance(given, dict) else {"": given}
        for name, value in outputs.items():
            if not (name and isinstance(name, str) and isinstance(stack, str) and isinstance(value, str)):
                said = f"{text.shown(value)} is not the value of an Output; a text for each Output of each stack is allowed; run trailkey fill again"
                source.refuse((stack, name) if name else (stack,), said)
            values[f"{stack}.{name}"] = value
    if source.problems:
        raise ConfigError([source.problem(*problem) for problem in source.problems])
    return Outputs(values, source)


def outputs_text(values: Mapping[str, str]) -> str:
    """Return the text of a file of outputs."""
    stacks: dict[str, dict[str, str]] = {}
    for output in sorted(values):
        stack, _, name = output.rpartition(".")
        stacks.setdefault(stack, {})[name] = values[output]
    return json.dumps(stacks, indent=2, ensure_ascii=False) + "\n"
