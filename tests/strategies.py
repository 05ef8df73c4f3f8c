"""Hypothesis strategies for configs: everything the model accepts, as the plain data of a YAML file.

What does not depend on what was drawn before stands as a constant or is cached: to build a strategy and to check it takes
longer than to draw from it. Names of accounts, ARNs and numbers are put in afterwards.
"""

from __future__ import annotations

from functools import cache
from string import ascii_letters, ascii_lowercase, digits
from typing import TYPE_CHECKING, Any

from hypothesis import strategies as st

if TYPE_CHECKING:
    from collections.abc import Mapping

    from hypothesis.strategies import DrawFn, SearchStrategy

REGIONS = {
    "aws": ("us-east-1", "eu-central-1", "ap-southeast-2"),
    "aws-us-gov": ("us-gov-west-1", "us-gov-east-1"),
    "aws-cn": ("cn-north-1", "cn-northwest-1"),
}
ORGANIZATION = "o-a1b2c3d4e5"
ROOT = "r-ab12"
UNIT = "ou-ab12-11111111"
READERS = (
    "role",
    "permission_set",
    "principal_arn_like",
    "account_principal",
    "principal_org_path",
    "principal_org_id",
    "service",
)

BOOLEANS = st.booleans()
DAYS = st.integers(1, 36_500)
# Latin-1 without C1 controls: what a person types, and the signs YAML and JSON must escape.
TEXT = st.text("aZ09 :,#&*!|>'\"%@`{}[]()\t\n-_?~\u00e9\u00ff", min_size=1, max_size=40)


@cache
def word(
    alphabet: str = ascii_lowercase + digits, *, least: int = 1, most: int = 8, edge: str = ascii_lowercase
) -> SearchStrategy[str]:
    """Text that begins and ends with a character of ``edge``."""
    return st.builds(
        lambda first, middle: first + middle,
        st.sampled_from(edge),
        st.text(alphabet, min_size=least - 1, max_size=most - 1),
    )


@cache
def one_of(*values: str) -> SearchStrategy[str]:
    """One of these."""
    return st.sampled_from(values)


@cache
def up_to(most: int, *, least: int = 0) -> SearchStrategy[int]:
    """A number of things."""
    return st.integers(least, most)


def sometimes(values: dict[str, SearchStrategy[Any]]) -> SearchStrategy[dict[str, Any]]:
    """Any of these keys, each with a value."""
    return st.fixed_dictionaries({}, optional=values)


PATH = st.lists(word(ascii_letters + digits + "+=,.@_-", edge=ascii_letters), max_size=2).map(
    lambda parts: "".join(f"{part}/" for part in parts)
)
TAGS = st.dictionaries(
    word(ascii_letters + digits + " _.:/=+@-", edge=ascii_letters).map(lambda key: f"t{key}"),
    st.text(ascii_letters + digits + " _.:/=+@-", max_size=12),
    max_size=3,
)


def key_arn(region: str, account_id: str, partition: str) -> str:
    """Return the ARN of a key that is not made here."""
    return f"arn:{partition}:kms:{region}:{account_id}:key/12345678-1234-1234-1234-123456789012"


LIFECYCLE = sometimes(
    {
        "transition_days": st.integers(30, 400),
        "transition_storage_class": st.sampled_from(
            ("GLACIER_IR", "GLACIER", "DEEP_ARCHIVE", "STANDARD_IA", "INTELLIGENT_TIERING")
        ),
        "expiration_days": st.integers(401, 36_500),
        "noncurrent_version_expiration_days": DAYS,
    }
)


def principals(name: str) -> SearchStrategy[list[tuple[bool, str]]]:
    """Principals of a name: whether each is written as an ARN, and what comes after the account."""
    own = st.builds(
        lambda kind, path, end: f"{kind}/{path}{name}{end}", one_of("role", "user"), PATH, one_of("", "-*", "?")
    )
    return st.lists(st.tuples(BOOLEANS, own), max_size=2, unique_by=lambda one: one[1])


PEOPLE = sometimes(
    {
        "administrators": principals("KeyAdministrator"),
        "break_glass": principals("BreakGlass"),
        "description": TEXT,
        "rotation_period_days": st.integers(90, 2560),
        "pending_window_days": st.integers(7, 30),
    }
)


