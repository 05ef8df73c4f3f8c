"""Two sides compared: every policy of one asked against the one that answers to it, and what differs as few rows."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import reduce
from operator import getitem
from typing import TYPE_CHECKING, Any, Final

from trailkey.access import in_account, texts, union
from trailkey.access.algebra.work import bounded
from trailkey.access.analysis.caller_sets import of_kind
from trailkey.access.language.actions import ENCAPSULATION, OTHER_USE
from trailkey.access.language.catalog import key_actions
from trailkey.aws import CLOUDTRAIL, parse_arn
from trailkey.diff.callers import named
from trailkey.diff.changes import NOBODY, STEPS, Question, blanket, changes
from trailkey.diff.consequences import Consequence, consequences
from trailkey.diff.rows import Grantee, Row, Where, merged
from trailkey.errors import PolicyError, UsageError
from trailkey.inventory import PolicySet, ResourcePolicy, find_policies
from trailkey.inventory.find import PSEUDO, declared, refuse_unknown
from trailkey.inventory.policies import ANY_ACCOUNT
from trailkey.inventory.policies import merged as merged_policies

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from trailkey.access.language.policy import Effect
    from trailkey.config.deployment import Deployment
    from trailkey.config.source import ConfigPath
    from trailkey.diff.callers import Known
    from trailkey.findings import Branch, Location
    from trailkey.inventory import IdentityPolicy

_SILENT: Final = blanket(Effect="Deny", Condition={"StringEquals": {"aws:PrincipalIsAWSService": "neither"}})
"""A policy that allows and denies nothing: IAM policies of a bucket's account still allow what they allow."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Side:
    """One of two things to compare, which ``what`` names.

    Either ``policies`` are those of an output folder or a config (then ``deployment`` is the config's), or ``text`` holds key
    policies, whose account may be known from the other side only.
    """

    what: str
    policies: PolicySet | None = None
    deployment: Deployment | None = None
    text: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """Who gains and who loses; what could not be decided, each with its reason; and what was assumed.

    ``consequences`` are what is to be said first, each with the key, where there are several.
    """

    rows: tuple[Row, ...]
    unknown: tuple[str, ...]
    assumptions: tuple[str, ...]
    consequences: tuple[tuple[Where, Consequence], ...] = ()

    @property
    def may_gain(self) -> bool:
        """Whether access is gained, or that is unknown."""
        return bool(self.unknown) or any(row.change == "gained" for row in self.rows)


def compare_sides(
    old: Side, new: Side, *, key_account: str, parameters: Mapping[str, str], renames: Mapping[str, str]
) -> Comparison:
    """Return who gains and who loses access from one side to the other.

    Where NEW is a config that extends OLD, the names of its environment are put in place of OLD's first: what is left is a
    difference in access and not in names.

    Raises:
        UsageError: an account or parameters, which only texts with policies take.
        PolicyError: a policy that cannot be judged.
    """
    if old.policies and new.policies and (key_account or parameters):
        raise UsageError(
            "--key-account and --parameter: for policies and templates only; folders and configs have accounts and parameters of their own; leave them out"
        )
    names = dict(renames)
    base, mirror = old.deployment, new.deployment
    if base and mirror and mirror.mirrors == base.name:
        names = mirrored_names(base, mirror) | names
    texts = [one for one in (old, new) if one.policies is None]
    known = {name for one in texts for name in declared(one.text, one.what)}
    refuse_unknown(parameters, sorted(known), " and ".join(one.what for one in texts))
    before, after = (_policies(*sides, key_account, parameters) for sides in ((old, new), (new, old)))
    return compare_policies(before.renamed(names), after)


def mirrored_names(base: Deployment, mirror: Deployment) -> dict[str, str]:
    """Return the names of a deployment, each with the name that replaces it in its mirror.

    They are the values of those config paths in which the mirror differs, and what the templates derive from them.
    """
    names = {base.name: mirror.name}
    for path in mirror.differences:
        old, new = _value(base.source.data, path), _value(mirror.source.data, path)
        if isinstance(old, str) and isinstance(new, str):
            names[old] = new
    if base.access_log_bucket and mirror.access_log_bucket:
        names[base.access_log_bucket] = mirror.access_log_bucket
    return {old: new for old, new in names.items() if old != new}


def _value(data: Any, path: ConfigPath) -> Any:
    """Return the value at a path of a config, or None where there is none: the mirror may set what the base leaves out."""
    try:
        return reduce(getitem, path, data)
    except (KeyError, IndexError, TypeError):
        return None


