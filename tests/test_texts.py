"""Whatever texts a config holds, the files made of it mean what they mean with harmless texts; every other text is refused.

The text fields are those of the model, so a new one fails here until it says what it holds.
"""

from __future__ import annotations

import copy
import functools
import json
import tempfile
import types
import typing
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Literal, NamedTuple

import pytest
import yaml

from helpers import CONFIGS
from trailkey import cloudformation, errors, pipeline
from trailkey.cloudformation.intrinsics import resolve
from trailkey.config.load import load
from trailkey.config.model import Config
from trailkey.config.section import Section
from trailkey.config.source import written
from trailkey.rendered import check_all
from trailkey.reports.findings import finding_text
from trailkey.templates.layout import build

if TYPE_CHECKING:
    from collections.abc import Iterator

    from trailkey.config.deployment import Deployment
    from trailkey.config.source import ConfigPath
    from trailkey.rendered import Rendered


# What a text field may hold. "whole": the text is in the files as it is written, and nowhere a part of another one.
_NAME, _REFERENCE, _PRINCIPAL = (
    "letters, digits, hyphens",
    "a name listed under accounts",
    "a role or user by IAM's letters",
)
WHOLE: Final = "whole"
SAID: Final = "what has to be so: of pages and findings, and of no template"
HOLDS: Final = {
    "name": _NAME,
    "organization.id": "o- and letters, digits",
    "organization.management_account": _REFERENCE,
    "organization.root_id": "r- and letters, digits",
    "accounts.*": _NAME,
    "accounts.*.id": "12 digits",
    "accounts.*.deployer": _PRINCIPAL,
    "key.description": WHOLE,
    "key.account": _REFERENCE,
    "key.former_arns[]": "an ARN of letters, digits, -",
    "key.alias": "letters, digits, / _ -",
    "key.administrators[]": _PRINCIPAL,
    "key.break_glass[]": _PRINCIPAL,
    "key.alarm.topic_arns[]": "an ARN of letters, digits, _ -",
    "key.alarm.email": WHOLE,
    "key.alarm.kms_key": "an ARN or alias",
    "bucket.account": _REFERENCE,
    "bucket.region": "a Region",
    "bucket.name": "letters, digits, dots, hyphens",
    "bucket.access_logs.bucket": "letters, digits, dots, hyphens",
    "trails[].name": "letters, digits, . _ -",
    "trails[].account": _REFERENCE,
    "trails[].accounts[]": _REFERENCE,
    "trails[].organizational_unit_ids[]": "ou- and letters, digits, -",
    "trails[].home_region": "a Region",
    "trails[].s3_key_prefix": "letters, digits, / ! _ . ' ( ) -",
    "trails[].advanced_event_selectors[].name": WHOLE,
    **{
        f"trails[].advanced_event_selectors[].field_selectors[].{operator}[]": WHOLE
        for operator in ("equals", "starts_with", "ends_with", "not_equals", "not_starts_with", "not_ends_with")
    },
    "trails[].cloudwatch_logs.kms_key_arn": "an ARN of letters, digits, -",
    "trails[].sns_topic.name": "letters, digits, _ -",
    "trails[].sns_topic.kms_key": "an ARN or alias",
    "readers[].name": _NAME,
    "readers[].role": _PRINCIPAL,
    "readers[].permission_set": "letters, digits, _ + = , . @ -",
    "readers[].principal_arn_like": _PRINCIPAL,
    "readers[].account_principal": _REFERENCE,
    "readers[].principal_org_path": "ids of the organization",
    "readers[].principal_org_id": "an id of the organization",
    "readers[].service": "a service that is listed",
    "readers[].account": _REFERENCE,
    "event_data_stores[].description": WHOLE,
    "event_data_stores[].name": "letters, digits, . _ -",
    "event_data_stores[].account": _REFERENCE,
    "event_data_stores[].region": "a Region",
    "event_data_stores[].alias": "letters, digits, / _ -",
    **{f"event_data_stores[].{who}[]": _PRINCIPAL for who in ("queriers", "administrators", "break_glass")},
    "accepted_risks[].id": "letters, digits, hyphens",
    "accepted_risks[].reason": WHOLE,  # of access.md, and of no template
    "invariants[].says": SAID,
    **{f"invariants[].{one}{entry}": SAID for one in ("nobody_but", "may", "who", "can") for entry in ("", "[]")},
    "invariants[].where.*": SAID,
    "invariants[].where.*[]": SAID,
    "invariants[].key": "the alias of a key",
    "rollout.github.repository": "letters, digits, . _ - and a slash",
    "rollout.github.branch": "letters, digits, . _ / -",
    "rollout.github.environment": "letters, digits, _ -",
    "rollout.github.template_bucket": "letters, digits, dots, hyphens",
    "rollout.account_names.*": "letters, digits, spaces, . _ / + = @ -",
    "rollout.organizational_unit_names.*": "letters, digits, spaces, . _ / + = @ -",
    **{f"rollout.trusted.{who}[]": _PRINCIPAL for who in ("deployers", "administrators", "break_glass")},
    "rollout.trusted.readers.*": _REFERENCE,
    "rollout.trusted.readers.*[]": _PRINCIPAL,
    "tags.*": WHOLE,
}
MAPPINGS: Final = (
    "accounts",
    "invariants[].where",
    "tags",
    "rollout.account_names",
    "rollout.organizational_unit_names",
    "rollout.trusted.readers",
)

