"""What CloudFormation asks of whoever deploys a template, read from the template itself."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from trailkey.aws import TEMPLATE_BODY_BYTES

if TYPE_CHECKING:
    from collections.abc import Mapping

_NAMES: Final = ("ManagedPolicyName", "RoleName", "UserName", "GroupName")
_KEPT: Final = frozenset(
    ("AWS::KMS::Key", "AWS::S3::Bucket", "AWS::CloudTrail::Trail", "AWS::CloudTrail::EventDataStore")
)
"""Resources whose loss is the loss of logs."""


def capabilities_of(template: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the capabilities that have to be acknowledged.

    https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_CreateStack.html (Capabilities)
    """
    iam = [one for one in template["Resources"].values() if one["Type"].startswith("AWS::IAM::")]
    if any(name in one.get("Properties", {}) for one in iam for name in _NAMES):
        return ("CAPABILITY_NAMED_IAM",)
    return ("CAPABILITY_IAM",) if iam else ()


def fits_body(content: bytes) -> bool:
    """Return whether a template of these bytes can be handed over in the call, and need not lie in S3.

    https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/cloudformation-limits.html
    """
    return len(content) <= TEMPLATE_BODY_BYTES


def holds_logs(template: Mapping[str, Any]) -> bool:
    """Return whether deleting a stack of the template would put logs at risk, so that it wants termination protection."""
    return any(one["Type"] in _KEPT for one in template["Resources"].values())
