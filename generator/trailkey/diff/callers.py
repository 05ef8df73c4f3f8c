"""Sets of callers by the names a reader knows: ``role arn:…``, ``any principal of account 333333333333``, ``anyone``."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from trailkey.access import Language, Single, in_account, people
from trailkey.access.algebra.languages import ALL, language
from trailkey.access.algebra.patterns import arn, glob
from trailkey.access.algebra.unions import AnyOf
from trailkey.access.analysis.caller_sets import SERVICES
from trailkey.access.analysis.witnesses import STRANGER
from trailkey.access.language.principals import parse_caller
from trailkey.diff.rows import Grantee
from trailkey.errors import UndecidedError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from trailkey.access import Constraint, Policy, Scope, Statement
    from trailkey.access.algebra.patterns import Pattern

_ACCOUNT: Final = re.compile(r"\b\d{12}\b")

_DIGIT: Final = "[0123456789]"

Known = tuple[Language, Grantee]
"""Callers and what they are called."""


class Callers:
    """The sets of callers that two policies on a resource speak about, and their names; or ``holder`` alone, where there is one."""

    def __init__(self, before: Policy, after: Policy, scope: Scope, holder: Known | None) -> None:
        everybody = people(scope.partition)
        statements = [statement for policy in (before, after) for statement in policy.statements]
        found = set(_ACCOUNT.findall(" ".join(value for statement in statements for value in _values(statement))))
        accounts = [scope.account, *sorted(found - {scope.account})]
        # Whom nobody named first: where the world gains, that is what a reader has to see.
        self.examples = tuple(f"arn:{scope.partition}:iam::{account}:role/Anyone" for account in (STRANGER, *accounts))
        self._exempt: list[tuple[Language, str]] = []
        if holder:
            self._known = [holder]
            return
        classes = [
            (ALL, "anyone"),
            (everybody, "any principal of any account"),
            (SERVICES, "any AWS service"),
            *((everybody - in_account(one), f"any principal outside account {one}") for one in accounts),
            *((everybody & in_account(one), f"any principal of account {one}") for one in accounts),
        ]
        lists = [named for statement in statements for named in _named(statement)]
        ordered = sorted(dict.fromkeys(lists), key=lambda named: (-len(named.values), named.values))
        self._known = [(callers, Grantee(name=name, is_class=True)) for callers, name in classes]
        self._known += [(one.callers & everybody, Grantee(name=one.name)) for one in ordered]
        denied = [one for statement in after.statements if statement.effect == "Deny" for one in _named(statement)]
        # Whom an explicit Deny names is left out of a grant to everyone else.
        self._exempt = [(one.callers, one.name) for one in dict.fromkeys(denied)]

    def around(self, callers: Language, *, countable: bool = False) -> Iterator[Known]:
        """Yield the known sets that hold these callers, each whole and without those whom a Deny names.

        ``countable``: only sets of so many callers by their names, and anyone.
        """
        for known, grantee in self._known:
            if countable and known.texts is None and known != ALL:
                continue
            if within(callers, known):
                yield known, grantee
                for denied, name in self._exempt:
                    if within(callers, known - denied) and not known.disjoint(denied):
                        yield known - denied, replace(grantee, exceptions=(name,))

    def named_within(self, callers: Language) -> Iterator[Known]:
        """Yield the known sets that these callers hold, those that a condition names, the longest first."""
        yield from (
            (known, grantee) for known, grantee in self._known if not grantee.is_class and within(known, callers)
        )


def language_of(side: Constraint | None) -> Language:
    """Return the callers that a constraint admits."""
    return side.values if isinstance(side, Single) and isinstance(side.values, Language) else ALL


def grantee_of(callers: Language) -> Grantee:
    """Return a set of callers as a row names it, where it is not a known one."""
    try:
        services, rest = callers & SERVICES, callers - SERVICES
        every = within(SERVICES, callers)
        parts = [] if services.is_empty() else ["any AWS service" if every else _listed(services, "any AWS service")]
        parts += [] if rest.is_empty() else [_listed(rest, "principals")]
        return Grantee(name=" and ".join(parts), is_class=every)
    except UndecidedError:
        return Grantee(name=_listed(callers, "principals"))


def _listed(callers: Language, word: str) -> str:
    if callers.texts is not None:
        return ", ".join(sorted(map(named, callers.texts)))
    within = sorted(text for text in callers.exceptions if callers.contains(text))
    beside = sorted(text for text in callers.exceptions if not callers.contains(text))
    expression = callers.expression
    like = ", ".join(map(shown, expression.patterns)) if isinstance(expression, AnyOf) else ""
    text = f"{word} like {like}" if like else f"other {word}"
    if within:
        text = f"{', '.join(map(named, within))} and {text}"
    return f"{text}, except {', '.join(beside)}" if beside else text


def named(caller: str) -> str:
    """Return a caller by its kind and name: ``role arn:…:role/X``, ``the root user of account 222222222222``."""
    one = parse_caller(caller)
    if one.kind == "service":
        return caller
    return f"the root user of account {one.account}" if one.kind == "root" else f"{one.kind} {caller}"


def shown(pattern: Pattern) -> str:
    """Return a pattern as one would write it in a policy; twelve digits are written ``*``, as they are an account id."""
    return pattern.text.replace(_DIGIT * 12, "*").replace("?*", "*")


@dataclass(frozen=True, slots=True)
class _Named:
    """Callers that a condition on their ARN names together; ``by_parts`` says that it compares the parts of ARNs, as ArnLike does."""

    values: tuple[str, ...]
    by_parts: bool

    @property
    def callers(self) -> Language:
        return language((arn(value) if self.by_parts else None) or glob(value) for value in self.values)

    @property
    def name(self) -> str:
        return ", ".join(map(_pattern_text, self.values))


def _pattern_text(value: str) -> str:
    if "*" in value or "?" in value:
        return f"principals like {value}"
    return named(value) if value.startswith("arn:") else value


def _values(statement: Statement) -> Iterator[str]:
    yield from statement.principals.aws if statement.principals else ()
    for condition in statement.conditions:
        yield from condition.values


def _named(statement: Statement) -> Iterator[_Named]:
    """Yield the callers that a statement names together in each condition on their ARN, and each of them."""
    for condition in statement.conditions:
        plain = not any("${" in value for value in condition.values)
        if condition.key.casefold() == "aws:principalarn" and plain and condition.operator != "Null":
            by_parts = condition.operator.startswith("Arn")
            yield _Named(tuple(sorted(condition.values)), by_parts)
            yield from (_Named((value,), by_parts) for value in condition.values)


def within(smaller: Language, larger: Language) -> bool:
    """Return whether all of the smaller set is certainly in the larger one."""
    try:
        return smaller.subset(larger)
    except UndecidedError:
        return False
