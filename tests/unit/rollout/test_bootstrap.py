"""bootstrap.yaml: the roles that the config names, for those whom it trusts, in whichever account it is deployed to."""

from __future__ import annotations

import copy
import json
from typing import TYPE_CHECKING, Any, Final

import pytest

from helpers import ORGANIZATION, SINGLE, deploy, with_files
from trailkey import cloudformation, pipeline
from trailkey.checks.lint import LintInput, lint
from trailkey.output.manifest import BOOTSTRAP

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from trailkey.rendered import Rendered

Document = dict[str, Any]

CONFIG: Final[Document] = {
    **ORGANIZATION,
    "key": {
        "account": "archive",
        "administrators": ["archive:role/people/Admin"],
        "break_glass": ["archive:role/Glass"],
    },
    "readers": [{"name": "responders", "role": "security:role/Reader"}],
    "rollout": {
        "engines": ["cli", "github"],
        "bootstrap": True,
        "github": {"repository": "acme/cloud", "branch": "live", "environment": "prod"},
        "trusted": {
            "deployers": ["security:role/Pipeline"],
            "administrators": ["security:role/Person"],
            "break_glass": ["security:role/Officer"],
            "readers": {"responders": ["security:role/Person"]},
        },
    },
}


def made(tmp_path: Path, base: Document = CONFIG, **changes: Any) -> Rendered:
    return pipeline.render(deploy(tmp_path, base, **changes))


def template(rendered: Rendered) -> Document:
    found: Document = cloudformation.load(rendered.files[BOOTSTRAP].decode(), BOOTSTRAP)
    return found


def test_each_role_is_made_in_its_account_for_whom_the_config_trusts(tmp_path: Path) -> None:
    rendered = made(tmp_path)
    document = template(rendered)

    roles = {}
    for resource in document["Resources"].values():
        assert resource["Type"] == "AWS::IAM::Role"
        _, account = document["Conditions"][resource["Condition"]]["Fn::Equals"]
        properties = resource["Properties"]
        trust = properties["AssumeRolePolicyDocument"]["Statement"]
        roles[f"{account}{properties['Path']}{properties['RoleName']}"] = {one["Sid"]: one for one in trust}
        policies = [one["PolicyDocument"] for one in properties.get("Policies", [])]
        own = f"deployer-policy-{account}.json"
        assert policies == ([json.loads(rendered.files[own])] if properties["RoleName"] == "Deploy" else [])
    deployers = {f"{account}/Deploy" for account in ("111111111111", "222222222222", "333333333333")}
    assert roles.keys() == {*deployers, "222222222222/people/Admin", "222222222222/Glass", "333333333333/Reader"}
    for name in deployers:
        account = name[:12]
        assert roles[name]["CloudFormation"]["Principal"] == {"Service": "cloudformation.amazonaws.com"}
        assert roles[name]["CloudFormation"]["Condition"] == {"StringEquals": {"aws:SourceAccount": account}}
        assert roles[name]["Trusted"]["Principal"] == {"AWS": ["arn:aws:iam::333333333333:role/Pipeline"]}
        github = roles[name]["GitHub"]
        assert github["Action"] == ["sts:AssumeRoleWithWebIdentity"]
        assert github["Condition"]["StringEquals"] == {
            "token.actions.githubusercontent.com:aud": "sts.amazonaws.com",
            "token.actions.githubusercontent.com:sub": [
                "repo:acme/cloud:ref:refs/heads/live",
                "repo:acme/cloud:environment:prod",
            ],
        }
    assert set(roles["222222222222/people/Admin"]) == set(roles["333333333333/Reader"]) == {"Trusted"}
    glass = roles["222222222222/Glass"]["Trusted"]
    assert glass["Condition"] == {"Bool": {"aws:MultiFactorAuthPresent": "true"}}


def test_it_is_linted_proven_and_a_step_comes_before_the_roles(tmp_path: Path) -> None:
    rendered = made(tmp_path)

    assert lint({BOOTSTRAP: LintInput(rendered.files[BOOTSTRAP].decode(), ("us-east-1",))}) == []
    assert pipeline.prove(rendered).findings == ()
    kinds = [step.kind for step in rendered.folder.manifest.before]
    assert {"bootstrap", "identity-provider"} <= set(kinds)
    assert max(index for index, kind in enumerate(kinds) if kind == "bootstrap") < kinds.index("role-exists")


