"""The architecture: what each room may import, and who prints, writes and loads what is heavy."""

from __future__ import annotations

import ast
import dataclasses
import importlib
import inspect
import typing
from functools import cache
from typing import TYPE_CHECKING, Any, Final

import pytest

from helpers import PACKAGE

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

MEANING: Final = {"access", "access.algebra", "access.analysis", "access.language"}
MAY_IMPORT: Final[dict[str, set[str]]] = {
    "aws": set(),
    "findings": set(),
    "version": set(),
    "errors": {"findings"},
    "files": set(),
    "cloudformation": {"aws", "errors"},
    "output": {"errors", "files"},
    "access.language": {"aws", "errors"},
    "access.algebra": {"access.language", "errors"},
    "access.analysis": {"access.algebra", "access.language", "aws", "errors"},
    "access": {"access.algebra", "access.analysis", "access.language"},
    "config": {"access", "access.algebra", "access.language", "aws", "cloudformation", "errors", "files"},
    "checks": {"aws", "cloudformation", "errors", "findings"},
    "statements": {"aws", "config"},
    "templates": {"aws", "cloudformation", "config", "output", "statements", "version"},
    "rollout": {"aws", "cloudformation", "config", "errors", "output", "templates"},
    "inventory": {*MEANING, "aws", "cloudformation", "errors", "files", "findings", "output"},
    "intent": {*MEANING, "aws", "config", "errors"},
    "audit": {*MEANING, "aws", "errors", "findings", "intent", "inventory"},
    "proofs": {*MEANING, "audit", "aws", "cloudformation", "config", "errors", "findings", "intent", "inventory", "output"},
    "decide": {*MEANING, "aws", "cloudformation", "errors", "inventory"},
    "diff": {*MEANING, "aws", "config", "errors", "findings", "inventory"},
    "explain": {*MEANING, "aws", "cloudformation", "config", "decide", "diff", "errors", "findings", "inventory", "proofs"},
    "reports": {*MEANING, "audit", "checks", "cloudformation", "config", "decide", "diff", "explain", "findings", "inventory", "output", "proofs", "version"},
    "remembered": {"checks", "files", "output"},
    "rendered": {"checks", "config", "findings", "inventory", "output", "proofs", "reports", "rollout"},
    "pipeline": {"checks", "cloudformation", "config", "errors", "files", "findings", "inventory", "output", "proofs", "rendered", "remembered", "rollout", "templates"},
    "fill": {"cloudformation", "config", "inventory", "output", "pipeline", "rollout"},
    "given": {"diff", "errors", "files", "inventory", "pipeline"},
    "suggest": {"aws", "config", "diff", "errors", "explain", "findings", "given", "pipeline"},
    "api": {"access.language", "audit", "checks", "cloudformation", "config", "decide", "diff", "errors", "findings", "given", "intent", "inventory", "pipeline", "proofs", "remembered", "reports"},
    "cli": {"api", "config", "errors", "fill", "given", "output", "remembered", "reports", "suggest", "version"},
    "__main__": {"cli"},
    "__init__": {"api", "version"},
}  # fmt: skip
"""What each room may import, its own modules aside. A room is drawn above all that it names: docs/architecture.md."""

BUILDERS: Final = {"templates", "statements", "rollout"}
JUDGES: Final = {
    "access",
    "access.algebra",
    "access.analysis",
    "access.language",
    "inventory",
    "intent",
    "audit",
    "proofs",
}
HEAVY: Final = {
    "cfnlint": {"checks"},
    "troposphere": {"templates", "statements"},
    "awacs": {"templates", "statements"},
    "pydantic": {"config", "output"},
    "rich": {"cli", "reports"},
    "shtab": {"cli"},
}
"""Libraries that take long to load, and the rooms that may: a command loads them when it needs them, inside its function."""

MODULES: Final = sorted(PACKAGE.rglob("*.py"))


def room(parts: tuple[str, ...]) -> str:
    """Return the room of a module: a shelf of access, or the top-level folder or module."""
    names = [part.removesuffix(".py") for part in parts]
    shelf = names[0] == "access" and len(names) > 1 and f"access.{names[1]}" in MEANING
    return f"access.{names[1]}" if shelf else names[0]


def room_of(path: Path) -> str:
    return room(path.relative_to(PACKAGE).parts)


@cache
def nodes_of(path: Path) -> list[ast.AST]:
    return [*ast.walk(ast.parse(path.read_text(encoding="utf-8")))]


@cache
def imports_of(path: Path) -> set[str]:
    """Every module a file imports, at its top or inside a function."""
    found: set[str] = set()
    for node in nodes_of(path):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found |= {f"{node.module}.{alias.name}" for alias in node.names}
    return found


def rooms_imported(path: Path) -> set[str]:
    names = [name.split(".")[1:] for name in imports_of(path) if name.startswith("trailkey.")]
    return {room(tuple(name)) for name in names} - {room_of(path)}


def calls_of(path: Path) -> set[str]:
    return {ast.unparse(node.func) for node in nodes_of(path) if isinstance(node, ast.Call)}


def named(path: Path) -> str:
    return path.relative_to(PACKAGE).as_posix()


def where(wrong: Callable[[Path], object]) -> dict[str, object]:
    """Return what is wrong in each module in which something is."""
    return {named(path): found for path in MODULES if (found := wrong(path))}


