"""No property holds of everything: each is refuted by a policy that lacks or adds one thing, and each finding is one expected."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import pytest

from generator import pipeline

if TYPE_CHECKING:
    from collections.abc import Callable

Document = dict[str, Any]

ROOT: Final = Path(__file__).parents[3]
SINGLE: Final = ROOT / "config" / "single-account.yaml"
ORGANIZATION: Final = ROOT / "config" / "organization.yaml"
LAKE: Final = ROOT / "tests" / "golden" / "lake" / "config.yaml"
KEY_ACCOUNT: Final = "arn:aws:iam::777777777777"
STRANGER: Final = "arn:aws:iam::999999999999"
SESSION: Final = "arn:aws:sts::777777777777:assumed-role/Anyone/visit"
BUCKET: Final = "arn:aws:s3:::example-cloudtrail-logs"


@dataclass(frozen=True, kw_only=True)
class Case:
    """A change of one resource of a rendered template, and the ids of everything that is found then."""

    what: str
    config: Path = SINGLE
    resource: str = "Key"
    change: Callable[[Document], Any]
    ids: str

    def __str__(self) -> str:
        return self.what.replace(" ", "-")


def policy_of(resource: Document) -> list[Document]:
    properties = resource["Properties"]
    statements: list[Document] = properties.get("KeyPolicy", properties.get("PolicyDocument"))["Statement"]
    return statements


def add(effect: str = "Allow", **elements: Any) -> Callable[[Document], Any]:
    return lambda resource: policy_of(resource).append({"Effect": effect, "Resource": "*", **elements})


def deny(**elements: Any) -> Callable[[Document], Any]:
    return add("Deny", Principal="*", **elements)


def without(sid: str) -> Callable[[Document], Any]:
    def remove(resource: Document) -> None:
        (found,) = [one for one in policy_of(resource) if one["Sid"] == sid]
        policy_of(resource).remove(found)

    return remove


def put(**properties: Any) -> Callable[[Document], Any]:
    return lambda resource: resource["Properties"].update(properties)


OF_THE_KEY = (
    Case(
        what="session of a role named as principal decrypts",
        change=add(Principal={"AWS": SESSION}, Action="kms:Decrypt"),
        ids="iam-needed nobody-holds-more only-readers-decrypt",
    ),
    Case(
        what="session of a role of another account decrypts",
        change=add(Principal={"AWS": SESSION.replace("7", "9")}, Action="kms:Decrypt"),
        ids="nobody-holds-more only-readers-decrypt",
    ),
    Case(
        what="session named as principal replaces the policy",
        change=add(Principal={"AWS": SESSION}, Action="kms:PutKeyPolicy"),
        ids="iam-needed nobody-holds-more policy-held",
    ),
    Case(
        what="session named as principal deletes the key",
        change=add(Principal={"AWS": SESSION}, Action="kms:ScheduleKeyDeletion"),
        ids="deletion-held iam-needed nobody-holds-more",
    ),
    Case(
        what="session named as principal grants",
        change=add(Principal={"AWS": SESSION}, Action="kms:CreateGrant"),
        ids="iam-needed no-grants nobody-holds-more",
    ),
    Case(
        what="session named as principal encrypts",
        change=add(Principal={"AWS": SESSION}, Action="kms:Encrypt"),
        ids="iam-needed nobody-holds-more only-cloudtrail-encrypts",
    ),
)
OF_A_STORE_KEY = (
    Case(
        what="session named as principal uses a store's key",
        config=LAKE,
        resource="OrgEventsKey",
        change=add(Principal={"AWS": SESSION}, Action="kms:Decrypt"),
        ids="nobody-holds-more only-queriers-use",
    ),
)
OF_THE_BUCKET = (
    Case(
        what="session of another account gets logs",
        resource="LogBucketPolicy",
        change=add(Principal={"AWS": SESSION.replace("7", "9")}, Action="s3:GetObject", Resource=f"{BUCKET}/*"),
        ids="logs-held",
    ),
    Case(
        what="session of the bucket's account gets logs without IAM",
        resource="LogBucketPolicy",
        change=add(Principal={"AWS": SESSION}, Action="s3:GetObject", Resource=f"{BUCKET}/*"),
        ids="bucket-iam-needed",
    ),
)
CASES: Final = (*OF_THE_KEY, *OF_A_STORE_KEY, *OF_THE_BUCKET)


@pytest.mark.parametrize("case", CASES, ids=str)
def test_a_change_is_found_by_the_properties_it_breaks_and_no_others(case: Case) -> None:
    (deployment,) = pipeline.load_all([case.config])
    rendered = pipeline.render(deployment)
    (resource,) = [
        template.document["Resources"][case.resource]
        for template in rendered.templates
        if case.resource in template.document["Resources"]
    ]
    case.change(resource)

    assert " ".join(sorted({one.id for one in pipeline.prove(rendered).findings})) == case.ids
