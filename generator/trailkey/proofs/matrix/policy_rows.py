"""The rows of an access matrix for a key policy that no config describes: whoever the policy itself speaks of, and all others."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from trailkey.access import Single, held_to, in_account, people, region, texts, union
from trailkey.access.analysis.caller_sets import SERVICES, of_kind
from trailkey.aws import ACCOUNT_ID, CLOUDTRAIL, ORGANIZATION_ID, parse_arn
from trailkey.intent.model import named
from trailkey.proofs.matrix.rows import ROOT_USER, Row, and_sessions

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from trailkey.access import Constraint, RequestSet
    from trailkey.inventory.policies import ResourcePolicy

_SOURCE: Final = "aws:SourceArn"
_NAMING: Final = ("aws:principalarn",)
_OF_ACCOUNTS: Final = ("aws:principalaccount", "kms:calleraccount")
_OF_ORGANIZATIONS: Final = ("aws:principalorgid",)


def rows_of_policy(found: ResourcePolicy) -> list[Row]:
    """Return the rows for a key policy: its trails and services, its principals one by one, the root user, and those nobody names.

    A principal is named as Principal, or by a condition on aws:PrincipalArn; an account or organization by either, too.

    Raises:
        PolicyError: a statement cannot be read.
    """
    return [*_services(found), *_people(found)]


def _services(found: ResourcePolicy) -> Iterator[Row]:
    trails = _exact(value for value in _values(found, _SOURCE.casefold()) if ":trail/" in value)
    for trail in dict.fromkeys([*trails, *(one.arn for one in found.users if ":trail/" in one.arn)]):
        yield Row(f"trail:{trail}", f"CloudTrail, {trail.rpartition('/')[2]}", _for(trail), (trail,))
        trails.append(trail)
    others: dict[str, Constraint] = {_SOURCE: Single(~texts(*trails), absent=True)} if trails else {}
    label = "CloudTrail, another trail or none" if trails else "CloudTrail"
    yield Row(
        "other-trail", label, region(principals=texts(CLOUDTRAIL), context=others), () if trails else (CLOUDTRAIL,)
    )
    named_ones = _principals(found, "services")
    names = [name for name in named_ones if name != CLOUDTRAIL]
    yield from (Row(f"service:{name}", name, region(principals=texts(name)), (name,)) for name in names)
    yield Row("other-services", "another AWS service", region(principals=SERVICES & ~texts(CLOUDTRAIL, *names)))


def _for(trail: str) -> RequestSet:
    return region(principals=texts(CLOUDTRAIL), context={_SOURCE: held_to(trail)})


def _people(found: ResourcePolicy) -> Iterator[Row]:
    scope, sessions = found.scope, found.permissions.sessions
    everyone = people(scope.partition)
    listed = [one for one in _principals(found, "aws") if parse_arn(one) and not one.endswith(":root")]
    names = dict.fromkeys([*listed, *_values(found, *_NAMING)])
    known = []
    for name in names:
        who = and_sessions(texts(name) if ":sts:" in name else named([name]) & everyone, sessions)
        known.append(who)
        yield Row(f"principal:{name}", _short(name, scope.account), region(principals=who), (name,))
    root = of_kind("root", scope.partition, scope.account)
    arn = f"arn:{scope.partition}:iam::{scope.account}:root"
    yield Row(ROOT_USER, f"root user of {scope.account}", region(principals=root), (arn,))
    unnamed = union([everyone, texts(*sessions)]) & ~union([*known, root])
    accounts = [scope.account, *_accounts(found)]
    for account in dict.fromkeys(accounts):
        yield Row(
            f"others:{account}", f"others of {account}", region(principals=unnamed & in_account(account)), (account,)
        )
    elsewhere = unnamed & ~union([in_account(account) for account in accounts])
    organizations = [one for one in _values(found, *_OF_ORGANIZATIONS) if ORGANIZATION_ID.fullmatch(one)]
    outside: dict[str, Constraint] = {}
    if organizations:
        outside["aws:PrincipalOrgID"] = Single(~texts(*organizations), absent=True)
    for one in organizations:
        member = region(principals=elsewhere, context={"aws:PrincipalOrgID": held_to(one)})
        yield Row(f"others-of-organization:{one}", f"others of {one}", member, (one,))
    yield Row("everyone-else", "everyone else", region(principals=elsewhere, context=outside))


def _short(name: str, home: str) -> str:
    """Return a role, user or session without its ARN: what it is called, and where, if that is not the key's account."""
    arn = parse_arn(name)
    if not arn:
        return name
    return arn.resource if arn.account == home else f"{arn.resource} of {arn.account}"


def _principals(found: ResourcePolicy, kind: str) -> list[str]:
    """Return the ``aws`` principals or the ``services`` that statements name, each once."""
    named_ones = (one.principals for one in found.policy.statements if one.principals)
    return list(dict.fromkeys(name for one in named_ones for name in getattr(one, kind)))


def _values(found: ResourcePolicy, *keys: str) -> list[str]:
    """Return the values that conditions on some keys (in lower case) have, each once; those with policy variables are left out."""
    conditions = (one for statement in found.policy.statements for one in statement.conditions)
    values = (
        value for one in conditions if one.key.casefold() in keys for value in one.values if one.operator != "Null"
    )
    return list(dict.fromkeys(value for value in values if "${" not in value))


def _exact(values: Iterable[str]) -> list[str]:
    return [value for value in values if not set("*?") & set(value)]


def _accounts(found: ResourcePolicy) -> list[str]:
    """Return the accounts that a policy names as a whole."""
    roots = [parse_arn(one) for one in _principals(found, "aws") if one.endswith(":root")]
    ids = [one.account for one in roots if one]
    ids += [one for one in (*_principals(found, "aws"), *_values(found, *_OF_ACCOUNTS)) if ACCOUNT_ID.fullmatch(one)]
    return [one for one in dict.fromkeys(ids) if ACCOUNT_ID.fullmatch(one)]
