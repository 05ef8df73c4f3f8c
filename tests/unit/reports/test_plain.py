"""Texts from outside, as a line of a terminal, in Markdown and in Markdown's code."""

from __future__ import annotations

import pytest

from trailkey.reports.plain import code, markdown, one_line


def test_what_is_not_printable_is_escaped_and_the_rest_is_not() -> None:
    assert one_line("Clés, 日本 `x`") == "Clés, 日本 `x`"
    assert one_line("a\n\x1b\x9b\u202e\u2028\ud800") == r"a\n\x1b\x9b\u202e\u2028\ud800"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("the backup tool makes grants | see T-1", "the backup tool makes grants | see T-1"),
        ("kms:GenerateDataKey* of aws_backup_x", r"kms:GenerateDataKey\* of aws_backup_x"),
        ("![x](https://e.x/p.png)", r"!\[x\](https://e.x/p.png)"),
        ("<img src=x> &lt; R&D", r"&lt;img src=x> &amp;lt; R&D"),
        ("_a_ __b__ ~c~ `d`", r"\_a\_ \_\_b\_\_ \~c\~ \`d\`"),
        ("a\nb\\", r"a b\\"),
    ],
)
def test_markdown_shows_a_text_as_it_is(text: str, shown: str) -> None:
    assert markdown(text) == shown


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("role/x", "`role/x`"),
        ("a`b", "``a`b``"),
        ("`", "`` ` ``"),
        ("``a", "``` ``a ```"),
        ("a\n", r"`a\n`"),
        (r"\|", r"\\|"),
    ],
)
def test_code_holds_its_back_ticks(text: str, shown: str) -> None:
    assert code(text) == shown
