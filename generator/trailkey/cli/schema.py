"""``trailkey schema``: the JSON Schema of the config."""

from __future__ import annotations

from typing import TYPE_CHECKING

from trailkey import errors

if TYPE_CHECKING:
    import argparse


def add(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Declare the command and its arguments."""
    schema = commands.add_parser(
        "schema",
        help="print the JSON Schema of the config, for editors",
        description="Print the JSON Schema of the config.",
    )
    schema.set_defaults(command=_schema)


def _schema(_options: argparse.Namespace) -> int:
    from trailkey.config.schema import schema_text  # pydantic is loaded when asked for

    print(schema_text(), end="")
    return errors.OK
