"""verify.sh against AWS that decides by the rendered policies: it passes, and each flaw of a policy turns one line red."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final

import pytest

from helpers import ALIKE, CONFIGS, EXAMPLES, OUTPUT, edited, output_folder
from trailkey import pipeline
from trailkey.config.load import load
from verify_world import EVERYTHING, Person, Stub, World, environment

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from trailkey.rendered import Rendered

Document = dict[str, Any]

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="a shell script")


@pytest.fixture(scope="module")
def stub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stub]:
    made = Stub(tmp_path_factory.mktemp("v"))
    yield made
    made.close()


OF_A_UNIT: Final = "888888888888"


@lru_cache
def rendered(name: str) -> Rendered:
    return pipeline.render(load(CONFIGS[name]))


def world_of(name: str, made: Rendered | None = None) -> World:
    """A world in which there is somebody for every check."""
    found = made or rendered(name)
    deployment = found.deployment
    world = World(deployment, found)
    for owner in deployment.accounts.values():
        for who in ("outsider", "trail-maker"):
            world.profiles[f"{who}/{owner.id}"] = Person(
                f"arn:{deployment.partition}:iam::{owner.id}:role/Anybody", [EVERYTHING]
            )
        if owner.deployer and "*" in owner.deployer:
            policy = json.loads(found.files.get(f"deployer-policy-{owner.id}.json", b"null")) or EVERYTHING
            attached = [
                one.document
                for one in found.folder.policies.identities
                if one.account == owner.id and "deploy" in one.policy_name
            ]
            arn = owner.deployer.replace("*", "x")
            world.profiles[f"deployer/{owner.id}"] = Person(arn, [policy, *attached])
    for trail, *_ in deployment.trail_sets:
        account = trail.account.id if trail.account else OF_A_UNIT
        anybody = Person(f"arn:{deployment.partition}:iam::{account}:role/Anybody", [EVERYTHING])
        world.profiles |= {f"member/{trail.settings.name}": anybody, f"trail-maker/{account}": anybody}
        for unit in trail.settings.organizational_unit_ids or ():
            world.units[account] = f"o-a1b2c3d4e5/r-ab12/{unit}/"
    for reader in deployment.readers:
        if reader.iam_policy == "named":
            account = reader.account.id if reader.account else "999999999999"
            arn = f"arn:{deployment.partition}:iam::{account}:role/Whoever"
            if reader.principal_arns:
                arn = reader.principal_arns[0].replace("?" * 16, "0123456789abcdef").replace("*", "x")
            organization = {}
            if deployment.config.organization:
                path = reader.organization_path.replace("*", "")
                organization = {
                    "aws:PrincipalOrgID": deployment.config.organization.id,
                    "aws:PrincipalOrgPaths": [path or f"{deployment.config.organization.id}/r-ab12/"],
                }
            world.profiles[f"reader/{reader.name}"] = world.named(
                arn, deployment.policy_name(f"read-{reader.name}"), **organization
            )
    return world


def verify(stub: Stub, world: World, *arguments: str) -> tuple[int, dict[str, str], str]:
    """Run verify.sh, and return how it ended, the result of each check by its name, and all it said."""
    stub.world = world
    script = world.rendered.files["verify.sh"]
    path = stub.folder / f"{world.deployment.name}.sh"
    path.write_bytes(script)
    named = [word for who in world.profiles for word in ("--as", f"{who}={who}")]
    ran = subprocess.run(
        ["bash", str(path), "--minutes", "0", *named, *arguments],
        env=environment(stub),
        capture_output=True,
        text=True,
        check=False,
    )
    assert stub.failure is None, stub.failure
    results = {}
    for line in ran.stdout.splitlines():
        words = line.split()
        if words and words[0] in ("ok", "FAIL", "undecided", "skipped"):
            results[words[1]] = words[0]
    return ran.returncode, results, ran.stdout + ran.stderr


@pytest.mark.parametrize("name", [config.stem for config in EXAMPLES])
def test_what_is_rolled_out_as_rendered_passes(name: str, stub: Stub) -> None:
    world = world_of(name)

    code, results, said = verify(stub, world)

    assert set(results.values()) == {"ok"}, said
    assert code == 0
    assert world.trails == set()
    trail = world.deployment.trails[0].settings.name
    assert {
        f"trail/{trail}",
        f"delivery/{trail}",
        f"other-trail-key/{trail}",
        f"other-trail-bucket/{trail}",
        "reader-reads/responders",
    } <= set(results)


@pytest.mark.parametrize("name", CONFIGS)
def test_every_script_runs(name: str, stub: Stub) -> None:
    world = world_of(name)

    code, results, said = verify(stub, world)

    assert "FAIL" not in results.values(), said
    assert code in (0, 3), said


@pytest.mark.parametrize("name", ALIKE)
def test_the_script_is_clean(name: str) -> None:
    subprocess.run(["shellcheck", str(output_folder(name) / "verify.sh")], check=True)


# Flaws


def policy_of(resource: Document) -> list[Document]:
    properties = resource["Properties"]
    statements: list[Document] = properties.get("KeyPolicy", properties.get("PolicyDocument"))["Statement"]
    return statements


def statement(resource: Document, sid: str) -> Document:
    (found,) = [one for one in policy_of(resource) if one["Sid"] == sid]
    return found


def without(name: str, sid: str) -> Callable[[dict[str, Document]], Any]:
    return lambda made: policy_of(made[name]).remove(statement(made[name], sid))


def unconditioned(name: str, sid: str, *keys: str) -> Callable[[dict[str, Document]], Any]:
    """Take condition keys away; all of them where none is named."""

    def change(made: dict[str, Document]) -> None:
        found = statement(made[name], sid)
        if not keys:
            del found["Condition"]
        for operator in list(found.get("Condition", {})):
            for key in keys:
                found["Condition"][operator].pop(key, None)
            if not found["Condition"][operator]:
                del found["Condition"][operator]

    return change


def instead(name: str, old: str, new: str) -> Callable[[dict[str, Document]], Any]:
    def change(made: dict[str, Document]) -> None:
        changed = json.loads(json.dumps(made[name]).replace(old, new))
        assert changed != made[name]
        made[name] = changed

    return change


def also(name: str, sid: str, *actions: str) -> Callable[[dict[str, Document]], Any]:
    return lambda made: statement(made[name], sid)["Action"].extend(actions)


def granting(name: str, **elements: Any) -> Callable[[dict[str, Document]], Any]:
    return lambda made: policy_of(made[name]).append({"Sid": "Added", "Effect": "Allow", "Resource": "*", **elements})


def both(*changes: Callable[[dict[str, Document]], Any]) -> Callable[[dict[str, Document]], Any]:
    def change(made: dict[str, Document]) -> None:
        for one in changes:
            one(made)

    return change


@dataclass(frozen=True, kw_only=True)
class Flaw:
    """A change of the policies, and the check that fails for it."""

    what: str
    change: Callable[[dict[str, Document]], Any]
    check: str
    config: str = "organization"

    def __str__(self) -> str:
        return self.what.replace(" ", "-")


RESPONDERS: Final = "ReaderRespondersPolicy"
BUCKET: Final = "LogBucketPolicy"
ROLE: Final = {"Fn::Sub": "arn:${AWS::Partition}:iam::333333333333:role/CloudTrailRead"}
ROOT: Final = {"AWS": {"Fn::Sub": "arn:${AWS::Partition}:iam::222222222222:root"}}
ADMINISTRATES: Final = also("Key", "AdministratorsManageKey", "kms:GenerateDataKey", "kms:Decrypt", "kms:CreateGrant")
FLAWS: Final = (
    Flaw(what="CloudTrail may not encrypt", change=without("Key", "CloudTrailEncryptsLogs"), check="delivery/organization-trail"),
    Flaw(what="CloudTrail may not see the key", change=without("Key", "CloudTrailDescribesKey"), check="delivery/organization-trail"),
    Flaw(what="the key names another trail", change=instead("Key", "trail/organization-trail", "trail/organisation-trail"), check="delivery/organization-trail"),
    Flaw(what="the key names another account", change=instead("Key", "us-east-1:111111111111:trail", "us-east-1:111111111112:trail"), check="delivery/organization-trail"),
    Flaw(what="the encryption context is misspelt", change=instead("Key", "kms:EncryptionContext:aws:cloudtrail:arn", "kms:EncryptionContext:aws:cloudtrail:Arn2"), check="delivery/organization-trail"),
    Flaw(
        what="any trail may encrypt",
        change=both(unconditioned("Key", "CloudTrailEncryptsLogs", "aws:SourceArn"), unconditioned("Key", "CloudTrailDescribesKey", "aws:SourceArn")),
        check="other-trail-key/organization-trail",
    ),
    Flaw(what="a reader is left out of the key policy", change=without("Key", "ReaderResponders"), check="reader-reads/responders"),
    Flaw(what="a reader is another role in the key policy", change=instead("Key", "role/CloudTrailRead", "role/CloudTrailReader"), check="reader-reads/responders"),
    Flaw(what="a permission set is another in the key policy", change=instead("Key", "AWSReservedSSO_SecurityAnalyst_", "AWSReservedSSO_SecurityAnalysts_"), check="reader-reads/analysts"),
    Flaw(what="a reader reads through S3 elsewhere", change=instead("Key", "s3.us-east-1.amazonaws.com", "s3.eu-west-1.amazonaws.com"), check="reader-reads/responders"),
    Flaw(
        what="a reader decrypts without S3",
        change=both(unconditioned("Key", "ReaderResponders", "kms:ViaService"), unconditioned(RESPONDERS, "DecryptLogs", "kms:ViaService")),
        check="reader-outside-s3/responders",
    ),
    Flaw(
        what="a reader encrypts",
        change=both(unconditioned("Key", "ReaderResponders", "kms:ViaService"), also("Key", "ReaderResponders", "kms:GenerateDataKey"), unconditioned(RESPONDERS, "DecryptLogs"), also(RESPONDERS, "DecryptLogs", "kms:GenerateDataKey")),
        check="reader-encrypts/responders",
    ),
    Flaw(what="the whole account of a reader decrypts", change=unconditioned("Key", "ReaderResponders", "aws:PrincipalArn", "kms:ViaService"), check="decrypts/outsider/777777777777", config="single-account"),
    Flaw(what="administrators are not denied its use", change=both(without("Key", "AdministratorsNeverUseKey"), ADMINISTRATES, also("AdministratorPolicy", "AdministerKey", "kms:GenerateDataKey")), check="encrypts/administrator/KeyAdministrator"),
    Flaw(what="administrators decrypt", change=both(without("Key", "AdministratorsNeverUseKey"), ADMINISTRATES, also("AdministratorPolicy", "AdministerKey", "kms:Decrypt")), check="decrypts/administrator/KeyAdministrator"),
    Flaw(what="administrators give grants", change=both(without("Key", "AdministratorsNeverUseKey"), ADMINISTRATES, also("AdministratorPolicy", "AdministerKey", "kms:CreateGrant")), check="grants/administrator/KeyAdministrator"),
    Flaw(what="administrators and the account do not see the key", change=both(without("Key", "AdministratorsManageKey"), without("Key", "AccountReadsMetadata")), check="describes/administrator/KeyAdministrator"),
    Flaw(what="break glass decrypts", change=both(also("Key", "BreakGlassRepairsKey", "kms:Decrypt"), also("BreakGlassPolicy", "RepairKey", "kms:Decrypt")), check="decrypts/break-glass/BreakGlass"),
    Flaw(what="the deployer decrypts", change=both(also("Key", "DeployerUpdatesKey", "kms:Decrypt"), also("DeployerPolicy", "DeployKey", "kms:Decrypt")), check="decrypts/deployer/222222222222"),
    Flaw(what="IAM of the account decides everything", change=granting("Key", Principal=ROOT, Action="kms:*"), check="encrypts/outsider/222222222222"),
    Flaw(what="everyone decrypts", change=granting("Key", Principal="*", Action="kms:Decrypt"), check="decrypts/outsider/222222222222"),
    Flaw(what="everyone encrypts", change=granting("Key", Principal="*", Action="kms:GenerateDataKey*"), check="encrypts/outsider/222222222222"),
    Flaw(what="a trail's deployer does not see the key", change=without("Key", "TrailDeployerManagement"), check="describes/deployer/111111111111"),
    Flaw(what="CloudTrail may not write", change=without(BUCKET, "CloudTrailWritesLogs"), check="delivery/organization-trail"),
    Flaw(what="CloudTrail may not check the bucket", change=without(BUCKET, "CloudTrailChecksAcl"), check="delivery/organization-trail"),
    Flaw(what="CloudTrail writes elsewhere", change=instead(BUCKET, "AWSLogs/111111111111/*", "AWSLogs/111111111112/*"), check="delivery/organization-trail"),
    Flaw(
        what="any trail may write",
        change=both(
            unconditioned(BUCKET, "CloudTrailChecksAcl", "aws:SourceArn"), unconditioned(BUCKET, "CloudTrailWritesLogs", "aws:SourceArn")
        ),
        check="other-trail-bucket/organization-trail",
    ),
    Flaw(what="a reader may not get objects", change=without(BUCKET, "ReaderRespondersGetsLogs"), check="reader-reads/responders"),
    Flaw(what="a reader may not list objects", change=without(BUCKET, "ReaderRespondersListsLogs"), check="reader-lists/responders"),
    Flaw(what="TLS is not asked for", change=without(BUCKET, "OnlyTls"), check="reader-without-tls/responders"),
    Flaw(what="a reader's IAM policy lacks Decrypt", change=without(RESPONDERS, "DecryptLogs"), check="reader-reads/responders"),
    Flaw(what="a reader's IAM policy lacks GetObject", change=without(RESPONDERS, "GetLogs"), check="reader-reads/responders"),
    Flaw(what="a reader's IAM policy lacks ListBucket", change=without(RESPONDERS, "ListLogs"), check="reader-lists/responders"),
    Flaw(what="a reader's IAM policy lacks validation", change=without(RESPONDERS, "ValidateLogs"), check="reader-validates/responders"),
    Flaw(what="a reader's IAM policy is for another context", change=instead(RESPONDERS, ":111111111111:trail/*", ":111111111112:trail/*"), check="reader-reads/responders"),
    Flaw(what="the IAM policy of an account that reads lacks Decrypt", change=without("ReaderAuditPolicy", "DecryptLogs"), check="reader-reads/audit"),
    Flaw(what="a trail's deployer lacks DescribeKey in IAM", change=without("TrailDeployerPolicy", "DescribeKey"), check="describes/deployer/111111111111"),
    Flaw(what="the trail of units may not encrypt", change=without("Key", "CloudTrailEncryptsLogsWorkloads"), check="delivery/workloads", config="everything"),
    Flaw(what="the key names other units", change=instead("Key", "ou-ab12-22222222", "ou-ab12-33333333"), check="delivery/workloads", config="everything"),
    Flaw(what="the bucket names another organization", change=lambda made: statement(made[BUCKET], "CloudTrailChecksAclWorkloads")["Condition"]["StringEquals"].update({"aws:SourceOrgID": "o-other12345"}), check="delivery/workloads", config="everything"),
    Flaw(what="any trail of the units may encrypt", change=instead("Key", "trail/workloads", "trail/*"), check="other-trail-key/workloads", config="everything"),
    Flaw(what="any trail of the units may write", change=instead(BUCKET, "trail/workloads", "trail/*"), check="other-trail-bucket/workloads", config="everything"),
    Flaw(what="the key leaves out a listed account", change=instead("Key", "555555555555:trail/listed", "555555555556:trail/listed"), check="delivery/listed", config="everything"),
    Flaw(what="the trail has another bucket", change=lambda made: made["OrganizationTrail"]["Properties"].update(S3BucketName="other"), check="trail/organization-trail"),
)  # fmt: skip


@pytest.mark.parametrize("flaw", FLAWS, ids=str)
def test_each_flaw_fails_the_check_that_is_about_it(flaw: Flaw, stub: Stub) -> None:
    world = world_of(flaw.config, edited(rendered(flaw.config), flaw.change))
    maker = "trail-maker" if "other-trail" in flaw.check else "x"
    # Nobody else is needed to see this one; the others would take their time.
    world.profiles = {
        who: one
        for who, one in world.profiles.items()
        if who.partition("/")[2] in flaw.check or who.startswith((maker, "deployer/"))
    }

    code, results, said = verify(stub, world)

    assert code == 1, said
    assert results[flaw.check] == "FAIL", said
    assert world.trails == set()


def test_what_the_flaws_are_of() -> None:
    assert len(FLAWS) >= 25
    assert len({flaw.check for flaw in FLAWS}) >= 20


def test_what_is_neither_allowed_nor_refused_is_undecided_and_ends_with_3(stub: Stub) -> None:
    world = world_of("single-account")
    world.overrides["decrypt"] = "An error occurred (InvalidCiphertextException) when calling the Decrypt operation"

    code, results, said = verify(stub, world)

    assert (code, results["reader-outside-s3/responders"]) == (3, "undecided"), said
    assert "InvalidCiphertextException" in said


def test_a_stack_set_that_is_behind_and_a_file_of_another_key_fail(stub: Stub) -> None:
    world = world_of("organization")
    world.overrides |= {"instances": "OUTDATED", "key": "arn:aws:kms:us-east-1:222222222222:key/other"}

    code, results, said = verify(stub, world)

    assert code == 1, said
    assert {name for name, result in results.items() if result == "FAIL"} == {
        "stack-set/organization-security-ou", "encrypted/responders", "encrypted/analysts", "encrypted/audit", "encrypted/security-ou",
    }  # fmt: skip


def test_another_account_ends_the_run_before_anything_is_tried(stub: Stub) -> None:
    world = world_of("single-account")
    world.profiles["deployer/777777777777"] = Person("arn:aws:iam::444444444444:role/Anybody", [EVERYTHING])

    code, results, said = verify(stub, world)

    assert (code, results) == (2, {}), said
    assert "is this the other environment?" in said


def test_without_profiles_whoever_cannot_be_assumed_is_skipped(stub: Stub) -> None:
    world = world_of("organization")
    world.profiles.clear()

    code, results, said = verify(stub, world)

    assert code == 0, said
    skipped = {name for name, result in results.items() if result == "skipped"}
    assert {
        "reader/analysts",
        "reader/audit",
        "reader/security-ou",
        "outsider/222222222222",
        "other-trail-key/organization-trail",
    } <= skipped
    assert results["reader-reads/responders"] == "ok"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--as", "x=y"], "WHO=PROFILE is expected"),
        (["--minutes", "soon"], "a whole number"),
        (["--minutes"], "needs a value"),
        (["-x"], "unknown argument"),
    ],
)
def test_wrong_arguments_are_refused(arguments: list[str], said: str) -> None:
    ran = subprocess.run(
        ["bash", str(OUTPUT / "organization" / "verify.sh"), *arguments], capture_output=True, text=True, check=False
    )

    assert ran.returncode == 2
    assert said in ran.stderr
