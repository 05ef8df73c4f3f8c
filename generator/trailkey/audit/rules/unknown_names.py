"""Actions, condition keys and service principals that do not exist: AWS takes most of them and they do nothing."""

from __future__ import annotations

import re
from difflib import get_close_matches
from typing import TYPE_CHECKING, Final

from trailkey.access.language.catalog import GLOBAL_KEYS, condition_keys, is_known
from trailkey.audit.rule import EVERYWHERE, Match, PolicyRule
from trailkey.audit.statement_facts import matching
from trailkey.aws import CLOUDTRAIL

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from trailkey.audit.subject import Subject

_NEVER_SENT: Final = ("cloudtrail", "dynamodb", "iam", "kms", "logs", "s3", "sns", "sqs")
"""Services whose condition keys their own requests carry, and no request to another does."""
_NAMES: Final = {"kms": "KMS", "s3": "S3", "sns": "SNS"}
_OLD: Final = ("aws:sourceowner", "sns:receive")
"""What the policy of a new topic has, and no list: https://docs.aws.amazon.com/sns/latest/dg/sns-access-policy-use-cases.html"""

_SERVICES: Final = (
    CLOUDTRAIL,
    "access-analyzer.amazonaws.com",
    "cloudwatch.amazonaws.com",
    "config.amazonaws.com",
    "controltower.amazonaws.com",
    "delivery.logs.amazonaws.com",
    "events.amazonaws.com",
    "guardduty.amazonaws.com",
    "securityhub.amazonaws.com",
)
"""Principals that stand in key policies of trails, long enough that a name beside one of them is a slip.
https://docs.aws.amazon.com/awscloudtrail/latest/userguide/create-kms-key-policy-for-cloudtrail.html"""

_CLOUDTRAIL: Final = re.compile(
    r"cloudtrail(\.[a-z0-9-]+)?\.(amazonaws\.com(\.cn)?|amazon\.com|aws\.com|aws\.amazon\.com|aws\.internal)"
)
_SUFFIX: Final = ".amazonaws.com"
_ALIKE: Final = 0.82
"""How alike a slip and its name are: conifg and config are (0.83), appconfig and config, two services, are not (0.8)."""


def meant_service(name: str) -> str:
    """Return the service principal that a name was meant to be, or an empty text where it is one, or nothing is near.

    CloudTrail has one principal in every partition and Region, so every other form of its name is wrong; of other services
    only a slip of a letter or two is. A name that is merely unknown is fine: AWS has hundreds.
    https://docs.aws.amazon.com/awscloudtrail/latest/userguide/default-kms-key-policy.html
    """
    folded = name.casefold()
    if name in _SERVICES:
        return ""
    if _CLOUDTRAIL.fullmatch(folded):
        return CLOUDTRAIL
    names = {known.removesuffix(_SUFFIX): known for known in _SERVICES}
    return _nearest(folded.removesuffix(_SUFFIX), names, _ALIKE) if folded.endswith(_SUFFIX) else ""


def _nearest(name: str, known: Mapping[str, str], cutoff: float) -> str:
    """Return the value of the key that is most like a name, or an empty text where none is like it."""
    return next((known[one] for one in get_close_matches(name, known, n=1, cutoff=cutoff)), "")


def _unknown_action(subject: Subject) -> Iterator[Match]:
    for statement in subject.policy.statements:
        listed = [action for action in statement.actions if action != "*"]
        unknown = [action for action in listed if not matching(action, subject.scope.universe)]
        wrong = [action for action in unknown if action.casefold() not in _OLD]
        own = _NAMES[subject.service]
        for action in wrong:
            service = action.partition(":")[0].casefold()
            if service != subject.service:
                what = (
                    f"{action} is an action of {service}, and a {subject.noun} policy decides on actions of {own} only"
                )
            elif "*" in action or "?" in action:
                what = f"{action} matches no action of {own}"
            else:
                what = f"{own} has no action {action}{_meant(action, subject.scope.universe)}"
            yield Match(
                statement=statement.name,
                severity="error" if len(wrong) == len(statement.actions) and not statement.not_actions else None,
                message=f"statement {statement.name}: {what}",
            )


def _unknown_key(subject: Subject) -> Iterator[Match]:
    for statement in subject.policy.statements:
        for key in dict.fromkeys(condition.key for condition in statement.conditions):
            service = key.partition(":")[0].casefold()
            if service in _NEVER_SENT and service != subject.service:
                what = f"requests to {_NAMES[subject.service]} carry no {key}"
            elif service in ("aws", subject.service) and not is_known(key) and key.casefold() not in _OLD:
                what = f"{key} is not a condition key{_meant(key, (*GLOBAL_KEYS, *condition_keys(subject.service)))}"
            else:
                continue
            yield Match(statement=statement.name, message=f"statement {statement.name}: {what}")


def _meant(name: str, known: Iterable[str]) -> str:
    near = _nearest(name.casefold(), {one.casefold(): one for one in known}, 0.8)
    return f" (did you mean {near}?)" if near else ""


RULES: Final = (
    PolicyRule(
        id="unknown-action",
        severity="warning",
        title="An action that KMS, S3 or SNS does not have",
        reason="AWS takes the name as it is and it allows or denies nothing; a misspelled action is a permission that is missing.",
        source="https://docs.aws.amazon.com/service-authorization/latest/reference/list_awskeymanagementservice.html",
        remedy="correct the spelling or remove it",
        find=_unknown_action,
        of=EVERYWHERE,
    ),
    PolicyRule(
        id="unknown-condition-key",
        severity="warning",
        title="A condition key that no request carries",
        reason="A key that is never there makes an Allow match nothing, and a negated condition or one with IfExists hold for all.",
        source="https://docs.aws.amazon.com/kms/latest/developerguide/conditions-kms.html",
        remedy="correct the spelling or use a key that AWS sends",
        find=_unknown_key,
        of=EVERYWHERE,
    ),
)
