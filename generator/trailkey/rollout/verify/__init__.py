"""verify.sh: tries a deployment, in the mirrored environment or the real one, with the AWS CLI."""

from __future__ import annotations

import re
from importlib import resources
from typing import TYPE_CHECKING, Final

from trailkey.aws import URL_SUFFIXES, parse_arn
from trailkey.config.deployment import identifier
from trailkey.config.resolve.principals import is_pattern
from trailkey.rollout.shell import words

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from trailkey.config.deployment import Deployment, Reader, Trail
    from trailkey.output.manifest import Manifest

VERIFY: Final = "verify.sh"


def verify_script(deployment: Deployment, manifest: Manifest) -> bytes:
    """Return verify.sh: what is the same everywhere, then a line for each trail, reader and person.

    Each check names the statements that it tries. KMS says by a dry run whether it would allow a call, without making it:
    https://docs.aws.amazon.com/kms/latest/developerguide/testing-permissions.html
    """
    fixed = resources.files(__package__).joinpath(VERIFY).read_text(encoding="utf-8")
    head = [
        "#!/usr/bin/env bash",
        f"# Tries deployment {deployment.name}: what its policies allow and refuse. Built by trailkey: change the config, not this file.",
        "# It needs bash and the AWS CLI, version 1 or 2.",
        "#",
    ]
    settings = [
        "# This deployment.",
        f"home_region={words(deployment.region)}",
        # A grant is asked for in a dry run only, for somebody who is there in any case.
        f"grantee={words(f'arn:{deployment.partition}:iam::{deployment.key_account.id}:root')}",
        "",
    ]
    return "\n".join([*head, fixed.rstrip("\n"), "", *settings, *_checks(deployment, manifest), "verdict", ""]).encode()


def _checks(deployment: Deployment, manifest: Manifest) -> Iterator[str]:
    deployers = {stack.home[0]: _role(stack.deployer) for stack in manifest.stacks if stack.deployer}
    key, region, bucket = deployment.key_account, deployment.region, deployment.config.bucket.name
    for account, role in deployers.items():
        yield f"world {words(account, role)}"
    # The others of that place take its key, so it comes first.
    stack = next(one.stack for one in manifest.stacks if one.stack_set is None and one.home == (key.id, region))
    yield f"become {words(f'deployer/{key.id}', deployers.get(key.id, ''))}"
    yield f"key_of {words(stack, 'KeyArn', region)}"
    for trail in deployment.trails:
        if trail.account is None or trail.in_set:
            continue
        yield f"trail {words(*_trail(trail, trail.account.id, deployment, deployers))}"
        home = trail.settings.home_region
        yield f"other_trail {words(trail.settings.name, trail.account.id, home, bucket, deployment.partition)}"
    for trail, *_ in deployment.trail_sets:
        suffix = identifier(trail.settings.name) if trail.account is None else ""
        yield f"member {words(*_trail(trail, '*', deployment, {}), deployment.partition, suffix)}"
    context = deployment.trails[0].arn.replace("*", key.id)
    host = f"s3.{region}.{URL_SUFFIXES[deployment.partition]}"
    for reader in deployment.readers:
        statement = f"Reader{identifier(reader.name)}"
        through = "through-s3" if reader.settings.via_service else "directly"
        yield f"reader {words(reader.name, _reader_role(reader), statement, region, bucket, context, host, through)}"
    keepers = [
        *(
            ("administrator", arn, "AdministratorsManageKey, AdministratorsNeverUseKey")
            for arn in deployment.administrators
        ),
        *(("break-glass", arn, "BreakGlassRepairsKey") for arn in deployment.break_glass),
        *([("deployer", key.deployer, "DeployerUpdatesKey")] if key.deployer else []),
    ]
    for kind, arn, statement in keepers:
        who = f"{kind}/{key.id if kind == 'deployer' else _name(arn)}"
        yield f"keeper {words(who, _role(arn), statement, region, context)}"
    for owner in deployment.deploying_elsewhere:
        statement = f"TrailDeployer{identifier(owner.name)}"
        yield f"sees {words(f'deployer/{owner.id}', _role(owner.deployer), statement, region)}"
    for account in _outside(deployment):
        whose = "own" if account == deployment.bucket_account.id else "elsewhere"
        yield f"outsider {words(account, region, bucket, context, whose)}"
    for one in manifest.stacks:
        if one.stack_set is not None:
            account, home = one.home
            yield f"instances {words(one.stack, account, deployers.get(account, ''), home, one.stack_set.call_as)}"
    for store in deployment.stores:
        account, home = store.account.id, store.settings.region
        yield f"store {words(store.settings.name, account, deployers.get(account, ''), home)}"


def _outside(deployment: Deployment) -> Iterator[str]:
    """Yield the accounts in which somebody can be an outsider: not where IAM decides who reads."""
    whole = {one.account.id for one in deployment.readers if one.account and not one.principal_arns}
    anywhere = any(one.account is None for one in deployment.readers)
    for account in deployment.accounts.values():
        if account == deployment.key_account or (account.ours and account.id not in whole and not anywhere):
            yield account.id


def _trail(trail: Trail, account: str, deployment: Deployment, deployers: dict[str, str]) -> Sequence[str]:
    """Return what verify.sh is told of a trail; the prefix is that of the log files of its own account, without the day.

    ``*`` stands for an account that only whoever runs it knows.
    """
    settings = trail.settings
    arn = f"arn:{deployment.partition}:cloudtrail:{settings.home_region}:{account}:trail/{settings.name}"
    prefix = f"{settings.s3_key_prefix}/" if settings.s3_key_prefix else ""
    organization = deployment.config.organization
    of_organization = f"{organization.id}/" if settings.is_organization_trail and organization else ""
    return (
        settings.name,
        arn,
        account,
        deployers.get(account, ""),
        settings.home_region,
        deployment.config.bucket.name,
        f"{prefix}AWSLogs/{of_organization}{account}/CloudTrail/{settings.home_region}/",
        str(settings.is_multi_region_trail),
        str(settings.is_organization_trail),
        str(settings.enable_log_file_validation),
    )


def _reader_role(reader: Reader) -> str:
    """Return the role of a reader that is one; an empty text where only a profile can stand for it, or a service is the reader."""
    return _role(reader.principal_arns[0]) if reader.iam_policy == "attached" else ""


def _role(arn: str | None) -> str:
    """Return the ARN of a role that can be assumed; an empty text for a pattern, a user, or nobody."""
    parts = parse_arn(arn or "")
    return str(arn) if parts and parts.resource.startswith("role/") and not is_pattern(str(arn)) else ""


def _name(arn: str) -> str:
    """Return the name of a role or user; of a pattern what it is sure of."""
    return re.sub(r"[*?]+", "", arn.rpartition("/")[2]).strip("_") or "any"
