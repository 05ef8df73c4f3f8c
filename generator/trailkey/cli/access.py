"""Show who can do what with the keys of a config, of an output folder or of a policy, decided on the policies as they are deployed.

Writes nothing. Properties that fail do not stop it: they are shown on standard error, and the exit code is 3. Of a policy that no
config describes nothing is proven: the rows are whoever the policy speaks of, and all others.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from trailkey import errors
from trailkey.cli.shared import Options, Parser, formats, pairs, path, show, text
from trailkey.cli.streams import say

if TYPE_CHECKING:
    from collections.abc import Iterable

    from rich.console import RenderableType

SUMMARY = "who can do what with the keys, read back from the rendered policies"


def arguments(parser: Parser) -> None:
    """Declare the arguments."""
    path(parser, "source", "CONFIG|FOLDER", "a config file, or an output folder", nargs="?")
    path(parser, "--policy", "FILE", "a key policy, or a template with keys, in place of a config")
    text(parser, "--key-account", "ID", "the account of the policy's key, where the policy does not show it")
    text(parser, "--region", "REGION", "the Region of the policy's key")
    text(parser, "--parameter", "NAME=VALUE", "a parameter of the template; repeatable", several=True)
    formats(parser, "how to print it; markdown is access.md as generate writes it", "table", "json", "markdown")


def run(options: Options) -> int:
    """Run the command and return its exit code."""
    from trailkey import api
    from trailkey.reports.findings import finding_text

    if options.policy is not None or options.source is None:
        return _of_policy(options)
    if options.key_account or options.region or options.parameter:
        raise errors.UsageError(
            "--key-account, --region, --parameter: for --policy only; configs and output folders have their own; leave them out"
        )
    found = api.access(options.source)
    if options.format == "table":
        from trailkey.reports.access_table import as_table

        _print(as_table(found))
    else:
        from trailkey.reports.access import as_markdown

        show(options, found.as_json(), as_markdown(found).rstrip("\n").split("\n"))
    say(*map(finding_text, found.findings))
    return errors.CHECK_FAILED if found.findings else errors.OK


def _of_policy(options: Options) -> int:
    from trailkey import api

    if (options.policy is None) == (options.source is None):
        raise errors.UsageError("access: name a config, an output folder or --policy FILE, one of them")
    parameters = pairs("--parameter", options.parameter)
    found = api.access(
        policy=options.policy, key_account=options.key_account, region=options.region, parameters=parameters
    )
    if options.format == "table":
        from trailkey.reports.access_table import policy_table

        _print(policy_table(found))
    else:
        from trailkey.reports.access import policy_markdown

        show(options, found.as_json(), policy_markdown(found).rstrip("\n").split("\n"))
    return errors.OK


def _print(parts: Iterable[RenderableType]) -> None:
    from rich.console import Console

    console = Console(highlight=False, soft_wrap=False)
    for part in parts:
        console.print(part)
