"""The names and texts AWS accepts, as types of the config model. Each refusal says what is wrong, what is allowed, what to do."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Annotated, Any, Final

from pydantic import AfterValidator, BeforeValidator, Field

from trailkey.aws import PARTITIONS, REGIONS, S3_KEY_PREFIX_CHARACTERS, parse_arn

if TYPE_CHECKING:
    from collections.abc import Callable

_ACCOUNT: Final = re.compile(r"[0-9]{12}")
_IPV4: Final = re.compile(r"\d{1,3}(\.\d{1,3}){3}")


def _matching(pattern: str, allowed: str, advice: str) -> Callable[[str], str]:
    expression = re.compile(pattern, re.ASCII)

    def check(text: str) -> str:
        if not expression.fullmatch(text):
            raise ValueError(f"{text!r} is refused; {allowed}; {advice}")
        return text

    return check


def _account_id(value: Any) -> Any:
    if isinstance(value, int) and not isinstance(value, bool):
        raise ValueError(  # noqa: TRY004 # pydantic collects ValueError only
            "the account id is not in quotes; YAML reads bare digits as a number, and 012345670123 as an octal one; write it in quotes, 12 digits"
        )
    return value


def _trail_name(name: str) -> str:
    """Limits: 3 to 128 characters. See: https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-trail-naming-requirements.html."""
    allowed = "3 to 128 letters, digits and . _ - are allowed, first and last a letter or digit, no two of . _ - side by side, no IP address"
    if (
        not re.fullmatch(r"[A-Za-z0-9](?:[._-]?[A-Za-z0-9])+", name)
        or not 3 <= len(name) <= 128
        or _IPV4.fullmatch(name)
    ):
        raise ValueError(f"{name!r} is no name of a trail; {allowed}; rename it")
    return name


def _bucket_name(name: str) -> str:
    """Limits: 3 to 63 characters. See: https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucketnamingrules.html."""
    allowed = "3 to 63 lower-case letters, digits, dots and hyphens are allowed, first and last a letter or digit, no two dots or dot and hyphen side by side, no IP address, no reserved prefix (xn--, sthree-, amzn-s3-demo-) or suffix (-s3alias, --ol-s3, .mrap, --x-s3, --table-s3)"
    reserved = name.startswith(("xn--", "sthree-", "amzn-s3-demo-")) or name.endswith(
        ("-s3alias", "--ol-s3", ".mrap", "--x-s3", "--table-s3")
    )
    shape = re.fullmatch(r"[a-z0-9](?:[a-z0-9.-]{1,61})[a-z0-9]", name) and not re.search(r"\.\.|\.-|-\.", name)
    if not shape or reserved or _IPV4.fullmatch(name):
        raise ValueError(f"{name!r} is no name of a bucket; {allowed}; rename it")
    return name


def _alias(name: str) -> str:
    """Limits: 256 characters with the prefix. See: https://docs.aws.amazon.com/kms/latest/APIReference/API_CreateAlias.html."""
    allowed = "alias/ and 1 to 250 letters, digits and / _ - are allowed, and alias/aws/ is reserved for AWS"
    if not re.fullmatch(r"alias/[A-Za-z0-9/_-]{1,250}", name) or name.startswith("alias/aws/"):
        raise ValueError(f"{name!r} is no name of an alias; {allowed}; rename it")
    return name


def _text(text: str) -> str:
    """Hold text to the characters KMS and IAM both take: tab, line ends, U+0020 to U+00FF.

    See: https://docs.aws.amazon.com/kms/latest/APIReference/API_PutKeyPolicy.html (Policy, pattern).
    """
    for character in text:
        if not ("\u0020" <= character <= "\u00ff" or character in "\t\n\r"):
            raise ValueError(
                f"{text!r} holds {character!r} (U+{ord(character):04X}); IAM and KMS accept tab, line ends and U+0020 to U+00FF; write it without"
            )
    return text


def _region(region: str) -> str:
    if region not in REGIONS:
        from difflib import get_close_matches  # needed for a mistake only

        near = [known for known in REGIONS if sorted(known) == sorted(region)] or get_close_matches(
            region, REGIONS, n=1
        )
        hint = f"did you mean {near[0]!r}?" if near else f"write one such as {REGIONS[0]!r}"
        raise ValueError(
            f"{region!r} is no Region; the Regions of the partitions {', '.join(PARTITIONS)} are allowed; {hint}"
        )
    return region


def _prefix(prefix: str) -> str:
    """Limits: 200 characters. See: https://docs.aws.amazon.com/awscloudtrail/latest/APIReference/API_CreateTrail.html."""
    allowed = f"1 to {S3_KEY_PREFIX_CHARACTERS} letters, digits and / ! _ . * ' ( ) - without a slash at either end are allowed"
    if (
        not re.fullmatch(r"[A-Za-z0-9!_.*'()/-]+", prefix)
        or len(prefix) > S3_KEY_PREFIX_CHARACTERS
        or prefix.strip("/") != prefix
    ):
        raise ValueError(f"{prefix!r} is no prefix of log files; {allowed}; correct it")
    if "AWSLogs/" in f"{prefix}/":
        raise ValueError(
            f"{prefix!r} holds 'AWSLogs/', which CloudTrail refuses and adds itself; a prefix without it is allowed; remove it"
        )
    return prefix


