"""Key policies as they lie in files: found, with every intrinsic function resolved, and with what had to be assumed for that."""

from generator.sources.find import find_policies
from generator.sources.found import FoundPolicy
from generator.sources.text import read_text

__all__ = ["FoundPolicy", "find_policies", "read_text"]
