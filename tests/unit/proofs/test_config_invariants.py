"""Invariants of a config: proven on what is rendered, or the run stops; access.md repeats the sentence with its answer."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from trailkey import api
from trailkey.errors import CheckError
from trailkey.reports.access import as_markdown

if TYPE_CHECKING:
    from pathlib import Path

CONFIG = """
name: sound
accounts:
  main: {id: "111111111111", deployer: role/Deployer}
key: {account: main, break_glass: [main:role/BreakGlass]}
bucket: {account: main, region: us-east-1, name: sound-logs}
trails:
  - {name: sound-trail, home_region: us-east-1}
readers:
  - {name: responders, role: main:role/Responder}
invariants:
"""
DECRYPTS = "{says: nobody but the responder decrypts, nobody_but: [WHO], may: 'kms:Decrypt'}"
REPLACES = "{says: nobody but they replace the policy, nobody_but: [WHO], may: 'kms:PutKeyPolicy'}"
DELETES = "{says: they can delete, who: WHO, can: [kms:ScheduleKeyDeletion, kms:PutKeyPolicy]}"
ENCRYPTS = "{says: only CloudTrail encrypts, nobody_but: WHO, may: ['kms:Encrypt', 'kms:GenerateDataKey*']}"
KEEPERS = "'main:role/Deployer', 'main:role/BreakGlass', 'main:root'"


def written(folder: Path, *entries: str) -> Path:
    path = folder / "sound.yaml"
    path.write_text(CONFIG + "".join(f"  - {entry}\n" for entry in entries), encoding="utf-8")
    return path


@pytest.mark.parametrize(
    ("invariant", "proven", "refuted"),
    [
        (DECRYPTS, "'main:role/Responder'", "'main:role/Responders'"),
        (REPLACES, KEEPERS, KEEPERS.replace(", 'main:root'", "")),
        (REPLACES, "main", "'main:user/Nobody'"),
        (DELETES, "'main:role/BreakGlass'", "['main:role/BreakGlass', 'main:role/Deployer']"),
        (ENCRYPTS, "cloudtrail.amazonaws.com", "config.amazonaws.com"),
    ],
)
def test_a_sentence_is_proven_and_its_neighbour_refuted_where_it_stands(
    invariant: str, proven: str, refuted: str, tmp_path: Path
) -> None:
    access = api.access(written(tmp_path, invariant.replace("WHO", proven)))
    assert access.findings == ()
    assert [one.proven for one in access.invariants()] == [True]

    access = api.access(
        written(tmp_path, ENCRYPTS.replace("WHO", "cloudtrail.amazonaws.com"), invariant.replace("WHO", refuted))
    )
    (finding,) = {one.location: one for one in access.findings}.values()
    assert (finding.id, finding.location.config_path, finding.severity) == (
        "invariant-broken",
        "invariants[1]",
        "error",
    )
    assert finding.location.line == len(CONFIG.splitlines()) + 2
    assert finding.witness is not None
    assert "accepted_risks" not in finding.remedy
    assert [one.proven for one in access.invariants()] == [True, False]
    assert "## Invariants\n\n- only CloudTrail encrypts: proven\n" in as_markdown(access)
    assert ": not so\n" in as_markdown(access)
    assert [one["proven"] for one in access.as_json()["invariants"]] == [True, False]


def test_what_is_not_so_stops_generate_and_nothing_is_written(tmp_path: Path) -> None:
    config = written(tmp_path, DECRYPTS.replace("WHO", ""))
    with pytest.raises(CheckError) as refusal:
        api.generate([config], tmp_path / "output")
    assert {one.id for one in refusal.value.findings} == {"invariant-broken"}
    assert not (tmp_path / "output").exists()


def test_one_that_names_a_key_is_about_that_key_alone(tmp_path: Path) -> None:
    one = "{says: nobody queries, nobody_but: [cloudtrail.amazonaws.com], may: 'kms:GenerateDataKey', key: ALIAS}"
    store = "event_data_stores:\n  - {name: events, account: main, region: us-east-1, alias: alias/lake, queriers: ['main:role/Analyst']}\n"
    path = written(tmp_path, one.replace("ALIAS", "alias/cloudtrail-logs"))
    path.write_text(store + path.read_text(encoding="utf-8").lstrip(), encoding="utf-8")

    assert api.access(path).findings == ()
    path.write_text(path.read_text(encoding="utf-8").replace("alias/cloudtrail-logs", "alias/lake"), encoding="utf-8")
    assert {found.id for found in api.access(path).findings} == {"invariant-broken"}
