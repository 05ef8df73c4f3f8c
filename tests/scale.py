"""What the benchmark proves and asks, at sizes no example has. Each measurement is a process of its own, with nothing cached.

Run by tests/bench.py: ``python tests/scale.py fleet NUMBER FOLDER | largest EXAMPLE FILE | policy FILE | prove FILE | lint FILE | raw READERS TRAILS | decide FILE | audit SHAPE NUMBER | diff SHAPE NUMBER``
prints a number, but for ``policy``, which prints the document.
"""

from __future__ import annotations

import copy
import json
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

import worst
from trailkey import api, pipeline
from trailkey.access.algebra.request_sets import UNKNOWN
from trailkey.access.analysis.resource import key_scope
from trailkey.access.language.evaluate import decide
from trailkey.access.language.policy import parse_policy
from trailkey.access.language.request import parse_request
from trailkey.aws import KEY_POLICY_BYTES, TRAIL_CONTEXT, policy_size
from trailkey.checks.lint import LintInput, lint
from trailkey.findings import Location
from trailkey.intent.from_config import trail_key_intent
from trailkey.intent.model import ReaderIntent, TrailKeyIntent
from trailkey.proofs.judge import judge
from trailkey.proofs.properties.property import Target
from trailkey.proofs.properties.trail_key import OF_THE_TRAIL_KEY

if TYPE_CHECKING:
    from trailkey.config.deployment import Deployment
    from trailkey.proofs.properties.property import Result

HOME = "222222222222"
KEY = f"arn:aws:kms:us-east-1:{HOME}:key/12345678-1234-1234-1234-123456789012"
ORGANIZATION = "o-a1b2c3d4e5"
ORGANIZATIONS = """name: organization-{at:03}
organization: {{id: o-a1b2c3d{at:03}, management_account: management}}
accounts:
  management: {{id: "1000000{at:05}", deployer: role/CloudFormationDeployment}}
  log-archive: {{id: "2000000{at:05}", deployer: role/CloudFormationDeployment}}
key:
  account: log-archive
  administrators: [log-archive:role/KeyAdministrator]
  break_glass: [log-archive:role/BreakGlass]
bucket: {{account: log-archive, region: us-east-1, name: acme-{at:03}-cloudtrail-logs}}
trails:
  - {{name: organization-trail, is_organization_trail: true, home_region: us-east-1, cloudwatch_logs: {{}}}}
readers:
  - {{name: responders, role: log-archive:role/CloudTrailRead}}
  - {{name: analysts, permission_set: SecurityAnalyst, account: log-archive}}
tags: {{owner: security}}
"""
VIA = "s3.us-east-1.amazonaws.com"
REQUESTS = 20_000
ALLOW_ALL = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "kms:*", "Resource": "*"}]}


def reader(number: int) -> dict[str, str]:
    """A reader of a config: a role, a permission set and an organizational unit in turn, each as long as any of its kind."""
    kinds = (
        {"role": f"security:role/Reader{number:04}"},
        {"permission_set": f"Reader{number:04}", "account": "security"},
        {"principal_org_path": f"{ORGANIZATION}/r-ab12/ou-ab12-1111{number:04}/*"},
    )
    return {"name": f"reader-{number:04}", **kinds[number % len(kinds)]}


