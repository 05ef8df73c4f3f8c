"""z3 as a second opinion: on languages, and on whole policies written out for it anew from the document; and brute force.

z3 decides regular expressions well but not always in time. A case it does not answer is counted and not compared; how many
were compared is what the long tests assert.

Others rest on this one: tests/test_mutations.py lets a mutant of a policy live where the prover says that it means the same, so
the prover has to be right, and here something other than the prover says so.
"""

from __future__ import annotations

import fnmatch
import itertools
import string
from dataclasses import dataclass
from typing import Any

import pytest
import z3
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from helpers import AWAY, HOME, KEY
from trailkey.access.algebra.boxes import Constraint, Single
from trailkey.access.algebra.languages import Language, language, texts
from trailkey.access.algebra.patterns import arn, glob
from trailkey.access.algebra.request_sets import PROVEN, REFUTED
from trailkey.access.analysis.effective import allowed
from trailkey.access.analysis.prove import covers, excludes, region
from trailkey.access.analysis.resource import key_scope
from trailkey.access.language.policy import parse_policy

LEAST = 10_000
"""How many cases of each kind are compared in a long test."""

TRIES = 11_000
MILLISECONDS = 500
STEPS = 3_000_000


@dataclass
class Tally:
    """How many cases z3 was asked about, and how many of them it did not answer."""

    asked: int = 0
    unanswered: int = 0

    @property
    def compared(self) -> int:
        return self.asked - self.unanswered

    def satisfiable(self, *formulas: Any) -> bool | None:
        """Return what z3 says, or None where it says nothing within its bounds."""
        solver = z3.Solver()
        solver.set("timeout", MILLISECONDS)
        solver.set("rlimit", STEPS)
        solver.add(*formulas)
        self.asked += 1
        verdict = solver.check()
        self.unanswered += verdict == z3.unknown
        return None if verdict == z3.unknown else bool(verdict == z3.sat)


# Languages --------------------------------------------------------------------------------------------------------------

ANYTHING = z3.AllChar(z3.ReSort(z3.StringSort()))
NO_COLON = z3.Intersect(ANYTHING, z3.Complement(z3.Re(":")))
EMPTY_LANGUAGE = z3.Empty(z3.ReSort(z3.StringSort()))
PATTERN = st.text(alphabet="ab:*?", max_size=6)


def as_regex(pattern: str, one: Any = ANYTHING) -> Any:
    parts = [z3.Star(one) if char == "*" else one if char == "?" else z3.Re(char) for char in pattern]
    return z3.Concat(z3.Re(""), z3.Re(""), *parts)


def as_arn_regex(pattern: str) -> Any:
    parts = pattern.split(":", 5)
    if len(parts) < 6:
        return EMPTY_LANGUAGE
    front = [as_regex(part, NO_COLON) for part in parts[:5]]
    joined = list(itertools.chain.from_iterable((part, z3.Re(":")) for part in front))
    return z3.Concat(*joined, as_regex(parts[5]))


@st.composite
def unions(draw: st.DrawFn) -> tuple[Language, Any]:
    found, regexes = [], [EMPTY_LANGUAGE]
    for _ in range(draw(st.integers(1, 3))):
        kind = draw(st.sampled_from(["glob", "glob", "glob", "arn"]))
        pattern = draw(PATTERN if kind == "glob" else st.text(alphabet="a:*?", min_size=6, max_size=10))
        built = glob(pattern) if kind == "glob" else arn(pattern)
        if built is not None:
            found.append(built)
            regexes.append(as_regex(pattern) if kind == "glob" else as_arn_regex(pattern))
    return language(found), z3.Union(*regexes, regexes[0])


