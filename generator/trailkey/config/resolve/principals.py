"""Principals as a config writes them: ``account:role/Path/Name`` or a full ARN, ``*`` and ``?`` where patterns are meant."""

from __future__ import annotations

import re
from itertools import chain
from typing import TYPE_CHECKING

from trailkey.access.algebra.patterns import glob
from trailkey.aws import parse_arn
from trailkey.config.section import UnknownValueError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from trailkey.aws import Arn

OF_ANOTHER = "list it under accounts, with ours: false where it is another's"
"""What to do about an account that a principal names and the config does not list."""

_RESOURCE = re.compile(r"(role|user)/((?:[\w+=,.@*?-]+/)*)([\w+=,.@*?-]+)", re.ASCII)
_PATH_CHARACTERS = 512
_NAME_CHARACTERS = 64
_SUFFIX_CHARACTERS = 16  # of the role of a permission set; as AWS shows it, without a promise


class PrincipalError(ValueError):
    """A principal that IAM would refuse or that names an account the config does not list."""


def is_pattern(arn: str) -> bool:
    """Tell whether the text holds a wildcard of ArnLike."""
    return "*" in arn or "?" in arn


def _wrong_resource(resource: str) -> Iterator[str]:
    """Yield what is wrong with a role or user name, ``role/Path/Name``.

    Limits: names 64 characters of ``[A-Za-z0-9_+=,.@-]``, paths 512.
    See: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html
    """
    match = _RESOURCE.fullmatch(resource)
    if not match:
        yield f"{resource!r} is not a role or user; role/Path/Name or user/Path/Name with letters, digits and _+=,.@- is allowed (and * or ? in patterns); correct the name"
        return
    kind, path, name = match.groups()
    if len(name) > _NAME_CHARACTERS:
        yield f"{name!r} has {len(name)} characters; IAM allows {_NAME_CHARACTERS} in a name; shorten it"
    if len(path) > _PATH_CHARACTERS:
        yield f"the path before {name!r} has {len(path)} characters; IAM allows {_PATH_CHARACTERS}; shorten it"
    if not set(path + name) - set("*?/"):
        yield f"{resource!r} matches every {kind} of the account; a pattern must contain part of the name; name the roles that are meant"


def _wrong_arn(text: str, arn: Arn, account_ids: Mapping[str, str], partition: str) -> Iterator[str]:
    if (arn.service, arn.region) != ("iam", ""):
        yield f"{text!r} is not the ARN of an IAM role or user; arn:{partition}:iam::123456789012:role/Name is allowed; name the role itself, not its session"
    if arn.partition != partition:
        yield f"{text!r} is in partition {arn.partition!r}; this deployment is in {partition!r}; correct the ARN"
    if arn.account not in account_ids.values():
        if "" in account_ids.values():
            raise UnknownValueError(text)
        known = ", ".join(sorted(account_ids.values()))
        yield f"account {arn.account!r} in {text!r} is not listed; listed are {known}; {OF_ANOTHER}"


def _wrong_account(text: str, account_ids: Mapping[str, str]) -> Iterator[str]:
    account, colon, resource = text.partition(":")
    if not colon:
        yield f"{text!r} names no account; account:role/Path/Name or a full ARN is allowed; put the account's name before it"
    if account not in account_ids:
        if name := next((name for name, number in account_ids.items() if number == account), None):
            yield f"{text!r} begins with the id of account {name!r}; its name or a full ARN is allowed; write {name}:{resource}"
        listed = f"listed are {', '.join(sorted(account_ids))}" if account_ids else "none is listed"
        yield f"account {account!r} in {text!r} is not listed; {listed}; {OF_ANOTHER}"


def principal_arn(text: str, account_ids: Mapping[str, str], partition: str) -> str:
    """Return the ARN (or ArnLike pattern) of a principal written in a config: ``account:role/Path/Name``, or an ARN.

    ``account_ids`` are those of the accounts that are listed, by name; empty where an id is not known.

    Raises:
        PrincipalError: the account is not listed, the partition is another one, or IAM refuses the name.
        UnknownValueError: the account may be one whose id is not known.
    """
    arn = parse_arn(text)
    account, _, resource = text.partition(":")
    wrong = _wrong_arn(text, arn, account_ids, partition) if arn else _wrong_account(text, account_ids)
    if problem := next(chain(wrong, _wrong_resource(arn.resource if arn else resource)), None):
        raise PrincipalError(problem)
    return text if arn else f"arn:{partition}:iam::{account_ids[account]}:{resource}"


def account_of(arn: str) -> str:
    """Return the account id of an IAM ARN."""
    parsed = parse_arn(arn)
    return parsed.account if parsed else ""


def permission_set_patterns(name: str, account_id: str, partition: str) -> tuple[str, str]:
    """Return both ArnLike patterns of the role IAM Identity Center makes for a permission set in an account.

    The path has a Region segment or none, depending on the home Region of Identity Center; the suffix changes whenever the
    role is re-created. It is sixteen characters, never ``*``: names of permission sets may hold ``_``, and the pattern of ``Audit``
    must not match the roles of ``Audit_Contractors``.
    See: https://docs.aws.amazon.com/singlesignon/latest/userguide/referencingpermissionsets.html
    """
    path = f"arn:{partition}:iam::{account_id}:role/aws-reserved/sso.amazonaws.com/"
    role = f"AWSReservedSSO_{name}_{'?' * _SUFFIX_CHARACTERS}"
    return f"{path}{role}", f"{path}*/{role}"


def permission_set_of(arn: str) -> str:
    """Return the permission set whose role an ARN or pattern of a role names in a form that does not last; empty of all others.

    IAM Identity Center gives the role ``AWSReservedSSO_``, the permission set and sixteen hexadecimal digits, which change when
    the role is re-created. A pattern that leaves exactly these open lasts, and covers no permission set whose name begins alike.
    See: https://docs.aws.amazon.com/singlesignon/latest/userguide/referencingpermissionsets.html
    """
    parsed = parse_arn(arn)
    kind, _, path = (parsed.resource if parsed else "").partition("/")
    if kind != "role" or (_RESERVED_NAME not in path and not path.startswith(_RESERVED_PATH)):
        return ""
    name = path.rpartition("/")[2].rpartition(_RESERVED_NAME)[2]
    if name.endswith(f"_{_SUFFIX}"):
        return ""
    return re.sub(r"(_[0-9a-f]{16}|_?[*?]+)$", "", name).strip("*?_")


def lasting_pattern(permission_set: str) -> str:
    """Return the pattern for the role of a permission set, with and without a Region in its path."""
    return f"role/{_RESERVED_PATH}*AWS{_RESERVED_NAME}{permission_set}_{_SUFFIX}"


_RESERVED_PATH = "aws-reserved/sso.amazonaws.com/"
_RESERVED_NAME = "ReservedSSO_"
_SUFFIX = "?" * 16


def patterns_meet(first: str, second: str) -> bool:
    """Tell whether some ARN matches both patterns."""
    return not glob(first).clashes(glob(second))
