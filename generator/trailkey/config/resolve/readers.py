"""The readers of a config: whom each stands for, as its kind says."""

from __future__ import annotations

from typing import TYPE_CHECKING

from trailkey.config.deployment import Reader
from trailkey.config.reader_kinds import kind_of

if TYPE_CHECKING:
    from trailkey.config import model
    from trailkey.config.resolve.resolver import Resolver


def resolve_reader(resolver: Resolver, index: int, settings: model.Reader) -> Reader:
    """Return a reader with the principals it stands for."""
    kind = kind_of(settings)
    who = kind.resolve(resolver, settings, ("readers", index, kind.key))
    return Reader(
        settings=settings,
        kind=kind,
        account=who.account,
        principal_arns=who.principal_arns,
        organization_path=who.organization_path,
        path=("readers", index),
    )
