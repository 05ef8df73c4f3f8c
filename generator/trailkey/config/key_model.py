"""The part of a config that describes a key: who looks after it, and what is told of it."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from trailkey.aws import PENDING_WINDOW_DAYS, ROTATION_PERIOD_DAYS
from trailkey.config import names
from trailkey.config.section import NOT_NULL, Principal, Section


class Alarm(Section):
    """Tells of calls that endanger key, trails and bucket: EventBridge rules and a topic in each account and Region where such calls happen."""

    topic_arns: tuple[names.TopicArn, ...] = ()
    """Existing SNS topics whose policies let EventBridge publish, at most one in each of these places; where none is named a topic is made."""
    email: Annotated[names.Email | None, NOT_NULL] = None
    """An address that is subscribed to the topics made here; whoever reads the mail must confirm."""
    kms_key: Annotated[names.TopicKey | None, NOT_NULL] = None
    """A key for the topics made here (never the trails'), whose policy lets EventBridge use kms:Decrypt and kms:GenerateDataKey*; an alias leads to a key in each place. Not encrypted without it."""
    trail_elsewhere: bool = False
    """A trail that is not of this config logs write management events, those of KMS too, where the alarm watches; else the trails here must."""


class KeySettings(Section):
    """What every KMS key made here is given. Keys are symmetric (SYMMETRIC_DEFAULT); CloudTrail accepts no other."""

    description: Annotated[names.Description | None, NOT_NULL] = None
    """Description of the key."""
    rotation_period_days: Annotated[int, Field(ge=ROTATION_PERIOD_DAYS[0], le=ROTATION_PERIOD_DAYS[1])] = 365
    """Days between automatic rotations; old logs stay readable, the ARN stays the same."""
    pending_window_days: Annotated[int, Field(ge=PENDING_WINDOW_DAYS[0], le=PENDING_WINDOW_DAYS[1])] = 30
    """Days a deletion can still be cancelled; nobody schedules it with fewer."""


class Key(KeySettings):
    """The key that encrypts the trails' logs. Its Region is the bucket's."""

    account: str
    """Name of the account that owns the key."""
    alias: names.Alias = "alias/cloudtrail-logs"
    """Alias of the key; policy names are made from it."""
    administrators: tuple[Principal, ...] = ()
    """Roles and users who describe, tag and rotate the key, and are denied every use of it and every change of its policy."""
    break_glass: tuple[Principal, ...] = ()
    """Roles and users who may replace the key policy, disable and delete the key."""
    former_arns: tuple[names.KeyArn, ...] = ()
    """ARNs of keys of earlier lives, such as the one a deleted stack left behind: readers keep kms:Decrypt on them, under the same conditions, so that old logs stay readable. Their own key policies decide too."""
    name_roles: bool = False
    """Name exact roles as Principal instead of the account with aws:PrincipalArn. In the key's account no IAM policy is then needed; a role must exist first, and one that is re-created has lost its access."""
    alarm: Alarm | None = None
    """Tell of changes that endanger the key; ``{}`` for the defaults."""
