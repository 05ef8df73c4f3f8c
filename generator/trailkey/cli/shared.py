"""What several commands share: how they declare arguments, read pairs, and print what they find."""

from __future__ import annotations

import argparse
import difflib
import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

from trailkey.errors import UsageError
from trailkey.reports.plain import one_line

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

Options = argparse.Namespace
Parser = argparse.ArgumentParser

_NAMES = {"--parameter": "[A-Za-z0-9:]+"}
"""The form of a name in the pairs of an option, where it has one."""


class Version(argparse.Action):
    """Print the version, and end; looking it up takes longer than many a command."""

    def __init__(self, option_strings: Sequence[str], dest: str, **more: Any) -> None:
        super().__init__(option_strings, dest, nargs=0, default=argparse.SUPPRESS, **more)

    def __call__(self, parser: Parser, *_: object) -> None:
        """Print the version."""
        from trailkey.version import VERSION

        print(f"trailkey {VERSION}")
        parser.exit()


def path(parser: Parser, name: str, metavar: str, meaning: str, **more: Any) -> None:
    """Declare an argument or option that takes a path."""
    parser.add_argument(name, type=Path, metavar=metavar, help=meaning, **more)


def text(parser: Parser, name: str, metavar: str, meaning: str, *, several: bool = False) -> None:
    """Declare an option that takes a text; ``several`` may be given, which are a list."""
    kind: dict[str, Any] = {"action": "append", "default": []} if several else {"default": ""}
    parser.add_argument(name, metavar=metavar, help=meaning, **kind)


def formats(parser: Parser, meaning: str, *choices: str) -> None:
    """Declare ``--format``, whose default is the first of its choices."""
    parser.add_argument("--format", choices=choices, default=choices[0], help=f"{meaning} (default: {choices[0]})")


def pairs(option: str, given: Sequence[str]) -> dict[str, str]:
    """Return what an option gives as ``NAME=VALUE``.

    Raises:
        UsageError: one has another form, or is given twice.
    """
    found: dict[str, str] = {}
    for entry in given:
        name, equals, value = entry.partition("=")
        if not equals or not re.fullmatch(_NAMES.get(option, ".+"), name):
            raise UsageError(
                f"{option} {entry}: not a valid NAME=VALUE; a name, an equals sign and a value; correct it"
            )
        if name in found:
            raise UsageError(f"{option} {entry}: {name} is given twice; each name once; remove one")
        found[name] = value
    return found


def near(given: str, known: Iterable[str], kind: str) -> str:
    """Return that a name is not one of a kind, which are, and which of them was probably meant."""
    names = list(known)
    close = difflib.get_close_matches(given, names, n=1)
    advice = f"did you mean {close[0]}?" if close else "correct it"
    return f"{given!r} is not {kind}; {', '.join(names)} are allowed; {advice}"


def show(options: Options, document: Any, lines: Iterable[str]) -> None:
    """Print a document where JSON is asked for, and otherwise lines, each of which stays one."""
    if options.format == "json":
        print(json.dumps(document, indent=2))  # ASCII: a policy's text may hold what a terminal would obey
    else:
        for line in lines:
            print(one_line(line))
