"""CloudFormation text on the way in: read as CloudFormation reads it, and refused with the line where it cannot be."""

from __future__ import annotations

import contextlib
import re
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from template_texts import TEMPLATE, YAML
from trailkey.cloudformation import MAX_DEPTH, load
from trailkey.errors import PolicyError


def test_the_pure_python_reader_of_events_gives_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("trailkey.cloudformation.reader.QUICK", yaml.SafeLoader)

    assert load(YAML, "a.yaml") == TEMPLATE


@pytest.mark.parametrize(
    ("text", "document"),
    [
        ("Version: 2012-10-17", {"Version": "2012-10-17"}),
        ("a: 2001-12-14t21:59:43.10-05:00", {"a": "2001-12-14t21:59:43.10-05:00"}),
        ("a: on", {"a": True}),
        ("a: 0777", {"a": 511}),
        ("a: 1_000", {"a": 1000}),
        ("a: 1:30", {"a": 90}),
        ("a: '012345678901'", {"a": "012345678901"}),
        ("111111111111: a", {"111111111111": "a"}),
        ("a: !!str 1", {"a": "1"}),
        ("a: ! 1", {"a": "1"}),
        ("a: !!int '1'", {"a": 1}),
        ("a: =", {"a": "="}),
        ("'<<': a", {"<<": "a"}),
        ("a:", {"a": None}),
        ("a: !GetAtt b.c.d", {"a": {"Fn::GetAtt": ["b", "c.d"]}}),
        ("a: !GetAtt [b, !Ref c]", {"a": {"Fn::GetAtt": ["b", {"Ref": "c"}]}}),
        ("a: !Ref 1", {"a": {"Ref": "1"}}),
        ("a: !Sub [x, {b: !ImportValue c}]", {"a": {"Fn::Sub": ["x", {"b": {"Fn::ImportValue": "c"}}]}}),
        ("a: !ToJsonString {b: 1}", {"a": {"Fn::ToJsonString": {"b": 1}}}),
        ("{a: [b, 'c']}", {"a": ["b", "c"]}),
        ('\ufeff{"a": 1.5}', {"a": 1.5}),
        ('{"a": "\\ud83d\\ude00",\n\t"b": null}', {"a": "😀", "b": None}),
        ("# a comment\n---\na: &b c\n...\n", {"a": "c"}),
    ],
)
def test_reads_as_cloudformation_does(text: str, document: Any) -> None:
    assert load(text, "a.yaml") == document


