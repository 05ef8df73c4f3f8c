"""``trailkey decide``: answers to concrete requests."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

from trailkey import errors

if TYPE_CHECKING:
    import argparse


def add(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Declare the command and its arguments."""
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
    decide.add_argument(
        "--policy", type=Path, metavar="FILE", help="a key policy, or a template with one, to ask instead of a config"
    )
    decide.add_argument(
        "--key-account", default="", metavar="ID", help="the key's account, where a request names no resource"
    )
    decide.add_argument(
        "--format", choices=("table", "json"), default="table", help="how to print answers (default: table)"
    )
    decide.set_defaults(command=_decide)


def _decide(options: argparse.Namespace) -> int:
    import json  # loaded when asked for

    from trailkey import decide  # the same

    if (options.policy is None) == (options.config is None):
        raise errors.UsageError("decide: name a config or --policy FILE, one of the two, and the requests after it")
    asked = decide.of_file(options.policy, options.key_account) if options.policy else decide.of_config(options.config)
    verdicts = decide.answer(asked, options.requests)
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
