"""No property holds of everything: each is refuted by a policy that lacks or adds one thing, and each finding is one expected."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

import pytest

from helpers import CONFIGS, deploy, edited
from helpers import ORGANIZATION as ARCHIVE
from trailkey import pipeline
from trailkey.access.language.policy import parse_policy
from trailkey.proofs.judge import PROPERTIES, judge, targets
from trailkey.proofs.properties.managed_policies import identity_questions
from trailkey.proofs.properties.property import Target
from trailkey.proofs.properties.rollout import OF_THE_ROLLOUT

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

Document = dict[str, Any]

SINGLE: Final = CONFIGS["single-account"]
ORGANIZATION: Final = CONFIGS["organization"]
LAKE: Final = CONFIGS["lake"]
KEY_ACCOUNT: Final = "arn:aws:iam::777777777777"
STRANGER: Final = "arn:aws:iam::999999999999"
SESSION: Final = "arn:aws:sts::777777777777:assumed-role/Anyone/visit"
BUCKET: Final = "arn:aws:s3:::example-cloudtrail-logs"


@dataclass(frozen=True, kw_only=True)
class Case:
    """A change of one resource of a rendered template, and the ids of everything that is found then."""

    what: str
    config: Path = SINGLE
    resource: str = "Key"
    change: Callable[[Document], Any]
    ids: str

    def __str__(self) -> str:
        return self.what.replace(" ", "-")


def policy_of(resource: Document) -> list[Document]:
    properties = resource["Properties"]
    statements: list[Document] = properties.get("KeyPolicy", properties.get("PolicyDocument"))["Statement"]
    return statements


def add(effect: str = "Allow", **elements: Any) -> Callable[[Document], Any]:
    rest = {} if "NotResource" in elements else {"Resource": "*"}
    return lambda resource: policy_of(resource).append({"Effect": effect, **rest, **elements})


def deny(**elements: Any) -> Callable[[Document], Any]:
    return add("Deny", Principal="*", **elements)


def without(sid: str) -> Callable[[Document], Any]:
    def remove(resource: Document) -> None:
        (found,) = [one for one in policy_of(resource) if one["Sid"] == sid]
        policy_of(resource).remove(found)

    return remove


def instead(old: str, new: str) -> Callable[[Document], Any]:
    """Return the change of a text wherever a policy has it."""

    def replace_text(resource: Document) -> None:
        changed = json.loads(json.dumps(resource["Properties"]).replace(old, new))
        assert changed != resource["Properties"]
        resource["Properties"] = changed

    return replace_text


def in_order(*changes: Callable[[Document], Any]) -> Callable[[Document], Any]:
    return lambda resource: [change(resource) for change in changes]


def put(**properties: Any) -> Callable[[Document], Any]:
    return lambda resource: resource["Properties"].update(properties)


ADMINISTRATOR: Final = {"ArnLike": {"aws:PrincipalArn": f"{KEY_ACCOUNT}:role/KeyAdministrator"}}
OF_THE_KEY: Final = (
    Case(
        what="CloudTrail decrypts",
        change=add(Principal={"Service": "cloudtrail.amazonaws.com"}, Action="kms:Decrypt"),
        ids="cloudtrail-confined cloudtrail-unconfined",
    ),
    Case(
        what="CloudTrail only from one address",
        change=add(
            "Deny",
            Principal={"Service": "cloudtrail.amazonaws.com"},
            Action="kms:GenerateDataKey",
            Condition={"NotIpAddress": {"aws:SourceIp": "10.0.0.0/8"}},
        ),
        ids="trail-cannot-encrypt trails-deliver",
    ),
    Case(
        what="readers only with MFA",
        change=deny(Action="kms:Decrypt", Condition={"BoolIfExists": {"aws:MultiFactorAuthPresent": "false"}}),
        ids="readers-decrypt",
    ),
    Case(
        what="reader tags the key",
        change=add(
            Principal={"AWS": KEY_ACCOUNT + ":root"},
            Action="kms:TagResource",
            Condition={"ArnLike": {"aws:PrincipalArn": KEY_ACCOUNT + ":role/CloudTrailRead"}},
        ),
        ids="nobody-holds-more readers-only-read",
    ),
    Case(
        what="trail deployer of another account is forgotten",
        config=ORGANIZATION,
        change=without("TrailDeployerManagement"),
        ids="trail-deployers-describe",
    ),
    Case(what="no Deny for administrators", change=without("AdministratorsNeverUseKey"), ids="administrators-denied"),
    Case(
        what="administrators decrypt",
        change=in_order(
            without("AdministratorsNeverUseKey"),
            add(Principal={"AWS": KEY_ACCOUNT + ":root"}, Action="kms:Decrypt", Condition=ADMINISTRATOR),
        ),
        ids="administrator-can-decrypt administrators-denied administrators-never-use nobody-holds-more only-readers-decrypt",
    ),
    Case(
        what="nobody may rotate on demand", change=deny(Action="kms:RotateKeyOnDemand"), ids="administrators-administer"
    ),
    Case(
        what="permission set whose name begins alike decrypts",
        config=ORGANIZATION,
        change=instead("SecurityAnalyst_" + "?" * 16, "SecurityAnalyst_*"),
        ids="nobody-holds-more only-readers-decrypt permission-sets-exact",
    ),
    Case(what="deletion in seven days", change=without("NobodyShortensDeletion"), ids="deletion-window-held"),
    Case(
        what="deployer disables the key",
        change=add(
            Principal={"AWS": KEY_ACCOUNT + ":root"},
            Action="kms:DisableKey",
            Condition={"ArnLike": {"aws:PrincipalArn": KEY_ACCOUNT + ":role/CloudFormationDeployment"}},
        ),
        ids="disable-restricted nobody-holds-more",
    ),
    Case(what="nobody may cancel a deletion", change=deny(Action="kms:CancelKeyDeletion"), ids="break-glass-repairs"),
    Case(what="no lockout check", change=without("NobodyBypassesLockoutCheck"), ids="lockout-check-stands"),
    Case(what="deployer is forgotten", change=without("DeployerUpdatesKey"), ids="deployer-updates locked-out"),
    Case(what="root user is forgotten", change=without("RootUserRecoversKey"), ids="root-user-recovers"),
    Case(what="account sees no metadata", change=without("AccountReadsMetadata"), ids="account-reads-metadata"),
    Case(
        what="session of a role named as principal decrypts",
        change=add(Principal={"AWS": SESSION}, Action="kms:Decrypt"),
        ids="iam-needed nobody-holds-more only-readers-decrypt",
    ),
    Case(
        what="session of a role of another account decrypts",
        change=add(Principal={"AWS": SESSION.replace("7", "9")}, Action="kms:Decrypt"),
        ids="nobody-holds-more only-readers-decrypt",
    ),
    Case(
        what="session named as principal replaces the policy",
        change=add(Principal={"AWS": SESSION}, Action="kms:PutKeyPolicy"),
        ids="iam-needed key-policy-writers nobody-holds-more",
    ),
    Case(
        what="session named as principal deletes the key",
        change=add(Principal={"AWS": SESSION}, Action="kms:ScheduleKeyDeletion"),
        ids="deletion-restricted deletion-unrestricted iam-needed nobody-holds-more",
    ),
    Case(
        what="session named as principal grants",
        change=add(Principal={"AWS": SESSION}, Action="kms:CreateGrant"),
        ids="iam-needed no-grants nobody-holds-more",
    ),
    Case(
        what="session named as principal encrypts",
        change=add(Principal={"AWS": SESSION}, Action="kms:Encrypt"),
        ids="iam-needed nobody-holds-more only-cloudtrail-encrypts people-encrypt",
    ),
)
OF_A_STORE_KEY: Final = (
    Case(
        what="another service on a store's key",
        config=LAKE,
        resource="OrgEventsKey",
        change=add(Principal={"Service": "s3.amazonaws.com"}, Action="kms:Decrypt"),
        ids="lake-confined service-unconfined",
    ),
    Case(
        what="CloudTrail Lake under a source account",
        config=LAKE,
        resource="OrgEventsKey",
        change=add(
            "Deny",
            Principal={"Service": "cloudtrail.amazonaws.com"},
            Action="kms:*",
            Condition={"StringNotEquals": {"aws:SourceAccount": "111111111111"}},
        ),
        ids="lake-can-encrypt store-cannot-use",
    ),
    Case(
        what="queriers are forgotten",
        config=LAKE,
        resource="OrgEventsKey",
        change=without("QueriersUseKey"),
        ids="queriers-can-use-key reader-cannot-decrypt",
    ),
    Case(
        what="session named as principal uses a store's key",
        config=LAKE,
        resource="OrgEventsKey",
        change=add(Principal={"AWS": SESSION}, Action="kms:Decrypt"),
        ids="nobody-holds-more only-queriers-use",
    ),
)
OF_THE_BUCKET: Final = (
    Case(
        what="another service writes",
        resource="LogBucketPolicy",
        change=add(Principal={"Service": "config.amazonaws.com"}, Action="s3:PutObject", Resource=f"{BUCKET}/*"),
        ids="bucket-services-confined",
    ),
    Case(
        what="only objects of one storage class",
        resource="LogBucketPolicy",
        change=deny(
            Action="s3:PutObject",
            Resource=f"{BUCKET}/*",
            Condition={"StringNotEquals": {"s3:x-amz-storage-class": "GLACIER"}},
        ),
        ids="trails-write",
    ),
    Case(
        what="readers only from one endpoint",
        resource="LogBucketPolicy",
        change=deny(
            Action="s3:GetObject", Resource=f"{BUCKET}/*", Condition={"StringNotEquals": {"aws:SourceVpce": "vpce-1"}}
        ),
        ids="readers-get-logs",
    ),
    Case(what="no word about TLS", resource="LogBucketPolicy", change=without("OnlyTls"), ids="only-tls"),
    Case(
        what="session of another account gets logs",
        resource="LogBucketPolicy",
        change=add(Principal={"AWS": SESSION.replace("7", "9")}, Action="s3:GetObject", Resource=f"{BUCKET}/*"),
        ids="logs-held",
    ),
    Case(
        what="session of the bucket's account gets logs without IAM",
        resource="LogBucketPolicy",
        change=add(Principal={"AWS": SESSION}, Action="s3:GetObject", Resource=f"{BUCKET}/*"),
        ids="bucket-iam-needed",
    ),
)
OF_DEPLOYING_THE_BUCKET: Final = tuple(
    Case(
        what=f"nobody may {action}",
        resource="LogBucketPolicy",
        change=deny(Action=action, Resource=BUCKET),
        ids="bucket-deployer-updates",
    )
    for action in ("s3:PutBucketPolicy", "s3:PutEncryptionConfiguration")
)
ANYTHING: Final = (
    ("key of another Region", {"Action": "kms:Decrypt", "Resource": "arn:aws:kms:us-east-1:777777777777:key/*"}),
    ("key of another account", {"Action": "kms:Decrypt", "Resource": "arn:aws:kms:eu-central-1:999999999999:key/*"}),
    (
        "keys of another account by condition",
        {
            "Action": "kms:Decrypt",
            "Resource": "*",
            "Condition": {"StringEquals": {"aws:ResourceAccount": "999999999999"}},
        },
    ),
    ("another alias", {"Action": "kms:UpdateAlias", "Resource": "arn:aws:kms:*:*:alias/*"}),
    ("another bucket", {"Action": "s3:GetObject", "Resource": "arn:aws:s3:::payroll/*"}),
    ("everything but keys", {"Action": "*", "NotResource": "arn:aws:kms:*:*:key/*"}),
    ("another service", {"Action": "iam:PassRole", "Resource": "*"}),
    ("another action of a service of the row", {"Action": "cloudtrail:StopLogging", "Resource": "*"}),
    ("services that are not named", {"NotAction": ["kms:*", "s3:*", "cloudtrail:*", "iam:*"], "Resource": "*"}),
    ("service that the catalog does not have", {"Action": "nosuchservice:*", "Resource": "*"}),
)
OF_IAM_POLICIES: Final = (
    *(
        Case(
            what=f"reader's policy on {what}",
            resource="ReaderRespondersPolicy",
            change=add(**elements),
            ids="policies-minimal",
        )
        for what, elements in ANYTHING
    ),
    *(
        Case(what=f"without {sid}", resource=resource, change=without(sid), ids="policies-sufficient")
        for resource, sid in (
            ("ReaderRespondersPolicy", "DecryptLogs"),
            ("ReaderRespondersPolicy", "ListLogs"),
            ("ReaderRespondersPolicy", "ValidateLogs"),
            ("DeployerPolicy", "ChangeAlias"),
        )
    ),
    Case(
        what="querier's policy without queries",
        config=LAKE,
        resource="OrgEventsQuerierPolicy",
        change=without("QueryStore"),
        ids="policies-sufficient",
    ),
    Case(
        what="reader without its policy",
        resource="ReaderRespondersPolicy",
        change=put(Roles=[]),
        ids="policies-attached policies-sufficient",
    ),
    Case(
        what="policy attached to another role too",
        resource="DeployerPolicy",
        change=put(Roles=["CloudFormationDeployment", "Intruder"]),
        ids="policies-attached",
    ),
    Case(
        what="policy attached to a user",
        resource="BreakGlassPolicy",
        change=put(Users=["Bob"]),
        ids="policies-attached",
    ),
    Case(
        what="policy attached to a group",
        resource="BreakGlassPolicy",
        change=put(Groups=["All"]),
        ids="policies-attached",
    ),
    Case(
        what="policy for others to attach has a role",
        config=ORGANIZATION,
        resource="ReaderAnalystsPolicy",
        change=put(Roles=["Other"]),
        ids="policies-attached",
    ),
)


def without_block(algorithm: str) -> Document:
    """Return how a bucket of the single account encrypts, with objects of customers' own keys let in."""
    key = {"KMSMasterKeyID": {"Fn::GetAtt": ["Key", "Arn"]}} if algorithm == "aws:kms" else {}
    by_default = {"SSEAlgorithm": algorithm, **key}
    return {
        "ServerSideEncryptionConfiguration": [{"ServerSideEncryptionByDefault": by_default, "BucketKeyEnabled": False}]
    }


