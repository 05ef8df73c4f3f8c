"""Configs that are spoilt at random, each from a number and the same for it everywhere, and what becomes of them.

``python tests/fuzzing.py FIRST LAST FOLDER`` tries those numbers in this process. It prints a line of JSON for each, written before
the next begins: how it ended, its seconds of CPU; then one with the most memory the process had. Templates that pass go to FOLDER.
"""

from __future__ import annotations

import copy
import json
import random
import sys
import time
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from trailkey import pipeline
from trailkey.config.source import parse
from trailkey.errors import CheckError, TrailkeyError

if TYPE_CHECKING:
    from collections.abc import Iterator

TESTS = Path(__file__).resolve().parent
EXAMPLES = sorted((TESTS.parent / "config").glob("*.yaml"))
GOLDEN = sorted((TESTS / "golden").glob("*/config*.yaml"))
BAD = sorted((TESTS / "bad").glob("*/config.yaml"))

TEXTS = (
    *(
        "",
        " ",
        "*",
        "?",
        "~",
        "null",
        "true",
        "012",
        "1e3",
        "0x1f",
        "- a",
        "a: b",
        "#",
        "&a",
        "!x",
        "|",
        "%",
        "`id`",
        "$(id)",
    ),
    *(
        "${AWS::AccountId}",
        "${aws:username}",
        "{{resolve:ssm:/a:1}}",
        "AWS::NoValue",
        "Fn::Sub",
        "../../etc",
        "a/b",
        "x" * 65,
    ),
    *(
        "x" * 3000,
        "\x1b[2J",
        "\x85",
        "\u202e",
        "\u2028",
        "\ud800",
        "\xe9",
        "\u65e5",
        "a\nb",
        "arn:aws:iam::999999999999:root",
    ),
    *(
        "main:role/*",
        "main:role/x*y?",
        "user/x",
        "log-archive:user/Glass",
        "o-a1b2c3d4e5",
        "r-ab12",
        "us-gov-west-1",
        "cn-north-1",
    ),
)
NUMBERS = (0, 1, -1, 7, 30, 31, 90, 365, 2560, 2561, 36_500, 36_501, 10**12, 10**30, -(2**63), 0.5, 1e300, 0.1)
SHAPES: tuple[Any, ...] = (
    None,
    True,
    False,
    [],
    {},
    [[]],
    {"": ""},
    {"a": {"b": ["c"]}},
    [None],
    [{}],
    {"name": "x"},
    ["x"] * 60,
)
Place = tuple[Any, ...]


@cache
def documents() -> tuple[list[Any], dict[Any, list[Any]]]:
    """Return the sound configs, and all values that any config has, by the key they have there."""
    sound = [yaml.safe_load(path.read_text(encoding="utf-8")) for path in (*EXAMPLES, *GOLDEN)]
    bad = (parse(path.read_text(encoding="utf-8", errors="replace"), "").data for path in BAD)
    known = [*sound, *bad]
    values: dict[Any, list[Any]] = {}
    for config in known:
        for place in places(config):
            values.setdefault(kind_of(place), []).append(at(config, place))
    return sound, values


def places(value: Any, place: Place = ()) -> Iterator[Place]:
    """Yield the place of each value below a value."""
    below = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for step, item in below:
        yield (*place, step)
        yield from places(item, (*place, step))


def at(value: Any, place: Place) -> Any:
    for step in place:
        value = value[step]
    return value


def kind_of(place: Place) -> Any:
    """Return the last key of a place, and how many entries deep below it."""
    keys = [step for step in place if isinstance(step, str)]
    return (keys[-1] if keys else "", isinstance(place[-1], int))


def change(config: Any, chance: random.Random) -> None:
    """Change a config in one place."""
    there = list(places(config))
    if not there:
        return
    place = chance.choice(there)
    parent, step = at(config, place[:-1]), place[-1]
    _, values = documents()
    way = chance.random()
    if way < 0.45:  # what another config has there
        parent[step] = copy.deepcopy(chance.choice(values.get(kind_of(place)) or [None]))
    elif way < 0.55:
        parent[step] = chance.choice(TEXTS)
    elif way < 0.62:
        parent[step] = chance.choice(NUMBERS)
    elif way < 0.68:
        parent[step] = copy.deepcopy(chance.choice(SHAPES))
    elif way < 0.78:
        del parent[step]
    elif way < 0.86 and isinstance(parent[step], list):
        parent[step].extend(copy.deepcopy(chance.choices(parent[step] or [0], k=chance.choice((1, 2, 40)))))
    elif way < 0.94 and isinstance(parent, dict):  # a key of another section, or misspelt
        key = chance.choice([one[0] for one in values]) if way < 0.9 else f"{step}"[:-1]
        parent[key] = copy.deepcopy(chance.choice(values.get((key, False)) or [parent[step]]))
    else:
        other = chance.choice(there)
        parent[step] = copy.deepcopy(at(config, other)) if other in places(config) else None


