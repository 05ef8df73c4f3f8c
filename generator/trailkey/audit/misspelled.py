"""Service principals that do not exist, recognized by those they nearly are. A name that is merely unknown is fine: AWS has hundreds."""

from __future__ import annotations

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


def meant_service(name: str) -> str:
    """Return the service principal that a name was meant to be, or an empty text where it is one, or nothing is near.

    CloudTrail has one principal in every partition and Region, so every other form of its name is wrong; of other services
    only a slip of one letter (two in a long name) is.
    https://docs.aws.amazon.com/awscloudtrail/latest/userguide/default-kms-key-policy.html
    """
    folded = name.casefold()
    if name in _KNOWN:
        return ""
    if _CLOUDTRAIL.fullmatch(folded):
        return CLOUDTRAIL
    label = folded.removesuffix(".amazonaws.com")
    for known in _KNOWN:
        right = known.removesuffix(".amazonaws.com")
        if folded == known or (label != folded and distance(label, right) <= (2 if len(right) >= 9 else 1)):
            return known
    return ""


def distance(one: str, two: str) -> int:
    """Return how many letters have to be put in, left out, changed or swapped with their neighbour to make one text the other.

    https://en.wikipedia.org/wiki/Damerau%E2%80%93Levenshtein_distance (the restricted form)
    """
    rows = [list(range(len(two) + 1))]
    for at, letter in enumerate(one, 1):
        row = [at]
        for to, other in enumerate(two, 1):
            cost = min(rows[-1][to] + 1, row[-1] + 1, rows[-1][to - 1] + (letter != other))
            if at > 1 and to > 1 and letter == two[to - 2] and one[at - 2] == other:
                cost = min(cost, rows[-2][to - 2] + 1)
            row.append(cost)
        rows.append(row)
    return rows[-1][-1]
