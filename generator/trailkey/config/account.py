"""An account of a deployment, by the name that the config gives it."""

import re
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """An account of the deployment; ``deployer`` is the ARN or ArnLike pattern of the role that deploys there.

    Of an account that is not ``ours``, only roles and users are named: nothing is deployed there.
    """

    name: str
    id: str
    deployer: str | None
    ours: bool = True


_SAMPLE = re.compile(r"(\d)\1{11}|(\d)\2{3}(\d)\3{3}(\d)\4{3}|123456789012")


def is_sample(account_id: str) -> bool:
    """Tell whether an account id is one of those that starters and AWS's pages have: 111111111111, 111122223333, 123456789012."""
    return _SAMPLE.fullmatch(account_id) is not None
