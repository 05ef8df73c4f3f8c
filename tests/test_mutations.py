"""Every careless change of a generated key policy is caught: each mutation of each statement breaks a property, or is listed here."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from generator import pipeline, questions
from generator.access.policy import parse_policy
from generator.access.properties import Setting, judge
from generator.access.scope import key_scope
from generator.access.space import allowed
from generator.proofs import setting_of

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parent.parent
CONFIGS = sorted((ROOT / "config").glob("*.yaml"))
KEY_ID = "key/12345678-1234-1234-1234-123456789012"

# Each survivor with the reason why the changed policy means the same, or no more than the properties promise.
EQUIVALENT = {
    "ReaderAudit": "a whole account: changes that name it otherwise are its own reader's",
}


def policy_of(config: Path) -> tuple[dict[str, Any], Setting, str]:
    deployment = pipeline.load_all([config])[0]
    document = questions.rendered_policies(pipeline.render(deployment))["kms"]
    arn = f"arn:{deployment.partition}:kms:{deployment.region}:{deployment.key_account.id}:{KEY_ID}"
    return document, setting_of(deployment), arn


def broken(document: dict[str, Any], setting: Setting, arn: str) -> list[str]:
    granted = allowed(parse_policy(document, resource_based=True), key_scope(arn))
    return [judged.claim.id for judged in judge(granted, setting) if not judged.holds]


def mutations(document: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield each changed policy with what was changed."""
    for index, statement in enumerate(document["Statement"]):
        sid = statement["Sid"]

        def changed(number: int = index, **elements: Any) -> dict[str, Any]:
            policy = copy.deepcopy(document)
            policy["Statement"][number].update(copy.deepcopy(elements))
            return policy

        without = copy.deepcopy(document)
        del without["Statement"][index]
        yield f"{sid}: removed", without
        if statement["Effect"] == "Allow":
            yield f"{sid}: principal widened to everyone", changed(Principal={"AWS": "*"})
            yield f"{sid}: principal is another account", changed(Principal={"AWS": "arn:aws:iam::999999999999:root"})
            yield f"{sid}: every action", changed(Action="kms:*")
            yield f"{sid}: decrypts too", changed(Action=[*statement["Action"], "kms:Decrypt", "kms:CreateGrant"])
        for operator, keys in statement.get("Condition", {}).items():
            rest = {name: values for name, values in statement["Condition"].items() if name != operator}
            yield f"{sid}: {operator} dropped", changed(Condition=rest)
            for key, value in keys.items():
                fewer = {name: values for name, values in keys.items() if name != key}
                yield f"{sid}: {key} dropped", changed(Condition={**rest, **({operator: fewer} if fewer else {})})
                text = value if isinstance(value, str) else value[0]
                digits = "".join("9" if character.isdigit() else character for character in text)
                if digits != text:
                    yield (
                        f"{sid}: {key} of another account",
                        changed(Condition={**rest, operator: {**keys, key: digits}}),
                    )
        if statement["Effect"] == "Allow" and "Condition" in statement:
            repeated = copy.deepcopy(document)
            repeated["Statement"].append(
                {name: value for name, value in statement.items() if name not in ("Condition", "Sid")}
            )
            yield f"{sid}: repeated without its guard", repeated


@pytest.mark.parametrize("config", CONFIGS, ids=lambda config: config.stem)
def test_every_property_is_proven(config: Path) -> None:
    assert broken(*policy_of(config)) == []


def survivors_of(config: Path) -> list[str]:
    document, setting, arn = policy_of(config)
    return [name for name, policy in mutations(document) if not broken(policy, setting, arn)]


@pytest.mark.parametrize("config", CONFIGS, ids=lambda config: config.stem)
def test_no_mutation_survives(config: Path) -> None:
    assert survivors_of(config) == []
