"""access.md: who can do what with the keys of a deployment, for whoever reviews the pull request.

One line for each row, statement and property, each of which says all about itself: a change of access is a change of its lines.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Final

from trailkey.proofs.residual_risk import ASSUMPTIONS, KEY_ID
from trailkey.reports.findings import finding_text, where_text
from trailkey.reports.view import access_of, bounds, deciding

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from trailkey.config.deployment import Deployment
    from trailkey.inventory.policies import PolicySet
    from trailkey.proofs.matrix import Cell, Line, Matrix
    from trailkey.proofs.matrix.cells import Verdict as Answer
    from trailkey.proofs.verdict import Reads, Verdict
    from trailkey.reports.view import Access

WORDS: Final[dict[Answer, str]] = {"yes": "yes", "iam": "IAM", "no": "no", "unknown": "unknown"}
DENIED: Final = "denied"
PARTS: Final[dict[Reads, str]] = {"yes": "yes", "no": "no", "unknown": "unknown", "own": "brings its own"}
LEGEND: Final = (
    ("yes", "something in this cell is allowed, with no IAM policy"),
    ("IAM", "something in this cell is allowed if the caller's own IAM policy allows it too; a root user needs none"),
    ("no", "nothing in this cell is allowed, whatever IAM policies say"),
    (DENIED, "no, and by an explicit Deny, which wins over every Allow"),
    ("unknown", "not decided; never to be taken for no"),
)


def as_markdown(deployment: Deployment, policies: PolicySet, verdict: Verdict) -> str:
    """Return the page."""
    access = access_of(deployment, policies, verdict)
    sections = [
        _head(access),
        *_accepted(access),
        *_not_proven(access),
        *(_matrix(matrix) for matrix in access.matrices),
        *_readers(access),
        _proven(access),
        _assumed(),
        _remains(access),
    ]
    return "\n\n".join("\n".join(lines) for lines in sections) + "\n"


def word(cell: Cell) -> str:
    """Return the answer of a cell as the page writes it."""
    return DENIED if cell.denied else WORDS[cell.answer]


def title(matrix: Matrix) -> str:
    """Return which key a matrix is about."""
    return f"{matrix.alias}: the key of {f'event data store {matrix.store}' if matrix.store else 'the trails'}"


def place(matrix: Matrix) -> str:
    """Return where a key is: account and Region."""
    return f"{matrix.account.name} ({matrix.account.id}), {matrix.region}"


def remaining(access: Access) -> Iterator[str]:
    """Yield the sentences about what no key policy can close, in order."""
    for one in access.policy_writers:
        who = f" ({_codes(one.principals)})" if one.principals else ""
        yield f"{one.label}{who} can replace the policy of {one.alias}, and with it every answer about this key."
    account = access.bucket_account
    yield (
        f"In the bucket's own account, {account.name} ({account.id}), S3 lets IAM policies allow by themselves: that account "
        "decides who there gets log files. They come decrypted only to those who decrypt logs above."
    )
    for alias in access.unbound:
        yield f"No SCP binds the account of {alias}: it is the management account, or in no organization."


def _head(access: Access) -> list[str]:
    return [
        f"# Access: {access.name}",
        "",
        "Who can do what with the keys, decided on the rendered policies over all requests. A cell says:",
        "",
        *(f"- `{answer}`: {meaning}" for answer, meaning in LEGEND),
    ]


def _accepted(access: Access) -> Iterator[list[str]]:
    if access.accepted:
        lines = ["## Accepted risks", ""]
        for risk in access.accepted:
            lines.append(f"- **{risk.id}**: {_line(risk.reason)}")
            lines += [f"  - {_line(one.message)} ({_line(where_text(one))})" for one in risk.failing]
        yield lines


def _not_proven(access: Access) -> Iterator[list[str]]:
    if access.findings:
        yield ["## Not proven", "", *(f"- {_line(finding_text(finding))}" for finding in access.findings)]


def _matrix(matrix: Matrix) -> list[str]:
    labels = [column.label for column in matrix.columns]
    lines = [f"## {title(matrix)}", "", f"In {place(matrix)}.", ""]
    lines += _table(["who", *labels, "by statement"], (_row(line, matrix) for line in matrix.lines))
    lines += ["", *_bounded(matrix), "Who they are:", ""]
    lines += [f"- {line.row.label}: {_codes(line.row.principals)}" for line in matrix.lines if line.row.principals]
    lines += ["", "What the operations are:", ""]
    return lines + [f"- {column.label}: {column.meaning}" for column in matrix.columns]


def _row(line: Line, matrix: Matrix) -> list[str]:
    statements = deciding(line, matrix)
    by = [
        f"`{statement}`" + (f": {', '.join(cells)}" if len(statements) > 1 else "") for statement, cells in statements
    ]
    return [line.row.label, *(_cell(cell) for cell in line.cells), "<br>".join(by)]


def _cell(cell: Cell) -> str:
    """Return a cell, in bold where something is, or may be, allowed."""
    return word(cell) if cell.answer == "no" else f"**{word(cell)}**"


def _bounded(matrix: Matrix) -> list[str]:
    found = [
        f"- {line.row.label}, {label}: {_line(text)}" for line in matrix.lines for label, text in bounds(line, matrix)
    ]
    return ["Of these cells only a part is allowed, or known:", "", *found, ""] if found else []


def _readers(access: Access) -> Iterator[list[str]]:
    if access.readings:
        rows = (
            [one.name, *(PARTS[part] for part in (one.key_policy, one.bucket_policy, one.iam_policy, one.reads))]
            for one in access.readings
        )
        yield [
            "## Readers, end to end",
            "",
            "Whether each policy lets the reader read all log files it is meant to. The IAM policies are those in these templates.",
            "",
            *_table(["reader", "key policy", "bucket policy", "IAM policy", "reads"], rows),
        ]


def _proven(access: Access) -> list[str]:
    rows = ([f"`{one.id}`", _line(one.title), f"{one.proven} of {one.asked}"] for one in access.properties)
    return ["## Proven", "", *_table(["property", "what holds", "proven"], rows)]


def _assumed() -> list[str]:
    return ["## Assumed", "", *(f"- {text}" for text in ASSUMPTIONS)]


def _remains(access: Access) -> list[str]:
    lines = ["## What remains", "", *(f"- {_line(text)}" for text in remaining(access))]
    if access.scp:
        lines += ["", *scp_sentences(), "", "```json", json.dumps(access.scp, indent=2), "```"]
    return lines


def scp_sentences() -> list[str]:
    """Return what to know of the SCP that stands below."""
    return [
        "This SCP keeps the policy, the disabling and the deletion of the key to these principals even where a new key policy allows",
        "others; it does not keep them from replacing the policy, and binds neither the management account nor AWS services.",
        f"Put the key's id, an output of its stack, in place of {KEY_ID}.",
    ]


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> Iterator[str]:
    yield f"| {' | '.join(head)} |"
    yield f"|{'|'.join(' --- ' for _ in head)}|"
    for row in rows:
        yield f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in row)} |"


def _codes(texts: Iterable[str]) -> str:
    return ", ".join(f"`{text}`" for text in texts)


def _line(text: str) -> str:
    """Return a text on one line, with nothing in it that Markdown would take for a tag."""
    return " ".join(text.split()).replace("<", "&lt;")
