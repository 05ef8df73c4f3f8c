"""Trails of several accounts: one template and a stack set, by a list of accounts or by organizational units."""

from __future__ import annotations

import json
import subprocess
from dataclasses import replace
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final

import pytest

from helpers import CONFIGS, ORGANIZATION, deploy, edited, rendered_templates, rollout_of
from trailkey import pipeline
from trailkey.config.load import load
from trailkey.decide import answers_of_deployment
from trailkey.output.manifest import MANIFEST

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from helpers import Document
    from trailkey.rendered import Rendered

CLOUDTRAIL: Final = "cloudtrail.amazonaws.com"
CONTEXT: Final = "kms:EncryptionContext:aws:cloudtrail:arn"
LISTED, LISTED_TRAIL = "organization-trail-listed", "arn:aws:cloudtrail:eu-west-1:555555555555:trail/listed"
UNITS, UNIT_TRAIL = "organization-trail-workloads", "arn:aws:cloudtrail:eu-central-1:777777777777:trail/workloads"
ORGANIZATION_ID: Final = "o-a1b2c3d4e5"
OF_UNIT: Final = {"aws:SourceOrgID": ORGANIZATION_ID, "aws:SourceOrgPaths": ["o-a1b2c3d4e5/r-ab12/ou-ab12-22222222/"]}
MAKER: Final = "arn:aws:iam::777777777777:role/stacksets-exec-0123456789abcdef"
IN_UNIT: Final = {
    "aws:PrincipalOrgID": ORGANIZATION_ID,
    "aws:PrincipalOrgPaths": ["o-a1b2c3d4e5/r-ab12/ou-ab12-11111111/ou-ab12-99999999/"],
}
EVERYTHING: Final = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}


@lru_cache
def rendered() -> Rendered:
    """The config that has one of each kind, beside an organization trail."""
    return pipeline.render(load(CONFIGS["everything"]))


def decision(principal: str, action: str, resource: str = "", **context: Any) -> str:
    """Return what the policies decide; of people everything is allowed by their IAM policy."""
    policies = rendered().folder.policies
    request: dict[str, Any] = {"principal": principal, "action": action, "context": context}
    request["resource"] = resource or policies.keys[0].arn
    if principal != CLOUDTRAIL:
        request["identity_policies"] = [EVERYTHING]
    return answers_of_deployment(policies, (json.dumps(request), "request"))[0].decision


@pytest.mark.parametrize(
    ("trail", "keys", "expected"),
    [
        (LISTED_TRAIL, {}, "allowed"),
        (LISTED_TRAIL.replace("5" * 12, "6" * 12), {}, "allowed"),
        (LISTED_TRAIL.replace("5" * 12, "7" * 12), {}, "denied"),
        (LISTED_TRAIL.replace("5" * 12, "7" * 12), OF_UNIT, "denied"),
        (LISTED_TRAIL.replace("/listed", "/another"), {}, "denied"),
        (UNIT_TRAIL, OF_UNIT, "allowed"),
        (UNIT_TRAIL, {}, "denied"),
        (UNIT_TRAIL.replace("/workloads", "/another"), OF_UNIT, "denied"),
        (UNIT_TRAIL.replace("eu-central-1", "eu-west-1"), OF_UNIT, "denied"),
        (UNIT_TRAIL, {**OF_UNIT, "aws:SourceOrgID": "o-another1234"}, "denied"),
        (UNIT_TRAIL, {**OF_UNIT, "aws:SourceOrgPaths": ["o-a1b2c3d4e5/r-ab12/ou-ab12-33333333/"]}, "denied"),
    ],
)
def test_cloudtrail_acts_for_these_trails_and_for_none_beside_them(trail: str, keys: Document, expected: str) -> None:
    sent = {"aws:SourceArn": trail, **keys}
    owner, bucket = trail.split(":")[4], "arn:aws:s3:::everything-logs"
    prefix = "listed/" if trail.endswith("/listed") else ""
    tls = {"aws:SecureTransport": "true"}
    put = {**sent, **tls, "s3:x-amz-acl": "bucket-owner-full-control"}

    assert decision(CLOUDTRAIL, "kms:GenerateDataKey", **sent, **{CONTEXT: trail}) == expected
    assert decision(CLOUDTRAIL, "kms:DescribeKey", **sent) == expected
    assert decision(CLOUDTRAIL, "s3:GetBucketAcl", bucket, **sent, **tls) == expected
    assert decision(CLOUDTRAIL, "s3:PutObject", f"{bucket}/{prefix}AWSLogs/{owner}/CloudTrail/x", **put) == expected
    assert decision(CLOUDTRAIL, "kms:Decrypt", **sent, **{CONTEXT: trail}) == "denied"
    assert (
        decision(CLOUDTRAIL, "kms:GenerateDataKey", **sent, **{CONTEXT: trail.replace(":trail/", ":trail/x")})
        == "denied"
    )


