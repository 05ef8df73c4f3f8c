"""What must hold of every key, whatever it is for: about those who look after it, and those who must not."""

from __future__ import annotations

from dataclasses import replace
from operator import attrgetter
from typing import TYPE_CHECKING, Final, TypeVar

from trailkey.access import Single, covers, excludes, held_to, in_account, joined, people, region, texts
from trailkey.access.algebra.intervals import intervals
from trailkey.access.algebra.request_sets import EVERY_REQUEST
from trailkey.access.analysis.caller_sets import NO_SERVICE, of_kind
from trailkey.access.language.actions import REPLACE_POLICY, TAKE_OVER, USE
from trailkey.intent.model import KeyRoles
from trailkey.proofs.properties.property import Property
from trailkey.proofs.properties.role_actions import ADMINISTER, DELETE, DEPLOY, DISABLE, HAND_OUT, METADATA, REPAIR

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from trailkey.access import Answer, Constraint, EffectivePermissions, RequestSet
    from trailkey.access.algebra.intervals import Intervals

Key = TypeVar("Key", bound=KeyRoles)

KEY_POLICY_PAGE: Final = "https://docs.aws.amazon.com/kms/latest/developerguide/key-policy-default.html"
_EVERY_USE = (*USE, *TAKE_OVER)
_BYPASS = "kms:BypassPolicyLockoutSafetyCheck"
_CHECKED: Final = {_BYPASS: Single(texts("false"), absent=True)}
"""A key policy put with the lockout check on, as every caller does who does not ask otherwise; no other call has the key."""
_WINDOW: Final = "kms:ScheduleKeyDeletionPendingWindowInDays"


def at_most(granted: EffectivePermissions, rows: RequestSet, within: RequestSet) -> Answer:
    """Answer the claim that nothing in a region is allowed beyond these rows.

    The rows are taken away as a Deny would: cutting them out of the region first would leave it in a thousand pieces.
    """
    return excludes(replace(granted, deny=granted.deny | rows), within)


def able(
    granted: EffectivePermissions,
    key: KeyRoles,
    arns: Iterable[str],
    actions: Iterable[str],
    context: Mapping[str, Constraint] | None = None,
) -> Answer:
    """Answer the claim that these people may do something, where their own IAM policy allows, or by themselves if so named."""
    who = key.named(arns) & ~of_kind("root", key.partition)
    direct = key.named(key.named_directly) & in_account(key.account)
    backed = region(principals=who - direct, actions=actions, identity=True, context=context)
    return covers(granted, backed | region(principals=who & direct, actions=actions, context=context))


def rows_of_key_roles(key: KeyRoles) -> RequestSet:
    """Return what those who look after a key may do with it at most."""
    return joined(
        [
            region(principals=key.named(key.administrators), actions=ADMINISTER),
            region(principals=key.named([key.deployer]), actions=DEPLOY),
            region(principals=key.named(key.break_glass), actions=REPAIR),
            region(principals=key.root_user, actions=REPLACE_POLICY),
            region(principals=people(key.partition, key.account), actions=METADATA),
        ]
    )


def _administrators_denied(granted: EffectivePermissions, key: KeyRoles) -> Answer:
    """The Deny alone takes out every use, whatever another statement may come to allow."""
    who = key.named(key.administrators) & in_account(key.account)
    return excludes(replace(granted, allow=EVERY_REQUEST), region(principals=who, actions=_EVERY_USE))


def _hurried(key: KeyRoles) -> Intervals:
    """Return the windows, as texts of a request, that leave too little time to cancel a deletion."""
    return intervals("NumericLessThan", str(key.pending_window_days))


def _in_time(key: KeyRoles) -> dict[str, Constraint]:
    """Return a deletion with time enough to cancel it; where the caller says no window KMS takes its longest, 30 days."""
    return {_WINDOW: Single(~_hurried(key), absent=True)}


def _window_held(granted: EffectivePermissions, key: KeyRoles) -> Answer:
    """The Deny alone holds it, whoever may come to delete."""
    hurried = region(actions=("kms:ScheduleKeyDeletion",), context={_WINDOW: Single(_hurried(key))})
    return excludes(replace(granted, allow=EVERY_REQUEST), hurried)


