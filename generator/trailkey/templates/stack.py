"""One template under construction: what it holds, what it needs from others, and which config key each resource comes from."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from troposphere import Export, GetAtt, Output, Parameter, Ref, Sub, Tags, Template

from trailkey.output.manifest import FromOutput, Step
from trailkey.version import VERSION

if TYPE_CHECKING:
    from collections.abc import Mapping

    from troposphere import AWSObject

    from trailkey.config.account import Account
    from trailkey.config.deployment import Deployment
    from trailkey.config.reader_kinds import ReaderStep
    from trailkey.config.source import ConfigPath
    from trailkey.output.manifest import StackSet

KEY_ID_PATTERN = "[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"

_OF_PEOPLE: Final = frozenset(("AWS::IAM::ManagedPolicy",))
_WITH_RECORDS: Final = frozenset(
    (
        "AWS::CloudTrail::EventDataStore",
        "AWS::KMS::Key",
        "AWS::Logs::LogGroup",
        "AWS::S3::Bucket",
        "AWS::S3::BucketPolicy",
    )
)
"""What holds or opens records that are there already, and guards them: kept too where a change replaces it."""


def reader_step(form: ReaderStep, account: str, arn: str = "", **values: str | None) -> Step:
    """Return the step that a kind of reader asks for, its sentence filled in; a step without ``where`` is done in one account."""
    return Step(
        kind=form.kind,
        account="" if form.in_every_account else account,
        text=form.text.format(account=account, **values),
        command=form.command,
        arn=arn,
        prevents=form.prevents,
    )


@dataclass(slots=True)
class Stack:
    """A stack in the making. ``purposes`` says what goes into it; ``account`` is None for a stack set.

    ``covers`` says in words what a stack set goes to: an organization path, units, the trail of listed accounts.

    ``before`` are steps for before the first stack, ``after`` those that this stack makes possible.
    """

    name: str
    deployment: Deployment
    account: Account | None
    region: str
    purposes: tuple[str, ...]
    stack_set: StackSet | None = None
    covers: str = ""
    parameters: dict[str, FromOutput] = field(default_factory=dict)
    depends_on: list[str] = field(default_factory=list)
    before: list[Step] = field(default_factory=list)
    after: list[Step] = field(default_factory=list)
    origins: dict[str, ConfigPath] = field(default_factory=dict)
    template: Template = field(default_factory=Template)

    @property
    def account_id(self) -> str:
        """The id of its account; empty for a stack set."""
        return self.account.id if self.account else ""

    def policy_arn(self, name: str) -> str:
        """Return the ARN of a managed policy of the stack; of a stack set the pattern of those in its accounts."""
        return f"arn:{self.deployment.partition}:iam::{self.account_id or '*'}:policy/{name}"

    def add(self, resource: AWSObject, origin: ConfigPath) -> AWSObject:
        """Put a resource into the template and note the config path it comes from.

        What records, and what guards the records, stays when the stack goes: a bucket without its policy is open to its account
        and closed to CloudTrail. The policies of people go. After a failed first creation all goes but what cannot be deleted.
        https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-attribute-deletionpolicy.html
        """
        self.origins[resource.title] = origin
        if resource.resource_type not in _OF_PEOPLE:
            resource.DeletionPolicy = "RetainExceptOnCreate"
            resource.UpdateReplacePolicy = "Retain" if resource.resource_type in _WITH_RECORDS else "Delete"
        # Not add_resource, which fails at 500 resources: that is a limit among others, of which a finding says what to do.
        if self.template.resources.setdefault(resource.title, resource) is not resource:
            raise ValueError(f"resource {resource.title} is given twice")
        return resource

    def asks(self, kind: str, account: str, text: str, *, command: str = "", arn: str = "") -> None:
        """Note what a person does or checks before the first stack."""
        self.before.append(Step(kind=kind, account=account, text=text, command=command, arn=arn))

    def output(self, name: str, value: Any, description: str) -> None:
        """Declare an Output, exported under the stack's name so that other stacks can import it."""
        self.template.add_output(
            Output(name, Value=value, Description=description, Export=Export(Sub(f"${{AWS::StackName}}-{name}")))
        )

    def tags(self) -> Mapping[str, Any]:
        """Return the Tags property, or nothing where the config has none."""
        return {"Tags": Tags(**self.deployment.config.tags)} if self.deployment.config.tags else {}

    def key_arn(self, key_stack: Stack, logical_id: str) -> Any:
        """Return the ARN of a key: by GetAtt where this template makes it, else by a parameter that only such an ARN fits."""
        if key_stack is self:
            return GetAtt(logical_id, "Arn")
        parameter, account, region = f"{logical_id}Arn", key_stack.account_id, key_stack.region
        output = FromOutput(f"{key_stack.name}.{parameter}")
        known = self.deployment.outputs.values.get(output.output)
        if parameter not in self.parameters:
            self.template.add_parameter(
                Parameter(
                    parameter,
                    Type="String",
                    Description=f"ARN of the KMS key: Output {parameter} of stack {key_stack.name} in account {account}.",
                    AllowedPattern=f"^arn:{re.escape(self.deployment.partition)}:kms:{region}:{account}:key/{KEY_ID_PATTERN}$",
                    **({"Default": known} if known else {}),
                    ConstraintDescription=f"the ARN of a KMS key in {region} of account {account}, arn:{self.deployment.partition}:kms:{region}:{account}:key/ID",
                )
            )
            self.template.add_parameter_to_group(parameter, "From the stacks deployed before")
            self.template.set_parameter_label(parameter, f"ARN of the key ({key_stack.name}, Output {parameter})")
            self.parameters[parameter] = output
            self.needs(key_stack)
        return Ref(parameter)

    def needs(self, other: Stack) -> None:
        """Note that another stack is deployed before this one."""
        if other is not self and other.name not in self.depends_on:
            self.depends_on.append(other.name)

    def describe(self) -> None:
        """Write the Description. Limits: 1,024 bytes."""
        where = f"account {self.account.id}" if self.account else f"the accounts of {self.covers}"
        what = ", ".join("IAM policies" if purpose == "iam" else purpose for purpose in self.purposes)
        self.template.set_version("2010-09-09")
        self.template.set_description(
            f"{what[0].upper()}{what[1:]} of deployment {self.deployment.name}, for {where} in {self.region}. Built by trailkey {VERSION}: change the config, not this file."
        )
