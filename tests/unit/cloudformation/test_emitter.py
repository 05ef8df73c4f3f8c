"""CloudFormation text on the way out: canonical, read by every reader as it was meant, and the same document when it comes back."""

from __future__ import annotations

import copy
import json
import re
from typing import TYPE_CHECKING, Any

import boto3
import pytest
import yaml
from cfnlint.decode import decode_str
from hypothesis import given
from hypothesis import strategies as st
from moto import mock_aws

from template_texts import TEMPLATE, YAML
from trailkey.cloudformation import dump_json, dump_yaml, load

if TYPE_CHECKING:
    from collections.abc import Callable


class Yaml12(yaml.SafeLoader):
    """A reader of YAML 1.2's core schema: the words and numbers it takes for something else than text."""

    yaml_implicit_resolvers = {}  # noqa: RUF012 (PyYAML's own attribute, replaced as a whole)


for _tag, _pattern, _first in (
    ("null", r"null|Null|NULL|~|", "nN~"),
    ("bool", r"true|True|TRUE|false|False|FALSE", "tTfF"),
    ("int", r"[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+", "-+0123456789"),
    (
        "float",
        r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?|[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN)",
        "-+.0123456789",
    ),
):
    Yaml12.add_implicit_resolver(f"tag:yaml.org,2002:{_tag}", re.compile(f"^(?:{_pattern})$"), list(_first))


READERS = [yaml.SafeLoader, Yaml12, *([yaml.CSafeLoader] if yaml.__with_libyaml__ else [])]


def test_yaml_is_canonical() -> None:
    assert dump_yaml(TEMPLATE) == YAML


def test_json_has_the_same_order() -> None:
    text = dump_json(TEMPLATE)

    assert list(json.loads(text)) == ["AWSTemplateFormatVersion", "Description", "Conditions", "Resources", "Outputs"]
    assert list(json.loads(text)["Resources"]["Alias"]) == ["Type", "Condition", "DeletionPolicy", "Properties"]
    assert text.startswith('{\n  "AWSTemplateFormatVersion": "2010-09-09",\n')
    assert text.endswith("}\n")


@pytest.mark.parametrize("text", [YAML, dump_json(TEMPLATE)])
def test_both_forms_read_back(text: str) -> None:
    assert load(text, "a.yaml") == TEMPLATE


# What people write in templates, and what a reader might take for something else.
AWKWARD = st.sampled_from(
    [
        *(
            "",
            " ",
            "a ",
            " a",
            "yes",
            "No",
            "ON",
            "off",
            "y",
            "N",
            "true",
            "null",
            "~",
            "NaN",
            ".inf",
            ".NAN",
            "Infinity",
        ),
        *(
            "012345678901",
            "0o14",
            "0x1F",
            "1e3",
            "1_000",
            "1:30",
            "190:20:30",
            "-1",
            "+.5",
            "2012-10-17",
            "2012-10-17T00:00:00Z",
        ),
        *(
            ":*",
            "*",
            "*a",
            "&a",
            "!a",
            "a: b",
            "a:",
            "a #b",
            "a#b",
            "#a",
            "- a",
            "-",
            "---",
            "...",
            "? a",
            "<<",
            "=",
            "%a",
            "@a",
            "`a",
        ),
        *(
            "a, b",
            "[a]",
            "{a}",
            "a]",
            "|",
            ">",
            "'a'",
            '"a"',
            "a\\b",
            "a\tb",
            "a\nb",
            "a\nb\n",
            "a\n\nb",
            "a\n",
            "\n",
            "\na",
            " a\nb",
        ),
        *(
            "a \nb",
            "a\n b",
            "a\r\nb",
            "\r",
            "\x85",
            "a\u2028b",
            "\ufeff",
            "\x00",
            "\x7f",
            "é",
            "a b",
            "😀",
            "a  b",
            "a: \nb",
            "#a\nb",
        ),
        *(
            "arn:aws:kms:us-east-1:111111111111:key/*",
            "${AWS::Region}",
            "arn:${AWS::Partition}:iam::*:role/a b",
            "kms:Decrypt",
            "-a",
        ),
    ]
)
TEXT = AWKWARD | st.text(max_size=12)
SCALARS = TEXT | st.booleans() | st.none() | st.integers() | st.floats(allow_nan=False, allow_infinity=False)
FUNCTIONS = st.sampled_from(
    [
        "Ref",
        "Condition",
        "Fn::GetAtt",
        "Fn::Transform",
        "Fn::ForEach::A",
        "Fn::Length",
        "Fn::",
        *(f"Fn::{f}" for f in ("Sub", "Base64", "If", "Join")),
    ]
)