def test_roles_that_nobody_is_trusted_with_are_not_made(tmp_path: Path) -> None:
    document = template(made(tmp_path, SINGLE, rollout={"bootstrap": True}))

    (role,) = document["Resources"].values()
    assert role["Properties"]["RoleName"] == "Deploy"
    assert [one["Sid"] for one in role["Properties"]["AssumeRolePolicyDocument"]["Statement"]] == ["CloudFormation"]


def test_without_bootstrap_there_is_none(tmp_path: Path) -> None:
    rendered = made(tmp_path, SINGLE)
    assert BOOTSTRAP not in rendered.files
    assert "bootstrap" not in {step.kind for step in rendered.folder.manifest.before}


def role(name: str) -> Callable[[Document], Document]:
    return lambda document: next(
        one["Properties"] for one in document["Resources"].values() if one["Properties"]["RoleName"] == name
    )


def trusts(name: str, **statement: Any) -> Callable[[Document], Any]:
    return lambda document: role(name)(document)["AssumeRolePolicyDocument"]["Statement"].append(
        {"Sid": "Added", "Effect": "Allow", "Action": ["sts:AssumeRole"], **statement}
    )


def drop(sid: str) -> Callable[[Document], Any]:
    def change(document: Document) -> None:
        trust = role("Deploy")(document)["AssumeRolePolicyDocument"]
        trust["Statement"] = [one for one in trust["Statement"] if one["Sid"] != sid]

    return change


def loosen(document: Document) -> None:
    (github,) = [
        one for one in role("Deploy")(document)["AssumeRolePolicyDocument"]["Statement"] if one["Sid"] == "GitHub"
    ]
    github["Condition"]["StringEquals"]["token.actions.githubusercontent.com:sub"] = ["repo:acme/*"]


CHANGES: Final[dict[str, Callable[[Document], Any]]] = {
    "somebody else is trusted": trusts("Admin", Principal={"AWS": ["arn:aws:iam::999999999999:root"]}),
    "everybody is trusted": trusts("Glass", Principal={"AWS": ["*"]}),
    "another service is trusted": trusts("Deploy", Principal={"Service": "lambda.amazonaws.com"}),
    "CloudFormation of all accounts": trusts("Deploy", Principal={"Service": "cloudformation.amazonaws.com"}),
    "CloudFormation is not trusted": drop("CloudFormation"),
    "nobody takes it on": drop("Trusted"),
    "every repository of the owner": loosen,
    "a policy more": lambda document: role("Reader")(document).update(Policies=[{"PolicyName": "a", "PolicyDocument": {}}]),
    "a managed policy": lambda document: role("Deploy")(document).update(ManagedPolicyArns=["arn:aws:iam::aws:policy/AdministratorAccess"]),
    "a deployer with more": lambda document: role("Deploy")(document)["Policies"][0]["PolicyDocument"]["Statement"].append({"Effect": "Allow", "Action": ["*"], "Resource": ["*"]}),
    "another role": lambda document: role("Reader")(document).update(RoleName="Other"),
    "a role in another account": lambda document: document["Resources"]["Reader333333333333"].update(Condition="In111111111111"),
    "a role everywhere": lambda document: document["Resources"]["Reader333333333333"].pop("Condition"),
    "something else": lambda document: document["Resources"].update(User={"Type": "AWS::IAM::User", "Condition": "In111111111111", "Properties": {}}),
}  # fmt: skip


@pytest.mark.parametrize("what", CHANGES)
def test_what_the_config_does_not_say_is_refused(what: str, tmp_path: Path) -> None:
    rendered = made(tmp_path)
    document = copy.deepcopy(template(rendered))
    CHANGES[what](document)

    changed = with_files(rendered, {BOOTSTRAP: cloudformation.dump_yaml(document).encode()})

    assert {one.id for one in pipeline.prove(changed).findings} == {"bootstrap-as-meant"}