def people(draw: DrawFn, account: str, account_id: str, partition: str) -> dict[str, Any]:
    """Administrators, break glass and the settings every key has; the three kinds of people never meet."""
    drawn = draw(PEOPLE)
    for kind in ("administrators", "break_glass"):
        if kind in drawn:
            drawn[kind] = [
                f"arn:{partition}:iam::{account_id}:{own}" if as_arn else f"{account}:{own}"
                for as_arn, own in drawn[kind]
            ]
    return drawn


NAMED = sometimes({"name": word(ascii_letters + " ", edge=ascii_letters)})
PREFIXES = st.lists(word(), min_size=1, max_size=3)


@st.composite
def selectors(draw: DrawFn, partition: str) -> dict[str, Any]:
    """One advanced event selector, of data or network activity events."""
    if draw(BOOLEANS):
        fields: list[dict[str, Any]] = [
            {"field": "eventCategory", "equals": ["Data"]},
            {
                "field": "resources.type",
                "equals": [draw(one_of("AWS::S3::Object", "AWS::Lambda::Function", "AWS::DynamoDB::Table"))],
            },
        ]
        if draw(BOOLEANS):
            fields.append({"field": "readOnly", "equals": [draw(one_of("true", "false"))]})
        if fields[1]["equals"] == ["AWS::S3::Object"] and draw(BOOLEANS):
            operator = draw(one_of("starts_with", "not_starts_with"))
            buckets = list(dict.fromkeys(f"arn:{partition}:s3:::payroll-{name}/" for name in draw(PREFIXES)))
            fields.append({"field": "resources.ARN", operator: buckets})
    else:
        fields = [
            {"field": "eventCategory", "equals": ["NetworkActivity"]},
            {"field": "eventSource", "equals": [draw(one_of("kms.amazonaws.com", "s3.amazonaws.com"))]},
        ]
        if draw(BOOLEANS):
            fields.append({"field": "errorCode", "equals": ["VpceAccessDenied"]})
    return {**draw(NAMED), "field_selectors": fields}


SELECTORS = {partition: st.lists(selectors(partition), max_size=3, unique_by=str) for partition in REGIONS}
OWN_KEY = "a key in the trail's account and Region"
TRAIL_SETTINGS = sometimes(
    {
        "enable_log_file_validation": BOOLEANS,
        "is_logging": BOOLEANS,
        "s3_key_prefix": st.lists(word(ascii_letters + digits + "!_.'()-"), min_size=1, max_size=3).map("/".join),
        "cloudwatch_logs": sometimes(
            {"retention_days": st.sampled_from((1, 90, 365, 3653)), "kms_key_arn": st.just(OWN_KEY)}
        ),
        "sns_topic": st.builds(
            lambda name, more: {"name": name, **more},
            word(ascii_letters + digits + "_-", edge=ascii_letters),
            sometimes({"kms_key": one_of(OWN_KEY, "alias/topics")}),
        ),
    }
)
SOURCES = st.lists(one_of("kms.amazonaws.com", "rdsdata.amazonaws.com"), unique=True)
INSIGHTS = st.lists(one_of("ApiCallRateInsight", "ApiErrorRateInsight"), unique=True)


def trail_of(
    draw: DrawFn, index: int, accounts: Mapping[str, str], partition: str, management: str | None
) -> dict[str, Any]:
    """One trail, of the organization or of an account."""
    region = draw(one_of(*REGIONS[partition]))
    trail: dict[str, Any] = {
        "name": f"{draw(word(ascii_letters + digits, edge=ascii_letters))}-{index}",
        "home_region": region,
    }
    owner = draw(one_of(*sorted(accounts)))
    if management and draw(BOOLEANS):
        owner = management
        trail["is_organization_trail"] = True
        if draw(BOOLEANS):
            trail["account"] = management
    elif len(accounts) > 1 or draw(BOOLEANS):
        trail["account"] = owner
    trail |= draw(TRAIL_SETTINGS)
    if "sns_topic" in trail:
        trail["sns_topic"]["name"] += f"-{index}"
    for setting, key in (("cloudwatch_logs", "kms_key_arn"), ("sns_topic", "kms_key")):
        if trail.get(setting, {}).get(key) == OWN_KEY:
            trail[setting][key] = key_arn(region, accounts[owner], partition)
    if draw(BOOLEANS):
        trail["is_multi_region_trail"] = draw(BOOLEANS)
        if not trail["is_multi_region_trail"]:
            trail["include_global_service_events"] = draw(BOOLEANS)
    trail["advanced_event_selectors"] = draw(SELECTORS[partition])
    if trail["advanced_event_selectors"] and draw(BOOLEANS):
        trail["management_events"] = None
    else:
        kind = draw(one_of("All", "ReadOnly", "WriteOnly"))
        trail["management_events"] = {"read_write_type": kind, "exclude_event_sources": draw(SOURCES)}
        if kind != "ReadOnly":
            trail["insights"] = draw(INSIGHTS)
    return trail


