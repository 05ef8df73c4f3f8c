"""Policies as they lie in files: found, with every intrinsic function resolved, and with what had to be assumed for that."""

from trailkey.inventory.find import find_policies, read_text
from trailkey.inventory.policies import IdentityPolicy, PolicySet, Resource, ResourcePolicy

__all__ = ["IdentityPolicy", "PolicySet", "Resource", "ResourcePolicy", "find_policies", "read_text"]
