"""The report on access: what stands first, what a line says, the shape of the JSON, and what fits a narrow terminal."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

import pytest
from rich.console import Console
from rich.text import Text

from helpers import CONFIGS, ORGANIZATION, deploy, edited
from trailkey import pipeline
from trailkey.proofs.verdict import verdict
from trailkey.reports.access import as_markdown, word
from trailkey.reports.access_table import _Table, as_table
from trailkey.reports.view import access_of

if TYPE_CHECKING:
    from pathlib import Path

    from trailkey.config.deployment import Deployment
    from trailkey.inventory.folder import Folder

GRANTS = {
    "Sid": "AccountGrants",
    "Effect": "Allow",
    "Principal": {"AWS": "arn:aws:iam::222222222222:root"},
    "Action": "kms:CreateGrant",
    "Resource": "*",
}


def built(path: Path) -> tuple[Deployment, Folder]:
    deployment = pipeline.load_all([path])[0]
    return deployment, pipeline.render(deployment).folder


def page(path: Path) -> str:
    deployment, folder = built(path)
    return as_markdown(access_of(deployment, folder.policies, verdict(deployment, folder)))


def granting(tmp_path: Path, accepted: list[dict[str, str]]) -> tuple[Deployment, Folder]:
    """Return a deployment whose key policy lets the account make grants."""
    deployment = deploy(tmp_path, ORGANIZATION, accepted_risks=accepted)

    def grant(resources: dict[str, Any]) -> None:
        resources["Key"]["Properties"]["KeyPolicy"]["Statement"].append(GRANTS)

    return deployment, edited(pipeline.render(deployment), grant).folder


def headings(text: str) -> list[str]:
    return [line.removeprefix("## ") for line in text.splitlines() if line.startswith("## ")]


def test_the_page_goes_from_the_matrix_to_what_remains() -> None:
    assert headings(page(CONFIGS["lake"])) == [
        "Notices",
        "alias/cloudtrail-logs: the key of the trails",
        "alias/lake: the key of event data store org-events",
        "acme-lake-logs: who can delete or alter logs",
        "Proven",
        "Assumed",
        "What remains",
    ]
    assert headings(page(CONFIGS["organization"]))[2:4] == [
        "acme-cloudtrail-logs: who can delete or alter logs",
        "Readers, end to end",
    ]


def test_each_row_is_one_line_that_says_all_about_itself() -> None:
    lines = page(CONFIGS["organization"]).splitlines()

    assert (
        "| deployer | no | no | no | **IAM** | **IAM** | **IAM** | no | no | no | "
        "`DeployerUpdatesKey`: read metadata, administer, change policy<br>`AccountReadsMetadata`: read metadata |"
    ) in lines
    assert (
        "| others of log-archive | no | no | no | **IAM** | no | no | no | no | no | `AccountReadsMetadata` |" in lines
    )
    assert "| everyone else | no | no | no | no | no | no | no | no | no |  |" in lines
    assert "- CloudTrail, organization-trail, encrypt: only with kms:EncryptionContext:aws:cloudtrail:arn" in lines
    assert "- deployer: `arn:aws:iam::222222222222:role/CloudFormationDeployment`" in lines
    assert "| responders | yes | yes | yes | yes |" in lines
    assert "| `readers-decrypt` | each reader can decrypt, where its own IAM policy allows | 4 of 4 |" in lines
    assert (
        "- break glass (`arn:aws:iam::222222222222:role/BreakGlass`) can replace the policy of alias/cloudtrail-logs, "
        "and with it every answer about this key."
    ) in lines


@pytest.mark.parametrize("path", CONFIGS.values(), ids=list(CONFIGS))
def test_tables_are_whole_and_the_page_is_the_same_each_time(path: Path) -> None:
    text = page(path)
    width = 0
    for line in text.splitlines():
        cells = len(re.findall(r"(?<!\\)\|", line)) if line.startswith("|") else 0
        assert cells == width or 0 in (cells, width), line
        width = cells

    assert text == page(path)
    assert text.endswith("\n")
    assert "key/b5" not in text  # the id of a key is not known before it is there
    notices, dates = (set(re.findall(r"\b20\d\d-\d\d-\d\d\b", one)) for one in (str(built(path)[0].notices), text))
    assert dates - notices <= {"2012-10-17"}  # the version of the policy language, in the SCP


def test_accepted_risks_stand_first_with_their_reason_and_what_fails(tmp_path: Path) -> None:
    reason = "the backup tool\nmakes grants | see <ticket>"
    deployment, folder = granting(tmp_path, [{"id": "no-grants", "reason": reason}])
    found = verdict(deployment, folder)
    text = as_markdown(access_of(deployment, folder.policies, found))

    assert headings(text)[:3] == [
        "Notices",
        "Accepted risks",
        "Not proven",
    ]  # nobody-holds-more fails too, and is not accepted
    assert (
        "- **no-grants**: the backup tool makes grants | see &lt;ticket>\n"
        "  - 'nobody may create grants for the key or replicate it' does not hold: "
        "arn:aws:iam::222222222222:role/Anyone, whose own IAM policy allows it, calls kms:CreateGrant by statement AccountGrants "
        "(key, archive-key.yaml: Resources/Key, statement AccountGrants)\n"
    ) in text
    assert "- error nobody-holds-more: " in text
    assert "| `no-grants` | nobody may create grants for the key or replicate it | 0 of 1 |" in text
    document = access_of(deployment, folder.policies, found).as_json()
    (risk,) = document["accepted_risks"]
    assert (risk["id"], risk["reason"]) == ("no-grants", reason)
    (failing,) = risk["failing"]
    assert (failing["location"]["config_path"], failing["statement"]) == ("key", "AccountGrants")
    assert failing["witness"]["action"] == "kms:CreateGrant"
    assert [one["id"] for one in document["findings"]] == ["nobody-holds-more", "delegated-to-iam"]


def row(document: dict[str, Any], name: str) -> dict[str, Any]:
    rows: list[dict[str, Any]] = document["keys"][0]["rows"]
    return next(one for one in rows if one["id"] == name)


def test_the_json_has_the_shape_that_its_module_documents() -> None:
    deployment, folder = built(CONFIGS["organization"])
    document = access_of(deployment, folder.policies, verdict(deployment, folder)).as_json()

    assert json.loads(json.dumps(document)) == document
    assert list(document) == [
        *(
            "name",
            "notices",
            "accepted_risks",
            "findings",
            "keys",
            "bucket",
            "readers",
            "invariants",
            "properties",
            "assumptions",
            "remains",
        )
    ]
    (key,) = document["keys"]
    assert {name: key[name] for name in ("alias", "account", "region", "event_data_store")} == {
        "alias": "alias/cloudtrail-logs",
        "account": {"name": "log-archive", "id": "222222222222"},
        "region": "us-east-1",
        "event_data_store": None,
    }
    administrators = row(document, "administrators")
    assert administrators["principals"] == ["arn:aws:iam::222222222222:role/KeyAdministrator"]
    assert list(administrators["cells"]) == [column["id"] for column in key["columns"]]
    assert administrators["cells"]["grant"] == {
        "answer": "no",
        "statements": ["AdministratorsNeverUseKey"],
        "actions": [],
        "only_with": [],
        "witness": None,
        "reason": "",
    }
    look = row(document, "trail-deployer:management")["cells"]["read-metadata"]
    assert (look["answer"], look["statements"]) == ("iam", ["TrailDeployerManagement"])
    assert look["witness"]["principal"] == "arn:aws:iam::111111111111:role/CloudFormationDeployment"
    assert document["readers"][0] == {
        "name": "responders",
        "key_policy": "yes",
        "bucket_policy": "yes",
        "iam_policy": "yes",
        "reads": "yes",
        "once_attached": False,
    }
    assert document["readers"][1]["once_attached"] is True
    assert document["properties"][0] == {
        "id": "cloudtrail-confined",
        "title": "no AWS service may use the key but CloudTrail, for the named trails",
        "asked": 1,
        "proven": 1,
    }
    assert [one["Statement"][0]["Effect"] for one in (*document["remains"]["scps"], document["remains"]["rcp"])] == [
        "Deny"
    ] * 2
    assert document["bucket"]["name"] == "acme-cloudtrail-logs"
    assert (
        next(one for one in document["bucket"]["rows"] if one["id"] == "everyone-else")["cells"]["erase"]["answer"]
        == "no"
    )
    assert document["remains"]["unbound"] == []


def printed(path: Path, width: int) -> list[str]:
    deployment, folder = built(path)
    console = Console(width=width, highlight=False, color_system=None)
    with console.capture() as capture:
        for part in as_table(access_of(deployment, folder.policies, verdict(deployment, folder))):
            console.print(part)
    return [line.rstrip() for line in capture.get().splitlines()]


def test_notices_are_in_every_form_of_the_report(tmp_path: Path) -> None:
    key = {"administrators": ["archive:role/A"], "break_glass": ["archive:role/B"]}
    real = {"archive": "204060801234", "management": "981726354031", "security": "567890123098"}
    accounts = {name: {**one, "id": real[name]} for name, one in ORGANIZATION["accounts"].items()}
    quiet = {**ORGANIZATION, "key": {**ORGANIZATION["key"], **key}, "accounts": accounts}
    deployment = deploy(tmp_path, quiet, bucket={"bucket_key_enabled": True})
    folder = pipeline.render(deployment).folder
    access = access_of(deployment, folder.policies, verdict(deployment, folder))
    (notice,) = deployment.notices

    assert f"## Notices\n\n- {notice}\n" in as_markdown(access)
    assert access.as_json()["notices"] == [notice]
    assert f"- {notice}" in [str(part) for part in as_table(access)]
    deployment = deploy(tmp_path, quiet)
    access = access_of(deployment, folder.policies, verdict(deployment, pipeline.render(deployment).folder))
    assert "## Notices" not in as_markdown(access)


def test_reader_whose_policy_others_attach_reads_once_it_is_attached() -> None:
    lines = page(CONFIGS["organization"]).splitlines()

    assert "| responders | yes | yes | yes | yes |" in lines
    assert "| analysts | yes | yes | yes, once attached | yes, once attached |" in lines


@pytest.mark.parametrize("width", [60, 35])
def test_narrow_terminal_gets_every_column_and_cell(width: int) -> None:
    deployment, folder = built(CONFIGS["organization"])
    access = access_of(deployment, folder.policies, verdict(deployment, folder))
    lines = printed(CONFIGS["organization"], width)
    (matrix,) = access.matrices

    assert max(map(len, lines)) <= width
    blocks = [
        (
            line.row.label,
            *(f"  {column.label}: {word(cell)}" for column, cell in zip(matrix.columns, line.cells, strict=True)),
        )
        for line in matrix.lines
    ]
    text = " ".join(" ".join(lines).split())
    assert [block for block in blocks if " ".join(" ".join(block).split()) not in text] == []
    assert [one.id for one in access.properties() if one.id not in text] == []
    assert not [line for line in lines if "…" in line]


def test_table_breaks_no_word() -> None:
    """Where the widest word of each column fits, so does the table; one column less, and it is blocks."""
    head, rows = ("id", "what"), [[Text("statement-of-the-key"), Text("a word and another-long-one")]]
    for width, shown in ((39, True), (38, False)):
        console = Console(width=width, highlight=False, color_system=None)
        with console.capture() as capture:
            console.print(_Table(head, rows, padding=1))
        assert ("─" in capture.get()) is shown
        assert {"statement-of-the-key", "another-long-one"} <= set(capture.get().split())


def test_the_table_fits_eighty_columns_with_every_word_whole() -> None:
    lines = printed(CONFIGS["organization"], 80)

    assert max(map(len, lines)) <= 80
    assert "administrators     denied denied no    IAM      IAM    denied no   no     denied" in lines
    assert "everyone else      no     no     no    no       no     no     no   no     no" in lines


def test_brackets_of_a_text_are_no_markup(tmp_path: Path) -> None:
    deployment, folder = granting(tmp_path, [{"id": "no-grants", "reason": "[bold]as agreed[/bold] [1]"}])
    console = Console(width=80, highlight=False, color_system=None)
    with console.capture() as capture:
        for part in as_table(access_of(deployment, folder.policies, verdict(deployment, folder))):
            console.print(part)

    assert "- no-grants: [bold]as agreed[/bold] [1]" in capture.get()