def _policies(side: Side, other: Side, account: str, parameters: Mapping[str, str]) -> PolicySet:
    """Return the policies of a side. Where one of the two is a text, only key policies are compared."""
    if side.policies is None:
        found = _keys(side, account, parameters)
        # A made-up account gives way to the one that the other side knows.
        if not account and not _accounts(found) and len(known := _accounts(_keys(other, account, parameters))) == 1:
            found = _keys(side, min(known), parameters)
        return PolicySet(what=side.what, keys=tuple(found), assumptions=tuple(_assumed(found)))
    if other.policies is not None or not (side.policies.buckets or side.policies.identities):
        return side.policies
    note = f"{side.what}: only its key policies are compared: the other side is a key policy"
    return PolicySet(what=side.what, keys=side.policies.keys, assumptions=(*side.policies.assumptions, note))


def _keys(side: Side, account: str, parameters: Mapping[str, str]) -> Sequence[ResourcePolicy]:
    if side.policies:
        return side.policies.keys
    own = {*declared(side.text, side.what), *PSEUDO}
    taken = {name: value for name, value in parameters.items() if name in own}
    return find_policies(side.text, side.what, key_account=account, parameters=taken)


def _accounts(keys: Iterable[ResourcePolicy]) -> set[str]:
    """Return the accounts of keys that are not made up."""
    return {one.account for one in keys if not one.account_is_placeholder}


def _assumed(found: Iterable[ResourcePolicy]) -> Iterator[str]:
    """Yield what was assumed, each sentence once: with its branch where it is of one only."""
    locations: dict[tuple[Location, str], list[Location]] = {}
    for one in found:
        for sentence in one.assumptions:
            locations.setdefault((replace(one.location, branch=()), sentence), []).append(one.location)
    for (key, sentence), among in locations.items():
        yield f"{among[0] if len(among) == 1 else key}: {sentence}"


def compare_policies(old: PolicySet, new: PolicySet) -> Comparison:
    """Return what the policies of one set allow and those of the other do not.

    Raises:
        PolicyError: a policy that cannot be judged; keys that are in different accounts.
    """
    # A key that is re-created has another id; in what refers to it the id is not a difference.
    ids: dict[str, str] = {}
    for one, two in paired_keys(old.keys, new.keys):
        if one and two and one.account != two.account:
            raise PolicyError(
                f"{one.location} and {two.location}: the keys are in different accounts, {one.account} and {two.account}; "
                f"two policies of one account are compared; name it with --key-account (policies and templates), or add --rename {one.account}={two.account}"
            )
        if one and two and one.arn != two.arn:
            ids[one.arn] = two.arn
    renamed = old.renamed(ids)
    asked = list(_questions(renamed, new))
    rows: list[Row] = []
    unknown: list[str] = []
    for where, what, question in asked:
        found, open_ones = changes(question)
        rows += [replace(row, where=where) for row in found]
        unknown += [f"{what}: {reason}" for reason in open_ones]
    wheres = list(dict.fromkeys(where for where, _, _ in asked))
    return Comparison(
        rows=tuple(sorted(merged(rows, wheres), key=lambda row: row.change)),
        unknown=tuple(dict.fromkeys(unknown)),
        assumptions=tuple(dict.fromkeys((*old.assumptions, *new.assumptions, *_left_out(renamed, new)))),
        consequences=tuple(_consequences(renamed, new)),
    )


def _consequences(old: PolicySet, new: PolicySet) -> Iterator[tuple[Where, Consequence]]:
    several = any(len({key.name for key in each.keys}) > 1 for each in (old, new))
    for one, two in paired_keys(old.keys, new.keys):
        if one and two and one.document != two.document:
            where, _, _ = _of_resource((one, two), by_name=several)
            with bounded(STEPS):
                yield from ((where, found) for found in consequences(one, two))


_NOT_SYMMETRIC: Final = (*OTHER_USE, *ENCAPSULATION, "kms:GetPublicKey")
Pair = tuple[ResourcePolicy | None, ResourcePolicy | None]


def _questions(old: PolicySet, new: PolicySet) -> Iterator[tuple[Where, str, Question]]:
    """Yield where a question is asked, as rows have it and as errors name it, and the question."""
    several = any(len({key.name for key in each.keys}) > 1 for each in (old, new))
    for pair in paired_keys(old.keys, new.keys):
        where, what, question = _of_resource(pair, by_name=several)
        yield where, what, replace(question, scope=replace(question.scope, universe=_actions_of(pair)))
    had, has = ({one.arn: one for one in each.buckets} for each in (old, new))
    yield from (_of_resource((had.get(arn), has.get(arn)), by_name=False) for arn in dict.fromkeys((*had, *has)))
    scopes = {one.arn: one.scope for one in (*new.keys, *old.keys, *new.buckets, *old.buckets)}
    before, after = _by_holder(old.identities), _by_holder(new.identities)
    for holder in dict.fromkeys((*before, *after)):
        what = f"IAM policies of {holder[2]}"
        sides = before.get(holder, []), after.get(holder, [])
        if [one.document for one in sides[0]] != [one.document for one in sides[1]]:
            mine, its = (merged_policies((one.policy for one in each), what=what) if each else NOBODY for each in sides)
            for scope in scopes.values():
                yield Where(), what, Question(mine, its, scope, _known(*holder))


