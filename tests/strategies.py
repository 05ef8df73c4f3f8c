"""Hypothesis strategies for configs: everything the model accepts, as the plain data of a YAML file."""

from __future__ import annotations

from string import ascii_letters, ascii_lowercase, digits
from typing import TYPE_CHECKING, Any

from hypothesis import strategies as st

if TYPE_CHECKING:
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


def word(
    alphabet: str = ascii_lowercase + digits, *, least: int = 1, most: int = 8, edge: str = ascii_lowercase
) -> SearchStrategy[str]:
    """Text that begins and ends with a character of ``edge``."""
    return st.builds(
        lambda first, middle: first + middle,
        st.sampled_from(edge),
        st.text(alphabet, min_size=least - 1, max_size=most - 1),
    )


PATH = st.lists(word(ascii_letters + digits + "+=,.@_-", edge=ascii_letters), max_size=2).map(
    lambda parts: "".join(f"{part}/" for part in parts)
)
TAGS = st.dictionaries(
    word(ascii_letters + digits + " _.:/=+@-", edge=ascii_letters).map(lambda key: f"t{key}"),
    st.text(ascii_letters + digits + " _.:/=+@-", max_size=12),
    max_size=3,
)


def sometimes(values: dict[str, SearchStrategy[Any]]) -> SearchStrategy[dict[str, Any]]:
    """Any of these keys, each with a value."""
    return st.fixed_dictionaries({}, optional=values)


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


@st.composite
def people(draw: DrawFn, account: str, account_id: str, partition: str) -> dict[str, Any]:
    """Administrators, break glass and the settings every key has; the three kinds of people never meet."""

    def principals(name: str) -> SearchStrategy[list[str]]:
        form = st.sampled_from((f"{account}:", f"arn:{partition}:iam::{account_id}:"))
        kind = st.sampled_from(("role/", "user/"))
        one = st.builds(
            lambda *parts: "".join(parts), form, kind, PATH, st.just(name), st.sampled_from(("", "-*", "?"))
        )
        return st.lists(one, max_size=2, unique_by=lambda text: text.partition(":")[2].rpartition(":")[2])

    return draw(
        sometimes(
            {
                "administrators": principals("KeyAdministrator"),
                "break_glass": principals("BreakGlass"),
                "description": TEXT,
                "rotation_period_days": st.integers(90, 2560),
                "pending_window_days": st.integers(7, 30),
            }
        )
    )


@st.composite
def selectors(draw: DrawFn, partition: str) -> dict[str, Any]:
    """One advanced event selector, of data or network activity events."""
    if draw(BOOLEANS):
        fields: list[dict[str, Any]] = [
            {"field": "eventCategory", "equals": ["Data"]},
            {
                "field": "resources.type",
                "equals": [draw(st.sampled_from(("AWS::S3::Object", "AWS::Lambda::Function", "AWS::DynamoDB::Table")))],
            },
        ]
        if draw(BOOLEANS):
            fields.append({"field": "readOnly", "equals": [draw(st.sampled_from(("true", "false")))]})
        if fields[1]["equals"] == ["AWS::S3::Object"] and draw(BOOLEANS):
            operator = draw(st.sampled_from(("starts_with", "not_starts_with")))
            buckets = draw(
                st.lists(word().map(lambda name: f"arn:{partition}:s3:::payroll-{name}/"), min_size=1, max_size=3)
            )
            fields.append({"field": "resources.ARN", operator: buckets})
    else:
        fields = [
            {"field": "eventCategory", "equals": ["NetworkActivity"]},
            {"field": "eventSource", "equals": [draw(st.sampled_from(("kms.amazonaws.com", "s3.amazonaws.com")))]},
        ]
        if draw(BOOLEANS):
            fields.append({"field": "errorCode", "equals": ["VpceAccessDenied"]})
    return {**draw(sometimes({"name": word(ascii_letters + " ", edge=ascii_letters)})), "field_selectors": fields}


