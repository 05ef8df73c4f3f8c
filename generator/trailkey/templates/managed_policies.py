"""The IAM stacks: the managed policies on the other side of each grant, attached to roles or under a name to refer to."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

from troposphere import encode_to_dict, iam

from trailkey.aws import MANAGED_POLICY_CHARACTERS, parse_arn
from trailkey.config.deployment import identifier
from trailkey.config.resolve.principals import is_pattern
from trailkey.output.manifest import OWNER_STEP, Step
from trailkey.statements import identity
from trailkey.statements.builders import document, text
from trailkey.templates.stack import reader_step

if TYPE_CHECKING:
    from collections.abc import Sequence

    from awacs.aws import Statement

    from trailkey.config.account import Account
    from trailkey.config.deployment import Deployment, Reader, Store
    from trailkey.config.source import ConfigPath
    from trailkey.templates.stack import Stack


DESCRIPTION: Final = "Built by trailkey."


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
    what: str,
    statements: Sequence[Statement],
    origin: ConfigPath,
    arns: Sequence[str] = (),
    who: str = "",
) -> str:
    """Add the managed policies of one grantee: attached where exact roles or users are named, else under a fixed name.

    The Description is the same for ever: a policy whose Description changes is replaced, and one with a fixed name cannot be.
    Fixed names are what permission sets and other accounts refer to, and what others attach to roles that ``arns`` matches with
    a pattern. ``who`` ends the fixed name, ``what`` where it is empty. Fixed names ask for CAPABILITY_NAMED_IAM.
    See: https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-iam-managedpolicy.html

    Returns:
        The fixed name, or an empty text where they have none.
    """
    exact = [arn for arn in arns if not is_pattern(arn)]
    patterns = [arn for arn in arns if is_pattern(arn)]
    name = stack.deployment.policy_name(who or what) if patterns or not arns else ""
    attached = {"Roles": _named(exact, "role"), "Users": _named(exact, "user")}
    for number, part in enumerate(packed(statements), 1):
        suffix = "" if number == 1 else str(number)
        optional: dict[str, Any] = {key: names for key, names in attached.items() if names}
        if name:
            optional["ManagedPolicyName"] = f"{name}{suffix}"
        stack.add(
            iam.ManagedPolicy(
                f"{what}Policy{suffix}", Description=DESCRIPTION, PolicyDocument=document(part), **optional
            ),
            origin,
        )
    for arn in exact:
        _ask_for(arn, stack)
    if patterns:
        text = f"Policy {name}, or one that allows the same, is attached to the roles {', '.join(patterns)}: their names are not known here."
        stack.after.append(Step(kind="attach-policy", account=stack.account_id, text=text, arn=stack.policy_arn(name)))
    return name


def _ask_for(arn: str, stack: Stack) -> None:
    parts = parse_arn(arn)
    account, resource = (parts.account, parts.resource) if parts else ("", f"role/{arn}")
    kind, _, path = resource.partition("/")
    command = f"aws iam get-{kind} --{kind}-name {path.rpartition('/')[2]}"
    text = f"{arn} exists: stack {stack.name} attaches a policy to it."
    stack.asks(f"{kind}-exists", account, text, command=command, arn=arn)


def _named(arns: Sequence[str], kind: str) -> list[str]:
    """Return the names (without path, as CloudFormation wants them) of the roles or users among the ARNs."""
    resources = [arn.resource for arn in map(parse_arn, arns) if arn]
    return sorted({resource.rpartition("/")[2] for resource in resources if resource.startswith(f"{kind}/")})


def add_reader(stack: Stack, reader: Reader, key_arn: Any) -> None:
    """Add the policy of a reader and say who must attach it where nothing here can."""
    deployment = stack.deployment
    name = add_policies(
        stack,
        f"Reader{identifier(reader.name)}",
        identity.reads_logs(reader, deployment, key_arn),
        reader.path,
        reader.principal_arns if reader.kind.iam_policy == "attached" else (),
        f"read-{reader.name}",
    )
    if reader.kind.step:
        where = f"account {stack.account_id}" if stack.account else f"each account of {stack.covers}"
        values = {"value": reader.value, "policy": name, "where": where}
        stack.after.append(reader_step(reader.kind.step, stack.account_id, stack.policy_arn(name), **values))


def tell_owner(key_stack: Stack, reader: Reader, owner: Account) -> None:
    """Say what the owner of an account that is not ours allows its reader: nothing is deployed there.

    See: https://docs.aws.amazon.com/kms/latest/developerguide/key-policy-modifying-external-accounts.html
    """
    deployment = key_stack.deployment
    bucket = f"arn:{deployment.partition}:s3:::{deployment.config.bucket.name}"
    objects = ", ".join(f"{bucket}/{prefix}AWSLogs/*" for prefix in deployment.log_prefixes)
    gets, lists = "s3:GetObject", "s3:GetBucketLocation and s3:ListBucket"
    if reader.settings.versions:
        gets, lists = (
            "s3:GetObject and s3:GetObjectVersion",
            "s3:GetBucketLocation, s3:ListBucket and s3:ListBucketVersions",
        )
    former = "".join(f", {arn}" for arn in deployment.config.key.former_arns)
    for arn in reader.principal_arns:
        text = f"The owner of account {owner.id} allows {arn} kms:Decrypt on the key (Output KeyArn of stack {key_stack.name}){former}, {gets} on {objects}, and {lists} on {bucket}: nothing is deployed there."
        key_stack.after.append(Step(kind=OWNER_STEP, account=owner.id, text=text, arn=arn))
        if deployment.config.key.name_roles and not is_pattern(arn):
            text = f"{arn} exists: key and bucket policy name it as Principal."
            key_stack.asks("role-exists", owner.id, text, arn=arn)


def add_key_roles(stack: Stack, key_arn: Any) -> None:
    """Add the policies of the administrators, break glass and the deployer of the trails' key."""
    deployment, account = stack.deployment, stack.deployment.key_account
    alias = text(f"arn:aws:kms:{deployment.region}:{account.id}:{deployment.config.key.alias}")
    _add_key_roles(stack, "", deployment, key_arn, alias, ("key",))
    if account.deployer:
        origin = ("accounts", account.name, "deployer")
        deploys = identity.deploys_key(key_arn, alias)
        add_deployer(stack, account.deployer, "Deployer", deploys, origin, ["KeyAlias"])


