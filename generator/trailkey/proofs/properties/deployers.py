"""What must hold of the roles that run the stacks: what they are allowed before the first one, and who may take them on."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

from trailkey import cloudformation
from trailkey.access import parse_policy, parse_request
from trailkey.access.language.evaluate import matching
from trailkey.errors import PolicyError
from trailkey.output.manifest import BOOTSTRAP, DEPLOYER_POLICY

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from trailkey.config.deployment import Deployment, MadeRole
    from trailkey.inventory.folder import Folder
    from trailkey.inventory.policies import ResourcePolicy

_WITHOUT_RESOURCE: Final = frozenset(
    (
        *("cloudformation:DescribeOrganizationsAccess", "cloudtrail:DescribeTrails", "cloudtrail:ListEventDataStores"),
        *("kms:CreateKey", "kms:ListAliases", "logs:DescribeIndexPolicies", "logs:DescribeLogGroups"),
        *("logs:DescribeResourcePolicies", "organizations:DescribeOrganization"),
        "organizations:ListAWSServiceAccessForOrganization",
    )
)
"""Actions that know no resource, so that a policy can only allow them on all."""
_NEVER: Final = ("kms:Decrypt", "kms:DisableKey", "kms:GenerateDataKey", "kms:ScheduleKeyDeletion")
"""What a deployer has no part in, with its policy or without."""


def unable(_deployment: Deployment, folder: Folder) -> Iterator[str]:
    """Yield what a deployer may not do that it must, and what it may do that none of its stacks asks for."""
    for account in dict.fromkeys(stack.home[0] for stack in folder.manifest.stacks if stack.deployer):
        file = DEPLOYER_POLICY.format(account)
        if file not in folder.files:
            yield f"{file} is missing"
            continue
        try:
            yield from (f"{file}{what}" for what in _unable(folder.files[file], account, folder))
        except (AttributeError, KeyError, TypeError, ValueError, PolicyError) as error:
            yield f"{file} is not a policy as trailkey generate writes it ({error!r})"


def _unable(content: bytes, account: str, folder: Folder) -> Iterator[str]:
    policy = json.loads(content)
    for statement in policy["Statement"]:
        everywhere = set(statement["Action"]) - _WITHOUT_RESOURCE if "*" in statement["Resource"] else set()
        wide = [action for action in statement["Action"] if "*" in action or action in _NEVER]
        if statement["Effect"] != "Allow" or everywhere or wide:
            what = ", ".join(sorted({*everywhere, *wide})) or "what it denies"
            yield f": statement {statement['Sid']} is about {what} on {', '.join(statement['Resource'])}"
    for key in folder.policies.keys:
        if key.account == account:
            yield from (f" does not allow {action} on {key.location}" for action in _kept(policy, key))


def _kept(policy: Any, key: ResourcePolicy) -> Iterator[str]:
    """Yield what a policy keeps from whoever creates a key with it. What the key policy says to it is a property of that.

    KMS looks at both sides whether the creator could replace the key policy:
    https://docs.aws.amazon.com/kms/latest/APIReference/API_CreateKey.html (BypassPolicyLockoutSafetyCheck)
    """
    read = parse_policy(policy, resource_based=False)
    for action in ("kms:CreateKey", "kms:PutKeyPolicy"):
        request = {"principal": f"arn:aws:iam::{key.account}:role/Any", "action": action, "resource": key.arn}
        if not matching(parse_request(request, key_account=key.account), read, "Allow"):
            yield action


def unmade(deployment: Deployment, folder: Folder) -> Iterator[str]:
    """Yield what bootstrap.yaml has that the config does not say, and the other way round."""
    if BOOTSTRAP not in folder.files:
        if deployment.made_roles:
            yield f"{BOOTSTRAP} is missing"
        return
    if not deployment.made_roles:
        yield f"{BOOTSTRAP} is not asked for by the config"
        return
    try:
        document = cloudformation.load(folder.files[BOOTSTRAP].decode(), BOOTSTRAP)
        made = dict(_made(document, deployment.partition))
    except (AttributeError, KeyError, TypeError, UnicodeDecodeError, PolicyError) as error:
        yield f"{BOOTSTRAP} is not a template as trailkey generate writes it ({error!r})"
        return
    wanted = {role.arn: role for role in deployment.made_roles}
    for arn in sorted({*made, *wanted}):
        if arn not in wanted:
            yield f"{BOOTSTRAP} makes {arn}, which the config does not ask for"
        elif arn not in made:
            yield f"{BOOTSTRAP} does not make {arn}"
        else:
            yield from (f"{BOOTSTRAP}: {arn} {what}" for what in _wrong(made[arn], wanted[arn], deployment, folder))


def _made(document: Mapping[str, Any], partition: str) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Yield each role of the template by its ARN.

    Raises:
        PolicyError: something else than roles, each in one account.
    """
    for name, resource in document["Resources"].items():
        condition = document["Conditions"][resource["Condition"]]
        (where,) = [one for one in condition["Fn::Equals"] if isinstance(one, str)]
        others = resource.keys() - {"Type", "Condition", "DeletionPolicy", "UpdateReplacePolicy", "Properties"}
        if resource["Type"] != "AWS::IAM::Role" or others or {"Ref": "AWS::AccountId"} not in condition["Fn::Equals"]:
            raise PolicyError(f"{name} is not a role of one account")
        properties = resource["Properties"]
        yield f"arn:{partition}:iam::{where}:role{properties['Path']}{properties['RoleName']}", properties


