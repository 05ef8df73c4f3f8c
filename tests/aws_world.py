"""AWS on this machine: moto on loopback, with stand-ins for what it does not model, and the real ``aws`` command without its slow start.

``python aws_world.py moto JOURNAL FOLDER`` serves the API and prints its port. Stand-ins, each of which refuses as AWS does:

- the three types that moto does not make (trail, bucket policy, topic policy) and the event data store exist, with an ARN;
- tags of a key are read as CloudFormation spells them;
- capabilities that are missing, a value that its AllowedPattern refuses, a template over 51,200 bytes in the call;
- AutoDeployment missing from a service-managed stack set; termination protection; trusted access of StackSets;
- the lockout check of CreateKey, for the role that makes the stack with the deployer policy that lies in FOLDER.

Every call that changes something is a line of JOURNAL. ``python aws_world.py aws SOCKET`` runs the ``aws`` command for each caller
in a process that has loaded it already; ``client`` is what stands on PATH in its place.
"""

from __future__ import annotations

import gc
import json
import os
import re
import signal
import socket
import sys
from ast import literal_eval
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

MEMBER: Final = "999999999999"
"""An account in the units that stack sets are for."""

CLIENT: Final = """\
#!{python} -SE
import _socket, os, sys  # nothing that takes longer to load
server = _socket.socket(_socket.AF_UNIX)
server.connect({socket!r})
call = repr((sys.argv[1:], dict(os.environ), os.getcwd())).encode("ascii", "backslashreplace")
streams = b"".join(fd.to_bytes(4, sys.byteorder) for fd in (0, 1, 2))
server.sendmsg([len(call).to_bytes(8, "big")], [(_socket.SOL_SOCKET, _socket.SCM_RIGHTS, streams)])
server.sendall(call)
sys.exit(int(server.recv(8) or b"99"))
"""


def client(folder: Path, path: Path) -> None:
    """Put a command ``aws`` into a folder, which hands its call to the server behind a socket."""
    command = folder / "aws"
    command.write_text(CLIENT.format(python=sys.executable, socket=str(path)), encoding="utf-8")
    command.chmod(0o755)


def serve_aws(path: str) -> None:
    """Run the aws command for each caller, in a child that has it loaded."""
    import awscli.clidriver
    from botocore.exceptions import DataNotFoundError

    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody waits for the children
    driver = awscli.clidriver.create_clidriver()
    loader = driver.session.get_component("data_loader")
    driver.session.get_available_services()
    nobody = {"aws_access_key_id": "none", "aws_secret_access_key": "none"}  # else it looks for somebody
    for service in ("cloudformation", "iam", "organizations", "s3", "sts"):
        driver.session.create_client(service, region_name="us-east-1", **nobody)
        for kind in ("service-2", "paginators-1", "waiters-2"):
            with suppress(DataNotFoundError):  # not every service has what can be paged or waited for
                loader.load_service_model(service, kind)
    for data in ("cli", "endpoints", "partitions", "_retry", "sdk-default-configuration"):
        loader.load_data(data)
    gc.freeze()
    gc.disable()  # a call is over before there is anything to collect
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(path)
        server.listen(64)
        sys.stdout.write("ready\n")
        sys.stdout.flush()
        while True:
            connection, _ = server.accept()
            if os.fork() == 0:
                server.close()
                with connection:
                    _run(connection, driver)
                os._exit(0)
            connection.close()


def _run(connection: socket.socket, driver: Any) -> None:
    """Run one call with the caller's arguments, environment, folder and streams, and send how it ended."""
    size, fds, _, _ = socket.recv_fds(connection, 8, 3)
    call = b""
    while len(call) < int.from_bytes(size, "big"):
        call += connection.recv(1 << 20)
    arguments, environment, folder = literal_eval(call.decode())
    for number, fd in enumerate(fds):
        os.dup2(fd, number)
    own = {
        name: os.environ[name] for name in ("AWS_DATA_PATH",) if name in os.environ
    }  # where the command's own data is
    os.environ.clear()
    os.environ.update(environment | own)
    os.chdir(folder)
    try:
        driver.session._config = driver.session._profile_map = None  # read anew, from the caller's home
        code = driver.main(arguments)
    except SystemExit as end:
        code = int(end.code or 0)
    sys.stdout.flush()
    sys.stderr.flush()
    connection.sendall(str(code).encode())


def serve_moto(journal: str, folder: str) -> None:
    """Serve moto with the stand-ins until killed."""
    from moto.server import ThreadedMotoServer

    _stand_in_types()
    _stand_in_organization(Path(folder))
    _stand_in_checks(Path(journal), Path(folder))
    gc.freeze()
    gc.set_threshold(20_000)
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    sys.stdout.write(f"{server.get_host_and_port()[1]}\n")
    sys.stdout.flush()
    sys.stdin.read()  # until the test goes away
    os._exit(0)


