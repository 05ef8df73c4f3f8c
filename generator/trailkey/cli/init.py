"""Write a commented starter config; an existing file is never overwritten."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from trailkey import errors

if TYPE_CHECKING:
    import argparse

SUMMARY = "write a commented starter config"


def arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    kinds = parser.add_mutually_exclusive_group()
    for kind, meaning in (
        ("single-account", "one account holds everything (default)"),
        ("organization", "an organization trail, its key and bucket in a log archive"),
    ):
        kinds.add_argument(
            f"--{kind}", dest="starter", action="store_const", const=kind, default="single-account", help=meaning
        )
    parser.add_argument(
        "file",
        nargs="?",
        type=Path,
        default=Path("trailkey.yaml"),
        metavar="FILE",
        help="where to write it (default: trailkey.yaml)",
    )


def run(options: argparse.Namespace) -> int:
    """Run the command and return its exit code."""
    from trailkey.config.starter import starter
    from trailkey.output.writer import write_new

    write_new(options.file, starter(options.starter, options.file.as_posix()))
    print(f"wrote {options.file}: put in your account ids and names, then run: trailkey generate {options.file}")
    return errors.OK
