"""What the arguments of a command name: files, folders, standard input and plain documents, as texts or as policies."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from trailkey.errors import NoKeyPolicyError, UsageError, refusal
from trailkey.files import read_file, read_stream

if TYPE_CHECKING:
    from trailkey.diff.compare import Side
    from trailkey.errors import PolicyError

Document = Mapping[str, Any]
Source = str | Path | Document

_SUFFIXES: Final = (".json", ".yaml", ".yml", ".template")
"""What files of policies and templates are called, where a folder is named."""
_TEXTS: Final = re.compile(rb"[\t\r\n\x20-\x7e]{8,}")
"""Texts in a file that is not one."""
_OF_KEYS: Final = re.compile(r"AWS::KMS::(Replica)?Key\b|\bkms:|\bcloudtrail\.amazonaws\.com\b")
_KEY: Final = re.compile(r"^[\"']?(\w+)[\"']?\s*:", re.MULTILINE)
_OF_POLICIES: Final = frozenset(("Resources", "Statement", "Policy", "AWSTemplateFormatVersion"))
_OF_CONFIGS: Final = frozenset(("name", "extends", "accounts"))


def text_of(source: Source | Sequence[Document], what: str) -> tuple[str, str]:
    """Return the text of a file or document, and what errors call it.

    Raises:
        UsageError: a file that cannot be read, or a value that is not a document.
    """
    from trailkey.inventory import read_text

    if isinstance(source, (str, Path)):
        return read_text(Path(source))
    try:
        return json.dumps(source, default=_as_dict), what
    except (TypeError, ValueError) as error:
        raise UsageError(f"{what}: not a document as JSON has it ({error}); give a path or a plain document") from error


def pasted_of(path: Path) -> str:
    """Return a text as it was copied or redirected: UTF-8, or what PowerShell writes; of a file that is not text, the texts in it.

    Raises:
        UsageError: a file that cannot be read, or is too large; ``-`` is standard input.
    """
    try:
        if str(path) == "-":
            if sys.stdin is None:
                raise UsageError("-: standard input is closed; name a file, or give one to standard input")
            content = read_stream(sys.stdin.buffer)
        else:
            content = read_file(path)
    except FileNotFoundError as error:
        raise UsageError(f"{path}: no such file; name a file that is there, or - for standard input") from error
    except (OSError, ValueError) as error:
        raise UsageError(f"{path}: cannot be read ({refusal(error)}); name a readable file") from error
    if content.startswith((b"\xff\xfe", b"\xfe\xff")):
        return content.decode("utf-16", errors="replace")
    if b"\0" in content:
        content = b"\n".join(_TEXTS.findall(content))
    return content.decode("utf-8-sig", errors="replace")


def _as_dict(value: object) -> dict[str, Any]:
    if isinstance(value, Mapping):
        return dict(value)
    raise TypeError(f"{type(value).__name__} is not a type of JSON")


def is_folder(path: Path) -> bool:
    """Return whether a path is a folder; not, where it cannot be looked at."""
    try:
        return path.is_dir()
    except OSError:  # whoever reads it says why it cannot be read
        return False


def files_of(sources: Sequence[Source], *, skip_others: bool) -> Iterator[tuple[Source, bool]]:
    """Yield what is to be judged, and whether it was named: a folder stands for what is in it."""
    for source in sources:
        if isinstance(source, (str, Path)) and is_folder(Path(source)):
            within = sorted(one for one in Path(source).rglob("*") if one.suffix in _SUFFIXES and one.is_file())
            yield from ((one, False) for one in within if not any(part.startswith(".") for part in one.parts))
        else:
            yield source, not skip_others


def configs_in(folder: Path) -> list[Path]:
    """Return the config files that a folder is worked on with: those in its ``config/``, by name, and the one of ``trailkey init``.

    Raises:
        UsageError: there are none.
    """
    patterns = ("config/*.yaml", "config/*.yml", "trailkey.yaml", "trailkey.yml")
    found = sorted(path for pattern in patterns for path in folder.glob(pattern))
    if not found:
        raise UsageError(
            f"no config files: {', '.join(patterns)} are looked for; name one, or run trailkey init for a starter"
        )
    return found


def side_of(source: Source, what: str = "policy") -> Side:
    """Return what a source is: the policies of an output folder or of what a config renders, or a text with a key policy."""
    from trailkey.diff.compare import Side

    path = Path(source) if isinstance(source, (str, Path)) else None
    if path is None or not is_folder(path):
        text, what = text_of(source, what)
        keys = set(_KEY.findall(text))
        if path is None or keys & _OF_POLICIES or not keys & _OF_CONFIGS:
            return Side(what=what, text=text)
    from trailkey import pipeline

    if is_folder(path):
        return Side(what=str(path), policies=pipeline.open_folder(path)[1].policies)
    deployment = pipeline.load_all([path])[0]
    return Side(what=str(path), policies=pipeline.folder_of(deployment).policies, deployment=deployment)


def may_be_passed_over(text: str, error: PolicyError) -> bool:
    """Return whether a file that was found in a folder holds no policy to judge: what speaks of keys and cannot be read does."""
    return isinstance(error, NoKeyPolicyError) or not _OF_KEYS.search(text)
