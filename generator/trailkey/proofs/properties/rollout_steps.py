"""What rollout.json must tell people: what they do beside the stacks, before and after them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from trailkey.aws import CLOUDTRAIL, STACK_SETS, parse_arn
from trailkey.config.watched import watched
from trailkey.inventory.policies import PolicySet
from trailkey.output.manifest import BUCKET_POLICY, BUCKET_POLICY_STEP, OWNER_STEP
from trailkey.proofs.properties.entitlements import entitlements

if TYPE_CHECKING:
    from collections.abc import Iterator

    from trailkey.config.deployment import Deployment
    from trailkey.inventory.folder import Folder


def _preconditions(deployment: Deployment) -> Iterator[tuple[str, str, str]]:
    """Yield the kind, account and ARN of each step about what no stack of a folder can bring about, and a stack fails without."""
    bucket, owner = deployment.config.bucket, deployment.bucket_account.id
    home = deployment.management.id if deployment.management else ""
    if bucket.existing:
        yield "bucket-exists", owner, f"arn:{deployment.partition}:s3:::{bucket.name}"
    else:
        yield "no-scp", home or owner, ""
    organization_wide = [trail.settings.is_organization_trail for trail in deployment.trails]
    for trail in deployment.trails:
        logs, topic = trail.settings.cloudwatch_logs, trail.settings.sns_topic
        owner = trail.account.id if trail.account else ""
        yield from _of_keys(owner, logs.kms_key_arn if logs else None, topic.kms_key if topic else None)
    for store in deployment.stores:
        organization_wide.append(store.settings.organization_enabled)
        yield "lake-open", store.account.id, ""
    if any(organization_wide):
        yield from (("trusted-access", home, CLOUDTRAIL), ("service-linked-role", home, ""))
    if alarm := deployment.config.key.alarm:
        arns = [arn for arn in map(parse_arn, alarm.topic_arns) if arn]
        yield from (("topic-admits-service", arn.account, str(arn)) for arn in arns)
        made = {one.place for one in watched(deployment)} - {(arn.account, arn.region) for arn in arns}
        for account, _ in sorted(made):
            yield from _of_keys(account, alarm.kms_key)


def _of_keys(account: str, *keys: str | None) -> Iterator[tuple[str, str, str]]:
    """Yield the steps about keys that are no key of ours, in the account that an alias is looked up in."""
    for key in filter(None, keys):
        arn = parse_arn(key)
        yield "key-admits-service", arn.account if arn else account, key


def untold(deployment: Deployment, folder: Folder) -> Iterator[str]:
    """Yield what people are not told: which roles exist first, which policies to attach, whose bucket gets which statements."""
    if folder.manifest.notices != deployment.notices:
        yield "the notices are not those of the config"
    bucket = f"arn:{deployment.partition}:s3:::{deployment.config.bucket.name}"
    receiving = [(step.arn, step.account) for step in folder.manifest.before if step.kind == BUCKET_POLICY_STEP]
    if receiving != [(bucket, deployment.bucket_account.id)] * deployment.config.bucket.existing:
        who = f"only {bucket} gets" if deployment.config.bucket.existing else "no bucket gets"
        yield f"the steps do not say that {who} the statements of {BUCKET_POLICY}"
    if deployment.config.bucket.existing != (BUCKET_POLICY in folder.files):
        yield f"{BUCKET_POLICY} is {'missing' if deployment.config.bucket.existing else 'not asked for by the config'}"
    owners = [
        (step.arn, step.account) for stack in folder.manifest.stacks for step in stack.after if step.kind == OWNER_STEP
    ]
    others = [
        (arn, one.account.id)
        for one in deployment.readers
        if one.account and not one.account.ours
        for arn in one.principal_arns
    ]
    if owners != others:
        yield f"the owners of {', '.join(arn for arn, _ in others) or 'no reader'} are to be told what to allow, and told are those of {', '.join(arn for arn, _ in owners) or 'no reader'}"
    asked = list(_preconditions(deployment))
    if any(stack.stack_set for stack in folder.manifest.stacks):
        asked.append(("trusted-access", deployment.management.id if deployment.management else "", STACK_SETS))
    asked += [("deployer-policy", one.home[0], one.deployer) for one in folder.manifest.stacks if one.deployer]
    told = {(step.kind, step.account, step.arn) for step in folder.manifest.before}
    yield from (
        f"no step {kind}{f' about {arn}' if arn else ''} in account {account} comes before the stacks"
        for kind, account, arn in dict.fromkeys(asked)
        if (kind, account, arn) not in told
    )
    deployers = {account.id: account.deployer for account in deployment.accounts.values()}
    for step in folder.manifest.before:
        arn, about = parse_arn(step.arn), f" about {step.arn}" if step.arn else ""
        if step.account not in ("", *deployers) or (arn and arn.account not in ("", step.account)):
            yield f"step {step.kind}{about} is said to be done in {step.account or 'several accounts'}"
        if step.kind == "deployer-policy" and step.arn != deployers.get(step.account):
            yield f"step {step.kind}{about} is not about the deployer of {step.account}"
    grantees = entitlements(deployment, PolicySet())
    existing = [step.arn for step in folder.manifest.before if step.kind in ("role-exists", "user-exists")]
    for one in folder.stacks:
        kinds = {resource["Type"] for resource in one.template["Resources"].values()}
        subscribed = any(step.kind == "subscribe" for step in one.stack.after)
        if subscribed is not ({"AWS::Events::Rule", "AWS::SNS::Topic"} <= kinds):
            yield f"the steps after stack {one.stack.stack} {'ask' if subscribed else 'do not ask'} people to subscribe to the alarm's topic"
        steps = [step for step in one.stack.after if step.kind in ("attach-policy", "permission-set")]
        arns = [arn for step in steps if (arn := parse_arn(step.arn))]
        names = [arn.resource.rpartition("/")[2] for arn in arns]
        where = ("*", "") if one.stack.stack_set else (one.place.account, one.place.account)
        for step in steps:
            arn = parse_arn(step.arn)
            if arn is None or (arn.account, step.account) != where:
                yield f"a step after stack {one.stack.stack} is about {step.arn} in account {step.account or 'of a stack set'}"
            elif not any(policy.policy_name == arn.resource.rpartition("/")[2] for policy in one.policies.identities):
                yield f"a step after stack {one.stack.stack} is about {step.arn}, which is not a policy of its template"
        for policy in one.policies.identities:
            known = {policy.attachment(arn) for arn in existing}
            for who in sorted(grantees.attachments(policy) - known):
                yield f"no step says that {who} exists, to which stack {one.stack.stack} attaches a policy"
            # A policy that is split is told by the name of its first part.
            ends = [policy.policy_name[len(name) :] for name in names if policy.policy_name.startswith(name)]
            if policy.policy_name and not any(not end or end.isdigit() for end in ends):
                yield f"no step after stack {one.stack.stack} says who attaches policy {policy.policy_name}"
