"""What a template of a folder may hold, so that what is read of it is all that it does.

A proof reads a template once, as one stack gets it. What CloudFormation decides only when it deploys (a condition, a value from
Parameter Store, a macro), and what grants beside the policies that are read, is therefore not allowed in it.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

from trailkey.cloudformation.shapes import within

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping

_SECTIONS: Final = frozenset(
    ("AWSTemplateFormatVersion", "Description", "Metadata", "Outputs", "Parameters", "Resources")
)
_OF_A_PARAMETER: Final = frozenset(("AllowedPattern", "ConstraintDescription", "Default", "Description", "Type"))
_OF_A_RESOURCE: Final = frozenset(
    ("DeletionPolicy", "DependsOn", "Metadata", "Properties", "Type", "UpdateReplacePolicy")
)
_OF_AN_OUTPUT: Final = frozenset(("Description", "Export", "Value"))
_FUNCTIONS: Final = frozenset(
    ("Ref", "Fn::GetAtt", "Fn::GetStackOutput", "Fn::Join", "Fn::Select", "Fn::Split", "Fn::Sub")
)
_TYPES: Final = {
    "CloudFormation": frozenset[str](),
    "CloudTrail": frozenset(("EventDataStore", "Trail")),
    "IAM": frozenset(("ManagedPolicy", "Policy", "Role")),
    "KMS": frozenset(("Alias", "Key")),
    "S3": frozenset(("Bucket", "BucketPolicy")),
}
"""The types of resources that are read, of the services that the proofs are about. CloudFormation's own bring further templates."""
_DYNAMIC_REFERENCE: Final = "{{resolve:"
_OF_A_STACK: Final = re.compile(r"AWS::Stack(?:Id|Name)")
"""What has a value only in AWS: https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/dynamic-references.html"""


def unread(template: Mapping[str, Any], judged: Collection[str] = ()) -> Iterator[str]:
    """Yield what a template holds that no proof reads, as it is said of the template.

    ``judged`` are the logical ids of roles that another rule looks at.
    """
    yield from (f"has the section {name}" for name in sorted(template.keys() - _SECTIONS))
    for name, parameter in template.get("Parameters", {}).items():
        yield from (f"parameter {name} has {key}" for key in sorted(parameter.keys() - _OF_A_PARAMETER))
        if parameter.get("Type") != "String":
            yield f"parameter {name} is of type {parameter.get('Type')}, not String"
    resources = template["Resources"]
    for name, resource in resources.items():
        yield from (f"resource {name} has {key}" for key in sorted(resource.keys() - _OF_A_RESOURCE))
        granting = () if name in judged else _granting(resource, resources)
        yield from (f"resource {name} {what}" for what in granting)
    outputs = template.get("Outputs", {})
    for name, output in outputs.items():
        yield from (f"Output {name} has {key}" for key in sorted(output.keys() - _OF_AN_OUTPUT))
    # An export is a name for others, often that of the stack; no policy and no parameter is made of it.
    values = [output.get("Value") for output in outputs.values()]
    yield from dict.fromkeys(f"uses {what}" for what in _undecided([resources, values]))


def _granting(resource: Mapping[str, Any], resources: Mapping[str, Any]) -> Iterator[str]:
    """Yield what a resource could allow that no proof reads: its type, or a role for others than an AWS service."""
    kind, properties = str(resource.get("Type")), resource.get("Properties", {})
    service, _, name = kind.removeprefix("AWS::").partition("::")
    if not kind.startswith("AWS::") or name not in _TYPES.get(service, (name,)):
        yield f"is of type {kind}"
    if kind == "AWS::IAM::Role":
        statements = properties["AssumeRolePolicyDocument"]["Statement"]
        if any(
            not isinstance(one.get("Principal"), dict) or one["Principal"].keys() != {"Service"} for one in statements
        ):
            yield "is a role for others than an AWS service"
    if kind == "AWS::IAM::Policy":
        roles = {name for name, one in resources.items() if one.get("Type") == "AWS::IAM::Role"}
        attached = [{"Ref": name} for name in roles]
        if "Users" in properties or "Groups" in properties or any(one not in attached for one in properties["Roles"]):
            yield "is a policy of others than a role of its template"


def _undecided(value: Any) -> Iterator[str]:
    """Yield each function and text whose value is known only where it is deployed."""
    for one in within(value):
        for key, item in one.items() if isinstance(one, dict) else ():
            if key.startswith("Fn::") and key not in _FUNCTIONS:
                yield key
            if key in ("Ref", "Fn::Sub"):
                yield from _OF_A_STACK.findall(str(item[0] if isinstance(item, list) and item else item))
        if isinstance(one, str) and _DYNAMIC_REFERENCE in one:
            yield "a dynamic reference"
