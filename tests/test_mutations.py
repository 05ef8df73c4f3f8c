"""Every careless change of a generated key policy is caught: each mutation of each statement breaks a property, or is listed here."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from generator import pipeline, questions
from generator.access.policy import parse_policy
from generator.access.prove import difference
from generator.access.scope import key_scope
from generator.access.sets import PROVEN
from generator.access.space import allowed
from generator.proofs.deployment import setting_of
from generator.proofs.properties import PROPERTIES

if TYPE_CHECKING:
    from collections.abc import Iterator

    from generator.proofs.setting import Setting

ROOT = Path(__file__).parent.parent
CONFIGS = [ROOT / "config" / "organization.yaml", ROOT / "config" / "single-account.yaml"]
KEY_ID = "key/12345678-1234-1234-1234-123456789012"


def policy_of(config: Path) -> tuple[dict[str, Any], Setting, str]:
    deployment = pipeline.load_all([config])[0]
    document = questions.rendered_policies(pipeline.render(deployment))["kms"]
    arn = f"arn:{deployment.partition}:kms:{deployment.region}:{deployment.key_account.id}:{KEY_ID}"
    return document, setting_of(deployment), arn


def broken(document: dict[str, Any], setting: Setting, arn: str) -> str | None:
    """Return the first property the policy breaks, the quick ones asked first."""
    granted = allowed(parse_policy(document, resource_based=True), key_scope(arn))
    slow = ("only-readers-decrypt", "readers-read")
    ordered = sorted(PROPERTIES, key=lambda one: one.id in slow)
    return next((one.id for one in ordered if one.claim(granted, setting).verdict != PROVEN), None)


def means_the_same(one: dict[str, Any], other: dict[str, Any], arn: str) -> bool:
    """Tell whether two policies allow exactly the same requests: proven, both ways."""
    first, second = (parse_policy(document, resource_based=True) for document in (one, other))
    return not any(difference(*pair, key_scope(arn)).outer for pair in ((first, second), (second, first)))


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
    assert broken(*policy_of(config)) is None


@pytest.mark.slow
@pytest.mark.parametrize("config", CONFIGS, ids=lambda config: config.stem)
def test_what_survives_a_mutation_is_proven_to_mean_the_same(config: Path) -> None:
    document, setting, arn = policy_of(config)
    survivors = {name: policy for name, policy in mutations(document) if broken(policy, setting, arn) is None}

    assert [name for name, policy in survivors.items() if not means_the_same(document, policy, arn)] == []
