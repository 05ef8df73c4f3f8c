"""Measure trailkey against the plain cfn-lint command over the same files, and the prover at scale. Run: make bench [PAIRS=9].

Wall time: of whole processes, or where a row says so of one step in a process of its own (tests/scale.py). The two sides of a
row run in turn, pair by pair, and the ratio is taken within each pair: a machine that slows down slows both. Seconds are
shown for orientation; only the ratios mean something.
"""

from __future__ import annotations

import itertools
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

ROOT = Path(__file__).resolve().parent.parent
PAIRS = 7
LEAST_PAIRS = 5
GROWTH = (
    ("audit", "accounts in one statement", 850),
    ("audit", "a statement for each account", 90),
    ("audit", "CloudTrail under a key of its own each", 108),
    ("audit", "a Deny for each pattern of roles", 148),
    ("diff", "a statement for each account", 190),
    ("diff", "a statement and a context for each account", 60),
    ("diff", "roles by name", 100),
    ("diff", "a role of each account by name", 190),
)
"""Shapes of policies and how many times: what grows with accounts, with statements and with context keys."""
MESSAGE = "Incorrect S3 bucket policy is detected for bucket: acme-cloudtrail-logs"
NOISE = '2026-11-02T09:14:03Z INFO request {"status": 200} in 12 ms of some module\n'
DECISIONS = 10_000
"""How many requests `decide` is to answer in a second."""


@dataclass(frozen=True, slots=True)
class Row:
    """A comparison: the seconds of both commands, pair by pair."""

    name: str
    yardstick: str
    ours: tuple[float, ...]
    theirs: tuple[float, ...]

    @property
    def ratios(self) -> list[float]:
        """Our seconds by theirs, within each pair."""
        return [our / their for our, their in zip(self.ours, self.theirs, strict=True)]


def spread(values: Sequence[float], digits: int) -> str:
    """Return the median with the least and the greatest value: ``1.12 (1.05-1.30)``."""
    return f"{statistics.median(values):.{digits}f} ({min(values):.{digits}f}-{max(values):.{digits}f})"


def table(rows: Sequence[Row]) -> str:
    """Return the rows as a Markdown table with aligned columns."""
    head = ("trailkey", "against", "pairs", "trailkey s", "against s", "ratio")
    lines = [head]
    lines += [
        (row.name, row.yardstick, str(len(row.ours)), spread(row.ours, 3), spread(row.theirs, 3), spread(row.ratios, 2))
        for row in rows
    ]
    widths = [max(len(line[column]) for line in lines) for column in range(len(head))]
    written = [
        "| " + " | ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)) + " |" for line in lines
    ]
    rule = "|" + "|".join("-" * (width + 2) for width in widths) + "|"
    return "\n".join([written[0], rule, *written[1:]])


def seconds(command: Sequence[str], folder: Path) -> float:
    """Run a command in a folder and return its wall time. Its output goes nowhere; a failure ends the measurement."""
    start = time.perf_counter()
    done = subprocess.run(command, cwd=folder, check=False, capture_output=True, text=True)
    taken = time.perf_counter() - start
    if done.returncode != 0:
        sys.exit(f"{' '.join(command)}\nended with {done.returncode}\n{done.stdout}{done.stderr}")
    return taken


def printed(command: Sequence[str], folder: Path) -> float:
    """Run a command in a folder and return the number that it prints. A failure ends the measurement."""
    done = subprocess.run(command, cwd=folder, check=False, capture_output=True, text=True)
    if done.returncode != 0:
        sys.exit(f"{' '.join(command)}\nended with {done.returncode}\n{done.stdout}{done.stderr}")
    return float(done.stdout)


def rate(name: str, values: Sequence[float], least: int) -> str:
    """Return a line on how many there are in a second, the median against what is asked for."""
    met = "met" if statistics.median(values) >= least else "NOT met"
    return f"{name}: {spread(values, 0)} a second in one process; at least {least:,} asked for: {met}"


def alternate(name: str, yardstick: str, ours: Callable[[], float], theirs: Callable[[], float], pairs: int) -> Row:
    """Measure both in turn, the first of each pair changing, after one run of each that does not count."""
    ours(), theirs()
    measured = []
    for number in range(pairs):
        if number % 2:
            their = theirs()
            our = ours()
        else:
            our = ours()
            their = theirs()
        measured.append((our, their))
    return Row(name, yardstick, tuple(our for our, _ in measured), tuple(their for _, their in measured))


