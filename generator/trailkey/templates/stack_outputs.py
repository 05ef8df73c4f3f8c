"""References from stack to stack without a parameter: Fn::GetStackOutput, and the role by which other accounts read the Output.

See: https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/intrinsic-function-reference-getstackoutput.html
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from troposphere import GetStackOutput, Ref, Sub, iam

from trailkey.statements.builders import document, text
from trailkey.statements.services import deployers_assume, role_describes_stack

if TYPE_CHECKING:
    from trailkey.templates.stack import Stack

_ROLE = "StackOutputRole"


def stack_output(stack: Stack, source: Stack, name: str) -> GetStackOutput:
    """Return an Output of a stack deployed before, as another one takes it: of another account by the role that may read it."""
    where: dict[str, Any] = {}
    if source.region != stack.region:
        where["Region"] = source.region
    if source.account_id != stack.account_id:
        where["RoleArn"] = text(f"arn:aws:iam::{source.account_id}:role/{_role_name(stack)}")
    stack.needs(source)
    return GetStackOutput(StackName=source.name, OutputName=name, **where)


def add_stack_output_role(source: Stack, deployers: list[str]) -> None:
    """Add the role that the deployers of other accounts take on to read the Outputs of a stack: it sees that stack, and no more."""
    origin = ("rollout", "references")
    role = iam.Role(
        _ROLE,
        RoleName=_role_name(source),
        AssumeRolePolicyDocument=document([deployers_assume(deployers)]),
        **source.tags(),
    )
    source.add(role, origin)
    stack = Sub(f"arn:${{AWS::Partition}}:cloudformation:{source.region}:{source.account_id}:stack/{source.name}/*")
    policy = iam.PolicyType(
        f"{_ROLE}Policy",
        PolicyName="ReadOutputs",
        PolicyDocument=document([role_describes_stack(stack)]),
        Roles=[Ref(role)],
    )
    source.add(policy, origin)


def _role_name(stack: Stack) -> str:
    return f"{stack.deployment.name}-stack-output"
