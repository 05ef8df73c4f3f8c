"""The statements of the IAM managed policies: the other side of every grant in the key and bucket policies.

Sids of identity policies are letters and digits only. Keys stand by their ARN, never ``*``: Security Hub KMS.1 looks at
Resource alone. See: https://docs.aws.amazon.com/securityhub/latest/userguide/kms-controls.html
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from trailkey.aws import parse_arn
from trailkey.config.deployment import identifier
from trailkey.statements import actions
from trailkey.statements.bucket import bucket_arn
from trailkey.statements.builders import allow, merged, text
from trailkey.statements.grantees import through_s3
from trailkey.statements.trails import trail_context

if TYPE_CHECKING:
    from collections.abc import Iterator

    from awacs.aws import Statement

    from trailkey.config.deployment import Deployment, Reader
    from trailkey.statements.builders import Guard


def reads_logs(reader: Reader, deployment: Deployment, key_arn: Any) -> list[Statement]:
    """A reader decrypts under the conditions of the key policy, and finds, gets and validates log files."""
    bucket, versions = bucket_arn(deployment.config.bucket.name), reader.settings.versions
    objects = [text(f"{bucket}/{prefix}AWSLogs/*") for prefix in deployment.log_prefixes]
    of_organization = any(trail.settings.is_organization_trail for trail in deployment.trails)
    validate = actions.VALIDATE_LOGS_OF_ORGANIZATION if of_organization else actions.VALIDATE_LOGS
    return [
        allow("DecryptLogs", actions.DECRYPT, on=key_arn, guard=_of_logs(reader, deployment, deployment.region)),
        *_decrypts_with_former_keys(reader, deployment),
        allow("GetLogs", actions.READ_OBJECTS[versions], on=objects),
        allow("ListLogs", actions.LIST_BUCKET[versions], on=text(bucket)),
        # These operations know no resource: https://docs.aws.amazon.com/service-authorization/latest/reference/list_awscloudtrail.html
        allow("ValidateLogs", validate),
    ]


def _of_logs(reader: Reader, deployment: Deployment, region: str) -> Guard:
    return merged(trail_context(deployment), through_s3(reader, region))


def _decrypts_with_former_keys(reader: Reader, deployment: Deployment) -> Iterator[Statement]:
    """A reader decrypts what keys of earlier lives encrypted, as their own policies allow. Config key ``former_arns``."""
    regions: dict[str, list[str]] = {}
    for former in deployment.config.key.former_arns:
        arn = parse_arn(former)
        regions.setdefault(arn.region if arn else "", []).append(former)
    for region, arns in regions.items():
        guard = _of_logs(reader, deployment, region)
        sid = f"DecryptFormerLogs{identifier(region)}"
        yield allow(sid, actions.DECRYPT, on=[text(arn) for arn in arns], guard=guard)


def administers_key(key_arn: Any, alias_arn: Any) -> list[Statement]:
    """An administrator manages the key and its alias.

    Alias operations ask for the alias and the key both:
    https://docs.aws.amazon.com/kms/latest/developerguide/alias-access.html
    """
    return [
        allow("AdministerKey", actions.ADMINISTER, on=key_arn),
        allow("ChangeAlias", actions.CHANGE_ALIAS, on=alias_arn),
        allow("FindKey", actions.LIST_KEYS),
    ]


def repairs_key(key_arn: Any) -> list[Statement]:
    """Break glass replaces the key policy, disables and deletes the key, and sees what it repairs."""
    return [
        allow("RepairKey", actions.BREAK_GLASS, on=key_arn),
        allow("LookAtKey", actions.READ_METADATA, on=key_arn),
        allow("FindKey", actions.LIST_KEYS),
    ]


def deploys_key(key_arn: Any, alias_arn: Any) -> list[Statement]:
    """The deployer reads and updates key and alias."""
    return [
        allow("DeployKey", actions.DEPLOY_KEY, on=key_arn),
        allow("ChangeAlias", actions.CHANGE_ALIAS, on=alias_arn),
        allow("FindAlias", actions.LIST_ALIASES),
    ]


def describes_key(key_arn: Any) -> list[Statement]:
    """The deployer of a trail in another account looks at the key."""
    return [allow("DescribeKey", actions.DESCRIBE_KEY, on=key_arn)]


def queries_store(key_arn: Any, store_arn: Any) -> list[Statement]:
    """Who queries an event data store uses its key and runs queries on it.

    See: https://docs.aws.amazon.com/awscloudtrail/latest/userguide/create-kms-key-policy-for-cloudtrail.html
    """
    return [allow("UseKey", actions.LAKE_PEOPLE, on=key_arn), allow("QueryStore", actions.LAKE_QUERY, on=store_arn)]


def uses_store_key(key_arn: Any) -> list[Statement]:
    """The deployer of an event data store uses its key. The same page."""
    return [allow("UseKey", actions.LAKE_PEOPLE, on=key_arn)]
