"""What is costly is done once a run: the sets of a key policy are shared by properties, audit and matrix."""

from __future__ import annotations

from collections import Counter
from importlib import import_module
from typing import TYPE_CHECKING, Any

import pytest

from helpers import CONFIGS
from trailkey import pipeline
from trailkey.access import allowed

if TYPE_CHECKING:
    from trailkey.access import EffectivePermissions, Policy, Scope


@pytest.mark.parametrize("name", ["organization", "lake"])
def test_sets_of_a_key_policy_are_computed_once_a_run(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: Counter[str] = Counter()

    def counted(policy: Policy, scope: Scope, **options: Any) -> EffectivePermissions:
        if scope.service == "kms" and any(statement.principals for statement in policy.statements):
            asked[scope.home] += 1
        return allowed(policy, scope, **options)

    for module in ("inventory.policies", "proofs.judge", "audit.subject"):
        monkeypatch.setattr(import_module(f"trailkey.{module}"), "allowed", counted)
    (deployment,) = pipeline.load_all([CONFIGS[name]])
    rendered = pipeline.render(deployment)
    pipeline.files_of(rendered, pipeline.prove(rendered))

    assert asked == dict.fromkeys((key.arn for key in rendered.folder.policies.keys), 1)
