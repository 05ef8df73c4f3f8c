"""Load, build, read back, check limits, prove, lint, write: from config files to the files in ``output/``. Prints nothing."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from trailkey import cloudformation
from trailkey.checks.workers import Linter
from trailkey.config.load import load
from trailkey.config.source import written
from trailkey.errors import CheckError, ConfigError, UsageError, refusal
from trailkey.files import read_file
from trailkey.findings import by_severity
from trailkey.inventory.folder import read_folder
from trailkey.output.manifest import BUCKET_POLICY, CONFIG, MANIFEST
from trailkey.proofs.verdict import Verdict, rollout_findings, unknown_risks, verdict
from trailkey.remembered import Result, Run, remember
from trailkey.rendered import Rendered, begin_lint, check_limits

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from trailkey.checks.cache import Store
    from trailkey.config.deployment import Deployment
    from trailkey.findings import Finding
    from trailkey.inventory.folder import Folder
    from trailkey.output.writer import FileChange


MAXIMUM_FOLDER_BYTES: Final = 100_000_000


def generate(
    configs: Sequence[Path],
    output: Path,
    *,
    as_json: bool = False,
    check: bool = False,
    progress: Callable[[str], None] = lambda _: None,
    store: Store | None = None,
    linter: Linter | None = None,
) -> list[Result]:
    """Build, check and write every deployment; with ``check`` compare instead of writing.

    Nothing is written unless every template of every config passes. ``store`` remembers what was proven and linted before, and
    ``linter``, which is closed in the end, may have been started already.

    Raises:
        ConfigError: with the problems of all configs, or where deployments would overwrite each other.
        CheckError: with the findings of all templates.
        OutputError: the output could not be written.
    """
    run = Run(configs, output, as_json)
    read = run.inputs() if store else {}
    linter = linter or Linter()
    try:
        results = _generated(
            configs, output, as_json=as_json, check=check, progress=progress, store=store, linter=linter
        )
    finally:
        linter.close()
    through = not check or all(change.change == "unchanged" for one, _, _ in results for change in one.changes)
    if store and through:
        sources = {mark.file for _, one, _ in results for mark in one.source.marks.values()}
        remember(run, read, sources, [(one, files) for one, _, files in results], store)
    return [result for result, _, _ in results]


def _generated(
    configs: Sequence[Path],
    output: Path,
    *,
    as_json: bool,
    check: bool,
    progress: Callable[[str], None],
    store: Store | None,
    linter: Linter,
) -> list[tuple[Result, Deployment, Mapping[str, bytes]]]:
    """Build, check and write, or compare, every deployment; return what became of each, and its files."""
    from trailkey.output import writer

    deployments = load_all(configs, progress)
    progress("build")
    rendered, linted = [], []
    too_large: list[Finding] = []
    for deployment in deployments:
        item = render(deployment, as_json=as_json)
        rendered.append(item)
        # A policy that is too large is refused at once: to prove it and lint it would take longer than all the rest.
        too_large += check_limits(item)
        if not too_large:
            linted.append(begin_lint(item, store, linter.ask))
    _keep_apart(rendered, output, check=check)
    _refuse(too_large)
    progress("prove")
    proven = [_proven(item, store) for item in rendered]
    progress("lint")
    _refuse(
        [
            *(finding for one in proven for finding in one.findings),
            *(finding for found in linted for finding in found()),
        ]
    )
    progress("compare" if check else "write")
    act = writer.compare_output if check else writer.write_output
    results = []
    for item, one in zip(rendered, proven, strict=True):
        folder, files = output / item.deployment.name, item.with_pages(one.page)
        results.append((_result(item.deployment, folder, act(folder, files)), item.deployment, files))
    return results


def _result(deployment: Deployment, folder: Path, changes: Sequence[FileChange]) -> Result:
    return Result(
        name=deployment.name,
        folder=folder,
        changes=tuple(changes),
        mirrors=deployment.mirrors or "",
        differences=tuple(map(written, deployment.differences)),
        notices=deployment.notices,
    )


def _keep_apart(rendered: Sequence[Rendered], output: Path, *, check: bool) -> None:
    """Refuse deployments that would overwrite each other's stacks, or the folder of another; what is compared overwrites none."""
    from trailkey.rollout.apart import shared_stacks, taken_folder

    problems = list(shared_stacks([(item.deployment, item.folder.manifest) for item in rendered], output))
    for item in [] if check else rendered:
        problems += taken_folder(item.deployment, output / item.deployment.name)
    if problems:
        raise ConfigError(problems)


def _refuse(findings: Sequence[Finding]) -> None:
    if findings:
        raise CheckError(by_severity(findings))


