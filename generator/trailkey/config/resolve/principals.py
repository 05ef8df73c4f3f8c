"""Principals as a config writes them: ``account:role/Path/Name`` or a full ARN, ``*`` and ``?`` where patterns are meant."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from trailkey.access.algebra.patterns import glob
from trailkey.aws import parse_arn
from trailkey.config.section import UnknownValueError

if TYPE_CHECKING:
    from collections.abc import Mapping

_RESOURCE = re.compile(r"(role|user)/((?:[\w+=,.@*?-]+/)*)([\w+=,.@*?-]+)", re.ASCII)
_PATH_CHARACTERS = 512
_NAME_CHARACTERS = 64


class PrincipalError(ValueError):
    """A principal that IAM would refuse or that names an account the config does not list."""


def check_resource(resource: str) -> None:
    """Refuse a role or user name that IAM refuses.

    Limits: names 64 characters of ``[A-Za-z0-9_+=,.@-]``, paths 512.
    See: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html
    """
    match = _RESOURCE.fullmatch(resource)
    if not match:
        raise PrincipalError(
            f"{resource!r} is not a role or user; role/Path/Name or user/Path/Name with letters, digits and _+=,.@- is allowed (and * or ? in patterns); correct the name"
        )
    if len(match[3]) > _NAME_CHARACTERS:
        raise PrincipalError(
            f"{match[3]!r} has {len(match[3])} characters; IAM allows {_NAME_CHARACTERS} in a name; shorten it"
        )
    if len(match[2]) > _PATH_CHARACTERS:
        raise PrincipalError(
            f"the path before {match[3]!r} has {len(match[2])} characters; IAM allows {_PATH_CHARACTERS}; shorten it"
        )
    if not set(match[2] + match[3]) - set("*?/"):
        raise PrincipalError(
            f"{resource!r} matches every {match[1]} of the account; a pattern must contain part of the name; name the roles that are meant"
        )


def is_pattern(arn: str) -> bool:
    """Tell whether the text holds a wildcard of ArnLike."""
    return "*" in arn or "?" in arn


def principal_arn(text: str, account_ids: Mapping[str, str], partition: str) -> str:
    """Return the ARN (or ArnLike pattern) of a principal written in a config.

    Args:
        text: ``account:role/Path/Name``, or an ARN.
        account_ids: the ids of the accounts that are listed, by name; empty where an id is not known.
        partition: the partition of the deployment.

    Raises:
        PrincipalError: the account is not listed, the partition is another one, or IAM refuses the name.
        UnknownValueError: the account may be one whose id is not known.
    """
    arn = parse_arn(text)
    if arn is not None:
        if (arn.service, arn.region) != ("iam", ""):
            raise PrincipalError(
                f"{text!r} is not the ARN of an IAM role or user; arn:{partition}:iam::123456789012:role/Name is allowed; name the role itself, not its session"
            )
        if arn.partition != partition:
            raise PrincipalError(
                f"{text!r} is in partition {arn.partition!r}; this deployment is in {partition!r}; correct the ARN"
            )
        if arn.account not in account_ids.values():
            if "" in account_ids.values():
                raise UnknownValueError(text)
            known = ", ".join(sorted(account_ids.values()))
            raise PrincipalError(
                f"account {arn.account!r} in {text!r} is not listed; listed are {known}; list it under accounts"
            )
        check_resource(arn.resource)
        return text
    account, colon, resource = text.partition(":")
    if not colon:
        raise PrincipalError(
            f"{text!r} names no account; account:role/Path/Name or a full ARN is allowed; put the account's name before it"
        )
    if account not in account_ids:
        raise PrincipalError(
            f"account {account!r} in {text!r} is not listed; {_listed(account_ids)}; list it under accounts"
        )
    check_resource(resource)
    return f"arn:{partition}:iam::{account_ids[account]}:{resource}"


def _listed(account_ids: Mapping[str, str]) -> str:
    return f"listed are {', '.join(sorted(account_ids))}" if account_ids else "none is listed"


def permission_set_patterns(name: str, account_id: str, partition: str) -> tuple[str, str]:
    """Return both ArnLike patterns of the role IAM Identity Center makes for a permission set in an account.

    The path has a Region segment or none, depending on the home Region of Identity Center; the suffix changes whenever the
    role is re-created. See: https://docs.aws.amazon.com/singlesignon/latest/userguide/referencingpermissionsets.html
    """
    path = f"arn:{partition}:iam::{account_id}:role/aws-reserved/sso.amazonaws.com/"
    return f"{path}AWSReservedSSO_{name}_*", f"{path}*/AWSReservedSSO_{name}_*"


def patterns_meet(first: str, second: str) -> bool:
    """Tell whether some ARN matches both patterns."""
    return not glob(first).clashes(glob(second))
