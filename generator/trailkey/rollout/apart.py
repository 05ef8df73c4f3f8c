"""Deployments kept apart: no stack of one is a stack of another, and no folder changes hands."""

from __future__ import annotations

from typing import TYPE_CHECKING

from trailkey.config.account import is_sample
from trailkey.output.manifest import AccountTarget
from trailkey.output.siblings import account_ids_in, siblings, stacks_in

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from trailkey.config.deployment import Deployment
    from trailkey.config.source import ConfigPath
    from trailkey.output.manifest import DeployedStack, Manifest

_Place = tuple[bool, str, str, str]
"""A stack as CloudFormation tells stacks apart: whether it is a stack set, its account, Region and name."""


def shared_stacks(made: Sequence[tuple[Deployment, Manifest]], output: Path) -> Iterator[str]:
    """Yield a problem for each stack of a deployment that another has too: CloudFormation would update the one for the other.

    The others are those of the same run, and those that lie beside their folders in the output.
    See: https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/cfn-using-console-create-stack-parameters.html (name)
    """
    taken: dict[_Place, str] = {}
    for folder in siblings(output, frozenset(deployment.name for deployment, _ in made)):
        for stack in stacks_in(folder):
            taken.setdefault(_place(stack), f"{folder.as_posix()}/, a folder that may be removed if it is left over")
    for deployment, manifest in made:
        for stack in manifest.stacks:
            if other := taken.get(_place(stack)):
                yield deployment.source.problem(*_shared(deployment, stack, other))
        taken.update((_place(stack), deployment.source.file) for stack in manifest.stacks)


def taken_folder(deployment: Deployment, folder: Path) -> Iterator[str]:
    """Yield the problem that a folder holds another deployment of the same name: one that has none of its accounts."""
    accounts = account_ids_in(folder)
    ours = {account.id for account in deployment.accounts.values()}
    if accounts and accounts.isdisjoint(ours) and not all(map(is_sample, accounts)):
        said = f"{deployment.name!r} is the name of a deployment to other accounts ({', '.join(sorted(accounts))}), which {folder.as_posix()}/ holds; each deployment writes to a folder of its own; write another name, or remove that folder"
        yield deployment.source.problem(("name",), said)


def _place(stack: DeployedStack) -> _Place:
    target = stack.target if isinstance(stack.target, AccountTarget) else stack.target.stack_set
    return stack.stack_set is not None, target.account, target.region, stack.stack


def _shared(deployment: Deployment, stack: DeployedStack, other: str) -> tuple[ConfigPath, str]:
    """Return where the config names a stack, and what is wrong with the name."""
    is_set, account, region, name = _place(stack)
    path: ConfigPath = ("accounts", *(one.name for one in deployment.accounts.values() if one.id == account))
    advice = "give the account another name in one of the two configs, since stacks are named after it"
    if name == deployment.name:
        path, advice = ("name",), "write another name, since the stack is named after it"
    if is_set:
        path, advice = ("readers",), "rename the reader in one of the two configs, since stack sets are named after it"
    kind = "stack set" if is_set else "stack"
    return (
        path,
        f"{kind} {name!r} in account {account}, {region}, is also one of {other}; CloudFormation tells {kind}s of an account and Region apart by their names; {advice}",
    )
