"""IAM patterns and languages against every text of up to four characters."""

from __future__ import annotations

import itertools
import re
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trailkey.access.algebra.languages import ALL, EMPTY, Language, language, texts, union
from trailkey.access.algebra.patterns import ANY, DIGIT, NOT_COLON, Chars, Run, arn, glob, row
from trailkey.access.language.matching import literal
from trailkey.errors import UndecidedError

ALPHABET = "ab:*"
UNIVERSE = tuple("".join(chars) for length in range(5) for chars in itertools.product(ALPHABET, repeat=length))

PATTERNS = st.text(alphabet="ab:*?", max_size=5)


def as_regex(pattern: str) -> re.Pattern[str]:
    return re.compile("".join({"*": ".*", "?": "."}.get(char, re.escape(char)) for char in pattern), re.DOTALL)


def as_arn_regex(pattern: str) -> re.Pattern[str] | None:
    parts = pattern.split(":", 5)
    if len(parts) < 6:
        return None
    first = ["".join({"*": "[^:]*", "?": "[^:]"}.get(char, re.escape(char)) for char in part) for part in parts[:5]]
    return re.compile(":".join([*first, as_regex(parts[5]).pattern]), re.DOTALL)


def members(found: Language) -> set[str]:
    return {text for text in UNIVERSE if found.contains(text)}


@given(PATTERNS)
def test_glob_means_what_its_regular_expression_means(pattern: str) -> None:
    regex = as_regex(pattern)
    assert members(language([glob(pattern)])) == {text for text in UNIVERSE if regex.fullmatch(text)}


@given(st.text(alphabet="a:*?", max_size=9), st.text(alphabet="ab:", max_size=9))
def test_arn_wildcards_stay_within_their_part(pattern: str, text: str) -> None:
    regex = as_arn_regex(pattern)
    built = arn(pattern)
    assert (regex is None) == (built is None)
    if regex is not None and built is not None:
        assert language([built]).contains(text) == bool(regex.fullmatch(text))


def test_arn_sixth_part_holds_colons_and_the_first_five_do_not() -> None:
    built = arn("arn:aws:*:us-?:1*:a*z")
    assert built is not None
    found = language([built])
    assert found.contains("arn:aws:kms:us-1:11:a:b:z")
    assert not found.contains("arn:aws:kms:x:us-1:11:az")
    assert not found.contains("arn:aws:kms:us-1:1:1:az")


def test_case_is_ignored_only_where_asked_for() -> None:
    assert language([glob("kms:Dec*", fold=True)]).contains("KMS:dECRYPT")
    assert not language([glob("kms:Dec*")]).contains("KMS:dECRYPT")


def test_a_marked_star_is_a_plain_one() -> None:
    found = language([glob("a" + literal("*") + "?")])
    assert found.contains("a*b")
    assert not found.contains("aab")


def test_character_sets_and_runs_of_them() -> None:
    account = row(["arn:", Run(NOT_COLON), ":", *([DIGIT] * 3)])
    assert language([account]).witness() == "arn::999"
    assert account.text == "arn:*:[0123456789][0123456789][0123456789]"
    few = language([row(["x", Run(Chars(frozenset("ab")))])])
    assert [few.contains(text) for text in ("x", "xab", "xc")] == [True, True, False]
    with pytest.raises(ValueError, match="side by side"):
        row([Run(ANY), Run(NOT_COLON)])


@st.composite
def expressions(draw: st.DrawFn, depth: int = 3) -> tuple[Language, frozenset[str]]:
    """A language built by operations, and by brute force the texts of the universe it must hold."""
    kind = draw(st.sampled_from(["glob", "texts", "fold", "and", "or", "sub", "not"] if depth else ["glob", "texts"]))
    if kind in ("glob", "fold"):
        chosen = draw(st.lists(PATTERNS, min_size=1, max_size=3))
        flags = re.IGNORECASE if kind == "fold" else 0
        regexes = [re.compile(as_regex(pattern).pattern, re.DOTALL | flags) for pattern in chosen]
        held = frozenset(text for text in UNIVERSE if any(regex.fullmatch(text) for regex in regexes))
        return language(glob(pattern, fold=kind == "fold") for pattern in chosen), held
    if kind == "texts":
        values = draw(st.lists(st.sampled_from(UNIVERSE), max_size=4))
        return texts(*values), frozenset(values)
    one, held_one = draw(expressions(depth - 1))
    if kind == "not":
        return ~one, frozenset(UNIVERSE) - held_one
    two, held_two = draw(expressions(depth - 1))
    if kind == "and":
        return one & two, held_one & held_two
    if kind == "or":
        return draw(st.sampled_from([one | two, union([one, two])])), held_one | held_two
    return one - two, held_one - held_two


