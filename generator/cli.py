"""The command line: arguments, printing, exit codes. Nothing else in the project prints or exits.

Heavy imports (pydantic, troposphere, cfn-lint) happen in the command that needs them: ``--help`` needs none.
"""

from __future__ import annotations

import argparse
import os
import sys
import traceback
from pathlib import Path
from typing import TYPE_CHECKING

from generator import __version__, errors

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from generator.pipeline import Result

EPILOG = """exit codes:
  0  fine
  1  a defect of trailkey (a traceback is shown)
  2  usage or config error
  3  a check found an error, nothing was written
  4  the output differs from the config (generate --check)
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
    parser.add_argument("--version", action="version", version=f"trailkey {__version__}")
    commands = parser.add_subparsers(metavar="COMMAND", required=True)

    init = commands.add_parser(
        "init",
        help="write a commented starter config",
        description="Write a commented starter config; refuses to overwrite.",
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

    decide = commands.add_parser(
        "decide",
        help="answer concrete requests with the statements that decide",
        description="Answer concrete requests against the policies a config renders, or a key policy in a file. "
        "A request that carries expect is a test: exit 3 where an answer differs.",
    )
    decide.add_argument(
        "config", nargs="?", type=Path, metavar="CONFIG", help="a config; its key and bucket policies are asked"
    )
    decide.add_argument("requests", type=Path, metavar="REQUESTS", help="requests, JSON or YAML: one or a list")
    decide.add_argument("--policy", type=Path, metavar="FILE", help="a key policy to ask instead of a config")
    decide.add_argument(
        "--key-account", default="", metavar="ID", help="the key's account, where a request names no resource"
    )
    decide.add_argument(
        "--format", choices=("table", "json"), default="table", help="how to print answers (default: table)"
    )
    decide.set_defaults(command=_decide)

    schema = commands.add_parser(
        "schema",
        help="print the JSON Schema of the config, for editors",
        description="Print the JSON Schema of the config.",
    )
    schema.set_defaults(command=_schema)
    return parser


def _init(options: argparse.Namespace) -> int:
    from generator.config.starter import starter  # noqa: PLC0415 # loaded when asked for
    from generator.writer import write_new  # noqa: PLC0415 # the same

    write_new(options.file, starter(options.starter, options.file.as_posix()))
    print(f"wrote {options.file}: put in your account ids and names, then run: trailkey generate {options.file}")
    return errors.OK


def _schema(_options: argparse.Namespace) -> int:
    from generator.config.schema import schema_text  # noqa: PLC0415 # pydantic is loaded when asked for

    print(schema_text(), end="")
    return errors.OK


def _decide(options: argparse.Namespace) -> int:
    import json  # noqa: PLC0415 # loaded when asked for

    from generator import questions  # noqa: PLC0415 # the same

    if (options.policy is None) == (options.config is None):
        raise errors.UsageError("decide: name a config or --policy FILE, one of the two, and the requests after it")
    asked = (
        questions.of_file(options.policy, options.key_account)
        if options.policy
        else questions.of_config(options.config)
    )
    verdicts = questions.answer(asked, options.requests)
    if options.format == "json":
        print(json.dumps([verdict.as_json() for verdict in verdicts], indent=2, ensure_ascii=False))
    else:
        for verdict in verdicts:
            by = ", ".join(str(statement) for statement in verdict.statements)
            print(f"{verdict.decision:8} {verdict.name}: {verdict.reason}{f' ({by})' if by else ''}")
    wrong = [verdict for verdict in verdicts if not verdict.as_expected]
    for verdict in wrong:
        print(
            f"error: {verdict.name}: expected {verdict.expected}, is {verdict.decision} ({verdict.reason})",
            file=sys.stderr,
        )
    return errors.CHECK_FAILED if wrong else errors.OK


def _generate(options: argparse.Namespace) -> int:
    from generator import pipeline  # noqa: PLC0415 # loads pydantic, and later troposphere and cfn-lint

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
    """Say what became of a deployment: what changed by name, what did not by number, then what to know."""
    counts = [change for change in result.changes if change.change == "unchanged"]
    changed = [change for change in result.changes if change.change != "unchanged"]
    verb = "checked" if check else "wrote" if changed else "kept"
    print(f"{verb} {result.folder.as_posix()}/: {len(changed)} changed, {len(counts)} unchanged")
    for change in changed:
        print(f"  {change.change} {change.name}")
    if result.deployment.mirrors:
        print(
            f"  mirrors {result.deployment.mirrors}; differs only in {', '.join(result.deployment.differences) or 'its name'}"
        )
    for notice in result.deployment.notices:
        print(f"  notice: {notice}")


def _progress(*, quiet: bool) -> tuple[Callable[[str], None], Callable[[], None]]:
    """Return what shows a step and what ends the display: one changing line on a terminal, plain lines elsewhere."""
    if quiet:
        return (lambda _step: None), (lambda: None)
    if not sys.stderr.isatty() or os.environ.get("CI"):
        return (lambda step: print(step, file=sys.stderr)), (lambda: None)
    from rich.console import Console  # noqa: PLC0415 # for terminals only

    status = Console(stderr=True).status("start")
    status.start()
    return status.update, status.stop
