"""The sentence by which AWS denies: who, which action, on what, and the type of policy that is short or denies.

https://docs.aws.amazon.com/IAM/latest/UserGuide/troubleshoot_access-denied.html
"""

from __future__ import annotations

import re
from typing import Final

from trailkey.explain.facts import POLICY_TYPES, RESOURCE, Facts
from trailkey.explain.pasted import QUOTES

SENTENCE: Final = "isnotauthorizedtoperform:"
"""What every denial has, squashed."""

_QUOTES: Final = str.maketrans("", "", QUOTES)
_TYPES: Final = {re.sub(r"\W", "", name).casefold(): name for name in POLICY_TYPES}
_PLURAL: Final = r"(?:identity|resource)-basedpolic(?:y|ies)|(?:servicecontrol|resourcecontrol|VPCendpoint|session)polic(?:y|ies)|permissionsboundary"
_REASON: Final = (
    rf"(?:,?becauseno(?P<implicit>{_PLURAL})allow"
    rf"|,?withanexplicitdenyinan?(?P<explicit>{_PLURAL})"
    r"|,?because(?P<either>theresourcedoesnotexistinthisRegion))"
)
_PART: Final = r"(?:(?!User:|isnotauthorized|because)[^\s,;(){}<>])"
_WHOLE: Final = re.compile(
    rf"User:(?P<principal>{_PART}{{1,400}}?)isnotauthorizedtoperform:(?P<action>[a-z][a-z0-9-]*:[A-Za-z]+?\*?)"
    rf"(?:onresource:(?P<resource>{_PART}{{1,600}}?)|onthisresource)?{_REASON}",
    re.IGNORECASE,
)
"""The whole sentence, without white space and quotes: so lines may be broken anywhere."""
_BARE: Final = re.compile(
    r"(?:User: ?(?P<principal>\S+) )?is not authorized to perform: ?(?P<action>[a-z][a-z0-9-]*:[A-Za-z]+\*?)"
    r"(?: on resource: ?(?P<resource>[^\s,;()]+))?",
    re.IGNORECASE,
)
"""A sentence that gives no reason; it ends where its last word does."""
_BARE_BROKEN: Final = re.compile(
    r"User:(?P<principal>arn:[\w+=,.@/:-]{1,400}?)isnotauthorizedtoperform:(?P<action>[a-z][a-z0-9-]*:[A-Za-z]+?\*?)"
    r"onresource:(?P<resource>\*|arn:[\w+=,.@/:*-]{1,600})",
    re.IGNORECASE,
)
"""The same where lines are broken: what stands directly behind it cannot be told from its last word."""
_POLICY_ARN: Final = re.compile(
    r"(?:policy|boundary): ?(arn:aws[a-z-]*:(?:organizations|iam)::(?:\d{12}|aws):policy/[\w+=,.@/-]*\w)", re.IGNORECASE
)


def denial(text: str) -> Facts | None:
    """Return what the first denial in a text of one line says, or None where it holds none."""
    plain = text.translate(_QUOTES)
    joined = "".join(plain.split())
    match = _WHOLE.search(joined)
    if match is None:
        bare = _BARE.search(plain)
        if bare is None or not bare["principal"]:
            bare = _BARE_BROKEN.search(joined) or bare
        if bare is None:
            return None
        return Facts(
            principal=(bare["principal"] or "").rstrip("."),
            action=bare["action"],
            resource=(bare["resource"] or "").rstrip(".:"),
        )
    named = match["explicit"] or match["implicit"]
    arn = _POLICY_ARN.search(plain)
    return Facts(
        principal=match["principal"],
        action=match["action"],
        resource=match["resource"] or "",
        policy_type=_type(named) if named else "",
        explicit=bool(match["explicit"]),
        either=bool(match["either"]),
        policy_arn=arn[1] if arn and match["explicit"] else "",
    )


def _type(named: str) -> str:
    one = re.sub(r"\W", "", named).casefold()
    return _TYPES.get(one.removesuffix("ies") + "y" if one.endswith("ies") else one, RESOURCE)