OF_RESOURCES: Final = tuple(
    Case(
        what=f"{resource} with {', '.join(properties)}",
        config=config,
        resource=resource,
        change=put(**properties),
        ids="resources-consistent",
    )
    for config, resource, properties in (
        (SINGLE, "AccountTrail", {"KMSKeyId": "arn:aws:kms:eu-central-1:777777777777:key/another"}),
        (SINGLE, "AccountTrail", {"KMSKeyId": None}),
        (SINGLE, "AccountTrail", {"S3BucketName": "another"}),
        (SINGLE, "AccountTrail", {"S3KeyPrefix": "another"}),
        (SINGLE, "AccountTrail", {"TrailName": "another"}),
        (SINGLE, "AccountTrail", {"IsOrganizationTrail": True}),
        (SINGLE, "AccountTrail", {"IsLogging": False}),
        (ORGANIZATION, "OrganizationTrail", {"IsOrganizationTrail": False}),
        (SINGLE, "LogBucketPolicy", {"Bucket": {"Ref": "AccessLogBucket"}}),
        (SINGLE, "LogBucket", {"BucketName": "another"}),
        (SINGLE, "LogBucket", {"BucketEncryption": {}}),
        (SINGLE, "LogBucket", {"BucketEncryption": without_block("aws:kms")}),
        (SINGLE, "AccessLogBucket", {"BucketEncryption": without_block("AES256")}),
        (SINGLE, "LogBucket", {"AccessControl": "PublicRead"}),
        (SINGLE, "LogBucket", {"OwnershipControls": {"Rules": [{"ObjectOwnership": "ObjectWriter"}]}}),
        (SINGLE, "KeyAlias", {"TargetKeyId": "another"}),
        (SINGLE, "KeyAlias", {"AliasName": "alias/another"}),
        (SINGLE, "Key", {"BypassPolicyLockoutSafetyCheck": True}),
        (SINGLE, "Key", {"Enabled": False}),
        (SINGLE, "Key", {"KeySpec": "RSA_2048"}),
        (SINGLE, "Key", {"MultiRegion": True}),
        (SINGLE, "Key", {"Origin": "EXTERNAL"}),
        (LAKE, "OrgEventsEventDataStore", {"KmsKeyId": "arn:aws:kms:us-west-2:111111111111:key/another"}),
        (LAKE, "OrgEventsEventDataStore", {"OrganizationEnabled": False}),
    )
)


