"""Load, build, render, prove, lint, write: from config files to the files in ``output/``. Prints nothing."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from trailkey import cloudformation
from trailkey.cloudformation.resolve import Place
from trailkey.config.load import load
from trailkey.config.source import written
from trailkey.errors import CheckError, ConfigError, UsageError
from trailkey.findings import by_severity
from trailkey.inventory.policies import Documents, Template, documents_of
from trailkey.proofs.verdict import Verdict, unknown_risks, verdict

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from trailkey.config.deployment import Deployment
    from trailkey.findings import Finding
    from trailkey.output.writer import FileChange
    from trailkey.templates.stack import Stack

ROLLOUT = "rollout.json"
BUCKET_POLICY = "bucket-policy.json"
ACCESS = "access.md"


@dataclass(frozen=True, slots=True)
class Rendered:
    """A deployment as files, the stacks they came from, and the templates as they read back from their text."""

    deployment: Deployment
    stacks: tuple[Stack, ...]
    files: Mapping[str, bytes]
    templates: tuple[Template, ...]

    def documents(self) -> Documents:
        """Return the policies that stand in the files."""
        existing = self.files.get(BUCKET_POLICY)
        return documents_of(self.templates, None if existing is None else json.loads(existing))


@dataclass(frozen=True, slots=True)
class Result:
    """What became of one deployment."""

    deployment: Deployment
    folder: Path
    changes: tuple[FileChange, ...]


def generate(
    configs: Sequence[Path],
    output: Path,
    *,
    as_json: bool = False,
    check: bool = False,
    progress: Callable[[str], None] = lambda _: None,
) -> list[Result]:
    """Build, check and write every deployment; with ``check`` compare instead of writing.

    Nothing is written unless every template of every config passes.
    Raises ConfigError with the problems of all configs, CheckError with the findings of all templates, OutputError.
    """
    from trailkey.output import writer  # noqa: PLC0415 # what only generate needs is loaded by generate

    deployments = load_all(configs, progress)
    progress("build")
    rendered = [render(deployment, as_json=as_json) for deployment in deployments]
    progress("prove")
    proven = [prove(item) for item in rendered]
    findings = [finding for one in proven for finding in one.findings]
    progress("lint")
    findings += check_all(rendered)
    if findings:
        raise CheckError(by_severity(findings))
    progress("compare" if check else "write")
    act = writer.compare_output if check else writer.write_output
    results = []
    for item, outcome in zip(rendered, proven, strict=True):
        folder = output / item.deployment.name
        changes = act(folder, files_of(item, outcome))
        results.append(Result(item.deployment, folder, tuple(changes)))
    return results


def load_all(configs: Sequence[Path], progress: Callable[[str], None] = lambda _: None) -> list[Deployment]:
    """Return the deployments of all configs, or raise ConfigError with the problems of all."""
    deployments: list[Deployment] = []
    problems: list[str] = []
    for path in configs:
        progress(f"read {path}")
        try:
            deployment = load(path)
        except ConfigError as error:
            problems += error.problems
            continue
        twin = next((other for other in deployments if other.name == deployment.name), None)
        if twin is not None:
            problems.append(
                deployment.source.problem(
                    ("name",),
                    f"{deployment.name!r} is the name of {twin.source.file} too; each deployment writes to a folder of its own; rename one",
                )
            )
        problems += unknown_risks(deployment)
        deployments.append(deployment)
    if problems:
        raise ConfigError(problems)
    return deployments


def render(deployment: Deployment, *, as_json: bool = False) -> Rendered:
    """Return the templates of a deployment, and what else AWS takes as it stands."""
    from trailkey.templates.layout import build, existing_bucket_policy  # noqa: PLC0415 # loads troposphere

    dump, ending = (cloudformation.dump_json, "json") if as_json else (cloudformation.dump_yaml, "yaml")
    stacks = build(deployment)
    files: dict[str, bytes] = {}
    templates = []
    for stack in stacks:
        name, text = f"{stack.name}.{ending}", dump(stack.template.to_dict())
        files[name] = text.encode()
        templates.append(
            Template(
                file=name,
                document=cloudformation.load(text, name),
                place=place_of(stack),
                account=stack.account.id if stack.account else "",
                origins=stack.origins,
            )
        )
    if deployment.config.bucket.existing:
        policy = resolved_bucket_policy(deployment, existing_bucket_policy(deployment))
        files[BUCKET_POLICY] = cloudformation.dump_json(policy).encode()
    return Rendered(deployment, tuple(stacks), files, tuple(templates))


def prove(rendered: Rendered) -> Verdict:
    """Return what the proofs of a deployment's policies come to."""
    return verdict(rendered.deployment, rendered.documents())


