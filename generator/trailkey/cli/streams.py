"""Standard output and standard error, which may be closed, full, or unable to take a character: none of that is our defect."""

from __future__ import annotations

import io
import os
import sys
from contextlib import suppress

from trailkey.errors import OutputError
from trailkey.reports.plain import one_line


def prepare() -> None:
    """Make both streams take every character, and a closed standard error take what nobody will read.

    Raises:
        OutputError: standard output is closed.
    """
    if sys.stderr is None:  # print would take standard output for it
        sys.stderr = open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115, PTH123 # until the process ends
    if sys.stdout is None:
        raise OutputError("standard output: is closed, so nothing could be shown; give it a file, or /dev/null")
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def say(*lines: str) -> None:
    """Print lines on standard error, each as one line; where it takes none, the exit code says enough."""
    with suppress(OSError):
        for line in lines:
            print(one_line(line), file=sys.stderr)


def close() -> None:
    """Empty both streams, and let those that do not take it lose it: Python would complain once more when it ends."""
    for stream in (sys.stdout, sys.stderr):
        try:
            if stream is not None:
                stream.flush()
        except OSError:
            os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
