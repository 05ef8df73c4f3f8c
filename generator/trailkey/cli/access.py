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
    from trailkey import pipeline
    from trailkey.proofs.verdict import verdict

    if options.source.is_dir():
        deployment, folder = pipeline.open_folder(options.source)
    else:
        rendered = pipeline.render(pipeline.load_all([options.source])[0])
        deployment, folder = rendered.deployment, rendered.folder
    outcome = verdict(deployment, folder)
    if options.format == "markdown":
        from trailkey.reports.access import as_markdown

        print(as_markdown(deployment, folder.policies, outcome), end="")
    else:
        from trailkey.reports.view import access_of

        _show(access_of(deployment, folder.policies, outcome), as_json=options.format == "json")
    for finding in outcome.findings:
        print(finding_text(finding), file=sys.stderr)
    return errors.CHECK_FAILED if outcome.findings else errors.OK


def _show(access: Access, *, as_json: bool) -> None:
    if as_json:
        import json

        from trailkey.reports import access_json

        print(json.dumps(access_json.as_json(access), indent=2, ensure_ascii=False))
        return
    from rich.console import Console

    from trailkey.reports.access_table import as_table

    console = Console(highlight=False, soft_wrap=False)
    for part in as_table(access):
        console.print(part)
