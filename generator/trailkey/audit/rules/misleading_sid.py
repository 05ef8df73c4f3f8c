"""Sids that say what their statement does not do. Few rules, and sure ones: a Sid is free text."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from trailkey.access import in_account, region
from trailkey.access.language.actions import DELETION, DISABLE, ENCRYPT, GRAVE, OTHER_USE, TAKE_OVER, UPKEEP
from trailkey.audit.rule import Match, PolicyRule
from trailkey.audit.statement_facts import listed_actions, principals_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from trailkey.access.analysis.effective import Part
    from trailkey.audit.subject import Subject
    from trailkey.findings import Severity

_WORD: Final = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+")
_DENYING: Final = frozenset(
    ("block", "blocks", "denies", "deny", "disallow", "forbid", "forbids", "prevent", "prevents", "prohibit")
)
_ALLOWING: Final = frozenset(("allow", "allows", "enable", "enables", "grant", "grants", "permit", "permits"))
_RESTRICTING: Final = frozenset(("except", "if", "non", "not", "only", "unless", "without"))
"""Words that turn the first one round: a Deny named AllowOnlyTls says what it does."""
_OF_THINGS: Final = frozenset(("config", "configuration", "context", "contexts", "key", "keys", "settings"))
_OF_MORE: Final = frozenset(
    (
        *("admin", "administer", "all", "and", "data", "decrypt", "encrypt", "full", "generate", "grant", "manage"),
        *("read", "use"),
    )
)


def words(sid: str) -> tuple[str, ...]:
    """Return the words of a Sid in lower case, from capitals inside it or from spaces and signs between them."""
    return tuple(word.casefold() for word in _WORD.findall(sid))


def _misleading(subject: Subject) -> Iterator[Match]:
    for part in subject.parts:
        if part.statement.sid:
            yield from _problems(subject, part, part.statement.sid)


def _problems(subject: Subject, part: Part, sid: str) -> Iterator[Match]:
    said = words(sid)
    spoken, joined = set(said), "".join(said)
    actions = listed_actions(part.statement, subject.scope.universe)
    allow = part.statement.effect == "Allow"

    def says(problem: str, shown: Iterable[str] = (), severity: Severity | None = None) -> Match:
        """Return the finding; of the actions that are ``shown`` the statement allows one against what its Sid says."""
        witness = subject.grants_nothing(part.requests, region(actions=tuple(shown))).witness
        message = f'the Sid "{sid}" says {problem}'
        return Match(statement=part.statement.name, severity=severity, witness=witness, message=message)

    for verb, meant in (("decrypt", ("kms:Decrypt",)), ("encrypt", ENCRYPT)):
        if _speaks_of(said, verb) and not actions & set(meant):
            yield says(f"{verb}, and the statement has no action that {verb}s")
    if said and not spoken & _RESTRICTING:
        if allow and said[0] in _DENYING:
            yield says(f"{said[0]}, and the statement is an Allow", actions)
        elif not allow and said[0] in _ALLOWING:
            yield says(f"{said[0]}, and the statement is a Deny")
    if not allow:
        return
    if "crossaccount" in joined and subject.found.account_known and _only_at_home(subject, part):
        yield says(
            f"cross account, and the statement admits nobody outside account {subject.scope.account}", (), "note"
        )
    changing = actions & {*ENCRYPT, *OTHER_USE, *TAKE_OVER, *DELETION, *DISABLE, *UPKEEP}
    if "readonly" in joined and changing:
        yield says(f"read only, and the statement allows {min(changing)}", changing)
    grave = actions & {*GRAVE, *UPKEEP}
    if spoken & {"describe", "describes"} and not spoken & _OF_MORE and grave:
        yield says(f"describe, and the statement allows {min(grave)}", grave)


def _speaks_of(said: tuple[str, ...], verb: str) -> bool:
    """Return whether a Sid says that its statement decrypts, or encrypts: of an encryption context or key it only speaks."""
    for word, following in zip(said, (*said[1:], ""), strict=True):
        if word in (verb, f"{verb}s") or (word == f"{verb}ion" and following not in _OF_THINGS):
            return True
    return False


def _only_at_home(subject: Subject, part: Part) -> bool:
    others = subject.people & ~in_account(subject.scope.account)
    who = principals_of(part.statement)
    return bool(who.aws or who.everyone) and subject.is_empty(part.requests & region(principals=others))


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
