"""What a message of AWS says besides its cause: who, what, which policy, where, and by which ids it is found again."""

from __future__ import annotations

import re
from dataclasses import dataclass, fields, replace
from typing import Any, Final

from trailkey.aws import parse_arn

IDENTITY: Final = "identity-based policy"
RESOURCE: Final = "resource-based policy"
POLICY_TYPES: Final = (
    *(IDENTITY, RESOURCE, "service control policy", "resource control policy", "VPC endpoint policy"),
    *("permissions boundary", "session policy"),
)
"""The types of policy that a denial names.
https://docs.aws.amazon.com/IAM/latest/UserGuide/troubleshoot_access-denied.html"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What is known of a failed call; empty is what the message does not say.

    ``explicit`` says that a policy of ``policy_type`` denies, and not only that none allows. ``either`` says that AWS leaves open
    whether the resource is there. ``account`` is the caller's, or the one that the message names.
    """

    principal: str = ""
    action: str = ""
    resource: str = ""
    policy_type: str = ""
    explicit: bool = False
    either: bool = False
    policy_arn: str = ""
    account: str = ""
    region: str = ""
    service: str = ""
    operation: str = ""
    code: str = ""
    handler_code: str = ""
    request_id: str = ""
    bucket: str = ""
    key: str = ""
    trail: str = ""
    export: str = ""
    stack: str = ""
    encoded: str = ""

    @property
    def denied(self) -> bool:
        """Whether the message is a denial that names the action."""
        return bool(self.action)

    def as_json(self) -> dict[str, Any]:
        """Return what is known, in the shape that outside tools read."""
        found = ((one.name, getattr(self, one.name)) for one in fields(self) if one.name != "encoded")
        return {name: value for name, value in found if value}

    def over(self, other: Facts) -> Facts:
        """Return these facts, and where they say nothing those of another."""
        mine = {one.name: getattr(self, one.name) for one in fields(self)}
        return replace(other, **{name: value for name, value in mine.items() if value})


NOTHING: Final = Facts()
"""Where nothing is known."""

_ID: Final = r"[0-9A-Za-z][\w/+=-]{5,}"
_BUCKET: Final = r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]"
_NAMED: Final[tuple[tuple[str, re.Pattern[str]], ...]] = (
    ("operation", re.compile(r"when calling the (\w+) operation")),
    ("operation", re.compile(r"operation error [\w ]+: (\w+)")),
    ("operation", re.compile(r"API call to \w+\.(\w+) returned")),
    ("service", re.compile(r"operation error ([\w ]+?): \w+")),
    ("service", re.compile(r"API call to (\w+)\.\w+ returned")),
    ("service", re.compile(r"\(Service: ([\w ]+?)[,;]")),
    ("code", re.compile(r"\(([\w.]+)\) (?:occurred )?when calling")),
    ("code", re.compile(r"Error Code: ([\w.]+)")),
    ("code", re.compile(r"<Code>([\w.]+)</Code>")),
    ("code", re.compile(r"api error ([\w.]+):")),
    ("code", re.compile(r"\b(?!Latest)((?:KMS\.)?\w{3,}(?:Exception|Error|Denied|Fault)):")),
    ("handler_code", re.compile(r"HandlerErrorCode: (\w+)")),
    ("request_id", re.compile(rf"(?i)(?<!extended )(?:request ?id|requestid)\W{{1,4}}({_ID})")),
    ("account", re.compile(r"(?i)account id: (\d{12})")),
    ("account", re.compile(r"(?i)\baccount:? \(?(\d{12})\b")),
    ("account", re.compile(r"(?i)for the user: (\d{12})")),
    ("account", re.compile(r"(?i)(?:customer|user): (\d{12})\b")),
    ("region", re.compile(r"Region \(([a-z]{2}(?:-[a-z]+)+-\d)\)")),
    ("bucket", re.compile(rf"S3 bucket (?!policy )({_BUCKET})")),
    ("bucket", re.compile(rf"bucket: ({_BUCKET})")),
    ("bucket", re.compile(rf"s3://({_BUCKET})")),
    ("bucket", re.compile(rf"arn:aws[a-z-]*:s3:::({_BUCKET})")),
    ("key", re.compile(r"(arn:aws[a-z-]*:kms:[a-z0-9-]+:\d{12}:key/[\w-]+)")),
    ("trail", re.compile(r"(arn:aws[a-z-]*:cloudtrail:[a-z0-9-]+:\d{12}:trail/[\w.-]+)")),
    ("export", re.compile(r"Export ([\w:-]+) cannot be")),
    ("export", re.compile(r"Cannot (?:delete|update) export ([\w:-]+)")),
    ("stack", re.compile(r"(?i)stack:? ?(arn:aws[a-z-]*:cloudformation:[\w:/-]+)")),
    ("encoded", re.compile(r"(?i)encoded authorization failure message: ?([\w-]{20,}(?: [\w-]{60,})*)")),
)
"""Where a message has each fact; of several forms the first counts. What is found may stand in a command, so it is names only."""


def facts_of(text: str) -> Facts:
    """Return what a message on one line says, besides a denial."""
    found: dict[str, str] = {}
    for name, pattern in _NAMED:
        if name not in found and (match := pattern.search(text)):
            found[name] = match[1].rstrip(".").replace(" ", "") if name == "encoded" else match[1].rstrip(".")
    return Facts(**found)  # type: ignore[arg-type] # all of these are texts


def placed(facts: Facts) -> Facts:
    """Return facts with account and Region as the ARNs in them tell, where nothing else does."""
    arns = [parsed for one in (facts.principal, facts.key, facts.trail, facts.resource) if (parsed := parse_arn(one))]
    account = next((one.account for one in arns if one.account.isdigit()), "")
    region = next((one.region for one in arns if one.region), "")
    return replace(facts, account=facts.account or account, region=facts.region or region)
