"""A kind of reader is one entry in one table: made-up kinds pass through the whole house, and nobody asks for one by name."""

from __future__ import annotations

import ast
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

import trailkey
from helpers import ORGANIZATION, SINGLE, bucket_policy, deploy, key_policy, managed_policy
from trailkey import pipeline
from trailkey.config import reader_kinds
from trailkey.config.reader_kinds import ReaderKind, ReaderStep, Who

if TYPE_CHECKING:
    from typing import Any

    from trailkey.config.reader_kinds import Names
    from trailkey.config.source import ConfigPath

PACKAGE = Path(trailkey.__file__).parent
TABLE = PACKAGE / "config" / "reader_kinds.py"


def forensics(resolver: Names, _settings: Any, _path: ConfigPath) -> Who:
    account = resolver.key_account
    return Who(account=account, principal_arns=(f"arn:aws:iam::{account.id}:role/forensics/*",))


MADE_UP = ReaderKind(
    key="service",
    service="forensics",
    resolve=forensics,
    iam_policy="named",
    step=ReaderStep(kind="attach-policy", text="Attach {policy} in {where}."),
)
EVERYWHERE = ReaderKind(
    key="service",
    service="inventory",
    resolve=lambda _resolver, _settings, _path: Who(),
    iam_policy="none",
    step=ReaderStep(kind="role-exists", text="Roles of inventory exist beside account {account}."),
    member_role="inventory/Reads*",
    own_logs_only=True,
)


@pytest.fixture(autouse=True)
def made_up_kinds(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reader_kinds, "READER_KINDS", (*reader_kinds.READER_KINDS, MADE_UP, EVERYWHERE))


def test_made_up_kind_is_resolved_given_its_statements_and_judged(tmp_path: Path) -> None:
    deployment = deploy(tmp_path, SINGLE, readers=[{"name": "those", "service": "forensics"}])

    assert deployment.readers[0].kind is MADE_UP
    who = {"ArnLike": {"aws:PrincipalArn": "arn:aws:iam::777777777777:role/forensics/*"}}
    assert key_policy(deployment)["ReaderThose"]["Condition"].items() >= who.items()
    assert bucket_policy(deployment)["ReaderThoseGetsLogs"]["Condition"] == who
    assert managed_policy(deployment, "ReaderThosePolicy")["DecryptLogs"]["Action"] == ["kms:Decrypt"]
    rendered = pipeline.render(deployment)
    (stack,) = rendered.folder.manifest.stacks
    assert [step.text for step in stack.after] == ["Attach cloudtrail-logs-read-those in account 777777777777."]
    assert not pipeline.prove(rendered).findings


def test_made_up_kind_of_an_organization_is_narrowed_and_judged(tmp_path: Path) -> None:
    deployment = deploy(tmp_path, ORGANIZATION, readers=[{"name": "those", "service": "inventory"}])

    condition = key_policy(deployment)["ReaderThose"]["Condition"]
    role = "arn:aws:iam::${aws:PrincipalAccount}:role/inventory/Reads*"
    assert condition["StringLike"]["aws:PrincipalArn"] == role
    objects = bucket_policy(deployment)["ReaderThoseGetsLogs"]["Resource"]
    assert objects == ["arn:aws:s3:::logs-of-org/AWSLogs/o-a1b2c3d4e5/${aws:PrincipalAccount}/*"]
    assert not pipeline.prove(pipeline.render(deployment)).findings


def named_kinds(path: Path) -> set[str]:
    """Return what a module compares with a service, compares of a reader with a kind, or asks a reader's settings for."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Attribute) and ast.unparse(node.value).endswith("settings"):
            found |= {node.attr} & set(reader_kinds.keys())
        if isinstance(node, ast.Compare):
            constants = {
                one.value for one in ast.walk(node) if isinstance(one, ast.Constant) and isinstance(one.value, str)
            }
            words = ast.unparse(node)
            of_reader = "reader" in words or "settings" in words
            found |= constants & {*reader_kinds.services(), *(reader_kinds.keys() if of_reader else ())}
    return found


def test_only_the_table_knows_a_kind_by_its_name() -> None:
    assert {str(path): found for path in PACKAGE.rglob("*.py") if path != TABLE and (found := named_kinds(path))} == {}


def test_the_table_itself_would_be_found() -> None:
    assert named_kinds(TABLE)
