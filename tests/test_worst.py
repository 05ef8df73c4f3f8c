"""No policy keeps a pipeline waiting: the shapes that once did end within a bound of work, most of them far below it.

Work is counted in steps, which are the same on every machine; ``make bench`` shows how time grows.
"""

from __future__ import annotations

from typing import Any

import pytest

import large
import worst
from trailkey import api
from trailkey.access.algebra import work
from trailkey.access.algebra.work import bounded
from trailkey.audit import registry
from trailkey.audit.registry import STEPS
from trailkey.aws import KEY_POLICY_BYTES, policy_size
from trailkey.diff import changes
from trailkey.errors import UndecidedError

TOO_MUCH = {"denials of a dozen tags each", "a tag for each account"}
"""Shapes for whose answer the bound is too low: what is said of them is that it is not known."""


@pytest.mark.parametrize("shape", worst.AUDITED)
def test_an_audit_of_it_is_less_work_than_the_bound(shape: str) -> None:
    document = worst.of_many(shape, worst.AUDITED[shape])
    assert policy_size(document) <= KEY_POLICY_BYTES

    with bounded(STEPS) as done:
        report = api.audit(document)
    assert done.most - done.left < STEPS // 2
    assert not [one for one in report.findings if one.id == "undecided" and one.severity == "error"]


@pytest.mark.parametrize("shape", worst.COMPARED)
def test_a_comparison_with_it_ends_and_is_unknown_only_where_it_says_so(shape: str) -> None:
    found = api.diff(worst.policy(), worst.of_many(shape, worst.COMPARED[shape]))

    assert bool(found.unknown) == (shape in TOO_MUCH)
    assert len(found.rows) <= 2


@pytest.mark.parametrize("shape", ["a statement for each account", "accounts in one statement"])
def test_hundreds_of_accounts_are_a_small_part_of_the_bound(shape: str) -> None:
    """Compared one with another, two hundred would be many times the bound."""
    with bounded(STEPS) as done:
        api.diff(worst.policy(), worst.of_many(shape, 200))
    assert done.most - done.left < changes.STEPS // 4


def test_what_is_too_much_is_an_error_and_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """A policy that is slow on purpose must not pass for one without findings."""
    monkeypatch.setattr(registry, "STEPS", 2_000)
    report = api.audit(worst.of_many("a tag for each account", 20))

    found = [one for one in report.findings if one.id == "undecided"]
    assert {one.severity for one in found} == {"error"}
    assert all("steps of comparing patterns and conditions" in one.message for one in found)


def test_what_is_too_much_to_compare_is_unknown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(changes, "STEPS", 500)
    found = api.diff(worst.policy(), worst.of_many("a tag for each account", 20))

    assert found.may_gain
    assert found.unknown


def test_a_policy_of_two_hundred_keys_is_judged_once() -> None:
    key: dict[str, Any] = {"Type": "AWS::KMS::Key", "Properties": {"KeyPolicy": worst.of_many("roles by name", 20)}}
    one, many = ({"Resources": {f"K{at}": key for at in range(number)}} for number in (1, 200))
    used = []
    for template in (one, many):
        with bounded(STEPS) as done:
            report = api.audit(template)
        used.append(done.most - done.left)
        assert {finding.location.logical_id for finding in report.findings} == set(template["Resources"])
    assert used[1] < used[0] + STEPS // 20


def test_a_bound_within_a_bound_takes_from_it() -> None:
    with bounded(100) as outer:
        with bounded(60):
            work.step(50)
        assert outer.left == 50
        with pytest.raises(UndecidedError, match="more than 60 steps"), bounded(60) as inner:
            work.step(51)
        assert inner.exhausted
        with pytest.raises(UndecidedError):
            work.step(1)
    work.step(1_000_000)  # nobody bounds it here


@pytest.mark.parametrize(
    "numbers", [pytest.param(range(1), id="one"), pytest.param(range(1, 101), id="100", marks=pytest.mark.exhaustive)]
)
def test_a_policy_of_any_shape_that_is_as_large_as_one_can_be_ends_within_the_bound(numbers: range) -> None:
    for number in numbers:
        document = large.of_number(number)
        assert KEY_POLICY_BYTES // 2 < policy_size(document) <= KEY_POLICY_BYTES, number
        with bounded(10 * STEPS) as done:
            report = api.audit(document, key_account=large.HOME)
        assert done.most - done.left <= STEPS * 1.01, number
        assert report.findings, number