def _iam_needed(granted: EffectivePermissions, key: KeyRoles) -> Answer:
    """Without an IAM policy nobody but the root user holds anything; roles that are named as Principal are left out."""
    who = NO_SERVICE & ~key.root_user & ~key.named(key.named_directly)
    return excludes(granted, region(principals=who & ~of_kind("root", key.partition), identity=False))


def nobody_holds_more(rows: Callable[[Key], RequestSet]) -> Property[Key]:
    """Return the property that people and roles hold nothing beyond the rows of a kind of key."""
    return Property(
        id="nobody-holds-more",
        title="no person or role holds anything beyond its row",
        reason="A permission that no row explains is there for no reason that anybody can check.",
        source="https://docs.aws.amazon.com/kms/latest/developerguide/least-privilege.html",
        remedy="take the action out of the statement, or the principal out of its reach",
        claim=lambda granted, key: at_most(granted, rows(key), region(principals=NO_SERVICE)),
    )


OF_EVERY_KEY: Final[Sequence[Property[KeyRoles]]] = (
    Property(
        id="administrators-denied",
        title="an explicit Deny keeps administrators from the key's use, whatever else allows it",
        reason="A Deny wins over every Allow, also over one that a later change adds: without it the separation of duties lasts until the next mistake.",
        source="https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic.html",
        remedy="keep the Deny statement whole: every cryptographic operation, CreateGrant, PutKeyPolicy and ReplicateKey, for every administrator",
        claim=_administrators_denied,
        path=lambda key: (*key.path, "administrators"),
    ),
    Property(
        id="administrators-never-use",
        title="whoever administers the key neither uses it nor takes over its use",
        reason="With Decrypt an administrator reads; with CreateGrant, PutKeyPolicy or ReplicateKey an administrator can come to read.",
        source=KEY_POLICY_PAGE,
        remedy="let other roles read or replace the policy than those that administer the key",
        claim=lambda granted, key: excludes(
            granted, region(principals=key.named(key.administrators), actions=_EVERY_USE)
        ),
        path=lambda key: (*key.path, "administrators"),
    ),
    Property(
        id="administrators-administer",
        title="administrators can describe, tag and rotate the key, and manage its alias",
        reason="An administrator who cannot do the work asks for more than the work needs.",
        source=KEY_POLICY_PAGE,
        remedy="let no Deny or condition keep administrators from the actions of their row",
        claim=lambda granted, key: able(granted, key, key.administrators, ADMINISTER),
        path=lambda key: (*key.path, "administrators"),
    ),
    Property(
        id="break-glass-repairs",
        title="break glass can replace the policy, disable the key, and schedule and cancel its deletion",
        reason="Someone must be able to repair a key whose policy is wrong, or logs can be lost for good.",
        source=KEY_POLICY_PAGE,
        remedy="let no Deny or condition keep break glass from the actions of its row",
        claim=lambda granted, key: able(granted, key, key.break_glass, REPAIR, {**_CHECKED, **_in_time(key)}),
        path=lambda key: (*key.path, "break_glass"),
    ),
    Property(
        id="key-policy-writers",
        title="nobody but deployer, break glass and root user replaces the key policy",
        reason="Whoever may replace the policy can give themselves every other permission on the key.",
        source=KEY_POLICY_PAGE,
        remedy="leave kms:PutKeyPolicy to deployer, break glass and root user",
        claim=lambda granted, key: excludes(granted, region(principals=~key.policy_writers, actions=REPLACE_POLICY)),
    ),
    Property(
        id="deletion-restricted",
        title="nobody but break glass deletes the key",
        reason="A deleted key makes every log file it encrypted permanently unreadable.",
        source="https://docs.aws.amazon.com/kms/latest/developerguide/deleting-keys.html",
        remedy="leave kms:ScheduleKeyDeletion and kms:CancelKeyDeletion to break glass",
        claim=lambda granted, key: excludes(granted, region(principals=~key.named(key.break_glass), actions=DELETE)),
        path=lambda key: (*key.path, "break_glass"),
    ),
    Property(
        id="deletion-window-held",
        title="nobody schedules the key's deletion with less time to cancel it than the config says",
        reason="PendingWindowInDays in a template binds CloudFormation alone: whoever calls ScheduleKeyDeletion may say seven days.",
        source="https://docs.aws.amazon.com/kms/latest/developerguide/deleting-keys-scheduling-key-deletion.html",
        remedy="keep the Deny on kms:ScheduleKeyDeletion under a window of fewer days than pending_window_days",
        claim=_window_held,
    ),
    Property(
        id="disable-restricted",
        title="nobody but break glass disables or enables the key",
        reason="A disabled key stops the delivery of every trail at once, and nobody reads the logs that are there.",
        source="https://docs.aws.amazon.com/kms/latest/developerguide/enabling-keys.html",
        remedy="leave kms:DisableKey and kms:EnableKey to break glass: CloudFormation calls neither for a key that stays enabled",
        claim=lambda granted, key: excludes(granted, region(principals=~key.named(key.break_glass), actions=DISABLE)),
        path=lambda key: (*key.path, "break_glass"),
    ),
    Property(
        id="no-grants",
        title="nobody may create grants for the key or replicate it",
        reason="A grant allows the key's use beside its policy, and a replica has a policy of its own; CloudTrail needs neither.",
        source="https://docs.aws.amazon.com/kms/latest/developerguide/grants.html",
        remedy="allow kms:CreateGrant and kms:ReplicateKey to nobody",
        claim=lambda granted, _: excludes(granted, region(actions=HAND_OUT)),
    ),
    Property(
        id="lockout-check-stands",
        title="nobody can bypass the lockout check of a key policy",
        reason="KMS refuses a policy that its author could not change again, unless the author asks it not to check.",
        source="https://docs.aws.amazon.com/kms/latest/developerguide/conditions-kms.html",
        remedy="keep the Deny on kms:PutKeyPolicy under kms:BypassPolicyLockoutSafetyCheck true",
        claim=lambda granted, _: excludes(granted, region(actions=REPLACE_POLICY, context={_BYPASS: held_to("true")})),
    ),
    Property(
        id="deployer-updates",
        title="the role that deploys can read and update key, alias and key policy",
        reason="CloudFormation acts as this role: without PutKeyPolicy the first creation fails the lockout check, and a later update leaves the stack stuck.",
        source="https://docs.aws.amazon.com/kms/latest/APIReference/API_PutKeyPolicy.html",
        remedy="name the role that runs the stack as deployer of the key's account, and let nothing deny it",
        claim=lambda granted, key: able(granted, key, [key.deployer], DEPLOY, _CHECKED),
        path=attrgetter("deployer_path"),
    ),
    Property(
        id="root-user-recovers",
        title="the root user can still replace the key policy",
        reason="When deployer and break glass are gone, the account's root user is the last who can repair the key without AWS Support.",
        source=KEY_POLICY_PAGE,
        remedy="keep the root user's statement, and deny it nothing",
        claim=lambda granted, key: covers(
            granted, region(principals=key.root_user, actions=REPLACE_POLICY, context=_CHECKED)
        ),
    ),
    Property(
        id="account-reads-metadata",
        title="the account's IAM policies can allow reading the key's metadata",
        reason="AWS Config, Security Hub, IAM Access Analyzer and auditors see a key only where its policy lets the account's IAM policies count.",
        source=KEY_POLICY_PAGE,
        remedy="keep the account's statement on metadata",
        claim=lambda granted, key: covers(
            granted, region(principals=people(key.partition, key.account), actions=METADATA, identity=True)
        ),
    ),
    Property(
        id="iam-needed",
        title="a grant through the account needs an IAM policy too",
        reason="Principal * and a role named as Principal need no IAM policy in the key's own account, so nobody there would have to allow the use.",
        source="https://docs.aws.amazon.com/kms/latest/developerguide/policy-evaluation.html",
        remedy="name the account as Principal and the role under aws:PrincipalArn",
        claim=_iam_needed,
    ),
)
"""Asked of the trails' key and of the key of each event data store."""
