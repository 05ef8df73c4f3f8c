"""The access matrix of each key: who can do what, decided on the rendered policies over all requests."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from trailkey.access.analysis.effective import allowed
from trailkey.access.analysis.scope import key_scope
from trailkey.intent.from_config import trail_key_intent
from trailkey.proofs.matrix.cells import Cell, cells_of
from trailkey.proofs.matrix.columns import Column, columns_of_store_key, columns_of_trail_key
from trailkey.proofs.matrix.rows import Row, rows_of_store_key, rows_of_trail_key

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from trailkey.access.analysis.effective import EffectivePermissions
    from trailkey.config.deployment import Account, Deployment
    from trailkey.config.source import ConfigPath
    from trailkey.inventory.policies import Documents, KeyDocument

__all__ = ["Cell", "Column", "Line", "Matrix", "Row", "matrices"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """A row with its cells, in the order of the columns."""

    row: Row
    cells: tuple[Cell, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Matrix:
    """Who can do what with one key. ``store`` names the event data store whose key it is; the trails' key has none."""

    path: ConfigPath
    alias: str
    account: Account
    region: str
    store: str
    columns: tuple[Column, ...]
    lines: tuple[Line, ...]


def matrices(deployment: Deployment, documents: Documents) -> tuple[Matrix, ...]:
    """Return the matrix of the trails' key, then that of each event data store's key.

    The config names the rows and nothing else: every cell is decided on the documents.
    """
    return (_of_trails(deployment, documents.trail_key), *_of_stores(deployment, documents))


def _of_trails(deployment: Deployment, key: KeyDocument) -> Matrix:
    granted = allowed(key.policy, key_scope(key.arn))
    columns = columns_of_trail_key(trail_key_intent(deployment), granted.scope)
    rows = rows_of_trail_key(deployment, granted.sessions)
    return Matrix(
        path=key.path,
        alias=deployment.config.key.alias,
        account=deployment.key_account,
        region=deployment.region,
        store="",
        columns=columns,
        lines=_lines(rows, columns, granted, key),
    )


def _of_stores(deployment: Deployment, documents: Documents) -> Iterator[Matrix]:
    for store in deployment.stores:
        key = next(one for one in documents.keys if one.path == store.path)
        granted = allowed(key.policy, key_scope(key.arn))
        columns = columns_of_store_key(granted.scope)
        rows = rows_of_store_key(store, deployment, granted.sessions)
        yield Matrix(
            path=key.path,
            alias=store.settings.alias,
            account=store.account,
            region=store.settings.region,
            store=store.settings.name,
            columns=columns,
            lines=_lines(rows, columns, granted, key),
        )


def _lines(
    rows: Sequence[Row], columns: tuple[Column, ...], granted: EffectivePermissions, key: KeyDocument
) -> tuple[Line, ...]:
    found = cells_of(rows, columns, granted, key.policy)
    return tuple(Line(row=row, cells=cells) for row, cells in zip(rows, found, strict=True))
