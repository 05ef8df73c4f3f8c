"""Policies made to be slow, and large ones that are sound: what a pull request from a stranger may bring."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Callable

Document = dict[str, Any]

HOME: Final = "515253545556"
TRAIL: Final = f"arn:aws:cloudtrail:eu-west-1:{HOME}:trail/main"
CONTEXT: Final = "kms:EncryptionContext:aws:cloudtrail:arn"


def account(number: int) -> str:
    """One of many account ids."""
    return f"{100_000_000_000 + 7919 * number}"


def statement(who: Any, action: Any = "kms:Decrypt", *, effect: str = "Allow", **conditions: Any) -> Document:
    """A statement of a key policy."""
    found = {"Effect": effect, "Principal": who, "Action": action, "Resource": "*"}
    return {**found, "Condition": conditions} if conditions else found


def root(number: int) -> Document:
    """The root of one of many accounts, as a principal."""
    return {"AWS": f"arn:aws:iam::{account(number)}:root"}


BASE: Final = [
    statement({"AWS": f"arn:aws:iam::{HOME}:root"}, ["kms:PutKeyPolicy", "kms:GetKeyPolicy", "kms:DescribeKey"]),
    statement(
        {"Service": "cloudtrail.amazonaws.com"},
        "kms:GenerateDataKey*",
        StringEquals={"aws:SourceArn": TRAIL},
        StringLike={CONTEXT: f"arn:aws:cloudtrail:*:{HOME}:trail/*"},
    ),
]


def policy(*statements: Document) -> Document:
    """The statements after those of a key that is in use."""
    return {"Version": "2012-10-17", "Statement": [*BASE, *statements]}


def of_many(shape: str, number: int) -> Document:
    """A policy of a shape, that many times."""
    many = range(number)
    shapes: dict[str, Callable[[], list[Document]]] = {
        "accounts in one statement": lambda: [statement({"AWS": [root(at)["AWS"] for at in many]})],
        "a statement for each account": lambda: [statement(root(at)) for at in many],
        "a statement and a context for each account": lambda: [
            statement(root(at), StringLike={CONTEXT: f"arn:aws:cloudtrail:*:{account(at)}:trail/*"}) for at in many
        ],
        "a Deny for each pattern of roles": lambda: [
            statement("*", effect="Deny", StringNotLike={"aws:PrincipalArn": f"arn:aws:iam::*:role/r{at}-*"})
            for at in many
        ],
        "CloudTrail under a key of its own each": lambda: [
            statement(
                {"Service": "cloudtrail.amazonaws.com"},
                "kms:GenerateDataKey*",
                StringEquals={f"kms:EncryptionContext:k{at}": "x"},
            )
            for at in many
        ],
        "a tag for each account": lambda: [
            statement(root(at), StringEquals={f"aws:PrincipalTag/t{at}": "x"}) for at in many
        ],
        "a fence by each tag": lambda: [
            statement("*", "kms:*", effect="Deny", StringNotEquals={f"aws:PrincipalTag/t{at}": "x"}) for at in many
        ],
        "a service's name for each account": lambda: [
            statement(root(at), StringLike={"kms:ViaService": f"s{at}.*.amazonaws.com"}) for at in many
        ],
        "denials of a dozen tags each": lambda: [
            statement(root(0)),
            *(
                statement(
                    "*", effect="Deny", StringNotEquals={f"aws:PrincipalTag/t{tag}": f"v{at}" for tag in range(12)}
                )
                for at in many
            ),
        ],
        "role names with wildcards inside": lambda: [
            statement("*", ArnLike={"aws:PrincipalArn": [f"arn:aws:iam::*:role/*x{at}*" for at in many]})
        ],
        "stars": lambda: [statement(root(0), StringLike={"aws:PrincipalArn": ["*a" * number, "*b" * number]})],
        "everything but an action, for each account": lambda: [
            {"Effect": "Allow", "Principal": root(at), "NotAction": "kms:Decrypt", "Resource": "*"} for at in many
        ],
        "roles by name": lambda: [statement({"AWS": [f"arn:aws:iam::{HOME}:role/reader-{at}" for at in many]})],
        "a role of each account by name": lambda: [
            statement({"AWS": [f"arn:aws:iam::{account(at)}:role/reader-{at}" for at in many]})
        ],
        "addresses": lambda: [
            statement(
                "*", effect="Deny", NotIpAddress={"aws:SourceIp": [f"10.{at % 200}.{at // 200}.0/28" for at in many]}
            )
        ],
    }
    return policy(*shapes[shape]())


AUDITED: Final = {
    "accounts in one statement": 850,
    "a statement for each account": 90,
    "a statement and a context for each account": 60,
    "a Deny for each pattern of roles": 149,
    "CloudTrail under a key of its own each": 109,
    "a tag for each account": 60,
    "a fence by each tag": 60,
    "a service's name for each account": 60,
    "denials of a dozen tags each": 12,
    "role names with wildcards inside": 200,
    "stars": 1_500,
    "everything but an action, for each account": 60,
    "roles by name": 300,
    "addresses": 600,
}
"""Shapes and how many times each fits into a key policy, or hurts most."""
COMPARED: Final = {
    "accounts in one statement": 190,
    "a statement for each account": 190,
    "a statement and a context for each account": 60,
    "a tag for each account": 50,
    "denials of a dozen tags each": 16,
    "roles by name": 100,
    "a role of each account by name": 190,
}
"""Shapes that a policy grows to from nothing."""