def with_attribute(attribute: str, value: str) -> Callable[[Document], Any]:
    return lambda resource: resource.update({attribute: value})


OF_RETENTION: Final = tuple(
    Case(
        what=f"{resource} with {attribute} {value}",
        config=config,
        resource=resource,
        change=with_attribute(attribute, value),
        ids="kept-together",
    )
    for config, resource, attribute, value in (
        (SINGLE, "Key", "DeletionPolicy", "Delete"),
        (SINGLE, "Key", "UpdateReplacePolicy", "Delete"),
        (SINGLE, "KeyAlias", "DeletionPolicy", "Delete"),
        (SINGLE, "LogBucketPolicy", "DeletionPolicy", "Delete"),
        (SINGLE, "LogBucketPolicy", "UpdateReplacePolicy", "Snapshot"),
        (SINGLE, "AccessLogBucketPolicy", "DeletionPolicy", "Delete"),
        (SINGLE, "AccountTrail", "DeletionPolicy", "Delete"),
        (ORGANIZATION, "OrganizationTrailLogsRolePolicy", "DeletionPolicy", "Delete"),
        (LAKE, "OrgEventsEventDataStore", "UpdateReplacePolicy", "Delete"),
    )
)


def pattern(name: str, value: Any) -> Callable[[Document], Any]:
    """Put something else into the detail of a rule's pattern."""
    return lambda resource: resource["Properties"]["EventPattern"]["detail"].update({name: value})


