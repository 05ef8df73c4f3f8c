"""trailkey: CloudFormation for the KMS key that encrypts CloudTrail logs, checked before it is written."""

import sys
from importlib import import_module
from types import ModuleType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:  # loaded at first use: --help loads no more than it needs
    from trailkey.api import TrailkeyError, access, audit, decide, diff, generate, load  # noqa: TC004
    from trailkey.version import VERSION as __version__  # noqa: N811, TC004

__all__ = ["TrailkeyError", "__version__", "access", "audit", "decide", "diff", "generate", "load"]


class _Face(ModuleType):
    """The package, whose attributes are those of ``trailkey.api``: loaded at first use, and never hidden by a room of the same name."""

    def __getattribute__(self, name: str) -> Any:
        if name == "__version__":
            return import_module("trailkey.version").VERSION
        if name in __all__:
            return getattr(import_module("trailkey.api"), name)
        return super().__getattribute__(name)

    def __dir__(self) -> list[str]:
        return __all__


sys.modules[__name__].__class__ = _Face
