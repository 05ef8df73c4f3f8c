"""The rollout is judged as rollout.json has it: every field that is altered is refused, by the rule that is about it."""

from __future__ import annotations

import hashlib
import json
import shutil
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import pytest

from helpers import CONFIGS, with_files
from trailkey import cli, cloudformation, errors, pipeline
from trailkey.output.manifest import MANIFEST, load_manifest
from trailkey.proofs.properties.rollout import OF_THE_ROLLOUT

if TYPE_CHECKING:
    from collections.abc import Callable

    from helpers import Document
    from trailkey.rendered import Rendered

ROOT: Final = Path(__file__).parents[3]
OUTPUT: Final = ROOT / "output" / "organization"
OTHER_KEY: Final = "arn:aws:kms:us-east-1:222222222222:key/12345678-1234-1234-1234-123456789012"


def stack(name: str, **changes: Any) -> Callable[[Document], Any]:
    return lambda rollout: next(one for one in rollout["stacks"] if one["stack"] == name).update(changes)


def target(name: str, **changes: Any) -> Callable[[Document], Any]:
    def change(rollout: Document) -> None:
        where = next(one for one in rollout["stacks"] if one["stack"] == name)["target"]
        where.get("stack_set", where).update(changes)

    return change


def parameter(value: Any) -> Callable[[Document], Any]:
    return stack("security-iam", parameters={"KeyArn": value})


def moved(name: str, position: int) -> Callable[[Document], Any]:
    def change(rollout: Document) -> None:
        one = next(one for one in rollout["stacks"] if one["stack"] == name)
        rollout["stacks"].remove(one)
        rollout["stacks"].insert(position, one)

    return change


def removed(name: str) -> Callable[[Document], Any]:
    return lambda rollout: rollout.update(stacks=[one for one in rollout["stacks"] if one["stack"] != name])


def twice(name: str) -> Callable[[Document], Any]:
    return lambda rollout: rollout["stacks"].append(next(one for one in rollout["stacks"] if one["stack"] == name))


def step(name: str, **changes: Any) -> Callable[[Document], Any]:
    return lambda rollout: next(one for one in rollout["stacks"] if one["stack"] == name)["after"][0].update(changes)


def before_step(rollout: Document, kind: str) -> Document:
    found: Document = next(one for one in rollout["before"] if one["kind"] == kind)
    return found


BUCKET_STEP: Final = {
    "kind": "bucket-policy",
    "account": "222222222222",
    "text": "",
    "arn": "arn:aws:s3:::acme-cloudtrail-logs",
}


@dataclass(frozen=True)
class Case:
    """An alteration of rollout.json, and the rule that refuses it."""

    what: str
    change: Callable[[Document], Any]
    rule: str

    def __str__(self) -> str:
        return self.what.replace(" ", "-")


