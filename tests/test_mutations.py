"""Every careless change of a generated policy is caught: each mutation of each statement breaks a property, or means the same.

That a mutant means the same is proven by the prover under test. This counts for something only because
unit/access/algebra/test_against_z3.py holds that prover against z3, an independent solver, and against brute force.
"""

from __future__ import annotations

import copy
import json
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import pytest

from helpers import CONFIGS, edited
from trailkey import pipeline
from trailkey.access.analysis.prove import difference
from trailkey.access.language.policy import parse_policy
from trailkey.cloudformation.intrinsics import resolve
from trailkey.inventory.policies import IdentityPolicy, PolicySet, ResourcePolicy, merged
from trailkey.proofs.judge import judge, targets
from trailkey.proofs.properties.managed_policies import identity_questions
from trailkey.proofs.properties.property import Target

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from trailkey.access.language.policy import Policy

MIRRORED = {
    "111111111111": "444444444444",
    "222222222222": "555555555555",
    "333333333333": "666666666666",
    "888888888888": "123456789012",
    "o-a1b2c3d4e5/r-ab12/ou-ab12-11111111": "o-z9y8x7w6v5/r-yz98/ou-yz98-22222222",
    "o-a1b2c3d4e5": "o-z9y8x7w6v5",
    "acme-cloudtrail-logs": "acme-mirror-cloudtrail-logs",
}
"""The names of config/organization.yaml, each with the one that stands in its place in config/mirror.yaml."""


@dataclass(frozen=True)
class Judged:
    """A policy of a config, and the questions asked about it."""

    found: ResourcePolicy | IdentityPolicy
    targets: tuple[Target[Any], ...]
    policies: PolicySet

    def changed(self, target: Target[Any], document: dict[str, Any]) -> Policy:
        """Return what a question is about once the policy is changed: IAM takes the policies of one role together."""
        if isinstance(self.found, ResourcePolicy):
            return parse_policy(document, resource_based=True)
        mine = parse_policy(document, resource_based=False)
        together = [one for one in self.policies.identities if one.location in (target.location, *target.beside)]
        return merged(mine if one is self.found else one.policy for one in together)


def judged(config: Path) -> Iterator[Judged]:
    """Yield each policy of a config with the questions asked about it."""
    deployment = pipeline.load_all([config])[0]
    policies = pipeline.render(deployment).folder.policies
    asked = [*targets(deployment, policies), *identity_questions(deployment, policies)]
    every: list[ResourcePolicy | IdentityPolicy] = [*policies.keys, *policies.buckets, *policies.identities]
    for found in every:
        mine = [one for one in asked if isinstance(one, Target) and found.location in (one.location, *one.beside)]
        # Server access logs are not what the proofs are about.
        if not found.location.logical_id.startswith("AccessLog"):
            yield Judged(found, tuple(mine), policies)


def is_broken(target: Target[Any], policy: Policy) -> bool:
    """Tell whether a property does not hold of a changed policy."""
    return not all(one.holds for one in judge(replace(target, policy=policy, permissions=None)))


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
                    wide = ":".join(["*"] * 5 + ["*"]) if operator.startswith("Arn") else "*"
                    yield f"{sid}: {key} is anything", changed(Condition={**rest, operator: {**keys, key: wide}})


@pytest.mark.parametrize("name", CONFIGS)
def test_every_property_is_proven(name: str) -> None:
    deployment = pipeline.load_all([CONFIGS[name]])[0]
    verdict = pipeline.prove(pipeline.render(deployment))

    assert [(one.id, one.location, one.answer) for one in verdict.results if not one.holds] == []


def test_mirror_has_the_policies_and_properties_of_the_organization() -> None:
    """So the mutations of the one stand for those of the other."""

    def all_of(name: str) -> str:
        return json.dumps(
            {
                str(one.found.location): [
                    one.found.document,
                    [each.id for target in one.targets for each in target.properties],
                ]
                for one in judged(CONFIGS[name])
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
    for one in judged(CONFIGS[name]):
        assert one.targets, f"nothing is asked about {one.found.location}"
        for what, document in mutations(one.found.document):
            policies = [(target, one.changed(target, document)) for target in one.targets]
            if not any(is_broken(*pair) for pair in policies):
                survivors += [f"{one.found.location}: {what}" for pair in policies if not means_the_same(*pair)]

    assert not survivors, "\n".join(survivors)


@pytest.mark.parametrize("name", ["organization", pytest.param("everything", marks=pytest.mark.exhaustive)])
def test_every_mutation_of_a_topic_policy_is_caught(name: str) -> None:
    """Whatever is changed, but ``Resource``: a topic policy speaks of no other topic."""
    (deployment,) = pipeline.load_all([CONFIGS[name]])
    rendered = pipeline.render(deployment)
    topics = [
        (stack.stack.template, logical_id)
        for stack in rendered.folder.stacks
        for logical_id, resource in stack.template["Resources"].items()
        if resource["Type"] == "AWS::SNS::TopicPolicy"
    ]
    for template, logical_id in topics:
        (stack,) = (one for one in rendered.folder.stacks if one.stack.template == template)
        written = stack.template["Resources"][logical_id]["Properties"]["PolicyDocument"]
        document = resolve(written, stack.template, stack.place)
        places = (f"{stack.stack.stack}/{logical_id}", logical_id)
        for what, changed in mutations(document):

            def change(resources: dict[str, Any], policy: dict[str, Any] = changed, at: Any = places) -> None:
                name = next(one for one in at if one in resources)
                resources[name]["Properties"]["PolicyDocument"] = policy

            broken = {one.id for one in pipeline.prove(edited(rendered, change)).findings}
            same = what.endswith("every resource") or what == "OnlyTls: principal widened to everyone"
            assert broken == (set() if same else {"topics-restricted"}), f"{logical_id}: {what}"
    assert topics
