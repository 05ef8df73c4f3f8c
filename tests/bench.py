"""Measure trailkey against the plain cfn-lint command over the same files, and the prover at scale. Run: make bench [PAIRS=9].

Of whole processes with all that they start, or where a row says so of one step in a process of its own (tests/scale.py). The two sides
of a row run in turn, pair by pair, and the ratio is taken within each pair: a machine that slows down slows both. Seconds are
shown for orientation; only the ratios mean something. With seven pairs it takes a quarter of an hour: most of it is cfn-lint over 500 templates.
"""

from __future__ import annotations

import itertools
import os
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

T = TypeVar("T")
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
GENERATE = (sys.executable, "-m", "trailkey", "generate", "--quiet")
YARDSTICK = "cfn-lint -c I"
CFN_LINT = (str(Path(sys.executable).with_name("cfn-lint")), "-c", "I", "--")
MESSAGE = "Incorrect S3 bucket policy is detected for bucket: acme-cloudtrail-logs"
NOISE = '2026-11-02T09:14:03Z INFO request {"status": 200} in 12 ms of some module\n'
DECISIONS = 10_000
"""How many requests `decide` is to answer in a second."""


FLEET = 100
"""Configs of a fleet, each an organization of five templates."""
SMALL_FLEETS = (3, 10)


@dataclass(frozen=True, slots=True)
class Cost:
    """What a process took, with all that it started and waited for: wall and CPU seconds, and the MiB of the largest one."""

    wall: float
    cpu: float
    peak: float


@dataclass(frozen=True, slots=True)
class Row:
    """A comparison: what both commands took, pair by pair: seconds, or what the name says."""

    name: str
    yardstick: str
    ours: tuple[float, ...]
    theirs: tuple[float, ...]

    @property
    def ratios(self) -> list[float]:
        """Ours by theirs, within each pair."""
        return [our / their for our, their in zip(self.ours, self.theirs, strict=True)]


def spread(values: Sequence[float], digits: int) -> str:
    """Return the median with the least and the greatest value: ``1.12 (1.05-1.30)``."""
    return f"{statistics.median(values):.{digits}f} ({min(values):.{digits}f}-{max(values):.{digits}f})"


def table(rows: Sequence[Row]) -> str:
    """Return the rows as a Markdown table with aligned columns."""
    head = ("trailkey", "against", "pairs", "ours", "theirs", "ratio")
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


def cost(command: Sequence[str], folder: Path) -> Cost:
    """Run a command in a folder and return what it took. A failure ends the measurement with what the command printed."""
    with tempfile.TemporaryFile() as output:
        start = time.perf_counter()
        process = subprocess.Popen(command, cwd=folder, stdout=output, stderr=output)
        _, status, used = os.wait4(process.pid, 0)
        taken = time.perf_counter() - start
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode != 0:
            output.seek(0)
            sys.exit(f"{' '.join(command)}\nended with {process.returncode}\n{output.read().decode(errors='replace')}")
    return Cost(taken, used.ru_utime + used.ru_stime, used.ru_maxrss / 1024)


def seconds(command: Sequence[str], folder: Path) -> float:
    """Run a command in a folder and return its wall time."""
    return cost(command, folder).wall


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


def in_turn(measurements: Sequence[Callable[[], T]], rounds: int) -> list[tuple[T, ...]]:
    """Return what each measurement gives in each round, every other round backwards, after one round that does not count."""
    for measure in measurements:
        measure()
    found = []
    for number in range(rounds):
        order = measurements[::-1] if number % 2 else measurements
        results = [measure() for measure in order]
        found.append(tuple(results[::-1] if number % 2 else results))
    return found


def alternate(name: str, yardstick: str, ours: Callable[[], float], theirs: Callable[[], float], pairs: int) -> Row:
    """Measure both in turn."""
    measured = in_turn((ours, theirs), pairs)
    return Row(name, yardstick, tuple(our for our, _ in measured), tuple(their for _, their in measured))


class Fleet:
    """Configs of one fleet, and commands over them: into a folder that is kept, or into a new one."""

    def __init__(self, number: int, folder: Path) -> None:
        self.folder, self._changes = folder, itertools.count()
        seconds([sys.executable, str(ROOT / "tests" / "scale.py"), "fleet", str(number), str(folder)], folder.parent)
        self._configs = [str(path) for path in sorted(folder.glob("*.yaml"))]
        seconds([*GENERATE, "--output", str(folder / "kept"), *self._configs], folder)
        self.templates = [str(path) for path in sorted(folder.glob("kept/*/*.yaml"))]

    def first(self) -> Cost:
        """Measure a run that finds nothing there, and remembers nothing."""
        shutil.rmtree(self.folder / "new", ignore_errors=True)
        return cost([*GENERATE, "--no-cache", "--output", str(self.folder / "new"), *self._configs], self.folder)

    def unchanged(self) -> Cost:
        """Measure a run with nothing new."""
        return cost([*GENERATE, "--output", str(self.folder / "kept"), *self._configs], self.folder)

    def changed(self) -> Cost:
        """Measure a run with one config that is another, and all of its templates with it."""
        path = Path(self._configs[0])
        text = re.sub(r"owner: [\w-]+", f"owner: team-{next(self._changes)}", path.read_text(encoding="utf-8"))
        path.write_text(text, encoding="utf-8")
        return self.unchanged()

    def lint(self) -> Cost:
        """Measure the plain command over the same templates."""
        return cost([*CFN_LINT, *self.templates], self.folder)


