"""What each engine takes, read as the engine reads it: the same stacks, parameters, places and order as rollout.json has."""

from __future__ import annotations

import json
import re
import subprocess
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final

import pytest
import yaml

from helpers import CONFIGS
from trailkey import pipeline
from trailkey.cloudformation import load as read
from trailkey.config.load import load

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

Document = dict[str, Any]
Step = tuple[str, tuple[str, ...], str, tuple[tuple[str, str], ...]]
"""A stack as an engine deploys it: its name, its accounts or units, its Region, its parameters."""

ALL: Final = "rollout: {engines: [cli, github, codepipeline, cfct, lza]}\n"
OF_WHOLE_UNITS: Final = "codepipeline, "
"""The engine whose stack sets are over whole units: a trail in listed accounts is refused with it."""
NAMES: Final = {"ou-ab12-11111111": "Security", "r-ab12": "Root"}


@lru_cache
def files_of(name: str, tmp: Path) -> Mapping[str, bytes]:
    """The files of a config that asks for every engine."""
    config = tmp / f"{name}.yaml"
    text = CONFIGS[name].read_text(encoding="utf-8")
    for base in ("organization", "mirror", "single-account"):
        if name == base or f"extends: {base}" in text:
            (tmp / f"{base}.yaml").write_text(
                CONFIGS[base].read_text(encoding="utf-8") + ALL * (base != "mirror"), encoding="utf-8"
            )
    if not config.exists():
        engines = ALL.replace(OF_WHOLE_UNITS, "") if ", accounts: [" in text else ALL
        config.write_text(text + engines, encoding="utf-8")
    return pipeline.render(load(config)).files


@pytest.fixture(params=sorted(CONFIGS))
def files(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, bytes]:
    return files_of(request.param, tmp_path_factory.getbasetemp())


@pytest.fixture
def organization(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, bytes]:
    return files_of("organization", tmp_path_factory.getbasetemp())


def rollout(files: Mapping[str, bytes]) -> list[Document]:
    stacks: list[Document] = json.loads(files["rollout.json"])["stacks"]
    return stacks


def steps_of(files: Mapping[str, bytes]) -> list[Step]:
    """The rollout, as rollout.json has it."""
    found = []
    for one in rollout(files):
        place = one["target"].get("stack_set", one["target"])
        where = tuple(place.get("accounts") or place.get("organizational_unit_ids", [place["account"]]))
        values = tuple(sorted((name, value["output"]) for name, value in one["parameters"].items()))
        region = place["regions"][0] if "regions" in place else place["region"]
        found.append((one["stack"], where, region, values))
    return found


def targets_of(instances: Document) -> tuple[str, ...]:
    """Where create-stack-instances goes: listed accounts of the units that are named with them, or whole units."""
    targets = instances["DeploymentTargets"]
    if "Accounts" not in targets:
        return tuple(targets["OrganizationalUnitIds"])
    assert targets["AccountFilterType"] == "INTERSECTION"
    assert targets["OrganizationalUnitIds"] == ["r-ab12"]
    return tuple(targets["Accounts"])


def follow_cli(files: Mapping[str, bytes]) -> list[Step]:
    """deploy.sh, line by line, with the files that its calls take."""
    found = []
    for line in files["deploy.sh"].decode().splitlines():
        words = line.split()
        if words[:1] not in (["stack"], ["stack_set"]) or len(words) < 6:
            continue
        name, template, account, region = words[1:5]
        call = json.loads(files[f"cli/{name}.json"])
        assert template in files
        values = tuple(sorted((one["ParameterKey"], one["ParameterValue"][1:-1]) for one in call["Parameters"]))
        given = sorted(word for word in words[6:] if re.fullmatch(r"\w+=[\w-]+\.\w+", word))
        assert given == [f"{name}={value}" for name, value in values]
        where: tuple[str, ...] = (account,)
        if words[0] == "stack_set":
            instances = json.loads(files[f"cli/{name}.instances.json"])
            where, (region,) = targets_of(instances), instances["Regions"]
            listed = "Accounts" in instances["DeploymentTargets"]
            assert call["AutoDeployment"] == {"Enabled": not listed, "RetainStacksOnAccountRemoval": False}
            assert f" {','.join(where)} " in line
            assert instances["OperationPreferences"]["MaxConcurrentPercentage"] == 100
        assert call.get("StackName", call.get("StackSetName")) == name
        found.append((name, where, region, values))
    return found


