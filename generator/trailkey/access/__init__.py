"""What policies mean: the words of IAM, exact sets, and the questions about them. This is the face that the other rooms use.

Three shelves, each of which knows only those before it: ``language`` (what IAM's words say, and how one request is decided), ``algebra``
(exact sets of texts, numbers and requests), ``analysis`` (policies as sets, and proofs about them).
"""

from trailkey.access.algebra.boxes import Constraint, Single, held_to
from trailkey.access.algebra.languages import Language, texts, union
from trailkey.access.algebra.request_sets import NO_REQUEST, PROVEN, REFUTED, UNKNOWN, Answer, RequestSet, joined
from trailkey.access.analysis.caller_sets import in_account, people
from trailkey.access.analysis.effective import EffectivePermissions, allowed
from trailkey.access.analysis.prove import covers, excludes, region
from trailkey.access.analysis.resource import Scope, bucket_scope, key_scope, scope_of
from trailkey.access.language.evaluate import decide
from trailkey.access.language.policy import Policy, Statement, parse_policy
from trailkey.access.language.request import parse_request

__all__ = [
    "NO_REQUEST",
    "PROVEN",
    "REFUTED",
    "UNKNOWN",
    "Answer",
    "Constraint",
    "EffectivePermissions",
    "Language",
    "Policy",
    "RequestSet",
    "Scope",
    "Single",
    "Statement",
    "allowed",
    "bucket_scope",
    "covers",
    "decide",
    "excludes",
    "held_to",
    "in_account",
    "joined",
    "key_scope",
    "parse_policy",
    "parse_request",
    "people",
    "region",
    "scope_of",
    "texts",
    "union",
]