VIA_SERVICE = sometimes({"via_service": BOOLEANS})
BELOW = ("*", f"{ROOT}/*", f"{ROOT}/{UNIT}/*", f"{ROOT}/{UNIT}/ou-ab12-22222222/", f"{ROOT}/{UNIT}/")


def reader_of(
    draw: DrawFn, index: int, accounts: Mapping[str, str], key: str, *, organization: bool, macie: bool
) -> dict[str, Any]:
    """One reader of any kind that is possible in this config."""
    kinds = [kind for kind in READERS if organization or not kind.startswith("principal_org")]
    if len(accounts) == 1:
        kinds.remove("account_principal")
    kind = draw(one_of(*kinds))
    account = draw(one_of(*sorted(accounts)))
    reader: dict[str, Any] = {"name": f"{draw(word())}-{index}"}
    if kind == "role":
        reader[kind] = f"{account}:role/{draw(PATH)}Read{draw(word(ascii_letters, edge=ascii_letters))}"
    elif kind == "principal_arn_like":
        reader[kind] = f"{account}:{draw(one_of('role', 'user'))}/{draw(PATH)}Siem-{draw(one_of('*', '?'))}"
    elif kind == "permission_set":
        reader |= {kind: draw(word(ascii_letters + digits + "+=,.@_-", edge=ascii_letters)), "account": account}
    elif kind == "account_principal":
        reader[kind] = draw(one_of(*sorted(set(accounts) - {key})))
    elif kind == "principal_org_path":
        reader[kind] = f"{ORGANIZATION}/{draw(one_of(*BELOW))}"
    elif kind == "principal_org_id":
        reader[kind] = ORGANIZATION
    else:
        reader[kind] = draw(one_of("access-analyzer", "macie") if macie else one_of("access-analyzer"))
    return {**reader, **draw(VIA_SERVICE)}


QUERIERS = st.lists(
    st.builds(lambda path, end: f"role/{path}Analyst{end}", PATH, one_of("", "-*")), max_size=2, unique=True
)
STORE_SETTINGS = sometimes(
    {"multi_region_enabled": BOOLEANS, "termination_protection_enabled": BOOLEANS, "queriers": QUERIERS}
)


def store_of(
    draw: DrawFn, index: int, accounts: Mapping[str, str], partition: str, management: str | None
) -> dict[str, Any]:
    """One event data store."""
    account = draw(one_of(*sorted(accounts)))
    whole = bool(management) and draw(BOOLEANS)
    if whole and management:
        account = management
    fixed = draw(BOOLEANS)
    store = {
        "name": f"{draw(word(ascii_letters + digits, edge=ascii_letters))}-{index}",
        "account": account,
        "region": draw(one_of(*REGIONS[partition])),
        "alias": f"alias/{draw(word())}/lake-{index}",
        "organization_enabled": whole,
        "billing_mode": "FIXED_RETENTION_PRICING" if fixed else "EXTENDABLE_RETENTION_PRICING",
        "retention_days": draw(up_to(2557 if fixed else 3653, least=7)),
        **people(draw, account, accounts[account], partition),
        **draw(STORE_SETTINGS),
    }
    if "queriers" in store:
        store["queriers"] = [f"{account}:{querier}" for querier in store["queriers"]]
    return store


IDS = {
    count: st.lists(st.text(digits, min_size=12, max_size=12), min_size=count, max_size=count, unique=True)
    for count in range(1, 5)
}
ALARMS: SearchStrategy[dict[str, Any]] = st.sampled_from(
    (
        {},
        {"email": "security@example.com", "kms_key": "alias/topics"},
        {"topic_arns": ["in the key's account and Region"]},
    )
)
KEY_SETTINGS = sometimes(
    {
        "alias": word(ascii_letters + digits + "/_-", edge="bcd").map(lambda name: f"alias/{name}"),
        "name_roles": BOOLEANS,
        "alarm": ALARMS,
    }
)
BUCKET_SETTINGS = sometimes(
    {
        "existing": BOOLEANS,
        "bucket_key_enabled": BOOLEANS,
        "access_logs": st.none()
        | sometimes({"bucket": st.just("central-access-logs"), "existing": BOOLEANS, "expiration_days": DAYS}),
        "lifecycle": LIFECYCLE,
        "object_lock": st.fixed_dictionaries({"mode": one_of("GOVERNANCE", "COMPLIANCE"), "retention_days": DAYS}),
    }
)


