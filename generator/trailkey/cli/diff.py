"""Who gains and who loses access from OLD to NEW: key policies or templates that hold them, output folders, or configs.

Wording and order make no difference. Where NEW is a config that extends OLD, OLD's names are first replaced with those of NEW.
"""

from __future__ import annotations

from trailkey import errors
from trailkey.cli.shared import Options, Parser, formats, pairs, path, show, text
from trailkey.cli.streams import say

SUMMARY = "who gains and who loses access"


def arguments(parser: Parser) -> None:
    """Declare the arguments."""
    path(parser, "old", "OLD", "a policy or template (- for standard input), an output folder, or a config")
    path(parser, "new", "NEW", "what OLD is compared with; the same kinds")
    formats(parser, "how to print rows", "table", "json", "markdown")
    parser.add_argument("--fail-on-new-access", action="store_true", help="exit 4 where access is gained, or may be")
    text(parser, "--key-account", "ID", "the key's account, where a policy does not show it")
    text(parser, "--parameter", "NAME=VALUE", "a value of a template's parameter", several=True)
    text(parser, "--rename", "OLD=NEW", "a name of OLD that is another in NEW, such as an account id", several=True)


def run(options: Options) -> int:
    """Run the command and return its exit code."""
    from trailkey import api
    from trailkey.reports.diff import consequence_lines, markdown_lines, row_json, table_lines

    found = api.diff(
        options.old,
        options.new,
        key_account=options.key_account,
        parameters=pairs("--parameter", options.parameter),
        renames=pairs("--rename", options.rename),
    )
    for word, sentences in (("assumed", found.assumptions), ("unknown", found.unknown)):
        say(*(f"{word}: {sentence}" for sentence in sentences))
    if options.format == "json":  # which is a list of rows, and nothing beside
        say(*consequence_lines(found))
    lines = markdown_lines(found) if options.format == "markdown" else table_lines(found)
    show(options, list(map(row_json, found.rows)), lines)
    if options.fail_on_new_access and found.may_gain:
        return errors.DIFFERS
    return errors.CHECK_FAILED if found.unknown else errors.OK
