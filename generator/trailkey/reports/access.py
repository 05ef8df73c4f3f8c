"""access.md: who can do what with the keys of a deployment, for whoever reviews the pull request.

One line for each row, statement and property, each of which says all about itself: a change of access is a change of its lines.
What the page and the table for the terminal both say is worded here.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

from trailkey.proofs.organization_policies import KEY_ID, rcp, scps
from trailkey.proofs.residual_risk import ASSUMPTIONS, beyond_scps, policy_writers
from trailkey.proofs.verdict import readings
from trailkey.reports.findings import finding_text, where_text
from trailkey.reports.plain import code, markdown
from trailkey.reports.view import bounds, deciding

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from trailkey.proofs.matrix import Cell, Line, Matrix
    from trailkey.proofs.matrix.cells import Verdict as Answer
    from trailkey.proofs.verdict import Reads
    from trailkey.reports.view import Access, PolicyAccess

_WORDS: Final[dict[Answer, str]] = {"yes": "yes", "iam": "IAM", "no": "no", "unknown": "unknown"}
_PARTS: Final[dict[Reads, str]] = {"yes": "yes", "no": "no", "unknown": "unknown", "own": "brings its own"}
LEGEND: Final = (
    ("yes", "something in this cell is allowed, with no IAM policy"),
    ("IAM", "something in this cell is allowed if the caller's own IAM policy allows it too; a root user needs none"),
    ("no", "nothing in this cell is allowed, whatever IAM policies say"),
    ("denied", "no, and by an explicit Deny, which wins over every Allow"),
    ("unknown", "not decided; do not read it as no"),
)
_ATTACHED: Final = "yes, once attached"
HELD: Final = {True: "proven", False: "not so"}
READERS: Final = ("reader", "key policy", "bucket policy", "IAM policy", "reads")
PROVEN: Final = ("property", "what holds", "proven")


def as_markdown(access: Access) -> str:
    """Return the page."""
    return "\n\n".join("\n".join(lines) for lines in _sections(access)) + "\n"


def policy_markdown(access: PolicyAccess) -> str:
    """Return the page on policies that no config describes."""
    sections = [["# Access", "", "A cell says:", "", *_list(f"`{answer}`: {meaning}" for answer, meaning in LEGEND)]]
    sections += [
        [f"## {markdown(one.name)}", "", f"In {one.account.id}, {one.region}.", "", *_matrix(one)]
        for one in access.matrices
    ]
    if access.assumptions:
        sections.append(["## Assumed", "", *_list(map(markdown, access.assumptions))])
    return "\n\n".join("\n".join(lines) for lines in sections) + "\n"


def word(cell: Cell) -> str:
    """Return the answer of a cell, as the legend explains it."""
    return "denied" if cell.denied else _WORDS[cell.answer]


def title(matrix: Matrix) -> str:
    """Return which key a matrix is about."""
    return f"{matrix.name}: the key of {f'event data store {matrix.store}' if matrix.store else 'the trails'}"


def title_of_bucket(matrix: Matrix) -> str:
    """Return which bucket a matrix is about."""
    return f"{matrix.name}: who can delete or alter logs"


def place(matrix: Matrix) -> str:
    """Return where a key is: account and Region."""
    return f"{matrix.account.name} ({matrix.account.id}), {matrix.region}"


def reader_rows(access: Access) -> Iterator[Sequence[str]]:
    """Yield each reader with what every policy, and all together, allow it."""
    for one in readings(access.deployment, access.verdict):
        first = one.name, _PARTS[one.key_policy], _PARTS[one.bucket_policy]
        last = [_PARTS[part] for part in (one.iam_policy, one.reads)]
        yield *first, *(_ATTACHED if part == "yes" and one.once_attached else part for part in last)


def lock(access: Access) -> str:
    """Return the sentence about S3 Object Lock, which holds beside the bucket policy.

    https://docs.aws.amazon.com/AmazonS3/latest/userguide/object-lock.html
    """
    settings = access.deployment.config.bucket
    if settings.existing:
        return "The bucket exists: statements that its policy has beside those of bucket-policy.json, and its Object Lock, are not known here."
    if settings.object_lock is None:
        return "Object Lock is off: a version that is erased is gone."
    days = f"Object Lock keeps each version {settings.object_lock.retention_days} days from its delivery"
    if settings.object_lock.mode == "COMPLIANCE":
        return f"{days}, whoever asks, the root user too; until then a delete marker can hide it, and nothing erase it."
    return f"{days}, but for whoever can unlock; a delete marker can hide it."


def remaining(access: Access) -> Iterator[str]:
    """Yield the sentences about what no key policy can close, in order."""
    for one in policy_writers(access.matrices):
        who = f" ({_codes(one.principals)})" if one.principals else ""
        yield f"{one.label}{who} can replace the policy of {one.alias}, and with it every answer about this key."
    account = access.deployment.bucket_account
    yield (
        f"In the bucket's own account, {account.name} ({account.id}), S3 lets IAM policies allow by themselves: that account "
        "decides who there gets log files, which come decrypted only to those who decrypt logs above, and who deletes them."
    )
    for alias in beyond_scps(access.deployment):
        yield f"No SCP binds the account of {alias}: it is the management account, or in no organization."


SCPS: Final = (
    "SCPs for the accounts of key, bucket and named roles. They hold even where a replaced policy allows more: only break glass",
    "disables and deletes the key; only it, the deployer and the root user replace the key policy; nobody deletes logs; only the",
    "deployer and the root user change what keeps them; only deployers change the roles that policies name, so add there whoever",
    "else makes these roles. They bind neither the management account nor AWS services and service-linked roles.",
    f"Put the key's id, an output of its stack, in place of {KEY_ID}.",
)
RCP: Final = (
    "An RCP for the same accounts keeps callers from outside the organization from key and bucket, even where a replaced policy",
    "admits them; AWS services, and the accounts of others that read, are let through.",
    f"Put the key's id in place of {KEY_ID}.",
)
"""What to know of the policies that stand below."""


def organization_policies(access: Access) -> Iterator[tuple[Sequence[str], dict[str, Any]]]:
    """Yield the policies of the organization that are shown, each with the lines about it; of several SCPs the first has them."""
    for number, policy in enumerate(scps(access.deployment)):
        yield SCPS if number == 0 else ("And one more SCP, since an SCP takes no more characters:",), policy
    if boundary := rcp(access.deployment):
        yield RCP, boundary


def _sections(access: Access) -> Iterator[Sequence[str]]:
    yield [
        f"# Access: {access.deployment.name}",
        "",
        "Who can do what with the keys, decided on the rendered policies over all requests. A cell says:",
        "",
        *_list(f"`{answer}`: {meaning}" for answer, meaning in LEGEND),
    ]
    if access.deployment.notices:
        yield ["## Notices", "", *_list(access.deployment.notices)]
    if access.verdict.accepted:
        yield ["## Accepted risks", "", *_accepted(access)]
    if access.findings:
        yield ["## Not proven", "", *_list(markdown(finding_text(one)) for one in access.findings)]
    for matrix in access.matrices:
        yield [f"## {markdown(title(matrix))}", "", f"In {place(matrix)}.", "", *_matrix(matrix)]
    if logs := access.bucket:
        yield [
            f"## {markdown(title_of_bucket(logs))}",
            "",
            f"In {place(logs)}. {lock(access)}",
            "",
            *_matrix(logs),
        ]
    if access.deployment.readers:
        yield [
            "## Readers, end to end",
            "",
            "Whether each policy lets the reader read all log files it is meant to. The IAM policies are those in these templates; one",
            "that others attach allows nothing before they do: the steps of rollout.json say to whom.",
            "",
            *_table(READERS, reader_rows(access)),
        ]
    if held := list(access.invariants()):
        yield ["## Invariants", "", *(f"- {markdown(one.says)}: {HELD[one.proven]}" for one in held)]
    proven = ((f"`{one.id}`", _line(one.title), f"{one.proven} of {one.asked}") for one in access.properties())
    yield ["## Proven", "", *_table(PROVEN, proven)]
    yield ["## Assumed", "", *_list(ASSUMPTIONS)]
    yield ["## What remains", "", *_list(remaining(access))]
    for lines, policy in organization_policies(access):
        yield lines
        yield ["```json", json.dumps(policy, indent=2), "```"]


def _accepted(access: Access) -> Iterator[str]:
    for risk in access.verdict.accepted:
        yield f"- **{risk.id}**: {markdown(risk.reason)}"
        yield from (f"  - {markdown(one.message)} ({markdown(where_text(one))})" for one in risk.failing)


def _matrix(matrix: Matrix) -> Iterator[str]:
    head = ["who", *(column.label for column in matrix.columns), "by statement"]
    yield from _table(head, (_row(line, matrix) for line in matrix.lines))
    yield ""
    if found := list(bounds(matrix)):
        yield from ("Of these cells only a part is allowed, or known:", "", *_list(map(markdown, found)), "")
    yield from ("Who they are:", "")
    rows = (line.row for line in matrix.lines)
    yield from _list(f"{markdown(row.label)}: {_codes(row.principals)}" for row in rows if row.principals)
    yield from ("", "What the operations are:", "")
    yield from _list(f"{column.label}: {column.meaning}" for column in matrix.columns)


def _row(line: Line, matrix: Matrix) -> Sequence[str]:
    """Return a row, with those cells in bold in which something is, or may be, allowed."""
    statements = deciding(line, matrix)
    by = (code(str(one)) + (f": {', '.join(cells)}" if len(statements) > 1 else "") for one, cells in statements)
    cells = (word(cell) if cell.answer == "no" else f"**{word(cell)}**" for cell in line.cells)
    return markdown(line.row.label), *cells, "<br>".join(by)


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> Iterator[str]:
    yield f"| {' | '.join(head)} |"
    yield f"|{'|'.join(' --- ' for _ in head)}|"
    for row in rows:
        yield f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in row)} |"


def _list(texts: Iterable[str]) -> Iterator[str]:
    return (f"- {_line(text)}" for text in texts)


def _codes(texts: Iterable[str]) -> str:
    return ", ".join(map(code, texts))


def _line(text: str) -> str:
    """Return a text of ours on one line, with nothing in it that Markdown would take for a tag."""
    return " ".join(text.split()).replace("<", "&lt;")