EVERYTHING: Final = yaml.safe_load(CONFIGS["everything"].read_text(encoding="utf-8"))
LAKE: Final = yaml.safe_load(CONFIGS["lake"].read_text(encoding="utf-8"))
_DATA: Final = [
    {"field": "eventCategory", "equals": ["Data"]},
    {"field": "resources.type", "equals": ["AWS::S3::Object"]},
]
BASES: Final = (
    {
        **EVERYTHING,
        "key": {
            **EVERYTHING["key"],
            "break_glass": ["log-archive:role/BreakGlass"],
            "former_arns": ["arn:aws:kms:eu-west-1:222222222222:key/12345678-1234-1234-1234-123456789012"],
        },
        "trails": [
            {
                **EVERYTHING["trails"][0],
                "account": "management",
                "advanced_event_selectors": [
                    {
                        "name": "some",
                        "field_selectors": [
                            *_DATA,
                            {"field": "eventName", "equals": ["Get"], "not_equals": ["Put"]},
                            {
                                "field": "resources.ARN",
                                "starts_with": ["arn:aws:s3:::a/"],
                                "not_starts_with": ["arn:aws:s3:::b/"],
                            },
                            {"field": "userIdentity.arn", "ends_with": ["x"], "not_ends_with": ["y"]},
                        ],
                    }
                ],
            },
            *EVERYTHING["trails"][1:],
        ],
        "accepted_risks": [{"id": "no-grants", "reason": "agreed"}],
        "invariants": [
            {"says": "nobody grants", "nobody_but": [], "may": "kms:CreateGrant", "key": EVERYTHING["key"]["alias"]},
            {"says": "so", "nobody_but": "management", "may": ["kms:CreateGrant"], "where": {"aws:userid": "x"}},
            {
                "says": "so too",
                "nobody_but": ["management"],
                "may": "kms:CreateGrant",
                "where": {"aws:PrincipalTag/a": ["x"]},
            },
            {"says": "they can", "who": "*", "can": "kms:Decrypt"},
            {"says": "they can too", "who": ["*"], "can": ["kms:Decrypt"]},
        ],
        "event_data_stores": [{**LAKE["event_data_stores"][0], "region": "eu-west-1", "description": "Lake"}],
    },
    {
        **yaml.safe_load(CONFIGS["organization"].read_text(encoding="utf-8")),
        "organization": {"id": "o-a1b2c3d4e5", "management_account": "management", "root_id": "r-ab12"},
        "bucket": {
            "account": "log-archive",
            "region": "us-east-1",
            "name": "acme-logs",
            "access_logs": {"bucket": "acme-access"},
        },
        "key": {
            "account": "log-archive",
            "administrators": ["log-archive:role/KeyAdministrator"],
            "break_glass": ["log-archive:role/BreakGlass"],
            "alarm": {"topic_arns": ["arn:aws:sns:us-east-1:222222222222:topic"], "kms_key": "alias/topics"},
        },
        "readers": [
            {"name": "one", "role": "security:role/One"},
            {"name": "two", "permission_set": "Analyst", "account": "security"},
            {"name": "three", "principal_arn_like": "security:role/three-*"},
            {"name": "four", "account_principal": "security"},
            {"name": "five", "principal_org_path": "o-a1b2c3d4e5/r-ab12/ou-ab12-11111111/*"},
            {"name": "six", "principal_org_id": "o-a1b2c3d4e5"},
            {"name": "seven", "service": "macie"},
        ],
        "rollout": {
            "engines": ["cli", "github", "codepipeline", "cfct", "lza"],
            "bootstrap": True,
            "github": {
                "repository": "acme/cloud",
                "branch": "main",
                "environment": "production",
                "template_bucket": "acme-templates",
            },
            "account_names": {"log-archive": "LogArchive"},
            "organizational_unit_names": {"ou-ab12-11111111": "Security"},
            "trusted": {
                "deployers": ["management:role/Pipeline"],
                "administrators": ["management:role/Admin"],
                "break_glass": ["management:role/Officer"],
                "readers": {"one": ["security:role/Person"]},
            },
        },
    },
)
"""Sound configs that together have every text field."""

