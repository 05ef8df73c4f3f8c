"""Print the JSON Schema of the config."""

from __future__ import annotations

from typing import TYPE_CHECKING

from trailkey import errors

if TYPE_CHECKING:
    import argparse

SUMMARY = "print the JSON Schema of the config, for editors"


def arguments(_parser: argparse.ArgumentParser) -> None:
    """Declare the arguments: there are none."""


def run(_options: argparse.Namespace) -> int:
    """Run the command and return its exit code."""
    from trailkey.config.schema import schema_text

    print(schema_text(), end="")
    return errors.OK
