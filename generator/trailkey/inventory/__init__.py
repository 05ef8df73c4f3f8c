"""Policies as they lie in files: found, with every intrinsic function resolved, and with what had to be assumed for that."""

from trailkey.inventory.find import find_policies
from trailkey.inventory.policies import IdentityPolicy, PolicySet, Resource, ResourcePolicy
from trailkey.inventory.text import read_text

__all__ = ["IdentityPolicy", "PolicySet", "Resource", "ResourcePolicy", "find_policies", "read_text"]