def spoil(text: str, chance: random.Random) -> bytes:
    """Return the text of a config with something done to the text itself."""
    lines = text.splitlines()
    where = chance.randrange(len(lines) + 1)
    additions = (
        *(
            "x: !!python/object/apply:os.system [id]",
            "x: !!binary aGk=",
            "x: !!int y",
            "x: *nothing",
            "<<: {a: 1}",
            "? [a, b]\n: c",
        ),
        *(
            "x: &a [*a]",
            "\tx: 1",
            "--- ",
            "...",
            "%YAML 1.1",
            "name: twice",
            "x: " + "[" * 200,
            "x: " + "{a: " * 120,
            "x: \x07",
        ),
        "a: &a [x,x,x,x,x,x,x,x,x]\n"
        + "\n".join(f"{b}: &{b} [{','.join([f'*{a}'] * 9)}]" for a, b in zip("abcdefg", "bcdefgh", strict=True)),
        "x: " + "9" * 6000,
        "x: '" + "y" * 90_000 + "'",
    )
    way = chance.randrange(6)
    if way < 3:
        lines.insert(where, chance.choice(additions))
        return "\n".join(lines).encode(errors="surrogatepass")
    if way == 3:
        content = bytearray(text.encode(errors="surrogatepass"))
        for _ in range(chance.choice((1, 3, 30))):
            content[chance.randrange(len(content))] = chance.randrange(256)
        return bytes(content)
    if way == 4:
        return text.encode(chance.choice(("utf-16", "utf-32", "utf-8-sig", "utf-7")), errors="replace")
    cut = chance.randrange(len(text))
    return (text[:cut] + text[cut + chance.choice((1, 5, 400)) :]).encode(errors="surrogatepass")


def config(seed: int) -> bytes:
    """Return the config of a number."""
    chance = random.Random(seed)  # noqa: S311 # no secret
    sound, _ = documents()
    made = copy.deepcopy(chance.choice(sound))
    for _ in range(chance.choice((1, 1, 1, 2, 2, 3, 6))):
        if isinstance(made, dict):
            change(made, chance)
    text = yaml.safe_dump(made, sort_keys=False, allow_unicode=chance.random() < 0.5)
    return spoil(text, chance) if chance.random() < 0.2 else text.encode(errors="surrogatepass")


def outcome(path: Path, templates: Path) -> tuple[int, str]:
    """Return the exit code that ``generate`` ends with before it lints, and what it says; templates that pass go to a folder."""
    try:
        rendered = pipeline.render_within_limits(pipeline.load_all([path])[0])
        if findings := pipeline.prove(rendered).findings:
            raise CheckError(findings)
    except TrailkeyError as error:
        return error.exit_code, str(error)
    for one in rendered.folder.stacks:
        (templates / f"{one.place.region}.{path.stem}.{one.stack.stack}").write_bytes(
            rendered.files[one.stack.template]
        )
    return 0, ""


def main(first: int, last: int, folder: Path) -> None:
    """Try the configs of some numbers, one after the other."""
    import resource

    (folder / "templates").mkdir(parents=True, exist_ok=True)
    for path in EXAMPLES:
        (folder / path.name).write_bytes(path.read_bytes())
    documents()
    for seed in range(first, last):
        path = folder / f"{seed}.yaml"
        path.write_bytes(config(seed))
        print(json.dumps({"seed": seed}), flush=True)  # noqa: T201 # whoever started this reads it, where it is killed
        before = time.process_time()
        code, said = outcome(path, folder / "templates")
        found = {"code": code, "said": len(said), "start": said[:200], "seconds": time.process_time() - before}
        print(json.dumps(found), flush=True)  # noqa: T201
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    print(json.dumps({"most": most // (1024 if sys.platform != "darwin" else 1024 * 1024)}))  # noqa: T201


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]), Path(sys.argv[3]))
