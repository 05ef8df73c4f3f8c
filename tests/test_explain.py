"""Messages of AWS in the forms in which people paste them: each has its cause, says who and what, and is found among others."""

from __future__ import annotations

import json
import re
import subprocess
from dataclasses import fields
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

import pytest

from helpers import OUTPUT, PACKAGE, TESTS
from trailkey import cloudformation
from trailkey.explain.cause import FOLDER, GROUPS, UNKNOWN, causes
from trailkey.explain.documents import said_in
from trailkey.explain.facts import POLICY_TYPES, Facts
from trailkey.explain.messages import Message, messages_in
from trailkey.output.manifest import MANIFEST
from trailkey.rollout.plan import PREVENTS

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

CASES: Final = sorted((TESTS / "explain").glob("*.yaml"))
TEXTS: Final[list[tuple[str, dict[str, Any]]]] = [
    (path.stem, case) for path in CASES for case in cloudformation.load(path.read_text(encoding="utf-8"), path.name)
]


def found(text: str) -> list[Message]:
    return messages_in(said_in(text))


@pytest.mark.parametrize(("cause", "case"), TEXTS, ids=[f"{cause}-{case['in']}" for cause, case in TEXTS])
def test_text_has_its_cause_and_what_it_says(cause: str, case: dict[str, Any]) -> None:
    first, *others = found(case["text"])
    told = first.facts.as_json()

    assert (first.cause.id, [one.cause.id for one in others]) == (cause, [])
    assert {name: told.get(name) for name in case.get("facts", {})} == case.get("facts", {})


SHOWN: Final[dict[str, Callable[[str], str]]] = {
    "broken by a terminal": lambda text: "\n".join(line[at : at + 50] for line in text.split("\n") for at in range(0, max(len(line), 1), 50)),
    "in the log of a workflow": lambda text: "\n".join(f"2026-11-02T09:14:03.1234567Z {line}" for line in text.split("\n")),
    "quoted": lambda text: "\n".join(f"> {line}" for line in text.split("\n")),
    "in a box": lambda text: "╷\n" + "\n".join(f"│ {line}" for line in text.split("\n")) + "\n╵",
    "in a table": lambda text: "\n".join(f"|  {line:100}  |" for line in text.split("\n")),
    "in colours": lambda text: "\x1b[1;31m" + text.replace(" ", " \x1b[0m\x1b[31m") + "\x1b[0m",
    "in JSON": lambda text: json.dumps({"log": [{"level": "error", "msg": text}]}),
    "in a text of JSON": lambda text: "output = " + json.dumps(text),
    "among others": lambda text: f"INFO begins\nERROR 12 failed\n{text}\nERROR exited with 1\n",
}  # fmt: skip


@pytest.mark.parametrize("how", SHOWN)
def test_text_has_its_cause_however_it_is_shown(how: str) -> None:
    lost: dict[str, list[str]] = {}
    for cause, case in TEXTS:
        whole = case["text"].lstrip().startswith(("{", "["))  # a document is pasted whole
        if cause != UNKNOWN and not whole:
            ids = [one.cause.id for one in found(SHOWN[how](case["text"].strip("\n")))]
            lost |= {} if ids == [cause] else {f"{cause}: {case['in']}": ids}

    assert lost == {}


@pytest.mark.parametrize("cause", sorted(path.stem for path in FOLDER.glob("*.yaml")))
def test_each_cause_has_texts_in_two_wrappers(cause: str) -> None:
    assert len({case["in"] for one, case in TEXTS if one == cause}) >= 2


@pytest.mark.parametrize("path", sorted(FOLDER.glob("*.yaml")), ids=lambda path: path.stem)
def test_an_entry_says_all_that_there_is_to_say(path: Path) -> None:
    written = cloudformation.load(path.read_text(encoding="utf-8"), path.name)
    names = {one.name for one in fields(Facts)}
    cause = causes()[path.stem]
    texts = (cause.meaning, cause.remedy, *cause.look)

    assert set(written) <= {"group", "seen", "follows", "meaning", "matches", "look", "remedy", "source"}
    assert cause.group in GROUPS
    assert urlsplit(cause.source).hostname in {"docs.aws.amazon.com", "awslabs.github.io"}
    assert {name for text in texts for name in re.findall(r"\{(\w+)\}", text)} <= names
    assert cause.meaning.endswith(".")
    assert not cause.remedy.endswith(".")
    assert 2 <= len(cause.look) <= 8
    assert bool(cause.phrases or cause.denials) is (cause.id != UNKNOWN)
    for phrase in cause.phrases:
        assert all(len(part) > 1 for part in phrase.parts), "what is so short is everywhere"
    for denied in cause.denials:
        assert set(denied.policy_type or ()) <= {"", *POLICY_TYPES}


