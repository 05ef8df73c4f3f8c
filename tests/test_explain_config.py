"""The failed call with the deployment at hand: which statement is short, what a CloudTrail event asked for, and what would let it through."""

from __future__ import annotations

import json
import shutil
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

import pytest

from helpers import CONFIGS, OUTPUT
from test_mutations import mutations
from trailkey import api, cli, pipeline
from trailkey.access import decide, parse_policy, parse_request
from trailkey.access.language.evaluate import matching
from trailkey.aws import CLOUDTRAIL
from trailkey.explain.deployed import Policies, judged
from trailkey.explain.documents import said_in
from trailkey.explain.explained import Explanation
from trailkey.explain.messages import messages_in
from trailkey.inventory.policies import IdentityPolicy, ResourcePolicy
from trailkey.output.manifest import MANIFEST
from trailkey.reports.explain import explanation_lines, explanations_json
from trailkey.rollout.plan import sha256
from trailkey.suggest import explain

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from trailkey.access import Policy
    from trailkey.config.deployment import Deployment

Document = dict[str, Any]
Found = ResourcePolicy | IdentityPolicy

ALL: Final = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}
MEMBER: Final = "arn:aws:iam::999999999999:role/OfTheUnit"
"""Somebody of the organization whom no config names."""


@dataclass(frozen=True)
class Deployed:
    """A config with the policies that it makes."""

    policies: Policies

    @property
    def every(self) -> list[Found]:
        made = self.policies.meant
        every: list[Found] = [*made.keys, *made.buckets, *made.identities]
        return [one for one in every if not one.location.logical_id.startswith("AccessLog")]

    def changed(self, found: Found, document: Document) -> Policies:
        """Return the policies as somebody changed one of them."""
        here = self.policies.here

        def swap(policies: tuple[Any, ...]) -> tuple[Any, ...]:
            return tuple(replace(one, document=document) if one is found else one for one in policies)

        return replace(
            self.policies,
            here=replace(here, keys=swap(here.keys), buckets=swap(here.buckets), identities=swap(here.identities)),
        )


def deployed(name: str) -> Deployed:
    (deployment,) = pipeline.load_all([CONFIGS[name]])
    made = pipeline.folder_of(deployment).policies
    return Deployed(Policies(deployment=deployment, here=made, meant=made))


def filled(pattern: str) -> str:
    """Return a text that a pattern stands for."""
    return pattern.replace("?", "0").replace("*", "x")


def callers(statement: Document, found: Found, deployment: Deployment) -> Iterator[str]:
    """Yield those whom a statement is meant for."""
    if isinstance(found, ResourcePolicy):
        principal = statement["Principal"]
        patterns = statement.get("Condition", {}).get("ArnLike", {}).get("aws:PrincipalArn", [])
        names = principal if isinstance(principal, str) else next(iter(principal.values()))
        for one in [patterns] if isinstance(patterns, str) else patterns or [MEMBER if names == "*" else names]:
            yield filled(one)
        return
    yield from (f"arn:aws:iam::{found.account}:{who}" for who in found.attached)
    for reader in deployment.readers:
        if found.policy_name.endswith(f"-{reader.name}") and reader.account:
            yield filled((*reader.principal_arns, f"arn:aws:iam::{reader.account.id}:role/Somebody")[0])


def probes(found: Found, deployment: Deployment) -> Iterator[Document]:
    """Yield the requests that the statements of a policy are there to allow, as AWS sends them."""
    for statement in found.document["Statement"]:
        if statement["Effect"] == "Deny":
            continue
        context: Document = {}
        for operator, keys in statement.get("Condition", {}).items():
            if "Not" not in operator:
                context |= {key: filled(one if isinstance(one, str) else one[0]) for key, one in keys.items()}
        if "kms:EncryptionContext:aws:cloudtrail:arn" in context and "aws:SourceArn" in context:
            context["kms:EncryptionContext:aws:cloudtrail:arn"] = context["aws:SourceArn"]
        resource = statement["Resource"][0]
        named = {} if resource == "*" else {"resource": filled(resource)}
        for principal in callers(statement, found, deployment):
            for action in statement["Action"]:
                own = {"kms:ScheduleKeyDeletionPendingWindowInDays": "30", "aws:SecureTransport": "true"}
                yield {"principal": principal, "action": action.rstrip("*"), "context": own | context, **named}


