"""Build, check and write the templates of each config.

Where a check finds an error nothing is written, and the exit code is 3.
"""

from __future__ import annotations

import os
import sys
from collections import Counter
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from trailkey import errors
from trailkey.cli.shared import Options, Parser, formats, path
from trailkey.cli.streams import say

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from trailkey.remembered import Result

_NAMED = 20
"""How many files with one kind of change are listed by name."""

SUMMARY = "config to output/<name>/"


def arguments(parser: Parser) -> None:
    """Declare the arguments."""
    path(
        parser,
        "configs",
        "CONFIG",
        "config files (default: every *.yaml and *.yml in config/, and trailkey.yaml)",
        nargs="*",
    )
    path(parser, "--output", "DIR", "folder for the deployments (default: output)", default=Path("output"))
    formats(parser, "format of the templates", "yaml", "json")
    parser.add_argument(
        "--check", action="store_true", help="write nothing; exit 4 where the files differ from the config"
    )
    parser.add_argument(
        "--no-cache",
        dest="cache",
        action="store_false",
        help="prove and lint everything again, whatever was proven and linted before",
    )
    parser.add_argument("--quiet", action="store_true", help="print errors only")


def run(options: Options) -> int:
    """Run the command and return its exit code."""
    from trailkey import api

    with _progress(quiet=options.quiet) as show:
        results = api.generate(
            options.configs,
            options.output,
            as_json=options.format == "json",
            check=options.check,
            cache=options.cache,
            progress=show,
        )
    if not options.quiet:
        for result in results:
            _report(result, check=options.check)
    if options.check and any(change.change != "unchanged" for result in results for change in result.changes):
        say("the output differs from the config: run trailkey generate, read the difference, commit it")
        return errors.DIFFERS
    return errors.OK


def _report(result: Result, *, check: bool) -> None:
    """Print what became of a deployment: changed files by name, or many by number as unchanged ones are, then notices."""
    changed = [change for change in result.changes if change.change != "unchanged"]
    verb = "checked" if check else "wrote" if changed else "kept"
    unchanged = len(result.changes) - len(changed)
    print(f"{verb} {result.folder.as_posix()}/: {len(changed)} changed, {unchanged} unchanged")
    kinds = Counter(change.change for change in changed)
    for change in changed:
        if kinds[change.change] <= _NAMED:
            print(f"  {change.change} {change.name}")
    for kind, number in kinds.items():
        if number > _NAMED:
            print(f"  {kind} {number} files")
    if result.mirrors:
        print(f"  mirrors {result.mirrors}; differs only in {', '.join(result.differences) or 'its name'}")
    for notice in result.notices:
        print(f"  notice: {notice}")


@contextmanager
def _progress(*, quiet: bool) -> Iterator[Callable[[str], None]]:
    """Give what shows a step: one changing line on a terminal, plain lines elsewhere."""
    if quiet:
        yield lambda _step: None
    elif not sys.stderr.isatty() or os.environ.get("CI"):
        yield say
    else:
        from rich.console import Console

        with Console(stderr=True).status("start") as status:
            yield status.update