def follow_github(files: Mapping[str, bytes]) -> list[Step]:
    """The workflow: jobs in the order that ``needs`` gives, the earliest first where several are ready."""
    jobs = yaml.safe_load(files["github/deploy.yml"])["jobs"]
    stacks = [name for name in jobs if f"{name}-changes" in jobs or f"github/{name}.json" in files]
    accounts = {one["stack"]: one for one in rollout(files)}
    found: list[Step] = []
    done: set[str] = {"review"}
    while len(done) < len(jobs):
        ready = next(name for name in jobs if name not in done and done.issuperset(jobs[name].get("needs", [])))
        done.add(ready)
        if ready not in stacks:
            continue
        plan = jobs.get(f"{ready}-changes", jobs[ready])
        credentials = next(step["with"] for step in plan["steps"] if "role-to-assume" in step.get("with", {}))
        assert credentials["role-to-assume"] == accounts[ready]["deployer"]
        given = [
            step["with"].get("parameter-overrides", "") for step in plan["steps"] if "mode" in step.get("with", {})
        ]
        for step in plan["steps"]:
            named = {name.upper(): name for name in re.findall(r"ParameterKey=(\w+)", step.get("run", ""))}
            given += [f"{named[name]}={value}" for name, value in step.get("env", {}).items() if name in named]
        pairs = re.findall(r"(\w+)=\$\{\{ needs\.([\w-]+)\.outputs\.(\w+) \}\}", " ".join(given))
        for _, stack, output in pairs:
            assert output in jobs[stack]["outputs"]
            assert stack in plan["needs"]
        where: tuple[str, ...] = (credentials["role-to-assume"].split(":")[4],)
        region = credentials["aws-region"]
        if f"github/{ready}.json" in files:
            instances = json.loads(files[f"github/{ready}.instances.json"])
            where, (region,) = targets_of(instances), instances["Regions"]
        found.append(
            (ready, where, region, tuple(sorted((name, f"{stack}.{output}") for name, stack, output in pairs)))
        )
    return sorted(found, key=lambda step: list(accounts).index(step[0]))


def follow_pipeline(files: Mapping[str, bytes]) -> list[Step]:
    """The pipeline, stage by stage; in China there is none, nor for listed accounts."""
    if "pipeline/pipeline.yaml" not in files:
        listed = any("accounts" in one["target"].get("stack_set", {}) for one in rollout(files))
        assert listed or json.loads(files["rollout.json"])["partition"] == "aws-cn"
        return steps_of(files)
    template = read(files["pipeline/pipeline.yaml"].decode(), "pipeline")
    source, *stages = template["Resources"]["Pipeline"]["Properties"]["Stages"]
    assert [one["Name"] for one in source["Actions"]] == ["Source"]
    known: set[str] = set()
    found: list[Step] = []
    for stage in stages:
        actions = {one["Name"]: one for one in sorted(stage["Actions"], key=lambda one: one["RunOrder"])}
        assert list(actions) in (["ChangeSet", "Approval", "Execution"], ["Approval", "StackSet"])
        deploy = actions.get("ChangeSet") or actions["StackSet"]
        given = deploy["Configuration"]
        pairs = re.findall(
            r'(?:"(\w+)": "|ParameterKey=(\w+),ParameterValue=)#\{([\w-]+)\.(\w+)\}',
            given.get("ParameterOverrides", given.get("Parameters", "")),
        )
        values = tuple(sorted((first or second, f"{stack}.{output}") for first, second, stack, output in pairs))
        assert {stack for _, _, stack, _ in pairs} <= known
        known |= {one["Namespace"] for one in actions.values() if "Namespace" in one}
        name = given.get("StackName", given.get("StackSetName"))
        configuration = json.loads(files[f"pipeline/{name}.json"])
        assert configuration["Parameters"] == {key: f"<{value}>" for key, value in values}
        assert f"Source::output/{json.loads(files['rollout.json'])['name']}/{name}.yaml" == given["TemplatePath"]
        where, region = (deploy["RoleArn"].split(":")[4],), deploy["Region"]
        if "StackSet" in actions:
            where, region = tuple(given["DeploymentTargets"].split(",")), given["Regions"]
        found.append((name, where, region, values))
    return found


def follow_cfct(files: Mapping[str, bytes]) -> list[Step]:
    """The manifest, resource by resource; a value comes from Parameter Store, where an earlier one put it."""
    manifest = yaml.safe_load(files["cfct/manifest.yaml"])
    stored: dict[str, str] = {}
    found: list[Step] = []
    for one in manifest["resources"]:
        values = []
        for parameter in one.get("parameters", []):
            (name,) = re.findall(r"^\$\[alfred_ssm_(.*)\]$", parameter["parameter_value"])
            values.append((parameter["parameter_key"], stored[name]))
        for output in one.get("export_outputs", []):
            (name,) = re.findall(r"^\$\[output_(.*)\]$", output["value"])
            stored[output["name"]] = f"{one['name']}.{name}"
        targets = one["deployment_targets"]
        where = tuple(targets.get("accounts") or [unit[1:-1] for unit in targets["organizational_units"]])
        assert one["resource_file"].removeprefix("templates/") in files
        found.append((one["name"], where, one["regions"][0], tuple(sorted(values))))
    return found


