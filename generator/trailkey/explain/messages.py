"""Messages of AWS in a text: each with its cause and what it says, in the order in which they are to be looked at."""

from __future__ import annotations

import re
from bisect import bisect_right
from dataclasses import dataclass, field, replace
from itertools import accumulate
from typing import TYPE_CHECKING, Any, Final

from trailkey.explain.cause import UNKNOWN, Cause, cause_of_denial, causes
from trailkey.explain.denial import SENTENCE, denial
from trailkey.explain.facts import NOTHING, Facts, facts_of, placed
from trailkey.explain.pasted import pasted, squashed

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from trailkey.explain.pasted import Pasted

MOST: Final = 50
"""Messages of one text; what is more is of a log in which few of them repeat."""
SHOWN: Final = 600
"""Characters of a message that are shown."""

_FEW: Final = 20
"""Texts that are looked at one by one."""
_TELLING: Final = ("principal", "action", "resource", "bucket", "key", "trail", "account", "region", "export", "stack")
"""Facts that tell one failure from another of the same cause."""
_JOINED: Final = 300
"""Squashed characters between the code and the words of one message, at most."""
_BESIDE: Final = 10
"""Lines around a message that may hold its ids."""
_IN_DENIAL: Final = 900
"""Characters of one denial on both sides of what all of them have."""
_BROKEN: Final = 40
"""Lines before it over which a denial is broken at most."""
_WRAPPINGS: Final = (
    re.compile(r"^.*?\bResource handler returned message: [\"']?"),
    re.compile(r"^.*?\bResourceStatusReason:\s*"),
    re.compile(r"^.*?\boperation error [\w ]+: \w+, (?:https response error )?"),
    re.compile(r"^.*?(?=\bAn error occurred \()"),
    re.compile(r"^.*?(?=\bA client error \()"),
    re.compile(r"^[\s|*+-]*(?:Error|error):\s+"),
)
"""What engines put before the words of AWS, up to where these begin."""
_TAIL: Final = re.compile(r"\s*\(Service: [^()]*\).*$|\s*\(Service: [^()]*$|\"? \(RequestToken: .*$")
"""The ids behind the words of AWS, which are facts of their own."""
_REASON: Final = re.compile(r"allows? the \S+ action|explicit deny in an? [\w -]+?(?:policy|boundary)(?:: ?arn:\S+)?")
"""The end of a denial."""
_ERROR: Final = re.compile(r"(?i)\b(?:error|exception|denied|failed|fatal|not authorized|forbidden|invalid)\b")


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """One message with its cause, what it says, and the request that failed where a CloudTrail event tells all of it."""

    text: str
    cause: Cause
    facts: Facts
    request: Mapping[str, Any] | None = None

    @property
    def is_known(self) -> bool:
        """Whether its cause is known."""
        return self.cause.id != UNKNOWN


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """A text that holds messages, what is known beside it, and the failed request; as found in a document, or pasted."""

    text: str
    facts: Facts = NOTHING
    request: Mapping[str, Any] | None = field(default=None, hash=False)


@dataclass(frozen=True, slots=True)
class _Hit:
    start: int
    end: int
    cause: Cause
    facts: Facts
    phrase: int = -1


def messages_in(texts: Iterable[Said]) -> list[Message]:
    """Return the messages that texts hold, the innermost of each text first, and last what only followed another failure.

    Of those whose cause is not known one is returned, and only where no other is. A message that says no more than one before
    it is left out, as engines repeat what failed, and so are those after the first fifty.
    """
    known: list[Message] = []
    unknown: list[Message] = []
    for said in _promising(list(dict.fromkeys(texts))):
        for one in _messages(said):
            if not one.is_known:
                unknown[1:] = [one]
            elif not any(_repeats(one, other) for other in known):
                known.append(one)
        if len(known) >= MOST:
            break
    known.sort(key=lambda one: one.cause.follows)
    return known[:MOST] or unknown[:1]


def _promising(texts: Sequence[Said]) -> Sequence[Said]:
    """Return the first of many texts and those that hold words of some cause, found in all of them at once."""
    if len(texts) <= _FEW:
        return texts
    parts = [f"{squashed(one.text)}\n" for one in texts]
    words = "".join(parts)
    ends = [*accumulate(map(len, parts))]
    found = {0}
    for phrase in {SENTENCE, *(phrase.parts[0] for cause in causes().values() for phrase in cause.phrases)}:
        at = words.find(phrase)
        while at >= 0:
            number = bisect_right(ends, at)
            found.add(number)
            at = words.find(phrase, ends[number])
    return [texts[number] for number in sorted(found)]


