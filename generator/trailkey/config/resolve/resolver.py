"""Names to accounts and principals, collecting every problem on the way, so that all are shown at once."""

from __future__ import annotations

from dataclasses import dataclass, field
from difflib import get_close_matches
from typing import TYPE_CHECKING

from trailkey.aws import parse_arn
from trailkey.config.resolve.principals import PrincipalError, is_pattern, principal_arn

if TYPE_CHECKING:
    from collections.abc import Iterable

    from trailkey.config import model
    from trailkey.config.deployment import Account
    from trailkey.config.source import ConfigPath, Source


@dataclass(slots=True)
class Resolver:
    """Collects problems while names are resolved, so that all are shown at once."""

    config: model.Config
    source: Source
    problems: list[tuple[ConfigPath, str]] = field(default_factory=list)
    accounts: dict[str, Account] = field(default_factory=dict)

    def refuse(self, path: ConfigPath, text: str) -> None:
        """Note a problem at a config path."""
        self.problems.append((path, text))

    def account(self, name: str, path: ConfigPath) -> Account | None:
        """Return the account of that name, or note that it is not listed."""
        if name in self.accounts:
            return self.accounts[name]
        near = get_close_matches(name, self.accounts, n=1)
        hint = f"did you mean {near[0]!r}?" if near else "list it under accounts"
        self.refuse(path, f"account {name!r} is not listed; listed are {', '.join(sorted(self.accounts))}; {hint}")
        return None

    def principal(self, text: str, path: ConfigPath, *, pattern: bool = True) -> str | None:
        """Return the ARN of a principal, or note what is wrong with it."""
        try:
            arn = principal_arn(
                text, {name: account.id for name, account in self.accounts.items()}, self.config.partition
            )
        except PrincipalError as error:
            self.refuse(path, str(error))
            return None
        if not pattern and is_pattern(arn):
            self.refuse(path, f"{text!r} is a pattern; role names one role; use principal_arn_like for patterns")
            return None
        return arn

    def principals_of(self, texts: Iterable[str], path: ConfigPath, owner: Account, purpose: str) -> tuple[str, ...]:
        """Resolve principals that must live in the key's own account."""
        arns = []
        for index, text in enumerate(texts):
            arn = self.principal(text, (*path, index))
            if arn is None:
                continue
            if account_of(arn) != owner.id:
                self.refuse(
                    (*path, index),
                    f"{text!r} is not in {owner.name!r}, the account of the key; KMS lets only principals of the key's account {purpose}; name one of that account",
                )
            elif arn in arns:
                self.refuse((*path, index), f"{text!r} stands twice; once is enough; remove one")
            else:
                arns.append(arn)
        return tuple(arns)


def account_of(arn: str) -> str:
    """Return the account id of an IAM ARN."""
    parsed = parse_arn(arn)
    return parsed.account if parsed else ""
