"""What keeps the key itself: someone who can still replace its policy, and deletion in the right hands."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from trailkey.access import Constraint, Single, in_account, region, texts
from trailkey.access.language.actions import DELETION, DISABLE, REPLACE_POLICY, UPKEEP
from trailkey.audit.rule import PolicyRule, Search, granting, refused
from trailkey.audit.rules.separation_of_duties import administrators

if TYPE_CHECKING:
    from collections.abc import Iterator

    from trailkey.access import Language
    from trailkey.audit.rule import Match, Undecided
    from trailkey.audit.subject import Subject
    from trailkey.findings import Severity

_FALSE: Final = Single(absent=True, values=texts("false"))


def _locked_out(subject: Subject) -> Iterator[Match | Undecided]:
    if not subject.whole:
        return
    deployer, scope = subject.intent.deployer, subject.scope
    who = subject.callers([deployer]) if deployer else in_account(scope.account) & subject.people
    context: dict[str, Constraint] = {"kms:BypassPolicyLockoutSafetyCheck": _FALSE}
    within = region(principals=who, actions=REPLACE_POLICY, identity=True, context=context)
    certain = bool(deployer) or subject.found.account_known
    message = f"{deployer} is not" if deployer else f"nobody in account {scope.account} is"
    yield from refused(
        subject,
        within,
        f"{message} allowed to call kms:PutKeyPolicy with the lockout check on",
        severity=None if certain else "warning",
    )


def _keeper_cannot(subject: Subject) -> Iterator[Match | Undecided]:
    """Yield those who were named to look after the key, and are allowed nothing of what that takes."""
    if not subject.whole:
        return
    repair, delete = ("kms:PutKeyPolicy",), ("kms:ScheduleKeyDeletion",)
    tasks: tuple[tuple[tuple[str, ...], str, tuple[str, ...], str, Severity], ...] = (
        (subject.intent.break_glass, "break glass", repair, "replace the key policy (kms:PutKeyPolicy)", "error"),
        (subject.intent.break_glass, "break glass", delete, "delete the key (kms:ScheduleKeyDeletion)", "warning"),
        (subject.intent.administrators, "an administrator", UPKEEP, "change any setting of the key", "warning"),
    )
    for names, what, actions, task, severity in tasks:
        for name in names:
            within = region(principals=subject.callers([name]), actions=actions, identity=True)
            yield from refused(subject, within, f"{name}, who is {what}, is not allowed to {task}", severity=severity)


def _deletion_unrestricted(subject: Subject) -> Iterator[Match | Undecided]:
    if not subject.intent.break_glass:
        return _without_break_glass(subject)
    others = subject.people - subject.callers(subject.intent.break_glass)
    but_deployer = others - subject.callers([subject.intent.deployer])
    search = Search(
        # CloudFormation disables and enables keys for their property Enabled, so the deployer may.
        within=region(principals=others, actions=DELETION) | region(principals=but_deployer, actions=DISABLE),
        says=lambda request: f"lets {request['principal']} call {request['action']}, who is not break glass",
    )
    return granting(subject, [search])


def _without_break_glass(subject: Subject) -> Iterator[Match | Undecided]:
    at_home = in_account(subject.scope.account) & subject.people
    delegated = [part for part in subject.allows if part not in subject.not_delegated]
    yield from granting(subject, [_as_upkeep(at_home)], delegated)
    yield from granting(subject, [_as_upkeep(administrators(subject))], subject.not_delegated)


def _as_upkeep(who: Language) -> Search:
    return Search(
        within=region(principals=who, actions=DELETION),
        says=lambda request: (
            f"lets {request['principal']} call {request['action']}, and no separate break-glass role is named"
        ),
        severity="note",
    )


RULES: Final = (
    PolicyRule(
        id="locked-out",
        severity="error",
        title="Nobody can replace the key policy",
        reason="KMS refuses a key policy that its caller could not change again; with the check bypassed, only AWS Support can bring "
        "such a key back.",
        source="https://docs.aws.amazon.com/kms/latest/developerguide/key-policy-default.html#allow-root-safety",
        remedy="allow kms:PutKeyPolicy to the role that deploys the key and to one that repairs it, and check the Deny statements",
        find=_locked_out,
    ),
    PolicyRule(
        id="keeper-cannot-act",
        severity="error",
        title="Break glass or an administrator cannot do their work",
        reason="Who is named to repair, delete or look after the key finds out when it is too late that a Deny, a condition or a wrong ARN "
        "keeps them out. Repair is an error: without it a mistake in the policy stays. Deletion and daily settings can wait, and are warnings.",
        source="https://docs.aws.amazon.com/kms/latest/developerguide/key-policy-default.html#key-policy-default-allow-administrators",
        remedy="allow it to the role in the key policy, by the ARN of the role and not of its session, and check the Deny statements",
        find=_keeper_cannot,
    ),
    PolicyRule(
        id="deletion-unrestricted",
        severity="warning",
        title="Deletion is not restricted to break glass",
        reason="With the key gone nobody can ever read the events again; a role in daily use could delete it by mistake, or to hide something.",
        source="https://docs.aws.amazon.com/kms/latest/developerguide/deleting-keys.html",
        remedy="leave kms:ScheduleKeyDeletion and kms:DisableKey to a break-glass role",
        find=_deletion_unrestricted,
    ),
)