STACKS: Final = [one["stack"] for one in json.loads((OUTPUT / MANIFEST).read_bytes())["stacks"]]
ACCOUNTS: Final = [name for name in STACKS if not name.startswith("organization-")]
CASES: Final = (
    *(Case(f"{name} in another account", target(name, account="999999999999"), "stacks-where-meant") for name in ACCOUNTS),
    *(Case(f"{name} in another Region", target(name, region="eu-west-3"), "stacks-where-meant") for name in ACCOUNTS),
    Case("trail in the key's account", target("management-trail", account="222222222222"), "stacks-where-meant"),
    Case("key in the trail's account", target("log-archive-key", account="111111111111"), "stacks-where-meant"),
    Case("stack set over another unit", target("organization-security-ou", organizational_unit_ids=["r-ab12"]), "stacks-where-meant"),
    Case("stack set in another Region", target("organization-security-ou", regions=["eu-west-3"]), "stacks-where-meant"),
    Case("stack set of another account", target("organization-security-ou", account="222222222222"), "stacks-where-meant"),
    Case("stack set by a delegate", target("organization-security-ou", call_as="DELEGATED_ADMIN"), "stacks-where-meant"),
    Case("stack set with roles of its own", target("organization-security-ou", permission_model="SELF_MANAGED"), "stacks-where-meant"),
    Case(
        "stack set that leaves new accounts out",
        target("organization-security-ou", auto_deployment={"enabled": False, "retain_stacks_on_account_removal": False}),
        "stacks-where-meant",
    ),
    Case(
        "stack set as a stack",
        stack("organization-security-ou", target={"account": "333333333333", "region": "us-east-1"}),
        "stacks-where-meant",
    ),
    Case("another partition", lambda rollout: rollout.update(partition="aws-cn"), "stacks-where-meant"),
    Case("parameter from a stack that is not there", parameter({"output": "nowhere.KeyArn"}), "parameters-from-outputs"),
    Case("parameter from an output that is not there", parameter({"output": "log-archive-key.Arn"}), "parameters-from-outputs"),
    Case("parameter from another output", parameter({"output": "log-archive-key.KeyId"}), "parameters-from-outputs"),
    Case("parameter from a later stack", parameter({"output": "organization-security-ou.KeyArn"}), "parameters-from-outputs"),
    Case("parameter of another account", parameter(OTHER_KEY.replace("222222222222", "999999999999")), "parameters-from-outputs"),
    Case("parameter that is the key's very ARN", parameter(OTHER_KEY), "parameters-from-outputs"),
    Case("parameter without a value", stack("security-iam", parameters={}), "parameters-from-outputs"),
    Case("parameter that the template lacks", stack("log-archive-key", parameters={"KeyArn": OTHER_KEY}), "parameters-from-outputs"),
    Case("key last", moved("log-archive-key", 6), "stacks-ordered"),
    Case("trail before its bucket", moved("management-trail", 1), "stacks-ordered"),
    Case("dependency that is not there", stack("log-archive-bucket", depends_on=["log-archive-key", "nowhere"]), "stacks-ordered"),
    Case("dependency on itself", stack("log-archive-key", depends_on=["log-archive-key"]), "stacks-ordered"),
    Case("no dependency on the key", stack("security-iam", depends_on=[]), "stacks-ordered"),
    Case("no dependency on the bucket", stack("management-trail", depends_on=["log-archive-key", "management-iam"]), "stacks-ordered"),
    Case("no dependency on the deployer", stack("management-trail", depends_on=["log-archive-key", "log-archive-bucket"]), "stacks-ordered"),
    *(Case(f"{name} removed", removed(name), "files-as-listed") for name in STACKS),
    *(Case(f"{name} twice", twice(name), "stack-names-unique") for name in STACKS),
    Case("stack under another name", stack("security-iam", stack="security-iams"), "stack-names-unique"),
    Case("stack without a name", stack("security-iam", stack=""), "stack-names-unique"),
    Case(
        "stack set as a stack of its account",
        stack("organization-security-ou", target={"account": "000000000000", "region": "us-east-1"}, deployer=None),
        "stacks-where-meant",
    ),
    Case("config that is not listed", lambda rollout: rollout["files"].pop("config.json"), "files-as-listed"),
    Case("page as a template", stack("security-iam", template="access.md"), "stack-names-unique"),
    Case("step about a policy of another account", step("security-iam", account="111111111111"), "steps-complete"),
    Case("step about another policy", step("security-iam", arn="arn:aws:iam::333333333333:policy/Other"), "steps-complete"),
    Case("role in another account", lambda rollout: before_step(rollout, "role-exists").update(account="111111111111"), "steps-complete"),
    Case("policy for another deployer", lambda rollout: before_step(rollout, "deployer-policy").update(arn="x"), "steps-complete"),
    Case("step in an account that is not there", lambda rollout: rollout["before"][-1].update(account="9"), "steps-complete"),
    Case("nobody subscribes to the alarm", stack("management-alarm", after=[]), "steps-complete"),
    Case("bucket step without such a bucket", lambda rollout: rollout["before"].append(BUCKET_STEP), "steps-complete"),
    Case("another name", lambda rollout: rollout.update(name="another"), "stack-names-unique"),
    *(Case(f"{name} with another hash", stack(name, sha256="0" * 64), "files-as-listed") for name in STACKS),
    Case("page with another hash", lambda rollout: rollout["files"].update({"access.md": "0" * 64}), "files-as-listed"),
    Case("file that is not there", lambda rollout: rollout["files"].update({"more.yaml": "0" * 64}), "files-as-listed"),
    Case("template that is not there", stack("security-iam", template="more.yaml"), "files-as-listed"),
    Case("template of another stack", stack("security-iam", template="management-iam.yaml"), "files-as-listed"),
    Case("template that is not listed", lambda rollout: rollout["files"].pop("security-iam.yaml"), "files-as-listed"),
    Case("another delivery", stack("security-iam", delivery="template_url"), "stack-settings-match"),
    Case("no capabilities", stack("security-iam", capabilities=[]), "stack-settings-match"),
    Case("no protection", stack("log-archive-key", termination_protection=False), "stack-settings-match"),
    Case("another deployer", stack("log-archive-key", deployer="arn:aws:iam::222222222222:role/Other"), "stack-settings-match"),
    Case("another tag", stack("log-archive-key", tags={"owner": "someone"}), "stack-settings-match"),
    Case("nobody is told which roles exist", lambda rollout: rollout.update(before=[]), "steps-complete"),
    Case("nobody is told to attach a policy", stack("security-iam", after=[]), "steps-complete"),
    Case("nobody in a stack set is told to attach a policy", stack("organization-security-ou", after=[]), "steps-complete"),
    Case("another notice", lambda rollout: rollout.update(notices=["All is well."]), "steps-complete"),
)  # fmt: skip


