"""``trailkey generate``: configs to checked templates."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from trailkey import errors

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable

    from trailkey.pipeline import Result


def add(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Declare the command and its arguments."""
    generate = commands.add_parser(
        "generate", help="config to output/<name>/", description="Build, check and write the templates of each config."
    )
    generate.add_argument(
        "configs", nargs="*", type=Path, metavar="CONFIG", help="config files (default: every *.yaml in config/)"
    )
    generate.add_argument(
        "--output",
        type=Path,
        default=Path("output"),
        metavar="DIR",
        help="folder for the deployments (default: output)",
    )
    generate.add_argument(
        "--format", choices=("yaml", "json"), default="yaml", help="format of the templates (default: yaml)"
    )
    generate.add_argument(
        "--check", action="store_true", help="write nothing; exit 4 where the files differ from the config"
    )
    generate.add_argument("--quiet", action="store_true", help="print errors only")
    generate.set_defaults(command=_generate)


def _generate(options: argparse.Namespace) -> int:
    from trailkey import pipeline

    configs = options.configs or pipeline.configs_in(Path("config"))
    show, done = _progress(quiet=options.quiet)
    try:
        results = pipeline.generate(
            configs, options.output, as_json=options.format == "json", check=options.check, progress=show
        )
    finally:
        done()
    differs = False
    for result in results:
        changed = [change for change in result.changes if change.change != "unchanged"]
        differs = differs or bool(changed)
        if not options.quiet:
            _report(result, check=options.check)
    if options.check and differs:
        print(
            "the output differs from the config: run trailkey generate, read the difference, commit it", file=sys.stderr
        )
        return errors.DIFFERS
    return errors.OK


def _report(result: Result, *, check: bool) -> None:
    """Print what became of a deployment: changed files by name, unchanged ones by number, then notices."""
    counts = [change for change in result.changes if change.change == "unchanged"]
    changed = [change for change in result.changes if change.change != "unchanged"]
    verb = "checked" if check else "wrote" if changed else "kept"
    print(f"{verb} {result.folder.as_posix()}/: {len(changed)} changed, {len(counts)} unchanged")
    for change in changed:
        print(f"  {change.change} {change.name}")
    if result.deployment.mirrors:
        from trailkey.config.source import written

        differences = ", ".join(map(written, result.deployment.differences)) or "its name"
        print(f"  mirrors {result.deployment.mirrors}; differs only in {differences}")
    for notice in result.deployment.notices:
        print(f"  notice: {notice}")


def _progress(*, quiet: bool) -> tuple[Callable[[str], None], Callable[[], None]]:
    """Return what shows a step and what ends the display: one changing line on a terminal, plain lines elsewhere."""
    if quiet:
        return (lambda _step: None), (lambda: None)
    if not sys.stderr.isatty() or os.environ.get("CI"):
        return (lambda step: print(step, file=sys.stderr)), (lambda: None)
    from rich.console import Console

    status = Console(stderr=True).status("start")
    status.start()
    return status.update, status.stop
