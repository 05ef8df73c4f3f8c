"""What stays when a stack is deleted or a resource replaced: the records, and with them all that a proof about them rests on."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from trailkey.access import PROVEN, REFUTED, Answer
from trailkey.findings import Location, Rule
from trailkey.proofs.properties.property import Result

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from trailkey.inventory.folder import Folder

KEPT_TOGETHER: Final = Rule(
    id="kept-together",
    title="what a stack leaves behind keeps its policies and what it works with",
    reason="A bucket that stays without its policy takes no logs any more, shows them to its account and takes requests without TLS; a key, bucket or log group that goes takes the logs with it.",
    source="https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-attribute-deletionpolicy.html",
    remedy="give the resource the DeletionPolicy RetainExceptOnCreate and, where it holds or guards records, the UpdateReplacePolicy Retain",
)

_GONE_WITH_THE_STACK: Final = frozenset(("AWS::IAM::ManagedPolicy",))
"""What people are given: without it they have less, and no record has."""
_KEPT_WHEN_REPLACED: Final = frozenset(
    (
        "AWS::CloudTrail::EventDataStore",
        "AWS::KMS::Key",
        "AWS::Logs::LogGroup",
        "AWS::S3::Bucket",
        "AWS::S3::BucketPolicy",
    )
)
"""What holds records or guards those that are there: a replacement begins empty."""


def kept(folder: Folder) -> Iterator[Result]:
    """Yield for each resource of the templates, but the policies of people, whether it stays."""
    for one in folder.stacks:
        for logical_id, resource in one.template["Resources"].items():
            if resource["Type"] not in _GONE_WITH_THE_STACK:
                wrong = " and ".join(_given_up(resource))
                answer = Answer(REFUTED, reason=f"{logical_id} {wrong}") if wrong else Answer(PROVEN)
                location = Location(file=f"{folder.prefix}{one.stack.template}", logical_id=logical_id)
                yield Result(rule=KEPT_TOGETHER, answer=answer, location=location)


def _given_up(resource: Mapping[str, Any]) -> Iterator[str]:
    if resource.get("DeletionPolicy") not in ("Retain", "RetainExceptOnCreate"):
        yield "is deleted with its stack"
    if resource["Type"] in _KEPT_WHEN_REPLACED and resource.get("UpdateReplacePolicy") != "Retain":
        yield "is deleted where a change replaces it"
