"""deploy.sh with the real ``aws`` command against moto on loopback: from nothing, again, and after a change of the config.

What moto does not model is stood in for by tests/aws_world.py, which names it in its head.
"""

from __future__ import annotations

import http.client
import json
import os
import re
import shutil
import subprocess
import sys
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import pytest

from aws_world import MEMBER, client
from helpers import ALIKE, OUTPUT, ROOT, TESTS, output_folder, output_of
from trailkey.config.load import load
from trailkey.output.writer import write_output

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="a shell script")
STARTING = {"AWS_ACCESS_KEY_ID": "testing", "AWS_SECRET_ACCESS_KEY": "testing", "AWS_DEFAULT_REGION": "us-east-1"}


@dataclass
class World:
    """AWS without anything in it, and a folder that is rolled out."""

    folder: Path
    journal: Path
    environment: dict[str, str]

    def aws(self, account: str, *arguments: str) -> Any:
        """Return what the aws command answers in an account."""
        role = ["--role-arn", f"arn:aws:iam::{account}:role/Someone", "--role-session-name", "test"]
        given = self._aws(self.environment, "sts", "assume-role", *role)["Credentials"]
        own = {
            "AWS_ACCESS_KEY_ID": given["AccessKeyId"],
            "AWS_SECRET_ACCESS_KEY": given["SecretAccessKey"],
            "AWS_SESSION_TOKEN": given["SessionToken"],
        }
        return self._aws({**self.environment, **own}, *arguments)

    @staticmethod
    def _aws(environment: dict[str, str], *arguments: str) -> Any:
        ran = subprocess.run(["aws", *arguments], env=environment, capture_output=True, text=True, check=True)
        return json.loads(ran.stdout or "{}")

    def deploy(self, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
        """Run deploy.sh."""
        return subprocess.run(
            ["bash", str(self.folder / "deploy.sh"), *arguments],
            env={**self.environment, **environment},
            capture_output=True,
            text=True,
            check=False,
        )

    def changes(self) -> list[tuple[str, str]]:
        """Return the calls that changed something since this was last asked, each with its stack."""
        if not self.journal.exists():
            return []
        lines = [json.loads(line) for line in self.journal.read_text(encoding="utf-8").splitlines()]
        self.journal.unlink()
        return [(line["action"], line["stack"]) for line in lines]

    @property
    def manifest(self) -> Any:
        """The folder's rollout.json."""
        return json.loads((self.folder / "rollout.json").read_text(encoding="utf-8"))

    def prepare(self) -> None:
        """Do the steps that come before the first stack."""
        for step in self.manifest["before"]:
            if step["kind"] in ("role-exists", "user-exists"):
                kind, name = step["kind"].removesuffix("-exists"), step["arn"].rpartition("/")[2]
                trust = ["--assume-role-policy-document", '{"Version": "2012-10-17", "Statement": []}']
                self.aws(
                    step["account"], "iam", f"create-{kind}", f"--{kind}-name", name, *(trust if kind == "role" else [])
                )
            elif step["kind"] == "trusted-access":
                self.aws(step["account"], *step["command"].split()[1:])


@contextmanager
def world_of(folder: Path, place: Path) -> Iterator[World]:
    """Serve a world in which a folder can be rolled out."""
    place.mkdir()
    journal, bin_folder = place / "journal", place / "bin"
    bin_folder.mkdir()
    # The path of a socket is short on every system; pytest's folders are not.
    path = place / "s"
    command = [sys.executable, str(TESTS / "aws_world.py")]
    environment = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
    environment["PYTHONPATH"] = os.pathsep.join([str(TESTS), *sys.path])
    with (
        subprocess.Popen(
            [*command, "moto", str(journal), str(folder)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, env=environment,
        ) as moto,
        subprocess.Popen([*command, "aws", str(path)], stdout=subprocess.PIPE, text=True, env=environment) as aws,
    ):  # fmt: skip
        try:
            assert moto.stdout
            assert aws.stdout
            port = moto.stdout.readline().strip()
            assert aws.stdout.readline() == "ready\n"
            client(bin_folder, path)
            own = {**STARTING, "AWS_ENDPOINT_URL": f"http://127.0.0.1:{port}", "TRAILKEY_POLL_SECONDS": "0"}
            own |= {"PATH": f"{bin_folder}{os.pathsep}{os.environ['PATH']}", "HOME": str(place)}
            yield World(folder, journal, own)
        finally:
            moto.kill()
            aws.kill()


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with world_of(OUTPUT / "single-account", tmp_path_factory.mktemp("w") / "w") as world:
        yield world


@pytest.fixture
def world(served: World) -> World:
    """A world for the example of a single account."""
    server = http.client.HTTPConnection(served.environment["AWS_ENDPOINT_URL"].removeprefix("http://"))
    server.request("POST", "/moto-api/reset")
    assert server.getresponse().status == 200
    server.close()
    served.journal.unlink(missing_ok=True)
    return replace(served)


def render(config: Path, output: Path) -> Path:
    """Write the folder of a config and return it."""
    deployment = load(config)
    write_output(output / deployment.name, output_of(deployment))
    return output / deployment.name


@pytest.fixture
def configs(tmp_path: Path) -> Path:
    """The examples, to be changed."""
    shutil.copytree(ROOT / "config", tmp_path / "config")
    return tmp_path / "config"


def organize(world: World) -> None:
    """Make an organization with the units of the stack sets, and a member in each."""
    for one in world.manifest["stacks"]:
        if "stack_set" not in one["target"]:
            continue
        home = one["target"]["stack_set"]["account"]
        world.aws(home, "organizations", "create-organization", "--feature-set", "ALL")
        root = world.aws(home, "organizations", "list-roots")["Roots"][0]["Id"]
        unit = ["--name", "Security", "--parent-id", root]
        unit_id = world.aws(home, "organizations", "create-organizational-unit", *unit)["OrganizationalUnit"]["Id"]
        world.aws(home, "organizations", "create-account", "--email", "a@example.com", "--account-name", "member")
        moved = ["--account-id", MEMBER, "--source-parent-id", root, "--destination-parent-id", unit_id]
        world.aws(home, "organizations", "move-account", *moved)


def let_responders_read_versions(configs: Path) -> None:
    for config in configs.iterdir():
        text = config.read_text(encoding="utf-8")
        config.write_text(re.sub(r"(name: responders, role: [^}]*)", r"\1, versions: true", text), encoding="utf-8")


def is_as_asked(world: World, stack: str, asked: dict[str, Any], key: str) -> None:
    """Hold a stack to its entry in rollout.json; each of its parameters is the key's ARN."""
    place = asked["target"]
    found = world.aws(
        place["account"], "cloudformation", "describe-stacks", "--stack-name", stack, "--region", place["region"]
    )
    (live,) = found["Stacks"]
    assert live["StackStatus"] == "CREATE_COMPLETE"
    parameters = {each["ParameterKey"]: each["ParameterValue"] for each in live.get("Parameters", [])}
    assert parameters == dict.fromkeys(asked["parameters"], key)
    assert {each["Key"]: each["Value"] for each in live.get("Tags", [])} == asked["tags"]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "plans"),
    [
        ("single-account", True),
        ("organization", False),
        # The mirror is the organization with other ids: what differs in it is proven, and deployed where there is time.
        *(pytest.param(name, True, marks=pytest.mark.exhaustive) for name in ("organization", "mirror")),
    ],
)
def test_from_nothing_then_again_then_after_a_change(name: str, plans: bool, configs: Path, tmp_path: Path) -> None:  # noqa: FBT001 # pytest gives it by name
    """With ``plans``, before each step it is asked what it would do, and what is missing; what is rolled out is rolled out again."""
    folder = render(configs / f"{name}.yaml", tmp_path / "output")
    with world_of(folder, tmp_path / "w") as world:
        stacks = {one["stack"]: one for one in world.manifest["stacks"]}
        sets = {stack for stack, one in stacks.items() if "stack_set" in one["target"]}
        organize(world)

        if plans:
            stopped = world.deploy()
            assert (stopped.returncode, world.changes()) == (3, [])
            assert "NOT DONE" in stopped.stdout

        world.prepare()
        if plans:
            planned = world.deploy("--plan")
            assert planned.returncode == 0, planned.stderr
            assert [change for change in world.changes() if change[0] != "DeleteStack"] == []
            assert planned.stdout.count("would be created") == len(stacks)

        first = world.deploy("--save", str(tmp_path / "saved"))
        assert first.returncode == 0, first.stderr
        made = world.changes()
        order = [stack for action, stack in made if action in ("ExecuteChangeSet", "CreateStackSet")]
        assert order == list(stacks)
        assert {stack for action, stack in made if action == "UpdateTerminationProtection"} == {
            stack for stack, one in stacks.items() if one["termination_protection"]
        }
        assert {stack for action, stack in made if action == "CreateStackInstances"} == sets
        key = json.loads((tmp_path / "saved" / f"{next(iter(stacks))}.json").read_text(encoding="utf-8"))
        (arn,) = [one["OutputValue"] for one in key["Stacks"][0]["Outputs"] if one["OutputKey"] == "KeyArn"]
        for stack, one in stacks.items():
            place = one["target"].get("stack_set", one["target"])
            if stack in sets:
                region = ["--region", place["region"]]
                instances = world.aws(
                    place["account"], "cloudformation", "list-stack-instances", "--stack-set-name", stack, *region
                )
                assert [each["Account"] for each in instances["Summaries"]] == [MEMBER]
                continue
            is_as_asked(world, stack, one, arn)
        for step in (step for one in stacks.values() for step in one["after"]):
            assert step["text"] in first.stdout

        if plans:
            again = world.deploy()
            assert (again.returncode, world.changes()) == (0, []), again.stderr
            assert again.stdout.count("unchanged") == len(stacks)

        let_responders_read_versions(configs)
        before = {one.name: one.read_bytes() for one in folder.glob("*.yaml")}
        render(configs / f"{name}.yaml", tmp_path / "output")
        altered = [stack for stack in stacks if (folder / f"{stack}.yaml").read_bytes() != before[f"{stack}.yaml"]]
        assert altered
        if plans:
            planned = world.deploy("--plan")
            assert (planned.returncode, world.changes()) == (0, []), planned.stderr
        changed = world.deploy()
        assert changed.returncode == 0, changed.stderr
        assert world.changes() == [("ExecuteChangeSet", stack) for stack in altered]
        assert changed.stdout.count("unchanged") == len(stacks) - len(altered)


