"""What must hold of the IAM policies around a key: each holder gets what its row needs, on that resource, and nothing more."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from generator.access.identities import NO_SERVICE
from generator.access.prove import covers, region
from generator.proofs.keepers import at_most
from generator.proofs.property import Property

if TYPE_CHECKING:
    from collections.abc import Sequence

    from generator.access.sets import Answer
    from generator.access.space import Granted
    from generator.config.text import Path
    from generator.proofs.setting import HolderSetting


def _policies_suffice(granted: Granted, holder: HolderSetting) -> Answer:
    return covers(granted, holder.needs)


def _policies_bounded(granted: Granted, holder: HolderSetting) -> Answer:
    return at_most(granted, holder.bounds, region(principals=NO_SERVICE))


def _holder(holder: HolderSetting) -> Path:
    return holder.path


OF_A_HOLDER: Final[Sequence[Property[HolderSetting]]] = (
    Property(
        id="policies-suffice",
        title="the IAM policies written for a holder allow what its row needs",
        reason="The key policy names accounts, so each grant needs an IAM policy on the other side; across accounts it always does.",
        source="https://docs.aws.amazon.com/kms/latest/developerguide/policy-evaluation.html",
        remedy="attach the policy to every role named, and let it allow the row's actions on this resource",
        claim=_policies_suffice,
        path=_holder,
    ),
    Property(
        id="policies-bounded",
        title="the IAM policies written for a holder allow nothing beyond its row",
        reason="An IAM policy that allows more waits for a key policy that does too; Security Hub KMS.1 fails one that decrypts with every key.",
        source="https://docs.aws.amazon.com/securityhub/latest/userguide/kms-controls.html",
        remedy="name the key, the bucket and the actions of the row in the policy, and nothing else",
        claim=_policies_bounded,
        path=_holder,
    ),
)
"""Asked of the IAM policies of each holder, for each key and for the bucket."""
