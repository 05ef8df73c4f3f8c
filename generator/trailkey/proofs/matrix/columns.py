"""The columns of an access matrix: what can be done with a key, each of its actions in exactly one column, and to logs.

Only decryption is cut in two, by what is decrypted. An action that the catalog gains tomorrow is looking where its name says
so, else administering: no action is left out of the matrix.
https://docs.aws.amazon.com/kms/latest/developerguide/kms-api-permissions-reference.html
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from trailkey.access import held_to, region, texts
from trailkey.access.algebra.languages import language
from trailkey.access.algebra.patterns import glob
from trailkey.access.language.actions import DECRYPT, ENCAPSULATION, ENCRYPT, OTHER_USE, REPLACE_POLICY
from trailkey.access.language.log_actions import (
    DELETE_BUCKET,
    ERASE,
    OVERWRITE,
    REPLACE_BUCKET_POLICY,
    SET_LIFECYCLE,
    SET_LOCK,
    SET_VERSIONING,
    UNLOCK,
)
from trailkey.intent.from_config import through_s3
from trailkey.proofs.properties.role_actions import DELETE, DISABLE, HAND_OUT

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from trailkey.access import Constraint, Language, RequestSet, Scope

_BESIDE: Final = (*OTHER_USE, *ENCAPSULATION)
"""Cryptographic operations that neither encrypt nor decrypt; a symmetric key refuses them whatever its policy says."""
_DESTROY: Final = (*DELETE, "kms:DeleteImportedKeyMaterial")
_METADATA: Final = ("kms:Describe", "kms:Get", "kms:List")


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """An operation: its stable ``id``, what it means, its actions, and the requests that are it."""

    id: str
    meaning: str
    actions: tuple[str, ...]
    requests: RequestSet

    @property
    def label(self) -> str:
        """The heading."""
        return self.id.replace("-", " ")


def _column(name: str, meaning: str, actions: Iterable[str], requests: RequestSet | None = None) -> Column:
    """Return a column of all requests of its actions, or of some."""
    actions = tuple(actions)
    return Column(
        id=name, meaning=meaning, actions=actions, requests=region(actions=actions) if requests is None else requests
    )


_ENCRYPT: Final = _column("encrypt", "generate data keys, encrypt, re-encrypt to this key", ENCRYPT)
_DECRYPT: Final = _column(
    "decrypt", "decrypt, re-encrypt from this key; sign, derive and the like", (*DECRYPT, *_BESIDE)
)


def columns_of_trail_key(context: Mapping[str, Constraint], scope: Scope) -> tuple[Column, ...]:
    """Return the columns for the trails' key; ``context`` is the encryption context that its trails send."""
    by_s3 = held_to(*through_s3(scope.region))
    logs = region(actions=DECRYPT, context={**context, "kms:ViaService": by_s3})
    return (
        _ENCRYPT,
        _column(
            "decrypt-logs",
            "decrypt through S3, under the encryption context of a trail of the trails' accounts: log files",
            DECRYPT,
            logs,
        ),
        _column(
            "decrypt-other",
            "decrypt under any other context or none, or not through S3; sign, derive and the like",
            _DECRYPT.actions,
            _DECRYPT.requests - logs,
        ),
        *_administration(scope),
    )


def columns_of_store_key(scope: Scope) -> tuple[Column, ...]:
    """Return the columns for the key of an event data store."""
    return (_ENCRYPT, _DECRYPT, *_administration(scope))


def columns_of_bucket(arn: str) -> tuple[Column, ...]:
    """Return the columns for the log bucket: what makes logs disappear, or lets somebody make them disappear."""
    objects, bucket = language([glob(f"{arn}/*")]), texts(arn)

    def of(resources: Language, name: str, meaning: str, actions: tuple[str, ...]) -> Column:
        return _column(name, meaning, actions, region(actions=actions, resources=resources))

    return (
        of(objects, "write", "write objects, also over those that are there; the version before stays", OVERWRITE),
        of(
            objects,
            "erase",
            "delete objects and versions; a locked version only in mode GOVERNANCE, with unlock",
            ERASE,
        ),
        of(
            objects,
            "unlock",
            "change the retention of a locked version, or delete it before its time in mode GOVERNANCE",
            UNLOCK,
        ),
        of(bucket, "lifecycle", "set when objects expire, today for instance", SET_LIFECYCLE),
        of(bucket, "versioning", "suspend the versions that deletion and overwriting leave", SET_VERSIONING),
        of(bucket, "lock", "change the default retention of Object Lock, for logs to come", SET_LOCK),
        of(bucket, "bucket-policy", "replace or delete the bucket policy", REPLACE_BUCKET_POLICY),
        of(bucket, "delete-bucket", "delete the bucket, once it is empty", DELETE_BUCKET),
    )


def _administration(scope: Scope) -> tuple[Column, ...]:
    """Return the columns that every key has."""
    named = {*ENCRYPT, *DECRYPT, *_BESIDE, *REPLACE_POLICY, *DISABLE, *_DESTROY, *HAND_OUT}
    metadata = [action for action in scope.universe if action.startswith(_METADATA)]
    rest = [action for action in scope.universe if action not in named and not action.startswith(_METADATA)]
    return (
        _column("read-metadata", "read what the key is: its policy, tags, rotation, grants", metadata),
        _column("administer", "change its tags, alias, description and rotation, and all not named elsewhere", rest),
        _column("change-policy", "replace the key policy", REPLACE_POLICY),
        _column("disable", "disable and enable the key", DISABLE),
        _column("delete", "schedule and cancel the key's deletion, delete imported key material", _DESTROY),
        _column("grant", "create grants, replicate the key", HAND_OUT),
    )
