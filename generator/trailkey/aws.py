"""AWS facts the whole project shares: ARNs, partitions, and every service limit with its unit and source."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import Any, Final

PARTITIONS: Final = ("aws", "aws-us-gov", "aws-cn")
"""The partitions templates are built for. https://docs.aws.amazon.com/IAM/latest/UserGuide/reference-arns.html"""

URL_SUFFIXES: Final = {"aws": "amazonaws.com", "aws-us-gov": "amazonaws.com", "aws-cn": "amazonaws.com.cn"}
"""What host names of AWS end in, by partition.
https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/pseudo-parameter-reference.html (AWS::URLSuffix)"""

HOME_REGIONS: Final = {"aws": "us-east-1", "aws-us-gov": "us-gov-west-1", "aws-cn": "cn-north-1"}
"""The Region of each partition that is assumed where nothing says another."""

REGIONS: Final = (
    "us-east-1", "us-east-2", "us-west-1", "us-west-2", "af-south-1", "ap-east-1", "ap-east-2", "ap-northeast-1",
    "ap-northeast-2", "ap-northeast-3", "ap-south-1", "ap-south-2", "ap-southeast-1", "ap-southeast-2", "ap-southeast-3",
    "ap-southeast-4", "ap-southeast-5", "ap-southeast-6", "ap-southeast-7", "ca-central-1", "ca-west-1", "eu-central-1",
    "eu-central-2", "eu-north-1", "eu-south-1", "eu-south-2", "eu-west-1", "eu-west-2", "eu-west-3", "il-central-1",
    "me-central-1", "me-south-1", "mx-central-1", "sa-east-1", "us-gov-east-1", "us-gov-west-1", "cn-north-1",
    "cn-northwest-1",
)  # fmt: skip
"""The Regions of those partitions; a test compares them with the ones cfn-lint knows.
https://docs.aws.amazon.com/global-infrastructure/latest/regions/aws-regions.html"""

CLOUDTRAIL: Final = "cloudtrail.amazonaws.com"
"""CloudTrail's service principal, the same in every partition.
https://docs.aws.amazon.com/awscloudtrail/latest/userguide/default-kms-key-policy.html"""

STACK_SETS: Final = "member.org.stacksets.cloudformation.amazonaws.com"
"""The service principal of StackSets in an organization.
https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/stacksets-orgs-activate-trusted-access.html"""

CLOUDTRAIL_KEY_PAGE: Final = (
    "https://docs.aws.amazon.com/awscloudtrail/latest/userguide/create-kms-key-policy-for-cloudtrail.html"
)
"""What CloudTrail needs of a key policy, as AWS documents it."""

CONTROL_TOWER_TRAIL: Final = "aws-controltower-BaselineCloudTrail"
"""The name of the trail that Control Tower makes.
https://docs.aws.amazon.com/controltower/latest/userguide/configure-kms-keys.html"""

CONTROL_TOWER_KEY_PAGE: Final = "https://docs.aws.amazon.com/controltower/latest/userguide/configure-kms-keys.html"
"""The key policy that Control Tower's guidance gives for the key of a landing zone."""

TRAIL_CONTEXT: Final = "kms:EncryptionContext:aws:cloudtrail:arn"
"""Condition key of the encryption context CloudTrail sends; ``aws:`` here is not a partition and never changes.
https://docs.aws.amazon.com/awscloudtrail/latest/userguide/create-kms-key-policy-for-cloudtrail.html"""

# Limits. Each: name with its unit, value, the page that states it.
KEY_POLICY_BYTES: Final = 32_768  # https://docs.aws.amazon.com/kms/latest/developerguide/resource-limits.html
BUCKET_POLICY_BYTES: Final = 20_480  # https://docs.aws.amazon.com/AmazonS3/latest/userguide/add-bucket-policy.html
MANAGED_POLICY_CHARACTERS: Final = (
    6_144  # without white space; https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html
)
ORGANIZATION_POLICY_CHARACTERS: Final = (
    5_120  # of an SCP, of an RCP; https://docs.aws.amazon.com/organizations/latest/userguide/orgs_reference_limits.html
)
MANAGED_POLICIES_PER_ROLE: Final = 10  # default quota; the same page
TEMPLATE_BODY_BYTES: Final = (
    51_200  # https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/cloudformation-limits.html
)
TEMPLATE_URL_BYTES: Final = 1_000_000  # 1 MB, the same page; cfn-lint counts 1,000,000 too
TEMPLATE_RESOURCES: Final = 500  # the same page
STACK_NAME_CHARACTERS: Final = 128  # the same page
ROTATION_PERIOD_DAYS: Final = (
    90,
    2560,
)  # https://docs.aws.amazon.com/kms/latest/APIReference/API_EnableKeyRotation.html
PENDING_WINDOW_DAYS: Final = (7, 30)  # https://docs.aws.amazon.com/kms/latest/APIReference/API_ScheduleKeyDeletion.html
TRAILS_PER_REGION: Final = 5  # https://docs.aws.amazon.com/awscloudtrail/latest/userguide/WhatIsCloudTrail-Limits.html
EVENT_DATA_STORES_PER_REGION: Final = 10  # the same page
SELECTOR_VALUES: Final = 500  # over all advanced event selectors of a trail; the same page
S3_KEY_PREFIX_CHARACTERS: Final = (
    200  # https://docs.aws.amazon.com/awscloudtrail/latest/APIReference/API_CreateTrail.html
)
TAGS_PER_RESOURCE: Final = 50  # https://docs.aws.amazon.com/awscloudtrail/latest/APIReference/API_AddTags.html

ACCOUNT_ID: Final = re.compile(r"\d{12}")
ORGANIZATION_ID: Final = re.compile(r"o-[a-z0-9]{10,32}")
"""https://docs.aws.amazon.com/organizations/latest/APIReference/API_Organization.html"""

_ARN = re.compile(r"arn:([^:]*):([^:]*):([^:]*):([^:]*):(.+)", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Arn:
    """The six parts of an ARN: ``arn:partition:service:region:account:resource``.

    https://docs.aws.amazon.com/IAM/latest/UserGuide/reference-arns.html
    """

    partition: str
    service: str
    region: str
    account: str
    resource: str

    def __str__(self) -> str:
        return f"arn:{self.partition}:{self.service}:{self.region}:{self.account}:{self.resource}"


def parse_arn(text: str) -> Arn | None:
    """Return the parts of an ARN, or None where the text is none. Parts may be empty or hold wildcards."""
    match = _ARN.fullmatch(text)
    return Arn(*match.groups()) if match else None


def policy_size(policy: Any, *, characters: bool = False) -> int:
    """Return the size of a policy document as AWS counts it: without white space between its parts.

    KMS and S3 count bytes; IAM counts ``characters``. The pages stand beside the limits.
    """
    text = json.dumps(policy, separators=(",", ":"), ensure_ascii=False)
    return len(text) if characters else len(text.encode())


def partition_of(region: str) -> str:
    """Return the partition a Region belongs to, of the three that templates are built for."""
    if region.startswith("cn-"):
        return "aws-cn"
    return "aws-us-gov" if region.startswith("us-gov-") else "aws"
