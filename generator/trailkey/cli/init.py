"""``trailkey init``: a starter config."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from trailkey import errors

if TYPE_CHECKING:
    import argparse


def add(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Declare the command and its arguments."""
    init = commands.add_parser(
        "init",
        help="write a commented starter config",
        description="Write a commented starter config; an existing file is never overwritten.",
    )
    kind = init.add_mutually_exclusive_group()
    kind.add_argument(
        "--single-account",
        dest="starter",
        action="store_const",
        const="single-account",
        help="one account holds everything (default)",
    )
    kind.add_argument(
        "--organization",
        dest="starter",
        action="store_const",
        const="organization",
        help="an organization trail, its key and bucket in a log archive",
    )
    init.add_argument(
        "file",
        nargs="?",
        type=Path,
        default=Path("trailkey.yaml"),
        metavar="FILE",
        help="where to write it (default: trailkey.yaml)",
    )
    init.set_defaults(command=_init, starter="single-account")


def _init(options: argparse.Namespace) -> int:
    from trailkey.config.starter import starter
    from trailkey.output.writer import write_new

    write_new(options.file, starter(options.starter, options.file.as_posix()))
    print(f"wrote {options.file}: put in your account ids and names, then run: trailkey generate {options.file}")
    return errors.OK