def parsed(document: Document, found: Found) -> Policy:
    return parse_policy(document, resource_based=isinstance(found, ResourcePolicy))


def decision(request: Document, found: Found, policy: Policy) -> str:
    """Return what AWS says of a request where one policy is as it is, and every other allows."""
    arn = found.arn if isinstance(found, ResourcePolicy) else f"arn:aws:{request['action'].partition(':')[0]}:::any"
    asked = parse_request({"resource": arn, "identity_policies": [ALL], **request}, key_account=found.account)
    if isinstance(found, ResourcePolicy):
        return decide(asked, resource_policy=policy).reason
    if matching(asked, policy, "Deny"):
        return "explicit_deny"
    return "allowed" if matching(asked, policy, "Allow") else "no_matching_allow"


def error(request: Document, found: Found, reason: str, bucket: str) -> str:
    """Return what AWS answers to whoever makes a request that a policy denies."""
    principal, action = request["principal"], request["action"]
    if principal == CLOUDTRAIL:
        if action.startswith("s3:"):
            return f"InsufficientS3BucketPolicyException: Incorrect S3 bucket policy is detected for bucket: {bucket}"
        return f'Resource handler returned message: "Invalid request provided: Insufficient permissions to access S3 bucket {bucket} or KMS key {REAL} (Service: CloudTrail, Status Code: 400, Request ID: 1a2b)" (RequestToken: 3c4d, HandlerErrorCode: InvalidRequest)'
    if action == "kms:PutKeyPolicy" and isinstance(found, ResourcePolicy):
        identity = {"type": "AssumedRole", "arn": principal}
        words = "The new key policy will not allow you to update the key policy in the future."
        event = {"eventSource": "kms.amazonaws.com", "eventName": "PutKeyPolicy", "awsRegion": "us-east-1"}
        return json.dumps(
            {**event, "errorCode": "MalformedPolicyDocumentException", "errorMessage": words, "userIdentity": identity}
        )
    kind = "resource-based policy" if isinstance(found, ResourcePolicy) else "identity-based policy"
    why = (
        f"with an explicit deny in a {kind}"
        if reason == "explicit_deny"
        else f"because no {kind} allows the {action} action"
    )
    resource = request.get("resource", "*" if action in NO_RESOURCE else REAL)
    return f"An error occurred (AccessDenied) when calling the X operation: User: {principal} is not authorized to perform: {action} on resource: {resource} {why}"


def cases(one: Deployed) -> Iterator[tuple[str, Found, Document, str, str]]:
    """Yield each mutation of a statement that denies a request which was allowed: what it is, where, and AWS's error."""
    deployment = one.policies.deployment
    for found in one.every:
        policy = parsed(found.document, found)
        asked = [each for each in probes(found, deployment) if decision(each, found, policy) == "allowed"]
        for what, document in mutations(found.document):
            policy = parsed(document, found)
            for request in asked:
                reason = decision(request, found, policy)
                if reason != "allowed":
                    yield (
                        what,
                        found,
                        document,
                        error(request, found, reason, deployment.config.bucket.name),
                        request["action"],
                    )


REAL: Final = "arn:aws:kms:{region}:{account}:key/0f1e2d3c-aaaa-4bbb-8ccc-0123456789ab"
NO_RESOURCE: Final = ("kms:ListKeys", "kms:ListAliases")


@pytest.mark.parametrize(
    "name", ["single-account", "organization", pytest.param("mirror", marks=pytest.mark.exhaustive)]
)
def test_statement_that_was_changed_is_named(name: str) -> None:
    one = deployed(name)
    key = one.policies.meant.keys[0].arn.split(":")
    wrong, number = [], 0
    for what, found, document, text, action in cases(one):
        (message,) = messages_in(said_in(text.replace(REAL, REAL.format(region=key[3], account=key[4]))))
        calls = judged(message, one.changed(found, document))
        explanation = Explanation(message=message, judged=tuple(calls))
        number += 1
        if explanation.statement != what.partition(":")[0]:
            wrong.append((str(found.location), what, action, message.cause.id, explanation.statement))

    assert wrong == []
    assert number >= 150