def compare_languages(tally: Tally, *drawn: tuple[Language, Any]) -> None:
    (one, in_one), (two, in_two), (three, in_three) = drawn
    mine = (one - two) & ~three
    text = z3.String("text")

    def within(value: Any) -> list[Any]:
        return [z3.InRe(value, in_one), z3.Not(z3.InRe(value, in_two)), z3.Not(z3.InRe(value, in_three))]

    verdict = tally.satisfiable(*within(text))
    witness = mine.witness()
    assert mine.is_empty() == (witness is None)
    if verdict is not None:
        assert mine.is_empty() != verdict
        assert witness is None or Tally().satisfiable(*within(z3.StringVal(witness))) is not False


@given(unions(), unions(), unions())
def test_z3_agrees_on_languages(
    one: tuple[Language, Any], two: tuple[Language, Any], three: tuple[Language, Any]
) -> None:
    compare_languages(Tally(), one, two, three)


@pytest.mark.exhaustive
def test_z3_agrees_on_ten_thousand_languages() -> None:
    tally = Tally()

    @settings(max_examples=TRIES, database=None)
    @given(unions(), unions(), unions())
    def run(one: tuple[Language, Any], two: tuple[Language, Any], three: tuple[Language, Any]) -> None:
        compare_languages(tally, one, two, three)

    run()
    assert tally.compared >= LEAST, tally


# Policies ---------------------------------------------------------------------------------------------------------------

ADMIN, READER = f"arn:aws:iam::{HOME}:role/Admin", f"arn:aws:iam::{AWAY}:role/Reader"
TRAIL_SERVICE = "cloudtrail.amazonaws.com"
SOURCE, CONTEXT, VIA = "aws:SourceArn", "kms:EncryptionContext:aws:cloudtrail:arn", "kms:ViaService"
CALLERS = (ADMIN, f"arn:aws:iam::{HOME}:user/Ann", READER, f"arn:aws:iam::{AWAY}:role/Other", TRAIL_SERVICE)
ACTIONS = ("kms:Decrypt", "kms:GenerateDataKey", "kms:DescribeKey", "kms:PutKeyPolicy")
WITH_CONTEXT = ("kms:Decrypt", "kms:GenerateDataKey")
ABROAD = ("kms:Decrypt", "kms:GenerateDataKey", "kms:DescribeKey")
TRAILS = (
    *("arn:aws:cloudtrail:us-east-1:1:trail/a", "arn:aws:cloudtrail:*:1:trail/*", "arn:aws:cloudtrail:*:?:trail/a"),
    *("arn:*:*:*:2:trail/*", "*trail/a", "arn:aws:cloudtrail:us-east-1:*"),
)
VALUES: dict[str, tuple[str, ...]] = {
    SOURCE: TRAILS,
    CONTEXT: TRAILS,
    VIA: ("s3.us-east-1.amazonaws.com", "s3.*.amazonaws.com", "*"),
    "aws:PrincipalArn": (READER, f"arn:aws:iam::{AWAY}:role/*", "*Admin", f"arn:aws:iam::*:role/{'?' * 5}"),
}
OPERATORS = ("StringEquals", "StringNotEquals", "StringLike", "StringNotLike", "ArnLike", "ArnNotEquals", "Null")
STATEMENT = st.fixed_dictionaries(
    {
        "Effect": st.sampled_from(["Allow", "Allow", "Deny"]),
        "Principal": st.sampled_from(
            ["*", {"AWS": HOME}, {"AWS": AWAY}, {"AWS": [ADMIN, READER]}, {"Service": TRAIL_SERVICE}]
        ),
        "Action": st.sampled_from(["kms:*", "kms:De*", "kms:Decrypt", ["kms:GenerateDataKey*", "kms:Put*"]]),
        "Resource": st.just("*"),
    }
)