def without_statement(sid: str) -> Callable[[Document], Any]:
    def change(resource: Document) -> None:
        policy_of(resource)[:] = [one for one in policy_of(resource) if one["Sid"] != sid]

    return change


OF_DENIED_DELETION: Final = tuple(
    Case(what=what, config=CONFIGS["everything"], resource="LogBucketPolicy", change=change, ids=ids)
    for what, change, ids in (
        ("logs can be deleted", without_statement("NobodyDeletesLogs"), "log-deletion-denied"),
        ("the bucket can be changed", without_statement("OnlyDeployerChangesBucket"), "log-deletion-denied"),
        (
            "the deployer cannot change the bucket",
            deny(Action="s3:PutBucketPolicy"),
            "bucket-deployer-updates",
        ),
    )
)


OF_THE_ALARM: Final = tuple(
    Case(what=f"{resource} {what}", config=ORGANIZATION, resource=resource, change=change, ids=ids)
    for what, resource, change, ids in (
        ("is off", "KeyAlarmRule", put(State="DISABLED"), "alarm-rings"),
        ("has no target", "LogBucketAlarmRule", put(Targets=[]), "alarm-rings"),
        ("is of other events", "KeyAlarmRule", put(EventPattern={"source": ["aws.s3"]}), "alarm-rings"),
        ("leaves a call out", "KeyAlarmRule", pattern("eventName", ["DisableKey"]), "alarm-rings"),
        ("is of another key", "KeyAlarmRule", pattern("resources", {"ARN": ["arn:aws:kms:us-east-1:1:key/2"]}), "alarm-rings"),
        ("is of all keys", "KeyAlarmRule", lambda one: one["Properties"]["EventPattern"]["detail"].pop("resources"), "alarm-rings"),
        ("is of another trail", "OrganizationTrailAlarmRule", pattern("$or", [{"requestParameters": {"name": ["x"]}}]), "alarm-rings"),
        ("is of names only", "OrganizationTrailAlarmRule", pattern("$or", [{"requestParameters": {"name": ["organization-trail"]}}]), "alarm-rings"),
        ("is of all buckets", "LogBucketAlarmRule", pattern("requestParameters", {}), "alarm-rings"),
        ("does not tell of AWS's own deletion", "KeyAlarmRule", lambda one: one["Properties"]["EventPattern"].update({"detail-type": ["AWS API Call via CloudTrail"]}), "alarm-rings"),
        ("has AWS's key", "management-alarm/AlarmTopic", put(KmsMasterKeyId="alias/aws/sns"), "topics-restricted"),
        ("is of another topic", "management-alarm/AlarmTopicPolicy", put(Topics=["arn:aws:sns:us-east-1:222222222222:other"]), "topics-restricted"),
    )
)  # fmt: skip
OF_SUBSCRIBERS: Final = (
    Case(
        what="another address is subscribed",
        config=CONFIGS["everything"],
        resource="log-archive-alarm/AlarmEmail",
        change=put(Endpoint="other@example.com"),
        ids="topics-restricted",
    ),
    Case(
        what="a topic of a trail has another key",
        config=CONFIGS["everything"],
        resource="EverythingTrailTopic",
        change=put(KmsMasterKeyId="alias/other"),
        ids="topics-restricted",
    ),
)

