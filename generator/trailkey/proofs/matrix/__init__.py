"""The access matrix of each key and of the log bucket: who can do what, decided on the rendered policies over all requests."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from trailkey.access import Single, allowed, bucket_scope
from trailkey.access.algebra.languages import language
from trailkey.access.algebra.patterns import glob
from trailkey.aws import TRAIL_CONTEXT, parse_arn
from trailkey.config.account import Account
from trailkey.intent.from_config import bucket_intent, store_key_intent, trail_key_intent
from trailkey.proofs.matrix.cells import Cell, cells_of
from trailkey.proofs.matrix.columns import Column, columns_of_bucket, columns_of_store_key, columns_of_trail_key
from trailkey.proofs.matrix.policy_rows import rows_of_policy
from trailkey.proofs.matrix.rows import Row, rows_of_bucket, rows_of_store_key, rows_of_trail_key

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from trailkey.config.deployment import Deployment
    from trailkey.intent.model import KeyRoles
    from trailkey.inventory.policies import PolicySet, ResourcePolicy

__all__ = ["Cell", "Column", "Line", "Matrix", "Row", "bucket_matrix", "matrices", "policy_matrix"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """A row with its cells, in the order of the columns."""

    row: Row
    cells: tuple[Cell, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Matrix:
    """Who can do what with one key, by its alias, or with the log bucket, by its name.

    ``store`` names the event data store whose key it is; the trails' key has none.
    """

    name: str
    account: Account
    region: str
    store: str
    columns: tuple[Column, ...]
    lines: tuple[Line, ...]


def bucket_matrix(deployment: Deployment, policies: PolicySet) -> Matrix | None:
    """Return who can delete or alter logs in the log bucket, or what keeps them there; None where its policy is not there."""
    intent, found = bucket_intent(deployment), policies.bucket_named(bucket_intent(deployment).arn)
    if not found:
        return None
    scope = bucket_scope(intent.arn, intent.account)
    granted = allowed(found.policy, scope, accounts=tuple(account for account, _ in intent.logs_by_account))
    columns, rows = columns_of_bucket(intent.arn), rows_of_bucket(deployment, granted.sessions)
    cells = cells_of(rows, columns, granted, found.policy)
    return Matrix(
        name=deployment.config.bucket.name,
        account=deployment.bucket_account,
        region=deployment.region,
        store="",
        columns=columns,
        lines=tuple(Line(row=row, cells=each) for row, each in zip(rows, cells, strict=True)),
    )


def policy_matrix(found: ResourcePolicy) -> Matrix:
    """Return who can do what with a key that no config describes, by whoever its policy speaks of.

    Log files are what is decrypted under the encryption context of a trail of any account that the policy speaks of as a trail's,
    or of the key's own.

    Raises:
        PolicyError: a statement cannot be read.
    """
    rows = rows_of_policy(found)
    arns = [arn for row in rows for one in row.principals if (arn := parse_arn(one)) and arn.service == "cloudtrail"]
    owners = sorted({found.account, *(arn.account for arn in arns)})
    patterns = [glob(f"arn:{found.scope.partition}:cloudtrail:*:{owner}:trail/*") for owner in owners]
    columns = columns_of_trail_key({TRAIL_CONTEXT: Single(language(patterns))}, found.scope)
    cells = cells_of(rows, columns, found.permissions, found.policy)
    return Matrix(
        name=str(found.location),
        account=Account(name=found.account, id=found.account, deployer=None),
        region=found.scope.region,
        store="",
        columns=columns,
        lines=tuple(Line(row=row, cells=each) for row, each in zip(rows, cells, strict=True)),
    )


def matrices(deployment: Deployment, policies: PolicySet) -> tuple[Matrix, ...]:
    """Return the matrix of the trails' key, then that of each event data store's key; a key that is not there has none.

    The config names the rows and nothing else: every cell is decided on the policies.
    """
    return tuple(_matrices(deployment, policies))


def _matrices(deployment: Deployment, policies: PolicySet) -> Iterator[Matrix]:
    intent = trail_key_intent(deployment)
    key = policies.key_of_alias(intent.account, intent.region, intent.alias)
    if key:
        rows = rows_of_trail_key(deployment, key.permissions.sessions)
        yield _matrix(intent, deployment.key_account, key, columns_of_trail_key(intent.context, key.scope), rows)
    for store in deployment.stores:
        of_store = store_key_intent(store, deployment)
        key = policies.key_of_alias(of_store.account, of_store.region, of_store.alias)
        if key:
            rows = rows_of_store_key(store, deployment, key.permissions.sessions)
            yield _matrix(of_store, store.account, key, columns_of_store_key(key.scope), rows, store=of_store.name)


def _matrix(
    intent: KeyRoles,
    account: Account,
    key: ResourcePolicy,
    columns: tuple[Column, ...],
    rows: Sequence[Row],
    store: str = "",
) -> Matrix:
    found = cells_of(rows, columns, key.permissions, key.policy)
    return Matrix(
        name=intent.alias,
        account=account,
        region=intent.region,
        store=store,
        columns=columns,
        lines=tuple(Line(row=row, cells=cells) for row, cells in zip(rows, found, strict=True)),
    )
