"""Services that are no reader are refused with how they really get at the events; those that are one are named."""

from __future__ import annotations

import pytest

from trailkey.config.reader_services import not_a_reader

KNOWN = ("access-analyzer", "macie")


@pytest.mark.parametrize(
    ("service", "says"),
    [
        ("Security Lake", "needs nothing, Security Lake has its own stream of events"),
        ("securitylake.amazonaws.com", "remove this reader"),
        ("config", "is not supported as a writer here"),
        ("config.amazonaws.com.cn", "is not supported as a writer here"),
        ("Amazon Athena", "reads as the role that calls it"),
        ("splunk", "name that role with role: account:role/Name"),
        ("lambda", "reads as its role"),
        ("Kinesis Data Firehose", "reads as its role"),
        ("s3 replication", "s3:GetReplicationConfiguration"),
        ("CloudWatch Logs", "use trails[].cloudwatch_logs"),
        ("macie2", "did you mean 'macie'?"),
        ("AWS IAM Access Analyzer", "'access-analyzer' or 'macie' is allowed"),
        ("something", "correct it"),
        (7, "7 is refused"),
    ],
)
def test_each_says_how_the_service_reads(service: object, says: str) -> None:
    assert says in not_a_reader(service, KNOWN)
