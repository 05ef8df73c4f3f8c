"""One key of a text: its policy in each way it can be, with the account and the Region that the policy or a person says it has."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

from trailkey import cloudformation
from trailkey.aws import HOME_REGIONS, KEY_POLICY_BYTES, parse_arn, partition_of, policy_size
from trailkey.cloudformation.intrinsics import NO_VALUE
from trailkey.cloudformation.placeholders import Place, attribute_placeholder
from trailkey.cloudformation.renaming import rename
from trailkey.errors import PolicyError
from trailkey.inventory.key_users import surroundings, users_of
from trailkey.inventory.ownership import account_shown, key_shown, partition_shown, placeholder_account, region_shown
from trailkey.inventory.policies import ResourcePolicy
from trailkey.inventory.variants import Variant, given, variants

if TYPE_CHECKING:
    from collections.abc import Mapping

    from trailkey.findings import Location

_DEFAULT_SAYS: Final = "the key has no KeyPolicy: KMS gives it its default one, which leaves everything to IAM policies of the account (kms:* for its root)"


@dataclass(frozen=True, slots=True)
class KeySource:
    """A template (empty for a policy document) and what is given from outside: the key's account, and parameters.

    ``trails_region`` is the Region of the key's trails: the key's own where nothing else says it.
    """

    template: Mapping[str, Any]
    account: str
    parameters: Mapping[str, str]
    trails_region: str = ""

    def policies(self, written: Any, location: Location, condition: str | None = None) -> list[ResourcePolicy]:
        """Return the policies that a key policy, as it is written, can be, in the order of its branches.

        It is ``NO_VALUE`` where the key has none; ``condition`` is the name of the condition under which the key exists.

        Raises:
            PolicyError: it cannot be resolved; with the place and the reason.
        """
        raw = json.dumps([None if written is NO_VALUE else written, self.parameters])
        given_region, given_partition = (self.parameters.get(f"AWS::{name}", "") for name in ("Region", "Partition"))
        region = region_shown(raw)
        why = ": the services or the key that it names are there"
        if not region:
            region = self.trails_region
            why = ": its trail is there" if region else ": nothing says another"
        if given_partition and not given_region and partition_of(region) != given_partition:
            region, why = "", ": nothing says another of that partition"
        region = given_region or region
        partition = given_partition or (partition_of(region) if region else partition_shown(raw))
        here = Place(
            account=self.account or placeholder_account(json.dumps([raw, self.template.get("Conditions")])),
            region=region or HOME_REGIONS.get(partition, HOME_REGIONS["aws"]),
            partition=partition,
            parameters=given(self.parameters, self.template),
        )
        region_known = (
            ("AWS::Region", "AWS::Partition") if given_region else ("AWS::Partition",) if given_partition else ()
        )
        known = frozenset((*region_known, *(("AWS::AccountId",) if self.account else ())))
        try:
            possible = self._possible(written, here, known, condition)
        except PolicyError as error:
            raise PolicyError(f"{location}: {error}") from error
        found = [_read(variant, location) for variant in possible]
        assumed = "" if given_region else why
        return [self._found(one, replace(location, branch=one.branch), found, here, assumed) for one in found]

    def _possible(self, written: Any, here: Place, known: frozenset[str], condition: str | None) -> list[Variant]:
        """Return the variants, by what the template makes beside the key too, where that does not make too many."""
        beside = surroundings(self.template)
        try:
            return list(variants(written, self.template, here, known, condition, beside))
        except PolicyError:
            if not beside:
                raise
            return list(variants(written, self.template, here, known, condition, {}))

    def _found(
        self, one: Variant, location: Location, variants_of_key: list[Variant], here: Place, region_assumed: str
    ) -> ResourcePolicy:
        place, document, sentences = one.place, one.document, list(one.sentences)
        beside: Mapping[str, tuple[str, Mapping[str, Any]]] = one.beside
        account, known = place.account, True
        if place.account != here.account:
            sentences.insert(0, f"the key's account is {account}, as the conditions have it here")
        elif not self.account:
            account, sentence = _whose(one, variants_of_key)
            known = bool(account)
            account = account or place.account
            # The made-up id is only where the template says AWS::AccountId.
            names = {place.account: account}
            document, sentences = rename([document, [sentence, *sentences]], names)
            beside = {name: (kind, rename(dict(values), names)) for name, (kind, values) in beside.items()}
        if place.region != here.region:
            sentences.append(f"the key's Region is {place.region}, as the conditions have it here")
        elif region_assumed:
            sentences.append(f"the key's Region is {place.region}{region_assumed}")
        settled = replace(place, account=account)
        shown = key_shown(document)
        # A key of another account than the one that is given is a mistake of the policy, and no sign of whose it is.
        own = (arn := parse_arn(shown)) and arn.account == account
        made = attribute_placeholder(location.logical_id or "Key", "Arn", "AWS::KMS::Key", settled)
        return ResourcePolicy(
            location=location,
            document=document,
            arn=shown if own else made,
            account=account,
            assumptions=tuple(sentences),
            users=users_of(made, beside, location.file),
            account_known=known,
            account_is_placeholder=not self.account and account == here.account,
        )


def _read(variant: Variant, location: Location) -> Variant:
    """Return a variant with its policy document: a text is read, and where there is nothing it is KMS's default."""
    document, sentences = variant.document, variant.sentences
    what = str(replace(location, branch=variant.branch))
    if document is NO_VALUE:
        document, sentences = _default_policy(variant.place), (*sentences, _DEFAULT_SAYS)
    elif isinstance(document, str):
        document = cloudformation.load(document, f"{what}: KeyPolicy")
    if not isinstance(document, dict) or "Statement" not in document:
        raise PolicyError(
            f"{what}: KeyPolicy: not a policy document; a mapping with Version and Statement, or its JSON text; correct it"
        )
    size = policy_size(document)
    if size > KEY_POLICY_BYTES:
        raise PolicyError(
            f"{what}: {size:,} bytes without white space, so KMS does not take it; a key policy has at most {KEY_POLICY_BYTES:,}; "
            "put principals together with ArnLike aws:PrincipalArn, or name their account and leave the rest to IAM policies"
        )
    return replace(variant, document=document, sentences=sentences)


def _whose(one: Variant, variants_of_key: list[Variant]) -> tuple[str, str]:
    """Return the account that a policy, or another variant of it, shows to be the key's, and a sentence about it."""
    made_up = one.place.account
    shown, why = account_shown(one.document)
    if shown in ("", made_up):
        # An account that the conditions ask for in another variant says nothing about this one.
        stack = [other.document for other in variants_of_key if other.place.account == made_up]
        others = {found for document in stack if (found := account_shown(document))[0] not in ("", made_up)}
        if len({account for account, _ in others}) == 1:
            shown, why = min(others)
    if not shown:
        return "", f"the key's account is {made_up}, made up: nothing says whose key it is"
    if shown == made_up:
        return shown, f"AWS::AccountId, which is the key's account, is {shown}, made up"
    return shown, f"the key's account is {shown}: {why}"


def _default_policy(place: Place) -> dict[str, Any]:
    """Return the policy KMS gives a key that is created without one.

    https://docs.aws.amazon.com/kms/latest/developerguide/key-policy-default.html
    """
    root = f"arn:{place.partition}:iam::{place.account}:root"
    every = {"Effect": "Allow", "Principal": {"AWS": root}, "Action": "kms:*", "Resource": "*"}
    return {"Version": "2012-10-17", "Statement": [{"Sid": "Enable IAM User Permissions", **every}]}
