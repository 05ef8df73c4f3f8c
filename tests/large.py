"""Key policies of any shape that fill the 32 KB of one, each from a number and the same for it everywhere.

``python tests/large.py FIRST LAST`` audits those numbers and prints the seconds of CPU that each takes, the slowest first.
"""

from __future__ import annotations

import random
import sys
import time
from typing import Any, Final

from trailkey import api
from trailkey.access.language.catalog import has_several_values, key_actions
from trailkey.aws import KEY_POLICY_BYTES, policy_size

HOME: Final = "515253545556"
_TRIES: Final = 10
"""How many statements may be too large for what is left before a policy is as large as it gets."""
_KEYS: Final = (
    *("aws:PrincipalArn", "aws:PrincipalOrgID", "aws:PrincipalAccount", "kms:CallerAccount", "aws:SourceArn"),
    *("aws:SourceAccount", "kms:ViaService", "aws:SourceVpce", "aws:SourceIp", "aws:RequestedRegion", "aws:userid"),
    *("aws:PrincipalOrgPaths", "aws:CalledVia", "kms:EncryptionContext:aws:cloudtrail:arn", "aws:CurrentTime"),
    *("kms:EncryptionContextKeys", "kms:GranteePrincipal", "aws:MultiFactorAuthPresent", "kms:RequestAlias"),
)
_OPERATORS: Final = {
    "aws:SourceIp": ("IpAddress", "NotIpAddress"),
    "aws:MultiFactorAuthPresent": ("Bool", "BoolIfExists"),
    "aws:CurrentTime": ("DateGreaterThan", "DateLessThan"),
    "aws:PrincipalArn": ("ArnLike", "ArnNotLike", "StringLike", "StringNotLike", "StringEquals"),
    "aws:SourceArn": ("ArnLike", "ArnNotLike", "StringLike", "StringNotLike", "StringEquals"),
}
_OF_TEXTS: Final = ("StringEquals", "StringNotEquals", "StringLike", "StringNotLike", "StringEqualsIgnoreCase")
_ACTIONS: Final = (*key_actions(), "kms:*", "kms:Generate*", "kms:*Key*", "kms:De*")


def of_number(number: int) -> dict[str, Any]:
    """Return a policy that is as large as one can be: few statements that are long, or many that are short, of one taste."""
    made = _Made(random.Random(number))  # noqa: S311 # the same for each number, and no secret
    statements = [
        {
            "Sid": "Home",
            "Effect": "Allow",
            "Principal": {"AWS": f"arn:aws:iam::{HOME}:root"},
            "Action": ["kms:PutKeyPolicy", "kms:DescribeKey"],
            "Resource": "*",
        }
    ]
    too_large = 0
    while too_large < _TRIES:
        larger = [*statements, made.statement(f"S{len(statements)}")]
        if policy_size({"Version": "2012-10-17", "Statement": larger}) > KEY_POLICY_BYTES:
            too_large += 1
        else:
            statements = larger
    return {"Version": "2012-10-17", "Statement": statements}


