"""The names and texts AWS accepts, as types of the config model. Each refusal says what is wrong, what is allowed, what to do."""

from __future__ import annotations

import re
from difflib import get_close_matches
from typing import TYPE_CHECKING, Annotated, Any, Final

from pydantic import AfterValidator, BeforeValidator, Field

from trailkey.aws import PARTITIONS, REGIONS, S3_KEY_PREFIX_CHARACTERS

if TYPE_CHECKING:
    from collections.abc import Callable


def _valid(what: str, pattern: str, allowed: str, advice: str = "correct it") -> Callable[[str], str]:
    """Return the check that a whole text matches a pattern."""
    expression = re.compile(pattern, re.ASCII)

    def check(text: str) -> str:
        if not expression.fullmatch(text):
            raise ValueError(f"{text!r} is not a valid {what}; {allowed}; {advice}")
        return text

    return check


def _quoted(value: Any) -> Any:
    if isinstance(value, int) and not isinstance(value, bool):
        raise ValueError(  # noqa: TRY004 # pydantic collects ValueError only
            "the account id is not in quotes; YAML reads bare digits as a number, and 012345670123 as an octal one; write it in quotes, 12 digits"
        )
    return value


def _text(text: str) -> str:
    """Hold text to the characters KMS and IAM both take, without control characters: tab, line ends, U+0020 to U+007E, U+00A0 to U+00FF.

    See: https://docs.aws.amazon.com/kms/latest/APIReference/API_PutKeyPolicy.html (Policy, pattern).
    """
    for character in text:
        if not ("\u0020" <= character <= "\u007e" or "\u00a0" <= character <= "\u00ff" or character in "\t\n\r"):
            raise ValueError(
                f"{text!r} holds {character!r} (U+{ord(character):04X}); tab, line ends, U+0020 to U+007E and U+00A0 to U+00FF are allowed, which IAM and KMS accept; write it without"
            )
    return text


def _no_variable(text: str) -> str:
    """Hold text of a template to what nobody takes for a variable of CloudFormation; cfn-lint (E1029, W1054) refuses those.

    See: https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/pseudo-parameter-reference.html
    """
    if "${" in text:
        raise ValueError(
            f"{text!r} holds '${{', with which a variable of CloudFormation begins; text without it is allowed; write it otherwise"
        )
    if text in _PSEUDO_PARAMETERS:
        raise ValueError(f"{text!r} is a pseudo parameter of CloudFormation; other text is allowed; write it otherwise")
    return text


def _printable(text: str) -> str:
    """Hold text of a selector to what can be seen: it may name any object, and AWS takes no line ends there.

    See: https://docs.aws.amazon.com/awscloudtrail/latest/APIReference/API_AdvancedFieldSelector.html
    """
    for character in text:
        if not character.isprintable():
            raise ValueError(
                f"{text!r} holds {character!r} (U+{ord(character):04X}); printable characters are allowed; write it without"
            )
    return text


def _region(region: str) -> str:
    if region not in REGIONS:
        near = [known for known in REGIONS if sorted(known) == sorted(region)] or get_close_matches(
            region, REGIONS, n=1
        )
        hint = f"did you mean {near[0]!r}?" if near else f"write one such as {REGIONS[0]!r}"
        raise ValueError(
            f"{region!r} is not a valid Region; the Regions of the partitions {', '.join(PARTITIONS)} are allowed; {hint}"
        )
    return region


def _prefix(prefix: str) -> str:
    if "AWSLogs/" in f"{prefix}/":
        raise ValueError(
            f"{prefix!r} holds 'AWSLogs/', which CloudTrail refuses and adds itself; a prefix without it is allowed; remove it"
        )
    return prefix


def _topic_key(text: str) -> str:
    return _key_arn(text) if text.startswith("arn:") else _alias(text)


_PSEUDO_PARAMETERS: Final = frozenset(
    f"AWS::{name}"
    for name in ("AccountId", "NotificationARNs", "NoValue", "Partition", "Region", "StackId", "StackName", "URLSuffix")
)
_NO_IPV4: Final = r"(?!\d{1,3}(?:\.\d{1,3}){3}\Z)"

