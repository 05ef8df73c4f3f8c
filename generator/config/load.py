"""From a config file to a Deployment, or to every problem in it at once. Reads files; writes none."""

from __future__ import annotations

import re
from dataclasses import replace
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any, get_args

from pydantic import BaseModel, ValidationError

from generator.config import text
from generator.config.model import Config
from generator.config.references import resolve
from generator.errors import ConfigError, UsageError

if TYPE_CHECKING:
    from pathlib import Path as FilePath

    from pydantic_core import ErrorDetails

    from generator.config.deployment import Deployment
    from generator.config.text import Path, Source

MIRRORED = re.compile(
    r"name|organization\.(id|root_id)|accounts\.[^.]+\.id|bucket\.name|bucket\.access_logs\.bucket|key\.alarm\.(topic_arn|email)"
    r"|trails\[\d+\]\.(sns_topic\.kms_key|cloudwatch_logs\.kms_key_arn)|readers\[\d+\]\.(principal_org_path|principal_org_id)"
)
"""What a file that extends another may change: that which differs between two worlds, and nothing else."""

_ALLOWED = {
    "string_type": "text is allowed",
    "int_type": "a whole number is allowed",
    "bool_type": "true or false is allowed",
    "tuple_type": "a list is allowed",
    "dict_type": "a mapping is allowed",
    "model_type": "a mapping is allowed",
    "model_attributes_type": "a mapping is allowed",
}


def load(path: FilePath) -> Deployment:
    """Return the deployment that a config file describes.

    Raises UsageError where the file cannot be read, ConfigError with every problem in it otherwise.
    """
    source = _read(path)
    notes: tuple[str | None, tuple[str, ...]] = (None, ())
    if isinstance(source.data, dict) and "extends" in source.data and not source.problems:
        notes = _extend(source, path)
    problems = list(source.problems)
    deployment: Deployment | None = None
    if not problems:
        if not isinstance(source.data, dict):
            problems.append(
                (
                    (),
                    f"the file holds {_shown(source.data)}; a config is a mapping of keys; run trailkey init for a starter",
                )
            )
        else:
            deployment, problems = _judge(source)
    if problems or deployment is None:
        raise ConfigError(
            [
                source.problem(place, problem)
                for place, problem in sorted(problems, key=lambda item: _order(source, item[0]))
            ]
        )
    mirrors, differences = notes
    return replace(deployment, mirrors=mirrors, differences=differences)


def _order(source: Source, path: Path) -> tuple[str, int]:
    mark = source.mark(path)
    return mark.file, mark.line


def _read(path: FilePath) -> Source:
    try:
        content = path.read_text(encoding="utf-8-sig")
    except FileNotFoundError as error:
        raise UsageError(f"{path}: no such file; name a config file, or run trailkey init for a starter") from error
    except UnicodeDecodeError as error:
        raise ConfigError(
            [
                f"config error: {path}:1: the file is not UTF-8 text ({error.reason} at byte {error.start}); UTF-8 is allowed; save it as UTF-8"
            ]
        ) from error
    except OSError as error:
        raise UsageError(f"{path}: cannot be read ({error.strerror}); name a readable config file") from error
    return text.parse(content, path.as_posix())


def _judge(source: Source) -> tuple[Deployment | None, list[tuple[Path, str]]]:
    """Validate, and where values are wrong look at the rest all the same, so that all problems are shown at once."""
    try:
        config = Config.model_validate(_frozen(source.data))
    except ValidationError as failure:
        errors = failure.errors(include_url=False)
        places = [tuple(error["loc"]) for error in errors]
        # A list with a wrong entry counts as short too: that would be said of the entry twice.
        errors = [
            error for error in errors if error["type"] != "too_short" or not _beside_others(tuple(error["loc"]), places)
        ]
        problems = [_problem(source, error) for error in errors]
        wrong = [_place(error) for error in errors]
        rest, left = _without(source.data, wrong)
        try:
            _, more = resolve(Config.model_validate(_frozen(rest)), source)
        except ValidationError:
            more = []
        more = [(_back(path, left), problem) for path, problem in more if path[:1] != ("trails",) or left.get("trails")]
        return None, problems + [item for item in more if not _beside(item[0], wrong)]
    return resolve(config, source)


def _beside(path: Path, wrong: list[Path]) -> bool:
    """Tell whether a path stands in a part that was cut out: what is said of it would be said of the cut."""
    return any(path[: len(other)] == other or other[: len(path)] == path for other in wrong)


def _beside_others(path: Path, places: list[Path]) -> bool:
    """Tell whether another error stands below this path."""
    return any(len(place) > len(path) and place[: len(path)] == path for place in places)


