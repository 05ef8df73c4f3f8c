"""The manifest of a deployment: its stacks in the order in which they are deployed, with target, parameters and steps."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

from trailkey.aws import STACK_SETS, parse_arn
from trailkey.cloudformation.requirements import capabilities_of, fits_body, holds_logs
from trailkey.config.resolve.principals import is_pattern
from trailkey.output.manifest import (
    BOOTSTRAP,
    DEPLOYER_POLICY,
    FORMAT,
    AccountTarget,
    DeployedStack,
    Manifest,
    StackSetTarget,
    Step,
)

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping, Sequence

    from trailkey.config.deployment import Deployment
    from trailkey.templates.stack import Stack


PREVENTS: Final[Mapping[str, str]] = {
    "attach-policy": "identity_policy_missing",
    "bootstrap": "deployer_may_not_create_key",
    "bucket-exists": "bucket_policy_insufficient",
    "bucket-policy": "bucket_policy_insufficient",
    "deployer-policy": "deployer_may_not_create_key",
    "deployer-uses-key": "identity_policy_missing",
    "identity-provider": "trust_policy_principal_invalid",
    "key-admits-service": "key_policy_does_not_allow",
    "lake-open": "unknown",  # AWS documents no message
    "no-scp": "denied_by_scp",
    "permission-set": "identity_policy_missing",
    "reader-policy": "identity_policy_missing",
    "role-exists": "identity_policy_missing",
    "service-linked-role": "service_linked_role_missing",
    "subscribe": "key_disabled",
    "topic-admits-service": "key_disabled",
    "trusted-access": "cloudtrail_trusted_access_off",
    "user-exists": "identity_policy_missing",
}
"""The error that a step prevents, by the kind of the step, where the step does not say it: a cause of ``trailkey explain``."""


@dataclass(frozen=True, slots=True)
class RenderedTemplate:
    """The template of a stack: its file, its document, and the bytes that are written."""

    file: str
    document: Mapping[str, Any]
    content: bytes


def plan(deployment: Deployment, stacks: Sequence[Stack], templates: Mapping[str, RenderedTemplate]) -> Manifest:
    """Return the manifest of a deployment, without the files of its folder.

    Steps come in the order of the stacks, each once. Stack sets are service-managed, in one Region: IAM is global.
    See: https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/stacksets-concepts.html

    Args:
        deployment: the deployment.
        stacks: its stacks, in the order in which they are deployed.
        templates: the template of each stack, by the name of the stack.
    """
    deployed = tuple(_stack(stack, templates[stack.name]) for stack in stacks)
    asked = [step for stack in stacks for step in stack.before]
    before = [_stack_sets(deployment)] if any(stack.account is None for stack in stacks) else []
    exist = [step for step in asked if step.kind in ("role-exists", "user-exists")]
    before += [*_bootstrap(deployment), *exist, *_deployers(deployed, {step.arn for step in exist}), *asked]
    return Manifest(
        format=FORMAT,
        name=deployment.name,
        partition=deployment.partition,
        before=tuple(dict.fromkeys(map(_with_cause, before))),
        stacks=deployed,
        notices=deployment.notices,
    )


def _with_cause(step: Step) -> Step:
    return replace(step, prevents=step.prevents or PREVENTS[step.kind])


def sha256(content: bytes) -> str:
    """Return the SHA-256 of a file as rollout.json has it."""
    return hashlib.sha256(content).hexdigest()


def _bootstrap(deployment: Deployment) -> Iterator[Step]:
    """Yield where bootstrap.yaml is deployed before anything else; with the workflow, to which GitHub's provider belongs too."""
    rollout = deployment.config.rollout
    accounts = dict.fromkeys(arn.account for role in deployment.made_roles if (arn := parse_arn(role.arn)))
    for account in accounts:
        if "github" in rollout.engines and rollout.github and rollout.github.repository:
            provider = f"arn:{deployment.partition}:iam::{account}:oidc-provider/token.actions.githubusercontent.com"
            yield Step(
                kind="identity-provider",
                account=account,
                text="GitHub's OIDC provider token.actions.githubusercontent.com exists, with the audience sts.amazonaws.com.",
                command=f"aws iam get-open-id-connect-provider --open-id-connect-provider-arn {provider}",
                arn=provider,
            )
        name = f"{deployment.name}-bootstrap"
        yield Step(
            kind="bootstrap",
            account=account,
            text=f"{BOOTSTRAP} is deployed as stack {name}, by somebody who may make roles; again after a change of it. It makes the roles below and their policies; whom the config trusts with them exists already.",
            command=f"aws cloudformation deploy --stack-name {name} --template-file {BOOTSTRAP} --capabilities CAPABILITY_NAMED_IAM --region {deployment.region}",
        )


def _deployers(stacks: Sequence[DeployedStack], known: Collection[str]) -> Iterator[Step]:
    """Yield what is needed of the role that runs the stacks of each account: that it is there, and allowed what it does.

    ``known`` are the roles of which it is said already that they exist.
    """
    for account, deployer in {stack.home[0]: stack.deployer for stack in stacks}.items():
        if not deployer:
            continue
        name = deployer.rpartition("/")[2]
        exact = not is_pattern(deployer)
        if exact and deployer not in known:
            text = f"{deployer} exists: it runs the stacks of account {account}."
            yield Step(
                kind="role-exists",
                account=account,
                text=text,
                command=f"aws iam get-role --role-name {name}",
                arn=deployer,
                prevents="key_policy_lockout",
            )
        file = DEPLOYER_POLICY.format(account)
        command = f"aws iam put-role-policy --role-name {name} --policy-name trailkey --policy-document file://{file}"
        yield Step(
            kind="deployer-policy",
            account=account,
            text=f"{deployer} is allowed what {file} says, and trusts cloudformation.amazonaws.com, or whoever is to run the stacks as that role. Another role cannot create the key: KMS makes none whose policy its creator could not replace.",
            command=command if exact else "",
            arn=deployer,
        )


def _stack_sets(deployment: Deployment) -> Step:
    management = deployment.management
    return Step(
        kind="trusted-access",
        account=management.id if management else "",
        text="Trusted access for CloudFormation StackSets is on in the organization.",
        command="aws cloudformation activate-organizations-access",
        arn=STACK_SETS,
        prevents="stack_sets_trusted_access_off",
    )


def _stack(stack: Stack, template: RenderedTemplate) -> DeployedStack:
    runs_it = stack.account or stack.deployment.management
    return DeployedStack(
        stack=stack.name,
        template=template.file,
        sha256=sha256(template.content),
        delivery="template_body" if fits_body(template.content) else "template_url",
        target=_target(stack),
        deployer=runs_it.deployer if runs_it else None,
        parameters=dict(sorted(stack.parameters.items())),
        capabilities=capabilities_of(template.document),
        tags=dict(stack.deployment.config.tags),
        depends_on=tuple(stack.depends_on),
        termination_protection=stack.account is not None and holds_logs(template.document),
        after=tuple(dict.fromkeys(map(_with_cause, stack.after))),
    )


def _target(stack: Stack) -> AccountTarget | StackSetTarget:
    if stack.stack_set is not None:
        return StackSetTarget(stack_set=stack.stack_set)
    return AccountTarget(account=stack.account_id, region=stack.region)
