"""What a path on the command line names: a config, an output folder, or a text with a policy. Reads, and judges nothing."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from trailkey.diff.sides import Side
from trailkey.inventory import read_text

if TYPE_CHECKING:
    from pathlib import Path

    from trailkey.config.deployment import Deployment
    from trailkey.inventory import PolicySet

_KEY: Final = re.compile(r"^[\"']?(\w+)[\"']?\s*:", re.MULTILINE)
_OF_POLICIES: Final = frozenset(("Resources", "Statement", "Policy", "AWSTemplateFormatVersion"))
_OF_CONFIGS: Final = frozenset(("name", "extends", "accounts"))


def read_side(path: Path) -> Side:
    """Return what a path names as one side of a comparison; ``-`` is a policy on standard input.

    Raises:
        UsageError: nothing that can be read.
        ConfigError: a config that is refused.
        CheckError: an output folder whose rollout.json is not consistent.
        PolicyError: an output folder with a template that cannot be read.
    """
    if not path.is_dir():
        text, what = read_text(path)
        keys = set(_KEY.findall(text))
        if keys & _OF_POLICIES or not keys & _OF_CONFIGS:
            return Side(what=what, text=text)
    deployment, policies = _deployed(path)
    return Side(what=str(path), policies=policies, deployment=deployment)


def deployed_policies(path: Path) -> PolicySet:
    """Return the policies of an output folder, or those that a config renders.

    Raises:
        UsageError, ConfigError, CheckError, PolicyError: as ``read_side``.
    """
    return _deployed(path)[1]


def _deployed(path: Path) -> tuple[Deployment | None, PolicySet]:
    from trailkey import pipeline

    if path.is_dir():
        return None, pipeline.read_checked_folder(path).policies
    deployment = pipeline.load_all([path])[0]
    return deployment, pipeline.folder_of(deployment).policies
