"""Whether reading works for each reader from end to end: the key policy, the bucket policy and the IAM policies together.

A log file is read only where all three allow: https://docs.aws.amazon.com/AmazonS3/latest/userguide/UsingKMSEncryption.html
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Sequence

    from trailkey.config.deployment import Deployment
    from trailkey.proofs.properties.property import Result
    from trailkey.proofs.verdict import Verdict

Part = Literal["yes", "no", "unknown", "own"]
"""``own``: the reader is an AWS service that brings the permission itself, so there is nothing of ours to judge."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """A reader, and whether each of the policies lets it read all that it should."""

    name: str
    key_policy: Part
    bucket_policy: Part
    iam_policy: Part

    @property
    def reads(self) -> Part:
        """Whether it reads: ``no`` if any policy keeps it from it, ``unknown`` if that is not known of one."""
        parts = (self.key_policy, self.bucket_policy, self.iam_policy)
        return "no" if "no" in parts else "unknown" if "unknown" in parts else "yes"


def readings(deployment: Deployment, verdict: Verdict) -> list[Reading]:
    """Return whether each reader of a deployment can read, by what is proven of the policies."""
    return [
        Reading(
            name=reader.name,
            key_policy=_part("readers-decrypt", reader.path, verdict.results),
            bucket_policy=_part("readers-get-logs", reader.path, verdict.results),
            iam_policy=_part("policies-sufficient", reader.path, verdict.results),
        )
        for reader in deployment.readers
    ]


def _part(name: str, path: tuple[str | int, ...], results: Sequence[Result]) -> Part:
    verdicts = {one.answer.verdict for one in results if one.id == name and one.path == path}
    if not verdicts:
        return "own"
    return "no" if "refuted" in verdicts else "unknown" if "unknown" in verdicts else "yes"