def follow_lza(files: Mapping[str, bytes]) -> list[Step]:
    """Stacks by runOrder; stack sets after them, in which place of the rollout is not said."""
    customizations = yaml.safe_load(files["lza/customizations-config.yaml"])["customizations"]
    config = json.loads(files["config.json"])
    ids = {name: account["id"] for name, account in config["accounts"].items()}
    stacks = sorted(customizations["cloudFormationStacks"], key=lambda one: one["runOrder"])
    found = []
    for one in [*stacks, *customizations.get("cloudFormationStackSets", [])]:
        targets = one["deploymentTargets"]
        where = tuple(ids[name] for name in targets.get("accounts", [])) or tuple(
            unit[1:-1] for unit in targets["organizationalUnits"]
        )
        values = tuple(sorted((each["name"], each["value"][1:-1]) for each in one.get("parameters", [])))
        assert one["template"].removeprefix("trailkey/") in files
        found.append((one["name"], where, one["regions"][0], values))
    order = [one["stack"] for one in rollout(files)]
    assert [one["name"] for one in stacks] == [name for name in order if name in {each["name"] for each in stacks}]
    return sorted(found, key=lambda step: order.index(step[0]))


FOLLOWED: Final = {
    "cli": follow_cli,
    "github": follow_github,
    "codepipeline": follow_pipeline,
    "cfct": follow_cfct,
    "lza": follow_lza,
}


@pytest.mark.parametrize("engine", FOLLOWED)
def test_an_engine_is_led_to_the_same_rollout(engine: str, files: Mapping[str, bytes]) -> None:
    assert FOLLOWED[engine](files) == steps_of(files)


@pytest.mark.parametrize("engine", FOLLOWED)
def test_a_reader_sees_what_differs(engine: str, organization: Mapping[str, bytes]) -> None:
    for old, new in (
        ("222222222222", "222222222223"),
        ("us-east-1", "us-west-1"),
        ("KeyArn", "KeyArm"),
        ("ou-ab12-11111111", "ou-ab12-11111112"),
    ):
        changed = {
            name: content if name in ("rollout.json", "config.json") else content.replace(old.encode(), new.encode())
            for name, content in organization.items()
        }
        if engine == "lza" and old == "222222222222":
            changed["config.json"] = changed["config.json"].replace(old.encode(), new.encode())
        try:
            followed = FOLLOWED[engine](changed)
        except (AssertionError, KeyError, ValueError):
            continue
        assert followed != steps_of(organization), (old, new)


def test_the_workflow_is_valid_and_its_scripts_are_clean(files: Mapping[str, bytes], tmp_path: Path) -> None:
    (tmp_path / "deploy.yml").write_bytes(files["github/deploy.yml"])
    subprocess.run(
        ["check-jsonschema", "--builtin-schema", "vendor.github-workflows", str(tmp_path / "deploy.yml")],
        check=True,
        capture_output=True,
    )
    workflow = yaml.safe_load(files["github/deploy.yml"])
    scripts = {step["run"] for job in workflow["jobs"].values() for step in job["steps"] if "run" in step}
    for number, script in enumerate(scripts):
        (tmp_path / f"{number}.sh").write_text(f"#!/usr/bin/env bash\n{script}", encoding="utf-8")
        # What others write (a branch, a title) reaches a script through its environment alone.
        assert "${{" not in script
    subprocess.run(["shellcheck", *map(str, tmp_path.glob("*.sh"))], check=True)
    for name, job in workflow["jobs"].items():
        assert job["permissions"].get("id-token", "none") == ("none" if name == "review" else "write")
        assert ("pull_request" in job["if"]) or name == "review"
    executing = [
        job
        for job in workflow["jobs"].values()
        if any(step.get("with", {}).get("mode") == "execute-only" for step in job["steps"])
    ]
    assert executing
    assert all(job["environment"] == "production" for job in executing)


def test_capabilities_are_said_to_each_engine(organization: Mapping[str, bytes]) -> None:
    wanted = {one["stack"]: one["capabilities"] for one in rollout(organization)}
    jobs = yaml.safe_load(organization["github/deploy.yml"])["jobs"]
    stages = read(organization["pipeline/pipeline.yaml"].decode(), "pipeline")["Resources"]["Pipeline"]["Properties"][
        "Stages"
    ]
    for name, capabilities in wanted.items():
        assert json.loads(organization[f"cli/{name}.json"])["Capabilities"] == capabilities
        plan = [
            step["with"]
            for step in jobs.get(f"{name}-changes", {"steps": []})["steps"]
            if "mode" in step.get("with", {})
        ]
        assert all(one.get("capabilities", "") == ",".join(capabilities) for one in plan)
        (stage,) = [one for one in stages if one["Name"] == name]
        said = [
            action["Configuration"].get("Capabilities", "")
            for action in stage["Actions"]
            if "TemplatePath" in action.get("Configuration", {})
        ]
        assert said == [",".join(capabilities)]