ROLLBACK: Final = "Stack:arn:aws:cloudformation:us-east-1:222233334444:stack/keys/0a is in ROLLBACK_COMPLETE state and can not be updated."
BUCKET: Final = "Incorrect S3 bucket policy is detected for bucket: one-logs"
KEY: Final = "The new key policy will not allow you to update the key policy in the future."


@pytest.mark.parametrize(
    ("text", "order"),
    [
        (f"{ROLLBACK}\n{BUCKET}", ["bucket_policy_insufficient", "stack_rollback_complete"]),
        (f"{BUCKET}\nsome lines\n\n{KEY}", ["bucket_policy_insufficient", "key_policy_lockout"]),
        (f"outer: {BUCKET}: caused by: {KEY}", ["key_policy_lockout", "bucket_policy_insufficient"]),
        (f"{BUCKET}\n" * 40, ["bucket_policy_insufficient"]),
        (f"{BUCKET}\n{BUCKET.replace('one', 'two')}", ["bucket_policy_insufficient"] * 2),
        (f"InsufficientS3BucketPolicyException: {BUCKET}", ["bucket_policy_insufficient"]),
        (f"something else failed with Error: 12\n{BUCKET}", ["bucket_policy_insufficient"]),
    ],
    ids=[
        "what-follows-is-last",
        "lines-in-order",
        "innermost-first",
        "repeated",
        "two-buckets",
        "code-and-words",
        "known",
    ],
)
def test_of_several_messages_the_innermost_is_first(text: str, order: list[str]) -> None:
    assert [one.cause.id for one in found(text)] == order


def test_events_of_a_stack_are_told_in_the_order_of_time() -> None:
    """The console and the AWS CLI show the newest first."""
    event = '{{"LogicalResourceId": "{}", "ResourceStatus": "CREATE_FAILED", "Timestamp": "2026-11-02T09:14:0{}Z", "ResourceStatusReason": "{}"}}'
    events = ", ".join([event.format("Trail", 5, BUCKET), event.format("Key", 3, KEY)])

    assert [one.cause.id for one in found(f'{{"StackEvents": [{events}]}}')] == [
        "key_policy_lockout",
        "bucket_policy_insufficient",
    ]


def test_an_event_among_the_lines_of_a_log_is_read_as_an_event() -> None:
    event = '{"eventSource": "kms.amazonaws.com", "eventName": "PutKeyPolicy", "errorCode": "MalformedPolicyDocumentException", "errorMessage": "%s", "userIdentity": {"type": "IAMUser", "arn": "arn:aws:iam::222233334444:user/a"}}'
    (message,) = found(f"starting\n2026-11-02T09:14:03Z INFO {event % KEY}\nended\n")

    assert message.cause.id == "key_policy_lockout"
    assert message.facts.principal == "arn:aws:iam::222233334444:user/a"


def test_a_message_of_five_megabytes_of_log_is_found() -> None:
    line = '2026-11-02T09:14:03Z INFO request {"status": 200} in 12 ms of some module\n'
    log = line * 33_000
    (message,) = found(f"{log}{BUCKET}\n{log}")

    assert (message.cause.id, message.facts.bucket) == ("bucket_policy_insufficient", "one-logs")


