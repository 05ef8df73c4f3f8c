"""No stack of one deployment is a stack of another, and no folder changes hands: in one run, and with what lies in the output."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import yaml

from helpers import ORGANIZATION, SINGLE
from trailkey import pipeline
from trailkey.errors import ConfigError

if TYPE_CHECKING:
    from pathlib import Path

REAL = {"main": {"id": "204060801234", "deployer": "role/Deploy"}}
OTHER = {"main": {"id": "981726354031", "deployer": "role/Deploy"}}
BY_PURPOSE = {**SINGLE, "accounts": REAL, "layout": "by_purpose"}


def written(tmp_path: Path, *configs: dict[str, Any]) -> list[Path]:
    paths = [tmp_path / f"{number}.yaml" for number in range(len(configs))]
    for path, config in zip(paths, configs, strict=True):
        path.write_text(yaml.safe_dump(config, sort_keys=False), encoding="utf-8")
    return paths


def problems(paths: list[Path], output: Path, *, check: bool = False) -> list[str]:
    with pytest.raises(ConfigError) as raised:
        pipeline.generate(paths, output, check=check)
    return list(raised.value.problems)


def test_stacks_of_one_name_in_one_account_are_refused_in_one_run_and_beside_each_other(tmp_path: Path) -> None:
    first, second = written(tmp_path, BY_PURPOSE, {**BY_PURPOSE, "name": "two"})
    (output := tmp_path / "output").mkdir()

    found = problems([first, second], output)
    assert len(found) == 4
    assert "1.yaml:3: accounts.main: stack 'main-key' in account 204060801234, eu-central-1, is also one of" in found[0]
    assert not list(output.iterdir())

    pipeline.generate([first], output)
    assert len(problems([second], output)) == 4
    assert len(problems([second], output, check=True)) == 4
    pipeline.generate([first], output)


ELSEWHERE = {
    "bucket": {**SINGLE["bucket"], "region": "eu-west-1"},
    "trails": [{"name": "audit", "home_region": "eu-west-1"}],
}


@pytest.mark.parametrize("change", [{"accounts": OTHER}, ELSEWHERE], ids=["account", "region"])
def test_stacks_of_one_name_elsewhere_are_others(change: dict[str, Any], tmp_path: Path) -> None:
    paths = written(tmp_path, BY_PURPOSE, {**BY_PURPOSE, "name": "two", **change})

    assert len(pipeline.generate(paths, tmp_path / "output")) == 2


def test_stack_sets_of_one_name_are_refused(tmp_path: Path) -> None:
    ids = {"management": "981726354031", "archive": "204060801234", "security": "567890123098"}
    reader = {"name": "all", "principal_org_id": "o-a1b2c3d4e5"}
    base = {**ORGANIZATION, "readers": [reader], "organization": {**ORGANIZATION["organization"], "root_id": "r-ab12"}}
    one = {**base, "accounts": {name: {**base["accounts"][name], "id": number} for name, number in ids.items()}}
    renamed = {f"{name}-2": one["accounts"][name] for name in one["accounts"]}
    two = {
        **one,
        "name": "two",
        "accounts": renamed,
        "organization": {**one["organization"], "management_account": "management-2"},
        "key": {"account": "archive-2"},
        "bucket": {**one["bucket"], "account": "archive-2"},
    }
    (found,) = problems(written(tmp_path, one, two), tmp_path / "output")

    assert "readers: stack set 'organization-all' in account 981726354031" in found
    assert found.endswith("rename the reader in one of the two configs, since stack sets are named after it")


def test_a_folder_of_the_same_name_and_other_accounts_is_not_overwritten(tmp_path: Path) -> None:
    first, second = written(tmp_path, BY_PURPOSE, {**BY_PURPOSE, "accounts": OTHER})
    output = tmp_path / "output"
    pipeline.generate([first], output)

    (found,) = problems([second], output)
    assert "name: 'one' is the name of a deployment to other accounts (204060801234), which" in found
    pipeline.generate([first], output)


def test_a_folder_of_sample_accounts_gives_way_to_real_ones(tmp_path: Path) -> None:
    """What the untouched starter wrote."""
    sample, real = written(tmp_path, {**BY_PURPOSE, "accounts": SINGLE["accounts"]}, BY_PURPOSE)
    output = tmp_path / "output"
    pipeline.generate([sample], output)

    assert pipeline.generate([real], output)
