"""What a stack gave out, written beside the config that it is of: from then on ``generate`` puts it into every file."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from trailkey import cloudformation, pipeline
from trailkey.config.outputs import outputs_path, outputs_text
from trailkey.inventory import read_text
from trailkey.output.one_file import write_whole
from trailkey.rollout.fill import values_from

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path


@dataclass(frozen=True, slots=True)
class Filled:
    """What was filled in: the file, and the values of this stack."""

    path: Path
    values: Mapping[str, str]


def fill(config: Path, stack: str, outputs: Path) -> Filled:
    """Write what a stack gave out to ``<config>.outputs.json``, beside what others gave; ``generate`` then puts it in.

    Args:
        config: a config file.
        stack: the stack.
        outputs: a file with the answer of ``aws cloudformation describe-stacks``; ``-`` is standard input.

    Raises:
        UsageError: a file that cannot be read; a stack of another name, account or Region; a value of another form.
        ConfigError: a config that is refused.
        OutputError: the file could not be written.
    """
    (deployment,), path = pipeline.load_all([config]), outputs_path(config)
    rendered = pipeline.render(deployment)
    templates = {one.stack.template: one.template for one in rendered.folder.stacks}
    text, what = read_text(outputs)
    answer = cloudformation.load(text, what)
    values = values_from(answer, what, stack, rendered.folder.manifest, templates)
    write_whole(path, outputs_text({**deployment.outputs.values, **values}))
    return Filled(path, values)