def _wrong(properties: Mapping[str, Any], role: MadeRole, deployment: Deployment, folder: Folder) -> Iterator[str]:
    """Yield what is wrong with one role."""
    account = role.arn.split(":")[4]
    policies = []
    if role.kind == "deployer" and (file := DEPLOYER_POLICY.format(account)) in folder.files:
        policies = [{"PolicyName": "trailkey", "PolicyDocument": json.loads(folder.files[file])}]
    known = {"AssumeRolePolicyDocument", "Path", "Policies", "RoleName", "Tags"}
    if properties.get("Policies", []) != policies or properties.keys() - known:
        yield "has other policies than its deployer policy"
    for statement in properties["AssumeRolePolicyDocument"]["Statement"]:
        principal, condition = statement["Principal"], statement.get("Condition", {})
        if principal == {"Service": "cloudformation.amazonaws.com"}:
            fine = role.kind == "deployer" and condition == {"StringEquals": {"aws:SourceAccount": account}}
        elif "Federated" in principal:
            fine = role.kind == "deployer" and _of_repository(principal, condition, deployment, account)
        else:
            mfa = {"Bool": {"aws:MultiFactorAuthPresent": "true"}} if role.kind == "break glass" else {}
            fine = principal == {"AWS": list(role.trusted)} and condition == mfa
        if not fine or statement["Effect"] != "Allow":
            yield f"trusts {json.dumps(principal)} under {json.dumps(condition)}, which the config does not"
    trusted = [one["Principal"] for one in properties["AssumeRolePolicyDocument"]["Statement"]]
    if role.trusted and {"AWS": list(role.trusted)} not in trusted:
        yield f"does not trust {', '.join(role.trusted)}"
    if role.kind == "deployer" and {"Service": "cloudformation.amazonaws.com"} not in trusted:
        yield "does not trust CloudFormation"


def _of_repository(principal: Any, condition: Any, deployment: Deployment, account: str) -> bool:
    """Return whether a trust in GitHub is one in the repository, branch and environment of the config alone."""
    settings, host = deployment.config.rollout.github, "token.actions.githubusercontent.com"
    if "github" not in deployment.config.rollout.engines or settings is None or settings.repository is None:
        return False
    ends = (f"ref:refs/heads/{settings.branch}", f"environment:{settings.environment or 'production'}")
    subjects = [f"repo:{settings.repository}:{end}" for end in ends]
    provider = f"arn:{deployment.partition}:iam::{account}:oidc-provider/{host}"
    return bool(
        principal == {"Federated": provider}
        and condition == {"StringEquals": {f"{host}:aud": "sts.amazonaws.com", f"{host}:sub": subjects}}
    )
