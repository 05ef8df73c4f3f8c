"""What a person says about a key on the command line, checked word by word before a policy is compared with it."""

from __future__ import annotations

import difflib
import re
from typing import TYPE_CHECKING, Final

from trailkey.aws import ACCOUNT_ID, ORGANIZATION_ID, REGIONS, parse_arn
from trailkey.errors import UsageError
from trailkey.intent.model import KeyIntent

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

_REGION: Final = "AWS::Region"
_TRAIL: Final = re.compile(r"arn:aws[a-z-]*:cloudtrail:[a-z0-9-]+:\d{12}:trail/[A-Za-z0-9._-]{3,128}")
_CALLER: Final = re.compile(r"arn:aws[a-z-]*:iam::[\d*?]+:(role|user)/.+")
_READER: Final = re.compile(
    rf"{ORGANIZATION_ID.pattern}|{ACCOUNT_ID.pattern}|arn:aws[a-z-]*:iam::\d{{12}}:root|{_CALLER.pattern}"
)
_CALLER_FORM: Final = (
    "the ARN of a role or user, * and ? allowed, such as arn:aws:iam::111122223333:role/KeyAdministrator"
)


def intent(
    *,
    trails: Sequence[str] = (),
    organization: str = "",
    readers: Sequence[str] = (),
    administrators: Sequence[str] = (),
    deployer: str = "",
    break_glass: Sequence[str] = (),
    lake: bool = False,
) -> KeyIntent:
    """Return what the options of ``trailkey audit`` say.

    Raises:
        UsageError: an option has a value of another kind, with the option, the value and what is allowed.
    """
    _check(
        "--trail",
        trails,
        _TRAIL,
        "the ARN of a trail, arn:PARTITION:cloudtrail:REGION:ACCOUNT:trail/NAME, no wildcards",
    )
    if lake and trails:
        raise UsageError(
            f"--lake: the key of an event data store, but --trail {trails[0]} says that it is a trail's; a key is for one of the two, "
            "since requests for a store cannot be held to it; leave out one of them"
        )
    _check("--organization", filter(None, [organization]), ORGANIZATION_ID, "an organization id such as o-a1b2c3d4e5")
    _check(
        "--reader",
        readers,
        _READER,
        f"an account id of 12 digits, an account root, an organization id, or {_CALLER_FORM}",
    )
    _check("--administrator", administrators, _CALLER, _CALLER_FORM)
    _check("--deployer", filter(None, [deployer]), _CALLER, _CALLER_FORM)
    _check("--break-glass", break_glass, _CALLER, _CALLER_FORM)
    return KeyIntent(
        trails=tuple(trails),
        organization_id=organization,
        readers=tuple(one for one in readers if not ORGANIZATION_ID.fullmatch(one)),
        organization_reads=any(map(ORGANIZATION_ID.fullmatch, readers)),
        administrators=tuple(administrators),
        deployer=deployer,
        break_glass=tuple(break_glass),
        lake=lake,
    )


def assumed(said: KeyIntent) -> tuple[str, ...]:
    """Return a sentence for each thing that was left out about people, with what is assumed instead."""
    sentences = (
        (
            said.readers or said.organization_reads,
            "readers are not checked, only others who can read; --reader names who reads",
        ),
        (said.administrators, "whoever changes the key's settings administers it; --administrator names who does"),
        (said.deployer, "anyone of the key's account may be the one who updates the policy; --deployer names the role"),
        (said.break_glass, "no break-glass role is known; --break-glass names it"),
    )
    return tuple(sentence for value, sentence in sentences if not value)


def key_account(value: str) -> str:
    """Return the account that ``--key-account`` names.

    Raises:
        UsageError: it is not a valid account id.
    """
    _check("--key-account", filter(None, [value]), ACCOUNT_ID, "an account id of 12 digits")
    return value


def region(value: str, parameters: Mapping[str, str]) -> dict[str, str]:
    """Return the parameters of a template, with the Region that ``--region`` names as ``AWS::Region``.

    Raises:
        UsageError: it is not a Region, or the parameters name another.
    """
    if not value:
        return dict(parameters)
    if value not in REGIONS:
        close = difflib.get_close_matches(value, REGIONS, n=1)
        advice = f"did you mean {close[0]}?" if close else "correct it"
        raise UsageError(f'--region: "{value}" is not a Region; one such as us-east-1 is allowed; {advice}')
    if parameters.get(_REGION, value) != value:
        raise UsageError(
            f"--region: {value}, but --parameter {_REGION} is {parameters[_REGION]}; a key is in one Region; leave out one of them"
        )
    return {**parameters, _REGION: value}


def region_of(trails: Sequence[str]) -> str:
    """Return the one Region that trails are in, by their ARNs; an empty text where they are in several, or there are none."""
    regions = {arn.region for trail in trails if (arn := parse_arn(trail))}
    return regions.pop() if len(regions) == 1 else ""


def _check(option: str, values: Iterable[str], form: re.Pattern[str], allowed: str) -> None:
    if isinstance(values, str):
        raise UsageError(f'{option}: "{values}" is one text; a list of texts is expected; put it into a list')
    for value in values:
        if not form.fullmatch(value):
            arn = parse_arn(value)
            digits = arn.account if arn else value
            count = f" (its account id has {len(digits)} digits)" if digits.isdigit() and len(digits) != 12 else ""
            raise UsageError(f'{option}: "{value}" is not allowed here{count}; {allowed}; correct it')