TRAIL: Final = "arn:aws:cloudtrail:us-east-1:111111111111:trail/organization-trail"
LOG: Final = (
    "arn:aws:s3:::acme-cloudtrail-logs/AWSLogs/o-a1b2c3d4e5/111111111111/CloudTrail/us-east-1/2026/11/02/a.json.gz"
)
KEY: Final = REAL.format(region="us-east-1", account="222222222222")
CONTEXT: Final = {"aws:cloudtrail:arn": TRAIL, "aws:s3:arn": LOG}
SENT: Final = {f"kms:EncryptionContext:{name}": value for name, value in CONTEXT.items()}
MEMBERSHIP: Final = {"aws:PrincipalOrgID": "o-a1b2c3d4e5"}
SESSION: Final = "arn:aws:sts::333333333333:assumed-role/CloudTrailRead/kim"
ROLE: Final = "arn:aws:iam::333333333333:role/CloudTrailRead"
SSO: Final = "role/aws-reserved/sso.amazonaws.com/eu-west-1/AWSReservedSSO_SecurityAnalyst_0123456789abcdef"


def session(arn: str, role: str) -> Document:
    """Return the identity of a role's session, as CloudTrail has it."""
    account = arn.split(":")[4]
    issuer = {"type": "Role", "principalId": "AROAEXAMPLE", "arn": role, "accountId": account, "userName": "x"}
    attributes = {"creationDate": "2026-11-02T09:00:00Z", "mfaAuthenticated": "false"}
    return {
        "type": "AssumedRole",
        "principalId": "AROAEXAMPLE:kim",
        "arn": arn,
        "accountId": account,
        "accessKeyId": "ASIAEXAMPLE",
        "sessionContext": {"sessionIssuer": issuer, "attributes": attributes},
    }


def event(identity: Document, name: str = "Decrypt", **elements: Any) -> Document:
    """Return the event of a denied call of KMS, as the page on log entries of KMS has it."""
    return {
        "eventVersion": "1.11",
        "userIdentity": identity,
        "eventTime": "2026-11-02T09:14:03Z",
        "eventSource": "kms.amazonaws.com",
        "eventName": name,
        "awsRegion": "us-east-1",
        "sourceIPAddress": "AWS Internal",
        "userAgent": "AWS Internal",
        "errorCode": "AccessDenied",
        "errorMessage": f"User: {identity.get('arn', SESSION)} is not authorized to perform: kms:{name} on resource: {KEY} because no resource-based policy allows the kms:{name} action",
        "requestParameters": {"encryptionAlgorithm": "SYMMETRIC_DEFAULT", "encryptionContext": CONTEXT},
        "responseElements": None,
        "requestID": "1a2b3c4d-1111-2222-3333-444455556666",
        "eventID": "9a2b3c4d-1111-2222-3333-444455556666",
        "readOnly": True,
        "resources": [{"accountId": "222222222222", "type": "AWS::KMS::Key", "ARN": KEY}],
        "eventType": "AwsApiCall",
        "managementEvent": True,
        "recipientAccountId": "222222222222",
        **elements,
    }