CFCT: Final[dict[str, dict[str, type]]] = {
    "": {"region": str, "version": object, "resources": list},
    "resource": {"name": str, "resource_file": str, "deploy_method": str, "deployment_targets": dict, "regions": list},
    "optional": {"parameters": list, "export_outputs": list},
}
"""What a manifest of CfCT, version 2021-03-15, requires and takes of what is written here."""


def test_the_manifest_of_cfct_has_what_its_schema_requires(files: Mapping[str, bytes]) -> None:
    manifest = yaml.safe_load(files["cfct/manifest.yaml"])
    assert manifest.keys() == CFCT[""].keys()
    assert str(manifest["version"]) == "2021-03-15"
    for one in manifest["resources"]:
        assert CFCT["resource"].keys() <= one.keys() <= CFCT["resource"].keys() | CFCT["optional"].keys()
        assert all(
            isinstance(one[key], kind) for key, kind in {**CFCT["resource"], **CFCT["optional"]}.items() if key in one
        )
        assert one["deploy_method"] == "stack_set"
        assert len(set(one["deployment_targets"]) & {"accounts", "organizational_units"}) == 1
        assert all(each.keys() == {"parameter_key", "parameter_value"} for each in one.get("parameters", []))
        assert all(each.keys() == {"name", "value"} for each in one.get("export_outputs", []))


LZA: Final[dict[str, tuple[dict[str, type], set[str]]]] = {
    "cloudFormationStacks": ({"name": str, "template": str, "regions": list, "runOrder": int, "terminationProtection": bool, "deploymentTargets": dict}, {"parameters", "description"}),
    "cloudFormationStackSets": ({"name": str, "template": str, "regions": list, "deploymentTargets": dict}, {"parameters", "description", "capabilities", "operationPreferences", "dependsOn"}),
}  # fmt: skip
"""What customizations-config.yaml of LZA requires of stacks and stack sets, and what else it takes."""


def test_the_file_of_lza_has_what_its_schema_requires(files: Mapping[str, bytes]) -> None:
    customizations = yaml.safe_load(files["lza/customizations-config.yaml"])["customizations"]
    assert customizations.keys() <= LZA.keys()
    for kind, entries in customizations.items():
        required, others = LZA[kind]
        for one in entries:
            assert required.keys() <= one.keys() <= required.keys() | others
            assert all(isinstance(one[key], expected) for key, expected in required.items())
            assert one["deploymentTargets"].keys() <= {"accounts", "organizationalUnits"}


def test_names_of_the_landing_zone_are_those_of_the_config(tmp_path: Path) -> None:
    text = CONFIGS["organization"].read_text(encoding="utf-8")
    rollout_section = "rollout: {engines: [cfct, lza], account_names: {log-archive: LogArchive}, organizational_unit_names: {ou-ab12-11111111: Security}}\n"
    (tmp_path / "config.yaml").write_text(text + rollout_section, encoding="utf-8")
    files = pipeline.render(load(tmp_path / "config.yaml")).files

    manifest, lza = yaml.safe_load(files["cfct/manifest.yaml"]), yaml.safe_load(files["lza/customizations-config.yaml"])
    units = [one["deployment_targets"].get("organizational_units") for one in manifest["resources"]]
    assert [one for one in units if one] == [["Security"]]
    stacks = lza["customizations"]["cloudFormationStacks"]
    assert stacks[0]["deploymentTargets"] == {"accounts": ["LogArchive"]}
    assert lza["customizations"]["cloudFormationStackSets"][0]["deploymentTargets"] == {
        "organizationalUnits": ["Security"]
    }
    assert "<ou" not in files["cfct/manifest.yaml"].decode() + files["lza/customizations-config.yaml"].decode()
    assert not {name for name in files if name.startswith(("cli/", "github/", "pipeline/"))}
    assert "deploy.sh" not in files


def test_in_china_there_is_no_pipeline(tmp_path: Path) -> None:
    text = CONFIGS["single-account"].read_text(encoding="utf-8").replace("eu-central-1", "cn-north-1")
    (tmp_path / "config.yaml").write_text(
        text + "partition: aws-cn\nrollout: {engines: [codepipeline]}\n", encoding="utf-8"
    )
    files = pipeline.render(load(tmp_path / "config.yaml")).files

    assert "pipeline/single-account.json" in files
    assert "pipeline/pipeline.yaml" not in files