@st.composite
def policies(draw: st.DrawFn) -> dict[str, Any]:
    statements = draw(st.lists(STATEMENT, min_size=1, max_size=4))
    for statement in statements:
        condition: dict[str, Any] = {}
        for _ in range(draw(st.integers(0, 3))):
            key, operator = draw(st.sampled_from(sorted(VALUES))), draw(st.sampled_from(OPERATORS))
            values = [value for value in VALUES[key] if not operator.startswith("Arn") or value.count(":") >= 5]
            if operator == "Null":
                values = ["true", "false"]
            elif not values:
                continue
            else:
                operator += draw(st.sampled_from(["", "", "IfExists"]))
            condition.setdefault(operator, {})[key] = draw(
                st.lists(st.sampled_from(values), min_size=1, max_size=2, unique=True)
            )
        if condition:
            statement["Condition"] = condition
    return {"Version": "2012-10-17", "Statement": statements}


class World:
    """One caller's requests for one action, as z3 sees them: which keys are there, their values, and the caller's IAM policy."""

    def __init__(self, caller: str, action: str) -> None:
        self.caller, self.action = caller, action
        self.service, self.at_home = caller == TRAIL_SERVICE, f":{HOME}:" in caller
        self.identity = z3.Bool("identity")
        self.present = {key: z3.Bool(f"has {key}") for key in (SOURCE, CONTEXT, VIA)}
        self.value: dict[str, Any] = {key: z3.String(key) for key in self.present}
        self.present["aws:PrincipalArn"] = z3.BoolVal(not self.service)
        self.value["aws:PrincipalArn"] = z3.StringVal(caller)

    def exists(self) -> list[Any]:
        """Services alone say for which resource they act; some actions alone have a context; a service's name has one form."""
        letter, inside = z3.Range("a", "z"), z3.Union(z3.Range("a", "z"), z3.Range("0", "9"), z3.Re("-"))
        region = z3.Concat(z3.Re("."), letter, z3.Star(inside), z3.Re(".amazonaws.com"))
        form = z3.Concat(letter, z3.Star(ANYTHING), region)
        return [
            z3.Or(z3.Not(self.present[VIA]), z3.InRe(self.value[VIA], form)),
            *([] if self.service else [z3.Not(self.present[SOURCE])]),
            *([] if self.action in WITH_CONTEXT else [z3.Not(self.present[CONTEXT])]),
        ]

    def allows(self, policy: dict[str, Any]) -> Any:
        by_effect: dict[str, list[Any]] = {"Allow": [], "Deny": []}
        for statement in policy["Statement"]:
            by_effect[statement["Effect"]].append(self.applies(statement))
        return z3.And(z3.Or(*by_effect["Allow"]), z3.Not(z3.Or(*by_effect["Deny"])))

    def applies(self, statement: dict[str, Any]) -> Any:
        names = statement["Action"] if isinstance(statement["Action"], list) else [statement["Action"]]
        if not any(fnmatch.fnmatchcase(self.action.lower(), name.lower()) for name in names):
            return z3.BoolVal(False)
        conditions = [
            self.holds(operator, key, values)
            for operator, keys in statement.get("Condition", {}).items()
            for key, values in keys.items()
        ]
        return z3.And(self.reached(statement), *conditions)

    def reached(self, statement: dict[str, Any]) -> Any:
        who = statement["Principal"]
        entries = [] if who == "*" else who.get("AWS", [])
        named = [entries] if isinstance(entries, str) else entries
        account = HOME if self.at_home else AWAY
        direct = who == "*" or self.caller in named or (self.service and "Service" in who)
        if statement["Effect"] == "Deny":
            return z3.BoolVal(direct or (not self.service and account in named))
        if self.service:
            return z3.BoolVal(direct)
        if self.at_home:
            return z3.Or(z3.BoolVal(direct), z3.And(z3.BoolVal(account in named), self.identity))
        return z3.And(z3.BoolVal((direct or account in named) and self.action in ABROAD), self.identity)

    def holds(self, operator: str, key: str, values: list[str]) -> Any:
        present, value = self.present[key], self.value[key]
        if operator == "Null":
            return z3.Or(*(z3.Not(present) if wanted == "true" else present for wanted in values))
        bare = operator.removesuffix("IfExists")
        if bare.startswith("Arn"):
            match = z3.Or(*(z3.InRe(value, as_arn_regex(wanted)) for wanted in values))
        elif bare.endswith("Like"):
            match = z3.Or(*(z3.InRe(value, as_regex(wanted)) for wanted in values))
        else:
            match = z3.Or(*(value == z3.StringVal(wanted) for wanted in values))
        if "Not" in bare:
            return z3.Or(z3.Not(present), z3.Not(match))
        return z3.Or(z3.Not(present), match) if bare != operator else z3.And(present, match)