THROUGH_S3: Final = {"kms:ViaService": "s3.us-east-1.amazonaws.com"}
EVENTS: Final[dict[str, tuple[Document, Document, str]]] = {
    "an assumed role, by way of S3": (
        event(session(SESSION, ROLE) | {"invokedBy": "AWS Internal"}),
        {"principal": SESSION, "context": {"aws:PrincipalArn": ROLE, **SENT, **THROUGH_S3, **MEMBERSHIP}},
        "identity_policy_missing",
    ),
    "the same where S3 is named": (
        event(session(SESSION, ROLE) | {"invokedBy": "s3.amazonaws.com"}, sourceIPAddress="s3.amazonaws.com"),
        {"principal": SESSION, "context": {"aws:PrincipalArn": ROLE, **SENT, **THROUGH_S3, **MEMBERSHIP}},
        "identity_policy_missing",
    ),
    "a role with a path, of IAM Identity Center": (
        event(
            session(f"arn:aws:sts::333333333333:assumed-role/{SSO.rpartition('/')[2]}/kim", f"arn:aws:iam::333333333333:{SSO}")
            | {"invokedBy": "AWS Internal"}
        ),
        {
            "principal": f"arn:aws:sts::333333333333:assumed-role/{SSO.rpartition('/')[2]}/kim",
            "context": {"aws:PrincipalArn": f"arn:aws:iam::333333333333:{SSO}", **SENT, **THROUGH_S3, **MEMBERSHIP},
        },
        "identity_policy_missing",
    ),
    "KMS itself, from an address": (
        event(session(SESSION, ROLE), sourceIPAddress="203.0.113.9", userAgent="aws-cli/2.31"),
        {"principal": SESSION, "context": {"aws:PrincipalArn": ROLE, **SENT, "aws:SourceIp": "203.0.113.9", **MEMBERSHIP}},
        "no_matching_allow",
    ),
    "KMS itself, through a VPC endpoint": (
        event(session(SESSION, ROLE), sourceIPAddress="10.0.0.7", vpcEndpointId="vpce-0a1b2c3d"),
        {"principal": SESSION, "context": {"aws:PrincipalArn": ROLE, **SENT, "aws:SourceVpce": "vpce-0a1b2c3d", **MEMBERSHIP}},
        "no_matching_allow",
    ),
    "another service for somebody": (
        event(
            session(SESSION, ROLE) | {"invokedBy": "athena.amazonaws.com"},
            sourceIPAddress="athena.amazonaws.com",
            requestParameters={"encryptionAlgorithm": "SYMMETRIC_DEFAULT"},
        ),
        {"principal": SESSION, "context": {"aws:PrincipalArn": ROLE, "kms:ViaService": "athena.us-east-1.amazonaws.com", **MEMBERSHIP}},
        "no_matching_allow",
    ),
    "across accounts, the copy of the key's owner": (
        event(
            {"type": "AWSAccount", "principalId": "AROAEXAMPLE:kim", "accountId": "333333333333", "invokedBy": "AWS Internal"},
            sharedEventID="8a2b3c4d-1111-2222-3333-444455556666",
        ),
        {"principal": SESSION, "context": {**SENT, **THROUGH_S3, "aws:PrincipalArn": ROLE, **MEMBERSHIP}},
        "identity_policy_missing",
    ),
    "across accounts, where nothing names the caller": (
        event(
            {"type": "AWSAccount", "principalId": "AIDAEXAMPLE", "accountId": "888888888888", "invokedBy": "AWS Internal"},
            errorMessage="The ciphertext refers to a customer master key that does not exist, does not exist in this region, or you are not allowed to access.",
        ),
        {"principal": "arn:aws:iam::888888888888:root", "context": {**SENT, **THROUGH_S3, **MEMBERSHIP}},
        "allowed",
    ),
    "a user": (
        event({"type": "IAMUser", "arn": "arn:aws:iam::333333333333:user/kim", "accountId": "333333333333", "userName": "kim"}, sourceIPAddress="203.0.113.9"),
        {"principal": "arn:aws:iam::333333333333:user/kim", "context": {**SENT, "aws:SourceIp": "203.0.113.9", **MEMBERSHIP}},
        "no_matching_allow",
    ),
    "a service as itself": (
        event(
            {"type": "AWSService", "invokedBy": "cloudtrail.amazonaws.com"},
            "GenerateDataKey",
            sourceIPAddress="cloudtrail.amazonaws.com",
            requestParameters={"keySpec": "AES_256", "encryptionContext": CONTEXT, "keyId": KEY},
        ),
        {"principal": CLOUDTRAIL, "action": "kms:GenerateDataKey", "context": {**SENT, "aws:SourceArn": TRAIL, "aws:SourceAccount": "111111111111"}},
        "allowed",
    ),
    "another service as itself": (
        event({"type": "AWSService", "invokedBy": "config.amazonaws.com"}, sourceIPAddress="config.amazonaws.com"),
        {"principal": "config.amazonaws.com", "context": SENT},
        "no_matching_allow",
    ),
    "a log file, of S3": (
        event(
            session(SESSION, ROLE),
            "GetObject",
            eventSource="s3.amazonaws.com",
            errorMessage="Access Denied",
            sourceIPAddress="203.0.113.9",
            requestParameters={"bucketName": "acme-cloudtrail-logs", "key": LOG.partition("/")[2], "Host": "acme-cloudtrail-logs.s3.amazonaws.com"},
            resources=[{"type": "AWS::S3::Object", "ARN": LOG}, {"accountId": "222222222222", "type": "AWS::S3::Bucket", "ARN": LOG.partition("/")[0]}],
        ),
        {"principal": SESSION, "action": "s3:GetObject", "resource": LOG, "context": {"aws:PrincipalArn": ROLE, "aws:SourceIp": "203.0.113.9", "aws:SecureTransport": "true", **MEMBERSHIP}},
        "identity_policy_missing",
    ),
}  # fmt: skip
"""Events with the request that each is of, and what ``decide`` answers. Forms:
https://docs.aws.amazon.com/kms/latest/developerguide/understanding-kms-entries.html
https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-event-reference-user-identity.html
https://docs.aws.amazon.com/AmazonS3/latest/userguide/cloudtrail-logging-understanding-s3-entries.html"""