def test_each_module_imports_only_what_its_room_may() -> None:
    assert where(lambda path: rooms_imported(path) - MAY_IMPORT[room_of(path)]) == {}


def test_every_room_is_above_what_it_imports() -> None:
    """So there is no circle of rooms: each can be drawn on a floor above all that it names."""
    placed: set[str] = set()
    while left := MAY_IMPORT.keys() - placed:
        ready = {name for name in left if MAY_IMPORT[name] <= placed}
        assert ready, f"a circle among {left}"
        placed |= ready


def test_no_module_imports_itself_through_others() -> None:
    """Neither at run time nor for its types: what two modules need of each other belongs below both."""
    names = {".".join(("trailkey", *path.relative_to(PACKAGE).with_suffix("").parts)): path for path in MODULES}
    faces = {name for name in names if name.endswith("__init__")}
    imports = {
        name: {other for found in imports_of(path) for other in (found, found.rpartition(".")[0]) if other in names}
        for name, path in names.items()
        if name not in faces
    }
    while ready := [name for name, others in imports.items() if not others & imports.keys()]:
        for name in ready:
            del imports[name]

    assert imports == {}


def test_what_a_room_may_import_is_imported() -> None:
    """A permission that nobody uses would let the next mistake pass; the shelves of access are open to all that judge."""
    used: dict[str, set[str]] = {}
    for path in MODULES:
        used.setdefault(room_of(path), set()).update(rooms_imported(path))
    unused = {name: may - used.get(name, set()) - MEANING for name, may in MAY_IMPORT.items()}

    assert {name: rooms for name, rooms in unused.items() if rooms} == {}


@pytest.mark.parametrize("judge", sorted(JUDGES))
def test_judges_import_nothing_of_builders(judge: str) -> None:
    """A check that reads the builder's objects proves only that the builder agrees with itself."""
    assert MAY_IMPORT[judge] & {*BUILDERS, "pipeline"} == set()


def types_in(value: Any) -> Iterator[str]:
    """Yield the modules of the types in an annotation, and of the fields of our dataclasses in it."""
    for argument in typing.get_args(value):
        yield from types_in(argument)
    if inspect.isclass(value):
        yield value.__module__
        if dataclasses.is_dataclass(value) and value.__module__.startswith("trailkey."):
            yield from (module for one in dataclasses.fields(value) for module in mentioned(value, str(one.type)))


def mentioned(owner: Any, text: str) -> Iterator[str]:
    """Yield the modules that the names in an annotation's text are imported from, where the owner is defined."""
    source = ast.parse(inspect.getsource(importlib.import_module(owner.__module__)))
    names = {node.id for node in ast.walk(ast.parse(text, mode="eval")) if isinstance(node, ast.Name)}
    for node in ast.walk(source):
        if isinstance(node, ast.ImportFrom) and node.module:
            yield from (node.module for alias in node.names if alias.name in names)


def test_judges_are_handed_none_of_the_builders_types() -> None:
    """What the pipeline hands over is a deployment, which is the config, and a folder, which is bytes read back."""
    from trailkey.inventory.folder import Folder, read_folder
    from trailkey.proofs.verdict import rollout_findings, verdict

    for function in (verdict, rollout_findings, read_folder):
        modules = {
            module for text in inspect.get_annotations(function).values() for module in mentioned(function, text)
        }
        assert not {module for module in modules if room(tuple(module.split(".")[1:])) in BUILDERS}
    assert not {
        module
        for module in types_in(Folder)
        if module.startswith("trailkey.") and room(tuple(module.split(".")[1:])) in BUILDERS
    }


def test_heavy_libraries_stay_where_they_belong() -> None:
    def loaded(path: Path) -> set[str]:
        tops = {name.split(".")[0] for name in imports_of(path)}
        return {library for library, rooms in HEAVY.items() if library in tops and room_of(path) not in rooms}

    assert where(loaded) == {}


def test_only_the_command_line_prints_and_only_the_writer_writes() -> None:
    prints = {"print", "sys.exit", "exit", "sys.stdout.write", "sys.stderr.write"}
    writes = {"write_text", "write_bytes", "open", "unlink", "mkdir", "replace_file"}

    def done(path: Path) -> set[str]:
        calls = calls_of(path)
        found = set() if room_of(path) == "cli" else calls & prints
        # files opens them for reading; what is remembered is no output
        if room_of(path) not in ("files", "output", "cli") and named(path) != "checks/cache.py":
            found |= {call for call in calls if call.rpartition(".")[2] in writes}
        return found

    assert where(done) == {}


def test_a_module_is_one_idea() -> None:
    def too_long(path: Path) -> int:
        lines = len(path.read_text(encoding="utf-8").splitlines())
        return lines if lines > 350 else 0

    assert where(too_long) == {}


CUT: Final = ("partition", "rpartition", "split", "rsplit", "removeprefix", "removesuffix", "startswith", "endswith")
SENTENCES: Final = (
    "message",
    "remedy",
    "place",
    "label",
    "sentence",
    "location",
    "text_of",
    "str(error)",
    "condition_text",
    "principal_text",
)


def test_no_sentence_is_cut_apart_to_get_structure_back() -> None:
    def cut(path: Path) -> set[str]:
        return {
            ast.unparse(node)
            for node in nodes_of(path)
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in CUT
            if any(ast.unparse(node.func.value).split(".")[-1].startswith(word) for word in SENTENCES)
        }

    assert where(cut) == {}
