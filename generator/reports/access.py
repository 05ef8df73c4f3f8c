"""access.md: who can do what with the keys of a deployment, for whoever reviews the pull request."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from generator.config.deployment import Deployment
    from generator.proofs.documents import Documents
    from generator.proofs.verdict import Verdict


def as_markdown(deployment: Deployment, documents: Documents, verdict: Verdict) -> str:
    """Return the page."""
    del documents
    return f"# Access: {deployment.name}\n\n{len(verdict.judged)} properties are proven.\n"