def altered(content: bytes, case: Case) -> bytes:
    rollout = json.loads(content)
    case.change(rollout)
    return json.dumps(rollout).encode()


@pytest.fixture
def written(tmp_path: Path) -> Path:
    """A copy of the organization's output folder."""
    shutil.copytree(OUTPUT, tmp_path / "organization")
    return tmp_path / "organization"


@lru_cache
def rendered() -> Rendered:
    (deployment,) = pipeline.load_all([ROOT / "config" / "organization.yaml"])
    return pipeline.render(deployment)


@pytest.mark.parametrize("config", ["organization", "mirror"])
def test_the_manifest_that_is_written_is_the_one_that_is_read(config: str) -> None:
    content = (ROOT / "output" / config / MANIFEST).read_bytes()
    assert load_manifest(content, MANIFEST).dump() == content


@pytest.mark.parametrize("case", CASES, ids=str)
def test_what_is_altered_before_it_is_written_is_refused(case: Case) -> None:
    files = {**rendered().files, MANIFEST: altered(rendered().files[MANIFEST], case)}

    found = pipeline.prove(replace(rendered(), files=files)).findings
    assert case.rule in {one.id for one in found}
    assert {one.id for one in found} <= {one.id for one in OF_THE_ROLLOUT}


@pytest.mark.parametrize("case", CASES, ids=str)
def test_what_is_altered_in_a_folder_is_refused(case: Case, written: Path) -> None:
    (written / MANIFEST).write_bytes(altered((OUTPUT / MANIFEST).read_bytes(), case))

    with pytest.raises(errors.CheckError) as caught:
        pipeline.open_folder(written)
    assert case.rule in {one.id for one in caught.value.findings}


