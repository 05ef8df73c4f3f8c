"""Pairs of the command line, and every refusal of one, in its exact words."""

from __future__ import annotations

import pytest

from trailkey.cli.shared import pairs, parameters
from trailkey.errors import UsageError


def test_parameters_are_names_with_values() -> None:
    assert parameters(["Home=eu-west-1", "AWS::Region=eu-west-1", "Empty=", "Sum=1=1"]) == {
        "Home": "eu-west-1",
        "AWS::Region": "eu-west-1",
        "Empty": "",
        "Sum": "1=1",
    }


FORM = "not a valid NAME=VALUE; a name, an equals sign and a value; correct it"


@pytest.mark.parametrize(
    ("given", "text"),
    [
        (["Home"], f"--parameter Home: {FORM}"),
        (["=x"], f"--parameter =x: {FORM}"),
        (["a b=x"], f"--parameter a b=x: {FORM}"),
        (["A=1", "A=2"], "--parameter A=2: A is given twice; each name once; remove one"),
    ],
)
def test_refused_parameters(given: list[str], text: str) -> None:
    with pytest.raises(UsageError) as refusal:
        parameters(given)

    assert str(refusal.value) == text


def test_name_of_another_option_has_any_form() -> None:
    assert pairs("--rename", ["o-a1b2/r-ab12/*=o-z9y8/*"]) == {"o-a1b2/r-ab12/*": "o-z9y8/*"}
