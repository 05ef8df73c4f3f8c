"""AWS for verify.sh: answers as the rendered policies decide, by the decision layer, so that a flaw in one of them shows.

A stand-in for the ``aws`` command hands its arguments to a thread of the test, which knows who calls (by profile or by the role
that was assumed), puts the requests that AWS would make of the call to the policies, and answers in AWS's words.
"""

from __future__ import annotations

import json
import os
import shutil
import socket
import threading
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

import jmespath

from trailkey.access import parse_request
from trailkey.access.language.evaluate import matching
from trailkey.access.language.policy import parse_policy
from trailkey.decide import answers_of_deployment

if TYPE_CHECKING:
    from pathlib import Path

    from trailkey.config.deployment import Deployment
    from trailkey.rendered import Rendered

CLIENT: Final = """\
#!{bash}
exec 3<>/dev/tcp/127.0.0.1/{port}
printf '%s\\0' "$#" "$@" "${{AWS_PROFILE-}}" "${{AWS_ACCESS_KEY_ID-}}" >&3
for part in code out err; do IFS= read -r -d '' "$part" <&3; done
printf %s "$out"
printf %s "$err" >&2
exit "$code"
"""
"""The shell's own words only: a script calls it hundreds of times, and to start Python is most of such a call."""
EVERYTHING: Final = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}


class RefusedError(Exception):
    """What the aws command says on its standard error."""


@dataclass
class Person:
    """Somebody who calls: a role, what IAM allows it, and the condition keys of where it is."""

    arn: str
    policies: list[Any]
    context: dict[str, Any] = field(default_factory=dict)


