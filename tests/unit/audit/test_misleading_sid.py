"""Words of Sids."""

from __future__ import annotations

import pytest

from trailkey.audit.rules.misleading_sid import words


@pytest.mark.parametrize(
    ("sid", "found"),
    [
        ("AllowCloudTrailToDecrypt", ("allow", "cloud", "trail", "to", "decrypt")),
        ("Enable cross-account log decryption", ("enable", "cross", "account", "log", "decryption")),
        ("KMSAdminsREADOnly2", ("kms", "admins", "read", "only", "2")),
        ("denyAll", ("deny", "all")),
        ("", ()),
    ],
)
def test_words_of_a_sid(sid: str, found: tuple[str, ...]) -> None:
    assert words(sid) == found
