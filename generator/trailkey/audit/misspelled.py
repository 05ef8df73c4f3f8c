"""Service principals that do not exist, recognized by those they nearly are. A name that is merely unknown is fine: AWS has hundreds."""

from __future__ import annotations

import difflib
import re
from typing import Final

from trailkey.aws import CLOUDTRAIL

_KNOWN: Final = (
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
    only a slip of a letter or two is.
    https://docs.aws.amazon.com/awscloudtrail/latest/userguide/default-kms-key-policy.html
    """
    folded = name.casefold()
    if name in _KNOWN:
        return ""
    if _CLOUDTRAIL.fullmatch(folded):
        return CLOUDTRAIL
    names = {known.removesuffix(_SUFFIX): known for known in _KNOWN}
    near = difflib.get_close_matches(folded.removesuffix(_SUFFIX), names, n=1, cutoff=_ALIKE)
    return names[near[0]] if near and folded.endswith(_SUFFIX) else ""
