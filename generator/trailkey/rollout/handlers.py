"""What CloudFormation's handlers call to make, read and change each type of resource in templates of ours, and on what.

The lists are those of the "handlers" in AWS's resource schemas, without what no template of ours brings about: a property that none
has (a website, a replication, federation), and what only a person decides (disabling a key; deleting what holds or guards
records, a trail or a store). A test holds them to the schemas and says why each of the others is left out.
See: https://docs.aws.amazon.com/cloudformation-cli/latest/userguide/resource-type-schema.html (handlers)
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from trailkey.cloudformation.intrinsics import Place

_NAME_CHARACTERS: Final = 20
"""How much of a stack's name begins the names that CloudFormation makes up. It cuts long ones, where is not documented.
https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-properties-name.html"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Made:
    """A resource of a stack, its properties resolved as they are deployed.

    ``holders`` are the ARNs of the roles and users that policies are attached to, by the names that templates have for them.
    """

    stack: str
    place: Place
    properties: Mapping[str, Any]
    holders: Mapping[str, str]

    def arn(self, service: str, resource: str, region: str | None = None) -> str:
        """Return an ARN in the stack's account, and in its Region where none is said."""
        where = self.place.region if region is None else region
        return f"arn:{self.place.partition}:{service}:{where}:{self.place.account}:{resource}"

    def named(self, key: str) -> str:
        """Return the name that a property gives, or the pattern of the names that CloudFormation makes up for the stack."""
        return str(self.properties.get(key) or f"{self.stack[:_NAME_CHARACTERS]}*")

    def values(self, key: str) -> list[str]:
        """Return the texts of a list property."""
        return [str(one) for one in self.properties.get(key, [])]


@dataclass(frozen=True, slots=True)
class Call:
    """Actions that are called on some resources, under one name: calls of the same name become one statement."""

    name: str
    actions: tuple[str, ...]
    on: Callable[[Made], list[str]]
    condition: Callable[[Made], dict[str, dict[str, Any]]] = lambda _: {}


def _calls(service: str, names: str) -> tuple[str, ...]:
    return tuple(f"{service}:{name}" for name in names.split())


def _key(made: Made) -> list[str]:
    """Any key of the account: the id is not known before the key is made."""
    return [made.arn("kms", "key/*")]


def _alias(made: Made) -> list[str]:
    return [made.arn("kms", made.named("AliasName"))]


def _bucket(made: Made) -> list[str]:
    return [f"arn:{made.place.partition}:s3:::{made.properties.get('BucketName') or made.properties['Bucket']}"]


def _trail(made: Made) -> list[str]:
    return [made.arn("cloudtrail", f"trail/{made.named('TrailName')}")]


def _store(made: Made) -> list[str]:
    return [made.arn("cloudtrail", "eventdatastore/*")]


def _group(made: Made) -> list[str]:
    group = made.arn("logs", f"log-group:{made.named('LogGroupName')}")
    return [group, f"{group}:*"]


def _topic(made: Made) -> list[str]:
    return [made.arn("sns", made.named("TopicName"))]


def _any_topic(made: Made) -> list[str]:
    return [made.arn("sns", made.named(""))]


def _rule(made: Made) -> list[str]:
    return [made.arn("events", f"rule/{made.named('Name')}")]


def _policy(made: Made) -> list[str]:
    return [made.arn("iam", f"policy/{made.named('ManagedPolicyName')}", "")]


def _role(made: Made) -> list[str]:
    return [made.arn("iam", f"role/{made.named('RoleName')}", "")]


def _holders(kind: str) -> Callable[[Made], list[str]]:
    """The roles or users that policies are attached to."""
    return lambda made: [made.holders[name] for name in made.values(f"{kind.capitalize()}s") if name in made.holders]


def _only_these(made: Made) -> dict[str, dict[str, Any]]:
    """Only policies of the stacks are attached.

    See: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_iam-condition-keys.html (iam:PolicyARN)
    """
    return {"ArnLike": {"iam:PolicyARN": _policy(made)}}


def _to_cloudtrail(_: Made) -> dict[str, dict[str, Any]]:
    return {"StringEquals": {"iam:PassedToService": "cloudtrail.amazonaws.com"}}


