"""The architecture: a module imports only from floors below its own; one module prints, one writes, one imports cfn-lint."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

import pytest

from helpers import PACKAGE

if TYPE_CHECKING:
    from pathlib import Path

FLOORS = [
    {"aws", "findings", "__init__"},
    {"errors"},
    {"cloudformation", "output"},
    {"access"},
    {"config"},
    {"inventory", "statements"},
    {"intent", "templates"},
    {"audit", "decide", "diff"},
    {"proofs"},
    {"checks", "rollout"},
    {"reports"},
    {"pipeline"},
    {"sources"},
    {"cli"},
    {"__main__"},
]
MODULES = sorted(PACKAGE.rglob("*.py"))


def part_of(path: Path) -> str:
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def floor_of(part: str) -> int:
    return next(number for number, floor in enumerate(FLOORS) if part in floor)


def imports_of(path: Path) -> set[str]:
    """Every module a file imports, at its top or inside a function."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found |= {f"{node.module}.{alias.name}" for alias in node.names}
    return found


def calls_of(path: Path) -> set[str]:
    return {
        ast.unparse(node.func)
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call)
    }


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_module_imports_from_floors_below_only(path: Path) -> None:
    own = part_of(path)
    parts = {name.split(".")[1] for name in imports_of(path) if name.startswith("trailkey.")} - {"__version__", own}

    assert {part for part in parts if floor_of(part) >= floor_of(own)} == set()


@pytest.mark.parametrize("judge", ["access", "proofs", "audit"])
def test_judges_import_no_builders(judge: str) -> None:
    """A check that reads the builder's objects proves only that the builder agrees with itself."""
    names = {name for path in (PACKAGE / judge).rglob("*.py") for name in imports_of(path)}

    assert {name for name in names if name.startswith(("trailkey.templates", "trailkey.statements"))} == set()


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_heavy_libraries_stay_where_they_belong(path: Path) -> None:
    tops = {name.split(".")[0] for name in imports_of(path)}
    homes = {
        "cfnlint": {"checks"},
        "troposphere": {"templates", "statements"},
        "awacs": {"templates", "statements"},
        "pydantic": {"config"},
        "rich": {"cli", "reports"},
    }

    assert {library for library, parts in homes.items() if library in tops and part_of(path) not in parts} == set()


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_only_the_command_line_prints_and_only_the_writer_writes(path: Path) -> None:
    calls = calls_of(path)

    if part_of(path) != "cli":
        assert not calls & {"print", "sys.exit", "exit", "sys.stdout.write", "sys.stderr.write"}
    if part_of(path) not in ("output", "cli"):
        assert not {
            call
            for call in calls
            if call.rpartition(".")[2] in ("write_text", "write_bytes", "open", "unlink", "mkdir", "replace_file")
        }
