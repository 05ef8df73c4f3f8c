"""A deployment as files: those that are judged, and with them the pages that are made of the verdict."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING

from trailkey.checks.cache import key_of
from trailkey.config.source import written
from trailkey.inventory.folder import read_folder
from trailkey.output.manifest import ACCESS, MANIFEST, RUNBOOK

if TYPE_CHECKING:
    from collections.abc import Mapping

    from trailkey.config.deployment import Deployment
    from trailkey.config.source import ConfigPath
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
        """Return what stands for all that proofs and their page depend on: the bytes that are judged, the config by file and line."""
        deployment, files = self.deployment, self.files
        lines = {written(path): (mark.file, mark.line) for path, mark in deployment.source.marks.items()}
        mirrored = [deployment.mirrors, [written(path) for path in deployment.differences]]
        outputs = dict(deployment.outputs.values)
        said = json.dumps([deployment.source.file, deployment.source.data, lines, mirrored, outputs])
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
