"""The face of the package: its names, and one use of each. The command line calls the same functions, and holds the rest."""

from __future__ import annotations

import errno
import inspect
import json
from importlib import metadata
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING

import pytest

import trailkey
from helpers import ADMIN, CONFIGS, HOME, KEY, OUTPUT, allow, document, python
from trailkey import api

if TYPE_CHECKING:
    from collections.abc import Iterator

NAMES = {"TrailkeyError", "access", "audit", "decide", "diff", "generate", "load"}
CONFIG = CONFIGS["single-account"]
OLD = document(allow({"AWS": f"arn:aws:iam::{HOME}:root"}, "kms:DescribeKey"))
NEW = document(*OLD["Statement"], allow({"AWS": ADMIN}, sid="AdminDecrypts"))
DECRYPTS = {"name": "admin", "principal": ADMIN, "action": "kms:Decrypt", "resource": KEY}


def test_the_face_has_exactly_these_names() -> None:
    assert set(api.__all__) == NAMES
    assert set(trailkey.__all__) == set(dir(trailkey)) == {*NAMES, "__version__"}
    for name in NAMES:
        assert getattr(trailkey, name) is getattr(api, name)


def test_nothing_but_the_package_is_installed(tmp_path: Path) -> None:
    files = metadata.files("trailkey") or []
    tops = {file.parts[0] for file in files if not file.parts[0].endswith(".dist-info") and ".." not in file.parts}

    assert tops == {"trailkey"}
    assert python(tmp_path, "-c", "import importlib.util as u; print(u.find_spec('generator'))").stdout == "None\n"


@pytest.mark.parametrize("name", sorted(NAMES - {"TrailkeyError"}))
def test_each_function_says_what_comes_in_and_out(name: str) -> None:
    function = getattr(api, name)
    signature = inspect.signature(function)

    assert "Raises:\n" in function.__doc__
    assert signature.return_annotation is not signature.empty
    assert all(one.annotation is not one.empty for one in signature.parameters.values())


def test_rooms_hide_no_function_whichever_is_loaded_first(tmp_path: Path) -> None:
    code = (
        "import trailkey, trailkey.audit.registry, trailkey.diff.compare, trailkey.decide\n"
        "before = trailkey.audit, trailkey.diff, trailkey.decide, trailkey.access\n"
        "import trailkey.reports.view\n"
        "print(before == (trailkey.audit, trailkey.diff, trailkey.decide, trailkey.access), all(map(callable, before)))"
    )

    assert python(tmp_path, "-c", code).stdout.split() == ["True", "True"]


def test_load_returns_a_deployment() -> None:
    assert trailkey.load(CONFIG).name == "single-account"


def test_generate_writes_what_check_then_finds_unchanged(tmp_path: Path) -> None:
    (written,) = trailkey.generate([str(CONFIG)], tmp_path)
    (checked,) = trailkey.generate([CONFIG], tmp_path, check=True)

    assert written.folder == tmp_path / "single-account"
    assert {one.change for one in checked.changes} == {"unchanged"}


def test_access_of_a_config_and_of_its_folder_are_one() -> None:
    of_config, of_folder = trailkey.access(CONFIG), trailkey.access(OUTPUT / "single-account")

    assert of_config.findings == ()
    assert of_config.matrices == of_folder.matrices


def test_decide_answers_requests_of_documents_and_files(tmp_path: Path) -> None:
    (tmp_path / "requests.json").write_text(json.dumps([DECRYPTS]), encoding="utf-8")

    for requests in (DECRYPTS, [DECRYPTS], tmp_path / "requests.json"):
        (answer,) = trailkey.decide(NEW, requests)
        assert (answer.name, answer.decision, answer.statements) == ("admin", "allowed", ("AdminDecrypts",))
    (answer,) = trailkey.decide(OUTPUT / "organization", {**DECRYPTS, "resource": f"{KEY}"})
    assert answer.decision == "denied"


def test_audit_finds_and_assumes() -> None:
    report = trailkey.audit(document(allow("*", "kms:*", sid="Open")), key_account=HOME, administrators=[ADMIN])

    assert {one.severity for one in report.findings} >= {"error"}
    assert report.findings[0].location.file == "policy"
    assert not any("--administrator" in sentence for sentence in report.assumptions)


def test_diff_compares_documents() -> None:
    (row,) = trailkey.diff(OLD, NEW, key_account=HOME).rows

    assert (row.change, row.actions) == ("gained", ("kms:Decrypt",))
    assert trailkey.diff(OLD, OLD, key_account=HOME).rows == ()


def test_what_a_user_can_act_on_is_a_trailkey_error(tmp_path: Path) -> None:
    with pytest.raises(trailkey.TrailkeyError, match="policy: none is named"):
        trailkey.audit([])
    with pytest.raises(trailkey.TrailkeyError, match="no such file"):
        trailkey.load(tmp_path / "none.yaml")


def test_a_document_is_any_mapping() -> None:
    assert trailkey.diff(MappingProxyType(OLD), MappingProxyType(NEW), key_account=HOME).rows
    with pytest.raises(
        trailkey.TrailkeyError, match=r"policy: not a document as JSON has it .set is not a type of JSON"
    ):
        trailkey.audit({"Statement": {"a", "set"}})


@pytest.mark.parametrize("path", ["x" * 5000, "a\0b", "a\udcfeb"], ids=["long", "null", "surrogate"])
def test_a_path_that_no_file_can_have_is_refused(path: str) -> None:
    for call in (trailkey.load, trailkey.access, trailkey.audit, lambda path: trailkey.diff(OLD, path)):
        with pytest.raises(trailkey.TrailkeyError, match=r"no such file|cannot be read"):
            call(path)


def test_a_folder_that_may_not_be_read_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(path: Path) -> Iterator[Path]:
        raise PermissionError(errno.EACCES, "Permission denied", str(path))

    monkeypatch.setattr(Path, "iterdir", refuse)
    for call in (trailkey.access, lambda path: trailkey.decide(path, DECRYPTS), lambda path: trailkey.diff(OLD, path)):
        with pytest.raises(trailkey.TrailkeyError, match=r"cannot be read \(Permission denied\)"):
            call(OUTPUT / "organization")


def test_one_text_is_not_taken_for_a_list_of_letters() -> None:
    with pytest.raises(trailkey.TrailkeyError, match="is one path; a list of paths is expected"):
        trailkey.generate("config/organization.yaml")
    with pytest.raises(trailkey.TrailkeyError, match="is one text; a list of texts is expected"):
        trailkey.audit(NEW, readers=ADMIN)
