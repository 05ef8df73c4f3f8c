"""The invariants of a config, with every caller resolved: those who alone may do something, or who can."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from trailkey.access.language.invariants import Invariant, callers_written, invariant_of, is_service
from trailkey.config.section import if_known

if TYPE_CHECKING:
    from trailkey.config import model
    from trailkey.config.resolve.resolver import Resolver
    from trailkey.config.source import ConfigPath


def resolve_invariant(resolver: Resolver, settings: model.InvariantSettings, path: ConfigPath) -> Invariant:
    """Return an invariant of a config, or note what is wrong with it; an account is all of it, by its id."""
    written = settings.written()
    element, callers = callers_written(written)
    several = not isinstance(getattr(settings, element), str)
    found = []
    for index, caller in enumerate(callers):
        with if_known:
            found.append(_caller(resolver, caller, (*path, element, index) if several else (*path, element)))
    with if_known:
        _refuse_other_key(resolver, settings, path)
    return replace(invariant_of(written), callers=tuple(found))


def _caller(resolver: Resolver, text: str, path: ConfigPath) -> str:
    if text == "*" or is_service(text):
        return text
    name, _, resource = text.partition(":")
    if resource == "root":
        return f"arn:{resolver.config.partition}:iam::{resolver.listed(name, path).id}:root"
    return resolver.principal(text, path) if ":" in text else resolver.listed(text, path).id


def _refuse_other_key(resolver: Resolver, settings: model.InvariantSettings, path: ConfigPath) -> None:
    if settings.key is None:
        return
    aliases = [resolver.config.key.alias, *(one.alias for one in resolver.config.event_data_stores)]
    if settings.key not in aliases:
        said = f"{settings.key!r} is the alias of no key of this config; {', '.join(aliases)} are; correct it, or leave key out"
        resolver.refuse((*path, "key"), said)