def compare_policies(tally: Tally, document: dict[str, Any], caller: str, action: str, trail: str) -> None:
    """Hold both questions about a part of the requests against z3: is any of it allowed, is all of it."""
    world = World(caller, action)
    context: dict[str, Constraint] = {VIA: Single(absent=True, values=~texts("ec2.us-east-1.amazonaws.com"))}
    within = [*world.exists(), world.value[VIA] != z3.StringVal("ec2.us-east-1.amazonaws.com")]
    if action in WITH_CONTEXT:
        context[CONTEXT] = Single(absent=False, values=language([glob(trail)]))
        within += [world.present[CONTEXT], z3.InRe(world.value[CONTEXT], as_regex(trail))]
    granted = allowed(parse_policy(document, resource_based=True), key_scope(KEY))
    asked = region(principals=texts(caller), actions=[action], context=context)
    some = tally.satisfiable(*within, world.allows(document))
    missing = tally.satisfiable(*within, z3.Not(world.allows(document)))
    for verdict, answer in ((some, excludes(granted, asked)), (missing, covers(granted, asked))):
        assert answer.verdict in (PROVEN, REFUTED)
        if verdict is not None:
            assert (answer.verdict == REFUTED) == verdict, (document, answer)


POLICY_CASES = (policies(), st.sampled_from(CALLERS), st.sampled_from(ACTIONS), st.sampled_from(TRAILS))
HEALTH = [HealthCheck.too_slow]


@settings(max_examples=30, suppress_health_check=HEALTH)
@given(*POLICY_CASES)
def test_z3_agrees_on_policies(document: dict[str, Any], caller: str, action: str, trail: str) -> None:
    compare_policies(Tally(), document, caller, action, trail)


@pytest.mark.exhaustive
def test_z3_agrees_on_ten_thousand_questions_to_policies() -> None:
    tally = Tally()

    @settings(max_examples=TRIES // 2, database=None, suppress_health_check=HEALTH)
    @given(*POLICY_CASES)
    def run(document: dict[str, Any], caller: str, action: str, trail: str) -> None:
        compare_policies(tally, document, caller, action, trail)

    run()
    assert tally.compared >= LEAST, tally


# Brute force ------------------------------------------------------------------------------------------------------------


@pytest.mark.exhaustive
@settings(max_examples=10_000)
@given(st.lists(PATTERN, min_size=1, max_size=3), st.lists(PATTERN, min_size=1, max_size=3))
def test_brute_force_agrees_in_ten_thousand_cases(one: list[str], two: list[str]) -> None:
    mine, its = language(map(glob, one)), language(map(glob, two))
    universe = [
        "".join(chars)
        for length in range(5)
        for chars in itertools.product("ab:" + string.ascii_lowercase[25], repeat=length)
    ]
    common = [text for text in universe if mine.contains(text) and its.contains(text)]
    beside = [text for text in universe if mine.contains(text) and not its.contains(text)]
    both, left = mine & its, mine - its
    assert [text for text in universe if both.contains(text)] == common
    assert [text for text in universe if left.contains(text)] == beside
    for found, held in ((both, common), (left, beside)):
        witness = found.witness()
        if held:
            assert witness is not None
            assert len(witness) <= min(map(len, held))
        assert witness is None or found.contains(witness)