def _actions_of(pair: Pair) -> tuple[str, ...]:
    """Return the actions that a key policy can give, without those that a symmetric key refuses, where it may be taken for one.

    A key that CloudTrail uses is symmetric, and so is one by default: of another the policy lists these actions by name.
    See: https://docs.aws.amazon.com/kms/latest/developerguide/symm-asymm-compare.html
    """
    symmetric = _is_cloudtrails(pair) or not _listed(pair, "Allow", "Deny")
    return tuple(one for one in key_actions() if not (symmetric and one in _NOT_SYMMETRIC))


def _listed(pair: Pair, *effects: Effect) -> list[str]:
    """Return the actions that a symmetric key refuses and a statement of either policy, with one of the effects, lists by name."""
    statements = (one for each in pair if each for one in each.policy.statements if one.effect in effects)
    listed = {action.casefold() for one in statements for action in one.actions}
    return [one for one in _NOT_SYMMETRIC if one.casefold() in listed]


def _is_cloudtrails(pair: Pair) -> bool:
    """Return whether a statement of either policy names CloudTrail, which works with symmetric keys only."""
    statements = (one for each in pair if each for one in each.policy.statements)
    return any(one.principals and CLOUDTRAIL in one.principals.services for one in statements)


def _left_out(old: PolicySet, new: PolicySet) -> Iterator[str]:
    """Yield what is left out of the rows of a key although a statement allows it by name."""
    for pair in paired_keys(old.keys, new.keys):
        if _is_cloudtrails(pair) and (names := _listed(pair, "Allow")):
            yield f"a key that CloudTrail uses is symmetric, and refuses {', '.join(names)}: left out of the rows"


def _of_resource(pair: Pair, *, by_name: bool) -> tuple[Where, str, Question]:
    old, new = (each.policy if each else _SILENT for each in pair)
    there = [each for each in pair if each]
    branch = {name: truth for each in there for name, truth in each.location.branch}
    where = Where(there[-1].name if by_name else "", tuple(branch.items()))
    return where, " and ".join(str(each.location) for each in there), Question(old, new, there[-1].scope)


def paired_keys(old: Sequence[ResourcePolicy], new: Sequence[ResourcePolicy]) -> list[Pair]:
    """Return the keys of two sides in pairs: by name, and where one is left on either side, these two.

    A key that can have several policies is paired policy by policy: each with all those of the other side whose conditions
    do not contradict its own.
    """
    mine, its = ({one.name: [each for each in keys if each.name == one.name] for one in keys} for keys in (old, new))
    answers = {name: name for name in mine if name in its}
    gone, added = ([name for name in names if name not in answers] for names in (mine, its))
    if len(gone) == len(added) == 1:
        answers[gone.pop()] = added.pop()
    both = [(one, two) for name, other in answers.items() for one in mine[name] for two in its[other]]
    return [
        *(pair for pair in both if _agree(*(one.location.branch for one in pair))),
        *((one, None) for name in gone for one in mine[name]),
        *((None, two) for name in added for two in its[name]),
    ]


def _agree(one: Branch, two: Branch) -> bool:
    return {**dict(one), **dict(two)} == {**dict(two), **dict(one)}


_Holder = tuple[str, str, str]
"""Who has IAM policies: account, partition, and the ARN of a role or user, or the name of a policy that others attach."""


def _by_holder(policies: Iterable[IdentityPolicy]) -> dict[_Holder, list[IdentityPolicy]]:
    """Return IAM policies by whom they are attached to, in a stable order.

    A policy that its template attaches to no role and no user is attached by its name, in another template or by hand.
    """
    found: dict[_Holder, list[IdentityPolicy]] = {}
    for one in policies:
        persons = [each for each in sorted(one.attached) if each.startswith(("role/", "user/"))]
        arns = [f"arn:{one.partition}:iam::{one.account}:{each}" for each in persons]
        for name in arns or [one.policy_name or one.location.logical_id]:
            found.setdefault((one.account, one.partition, name), []).append(one)
    return dict(sorted(found.items()))


def _known(account: str, partition: str, name: str) -> Known:
    """Return the callers that a holder may be, and what they are called."""
    if parse_arn(name):
        return texts(name), Grantee(name=f"{named(name)} by its IAM policies")
    anyone = union([of_kind("role", partition), of_kind("user", partition)])
    if account == ANY_ACCOUNT:
        return anyone, Grantee(name=f"whoever holds policy {name}")
    return anyone & in_account(account), Grantee(name=f"whoever holds policy {name} in account {account}")
