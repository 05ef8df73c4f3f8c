from __future__ import annotations

import time

from hypothesis import given
from hypothesis import strategies as st

from trailkey.access.language.matching import arn_matcher, literal, matcher

LETTERS = "ab:*?.\n"


def slow(pattern: str, text: str) -> bool:
    """Match by the definition, letter by letter."""
    if not pattern:
        return not text
    if pattern[0] == "*":
        return slow(pattern[1:], text) or (bool(text) and slow(pattern, text[1:]))
    return bool(text) and pattern[0] in ("?", text[0]) and slow(pattern[1:], text[1:])


@given(st.text(LETTERS, max_size=8), st.text(LETTERS, max_size=8))
def test_wildcards_match_as_defined(pattern: str, text: str) -> None:
    assert matcher(pattern)(text) is slow(pattern, text)


@given(st.lists(st.text("ab*?", max_size=3), min_size=6, max_size=6), st.text("ab:", max_size=14))
def test_arn_parts_match_each_for_itself(parts: list[str], text: str) -> None:
    pattern = ":".join(parts)
    given_parts = text.split(":", 5)
    fits = len(given_parts) == 6 and all(slow(part, value) for part, value in zip(parts, given_parts, strict=True))
    assert arn_matcher(pattern)(text) is fits


@given(st.text("ab*?", max_size=6), st.text("ab*?", max_size=6))
def test_a_literal_matches_itself_only(wanted: str, text: str) -> None:
    assert matcher(literal(wanted))(text) is (wanted == text)
    assert matcher(f"{literal(wanted)}*")(wanted + text)


def test_many_stars_stay_fast() -> None:
    started = time.perf_counter()
    assert not matcher("*a" * 200 + "*b")("a" * 5_000)
    assert not arn_matcher("arn:aws:" + "*a" * 50 + ":::*b")("arn:aws:" + "a" * 2_000 + ":::c")
    assert time.perf_counter() - started < 2


def test_text_that_is_no_arn_matches_no_arn_pattern() -> None:
    assert not arn_matcher("*:*:*:*:*:*")("a:b")
    assert not arn_matcher("*")("a:b:c:d:e:f")