@pytest.mark.parametrize("case", {case.rule: case for case in CASES}.values(), ids=str)
def test_every_command_refuses_an_altered_folder(case: Case, written: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (written / MANIFEST).write_bytes(altered((OUTPUT / MANIFEST).read_bytes(), case))

    assert cli.run(["access", str(written), "--format", "json"]) == errors.CHECK_FAILED
    printed = capsys.readouterr()
    assert f"error {case.rule}: " in printed.err
    assert printed.out == ""
    for sides in ((written, OUTPUT), (OUTPUT, written)):
        assert cli.run(["diff", *map(str, sides)]) == errors.CHECK_FAILED
        assert f"error {case.rule}: " in capsys.readouterr().err


def test_an_altered_folder_differs(written: Path) -> None:
    (written / MANIFEST).write_bytes(altered((OUTPUT / MANIFEST).read_bytes(), CASES[0]))
    config = ROOT / "config" / "organization.yaml"

    command = ["generate", str(config), "--output", str(written.parent), "--check", "--quiet"]
    assert cli.run(command) == errors.DIFFERS


def test_an_untouched_folder_is_what_it_says(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.run(["access", str(OUTPUT), "--format", "markdown"]) == errors.OK
    assert capsys.readouterr().out == (OUTPUT / "access.md").read_text(encoding="utf-8")


def test_a_template_that_is_altered_in_a_folder_is_refused(written: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = written / "security-iam.yaml"
    path.write_text(path.read_text(encoding="utf-8").replace("- CloudTrailRead", "- Everybody"), encoding="utf-8")

    assert cli.run(["access", str(written)]) == errors.CHECK_FAILED
    assert "error files-as-listed: " in capsys.readouterr().err


def test_a_folder_that_is_none_of_ours_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.run(["access", str(tmp_path)]) == errors.USAGE
    assert f"{tmp_path}: holds no rollout.json" in capsys.readouterr().err
    (tmp_path / MANIFEST).write_bytes((OUTPUT / MANIFEST).read_bytes())
    assert cli.run(["access", str(tmp_path)]) == errors.USAGE


def test_an_existing_bucket_whose_step_is_gone_is_not_judged_in_silence() -> None:
    (deployment,) = pipeline.load_all([CONFIGS["existing-bucket"]])
    files = dict(pipeline.render(deployment).files)
    manifest = load_manifest(files[MANIFEST], MANIFEST)
    before = tuple(step for step in manifest.before if step.kind != "bucket-policy")
    files[MANIFEST] = replace(manifest, before=before).dump()

    found = pipeline.prove(replace(pipeline.render(deployment), files=files)).findings
    assert [one.id for one in found] == ["steps-complete"]


NEEDED: Final = (
    ("organization", "no-scp"),
    ("organization", "service-linked-role"),
    ("existing-bucket", "bucket-exists"),
    ("everything", "key-admits-service"),
    ("organization", "key-admits-service"),
    ("existing-bucket", "topic-admits-service"),
    ("lake", "lake-open"),
    ("lake", "deployer-policy"),
    ("organization", "trusted-access"),
)


@pytest.mark.parametrize(("config", "kind"), NEEDED)
def test_a_step_that_a_stack_fails_without_is_missed(config: str, kind: str) -> None:
    (deployment,) = pipeline.load_all([CONFIGS[config]])
    made = pipeline.render(deployment)
    manifest = load_manifest(made.files[MANIFEST], MANIFEST)
    needed = [step for step in manifest.before if step.kind == kind]

    for step in needed:
        before = tuple(one for one in manifest.before if one != step)
        files = {**made.files, MANIFEST: replace(manifest, before=before).dump()}
        assert [one.id for one in pipeline.prove(replace(made, files=files)).findings] == ["steps-complete"]
    assert needed


def put(template: str, *path: str, **values: Any) -> tuple[str, tuple[str, ...], Document]:
    return template, path, values


KEY: Final = "log-archive-key.yaml"
TRAIL: Final = "management-trail.yaml"
READERS: Final = "security-iam.yaml"
NEVER: Final = {"Fn::Equals": ["a", "b"]}
ROLE: Final = {"Action": "sts:AssumeRole", "Effect": "Allow", "Principal": {"AWS": "*"}}
UNREAD: Final = (
    (put(KEY, Conditions={"Never": NEVER}), "has the section Conditions"),
    (put(KEY, Mappings={"M": {"stack": {"p": "*"}}}), "has the section Mappings"),
    (put(KEY, Transform="AWS::LanguageExtensions"), "has the section Transform"),
    (put(KEY, "Resources", "Key", Condition="Never"), "resource Key has Condition"),
    (put(KEY, "Outputs", "KeyArn", Condition="Never"), "Output KeyArn has Condition"),
    (put(TRAIL, "Parameters", "KeyArn", Type="AWS::SSM::Parameter::Value<String>"), "is of type AWS::SSM::Parameter"),
    (put(TRAIL, "Parameters", "KeyArn", NoEcho=True), "parameter KeyArn has NoEcho"),
    (put(TRAIL, "Parameters", More={"Type": "Number"}), "parameter More is of type Number"),
    (put(KEY, "Resources", Copy={"Type": "AWS::KMS::ReplicaKey", "Properties": {}}), "is of type AWS::KMS::ReplicaKey"),
    (put(KEY, "Resources", More={"Type": "AWS::CloudFormation::Stack", "Properties": {}}), "AWS::CloudFormation::Stack"),
    (put(KEY, "Resources", More={"Type": "Custom::Policy", "Properties": {}}), "is of type Custom::Policy"),
    (put(READERS, "Resources", More={"Type": "AWS::IAM::RolePolicy", "Properties": {}}), "is of type AWS::IAM::RolePolicy"),
    (put(READERS, "Resources", More={"Type": "AWS::IAM::Policy", "Properties": {"Roles": ["CloudTrailRead"]}}), "a policy of others"),
    (put(READERS, "Resources", More={"Type": "AWS::IAM::Policy", "Properties": {"Users": ["u"], "Roles": []}}), "a policy of others"),
    (
        put(READERS, "Resources", R={"Type": "AWS::IAM::Role", "Properties": {"AssumeRolePolicyDocument": {"Statement": [ROLE]}}}),
        "resource R is a role for others than an AWS service",
    ),
    (put(TRAIL, "Resources", "OrganizationTrail", "Properties", SnsTopicName={"Ref": "AWS::StackName"}), "uses AWS::StackName"),
    (put(TRAIL, "Resources", "OrganizationTrail", "Properties", SnsTopicName="{{resolve:ssm:topic}}"), "uses a dynamic reference"),
    (put(TRAIL, "Resources", "OrganizationTrailLogGroup", "Properties", Tags={"Fn::Transform": {}}), "uses Fn::Transform"),
)  # fmt: skip


@pytest.mark.parametrize(("change", "says"), UNREAD, ids=[says.replace(" ", "-") for _, says in UNREAD])
def test_what_no_proof_reads_is_refused_in_a_template(
    change: tuple[str, tuple[str, ...], Document], says: str, written: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    name, path, values = change
    template = cloudformation.load((written / name).read_text(encoding="utf-8"), name)
    within = template
    for key in path:
        within = within[key]
    within.update(values)
    replace_template(written, name, template)

    assert cli.run(["access", str(written)]) == errors.CHECK_FAILED
    printed = capsys.readouterr()
    assert "error templates-readable: " in printed.err
    assert says in printed.err
    assert printed.out == ""


def replace_template(folder: Path, name: str, template: Document) -> None:
    """Write a template, with its hash: a folder that is consistent, and other than what was proven."""
    content = json.dumps(template, indent=1).encode()
    rollout = json.loads((folder / MANIFEST).read_bytes())
    digest = hashlib.sha256(content).hexdigest()
    rollout["files"][name] = digest
    next(one for one in rollout["stacks"] if one["template"] == name)["sha256"] = digest
    (folder / name).write_bytes(content)
    (folder / MANIFEST).write_text(json.dumps(rollout), encoding="utf-8")


def test_what_a_parameter_gets_from_another_attribute_is_told_of_the_parameter(
    written: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    template = cloudformation.load((written / KEY).read_text(encoding="utf-8"), KEY)
    template["Outputs"]["KeyArn"]["Value"] = {"Ref": "Key"}
    replace_template(written, KEY, template)

    assert cli.run(["access", str(written)]) == errors.CHECK_FAILED
    assert "error parameters-from-outputs: " in capsys.readouterr().err


def test_a_folder_whose_config_extends_another_file_is_refused(
    written: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (written / "config.json").write_text(
        json.dumps({"name": "x", "extends": str(CONFIGS["organization"])}), encoding="utf-8"
    )

    assert cli.run(["access", str(written)]) == errors.USAGE
    assert "extends is not allowed in a folder" in capsys.readouterr().err


def policy_statement(**elements: Any) -> Document:
    return {"Sid": "Added", "Effect": "Allow", "Action": ["s3:GetObject"], "Resource": ["arn:aws:s3:::x"], **elements}


ABLE: Final[dict[str, Callable[[Document], Any]]] = {
    "an action on everything": lambda policy: policy["Statement"].append(policy_statement(Resource=["*"])),
    "every action": lambda policy: policy["Statement"].append(policy_statement(Action=["s3:*"])),
    "the use of keys": lambda policy: policy["Statement"].append(policy_statement(Action=["kms:Decrypt"])),
    "the deletion of keys": lambda policy: policy["Statement"].append(policy_statement(Action=["kms:ScheduleKeyDeletion"])),
    "no replacing of key policies": lambda policy: [one["Action"].remove("kms:PutKeyPolicy") for one in policy["Statement"] if "kms:PutKeyPolicy" in one["Action"]],
    "no creating of keys": lambda policy: [one["Action"].remove("kms:CreateKey") for one in policy["Statement"] if "kms:CreateKey" in one["Action"]],
    "a Deny": lambda policy: policy["Statement"][0].update(Effect="Deny"),
}  # fmt: skip


@pytest.mark.parametrize("what", ABLE)
def test_a_deployer_that_is_allowed_too_much_or_too_little_is_refused(what: str) -> None:
    name = "deployer-policy-222222222222.json"
    policy = json.loads(rendered().files[name])
    ABLE[what](policy)

    changed = with_files(rendered(), {name: json.dumps(policy).encode()})

    assert {one.id for one in pipeline.prove(changed).findings} == {"deployers-able"}


def test_a_deployer_policy_that_is_not_there_is_refused() -> None:
    files = {name: content for name, content in rendered().files.items() if name != "deployer-policy-222222222222.json"}
    found = pipeline.prove(replace(rendered(), files=files)).findings
    assert "deployers-able" in {one.id for one in found}


def test_every_rule_of_the_rollout_refuses_something() -> None:
    elsewhere = {
        "templates-readable",
        "deployers-able",
        "bootstrap-as-meant",
        "references-readable",
    }  # of files: above, tests/unit/rollout and test_stack_outputs.py
    assert {case.rule for case in CASES} | elsewhere == {one.id for one in OF_THE_ROLLOUT}


MALFORMED: Final[tuple[tuple[Callable[[Document], Any], str], ...]] = (
    (lambda rollout: rollout.update(format=1), "rollout.json: format: Input should be 2; a file that trailkey generate wrote"),
    (lambda rollout: rollout.pop("format"), "rollout.json: format: Field required"),
    (lambda rollout: rollout.pop("stacks"), "rollout.json: stacks: Field required"),
    (lambda rollout: rollout.update(more=1), "rollout.json: more: Unexpected keyword argument"),
    (stack("log-archive-key", delivery="post"), "rollout.json: stacks: 0: delivery: Input should be 'template_body' or 'template_url'"),
    (stack("log-archive-key", target={"account": 1}), "rollout.json: stacks: 0: target: "),
    (stack("log-archive-key", termination_protection="yes"), "stacks: 0: termination_protection: Input should be a valid boolean"),
    (parameter(1), "parameters: KeyArn: "),
    (target("organization-security-ou", regions=[]), "regions: one Region is expected"),
)  # fmt: skip


@pytest.mark.parametrize(("change", "says"), MALFORMED, ids=range(len(MALFORMED)))
def test_a_manifest_of_another_shape_is_refused_with_its_place(change: Callable[[Document], Any], says: str) -> None:
    content = altered((OUTPUT / MANIFEST).read_bytes(), Case("", change, ""))
    with pytest.raises(errors.PolicyError) as caught:
        load_manifest(content, MANIFEST)
    assert says in str(caught.value)


def test_a_key_that_is_given_twice_is_refused() -> None:
    content = (OUTPUT / MANIFEST).read_bytes().replace(b'"name"', b'"name": "other", "name"', 1)
    with pytest.raises(errors.PolicyError, match=r"rollout.json: key 'name' is given twice"):
        load_manifest(content, MANIFEST)


def test_a_manifest_that_is_not_json_is_refused() -> None:
    with pytest.raises(errors.PolicyError, match="Invalid JSON"):
        load_manifest(b"{", MANIFEST)


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"\xff", "not UTF-8 text"),
        (b"[]", "not a mapping"),
        (b"", "empty"),
        (b"Resources: []", "not a template as trailkey generate writes it"),
        (b"Resources: {Key: {Type: 'AWS::KMS::Key'}}", "not a template as trailkey generate writes it"),
        (b"Parameters: []\nResources: {}", "not a template as trailkey generate writes it"),
        (b"Resources: {Key: {Type: 'AWS::KMS::Key', Properties: {KeyPolicy: !Ref Other}}}", "Other"),
    ],
)
def test_a_template_of_another_shape_is_a_sentence_and_no_traceback(
    content: bytes, says: str, written: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (written / "log-archive-key.yaml").write_bytes(content)
    for command in (["access", str(written)], ["diff", str(written), str(OUTPUT)]):
        assert cli.run(command) == errors.USAGE
        assert says in capsys.readouterr().err