def test_whoever_is_not_the_deployer_cannot_create_the_key(world: World, tmp_path: Path) -> None:
    folder = tmp_path / "single-account"
    shutil.copytree(OUTPUT / "single-account", folder)
    script = (folder / "deploy.sh").read_text(encoding="utf-8")
    world.prepare()
    # The caller's own role, and not the deployer's, as for who follows the console signed in as somebody else.
    (folder / "deploy.sh").write_text(script.replace("CloudFormationDeployment", "Somebody"), encoding="utf-8")
    role = ["--role-name", "Somebody", "--assume-role-policy-document", "{}"]
    world.aws("777777777777", "iam", "create-role", *role)
    world.folder = folder

    refused = world.deploy()

    assert refused.returncode != 0
    assert "will not allow you to update the key policy in the future" in refused.stderr
    assert world.changes() == []


def test_a_profile_hands_the_deployer_to_cloudformation(world: World, tmp_path: Path) -> None:
    world.prepare()
    role = ["--role-arn", "arn:aws:iam::777777777777:role/Person", "--role-session-name", "test"]
    given = world.aws("777777777777", "sts", "assume-role", *role)["Credentials"]
    (tmp_path / ".aws").mkdir()
    (tmp_path / ".aws" / "credentials").write_text(
        f"[archive]\naws_access_key_id = {given['AccessKeyId']}\naws_secret_access_key = {given['SecretAccessKey']}\naws_session_token = {given['SessionToken']}\n",
        encoding="utf-8",
    )

    ran = world.deploy("--profile", "777777777777=archive", HOME=str(tmp_path))

    assert ran.returncode == 0, ran.stderr
    (line, *_) = [json.loads(line) for line in world.journal.read_text(encoding="utf-8").splitlines()]
    assert line["principal"] == "arn:aws:iam::777777777777:role/CloudFormationDeployment"
    wrong = world.deploy("--profile", "777777777777=nobody", HOME=str(tmp_path))
    assert wrong.returncode == 1
    assert "account 777777777777" in wrong.stderr


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--profile", "archive"], "ACCOUNT=PROFILE is expected"),
        (["--bucket"], "--bucket needs a value"),
        (["--fast"], "unknown argument --fast"),
    ],
)
def test_wrong_arguments_are_refused_before_any_call(arguments: list[str], said: str) -> None:
    ran = subprocess.run(
        ["bash", str(OUTPUT / "organization" / "deploy.sh"), *arguments],
        capture_output=True,
        text=True,
        check=False,
        env={"PATH": os.environ["PATH"]},
    )

    assert ran.returncode == 2
    assert said in ran.stderr


