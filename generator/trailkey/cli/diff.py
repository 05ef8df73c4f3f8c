"""``trailkey diff``: who gains and who loses access."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

from trailkey import errors

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence


def add(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Declare the command and its arguments."""
    diff = commands.add_parser(
        "diff",
        help="who gains and who loses access",
        description="Who gains and who loses access from OLD to NEW: key policies or templates that hold them, output "
        "folders, or configs. Wording and order make no difference. Where NEW is a config that extends OLD, OLD's "
        "names are first replaced with those of NEW.",
    )
    diff.add_argument(
        "old",
        type=Path,
        metavar="OLD",
        help="a policy or template (- for standard input), an output folder, or a config",
    )
    diff.add_argument("new", type=Path, metavar="NEW", help="what OLD is compared with; the same kinds")
    diff.add_argument(
        "--format", choices=("table", "json", "markdown"), default="table", help="how to print rows (default: table)"
    )
    diff.add_argument("--fail-on-new-access", action="store_true", help="exit 4 where access is gained, or may be")
    diff.add_argument(
        "--key-account", default="", metavar="ID", help="the key's account, where a policy does not show it"
    )
    diff.add_argument(
        "--parameter", action="append", default=[], metavar="NAME=VALUE", help="a value of a template's parameter"
    )
    diff.add_argument(
        "--rename",
        action="append",
        default=[],
        metavar="OLD=NEW",
        help="a name of OLD that is another in NEW, such as an account id",
    )
    diff.set_defaults(command=_diff)


def _diff(options: argparse.Namespace) -> int:
    import json

    from trailkey.diff.sides import Given, compare_sides
    from trailkey.reports.diff import markdown_lines, row_json, table_lines
    from trailkey.sources import read_side

    given = Given(
        key_account=options.key_account,
        parameters=_pairs("--parameter", options.parameter),
        renames=_pairs("--rename", options.rename),
    )
    found = compare_sides(read_side(options.old), read_side(options.new), given)
    for sentence in found.assumptions:
        print(f"assumed: {sentence}", file=sys.stderr)
    for sentence in found.unknown:
        print(f"unknown: {sentence}", file=sys.stderr)
    if options.format == "json":
        print(json.dumps([row_json(row) for row in found.rows], indent=2, ensure_ascii=False))
    else:
        for line in markdown_lines(found) if options.format == "markdown" else table_lines(found):
            print(line)
    if options.fail_on_new_access and found.may_gain:
        return errors.DIFFERS
    return errors.CHECK_FAILED if found.unknown else errors.OK


def _pairs(option: str, written: Sequence[str]) -> dict[str, str]:
    found: dict[str, str] = {}
    for entry in written:
        name, equals, value = entry.partition("=")
        if not name or not equals:
            raise errors.UsageError(
                f"{option} {entry}: not a valid NAME=VALUE; a name, an equals sign and a value; correct it"
            )
        if name in found:
            raise errors.UsageError(f"{option} {entry}: {name} is given twice; each name once; remove one")
        found[name] = value
    return found
