"""Every error a user can see, with the exit code each one ends the command with.

One file, so that the list of ways a run can end is readable at a glance. Modules raise these; only the command line prints them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Final

if TYPE_CHECKING:
    from collections.abc import Sequence

    from trailkey.findings import Finding

UNRESOLVED: Final = "trailkey:unresolved"
"""The element, which no policy has, of what stands for a statement of a template that cannot be resolved; its value is the reason."""

OK = 0
DEFECT = 1
USAGE = 2
CHECK_FAILED = 3
DIFFERS = 4
NOT_WRITTEN = 5


class TrailkeyError(Exception):
    """A failure the user can act on: printed as it stands, never with a traceback."""

    exit_code: ClassVar[int] = USAGE


class UsageError(TrailkeyError):
    """The command was called with something it cannot work with (a missing file, a folder that is none)."""


class ConfigError(TrailkeyError):
    """A config file that is refused. Carries every problem found in it, in the order of the file."""

    def __init__(self, problems: Sequence[str]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(self.problems))


class PolicyError(TrailkeyError):
    """A policy, request or template that cannot be read, or has a shape that is not modelled: named, never guessed at."""


class NoKeyPolicyError(PolicyError):
    """A text that can be read and holds no key policy."""


class CheckError(TrailkeyError):
    """A check found errors, so nothing was written. Carries the findings; reports make sentences of them."""

    exit_code = CHECK_FAILED

    def __init__(self, findings: Sequence[Finding]) -> None:
        self.findings = tuple(findings)
        super().__init__(", ".join(finding.id for finding in self.findings))


class OutputError(TrailkeyError):
    """The output could not be written: permissions, a full disk, a file where a folder belongs."""

    exit_code = NOT_WRITTEN


def refusal(error: OSError | ValueError) -> str:
    """Return why the operating system, or Python before it, does not take a path."""
    return (error.strerror if isinstance(error, OSError) else None) or str(error)


class UndecidedError(Exception):
    """A question about a policy that is not decided: too large, or outside of what is modelled. The text says which.

    Whoever asks turns it into the answer unknown; it never ends a command.
    """