def _nothing(_: Made) -> list[str]:
    return ["*"]


_OF_A_TRAIL: Final = (
    Call("ReadAll", _calls("cloudtrail", "DescribeTrails"), _nothing),
    Call("ReadAll", _calls("organizations", "DescribeOrganization ListAWSServiceAccessForOrganization"), _nothing),
    Call(
        "ServiceLinkedRole",
        _calls("iam", "CreateServiceLinkedRole"),
        lambda made: [
            made.arn("iam", "role/aws-service-role/cloudtrail.amazonaws.com/AWSServiceRoleForCloudTrail", "")
        ],
        lambda _: {"StringEquals": {"iam:AWSServiceName": "cloudtrail.amazonaws.com"}},
    ),
)
"""What a trail and an event data store ask for alike.
https://docs.aws.amazon.com/awscloudtrail/latest/userguide/creating-an-organizational-trail-prepare.html"""

HANDLERS: Final[Mapping[str, tuple[Call, ...]]] = {
    "AWS::KMS::Key": (
        # kms:CreateKey knows no resource, for there is none yet.
        Call("CreateKeys", _calls("kms", "CreateKey"), _nothing),
        Call(
            "Keys",
            _calls(
                "kms",
                "DescribeKey EnableKeyRotation GetKeyPolicy GetKeyRotationStatus ListResourceTags PutKeyPolicy TagResource UntagResource UpdateKeyDescription",
            ),
            _key,
        ),
    ),
    "AWS::KMS::Alias": (
        # The handler looks with kms:DescribeKey whether the alias is taken, and takes a denial for a yes.
        Call("Keys", _calls("kms", "CreateAlias DeleteAlias DescribeKey UpdateAlias"), _key),
        Call("Aliases", _calls("kms", "CreateAlias DeleteAlias UpdateAlias"), _alias),
        Call("ReadAll", _calls("kms", "ListAliases"), _nothing),
    ),
    "AWS::S3::Bucket": (
        Call(
            "Buckets",
            _calls(
                "s3",
                "CreateBucket GetAccelerateConfiguration GetAnalyticsConfiguration GetBucketAbac GetBucketAcl GetBucketCORS GetBucketLogging GetBucketMetadataTableConfiguration GetBucketNotification GetBucketObjectLockConfiguration GetBucketOwnershipControls GetBucketPublicAccessBlock GetBucketTagging GetBucketVersioning GetBucketWebsite GetEncryptionConfiguration GetIntelligentTieringConfiguration GetInventoryConfiguration GetLifecycleConfiguration GetMetricsConfiguration GetReplicationConfiguration ListBucket ListTagsForResource PutBucketLogging PutBucketObjectLockConfiguration PutBucketOwnershipControls PutBucketPublicAccessBlock PutBucketTagging PutBucketVersioning PutEncryptionConfiguration PutLifecycleConfiguration TagResource UntagResource",
            ),
            _bucket,
        ),
    ),
    "AWS::S3::BucketPolicy": (Call("Buckets", _calls("s3", "GetBucketPolicy PutBucketPolicy"), _bucket),),
    "AWS::CloudTrail::Trail": (
        Call(
            "Trails",
            _calls(
                "cloudtrail",
                "AddTags CreateTrail GetEventConfiguration GetEventSelectors GetInsightSelectors GetTrail GetTrailStatus ListTags PutEventConfiguration PutEventSelectors PutInsightSelectors RemoveTags StartLogging UpdateTrail",
            ),
            _trail,
        ),
        *_OF_A_TRAIL,
    ),
    "AWS::CloudTrail::EventDataStore": (
        Call(
            "Stores",
            _calls(
                "cloudtrail",
                "AddTags CreateEventDataStore GetEventConfiguration GetEventDataStore GetInsightSelectors ListTags PutEventConfiguration PutInsightSelectors RemoveTags RestoreEventDataStore StartEventDataStoreIngestion UpdateEventDataStore",
            ),
            _store,
        ),
        Call("ReadAll", _calls("cloudtrail", "ListEventDataStores"), _nothing),
        *_OF_A_TRAIL,
    ),
    "AWS::IAM::ManagedPolicy": (
        Call(
            "Policies",
            _calls(
                "iam",
                "CreatePolicy CreatePolicyVersion DeletePolicy DeletePolicyVersion GetPolicy GetPolicyVersion ListEntitiesForPolicy ListPolicyVersions",
            ),
            _policy,
        ),
        Call("AttachToRoles", _calls("iam", "AttachRolePolicy DetachRolePolicy"), _holders("role"), _only_these),
        Call("AttachToUsers", _calls("iam", "AttachUserPolicy DetachUserPolicy"), _holders("user"), _only_these),
        Call("LookAtHolders", _calls("iam", "GetRole"), _holders("role")),
        Call("LookAtHolders", _calls("iam", "GetUser"), _holders("user")),
    ),
    "AWS::IAM::Role": (
        Call(
            "Roles",
            _calls(
                "iam",
                "CreateRole DeleteRole DeleteRolePolicy GetRole GetRolePolicy ListAttachedRolePolicies ListRolePolicies PutRolePolicy TagRole UntagRole UpdateAssumeRolePolicy UpdateRole UpdateRoleDescription",
            ),
            _role,
        ),
        Call("PassRoles", _calls("iam", "PassRole"), _role, _to_cloudtrail),
    ),
    "AWS::IAM::Policy": (Call("Roles", _calls("iam", "DeleteRolePolicy GetRolePolicy PutRolePolicy"), _role),),
    "AWS::Logs::LogGroup": (
        Call(
            "LogGroups",
            _calls(
                "logs",
                "AssociateKmsKey CreateLogGroup GetDataProtectionPolicy ListTagsForResource PutRetentionPolicy TagResource UntagResource",
            ),
            _group,
        ),
        Call("ReadAll", _calls("logs", "DescribeIndexPolicies DescribeLogGroups DescribeResourcePolicies"), _nothing),
    ),
    "AWS::SNS::Topic": (
        Call(
            "Topics",
            _calls(
                "sns",
                "CreateTopic DeleteTopic GetDataProtectionPolicy GetTopicAttributes ListSubscriptionsByTopic ListTagsForResource SetTopicAttributes TagResource UntagResource",
            ),
            _topic,
        ),
    ),
    "AWS::SNS::TopicPolicy": (Call("Topics", _calls("sns", "SetTopicAttributes"), _any_topic),),
    "AWS::SNS::Subscription": (
        Call(
            "Topics",
            _calls("sns", "GetSubscriptionAttributes SetSubscriptionAttributes Subscribe Unsubscribe"),
            _any_topic,
        ),
    ),
    "AWS::Events::Rule": (
        Call(
            "Rules",
            _calls(
                "events",
                "DeleteRule DescribeRule ListTagsForResource ListTargetsByRule PutRule PutTargets RemoveTargets TagResource UntagResource",
            ),
            _rule,
        ),
    ),
}
"""The calls for each type of resource that templates of ours hold."""

WITHOUT_RESOURCE: Final = frozenset(
    (
        "cloudformation:DescribeOrganizationsAccess",
        "cloudtrail:DescribeTrails",
        "cloudtrail:ListEventDataStores",
        "kms:CreateKey",
        "kms:ListAliases",
        "logs:DescribeIndexPolicies",
        "logs:DescribeLogGroups",
        "logs:DescribeResourcePolicies",
        "organizations:DescribeOrganization",
        "organizations:ListAWSServiceAccessForOrganization",
    )
)
"""The actions that are allowed on ``*``: they know no resource, as the service authorization reference has it.
https://docs.aws.amazon.com/service-authorization/latest/reference/reference_policies_actions-resources-contextkeys.html"""


def calls_for(kind: str, made: Made) -> Iterator[tuple[Call, list[str], dict[str, dict[str, Any]]]]:
    """Yield the calls for a resource of a type, what they are made on, and under which condition.

    Raises:
        KeyError: a type that no template of ours holds.
    """
    for call in HANDLERS[kind]:
        if found := call.on(made):
            yield call, found, call.condition(made)
