"""Show what trailkey, or one of its commands, does and takes: the same as --help."""

from __future__ import annotations

from trailkey import errors
from trailkey.cli.shared import Options, Parser, near

SUMMARY = "what trailkey, or a command, does and takes"


def arguments(parser: Parser) -> None:
    """Declare the arguments."""
    parser.add_argument("topic", metavar="COMMAND", nargs="?", default="", help="the command (default: all of them)")


def run(options: Options) -> int:
    """Run the command and return its exit code."""
    if options.topic not in options.parsers:
        raise errors.UsageError(f"help: {near(options.topic, filter(None, options.parsers), 'a command')}")
    print(options.parsers[options.topic].format_help(), end="")
    return errors.OK