def _stand_in_organization(folder: Path) -> None:
    """Let the organizational units that are created be those of the folder's stack sets, in order, and the account a member."""
    from moto.organizations import utils

    manifest = json.loads((folder / "rollout.json").read_text(encoding="utf-8"))
    sets = [one["target"]["stack_set"] for one in manifest["stacks"] if "stack_set" in one["target"]]
    units = [
        "ou-root-00000000",
        *(unit for one in sets for unit in one["organizational_unit_ids"]),
    ]  # moto's root takes one
    utils.make_random_ou_id = lambda root_id: units.pop(0)  # noqa: ARG005 (moto's name)
    utils.make_random_account_id = lambda: MEMBER


def _stand_in_types() -> None:
    """Let moto make the types it does not know: something of that name, with an ARN where there is one."""
    from moto.core.common_models import CloudFormationModel
    from moto.kms.models import Key

    class Made:
        kind = name = arn = ""

        def __init__(self, properties: dict[str, Any], physical_id: str, arn: str) -> None:
            self.properties, self.physical_resource_id, self.arn = properties, physical_id, arn

        @classmethod
        def cloudformation_type(cls) -> str:
            return cls.kind

        @staticmethod
        def cloudformation_name_type() -> str:
            return ""

        @classmethod
        def has_cfn_attr(cls, attr: str) -> bool:
            return attr in {"Arn", "EventDataStoreArn"}

        def get_cfn_attribute(self, attribute_name: str) -> str:  # noqa: ARG002 (moto's)
            return self.arn

        @classmethod
        def create_from_cloudformation_json(
            cls, resource_name: str, cloudformation_json: Any, account_id: str, region_name: str, **_: Any
        ) -> Any:
            properties = cloudformation_json["Properties"]
            name = str(properties.get(cls.name) or resource_name)
            return cls(properties, name, cls.arn.format(region=region_name, account=account_id, name=name))

        @classmethod
        def update_from_cloudformation_json(
            cls,
            original_resource: Any,  # noqa: ARG003 (moto's)
            new_resource_name: str,
            cloudformation_json: Any,
            account_id: str,
            region_name: str,
        ) -> Any:
            return cls.create_from_cloudformation_json(new_resource_name, cloudformation_json, account_id, region_name)

        @classmethod
        def delete_from_cloudformation_json(cls, *_: Any, **__: Any) -> None:
            return None

    trail = "arn:aws:cloudtrail:{region}:{account}:trail/{name}"
    store = "arn:aws:cloudtrail:{region}:{account}:eventdatastore/{name}"
    kinds = {
        "AWS::CloudTrail::Trail": ("TrailName", trail),
        "AWS::CloudTrail::EventDataStore": ("Name", store),
        "AWS::S3::BucketPolicy": ("Bucket", ""),
        "AWS::SNS::TopicPolicy": ("", ""),
    }
    for kind, (name, arn) in kinds.items():
        # moto looks for the direct subclasses of its base.
        type(
            kind,
            (Made, CloudFormationModel),
            {"__module__": "moto.made.models", "kind": kind, "name": name, "arn": arn},
        )
    make: Any = vars(Key)["create_from_cloudformation_json"].__func__

    def with_tags(cls: Any, resource_name: str, cloudformation_json: Any, *arguments: Any, **named: Any) -> Any:
        properties = dict(cloudformation_json["Properties"])
        properties["Tags"] = [{"TagKey": one["Key"], "TagValue": one["Value"]} for one in properties.get("Tags", [])]
        return make(cls, resource_name, {**cloudformation_json, "Properties": properties}, *arguments, **named)

    setattr(Key, "create_from_cloudformation_json", classmethod(with_tags))  # noqa: B010 (mypy would have it another method)


