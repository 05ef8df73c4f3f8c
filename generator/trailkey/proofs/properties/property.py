"""What a property is: a claim about a policy over all requests, and the result of asking it."""

from __future__ import annotations

from dataclasses import dataclass
from operator import attrgetter
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from trailkey.access import PROVEN
from trailkey.findings import NOWHERE, Location, Rule

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from trailkey.access import Answer, EffectivePermissions, Policy, Scope
    from trailkey.config.source import ConfigPath

Purpose_contra = TypeVar("Purpose_contra", contravariant=True)
"""What the policy is meant for: one of the types of ``intent``. What holds of every key can be asked of each kind."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Property(Rule, Generic[Purpose_contra]):
    """A claim about a policy.

    ``path`` is where the config asks for what is claimed: where it describes the purpose, unless said otherwise. A property
    about several people can be asked ``apart``, one person at a time, so that the answer is about that person's line.
    """

    claim: Callable[[EffectivePermissions, Purpose_contra], Answer]
    path: Callable[[Purpose_contra], ConfigPath] = attrgetter("path")
    apart: Callable[[Purpose_contra], Iterable[Any]] = lambda purpose: (purpose,)


@dataclass(frozen=True, slots=True, kw_only=True)
class Target(Generic[Purpose_contra]):
    """A policy, the resource it is asked about, what it is meant for, and what must hold of it."""

    location: Location
    policy: Policy
    scope: Scope
    purpose: Purpose_contra
    properties: Sequence[Property[Purpose_contra]]
    accounts: tuple[str, ...] = ()
    """Accounts for whose callers policy variables are filled in."""
    beside: tuple[Location, ...] = ()
    """Where the other policies are that are judged together with this one: IAM takes all of a role as one."""
    permissions: EffectivePermissions | None = None
    """What the policy grants, where that is known already."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """A rule, the answer to it, and the statements of the policy that show why it fails.

    ``path`` is where the config asks for it, ``location`` where the policy or resource stands. ``refused`` says that the witness
    is a request that should be allowed and is not.
    """

    rule: Rule
    answer: Answer
    path: ConfigPath = ()
    location: Location = NOWHERE
    statements: tuple[str | int, ...] = ()
    refused: bool = False

    @property
    def id(self) -> str:
        """The id of the rule."""
        return self.rule.id

    @property
    def holds(self) -> bool:
        """Whether it is proven; what is unknown is not."""
        return self.answer.verdict == PROVEN
