"""Files that stand alone, beside a config: each is whole at any moment."""

from __future__ import annotations

import secrets
from contextlib import suppress
from typing import TYPE_CHECKING

from trailkey.errors import OutputError, UsageError, refusal
from trailkey.output.writer import TEMPORARY, stage

if TYPE_CHECKING:
    from pathlib import Path


def write_whole(path: Path, text: str) -> None:
    """Write a file that may be there already: the old one or the new one is there at any moment.

    Raises:
        OutputError: the file system does not let it be written.
    """
    staged = path.parent / f"{TEMPORARY}{secrets.token_hex(8)}"
    try:
        stage(staged, text.encode(), executable=False)
        staged.replace(path)
    except OSError as error:
        with suppress(OSError):
            staged.unlink()
        raise OutputError(
            f"{path}: cannot be written ({refusal(error)}); give yourself the right to write it, or make room"
        ) from error


def write_new(path: Path, text: str) -> None:
    """Write a file that does not exist yet, for ``trailkey init``.

    Raises:
        UsageError: the file exists.
        OutputError: the file system does not let it be written.
    """
    try:
        content = text.encode()
        with path.open("xb") as file:
            file.write(content)
    except FileExistsError as error:
        raise UsageError(f"{path}: exists already; init never overwrites; name another file, or remove it") from error
    except (OSError, ValueError) as error:
        raise OutputError(
            f"{path}: cannot be written ({refusal(error)}); name a file in a folder that exists and can be written"
        ) from error
