"""What the tests share: paths, policies and configs from a few words, and the policies of templates as AWS would see them."""

from __future__ import annotations

import copy
import hashlib
import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from trailkey import cloudformation, pipeline
from trailkey.access.language.policy import Policy, parse_policy
from trailkey.cloudformation.intrinsics import resolve
from trailkey.config.load import load
from trailkey.output.manifest import MANIFEST

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from trailkey.config.deployment import Deployment
    from trailkey.rendered import Rendered

Document = dict[str, Any]

ROOT = Path(__file__).resolve().parent.parent
TESTS = ROOT / "tests"
PACKAGE = ROOT / "generator" / "trailkey"
OUTPUT = ROOT / "output"
EXAMPLES = sorted((ROOT / "config").glob("*.yaml"))
GOLDEN = sorted((TESTS / "golden").glob("*/config.yaml"))
CONFIGS = {
    **{config.stem: config for config in EXAMPLES},
    **{config.parent.name: config for config in GOLDEN},
}
"""Every config with an output that is committed, by its name: the examples first, then those of tests/golden."""

ALIKE = [pytest.param(name, marks=() if name == "organization" else pytest.mark.exhaustive) for name in CONFIGS]
"""The same for what is one program with other data for each: one stands for all where there is little time."""

HOME, AWAY = "222222222222", "333333333333"
"""The account of the key in tests of a single policy, and another one."""

KEY = f"arn:aws:kms:us-east-1:{HOME}:key/1234abcd-12ab-34cd-56ef-1234567890ab"
TRAIL = f"arn:aws:cloudtrail:us-east-1:{HOME}:trail/t"
CONTEXT = "kms:EncryptionContext:aws:cloudtrail:arn"
ADMIN, READER = f"arn:aws:iam::{HOME}:role/Admin", f"arn:aws:iam::{AWAY}:role/Reader"


def statement(**elements: Any) -> Document:
    """Return a statement that lets everyone decrypt, with other elements where they are given; one given as ``...`` is left out."""
    found = {"Effect": "Allow", "Principal": "*", "Action": "kms:Decrypt", "Resource": "*", **elements}
    return {name: value for name, value in found.items() if value is not ...}


def allow(principal: Any, action: Any = "kms:Decrypt", *, sid: str | None = None, **condition: Any) -> Document:
    """Return a statement that allows; what else is given are operators of its condition."""
    named = {} if sid is None else {"Sid": sid}
    return statement(**named, Principal=principal, Action=action, Condition=condition or ...)


def deny(principal: Any, action: Any = "kms:Decrypt", *, sid: str | None = None, **condition: Any) -> Document:
    """Return a statement that denies; what else is given are operators of its condition."""
    return {**allow(principal, action, sid=sid, **condition), "Effect": "Deny"}


def document(*statements: Any, **elements: Any) -> Document:
    """Return a policy of these statements, as JSON has it."""
    return {"Version": "2012-10-17", "Statement": list(statements), **elements}


def policy(*statements: Any, **elements: Any) -> Policy:
    """Return the policy of a resource, read."""
    return parse_policy(document(*statements, **elements), resource_based=True)


SINGLE: Document = {
    "name": "one",
    "accounts": {"main": {"id": "777777777777", "deployer": "role/Deploy"}},
    "key": {"account": "main"},
    "bucket": {"account": "main", "region": "eu-central-1", "name": "logs-of-one"},
    "trails": [{"name": "audit", "home_region": "eu-central-1"}],
}
"""A config of one account: nobody reads, nobody administers."""

ORGANIZATION: Document = {
    "name": "org",
    "organization": {"id": "o-a1b2c3d4e5", "management_account": "management"},
    "accounts": {
        "management": {"id": "111111111111", "deployer": "role/Deploy"},
        "archive": {"id": "222222222222", "deployer": "role/Deploy"},
        "security": {"id": "333333333333", "deployer": "role/Deploy"},
    },
    "key": {"account": "archive"},
    "bucket": {"account": "archive", "region": "us-east-1", "name": "logs-of-org"},
    "trails": [{"name": "everyone", "home_region": "us-east-1", "is_organization_trail": True}],
}
"""A config of an organization: trail in management, key and bucket in archive; nobody reads, nobody administers."""