SERVICES: Final = (
    ("ThrottlingException", "RunInstances", "Rate exceeded"),
    ("InvalidParameterValue", "CreateSubnet", "The CIDR '10.0.0.0/8' is invalid."),
    ("ResourceNotFoundException", "GetItem", "Requested resource not found"),
    ("ValidationException", "PutItem", "1 validation error detected: Value 'x' at 'tableName' failed to satisfy constraint: Member must satisfy regular expression pattern: [a-zA-Z0-9_.-]+"),
    ("ExpiredToken", "ListBuckets", "The provided token has expired."),
    ("NoSuchBucket", "GetObject", "The specified bucket does not exist"),
    ("NoSuchKey", "GetObject", "The specified key does not exist."),
    ("InvalidClientTokenId", "GetCallerIdentity", "The security token included in the request is invalid."),
    ("SignatureDoesNotMatch", "GetCallerIdentity", "Signature expired: 20261102T091403Z is now earlier than 20261102T092000Z"),
    ("LimitExceededException", "CreateFunction", "Code storage limit exceeded."),
    ("ResourceInUseException", "DeleteTable", "Attempt to change a resource which is still in use: Table is being created: t"),
    ("DBInstanceNotFound", "DescribeDBInstances", "DBInstance db not found."),
    ("AccessDeniedException", "InvokeModel", "You don't have access to the model with the specified model ID."),
    ("ClusterNotFoundException", "DescribeServices", "Cluster not found."),
    ("InvalidSignatureException", "ListKeys", "The request signature we calculated does not match the signature you provided."),
    ("ConditionalCheckFailedException", "PutItem", "The conditional request failed"),
    ("QueueDoesNotExist", "GetQueueUrl", "The specified queue does not exist."),
    ("NotFoundException", "GetParameter", "Parameter /a/b not found."),
    ("InvalidRequestException", "StartQueryExecution", "Unable to verify/create output bucket logs"),
    ("DependencyViolation", "DeleteSecurityGroup", "resource sg-1 has a dependent object"),
    ("ServiceUnavailable", "PutObject", "Please reduce your request rate."),
    ("DeleteConflict", "DeletePolicy", "Cannot delete a policy attached to entities."),
    ("UnauthorizedOperation", "DescribeInstances", "You are not authorized to perform this operation."),
    ("AccessDenied", "CreateDistribution", "Access Denied"),
    ("DisabledByPolicy", "Invoke", "The feature is disabled."),
    ("InvalidKeyPair.NotFound", "RunInstances", "The key pair 'key/a' does not exist"),
    ("MalformedPolicy", "PutBucketPolicy", "Invalid principal in policy"),
    ("InvalidBucketName", "CreateBucket", "The specified bucket is not valid."),
    ("InsufficientCapabilitiesException", "CreateStack", "Requires capabilities : [CAPABILITY_NAMED_IAM]"),
    ("TooManyRequestsException", "PutRolePolicy", "Rate exceeded"),
)  # fmt: skip
OTHERS: Final = (
    "ssh: connect to host 203.0.113.9 port 22: Connection refused",
    "Traceback (most recent call last):\n  File 'a.py', line 1, in <module>\nZeroDivisionError: division by zero",
    "npm ERR! code ERESOLVE\nnpm ERR! ERESOLVE unable to resolve dependency tree",
    "Error: Cannot find module './index.js'",
    "fatal: not a git repository (or any of the parent directories): .git",
    'Error from server (Forbidden): pods is forbidden: User "kim" cannot list resource "pods" in API group ""',
    "error: failed to push some refs to 'example.com:a.git'",
    "java.lang.NullPointerException\n\tat com.example.Main.main(Main.java:1)",
    "ERROR 1045 (28000): Access denied for user 'root'@'localhost' (using password: YES)",
    "curl: (6) Could not resolve host: example.com",
    "[]", "{}", "null", '""', "0", "{", "[[[[", '{"a": [{"b": {"c": "d"}}]}', "<html><body>502 Bad Gateway</body></html>",
    "", " ", "\n\n", "\x00\x01\x02\xff", "\x1b[31m", "\ufeff", "│ │ │", "User: is not authorized to perform: on resource:",
    "User: x is not authorized to perform: ec2:RunInstances", "An error occurred (", "Error: ", "Resource handler returned message: ",
    '{"eventSource": 1, "eventName": []}', '{"eventSource": "kms.amazonaws.com", "eventName": "Decrypt", "errorCode": {}, "userIdentity": [1]}',
    '{"eventSource": "kms.amazonaws.com", "eventName": "Decrypt", "errorCode": "X", "userIdentity": {"sessionContext": 3}, "resources": [1, {"ARN": 2}], "requestParameters": "a"}',
    '{"explicitDeny": true, "context": {"principal": 1, "conditions": {"items": [1, {"key": 2}]}}}', '{"IsLogging": 1, "LatestDeliveryError": 3}',
    '{"StackEvents": [{"ResourceStatusReason": 1, "ResourceStatus": 2, "Timestamp": {}}]}', "[" * 5000, '{"a":' * 5000,
)  # fmt: skip
WRAPPERS: Final = (
    "An error occurred ({code}) when calling the {operation} operation: {words}",
    "{words} (Service: AmazonX; Status Code: 400; Error Code: {code}; Request ID: 7f3c2a10-5b1d; Proxy: null)",
    "operation error X: {operation}, https response error StatusCode: 400, RequestID: 7f3c2a10-5b1d, api error {code}: {words}",
    "╷\n│ Error: calling {operation}: {code}: {words}\n│ \n│   with aws_x.this,\n╵",
    "{code}: {words}\n    at throwDefaultError (/app/index.js:1:1) {{\n  '$fault': 'client',\n  __type: '{code}'\n}}",
    '{{"Error": {{"Code": "{code}", "Message": "{words}"}}}}',
    "<Error><Code>{code}</Code><Message>{words}</Message><RequestId>1</RequestId></Error>",
    '{{"eventSource": "x.amazonaws.com", "eventName": "{operation}", "errorCode": "{code}", "errorMessage": "{words}"}}',
    '"11/2/2026 9:14:03 AM","{code}: {words}","Error"',
)
STRANGE: Final = [
    *OTHERS,
    *(
        wrapper.format(code=code, operation=operation, words=words)
        for code, operation, words in SERVICES
        for wrapper in WRAPPERS
    ),
]


