"""``trailkey audit``: findings on a key policy that trailkey did not write."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from trailkey import errors

if TYPE_CHECKING:
    import argparse


def add(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Declare the command and its arguments."""
    audit = commands.add_parser(
        "audit",
        help="findings on a key policy that trailkey did not write",
        description="Look for what is wrong with a key policy, over all requests; each finding is shown by a request. Options say what "
        "the policy is for; what they leave out is assumed, and printed. Exit 3 where a finding is an error.",
    )
    audit.add_argument(
        "policy", type=Path, metavar="POLICY", help="a key policy, a template that holds one, or - for standard input"
    )
    audit.add_argument(
        "--trail", action="append", default=[], metavar="ARN", help="a trail that the key is for; may be repeated"
    )
    audit.add_argument("--key-account", default="", metavar="ID", help="the account that owns the key")
    audit.add_argument("--organization", default="", metavar="ID", help="the organization, o-…")
    audit.add_argument(
        "--reader",
        action="append",
        default=[],
        metavar="ARN",
        help="who reads: a role, a pattern, or an account; repeatable",
    )
    audit.add_argument(
        "--administrator", action="append", default=[], metavar="ARN", help="who administers the key; may be repeated"
    )
    audit.add_argument("--deployer", default="", metavar="ARN", help="the role that creates and updates the key")
    audit.add_argument(
        "--break-glass",
        action="append",
        default=[],
        metavar="ARN",
        help="who may delete and repair the key; repeatable",
    )
    audit.add_argument(
        "--parameter", action="append", default=[], metavar="NAME=VALUE", help="a parameter of the template; repeatable"
    )
    audit.add_argument(
        "--format", choices=("table", "json"), default="table", help="how to print findings (default: table)"
    )
    audit.set_defaults(command=_audit)


def _audit(options: argparse.Namespace) -> int:
    import json

    from trailkey.audit.registry import audit_all
    from trailkey.intent import from_options as said
    from trailkey.inventory import find_policies, read_text

    intent = said.intent(
        trails=options.trail,
        organization=options.organization,
        readers=options.reader,
        administrators=options.administrator,
        deployer=options.deployer,
        break_glass=options.break_glass,
    )
    account, parameters = said.key_account(options.key_account), said.parameters(options.parameter)
    text, name = read_text(options.policy)
    report = audit_all(find_policies(text, name, key_account=account, parameters=parameters), intent)
    if options.format == "json":
        print(json.dumps([finding.as_json() for finding in report.findings], indent=2, ensure_ascii=False))
    else:
        from trailkey.reports.audit import audit_lines

        for line in audit_lines(report):
            print(line)
    wrong = any(finding.severity == "error" for finding in report.findings)
    return errors.CHECK_FAILED if wrong else errors.OK