CASES: Final = (
    *OF_THE_ALARM,
    *OF_SUBSCRIBERS,
    *OF_DENIED_DELETION,
    *OF_THE_KEY,
    *OF_A_STORE_KEY,
    *OF_THE_BUCKET,
    *OF_DEPLOYING_THE_BUCKET,
    *OF_IAM_POLICIES,
    *OF_RESOURCES,
    *OF_RETENTION,
)


@pytest.mark.parametrize("case", CASES, ids=str)
def test_a_change_is_found_by_the_properties_it_breaks_and_no_others(case: Case) -> None:
    (deployment,) = pipeline.load_all([case.config])
    rendered = edited(pipeline.render(deployment), lambda resources: case.change(resources[case.resource]))

    assert " ".join(sorted({one.id for one in pipeline.prove(rendered).findings})) == case.ids


def test_every_property_is_refuted_by_a_case() -> None:
    refuted = {each for case in CASES for each in case.ids.split()}

    assert [one.id for one in PROPERTIES if one.id not in refuted and one not in OF_THE_ROLLOUT] == []


def test_an_iam_policy_that_nobody_of_the_config_has_is_found() -> None:
    (deployment,) = pipeline.load_all([SINGLE])
    rendered = edited(
        pipeline.render(deployment),
        lambda resources: resources.update(
            Extra={
                **resources["DeployerPolicy"],
                "Properties": {**resources["DeployerPolicy"]["Properties"], "Roles": ["Stranger"]},
            }
        ),
    )

    (found,) = pipeline.prove(rendered).findings
    assert (found.id, found.location.logical_id) == ("policies-attached", "Extra")


