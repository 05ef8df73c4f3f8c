"""Measure trailkey against `cdk synth` of an app with the same resources. Run: make bench-peers [PAIRS=9]; needs Node.js with npm.

The app (tests/peers/app.js) makes constructs of the CDK's own types from what trailkey wrote, and what it synthesizes is held
against that first: both sides make the same templates. The CDK validates them as it does where nothing else is asked for.
"""

from __future__ import annotations

import json
import os
import shutil
import sys
import tempfile
from pathlib import Path
from typing import Any

from bench import GENERATE, ROOT, Row, alternate, pairs_asked, seconds, table

YARDSTICK = "cdk synth"
EXAMPLES = ("single-account", "organization")


def template(path: Path) -> Any:
    """Return a template with what each resource depends on in one order: that is a set."""
    document = json.loads(path.read_text(encoding="utf-8"))
    for resource in document["Resources"].values():
        needed = resource.get("DependsOn", [])
        resource["DependsOn"] = sorted([needed] if isinstance(needed, str) else needed)
    return document


def compare(written: Path, synthesized: Path) -> int:
    """Return how many templates there are, which both sides make alike; else the measurement ends."""
    stacks = json.loads((written / "rollout.json").read_text(encoding="utf-8"))["stacks"]
    for one in stacks:
        if template(written / one["template"]) != template(synthesized / f"{one['stack']}.template.json"):
            sys.exit(f"{one['stack']}: the CDK makes another template of it, so times would be those of different work")
    return len(stacks)


def rows(example: str, peers: Path, folder: Path, pairs: int) -> list[Row]:
    """Return how long one example takes: the first run, and one with nothing new, which is the same to the CDK."""
    config, output, fresh = str(ROOT / "config" / f"{example}.yaml"), folder / "output", folder / "fresh"
    generate = [*GENERATE, "--format", "json", "--output"]
    seconds([*generate, str(output), config], folder)
    synth = [
        str(peers / "node_modules" / ".bin" / "cdk"),
        *("synth", "--quiet", "--no-notices", "--no-version-reporting", "--no-lookups"),
        *("--output", str(folder / "cdk.out"), "--app", f"node '{peers / 'app.js'}' '{output / example}'"),
    ]

    def theirs() -> float:
        shutil.rmtree(folder / "cdk.out", ignore_errors=True)
        return seconds(synth, folder)

    def first() -> float:
        shutil.rmtree(fresh, ignore_errors=True)
        return seconds([*generate, str(fresh), "--no-cache", config], folder)

    theirs()
    number = compare(output / example, folder / "cdk.out")
    return [
        alternate(f"{example}, first run, templates: {number}", YARDSTICK, first, theirs, pairs),
        alternate(
            f"{example}, unchanged",
            YARDSTICK,
            lambda: seconds([*generate, str(output), config], folder),
            theirs,
            pairs,
        ),
    ]


def main() -> None:
    """Measure and print the table."""
    pairs, peers = pairs_asked(), Path(sys.argv[1]).resolve()
    os.environ |= {"CDK_DISABLE_CLI_TELEMETRY": "true", "CDK_DISABLE_VERSION_CHECK": "true"}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "cache").mkdir(mode=0o700)
        os.environ["XDG_CACHE_HOME"] = str(folder / "cache")
        measured = [row for example in EXAMPLES for row in rows(example, peers, folder, pairs)]
    versions = json.loads((peers / "package.json").read_text(encoding="utf-8"))["dependencies"]
    head = ", ".join(f"{package} {version}" for package, version in versions.items())
    sys.stdout.write(f"{head}; Python {sys.version.split()[0]}, {os.cpu_count()} cores\n\n{table(measured)}\n")


if __name__ == "__main__":
    main()