def test_what_no_cause_knows_is_said_to_be_not_known() -> None:
    wrong = {text[:100]: [one.cause.id for one in found(text)] for text in STRANGE}

    assert len(STRANGE) >= 300
    assert {text: ids for text, ids in wrong.items() if ids != [UNKNOWN]} == {}


def test_the_one_known_message_among_others_is_found() -> None:
    wrong = {
        text[:100]: [one.cause.id for one in found(f"{text}\n{BUCKET}\n")]
        for text in STRANGE
        if not text.startswith(('{"a":', "[["))
    }

    assert {text: ids for text, ids in wrong.items() if ids != ["bucket_policy_insufficient"]} == {}


MANIFESTS: Final = sorted((*OUTPUT.glob(f"*/{MANIFEST}"), *(TESTS / "golden").glob(f"*/*/{MANIFEST}")))
SCRIPTS: Final = ("engines/deploy.sh", "verify/verify.sh")


@pytest.mark.parametrize("path", MANIFESTS, ids=lambda path: str(path.parent.relative_to(TESTS.parent)))
def test_every_step_names_the_cause_that_it_prevents(path: Path) -> None:
    manifest = json.loads(path.read_text(encoding="utf-8"))
    steps = [*manifest["before"], *(step for stack in manifest["stacks"] for step in stack["after"])]
    page = (path.parent / "README.md").read_text(encoding="utf-8")

    assert steps
    assert [step for step in steps if step.get("prevents") not in causes()] == []
    assert all(f"(`{step['prevents']}`)" in page for step in steps)
    assert set(PREVENTS.values()) <= causes().keys()


@pytest.mark.parametrize("script", SCRIPTS)
def test_every_refusal_of_a_script_names_a_cause(script: str) -> None:
    text = (PACKAGE / "rollout" / script).read_text(encoding="utf-8")
    refusals = re.findall(r"\bfail (\S+) \"|echo (\w+) ;;  *$|\[(\w+)\]\"(?: >&2)?(?: ;;)?$", text, flags=re.MULTILINE)
    named = {name for found in refusals for name in found if name}
    without = re.findall(
        r"^ *(?:fail \".*|report FAIL .*(?:refused|failed|delivered in|up to date).*[^\]]\")$", text, flags=re.MULTILINE
    )

    assert named
    assert {name for name in named if name not in causes()} == set()
    assert without == []


def test_the_causes_of_verify_are_those_of_explain() -> None:
    """verify.sh names the cause of a refusal from AWS's words, in a shell."""
    text = (PACKAGE / "rollout" / "verify" / "verify.sh").read_text(encoding="utf-8")
    (function,) = re.findall(r"^cause\(\) \{\n.*?^\}$", text, flags=re.MULTILINE | re.DOTALL)
    who = "User: arn:aws:iam::222233334444:role/a is not authorized to perform: kms:Decrypt on resource: arn:aws:kms:us-east-1:222233334444:key/1"
    said = {
        f"{who} with an explicit deny in a service control policy": "denied_by_scp",
        f"{who} with an explicit deny in a resource control policy": "denied_by_rcp",
        f"{who} with an explicit deny in an identity-based policy": UNKNOWN,
        f"{who} because no identity-based policy allows the kms:Decrypt action": "identity_policy_missing",
        f"{who} because no resource-based policy allows the kms:Decrypt action": "key_policy_does_not_allow",
        f"{who} because the resource does not exist in this Region, no resource-based policies allow access, or a resource-based policy explicitly denies access": "key_missing_or_denied",
        "An error occurred (AccessDenied) when calling the GetObject operation: Access Denied": "s3_denied_without_reason",
        "An error occurred (ThrottlingException) when calling the Decrypt operation: Rate exceeded": UNKNOWN,
    }
    for words, expected in said.items():
        script = f"said() {{ cat; }}\n{function}\ncause"
        done = subprocess.run(["bash", "-c", script], input=words, check=True, capture_output=True, text=True)
        assert (done.stdout.strip(), found(words)[0].cause.id) == (expected, expected), words