# https://docs.aws.amazon.com/kms/latest/APIReference/API_CreateAlias.html: 256 characters with the prefix.
_alias = _valid(
    "alias",
    r"(?!alias/aws/)alias/[A-Za-z0-9/_-]{1,250}",
    "alias/ and 1 to 250 letters, digits and / _ - are allowed, and alias/aws/ is reserved for AWS",
    "rename it",
)
_key_arn = _valid(
    "ARN of a KMS key",
    r"arn:[^:]*:kms:[^:]*:\d{12}:key/[A-Za-z0-9-]+",
    "arn:aws:kms:REGION:ACCOUNT:key/ID is allowed",
)
_topic_arn = _valid(
    "ARN of an SNS topic",
    r"arn:[^:]*:sns:[^:]*:\d{12}:[A-Za-z0-9_-]{1,256}",
    "arn:aws:sns:REGION:ACCOUNT:NAME is allowed",
)
_name = _valid(
    "name",
    r"[a-z](?:[a-z0-9-]{0,38}[a-z0-9])?",
    "1 to 40 lower-case letters, digits and hyphens are allowed, a letter first and no hyphen last, since stacks are named after it",
    "rename it",
)
_account_id = _valid("account id", r"\d{12}", "an account id is 12 digits in quotes")
_organization_id = _valid(
    "organization id", r"o-[a-z0-9]{10,32}", "an organization id is o- and 10 to 32 lower-case letters or digits"
)
_root_id = _valid("root id", r"r-[0-9a-z]{4,32}", "a root id is r- and 4 to 32 lower-case letters or digits")
_organization_path = _valid(
    "organization path",
    r"o-[a-z0-9]{10,32}/(?:\*|r-[0-9a-z]{4,32}/(?:\*|(?:ou-[0-9a-z]{4,32}-[0-9a-z]{8,32}/)+\*?|))",
    "a path is o-ID/*, o-ID/r-ROOT/* or o-ID/r-ROOT/ou-ID/.../*, where a final * covers what is below",
)
# https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-trail-naming-requirements.html
_trail_name = _valid(
    "trail name",
    rf"(?=.{{3,128}}\Z){_NO_IPV4}[A-Za-z0-9](?:[._-]?[A-Za-z0-9])+",
    "3 to 128 letters, digits and . _ - are allowed, first and last a letter or digit, no two of . _ - side by side, no IP address",
    "rename it",
)
# https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucketnamingrules.html
_bucket_name = _valid(
    "bucket name",
    rf"(?!xn--|sthree-|amzn-s3-demo-)(?!.*(?:-s3alias|--ol-s3|\.mrap|--x-s3|--table-s3)\Z)(?!.*(?:\.\.|\.-|-\.)){_NO_IPV4}"
    r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]",
    "3 to 63 lower-case letters, digits, dots and hyphens are allowed, first and last a letter or digit, no two dots or dot and hyphen side by side, no IP address, no reserved prefix (xn--, sthree-, amzn-s3-demo-) or suffix (-s3alias, --ol-s3, .mrap, --x-s3, --table-s3)",
    "rename it",
)
# https://docs.aws.amazon.com/awscloudtrail/latest/APIReference/API_CreateTrail.html
_prefix_characters = _valid(
    "prefix of log files",
    rf"(?!/|.*/\Z)[A-Za-z0-9!_.'()/-]{{1,{S3_KEY_PREFIX_CHARACTERS}}}",
    f"1 to {S3_KEY_PREFIX_CHARACTERS} letters, digits and / ! _ . ' ( ) - without a slash at either end are allowed, and no *, which matches every prefix in a policy",
)
# https://www.rfc-editor.org/rfc/rfc5321#section-4.1.2: a dot-string, without { and }, at a domain; sizes in section 4.5.3.1.
_email = _valid(
    "e-mail address",
    r"(?=.{1,254}\Z)(?=[^@]{1,64}@)[\w!#$%&'*+/=?^`|~-]+(?:\.[\w!#$%&'*+/=?^`|~-]+)*"
    r"@(?:[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?\.)+[A-Za-z](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?",
    "an address such as security@example.com is allowed, without spaces, quotes, braces and letters beyond ASCII",
)
_risk_id = _valid(
    "id of a finding", r"[a-z0-9]+(-[a-z0-9]+)*", "lower-case letters and digits, in words with hyphens, are allowed"
)
# https://docs.github.com/en/rest/repos/repos: what GitHub, GitLab and Bitbucket all take of an owner and a name.
_repository = _valid("repository", r"[\w.-]{1,100}/[\w.-]{1,100}", "owner/name is allowed")
_branch = _valid(
    "branch",
    r"(?!.*(?:\.\.|//))[\w](?:[\w./-]{0,198}[\w])?",
    "up to 200 letters, digits and . _ / - are allowed, first and last a letter or digit",
)
_environment = _valid(
    "environment of GitHub",
    r"[\w][\w-]{0,99}",
    "up to 100 letters, digits and _ - are allowed, a letter or digit first",
)
_unit_id = _valid(
    "id of an organizational unit",
    r"ou-[0-9a-z]{4,32}-[0-9a-z]{8,32}|r-[0-9a-z]{4,32}",
    "ou-ROOT-ID, or r-ROOT for the root, is allowed",
)
_landing_zone_name = _valid(
    "name of an account or unit",
    r"[A-Za-z0-9](?:[\w ./+=@-]{0,126}[\w])?",
    "up to 128 letters, digits, spaces and . _ / + = @ - are allowed",
)
_topic_name = _valid("topic name", r"[A-Za-z0-9_-]{1,256}", "1 to 256 letters, digits and _ - are allowed", "rename it")
_permission_set = _valid(
    "permission set", r"[\w+=,.@-]{1,32}", "a permission set has 1 to 32 letters, digits and _+=,.@-"
)
_store_name = _valid(
    "event data store name", r"[a-zA-Z0-9._-]{3,128}", "3 to 128 letters, digits and . _ - are allowed", "rename it"
)
_tag_key = _valid(
    "tag key",
    r"(?!aws:)[\w .:/=+@-]{1,128}",
    "1 to 128 letters, digits, spaces and _.:/=+@- are allowed, and aws: is reserved",
    "rename it",
)
_tag_value = _valid("tag value", r"[\w .:/=+@-]{0,256}", "up to 256 letters, digits, spaces and _.:/=+@- are allowed")