@pytest.mark.parametrize("form", EVENTS)
def test_event_becomes_the_request_that_decide_answers(form: str) -> None:
    written, expected, reason = EVENTS[form]
    (explanation,) = explain(json.dumps(written), CONFIGS["organization"])
    request = explanation.judged[0].request
    (answer,) = api.decide(CONFIGS["organization"], request)

    assert request == {"action": "kms:Decrypt", "resource": KEY} | expected
    assert answer.reason == reason


@pytest.mark.parametrize(
    "wrapped",
    [
        lambda one: {"Records": [one]},
        lambda one: [one],
        lambda one: {"Events": [{"EventId": "1", "CloudTrailEvent": json.dumps(one)}]},
        lambda one: {"source": "aws.kms", "detail-type": "AWS API Call via CloudTrail", "detail": one},
    ],
    ids=["log-file", "list", "lookup-events", "EventBridge"],
)
def test_event_is_found_wherever_cloudtrail_puts_it(wrapped: Any) -> None:
    written, expected, _ = EVENTS["an assumed role, by way of S3"]
    done = {name: value for name, value in written.items() if not name.startswith("error")}
    (explanation,) = explain(json.dumps([done, wrapped(written)]), CONFIGS["organization"])

    assert explanation.judged[0].request["context"] == expected["context"]


def test_decoded_message_becomes_the_request_that_decide_answers() -> None:
    """As sts:DecodeAuthorizationMessage answers: a text within a document."""
    items = [{"key": "kms:ViaService", "values": {"items": [{"value": "s3.us-east-1.amazonaws.com"}]}}]
    context = {"principal": {"id": "AROAEXAMPLE:kim", "arn": SESSION}, "action": "kms:Decrypt", "resource": KEY, "conditions": {"items": items}}  # fmt: skip
    decoded = {"allowed": False, "explicitDeny": False, "matchedStatements": {"items": []}, "failures": {"items": []}, "context": context}  # fmt: skip
    (explanation,) = explain(json.dumps({"DecodedMessage": json.dumps(decoded)}), CONFIGS["organization"])
    (call,) = explanation.judged

    assert call.request["context"]["kms:ViaService"] == "s3.us-east-1.amazonaws.com"
    assert (call.request["principal"], call.request["action"], call.request["resource"]) == (
        SESSION,
        "kms:Decrypt",
        KEY,
    )
    assert call.statement == "ReaderResponders"
    assert any("kms:EncryptionContext:aws:cloudtrail:arn is missing" in one for one in call.not_met)


DENIED: Final = (
    f"User: {{}} is not authorized to perform: {{}} on resource: {KEY} because no {{}} policy allows the {{}} action"
)


def denied(principal: str, action: str = "kms:Decrypt", kind: str = "resource-based") -> str:
    return DENIED.format(principal, action, kind, action)


def test_where_the_policies_allow_it_others_are_named() -> None:
    (explanation,) = explain(denied(SESSION), CONFIGS["organization"])
    text = "\n".join(explanation_lines([explanation]))

    assert explanation.judged[0].allows
    assert "allowed here:" in text
    assert "ReaderResponders" in text
    for other in (
        "get-key-policy",
        "service control policy",
        "permissions boundary",
        "VPC endpoint",
        "resource control policy",
        "another account or Region",
        "some minutes ago",
    ):
        assert other in text
    assert explanation.proposal is None