@st.composite
def trails(
    draw: DrawFn, index: int, accounts: dict[str, str], partition: str, management: str | None
) -> dict[str, Any]:
    """One trail, of the organization or of an account."""
    region = draw(st.sampled_from(REGIONS[partition]))
    trail: dict[str, Any] = {
        "name": f"{draw(word(ascii_letters + digits, edge=ascii_letters))}-{index}",
        "home_region": region,
    }
    owner = draw(st.sampled_from(sorted(accounts)))
    if management and draw(BOOLEANS):
        owner = management
        trail["is_organization_trail"] = True
        if draw(BOOLEANS):
            trail["account"] = management
    elif len(accounts) > 1 or draw(BOOLEANS):
        trail["account"] = owner
    own_key = key_arn(region, accounts[owner], partition)
    trail |= draw(
        sometimes(
            {
                "enable_log_file_validation": BOOLEANS,
                "is_logging": BOOLEANS,
                "s3_key_prefix": st.lists(word(ascii_letters + digits + "!_.*'()-"), min_size=1, max_size=3).map(
                    "/".join
                ),
                "cloudwatch_logs": sometimes(
                    {"retention_days": st.sampled_from((1, 90, 365, 3653)), "kms_key_arn": st.just(own_key)}
                ),
                "sns_topic": st.builds(
                    lambda name, more: {"name": f"{name}-{index}", **more},
                    word(ascii_letters + digits + "_-", edge=ascii_letters),
                    sometimes({"kms_key": st.sampled_from((own_key, "alias/topics"))}),
                ),
            }
        )
    )
    if draw(BOOLEANS):
        trail["is_multi_region_trail"] = draw(BOOLEANS)
        if not trail["is_multi_region_trail"]:
            trail["include_global_service_events"] = draw(BOOLEANS)
    trail["advanced_event_selectors"] = draw(st.lists(selectors(partition), max_size=3, unique_by=str))
    if trail["advanced_event_selectors"] and draw(BOOLEANS):
        trail["management_events"] = None
    else:
        kind = draw(st.sampled_from(("All", "ReadOnly", "WriteOnly")))
        sources = st.lists(st.sampled_from(("kms.amazonaws.com", "rdsdata.amazonaws.com")), unique=True)
        trail["management_events"] = {"read_write_type": kind, "exclude_event_sources": draw(sources)}
        if kind != "ReadOnly":
            trail["insights"] = draw(
                st.lists(st.sampled_from(("ApiCallRateInsight", "ApiErrorRateInsight")), unique=True)
            )
    return trail


@st.composite
def readers(
    draw: DrawFn, index: int, accounts: dict[str, str], key: str, *, organization: bool, macie: bool
) -> dict[str, Any]:
    """One reader of any kind that is possible in this config."""
    kinds = [kind for kind in READERS if organization or not kind.startswith("principal_org")]
    if len(accounts) == 1:
        kinds.remove("account_principal")
    kind = draw(st.sampled_from(kinds))
    account = draw(st.sampled_from(sorted(accounts)))
    reader: dict[str, Any] = {"name": f"{draw(word())}-{index}"}
    if kind == "role":
        reader[kind] = f"{account}:role/{draw(PATH)}Read{draw(word(ascii_letters, edge=ascii_letters))}"
    elif kind == "principal_arn_like":
        reader[kind] = (
            f"{account}:{draw(st.sampled_from(('role', 'user')))}/{draw(PATH)}Siem-{draw(st.sampled_from('*?'))}"
        )
    elif kind == "permission_set":
        reader |= {kind: draw(word(ascii_letters + digits + "+=,.@_-", edge=ascii_letters)), "account": account}
    elif kind == "account_principal":
        reader[kind] = draw(st.sampled_from(sorted(set(accounts) - {key})))
    elif kind == "principal_org_path":
        below = ("*", f"{ROOT}/*", f"{ROOT}/{UNIT}/*", f"{ROOT}/{UNIT}/ou-ab12-22222222/", f"{ROOT}/{UNIT}/")
        reader[kind] = f"{ORGANIZATION}/{draw(st.sampled_from(below))}"
    elif kind == "principal_org_id":
        reader[kind] = ORGANIZATION
    else:
        reader[kind] = draw(st.sampled_from(("access-analyzer", "macie") if macie else ("access-analyzer",)))
    return {**reader, **draw(sometimes({"via_service": BOOLEANS}))}


