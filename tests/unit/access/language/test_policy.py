from __future__ import annotations

from typing import Any

import pytest

import helpers
from trailkey.access.language.conditions import Condition
from trailkey.access.language.policy import load_json, parse_policy
from trailkey.errors import PolicyError

ROLE = "arn:aws:iam::111122223333:role/Reader"


def statement(**changes: Any) -> dict[str, Any]:
    return helpers.statement(**{"Sid": "One", "Principal": {"AWS": ROLE}, **changes})


def document(*statements: Any, **changes: Any) -> dict[str, Any]:
    return helpers.document(*(statements or [statement()]), **changes)


def test_a_single_statement_and_a_list_mean_the_same() -> None:
    one = parse_policy({"Version": "2012-10-17", "Statement": statement()}, resource_based=True)
    assert one == parse_policy(document(), resource_based=True)
    assert one.statements[0].name == "One"


def test_a_statement_without_sid_is_named_by_its_position() -> None:
    policy = parse_policy(document(statement(), statement(Sid=...)), resource_based=True)
    assert [entry.name for entry in policy.statements] == ["One", 1]


def test_conditions_are_split_and_their_values_are_texts() -> None:
    block = {"ForAnyValue:StringLikeIfExists": {"aws:TagKeys": ["a*", True, 90, 1.5]}, "Null": {"aws:SourceArn": False}}
    policy = parse_policy(document(statement(Condition=block)), resource_based=True)
    assert policy.statements[0].conditions == (
        Condition("StringLike", "ForAnyValue", if_exists=True, key="aws:TagKeys", values=("a*", "true", "90", "1.5")),
        Condition("Null", "", if_exists=False, key="aws:SourceArn", values=("false",)),
    )


def test_a_policy_without_version_is_of_the_old_one() -> None:
    policy = parse_policy({"Statement": statement()}, resource_based=True)
    assert (policy.version, policy.variables) == ("2008-10-17", False)


def condition(operator: str, value: Any, key: str = "aws:SourceArn") -> dict[str, Any]:
    return document(statement(Condition={operator: {key: value}}))