@pytest.mark.parametrize(
    ("principal", "keys", "expected"),
    [
        (MAKER.replace("7" * 12, "5" * 12), {}, "allowed"),
        (MAKER.replace("7" * 12, "5" * 12).replace("stacksets-exec-", "stacksets-admin-"), {}, "denied"),
        (MAKER, {}, "denied"),
        (MAKER, IN_UNIT, "allowed"),
        ("arn:aws:iam::777777777777:role/AWSControlTowerExecution", IN_UNIT, "allowed"),
        ("arn:aws:iam::777777777777:role/Anybody", IN_UNIT, "denied"),
        (MAKER, {**IN_UNIT, "aws:PrincipalOrgPaths": ["o-a1b2c3d4e5/r-ab12/ou-ab12-33333333/"]}, "denied"),
    ],
)
def test_the_roles_that_make_the_trails_see_the_key_and_do_nothing_else(
    principal: str, keys: Document, expected: str
) -> None:
    assert decision(principal, "kms:DescribeKey", **keys) == expected
    for action in ("kms:GetKeyPolicy", "kms:GenerateDataKey", "kms:CreateGrant", "kms:PutKeyPolicy"):
        assert decision(principal, action, **keys) == "denied"


def statement(sid: str, change: Callable[[Document], Any]) -> Callable[[dict[str, Document]], Any]:
    def changed(made: dict[str, Document]) -> None:
        for name, key in (("Key", "KeyPolicy"), ("LogBucketPolicy", "PolicyDocument")):
            for one in made[name]["Properties"][key]["Statement"]:
                if one["Sid"] == sid:
                    change(one)

    return changed


def lacks(sid: str, operator: str) -> Callable[[dict[str, Document]], Any]:
    return statement(sid, lambda one: one["Condition"].pop(operator))


@pytest.mark.parametrize(
    ("change", "ids"),
    [
        (lacks("CloudTrailEncryptsLogsWorkloads", "StringLike"), {"cloudtrail-confined"}),
        (lacks("CloudTrailEncryptsLogsWorkloads", "ForAnyValue:StringLike"), {"cloudtrail-confined"}),
        (lacks("CloudTrailDescribesKeyWorkloads", "ArnLike"), {"cloudtrail-confined"}),
        (lacks("CloudTrailWritesLogsWorkloads", "ForAnyValue:StringLike"), {"bucket-services-confined"}),
        (
            statement("CloudTrailEncryptsLogsWorkloads", lambda one: one.update(Effect="Deny")),
            {"trails-deliver"},
        ),
        (statement("CloudTrailWritesLogsWorkloads", lambda one: one.update(Resource=["arn:aws:s3:::x/*"])), {"trails-write"}),
        (lacks("TrailStackSetListed", "StringEquals"), {"nobody-holds-more"}),
        (lacks("TrailStackSetWorkloads", "ArnLike"), {"nobody-holds-more"}),
        (statement("TrailStackSetListed", lambda one: one.update(Action=["kms:GetKeyPolicy"])), {"nobody-holds-more", "trail-deployers-describe"}),
    ],
)  # fmt: skip
def test_what_a_statement_lacks_is_found(change: Callable[[dict[str, Document]], Any], ids: set[str]) -> None:
    found = {one.id for one in pipeline.prove(edited(rendered(), change)).findings}

    assert found
    assert found & ids, found


def target(name: str, **changes: Any) -> Callable[[Document], Any]:
    def change(rollout: Document) -> None:
        (one,) = [one for one in rollout["stacks"] if one["stack"] == name]
        one["target"]["stack_set"].update(changes)

    return change


@pytest.mark.parametrize(
    "change",
    [
        target(LISTED, accounts=["555555555555", "666666666666"]),
        target(LISTED, accounts=["555555555555", "666666666666", "222222222222", "777777777777"]),
        target(LISTED, organizational_unit_ids=["ou-ab12-11111111"]),
        target(LISTED, auto_deployment={"enabled": True, "retain_stacks_on_account_removal": False}),
        target(UNITS, organizational_unit_ids=["ou-ab12-11111111"]),
        target(UNITS, accounts=["555555555555"]),
        target(UNITS, regions=["eu-west-1"]),
        target(UNITS, auto_deployment={"enabled": False, "retain_stacks_on_account_removal": False}),
    ],
)
def test_a_stack_set_that_goes_elsewhere_is_refused(change: Callable[[Document], Any]) -> None:
    rollout = json.loads(rendered().files[MANIFEST])
    change(rollout)
    files = {**rendered().files, MANIFEST: json.dumps(rollout).encode()}

    assert "stacks-where-meant" in {one.id for one in pipeline.prove(replace(rendered(), files=files)).findings}


