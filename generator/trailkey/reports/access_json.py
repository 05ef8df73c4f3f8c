"""The report on access as JSON, what ``trailkey access --format json`` prints. The shape is stable: keys are added, never changed.

::

    {"name": text,
     "accepted_risks": [{"id", "reason", "failing": [finding…]}…],
     "findings": [finding…],    what fails and is not accepted
     "keys": [
       {"alias", "account": {"name", "id"}, "region", "event_data_store": name or null,
        "columns": [{"id", "label", "meaning"}…],
        "rows": [{"id", "label", "principals": [ARN, pattern or id…], "cells": {column id: cell}}…]}…],
     "readers": [{"name", "key_policy", "bucket_policy", "iam_policy", "reads"}…],
     "properties": [{"id", "title", "asked": number, "proven": number}…],
     "assumptions": [text…],
     "remains": {"replace_policy": [{"alias", "label", "principals"}…], "scp": document or null, "unbound": [alias…]}}

A cell is ``{"answer", "statements": [Sid or index…], "actions": [action…], "only_with": [condition key…], "witness": request or
null, "reason": text}``. ``answer`` is ``yes`` (something in the cell is allowed, with no IAM policy), ``iam`` (something is, if the
caller's own IAM policy allows it too), ``no`` (nothing is) or ``unknown`` (not decided, ``reason`` says why). ``statements`` are the
Allow statements that the witness is allowed by; with ``no`` the Deny that decides, where one does. ``actions`` are those of which
something is allowed; ``only_with`` the keys that row and column leave open and the policy does not. A witness is a request as
``trailkey decide`` reads it; a key's id is made up, as it is known after deployment only.

The parts of ``readers`` are ``yes``, ``no``, ``unknown`` and ``own`` (the service brings the permission itself). A finding is ``{"id",
"severity", "statement", "message", "remedy", "witness", "witness_decision", "location"}``, as ``trailkey audit`` has it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from trailkey.proofs.residual_risk import ASSUMPTIONS

if TYPE_CHECKING:
    from trailkey.proofs.matrix import Cell, Line, Matrix
    from trailkey.proofs.verdict import Reading
    from trailkey.reports.view import Access


def as_json(access: Access) -> dict[str, Any]:
    """Return the report as a document."""
    return {
        "name": access.name,
        "accepted_risks": [
            {"id": risk.id, "reason": risk.reason, "failing": [one.as_json() for one in risk.failing]}
            for risk in access.accepted
        ],
        "findings": [one.as_json() for one in access.findings],
        "keys": [_matrix(matrix) for matrix in access.matrices],
        "readers": [_reading(one) for one in access.readings],
        "properties": [
            {"id": one.id, "title": one.title, "asked": one.asked, "proven": one.proven} for one in access.properties
        ],
        "assumptions": list(ASSUMPTIONS),
        "remains": {
            "replace_policy": [
                {"alias": one.alias, "label": one.label, "principals": list(one.principals)}
                for one in access.policy_writers
            ],
            "scp": access.scp,
            "unbound": list(access.unbound),
        },
    }


def _matrix(matrix: Matrix) -> dict[str, Any]:
    return {
        "alias": matrix.alias,
        "account": {"name": matrix.account.name, "id": matrix.account.id},
        "region": matrix.region,
        "event_data_store": matrix.store or None,
        "columns": [{"id": one.id, "label": one.label, "meaning": one.meaning} for one in matrix.columns],
        "rows": [_row(line, matrix) for line in matrix.lines],
    }


def _row(line: Line, matrix: Matrix) -> dict[str, Any]:
    return {
        "id": line.row.id,
        "label": line.row.label,
        "principals": list(line.row.principals),
        "cells": {column.id: _cell(cell) for column, cell in zip(matrix.columns, line.cells, strict=True)},
    }


def _cell(cell: Cell) -> dict[str, Any]:
    return {
        "answer": cell.answer,
        "statements": list(cell.statements),
        "actions": list(cell.actions),
        "only_with": list(cell.only_with),
        "witness": cell.witness,
        "reason": cell.reason,
    }


def _reading(one: Reading) -> dict[str, str]:
    return {
        "name": one.name,
        "key_policy": one.key_policy,
        "bucket_policy": one.bucket_policy,
        "iam_policy": one.iam_policy,
        "reads": one.reads,
    }
