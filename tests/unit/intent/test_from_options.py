"""What a person says on the command line, and every refusal of it, in its exact words."""

from __future__ import annotations

from typing import Any

import pytest

from trailkey.errors import UsageError
from trailkey.intent.from_options import assumed, intent, key_account
from trailkey.intent.model import KeyIntent

TRAIL = "arn:aws:cloudtrail:eu-west-1:210987654321:trail/ledger"
ROLE = "arn:aws:iam::210987654321:role/Keeper"


def test_options_become_what_is_intent() -> None:
    said = intent(
        trails=[TRAIL],
        organization="o-q1w2e3r4t5",
        readers=["654321098765", "arn:aws:iam::654321098765:root", "arn:aws:iam::*:role/read/*"],
        administrators=[ROLE],
        deployer="arn:aws:iam::210987654321:role/stacksets-exec-*",
        break_glass=[ROLE],
    )

    assert said == KeyIntent(
        trails=(TRAIL,),
        organization_id="o-q1w2e3r4t5",
        readers=("654321098765", "arn:aws:iam::654321098765:root", "arn:aws:iam::*:role/read/*"),
        administrators=(ROLE,),
        deployer="arn:aws:iam::210987654321:role/stacksets-exec-*",
        break_glass=(ROLE,),
    )
    assert intent() == KeyIntent()


@pytest.mark.parametrize(
    ("options", "text"),
    [
        (
            {"trails": ["ledger"]},
            (
                '--trail: "ledger" is not allowed here; the ARN of a trail, arn:PARTITION:cloudtrail:REGION:ACCOUNT:trail/NAME, '
                "no wildcards; correct it"
            ),
        ),
        (
            {"trails": ["arn:aws:cloudtrail:eu-west-1:21098765432:trail/ledger"]},
            (
                '--trail: "arn:aws:cloudtrail:eu-west-1:21098765432:trail/ledger" is not allowed here (its account id has 11 digits); '
                "the ARN of a trail, arn:PARTITION:cloudtrail:REGION:ACCOUNT:trail/NAME, no wildcards; correct it"
            ),
        ),
        (
            {"organization": "acme"},
            '--organization: "acme" is not allowed here; an organization id such as o-a1b2c3d4e5; correct it',
        ),
        (
            {"readers": ["21098765432"]},
            (
                '--reader: "21098765432" is not allowed here (its account id has 11 digits); an account id of 12 digits, an account '
                "root, an organization id, or the ARN of a role or user, * and ? allowed, such as "
                "arn:aws:iam::111122223333:role/KeyAdministrator; correct it"
            ),
        ),
        (
            {"administrators": ["Keeper"]},
            (
                '--administrator: "Keeper" is not allowed here; the ARN of a role or user, * and ? allowed, such as '
                "arn:aws:iam::111122223333:role/KeyAdministrator; correct it"
            ),
        ),
        (
            {"deployer": "arn:aws:iam::210987654321:root"},
            (
                '--deployer: "arn:aws:iam::210987654321:root" is not allowed here; the ARN of a role or user, * and ? allowed, such as '
                "arn:aws:iam::111122223333:role/KeyAdministrator; correct it"
            ),
        ),
        (
            {"break_glass": ["arn:aws:sts::210987654321:assumed-role/Glass/me"]},
            (
                '--break-glass: "arn:aws:sts::210987654321:assumed-role/Glass/me" is not allowed here; the ARN of a role or user, * and '
                "? allowed, such as arn:aws:iam::111122223333:role/KeyAdministrator; correct it"
            ),
        ),
    ],
)
def test_refusal_says_exactly_this(options: dict[str, Any], text: str) -> None:
    with pytest.raises(UsageError) as refusal:
        intent(**options)

    assert str(refusal.value) == text


def test_key_account_has_twelve_digits() -> None:
    assert (key_account(""), key_account("210987654321")) == ("", "210987654321")
    with pytest.raises(UsageError, match="11 digits"):
        key_account("21098765432")


def test_what_is_said_is_not_assumed() -> None:
    whole = intent(trails=[TRAIL], readers=["654321098765"], administrators=[ROLE], deployer=ROLE, break_glass=[ROLE])

    assert assumed(whole) == ()
    assert assumed(intent(trails=[TRAIL], readers=["654321098765"], administrators=[ROLE], deployer=ROLE)) == (
        "no break-glass role is known; --break-glass names it",
    )


def test_an_organization_that_reads_is_no_reader_by_name() -> None:
    said = intent(readers=["o-a1b2c3d4e5", "210987654321"])

    assert (said.readers, said.organization_reads) == (("210987654321",), True)
