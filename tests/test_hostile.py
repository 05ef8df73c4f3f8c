"""Nobody's terminal: what a stranger's policy, template, request or config holds is shown as text, by every command in every format.

A text that reached a terminal or log raw could move the cursor, change the direction of words, begin a line of its own (a command of a
workflow, a finding that is none), or be markup.
"""

from __future__ import annotations

import json
import re
import unicodedata
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from helpers import CONFIGS
from trailkey import cli

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

HOME = "210987654321"
HOSTILE = {
    # Escapes, C1, line ends, marks of direction, and what nobody sees.
    "characters": (
        "a\x1b[2J\x1b]0;title\x07b\x9b31mc\x85d\n::error::forged\r\nno findings\u2028x\u2029y\u202ee\u2066f\u200fg\u200b\ufeff\u00adh"
    ),
    "markup": "](https://example.com)![p](x)<img src=x>`|**b**%0A::warning::b",
}
_CODE = re.compile(r"(?<!`)(`+)(?!`).*?(?<!`)\1(?!`)")
PLACES = ("Sid", "role", "action", "key", "value", "Id", "statement key", "service")
"""Where in a policy a text can stand."""


def policy(place: str, text: str) -> dict[str, Any]:
    statement: dict[str, Any] = {
        "Sid": text if place == "Sid" else "Reads",
        "Effect": "Allow",
        "Principal": {"AWS": f"arn:aws:iam::{HOME}:role/{text if place == 'role' else 'Reader'}"},
        "Action": [f"kms:{text}" if place == "action" else "kms:Decrypt", "kms:DescribeKey", "kms:PutKeyPolicy"],
        "Resource": "*",
        "Condition": {
            "StringNotEquals": {
                f"kms:EncryptionContext:{text}" if place == "key" else "kms:EncryptionContext:a": text
                if place == "value"
                else "x"
            }
        },
    }
    if place == "statement key":
        statement[text] = "x"
    if place == "service":
        statement["Principal"] = {"Service": text}
    return {"Version": "2012-10-17", "Id": text if place == "Id" else "Key", "Statement": [statement]}


def template(place: str, text: str) -> dict[str, Any]:
    key = {"Type": "AWS::KMS::Key", "Properties": {"KeyPolicy": policy(place, text)}}
    return {
        "Description": text,
        "Parameters": {text: {"Type": "String", "Default": text}},
        "Resources": {text: key, "Key": key},
    }


def errors_with(text: str) -> Iterator[str]:
    """Yield errors of AWS, pasted and as events, that hold a text wherever one can stand."""
    key = f"arn:aws:kms:eu-central-1:777777777777:key/{text}"
    yield text
    yield f"User: arn:aws:sts::777777777777:assumed-role/{text}/x is not authorized to perform: kms:Decrypt on resource: {key} because no resource-based policy allows the kms:Decrypt action"
    yield f"Export {text} cannot be deleted as it is in use by {text}\nIncorrect S3 bucket policy is detected for bucket: {text}"
    identity = {
        "type": "AssumedRole",
        "arn": f"arn:aws:sts::777777777777:assumed-role/{text}/{text}",
        "sessionContext": {"sessionIssuer": {"type": "Role", "arn": f"arn:aws:iam::777777777777:role/{text}"}},
        "invokedBy": text,
    }
    event = {
        "eventSource": "kms.amazonaws.com",
        "eventName": "Decrypt",
        "awsRegion": text,
        "errorCode": text,
        "errorMessage": text,
        "userIdentity": identity,
        "sourceIPAddress": text,
        "vpcEndpointId": text,
        "requestID": text,
        "resources": [{"ARN": key}],
        "requestParameters": {"keyId": key, "encryptionContext": {text: text}},
    }
    yield json.dumps(event)
    yield json.dumps({**event, "eventName": text, "eventSource": text})
    yield json.dumps({"explicitDeny": True, "context": {"principal": {"arn": text}, "action": text, "resource": text}})
    yield json.dumps(
        {"StackEvents": [{"ResourceStatusReason": text, "ResourceStatus": text, "LogicalResourceId": text}]}
    )


