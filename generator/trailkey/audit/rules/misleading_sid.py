"""Sids that say what their statement does not do. Few rules, and sure ones: a Sid is free text."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from trailkey.access import in_account, region
from trailkey.access.language.actions import DECRYPT, DELETION, DISABLE, ENCRYPT, GRAVE, OTHER_USE, TAKE_OVER, UPKEEP
from trailkey.audit.rule import Match, PolicyRule
from trailkey.audit.statement_facts import listed_actions

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from typing import Any

    from trailkey.access.analysis.effective import Part
    from trailkey.audit.subject import Subject

_WORD: Final = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+")
_DENYING: Final = frozenset(
    ("block", "blocks", "denies", "deny", "disallow", "forbid", "forbids", "prevent", "prevents", "prohibit")
)
_ALLOWING: Final = frozenset(("allow", "allows", "enable", "enables", "grant", "grants", "permit", "permits"))
_RESTRICTING: Final = frozenset(("except", "if", "non", "not", "only", "unless", "without"))
"""Words that turn the first one round: a Deny named AllowOnlyTls says what it does."""
_OF_MORE: Final = frozenset(
    (
        "admin",
        "administer",
        "all",
        "data",
        "decrypt",
        "encrypt",
        "full",
        "generate",
        "grant",
        "manage",
        "read",
        "use",
        "and",
    )
)


def words(sid: str) -> tuple[str, ...]:
    """Return the words of a Sid in lower case, from capitals inside it or from spaces and signs between them."""
    return tuple(word.casefold() for word in _WORD.findall(sid))


def _misleading(subject: Subject) -> Iterator[Match]:
    for part in subject.parts:
        if part.statement.sid:
            said = words(part.statement.sid)
            for problem, severity, witness in _problems(subject, part, said):
                yield Match(
                    statement=part.statement.name,
                    severity="note" if severity == "note" else None,
                    witness=witness,
                    message=f'the Sid "{part.statement.sid}" says {problem}',
                )


def _problems(
    subject: Subject, part: Part, said: tuple[str, ...]
) -> Iterator[tuple[str, str, Mapping[str, Any] | None]]:
    statement = part.statement
    actions = listed_actions(statement, subject.scope.universe)
    allow = statement.effect == "Allow"
    spoken = set(said)
    if spoken & {"decrypt", "decrypts"} and not actions & set(DECRYPT):
        yield "decrypt, and the statement has no action that decrypts", "", None
    if spoken & {"encrypt", "encrypts"} and not actions & set(ENCRYPT):
        yield "encrypt, and the statement has no action that encrypts", "", None
    if said and not spoken & _RESTRICTING:
        if allow and said[0] in _DENYING:
            yield f"{said[0]}, and the statement is an Allow", "", _allowed(subject, part, tuple(actions))
        elif not allow and said[0] in _ALLOWING:
            yield f"{said[0]}, and the statement is a Deny", "", None
    if not allow:
        return
    joined = "".join(said)
    if "crossaccount" in joined and subject.account_known and _only_at_home(subject, part):
        yield f"cross account, and the statement admits nobody outside account {subject.scope.account}", "note", None
    changing = actions & {*ENCRYPT, *OTHER_USE, *TAKE_OVER, *DELETION, *DISABLE, *UPKEEP}
    if "readonly" in joined and changing:
        yield f"read only, and the statement allows {min(changing)}", "", _allowed(subject, part, tuple(changing))
    grave = actions & {*GRAVE, *UPKEEP}
    if spoken & {"describe", "describes"} and not spoken & _OF_MORE and grave:
        yield f"describe, and the statement allows {min(grave)}", "", _allowed(subject, part, tuple(grave))


def _only_at_home(subject: Subject, part: Part) -> bool:
    others = subject.people & ~in_account(subject.scope.account)
    who = part.statement.principals
    return bool(who and (who.aws or who.everyone)) and subject.is_empty(part.requests & region(principals=others))


def _allowed(subject: Subject, part: Part, actions: tuple[str, ...]) -> Mapping[str, Any] | None:
    """Return a request that the statement allows against what its Sid says."""
    return subject.grants_nothing(part.requests, region(actions=actions)).witness


RULES: Final = (
    PolicyRule(
        id="sid-misleads",
        severity="warning",
        title="A Sid that says what its statement does not do",
        reason="AWS ignores Sids and people review by them: a wrong one hides what is allowed, or that something is not.",
        source="https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_sid.html",
        remedy="name the statement after what it does, or make it do what it is named after",
        find=_misleading,
    ),
)
