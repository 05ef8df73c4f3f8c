"""Whatever config the model accepts: it builds, every property is proven, and cfn-lint is silent."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
import yaml
from hypothesis import HealthCheck, Phase, given, seed, settings

from strategies import configs
from trailkey.checks.limits import check_limits
from trailkey.checks.lint import LintInput, lint
from trailkey.config.load import load
from trailkey.findings import Finding
from trailkey.pipeline import prove, render
from trailkey.reports.findings import finding_text

if TYPE_CHECKING:
    from pathlib import Path

    from trailkey.rendered import Rendered

SHARDS = 16
QUICK = 1
EXAMPLES = 1000
EXHAUSTIVE = pytest.mark.exhaustive
HEALTH = (HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.large_base_example)


def built(folder: Path, data: dict[str, Any]) -> Rendered:
    path = folder / "config.yaml"
    path.write_text(json.dumps(data), encoding="utf-8")
    return render(load(path))


@pytest.mark.slow
@pytest.mark.parametrize("shard", [pytest.param(at, marks=EXHAUSTIVE if at >= QUICK else ()) for at in range(SHARDS)])
def test_any_config_builds(shard: int, tmp_path: Path) -> None:
    @seed(shard)
    @settings(max_examples=EXAMPLES // SHARDS, database=None, suppress_health_check=HEALTH)
    @given(configs())
    def builds(data: dict[str, Any]) -> None:
        rendered = built(tmp_path, data)

        for one in rendered.folder.stacks:
            text = rendered.files[one.stack.template].decode()
            found = check_limits(one.stack.template, text, one.template, one.place)
            assert all(isinstance(finding, Finding) for finding in found)

    builds()


@pytest.mark.slow
@pytest.mark.parametrize("examples", [40, pytest.param(200, marks=EXHAUSTIVE)])
def test_any_config_is_proven(examples: int, tmp_path: Path) -> None:
    @seed(0)
    @settings(max_examples=examples, database=None, suppress_health_check=HEALTH, phases=[Phase.generate])
    @given(configs())
    def holds(data: dict[str, Any]) -> None:
        verdict = prove(built(tmp_path, data))

        assert [(one.id, one.location, one.answer) for one in verdict.results if not one.holds] == []
        # Two readers of one role, of which one reads through S3 only: true, and nothing a property is about.
        assert {one.id for one in verdict.findings} <= {"guard-cancelled"}

    holds()


@pytest.mark.slow
@pytest.mark.parametrize("examples", [6, pytest.param(80, marks=EXHAUSTIVE)])
def test_any_config_passes_lint(examples: int, tmp_path: Path) -> None:
    templates: dict[str, LintInput] = {}
    origins: dict[str, dict[str, Any]] = {}

    @seed(0)
    @settings(max_examples=examples, database=None, suppress_health_check=HEALTH, phases=[Phase.generate])
    @given(configs())
    def collect(data: dict[str, Any]) -> None:
        rendered = built(tmp_path, data)
        for one in rendered.folder.stacks:
            name = f"{len(templates)}/{one.stack.template}"
            templates[name] = LintInput(rendered.files[one.stack.template].decode(), (one.place.region,))
            origins[name] = data

    collect()

    found = [(finding_text(match.finding()), yaml.safe_dump(origins[match.file])) for match in lint(templates)]
    assert not found, "\n\n".join("\n".join(pair) for pair in found)
