"""``trailkey access``: who can do what with the keys of a config."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

from trailkey import errors

if TYPE_CHECKING:
    import argparse

    from trailkey.reports.view import Access


def add(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Declare the command and its arguments."""
    access = commands.add_parser(
        "access",
        help="who can do what with the keys, read back from the rendered policies",
        description="Show who can do what with the keys of a config, decided on the policies it renders. Writes nothing. "
        "Properties that fail do not stop it: they are shown on standard error, and the exit code is 3.",
    )
    access.add_argument("config", type=Path, metavar="CONFIG", help="a config file")
    access.add_argument(
        "--format",
        choices=("table", "json", "markdown"),
        default="table",
        help="how to print it; markdown is access.md as generate writes it (default: table)",
    )
    access.set_defaults(command=_access)


def _access(options: argparse.Namespace) -> int:
    from trailkey import pipeline  # noqa: PLC0415 # loads pydantic, troposphere and the prover

    deployment = pipeline.load_all([options.config])[0]
    rendered = pipeline.render(deployment)
    verdict = pipeline.prove(rendered)
    if options.format == "markdown":
        from trailkey.reports.access import as_markdown  # noqa: PLC0415 # what is asked for is loaded

        print(as_markdown(deployment, rendered.documents(), verdict), end="")
    else:
        from trailkey.reports.view import access_of  # noqa: PLC0415 # the same

        _show(access_of(deployment, rendered.documents(), verdict), as_json=options.format == "json")
    for finding in verdict.findings:
        print(finding, file=sys.stderr)
    return errors.CHECK_FAILED if verdict.findings else errors.OK


def _show(access: Access, *, as_json: bool) -> None:
    if as_json:
        import json  # noqa: PLC0415 # the same

        from trailkey.reports import access_json  # noqa: PLC0415 # the same

        print(json.dumps(access_json.as_json(access), indent=2, ensure_ascii=False))
        return
    from rich.console import Console  # noqa: PLC0415 # the same

    from trailkey.reports.access_table import as_table  # noqa: PLC0415 # the same

    console = Console(highlight=False, soft_wrap=False)
    for part in as_table(access):
        console.print(part)
