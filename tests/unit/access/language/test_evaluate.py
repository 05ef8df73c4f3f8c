from __future__ import annotations

import ast
from typing import Any

import pytest

from helpers import PACKAGE, document, policy, statement
from trailkey.access.language.evaluate import decide, resource_side
from trailkey.access.language.request import parse_request
from trailkey.errors import PolicyError

ACCOUNT = "111122223333"
KEY = f"arn:aws:kms:us-east-1:{ACCOUNT}:key/1"
ROOT = f"arn:aws:iam::{ACCOUNT}:root"
ROLE = f"arn:aws:iam::{ACCOUNT}:role/Reader"
OTHER = "arn:aws:iam::444455556666:role/Reader"
IAM = document({"Effect": "Allow", "Action": "kms:*", "Resource": "*"})


def key_policy(principal: Any, effect: str = "Allow", resource: str = "*") -> Any:
    return policy(statement(Sid="One", Effect=effect, Principal=principal, Resource=resource))


def ask(principal: str = ROLE, action: str = "kms:Decrypt", **more: Any) -> Any:
    return parse_request({"principal": principal, "action": action, "resource": KEY, **more})


@pytest.mark.parametrize(
    ("policy", "caller", "verdict"),
    [
        (key_policy({"AWS": ROLE}), ROLE, "direct"),
        (key_policy({"AWS": ROOT}), ROLE, "delegated"),
        (key_policy({"AWS": ROOT}), ROOT, "direct"),
        (key_policy({"AWS": ACCOUNT}), ROOT, "direct"),
        (key_policy({"AWS": "444455556666"}), "arn:aws:iam::444455556666:root", "direct"),
        (key_policy({"AWS": OTHER}), OTHER, "delegated"),
        (key_policy("*"), ROLE, "direct"),
        (key_policy("*"), OTHER, "delegated"),
        (key_policy("*", "Deny"), ROLE, "denied"),
        (key_policy({"AWS": ROLE}), OTHER, "none"),
        (key_policy({"Service": "cloudtrail.amazonaws.com"}), "cloudtrail.amazonaws.com", "direct"),
    ],
)
def test_the_resource_policy_alone(policy: Any, caller: str, verdict: str) -> None:
    assert resource_side(ask(caller), policy).verdict == verdict


def test_the_resource_side_does_not_look_at_iam_policies() -> None:
    policy = key_policy({"AWS": ROOT})
    assert resource_side(ask(), policy) == resource_side(ask(identity_policies=[IAM]), policy)


def test_no_iam_policy_binds_the_root_user() -> None:
    deny = document({"Effect": "Deny", "Action": "*", "Resource": "*"})
    assert decide(ask(ROOT, identity_policies=[deny]), resource_policy=key_policy({"AWS": ROOT})).reason == "allowed"


def test_a_decision_names_the_policies_it_rests_on() -> None:
    answer = decide(ask(identity_policies=[IAM]), resource_policy=key_policy({"AWS": ROOT}))
    assert [(entry.policy, entry.statement.name) for entry in answer.deciding] == [
        ("resource policy", "One"),
        ("identity_policies[0]", 0),
    ]
    assert answer.statements == ("One",)


def test_no_key_policy_allows_nothing() -> None:
    assert decide(ask(identity_policies=[IAM]), resource_policy=None).reason == "account_not_trusted"


def test_request_without_resource_matches_only_statements_on_everything() -> None:
    request = parse_request({"principal": ROLE, "action": "kms:Decrypt"}, key_account=ACCOUNT)
    assert decide(request, resource_policy=key_policy({"AWS": ROLE})).decision == "allowed"
    with pytest.raises(PolicyError, match="names no resource"):
        decide(request, resource_policy=key_policy({"AWS": ROLE}, resource=KEY))


def test_a_service_that_is_not_modelled_is_an_error() -> None:
    request = parse_request({"principal": ROLE, "action": "sqs:SendMessage"}, key_account=ACCOUNT)
    with pytest.raises(PolicyError, match='the service "sqs" is not modelled'):
        decide(request, resource_policy=None)


