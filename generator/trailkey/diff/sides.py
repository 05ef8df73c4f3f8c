"""Two sides of a comparison: the policies of a deployment, or a text with a policy, each put beside the other."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from trailkey.diff.compare import Comparison, compare_policies
from trailkey.diff.mirror import mirrored_names
from trailkey.errors import UsageError
from trailkey.inventory import PolicySet, find_policies

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from trailkey.config.deployment import Deployment
    from trailkey.findings import Location
    from trailkey.inventory import ResourcePolicy


@dataclass(frozen=True, slots=True, kw_only=True)
class Given:
    """The options of the command beside the two paths."""

    key_account: str = ""
    parameters: Mapping[str, str] = field(default_factory=dict)
    renames: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Side:
    """One of two things to compare, which ``what`` names.

    Either ``policies`` are those of an output folder or a config (then ``deployment`` is the config's), or ``text`` holds key
    policies, whose account may be known from the other side only.
    """

    what: str
    policies: PolicySet | None = None
    deployment: Deployment | None = None
    text: str = ""


def compare_sides(old: Side, new: Side, given: Given) -> Comparison:
    """Return who gains and who loses access from one side to the other.

    Where NEW is a config that extends OLD, the names of its environment are put in place of OLD's first: what is left is a
    difference in access and not in names.

    Raises:
        UsageError: options that only texts with policies take.
        PolicyError: a policy that cannot be judged.
    """
    if old.policies and new.policies and (given.key_account or given.parameters):
        raise UsageError(
            "--key-account and --parameter: for policies and templates only; folders and configs have accounts and parameters of their own; leave them out"
        )
    names = dict(given.renames)
    base, mirror = old.deployment, new.deployment
    if base and mirror and mirror.mirrors == base.name:
        names = mirrored_names(base, mirror) | names
    before, after = _policies(old, new, given), _policies(new, old, given)
    return compare_policies(before.renamed(names), after)


def _policies(side: Side, other: Side, given: Given) -> PolicySet:
    """Return the policies of a side. Where one of the two is a text, only key policies are compared."""
    if side.policies is None:
        found = _found(side, other, given)
        return PolicySet(what=side.what, keys=tuple(found), assumptions=tuple(_assumed(found)))
    if other.policies is not None or not (side.policies.buckets or side.policies.identities):
        return side.policies
    note = f"{side.what}: only its key policies are compared: the other side is a key policy"
    return PolicySet(what=side.what, keys=side.policies.keys, assumptions=(*side.policies.assumptions, note))


def _found(side: Side, other: Side, given: Given) -> list[ResourcePolicy]:
    found = find_policies(side.text, side.what, key_account=given.key_account, parameters=given.parameters)
    if given.key_account or _accounts(found):
        return found
    # A made-up account gives way to the one that the other side knows.
    keys = other.policies.keys if other.policies else find_policies(other.text, other.what, parameters=given.parameters)
    accounts = _accounts(keys)
    if len(accounts) != 1:
        return found
    return find_policies(side.text, side.what, key_account=min(accounts), parameters=given.parameters)


def _accounts(keys: Iterable[ResourcePolicy]) -> set[str]:
    """Return the accounts of keys that are not made up."""
    return {one.account for one in keys if not one.account_is_placeholder}


def _assumed(found: Iterable[ResourcePolicy]) -> Iterator[str]:
    """Yield what was assumed, each sentence once: with its branch where it is of one only."""
    locations: dict[tuple[Location, str], list[Location]] = {}
    for one in found:
        for sentence in one.assumptions:
            locations.setdefault((replace(one.location, branch=()), sentence), []).append(one.location)
    for (key, sentence), among in locations.items():
        yield f"{among[0] if len(among) == 1 else key}: {sentence}"
