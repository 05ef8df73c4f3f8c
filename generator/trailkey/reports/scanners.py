"""What scanners say of the example's templates, and why it stays so. Found by running them; a finding that is right is mended instead."""

from __future__ import annotations

from typing import Final, NamedTuple


class Explained(NamedTuple):
    """A finding of a scanner: the rules by their ids, the types of resources, and why the template is as it is."""

    scanner: str
    rules: str
    kinds: tuple[str, ...]
    why: str


_BUCKET, _BUCKET_POLICY = "AWS::S3::Bucket", "AWS::S3::BucketPolicy"
_MANAGED, _INLINE = "AWS::IAM::ManagedPolicy", "AWS::IAM::Policy"
_GROUP, _KEY = "AWS::Logs::LogGroup", "AWS::KMS::Key"

EXPLAINED: Final = (
    Explained("checkov", "CKV_AWS_18", (_BUCKET,), "the bucket of access logs would log itself; Security Hub says to suppress S3.9 there"),
    Explained("checkov", "CKV_AWS_33", (_KEY,), "`Principal: *` stands in Deny statements, and in the one of a reader by organization path, which aws:PrincipalOrgID, the path, kms:ViaService and the encryption context hold"),
    Explained("checkov, cdk-nag", "CKV_AWS_158, CloudWatchLogGroupEncrypted", (_GROUP,), "CloudWatch Logs encrypts by itself; a key of one's own is `trails[].cloudwatch_logs.kms_key_arn`"),
    Explained("cdk-nag", "AwsSolutions-S10, S3BucketSSLRequestsOnly", (_BUCKET_POLICY,), "OnlyTls denies s3:* on bucket and objects without TLS; the rule does not connect the bucket's name in Fn::Sub with its Ref"),
    Explained("cdk-nag", "S3DefaultEncryptionKMS", (_BUCKET,), "S3 writes access logs to buckets with SSE-S3 only"),
    Explained("cdk-nag", "S3BucketReplicationEnabled", (_BUCKET,), "replication is not offered: a copy is another thing to guard"),
    Explained("cdk-nag", "IAMNoInlinePolicy", (_INLINE,), "the role that writes to the log group has this one use; its policy goes with it"),
    Explained("cdk-nag", "AwsSolutions-IAM5", (_MANAGED, _INLINE), "`*` stands for actions that have no resource (kms:ListKeys, kms:ListAliases, organizations:DescribeOrganization), and ends the folders of log files and the names of log streams, as AWS's pages have it"),
    Explained("parliament", "RESOURCE_STAR", (_KEY,), "in a key policy `*` is the key itself"),
    Explained("parliament", "RESOURCE_MISMATCH", (_MANAGED,), "actions on an alias need the key and the alias, each of which has its statement"),
    Explained("parliament", "UNKNOWN_ACTION kms:GetKeyLastUsage", (_KEY, _MANAGED), "the action is newer than the scanner's list"),
    Explained("parliament", "PERMISSIONS_MANAGEMENT_ACTIONS", (_MANAGED,), "kms:PutKeyPolicy is what the deployer is for"),
)  # fmt: skip
"""checkov 3.3, cdk-nag 2.38 (AwsSolutions, NIST 800-53 R5, PCI DSS 3.2.1, HIPAA) and parliament 1.6, over all examples."""
