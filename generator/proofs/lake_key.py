"""What must hold of the key of an event data store. CloudTrail uses it without aws:SourceArn, which AWS does not support here."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from generator.access.identities import NO_SERVICE, SERVICES
from generator.access.intents import USE
from generator.access.prove import covers, excludes, region
from generator.access.sets import Answer, RequestSet, joined
from generator.access.wildcards import texts
from generator.aws import CLOUDTRAIL
from generator.proofs.keepers import OF_EVERY_KEY, able, at_most, nobody_holds_more, rows_of_keepers
from generator.proofs.property import Property
from generator.proofs.trail_key import CLOUDTRAIL_PAGE

if TYPE_CHECKING:
    from collections.abc import Sequence

    from generator.access.space import Granted
    from generator.config.text import Path
    from generator.proofs.setting import StoreSetting

USE_STORE_KEY: Final = ("kms:Decrypt", "kms:GenerateDataKey")


def _cloudtrail_row() -> RequestSet:
    return region(principals=texts(CLOUDTRAIL), actions=("kms:DescribeKey", *USE_STORE_KEY))


def _users_row(setting: StoreSetting) -> RequestSet:
    return region(principals=setting.named((*setting.queriers, setting.deployer)), actions=USE_STORE_KEY)


def _lake_confined(granted: Granted, setting: StoreSetting) -> Answer:
    del setting
    return excludes(granted, region(principals=SERVICES) - _cloudtrail_row())


def _lake_collects(granted: Granted, setting: StoreSetting) -> Answer:
    del setting
    return covers(granted, _cloudtrail_row())


def _queriers_query(granted: Granted, setting: StoreSetting) -> Answer:
    return able(granted, setting, (*setting.queriers, setting.deployer), USE_STORE_KEY)


def _only_queriers_use(granted: Granted, setting: StoreSetting) -> Answer:
    return at_most(granted, _users_row(setting), region(principals=NO_SERVICE, actions=USE))


def _rows(setting: StoreSetting) -> RequestSet:
    return joined([rows_of_keepers(setting), _users_row(setting)])


def _store(setting: StoreSetting) -> Path:
    return setting.path


def _queriers(setting: StoreSetting) -> Path:
    return (*setting.path, "queriers")


OF_A_LAKE_KEY: Final[Sequence[Property[StoreSetting]]] = (
    Property(
        id="lake-confined",
        title="AWS services hold nothing on a store's key but what CloudTrail Lake needs",
        reason="aws:SourceArn cannot bound CloudTrail here, so the actions have to: encrypt, decrypt and describe.",
        source=CLOUDTRAIL_PAGE,
        remedy="allow GenerateDataKey, Decrypt and DescribeKey to cloudtrail.amazonaws.com, and nothing to other services",
        claim=_lake_confined,
        path=_store,
    ),
    Property(
        id="lake-collects",
        title="CloudTrail Lake can encrypt, decrypt and describe the key of its store",
        reason="Without the key an event data store takes in no events and answers no queries.",
        source=CLOUDTRAIL_PAGE,
        remedy="put no condition on CloudTrail's statements: AWS supports neither aws:SourceArn nor aws:SourceAccount for event data stores",
        claim=_lake_collects,
        path=_store,
    ),
    Property(
        id="queriers-query",
        title="who queries or deploys a store can use its key, where their own IAM policy allows",
        reason="AWS asks for Decrypt and GenerateDataKey of whoever creates a store, runs queries, or gets their results.",
        source=CLOUDTRAIL_PAGE,
        remedy="let no Deny or condition keep queriers and deployer from kms:Decrypt and kms:GenerateDataKey",
        claim=_queriers_query,
        path=_queriers,
    ),
    Property(
        id="only-queriers-use",
        title="nobody but queriers and deployer of a store use its key",
        reason="Whoever decrypts with a store's key reads the events of a whole account or organization.",
        source=CLOUDTRAIL_PAGE,
        remedy="hold every statement that allows use of the key to the queriers and the deployer",
        claim=_only_queriers_use,
        path=_queriers,
    ),
    nobody_holds_more(_rows),
    *OF_EVERY_KEY,
)
"""Asked of the key of each event data store."""
