"""Every file of the rollout beside the templates: for the deployers, the engines, and whoever tries it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from trailkey.output.manifest import BOOTSTRAP, DEPLOYER_POLICY
from trailkey.rollout.bootstrap import bootstrap
from trailkey.rollout.deployer_policy import deployer_policies
from trailkey.rollout.engines import EngineInput, engine_files
from trailkey.rollout.engines.values import json_file
from trailkey.rollout.verify import VERIFY, verify_script

if TYPE_CHECKING:
    from collections.abc import Iterable

    from trailkey.config.deployment import Deployment
    from trailkey.output.manifest import Manifest
    from trailkey.rollout.plan import RenderedTemplate


def rollout_files(
    deployment: Deployment, manifest: Manifest, templates: Iterable[RenderedTemplate]
) -> dict[str, bytes]:
    """Return the files by name: deployer policies, bootstrap.yaml where it is asked for, verify.sh, and those of each engine."""
    settings = deployment.config.rollout
    by_file = {template.file: template for template in templates}
    documents = {file: template.document for file, template in by_file.items()}
    policies = deployer_policies(manifest, documents, settings.engines)
    files = {DEPLOYER_POLICY.format(account): json_file(policy) for account, policy in policies.items()}
    if deployment.made_roles:
        files[BOOTSTRAP] = bootstrap(deployment, policies)
    files[VERIFY] = verify_script(deployment, manifest)
    return files | engine_files(
        EngineInput(
            manifest=manifest,
            templates={file: template.content for file, template in by_file.items()},
            values=deployment.outputs.values,
            accounts={account.id: account.name for account in deployment.accounts.values()},
            settings=settings,
        )
    )
