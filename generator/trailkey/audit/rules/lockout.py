"""What keeps the key itself: someone who can still replace its policy, and deletion in the right hands."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from trailkey.access.algebra.boxes import Constraint, Single
from trailkey.access.algebra.languages import texts
from trailkey.access.analysis.caller_sets import in_account
from trailkey.access.analysis.prove import region
from trailkey.access.language.actions import DELETION, DISABLE, REPLACE_POLICY
from trailkey.audit.rule import Match, PolicyRule, Undecided, granting, refused
from trailkey.audit.rules.separation_of_duties import administrators
from trailkey.audit.statement_facts import delegates_everything

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from trailkey.access.language.policy import Statement
    from trailkey.audit.subject import Subject

_FALSE: Final = Single(absent=True, values=texts("false"))


def _locked_out(subject: Subject) -> Iterator[Match | Undecided]:
    if not subject.whole:
        return
    deployer, scope = subject.intent.deployer, subject.scope
    who = subject.callers([deployer]) if deployer else in_account(scope.account) & subject.people
    context: dict[str, Constraint] = {"kms:BypassPolicyLockoutSafetyCheck": _FALSE}
    within = region(principals=who, actions=REPLACE_POLICY, identity=True, context=context)
    certain = bool(deployer) or subject.account_known
    message = f"{deployer} may not" if deployer else f"nobody in account {scope.account} may"
    yield from refused(
        subject,
        within,
        f"{message} call kms:PutKeyPolicy with the lockout check on",
        severity=None if certain else "warning",
    )


def _deletion_unheld(subject: Subject) -> Iterator[Match | Undecided]:
    expected, everyone = subject.intent, subject.people
    if expected.break_glass:
        keepers = subject.callers(expected.break_glass)
        deployers = subject.callers([expected.deployer] if expected.deployer else [])

        def say(statement: Statement, witness: Mapping[str, Any]) -> Match:
            return Match(
                statement=statement.name,
                witness=witness,
                message=f"statement {statement.name} lets {witness['principal']} call {witness['action']}, who is not break glass",
            )

        # CloudFormation disables and enables keys for their property Enabled, so the deployer may.
        within = region(principals=everyone - keepers, actions=DELETION) | region(
            principals=everyone - keepers - deployers, actions=DISABLE
        )
        yield from granting(subject, within, say)
        return
    who = administrators(subject).callers

    def beside_upkeep(statement: Statement, witness: Mapping[str, Any]) -> Match:
        return Match(
            statement=statement.name,
            witness=witness,
            severity="note",
            message=f"statement {statement.name} lets {witness['principal']} call {witness['action']}, with no break glass apart from "
            "daily administration",
        )

    delegated = [part for part in subject.allows if delegates_everything(part.statement, subject.scope.account)]
    by_iam = region(principals=in_account(subject.scope.account) & everyone, actions=DELETION)
    yield from granting(subject, by_iam, beside_upkeep, delegated)
    rest = [part for part in subject.allows if part not in delegated]
    yield from granting(subject, region(principals=who, actions=DELETION), beside_upkeep, rest)


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
        id="deletion-unrestricted",
        severity="warning",
        title="Deletion is not held to break glass",
        reason="With the key gone nobody reads the events again, ever; who can do that by daily work can do it by mistake, or to hide.",
        source="https://docs.aws.amazon.com/kms/latest/developerguide/deleting-keys.html",
        remedy="leave kms:ScheduleKeyDeletion and kms:DisableKey to a break-glass role",
        find=_deletion_unheld,
    ),
)