def test_a_trail_that_no_template_has_is_found() -> None:
    (deployment,) = pipeline.load_all([SINGLE])
    rendered = edited(pipeline.render(deployment), lambda resources: resources.pop("AccountTrail"))

    (found,) = pipeline.prove(rendered).findings
    assert (found.id, found.statement, found.witness) == ("resources-consistent", None, None)
    assert found.location.config_path == "trails[0]"
    assert "no template has the AWS::CloudTrail::Trail" in found.message


def test_a_resource_that_is_not_wired_says_what_it_has_and_what_it_should_have() -> None:
    (deployment,) = pipeline.load_all([SINGLE])
    change = put(S3BucketName="b", S3KeyPrefix="p")
    rendered = edited(pipeline.render(deployment), lambda resources: change(resources["AccountTrail"]))

    (found,) = pipeline.prove(rendered).findings
    assert (
        "does not hold: S3BucketName is b, not example-cloudtrail-logs; S3KeyPrefix is p, not absent" in found.message
    )


NOBODY: Final[dict[str, Callable[[Any], bool]]] = {
    "log-deletion-denied": lambda bucket: not bucket.deny_deletion,
    "administrators-administer": lambda key: not key.administrators,
    "administrators-denied": lambda key: not key.administrators,
    "administrators-never-use": lambda key: not key.administrators,
    "break-glass-repairs": lambda key: not key.break_glass,
    "permission-sets-exact": lambda key: not any(reader.role_prefix for reader in key.readers),
    "readers-only-read": lambda key: not any(reader.principal_arns for reader in key.readers),
    "trail-deployers-describe": lambda key: all(f"::{key.account}:" in arn for arn in key.trail_deployers),
}
"""Properties about people who need not be there, and when a config has none of them."""


@pytest.mark.parametrize("config", CONFIGS.values(), ids=list(CONFIGS))
def test_no_property_holds_both_of_nothing_and_of_everything(config: Path) -> None:
    (deployment,) = pipeline.load_all([config])
    policies = pipeline.render(deployment).folder.policies
    for target in (*targets(deployment, policies), *identity_questions(deployment, policies)):
        assert isinstance(target, Target)
        resource_based = any(statement.principals for statement in target.policy.statements)
        whole = {"Action": "*", "Resource": "*", **({"Principal": "*"} if resource_based else {})}
        judged = [
            one
            for effect in ("Allow", "Deny")
            for one in judge(
                replace(
                    target,
                    permissions=None,
                    policy=parse_policy({"Statement": {**whole, "Effect": effect}}, resource_based=resource_based),
                )
            )
        ]
        refuted = {one.id for one in judged if one.answer.verdict == "refuted"}
        asked = {one.id for one in judged}
        nobody = {name for name, is_so in NOBODY.items() if name in asked and is_so(target.purpose)}

        assert asked - refuted == nobody


def test_policy_generation_of_one_account_gets_no_logs_of_another(tmp_path: Path) -> None:
    rendered = pipeline.render(deploy(tmp_path, ARCHIVE, readers=[{"name": "p", "service": "access-analyzer"}]))
    assert pipeline.prove(rendered).findings == ()

    def widen(resources: dict[str, Document]) -> None:
        (statement,) = [one for one in policy_of(resources["LogBucketPolicy"]) if one["Sid"] == "ReaderPGetsLogs"]
        statement["Resource"] = "arn:aws:s3:::logs-of-org/AWSLogs/o-a1b2c3d4e5/*"

    (found,) = pipeline.prove(edited(rendered, widen)).findings
    assert found.id == "logs-held"
    assert found.witness is not None
    account = found.witness["principal"].split(":")[4]
    assert f"/{account}/" not in found.witness["resource"]