REFUSED = {
    "no object": ([], "is not an object"),
    "unknown element": (document(Statements=[]), '"Statements"'),
    "unknown version": (document(Version="2012-10-71"), "2012-10-71"),
    "id no text": (document(Id=1), "Id: 1"),
    "no statement": ({"Version": "2012-10-17"}, "Statement: missing"),
    "empty statement list": ({"Version": "2012-10-17", "Statement": []}, "Statement: missing"),
    "statement no object": (document("x"), "Statement[0]"),
    "unknown statement element": (document(statement(Conditions={})), '"Conditions"'),
    "effect in lower case": (document(statement(Effect="allow")), '"allow"'),
    "sid no text": (document(statement(Sid=1)), "Sid: 1"),
    "no action": (document(statement(Action=...)), "neither of Action and NotAction"),
    "both actions": (document(statement(NotAction="kms:*")), "both of Action and NotAction"),
    "empty action list": (document(statement(Action=[])), "an empty list"),
    "action without service": (document(statement(Action="Decrypt")), '"Decrypt"'),
    "action with a blank": (document(statement(Action="kms:De crypt")), '"kms:De crypt"'),
    "no resource": (document(statement(Resource=...)), "neither of Resource and NotResource"),
    "resource no ARN": (document(statement(Resource="key/1")), '"key/1"'),
    "resource with a variable in the account": (
        document(statement(Resource="arn:aws:s3::${aws:PrincipalAccount}:x")),
        "before the fifth colon",
    ),
    "no principal": (document(statement(Principal=...)), "neither of Principal and NotPrincipal"),
    "NotPrincipal with Allow": (document(statement(Principal=..., NotPrincipal={"AWS": ROLE})), "does not support"),
    "NotPrincipal star": (document(statement(Effect="Deny", Principal=..., NotPrincipal="*")), "leaves nobody"),
    "principal is a text": (document(statement(Principal=ROLE)), 'neither "*" nor an object'),
    "principal of nobody": (document(statement(Principal={"AWS": []})), "names nobody"),
    "principal with a wildcard": (document(statement(Principal={"AWS": f"{ROLE}*"})), "Reader*"),
    "a group": (document(statement(Principal={"AWS": "arn:aws:iam::111122223333:group/x"})), "group/x"),
    "eleven digits": (document(statement(Principal={"AWS": "11112222333"})), '"11112222333"'),
    "canonical user": (document(statement(Principal={"CanonicalUser": "x"})), "CanonicalUser: not modelled"),
    "service star": (document(statement(Principal={"Service": "*"})), '"*"'),
    "unknown operator": (condition("StringMatches", "x"), "StringMatches"),
    "operator in another case": (condition("stringLike", "x"), "stringLike"),
    "unknown set operator": (condition("ForEachValue:StringLike", "x"), "ForEachValue:StringLike"),
    "NullIfExists": (condition("NullIfExists", "true"), "NullIfExists"),
    "ForAnyValue Null": (condition("ForAnyValue:Null", "true"), "ForAnyValue:Null"),
    "no condition key": (condition("StringLike", "x", "SourceArn"), '"SourceArn"'),
    "an object as value": (condition("StringLike", {"a": 1}), "is not a valid condition value"),
    "no value": (condition("StringLike", []), "an empty list"),
    "no number": (condition("NumericEquals", "ten"), '"ten" is not a number'),
    "no date": (condition("DateLessThan", "tomorrow"), '"tomorrow" is not a date'),
    "no boolean": (condition("Bool", "yes"), '"yes" is not a boolean'),
    "no null": (condition("Null", "1"), '"1" is not a boolean'),
    "no address": (condition("IpAddress", "203.0.113"), '"203.0.113" is not an IP address'),
    "no base64": (condition("BinaryEquals", "***"), '"***" is not base64'),
    "no ARN": (condition("ArnLike", "arn:aws:iam"), '"arn:aws:iam" is not an ARN'),
    "variable in a number": (condition("NumericEquals", "${aws:EpochTime}"), "which NumericEquals does not take"),
    "open variable": (condition("StringLike", "${aws:username"), "opens no policy variable"),
}


@pytest.mark.parametrize(("content", "part"), REFUSED.values(), ids=REFUSED.keys())
def test_what_is_not_modelled_is_refused_by_name(content: Any, part: str) -> None:
    with pytest.raises(PolicyError) as caught:
        parse_policy(content, what="key.json", resource_based=True)
    assert str(caught.value).startswith("key.json: ")
    assert part in str(caught.value)


def test_an_identity_policy_names_no_principal() -> None:
    with pytest.raises(PolicyError, match="Principal: not allowed here"):
        parse_policy(document(), resource_based=False)
    assert parse_policy(document(statement(Principal=...)), resource_based=False).statements[0].principals is None


def test_the_old_version_has_no_variables_to_check() -> None:
    old = condition("StringLike", "${aws:username") | {"Version": "2008-10-17"}
    assert parse_policy(old, resource_based=True).statements[0].conditions[0].values == ("${aws:username",)


@pytest.mark.parametrize(
    ("text", "part"),
    [
        ('{"a": 1, "b": 2, "a": 3}', 'the key "a" is given twice'),
        ('{"a": {"b": 1, "b": 1}}', 'the key "b" is given twice'),
        ('{"a":\n 1,}', "p.json:2:"),
        ('{"a": NaN}', "NaN is not JSON"),
        ("[" * 200_000, "nested too deeply"),
    ],
    ids=["twice", "twice inside", "not JSON", "NaN", "deep"],
)
def test_json_that_is_refused(text: str, part: str) -> None:
    with pytest.raises(PolicyError) as caught:
        load_json(text, "p.json")
    assert part in str(caught.value)
