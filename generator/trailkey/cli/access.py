"""``trailkey access``: who can do what with the keys of a config."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

from trailkey import errors
from trailkey.reports.findings import finding_text

if TYPE_CHECKING:
    import argparse

    from trailkey.reports.view import Access


def add(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Declare the command and its arguments."""
    access = commands.add_parser(
        "access",
        help="who can do what with the keys, read back from the rendered policies",
        description="Show who can do what with the keys of a config, or of an output folder, decided on the policies as they are "
        "deployed. Writes nothing. Properties that fail do not stop it: they are shown on standard error, and the exit code is 3.",
    )
    access.add_argument("source", type=Path, metavar="CONFIG|FOLDER", help="a config file, or an output folder")
    access.add_argument(
        "--format",
        choices=("table", "json", "markdown"),
        default="table",
        help="how to print it; markdown is access.md as generate writes it (default: table)",
    )
    access.set_defaults(command=_access)


def _access(options: argparse.Namespace) -> int:
    from trailkey import api

    found = api.access(options.source)
    if options.format == "markdown":
        from trailkey.reports.access import as_markdown

        print(as_markdown(found), end="")
    else:
        _show(found, as_json=options.format == "json")
    for finding in found.findings:
        print(finding_text(finding), file=sys.stderr)
    return errors.CHECK_FAILED if found.findings else errors.OK


def _show(access: Access, *, as_json: bool) -> None:
    if as_json:
        import json

        print(json.dumps(access.as_json(), indent=2, ensure_ascii=False))
        return
    from rich.console import Console

    from trailkey.reports.access_table import as_table

    console = Console(highlight=False, soft_wrap=False)
    for part in as_table(access):
        console.print(part)