Name = Annotated[str, AfterValidator(_name)]
AccountId = Annotated[str, BeforeValidator(_quoted), AfterValidator(_account_id)]
OrganizationId = Annotated[str, AfterValidator(_organization_id)]
RootId = Annotated[str, AfterValidator(_root_id)]
OrganizationPath = Annotated[str, AfterValidator(_organization_path)]
TrailName = Annotated[str, AfterValidator(_trail_name)]
BucketName = Annotated[str, AfterValidator(_bucket_name)]
Alias = Annotated[str, AfterValidator(_alias)]
Region = Annotated[str, AfterValidator(_region)]
Prefix = Annotated[str, AfterValidator(_prefix_characters), AfterValidator(_prefix)]
TopicArn = Annotated[str, AfterValidator(_topic_arn)]
KeyArn = Annotated[str, AfterValidator(_key_arn)]
TopicKey = Annotated[str, AfterValidator(_topic_key)]
Email = Annotated[str, AfterValidator(_email)]
RiskId = Annotated[str, AfterValidator(_risk_id)]
Repository = Annotated[str, AfterValidator(_repository)]
Branch = Annotated[str, AfterValidator(_branch)]
Environment = Annotated[str, AfterValidator(_environment)]
UnitId = Annotated[str, AfterValidator(_unit_id)]
LandingZoneName = Annotated[str, AfterValidator(_landing_zone_name)]
TopicName = Annotated[str, AfterValidator(_topic_name)]
PermissionSet = Annotated[str, AfterValidator(_permission_set)]
EventDataStoreName = Annotated[str, AfterValidator(_store_name)]
Text = Annotated[str, AfterValidator(_text), Field(min_length=1, max_length=1000)]
Description = Annotated[Text, AfterValidator(_no_variable)]
SelectorValue = Annotated[str, AfterValidator(_printable), AfterValidator(_no_variable)]
SelectorName = Annotated[SelectorValue, Field(min_length=1, max_length=1000)]
TagKey = Annotated[str, AfterValidator(_text), AfterValidator(_tag_key), AfterValidator(_no_variable)]
TagValue = Annotated[str, AfterValidator(_text), AfterValidator(_tag_value), AfterValidator(_no_variable)]
