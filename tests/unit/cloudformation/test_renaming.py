"""Names put in place of other names throughout a document."""

from __future__ import annotations

from typing import Any

import pytest

from trailkey.cloudformation.renaming import rename


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("arn:aws:iam::111111111111:root", "arn:aws:iam::222222222222:root"),
        ("222222222222", "111111111111"),
        ("logs-111111111111-x", "logs-222222222222-x"),
        ("9111111111111", "9111111111111"),
        ("arn:aws:s3:::acme-logs/AWSLogs/*", "arn:aws:s3:::test-logs/AWSLogs/*"),
        ("arn:aws:s3:::acme-logs-copy", "arn:aws:s3:::acme-logs-copy"),
        ("arn:aws:s3:::my.acme-logs", "arn:aws:s3:::my.acme-logs"),
        ("o-aaaaaaaaaa/r-ab12/ou-ab12-11111111/*", "o-bbbbbbbbbb/r-xy98/ou-xy98-22222222/*"),
        ("o-aaaaaaaaaa/r-ab12/other/*", "o-bbbbbbbbbb/r-ab12/other/*"),
        ({"111111111111": [{"a": "222222222222"}]}, {"222222222222": [{"a": "111111111111"}]}),
        (7, 7),
    ],
)
def test_whole_names_are_replaced_all_at_once(value: Any, expected: Any) -> None:
    names = {
        "111111111111": "222222222222",
        "222222222222": "111111111111",
        "acme-logs": "test-logs",
        "o-aaaaaaaaaa": "o-bbbbbbbbbb",
        "o-aaaaaaaaaa/r-ab12/ou-ab12-11111111/*": "o-bbbbbbbbbb/r-xy98/ou-xy98-22222222/*",
    }

    assert rename(value, names) == expected
    assert rename(value, {}) == value
