"""What the standard library does for dataclasses, done once for the same question, in a process that does nothing but lint.

cfn-lint makes a dozen dataclasses for each template, always the same, and asks thousands of times for the fields of a few of them:
that is an eighth of its work. What it is told, and so what it finds, stays the same.
"""

from __future__ import annotations

import dataclasses
from functools import lru_cache
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping
    from types import CodeType


def quicken() -> None:
    """Let this process remember the fields of dataclasses, and the code that their methods are made of.

    Before cfn-lint is loaded: it takes ``fields`` by its name.
    """
    setattr(dataclasses, "fields", _fields)  # noqa: B010 # as a name of another module
    setattr(dataclasses, "exec", _run)  # noqa: B010 # a name that the module looks up before the builtin of that name


def _fields(of: Any) -> tuple[dataclasses.Field[Any], ...]:
    return _fields_of_class(of if isinstance(of, type) else type(of))


_fields_of_class = lru_cache(maxsize=256)(dataclasses.fields)


def _run(source: str, names: dict[str, Any], local: Mapping[str, object] | None = None) -> None:
    exec(_code(source), names, local)  # noqa: S102 # what the module would run itself


@lru_cache(maxsize=256)
def _code(source: str) -> CodeType:
    # As the module would: without what this file takes from __future__, which would make the annotations text.
    return compile(source, "<string>", "exec", dont_inherit=True)
