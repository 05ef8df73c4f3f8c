"""The command line: arguments, printing, exit codes. Nothing else in the project prints or exits.

A command is a module here, named as the command and described by its docstring, with a ``SUMMARY``, with ``arguments``, which
declares them, and with ``run``, which returns the exit code; ``COMMANDS`` lists them. One may have an ``EPILOG`` for its help.
Heavy imports (pydantic, troposphere, cfn-lint) happen in the command that needs them: ``--help`` needs none.
"""

from __future__ import annotations

import argparse
import gc
import shutil
import sys
import textwrap
import traceback
from typing import TYPE_CHECKING

from trailkey import errors
from trailkey.cli import access, audit, decide, diff, explain, fill, generate, help, init, schema, streams  # noqa: A004 # named as the command
from trailkey.cli.completion import SHELLS, Completion
from trailkey.cli.shared import Version, near

if TYPE_CHECKING:
    from collections.abc import Sequence

COMMANDS = (init, generate, fill, access, decide, audit, diff, explain, schema, help)

EPILOG = """exit codes:
  0  fine
  1  a defect of trailkey (a traceback is shown)
  2  usage or config error
  3  a check found an error and nothing was written, an answer is not the expected one, or a difference is not decided
  4  the output differs from the config (generate --check), or access is gained (diff --fail-on-new-access)
  5  the output could not be written"""


YOUNG = 100_000
"""Objects that are made before the collector looks for cycles among them: there are few, and looking often costs a tenth of a run."""

DEFECT = "this is a defect of trailkey; please report it with the lines above"


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command and exit with its code."""
    gc.set_threshold(YOUNG)
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
        options = _options(arguments)
    except SystemExit as end:
        return int(end.code or 0)
    return int(options.command(options))


def _options(arguments: Sequence[str]) -> argparse.Namespace:
    """Return what the arguments say. What is not known ends the run with the usage of the command that it was given to."""
    parser = _parser()
    parsers: dict[str, argparse.ArgumentParser] = parser.get_default("parsers")
    named = arguments[0] if arguments else ""
    if named and not named.startswith("-") and named not in parsers:
        parser.error(near(named, filter(None, parsers), "a command"))
    options, unknown = parser.parse_known_args(arguments)
    declared = parsers[options.name]
    wrong = next((one for one in unknown if one.startswith("-")), None)
    if wrong:
        known = declared._option_string_actions  # noqa: SLF001 # argparse has no other way to ask
        declared.error(near(wrong.partition("=")[0], (one for one in known if one.startswith("--")), "an option"))
    if unknown:
        declared.error(f"{unknown[0]!r} is one argument too many; what is taken is shown above; leave it out")
    return options


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="trailkey",
        description="CloudFormation for the KMS key that encrypts CloudTrail logs, checked before it is written.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action=Version, help="show the version")
    meaning = "print the script that completes commands and options in a shell"
    parser.add_argument("--print-completion", action=Completion, choices=SHELLS, help=meaning)
    commands = parser.add_subparsers(metavar="COMMAND", required=True)
    parsers = {"": parser}
    for command in COMMANDS:
        name = command.__name__.rpartition(".")[2]
        declared = commands.add_parser(
            name,
            help=command.SUMMARY,
            description=_filled(command.__doc__ or ""),
            epilog=getattr(command, "EPILOG", None),
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )
        command.arguments(declared)
        declared.set_defaults(command=command.run, name=name)
        parsers[name] = declared
    parser.set_defaults(parsers=parsers)
    return parser


def _filled(text: str) -> str:
    """Return a text as wide as the terminal, paragraph by paragraph; an epilog keeps its lines."""
    width = shutil.get_terminal_size().columns - 2
    return "\n\n".join(textwrap.fill(paragraph, width) for paragraph in text.strip().split("\n\n"))