@dataclass
class World:
    """A deployment as it was rolled out, and the people who look at it."""

    deployment: Deployment
    rendered: Rendered
    profiles: dict[str, Person] = field(default_factory=dict)
    calls: list[list[str]] = field(default_factory=list)
    trails: set[str] = field(default_factory=set)
    deliveries: int = 0
    key: str = ""
    units: dict[str, str] = field(default_factory=dict)
    """The organization paths of accounts that CloudTrail acts for."""
    overrides: dict[str, str] = field(default_factory=dict)
    """Answers that are given in place of the right ones, by operation: an error text."""

    def __post_init__(self) -> None:
        self.policies = self.rendered.folder.policies
        account, region = self.deployment.key_account.id, self.deployment.region
        found = self.policies.key_of_alias(account, region, self.deployment.config.key.alias)
        assert found
        self.key = found.arn
        self.bucket = self.deployment.config.bucket.name

    # What IAM and the policies decide

    def role(self, arn: str) -> Person:
        """Return a role with the policies that the stacks attach to it, and a deployer with its own."""
        attached = [
            one.document for one in self.policies.identities if one.attachment(arn) and one.document["Statement"]
        ]
        for name, content in self.rendered.files.items():
            account = name.removeprefix("deployer-policy-").removesuffix(".json")
            deployers = {one.id: one.deployer for one in self.deployment.accounts.values()}
            if account in deployers and deployers[account] == arn:
                attached.append(json.loads(content))
        return Person(arn, attached)

    def named(self, arn: str, policy_name: str, **context: Any) -> Person:
        """Return somebody to whom people have attached a policy by its name."""
        policies = [one.document for one in self.policies.identities if one.policy_name == policy_name]
        assert policies
        return Person(arn, policies, context)

    def decides(self, who: Person | str, action: str, resource: str, **context: Any) -> bool:
        """Return whether the policies allow a call on the key or the bucket."""
        request: dict[str, Any] = {"action": action, "resource": resource, "context": context}
        if isinstance(who, Person):
            request |= {"principal": who.arn, "identity_policies": who.policies}
            request["context"] = who.context | context
        else:
            request["principal"] = who
        return answers_of_deployment(self.policies, (json.dumps(request), "call"))[0].decision == "allowed"

    @staticmethod
    def iam_allows(who: Person, action: str, resource: str) -> bool:
        """Return whether IAM alone allows a call."""
        asked = parse_request(
            {"principal": who.arn, "action": action, "resource": resource}, key_account="000000000000"
        )
        return any(matching(asked, parse_policy(one, resource_based=False), "Allow") for one in who.policies)

    def demand(self, who: Person | str, action: str, resource: str, **context: Any) -> None:
        """Refuse a call that the policies do not allow, as AWS says it."""
        if not self.decides(who, action, resource, **context):
            arn = who.arn if isinstance(who, Person) else who
            raise RefusedError(
                f"An error occurred (AccessDenied): User: {arn} is not authorized to perform: {action} on resource: {resource} because no resource-based policy allows the {action} action"
            )

    def cloudtrail(self, trail: str, *, key: bool, bucket: bool) -> str:
        """Return what CloudTrail finds when a trail is made or delivers: an empty text where all is allowed."""
        account = trail.split(":")[4]
        context: dict[str, Any] = {"aws:SourceArn": trail, "aws:SourceAccount": account}
        if path := self.units.get(account):
            context |= {"aws:SourceOrgID": path.partition("/")[0], "aws:SourceOrgPaths": [path]}
        service = "cloudtrail.amazonaws.com"
        if bucket:
            arn = f"arn:{self.deployment.partition}:s3:::{self.bucket}"
            put = {**context, "s3:x-amz-acl": "bucket-owner-full-control", "aws:SecureTransport": "true"}
            mine = (one.settings for one in self.deployment.trails if trail.endswith(f"/{one.settings.name}"))
            given = next((one.s3_key_prefix for one in mine), None)
            prefix = f"{given}/" if given else ""
            of_account = self.decides(service, "s3:PutObject", f"{arn}/{prefix}AWSLogs/{account}/x", **put)
            if not (
                self.decides(service, "s3:GetBucketAcl", arn, **context, **{"aws:SecureTransport": "true"})
                and of_account
            ):
                return "InsufficientS3BucketPolicyException"
        encryption = {**context, "kms:EncryptionContext:aws:cloudtrail:arn": trail}
        if key and not (
            self.decides(service, "kms:DescribeKey", self.key, **context)
            and self.decides(service, "kms:GenerateDataKey", self.key, **encryption)
        ):
            return "InsufficientEncryptionPolicyException"
        return ""

    # What the aws command answers

    def answer(self, arguments: list[str], who: list[str]) -> Any:
        """Return what a call answers, before ``--query``.

        Raises:
            RefusedError: it is refused.
        """
        given = _options(arguments)
        service, operation = [word for word in arguments if not word.startswith("-")][1:3]
        if arguments[0] != "--region":
            raise AssertionError(arguments)
        if operation in self.overrides:
            raise RefusedError(self.overrides[operation])
        caller = self.profiles[who[0]] if who[0] else self.role(who[1])
        method = getattr(self, f"{service}_{operation}".replace("-", "_"))
        return method(given, caller)

    def sts_assume_role(self, given: dict[str, str], _: Person) -> Any:
        arn = given["role-arn"]
        return {"Credentials": {"AccessKeyId": arn, "SecretAccessKey": "secret", "SessionToken": "token"}}

    def sts_get_caller_identity(self, _: dict[str, str], caller: Person) -> Any:
        return {"Account": caller.arn.split(":")[4]}

    def cloudformation_describe_stacks(self, given: dict[str, str], caller: Person) -> Any:
        account = self.deployment.key_account.id
        stack = f"arn:{self.deployment.partition}:cloudformation:{self.deployment.region}:{account}:stack/{given['stack-name']}/1"
        if not self.iam_allows(caller, "cloudformation:DescribeStacks", stack):
            raise RefusedError("An error occurred (AccessDenied)")
        return {"Stacks": [{"Outputs": [{"OutputKey": "KeyArn", "OutputValue": self.key}]}]}

    def cloudformation_list_stack_instances(self, _: dict[str, str], __: Person) -> Any:
        return {"Summaries": [{"Account": "999999999999", "Status": self.overrides.get("instances", "CURRENT")}]}

    def cloudtrail_get_trail(self, given: dict[str, str], caller: Person) -> Any:
        if not self.iam_allows(caller, "cloudtrail:GetTrail", given["name"]):
            raise RefusedError("An error occurred (AccessDenied)")
        trail = next(
            one
            for one in self.policies.resources
            if one.kind == "AWS::CloudTrail::Trail" and given["name"].endswith(f"/{one.name}")
        )
        properties = trail.properties
        return {
            "Trail": {
                "S3BucketName": properties["S3BucketName"],
                "KmsKeyId": properties.get("KMSKeyId"),
                "IsMultiRegionTrail": properties["IsMultiRegionTrail"],
                "IsOrganizationTrail": properties["IsOrganizationTrail"],
                "LogFileValidationEnabled": properties["EnableLogFileValidation"],
            }
        }

    def cloudtrail_get_trail_status(self, given: dict[str, str], caller: Person) -> Any:
        if not self.iam_allows(caller, "cloudtrail:GetTrailStatus", given["name"]):
            raise RefusedError("An error occurred (AccessDenied)")
        if self.cloudtrail(given["name"], key=True, bucket=True):
            return {"LatestDeliveryTime": None, "LatestDeliveryError": "AccessDenied"}
        self.deliveries += 1
        return {"LatestDeliveryTime": float(self.deliveries)}

    def cloudtrail_list_public_keys(self, _: dict[str, str], caller: Person) -> Any:
        if not self.iam_allows(
            caller, "cloudtrail:ListPublicKeys", f"arn:aws:cloudtrail:us-east-1:{caller.arn.split(':')[4]}:any"
        ):
            raise RefusedError(
                "An error occurred (AccessDeniedException): not authorized to perform: cloudtrail:ListPublicKeys"
            )
        return {"PublicKeyList": []}

    def cloudtrail_create_trail(self, given: dict[str, str], caller: Person) -> Any:
        account = caller.arn.split(":")[4]
        arn = f"arn:{self.deployment.partition}:cloudtrail:{given['region']}:{account}:trail/{given['name']}"
        if error := self.cloudtrail(arn, key="kms-key-id" in given, bucket=given["s3-bucket-name"] == self.bucket):
            raise RefusedError(f"An error occurred ({error}) when calling the CreateTrail operation")
        self.trails.add(given["name"])
        return {}

    def cloudtrail_delete_trail(self, given: dict[str, str], _: Person) -> Any:
        self.trails.remove(given["name"])
        return {}

    def cloudtrail_list_event_data_stores(self, *_: Any) -> Any:
        return {
            "EventDataStores": [
                {"Name": one.settings.name, "EventDataStoreArn": "store"} for one in self.deployment.stores
            ]
        }

    def cloudtrail_get_event_data_store(self, *_: Any) -> Any:
        return {"Status": "ENABLED", "KmsKeyId": self.key}

    def s3api_create_bucket(self, *_: Any) -> Any:
        return {}

    s3api_put_bucket_policy = s3api_delete_bucket = s3api_create_bucket

    def s3api_list_objects_v2(self, given: dict[str, str], caller: Person) -> Any:
        secure = "false" if given.get("endpoint-url", "").startswith("http:") else "true"
        arn = f"arn:{self.deployment.partition}:s3:::{given['bucket']}"
        self.demand(caller, "s3:ListBucket", arn, **{"aws:SecureTransport": secure})
        return {"Contents": [{"Key": f"{given.get('prefix', '')}a.json.gz", "LastModified": "2026-01-01"}]}

    def s3api_get_object(self, given: dict[str, str], caller: Person) -> Any:
        arn = f"arn:{self.deployment.partition}:s3:::{given['bucket']}/{given['key']}"
        self.demand(caller, "s3:GetObject", arn, **{"aws:SecureTransport": "true"})
        region, suffix = (
            self.deployment.region,
            "amazonaws.com.cn" if self.deployment.partition == "aws-cn" else "amazonaws.com",
        )
        through = {"kms:ViaService": f"s3.{region}.{suffix}"}
        self.demand(caller, "kms:Decrypt", self.key, **through, **self.encryption())
        return {}

    def s3api_head_object(self, given: dict[str, str], caller: Person) -> Any:
        self.s3api_get_object(given, caller)
        return {"ServerSideEncryption": "aws:kms", "SSEKMSKeyId": self.overrides.get("key", self.key)}

    def encryption(self) -> dict[str, str]:
        """Return the encryption context of log files."""
        return {"kms:EncryptionContext:aws:cloudtrail:arn": self.deployment.trails[0].arn}

    def kms_describe_key(self, given: dict[str, str], caller: Person) -> Any:
        self.demand(caller, "kms:DescribeKey", given["key-id"])
        return {}

    def _dry_run(self, action: str, given: dict[str, str], caller: Person, **context: Any) -> Any:
        assert "dry-run" in given
        self.demand(caller, action, given["key-id"], **context)
        raise RefusedError(
            "An error occurred (DryRunOperationException): The request would have succeeded, but the DryRun option is set."
        )

    def kms_generate_data_key(self, given: dict[str, str], caller: Person) -> Any:
        return self._dry_run("kms:GenerateDataKey", given, caller, **self.encryption())

    def kms_decrypt(self, given: dict[str, str], caller: Person) -> Any:
        return self._dry_run("kms:Decrypt", given, caller, **self.encryption())

    def kms_create_grant(self, given: dict[str, str], caller: Person) -> Any:
        return self._dry_run("kms:CreateGrant", given, caller)


