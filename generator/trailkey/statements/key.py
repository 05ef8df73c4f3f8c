"""The statements of the key policies: one function a statement, a Sid each, with the sentence of AWS that asks for it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from trailkey.config.deployment import identifier
from trailkey.statements import actions
from trailkey.statements.builders import BY_CLOUDTRAIL, EVERYONE, account_principal, allow, deny, merged
from trailkey.statements.grantees import grantee_of, reader_grantee, stack_set_roles, through_s3
from trailkey.statements.trails import trail_context, trail_groups

if TYPE_CHECKING:
    from collections.abc import Sequence

    from awacs.aws import Statement

    from trailkey.config.account import Account
    from trailkey.config.deployment import Deployment, Reader, Store, Trail
    from trailkey.config.key_model import KeySettings
    from trailkey.statements.trails import TrailGroup


def cloudtrail_encrypts(group: TrailGroup) -> Statement:
    """CloudTrail encrypts for the trails of this config; both conditions must hold.

    See: https://docs.aws.amazon.com/awscloudtrail/latest/userguide/create-kms-key-policy-for-cloudtrail.html
    """
    guard = merged(group.source, group.context)
    return allow(f"CloudTrailEncryptsLogs{group.suffix}", actions.ENCRYPT_LOGS, to=BY_CLOUDTRAIL, guard=guard)


def cloudtrail_describes(group: TrailGroup) -> Statement:
    """CloudTrail looks at the key. DescribeKey has no encryption context: a condition on it would never match.

    See: https://docs.aws.amazon.com/kms/latest/developerguide/conditions-kms.html#conditions-kms-encryption-context
    """
    sid = f"CloudTrailDescribesKey{group.suffix}"
    return allow(sid, actions.DESCRIBE_KEY, to=BY_CLOUDTRAIL, guard=group.source)


def cloudtrail_decrypts(group: TrailGroup) -> Statement:
    """CloudTrail decrypts where the bucket uses S3 Bucket Keys, to create or update a trail.

    See: https://docs.aws.amazon.com/awscloudtrail/latest/userguide/create-kms-key-policy-for-cloudtrail.html
    """
    sid = f"CloudTrailDecryptsWithBucketKeys{group.suffix}"
    return allow(sid, actions.DECRYPT, to=BY_CLOUDTRAIL, guard=group.source)


def reader_decrypts(reader: Reader, deployment: Deployment) -> Statement:
    """A reader decrypts what trails of this config encrypted, through S3.

    See: https://docs.aws.amazon.com/awscloudtrail/latest/userguide/create-kms-key-policy-for-cloudtrail.html
    """
    grantee = reader_grantee(reader, deployment, deployment.key_account.id)
    guard = merged(trail_context(deployment), through_s3(reader, deployment.region))
    return allow(f"Reader{identifier(reader.name)}", actions.DECRYPT, to=grantee, guard=guard)


def administrators_manage(arns: Sequence[str], *, directly: bool) -> Statement:
    """Administrators describe, tag and rotate the key; every action is named. Config key ``administrators``.

    See: https://docs.aws.amazon.com/kms/latest/developerguide/key-policy-default.html#key-policy-default-allow-administrators
    """
    return allow("AdministratorsManageKey", actions.ADMINISTER, to=grantee_of(arns, directly=directly))


def administrators_never_use(arns: Sequence[str]) -> Statement:
    """Administrators neither use the key nor take over its use, whatever else allows them to.

    For everyone under aws:PrincipalArn: AWS says what an account as Principal is given, and nowhere what it is denied.
    See: https://docs.aws.amazon.com/kms/latest/developerguide/key-policy-default.html#key-policy-default-allow-administrators
    (an administrator with PutKeyPolicy or CreateGrant can give themselves any permission).
    """
    guard = grantee_of(arns).guard
    return deny("AdministratorsNeverUseKey", actions.USE_OR_TAKE_OVER, to=EVERYONE, guard=guard)


def deployer_updates(deployer: str, *, directly: bool) -> Statement:
    """The role that deploys reads and updates key and alias through CloudFormation. Config key ``deployer``.

    With PutKeyPolicy it passes the lockout check of CreateKey and PutKeyPolicy.
    See: https://docs.aws.amazon.com/kms/latest/APIReference/API_PutKeyPolicy.html#KMS-PutKeyPolicy-request-BypassPolicyLockoutSafetyCheck
    """
    return allow("DeployerUpdatesKey", actions.DEPLOY_KEY, to=grantee_of([deployer], directly=directly))


def trail_deployer_describes(account: Account, *, directly: bool) -> Statement:
    """Who deploys a trail in another account may look at the key: AWS asks for "permissions that enable you to use" it.

    See: https://docs.aws.amazon.com/awscloudtrail/latest/userguide/create-kms-key-policy-for-cloudtrail-update-trail.html
    """
    grantee = grantee_of([account.deployer or ""], directly=directly)
    return allow(f"TrailDeployer{identifier(account.name)}", actions.DESCRIBE_KEY, to=grantee)


def stack_set_describes(trails: Sequence[Trail], deployment: Deployment) -> Statement:
    """The role with which a stack set makes a trail may look at the key, as whoever deploys one in another account.

    See: the same page.
    """
    own = deployment.key_account.id
    accounts = [trail.account.id for trail in trails if trail.account and trail.account.id != own]
    grantee = stack_set_roles(trails[0], accounts, deployment)
    return allow(f"TrailStackSet{identifier(trails[0].settings.name)}", actions.DESCRIBE_KEY, to=grantee)


def break_glass_repairs(arns: Sequence[str], *, directly: bool) -> Statement:
    """Break glass replaces the key policy, disables and deletes the key. Config key ``break_glass``."""
    return allow("BreakGlassRepairsKey", actions.BREAK_GLASS, to=grantee_of(arns, directly=directly))


def root_user_recovers(account: Account) -> Statement:
    """The root user of the account can replace the key policy when nobody else can.

    See: https://docs.aws.amazon.com/kms/latest/developerguide/key-policy-default.html (avoiding unmanageable keys)
    """
    return allow("RootUserRecoversKey", actions.REPLACE_POLICY, to=grantee_of([f"arn:aws:iam::{account.id}:root"]))


def nobody_bypasses_the_lockout_check() -> Statement:
    """Nobody puts a policy that they could not put again. An Allow under ``false`` would fail where the key is not sent.

    See: https://docs.aws.amazon.com/kms/latest/developerguide/conditions-kms.html#conditions-kms-bypass-policy-lockout-safety-check
    """
    guard = {"Bool": {"kms:BypassPolicyLockoutSafetyCheck": "true"}}
    return deny("NobodyBypassesLockoutCheck", actions.REPLACE_POLICY, to=EVERYONE, guard=guard)


def nobody_shortens_deletion(pending_window_days: int) -> Statement:
    """Nobody schedules the deletion with less time to cancel it. Config key ``pending_window_days``.

    The template's property binds CloudFormation alone; whoever calls ScheduleKeyDeletion says a window of their own.
    See: https://docs.aws.amazon.com/kms/latest/developerguide/conditions-kms.html#conditions-kms-schedule-key-deletion-pending-window-in-days
    """
    guard = {"NumericLessThan": {"kms:ScheduleKeyDeletionPendingWindowInDays": str(pending_window_days)}}
    return deny("NobodyShortensDeletion", actions.SCHEDULE_DELETION, to=EVERYONE, guard=guard)


def account_reads_metadata(account: Account) -> Statement:
    """The account's IAM policies may allow to look at the key: Config, Security Hub, Access Analyzer and auditors do.

    See: https://docs.aws.amazon.com/kms/latest/developerguide/key-policy-default.html#key-policy-default-allow-root-enable-iam
    """
    return allow("AccountReadsMetadata", actions.READ_METADATA, to=account_principal(account.id))


def lake_encrypts() -> Statement:
    """CloudTrail Lake encrypts and decrypts. aws:SourceArn is not supported here, hence a key of its own for each store.

    See: https://docs.aws.amazon.com/awscloudtrail/latest/userguide/create-kms-key-policy-for-cloudtrail.html (event data stores)
    """
    return allow("CloudTrailLakeUsesKey", actions.LAKE_SERVICE, to=BY_CLOUDTRAIL)


def lake_describes() -> Statement:
    """CloudTrail Lake looks at the key. The same page."""
    return allow("CloudTrailLakeDescribesKey", actions.DESCRIBE_KEY, to=BY_CLOUDTRAIL)


def lake_queriers_use(arns: Sequence[str], *, directly: bool) -> Statement:
    """Who runs queries and gets their results. The same page. Config key ``queriers``."""
    return allow("QueriersUseKey", actions.LAKE_PEOPLE, to=grantee_of(arns, directly=directly))


def lake_deployer_uses(deployer: str, *, directly: bool) -> Statement:
    """Who creates and updates the event data store. The same page."""
    return allow("DeployerUsesKey", actions.LAKE_PEOPLE, to=grantee_of([deployer], directly=directly))


def trail_key_policy(deployment: Deployment) -> list[Statement]:
    """Return the statements of the trails' key, who writes first, then who reads, then who looks after it."""
    config = deployment.config
    statements = []
    for group in trail_groups(deployment):
        statements += [cloudtrail_encrypts(group), cloudtrail_describes(group)]
        if config.bucket.bucket_key_enabled:
            statements.append(cloudtrail_decrypts(group))
    statements += [reader_decrypts(reader, deployment) for reader in deployment.readers]
    directly = config.key.name_roles
    statements += [trail_deployer_describes(owner, directly=directly) for owner in deployment.deploying_elsewhere]
    statements += [
        stack_set_describes(trails, deployment)
        for trails in deployment.trail_sets
        if any(trail.account != deployment.key_account for trail in trails)  # at home IAM decides who sees the key
    ]
    return statements + _key_roles(deployment.key_account, deployment, config.key, directly=directly)


def lake_key_policy(store: Store, *, directly: bool) -> list[Statement]:
    """Return the statements of an event data store's key."""
    statements = [lake_encrypts(), lake_describes()]
    if store.queriers:
        statements.append(lake_queriers_use(store.queriers, directly=directly))
    if store.account.deployer:
        statements.append(lake_deployer_uses(store.account.deployer, directly=directly))
    return statements + _key_roles(store.account, store, store.settings, directly=directly)


def _key_roles(
    account: Account, people: Deployment | Store, settings: KeySettings, *, directly: bool
) -> list[Statement]:
    """Return the statements that every key has for those who look after it."""
    statements = []
    if people.administrators:
        statements.append(administrators_manage(people.administrators, directly=directly))
        statements.append(administrators_never_use(people.administrators))
    if account.deployer:
        statements.append(deployer_updates(account.deployer, directly=directly))
    if people.break_glass:
        statements.append(break_glass_repairs(people.break_glass, directly=directly))
    return [
        *statements,
        root_user_recovers(account),
        nobody_bypasses_the_lockout_check(),
        nobody_shortens_deletion(settings.pending_window_days),
        account_reads_metadata(account),
    ]
