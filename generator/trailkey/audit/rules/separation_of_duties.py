"""Those who look after the key kept apart from those who read with it: every route by which an administrator reads."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from trailkey.access import REFUTED, UNKNOWN, Language, Single, held_to, in_account, region, texts, union
from trailkey.access.algebra.languages import EMPTY
from trailkey.access.analysis.constraints import PRINCIPAL
from trailkey.access.language.actions import DECRYPT, GRANT, REPLACE_POLICY, REPLICATE, TAKE_OVER, UPKEEP
from trailkey.access.language.principals import Principals
from trailkey.audit.rule import Match, PolicyRule, Search, Undecided, granting, some, together
from trailkey.audit.statement_facts import accounts, breadth, delegates_everything, named

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from trailkey.access import Answer, Constraint, Statement
    from trailkey.access.analysis.effective import Part
    from trailkey.audit.subject import Subject

_DEFAULT_PAGE: Final = "https://docs.aws.amazon.com/kms/latest/developerguide/key-policy-default.html"
_ADMINISTRATORS_PAGE: Final = f"{_DEFAULT_PAGE}#key-policy-default-allow-administrators"
_FOR_SERVICES: Final = "kms:GrantIsForAWSResource"
_FALSE: Final = Single(absent=True, values=texts("false"))
_READING: Final = (*DECRYPT, *TAKE_OVER)
_TRUE: Final = held_to("true")


def administrators(subject: Subject) -> Language:
    """Return who administers the key: those named, or else the single principals that hold daily administration."""
    expected = subject.intent
    if expected.administrators:
        return subject.callers(expected.administrators)
    upkeep = region(actions=UPKEEP)
    found = []
    for part in subject.allows:
        singled_out = _singled_out(part.statement)
        for box in (part.requests & upkeep).outer:
            side = box.sides.get(PRINCIPAL)
            if isinstance(side, Single) and isinstance(side.values, Language):
                found.append(side.values & singled_out)
    others = subject.callers((expected.deployer, *expected.break_glass))
    return (union(found) & subject.people) - others - subject.roots


def _singled_out(statement: Statement) -> Language:
    """Return the callers that a statement is about one by one: all of its own where conditions name them."""
    return ~EMPTY if breadth(statement) == 0 and not named(statement) else texts(*named(statement))


def _not_delegated(subject: Subject) -> list[Part]:
    """Return the Allow statements that do more than hand something to IAM in the key's account: that is a finding of its own."""
    return [
        part
        for part in subject.allows
        if breadth(part.statement) == 0
        or subject.scope.account not in accounts(part.statement)
        or named(part.statement)
    ]


def _can(subject: Subject, what: str, actions: tuple[str, ...]) -> Iterator[Match | Undecided]:
    """Yield the statements by which an administrator comes to read in one way."""
    return _found(subject, _search(subject, what, actions))


def _can_grant(subject: Subject) -> Iterator[Match | Undecided]:
    what = "create grants, and so let anyone decrypt"
    if _FOR_SERVICES.casefold() not in subject.keys:
        return _can(subject, what, GRANT)
    to_services = _search(subject, "create grants, to AWS services only", GRANT, {_FOR_SERVICES: _TRUE})
    anyone = _search(subject, what, GRANT, {_FOR_SERVICES: _FALSE})
    return _found(subject, anyone, replace(to_services, severity="note"))


def _search(
    subject: Subject, what: str, actions: tuple[str, ...], context: Mapping[str, Constraint] | None = None
) -> Search:
    """Return the search for what administrators ought not to be able to do: an error only where it was said who they are."""
    said = bool(subject.intent.administrators)
    aside = "" if said else " (taken for an administrator, since it may change the key's settings)"
    return Search(
        within=region(principals=administrators(subject), actions=actions, context=context),
        says=lambda request: f"lets {request['principal']} {what}{aside}",
        severity="error" if said else "warning",
    )


def _found(subject: Subject, *searches: Search) -> Iterator[Match | Undecided]:
    return together(granting(subject, searches, _not_delegated(subject)))


