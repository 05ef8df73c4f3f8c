"""Completion in the shell: ``--print-completion`` prints the script that a shell loads, made from the arguments declared."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable

SHELLS = ("bash", "zsh", "tcsh")


class Completion(argparse.Action):
    """Print the completion script of a shell, and end. Arguments that take a path are completed with files."""

    def __call__(
        self, parser: argparse.ArgumentParser, _namespace: object, values: Any, _option: object = None
    ) -> None:
        """Print the script for the shell that is named."""
        import shtab

        for action in _actions(parser):
            if action.type is Path:
                action.complete = shtab.FILE  # type: ignore[attr-defined] # how shtab is told what a value is
        print(shtab.complete(parser, shell=values))
        parser.exit()


def _actions(parser: argparse.ArgumentParser) -> Iterable[argparse.Action]:
    """Yield every argument of a parser and of its commands."""
    for action in parser._actions:  # noqa: SLF001 # argparse has no other way to ask, and shtab reads the same
        yield action
        for command in action.choices.values() if isinstance(action.choices, dict) else ():
            yield from _actions(command)