def main() -> None:
    """Measure and print the table."""
    pairs = int(os.environ.get("PAIRS") or PAIRS)
    if pairs < LEAST_PAIRS:
        sys.exit(f"PAIRS={pairs}: {LEAST_PAIRS} or more make a median")
    configs = [str(path) for path in sorted((ROOT / "config").glob("*.yaml"))]
    generate = [sys.executable, "-m", "trailkey", "generate", "--quiet"]
    cfn_lint = [str(Path(sys.executable).with_name("cfn-lint")), "-c", "I", "--"]
    # Away from the checkout: the installed package is measured, and no .cfnlintrc is found on the way.
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "cache").mkdir(mode=0o700)
        os.environ["XDG_CACHE_HOME"] = str(folder / "cache")
        kept, fresh = folder / "kept", folder / "fresh"
        seconds([*generate, "--output", str(kept), *configs], folder)
        log, message = folder / "log", folder / "message"
        message.write_text(f"{MESSAGE}\n", encoding="utf-8")
        log.write_text(
            f"{NOISE * (2_500_000 // len(NOISE))}{MESSAGE}\n{NOISE * (2_500_000 // len(NOISE))}", encoding="utf-8"
        )
        copy, numbers = folder / Path(configs[-1]).name, itertools.count()
        templates = [str(path) for path in sorted(kept.glob("*/*.yaml"))]

        def first() -> float:
            shutil.rmtree(fresh, ignore_errors=True)
            return seconds([*generate, "--no-cache", "--output", str(fresh), *configs], folder)

        def unchanged() -> float:
            return seconds([*generate, "--output", str(kept), *configs], folder)

        def changed() -> float:
            number = next(numbers)
            text = Path(configs[-1]).read_text(encoding="utf-8")
            copy.write_text(f"{text}# {number}\n".replace("owner: security", f"owner: team-{number}"), encoding="utf-8")
            return seconds([*generate, "--output", str(kept), *configs[:-1], str(copy)], folder)

        def lint() -> float:
            return seconds([*cfn_lint, *templates], folder)

        def show_help() -> float:
            return seconds([sys.executable, "-m", "trailkey", "--help"], folder)

        def bare() -> float:
            return seconds([sys.executable, "-c", "pass"], folder)

        def explain(log: Path) -> Callable[[], float]:
            return lambda: seconds([sys.executable, "-m", "trailkey", "explain", str(log)], folder)

        scale = [sys.executable, str(ROOT / "tests" / "scale.py")]
        example = str(ROOT / "config" / "organization.yaml")
        largest = str(folder / "largest.yaml")
        seconds([*scale, "largest", example, largest], folder)

        def step(*arguments: str) -> Callable[[], float]:
            return lambda: printed([*scale, *arguments], folder)

        head = f"{len(configs)} configs, {len(templates)} templates, Python {sys.version.split()[0]}, {os.cpu_count()} cores"
        yardstick = "cfn-lint -c I"
        rows = [
            alternate("generate, first run", yardstick, first, lint, pairs),
            alternate("generate, unchanged run", yardstick, unchanged, lint, pairs),
            alternate("generate, one config of three changed", yardstick, changed, lint, pairs),
            alternate("--help", "python -c pass", show_help, bare, max(pairs, 11)),
            alternate("explain, 5 MB of log", "one message", explain(log), explain(message), pairs),
            alternate(
                "prove, key policy near 32 KB",
                "lint its template",
                step("prove", largest),
                step("lint", largest),
                pairs,
            ),
        ]
        rows += [
            alternate(
                f"prove, {readers:,} readers, 100 trails",
                f"{readers // 2} readers",
                step("raw", str(readers), "100"),
                step("raw", str(readers // 2), "100"),
                pairs,
            )
            for readers in (250, 500, 1000)
        ]
        rows += [
            alternate(
                f"{what}, {number} of: {shape}",
                f"{number // 2} of them",
                step(what, shape, str(number)),
                step(what, shape, str(number // 2)),
                pairs,
            )
            for what, shape, number in GROWTH
        ]
        answered = [step("decide", example)() for _ in range(pairs)]
    foot = (
        "Wall seconds: median (least-greatest), of whole processes; prove and lint of the one step, nothing cached but cfn-lint's rules.\n"
        "Ratios are taken pair by pair."
    )
    sys.stdout.write(f"{head}\n\n{table(rows)}\n\n{foot}\n\n{rate('decide', answered, DECISIONS)}\n")


if __name__ == "__main__":
    main()
