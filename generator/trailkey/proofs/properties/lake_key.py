"""What must hold of the key of an event data store. CloudTrail uses it without aws:SourceArn, which AWS does not support here."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from trailkey.access import covers, excludes, joined, region, texts
from trailkey.access.analysis.caller_sets import NO_SERVICE, SERVICES
from trailkey.access.language.actions import USE
from trailkey.aws import CLOUDTRAIL, CLOUDTRAIL_KEY_PAGE
from trailkey.proofs.properties.every_key import OF_EVERY_KEY, able, at_most, nobody_holds_more, rows_of_key_roles
from trailkey.proofs.properties.property import Property

if TYPE_CHECKING:
    from collections.abc import Sequence

    from trailkey.access import RequestSet
    from trailkey.intent.model import StoreKeyIntent

USE_STORE_KEY: Final = ("kms:Decrypt", "kms:GenerateDataKey")
_CLOUDTRAIL_ROW: Final = region(principals=texts(CLOUDTRAIL), actions=("kms:DescribeKey", *USE_STORE_KEY))


def _users_row(key: StoreKeyIntent) -> RequestSet:
    return region(principals=key.named((*key.queriers, key.deployer)), actions=USE_STORE_KEY)


def _rows(key: StoreKeyIntent) -> RequestSet:
    return joined([rows_of_key_roles(key), _users_row(key)])


OF_A_LAKE_KEY: Final[Sequence[Property[StoreKeyIntent]]] = (
    Property(
        id="lake-confined",
        title="AWS services hold nothing on a store's key but what CloudTrail Lake needs",
        reason="aws:SourceArn cannot bound CloudTrail here, so the actions have to: encrypt, decrypt and describe.",
        source=CLOUDTRAIL_KEY_PAGE,
        remedy="allow GenerateDataKey, Decrypt and DescribeKey to cloudtrail.amazonaws.com, and nothing to other services",
        claim=lambda granted, _: excludes(granted, region(principals=SERVICES) - _CLOUDTRAIL_ROW),
    ),
    Property(
        id="lake-can-encrypt",
        title="CloudTrail Lake can encrypt, decrypt and describe the key of its store",
        reason="Without the key an event data store stores no events and answers no queries.",
        source=CLOUDTRAIL_KEY_PAGE,
        remedy="put no condition on CloudTrail's statements: AWS supports neither aws:SourceArn nor aws:SourceAccount for event data stores",
        claim=lambda granted, _: covers(granted, _CLOUDTRAIL_ROW),
    ),
    Property(
        id="queriers-can-use-key",
        title="who queries or deploys a store can use its key, where their own IAM policy allows",
        reason="AWS asks for Decrypt and GenerateDataKey of whoever creates a store, runs queries, or gets their results.",
        source=CLOUDTRAIL_KEY_PAGE,
        remedy="let no Deny or condition keep queriers and deployer from kms:Decrypt and kms:GenerateDataKey",
        claim=lambda granted, key: able(granted, key, (*key.queriers, key.deployer), USE_STORE_KEY),
        path=lambda key: (*key.path, "queriers"),
    ),
    Property(
        id="only-queriers-use",
        title="nobody but queriers and deployer of a store use its key",
        reason="Whoever decrypts with a store's key reads the events of a whole account or organization.",
        source=CLOUDTRAIL_KEY_PAGE,
        remedy="hold every statement that allows use of the key to the queriers and the deployer",
        claim=lambda granted, key: at_most(granted, _users_row(key), region(principals=NO_SERVICE, actions=USE)),
        path=lambda key: (*key.path, "queriers"),
    ),
    nobody_holds_more(_rows),
    *OF_EVERY_KEY,
)
"""Asked of the key of each event data store."""
