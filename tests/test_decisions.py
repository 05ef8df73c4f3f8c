"""The hand-checked table: every file in tests/decisions holds concrete requests with the answer AWS's documentation settles.

Nothing here computes an expectation. A case names its policy (one of the file's ``policies``, or its own), the request, the
expected decision, reason and deciding statements, and the AWS page that settles it.
"""

from __future__ import annotations

import json
from collections import Counter
from typing import TYPE_CHECKING, Any

import pytest

from helpers import TESTS
from trailkey.access.language.evaluate import decide
from trailkey.access.language.policy import load_json, parse_policy
from trailkey.access.language.request import parse_request

if TYPE_CHECKING:
    from pathlib import Path

FILES = sorted((TESTS / "decisions").glob("*.json"))
FILE_KEYS = {"about", "policies", "cases"}
CASE_KEYS = {"name", "policy", "request", "expect", "source"}
OPTIONAL_CASE_KEYS = {"key_account"}
REASONS = {
    "allowed": {"allowed"},
    "denied": {"explicit_deny", "no_matching_allow", "account_not_trusted", "identity_policy_missing"},
}


def cases() -> list[Any]:
    found = []
    for path in FILES:
        content = json.loads(path.read_text(encoding="utf-8"))
        for case in content["cases"]:
            name = case["policy"]
            policy = content["policies"][name] if isinstance(name, str) else name
            found.append(pytest.param(case, policy, id=f"{path.stem}: {case['name']}"))
    return found


@pytest.mark.parametrize(("case", "policy"), cases())
def test_decision(case: dict[str, Any], policy: Any) -> None:
    resource_policy = None if policy is None else parse_policy(policy, resource_based=True)
    request = parse_request(case["request"], key_account=case.get("key_account", ""))
    answer = decide(request, resource_policy=resource_policy)
    found = {"decision": answer.decision, "reason": answer.reason, "statements": list(answer.statements)}
    assert found == case["expect"]


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_file_is_complete(path: Path) -> None:
    content = load_json(path.read_text(encoding="utf-8"), path.name)
    assert content.keys() == FILE_KEYS
    assert content["about"]
    used = {case["policy"] for case in content["cases"] if isinstance(case["policy"], str)}
    assert used == content["policies"].keys()
    for case in content["cases"]:
        assert case.keys() - OPTIONAL_CASE_KEYS == CASE_KEYS, case["name"]
        assert case["expect"].keys() == {"decision", "reason", "statements"}, case["name"]
        assert case["expect"]["reason"] in REASONS[case["expect"]["decision"]], case["name"]
        assert case["source"].startswith("https://docs.aws.amazon.com/"), case["name"]
    decisions = Counter(case["expect"]["decision"] for case in content["cases"])
    assert decisions.keys() == {"allowed", "denied"}


def test_names_say_one_thing_each() -> None:
    names = [case["name"] for path in FILES for case in json.loads(path.read_text(encoding="utf-8"))["cases"]]
    assert len(names) >= 300
    assert [name for name, times in Counter(names).items() if times > 1] == []
