"""Whose key a policy is for, or what it is attached to, as far as the policy itself shows it."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from trailkey.access.language.catalog import key_actions
from trailkey.access.language.evaluate import SERVICES
from trailkey.access.language.matching import matcher
from trailkey.aws import ACCOUNT_ID, parse_arn
from trailkey.inventory.kinds import KEY

if TYPE_CHECKING:
    from collections.abc import Iterator

    from trailkey.inventory.kinds import PolicyKind

_PRINCIPAL: Final = re.compile(r"(?:arn:[^:]*:(?:iam|sts)::)?(\d{12})(?::(.+))?")
_IN_REGION: Final = re.compile(
    r"\b[a-z0-9-]+\.([a-z]{2}(?:-[a-z]+)+-\d)\.amazonaws\.com|\barn:[a-z-]+:kms:([a-z0-9-]+):\d{12}:key/"
)
_KEY: Final = re.compile(r"arn:aws[a-z-]*:kms:[a-z0-9-]+:\d{12}:key/[A-Za-z0-9-]+")
_TRAIL: Final = re.compile(
    r":cloudtrail:(?:([a-z]{2}(?:-[a-z]+)+-\d)|\$\{[^}]*\}|[^:\s\"]*):(?:(\d{12})|\$\{[^}]*\}|[^:\s\"]*):trail/"
)
_PARTITION: Final = re.compile(r"\barn:(aws[a-z-]*):")
_MADE_UP: Final = ("111122223333", "123456789012", "444455556666", "777788889999")
"""The account ids that AWS's own documentation uses as examples."""

_KEY_ACTIONS: Final = frozenset(action.casefold() for action in key_actions())
_OWN: Final = "its Resource is a key of that account"
_HOLDS_POLICY: Final = "only its principals may replace the key policy, which no other account can be allowed to"
_HOLDS_OWN: Final = "only its principals have actions that no other account can be allowed"
_ONLY_ROOT: Final = "it is the only account whose root the policy names"
_CALLER: Final = "kms:CallerAccount names no other"


def placeholder_account(text: str) -> str:
    """Return an account id that a text does not hold."""
    return next((account for account in _MADE_UP if account not in text), "000011112222")


def account_shown(document: Any) -> tuple[str, str]:
    """Return the account whose key a policy shows itself to be for, and why; two empty texts where it shows none.

    Actions that replace a key policy cannot be allowed to another account, so whoever holds them is of the key's own:
    https://docs.aws.amazon.com/kms/latest/developerguide/key-policy-modifying-external-accounts.html
    """
    allowing = [statement for statement in statements_of(document) if statement.get("Effect") == "Allow"]
    named = [(account, kind == "root", _allows_policy(one)) for one in allowing for account, kind in _named(one)]
    for found, why in (
        ({arn.account for key in _keys(document) if (arn := parse_arn(key))}, _OWN),
        ({account for account, root, holds in named if root and holds}, _HOLDS_POLICY),
        ({account for account, _, holds in named if holds}, _HOLDS_POLICY),
        ({account for one in allowing for account in _owners(one)}, _HOLDS_OWN),
        ({account for account, root, _ in named if root}, _ONLY_ROOT),
        ({account for one in allowing for account in _callers_accounts(one)}, _CALLER),
    ):
        if len(found) == 1:
            return found.pop(), why
    return "", ""


def attached_to(document: Any, kind: PolicyKind) -> list[str]:
    """Return the ARN that the statements of a policy have as Resource: it can only be what the policy is attached to.

    None where they name none, or several keys. Of a bucket the objects count too; where another one is named less often, that is a
    mistake of the policy.
    """
    if kind is KEY:
        keys = _keys(document)
        return list(keys) if len(keys) == 1 else []
    parts = [arn for one in statements_of(document) for text in _resources(one) if (arn := parse_arn(text))]
    own = [replace(arn, resource=arn.resource.partition("/")[0]) for arn in parts if arn.service == kind.service]
    often = Counter(str(arn) for arn in own if not set("*?") & set(str(arn))).most_common(2)
    tied = len(often) > 1 and often[0][1] == often[1][1]
    return [] if tied or not often else [often[0][0]]