class _Made:
    """Makes statements of one taste: how many conditions, values, callers and actions, and how often tags, contexts, denials."""

    def __init__(self, chance: random.Random) -> None:
        self.chance = chance
        self.conditions = chance.choice([1, 2, 4, 8])
        self.tags, self.contexts = chance.choice([0, 0, 0.3, 0.9]), chance.choice([0, 0, 0.3, 0.9])
        self.names = chance.choice([3, 12, 60])
        self.values, self.callers = chance.choice([1, 3, 20, 150]), chance.choice([1, 3, 30, 300])
        self.denials, self.actions = chance.choice([0.1, 0.4, 0.8]), chance.choice([1, 4, 20])

    def statement(self, sid: str) -> dict[str, Any]:
        chance = self.chance
        deny = chance.random() < self.denials
        who = chance.choice(["*", {"AWS": self._several(self.callers, self._caller)}, {"Service": self._services()}])
        excluded = deny and isinstance(who, dict) and "AWS" in who and chance.random() < 0.2
        return {
            "Sid": sid,
            "Effect": "Deny" if deny else "Allow",
            "NotPrincipal" if excluded else "Principal": who,
            "NotAction" if chance.random() < 0.1 else "Action": self._several(
                self.actions, lambda: chance.choice(_ACTIONS)
            ),
            "Resource": "*",
            "Condition": self._condition(),
        }

    def _several(self, most: int, one: Any) -> list[str]:
        return [one() for _ in range(self.chance.randrange(1, most + 1))]

    def _services(self) -> list[str]:
        return ["cloudtrail.amazonaws.com", "s3.amazonaws.com"][: self.chance.randrange(1, 3)]

    def _account(self) -> str:
        return f"{100_000_000_000 + 7919 * self.chance.randrange(self.chance.choice([3, 40, 900]))}"

    def _word(self, length: int = 0) -> str:
        return "".join(self.chance.choice("abcxyz*?a*-") for _ in range(length or self.chance.randrange(1, 12)))

    def _role(self) -> str:
        return f"arn:aws:iam::{self.chance.choice([HOME, self._account(), '*'])}:role/{self._word()}"

    def _caller(self) -> str:
        named = self._role().replace("*", "x").replace("?", "y")
        account = self._account()
        return self.chance.choice([account, named.replace("::x:", f"::{account}:"), f"arn:aws:iam::{account}:root"])

    def _condition(self) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for _ in range(self.chance.randrange(self.conditions + 1)):
            key = self._key()
            operator = self.chance.choice(_OPERATORS.get(key, _OF_TEXTS))
            if has_several_values(key):
                operator = f"{self.chance.choice(['ForAnyValue', 'ForAllValues'])}:{operator}"
            elif operator in _OF_TEXTS and self.chance.random() < 0.15:
                operator += "IfExists"
            if self.chance.random() < 0.06:
                found.setdefault("Null", {})[key] = "true"
            else:
                found.setdefault(operator, {})[key] = self._several(self.values, lambda key=key: self._value(key))
        return found

    def _key(self) -> str:
        if self.chance.random() < self.tags:
            return f"aws:PrincipalTag/t{self.chance.randrange(self.names)}"
        if self.chance.random() < self.contexts:
            return f"kms:EncryptionContext:k{self.chance.randrange(self.names)}"
        return self.chance.choice(_KEYS)

    def _value(self, key: str) -> str:
        chance, lower = self.chance, key.lower()
        if key == "aws:SourceIp":
            return f"10.{chance.randrange(250)}.{chance.randrange(250)}.0/{chance.randrange(8, 32)}"
        if lower.endswith("account"):
            return self._account()
        if "arn" in lower:
            trail = f"arn:aws:cloudtrail:*:{self._account()}:trail/{self._word()}"
            return chance.choice([self._role(), trail, f"*{self._word()}*"])
        if key in ("aws:MultiFactorAuthPresent", "aws:CurrentTime"):
            return "true" if key.endswith("Present") else "2026-01-01T00:00:00Z"
        if "via" in lower:
            return f"{chance.choice(['s3', 'ec2', '*', 's?'])}.{chance.choice(['eu-west-1', '*'])}.amazonaws.com"
        if "org" in lower:
            return chance.choice(["o-a1b2c3d4e5", "o-*", "o-a1b2c3d4e5/r-ab12/*"])
        return self._word(chance.choice([0, 0, 200]))


def seconds(number: int) -> float:
    """Return the seconds of CPU that an audit of a policy takes."""
    policy = of_number(number)
    start = time.process_time()
    api.audit(policy, key_account=HOME)
    return time.process_time() - start


if __name__ == "__main__":
    first, last = map(int, sys.argv[1:])
    for taken, number in sorted(((seconds(number), number) for number in range(first, last)), reverse=True):
        print(f"{taken:6.2f} s  {number}")  # noqa: T201 # whoever started this reads it