def _containers(inside: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    get_att = st.builds(lambda *parts: {"Fn::GetAtt": list(parts)}, TEXT, TEXT)
    function = st.builds(lambda name, argument: {name: argument}, FUNCTIONS, inside)
    return st.lists(inside, max_size=4) | st.dictionaries(TEXT, inside, max_size=4) | function | get_att


DOCUMENTS = st.dictionaries(TEXT, st.recursive(SCALARS, _containers, max_leaves=20), max_size=4) | st.builds(
    lambda name, argument: {name: argument}, FUNCTIONS, st.recursive(SCALARS, _containers, max_leaves=8)
)


@given(DOCUMENTS)
def test_any_document_reads_back(document: dict[str, Any]) -> None:
    assert load(dump_yaml(document), "a.yaml") == document
    assert load(dump_json(document), "a.json") == document


@given(DOCUMENTS)
def test_order_of_insertion_does_not_show(document: dict[str, Any]) -> None:
    def turned(value: Any) -> Any:
        if isinstance(value, dict):
            return {key: turned(value[key]) for key in reversed(value)}
        return [turned(item) for item in value] if isinstance(value, list) else value

    assert dump_yaml(turned(document)) == dump_yaml(document)
    assert dump_json(turned(document)) == dump_json(document)


@pytest.mark.parametrize("reader", READERS)
@given(
    document=st.dictionaries(
        TEXT.filter(lambda key: not key.startswith("Fn::")), st.lists(SCALARS, max_size=5), max_size=5
    )
)
def test_every_yaml_reader_reads_the_same(reader: type[yaml.SafeLoader], document: dict[str, Any]) -> None:
    assert yaml.load(dump_yaml({"a": document}), Loader=reader) == {"a": document}  # noqa: S506 (all of them are safe loaders)


def test_cfn_lint_reads_the_same() -> None:
    assert decode_str(YAML) == (TEMPLATE, [])


@pytest.mark.parametrize("dump", [dump_yaml, dump_json])
def test_moto_creates_the_stack(dump: Callable[[dict[str, Any]], str], monkeypatch: pytest.MonkeyPatch) -> None:
    template = copy.deepcopy(TEMPLATE)
    del template["Resources"]["Key"]["Properties"]["Tags"]  # moto cannot create a key with tags from a template
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")

    with mock_aws():
        cloudformation, kms = (boto3.client(name, region_name="us-east-1") for name in ("cloudformation", "kms"))
        cloudformation.create_stack(StackName="logs", TemplateBody=dump(template))
        (output,) = cloudformation.describe_stacks(StackName="logs")["Stacks"][0]["Outputs"]
        policy = kms.get_key_policy(KeyId=output["OutputValue"], PolicyName="default")["Policy"]

    assert output["ExportName"] == "logs-key"
    assert policy["Version"] == "2012-10-17"
    assert policy["Statement"][0]["Principal"] == {"AWS": "arn:aws:iam::123456789012:root"}


def test_the_same_object_twice_is_written_twice() -> None:
    shared = ["a"]

    assert dump_yaml({"A": shared, "B": shared}) == "A:\n  - a\nB:\n  - a\n"


@pytest.mark.parametrize(
    ("document", "text"),
    [
        ({"A": {"Ref": "B"}}, "A: !Ref B\n"),
        ({"A": [{"Condition": "B"}]}, "A:\n  - !Condition B\n"),
        ({"A": {"Fn::GetAtt": ["B", "Outputs.C"]}}, "A: !GetAtt B.Outputs.C\n"),
        ({"A": {"Fn::GetAtt": ["B", {"Ref": "C"}]}}, "A:\n  Fn::GetAtt:\n    - B\n    - !Ref C\n"),
        ({"A": {"Fn::Base64": {"Fn::Sub": "b"}}}, "A:\n  Fn::Base64: !Sub b\n"),
        ({"A": {"Fn::Select": [0, {"Fn::GetAZs": ""}]}}, 'A: !Select\n  - 0\n  - !GetAZs ""\n'),
        ({"A": {"Fn::Transform": {"Name": "B"}}}, "A: !Transform\n  Name: B\n"),
        ({"A": {"Fn::Sub": ["${B}", {"B": "c"}]}}, "A: !Sub\n  - ${B}\n  - B: c\n"),
        ({"A": {"Fn::Sub": "b\nc"}}, "A: !Sub |-\n  b\n  c\n"),
        ({"Fn::Sub": "b\n---\nc"}, "!Sub |-\n  b\n  ---\n  c\n"),
        ({"A": "b\n\nc\n"}, "A: |\n  b\n\n  c\n"),
        ({"A": [["b"], [], {}, {"c": []}]}, "A:\n  - - b\n  - []\n  - {}\n  - c: []\n"),
        ({"A": [None, True, 1, 1.5, 1e16, 1e-7]}, "A:\n  - null\n  - true\n  - 1\n  - 1.5\n  - 1.0e+16\n  - 1.0e-07\n"),
    ],
)
def test_yaml_form(document: dict[str, Any], text: str) -> None:
    assert dump_yaml(document) == text
    assert load(text, "a.yaml") == document


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ({"a": {1}}, "CloudFormation text cannot hold {1}"),
        ({"a": float("nan")}, "CloudFormation text cannot hold nan"),
        ({"a": float("-inf")}, "CloudFormation text cannot hold -inf"),
        ({1: "a"}, "a key of CloudFormation text is a string, not 1"),
        ({"a" * 1001: 1}, f"a key of 1001 characters is longer than YAML can read: {'a' * 40}…"),
    ],
)
def test_what_text_cannot_hold_is_a_defect(value: dict[Any, Any], message: str) -> None:
    with pytest.raises((TypeError, ValueError), match=f"^{re.escape(message)}$"):
        dump_yaml(value)


def test_json_cannot_hold_it_either() -> None:
    for value in ({"a": {1}}, {"a": float("nan")}, {1: "a"}):
        with pytest.raises((TypeError, ValueError)):
            dump_json(value)  # type: ignore[arg-type]  # the mistake under test