def at_scale(folder: Path, pairs: int) -> Iterator[Row]:
    """Yield the rows of fleets: wall and CPU seconds, MiB, and what a further template adds."""
    fifteen, fifty, all_of_them = (Fleet(number, folder / f"fleet-{number}") for number in (*SMALL_FLEETS, FLEET))
    measured = in_turn(
        (
            fifteen.first,
            fifteen.lint,
            fifty.first,
            fifty.lint,
            all_of_them.first,
            all_of_them.changed,
            all_of_them.unchanged,
            all_of_them.lint,
        ),
        pairs,
    )
    sides = [tuple(one) for one in zip(*measured, strict=True)]
    few, lint_few, fewer, lint_fewer, first, changed, unchanged, lint = sides

    def row(name: str, what: str, ours: Sequence[Cost], theirs: Sequence[Cost]) -> Row:
        mine, its = (tuple(getattr(one, what) for one in side) for side in (ours, theirs))
        return Row(name, YARDSTICK, mine, its)

    number = len(all_of_them.templates)
    yield row(f"{len(fifteen.templates)} templates, first run", "wall", few, lint_few)
    yield row(f"{number} templates, first run", "wall", first, lint)
    yield row(f"{number} templates, first run, CPU s", "cpu", first, lint)
    yield row(f"{number} templates, unchanged", "wall", unchanged, lint)
    yield row(f"{number} templates, one config of {FLEET} changed", "wall", changed, lint)
    yield row(f"{number} templates, first run, largest process, MiB", "peak", first, lint)
    yield row(f"{number} templates, unchanged, largest process, MiB", "peak", unchanged, lint)
    more = number - len(fifty.templates)
    for what, unit in (("wall", "ms"), ("cpu", "CPU ms")):
        growth = [
            tuple((getattr(a, what) - getattr(b, what)) / more * 1000 for a, b in zip(large, small, strict=True))
            for large, small in ((first, fewer), (lint, lint_fewer))
        ]
        yield Row(f"each further template, {len(fifty.templates)} to {number}, {unit}", YARDSTICK, *growth)


def pairs_asked() -> int:
    """Return how many pairs PAIRS asks for; too few end the measurement."""
    pairs = int(os.environ.get("PAIRS") or PAIRS)
    if pairs < LEAST_PAIRS:
        sys.exit(f"PAIRS={pairs}: {LEAST_PAIRS} or more make a median")
    return pairs


def main() -> None:
    """Measure and print the table."""
    pairs = pairs_asked()
    configs = [str(path) for path in sorted((ROOT / "config").glob("*.yaml"))]
    # Away from the checkout: the installed package is measured, and no .cfnlintrc is found on the way.
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "cache").mkdir(mode=0o700)
        os.environ["XDG_CACHE_HOME"] = str(folder / "cache")
        kept, fresh = folder / "kept", folder / "fresh"
        seconds([*GENERATE, "--output", str(kept), *configs], folder)
        log, message = folder / "log", folder / "message"
        message.write_text(f"{MESSAGE}\n", encoding="utf-8")
        log.write_text(
            f"{NOISE * (2_500_000 // len(NOISE))}{MESSAGE}\n{NOISE * (2_500_000 // len(NOISE))}", encoding="utf-8"
        )
        copy, numbers = folder / Path(configs[-1]).name, itertools.count()
        templates = [str(path) for path in sorted(kept.glob("*/*.yaml"))]

        def first() -> float:
            shutil.rmtree(fresh, ignore_errors=True)
            return seconds([*GENERATE, "--no-cache", "--output", str(fresh), *configs], folder)

        def unchanged() -> float:
            return seconds([*GENERATE, "--output", str(kept), *configs], folder)

        def changed() -> float:
            number = next(numbers)
            text = Path(configs[-1]).read_text(encoding="utf-8")
            copy.write_text(f"{text}# {number}\n".replace("owner: security", f"owner: team-{number}"), encoding="utf-8")
            return seconds([*GENERATE, "--output", str(kept), *configs[:-1], str(copy)], folder)

        def lint() -> float:
            return seconds([*CFN_LINT, *templates], folder)

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

        policy = folder / "policy.json"
        policy.write_bytes(
            subprocess.run([*scale, "policy", largest], check=True, capture_output=True, cwd=folder).stdout
        )

        def audit() -> float:
            return seconds(
                [sys.executable, "-m", "trailkey", "audit", "--key-account", "222222222222", str(policy)], folder
            )

        def step(*arguments: str) -> Callable[[], float]:
            return lambda: printed([*scale, *arguments], folder)

        head = f"{len(configs)} configs, {len(templates)} templates, Python {sys.version.split()[0]}, {os.cpu_count()} cores"
        rows = [
            alternate("generate, first run", YARDSTICK, first, lint, pairs),
            alternate("generate, unchanged run", YARDSTICK, unchanged, lint, pairs),
            alternate("generate, one config of three changed", YARDSTICK, changed, lint, pairs),
            *at_scale(folder, pairs),
            alternate("audit, key policy near 32 KB, whole process", "python -c pass", audit, bare, max(pairs, 11)),
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
        "Wall seconds, or what the name says: median (least-greatest), of whole processes; prove and lint of the one step, nothing cached but cfn-lint's rules.\n"
        "Ratios are taken pair by pair."
    )
    sys.stdout.write(f"{head}\n\n{table(rows)}\n\n{foot}\n\n{rate('decide', answered, DECISIONS)}\n")


if __name__ == "__main__":
    main()