def _frozen(value: Any) -> Any:
    """Lists as tuples: the model is immutable and strict."""
    if isinstance(value, list):
        return tuple(_frozen(item) for item in value)
    if isinstance(value, dict):
        return {key: _frozen(item) for key, item in value.items()}
    return value


_STAND_INS = {"region": "us-east-1", "name": "stand-in"}


def _without(data: dict[str, Any], wrong: list[Path]) -> tuple[Any, dict[str, list[int]]]:
    """Return the config without its wrong values, so that the rest can be judged, and which list entries are left.

    Entries of lists go whole; accounts and what cannot be missing keep a stand-in.
    """
    rest = _copy(data)
    for number, path in enumerate(wrong):
        parent = rest
        for step in path[:-1]:
            parent = parent.get(step) if isinstance(parent, dict) else None
        if path[:1] == ("accounts",) and len(path) > 1 and isinstance(rest.get("accounts"), dict):
            rest["accounts"][path[1]] = {"id": f"{number:012d}", "deployer": "role/StandIn"}
        elif isinstance(parent, dict) and path[-1] in _STAND_INS:
            parent[path[-1]] = _STAND_INS[str(path[-1])]
        elif isinstance(parent, dict):
            parent.pop(path[-1], None)
    left = {}
    for key, value in rest.items():
        if isinstance(value, list):
            left[key] = [index for index in range(len(value)) if not any(path[:2] == (key, index) for path in wrong)]
            rest[key] = [value[index] for index in left[key]]
    if not rest.get("trails"):
        rest["trails"] = [
            {"name": "stand-in", "home_region": "us-east-1", "account": next(iter(rest.get("accounts") or {"": 0}))}
        ]
    return rest, left


def _back(path: Path, left: dict[str, list[int]]) -> Path:
    """Return where a path of the config without its wrong values stood before."""
    if len(path) > 1 and isinstance(path[1], int) and path[1] < len(left.get(str(path[0]), [])):
        return (path[0], left[str(path[0])][path[1]], *path[2:])
    return path


def _copy(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _copy(item) for key, item in value.items()}
    return [_copy(item) for item in value] if isinstance(value, list) else value


def _shown(value: Any) -> str:
    shown = repr(value) if not isinstance(value, bool) else str(value).lower()
    return shown if len(shown) <= 80 else f"{shown[:77]}..."


def _place(error: ErrorDetails) -> Path:
    """Return the config path of an error of pydantic, without the steps that only its model knows."""
    inner = ("function-", "union-", "constrained-")
    path = tuple(step for step in error["loc"] if not (isinstance(step, str) and step.startswith(inner)))
    return path[:-1] if path[-1:] == ("[key]",) else path


def _problem(source: Source, error: ErrorDetails) -> tuple[Path, str]:
    """Put an error of pydantic into the words of a config: what is wrong, what is allowed, what to do."""
    path = _place(error)
    kind, context = error["type"], error.get("ctx", {})
    value = error["input"]
    if kind == "value_error":
        return path, str(context["error"])
    if kind == "missing":
        return path[:-1], f"{path[-1]!r} is missing; it is needed here; add it"
    if kind == "extra_forbidden":
        known = sorted(_section(path[:-1]).model_fields)
        near = get_close_matches(str(path[-1]), known, n=1)
        hint = f"did you mean {near[0]!r}?" if near else "remove it"
        return path, f"unknown key {path[-1]!r}; allowed are {', '.join(known)}; {hint}"
    if kind == "literal_error":
        return path, f"{_shown(value)} is refused; {context['expected']} is allowed; correct it"
    if kind in ("greater_than_equal", "less_than_equal"):
        bound = f"{context['ge']:,} or more" if kind == "greater_than_equal" else f"{context['le']:,} or less"
        return path, f"{_shown(value)} is out of range; {bound} is allowed; correct it"
    if kind == "too_short":
        return path, f"{path[-1]} is empty; {context['min_length']} or more entries are allowed; add one"
    if kind in ("string_too_short", "string_too_long", "too_long"):
        least = kind.endswith("short")
        bound = f"{context.get('min_length')} or more" if least else f"{context.get('max_length'):,} or fewer"
        unit = "characters" if kind.startswith("string") else "entries"
        return path, f"{_shown(value)} is too {'short' if least else 'long'}; {bound} {unit} are allowed; correct it"
    if kind == "string_pattern_mismatch":
        return path, f"{_shown(value)} is refused; text of the form {context['pattern']} is allowed; correct it"
    allowed = _ALLOWED.get(kind, error["msg"])
    mark = source.mark(path)
    quoting = (
        "; put it in quotes"
        if kind == "string_type" and mark.written is not None and not mark.quoted
        else "; correct it"
    )
    return path, f"{_shown(value)} is refused; {allowed}{quoting}"