def commands_of_policies(folder: Path, place: str, text: str) -> Iterator[list[str]]:
    plain, hostile, whole = (folder / name for name in ("plain.json", "hostile.json", "template.json"))
    plain.write_text(json.dumps(policy("none", "")), encoding="utf-8")
    hostile.write_text(json.dumps(policy(place, text)), encoding="utf-8")
    whole.write_text(json.dumps(template(place, text)), encoding="utf-8")
    asked = folder / "requests.json"
    request = {
        "name": text,
        "principal": f"arn:aws:iam::{HOME}:role/{text}",
        "action": "kms:Decrypt",
        "context": {"kms:EncryptionContext:a": text},
    }
    asked.write_text(json.dumps([request]), encoding="utf-8")
    broken = folder / "broken.json"
    broken.write_text(json.dumps([{text: 1}, {"principal": text, "action": text}]), encoding="utf-8")
    said = folder / "said.yaml"
    said.write_text(
        yaml.safe_dump(
            {
                "invariants": [
                    {"says": text, "nobody_but": [], "may": "kms:Decrypt"},
                    {"says": text, "who": text, "can": text},
                ]
            }
        ),
        encoding="utf-8",
    )
    fine = folder / "fine.yaml"
    fine.write_text(
        yaml.safe_dump({"invariants": [{"says": text, "nobody_but": [], "may": "kms:Decrypt"}]}), encoding="utf-8"
    )
    accepted = folder / "accepted.yaml"
    accepted.write_text(
        yaml.safe_dump({"accept": [{"id": "people-encrypt", "reason": text}, {"id": text, "reason": text}]}),
        encoding="utf-8",
    )
    for source in (hostile, whole):
        for form in ("text", "json", "github", "sarif"):
            yield ["audit", str(source), "--format", form]
        yield ["audit", str(source), "--invariants", str(fine)]
        yield ["audit", str(source), "--invariants", str(said)]
        yield ["audit", str(source), "--baseline", str(accepted)]
        yield ["audit", str(source), "--parameter", f"A={text}", "--trail", text]
        for form in ("table", "json", "markdown"):
            yield ["diff", str(plain), str(source), "--format", form, "--key-account", HOME]
            yield ["diff", str(source), str(plain), "--format", form, "--key-account", HOME]
        for form in ("table", "json"):
            yield ["decide", "--policy", str(source), str(asked), "--format", form, "--key-account", HOME]
        yield ["decide", "--policy", str(source), str(broken), "--key-account", HOME]
        for form in ("table", "json", "markdown"):
            yield ["access", "--policy", str(source), "--format", form, "--key-account", HOME]


def commands_of_texts(folder: Path, text: str) -> Iterator[list[str]]:
    """Yield the commands that take a text from elsewhere than a policy."""
    plain, config = folder / "plain.json", folder / "config.yaml"
    plain.write_text(json.dumps(policy("none", "")), encoding="utf-8")
    config.write_text(
        yaml.safe_dump({"name": text, text: 1, "accounts": {text: text}, "trails": [{"name": text}]}), encoding="utf-8"
    )
    for number, said_by_aws in enumerate(errors_with(text)):
        pasted = folder / f"error{number}"
        pasted.write_text(said_by_aws, encoding="utf-8")
        for form in ("text", "json"):
            yield ["explain", str(pasted), "--format", form, "--config", str(CONFIGS["single-account"])]
    yield ["generate", str(config), "--output", str(folder / "out")]
    yield ["access", str(config)]
    yield ["diff", str(config), str(plain)]
    name = text.replace("/", "").replace("\x00", "")
    outputs = folder / "outputs.json"
    outputs.write_text(
        json.dumps({"Stacks": [{"Outputs": [{"OutputKey": text, "OutputValue": text}]}]}), encoding="utf-8"
    )
    for file in (outputs, folder / name):
        yield ["fill", str(config), text, "--outputs", str(file)]
    yield from (
        ["audit", str(folder / name)],
        ["init", str(folder / name / name)],
        ["schema", name],
        ["help", name],
        [name],
    )