def test_accounts_are_one_template_and_units_do_not_grow_the_policies(tmp_path: Path) -> None:
    base = {**ORGANIZATION, "organization": {**ORGANIZATION["organization"], "root_id": "r-ab12"}}
    members = {f"member-{number}": {"id": f"6{number:011d}"} for number in range(100)}
    trail = {"name": "member", "home_region": "eu-central-1"}
    listed = deploy(tmp_path, base, accounts=members, trails=[{**trail, "accounts": list(members)}])
    made = rendered_templates(listed)

    trails = [
        name
        for name, one in made.items()
        for each in one["Resources"].values()
        if each["Type"] == "AWS::CloudTrail::Trail"
    ]
    assert trails == ["organization-trail-member"]
    (stack,) = [one for one in rollout_of(listed)["stacks"] if one["stack"] == "organization-trail-member"]
    assert stack["target"]["stack_set"]["accounts"] == [one["id"] for one in members.values()]

    sizes = []
    for count in (1, 100):
        some = dict(list(members.items())[:count])
        units = deploy(
            tmp_path, base, accounts=some, trails=[{**trail, "organizational_unit_ids": ["ou-ab12-11111111"]}]
        )
        keys = pipeline.render(units).folder.policies.keys
        sizes.append(len(json.dumps(keys[0].document)))
    assert sizes[0] == sizes[1]


def function(name: str) -> str:
    """Return a function of deploy.sh."""
    script = rendered().files["deploy.sh"].decode()
    start = script.index(f"\n{name}() {{")
    return script[start : script.index("\n}\n", start) + 3]


@pytest.mark.parametrize(
    ("stacks", "units", "wanted_units", "wanted_accounts", "missing"),
    [
        ("", "", "r-ab12", "555555555555,666666666666", "555555555555,666666666666"),
        ("555555555555", "", "r-ab12", "555555555555,666666666666", "666666666666"),
        ("666666666666\n555555555555", "", "r-ab12", "555555555555,666666666666", ""),
        ("", "", "ou-ab12-11111111,ou-ab12-22222222", "", "ou-ab12-11111111,ou-ab12-22222222"),
        ("", "ou-ab12-11111111", "ou-ab12-11111111,ou-ab12-22222222", "", "ou-ab12-22222222"),
        ("777777777777", "ou-ab12-22222222 ou-ab12-11111111", "ou-ab12-11111111,ou-ab12-22222222", "", ""),
        ("777777777777", "", "ou-ab12-11111111", "", ""),
    ],
)
def test_deploy_gives_a_stack_set_what_it_was_not_given_yet(
    stacks: str, units: str, wanted_units: str, wanted_accounts: str, missing: str
) -> None:
    call = f'call() {{ if [ "$3" = list-stack-instances ]; then echo "{stacks}"; else echo "{units}"; fi; }}'
    script = f"set -euo pipefail\n{call}\n{function('without')}{function('untargeted')}untargeted r s SELF '{wanted_units}' '{wanted_accounts}'"

    ran = subprocess.run(["bash", "-c", script], capture_output=True, text=True, check=True)

    assert ran.stdout.strip() == missing


@pytest.mark.parametrize(
    "targets",
    [
        "OrganizationalUnitIds=r-ab12,Accounts=555555555555,666666666666,AccountFilterType=INTERSECTION",
        "OrganizationalUnitIds=ou-ab12-11111111,ou-ab12-22222222",
    ],
)
def test_the_command_takes_the_targets_as_they_are_written(targets: str, tmp_path: Path) -> None:
    (tmp_path / "instances.json").write_bytes(rendered().files[f"cli/{LISTED}.instances.json"])
    command = [
        "aws",
        "cloudformation",
        "create-stack-instances",
        "--cli-input-json",
        f"file://{tmp_path / 'instances.json'}",
    ]
    command += ["--deployment-targets", targets, "--generate-cli-skeleton", "output", "--region", "eu-west-1"]

    ran = subprocess.run(command, capture_output=True, text=True, check=False)

    assert ran.returncode == 0, ran.stderr


def test_the_alarm_says_that_it_does_not_watch_them() -> None:
    notices = json.loads(rendered().files[MANIFEST])["notices"]
    assert "the alarm does not watch listed, workloads, which a stack set brings to several accounts" in notices


def test_a_list_of_the_keys_account_alone_needs_no_statement_for_the_stack_set(tmp_path: Path) -> None:
    base = {**ORGANIZATION, "organization": {**ORGANIZATION["organization"], "root_id": "r-ab12"}}
    trail = {"name": "member", "home_region": "eu-central-1", "accounts": [ORGANIZATION["key"]["account"]]}
    made = pipeline.render(deploy(tmp_path, base, trails=[trail]))

    assert pipeline.prove(made).findings == ()
    assert "TrailStackSet" not in json.dumps(made.folder.policies.keys[0].document)