def _section(path: Path) -> type[BaseModel]:
    """Return the part of the model that stands at a path."""
    section: Any = Config
    for step in path:
        if isinstance(section, type) and issubclass(section, BaseModel):
            section = section.model_fields[str(step)].annotation
        else:
            arguments = [argument for argument in get_args(section) if argument is not Ellipsis]
            section = arguments[-1]
        section = _unwrapped(section)
    return section  # type: ignore[no-any-return]  # the loop ends on a section: only sections forbid unknown keys


def _unwrapped(annotation: Any) -> Any:
    """Return what an optional or annotated type is about: ``AccessLogs | None`` is about AccessLogs."""
    arguments = [argument for argument in get_args(annotation) if argument is not type(None)]
    if (
        arguments
        and any(isinstance(argument, type) and issubclass(argument, BaseModel) for argument in arguments)
        and getattr(annotation, "__origin__", None) not in (tuple, dict, list)
    ):
        return next(
            argument for argument in arguments if isinstance(argument, type) and issubclass(argument, BaseModel)
        )
    return annotation


def _extend(source: Source, path: FilePath) -> tuple[str | None, tuple[str, ...]]:
    """Lay a file that says ``extends`` over the one it names; it may change what differs between two worlds only."""
    named = source.data.pop("extends")
    if not isinstance(named, str):
        source.problems.append(
            (
                ("extends",),
                f"{_shown(named)} is no file name; the name of a config beside this one is allowed; correct it",
            )
        )
        return None, ()
    base_path = path.parent / named
    if not base_path.is_file():
        source.problems.append(
            (
                ("extends",),
                f"{named!r} is not there; the path of a config, from this file's folder, is allowed; correct it",
            )
        )
        return None, ()
    base = _read(base_path)
    if base.problems:
        raise ConfigError([base.problem(place, problem) for place, problem in base.problems])
    if not isinstance(base.data, dict):
        source.problems.append(
            (("extends",), f"{named!r} holds no config; a mapping of keys is allowed; correct that file")
        )
        return None, ()
    if "extends" in base.data:
        source.problems.append(
            (
                ("extends",),
                f"{named!r} extends another file itself; one step is allowed; extend {base.data['extends']!r} directly",
            )
        )
        return None, ()
    if "name" not in source.data:
        source.problems.append(
            (
                (),
                f"'name' is missing; a file that extends another writes to a folder of its own; add name, other than {base.data.get('name')!r}",
            )
        )
    overlay = source.data
    own = dict(source.marks)
    source.marks = dict(base.marks)
    changes: list[str] = []
    source.data = _overlaid(source, own, base.data, overlay, (), (), changes)
    return str(base.data.get("name")), tuple(sorted(set(changes) - {"name"}))


def _overlaid(
    source: Source, own: dict[Path, Any], base: Any, over: Any, path: Path, over_path: Path, changes: list[str]
) -> Any:
    """Return base with the values of over in place of its own, and note each changed path with its mark."""
    if isinstance(base, dict) and isinstance(over, dict):
        merged = dict(base)
        for key, value in over.items():
            place = (*path, key)
            if key in base:
                merged[key] = _overlaid(source, own, base[key], value, place, (*over_path, key), changes)
            else:
                _changed(source, own, place, (*over_path, key), changes)
                merged[key] = value
        return merged
    if (
        isinstance(base, list)
        and isinstance(over, list)
        and all(isinstance(item, dict) and "name" in item for item in (*base, *over))
    ):
        merged_list = list(base)
        names = [item["name"] for item in base]
        for index, item in enumerate(over):
            if item["name"] in names:
                position = names.index(item["name"])
                rest = {key: value for key, value in item.items() if key != "name"}
                merged_list[position] = _overlaid(
                    source, own, base[position], rest, (*path, position), (*over_path, index), changes
                )
            else:
                source.marks[path] = own[*over_path, index]
                source.problems.append(
                    (
                        path,
                        f"{item['name']!r} is not in the file this one extends; named entries may be changed, not added; add it there",
                    )
                )
        return merged_list
    if base != over:
        _changed(source, own, path, over_path, changes)
    return over


def _changed(source: Source, own: dict[Path, Any], path: Path, over_path: Path, changes: list[str]) -> None:
    for below, mark in own.items():
        if below[: len(over_path)] == over_path:
            source.marks[*path, *below[len(over_path) :]] = mark
    if MIRRORED.fullmatch(text.written(path)):
        changes.append(text.written(path))
    else:
        source.problems.append(
            (
                path,
                "a mirrored environment differs in this; it may change name, account ids, organization id and paths, bucket names and ARNs of what is named there; change it in the file this one extends",
            )
        )
