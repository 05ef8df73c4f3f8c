"""One resource policy of a text in each way it can be, with the account and the Region that the policy or a person says it has."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

from trailkey import cloudformation
from trailkey.aws import HOME_REGIONS, parse_arn, partition_of, policy_size
from trailkey.cloudformation.intrinsics import NO_VALUE
from trailkey.cloudformation.placeholders import Place, attribute_placeholder
from trailkey.cloudformation.renaming import rename
from trailkey.cloudformation.shapes import kind_of, mapping_in
from trailkey.errors import PolicyError
from trailkey.inventory.kinds import BUCKET, KEY
from trailkey.inventory.ownership import (
    account_shown,
    attached_to,
    partition_shown,
    placeholder_account,
    region_shown,
    trail_shown,
)
from trailkey.inventory.policies import ResourcePolicy
from trailkey.inventory.users import TRAIL, identities_of, surroundings, users_of, waits_for
from trailkey.inventory.variants import Variant, given, variants

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from trailkey.findings import Location
    from trailkey.inventory.kinds import PolicyKind

_DEFAULT_SAYS: Final = "the key has no KeyPolicy: KMS gives it its default one, which leaves everything to IAM policies of the account (kms:* for its root)"


@dataclass(frozen=True, slots=True)
class PolicySource:
    """A template (empty for a policy document) and what is given from outside: the owner's account, and parameters.

    ``trails_region`` is the Region of the key's trails: the key's own where nothing else says it.
    """

    template: Mapping[str, Any]
    account: str
    parameters: Mapping[str, str]
    trails_region: str = ""

    def policies(
        self, written: Any, location: Location, condition: str | None = None, kind: PolicyKind = KEY
    ) -> list[ResourcePolicy]:
        """Return the policies that one, as it is written, can be, in the order of its branches.

        It is ``NO_VALUE`` where a key, bucket or topic has none; ``condition`` is the name of the condition under which it exists.

        Raises:
            PolicyError: it cannot be resolved; with the place and the reason.
        """
        raw = json.dumps([None if written is NO_VALUE else written, self.parameters])
        given_region, given_partition = (self.parameters.get(f"AWS::{name}", "") for name in ("Region", "Partition"))
        region = region_shown(raw)
        why = ": the services or the key that it names are there"
        trail_region, trail_account = trail_shown(raw) if self._makes_trails else ("", "")
        if not region:
            region = self.trails_region or trail_region
            why = ": its trail is there" if region else ": nothing says another"
        if given_partition and not given_region and partition_of(region) != given_partition:
            region, why = "", ": nothing says another of that partition"
        region = given_region or region
        partition = given_partition or (partition_of(region) if region else partition_shown(raw))
        here = Place(
            account=self.account
            or trail_account
            or placeholder_account(json.dumps([raw, self.template.get("Conditions")])),
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
        found = [_read(variant, location, kind) for variant in possible]
        assumed = "" if given_region else why
        by_trail = bool(trail_account)
        if kind is not KEY:
            said = [] if self.account else [_of_place(here, kind, by_trail=by_trail)]
            said += [] if self.account or not assumed else [f"AWS::Region is {here.region}{assumed}"]
            return [
                replace(one, assumptions=(*one.assumptions, *(said if self.template else ())))
                for each in found
                for one in self._delivered(each, replace(location, branch=each.branch), kind)
            ]
        return [
            self._found(one, replace(location, branch=one.branch), found, here, assumed, by_trail=by_trail)
            for one in found
        ]

    @property
    def _makes_trails(self) -> bool:
        """Whether the template makes trails, so that the ARNs of trails in its policies are of its own account and Region."""
        return any(kind_of(one) == TRAIL for one in mapping_in(self.template, "Resources").values())

    def _possible(self, written: Any, here: Place, known: frozenset[str], condition: str | None) -> list[Variant]:
        """Return the variants, by what the template makes beside the policy too, where that does not make too many.

        IAM policies are left out first, then all that is beside it.
        """
        beside = surroundings(self.template)
        users = {name: one for name, one in beside.items() if "PolicyDocument" not in one["Properties"]}
        for around in (beside, users):
            try:
                return list(variants(written, self.template, here, known, condition, around))
            except PolicyError:
                continue
        return list(variants(written, self.template, here, known, condition, {}))

    def _found(
        self,
        one: Variant,
        location: Location,
        variants_of_key: list[Variant],
        here: Place,
        region_assumed: str,
        *,
        by_trail: bool,
    ) -> ResourcePolicy:
        place, document, sentences = one.place, one.document, list(one.sentences)
        beside: Mapping[str, tuple[str, Mapping[str, Any]]] = one.beside
        account, known = place.account, True
        if place.account != here.account:
            sentences.insert(0, f"the key's account is {account}, as the conditions have it here")
        elif not self.account:
            account, sentence = _whose(one, variants_of_key, by_trail=by_trail)
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
        shown = next(iter(attached_to(document, KEY)), "")
        # A key of another account than the one that is given is a mistake of the policy, and no sign of whose it is.
        own = (arn := parse_arn(shown)) and arn.account == account
        made = attribute_placeholder(location.logical_id or "Key", "Arn", "AWS::KMS::Key", settled)
        return ResourcePolicy(
            location=location,
            document=document,
            arn=shown if own else made,
            account=account,
            assumptions=tuple(sentences),
            users=users_of(KEY, made, beside, settled, location.file),
            identities=identities_of(beside, settled, location.file),
            account_known=known,
            account_is_placeholder=not self.account and account == here.account,
        )

    def _delivered(self, one: Variant, location: Location, kind: PolicyKind) -> Iterator[ResourcePolicy]:
        """Yield the policy of a bucket or topic, for each topic that it is attached to; of one that has none, where a trail delivers."""
        at, place = location.logical_id, one.place
        bare = one.document is NO_VALUE
        for arn in _attached(one, at, kind) if self.template else attached_to(one.document, kind):
            users = users_of(kind, arn, one.beside, place, location.file)
            trails = [user for user in users if user.kind == TRAIL]
            if bare and (not trails or _has_policy(one, arn, kind)):
                continue
            late = (user.location.logical_id for user in trails)
            shown = parse_arn(arn)
            account = (shown.account if shown else "") or place.account
            made_up = f"the {kind.noun}'s account is {account}, made up: nothing says whose it is"
            told = self.account or self.template or account != place.account
            yield ResourcePolicy(
                location=location,
                document=None if bare else one.document,
                arn=arn,
                account=account,
                assumptions=one.sentences if told else (*one.sentences, made_up),
                users=users,
                identities=identities_of(one.beside, place, location.file),
                unordered=() if bare else tuple(name for name in late if at not in waits_for(self.template, name)),
                account_known=bool(self.account),
                account_is_placeholder=not self.account,
            )


def _attached(one: Variant, logical_id: str, kind: PolicyKind) -> list[str]:
    """Return the ARNs of what a resource of a template is the policy of, or of the bucket or topic that it is itself."""
    of, properties = one.beside.get(logical_id, ("", {}))
    place = one.place
    if of == kind.bare:
        name = str(properties.get(f"{kind.noun.capitalize()}Name", ""))
        return [attribute_placeholder(logical_id, "Arn", of, place, name)]
    written = properties.get(kind.attached)
    named = written if isinstance(written, list) else [] if written is None else [written]
    start = f"arn:{place.partition}:s3:::" if kind is BUCKET else ""
    return [f"{start}{name}" for name in named] or attached_to(one.document, kind)


def _has_policy(one: Variant, arn: str, kind: PolicyKind) -> bool:
    """Return whether the template has a policy for a bucket or topic."""
    return any(arn in _attached(one, name, kind) for name, (of, _) in one.beside.items() if of in kind.holders)


def _read(variant: Variant, location: Location, kind: PolicyKind) -> Variant:
    """Return a variant with its policy document: a text is read, and where a key has none it is KMS's default."""
    document, sentences = variant.document, variant.sentences
    what = str(replace(location, branch=variant.branch))
    if document is NO_VALUE:
        if kind is not KEY:
            return variant
        document, sentences = _default_policy(variant.place), (*sentences, _DEFAULT_SAYS)
    elif isinstance(document, str):
        document = cloudformation.load(document, f"{what}: {kind.element}")
    if not isinstance(document, dict) or "Statement" not in document:
        raise PolicyError(
            f"{what}: {kind.element}: not a policy document; a mapping with Version and Statement, or its JSON text; correct it"
        )
    size = policy_size(document)
    if kind.limit and size > kind.limit:
        service = kind.service.upper() if kind is not KEY else "KMS"
        shorter = "put principals together with ArnLike aws:PrincipalArn, or name their account and leave the rest to IAM policies"
        raise PolicyError(
            f"{what}: {size:,} bytes without white space, so {service} does not take it; a {kind.noun} policy has at most {kind.limit:,}; {shorter}"
        )
    return replace(variant, document=document, sentences=sentences)


