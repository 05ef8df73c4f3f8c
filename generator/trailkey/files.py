"""Files and streams read up to a limit: what is larger, or never ends, is refused before it fills the memory."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from pathlib import Path
    from typing import BinaryIO

MAXIMUM_BYTES: Final = 10_000_000
"""Bytes of one text that are read: ten times what CloudFormation takes of a template, which is the largest there is."""


class TooLargeError(ValueError):
    """A file or stream that holds more than is read; the text says how much that is."""


def read_file(path: Path, most: int = MAXIMUM_BYTES) -> bytes:
    """Return the bytes of a file.

    Raises:
        TooLargeError: the file has more than ``most`` bytes; no more than that is read of it.
        OSError, ValueError: it cannot be opened or read.
    """
    with path.open("rb") as file:
        return read_stream(file, most)


def read_stream(stream: BinaryIO, most: int = MAXIMUM_BYTES) -> bytes:
    """Return the bytes of a stream.

    Raises:
        TooLargeError: the stream has more than ``most`` bytes; no more than that is read of it.
        OSError: it cannot be read.
    """
    content = stream.read(most + 1)
    if len(content) > most:
        raise TooLargeError(f"it has more than {most:,} bytes")
    return content


def decoded(content: bytes) -> str:
    """Return UTF-8 as text, without a byte order mark, its lines ended as Python ends them.

    Raises:
        UnicodeDecodeError: it is not UTF-8.
    """
    return content.decode("utf-8-sig").replace("\r\n", "\n").replace("\r", "\n")
