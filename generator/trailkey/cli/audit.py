"""Look for what is wrong with the policy of a key, a log bucket or a topic, over all requests; each finding is shown by a request.

Of a template all of them are judged together with its trails, event data stores and IAM policies: whether the trail can deliver,
and whether readers can read.

Options say what the policy is for; what they leave out is assumed, and printed. Exit 3 where a finding is an error.
"""

from __future__ import annotations

import json

from trailkey import errors
from trailkey.cli.shared import Options, Parser, formats, pairs, path, show, text

SUMMARY = "findings on policies of keys, log buckets and topics that trailkey did not write"


def arguments(parser: Parser) -> None:
    """Declare the arguments."""
    path(
        parser,
        "policy",
        "POLICY",
        "the policy of a key, a log bucket or a topic, a template that holds them, a folder of these, or - for standard input; several "
        "may be given",
        nargs="+",
    )
    text(parser, "--trail", "ARN", "a trail that the key is for; repeatable", several=True)
    parser.add_argument("--lake", action="store_true", help="the key is an event data store's, and no trail's")
    text(parser, "--key-account", "ID", "the account that owns the key, or the bucket")
    text(
        parser, "--region", "REGION", "the Region of the key, where the policy does not show it (default: the trail's)"
    )
    text(parser, "--organization", "ID", "the organization, o-…")
    text(parser, "--reader", "ARN", "who reads: a role, a pattern, or an account; repeatable", several=True)
    text(parser, "--administrator", "ARN", "who administers the key; repeatable", several=True)
    text(parser, "--deployer", "ARN", "the role that creates and updates the key")
    text(parser, "--break-glass", "ARN", "who may delete and repair the key; repeatable", several=True)
    text(parser, "--parameter", "NAME=VALUE", "a parameter of the template; repeatable", several=True)
    path(parser, "--baseline", "FILE", "findings that are accepted, each with a reason")
    path(parser, "--invariants", "FILE", "sentences that have to be so: who alone may do what, and who can")
    parser.add_argument(
        "--skip-others", action="store_true", help="pass over files that hold no such policy, and do not refuse them"
    )
    formats(parser, "how to print findings", "text", "json", "github", "sarif")


def run(options: Options) -> int:
    """Run the command and return its exit code."""
    from trailkey import api
    from trailkey.reports.findings import audit_lines

    report = api.audit(
        options.policy,
        key_account=options.key_account,
        region=options.region,
        parameters=pairs("--parameter", options.parameter),
        trails=options.trail,
        organization=options.organization,
        readers=options.reader,
        administrators=options.administrator,
        deployer=options.deployer,
        break_glass=options.break_glass,
        lake=options.lake,
        baseline=options.baseline,
        invariants=options.invariants,
        skip_others=options.skip_others,
    )
    if options.format == "sarif":
        from trailkey.reports.annotations import sarif

        print(json.dumps(sarif(report), indent=2))
    elif options.format == "github":
        from trailkey.reports.annotations import github_lines

        for line in github_lines(report):
            print(line)
    else:
        show(options, [finding.as_json() for finding in report.findings], audit_lines(report))
    wrong = any(finding.severity == "error" for finding in report.findings)
    return errors.CHECK_FAILED if wrong else errors.OK
