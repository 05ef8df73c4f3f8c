"""What a landing zone calls accounts and units: from the config, or a mark where it does not say."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from trailkey.output.manifest import StackSet
    from trailkey.rollout.engines.values import EngineInput


def account_name(given: EngineInput, account: str) -> str:
    """Return what the landing zone calls an account: as ``rollout.account_names`` says, else as the config does."""
    name = given.accounts.get(account, account)
    return (given.settings.account_names or {}).get(name, name)


def unit_names(given: EngineInput, target: StackSet) -> list[str]:
    """Return the names of a stack set's units; of one that ``rollout.organizational_unit_names`` lacks a mark, ``<ou-…>``."""
    known = given.settings.organizational_unit_names or {}
    return [known.get(unit, f"<{unit}>") for unit in target.organizational_unit_ids]


def unnamed_units(given: EngineInput) -> Iterator[str]:
    """Yield the units that have no name in the config."""
    known = given.settings.organizational_unit_names or {}
    for stack in given.manifest.stacks:
        if stack.stack_set is not None and not stack.stack_set.accounts:
            yield from (unit for unit in stack.stack_set.organizational_unit_ids if unit not in known)
