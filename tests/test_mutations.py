"""Every careless change of a generated policy is caught: each mutation of each statement breaks a property, or means the same.

That a mutant means the same is proven by the prover under test. This counts for something only because
unit/access/algebra/test_against_z3.py holds that prover against z3, an independent solver, and against brute force.
"""

from __future__ import annotations

import copy
import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from helpers import CONFIGS
from trailkey import pipeline
from trailkey.access.analysis.prove import difference
from trailkey.access.language.policy import parse_policy
from trailkey.proofs.judge import judge, targets

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from trailkey.access.language.policy import Policy
    from trailkey.proofs.properties.property import Target

MIRRORED = {
    "111111111111": "444444444444",
    "222222222222": "555555555555",
    "333333333333": "666666666666",
    "o-a1b2c3d4e5/r-ab12/ou-ab12-11111111": "o-z9y8x7w6v5/r-yz98/ou-yz98-22222222",
    "o-a1b2c3d4e5": "o-z9y8x7w6v5",
    "acme-cloudtrail-logs": "acme-mirror-cloudtrail-logs",
}
"""The names of config/organization.yaml, each with the one that stands in its place in config/mirror.yaml."""


def judged(config: Path) -> list[tuple[str, dict[str, Any], list[Target[Any]]]]:
    """Return each policy of a config by its place: the document, and the questions asked about it."""
    deployment = pipeline.load_all([config])[0]
    documents = pipeline.render(deployment).documents()
    written = {documents.bucket.place: documents.bucket.document}
    written |= {one.place: one.document for one in documents.keys}
    written |= {one.place: one.document for one in documents.iam}
    asked = list(targets(deployment, documents))
    return [
        (place, document, [target for target in asked if target.place == place]) for place, document in written.items()
    ]


def is_broken(target: Target[Any], policy: Policy) -> bool:
    """Tell whether a property does not hold of a changed policy."""
    return not all(one.holds for one in judge(replace(target, policy=policy)))


def means_the_same(target: Target[Any], policy: Policy) -> bool:
    """Tell whether a changed policy allows exactly the same requests: proven, both ways."""
    return not any(difference(*pair, target.scope).outer for pair in ((target.policy, policy), (policy, target.policy)))


def mutations(document: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield each changed policy with what was changed."""
    for index, statement in enumerate(document["Statement"]):
        sid = statement["Sid"]

        def changed(number: int = index, **elements: Any) -> dict[str, Any]:
            policy = copy.deepcopy(document)
            policy["Statement"][number].update(copy.deepcopy(elements))
            return policy

        if len(document["Statement"]) > 1:
            yield (
                f"{sid}: removed",
                {**document, "Statement": [one for one in document["Statement"] if one != statement]},
            )
        service = statement["Action"][0].partition(":")[0]
        conditions = statement.get("Condition", {})
        yield f"{sid}: effect turned", changed(Effect="Deny" if statement["Effect"] == "Allow" else "Allow")
        if statement["Effect"] == "Allow":
            yield f"{sid}: every action", changed(Action=f"{service}:*")
            for more in ("kms:Decrypt", "kms:CreateGrant", "kms:PutKeyPolicy", "s3:GetObject", "s3:DeleteObject"):
                if more.startswith(service) and more not in statement["Action"]:
                    yield f"{sid}: {more} too", changed(Action=[*statement["Action"], more])
            if conditions:
                repeated = copy.deepcopy(document)
                bare = {name: value for name, value in statement.items() if name not in ("Condition", "Sid")}
                repeated["Statement"].append(bare)
                yield f"{sid}: repeated without its guard", repeated
        if statement["Resource"] != ["*"]:
            yield f"{sid}: every resource", changed(Resource="*")
        if "Principal" in statement:
            yield f"{sid}: principal widened to everyone", changed(Principal="*")
            yield f"{sid}: principal is another account", changed(Principal={"AWS": "arn:aws:iam::999999999999:root"})
            yield f"{sid}: principal is another service", changed(Principal={"Service": "sns.amazonaws.com"})
        for action in statement["Action"]:
            if len(statement["Action"]) > 1:
                yield f"{sid}: {action} dropped", changed(Action=[one for one in statement["Action"] if one != action])
        for operator, keys in conditions.items():
            rest = {name: values for name, values in conditions.items() if name != operator}
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
                if operator.endswith("Like"):
                    wide = ":".join(["*"] * 5 + ["*"]) if operator == "ArnLike" else "*"
                    yield f"{sid}: {key} is anything", changed(Condition={**rest, operator: {**keys, key: wide}})


@pytest.mark.parametrize("name", CONFIGS)
def test_every_property_is_proven(name: str) -> None:
    deployment = pipeline.load_all([CONFIGS[name]])[0]
    verdict = pipeline.prove(pipeline.render(deployment))

    assert [(one.id, one.place, one.answer) for one in verdict.judged if not one.holds] == []


def test_mirror_has_the_policies_and_properties_of_the_organization() -> None:
    """So the mutations of the one stand for those of the other."""

    def all_of(name: str) -> str:
        return json.dumps(
            {
                place: [document, [one.id for target in asked for one in target.properties]]
                for place, document, asked in judged(CONFIGS[name])
            }
        )

    text = all_of("organization")
    for old, new in MIRRORED.items():
        assert old in text
        text = text.replace(old, new)

    assert json.loads(text) == json.loads(all_of("mirror"))


@pytest.mark.slow
@pytest.mark.parametrize("name", [name for name in CONFIGS if name != "mirror"])
def test_surviving_mutants_are_proven_to_mean_the_same(name: str) -> None:
    survivors = []
    for place, document, asked in judged(CONFIGS[name]):
        assert asked, f"nothing is asked about {place}"
        for what, changed in mutations(document):
            policy = parse_policy(changed, resource_based="Principal" in document["Statement"][0])
            if not any(is_broken(target, policy) for target in asked):
                survivors += [f"{place}: {what}" for target in asked if not means_the_same(target, policy)]

    assert not survivors, "\n".join(survivors)