@given(expressions())
def test_operations_agree_with_brute_force(case: tuple[Language, frozenset[str]]) -> None:
    found, held = case
    assert members(found) == held


@given(expressions())
def test_a_witness_is_in_the_language_and_none_is_shorter(case: tuple[Language, frozenset[str]]) -> None:
    found, held = case
    witness = found.witness()
    assert found.is_empty() == (witness is None)
    if held:
        assert witness is not None
        assert len(witness) <= min(map(len, held))
    if witness is not None:
        assert found.contains(witness)
        if len(witness) <= 4 and set(witness) <= set(ALPHABET):
            assert witness in held


@given(expressions(2), expressions(2))
def test_subset_and_disjoint_agree_with_brute_force(
    one: tuple[Language, frozenset[str]], two: tuple[Language, frozenset[str]]
) -> None:
    if one[0].subset(two[0]):
        assert one[1] <= two[1]
    if one[1] - two[1]:
        assert not one[0].subset(two[0])
    if one[0].disjoint(two[0]):
        assert not one[1] & two[1]
    if one[1] & two[1]:
        assert not one[0].disjoint(two[0])


def test_a_finite_set_can_exhaust_a_rule() -> None:
    digits = language([row([DIGIT])])
    assert (digits - texts(*"0123456789")).is_empty()
    assert (digits - texts(*"01234567")).witness() == "9"
    one = language([row([Chars(frozenset("ab"))])])
    assert one.subset(texts("a", "b"))
    assert not one.subset(texts("a", "c"))


def test_a_witness_beside_many_barred_texts() -> None:
    barred = [chr(code) for code in range(0x21, 0x7F)] + [chr(code) for code in range(0x4E00, 0x5200)]
    witness = (language([glob("?")]) - texts(*barred)).witness()
    assert witness is not None
    assert len(witness) == 1
    assert witness not in barred


def test_hints_come_first() -> None:
    found = language([glob("arn:aws:iam::*:role/*")])
    assert found.witness(["nobody", "arn:aws:iam::999999999999:role/Anyone"]) == "arn:aws:iam::999999999999:role/Anyone"
    assert found.witness(["nobody"]) == "arn:aws:iam:::role/"


def test_everything_and_nothing() -> None:
    assert EMPTY.is_empty()
    assert (~ALL).is_empty()
    assert (ALL & EMPTY) == EMPTY
    assert EMPTY.subset(ALL)
    assert (~(language([glob("a*")]) | ~language([glob("a*")]))).is_empty()


def test_entangled_question_is_undecided() -> None:
    # Whatever ends in an a and twenty more begins with that a, or does not; but the search remembers every window of 21.
    whole = language([glob("*a" + "?" * 20)])
    halves = language([glob("a" + "?" * 20), glob("?*a" + "?" * 20)])
    with pytest.raises(UndecidedError, match="states"):
        whole.subset(halves)


def test_disjoint_patterns_are_told_apart_whatever_their_length() -> None:
    assert language([glob("*a" + "?" * 20)]).disjoint(language([glob("*b" + "?" * 20)]))
    assert not language([glob("*a" + "?" * 20)]).disjoint(language([glob("*b" + "?" * 19)]))


def test_a_thousand_literals_and_a_hundred_patterns_take_no_time() -> None:
    literals = texts(*(f"arn:aws:iam::{account:012}:role/Reader" for account in range(1000)))
    patterns = language(glob(f"arn:aws:cloudtrail:*:{account:012}:trail/*") for account in range(100))
    began = time.perf_counter()
    assert not literals.is_empty()
    assert literals.subset(language([glob("arn:aws:iam::*:role/*")]))
    assert not patterns.is_empty()
    assert patterns.subset(language([glob("arn:*:cloudtrail:*:trail/*")]))
    assert not language([glob("arn:*:cloudtrail:*:trail/*")]).subset(patterns)
    assert patterns.disjoint(literals)
    assert language([glob("arn:aws:cloudtrail:us-east-1:000000000042:trail/x*")]).subset(patterns)
    assert time.perf_counter() - began < 5  # a net for the exponential, not a measurement


def test_languages_come_out_the_same_in_any_order() -> None:
    patterns = [glob(f"{letter}*{digit}") for letter in "abc" for digit in "123"]
    assert language(patterns) == language(reversed(patterns))