def _topic_arn(text: str) -> str:
    arn = parse_arn(text)
    if (
        arn is None
        or arn.service != "sns"
        or not _ACCOUNT.fullmatch(arn.account)
        or not re.fullmatch(r"[A-Za-z0-9_-]{1,256}", arn.resource)
    ):
        raise ValueError(f"{text!r} is no ARN of an SNS topic; arn:aws:sns:REGION:ACCOUNT:NAME is allowed; correct it")
    return text


def _key_arn(text: str) -> str:
    arn = parse_arn(text)
    if (
        arn is None
        or arn.service != "kms"
        or not _ACCOUNT.fullmatch(arn.account)
        or not re.fullmatch(r"key/[A-Za-z0-9-]+", arn.resource)
    ):
        raise ValueError(f"{text!r} is no ARN of a KMS key; arn:aws:kms:REGION:ACCOUNT:key/ID is allowed; correct it")
    return text


def _topic_key(text: str) -> str:
    return _key_arn(text) if text.startswith("arn:") else _alias(text)


Name = Annotated[
    str,
    AfterValidator(
        _matching(
            r"[a-z](?:[a-z0-9-]{0,38}[a-z0-9])?",
            "1 to 40 lower-case letters, digits and hyphens are allowed, a letter first and no hyphen last, since stacks are named after it",
            "rename it",
        )
    ),
]
AccountId = Annotated[
    str,
    BeforeValidator(_account_id),
    AfterValidator(_matching(r"\d{12}", "an account id is 12 digits in quotes", "correct it")),
]
OrganizationId = Annotated[
    str,
    AfterValidator(
        _matching(
            r"o-[a-z0-9]{10,32}", "an organization id is o- and 10 to 32 lower-case letters or digits", "correct it"
        )
    ),
]
RootId = Annotated[
    str,
    AfterValidator(
        _matching(r"r-[0-9a-z]{4,32}", "a root id is r- and 4 to 32 lower-case letters or digits", "correct it")
    ),
]
OrganizationPath = Annotated[
    str,
    AfterValidator(
        _matching(
            r"o-[a-z0-9]{10,32}/(?:\*|r-[0-9a-z]{4,32}/(?:\*|(?:ou-[0-9a-z]{4,32}-[0-9a-z]{8,32}/)+\*?|))",
            "a path is o-ID/*, o-ID/r-ROOT/* or o-ID/r-ROOT/ou-ID/.../*, where a final * takes in what is below",
            "correct it",
        )
    ),
]
TrailName = Annotated[str, AfterValidator(_trail_name)]
BucketName = Annotated[str, AfterValidator(_bucket_name)]
Alias = Annotated[str, AfterValidator(_alias)]
Region = Annotated[str, AfterValidator(_region)]
Prefix = Annotated[str, AfterValidator(_prefix)]
TopicArn = Annotated[str, AfterValidator(_topic_arn)]
KeyArn = Annotated[str, AfterValidator(_key_arn)]
TopicKey = Annotated[str, AfterValidator(_topic_key)]
Email = Annotated[
    str,
    AfterValidator(
        _matching(
            r"(?=.{1,256}\Z)[^@\s]+@[^@\s]+\.[^@\s]+",
            "an address such as security@example.com is allowed",
            "correct it",
        )
    ),
]
RiskId = Annotated[
    str,
    AfterValidator(
        _matching(
            r"[a-z0-9]+(-[a-z0-9]+)*", "lower-case letters and digits, in words with hyphens, are allowed", "correct it"
        )
    ),
]
TopicName = Annotated[
    str, AfterValidator(_matching(r"[A-Za-z0-9_-]{1,256}", "1 to 256 letters, digits and _ - are allowed", "rename it"))
]
PermissionSet = Annotated[
    str,
    AfterValidator(
        _matching(r"[\w+=,.@-]{1,32}", "a permission set has 1 to 32 letters, digits and _+=,.@-", "correct it")
    ),
]
EventDataStoreName = Annotated[
    str,
    AfterValidator(_matching(r"[a-zA-Z0-9._-]{3,128}", "3 to 128 letters, digits and . _ - are allowed", "rename it")),
]
Text = Annotated[str, AfterValidator(_text), Field(min_length=1, max_length=1000)]
TagKey = Annotated[
    str,
    AfterValidator(_text),
    AfterValidator(
        _matching(
            r"(?!aws:)[\w\s.:/=+@-]{1,128}",
            "1 to 128 letters, digits, spaces and _.:/=+@- are allowed, and aws: is reserved",
            "rename it",
        )
    ),
]
TagValue = Annotated[
    str,
    AfterValidator(_text),
    AfterValidator(
        _matching(r"[\w\s.:/=+@-]{0,256}", "up to 256 letters, digits, spaces and _.:/=+@- are allowed", "correct it")
    ),
]
