"""Templates made to keep a reader busy: each name and variable is resolved once, and there is an end to what functions make."""

from __future__ import annotations

import json
from typing import Any

import pytest

from helpers import allow, document
from trailkey.errors import PolicyError
from trailkey.inventory import find_policies

BUCKET, ROLE = "AWS::S3::Bucket", "AWS::IAM::Role"


def nested(depth: int) -> Any:
    """Return a text that is twice as long as the one in it, and so on."""
    value: Any = "x"
    for _ in range(depth):
        value = {"Fn::Sub": ["${a}${a}", {"a": value}]}
    return value


def template(principal: Any, resources: dict[str, Any] | None = None) -> str:
    key = {"Type": "AWS::KMS::Key", "Properties": {"KeyPolicy": document(allow({"AWS": principal}))}}
    parameters = {"P": {"Type": "String", "Default": "x" * 300_000}}
    return json.dumps({"Parameters": parameters, "Resources": {"Key": key, **(resources or {})}})


def named(kind: str, names: list[Any]) -> dict[str, Any]:
    """Return resources A0, A1, … with these names."""
    key = {BUCKET: "BucketName", ROLE: "RoleName"}[kind]
    return {f"A{at}": {"Type": kind, "Properties": {key: name}} for at, name in enumerate(names)}


ENDLESS = {
    "variables in variables": template(nested(24)),
    "names of names": template(
        {"Fn::Sub": "arn:aws:iam::111111111111:role/${A0}"},
        named(ROLE, [*({"Fn::Sub": f"${{A{at}}}${{A{at}}}"} for at in range(1, 40)), "x"]),
    ),
    "a name of itself": template({"Ref": "A0"}, named(BUCKET, [{"Ref": "A1"}, {"Ref": "A0"}])),
    "a chain of names": template({"Ref": "A0"}, named(BUCKET, [*({"Ref": f"A{at}"} for at in range(1, 2000)), "logs"])),
    "a long parameter, often": template([{"Ref": "P"}] * 3000),
    "beginnings of variables": template({"Fn::Sub": "${" * 100_000}),
    "beginnings of dynamic references": template("{{resolve:" * 30_000),
    "a key given twice": "{" + ",".join(f'"k{at}": 1' for at in range(20_000)) + ', "k19999": 2}',
}


@pytest.mark.parametrize("text", ENDLESS.values(), ids=list(ENDLESS))
def test_what_would_have_no_end_is_refused(text: str) -> None:
    def read() -> None:
        for found in find_policies(text, "template.json"):
            _ = found.policy

    with pytest.raises(
        PolicyError, match=r"more than 2,000,000 characters|is made of itself|KMS does not take it|given twice"
    ):
        read()


def test_a_variable_named_often_is_put_everywhere() -> None:
    (policy,) = find_policies(template(nested(3)), "template.json")

    assert policy.document["Statement"][0]["Principal"] == {"AWS": "x" * 8}