def region_shown(text: str) -> str:
    """Return the Region that every Regional name of a service (``s3.eu-west-1.amazonaws.com``) in a text has, or an empty text."""
    found = {service or key for service, key in _IN_REGION.findall(text)}
    return found.pop() if len(found) == 1 else ""


def trail_shown(text: str) -> tuple[str, str]:
    """Return Region and account that the ARNs of trails in a text have, each as far as it is written out and the same in all of them."""
    found = _TRAIL.findall(text)
    regions, accounts = ({one[part] for one in found if one[part]} for part in (0, 1))
    return (regions.pop() if len(regions) == 1 else ""), (accounts.pop() if len(accounts) == 1 else "")


def partition_shown(text: str) -> str:
    """Return the partition that every ARN in a text has; ``aws`` where they have none or several."""
    found = set(_PARTITION.findall(text))
    return found.pop() if len(found) == 1 else "aws"


def statements_of(document: Any) -> list[dict[str, Any]]:
    """Return the statements of a policy document that are mappings, one or a list."""
    written = document.get("Statement") if isinstance(document, dict) else None
    return [one for one in (written if isinstance(written, list) else [written]) if isinstance(one, dict)]


def admits_service(document: Any, service: str) -> bool:
    """Return whether a statement allows an AWS service, or everybody, anything, as it is written: it may be one that cannot be read."""
    for statement in statements_of(document):
        principal = statement.get("Principal")
        services = listed(principal.get("Service", [])) if isinstance(principal, dict) else []
        if statement.get("Effect") == "Allow" and (principal == "*" or service in services):
            return True
    return False


def listed(value: Any) -> list[Any]:
    """Return one value or a list of them as a list."""
    return value if isinstance(value, list) else [value]


def _resources(statement: dict[str, Any]) -> list[str]:
    return [one for one in listed(statement.get("Resource", [])) if isinstance(one, str)]


def _keys(document: Any) -> set[str]:
    resources = (resource for one in statements_of(document) for resource in _resources(one))
    return {resource for resource in resources if _KEY.fullmatch(resource)}


def _allows_policy(statement: dict[str, Any]) -> bool:
    return any(matcher(str(action).casefold())("kms:putkeypolicy") for action in listed(statement.get("Action", [])))


def _owners(statement: dict[str, Any]) -> Iterator[str]:
    """Yield the accounts of a statement that lists, by its name, an action that KMS allows no other account.

    See: https://docs.aws.amazon.com/kms/latest/developerguide/kms-api-permissions-reference.html
    """
    crossing = SERVICES["kms"].cross_account or frozenset()
    listed_by_name = {str(action).casefold() for action in listed(statement.get("Action", []))}
    if any(action in _KEY_ACTIONS and action not in crossing for action in listed_by_name):
        yield from (account for account, _ in _named(statement))


def _named(statement: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield account and kind (``root``, ``role/Name``) of each principal."""
    principal = statement.get("Principal")
    for entry in listed(principal.get("AWS", [])) if isinstance(principal, dict) else []:
        match = _PRINCIPAL.fullmatch(str(entry))
        if match:
            yield match[1], match[2] or "root"


def _callers_accounts(statement: dict[str, Any]) -> Iterator[str]:
    """Yield the accounts that conditions which ask for equality or likeness hold ``kms:CallerAccount`` to."""
    conditions = statement.get("Condition")
    for operator, keys in conditions.items() if isinstance(conditions, dict) else ():
        if operator.startswith(("StringEquals", "StringLike")) and isinstance(keys, dict):
            values = [
                one for name, held in keys.items() if name.casefold() == "kms:calleraccount" for one in listed(held)
            ]
            yield from (value for value in map(str, values) if ACCOUNT_ID.fullmatch(value))
