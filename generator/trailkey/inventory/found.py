"""What is found in a text: a key policy as KMS would take it, whose key it is, and what had to be assumed for that."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundPolicy:
    """A key policy found in a text.

    Args:
        place: where it stands: ``policy.json``, ``template.yaml: Resources/Key where IsProd is true``.
        document: the policy document, with no intrinsic functions left. Its shape is not checked yet.
        key_arn: the ARN that stands for the key; its partition, Region and account are known or assumed.
        assumptions: sentences, each saying what was assumed where the text does not say it.
        account_known: False where nothing says whose key it is, so that its account is made up.
        account_is_placeholder: True where the digits of the account are made up, also where the policy says that the key is of the
            account the template is deployed to.
        logical_id: the key's name in its template; empty for a policy document.
        variant: the truths of conditions it stands under, such as ``IsProd is true``; empty where it stands under none.
    """

    place: str
    document: Any
    key_arn: str
    assumptions: tuple[str, ...]
    account_known: bool
    account_is_placeholder: bool = False
    logical_id: str = ""
    variant: str = ""