def add_deployer(
    stack: Stack,
    deployer: str,
    what: str,
    statements: Sequence[Statement],
    origin: ConfigPath,
    needed_by: Sequence[str] = (),
) -> None:
    """Add a deployer's policy.

    What the deployer makes with it in the same template, ``needed_by``, waits for it, and so goes before it when the stack does.
    """
    add_policies(stack, what, statements, origin, [deployer], f"deploy-{what.lower()}")
    policies = [title for title in stack.template.resources if title.startswith(f"{what}Policy")]
    for title in needed_by:
        if not is_pattern(deployer) and title in stack.template.resources:
            stack.template.resources[title].DependsOn = policies


def add_store_people(stack: Stack, store: Store, key_arn: Any, store_arn: Any) -> None:
    """Add the policies of the people around an event data store, which is made in the same template."""
    name = store.identifier
    alias = text(f"arn:aws:kms:{store.settings.region}:{store.account.id}:{store.settings.alias}")
    _add_key_roles(stack, name, store, key_arn, alias, store.path)
    if store.account.deployer:
        statements = [*identity.deploys_key(key_arn, alias), *identity.uses_store_key(key_arn)]
        needed_by = [f"{name}KeyAlias", f"{name}EventDataStore"]
        add_deployer(stack, store.account.deployer, f"{name}Deployer", statements, store.path, needed_by)
        if is_pattern(store.account.deployer):
            # The store is made with its creator's rights on the key, whoever has them from where:
            # https://docs.aws.amazon.com/awscloudtrail/latest/userguide/create-kms-key-policy-for-cloudtrail.html
            told = f"The role that runs stack {stack.name} is allowed kms:Decrypt and kms:GenerateDataKey on its key, which it needs to create the store: policy {stack.deployment.policy_name(f'{name}Deployer')} gives them only once it is attached."
            stack.asks("deployer-uses-key", store.account.id, told)
    if store.queriers:
        queries = identity.queries_store(key_arn, store_arn)
        add_policies(stack, f"{name}Querier", queries, (*store.path, "queriers"), store.queriers)


def _add_key_roles(
    stack: Stack, prefix: str, people: Deployment | Store, key_arn: Any, alias: Any, origin: ConfigPath
) -> None:
    if people.administrators:
        administers = identity.administers_key(key_arn, alias)
        path = (*origin, "administrators")
        add_policies(stack, f"{prefix}Administrator", administers, path, people.administrators)
    if people.break_glass:
        repairs = identity.repairs_key(key_arn)
        add_policies(stack, f"{prefix}BreakGlass", repairs, (*origin, "break_glass"), people.break_glass)
