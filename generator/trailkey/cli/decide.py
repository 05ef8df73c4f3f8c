"""``trailkey decide``: answers to concrete requests."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

from trailkey import errors

if TYPE_CHECKING:
    import argparse

    from trailkey.decide import RequestAnswer


def add(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Declare the command and its arguments."""
    decide = commands.add_parser(
        "decide",
        help="answer concrete requests with the statements that decide",
        description="Answer concrete requests against the policies of an output folder or of what a config renders, or against "
        "a key policy in a file. A request that carries expect is a test: exit 3 where an answer differs.",
    )
    decide.add_argument(
        "config",
        nargs="?",
        type=Path,
        metavar="CONFIG|FOLDER",
        help="a config or an output folder; its key and bucket policies are asked",
    )
    decide.add_argument("requests", type=Path, metavar="REQUESTS", help="requests, JSON or YAML: one or a list")
    decide.add_argument(
        "--policy", type=Path, metavar="FILE", help="a key policy, or a template with one, to ask instead of a config"
    )
    decide.add_argument(
        "--key-account",
        default="",
        metavar="ID",
        help="the account of the policy's key, where neither the policy nor a request names it",
    )
    decide.add_argument(
        "--format", choices=("table", "json"), default="table", help="how to print answers (default: table)"
    )
    decide.set_defaults(command=_decide)


def _decide(options: argparse.Namespace) -> int:
    import json

    from trailkey.reports.decide import answer_json, answer_line, unexpected_line

    answers = _answers(options)
    if options.format == "json":
        print(json.dumps([answer_json(answer) for answer in answers], indent=2, ensure_ascii=False))
    else:
        for answer in answers:
            print(answer_line(answer))
    wrong = [answer for answer in answers if not answer.as_expected]
    for answer in wrong:
        print(unexpected_line(answer), file=sys.stderr)
    return errors.CHECK_FAILED if wrong else errors.OK


def _answers(options: argparse.Namespace) -> list[RequestAnswer]:
    from trailkey.decide import answers_of_deployment, answers_of_file
    from trailkey.sources import deployed_policies

    if (options.policy is None) == (options.config is None):
        raise errors.UsageError(
            "decide: name a config, an output folder or --policy FILE, one of them, and the requests after it"
        )
    if options.policy:
        return answers_of_file(options.policy, options.requests, options.key_account)
    if options.key_account:
        raise errors.UsageError(
            "--key-account: for --policy only; configs and output folders have accounts of their own; leave it out"
        )
    return answers_of_deployment(deployed_policies(options.config), options.requests)
