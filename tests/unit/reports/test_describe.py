"""Constraints of rows in words."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from trailkey.access.algebra.boxes import Many, Single
from trailkey.access.algebra.intervals import intervals, meet
from trailkey.access.algebra.languages import ALL, EMPTY, language, texts
from trailkey.access.algebra.patterns import glob
from trailkey.reports.describe import constraint_text

if TYPE_CHECKING:
    from trailkey.access.algebra.boxes import Constraint

IP = ~intervals("IpAddress", "10.0.0.0/8")


@pytest.mark.parametrize(
    ("key", "side", "words"),
    [
        ("kms:viaservice", Single(absent=False, values=texts("a", "b", "c")), "kms:ViaService is a, b or c"),
        ("kms:viaservice", Single(absent=True, values=texts("a")), "kms:ViaService is missing or is a"),
        ("kms:viaservice", Single(absent=True, values=~texts("a")), "kms:ViaService is not a"),
        ("kms:viaservice", Single(absent=False, values=~texts("a", "b")), "kms:ViaService is there and is not a or b"),
        ("kms:viaservice", Single(absent=True, values=EMPTY), "kms:ViaService is missing"),
        ("kms:viaservice", Single(absent=False, values=ALL), "kms:ViaService is there"),
        ("aws:sourcearn", Single(absent=False, values=language([glob("arn:*:x"), glob("b?")])), "aws:SourceArn is like arn:*:x or b?"),
        ("aws:sourcearn", Single(absent=True, values=~language([glob("arn:*")])), "aws:SourceArn is not like arn:*"),
        (
            "aws:sourcearn",
            Single(absent=False, values=language([glob("arn:*")]) - texts("arn:x")),
            "aws:SourceArn is like arn:*, but not arn:x",
        ),
        (
            "aws:sourcearn",
            Single(absent=False, values=language([glob("arn:*"), glob("other")])),
            "aws:SourceArn is other, or is like arn:*",
        ),
        (
            "aws:sourcearn",
            Single(absent=False, values=language([glob("a*")]) - language([glob("*z")])),
            "aws:SourceArn is like a* and is not like *z",
        ),
        ("aws:securetransport", Single(absent=False, values=texts("true")), "aws:SecureTransport is true"),
        ("aws:securetransport", Single(absent=True, values=~texts("false")), "aws:SecureTransport is not false"),
        ("aws:securetransport", Single(absent=True, values=texts("false")), "aws:SecureTransport is not true"),
        ("aws:securetransport", Single(absent=True, values=texts("true", "false")), ""),
        ("aws:principalorgpaths", Many(some=(language([glob("o-a/*")]),)), "a value of aws:PrincipalOrgPaths is like o-a/*"),
        ("aws:principalorgpaths", Many(every=~language([glob("o-a/*")])), "every value of aws:PrincipalOrgPaths is not like o-a/*"),
        ("aws:principalorgpaths", Many(every=EMPTY), "aws:PrincipalOrgPaths is missing"),
        ("aws:principalorgpaths", Many(some=(ALL,)), "aws:PrincipalOrgPaths is there"),
        (
            "kms:schedulekeydeletionpendingwindowindays",
            Single(absent=False, values=intervals("NumericLessThan", "30")),
            "kms:ScheduleKeyDeletionPendingWindowInDays is less than 30",
        ),
        (
            "kms:schedulekeydeletionpendingwindowindays",
            Single(absent=True, values=~intervals("NumericLessThan", "30")),
            "kms:ScheduleKeyDeletionPendingWindowInDays is not less than 30",
        ),
        (
            "kms:schedulekeydeletionpendingwindowindays",
            Single(absent=False, values=intervals("NumericGreaterThanEquals", "7")),
            "kms:ScheduleKeyDeletionPendingWindowInDays is at least 7",
        ),
        (
            "aws:currenttime",
            Single(absent=False, values=intervals("DateLessThan", "2030-01-01T00:00:00Z")),
            "aws:CurrentTime is less than 2030-01-01T00:00:00Z",
        ),
        ("aws:sourceip", Single(absent=False, values=intervals("IpAddress", "10.0.0.0/8")), "aws:SourceIp is in 10.0.0.0/8"),
        ("aws:sourceip", Single(absent=True, values=IP), "aws:SourceIp is not in 10.0.0.0/8"),
        ("resource", Single(absent=False, values=language([glob("arn:aws:s3:::b/*")])), "the resource is like arn:aws:s3:::b/*"),
    ],
)  # fmt: skip
def test_constraint_is_said_in_words(key: str, side: Constraint, words: str) -> None:
    assert constraint_text(key, side) == words


def test_address_range_is_said_as_its_networks() -> None:
    """What is left of one network without another has no single mask."""
    part = meet(intervals("IpAddress", "10.0.0.0/30"), ~intervals("IpAddress", "10.0.0.0/32"))

    assert (
        constraint_text("aws:sourceip", Single(absent=False, values=part))
        == "aws:SourceIp is in 10.0.0.1/32 or 10.0.0.2/31"
    )