def _options(arguments: list[str]) -> dict[str, str]:
    """Return the options of a call by name, and the file that get-object writes."""
    found: dict[str, str] = {}
    for index, word in enumerate(arguments):
        if word.startswith("--"):
            following = arguments[index + 1 : index + 2]
            found[word[2:]] = following[0] if following and not following[0].startswith("--") else ""
    return found


def _printed(answer: Any, query: str) -> str:
    """Return an answer as ``--output text`` prints what a query finds."""
    found = jmespath.search(query, answer)
    if isinstance(found, list):
        rows = found if found and isinstance(found[0], list) else [found]
        return "\n".join("\t".join(map(str, row)) for row in rows) + "\n"
    return f"{found}\n"


class Stub:
    """A command ``aws`` in a folder, whose calls a world answers."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.world, self.failure = folder, None, None
        self.server = socket.create_server(("127.0.0.1", 0), backlog=16)
        command = folder / "aws"
        text = CLIENT.format(bash=shutil.which("bash"), port=self.server.getsockname()[1])
        command.write_text(text, encoding="utf-8")
        command.chmod(0o755)
        threading.Thread(target=self._serve, daemon=True).start()

    world: World | None
    failure: Exception | None

    def _serve(self) -> None:
        while True:
            try:
                connection, _ = self.server.accept()
            except OSError:
                return
            with connection:
                asked = b""
                while not asked.endswith(b"\0") or asked.count(b"\0") < int(asked.partition(b"\0")[0]) + 3:
                    asked += connection.recv(1 << 16) or b"0\0\0\0"  # it went away
                _, *arguments, profile, key, _ = asked.decode().split("\0")
                answer = self._answer(arguments, [profile, key])
                connection.sendall("".join(f"{part}\0" for part in answer).encode())

    def _answer(self, arguments: list[str], who: list[str]) -> tuple[int, str, str]:
        assert self.world
        self.world.calls.append(arguments)
        try:
            answer = self.world.answer(arguments, who)
        except RefusedError as error:
            return 255, "", f"{error}\n"
        except Exception as error:  # noqa: BLE001 (a defect of the stub must fail the test, not look like AWS's refusal)
            self.failure = error
            return 99, "", repr(error)
        query = _options(arguments).get("query", "")
        return 0, _printed(answer, query) if query else json.dumps(answer), ""

    def close(self) -> None:
        """Answer no more."""
        self.server.close()


def environment(stub: Stub) -> dict[str, str]:
    """Return the environment in which verify.sh finds the stub."""
    return {
        "PATH": f"{stub.folder}{os.pathsep}{os.environ['PATH']}",
        "AWS_ACCESS_KEY_ID": "runner",
        "TRAILKEY_POLL_SECONDS": "0",
    }
