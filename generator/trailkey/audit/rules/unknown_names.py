"""Actions and condition keys that KMS does not have: AWS takes them and they do nothing."""

from __future__ import annotations

from difflib import get_close_matches
from typing import TYPE_CHECKING, Final

from trailkey.access.language.catalog import GLOBAL_KEYS, condition_keys, is_known
from trailkey.audit.rule import Match, PolicyRule
from trailkey.audit.statement_facts import matching

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from trailkey.audit.subject import Subject

_NEVER_SENT: Final = ("cloudtrail", "dynamodb", "iam", "logs", "s3", "sns", "sqs")
"""Services whose condition keys their own requests carry, and no request to KMS does."""


def _unknown_action(subject: Subject) -> Iterator[Match]:
    for statement in subject.policy.statements:
        listed = [action for action in statement.actions if action != "*"]
        wrong = [action for action in listed if not matching(action, subject.scope.universe)]
        for action in wrong:
            service = action.partition(":")[0].casefold()
            if service != "kms":
                what = f"{action} is an action of {service}, and a key policy decides on actions of KMS only"
            elif "*" in action or "?" in action:
                what = f"{action} matches no action of KMS"
            else:
                what = f"KMS has no action {action}{_meant(action, subject.scope.universe)}"
            yield Match(
                statement=statement.name,
                severity="error" if len(wrong) == len(statement.actions) and not statement.not_actions else None,
                message=f"statement {statement.name}: {what}",
            )


def _unknown_key(subject: Subject) -> Iterator[Match]:
    for statement in subject.policy.statements:
        for key in dict.fromkeys(condition.key for condition in statement.conditions):
            service = key.partition(":")[0].casefold()
            if service in _NEVER_SENT:
                what = f"requests to KMS carry no {key}"
            elif service in ("aws", "kms") and not is_known(key):
                what = f"there is no condition key {key}{_meant(key, (*GLOBAL_KEYS, *condition_keys('kms')))}"
            else:
                continue
            yield Match(statement=statement.name, message=f"statement {statement.name}: {what}")


def _meant(name: str, known: Sequence[str]) -> str:
    spellings = {one.casefold(): one for one in known}
    close = get_close_matches(name.casefold(), list(spellings), n=1, cutoff=0.8)
    return f" (did you mean {spellings[close[0]]}?)" if close else ""


RULES: Final = (
    PolicyRule(
        id="unknown-action",
        severity="warning",
        title="An action that KMS does not have",
        reason="AWS takes the name as it is and it allows or denies nothing; a misspelled action is a permission that is missing.",
        source="https://docs.aws.amazon.com/service-authorization/latest/reference/list_awskeymanagementservice.html",
        remedy="correct the spelling or remove it",
        find=_unknown_action,
    ),
    PolicyRule(
        id="unknown-condition-key",
        severity="warning",
        title="A condition key that requests to KMS do not carry",
        reason="A key that is never there makes an Allow match nothing, and a negated condition or one with IfExists hold for all.",
        source="https://docs.aws.amazon.com/kms/latest/developerguide/conditions-kms.html",
        remedy="correct the spelling or use a key that AWS sends",
        find=_unknown_key,
    ),
)
