"""The people's stacks: the IAM managed policies on the other side of each grant, attached to roles or under a name to refer to."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from troposphere import GetAtt, encode_to_dict, iam

from trailkey.aws import MANAGED_POLICY_CHARACTERS, parse_arn
from trailkey.config.deployment import identifier
from trailkey.config.resolve.principals import is_pattern
from trailkey.output.manifest import Step
from trailkey.statements import identity
from trailkey.statements.builders import document, text
from trailkey.templates.stack import reader_step

if TYPE_CHECKING:
    from collections.abc import Sequence

    from awacs.aws import Statement

    from trailkey.config.deployment import Deployment, Reader, Store
    from trailkey.config.source import ConfigPath
    from trailkey.templates.stack import Stack


def packed(statements: Sequence[Statement], limit: int = MANAGED_POLICY_CHARACTERS) -> list[list[Statement]]:
    """Return the statements in as few policies as the limit allows, in order: IAM counts characters without white space.

    A single statement over the limit stands alone, and the check of limits refuses it.
    """
    policies: list[list[Statement]] = []
    for statement in statements:
        if policies and _characters([*policies[-1], statement]) <= limit:
            policies[-1].append(statement)
        else:
            policies.append([statement])
    return policies


def _characters(statements: Sequence[Statement]) -> int:
    """Return an upper bound of the characters of a policy: a Ref or Fn::Sub is counted as the longest ARN it stands for."""

    def resolved(value: Any) -> Any:
        if isinstance(value, dict) and len(value) == 1 and next(iter(value)) in ("Ref", "Fn::GetAtt"):
            return "x" * 100
        if isinstance(value, dict) and "Fn::Sub" in value:
            return str(value["Fn::Sub"]).replace("${AWS::Partition}", "aws-us-gov")
        if isinstance(value, dict):
            return {key: resolved(item) for key, item in value.items()}
        return [resolved(item) for item in value] if isinstance(value, list) else value

    return len(json.dumps(resolved(encode_to_dict(document(statements))), separators=(",", ":")))


def add_policies(
    stack: Stack,
    logical_id: str,
    statements: Sequence[Statement],
    origin: ConfigPath,
    description: str,
    *,
    arns: Sequence[str] = (),
    name: str | None = None,
) -> None:
    """Add the managed policies of one grantee: attached where exact roles or users are named, else under a fixed name.

    Fixed names are what permission sets and other accounts refer to; they ask for CAPABILITY_NAMED_IAM.
    See: https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-iam-managedpolicy.html
    """
    exact = [arn for arn in arns if not is_pattern(arn)]
    roles, users = _named(exact, "role"), _named(exact, "user")
    for number, part in enumerate(packed(statements), 1):
        suffix = "" if number == 1 else str(number)
        optional: dict[str, Any] = {}
        if roles:
            optional["Roles"] = roles
        if users:
            optional["Users"] = users
        if name is not None:
            optional["ManagedPolicyName"] = f"{name}{suffix}"
        stack.add(
            iam.ManagedPolicy(
                f"{logical_id}{suffix}", Description=description[:1000], PolicyDocument=document(part), **optional
            ),
            origin,
        )
    stack.before += [_exists(arn, stack) for arn in exact]


def _exists(arn: str, stack: Stack) -> Step:
    parts = parse_arn(arn)
    kind, _, path = parts.resource.partition("/") if parts else ("role", "", arn)
    name = path.rpartition("/")[2]
    return Step(
        kind=f"{kind}-exists",
        account=parts.account if parts else "",
        text=f"{arn} exists: stack {stack.name} attaches a policy to it.",
        command=f"aws iam get-{kind} --{kind}-name {name}",
        arn=arn,
    )


def _attach(deployment: Deployment, account: str, name: str, text: str) -> Step:
    arn = f"arn:{deployment.partition}:iam::{account}:policy/{name}" if account else ""
    return Step(kind="attach-policy", account=account, text=text, arn=arn)


def _named(arns: Sequence[str], kind: str) -> list[str]:
    """Return the names (without path, as CloudFormation wants them) of the roles or users among the ARNs."""
    resources = [arn.resource for arn in map(parse_arn, arns) if arn]
    return sorted({resource.rpartition("/")[2] for resource in resources if resource.startswith(f"{kind}/")})


def add_reader(stack: Stack, deployment: Deployment, reader: Reader, key_arn: Any) -> None:
    """Add the policy of a reader and say who must attach it where nothing here can."""
    statements = identity.reads_logs(reader, deployment, key_arn)
    attached = reader.kind.iam_policy == "attached"
    name = None if attached else deployment.policy_name(f"read-{reader.name}")
    description = f"Reads the CloudTrail logs in {deployment.config.bucket.name} as reader {reader.name}"
    add_policies(
        stack,
        f"Reader{identifier(reader.name)}Policy",
        statements,
        reader.path,
        description,
        arns=reader.principal_arns if attached else (),
        name=name,
    )
    if reader.kind.step:
        account = stack.account.id if stack.account else ""
        where = f"account {account}" if account else f"each account of {stack.organizational_path}"
        arn = f"arn:{deployment.partition}:iam::{account}:policy/{name}" if account else ""
        stack.after.append(reader_step(reader.kind.step, account, arn, value=reader.value, policy=name, where=where))


def add_key_people(stack: Stack, deployment: Deployment, key_arn: Any) -> None:
    """Add the policies of the administrators, break glass and the deployer of the trails' key."""
    alias = text(f"arn:aws:kms:{deployment.region}:{deployment.key_account.id}:{deployment.config.key.alias}")
    _add_key_roles(stack, deployment, "", deployment.administrators, deployment.break_glass, key_arn, alias, ("key",))
    deployer = deployment.key_account.deployer
    if deployer:
        add_deployer(
            stack,
            deployer,
            "DeployerPolicy",
            identity.deploys_key(key_arn, alias),
            ("accounts", deployment.key_account.name, "deployer"),
        )
        stack.before.append(
            Step(
                kind="deployer-policy",
                account=deployment.key_account.id,
                text=f"{deployer} may call kms:CreateKey, kms:TagResource and what its stacks need beside the key (IAM, S3, CloudTrail, EventBridge, SNS) before the first stack; "
                f"for the key it needs, until stack {stack.name} attaches them, the actions of its policy there. A first creation that fails cannot delete its key: the deployer never holds kms:ScheduleKeyDeletion.",
                arn=deployer,
            )
        )


