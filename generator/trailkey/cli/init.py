"""Write a commented starter config, and beside it the schema that editors complete it with.

An existing file is never overwritten.
"""

from __future__ import annotations

from pathlib import Path

from trailkey import errors
from trailkey.cli.shared import Options, Parser, path

SUMMARY = "write a commented starter config"


def arguments(parser: Parser) -> None:
    """Declare the arguments."""
    kinds = parser.add_mutually_exclusive_group()
    for kind, meaning in (
        ("single-account", "one account holds everything (default)"),
        ("organization", "an organization trail, its key and bucket in a log archive"),
    ):
        kinds.add_argument(
            f"--{kind}", dest="starter", action="store_const", const=kind, default="single-account", help=meaning
        )
    default = Path("trailkey.yaml")
    path(parser, "file", "FILE", f"where to write it (default: {default})", nargs="?", default=default)


def run(options: Options) -> int:
    """Run the command and return its exit code."""
    from trailkey.config.schema import schema_text
    from trailkey.config.starter import SCHEMA, starter
    from trailkey.output.one_file import write_new

    write_new(options.file, starter(options.starter, options.file.as_posix()))
    schema = options.file.with_name(SCHEMA)
    if not schema.exists():
        write_new(schema, schema_text())
    print(f"wrote {options.file}: put in your account ids and names, then run: trailkey generate {options.file}")
    return errors.OK