def load_all(configs: Sequence[Path], progress: Callable[[str], None] = lambda _: None) -> list[Deployment]:
    """Return the deployments of all configs.

    Raises:
        ConfigError: with the problems of all configs.
    """
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
    """Return the templates of a deployment, its manifest, and what else AWS takes as it stands.

    Raises:
        ConfigError: a value that was filled in fits no parameter.
    """
    from trailkey.rollout.files import rollout_files
    from trailkey.rollout.fill import unfit
    from trailkey.rollout.plan import RenderedTemplate, plan, sha256
    from trailkey.templates.layout import build, existing_bucket_policy

    dump, ending = (cloudformation.dump_json, "json") if as_json else (cloudformation.dump_yaml, "yaml")
    stacks = build(deployment)
    templates = {}
    for stack in stacks:
        document = stack.template.to_dict()
        templates[stack.name] = RenderedTemplate(f"{stack.name}.{ending}", document, dump(document).encode())
    files = {template.file: template.content for template in templates.values()}
    if deployment.config.bucket.existing:
        files[BUCKET_POLICY] = cloudformation.dump_json(existing_bucket_policy(deployment)).encode()
    files[CONFIG] = _config(deployment)
    manifest = plan(deployment, stacks, templates)
    documents = {template.file: template.document for template in templates.values()}
    if problems := list(unfit(manifest, documents, deployment.outputs)):
        raise ConfigError(problems)
    files |= rollout_files(deployment, manifest, templates.values())
    listed = replace(manifest, files={name: sha256(content) for name, content in files.items()})
    return Rendered(
        deployment=deployment,
        files={**files, MANIFEST: listed.dump()},
        origins={
            (templates[stack.name].file, logical_id): path
            for stack in stacks
            for logical_id, path in stack.origins.items()
        },
    )


def _config(deployment: Deployment) -> bytes:
    config = {name: value for name, value in deployment.source.data.items() if name != "extends"}
    return (json.dumps(config, indent=2, ensure_ascii=False) + "\n").encode()


def render_within_limits(deployment: Deployment) -> Rendered:
    """Return the files of a deployment, once they are known to be of a size that AWS takes and proofs are made for.

    Raises:
        CheckError: the limits that they exceed.
    """
    rendered = render(deployment)
    _refuse(check_limits(rendered))
    return rendered


def folder_of(deployment: Deployment) -> Folder:
    """Return the folder that a deployment makes, read back from its bytes; its files are named after the config.

    Raises:
        CheckError: the limits that its templates exceed.
    """
    files = render_within_limits(deployment).files
    return read_folder(deployment.source.file, files, prefix=f"{deployment.source.file}: ")


def open_folder(path: Path) -> tuple[Deployment, Folder]:
    """Return a folder that generate wrote: the deployment of its config, and the folder as it is deployed.

    Raises:
        UsageError: it is not a folder that generate wrote.
        ConfigError, PolicyError: a file in it that cannot be read.
        CheckError: its files and its rollout.json do not agree, with the findings.
    """
    try:
        files = _files_in(path)
    except (OSError, ValueError) as error:
        raise UsageError(f"{path}: cannot be read ({refusal(error)}); name a readable folder") from error
    folder = read_folder(path.as_posix(), files, prefix=f"{path.as_posix()}/")
    if CONFIG not in files:
        raise UsageError(
            f"{path}: holds no {CONFIG}; a folder that trailkey generate wrote is expected; generate it again"
        )
    deployment = load_all([path / CONFIG])[0]
    if deployment.mirrors:
        raise UsageError(
            f"{path / CONFIG}: extends is not allowed in a folder, which says all of its config; generate it again"
        )
    _refuse(rollout_findings(deployment, folder))
    return deployment, folder


def _files_in(folder: Path) -> dict[str, bytes]:
    """Return the bytes of each file of a folder by its name, which together are held to a limit."""
    found: dict[str, bytes] = {}
    left = MAXIMUM_FOLDER_BYTES
    inner = [path for path in folder.iterdir() if path.is_dir() and not path.name.startswith(".")]
    for file in sorted(file for place in (folder, *inner) for file in place.iterdir()):
        if file.is_file():
            name = file.relative_to(folder).as_posix()
            found[name] = read_file(file, left)
            left -= len(found[name])
    return found


def prove(rendered: Rendered) -> Verdict:
    """Return what the proofs of a deployment's files come to."""
    return verdict(rendered.deployment, rendered.folder)


@dataclass(frozen=True, slots=True)
class _Proven:
    """What the proofs of a deployment come to: the findings that stop a run, and where there are none the page of who can do what."""

    findings: Sequence[Finding]
    page: bytes


def _proven(rendered: Rendered, store: Store | None) -> _Proven:
    """Return what the proofs come to; where the same files of the same config were proven before, what they came to then."""
    key = rendered.key_of_proofs() if store else ""
    if store and isinstance(page := store.get(key), str):
        return _Proven((), page.encode())
    outcome = prove(rendered)
    if outcome.findings:
        return _Proven(outcome.findings, b"")
    page = rendered.access_page(outcome)
    if store:
        store.put(key, page.decode())
    return _Proven((), page)


def files_of(rendered: Rendered, outcome: Verdict) -> Mapping[str, bytes]:
    """Return every file of a deployment: those that were judged, the pages, and rollout.json with the hash of each other file."""
    return rendered.with_pages(rendered.access_page(outcome))