def add_deployer(
    stack: Stack, deployer: str, logical_id: str, statements: Sequence[Statement], origin: ConfigPath
) -> None:
    """Add a deployer's policy, attached where its role is named exactly, else under a fixed name."""
    if is_pattern(deployer):
        name = stack.deployment.policy_name(f"deploy-{logical_id.removesuffix('Policy').lower()}")
        add_policies(stack, logical_id, statements, origin, "Deploys the key that encrypts CloudTrail logs", name=name)
        account = stack.account.id if stack.account else ""
        said = f"Policy {name}, or one that allows the same, is attached to the roles {deployer}: their names are not known here."
        stack.after.append(_attach(stack.deployment, account, name, said))
    else:
        add_policies(
            stack, logical_id, statements, origin, "Deploys the key that encrypts CloudTrail logs", arns=[deployer]
        )


def add_store_people(stack: Stack, deployment: Deployment, store: Store, key_arn: Any, store_arn: Any) -> None:
    """Add the policies of the people around an event data store."""
    name = identifier(store.settings.name)
    alias = text(f"arn:aws:kms:{store.settings.region}:{store.account.id}:{store.settings.alias}")
    _add_key_roles(stack, deployment, name, store.administrators, store.break_glass, key_arn, alias, store.path)
    if store.account.deployer:
        statements = [*identity.deploys_key(key_arn, alias), *identity.uses_store_key(key_arn)]
        add_deployer(stack, store.account.deployer, f"{name}DeployerPolicy", statements, store.path)
    if store.queriers:
        _add_grantee(
            stack,
            deployment,
            f"{name}QuerierPolicy",
            identity.queries_store(key_arn, store_arn),
            (*store.path, "queriers"),
            f"Queries event data store {store.settings.name}",
            store.queriers,
        )


def _add_key_roles(
    stack: Stack,
    deployment: Deployment,
    name: str,
    administrators: Sequence[str],
    break_glass: Sequence[str],
    key_arn: Any,
    alias: Any,
    origin: ConfigPath,
) -> None:
    if administrators:
        _add_grantee(
            stack,
            deployment,
            f"{name}AdministratorPolicy",
            identity.administers_key(key_arn, alias),
            (*origin, "administrators"),
            "Administers the key that encrypts CloudTrail events, without its use",
            administrators,
        )
    if break_glass:
        _add_grantee(
            stack,
            deployment,
            f"{name}BreakGlassPolicy",
            identity.repairs_key(key_arn),
            (*origin, "break_glass"),
            "Repairs, disables and deletes the key that encrypts CloudTrail events",
            break_glass,
        )


def _add_grantee(
    stack: Stack,
    deployment: Deployment,
    logical_id: str,
    statements: Sequence[Statement],
    origin: ConfigPath,
    description: str,
    arns: Sequence[str],
) -> None:
    """Add the policy of named roles; where some are patterns it gets a fixed name, for others to attach."""
    patterns = [arn for arn in arns if is_pattern(arn)]
    name = deployment.policy_name(logical_id.removesuffix("Policy")) if patterns else None
    add_policies(stack, logical_id, statements, origin, description, arns=arns, name=name)
    if patterns:
        said = f"Policy {name} is attached to the roles {', '.join(patterns)}: their names are not known here."
        stack.after.append(_attach(deployment, stack.account.id if stack.account else "", name or "", said))


def store_arn(logical_id: str) -> Any:
    """Return the ARN of an event data store made in the same template."""
    return GetAtt(logical_id, "EventDataStoreArn")