@st.composite
def stores(
    draw: DrawFn, index: int, accounts: dict[str, str], partition: str, management: str | None
) -> dict[str, Any]:
    """One event data store."""
    account = draw(st.sampled_from(sorted(accounts)))
    whole = bool(management) and draw(BOOLEANS)
    if whole and management:
        account = management
    fixed = draw(BOOLEANS)
    queriers = st.lists(
        st.builds(lambda path, end: f"{account}:role/{path}Analyst{end}", PATH, st.sampled_from(("", "-*"))),
        max_size=2,
        unique=True,
    )
    return {
        "name": f"{draw(word(ascii_letters + digits, edge=ascii_letters))}-{index}",
        "account": account,
        "region": draw(st.sampled_from(REGIONS[partition])),
        "alias": f"alias/{draw(word())}/lake-{index}",
        "organization_enabled": whole,
        "billing_mode": "FIXED_RETENTION_PRICING" if fixed else "EXTENDABLE_RETENTION_PRICING",
        "retention_days": draw(st.integers(7, 2557 if fixed else 3653)),
        **draw(people(account, accounts[account], partition)),
        **draw(
            sometimes(
                {"multi_region_enabled": BOOLEANS, "termination_protection_enabled": BOOLEANS, "queriers": queriers}
            )
        ),
    }


@st.composite
def configs(draw: DrawFn) -> dict[str, Any]:
    """Return a config the model accepts."""
    partition = draw(st.sampled_from(("aws", "aws", "aws", "aws-us-gov", "aws-cn")))
    count = draw(st.integers(1, 4))
    ids = draw(st.lists(st.text(digits, min_size=12, max_size=12), min_size=count, max_size=count, unique=True))
    accounts = dict(zip(("main", "log-archive", "security", "app1")[:count], ids, strict=True))
    names = sorted(accounts)
    deployers = st.sampled_from(("role/Deploy", "role/cicd/Deploy", "role/stacksets-exec-*"))
    management = draw(st.sampled_from(names)) if draw(BOOLEANS) else None
    region = draw(st.sampled_from(REGIONS[partition]))
    key = draw(st.sampled_from(names))
    bucket = draw(st.sampled_from((key, *names)))
    alarm = st.one_of(
        st.just({}),
        st.just({"email": "security@example.com"}),
        st.just({"topic_arn": f"arn:{partition}:sns:{region}:{accounts[key]}:alarms"}),
    )
    access_logs = st.one_of(
        st.none(),
        sometimes({"bucket": st.just("central-access-logs"), "existing": BOOLEANS, "expiration_days": DAYS}),
    )
    data: dict[str, Any] = {
        "name": draw(word()),
        "partition": partition,
        "layout": draw(st.sampled_from(("auto", "by_purpose"))),
        "accounts": {name: {"id": accounts[name], "deployer": draw(deployers)} for name in names},
        "key": {
            "account": key,
            **draw(people(key, accounts[key], partition)),
            **draw(
                sometimes(
                    {
                        "alias": word(ascii_letters + digits + "/_-", edge="bcd").map(lambda name: f"alias/{name}"),
                        "name_roles": BOOLEANS,
                        "alarm": alarm,
                    }
                )
            ),
        },
        "bucket": {
            "account": bucket,
            "region": region,
            "name": f"{draw(word(ascii_lowercase + digits + '-'))}-logs",
            **draw(
                sometimes(
                    {
                        "existing": BOOLEANS,
                        "bucket_key_enabled": BOOLEANS,
                        "access_logs": access_logs,
                        "lifecycle": LIFECYCLE,
                        "object_lock": st.fixed_dictionaries(
                            {"mode": st.sampled_from(("GOVERNANCE", "COMPLIANCE")), "retention_days": DAYS}
                        ),
                    }
                )
            ),
        },
        "trails": [draw(trails(index, accounts, partition, management)) for index in range(draw(st.integers(1, 4)))],
        "readers": [
            draw(readers(index, accounts, key, organization=management is not None, macie=bucket == key))
            for index in range(draw(st.integers(0, 5)))
        ],
        "tags": draw(TAGS),
    }
    if management:
        data["organization"] = {"id": ORGANIZATION, "management_account": management, "root_id": ROOT}
    if partition != "aws-cn":
        data["event_data_stores"] = [
            draw(stores(index, accounts, partition, management)) for index in range(draw(st.integers(0, 2)))
        ]
    return data
