"""A deployment as files: those that are judged, the pages that are made of the verdict, and what limits and cfn-lint say of them."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING

from trailkey.checks.cache import key_of
from trailkey.config.source import written
from trailkey.inventory.folder import read_folder
from trailkey.output.manifest import ACCESS, BESIDE_STACKS, BUCKET_POLICY, MANIFEST, RUNBOOK

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from trailkey.checks.cache import Store
    from trailkey.checks.lint import Asked, LintInput
    from trailkey.config.deployment import Deployment
    from trailkey.config.source import ConfigPath
    from trailkey.findings import Finding
    from trailkey.inventory.folder import Folder
    from trailkey.proofs.verdict import Verdict


@dataclass(frozen=True, kw_only=True)
class Rendered:
    """A deployment as files: its templates, rollout.json, and what else is known before anything is proven.

    ``origins`` are the config paths of resources by template and logical id: for messages, never for a judge.
    """

    deployment: Deployment
    files: Mapping[str, bytes]
    origins: Mapping[tuple[str, str], ConfigPath]

    @cached_property
    def folder(self) -> Folder:
        """The files read back, as they will be deployed."""
        return read_folder(self.deployment.name, self.files)

    def key_of_proofs(self) -> str:
        """Return what stands for all that proofs and their page depend on: the bytes that are judged, config.json among them, and its lines."""
        deployment, files = self.deployment, self.files
        lines = {written(path): (mark.file, mark.line) for path, mark in deployment.source.marks.items()}
        mirrored = [deployment.mirrors, [written(path) for path in deployment.differences]]
        outputs = dict(deployment.outputs.values)
        said = json.dumps([deployment.source.file, lines, mirrored, outputs])
        return key_of("proofs", said, *(part for name in sorted(files) for part in (name, files[name])))

    def access_page(self, outcome: Verdict) -> bytes:
        """Return the page of who can do what, from what the proofs come to."""
        from trailkey.reports.access import as_markdown
        from trailkey.reports.view import access_of

        return as_markdown(access_of(self.deployment, self.folder.policies, outcome)).encode()

    def with_pages(self, page: bytes) -> Mapping[str, bytes]:
        """Return the files that are judged with the page of who can do what, the runbook, and a rollout.json that lists both."""
        from trailkey.reports.runbook import runbook
        from trailkey.rollout.plan import sha256

        files = dict(self.files)
        files[ACCESS] = page
        judged = self.folder.manifest
        files[RUNBOOK] = runbook(judged, files.keys()).encode()
        listed = {name: sha256(files[name]) for name in (ACCESS, RUNBOOK)}
        files[MANIFEST] = replace(judged, files={**judged.files, **listed}).dump()
        return files


def check_limits(rendered: Rendered) -> list[Finding]:
    """Return the limits that a deployment's templates exceed, each with the config line it comes from."""
    from trailkey.checks import limits

    findings: list[Finding] = []
    for one in rendered.folder.stacks:
        file = one.stack.template
        findings += limits.check_limits(file, rendered.files[file].decode(), one.template, one.place)
    if BUCKET_POLICY in rendered.files:
        findings += limits.check_bucket_policy(BUCKET_POLICY, json.loads(rendered.files[BUCKET_POLICY]))
    return [_from_config(finding, rendered) for finding in findings]


def begin_lint(rendered: Rendered, store: Store | None, asked: Asked) -> Callable[[], list[Finding]]:
    """Let a deployment's templates be linted, and return what waits for it and returns what is found, each with the config line it comes from."""
    from trailkey.checks.lint import begin

    texts = {name: (file, one) for name, file, one in _texts(rendered)}
    end = begin({name: one for name, (_, one) in texts.items()}, store, asked)
    return lambda: [_from_config(match.finding(), rendered, texts[match.file][0]) for match in end()]


def _texts(rendered: Rendered) -> Iterator[tuple[str, str, LintInput]]:
    """Yield the templates of a deployment, those beside its stacks too: a name for each among all, its file, and its text."""
    from trailkey.checks.lint import LintInput

    regions = {one.stack.template: one.place.region for one in rendered.folder.stacks}
    regions |= {file: rendered.deployment.region for file in BESIDE_STACKS if file in rendered.files}
    for file, region in regions.items():
        yield f"{rendered.deployment.name}/{file}", file, LintInput(rendered.files[file].decode(), (region,))


def check_all(rendered: Sequence[Rendered]) -> list[Finding]:
    """Return what limits and cfn-lint say of all templates."""
    from trailkey.checks.lint import lint_here

    linted = [begin_lint(item, None, lambda some: lambda: lint_here(some)) for item in rendered]
    return [*(one for item in rendered for one in check_limits(item)), *(one for end in linted for one in end())]


def _from_config(finding: Finding, rendered: Rendered, file: str = "") -> Finding:
    """Return a finding with the config line that its resource comes from, where there is one, and its template behind it."""
    found = finding.location
    path = rendered.origins.get((file or found.file, found.logical_id))
    if path is None:
        return finding
    mark = rendered.deployment.mark(path)
    return replace(
        finding,
        location=replace(found, file=mark.file, line=mark.line, config_path=written(path), template=found.file),
    )