def _delegated(subject: Subject) -> Iterator[Match | Undecided]:
    """Yield the statements that leave it to IAM of an account who reads, or who comes to read.

    The key's own account is a finding by itself, all others of a statement together are one.
    """
    for statement in (part.statement for part in subject.allows if breadth(part.statement)):
        elsewhere = {}
        for account in accounts(statement):
            answer = _left_to_iam(subject, statement, account, _READING)
            if answer.verdict == UNKNOWN:
                yield Undecided(reason=answer.reason, statement=statement.name)
            elif answer.witness and account == subject.scope.account:
                yield _leaves(subject, statement, [account], answer.witness)
            elif answer.witness:
                elsewhere[account] = answer.witness
        if elsewhere:
            first = next(iter(elsewhere.values()))
            others = {one for account in elsewhere for one in subject.alike.members.get(account, ())}
            listed = accounts(subject.written(statement))
            where = [account for account in listed if account in elsewhere or account in others]
            yield replace(_leaves(subject, statement, where, first), severity="note")


def _left_to_iam(subject: Subject, statement: Statement, account: str, actions: tuple[str, ...]) -> Answer:
    """Answer the claim that a statement leaves nothing of some actions to what IAM of an account allows by itself.

    Not to whom the statement names, that is, and decryption not to a reader. The statement is taken as if it named one account
    alone: a list of hundreds is not gone through for each of them.
    """
    alone = subject.requests(replace(statement, principals=Principals(aws=(account,))))
    there = in_account(account) & subject.people - subject.roots - texts(*named(statement))
    within = region(principals=there, actions=actions, identity=True)
    readers = region(principals=subject.callers(subject.intent.readers), actions=("kms:Decrypt",))
    return subject.grants_nothing(alone, within - readers)


def _leaves(subject: Subject, statement: Statement, where: list[str], witness: Mapping[str, Any]) -> Match:
    """Return what a statement leaves to IAM in some accounts: the action of the witness, and every route to more."""
    routes = [one for one in TAKE_OVER if _left_to_iam(subject, statement, where[0], (one,)).verdict == REFUTED]
    everything = delegates_everything(statement, where[0])
    what = "everything" if everything else some(list(dict.fromkeys((witness["action"], *routes))))
    return Match(
        statement=statement.name,
        witness=witness,
        message=f"statement {statement.name} leaves {what} to IAM in account{'' if len(where) == 1 else 's'} {some(where)}: "
        "whoever writes IAM policies there decides who reads",
    )


RULES: Final = (
    PolicyRule(
        id="administrator-can-decrypt",
        severity="error",
        title="An administrator can decrypt",
        reason="Who looks after the key and who reads with it are meant to be two people: this one is both.",
        source=_ADMINISTRATORS_PAGE,
        remedy="take the use of the key out of the statement, or deny it to administrators by aws:PrincipalArn",
        find=lambda subject: _can(subject, "decrypt", DECRYPT),
    ),
    PolicyRule(
        id="administrator-can-grant",
        severity="error",
        title="An administrator can hand out the key's use by a grant",
        reason="A grant lets whoever it names decrypt, whatever the key policy says; kms:Create* matches kms:CreateGrant.",
        source=_ADMINISTRATORS_PAGE,
        remedy="list the actions and leave kms:CreateGrant out: CloudTrail needs no grants",
        find=_can_grant,
    ),
    PolicyRule(
        id="administrator-can-replace-policy",
        severity="error",
        title="An administrator can replace the key policy",
        reason="Who writes the key policy can write themselves into it; kms:Put* matches kms:PutKeyPolicy.",
        source=_ADMINISTRATORS_PAGE,
        remedy="list the actions and leave kms:PutKeyPolicy to the role that deploys and to break glass",
        find=lambda subject: _can(subject, "replace the key policy, and so let anyone decrypt", REPLACE_POLICY),
    ),
    PolicyRule(
        id="administrator-can-replicate",
        severity="error",
        title="An administrator can replicate the key under a policy of their own",
        reason="A replica of a multi-Region key decrypts the same events, and whoever makes it writes its key policy.",
        source="https://docs.aws.amazon.com/kms/latest/developerguide/multi-region-keys-auth.html",
        remedy="leave kms:ReplicateKey out of what administrators hold",
        find=lambda subject: _can(subject, "replicate the key under a policy of their own, and so decrypt", REPLICATE),
    ),
    PolicyRule(
        id="delegated-to-iam",
        severity="warning",
        title="IAM of an account decides who reads",
        reason="The account as principal is neither an administrator nor the root user: it lets any IAM policy of that account hand out what the "
        "statement allows, and whoever writes IAM policies there can read the events.",
        source=f"{_DEFAULT_PAGE}#key-policy-default-allow-root-enable-iam",
        remedy="name the roles, or hold the statement to them with ArnLike aws:PrincipalArn, and leave the account what only shows "
        "the key's settings",
        find=_delegated,
    ),
)
