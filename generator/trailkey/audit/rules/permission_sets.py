"""Permission sets of IAM Identity Center, whose roles have a name that ends in a suffix nobody chooses."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from trailkey.access import region
from trailkey.access.language.conditions import OPERATORS
from trailkey.audit.rule import Match, PolicyRule, Search, granting

if TYPE_CHECKING:
    from collections.abc import Iterator

    from trailkey.access import Language, Statement
    from trailkey.access.analysis.effective import Part
    from trailkey.audit.rule import Undecided
    from trailkey.audit.subject import Subject

_OPEN: Final = re.compile(r"(?P<start>.*AWSReservedSSO_)(?P<name>[^*?/$]+)\*+")
_SUFFIX: Final = "0123456789abcdef"


def _suffix_open(subject: Subject) -> Iterator[Match | Undecided]:
    """Yield the statements that allow, or exempt from a Deny, permission sets whose name begins like the one they name.

    Where a whole account reads, its permission sets are meant to as well.
    """
    wholes = subject.callers(one for one in subject.intent.readers if ":role/" not in one and ":user/" not in one)
    for part in subject.parts:
        for pattern in _open_patterns(part.statement):
            found = list(_widened(subject, part, pattern, wholes))
            yield from found
            if found:
                break


def _widened(subject: Subject, part: Part, pattern: re.Match[str], wholes: Language) -> Iterator[Match | Undecided]:
    name, statement = pattern["name"], part.statement
    others = f"every permission set whose name begins with {name}"
    role = f"AWSReservedSSO_{name}{'' if name.endswith('_') else '_'}{'?' * len(_SUFFIX)}"
    remedy = f"write a ? for each of the sixteen digits of the suffix: {role}"
    if statement.effect == "Deny":
        message = f"statement {statement.name} exempts {others}"
        yield Match(statement=statement.name, message=message, remedy=remedy)
        return
    alike = subject.callers([f"{pattern['start']}{name}Other_{_SUFFIX}"]) - wholes
    search = Search(within=region(principals=alike), says=lambda _: f"admits {others}", remedy=remedy)
    yield from granting(subject, [search], [part])


def _open_patterns(statement: Statement) -> Iterator[re.Match[str]]:
    """Yield the values of aws:PrincipalArn that name a permission set and leave the end of its role's name open."""
    for condition in statement.conditions:
        known = OPERATORS[condition.operator]
        widens = known.negated is (statement.effect == "Deny")
        if condition.key.casefold() == "aws:principalarn" and known.wildcards and widens:
            yield from filter(None, map(_OPEN.fullmatch, condition.values))


RULES: Final = (
    PolicyRule(
        id="permission-set-suffix-open",
        severity="note",
        title="A pattern of a permission set that others match",
        reason="The role of a permission set is AWSReservedSSO_NAME_SUFFIX, and a name may hold _: what ends in NAME_* also matches "
        "the roles of a permission set called NAME_Contractors, whoever makes that one. The suffix has had 16 hexadecimal digits in "
        "all of AWS's examples, though AWS does not promise its length.",
        source="https://docs.aws.amazon.com/singlesignon/latest/userguide/referencingpermissionsets.html",
        remedy="write a ? for each of the sixteen digits of the suffix",
        find=_suffix_open,
    ),
)
