"""The command line: arguments, printing, exit codes. Nothing else in the project prints or exits.

A command is a module here, named as the command and described by its docstring, with a ``SUMMARY``, with ``arguments``, which
declares them, and with ``run``, which returns the exit code; ``COMMANDS`` lists them.
Heavy imports (pydantic, troposphere, cfn-lint) happen in the command that needs them: ``--help`` needs none.
"""

from __future__ import annotations

import argparse
import sys
import traceback
from typing import TYPE_CHECKING

from trailkey import errors
from trailkey.cli import access, audit, decide, diff, generate, init, schema, streams
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


DEFECT = "this is a defect of trailkey; please report it with the lines above"


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command and exit with its code."""
    sys.exit(run(sys.argv[1:] if arguments is None else arguments))


def run(arguments: Sequence[str]) -> int:
    """Run the command and return its exit code. Errors of the user are printed as they stand, our own with a traceback."""
    try:
        streams.prepare()
        code = _run(arguments)
        sys.stdout.flush()
    except errors.CheckError as error:
        from trailkey.reports.findings import finding_text

        streams.say(*map(finding_text, error.findings))
        return error.exit_code
    except errors.ConfigError as error:
        streams.say(*error.problems)
        return error.exit_code
    except errors.TrailkeyError as error:
        streams.say(str(error))
        return error.exit_code
    except BrokenPipeError:
        return errors.OK  # the reader of our output went away (head, less): not an error
    except KeyboardInterrupt:
        streams.say("interrupted; the output is whole or marked stale: run trailkey generate --check")
        return 130
    except Exception as error:  # noqa: BLE001 # the last door: whatever comes here is our defect, and is shown whole
        if isinstance(error, OSError) and error.filename is None:  # that of a file has its name
            streams.say(f"standard output: cannot be written ({errors.refusal(error)}); give it another file")
            return errors.NOT_WRITTEN
        streams.say(*traceback.format_exc().splitlines(), DEFECT)
        return errors.DEFECT
    finally:
        streams.close()
    return code


def _run(arguments: Sequence[str]) -> int:
    try:
        options = _parser().parse_args(arguments)
    except SystemExit as end:
        return int(end.code or 0)
    return int(options.command(options))


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
