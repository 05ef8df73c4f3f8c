"""Names to accounts and principals, and the problems met on the way."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any, NoReturn

from trailkey.aws import partition_of
from trailkey.config.resolve.principals import (
    PrincipalError,
    account_of,
    is_pattern,
    lasting_pattern,
    permission_set_of,
    principal_arn,
)
from trailkey.config.section import UnknownValueError, if_known

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import TypeVar

    from trailkey.config import model
    from trailkey.config.account import Account
    from trailkey.config.section import Section
    from trailkey.config.source import ConfigPath

    T = TypeVar("T")


@dataclass(slots=True)
class Resolver:
    """Collects problems while names are resolved; what needs a value that is wrong ends with UnknownValueError."""

    config: model.Config
    problems: dict[tuple[ConfigPath, str], None] = field(default_factory=dict)
    accounts: dict[str, Account] = field(default_factory=dict)

    def refuse(self, path: ConfigPath, text: str) -> None:
        """Note a problem at a config path, once."""
        self.problems[path, text] = None

    def give_up(self, path: ConfigPath, text: str) -> NoReturn:
        """Note a problem without which nothing more can be said of the same thing."""
        self.refuse(path, text)
        raise UnknownValueError(text)

    def each(self, key: str, judge: Callable[[Resolver, Any, ConfigPath], T]) -> list[T]:
        """Return what a judge returns for each entry of a list of the config, without those that cannot be judged."""
        judged: list[T] = []
        with if_known:
            for index, entry in enumerate(getattr(self.config, key)):
                with if_known:
                    judged.append(judge(self, entry, (key, index)))
        return judged

    @property
    def key_account(self) -> Account:
        """The account of the trails' key."""
        return self.account(self.config.key.account, ("key", "account"))

    def account(self, name: str, path: ConfigPath) -> Account:
        """Return the account of that name, or note that it is not listed or not ours."""
        account = self.listed(name, path)
        if not account.ours:
            said = f"account {name!r} is not ours; key, bucket, trails, event data stores and permission sets are in accounts of ours; name another, or remove its ours: false"
            self.give_up(path, said)
        return account

    def listed(self, name: str, path: ConfigPath, advice: str = "list it under accounts") -> Account:
        """Return the account of that name, ours or not, or note that it is not listed."""
        listed = self.config.accounts
        if name not in listed:
            if own := next((one.name for one in self.accounts.values() if one.id == name), None):
                said = f"{name!r} is the id of account {own!r}; an account is given by its name in this file; write its name: {own}"
                self.give_up(path, said)
            near = get_close_matches(name, listed, n=1)
            hint = f"did you mean {near[0]!r}?" if near else advice
            self.give_up(path, f"account {name!r} is not listed; listed are {', '.join(sorted(listed))}; {hint}")
        if name not in self.accounts:
            raise UnknownValueError(name)
        return self.accounts[name]

    def principal(self, text: str, path: ConfigPath, *, pattern: bool = True) -> str:
        """Return the ARN of a principal, or note what is wrong with it; without ``pattern`` it is one role."""
        ids = {name: self.accounts[name].id if name in self.accounts else "" for name in self.config.accounts}
        try:
            arn = principal_arn(text, ids, self.config.partition)
        except PrincipalError as error:
            self.give_up(path, str(error))
        if not pattern and is_pattern(arn):
            self.give_up(path, f"{text!r} is a pattern; role names one role; use principal_arn_like for patterns")
        if not pattern and ":role/" not in arn:
            self.give_up(path, f"{text!r} is a user; role names one role; use principal_arn_like for a user")
        owner = next((name for name, number in ids.items() if number and number == account_of(arn)), None)
        if owner is None:
            raise UnknownValueError(text)
        if permission_set := permission_set_of(arn):
            self._refuse_reserved(text, path, owner, permission_set)
        return arn

    def _refuse_reserved(self, text: str, path: ConfigPath, owner: str, permission_set: str) -> NoReturn:
        """Refuse a role of a permission set whose suffix is fixed, or left open so that it covers other permission sets."""
        allowed, lasting = "a pattern that ends in _ and 16 question marks", lasting_pattern(permission_set)
        write = repr(lasting if path[-1] == "deployer" else f"{owner}:{lasting}")
        if path[-1] == "role":
            allowed, write = "such a pattern", f"principal_arn_like: {write}"
            if self.accounts[owner].ours:
                allowed, write = "the permission set", f"permission_set: {permission_set}, account: {owner}"
        why = "IAM Identity Center ends the name of a role in 16 characters that change when it is re-created, and names of other permission sets may begin alike"
        self.give_up(
            path, f"{text!r} does not name one permission set for good: {why}; {allowed} is allowed; write {write}"
        )

    def principals_of(self, texts: Sequence[str], path: ConfigPath, owner: Account, purpose: str) -> tuple[str, ...]:
        """Resolve principals that must live in the key's own account."""
        arns: list[str] = []
        for index, text in enumerate(texts):
            with if_known:
                arn = self.principal(text, (*path, index))
                if account_of(arn) != owner.id:
                    said = f"{text!r} is not in {owner.name!r}, the account of the key; KMS lets only principals of the key's account {purpose}; name one of that account"
                    self.refuse((*path, index), said)
                elif arn in arns:
                    self.refuse((*path, index), f"{text!r} is given twice; once is enough; remove one")
                else:
                    arns.append(arn)
        return tuple(arns)

    def at_most(self, limit: int, key: str, places: Sequence[tuple[str, str]]) -> None:
        """Refuse more entries of a list than CloudTrail allows in a Region of an account."""
        for (account, region), count in Counter(places).items():
            if count > limit:
                what = f"{count} {key.replace('_', ' ')} in {account!r}, {region}"
                self.refuse((key,), f"{what}; CloudTrail allows {limit} in a Region; use fewer")

    def in_partition(self, section: Section, key: str, path: ConfigPath) -> None:
        """Refuse a Region of another partition."""
        with if_known:
            region, partition = getattr(section, key), self.config.partition
            if partition_of(region) != partition:
                said = f"{region!r} is in partition {partition_of(region)!r}; this deployment is in {partition!r}; correct the Region, or set partition: {partition_of(region)}"
                self.refuse((*path, key), said)