def _stand_in_checks(journal: Path, folder: Path) -> None:  # noqa: PLR0915 (one stand-in after the other)
    """Let moto refuse what AWS refuses, and note what changes."""
    from moto.cloudformation.exceptions import ValidationError
    from moto.cloudformation.responses import CloudFormationResponse
    from moto.core.responses import ActionResult

    Api: Any = CloudFormationResponse  # noqa: N806 (moto's class, to which calls are added)
    access: dict[str, str] = {}

    def note(self: Any, action: str, **facts: Any) -> None:
        with journal.open("a", encoding="utf-8") as file:
            file.write(json.dumps({"action": action, "account": self.current_account, **facts}) + "\n")

    def checked(self: Any) -> None:
        body = self._get_param("TemplateBody")
        if body is None:
            body = self._get_stack_from_s3_url(self._get_param("TemplateURL"))
        elif len(body.encode()) > 51_200:
            raise ValidationError(
                message="'templateBody' failed to satisfy constraint: Member must have length less than or equal to 51200"
            )
        from trailkey import cloudformation
        from trailkey.cloudformation.requirements import capabilities_of

        template = cloudformation.load(body, "template")
        wanted = set(capabilities_of(template)) - set(self._get_param("Capabilities", []))
        if wanted:
            raise ValidationError(message=f"Requires capabilities : {sorted(wanted)}")
        given = {one["ParameterKey"]: one["ParameterValue"] for one in self._get_param("Parameters", [])}
        for name, parameter in template.get("Parameters", {}).items():
            value = given.get(name, parameter.get("Default"))
            if value is None:
                raise ValidationError(message=f"Parameters: [{name}] must have values")
            if not re.fullmatch(parameter.get("AllowedPattern", ".*"), value):
                raise ValidationError(
                    message=f"Parameter {name} failed to satisfy constraint: {parameter['ConstraintDescription']}"
                )

    def wrap(name: str, before: Any, after: Any = lambda _: None) -> None:
        original = getattr(Api, name)

        def run(self: Any) -> Any:
            before(self)
            answer = original(self)
            after(self)
            return answer

        setattr(Api, name, run)

    def stack_set(self: Any) -> None:
        checked(self)
        if self._get_param("PermissionModel") == "SERVICE_MANAGED" and not self._get_param("AutoDeployment"):
            raise ValidationError(message="AutoDeployment is required")
        note(self, self._get_action(), stack=self._get_param("StackSetName"))

    def executed(self: Any) -> None:
        change_set = self.cloudformation_backend.describe_change_set(self._get_param("ChangeSetName"))
        principal = change_set.role_arn or _caller(self)
        template = change_set.template if isinstance(change_set.template, str) else json.dumps(change_set.template)
        if (
            "AWS::KMS::Key" in template
            and change_set.change_set_type == "CREATE"
            and not _may_replace_policy(folder, principal)
        ):
            raise ValidationError(
                message="The new key policy will not allow you to update the key policy in the future."
            )
        note(
            self,
            "ExecuteChangeSet",
            stack=self._get_param("StackName"),
            principal=principal,
            kind=change_set.change_set_type,
        )

    def settled(self: Any) -> None:
        """Give out the Outputs, and drop the change set: a stack keeps none that was executed."""
        name, backend = self._get_param("ChangeSetName"), self.cloudformation_backend
        (done,) = [one for one, change_set in backend.change_sets.items() if change_set.change_set_name == name]
        stack = backend.stacks[backend.change_sets.pop(done).stack_id]
        stack._parse_template()
        stack.output_map = stack._create_output_map()

    def organizations_access(self: Any) -> Any:
        return ActionResult({"Status": access.get(self.current_account, "DISABLED")})

    def activate(self: Any) -> Any:
        access[self.current_account] = "ENABLED"
        return ActionResult({})

    def protect(self: Any) -> Any:
        stack = self.cloudformation_backend.get_stack(self._get_param("StackName"))
        stack.enable_termination_protection = self._get_bool_param("EnableTerminationProtection")
        note(self, "UpdateTerminationProtection", stack=stack.name)
        return ActionResult({"StackId": stack.stack_id})

    wrap("create_change_set", checked)
    wrap("create_stack_set", stack_set)
    wrap("update_stack_set", stack_set)
    wrap(
        "create_stack_instances", lambda self: note(self, "CreateStackInstances", stack=self._get_param("StackSetName"))
    )
    wrap("execute_change_set", executed, settled)
    wrap("delete_stack", lambda self: note(self, "DeleteStack", stack=self._get_param("StackName")))
    Api.describe_organizations_access = organizations_access
    Api.activate_organizations_access = activate
    Api.update_termination_protection = protect


def _caller(api: Any) -> str:
    """Return the ARN of the role whose session makes a call, or of the caller."""
    from moto.sts.models import sts_backends

    _, arn, _ = sts_backends[api.current_account]["aws"].get_caller_identity(api.access_key, api.region)
    found = re.fullmatch(r"arn:(.*):sts::(\d+):assumed-role/(.*)/[^/]*", arn)
    return f"arn:{found[1]}:iam::{found[2]}:role/{found[3]}" if found else arn


def _may_replace_policy(folder: Path, principal: str) -> bool:
    """Return whether CreateKey's lockout check lets a principal make the keys of a folder: it could replace their policy."""
    import trailkey

    account = principal.split(":")[4]
    policy = folder / f"deployer-policy-{account}.json"
    request: dict[str, Any] = {"principal": principal, "action": "kms:PutKeyPolicy"}
    if policy.exists():
        request["identity_policies"] = [json.loads(policy.read_text(encoding="utf-8"))]
    return trailkey.decide(folder, request)[0].decision == "allowed"


if __name__ == "__main__":
    if sys.argv[1] == "moto":
        serve_moto(sys.argv[2], sys.argv[3])
    else:
        serve_aws(sys.argv[2])
