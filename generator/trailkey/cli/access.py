"""Show who can do what with the keys of a config, or of an output folder, decided on the policies as they are deployed.

Writes nothing. Properties that fail do not stop it: they are shown on standard error, and the exit code is 3.
"""

from __future__ import annotations

from trailkey import errors
from trailkey.cli.shared import Options, Parser, formats, path, show
from trailkey.cli.streams import say

SUMMARY = "who can do what with the keys, read back from the rendered policies"


def arguments(parser: Parser) -> None:
    """Declare the arguments."""
    path(parser, "source", "CONFIG|FOLDER", "a config file, or an output folder")
    formats(parser, "how to print it; markdown is access.md as generate writes it", "table", "json", "markdown")


def run(options: Options) -> int:
    """Run the command and return its exit code."""
    from trailkey import api
    from trailkey.reports.findings import finding_text

    found = api.access(options.source)
    if options.format == "table":
        from rich.console import Console

        from trailkey.reports.access_table import as_table

        console = Console(highlight=False, soft_wrap=False)
        for part in as_table(found):
            console.print(part)
    else:
        from trailkey.reports.access import as_markdown

        show(options, found.as_json(), as_markdown(found).rstrip("\n").split("\n"))
    say(*map(finding_text, found.findings))
    return errors.CHECK_FAILED if found.findings else errors.OK
