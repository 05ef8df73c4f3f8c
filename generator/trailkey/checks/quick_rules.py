"""What cfn-lint's rule E1101 does for each value of a template, without a look at all of its child rules.

It hands a value to the child rules that name the value's place in the template. For most places there are none, and to find that out
is a sixth of cfn-lint's work. Which rules are asked, in which order, and so what is found, stays the same.
"""

from __future__ import annotations

import inspect
from copy import copy
from hashlib import sha256
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Iterator

_READ: Final = "23947c8987cd5a17a598e63b579c6826d57ec83fbad47c0f21953fe5c39dcb63"
"""SHA-256 of the source of ``cfnLint`` of that rule, in the version that this module was written for."""


def ask_who_names_the_place(rule: Any) -> None:
    """Let rule E1101 ask those of its child rules that name a place.

    A rule whose ``cfnLint`` is not what was read, as in another version of cfn-lint, stays as it is.
    """
    look: Any = getattr(rule, "cfnLint", None)
    if not look or sha256(inspect.getsource(look).encode()).hexdigest() != _READ:
        return
    start = rule.initialize
    at: dict[str, Any] = {}

    def forget(template: Any) -> None:
        at.clear()  # rules may name other places for each template, before the first is looked at
        start(template)

    def look_where_named(validator: Any, places: list[str], instance: Any, schema: Any) -> Iterator[Any]:
        if not at:
            at.update(_by_place(rule))
        for place in places:
            if place in at:
                yield from look.__func__(at[place], validator, [place], instance, schema)

    rule.initialize, rule.cfnLint = forget, look_where_named


def _by_place(rule: Any) -> dict[str, Any]:
    """Return, for each place that child rules name, the rule as if it had no others."""
    named: dict[str, Any] = {}
    for id_, child in rule.child_rules.items():
        for place in child.keywords if child else ():
            if place not in named:
                named[place] = copy(rule)
                named[place].child_rules = {}
            named[place].child_rules[id_] = child
    return named
