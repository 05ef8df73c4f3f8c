"""Answer concrete requests against the policies of an output folder or of what a config renders, or against a key policy in a file.

A request that carries expect is a test: exit 3 where an answer differs.
"""

from __future__ import annotations

from itertools import chain

from trailkey import errors
from trailkey.cli.shared import Options, Parser, formats, path, show, text
from trailkey.cli.streams import say

SUMMARY = "answer concrete requests with the statements that decide"
EPILOG = """a request:
  - name: the responder reads a log file
    principal: arn:aws:iam::333333333333:role/CloudTrailRead
    action: kms:Decrypt
    context:                # condition keys; who calls, and from which account, is filled in
      kms:ViaService: s3.us-east-1.amazonaws.com
      kms:EncryptionContext:aws:cloudtrail:arn: arn:aws:cloudtrail:us-east-1:111111111111:trail/organization-trail
    identity_policies:      # the caller's own IAM policies
      - Version: "2012-10-17"
        Statement: [{Effect: Allow, Action: "kms:Decrypt", Resource: "*"}]
    expect: allowed         # optional: makes it a test
    # resource: the ARN of a key or object, where it is not the trails' key; scps, rcps: as identity_policies
"""


def arguments(parser: Parser) -> None:
    """Declare the arguments."""
    what = "a config or an output folder; its key and bucket policies are asked"
    path(parser, "config", "CONFIG|FOLDER", what, nargs="?")
    path(parser, "requests", "REQUESTS", "requests, JSON or YAML: one or a list")
    path(parser, "--policy", "FILE", "a key policy, or a template with one, to ask instead of a config")
    whose = "the account of the policy's key, where neither the policy nor a request names it"
    text(parser, "--key-account", "ID", whose)
    formats(parser, "how to print answers", "table", "json")


def run(options: Options) -> int:
    """Run the command and return its exit code."""
    from trailkey import api
    from trailkey.reports.findings import answer_lines, unexpected_line

    if (options.policy is None) == (options.config is None):
        raise errors.UsageError(
            "decide: name a config, an output folder or --policy FILE, one of them, and the requests after it"
        )
    answers = api.decide(options.policy or options.config, options.requests, key_account=options.key_account)
    show(options, [answer.as_json() for answer in answers], chain.from_iterable(map(answer_lines, answers)))
    wrong = [answer for answer in answers if not answer.as_expected]
    say(*map(unexpected_line, wrong))
    return errors.CHECK_FAILED if wrong else errors.OK
