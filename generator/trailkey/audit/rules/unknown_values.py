"""Values of conditions that name nothing: Regions, services in kms:ViaService, and names that no trail can have.

Each value is looked at by itself, also beside others: where one of a list names something, what the others were meant to let in,
or to keep out, is still missing.
"""

from __future__ import annotations

import re
from difflib import get_close_matches
from typing import TYPE_CHECKING, Final

from trailkey.access.algebra.languages import language
from trailkey.access.algebra.patterns import glob
from trailkey.access.analysis.prove import via_services
from trailkey.access.language.catalog import service_keys
from trailkey.access.language.conditions import OPERATORS
from trailkey.access.language.sent import VIA_SERVICE
from trailkey.audit.rule import EVERYWHERE, Match, PolicyRule
from trailkey.aws import REGIONS, parse_arn, partition_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from trailkey.access.language.conditions import Condition
    from trailkey.audit.subject import Subject
    from trailkey.findings import Severity

_REGION: Final = re.compile(r"[a-z]{2,4}(-[a-z]+)+-\d")
_WILD: Final = re.compile(r"[*?]|\$\{")
_TRAIL_NAME: Final = re.compile(r"[A-Za-z0-9](?:[._-]?[A-Za-z0-9])+")
"""https://docs.aws.amazon.com/awscloudtrail/latest/APIReference/API_CreateTrail.html"""
_TRAIL_FORM: Final = (
    "it has 3 to 128 letters, digits, periods, underscores and hyphens, begins and ends with a letter or digit, and has no two "
    "signs in a row"
)
_NAME_CHARACTERS: Final = range(3, 129)
_VIA_FORM: Final = "SERVICE.REGION.amazonaws.com"
_ALIKE: Final = 0.75


def _unknown(subject: Subject) -> Iterator[Match]:
    for part in subject.parts:
        statement = part.statement
        for condition in statement.conditions:
            if condition.operator == "Null" or (
                condition.key.casefold() == VIA_SERVICE and subject.is_empty(part.requests)
            ):
                continue  # never-matches says the latter
            for value in condition.values:
                for severity, problem in _problems(subject, condition, value):
                    yield Match(
                        statement=statement.name,
                        severity=severity,
                        message=f'statement {statement.name}: {condition.key} "{value}" {problem}',
                    )


def _problems(subject: Subject, condition: Condition, value: str) -> Iterator[tuple[Severity, str]]:
    """Yield how grave it is, and what a value does not name."""
    key = condition.key.casefold()
    if key == VIA_SERVICE:
        yield from _of_via_service(subject, condition, value)
    elif key == "aws:requestedregion":
        yield from _of_region(subject, value)
    elif arn := parse_arn(value):
        yield from _of_region(subject, arn.region)
        if arn.service == "cloudtrail" and arn.resource.startswith("trail/") and not _WILD.search(arn.resource):
            name = arn.resource.removeprefix("trail/")
            if len(name) not in _NAME_CHARACTERS or not _TRAIL_NAME.fullmatch(name):
                yield "error", f'names a trail "{name}", and no trail has such a name: {_TRAIL_FORM}'


def _of_region(subject: Subject, region: str) -> Iterator[tuple[Severity, str]]:
    if not region or _WILD.search(region) or region in REGIONS:
        return
    own = [one for one in REGIONS if partition_of(one) == subject.scope.partition]
    if _REGION.fullmatch(region):
        yield "warning", f'has the Region "{region}", which is none that trailkey knows{_meant(region, own)}'
    else:
        yield "error", f'has "{region}" in place of the Region, and no Region is called that{_meant(region, own)}'


def _of_via_service(subject: Subject, condition: Condition, value: str) -> Iterator[tuple[Severity, str]]:
    wild = OPERATORS[condition.operator].wildcards and bool(_WILD.search(value))
    if _WILD.search(value) and not wild:
        return  # compared literally: value-never-matches
    service, _, rest = value.partition(".")
    region = rest.removesuffix(".cn").removesuffix(".amazonaws.com")
    if not wild and rest != region and "." not in region and _REGION.fullmatch(region):
        yield from _of_region(subject, region)
        if service not in service_keys() and (meant := _meant(service, service_keys())):
            yield "warning", f'names the service "{service}", which is none that trailkey knows{meant}'
    elif "${" not in value and (language([glob(value)]) & via_services(subject.scope.partition)).is_empty():
        known = service if service in service_keys() else "s3"
        yield (
            "error",
            f"names no service: the value is {_VIA_FORM}, such as {known}.{_home(subject)}.amazonaws.com",
        )


def _home(subject: Subject) -> str:
    key = parse_arn(subject.scope.home)
    return key.region if key and key.region else "us-east-1"


def _meant(name: str, known: Iterable[str]) -> str:
    near = get_close_matches(name, list(known), n=1, cutoff=_ALIKE)
    return f" (did you mean {near[0]}?)" if near else ""


RULES: Final = (
    PolicyRule(
        id="unknown-value",
        severity="error",
        title="A value that names no Region, service or trail",
        reason="AWS takes the value as it is and it matches nothing: an Allow misses what it was written for (under aws:SourceArn no log "
        "file is delivered), and a fence by it holds for everything or for nothing. A Region or service that only is not on the list "
        "may be newer than the list, and is a warning.",
        source="https://docs.aws.amazon.com/kms/latest/developerguide/conditions-kms.html#conditions-kms-via-service",
        remedy="write the Region, service or trail that is meant",
        find=_unknown,
        of=EVERYWHERE,
    ),
)