DEEP = MAX_DEPTH + 1
TOO_DEEP = "nested deeper than 100 levels; nothing needs that; flatten it"
TWICE = "key 'a' is given twice, first in line 1, and only one of them would count; remove the other"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "a.yaml: empty; a template or a policy belongs here"),
        ("# nothing\n", "a.yaml: empty; a template or a policy belongs here"),
        ("a: 1\nb:\n  c: 1\na: 2", f"a.yaml:4: {TWICE}"),
        ('{"a": 1,\n "a": 2}', f"a.yaml:2: {TWICE}"),
        ("1: x\n'1': y", f"a.yaml:2: {TWICE.replace(chr(39) + 'a', chr(39) + '1')}"),
        ("a: &b 1\nc: *b", "a.yaml:2: alias *b: aliases are not supported; write the value out"),
        ("a: {b: c}\n<<: {d: e}", "a.yaml:2: merge key <<: merges are not supported; write the keys out"),
        ("a: !GetAtt b", "a.yaml:1: !GetAtt b names no attribute; write !GetAtt LogicalId.Attribute"),
        (
            "a: !!timestamp 2012-10-17",
            "a.yaml:1: tag tag:yaml.org,2002:timestamp is unknown to CloudFormation; remove it",
        ),
        ("a: !!binary YQ==", "a.yaml:1: tag tag:yaml.org,2002:binary is unknown to CloudFormation; remove it"),
        ("a: !!set {b}", "a.yaml:1: tag tag:yaml.org,2002:set is unknown to CloudFormation; remove it"),
        (
            "a: !!python/name:os.system x",
            "a.yaml:1: tag tag:yaml.org,2002:python/name:os.system is unknown to CloudFormation; remove it",
        ),
        (
            "a: !!int b",
            "a.yaml:1: 'b' cannot be read as !!int; text, numbers, true and false are allowed; put it in quotes, without a tag",
        ),
        ("on: a", "a.yaml:1: key on is read as True, not as text; quote it"),
        ("012345670123: a", "a.yaml:1: key 012345670123 is read as 1402433619, not as text; quote it"),
        ("[a]: b", "a.yaml:1: a key that is not text; a key of a mapping is text; quote it"),
        ("!Ref a: b", "a.yaml:1: a key that is not text; a key of a mapping is text; quote it"),
        (
            "a: .nan",
            "a.yaml:1: '.nan' cannot be read as !!float; text, numbers, true and false are allowed; put it in quotes, without a tag",
        ),
        (
            "a: -.INF",
            "a.yaml:1: '-.INF' cannot be read as !!float; text, numbers, true and false are allowed; put it in quotes, without a tag",
        ),
        ('{"a": NaN}', "a.yaml: NaN is not a number that CloudFormation can hold; quote it if it is meant as text"),
        (
            r'{"a": "\ud83d"}',
            r"a.yaml: it holds an unpaired surrogate, \ud83d; whole characters are allowed; correct it",
        ),
        (
            r'{"\uDE00": "a"}',
            r"a.yaml: it holds an unpaired surrogate, \ude00; whole characters are allowed; correct it",
        ),
        ('{"a": 1e999}', "a.yaml: 1e999 is not a number that CloudFormation can hold; quote it if it is meant as text"),
        ("a: 1\n---\nb: 1", "a.yaml:2: a second document begins; one text holds one; split them"),
        ('{"a": 1,\n "b" 2}', "a.yaml:2: not valid JSON: Expecting ':' delimiter; correct it there"),
        ("- " * DEEP + "- a", f"a.yaml:1: {TOO_DEEP}"),
        ("[" * (DEEP + 1) + "]" * (DEEP + 1), f"a.yaml:1: {TOO_DEEP}"),
        ("[" * 100_000 + "]" * 100_000, f"a.yaml:1: {TOO_DEEP}"),
        ("{a: " * 100_000, f"a.yaml:1: {TOO_DEEP}"),
    ],
    ids=lambda text: text[:30],
)
def test_refuses(text: str, message: str) -> None:
    with pytest.raises(PolicyError, match=f"^{re.escape(message)}$"):
        load(text, "a.yaml")


@pytest.mark.parametrize("text", ["a: 'b\nc: d", "a: 1\n b: 2", "a: @b", "a: \x00", "a: *", "a: ]"])
def test_refuses_text_that_is_no_yaml(text: str) -> None:
    with pytest.raises(PolicyError, match=r"^a\.yaml(:\d)?: not valid YAML: .+; correct it there$"):
        load(text, "a.yaml")


@pytest.mark.parametrize("levels", [MAX_DEPTH - 1, MAX_DEPTH])
def test_as_many_levels_as_allowed_are_read(levels: int) -> None:
    assert load("[" * levels + "1" + "]" * levels, "a.yaml")
    assert load("- " * levels + "1", "a.yaml")


def test_a_repeated_key_in_text_that_only_json_accepts_refuses_without_the_line(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("trailkey.cloudformation.reader.QUICK", yaml.SafeLoader)

    with pytest.raises(PolicyError, match=f"^a.yaml: {re.escape(TWICE.replace(', first in line 1', ''))}$"):
        load('{"a": 1,\n\t"a": 2}', "a.yaml")


def test_a_number_of_too_many_digits_refuses() -> None:
    with pytest.raises(PolicyError):
        load("a: " + "9" * 5000, "a.yaml")
    with pytest.raises(PolicyError):
        load('{"a": ' + "9" * 5000 + "}", "a.yaml")


@given(st.text() | st.text(alphabet="ab:-?!&*{}[]|>'\"#%@, \n\t<=.01~"))
def test_any_text_is_read_or_refused(text: str) -> None:
    with contextlib.suppress(PolicyError):  # refused is fine; anything else is not
        load(text, "a.yaml")
