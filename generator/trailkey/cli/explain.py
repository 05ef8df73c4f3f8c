"""Explain an error of AWS: its cause, where to look in which order, what to do.

It is read as it is pasted, from any tool, with anything around it; or it is a CloudTrail event, the answer of describe-stack-events or
get-trail-status, or a decoded authorization message. With --config the failed call is decided on the policies there: which statement is
short, or where else the denial comes from.
"""

from __future__ import annotations

import sys

from trailkey import errors
from trailkey.cli.shared import Options, Parser, formats, path, show
from trailkey.cli.streams import say

SUMMARY = "the cause of an error of AWS, and which statement is short"
EPILOG = """examples:
  pbpaste | trailkey explain
  trailkey explain event.json --config config/organization.yaml
  aws cloudtrail get-trail-status --name ARN | trailkey explain"""


def arguments(parser: Parser) -> None:
    """Declare the arguments."""
    path(parser, "file", "FILE", "the error; - or nothing for standard input", nargs="?", default="-")
    what = "a config or an output folder, on whose policies the failed call is decided"
    path(parser, "--config", "CONFIG|FOLDER", what)
    formats(parser, "how to print explanations", "text", "json")


def run(options: Options) -> int:
    """Run the command and return its exit code."""
    from trailkey.given import pasted_of
    from trailkey.reports.explain import explanation_lines, explanations_json
    from trailkey.suggest import explain

    if str(options.file) == "-" and sys.stdin is not None and sys.stdin.isatty():
        say("paste the error, and end it with Ctrl-D")
    found = explain(pasted_of(options.file), options.config)
    show(options, explanations_json(found), explanation_lines(found))
    return errors.OK