def python(folder: Path, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run this Python in a folder, with what the tests import on its path, and return how it ended."""
    path = os.pathsep.join([str(TESTS), *sys.path])
    return subprocess.run(
        [sys.executable, *arguments],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": path, **environment},
        check=False,
        capture_output=True,
        text=True,
    )


def deploy(folder: Path, base: Document, **changes: Any) -> Deployment:
    """Return the deployment of a base config with some of its keys changed; mappings are joined, all else replaced."""
    config = dict(base)
    for name, value in changes.items():
        config[name] = {**config[name], **value} if isinstance(value, dict) and name in config else value
    path = folder / "config.yaml"
    path.write_text(json.dumps(config), encoding="utf-8")
    return load(path)


def output_folder(name: str) -> Path:
    """Return the folder that is committed for a config of ``CONFIGS``."""
    return OUTPUT / name if (OUTPUT / name).exists() else TESTS / "golden" / name / "expected"


def rendered_templates(deployment: Deployment) -> dict[str, Document]:
    """Return the templates by stack, read back from their text."""
    files = pipeline.render(deployment).files
    return {
        name.removesuffix(".yaml"): cloudformation.load(content.decode(), name)
        for name, content in files.items()
        if name.endswith(".yaml")
    }


def output_of(deployment: Deployment, *, as_json: bool = False) -> dict[str, bytes]:
    """Return every file that generate writes for a deployment."""
    rendered = pipeline.render(deployment, as_json=as_json)
    return dict(pipeline.files_of(rendered, pipeline.prove(rendered)))


def rollout_of(deployment: Deployment) -> Document:
    """Return rollout.json as generate writes it."""
    found: Document = json.loads(output_of(deployment)["rollout.json"])
    return found


def resources(deployment: Deployment, kind: str, stack: str | None = None) -> dict[str, Document]:
    """Return the properties of all resources of a type by logical id, intrinsic functions resolved; of one stack or all."""
    found: dict[str, Document] = {}
    for one in pipeline.render(deployment).folder.stacks:
        if stack not in {None, one.stack.stack}:
            continue
        for logical_id, resource in one.template["Resources"].items():
            if resource["Type"] == kind:
                assert logical_id not in found, f"{logical_id} is in two stacks; ask for one stack's template"
                found[logical_id] = resolve(resource["Properties"], one.template, one.place)
    return found


def edited(rendered: Rendered, change: Callable[[dict[str, Document]], Any]) -> Rendered:
    """Return the files of a deployment as if other templates had been built, listed in rollout.json with their hashes.

    ``change`` gets every resource by its logical id, and may change, remove or add some; those of an id that two templates have are
    ``STACK/ID``. What is added goes into the first template; an Output of what is removed goes with it.
    """
    templates = {one.stack.stack: copy.deepcopy(dict(one.template)) for one in rendered.folder.stacks}
    ids = [name for template in templates.values() for name in template["Resources"]]
    names = {
        (stack, name): name if ids.count(name) == 1 else f"{stack}/{name}"
        for stack, template in templates.items()
        for name in template["Resources"]
    }
    resources = {names[stack, name]: templates[stack]["Resources"][name] for stack, name in names}
    change(resources)
    for stack, template in templates.items():
        gone = [name for name in template["Resources"] if names[stack, name] not in resources]
        template["Resources"] = {
            name: resources[names[stack, name]] for name in template["Resources"] if name not in gone
        }
        outputs = template.get("Outputs", {})
        template["Outputs"] = {
            name: one for name, one in outputs.items() if not any(f"'{lost}'" in str(one["Value"]) for lost in gone)
        }
    first = next(iter(templates.values()))
    first["Resources"] |= {name: one for name, one in resources.items() if name not in names.values()}
    files = {one.stack.template: templates[one.stack.stack] for one in rendered.folder.stacks}
    return with_files(rendered, {name: cloudformation.dump_yaml(one).encode() for name, one in files.items()})


def with_files(rendered: Rendered, files: Mapping[str, bytes]) -> Rendered:
    """Return the files of a deployment with some put in place of others, listed in rollout.json with their hashes."""
    digests = {name: hashlib.sha256(content).hexdigest() for name, content in files.items()}
    manifest = rendered.folder.manifest
    manifest = replace(
        manifest,
        stacks=tuple(replace(one, sha256=digests.get(one.template, one.sha256)) for one in manifest.stacks),
        files={**manifest.files, **digests},
    )
    return replace(rendered, files={**rendered.files, **files, MANIFEST: manifest.dump()})


def by_sid(policy: Document) -> dict[str, Document]:
    """Return the statements of a policy by their Sid, each without it; a Sid that is given twice fails."""
    assert policy["Version"] == "2012-10-17"
    sids = [statement["Sid"] for statement in policy["Statement"]]
    assert len(set(sids)) == len(sids)
    return {
        statement["Sid"]: {name: value for name, value in statement.items() if name != "Sid"}
        for statement in policy["Statement"]
    }


def key_policy(deployment: Deployment, logical_id: str = "Key") -> dict[str, Document]:
    """Return the statements of a key's policy by Sid."""
    return by_sid(resources(deployment, "AWS::KMS::Key")[logical_id]["KeyPolicy"])


def bucket_policy(deployment: Deployment, logical_id: str = "LogBucketPolicy") -> dict[str, Document]:
    """Return the statements of a bucket's policy by Sid."""
    return by_sid(resources(deployment, "AWS::S3::BucketPolicy")[logical_id]["PolicyDocument"])


def managed_policy(deployment: Deployment, logical_id: str, stack: str | None = None) -> dict[str, Document]:
    """Return the statements of a managed policy by Sid."""
    return by_sid(resources(deployment, "AWS::IAM::ManagedPolicy", stack)[logical_id]["PolicyDocument"])