HOSTILE: Final = (
    *(
        "${AWS::AccountId}",
        "${!x}",
        "${",
        "{{resolve:ssm:/a:1}}",
        "{{resolve:secretsmanager:a:SecretString:b}}",
        "AWS::NoValue",
    ),
    *(
        "AWS::StackName",
        "!Ref Key",
        "Fn::Sub",
        "*",
        "?",
        "a*b",
        "$",
        "${aws:username}",
        "arn:aws:iam::999999999999:root",
    ),
    *(
        "true",
        "null",
        "~",
        "012",
        "1e3",
        "0x1f",
        "2026-01-01",
        "- a",
        "a: b",
        "a #b",
        "&a",
        "|",
        ">",
        "%a",
        "`id`",
        "$(id)",
        "'",
        '"',
    ),
    *(
        "\\",
        "<b>",
        "[x](y)",
        "![x](y)",
        "a|b",
        "_a_",
        "x\n::error::y",
        "\x1b[2J",
        "\x07",
        "\x85",
        "\x9b",
        "\xad",
        "\u202e",
        "\u2028",
    ),
    *("\u65e5\u672c", " a ", "", "..", "../../x", "a/b", "a:b", "x" * 300, "security:role/*", "main:role/x"),
)
FEW: Final = ("${AWS::AccountId}", "{{resolve:ssm:/a:1}}", "AWS::StackName", "*", "true", "\x1b[2J", "a/b")


class Field(NamedTuple):
    """A text in a base: which of the bases, where it stands, and the field of the model."""

    base: int
    path: ConfigPath
    form: str


def fields(kind: Any, path: str = "") -> Iterator[str]:
    """Yield the text fields of a type of the model."""
    origin, arguments = typing.get_origin(kind), typing.get_args(kind)
    if origin is typing.Annotated:
        yield from fields(arguments[0], path)
    elif origin in (types.UnionType, typing.Union):
        for one in arguments:
            yield from fields(one, path)
    elif origin is tuple:
        yield from fields(arguments[0], f"{path}[]")
    elif origin is dict:
        yield f"{path}.*"
        yield from fields(arguments[1], f"{path}.*")
    elif kind is str:
        yield path
    elif origin is not Literal and issubclass(kind, Section):
        for name, one in typing.get_type_hints(kind, include_extras=True).items():
            if name in kind.model_fields:
                yield from fields(one, f"{path}.{name}".removeprefix("."))


def texts_of(value: Any, path: ConfigPath = (), form: str = "") -> Iterator[tuple[ConfigPath, str]]:
    """Yield where a config has texts, with the field of each."""
    if isinstance(value, str) and form in HOLDS:
        yield path, form
    elif isinstance(value, dict):
        for key, item in value.items():
            named = f"{form}.*" if form in MAPPINGS else f"{form}.{key}".removeprefix(".")
            yield from texts_of(item, (*path, key), named)
    elif isinstance(value, list):
        for at, item in enumerate(value):
            yield from texts_of(item, (*path, at), f"{form}[]")


ALL: Final = list(
    {form: Field(base, path, form) for base, config in enumerate(BASES) for path, form in texts_of(config)}.values()
)


def test_every_text_field_says_what_it_holds_and_is_tried() -> None:
    in_model = set(fields(Config))

    assert in_model == HOLDS.keys()
    # A key of a mapping is refused or renamed like any name; it is tried with what it is the key of.
    assert {one.form for one in ALL} == in_model - {"accounts.*", "rollout.trusted.readers.*"}


def accepts(folder: Path, config: Any) -> Deployment | None:
    """Return the deployment of a config, or None where it is refused."""
    path = folder / "config.yaml"
    path.write_text(json.dumps(config), encoding="utf-8")
    with suppress(errors.ConfigError):
        return load(path)
    return None


def rendered(folder: Path, config: Any) -> Rendered | None:
    """Return what is made of a config, or None where it is refused."""
    deployment = accepts(folder, config)
    return None if deployment is None else pipeline.render(deployment)


def with_text(field: Field, text: str) -> Any:
    config = copy.deepcopy(BASES[field.base])
    here: Any = config
    for step in field.path[:-1]:
        here = here[step]
    here[field.path[-1]] = text
    return config


def read_back(made: Rendered) -> Any:
    """Return every template as it is deployed, its functions resolved."""
    return [
        resolve(
            {"Resources": one.template["Resources"], "Outputs": one.template.get("Outputs", {})},
            one.template,
            one.place,
        )
        for one in made.folder.stacks
    ]


def replaced(value: Any, old: str, new: str) -> Any:
    """Return a document with one text in the place of another, where that is a whole value."""
    if isinstance(value, dict):
        return {key: replaced(item, old, new) for key, item in value.items()}
    if isinstance(value, list):
        return [replaced(item, old, new) for item in value]
    return new if value == old else value