def test_policy_that_is_not_attached_is_named() -> None:
    """A permission set's policy is attached by IAM Identity Center, not by a template."""
    caller = f"arn:aws:sts::333333333333:assumed-role/{SSO.rpartition('/')[2]}/kim"
    (explanation,) = explain(denied(caller, kind="identity-based"), CONFIGS["organization"])

    assert "is cloudtrail-logs-read-analysts attached?" in "\n".join(explanation_lines([explanation]))
    assert explanation.config
    assert explanation.config.config_path == "readers[1]"


def test_policy_type_that_is_named_is_the_only_one_looked_at() -> None:
    text = f"User: {SESSION} is not authorized to perform: kms:Decrypt on resource: {KEY} with an explicit deny in a service control policy"
    (explanation,) = explain(text, CONFIGS["organization"])
    lines = list(explanation_lines([explanation]))

    assert [line for line in lines if line.startswith("    - ")] == [
        "    - the service control policy that the message names"
    ]


@pytest.mark.parametrize(
    ("principal", "action", "change", "gained"),
    [
        ("arn:aws:sts::333333333333:assumed-role/Forensics/kim", "kms:Decrypt", "role: security:role/Forensics", "arn:aws:iam::333333333333:role/Forensics"),
        ("arn:aws:iam::333333333333:user/kim", "kms:Decrypt", "principal_arn_like: security:user/kim", "arn:aws:iam::333333333333:user/kim"),
        ("arn:aws:sts::333333333333:assumed-role/AWSReservedSSO_Other_0123456789abcdef/kim", "kms:Decrypt", "permission_set: Other, account: security", "AWSReservedSSO_Other_"),
        ("arn:aws:sts::444455556666:assumed-role/Vendor/kim", "kms:Decrypt", "ours: false", "arn:aws:iam::444455556666:role/Vendor"),
    ],
    ids=["role", "user", "permission-set", "account-that-is-not-listed"],
)  # fmt: skip
def test_change_that_lets_the_caller_in_is_shown_with_what_it_opens(
    principal: str, action: str, change: str, gained: str
) -> None:
    (explanation,) = explain(denied(principal, action), CONFIGS["organization"])
    document = explanations_json([explanation])["explanations"][0]

    assert not explanation.judged[0].allows
    assert change in document["change"]["text"]
    rows = document["change"]["opens"]
    assert {row["change"] for row in rows} == {"gained"}
    assert any(gained in row["principal"] and "kms:Decrypt" in row["actions"] for row in rows)
    assert [row for row in rows if "CloudTrailRead" in row["principal"]] == []  # who reads already gains nothing
    assert document["config_line"].startswith(f"{CONFIGS['organization'].as_posix()}:")


def test_role_that_runs_the_stack_and_is_not_the_deployer_is_shown_as_the_deployer() -> None:
    identity = {"type": "AssumedRole", "arn": "arn:aws:sts::222222222222:assumed-role/Pipeline/x"}
    words = "The new key policy will not allow you to update the key policy in the future."
    text = json.dumps({"eventSource": "kms.amazonaws.com", "eventName": "CreateKey", "awsRegion": "us-east-1", "errorCode": "MalformedPolicyDocumentException", "errorMessage": words, "userIdentity": identity})  # fmt: skip
    (explanation,) = explain(text, CONFIGS["organization"])

    assert explanation.proposal
    assert explanation.proposal.text == "accounts.log-archive: deployer: role/Pipeline"
    assert str(explanation.config).endswith("accounts.log-archive.deployer")
    assert {row.change for row in explanation.proposal.opens.rows} == {"gained", "lost"}


@pytest.mark.parametrize(
    ("principal", "action"),
    [
        ("arn:aws:iam::222222222222:role/KeyAdministrator", "kms:Decrypt"),  # a Deny: no reader helps
        ("arn:aws:sts::333333333333:assumed-role/Forensics/kim", "kms:GenerateDataKey"),  # readers never encrypt
        ("arn:aws:sts::333333333333:assumed-role/Forensics/kim", "kms:ScheduleKeyDeletion"),
    ],
)
def test_no_change_is_shown_for_what_no_config_should_open(principal: str, action: str) -> None:
    (explanation,) = explain(denied(principal, action), CONFIGS["organization"])

    assert not explanation.judged[0].allows
    assert explanation.proposal is None