def largest(example: Path, path: Path) -> float:
    """Write the example with as many readers as its key policy has room for, and return the policy's bytes."""

    def with_readers(count: int) -> int:
        data = {**yaml.safe_load(example.read_text(encoding="utf-8")), "readers": [reader(at) for at in range(count)]}
        path.write_text(yaml.safe_dump(data), encoding="utf-8")
        return policy_size(rendered(path)[1])

    three, six = with_readers(3), with_readers(6)
    size = with_readers(3 + 3 * ((KEY_POLICY_BYTES - three) // (six - three)))
    if not KEY_POLICY_BYTES * 0.95 < size <= KEY_POLICY_BYTES:
        sys.exit(f"the key policy has {size} bytes; near {KEY_POLICY_BYTES} was asked for")
    return size


def fleet(number: int, folder: Path) -> float:
    """Write configs of so many organizations, each of five templates with texts of its own, and return their number."""
    folder.mkdir()
    for at in range(number):
        (folder / f"organization-{at:03}.yaml").write_text(ORGANIZATIONS.format(at=at), encoding="utf-8")
    return number


def rendered(config: Path) -> tuple[Deployment, dict[str, Any], str]:
    """Return a deployment, its key policy as KMS will get it, and the template that holds it."""
    deployment = pipeline.load_all([config])[0]
    rendered = pipeline.render(deployment)
    key = rendered.folder.policies.keys[0]
    return deployment, key.document, rendered.files[key.location.file].decode()


def raw(readers: int, trails: int) -> tuple[dict[str, Any], TrailKeyIntent]:
    """Return a key policy beyond every limit of AWS, and what it is meant for.

    Readers are roles, patterns of roles, accounts and organizational units in turn; each statement lists every trail's owner.
    """
    owners = [f"{500_000_000_000 + number}" for number in range(trails)]
    arns = tuple(f"arn:aws:cloudtrail:us-east-1:{owner}:trail/trail" for owner in owners)
    context = {TRAIL_CONTEXT: [f"arn:aws:cloudtrail:*:{owner}:trail/*" for owner in owners]}
    service = {"Effect": "Allow", "Principal": {"Service": "cloudtrail.amazonaws.com"}, "Resource": "*"}
    source = {"StringEquals": {"aws:SourceArn": arns}}
    statements: list[dict[str, Any]] = [
        {**service, "Action": "kms:GenerateDataKey*", "Condition": {**source, "StringLike": context}},
        {**service, "Action": "kms:DescribeKey", "Condition": source},
    ]
    settings = []
    for number in range(readers):
        who, more, setting = _raw_reader(number)
        condition = {"StringLike": context, "StringEquals": {"kms:ViaService": VIA}, **more}
        statements.append(
            {"Effect": "Allow", "Principal": who, "Action": "kms:Decrypt", "Resource": "*", "Condition": condition}
        )
        settings.append(setting)
    document = {"Version": "2012-10-17", "Statement": _as_lists(statements)}
    return document, TrailKeyIntent(
        path=("key",),
        deployer_path=("accounts",),
        partition="aws",
        account=HOME,
        region="us-east-1",
        alias="alias/logs",
        administrators=(f"arn:aws:iam::{HOME}:role/KeyAdministrator",),
        break_glass=(),
        deployer="",
        pending_window_days=30,
        trails=arns,
        contexts=tuple(f"arn:aws:cloudtrail:*:{owner}:trail/*" for owner in owners),
        readers=tuple(settings),
        trail_deployers=(),
        cloudtrail_decrypts=False,
    )


def _raw_reader(number: int) -> tuple[Any, dict[str, Any], ReaderIntent]:
    account = f"{400_000_000_000 + number}"
    reader = ReaderIntent(name=f"reader-{number}", path=("readers", number), partition="aws", via_service=(VIA,))
    path = f"{ORGANIZATION}/r-ab12/ou-ab12-{number:08}/*"
    ending = ("", "*")
    if number % 4 < len(ending):
        arn = f"arn:aws:iam::{account}:role/Reader{ending[number % 4]}"
        return {"AWS": account}, {"ArnLike": {"aws:PrincipalArn": arn}}, replace(reader, principal_arns=(arn,))
    if number % 4 == len(ending):
        return {"AWS": account}, {}, replace(reader, account=account)
    beyond = {
        "StringEquals": {"kms:ViaService": VIA, "aws:PrincipalOrgID": ORGANIZATION},
        "StringNotEquals": {"aws:PrincipalAccount": HOME},
        "ForAnyValue:StringLike": {"aws:PrincipalOrgPaths": path},
    }
    return "*", beyond, replace(reader, organization_id=ORGANIZATION, organization_path=path)


def _as_lists(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _as_lists(entry) for key, entry in value.items()}
    return [_as_lists(entry) for entry in value] if isinstance(value, list | tuple) else value


def questions_about(trail: str, key: str) -> list[dict[str, Any]]:
    """Return requests of every kind about the organization example's key; the first five are allowed, the rest denied."""
    cloudtrail = {"principal": "cloudtrail.amazonaws.com", "action": "kms:GenerateDataKey", "resource": key}
    own, read = {TRAIL_CONTEXT: trail}, {TRAIL_CONTEXT: trail, "kms:ViaService": VIA}
    role = {"principal": "arn:aws:iam::333333333333:role/CloudTrailRead", "action": "kms:Decrypt", "resource": key}
    unit = {"aws:PrincipalOrgID": ORGANIZATION, "aws:PrincipalOrgPaths": [f"{ORGANIZATION}/r-ab12/ou-ab12-11111111/"]}
    trusted = {"identity_policies": [ALLOW_ALL]}
    return [
        {**cloudtrail, "context": {**own, "aws:SourceArn": trail}},
        {**cloudtrail, "action": "kms:DescribeKey", "context": {"aws:SourceArn": trail}},
        {**role, "context": read, **trusted},
        {**role, "principal": "arn:aws:iam::444444444444:role/Other", "context": {**read, **unit}, **trusted},
        {**role, "principal": f"arn:aws:iam::{HOME}:root", "action": "kms:PutKeyPolicy"},
        {**role, "context": read},
        {**role, "context": own, **trusted},
        {**cloudtrail, "principal": "sns.amazonaws.com"},
        {**role, "principal": f"arn:aws:iam::{HOME}:role/KeyAdministrator", **trusted},
        {**role, "principal": "arn:aws:iam::999999999999:user/Nobody", "action": "kms:Encrypt"},
    ]


def prove(document: dict[str, Any], setting: TrailKeyIntent, key: str) -> tuple[float, list[Result]]:
    """Return the seconds from a policy's document to the answers about it, and the answers."""
    start = time.perf_counter()
    policy = parse_policy(document, resource_based=True)
    target = Target(
        location=Location(file="Key"), policy=policy, scope=key_scope(key), purpose=setting, properties=OF_THE_TRAIL_KEY
    )
    answers = list(judge(target))
    return time.perf_counter() - start, answers


def prove_config(config: Path) -> float:
    """Return the seconds of proving a config's key policy; ends where a property does not hold."""
    deployment, document, _ = rendered(config)
    taken, answers = prove(document, trail_key_intent(deployment), KEY.replace(HOME, deployment.key_account.id))
    _end_where([judged.id for judged in answers if not judged.holds], "not proven")
    return taken


def prove_raw(readers: int, trails: int) -> float:
    """Return the seconds of proving a raw policy; ends where an answer is unknown."""
    document, setting = raw(readers, trails)
    taken, answers = prove(document, setting, KEY)
    _end_where([judged.id for judged in answers if judged.answer.verdict == UNKNOWN], "unknown")
    return taken


def lint_config(config: Path) -> float:
    """Return the seconds of linting the template with a config's key, once cfn-lint is loaded and its rules are built."""
    template = LintInput(rendered(config)[2], ("us-east-1",))
    lint({"warm-up.yaml": LintInput("Resources: {Topic: {Type: AWS::SNS::Topic}}\n", ("us-east-1",))})
    start = time.perf_counter()
    found = lint({"key.yaml": template})
    taken = time.perf_counter() - start
    _end_where([match.message for match in found], "cfn-lint")
    return taken


def decide_rate(config: Path) -> float:
    """Return how many requests about a config's key are read and answered in a second, none of them twice the same object."""
    deployment, document, _ = rendered(config)
    policy = parse_policy(document, resource_based=True)
    asked = questions_about(deployment.trails[0].arn, KEY)
    decisions = [decide(parse_request(one), resource_policy=policy).decision for one in asked]
    _end_where([str(decisions)] if decisions != ["allowed"] * 5 + ["denied"] * 5 else [], "decided otherwise")
    requests = [copy.deepcopy(one) for _ in range(REQUESTS // len(asked)) for one in asked]
    start = time.perf_counter()
    for one in requests:
        decide(parse_request(one), resource_policy=policy)
    return len(requests) / (time.perf_counter() - start)


def _end_where(problems: list[str], what: str) -> None:
    if problems:
        sys.exit(f"{what}: {', '.join(problems)}")


def judge_worst(what: str, shape: str, number: int) -> float:
    """Return the seconds of an audit of a policy of a shape, or of a comparison with one that has nothing of it."""
    document = worst.of_many(shape, number)
    start = time.perf_counter()
    if what == "audit":
        api.audit(document)
    else:
        api.diff(worst.policy(), document)
    return time.perf_counter() - start


def main(what: str, *arguments: str) -> None:
    """Print one measurement."""
    measured: float
    if what == "raw":
        measured = prove_raw(int(arguments[0]), int(arguments[1]))
    elif what in ("audit", "diff"):
        measured = judge_worst(what, arguments[0], int(arguments[1]))
    elif what == "fleet":
        measured = fleet(int(arguments[0]), Path(arguments[1]))
    elif what == "policy":
        sys.stdout.write(json.dumps(rendered(Path(arguments[0]))[1]))
        return
    elif what == "largest":
        measured = largest(Path(arguments[0]), Path(arguments[1]))
    else:
        measured = {"prove": prove_config, "lint": lint_config, "decide": decide_rate}[what](Path(arguments[0]))
    sys.stdout.write(f"{measured}\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
