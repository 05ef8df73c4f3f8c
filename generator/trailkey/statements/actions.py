"""Named action sets by intent: the only place where lists of actions stand. No wildcard but the one CloudTrail documents.

What each KMS operation does and whether it works across accounts:
https://docs.aws.amazon.com/kms/latest/developerguide/kms-api-permissions-reference.html
"""

from __future__ import annotations

from typing import Final

from awacs import cloudtrail, kms, logs, organizations, s3, sns
from awacs.aws import Action

# CloudTrail, https://docs.aws.amazon.com/awscloudtrail/latest/userguide/create-kms-key-policy-for-cloudtrail.html
ENCRYPT_LOGS: Final = (Action("kms", "GenerateDataKey*"),)
DESCRIBE_KEY: Final = (kms.DescribeKey,)
DECRYPT: Final = (kms.Decrypt,)

# People around the key, https://docs.aws.amazon.com/kms/latest/developerguide/key-policy-default.html lists what a console
# administrator holds; these leave out CreateGrant and PutKeyPolicy, through which an administrator could read.
ADMINISTER: Final = (
    kms.CreateAlias,
    kms.DeleteAlias,
    kms.DescribeKey,
    kms.DisableKeyRotation,
    kms.EnableKeyRotation,
    kms.GetKeyLastUsage,
    kms.GetKeyPolicy,
    kms.GetKeyRotationStatus,
    kms.ListGrants,
    kms.ListKeyPolicies,
    kms.ListKeyRotations,
    kms.ListResourceTags,
    kms.RotateKeyOnDemand,
    kms.TagResource,
    kms.UntagResource,
    kms.UpdateAlias,
    kms.UpdateKeyDescription,
)
USE_OR_TAKE_OVER: Final = (
    # Every cryptographic operation but those of key encapsulation, which a symmetric key refuses, then the ways to hand out or take over its use.
    kms.Decrypt,
    kms.DeriveSharedSecret,
    kms.Encrypt,
    kms.GenerateDataKey,
    kms.GenerateDataKeyPair,
    kms.GenerateDataKeyPairWithoutPlaintext,
    kms.GenerateDataKeyWithoutPlaintext,
    kms.GenerateMac,
    kms.ReEncryptFrom,
    kms.ReEncryptTo,
    kms.Sign,
    kms.Verify,
    kms.VerifyMac,
    kms.CreateGrant,
    kms.PutKeyPolicy,
    kms.ReplicateKey,
)
BREAK_GLASS: Final = (kms.CancelKeyDeletion, kms.DisableKey, kms.EnableKey, kms.PutKeyPolicy, kms.ScheduleKeyDeletion)
REPLACE_POLICY: Final = (kms.PutKeyPolicy,)
SCHEDULE_DELETION: Final = (kms.ScheduleKeyDeletion,)
# https://docs.aws.amazon.com/kms/latest/APIReference/API_GetKeyLastUsage.html: to be looked at before a key is deleted.
READ_METADATA: Final = (
    kms.DescribeKey,
    kms.GetKeyLastUsage,
    kms.GetKeyPolicy,
    kms.GetKeyRotationStatus,
    kms.ListGrants,
    kms.ListResourceTags,
)

# What the KMS console lists first. Both know no resource and are given by IAM policies only:
# https://docs.aws.amazon.com/kms/latest/developerguide/kms-api-permissions-reference.html
LIST_KEYS: Final = (kms.ListAliases, kms.ListKeys)
# How CloudFormation reads an alias, for drift detection and import:
# https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-kms-alias.html
LIST_ALIASES: Final = (kms.ListAliases,)

# What the handlers of AWS::KMS::Key and AWS::KMS::Alias call to create, read and update templates of ours, and to drop an alias
# that is renamed: https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-kms-key.html and the
# "handlers" of the resource schemas. Without kms:ScheduleKeyDeletion, which the delete handler calls, and without what they call
# only where a template turns Enabled or EnableKeyRotation to false or back, which none of ours does: that is break glass's.
DEPLOY_KEY: Final = (
    kms.CreateAlias,
    kms.DeleteAlias,
    kms.DescribeKey,
    kms.EnableKeyRotation,
    kms.GetKeyPolicy,
    kms.GetKeyRotationStatus,
    kms.ListResourceTags,
    kms.PutKeyPolicy,
    kms.TagResource,
    kms.UntagResource,
    kms.UpdateAlias,
    kms.UpdateKeyDescription,
)
CHANGE_ALIAS: Final = (kms.CreateAlias, kms.DeleteAlias, kms.UpdateAlias)  # need the key and the alias both

# Lake: the same page as CloudTrail's, its part on event data stores.
LAKE_SERVICE: Final = (kms.Decrypt, kms.GenerateDataKey)
LAKE_PEOPLE: Final = (kms.Decrypt, kms.GenerateDataKey)
LAKE_QUERY: Final = (
    cloudtrail.CancelQuery,
    cloudtrail.DescribeQuery,
    cloudtrail.GetEventDataStore,
    cloudtrail.GetQueryResults,
    cloudtrail.ListQueries,
    cloudtrail.StartQuery,
)

# The bucket, https://docs.aws.amazon.com/awscloudtrail/latest/userguide/create-s3-bucket-policy-for-cloudtrail.html
READ_BUCKET_ACL: Final = (s3.GetBucketAcl,)
WRITE_OBJECTS: Final = (s3.PutObject,)
READ_OBJECTS: Final = {False: (s3.GetObject,), True: (s3.GetObject, s3.GetObjectVersion)}
"""Getting objects, without or with the versions that were replaced or deleted."""
LIST_BUCKET: Final = {
    False: (s3.GetBucketLocation, s3.ListBucket),
    True: (s3.GetBucketLocation, s3.ListBucket, s3.ListBucketVersions),
}
"""Finding them, likewise. https://docs.aws.amazon.com/AmazonS3/latest/userguide/list-obj-version-enabled-bucket.html"""
EVERYTHING_S3: Final = (Action("s3", "*"),)  # in a Deny only

# What `aws cloudtrail validate-logs` calls beside reading the bucket:
# https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-log-file-validation-cli.html
VALIDATE_LOGS: Final = (cloudtrail.DescribeTrails, cloudtrail.ListPublicKeys)
VALIDATE_LOGS_OF_ORGANIZATION: Final = (*VALIDATE_LOGS, organizations.DescribeOrganization)

DELETE_LOGS: Final = (s3.BypassGovernanceRetention, s3.DeleteObject, s3.DeleteObjectVersion)
ALTER_BUCKET: Final = (
    s3.DeleteBucket,
    s3.DeleteBucketPolicy,
    s3.PutBucketObjectLockConfiguration,
    s3.PutBucketPolicy,
    s3.PutBucketVersioning,
    s3.PutLifecycleConfiguration,
)
"""What makes logs disappear, or lets somebody make them disappear."""
PUBLISH: Final = (sns.Publish,)
# https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-required-policy-for-cloudwatch-logs.html
CREATE_LOG_STREAM: Final = (logs.CreateLogStream,)
PUT_LOG_EVENTS: Final = (logs.PutLogEvents,)