def test_key_of_another_account_is_said_to_be_none_of_these() -> None:
    (explanation,) = explain(denied(SESSION).replace("222222222222", "999988887777"), CONFIGS["organization"])

    assert "is it another account or Region?" in explanation.judged[0].foreign


@pytest.mark.parametrize(
    "text",
    [
        f"Insufficient permissions to access S3 bucket acme-cloudtrail-logs or KMS key {KEY.replace('us-east-1', 'eu-west-1')}",
        f"Insufficient permissions to access S3 bucket acme-cloudtrail-logs or KMS key {KEY.replace('2222', '3333')}",
        "Incorrect S3 bucket policy is detected for bucket: somebody-elses-logs",
    ],
    ids=["Region", "account", "bucket"],
)
def test_calls_on_another_key_or_bucket_are_not_taken_for_those_here(text: str) -> None:
    (explanation,) = explain(text, CONFIGS["organization"])
    own = [one for one in explanation.judged if not one.foreign]

    assert {one.request["action"].partition(":")[0] for one in own} <= {"s3"}
    assert any("is of no key or bucket" in one.foreign for one in explanation.judged)


def test_call_of_nobody_that_is_named_is_said_to_be_undecided() -> None:
    (explanation,) = explain("An error occurred (AccessDenied) when calling the GetObject operation: Access Denied", CONFIGS["organization"])  # fmt: skip

    assert explanation.judged == ()
    assert any(line.startswith("  not decided here: ") for line in explanation_lines([explanation]))
    assert not any(
        line.startswith("  not decided here: ") for line in explanation_lines([replace(explanation, asked=False)])
    )


def test_line_of_the_config_is_named_where_no_policy_decides() -> None:
    lines = {
        "Trail organization-trail already exists for customer: 111111111111": "trails",
        "Resource of type 'AWS::S3::Bucket' with identifier 'acme-cloudtrail-logs' already exists.": "bucket.name",
        f"A client error (KMS.NotFoundException) occurred when calling the PutObject operation: Key '{KEY}' does not exist": "bucket.region",
        denied("arn:aws:sts::222222222222:assumed-role/X/y", "kms:CreateKey", "identity-based").replace(KEY, "*"): "accounts.log-archive.deployer",
    }  # fmt: skip
    for text, path in lines.items():
        (explanation,) = explain(text, CONFIGS["organization"])
        assert str(explanation.config).endswith(f": {path}"), text


@pytest.fixture
def altered(tmp_path: Path) -> Path:
    """Return the organization's output folder, in which somebody put another trail's name into the key policy."""
    folder = tmp_path / "organization"
    shutil.copytree(OUTPUT / "organization", folder)
    template = folder / "log-archive-key.yaml"
    text = template.read_text(encoding="utf-8")
    changed = text.replace(
        "trail/organization-trail\n              StringLike", "trail/former-trail\n              StringLike", 1
    )
    assert changed != text
    template.write_text(changed, encoding="utf-8")
    manifest = (folder / MANIFEST).read_text(encoding="utf-8")
    old, new = (sha256(one.encode()) for one in (text, changed))
    (folder / MANIFEST).write_text(manifest.replace(old, new), encoding="utf-8")
    return folder


def test_command_names_the_statement_of_an_altered_folder(
    altered: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pasted = tmp_path / "error.txt"
    pasted.write_text(
        f"Insufficient permissions to access S3 bucket acme-cloudtrail-logs or KMS key {KEY}", encoding="utf-16"
    )

    assert cli.run(["explain", str(pasted), "--config", str(altered), "--format", "json"]) == 0
    (document,) = json.loads(capsys.readouterr().out)["explanations"]
    assert document["cause"] == "encryption_policy_insufficient"
    assert document["statement"] == "CloudTrailEncryptsLogs"
    assert document["calls"][0]["location"]["logical_id"] == "Key"
    assert document["calls"][0]["not_met"] == [
        f"aws:SourceArn is {TRAIL} in the request (StringEquals {TRAIL.replace('organization-trail', 'former-trail')})"
    ]

    assert cli.run(["explain", str(pasted), "--config", str(altered)]) == 0
    text = capsys.readouterr().out
    assert f"denied here: {CLOUDTRAIL} kms:GenerateDataKey" in text
    assert "log-archive-key.yaml: Resources/Key: CloudTrailEncryptsLogs does not allow it" in text