def raw(text: str) -> list[str]:
    """The characters that would do something, and not only be seen."""
    doing = ("Cc", "Cf", "Zl", "Zp", "Cs", "Co")
    return sorted({repr(one) for one in text if one != "\n" and unicodedata.category(one) in doing})


@pytest.mark.parametrize("place", [*PLACES, "elsewhere"])
@pytest.mark.parametrize("kind", HOSTILE)
def test_no_output_holds_a_hostile_text_raw(
    kind: str, place: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    text = HOSTILE[kind]
    number = 0
    of_policies = place in PLACES
    for arguments in commands_of_policies(tmp_path, place, text) if of_policies else commands_of_texts(tmp_path, text):
        code = cli.run(arguments)
        out, err = capsys.readouterr()
        number += 1
        shown = out + err
        assert code != 1, (arguments, err)
        assert raw(shown) == [], arguments
        assert not any(line.startswith(("::error::forged", "no findings\u2028")) for line in shown.splitlines())
        assert "\n::error::" not in f"\n{shown}"
        if "markdown" in arguments:
            prose = _CODE.sub("", out)  # code is shown as it is
            assert "![p](x)" not in prose
            assert "<img" not in prose
    assert number > 20


CONFIG = """
name: sound
accounts:
  main: {id: "111111111111", deployer: role/Deployer}
key: {account: main}
bucket: {account: main, region: us-east-1, name: sound-logs}
trails:
  - {name: sound-trail, home_region: us-east-1}
readers:
  - {name: responders, role: main:role/Responder}
"""


@pytest.mark.parametrize("kind", HOSTILE)
def test_the_free_texts_of_a_config_are_text_in_whatever_is_printed_or_written(
    kind: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """What no template may hold is refused; the rest of it stands in pages, tables and scripts as it is."""
    text = "a\n::error::forged\nno findings\tb\u00adc" if kind == "characters" else HOSTILE[kind]
    config = tmp_path / "sound.yaml"
    risks = [{"id": "bucket-iam-needed", "reason": text}]
    says = [{"says": text, "nobody_but": ["main"], "may": "kms:PutKeyPolicy"}]
    says.append({"says": text, "nobody_but": [], "may": "kms:PutKeyPolicy"})
    config.write_text(
        CONFIG + yaml.safe_dump({"accepted_risks": risks, "invariants": says}, allow_unicode=True), encoding="utf-8"
    )
    seen = ""
    for arguments in (
        ["generate", str(config), "--output", str(tmp_path / "out")],
        *(["access", str(config), "--format", form] for form in ("table", "json", "markdown")),
    ):
        assert cli.run(arguments) in (2, 3), arguments
        out, err = capsys.readouterr()
        seen += err
        assert raw(out + err) == [], arguments
        assert not any(line.startswith(("::error::", "no findings")) for line in (out + err).splitlines()), arguments
        if "markdown" in arguments:
            assert "<img" not in _CODE.sub("", out)
    assert "invariant-broken" in seen or "U+00AD" in seen
    # The neighbour: only what is so. Whatever is written holds it as text.
    config.write_text(CONFIG + yaml.safe_dump({"invariants": says[:1]}, allow_unicode=True), encoding="utf-8")
    code = cli.run(["generate", str(config), "--output", str(tmp_path / "out")])
    capsys.readouterr()
    assert code in (0, 2)
    pages = list((tmp_path / "out").rglob("*.md")) if code == 0 else []
    for page in pages:
        prose = _CODE.sub("", page.read_text(encoding="utf-8"))
        assert raw(prose) == []
        assert "<img" not in prose
        assert "\n::error::" not in prose
    assert bool(pages) is (code == 0)
