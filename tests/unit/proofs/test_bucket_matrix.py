"""Who can delete or alter logs in the bucket, decided on its policy: in its own account IAM allows by itself, unless denied."""

from __future__ import annotations

from typing import TYPE_CHECKING

from helpers import CONFIGS, ORGANIZATION, deploy
from trailkey import pipeline
from trailkey.proofs.matrix import Matrix, bucket_matrix

if TYPE_CHECKING:
    from pathlib import Path

    from trailkey.config.deployment import Deployment

COLUMNS = ["write", "erase", "unlock", "lifecycle", "versioning", "lock", "bucket-policy", "delete-bucket"]


def matrix_of(deployment: Deployment) -> Matrix:
    matrix = bucket_matrix(deployment, pipeline.render(deployment).folder.policies)
    assert matrix is not None
    return matrix


def answers(matrix: Matrix) -> dict[str, str]:
    """Return each row as one letter a cell: (y)es, (i)am, (n)o, (d)enied."""
    return {
        line.row.id: "".join("d" if cell.denied else cell.answer[0] for cell in line.cells) for line in matrix.lines
    }


def test_iam_of_the_bucket_s_account_decides_who_deletes_logs() -> None:
    matrix = matrix_of(pipeline.load_all([CONFIGS["organization"]])[0])

    assert [column.id for column in matrix.columns] == COLUMNS
    statements = {statement for line in matrix.lines for cell in line.cells for statement in cell.statements}
    assert statements == {"CloudTrailWritesLogs"}
    assert answers(matrix) == {
        "trail:management/organization-trail": "ynnnnnnn",
        "other-trail": "nnnnnnnn",
        "foreign-trail": "nnnnnnnn",
        "other-services": "nnnnnnnn",
        **{f"reader:{name}": "nnnnnnnn" for name in ("responders", "analysts", "audit", "security-ou")},
        **dict.fromkeys(("administrators", "break-glass", "deployer", "others:log-archive"), "iiiiiiii"),
        "root-user": "yyyyyyyy",
        "others:security": "nnnnnnnn",
        "others-of-organization": "nnnnnnnn",
        "everyone-else": "nnnnnnnn",
    }


def test_a_denied_deletion_is_denied_to_all_and_changes_to_all_but_the_deployer(tmp_path: Path) -> None:
    found = answers(matrix_of(deploy(tmp_path, ORGANIZATION, bucket={"deny_deletion": True})))

    assert found["deployer"] == "idiiiiii"
    assert found["root-user"] == "ydyddddd"
    assert found["others:archive"] == "ididdddd"


def test_a_bucket_elsewhere_has_rows_of_its_own_account(tmp_path: Path) -> None:
    found = answers(matrix_of(deploy(tmp_path, ORGANIZATION, bucket={"account": "security"})))

    assert found["deployer"] == found["others:security"] == "iiiiiiii"
    assert found["root-user"] == "yyyyyyyy"
    assert "break-glass" not in found