HARMLESS: Final = {"key.alarm.email": "harmless@example.com"}


@functools.cache
def harmless(field: Field, folder: Path) -> Any:
    text = HARMLESS.get(field.form, "harmless")
    made = rendered(folder, with_text(field, text))
    assert made is not None, f"{field.form} refuses {text}"
    return text, read_back(made)


def unproven(made: Rendered) -> set[str]:
    return {finding.id for finding in pipeline.prove(made).findings}


@functools.cache
def unproven_at_first(base: int) -> set[str]:
    with tempfile.TemporaryDirectory() as folder:
        made = rendered(Path(folder), BASES[base])
        assert made is not None
        return unproven(made)


@functools.cache
def as_written(base: int) -> Any:
    with tempfile.TemporaryDirectory() as folder:
        made = rendered(Path(folder), BASES[base])
        assert made is not None
        return read_back(made)


def meaning_is_kept(field: Field, text: str, folder: Path) -> bool:
    """Hold what is made with a text to what is made without it; return whether the text is accepted."""
    made = rendered(folder, with_text(field, text))
    if made is None:
        return False
    for one in made.folder.stacks:
        assert json.loads(json.dumps(one.template)) == one.template
    as_json = [json.loads(cloudformation.dump_json(one.template.to_dict())) for one in build(made.deployment)]
    assert [one.template for one in made.folder.stacks] == as_json, "YAML is read as something else than JSON"
    if HOLDS[field.form] == SAID:
        assert read_back(made) == as_written(field.base), (field.form, text)
    elif HOLDS[field.form] == WHOLE:
        plain, expected = harmless(field, folder)
        assert read_back(made) == replaced(expected, plain, text), (field.form, text)
    else:
        assert unproven(made) == unproven_at_first(field.base), (field.form, text)
    return True


@pytest.mark.parametrize("field", ALL, ids=lambda field: f"{field.base}-{written(field.path)}")
def test_a_text_is_refused_or_means_itself(field: Field, tmp_path: Path) -> None:
    accepted = [text for text in FEW if meaning_is_kept(field, text, tmp_path)]

    here = written(field.path)
    assert not any("resolve:" in text or "\x1b" in text for text in accepted), here
    told = field.form.endswith("reason") or HOLDS[field.form] == SAID
    assert told or not any("${" in text for text in accepted), here


@pytest.mark.exhaustive
@pytest.mark.parametrize("field", ALL, ids=lambda field: f"{field.base}-{written(field.path)}")
def test_every_hostile_text_alone_and_within_another_means_itself(field: Field, tmp_path: Path) -> None:
    here: Any = BASES[field.base]
    for step in field.path:
        here = here[step]
    for text in HOSTILE:
        for whole in (text, f"{here[:2]}{text}{here[2:]}", f"{here}{text}"):
            meaning_is_kept(field, whole, tmp_path)


def test_a_reason_is_text_of_the_page(tmp_path: Path) -> None:
    field = next(field for field in ALL if field.form.endswith("reason"))
    accepted = [text for text in HOSTILE if accepts(tmp_path, with_text(field, text))]
    made = rendered(tmp_path, with_text(field, " ".join(accepted)))
    assert made is not None
    page = pipeline.files_of(made, pipeline.prove(made))["access.md"].decode()
    (line,) = (line for line in page.split("\n") if line.startswith("- **no-grants**: "))

    assert len(accepted) > 30
    assert line.isprintable()
    assert all(markup not in line for markup in ("<b>", "[x]", " `id`", " _a_", " *\u00a0"))


def test_what_is_accepted_lints(tmp_path: Path) -> None:
    """All hostile texts that are accepted, in one config: values of a selector, and a description and a name made of them."""
    fields = {one.form: one for one in ALL if one.base == 0}
    value = fields["trails[].advanced_event_selectors[].field_selectors[].ends_with[]"]
    name, description = fields["trails[].advanced_event_selectors[].name"], fields["key.description"]
    config = copy.deepcopy(BASES[0])
    for field in (value, name, description):
        accepted = [text for text in HOSTILE if accepts(tmp_path, with_text(field, text))]
        here: Any = config
        for step in field.path[:-2] if field is value else field.path[:-1]:
            here = here[step]
        here[field.path[-2] if field is value else field.path[-1]] = accepted if field is value else " ".join(accepted)
        assert len(accepted) > 25
    made = rendered(tmp_path, config)

    assert made is not None
    assert [finding_text(finding) for finding in check_all([made])] == []


def test_free_texts_take_what_people_write(tmp_path: Path) -> None:
    """The check above is empty where nothing is accepted."""
    descriptions = [field for field in ALL if field.form.endswith("description")]

    for field in descriptions:
        assert all(meaning_is_kept(field, text, tmp_path) for text in ("$5 {a}", "true", "a: b #c", "\xe9 \xa0"))
