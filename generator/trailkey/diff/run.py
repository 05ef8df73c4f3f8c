"""Two paths compared: what each of them is, read and put beside the other."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from trailkey.diff.compare import Comparison, compare_worlds
from trailkey.diff.mirror import mirrored_names
from trailkey.errors import UsageError
from trailkey.inventory import find_policies, read_text
from trailkey.inventory.folder import World, world_of_files, world_of_policies

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from trailkey.config.deployment import Deployment
    from trailkey.inventory import FoundPolicy

_KEY: Final = re.compile(r"^[\"']?(\w+)[\"']?\s*:", re.MULTILINE)
_OF_POLICIES: Final = frozenset(("Resources", "Statement", "Policy", "AWSTemplateFormatVersion"))
_OF_CONFIGS: Final = frozenset(("name", "extends", "accounts"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Given:
    """What the command line says beside the two paths."""

    key_account: str = ""
    parameters: Mapping[str, str] = field(default_factory=dict)
    renames: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class _Side:
    """One of the two paths: a world, or policies whose account the other side may have to say."""

    what: str
    world: World | None = None
    text: str = ""
    deployment: Deployment | None = None


def compare(old: Path, new: Path, given: Given) -> Comparison:
    """Return who gains and who loses access from one path to the other.

    A path is a key policy or template, an output folder, or a config. Where NEW is a config that extends OLD, the names of
    its world are put in place of OLD's first: what is left is a difference in access and not in names.

    Raises:
        UsageError, ConfigError, PolicyError: a path that cannot be read or judged.
    """
    sides = [_side(old), _side(new)]
    if sides[0].world and sides[1].world and (given.key_account or given.parameters):
        raise UsageError(
            "--key-account and --parameter: for policies and templates only; folders and configs say accounts and parameters themselves; leave them out"
        )
    names = dict(given.renames)
    base, mirror = sides[0].deployment, sides[1].deployment
    if base and mirror and mirror.mirrors == base.name:
        names = mirrored_names(base, mirror) | names
    before, after = _worlds(sides[0], sides[1], given)
    return compare_worlds(before.renamed(names), after)


def _side(path: Path) -> _Side:
    if path.is_dir():
        files = {file.name: read_text(file)[0] for file in sorted(path.iterdir()) if file.is_file()}
        return _Side(str(path), world_of_files(f"{path}/", files))
    text, what = read_text(path)
    keys = set(_KEY.findall(text))
    if keys & _OF_CONFIGS and not keys & _OF_POLICIES:
        return _of_config(path)
    return _Side(what, text=text)


def _of_config(path: Path) -> _Side:
    from trailkey import pipeline  # loads pydantic and troposphere, for configs only

    deployment = pipeline.load_all([path])[0]
    rendered = pipeline.render(deployment)
    files = {name: content.decode() for name, content in pipeline.files_of(rendered, pipeline.prove(rendered)).items()}
    world = world_of_files(f"{path}: ", files, bucket_account=deployment.bucket_account.id)
    return _Side(str(path), world, deployment=deployment)


def _worlds(old: _Side, new: _Side, given: Given) -> tuple[World, World]:
    """Return both sides as worlds. Where only one is a file with a policy, only the key policies of the other count."""
    found_old, found_new = (None if side.world else _found(side, given, given.key_account) for side in (old, new))
    accounts = [_accounts(side, found) for side, found in ((old, found_old), (new, found_new))]
    if not given.key_account:
        # A made-up account gives way to the one that the other side knows.
        if found_old is not None and not accounts[0] and len(accounts[1]) == 1:
            found_old = _found(old, given, min(accounts[1]))
        if found_new is not None and not accounts[1] and len(accounts[0]) == 1:
            found_new = _found(new, given, min(accounts[0]))
    before, after = (
        side.world or world_of_policies(side.what, found or []) for side, found in ((old, found_old), (new, found_new))
    )
    return (before, after) if old.world and new.world else (_keys_only(before), _keys_only(after))


def _found(side: _Side, given: Given, account: str) -> list[FoundPolicy]:
    return find_policies(side.text, side.what, key_account=account, parameters=given.parameters)


def _accounts(side: _Side, found: list[FoundPolicy] | None) -> set[str]:
    """Return the accounts of a side's keys that are not made up."""
    if side.world:
        return {one.account for one in side.world.keys}
    return {one.key_arn.split(":")[4] for one in found or () if not one.account_is_placeholder}


def _keys_only(world: World) -> World:
    if not (world.buckets or world.holders):
        return world
    note = f"{world.what.rstrip(': /')}: only its key policies are compared: the other side is a key policy"
    return World(what=world.what, keys=world.keys, assumptions=(*world.assumptions, note))