def files_of(rendered: Rendered, outcome: Verdict) -> Mapping[str, bytes]:
    """Return every file of a deployment: its templates, access.md, and rollout.json with the hash of each other file."""
    from trailkey.reports.access import as_markdown  # noqa: PLC0415 # when there is something to write
    from trailkey.rollout.plan import plan  # noqa: PLC0415 # the same

    files = dict(rendered.files)
    files[ACCESS] = as_markdown(rendered.deployment, rendered.documents(), outcome).encode()
    rollout = plan(rendered.deployment, rendered.stacks, files)
    files[ROLLOUT] = (json.dumps(rollout, indent=2, ensure_ascii=False) + "\n").encode()
    return files


def resolved_bucket_policy(deployment: Deployment, policy: dict[str, Any]) -> dict[str, Any]:
    """Return the policy of an existing bucket as S3 takes it: no intrinsic functions, this partition."""
    from trailkey.cloudformation.resolve import resolve  # noqa: PLC0415 # for existing buckets only

    place = Place(account=deployment.bucket_account.id, region=deployment.region, partition=deployment.partition)
    return resolve(policy, {}, place)  # type: ignore[no-any-return]  # a policy is a mapping


def place_of(stack: Stack) -> Place:
    """Return where a stack is deployed; a stack set stands for each of its accounts."""
    deployment = stack.deployment
    account = stack.account.id if stack.account else "000000000000"
    key = Place(account=deployment.key_account.id, region=deployment.region, partition=deployment.partition)
    from trailkey.cloudformation.resolve import attribute_placeholder  # noqa: PLC0415 # beside its one use

    parameters = {
        name: attribute_placeholder(value.output.removesuffix("Arn"), "Arn", "AWS::KMS::Key", key)
        for name, value in stack.parameters.items()
    }
    return Place(account=account, region=stack.region, partition=deployment.partition, parameters=parameters)


def check_all(rendered: Sequence[Rendered]) -> list[Finding]:
    """Return what the checks say of all templates, with the config line in place of the template's where there is one."""
    from trailkey.checks.limits import check_bucket_policy, check_limits  # noqa: PLC0415 # when there is something to check

    findings: list[Finding] = []
    for item in rendered:
        for stack, template in zip(item.stacks, item.templates, strict=True):
            text = item.files[template.file].decode()
            findings += [
                _placed(finding, item, stack, finding.place.partition(": Resources/")[2])
                for finding in check_limits(template.file, text, template.document, template.place)
            ]
        if BUCKET_POLICY in item.files:
            findings += check_bucket_policy(BUCKET_POLICY, json.loads(item.files[BUCKET_POLICY]))
    return findings + _lint(rendered)


def _lint(rendered: Sequence[Rendered]) -> list[Finding]:
    from trailkey.checks.lint import LintInput, lint  # noqa: PLC0415 # cfn-lint is loaded when there is something to lint

    origins: dict[str, tuple[Rendered, Stack]] = {}
    inputs: dict[str, LintInput] = {}
    for item in rendered:
        for stack, template in zip(item.stacks, item.templates, strict=True):
            file = f"{item.deployment.name}/{template.file}"
            origins[file] = (item, stack)
            inputs[file] = LintInput(item.files[template.file].decode(), (stack.region,))
    return [_placed(match.finding(), *origins[match.file], match.logical_id) for match in lint(inputs)]


def _placed(finding: Finding, item: Rendered, stack: Stack, logical_id: str | None) -> Finding:
    """Put the config line in front of the place in the template, where the finding is about a resource."""
    if logical_id not in stack.origins:
        return finding
    path = stack.origins[logical_id]
    mark = item.deployment.mark(path)
    return replace(finding, place=f"{mark.file}:{mark.line}: {written(path)}: {finding.place}")


def configs_in(folder: Path) -> list[Path]:
    """Return the config files of a folder, by name. Raises UsageError where there are none."""
    found = sorted(folder.glob("*.yaml")) if folder.is_dir() else []
    if not found:
        raise UsageError(f"{folder}: no config files (*.yaml); name one, or run trailkey init for a starter")
    return found