def _whose(one: Variant, variants_of_key: list[Variant], *, by_trail: bool) -> tuple[str, str]:
    """Return the account that a policy, or another variant of it, shows to be the key's, and a sentence about it.

    ``by_trail`` says that the place's account is that of a trail it names, which the template makes.
    """
    made_up = one.place.account
    shown, why = account_shown(one.document)
    if shown in ("", made_up):
        # An account that the conditions ask for in another variant says nothing about this one.
        stack = [other.document for other in variants_of_key if other.place.account == made_up]
        others = {found for document in stack if (found := account_shown(document))[0] not in ("", made_up)}
        if len({account for account, _ in others}) == 1:
            shown, why = min(others)
    if by_trail and shown in ("", made_up):
        return made_up, f"the key's account is {made_up}: it names a trail there, and the template makes one"
    if not shown:
        return "", f"the key's account is {made_up}, made up: nothing says whose key it is"
    if shown == made_up:
        return shown, f"AWS::AccountId, which is the key's account, is {shown}, made up"
    return shown, f"the key's account is {shown}: {why}"


def _of_place(place: Place, kind: PolicyKind, *, by_trail: bool) -> str:
    """Return a sentence about the account of a template that has no key, which nobody gives."""
    why = "a policy names a trail there, and the template makes one" if by_trail else ""
    whose = f"AWS::AccountId, which is the {kind.noun}'s account, is {place.account}"
    return f"{whose}: {why}" if why else f"{whose}, made up"


def _default_policy(place: Place) -> dict[str, Any]:
    """Return the policy KMS gives a key that is created without one.

    https://docs.aws.amazon.com/kms/latest/developerguide/key-policy-default.html
    """
    root = f"arn:{place.partition}:iam::{place.account}:root"
    every = {"Effect": "Allow", "Principal": {"AWS": root}, "Action": "kms:*", "Resource": "*"}
    return {"Version": "2012-10-17", "Statement": [{"Sid": "Enable IAM User Permissions", **every}]}