@st.composite
def configs(draw: DrawFn) -> dict[str, Any]:
    """Return a config the model accepts."""
    partition = draw(one_of("aws", "aws", "aws", "aws-us-gov", "aws-cn"))
    count = draw(up_to(4, least=1))
    accounts = dict(zip(("main", "log-archive", "security", "app1")[:count], draw(IDS[count]), strict=True))
    names = sorted(accounts)
    management = draw(one_of(*names)) if draw(BOOLEANS) else None
    region = draw(one_of(*REGIONS[partition]))
    key = draw(one_of(*names))
    bucket = draw(one_of(key, *names))
    key_settings = draw(KEY_SETTINGS)
    if "topic_arns" in key_settings.get("alarm", {}):
        key_settings["alarm"] = {"topic_arns": [f"arn:{partition}:sns:{region}:{accounts[key]}:alarms"]}
    data: dict[str, Any] = {
        "name": draw(word()),
        "partition": partition,
        "layout": draw(one_of("auto", "by_purpose")),
        "accounts": {
            name: {
                "id": accounts[name],
                "deployer": draw(one_of("role/Deploy", "role/cicd/Deploy", "role/Deploy-*")),
            }
            for name in names
        },
        "key": {"account": key, **people(draw, key, accounts[key], partition), **key_settings},
        "bucket": {
            "account": bucket,
            "region": region,
            "name": f"{draw(word(ascii_lowercase + digits + '-'))}-logs",
            **draw(BUCKET_SETTINGS),
        },
        "trails": [trail_of(draw, index, accounts, partition, management) for index in range(draw(up_to(4, least=1)))],
        "readers": [
            reader_of(draw, index, accounts, key, organization=management is not None, macie=bucket == key)
            for index in range(draw(up_to(5)))
        ],
        "tags": draw(TAGS),
    }
    if management:
        data["organization"] = {"id": ORGANIZATION, "management_account": management, "root_id": ROOT}
    if partition != "aws-cn":
        data["event_data_stores"] = [
            store_of(draw, index, accounts, partition, management) for index in range(draw(up_to(2)))
        ]
    return without_contradictions(data)


def without_contradictions(data: dict[str, Any]) -> dict[str, Any]:
    """Return a config without what its other parts leave no effect, and with what they ask for."""
    bucket, key = data["bucket"], data["key"]
    if bucket.get("existing"):
        kept = ("account", "region", "name", "existing")
        bucket = {name: bucket[name] for name in kept} | {"bucket_key_enabled": bucket.get("bucket_key_enabled", False)}
    if (logs := bucket.get("access_logs")) and logs.get("existing"):
        logs.pop("expiration_days", None)
    lifecycle = bucket.get("lifecycle", {})
    if "transition_days" not in lifecycle:
        lifecycle.pop("transition_storage_class", None)
    if lifecycle.get("expiration_days", 10**6) <= bucket.get("object_lock", {}).get("retention_days", 0):
        del lifecycle["expiration_days"]
    if all("*" in account["deployer"] for account in data["accounts"].values()):
        key.pop("name_roles", None)
    if "alarm" in key and not rings(data):
        key["alarm"] = {**key["alarm"], "trail_elsewhere": True}
    return {**data, "bucket": bucket}


def rings(data: dict[str, Any]) -> bool:
    """Tell whether trails of a config log what its alarm watches, each call where it is made."""
    region, only = data["bucket"]["region"], next(iter(data["accounts"]))
    places = [(data["key"]["account"], region, True), (data["bucket"]["account"], region, False)]
    places += [(trail.get("account", only), trail["home_region"], False) for trail in data["trails"]]

    def hears(trail: dict[str, Any], account: str, region: str, kms: bool) -> bool:  # noqa: FBT001 # a place is a tuple
        events = trail.get("management_events", {})
        return (
            events is not None
            and trail.get("is_logging", True)
            and events.get("read_write_type") != "ReadOnly"
            and not (kms and "kms.amazonaws.com" in events.get("exclude_event_sources", ()))
            and (trail.get("is_multi_region_trail", True) or trail["home_region"] == region)
            and (trail.get("is_organization_trail", False) or trail.get("account", only) == account)
        )

    return all(any(hears(trail, *place) for trail in data["trails"]) for place in places)
