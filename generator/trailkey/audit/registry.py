"""Every flaw there is, in the order of the documentation, and the audit: all of them looked for in one policy."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from trailkey.access.language.evaluate import decide
from trailkey.access.language.request import parse_request
from trailkey.audit.rule import Flaw, Found, Undecided
from trailkey.audit.rules import (
    cloudtrail,
    delivery,
    guards,
    lockout,
    malformed,
    misleading_sid,
    never_matches,
    principals,
    separation_of_duties,
    services,
    unknown_names,
)
from trailkey.audit.subject import Subject, read_subject
from trailkey.errors import UndecidedError
from trailkey.findings import Finding, by_severity
from trailkey.intent.model import KeyIntent

if TYPE_CHECKING:
    from collections.abc import Iterator

UNDECIDED: Final = Flaw(
    id="undecided",
    severity="warning",
    title="A question that could not be decided",
    reason="Where a policy variable can have many values, or patterns are too entangled, the answer is neither yes nor no; it is never "
    "counted as fine.",
    source="https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_variables.html",
    remedy="write the statement without the variable, or judge it by hand",
    find=lambda _: (),
)

FLAWS: Final[tuple[Flaw, ...]] = (
    *cloudtrail.FLAWS,
    *delivery.FLAWS,
    *services.FLAWS,
    *guards.FLAWS,
    *principals.FLAWS,
    *separation_of_duties.FLAWS,
    *lockout.FLAWS,
    *never_matches.FLAWS,
    *unknown_names.FLAWS,
    *malformed.FLAWS,
    *misleading_sid.FLAWS,
    UNDECIDED,
)


def audit(
    document: Any, *, place: str, key_arn: str, expected: KeyIntent | None = None, account_known: bool = True
) -> list[Finding]:
    """Return what is wrong with a key policy, errors first; each message ends with what to do.

    Args:
        document: the policy, intrinsic functions resolved.
        place: how errors and findings name it.
        key_arn: the ARN of its key, or one of the right account and Region.
        expected: what the setting says; nothing where it is left out.
        account_known: whether the account in ``key_arn`` is more than an assumption.

    Raises:
        PolicyError: the document is no key policy.
    """
    subject = read_subject(
        document, place=place, key_arn=key_arn, expected=expected or KeyIntent(), account_known=account_known
    )
    found: list[Finding] = []
    open_questions: dict[tuple[str, str | int | None], list[str]] = {}
    for flaw in FLAWS:
        for one in _looked_for(flaw, subject):
            if isinstance(one, Undecided):
                open_questions.setdefault((one.reason, one.statement), []).append(flaw.id)
            else:
                found.append(_finding(flaw, one, subject))
    for (reason, statement), ids in open_questions.items():
        message = f"cannot tell whether there is {', '.join(dict.fromkeys(ids))}: {reason}"
        found.append(_finding(UNDECIDED, Found(statement=statement, message=message), subject))
    return by_severity(found)


def _looked_for(flaw: Flaw, subject: Subject) -> Iterator[Found | Undecided]:
    try:
        yield from flaw.find(subject)
    except UndecidedError as error:
        yield Undecided(reason=str(error))


def _finding(flaw: Flaw, found: Found, subject: Subject) -> Finding:
    """Return a flaw as a finding, once the evaluator has answered its witness the way it is shown."""
    if found.witness is not None:
        decision = decide(parse_request(found.witness), resource_policy=subject.policy).decision
        if decision != found.shows:
            raise AssertionError(
                f"{subject.place}: {flaw.id}: the prover and the evaluator disagree: {found.witness} is {decision}, not {found.shows}"
            )
    return Finding(
        id=flaw.id,
        severity=found.severity or flaw.severity,
        place=subject.place,
        statement=found.statement,
        witness=found.witness,
        refused=found.shows == "denied",
        message=f"{found.message}; {found.remedy or flaw.remedy}",
    )
