"""Fill in what a stack gave out: write it to <config>.outputs.json, from which generate puts it into every file.

ANSWER is what aws cloudformation describe-stacks printed. A value of another stack, account, Region or form is refused.
"""

from __future__ import annotations

from trailkey import errors
from trailkey.cli.shared import Options, Parser, path

SUMMARY = "a stack's outputs to <config>.outputs.json"


def arguments(parser: Parser) -> None:
    """Declare the arguments."""
    path(parser, "config", "CONFIG", "the config")
    parser.add_argument("stack", metavar="STACK", help="the stack that gave them out, such as log-archive-key")
    path(parser, "--outputs", "ANSWER", "the answer of describe-stacks (- for standard input)", required=True)


def run(options: Options) -> int:
    """Run the command and return its exit code."""
    from trailkey.fill import fill

    filled = fill(options.config, options.stack, options.outputs)
    for output, value in filled.values.items():
        print(f"{output}: {value}")
    print(f"wrote {filled.path.as_posix()}: commit it, then run trailkey generate {options.config.as_posix()}")
    return errors.OK