def test_context_wins_and_an_empty_list_leaves_a_key_out() -> None:
    assert ask().context["aws:principalarn"] == (ROLE,)
    assert ask(context={"AWS:PrincipalArn": "x"}).context["aws:principalarn"] == ("x",)
    assert ask(context={"aws:PrincipalArn": []}).context["aws:principalarn"] == ()


def test_keys_that_aws_derives() -> None:
    user = ask(f"arn:aws:iam::{ACCOUNT}:user/team/alice")
    assert user.context == {
        "aws:principalarn": (f"arn:aws:iam::{ACCOUNT}:user/team/alice",),
        "aws:principalaccount": (ACCOUNT,),
        "aws:principaltype": ("User",),
        "aws:username": ("alice",),
        "aws:principalisawsservice": ("false",),
        "kms:calleraccount": (ACCOUNT,),
        "aws:resourceaccount": (ACCOUNT,),
        "aws:requestedregion": ("us-east-1",),
    }
    service = ask("cloudtrail.amazonaws.com").context
    assert service["aws:principalisawsservice"] == ("true",)
    assert service["aws:principalservicename"] == ("cloudtrail.amazonaws.com",)
    assert not {"aws:principalarn", "aws:principalaccount", "kms:calleraccount"} & service.keys()


REFUSED = {
    "no object": ("x", "not an object"),
    "unknown element": ({"principals": ROLE}, '"principals"'),
    "no principal": ({"action": "kms:Decrypt"}, "principal: missing"),
    "no action": ({"principal": ROLE}, "action: missing"),
    "an action pattern": ({"principal": ROLE, "action": "kms:*"}, '"kms:*"'),
    "a principal pattern": ({"principal": f"{ROLE}*", "action": "kms:Decrypt"}, "Reader*"),
    "an account id": ({"principal": ACCOUNT, "action": "kms:Decrypt"}, ACCOUNT),
    "a principal that is a number": ({"principal": 111122223333, "action": "kms:Decrypt"}, "quote it"),
    "no ARN": ({"principal": ROLE, "action": "kms:Decrypt", "resource": "key/1"}, '"key/1"'),
    "another service": ({"principal": ROLE, "action": "s3:GetObject", "resource": KEY}, "of another service"),
    "no account": (
        {"principal": ROLE, "action": "s3:GetObject", "resource": "arn:aws:s3:::b/x"},
        "is not a valid account id",
    ),
    "context no object": ({"principal": ROLE, "action": "kms:Decrypt", "context": []}, "context: not an object"),
    "context key": ({"principal": ROLE, "action": "kms:Decrypt", "context": {"team": "x"}}, '"team"'),
    "context twice": (
        {"principal": ROLE, "action": "kms:Decrypt", "context": {"a:b": "x", "A:B": "y"}},
        "is given twice",
    ),
    "context value": ({"principal": ROLE, "action": "kms:Decrypt", "context": {"a:b": None}}, "a:b: nothing"),
    "expect": ({"principal": ROLE, "action": "kms:Decrypt", "expect": "yes"}, '"yes"'),
    "policies no list": (
        {"principal": ROLE, "action": "kms:Decrypt", "resource": KEY, "identity_policies": IAM},
        "identity_policies: not a list",
    ),
    "a broken SCP": (
        {"principal": ROLE, "action": "kms:Decrypt", "resource": KEY, "scps": [[IAM], [{"Statement": 1}]]},
        "scps[1]: scps[0]",
    ),
}


@pytest.mark.parametrize(("document", "part"), REFUSED.values(), ids=REFUSED.keys())
def test_requests_that_are_refused(document: Any, part: str) -> None:
    with pytest.raises(PolicyError) as caught:
        parse_request(document)
    assert str(caught.value).startswith("request")
    assert part in str(caught.value)


def test_this_package_never_reads_what_builds_the_policies() -> None:
    folder = PACKAGE / "access"
    for path in folder.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            module = node.module or "" if isinstance(node, ast.ImportFrom) else ""
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else [module]
            for name in names:
                assert not name.startswith(("trailkey.templates", "trailkey.statements", "trailkey.config")), path.name