def _repeats(one: Message, other: Message) -> bool:
    """Return whether a message says nothing that another does not: what tells one failure from another is the same, or left out."""
    if one.cause is not other.cause:
        return False
    pairs = ((getattr(one.facts, name), getattr(other.facts, name)) for name in _TELLING)
    return all(mine in ("", others) or not others for mine, others in pairs)


def _messages(said: Said) -> Iterator[Message]:
    text = pasted(said.text)
    hits = sorted(_hits(text), key=lambda hit: hit.start)
    for hit in _innermost(text, _joined(hits)):
        shown, facts = _around(text, hit)
        facts = placed(hit.facts.over(said.facts).over(facts))
        yield Message(text=shown, cause=hit.cause, facts=facts, request=said.request)
    if not hits:
        yield _not_known(said, text)


def _hits(text: Pasted) -> Iterator[_Hit]:
    for cause in causes().values():
        for number, phrase in enumerate(cause.phrases):
            for count, span in enumerate(phrase.spans(text.words)):
                if count == MOST:
                    break
                yield _Hit(span.start, span.end, cause, NOTHING, number)
    start = text.words.find(SENTENCE)
    for _ in range(MOST):
        if start < 0:
            break
        yield from _denial(text, start)
        start = text.words.find(SENTENCE, start + 1)


def _denial(text: Pasted, at: int) -> Iterator[_Hit]:
    """Yield the denial whose sentence is at a place: it begins some lines before, and ends some after, where a terminal broke it."""
    line = text.line_at(at)
    last = text.within(line, _IN_DENIAL)
    best: tuple[int, Facts] | None = None
    for first in range(line, max(text.within(line, -_IN_DENIAL), line - _BROKEN) - 1, -1):
        facts = denial(text.between(first, last))
        if facts and (best is None or facts.principal):
            best = first, facts
        if facts and facts.principal:
            break
    if best:
        first, facts = best
        start = at if first == line else text.starts[first]
        yield _Hit(start, at + len(SENTENCE), cause_of_denial(facts), facts)


def _joined(hits: Iterable[_Hit]) -> Iterator[_Hit]:
    """Yield hits, the code and the words of one message as one."""
    last: _Hit | None = None
    for hit in hits:
        if last and last.cause is hit.cause and last.phrase != hit.phrase and hit.start - last.end < _JOINED:
            last = replace(last, end=max(last.end, hit.end), phrase=hit.phrase)
            continue
        if last:
            yield last
        last = hit
    if last:
        yield last


def _innermost(text: Pasted, hits: Iterable[_Hit]) -> list[_Hit]:
    """Return hits in the order of their lines, of those in one line the last first: what is wrapped stands behind its wrapping."""
    return sorted(hits, key=lambda hit: (text.line_at(hit.start), -hit.start))


def _around(text: Pasted, hit: _Hit) -> tuple[str, Facts]:
    """Return the words of a message as it is shown, and the facts in the lines around it."""
    first, last = text.line_at(hit.start), text.line_at(max(hit.end - 1, hit.start))
    line = text.between(first, last)
    if hit.facts.action:
        reason = _REASON.search(text.between(first, text.within(last, _IN_DENIAL)))
        line = reason.string[: reason.end()] if reason else line
    own = facts_of(line)
    near = facts_of(text.between(first, last + _BESIDE)).over(facts_of(text.between(first - _BESIDE, last)))
    ids = Facts(
        request_id=near.request_id,
        handler_code=near.handler_code,
        operation=near.operation,
        service=near.service,
        account=near.account,
        stack=near.stack,
    )
    return _words(line), own.over(ids)


def _words(line: str) -> str:
    """Return what AWS says in a line, without what an engine puts before it."""
    for wrapping in _WRAPPINGS:
        line = wrapping.sub("", line, count=1)
    line = _TAIL.sub("", line).strip(" \"'")
    return line if len(line) <= SHOWN else line[: SHOWN - 1] + "…"


def _not_known(said: Said, text: Pasted) -> Message:
    """Return a text in which no message is known: the line of it that looks most like one."""
    some = text.lines[:2000]
    line = next((one for one in some if _ERROR.search(one)), next(filter(str.strip, some), ""))
    line = " ".join(line.split())
    facts = placed(said.facts.over(facts_of(line)))
    return Message(text=_words(line), cause=causes()[UNKNOWN], facts=facts, request=said.request)
