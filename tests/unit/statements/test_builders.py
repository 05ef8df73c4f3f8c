"""Statements from plain words, and the traps of the library beneath."""

from __future__ import annotations

import pytest
from awacs import kms
from awacs.aws import Condition, StringEquals
from troposphere import Sub, encode_to_dict

from trailkey.statements import actions
from trailkey.statements.builders import allow, document, merged, text, texts


def test_awacs_drops_the_first_of_two_conditions_with_the_same_operator() -> None:
    condition = Condition([StringEquals({"a": "1"}), StringEquals({"b": "2"})])
    assert encode_to_dict(condition) == {"StringEquals": {"b": "2"}}


def test_merged_joins_what_awacs_would_drop() -> None:
    guard = merged({"StringEquals": {"a": "1"}}, {"StringEquals": {"b": "2"}, "Bool": {"c": "true"}})
    assert guard == {"StringEquals": {"a": "1", "b": "2"}, "Bool": {"c": "true"}}
    made = encode_to_dict(allow("S", actions.DECRYPT, guard=guard))
    assert made["Condition"] == guard


def test_merged_refuses_a_key_given_twice() -> None:
    with pytest.raises(ValueError, match=r"^StringEquals a is given twice$"):
        merged({"StringEquals": {"a": "1"}}, {"StringEquals": {"a": "1"}})


def test_merged_leaves_its_parts_alone() -> None:
    first = {"StringEquals": {"a": "1"}}
    merged(first, {"StringEquals": {"b": "2"}})
    assert first == {"StringEquals": {"a": "1"}}


def test_a_sid_stands_once() -> None:
    with pytest.raises(ValueError, match=r"^Sid S is given twice$"):
        document([allow("S", (kms.Decrypt,)), allow("S", (kms.Encrypt,))])


def test_arns_get_the_partition_and_keep_policy_variables() -> None:
    made = text("arn:aws:s3:::b/${aws:PrincipalAccount}/*")
    assert isinstance(made, Sub)
    assert encode_to_dict(made) == {"Fn::Sub": "arn:${AWS::Partition}:s3:::b/${!aws:PrincipalAccount}/*"}
    assert text("o-a1b2c3d4e5") == "o-a1b2c3d4e5"
    assert texts(["one"]) == "one"
    assert texts(["one", "two"]) == ["one", "two"]


def test_operators_with_a_set_prefix_keep_it() -> None:
    made = encode_to_dict(allow("S", actions.DECRYPT, guard={"ForAnyValue:StringLike": {"a": ["x"]}}))
    assert made["Condition"] == {"ForAnyValue:StringLike": {"a": ["x"]}}


@pytest.mark.parametrize(
    "name",
    ["ADMINISTER", "BREAK_GLASS", "CHANGE_ALIAS", "DEPLOY_KEY", "LAKE_PEOPLE", "LAKE_SERVICE", "READ_METADATA"],
)
def test_no_set_of_actions_holds_a_wildcard_or_a_grant(name: str) -> None:
    held = {str(action.JSONrepr()) for action in getattr(actions, name)}
    assert not any("*" in action for action in held)
    assert not {"kms:CreateGrant", "kms:ReplicateKey", "kms:CreateKey", "kms:Encrypt"} & held
