"""The command line: arguments, printing, exit codes. Nothing else in the project prints or exits.

A command is a module here, named as the command and described by its docstring, with a ``SUMMARY``, with ``arguments``, which
declares them, and with ``run``, which returns the exit code; ``COMMANDS`` lists them.
Heavy imports (pydantic, troposphere, cfn-lint) happen in the command that needs them: ``--help`` needs none.
"""

from __future__ import annotations

import argparse
import os
import sys
import traceback
from typing import TYPE_CHECKING

from trailkey import errors
from trailkey.cli import access, audit, decide, diff, generate, init, schema
from trailkey.version import VERSION

if TYPE_CHECKING:
    from collections.abc import Sequence

COMMANDS = (init, generate, access, decide, audit, diff, schema)

EPILOG = """exit codes:
  0  fine
  1  a defect of trailkey (a traceback is shown)
  2  usage or config error
  3  a check found an error and nothing was written, an answer is not the expected one, or a difference is not decided
  4  the output differs from the config (generate --check), or access is gained (diff --fail-on-new-access)
  5  the output could not be written"""


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command and exit with its code."""
    sys.exit(run(sys.argv[1:] if arguments is None else arguments))


def run(arguments: Sequence[str]) -> int:
    """Run the command and return its exit code. Errors of the user are printed as they stand, our own with a traceback."""
    parser = _parser()
    try:
        options = parser.parse_args(arguments)
    except SystemExit as end:
        return int(end.code or 0)
    try:
        return int(options.command(options))
    except errors.CheckError as error:
        from trailkey.reports.findings import finding_text

        for finding in error.findings:
            print(finding_text(finding), file=sys.stderr)
        return error.exit_code
    except errors.TrailkeyError as error:
        print(error, file=sys.stderr)
        return error.exit_code
    except BrokenPipeError:
        # The reader of our output went away (head, less): not an error. Keep Python from flushing into the closed pipe.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return errors.OK
    except KeyboardInterrupt:
        print("interrupted; the output is whole or marked stale: run trailkey generate --check", file=sys.stderr)
        return 130
    except Exception:  # noqa: BLE001 # the last door: whatever comes here is our defect, and is shown whole
        traceback.print_exc()
        print("this is a defect of trailkey; please report it with the lines above", file=sys.stderr)
        return errors.DEFECT


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="trailkey",
        description="CloudFormation for the KMS key that encrypts CloudTrail logs, checked before it is written.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"trailkey {VERSION}")
    commands = parser.add_subparsers(metavar="COMMAND", required=True)
    for command in COMMANDS:
        name = command.__name__.rpartition(".")[2]
        declared = commands.add_parser(name, help=command.SUMMARY, description=command.__doc__)
        command.arguments(declared)
        declared.set_defaults(command=command.run)
    return parser