@pytest.mark.parametrize("name", ALIKE)
def test_the_script_is_clean(name: str) -> None:
    script = str(output_folder(name) / "deploy.sh")
    subprocess.run(["bash", "-n", script], check=True)
    subprocess.run(["shellcheck", script], check=True)


def test_the_commands_of_the_runbook_deploy_it_too(world: World) -> None:
    """Every command of the runbook's stacks, typed as it stands there, with the credentials of the account that it says."""
    folder = OUTPUT / "single-account"
    world.prepare()
    page = (folder / "README.md").read_text(encoding="utf-8")
    part = page[page.index("## The stacks, by hand") : page.index("## Try it")]
    (commands,) = re.findall(r"```sh\n(.*?)```", part, flags=re.DOTALL)
    role = ["--role-arn", "arn:aws:iam::777777777777:role/Person", "--role-session-name", "test"]
    given = world.aws("777777777777", "sts", "assume-role", *role)["Credentials"]
    own = {
        "AWS_ACCESS_KEY_ID": given["AccessKeyId"],
        "AWS_SECRET_ACCESS_KEY": given["SecretAccessKey"],
        "AWS_SESSION_TOKEN": given["SessionToken"],
    }
    assert "In account 777777777777, eu-central-1." in part

    ran = subprocess.run(
        ["bash", "-euc", commands],
        cwd=folder,
        env={**world.environment, **own},
        capture_output=True,
        text=True,
        check=False,
    )

    assert ran.returncode == 0, ran.stderr
    assert world.changes() == [
        ("ExecuteChangeSet", "single-account"),
        ("UpdateTerminationProtection", "single-account"),
    ]
    again = world.deploy()
    assert (again.returncode, world.changes()) == (0, []), again.stderr


def test_a_warning_of_the_command_is_no_failure_and_a_plan_leaves_what_others_wait_for(
    world: World, tmp_path: Path
) -> None:
    folder = OUTPUT / "single-account"
    world.prepare()
    first = tmp_path / "first"
    first.mkdir()
    command = world.environment["PATH"].partition(os.pathsep)[0]
    (first / "aws").write_text(f'#!/bin/sh\necho "a warning" >&2\nexec "{command}/aws" "$@"\n', encoding="utf-8")
    (first / "aws").chmod(0o755)
    noisy = {"PATH": f"{first}{os.pathsep}{world.environment['PATH']}"}
    input_of = ["--cli-input-json", f"file://{folder}/cli/single-account.json", "--change-set-name", "theirs"]
    place = ["--template-body", f"file://{folder}/single-account.yaml", "--region", "eu-central-1"]
    world.aws("777777777777", "cloudformation", "create-change-set", *input_of, *place)

    planned = world.deploy("--plan", **noisy)

    assert (planned.returncode, world.changes()) == (0, []), planned.stderr
    assert "would be created" in planned.stdout
