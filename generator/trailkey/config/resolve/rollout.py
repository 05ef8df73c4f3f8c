"""The roles that bootstrap.yaml makes, and who may take them on."""

from __future__ import annotations

import re
from difflib import get_close_matches
from typing import TYPE_CHECKING

from trailkey.config.deployment import MadeRole
from trailkey.config.resolve.principals import is_pattern
from trailkey.config.section import if_known

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from trailkey.config.deployment import Reader, Trail
    from trailkey.config.resolve.resolver import Resolver
    from trailkey.config.source import ConfigPath


def resolve_roles(
    resolver: Resolver,
    administrators: Sequence[str],
    break_glass: Sequence[str],
    trails: Sequence[Trail],
    readers: Sequence[Reader],
) -> tuple[MadeRole, ...]:
    """Return the roles that bootstrap.yaml makes; none where the config does not ask for it."""
    settings = resolver.config.rollout
    _named(resolver, trails, readers)
    if not settings.bootstrap:
        return ()
    trusted, path = settings.trusted, ("rollout", "trusted")
    deployers = [one.deployer for one in resolver.accounts.values() if one.deployer]
    named = _principals(resolver, trusted.deployers if trusted else (), (*path, "deployers"))
    made = [MadeRole(arn=arn, kind="deployer", trusted=named) for arn in deployers if not is_pattern(arn)]
    if not made:
        said = "bootstrap is true and no account has a deployer that is one role; bootstrap.yaml makes roles of exact names; name deployers without wildcards, or remove it"
        resolver.refuse(("rollout", "bootstrap"), said)
    if trusted is None:
        return tuple(made)
    for kind, key, arns, texts in (
        ("administrator", "administrators", administrators, trusted.administrators),
        ("break glass", "break_glass", break_glass, trusted.break_glass),
    ):
        if texts:
            made += _roles(resolver, kind, arns, texts, (*path, key))
    known = {reader.name: reader for reader in readers}
    for name, texts in trusted.readers.items():
        place = (*path, "readers", name)
        reader = known.get(name)
        if reader is None:
            near = get_close_matches(name, known, n=1)
            hint = f"did you mean {near[0]!r}?" if near else "name one of readers"
            resolver.refuse(
                place, f"{name!r} is not a reader; {', '.join(sorted(known)) or 'no reader'} can be named; {hint}"
            )
        elif reader.iam_policy != "attached":
            said = f"reader {name!r} is not one role of an account of ours; roles of exact names are made; remove it"
            resolver.refuse(place, said)
        else:
            made += _roles(resolver, "reader", reader.principal_arns, texts, place)
    return tuple(made)


def _named(resolver: Resolver, trails: Sequence[Trail], readers: Sequence[Reader]) -> None:
    """Refuse names of accounts and units that are not of this deployment: they have no effect."""
    settings = resolver.config.rollout
    for name in settings.account_names or {}:
        with if_known:
            resolver.listed(name, ("rollout", "account_names", name))
    paths = " ".join(
        [
            *(reader.value for reader in readers if reader.account is None),
            *(unit for trail in trails for unit in trail.settings.organizational_unit_ids or ()),
        ]
    )
    organization = resolver.config.organization
    root = (organization and organization.root_id) or ""
    for unit in settings.organizational_unit_names or {}:
        if unit not in re.split(r"[/ ]", f"{paths} {root}"):
            said = f"{unit!r} is not a unit of a reader or trail; names are for the units of stack sets; correct or remove it"
            resolver.refuse(("rollout", "organizational_unit_names", unit), said)


def _roles(
    resolver: Resolver, kind: str, arns: Sequence[str], texts: Sequence[str], path: ConfigPath
) -> Iterator[MadeRole]:
    trusted = _principals(resolver, texts, path)
    roles = [arn for arn in arns if not is_pattern(arn) and ":role/" in arn]
    if not roles:
        resolver.refuse(
            path, f"no {kind} is one role that can be made; roles of exact names are; remove it, or name one"
        )
    for arn in roles:
        yield MadeRole(arn=arn, kind=kind, trusted=trusted)


def _principals(resolver: Resolver, texts: Sequence[str], path: ConfigPath) -> tuple[str, ...]:
    found = []
    for index, text in enumerate(texts):
        with if_known:
            arn = resolver.principal(text, (*path, index))
            if is_pattern(arn):
                said = f"{text!r} is a pattern; a trust policy names roles and users; write account:role/Name"
                resolver.refuse((*path, index), said)
            found.append(arn)
    return tuple(found)
