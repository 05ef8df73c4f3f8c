"""AWS services and products that are no ``service`` of a reader: how each really gets at the events, and what to write instead."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

from trailkey.config.source import shown

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_ROLE: Final = "name that role with role: account:role/Name"
_REST: Final = f"{_ROLE}, and give it the rest by an IAM policy of its own"
_OTHER_BUCKET: Final = "give it a bucket and a key of its own, and remove this reader"

_STREAMS: Final = {
    "guardduty": "GuardDuty",
    "detective": "Detective",
    "securitylake": "Security Lake",
    "securityhub": "Security Hub",
    "inspector": "Inspector",
}
"""Services that AWS gives the events, or findings made from them, without the log files."""

_WRITERS: Final = {
    "config": "AWS Config",
    "flowlogs": "VPC Flow Logs",
    "vpcflowlogs": "VPC Flow Logs",
    "deliverylogs": "log delivery",
    "elb": "Elastic Load Balancing",
    "elasticloadbalancing": "Elastic Load Balancing",
    "waf": "AWS WAF",
}
"""Services that write files of their own; key and bucket let CloudTrail write and no other."""

_CALLERS: Final = (
    "athena", "glue", "opensearch", "opensearchingestion", "emr", "emrserverless", "quicksight", "lakeformation",
    "siem", "splunk", "datadog", "sumologic", "elastic", "panther", "snowflake", "databricks",
)  # fmt: skip
"""What reads as the role of whoever calls it."""

_OWN_ROLES: Final = ("lambda", "firehose", "kinesis", "datasync", "redshift", "redshiftspectrum", "sagemaker", "stepfunctions", "ecs", "ec2", "batch")  # fmt: skip
"""What reads as a role that its owner gives it."""

# https://docs.aws.amazon.com/AmazonS3/latest/userguide/setting-repl-config-perm-overview.html,
# https://docs.aws.amazon.com/aws-backup/latest/devguide/s3-backups.html
_BEYOND_READING: Final = {
    "replication": "s3:GetReplicationConfiguration, s3:GetObjectVersionForReplication",
    "backup": "s3:GetInventoryConfiguration, s3:PutBucketNotification",
}
"""What reads as a role of its own that needs more of the bucket than a reader gets."""

_DELIVERED: Final = {
    "cloudwatch": "trails[].cloudwatch_logs",
    "cloudwatchlogs": "trails[].cloudwatch_logs",
    "logs": "trails[].cloudwatch_logs",
    "sns": "trails[].sns_topic",
}
"""Where CloudTrail delivers itself, by the config key that asks for it."""


def not_a_reader(value: Any, known: Sequence[str]) -> str:
    """Return why a value is not a ``service``: what is wrong, what is allowed, what to do. ``known`` are those that are."""
    both = f"{' and '.join(known)} are allowed"
    word = _plain(value) if isinstance(value, str) else ""
    if word in _STREAMS:
        return f"{value!r} needs nothing, {_STREAMS[word]} has its own stream of events; {both}; remove this reader"
    if word in _WRITERS:
        return f"{value!r} writes to buckets and reads no log files of CloudTrail, and {_WRITERS[word]} is not supported as a writer here; {both}; {_OTHER_BUCKET}"
    if word in _CALLERS:
        return f"{value!r} reads as the role that calls it; {both}; {_ROLE}"
    if word in _OWN_ROLES:
        return f"{value!r} reads as its role; {both}; {_ROLE}"
    if word in _BEYOND_READING:
        return f"{value!r} reads as its role, which needs more of the bucket than a reader ({_BEYOND_READING[word]}); {both}; {_REST}"
    if word in _DELIVERED:
        return f"{value!r} reads no log files, CloudTrail delivers to it; {both}; use {_DELIVERED[word]} and remove this reader"
    allowed = f"{' or '.join(map(repr, known))} is allowed"
    near = next((service for service in known if _plain(service) == word), None)
    return f"{shown(value)} is refused; {allowed}; {f'did you mean {near!r}?' if near else 'correct it'}"


def _plain(text: str) -> str:
    """Return a name of a service as all ways to write it have it: ``AWS Security Lake``, ``securitylake.amazonaws.com``."""
    name = text.lower().removesuffix(".cn").removesuffix(".amazonaws.com")
    words = [word for word in re.split(r"[^a-z0-9]+", name) if word]
    first = {"aws", "amazon", "iam", "s3"} & set(words[:1])
    whole = "".join(words[1:] if first and len(words) > 1 else words)
    return _ALSO.get(whole, whole)


_ALSO: Final[Mapping[str, str]] = {
    "awsconfig": "config",
    "awslambda": "lambda",
    "awsbackup": "backup",
    "awsglue": "glue",
    "macie2": "macie",
    "s3replication": "replication",
    "kinesisfirehose": "firehose",
    "datafirehose": "firehose",
    "kinesisdatafirehose": "firehose",
    "elasticmapreduce": "emr",
    "es": "opensearch",
    "opensearchservice": "opensearch",
    "backups3": "backup",
    "s3backup": "backup",
    "vpc": "vpcflowlogs",
    "amazonsecuritylake": "securitylake",
}
"""Other names of the same thing, by their letters."""
